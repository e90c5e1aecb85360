//! What a trainer promises beside its arithmetic: frozen filters, divergence,
//! states that do not fit, what observers are shown, and its bookkeeping.

mod common;

use std::sync::Arc;

use common::{noise, trainer};
use revacnn_schemas::{
    DataCursor, Epoch, ImageIndex, ImageShape, Observer, ObserverError, ParameterState, RunDefinition, Step, StepView,
    TrainingState, Wanted,
};
use revacnn_trainer::data::{Dataset, Split};
use revacnn_trainer::{Divergence, Excited, Settings, Trainer, TrainerError, define, optimizer_kinds, preset};
use serde_json::{Value, json};

/// 45 images train, 5 validate; batches of 12 make the fourth one short.
fn dataset() -> Arc<Dataset> {
    noise(ImageShape { channels: 3, height: 8, width: 8 }, 4, 50)
}

fn layers() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "pool", "kernel": 2},
        {"kind": "fully-connected", "units": 7, "activation": "tanh"},
    ])
}

fn small(optimizer: Value) -> Trainer {
    trainer(layers(), optimizer, 12, &dataset())
}

/// Calls a closure with every step that is shown.
struct Show<F>(F);

impl<F: FnMut(&StepView<'_>)> Observer for Show<F> {
    fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
        Wanted { probes: true, keyframe: true, state_digest: true, validation: true }
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        (self.0)(view);
        Ok(())
    }
}

/// What `look` finds in the step that the trainer is at.
fn shown<T>(trainer: &mut Trainer, probes: &[ImageIndex], look: impl Fn(&StepView<'_>) -> T) -> T {
    let mut found = None;
    trainer.show(probes, &mut Show(|view: &StepView<'_>| found = Some(look(view)))).unwrap();
    found.unwrap()
}

fn steps(trainer: &mut Trainer, count: usize) {
    for _ in 0..count {
        assert_eq!(trainer.step().unwrap().divergence, None);
    }
}

/// Everything that training changes of a filter.
fn of_filter(state: &ParameterState, filter: usize) -> Vec<f32> {
    let coefficients = state.weights.len() / state.biases.len();
    let range = filter * coefficients..(filter + 1) * coefficients;
    let wide = std::iter::once(&state.weights).chain(&state.weight_slots).flat_map(|values| &values[range.clone()]);
    let single = std::iter::once(&state.biases).chain(&state.bias_slots).chain(state.running.iter().flatten());
    wide.chain(single.map(|values| &values[filter])).copied().collect()
}

#[test]
fn frozen_filters_keep_every_bit_while_the_others_train() {
    for kind in optimizer_kinds() {
        for layer in 0..4 {
            let mut trainer = small(json!({"kind": kind, "weight_decay": 0.1}));
            steps(&mut trainer, 3);
            let mut before = trainer.state();
            before.parameters[layer].frozen[0] = true;
            before.parameters[layer].frozen[2] = true;
            trainer.restore(&before).unwrap();
            steps(&mut trainer, 3);
            for (place, (before, after)) in before.parameters.iter().zip(trainer.parameters()).enumerate() {
                for (filter, &frozen) in before.frozen.iter().enumerate() {
                    let same = of_filter(before, filter) == of_filter(after, filter);
                    assert_eq!(same, frozen, "{kind}, layer {layer} frozen: filter {filter} of layer {place}");
                }
            }
        }
    }
}

#[test]
fn freezing_a_filter_changes_no_other_filters_gradient() {
    for layer in 0..4 {
        let mut trainer = small(json!({"kind": "sgd"}));
        let mut state = trainer.state();
        steps(&mut trainer, 1);
        let free = trainer.gradients().to_vec();
        state.parameters[layer].frozen[1] = true;
        trainer.restore(&state).unwrap();
        steps(&mut trainer, 1);
        for (place, (found, expected)) in trainer.gradients().iter().zip(&free).enumerate() {
            let coefficients = found.0.len() / found.1.len();
            for filter in (0..found.1.len()).filter(|&filter| (place, filter) != (layer, 1)) {
                let range = filter * coefficients..(filter + 1) * coefficients;
                assert_eq!(found.0[range.clone()], expected.0[range], "layer {place}, filter {filter}");
                assert_eq!(found.1[filter], expected.1[filter], "layer {place}, filter {filter}");
            }
        }
    }
}

#[test]
fn a_layer_that_is_frozen_whole_has_no_gradients() {
    let mut trainer = small(json!({"kind": "sgd"}));
    for frozen in [vec![0], vec![2], vec![0, 1, 2, 3]] {
        let mut state = trainer.state();
        for (layer, values) in state.parameters.iter_mut().enumerate() {
            values.frozen.fill(frozen.contains(&layer));
        }
        trainer.restore(&state).unwrap();
        steps(&mut trainer, 1);
        let missing = shown(&mut trainer, &[], |view| {
            let gone = view.parameters.iter().enumerate().filter(|(_, layer)| layer.gradients.is_none());
            gone.map(|(layer, _)| layer).collect::<Vec<_>>()
        });
        assert_eq!(missing, frozen);
        for &layer in &frozen {
            assert_eq!(trainer.parameters()[layer], state.parameters[layer]);
        }
    }
}

#[test]
fn a_rate_far_too_large_is_reported_and_leaves_a_state_that_has_a_digest() {
    let conv = json!({"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu"});
    let optimizer = json!({"kind": "sgd", "learning_rate": 1e30});
    let mut trainer = trainer(json!([conv, conv]), optimizer, 12, &dataset());
    assert!((0..3).any(|_| trainer.step().unwrap().divergence.is_some()));
    let (state, digest) = (trainer.state(), trainer.digest());
    let found = shown(&mut trainer, &[ImageIndex(0)], |view| (view.scalars.digest, view.scalars.state_digest));
    assert_eq!(found, (digest, Some(state.state_digest(digest))));
    trainer.step().unwrap();
    trainer.restore(&state).unwrap();
    assert_eq!(trainer.digest(), digest);
}

/// Normalisation hides weights that are far too large: loss and parameters
/// stay finite while the batch's variance, and with it the running one, does
/// not, which only evaluation shows.
#[test]
fn running_statistics_that_are_not_finite_are_divergence_too() {
    let mut trainer = small(json!({"kind": "sgd", "learning_rate": 1e30}));
    let divergence = (0..3).find_map(|_| trainer.step().unwrap().divergence);
    assert_eq!(divergence, Some(Divergence::Parameters { layer: "batchnorm1".to_owned() }));
}

#[test]
fn divergence_names_the_layer_or_the_loss() {
    let mut trainer = small(json!({"kind": "sgd", "learning_rate": 1e10}));
    let sound = trainer.state();
    let mut racing = sound.clone();
    racing.parameters[2].bias_slots[0][3] = 1e35;
    trainer.restore(&racing).unwrap();
    let outcome = trainer.step().unwrap();
    assert!(outcome.loss.is_finite());
    assert_eq!(outcome.divergence, Some(Divergence::Parameters { layer: "fc1".to_owned() }));
    let mut broken = sound;
    broken.parameters[0].weights[0] = f32::NAN;
    trainer.restore(&broken).unwrap();
    assert_eq!(trainer.step().unwrap().divergence, Some(Divergence::Loss));
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    type Damage = fn(&mut [ParameterState]);
    let damages: [(&str, Damage); 8] = [
        ("conv1", |layers| layers[0].weights.truncate(134)),
        ("fc1", |layers| layers[2].biases.push(0.0)),
        ("fc1", |layers| layers[2].frozen.clear()),
        ("conv1", |layers| layers[0].weight_slots.truncate(1)),
        ("softmax", |layers| layers[3].bias_slots[1].clear()),
        ("batchnorm1", |layers| layers[1].running = None),
        ("batchnorm1", |layers| layers[1].running.iter_mut().flatten().for_each(Vec::clear)),
        // As many arrays of the same lengths, in other places.
        ("batchnorm1", |layers| {
            let running = layers[1].running.take().into_iter().flatten();
            layers[1].bias_slots.extend(running);
        }),
    ];
    let mut trainer = small(json!({"kind": "adam"}));
    steps(&mut trainer, 2);
    let before = trainer.state();
    let damaged = damages.iter().map(|(named, damage)| {
        let mut state = before.clone();
        damage(&mut state.parameters);
        (*named, state)
    });
    let fewer = TrainingState { parameters: before.parameters[1..].to_vec(), ..before.clone() };
    let late = TrainingState { cursor: DataCursor { offset: 45, ..before.cursor }, ..before.clone() };
    let long = TrainingState { recent: vec![true; 201], ..before.clone() };
    for (named, state) in damaged.chain([("4 layers", fewer), ("place 45 of 45", late), ("found 201", long)]) {
        let error = trainer.restore(&state).unwrap_err();
        assert!(matches!(error, TrainerError::StateMismatch { step: 2, .. }), "{named}: {error}");
        assert!(error.to_string().contains(named), "{named}: {error}");
        assert_eq!(trainer.state(), before, "{named}");
    }
    trainer.step().unwrap();
    let mut undisturbed = small(json!({"kind": "adam"}));
    steps(&mut undisturbed, 3);
    assert_eq!(trainer.state(), undisturbed.state());
}

#[test]
fn other_data_are_refused_with_both_digests() {
    let definition = small(json!({"kind": "sgd"})).definition().clone();
    let other = noise(ImageShape { channels: 3, height: 8, width: 8 }, 4, 49);
    let expected = definition.dataset.digest.to_string();
    let found = other.identity().digest.to_string();
    let message = Trainer::new(&definition, other, 1).unwrap_err().to_string();
    assert!(message.contains(&expected) && message.contains(&found) && expected != found, "{message}");
}

#[test]
fn batch_sizes_and_threads_out_of_range_are_refused_by_name() {
    let dataset = dataset();
    for batch_size in [0, 46, 65_537, u32::MAX] {
        let settings = Settings { batch_size, ..Settings::default() };
        let message = define(preset("paper").unwrap(), &dataset, &settings).unwrap_err().to_string();
        assert!(message.contains("batch-size") && message.contains(&batch_size.to_string()), "{message}");
    }
    let definition =
        define(preset("paper").unwrap(), &dataset, &Settings { batch_size: 45, ..Settings::default() }).unwrap();
    for threads in [0, 1025, usize::MAX] {
        let error = Trainer::new(&definition, Arc::clone(&dataset), threads).unwrap_err();
        assert!(matches!(error, TrainerError::Threads { .. }), "{error}");
        assert!(error.to_string().contains(&format!("threads must be 1 to 1024, found {threads}")), "{error}");
    }
}

#[test]
fn probes_have_probabilities_and_the_gradient_that_follows_from_them() {
    let mut trainer = small(json!({"kind": "sgd"}));
    steps(&mut trainer, 2);
    let probes = [ImageIndex(6), ImageIndex(9), ImageIndex(6)];
    let blocks = shown(&mut trainer, &probes, |view| {
        assert_eq!(view.probes, probes);
        view.blocks.iter().map(|block| (block.activations.to_vec(), block.gradients.to_vec())).collect::<Vec<_>>()
    });
    let lengths: Vec<usize> = blocks.iter().map(|(activations, _)| activations.len()).collect();
    assert_eq!(lengths, [5 * 36, 7, 4].repeat(3));
    assert!(blocks.iter().all(|(activations, gradients)| activations.len() == gradients.len()));
    assert_eq!(blocks[..3], blocks[6..], "the same image twice");
    for (image, (probabilities, slopes)) in probes.iter().zip(blocks.iter().skip(2).step_by(3)) {
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        for (class, (probability, slope)) in probabilities.iter().zip(slopes).enumerate() {
            let target = if class as u32 == image.0 % 4 { 1.0 } else { 0.0 };
            assert_eq!(*slope, probability - target);
        }
    }
    let nowhere = trainer.show(&[ImageIndex(50)], &mut Show(|_: &StepView<'_>| {})).unwrap_err();
    assert!(matches!(nowhere, TrainerError::Data(_)), "{nowhere}");
}

#[test]
fn a_step_without_an_update_has_neither_loss_nor_gradients() {
    let mut trainer = small(json!({"kind": "sgd"}));
    let bare = |view: &StepView<'_>| {
        let nothing = (view.scalars.loss, view.scalars.decay_loss, view.scalars.batch_accuracy) == (None, None, None);
        nothing && view.scalars.batch_images == 0 && view.parameters.iter().all(|layer| layer.gradients.is_none())
    };
    assert!(shown(&mut trainer, &[], bare), "step 0");
    assert_eq!(shown(&mut trainer, &[], |view| view.scalars.live_accuracy), None);
    steps(&mut trainer, 1);
    assert!(!shown(&mut trainer, &[], bare), "step 1");
    let state = trainer.state();
    assert_eq!(shown(&mut trainer, &[], |view| view.keyframe.cloned()).as_ref(), Some(&state));
    trainer.restore(&state).unwrap();
    assert!(shown(&mut trainer, &[], bare), "a state that was restored");
}

#[test]
fn an_observers_failure_is_handed_on() {
    struct Full;
    impl Observer for Full {
        fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
            Wanted::default()
        }
        fn observe(&mut self, _view: &StepView<'_>) -> Result<(), ObserverError> {
            Err("the disk is full".into())
        }
    }
    let error = small(json!({"kind": "sgd"})).show(&[], &mut Full).unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}

#[test]
fn an_evaluation_counts_every_image_of_its_split_once() {
    let mut trainer = small(json!({"kind": "sgd"}));
    steps(&mut trainer, 4);
    let state = trainer.state();
    // Images 9, 19, 29, 39 and 49, labelled in turn with four classes.
    for (split, of_class) in
        [(Split::Validation, [0, 3, 0, 2]), (Split::Train, [13, 10, 12, 10]), (Split::Test, [1, 0, 0, 0])]
    {
        let result = trainer.evaluate(split).unwrap();
        let confusion = result.confusion.unwrap();
        let rows: Vec<u32> = confusion.chunks(4).map(|row| row.iter().sum()).collect();
        assert_eq!(rows, of_class, "{split:?}");
        assert_eq!(result.images, of_class.iter().sum::<u32>());
        assert_eq!(result.correct, Some(confusion.iter().step_by(5).sum::<u32>()));
        assert!(result.loss > 0.0 && result.loss.is_finite());
    }
    assert_eq!(trainer.state(), state, "an evaluation changes nothing");
}

#[test]
fn a_batch_never_crosses_an_epochs_end() {
    let mut trainer = small(json!({"kind": "sgd"}));
    let mut found = Vec::new();
    for _ in 0..6 {
        let images = trainer.step().unwrap().images;
        let DataCursor { epoch: Epoch(epoch), offset, images_seen } = trainer.cursor();
        found.push((images, epoch, offset, images_seen));
    }
    assert_eq!(
        found,
        [(12, 0, 12, 12), (12, 0, 24, 24), (12, 0, 36, 36), (9, 1, 0, 45), (12, 1, 12, 57), (12, 1, 24, 69)]
    );
}

#[test]
fn another_batch_size_goes_on_where_the_other_one_stood() {
    let mut trainer = small(json!({"kind": "sgd"}));
    steps(&mut trainer, 2);
    let mut definition = trainer.definition().clone();
    definition.batch_size = 20;
    let mut wider = Trainer::new(&definition, dataset(), 1).unwrap();
    wider.restore(&trainer.state()).unwrap();
    let images: Vec<u32> = (0..3).map(|_| wider.step().unwrap().images).collect();
    assert_eq!(images, [20, 1, 20]);
    assert_eq!(wider.cursor(), DataCursor { epoch: Epoch(1), offset: 20, images_seen: 65 });
    assert_eq!(wider.position(), Step(5));
}

#[test]
fn the_live_accuracy_is_that_of_the_last_200_images() {
    let mut trainer = trainer(layers(), json!({"kind": "sgd"}), 5, &dataset());
    let mut correct = Vec::new();
    for step in 1..=50 {
        let outcome = trainer.step().unwrap();
        assert_eq!(outcome.images, 5);
        correct.push(outcome.correct.unwrap());
        let recent: u32 = correct.iter().rev().take(40).sum();
        let images = (5 * step).min(200);
        assert_eq!(trainer.state().recent.len(), images);
        assert_eq!(trainer.live_accuracy(), Some(recent as f32 / images as f32));
    }
}

/// A frozen filter takes part in the batch's statistics, but has no gradient
/// of its own, in a normalising layer as in any other.
#[test]
fn frozen_filters_have_gradients_of_zero_in_every_layer() {
    for layer in 0..4 {
        let mut trainer = small(json!({"kind": "sgd"}));
        steps(&mut trainer, 1);
        let free = trainer.gradients()[layer].1[1];
        assert_ne!(free, 0.0, "layer {layer}");
        let mut state = trainer.state();
        state.parameters[layer].frozen[1] = true;
        trainer.restore(&state).unwrap();
        steps(&mut trainer, 1);
        let (weights, biases) = &trainer.gradients()[layer];
        let coefficients = weights.len() / biases.len();
        assert!(weights[coefficients..2 * coefficients].iter().all(|&slope| slope == 0.0), "layer {layer}");
        assert_eq!(biases[1], 0.0, "layer {layer}");
    }
}

/// Where nothing before the normalisation trains, it need not go backwards.
#[test]
fn layers_frozen_up_to_any_depth_leave_zeros_behind_and_the_others_gradients_as_they_are() {
    let layers = json!([
        {"kind": "batchnorm"},
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "batchnorm"},
        {"kind": "fully-connected", "units": 7, "activation": "tanh"},
    ]);
    for depth in 0..=6 {
        let mut trainer = trainer(layers.clone(), json!({"kind": "sgd"}), 12, &dataset());
        let mut state = trainer.state();
        steps(&mut trainer, 1);
        let free = trainer.gradients().to_vec();
        state.parameters.iter_mut().take(depth).for_each(|layer| layer.frozen.fill(true));
        trainer.restore(&state).unwrap();
        steps(&mut trainer, 1);
        for (layer, (found, free)) in trainer.gradients().iter().zip(&free).enumerate() {
            if layer < depth {
                assert!(found.0.iter().chain(&found.1).all(|&slope| slope == 0.0), "{depth} frozen: layer {layer}");
            } else {
                assert_eq!(found, free, "{depth} frozen: layer {layer}");
            }
        }
    }
}

#[test]
fn frozen_filters_add_nothing_to_the_penalty_of_decay() {
    let mut trainer = small(json!({"kind": "sgd", "weight_decay": 0.1}));
    let mut state = trainer.state();
    let whole = trainer.step().unwrap().decay_loss;
    state.parameters[0].frozen[2] = true;
    trainer.restore(&state).unwrap();
    let part = trainer.step().unwrap().decay_loss;
    let of_frozen: f32 = state.parameters[0].weights[2 * 27..3 * 27].iter().map(|weight| 0.05 * weight * weight).sum();
    assert!(of_frozen > 0.0 && (whole - part - of_frozen).abs() < 1e-5, "{whole} {part} {of_frozen}");
    for layer in &mut state.parameters {
        layer.frozen.fill(true);
    }
    trainer.restore(&state).unwrap();
    assert_eq!(trainer.step().unwrap().decay_loss, 0.0);
}

/// A definition can come from a file that somebody else wrote.
#[test]
fn a_definition_that_does_not_fit_its_data_is_refused_by_the_field() {
    let sound = small(json!({"kind": "sgd"})).definition().clone();
    let refused = |name: &str, damage: fn(&mut RunDefinition)| {
        let mut definition = sound.clone();
        damage(&mut definition);
        let message = Trainer::new(&definition, dataset(), 1).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(name), "{name}: {message}");
    };
    refused("batch-size", |definition| definition.batch_size = 0);
    refused("batch-size", |definition| definition.batch_size = u32::MAX);
    refused("input", |definition| definition.input.channels = 1);
    refused("input", |definition| definition.input = ImageShape { channels: 3, height: 16, width: 16 });
    refused("classes", |definition| {
        definition.classes = 3;
        definition.network.layers.last_mut().unwrap().parameters.clear();
    });
    refused("holdout", |definition| definition.holdout_every = 5);
}

#[test]
fn counts_that_could_not_be_counted_on_are_refused() {
    let mut trainer = small(json!({"kind": "adam"}));
    let sound = trainer.state();
    type Damage = fn(&mut TrainingState);
    let damages: [Damage; 4] = [
        |state| state.step = Step(u64::MAX),
        |state| state.optimizer_updates = u64::MAX,
        |state| state.cursor.epoch = Epoch(u64::MAX),
        |state| state.cursor.images_seen = u64::MAX,
    ];
    for damage in damages {
        let mut state = sound.clone();
        damage(&mut state);
        let error = trainer.restore(&state).unwrap_err();
        assert!(matches!(error, TrainerError::StateMismatch { .. }), "{error}");
    }
}

/// The samples of a step: their mean loss and their right ones are the step's.
#[test]
fn what_came_of_each_image_adds_up_to_what_came_of_the_batch() {
    let mut trainer = small(json!({"kind": "sgd", "learning_rate": 0.05}));
    assert!(shown(&mut trainer, &[], |view| view.samples.is_empty()));
    for _ in 0..5 {
        let outcome = trainer.step().unwrap();
        let samples = shown(&mut trainer, &[], |view| view.samples.to_vec());
        assert_eq!(samples.len(), outcome.images as usize);
        let mean = samples.iter().map(|sample| f64::from(sample.loss)).sum::<f64>() / samples.len() as f64;
        assert_eq!(mean as f32, outcome.loss);
        let right = samples.iter().filter(|sample| sample.predicted == Some(sample.label)).count();
        assert_eq!(Some(right as u32), outcome.correct);
        for sample in &samples {
            assert_eq!(u32::from(trainer.dataset().train().label(sample.image).unwrap()), sample.label);
            // The most probable of four classes, and of no other if the label's.
            assert!(sample.output.is_some_and(|output| (0.25..=1.0).contains(&output)), "{sample:?}");
            if sample.predicted == Some(sample.label) {
                assert!((f64::from(sample.output.unwrap()) - f64::from(-sample.loss).exp()).abs() < 1e-5, "{sample:?}");
            }
        }
    }
    let state = trainer.state();
    trainer.restore(&state).unwrap();
    assert!(shown(&mut trainer, &[], |view| view.samples.is_empty()));
}

#[test]
fn predictions_are_what_an_evaluation_counts_and_the_largest_come_first() {
    let mut trainer = small(json!({"kind": "adam", "learning_rate": 0.01}));
    steps(&mut trainer, 6);
    let images = trainer.dataset().indices(Split::Validation);
    let predictions = trainer.predict(Split::Validation, &images, 3).unwrap();
    let evaluated = trainer.evaluate(Split::Validation).unwrap();
    let right = predictions.iter().filter(|prediction| prediction.is_right()).count() as u32;
    assert_eq!(Some(right), evaluated.correct);
    for prediction in &predictions {
        assert!(prediction.classes.len() == 3 && prediction.classes.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
    let mean = predictions.iter().map(|prediction| f64::from(prediction.loss)).sum::<f64>() / 5.0;
    assert_eq!(mean as f32, evaluated.loss);
    assert!(trainer.predict(Split::Train, &[ImageIndex(50)], 1).is_err());
}

#[test]
fn what_excites_filters_depends_on_no_thread_and_on_no_grouping() {
    let definition = small(json!({"kind": "sgd", "learning_rate": 0.05})).definition().clone();
    let found: Vec<Excited> = [(1, 45), (2, 7), (3, 1)]
        .map(|(threads, at_once)| {
            let mut trainer = Trainer::new(&definition, dataset(), threads).unwrap();
            steps(&mut trainer, 4);
            let mut excited = Excited::new(4);
            for images in trainer.dataset().indices(Split::Train).chunks(at_once) {
                trainer.excite(Split::Train, images, &"conv1".parse().unwrap(), &mut excited).unwrap();
            }
            excited
        })
        .into();
    assert!(found.iter().all(|other| *other == found[0]) && found[0].filters.len() == 5);
    // The map of the image that excites it most, as it is recorded, has that value there.
    let mut trainer = Trainer::new(&definition, dataset(), 1).unwrap();
    steps(&mut trainer, 4);
    for (filter, most) in found[0].filters.iter().enumerate() {
        assert!(most.len() == 4 && most.windows(2).all(|pair| pair[0].value >= pair[1].value));
        let map = shown(&mut trainer, &[most[0].image], |view| view.blocks[0].activations.to_vec());
        let own = &map[filter * 36..(filter + 1) * 36];
        assert_eq!(own.iter().copied().fold(f32::NEG_INFINITY, f32::max), most[0].value);
        assert_eq!(own[(most[0].row * 6 + most[0].column) as usize], most[0].value);
    }
    let refused = trainer.excite(Split::Train, &[], &"pool1".parse().unwrap(), &mut Excited::new(1));
    assert!(refused.unwrap_err().to_string().contains("pool1 has no maps of its own: there is conv1"));
}

#[test]
fn what_a_layer_says_of_images_is_what_is_recorded_of_them_and_depends_on_no_thread() {
    let definition = small(json!({"kind": "sgd", "learning_rate": 0.05})).definition().clone();
    let of = |layer: &str, threads: usize, at_once: usize, square: usize| {
        let mut trainer = Trainer::new(&definition, dataset(), threads).unwrap();
        steps(&mut trainer, 4);
        let layer = layer.parse().unwrap();
        let images = trainer.dataset().indices(Split::Train);
        let some = |images| trainer.activations(Split::Train, images, &layer, square).unwrap();
        (images.chunks(at_once).flat_map(some).collect::<Vec<_>>(), trainer)
    };
    let (maps, mut trainer) = of("conv1", 1, 45, 1);
    assert!(maps == of("conv1", 3, 7, 1).0);
    let class_layer = trainer.topology().class_layer().unwrap().layer.to_string();
    let (outputs, other) = of(&class_layer, 2, 45, 1);
    let said = other.predict(Split::Train, &other.dataset().indices(Split::Train), 1).unwrap();
    for ((map, output), said) in maps.iter().zip(&outputs).zip(&said).step_by(7) {
        let recorded = |view: &StepView<'_>| {
            let ends = [view.blocks.first(), view.blocks.last()];
            ends.map(|block| block.unwrap().activations.to_vec())
        };
        assert_eq!([map.values.clone(), output.values.clone()], shown(&mut trainer, &[map.image], recorded));
        let (class, most) = said.classes[0];
        assert_eq!((map.predicted, output.label, output.image), (Some(class), said.label, said.image));
        assert_eq!(output.values[class as usize], most);
    }
    // The mean of each map of 6 × 6 values.
    let (means, _) = of("conv1", 1, 45, 6);
    for (means, map) in means.iter().zip(&maps) {
        let expected = map.values.chunks(36).map(|map| (map.iter().copied().map(f64::from).sum::<f64>() / 36.0) as f32);
        assert_eq!(means.values, expected.collect::<Vec<_>>());
    }
    let refused = trainer.activations(Split::Train, &[], &"pool1".parse().unwrap(), 1);
    assert!(refused.unwrap_err().to_string().contains("pool1 has no maps of its own: there is conv1"));
    assert!(trainer.activations(Split::Train, &[ImageIndex(5000)], &"conv1".parse().unwrap(), 1).is_err());
}
