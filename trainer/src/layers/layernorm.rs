//! Layer normalisation: `kind = "layernorm"`.
//!
//! Each image is normalised by the mean and (biased) variance of all of its values, in training and evaluation alike;
//! then each channel has its scale and shift, as PyTorch's `GroupNorm(1, channels)` has it, so that the log has a row
//! a channel. Behind a fully connected layer that is PyTorch's `LayerNorm`.
//! Source: Ba, Kiros and Hinton, *Layer Normalization* (2016).

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Layer, LayerParameter, Role, Surroundings, refuse};
use super::operation::{Backward, Buffers, Context, Operation, ParameterShape, Scratch, sum_of};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of layer normalisation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// What is added to the variance before its root.
    #[serde(default = "epsilon")]
    epsilon: f64,
}

fn epsilon() -> f64 {
    1e-5
}

impl Layer for Config {
    const NAME: &'static str = "layernorm";
    const ROLE: Role = Role::Joins;
    const PARAMETERS: &'static [LayerParameter] = &[LayerParameter::number("epsilon", "")];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        // As it is used: what vanishes at 32 bits divides by zero where an image is constant.
        let epsilon = self.epsilon as f32;
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return Err(refuse(spec, format!("epsilon must be above 0 as a 32-bit number, found {}", self.epsilon)));
        }
        Ok(vec![Box::new(LayerNorm { shape: around.input, epsilon })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::LayerNorm { epsilon: self.epsilon }]
    }

    fn array_axes(&self, _input: ImageShape) -> Vec<usize> {
        Vec::new()
    }

    /// One scale per channel.
    fn coefficient_axes(&self, _input: ImageShape) -> [usize; 3] {
        [1, 1, 1]
    }
}

/// # Determinism
/// Sums over an image or a map are in `f64`, by [`sum_of`].
#[derive(Debug)]
struct LayerNorm {
    shape: ImageShape,
    epsilon: f32,
}

impl LayerNorm {
    fn map(&self) -> usize {
        self.shape.height * self.shape.width
    }
}

impl Operation for LayerNorm {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(ParameterShape::scales(self.shape.channels))
    }

    /// Mean, and 1/√(variance + ε).
    fn scratch_len(&self) -> usize {
        2
    }

    /// Scales, then shifts.
    fn gradient_len(&self) -> usize {
        2 * self.shape.channels
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let state = context.state.expect("invariant: layer normalisation has weights");
        let count = input.len() as f64;
        let mean = sum_of(input.iter().map(|&value| f64::from(value))) / count;
        let variance = sum_of(input.iter().map(|&value| (f64::from(value) - mean) * (f64::from(value) - mean))) / count;
        let (mean, inverse) = (mean as f32, 1.0 / (variance as f32 + self.epsilon).sqrt());
        scratch.values.copy_from_slice(&[mean, inverse]);
        let maps = input.chunks_exact(self.map()).zip(output.chunks_exact_mut(self.map()));
        for (channel, (from, to)) in maps.enumerate() {
            let (scale, shift) = (state.weights[channel], state.biases[channel]);
            for (out, &value) in to.iter_mut().zip(from) {
                *out = ((value - mean) * inverse).mul_add(scale, shift);
            }
        }
    }

    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        accumulator: Option<&mut [f32]>,
    ) {
        let state = context.state.expect("invariant: layer normalisation has weights");
        let (mean, inverse) = (maps.scratch.values[0], maps.scratch.values[1]);
        let normalised = |value: f32| (value - mean) * inverse;
        let channels = || maps.input.chunks_exact(self.map()).zip(maps.grad_output.chunks_exact(self.map()));
        if let Some(accumulator) = accumulator {
            let (scales, shifts) = accumulator.split_at_mut(self.shape.channels);
            for (channel, (values, gradients)) in channels().enumerate().filter(|(channel, _)| !state.frozen[*channel])
            {
                let products = values.iter().zip(gradients);
                let products = products.map(|(&value, &gradient)| f64::from(normalised(value)) * f64::from(gradient));
                scales[channel] += sum_of(products) as f32;
                shifts[channel] += sum_of(gradients.iter().map(|&gradient| f64::from(gradient))) as f32;
            }
        }
        let Some(grad_input) = grad_input else { return };
        let scaled = |channel: usize, gradient: f32| gradient * state.weights[channel];
        let all = || {
            channels().enumerate().flat_map(|(channel, (values, gradients))| {
                values.iter().zip(gradients).map(move |(&value, &gradient)| (value, scaled(channel, gradient)))
            })
        };
        let count = maps.input.len() as f64;
        let gradient_mean = (sum_of(all().map(|(_, gradient)| f64::from(gradient))) / count) as f32;
        let correlation = sum_of(all().map(|(value, gradient)| f64::from(normalised(value)) * f64::from(gradient)));
        let correlation = (correlation / count) as f32;
        for (out, (value, gradient)) in grad_input.iter_mut().zip(all()) {
            *out = inverse * (-normalised(value)).mul_add(correlation, gradient - gradient_mean);
        }
    }

    fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], biases: &mut [f32]) {
        let (scales, shifts) = accumulator.split_at(self.shape.channels);
        weights.copy_from_slice(scales);
        biases.copy_from_slice(shifts);
    }
}
