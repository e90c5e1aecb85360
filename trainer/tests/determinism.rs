//! One history, one sequence of bits: whatever the threads, the instructions
//! and the observer are, and wherever training was interrupted.

mod common;

use std::sync::{Arc, LazyLock};

use common::{noise, trainer};
use proptest::prelude::*;
use revacnn_schemas::{
    AugmentationSpec, DataCursor, Digest, ImageChanges, ImageIndex, ImageShape, LabelledImages, Observer,
    ObserverError, RunDefinition, Step, StepView, TrainingState, Wanted, WeightedImages,
};
use revacnn_trainer::data::{self, Dataset};
use revacnn_trainer::kernels::Instructions;
use revacnn_trainer::{Settings, Trainer, define, preset};
use serde_json::{Value, json};

const STEPS: usize = 20;

/// Training images of the noise: 45, three batches of 12 and a short one of 9
/// an epoch, so that twenty steps are five epochs.
fn kitchen_sink_data() -> Arc<Dataset> {
    noise(ImageShape { channels: 3, height: 11, width: 13 }, 4, 50)
}

/// Networks that together have every kind of layer. Their digests are golden: a
/// kind that is added goes into a network of its own, at the end.
fn networks() -> Vec<Value> {
    let kitchen_sink = json!([
        {"kind": "conv", "filters": 9, "kernel": 3, "stride": 2, "pad": 1},
        {"kind": "batchnorm"},
        {"kind": "activation", "function": "relu"},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "pool", "method": "average", "kernel": 3, "stride": 2, "pad": 1},
        {"kind": "conv", "filters": 18, "kernel": 2, "activation": "tanh"},
        {"kind": "pool", "kernel": 2, "stride": 1},
        {"kind": "fully-connected", "units": 21, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "dropout", "rate": 0.4},
    ]);
    // Both ways to read several layers, a layer that two others read, and one that reads an earlier one.
    let skips = json!([
        {"kind": "conv", "filters": 7, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "conv", "filters": 7, "kernel": 3, "pad": 1},
        {"kind": "batchnorm"},
        {"kind": "activation", "function": "relu"},
        {"kind": "conv", "filters": 7, "kernel": 3, "pad": 1},
        {"kind": "add", "reads": ["conv1", "conv3", "activation1"]},
        {"kind": "activation", "function": "relu"},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "conv", "filters": 9, "kernel": 3, "stride": 2, "pad": 1, "activation": "tanh"},
        {"kind": "conv", "filters": 9, "kernel": 1, "stride": 2, "reads": ["dropout1"]},
        {"kind": "batchnorm"},
        {"kind": "add", "reads": ["conv4", "batchnorm2"]},
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "concat", "reads": ["add2", "conv6", "conv5"]},
        {"kind": "batchnorm"},
        {"kind": "pool", "kernel": 2},
    ]);
    let decaying = json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu", "weight_decay_factor": 0.5},
        {"kind": "fully-connected", "units": 7, "activation": "tanh", "weight_decay_factor": 0},
    ]);
    let ends = |class_layer: Value| {
        json!([
            {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "activation": "tanh"},
            class_layer,
        ])
    };
    let smoothed = ends(json!({"kind": "softmax", "label_smoothing": 0.1}));
    let [hinge, squared] = [json!({"kind": "svm"}), json!({"kind": "regression"})].map(ends);
    let activations = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "activation": "leaky-relu"},
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "gelu"},
        {"kind": "activation", "function": "leaky-relu"},
        {"kind": "fully-connected", "units": 11, "activation": "sigmoid"},
        {"kind": "activation", "function": "gelu"},
    ]);
    let pooled = json!([
        {"kind": "conv", "filters": 10, "kernel": 3, "activation": "relu"},
        {"kind": "global-average-pool"},
    ]);
    let normalised = json!([
        {"kind": "conv", "filters": 7, "kernel": 3, "activation": "relu"},
        {"kind": "layernorm"},
        {"kind": "conv", "filters": 9, "kernel": 3, "stride": 2, "activation": "relu"},
        {"kind": "local-response-norm", "size": 3, "alpha": 0.5},
    ]);
    let convolved = json!([
        {"kind": "conv", "filters": 6, "kernel": [3, 5], "stride": [1, 2], "pad": [1, 0, 2, 3], "activation": "relu"},
        {"kind": "conv", "filters": 6, "kernel": 3, "pad": 1, "groups": 6},
        {"kind": "conv", "filters": 12, "kernel": 1, "activation": "relu"},
        {"kind": "conv", "filters": 10, "kernel": 3, "dilation": 2, "groups": 2, "pad": 2, "activation": "tanh"},
    ]);
    let drawn = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "init": "he", "bias_init": 0.1, "activation": "relu"},
        {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "init": "orthogonal", "activation": "tanh"},
        {"kind": "fully-connected", "units": 14, "init": "glorot", "activation": "tanh"},
    ]);
    let pieces = json!([
        {"kind": "conv", "filters": 12, "kernel": 3, "stride": 2},
        {"kind": "maxout", "pieces": 3},
        {"kind": "fully-connected", "units": 10},
        {"kind": "maxout"},
    ]);
    let autoencoding = json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "fully-connected", "units": 9, "activation": "tanh"},
        {"kind": "regression", "target": "image"},
    ]);
    vec![
        kitchen_sink,
        decaying,
        smoothed,
        hinge,
        squared,
        activations,
        pooled,
        normalised,
        convolved,
        drawn,
        skips,
        pieces,
        autoencoding,
    ]
}

/// The first of the networks.
fn kitchen_sink(optimizer: Value, dataset: &Arc<Dataset>) -> Trainer {
    trainer(networks().swap_remove(0), optimizer, 12, dataset)
}

/// Every optimizer; one that is added goes to the end.
fn optimizers() -> Vec<Value> {
    vec![
        json!({"kind": "sgd", "weight_decay": 0.01}),
        json!({"kind": "adam", "weight_decay": 0.01}),
        json!({"kind": "adadelta", "epsilon": 1e-6}),
        json!({"kind": "nesterov", "weight_decay": 0.01}),
        json!({"kind": "adagrad", "rate_decay": 0.1, "weight_decay": 0.01}),
        json!({"kind": "rmsprop", "learning_rate": 0.001, "momentum": 0.5, "weight_decay": 0.01}),
        json!({"kind": "adamw"}),
        json!({"kind": "windowgrad", "learning_rate": 0.001, "weight_decay": 0.01}),
        json!({"kind": "sgd", "weight_decay": 0.01, "l1_decay": 0.001, "clip_norm": 0.5}),
    ]
}

/// All ways to vary images at once.
fn augmented(dataset: &Arc<Dataset>) -> Trainer {
    let network = json!({"layer": [
        {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "activation": "tanh"},
        {"kind": "softmax"},
    ]});
    let all = AugmentationSpec { shift: 1, flip: true, crop: 0.4, brightness: 0.3, contrast: 0.5, cutout: 4 };
    let settings = Settings { augmentation: Some(all), batch_size: 12, seed: 1, ..Settings::default() };
    let definition = define(serde_json::from_value(network).unwrap(), dataset, &settings).unwrap();
    Trainer::new(&definition, Arc::clone(dataset), 1).unwrap()
}

/// Images dropped, relabelled and weighed.
fn of_other_images(dataset: &Arc<Dataset>) -> Trainer {
    let mut definition = kitchen_sink(optimizers().remove(0), dataset).definition().clone();
    definition.images = ImageChanges {
        of: 45,
        dropped: "3,12-15".parse().unwrap(),
        labels: vec![LabelledImages { class: 2, images: "0,5".parse().unwrap() }],
        weights: [(0.0, "7"), (0.3, "20-28")]
            .map(|(weight, images)| WeightedImages { weight, images: images.parse().unwrap() })
            .to_vec(),
    };
    Trainer::new(&definition, Arc::clone(dataset), 1).unwrap()
}

fn paper(dataset: &Dataset, batch_size: u32) -> RunDefinition {
    define(preset("paper").unwrap(), dataset, &Settings { batch_size, ..Settings::default() }).unwrap()
}

/// Digests of parameters and of the whole state after a step.
fn digests(trainer: &Trainer) -> [Digest; 2] {
    let digest = trainer.digest();
    [digest, trainer.state().state_digest(digest)]
}

/// Steps and gives the digests after each.
fn train(trainer: &mut Trainer, steps: usize) -> Vec<[Digest; 2]> {
    (0..steps)
        .map(|_| {
            assert_eq!(trainer.step().unwrap().divergence, None);
            digests(trainer)
        })
        .collect()
}

/// Trains with 1, 2 and 3 threads at every level, and compares with one thread
/// at the widest. Fused multiply-adds one by one are a library call each, so
/// the scalar level makes `scalar_steps`, with one thread and with two.
fn same_everywhere(definition: &RunDefinition, dataset: &Arc<Dataset>, scalar_steps: usize) {
    let run = |threads, instructions, steps| {
        let mut trainer = Trainer::with_instructions(definition, Arc::clone(dataset), threads, instructions).unwrap();
        train(&mut trainer, steps)
    };
    let expected = run(1, Instructions::widest(), STEPS);
    for instructions in Instructions::available() {
        let (threads, steps) =
            if instructions == Instructions::Scalar { (1..=2, scalar_steps) } else { (1..=3, STEPS) };
        for threads in threads {
            let found = run(threads, instructions, steps);
            for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found, expected, "step {} with {threads} threads of {instructions}", step + 1);
            }
        }
    }
}

#[test]
fn the_papers_network_has_the_same_bits_everywhere() {
    for name in ["digits", "shapes"] {
        let dataset = Arc::new(data::load(name, None).unwrap());
        for (batch_size, scalar_steps) in [(4, STEPS), (32, 2)] {
            same_everywhere(&paper(&dataset, batch_size), &dataset, scalar_steps);
        }
    }
}

#[test]
fn every_layer_and_optimizer_has_the_same_bits_everywhere() {
    let dataset = kitchen_sink_data();
    // An optimizer goes element by element, whatever the layers are.
    let sinks = optimizers().into_iter().map(|optimizer| kitchen_sink(optimizer, &dataset));
    let others = networks().into_iter().skip(1).map(|layers| trainer(layers, optimizers().remove(0), 12, &dataset));
    for trainer in sinks.chain(others).chain([augmented(&dataset), of_other_images(&dataset)]) {
        same_everywhere(trainer.definition(), &dataset, STEPS);
    }
}

#[test]
fn batches_of_every_size_have_the_same_bits_with_any_threads() {
    let dataset = kitchen_sink_data();
    for batch_size in [1, 2, 3, 5, 17, 33, 45] {
        let settings = Settings { batch_size, ..Settings::default() };
        let network =
            json!({"layer": [{"kind": "conv", "filters": 3, "kernel": 3, "activation": "relu"}, {"kind": "softmax"}]});
        let definition = define(serde_json::from_value(network).unwrap(), &dataset, &settings).unwrap();
        same_everywhere(&definition, &dataset, 5);
    }
}

/// The digests after twenty steps, as arithmetic 1 has them. They change when,
/// and only when, `revacnn_schemas::ARITHMETIC` does.
#[test]
fn the_bits_of_arithmetic_1_never_change() {
    assert_eq!(revacnn_schemas::ARITHMETIC, 1, "new arithmetic, new digests");
    let shapes = Arc::new(data::load("shapes", None).unwrap());
    let adadelta = Settings { optimizer: "adadelta,epsilon=1e-6".parse().unwrap(), ..Settings::default() };
    let papers = [Settings { batch_size: 4, ..adadelta }, Settings::default()].map(|settings| {
        let definition = define(preset("paper").unwrap(), &shapes, &settings).unwrap();
        Trainer::new(&definition, Arc::clone(&shapes), 2).unwrap()
    });
    let dataset = kitchen_sink_data();
    let sinks = optimizers().into_iter().map(|optimizer| kitchen_sink(optimizer, &dataset));
    let others = networks().into_iter().skip(1).map(|layers| trainer(layers, optimizers().remove(0), 12, &dataset));
    let found: Vec<String> = papers
        .into_iter()
        .chain(sinks)
        .chain(others)
        .chain([augmented(&dataset), of_other_images(&dataset)])
        .map(|mut trainer| {
            let [_, state] = *train(&mut trainer, STEPS).last().unwrap();
            format!("{state:.16}")
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

/// State digests of the paper's network on shapes, with the first default and
/// with today's, of the kitchen sink with each optimizer, and of the other
/// networks with the first one. What is added has its own; those that are there
/// never change.
const GOLDEN: &[&str] = &[
    "0f4163dadd8f9a6d",
    "35d461d6b939c451",
    "24bf2db908f87ef1",
    "70f45e9935f8a70d",
    "80c6768076d98ba6",
    "5a3b1afda002b92a",
    "c627a3d809b7e7d8",
    "84bdef86e8ca3399",
    "55b4d4d780edfe16",
    "729a993af12e6508",
    "69c05573cd526e99",
    // The other networks.
    "9aa39f9e776a7fce",
    "125cca9f90a55a84",
    "bc8790a64c43801c",
    "11b6b3b116aadbcf",
    "bc5a3299760181b0",
    "3bde79e79676cda3",
    "54e1a0e1b6b87a85",
    "afc727cc99db69f1",
    "7387fb076ab57f17",
    "708601aa6ca73e15",
    "18068565058447d8",
    "182433f10570aa6b",
    // Augmented images.
    "2dbeda4a2d205a80",
    // Images dropped, relabelled and weighed.
    "df8661e4b4c15eb7",
];

/// Wants everything, every step.
struct Curious {
    shown: Vec<(Step, [Option<Digest>; 2])>,
}

impl Observer for Curious {
    fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
        Wanted { probes: true, keyframe: true, state_digest: true, validation: true }
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        assert_eq!(view.probes.len() * 4, view.blocks.len());
        assert!(view.validation.is_some() && view.keyframe.is_some());
        self.shown.push((view.scalars.step, [Some(view.scalars.digest), view.scalars.state_digest]));
        Ok(())
    }
}

#[test]
fn being_watched_changes_nothing_and_shows_the_very_digests() {
    let dataset = kitchen_sink_data();
    for optimizer in optimizers() {
        let alone = train(&mut kitchen_sink(optimizer.clone(), &dataset), STEPS);
        let mut watched = kitchen_sink(optimizer, &dataset);
        let mut observer = Curious { shown: Vec::new() };
        let probes = [ImageIndex(3), ImageIndex(9), ImageIndex(0)];
        let mut found = Vec::new();
        for _ in 0..STEPS {
            watched.show(&probes, &mut observer).unwrap();
            found.extend(train(&mut watched, 1));
        }
        watched.show(&probes, &mut observer).unwrap();
        assert_eq!(found, alone);
        let shown = observer.shown[1..].iter().map(|&(step, digests)| (step, digests.map(Option::unwrap)));
        assert!(shown.eq((1..).map(Step).zip(alone)), "what was shown is what was trained");
    }
}

/// The data of a run and, at every step of it from 0, state and digests.
struct History {
    dataset: Arc<Dataset>,
    definition: RunDefinition,
    states: Vec<(TrainingState, [Digest; 2])>,
}

/// One uninterrupted run an optimizer, and one of images that are varied.
static HISTORIES: LazyLock<Vec<History>> = LazyLock::new(|| {
    let history = |mut trainer: Trainer| {
        let dataset = kitchen_sink_data();
        let mut states = vec![(trainer.state(), digests(&trainer))];
        for _ in 0..STEPS {
            trainer.step().unwrap();
            states.push((trainer.state(), digests(&trainer)));
        }
        History { dataset, definition: trainer.definition().clone(), states }
    };
    let trainers = optimizers().into_iter().map(|optimizer| kitchen_sink(optimizer, &kitchen_sink_data()));
    trainers.chain([augmented(&kitchen_sink_data())]).map(history).collect()
});

proptest! {
    // Cases that fail are not kept in a file: there are few enough to try all.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Also across an epoch's end (steps 4, 8, …), into and out of its short
    /// last batch, and in a trainer that has been somewhere else before.
    #[test]
    fn a_state_at_any_step_goes_on_as_if_nothing_had_happened(
        kind in 0..=optimizers().len(), from in 0..STEPS, strayed in 0_usize..6, threads in 1_usize..3,
    ) {
        let history = &HISTORIES[kind];
        let mut resumed = Trainer::new(&history.definition, Arc::clone(&history.dataset), threads).unwrap();
        for _ in 0..strayed {
            resumed.step().unwrap();
        }
        resumed.restore(&history.states[from].0).unwrap();
        prop_assert_eq!(digests(&resumed), history.states[from].1);
        for (step, (state, expected)) in history.states.iter().enumerate().skip(from + 1) {
            resumed.step().unwrap();
            prop_assert_eq!(&digests(&resumed), expected, "step {}", step);
            prop_assert_eq!(&resumed.state(), state);
        }
    }
}

#[test]
fn a_filters_first_weights_do_not_depend_on_how_many_others_there_are() {
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let [fewer, more] = ["20-20-20", "20-20-21"].map(|name| {
        let definition = define(preset(name).unwrap(), &dataset, &Settings::default()).unwrap();
        Trainer::new(&definition, Arc::clone(&dataset), 1).unwrap()
    });
    let [fewer, more] = [fewer.parameters(), more.parameters()];
    assert_eq!(fewer[..2], more[..2], "conv1 and conv2");
    assert_eq!(fewer[2].biases.len() + 1, more[2].biases.len());
    assert_eq!(fewer[2].weights, more[2].weights[..fewer[2].weights.len()], "conv3/0 to conv3/19");
}

#[test]
fn seeds_and_layers_have_draws_of_their_own() {
    let dataset = kitchen_sink_data();
    let first = |seed| {
        let settings = Settings { seed, ..Settings::default() };
        let conv = json!({"kind": "conv", "filters": 3, "kernel": 1});
        let network = json!({"layer": [conv, conv, {"kind": "softmax"}]});
        let definition = define(serde_json::from_value(network).unwrap(), &dataset, &settings).unwrap();
        Trainer::new(&definition, Arc::clone(&dataset), 1).unwrap().state()
    };
    let (one, two) = (first(1), first(2));
    assert_eq!(one, first(1));
    assert_ne!(one.parameters[0].weights, two.parameters[0].weights);
    assert_ne!(one.parameters[0].weights, one.parameters[1].weights);
}
