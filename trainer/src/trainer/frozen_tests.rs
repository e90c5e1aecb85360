//! What is frozen costs no weight-gradient work: the work is counted where
//! the layers are asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use revacnn_schemas::{AugmentationSpec, ImageShape, NetworkSpec, ParameterState};
use serde_json::json;

use super::Trainer;
use crate::data::Dataset;
use crate::layers::{Backward, Buffers, Context, Operation, Packed, ParameterShape, Scratch};
use crate::{Settings, define};

/// What a layer was asked for.
#[derive(Debug, Default)]
struct Work {
    /// Images whose backward pass reached it.
    images: AtomicUsize,
    /// Filters whose weight gradient was wanted, summed over images.
    filters: AtomicUsize,
}

impl Work {
    fn take(&self) -> [usize; 2] {
        [&self.images, &self.filters].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

/// An operation that counts what it is asked for.
#[derive(Debug)]
struct Counted {
    inner: Box<dyn Operation>,
    work: Arc<Work>,
}

impl Operation for Counted {
    fn output(&self) -> ImageShape {
        self.inner.output()
    }

    fn parameters(&self) -> Option<ParameterShape> {
        self.inner.parameters()
    }

    fn scratch_len(&self) -> usize {
        self.inner.scratch_len()
    }

    fn positions_len(&self) -> usize {
        self.inner.positions_len()
    }

    fn gradient_len(&self) -> usize {
        self.inner.gradient_len()
    }

    fn pack(&self, state: &ParameterState, packed: &mut Packed) {
        self.inner.pack(state, packed);
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        self.inner.forward(context, input, output, scratch);
    }

    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        accumulator: Option<&mut [f32]>,
    ) {
        self.work.images.fetch_add(1, Ordering::Relaxed);
        if let (Some(state), Some(_)) = (context.state, &accumulator) {
            let training = state.frozen.iter().filter(|&&frozen| !frozen).count();
            self.work.filters.fetch_add(training, Ordering::Relaxed);
        }
        self.inner.backward(context, maps, buffers, grad_input, accumulator);
    }

    fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], biases: &mut [f32]) {
        self.inner.unpack_gradient(accumulator, weights, biases);
    }
}

/// Three convolutions of four, five and six filters, and how many images a
/// step has.
fn counted() -> (Trainer, Vec<Arc<Work>>) {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let pixels = (0..40 * shape.len()).map(|index| (index * 37 % 251) as u8).collect();
    let labels = (0..40).map(|image| image % 2).collect();
    let test = (vec![0; shape.len()], vec![0]);
    let names = vec!["a".to_owned(), "b".to_owned()];
    let dataset = Dataset::new("counted", shape, names, (pixels, labels), test, AugmentationSpec::NONE).unwrap();
    let layer = |filters: u32| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1, "activation": "relu"});
    let network: NetworkSpec =
        serde_json::from_value(json!({"layer": [layer(4), layer(5), layer(6), {"kind": "softmax"}]})).unwrap();
    let settings = Settings { batch_size: 6, ..Settings::default() };
    let definition = define(network, &dataset, &settings).unwrap();
    let mut trainer = Trainer::new(&definition, Arc::new(dataset), 1).unwrap();
    let mut all = Vec::new();
    let network = trainer.engine.network_mut();
    network.operations = std::mem::take(&mut network.operations)
        .into_iter()
        .map(|mut unit| {
            let work = Arc::new(Work::default());
            if unit.weights.is_some() {
                all.push(Arc::clone(&work));
            }
            unit.operation = Box::new(Counted { inner: unit.operation, work });
            unit
        })
        .collect();
    (trainer, all)
}

/// Freezes the first `layers` layers.
fn freeze(trainer: &mut Trainer, layers: usize) {
    trainer.engine.change(|_, parameters, _| parameters[..layers].iter_mut().for_each(|state| state.frozen.fill(true)));
}

/// Images and filters of every layer with weights, in one step.
fn step(trainer: &mut Trainer, work: &[Arc<Work>]) -> Vec<[usize; 2]> {
    trainer.step().unwrap();
    work.iter().map(|work| work.take()).collect()
}

#[test]
fn every_filter_that_trains_is_worked_on_once_an_image() {
    let (mut trainer, work) = counted();
    assert_eq!(step(&mut trainer, &work), [[6, 6 * 4], [6, 6 * 5], [6, 6 * 6], [6, 6 * 2]]);
}

#[test]
fn frozen_filters_get_no_weight_gradient() {
    let (mut trainer, work) = counted();
    trainer.engine.change(|_, parameters, _| parameters[1].frozen[..2].fill(true));
    let before = trainer.parameters()[1].clone();
    assert_eq!(step(&mut trainer, &work), [[6, 6 * 4], [6, 6 * 3], [6, 6 * 6], [6, 6 * 2]]);
    assert_eq!(trainer.parameters()[1].weights[..2 * 36], before.weights[..2 * 36]);
    assert_ne!(trainer.parameters()[1].weights[2 * 36..], before.weights[2 * 36..]);
}

#[test]
fn a_frozen_layer_in_the_middle_only_passes_the_gradient_on() {
    let (mut trainer, work) = counted();
    trainer.engine.change(|_, parameters, _| parameters[1].frozen.fill(true));
    assert_eq!(step(&mut trainer, &work), [[6, 6 * 4], [6, 0], [6, 6 * 6], [6, 6 * 2]]);
}

#[test]
fn nothing_runs_backwards_below_the_first_layer_that_trains() {
    let (mut trainer, work) = counted();
    freeze(&mut trainer, 2);
    assert_eq!(step(&mut trainer, &work), [[0, 0], [0, 0], [6, 6 * 6], [6, 6 * 2]]);
    freeze(&mut trainer, 4);
    assert_eq!(step(&mut trainer, &work), [[0; 2]; 4]);
}
