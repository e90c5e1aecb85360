//! The state before the first update.

use revacnn_schemas::ParameterState;

use crate::data::Stream;
use crate::layers::Initial;
use crate::network::{Weighted, stream_key};

/// The weights of a layer at step 0.
///
/// # Determinism
/// Coefficients are N(0, 1/fan-in) from one stream a filter, keyed
/// (seed, layer, filter number), so that a filter's draw does not depend on
/// how many others there are.
pub(crate) fn initial_state(layer: &Weighted, seed: u64, slots: usize) -> ParameterState {
    let shape = layer.shape;
    let mut weights = Vec::with_capacity(shape.filters * shape.coefficients);
    for &number in &layer.numbers {
        match shape.initial {
            Initial::Constant(value) => weights.extend(std::iter::repeat_n(value, shape.coefficients)),
            Initial::Normal { fan_in } => {
                let deviation = (1.0 / fan_in as f32).sqrt();
                let mut stream = Stream::new("init", &[seed, stream_key(&layer.layer), u64::from(number)]);
                weights.extend((0..shape.coefficients).map(|_| stream.normal_f32() * deviation));
            }
        }
    }
    ParameterState {
        weight_slots: vec![vec![0.0; weights.len()]; slots],
        weights,
        biases: vec![0.0; shape.filters],
        bias_slots: vec![vec![0.0; shape.filters]; slots],
        running: shape.normalises.then(|| [vec![0.0; shape.filters], vec![1.0; shape.filters]]),
        frozen: vec![false; shape.filters],
    }
}
