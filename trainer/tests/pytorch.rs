//! Training steps against PyTorch.
//!
//! `reference/make_reference.py` trains every network of `reference/cases.json`
//! with every optimizer in it and writes what came of it; here the engine does
//! the same from the same weights, on the same batches. PyTorch ran in double
//! precision, so that what the bounds hold is the engine's own rounding. A
//! dropout layer is in the networks at rate 0, because masks are each
//! framework's own; `gradients.rs` and the layer's unit tests have the rest. No
//! convolution is normalised directly: its biases would have slopes of
//! nothing but rounding, which Adam turns into whole updates on either side.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::Array1;
use ndarray_npy::{NpzReader, ReadableElement};
use revacnn_schemas::{
    AugmentationSpec, DataCursor, ImageIndex, ImageShape, NetworkSpec, Observer, ObserverError, OptimizerSpec, Step,
    StepView, Wanted,
};
use revacnn_trainer::data::{Dataset, epoch_order};
use revacnn_trainer::{Settings, Trainer, define};
use serde_json::{Value, json};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 10, width: 12 };
const CLASSES: usize = 5;
const SEED: u64 = 5;
/// Of 36 images that train: five batches reach into the second epoch, and the
/// last batch of the first one is short.
const BATCH_SIZE: u32 = 10;
const STEPS: u64 = 5;
const PROBES: [ImageIndex; 2] = [ImageIndex(0), ImageIndex(9)];

/// Largest error of an array's elements, against the array's largest element:
/// ten to thirty roundings of 6e-8, which is what sums of hundreds of terms
/// leave. The engine was within 9e-7 when this was written.
const PLAIN: f64 = 2e-6;
/// The slopes of biases before a normalisation nearly cancel, so that their
/// rounding is large beside them, and Adam divides by them. PyTorch's own
/// single precision is off by 4e-5 in the gradients of these networks.
const NORMALISED: f64 = 1e-4;

fn reference(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(file)
}

/// Arrays that the script wrote.
struct Arrays(NpzReader<File>);

impl Arrays {
    fn open(file: &str) -> Self {
        Self(NpzReader::new(File::open(reference(file)).unwrap()).unwrap())
    }

    fn get<T: ReadableElement>(&mut self, name: &str) -> Vec<T> {
        let array: Array1<T> = self.0.by_name(&format!("{name}.npy")).unwrap_or_else(|error| panic!("{name}: {error}"));
        array.into_raw_vec_and_offset().0
    }

    /// Compares an array with the one of that name.
    fn compare(&mut self, case: &str, name: &str, found: &[f32], tolerance: f64) {
        let expected: Vec<f32> = self.get(name);
        assert_eq!(found.len(), expected.len(), "{case}: length of {name}");
        assert!(found.iter().all(|value| value.is_finite()), "{case}: {name} is not finite");
        let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(f64::from(value.abs())));
        let error = found
            .iter()
            .zip(&expected)
            .map(|(&ours, &theirs)| (f64::from(ours) - f64::from(theirs)).abs())
            .fold(0.0, f64::max);
        assert!(
            error <= tolerance * largest,
            "{case}: {name} is off by {error:e} of {largest:e}, at most {tolerance:e} of it"
        );
    }
}

fn dataset() -> Arc<Dataset> {
    let mut data = Arrays::open("data.npz");
    let train: (Vec<u8>, Vec<u8>) = (data.get("images"), data.get("labels"));
    let test = (train.0[..SHAPE.len()].to_vec(), train.1[..1].to_vec());
    let names = (0..CLASSES).map(|class| format!("class {class}")).collect();
    Arc::new(Dataset::new("reference", SHAPE, names, train, test, AugmentationSpec::NONE).unwrap())
}

/// Keeps every block of the probe images, and the validation's loss.
#[derive(Default)]
struct Keeper {
    /// `[probe][block]`: activations and their gradients.
    blocks: Vec<(Vec<f32>, Vec<f32>)>,
    validation_loss: f32,
}

impl Observer for Keeper {
    fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
        Wanted { probes: true, validation: true, ..Wanted::default() }
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        self.blocks = view.blocks.iter().map(|block| (block.activations.to_vec(), block.gradients.to_vec())).collect();
        self.validation_loss = view.validation.ok_or("no validation")?.loss;
        Ok(())
    }
}

fn start(layers: &Value, optimizer: &Value, dataset: &Arc<Dataset>, arrays: &mut Arrays) -> Trainer {
    let network: NetworkSpec = serde_json::from_value(json!({"layer": layers})).unwrap();
    let optimizer: OptimizerSpec = serde_json::from_value(optimizer.clone()).unwrap();
    let settings = Settings { optimizer, batch_size: BATCH_SIZE, seed: SEED, ..Settings::default() };
    let definition = define(network, dataset, &settings).unwrap();
    let mut trainer = Trainer::new(&definition, Arc::clone(dataset), 2).unwrap();
    let mut state = trainer.state();
    for (layer, values) in trainer.topology().parameter_layers().zip(&mut state.parameters) {
        values.weights = arrays.get(&format!("initial.{}.weights", layer.layer));
        values.biases = arrays.get(&format!("initial.{}.biases", layer.layer));
    }
    trainer.restore(&state).unwrap();
    trainer
}

/// Compares gradients, parameters and running statistics after a step.
fn compare_step(case: &str, trainer: &Trainer, arrays: &mut Arrays, tolerance: f64) {
    let step = trainer.position();
    let layers = trainer.topology().parameter_layers().zip(trainer.parameters()).zip(trainer.gradients());
    for ((layer, values), (weight_gradients, bias_gradients)) in layers {
        let layer = &layer.layer;
        arrays.compare(case, &format!("{step}.gradient.{layer}.weights"), weight_gradients, tolerance);
        arrays.compare(case, &format!("{step}.gradient.{layer}.biases"), bias_gradients, tolerance);
        arrays.compare(case, &format!("{step}.value.{layer}.weights"), &values.weights, tolerance);
        arrays.compare(case, &format!("{step}.value.{layer}.biases"), &values.biases, tolerance);
        if let Some([mean, variance]) = &values.running {
            arrays.compare(case, &format!("{step}.running.{layer}.mean"), mean, tolerance);
            arrays.compare(case, &format!("{step}.running.{layer}.variance"), variance, tolerance);
        }
    }
}

fn check(case: &str, layers: &Value, optimizer: &Value, dataset: &Arc<Dataset>, tolerance: f64) {
    let mut arrays = Arrays::open(&format!("{case}.npz"));
    let mut trainer = start(layers, optimizer, dataset, &mut arrays);
    let (mut losses, mut decay_losses) = (Vec::new(), Vec::new());
    for step in 1..=STEPS {
        let outcome = trainer.step().unwrap();
        losses.push(outcome.loss);
        decay_losses.push(outcome.decay_loss);
        if step == 1 || step == STEPS {
            compare_step(case, &trainer, &mut arrays, tolerance);
        }
    }
    arrays.compare(case, "losses", &losses, tolerance);
    arrays.compare(case, "decay_losses", &decay_losses, tolerance);

    let mut keeper = Keeper::default();
    trainer.show(&PROBES, &mut keeper).unwrap();
    arrays.compare(case, "validation_loss", &[keeper.validation_loss], tolerance);
    let blocks: Vec<String> = trainer.topology().blocks().map(|layer| layer.layer.to_string()).collect();
    assert_eq!(keeper.blocks.len(), PROBES.len() * blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let of_probes = || keeper.blocks.iter().skip(number).step_by(blocks.len());
        let activations: Vec<f32> = of_probes().flat_map(|(values, _)| values).copied().collect();
        let slopes: Vec<f32> = of_probes().flat_map(|(_, slopes)| slopes).copied().collect();
        arrays.compare(case, &format!("5.activations.{block}"), &activations, tolerance);
        arrays.compare(case, &format!("5.slopes.{block}"), &slopes, tolerance);
    }
}

/// The optimizers of a list on the network of this name.
fn check_listed(network: &str, list: &str, tolerance: f64) {
    let cases: Value = serde_json::from_reader(File::open(reference("cases.json")).unwrap()).unwrap();
    let dataset = dataset();
    for (name, optimizer) in cases[list].as_object().unwrap() {
        check(&format!("{network}-{name}"), &cases["networks"][network], optimizer, &dataset, tolerance);
    }
}

/// The first optimizers on the network of this name.
fn check_network(network: &str, tolerance: f64) {
    check_listed(network, "optimizers", tolerance);
}

/// Networks with one optimizer each.
fn check_others(names: &[&str], tolerance: f64) {
    let cases: Value = serde_json::from_reader(File::open(reference("cases.json")).unwrap()).unwrap();
    for name in names {
        let case = &cases["others"][name];
        check(name, &case["layers"], &case["optimizer"], &dataset(), tolerance);
    }
}

/// Gradients are compared as they are before they are clipped.
#[test]
fn clipping_l1_decay_and_the_factors_of_layers_are_as_in_pytorch() {
    check_others(&["decayed-sgd"], NORMALISED);
    check_others(&["decayed-adamw"], PLAIN);
}

#[test]
fn label_smoothing_hinge_and_squared_error_train_as_in_pytorch() {
    check_others(&["smoothed-sgd", "hinge-sgd", "squared-sgd"], PLAIN);
}

#[test]
fn an_autoencoder_trains_as_in_pytorch() {
    check_others(&["autoencoder-sgd"], PLAIN);
}

#[test]
fn every_other_optimizer_trains_as_in_pytorch_and_windowgrad_as_in_convnetjs() {
    check_listed("plain", "optimizers_on_plain", PLAIN);
}

#[test]
fn the_reference_was_made_on_the_engines_batches() {
    let images = dataset().train_indices();
    let batches: Vec<String> = (0..2)
        .flat_map(|epoch| {
            let order = epoch_order(SEED, epoch, &images);
            order.chunks(BATCH_SIZE as usize).map(<[_]>::to_vec).collect::<Vec<_>>()
        })
        .take(STEPS as usize)
        .map(|batch| batch.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        .collect();
    let expected = batches.join("\n") + "\n";
    let found = std::fs::read_to_string(reference("order.txt")).unwrap_or_default();
    assert_eq!(found, expected, "write this to reference/order.txt and run make_reference.py:\n{expected}");
}

#[test]
fn convolutions_and_max_pools_train_as_in_pytorch() {
    check_network("plain", PLAIN);
}

#[test]
fn batch_normalisation_and_average_pools_train_as_in_pytorch() {
    check_network("normalised", NORMALISED);
}

#[test]
fn fully_connected_layers_and_strides_train_as_in_pytorch() {
    check_network("connected", PLAIN);
}

#[test]
fn sums_and_layers_that_read_an_earlier_one_train_as_in_pytorch() {
    check_network("residual", NORMALISED);
}

#[test]
fn concatenations_train_as_in_pytorch() {
    check_network("dense", PLAIN);
}

#[test]
fn activation_functions_and_global_pools_train_as_in_pytorch() {
    check_network("activated", PLAIN);
}

#[test]
fn layer_and_local_response_normalisation_train_as_in_pytorch() {
    check_network("imagewise", NORMALISED);
}

#[test]
fn maxout_trains_as_in_pytorch() {
    check_network("pieces", PLAIN);
}

#[test]
fn groups_dilation_and_what_differs_by_side_train_as_in_pytorch() {
    check_network("grouped", PLAIN);
}
