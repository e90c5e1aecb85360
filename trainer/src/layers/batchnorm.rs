//! Batch normalisation: `kind = "batchnorm"`.
//!
//! In training each channel is normalised by its mean and (biased) variance
//! over the batch and all pixels; in evaluation by its running statistics.
//! Source: Ioffe and Szegedy, 2015; the running variance is the unbiased one,
//! as in PyTorch.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Layer, LayerParameter, Role, Surroundings, refuse};
use super::operation::{Backward, Buffers, Context, Operation, ParameterShape, Scratch};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of batch normalisation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Share of the batch's statistics in the running ones.
    #[serde(default = "momentum")]
    momentum: f64,
    /// What is added to the variance before its root.
    #[serde(default = "epsilon")]
    epsilon: f64,
}

fn momentum() -> f64 {
    0.1
}

fn epsilon() -> f64 {
    1e-5
}

impl Layer for Config {
    const NAME: &'static str = "batchnorm";
    const ROLE: Role = Role::Joins;
    const PARAMETERS: &'static [LayerParameter] =
        &[LayerParameter::number("momentum", ""), LayerParameter::number("epsilon", "")];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(refuse(spec, format!("momentum must be 0 to 1, found {}", self.momentum)));
        }
        // As it is used: what vanishes at 32 bits divides by zero where a channel is constant.
        let epsilon = self.epsilon as f32;
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return Err(refuse(spec, format!("epsilon must be above 0 as a 32-bit number, found {}", self.epsilon)));
        }
        Ok(vec![Box::new(BatchNorm { shape: around.input, momentum: self.momentum as f32, epsilon })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::BatchNorm { epsilon: self.epsilon, momentum: self.momentum }]
    }

    fn array_axes(&self, _input: ImageShape) -> Vec<usize> {
        Vec::new()
    }

    /// One scale per channel.
    fn coefficient_axes(&self, _input: ImageShape) -> [usize; 3] {
        [1, 1, 1]
    }
}

#[derive(Debug)]
struct BatchNorm {
    shape: ImageShape,
    momentum: f32,
    epsilon: f32,
}

/// What the batch shares, `[channels]` each: mean, 1/√(variance + ε), biased
/// variance, mean of the gradient, mean of gradient · normalised value.
const MEAN: usize = 0;
const INVERSE: usize = 1;
const VARIANCE: usize = 2;
const GRADIENT: usize = 3;
const CORRELATION: usize = 4;
const PARTS: usize = 5;

/// Sums `term(value)` over images and pixels.
///
/// # Determinism
/// Eight running sums in `f64`, pixel i of each image to sum i mod 8, added
/// up in order.
fn sum(maps: impl Iterator<Item = impl ExactSizeIterator<Item = f64>>) -> f64 {
    let mut lanes = [0.0_f64; 8];
    for map in maps {
        for (pixel, value) in map.enumerate() {
            lanes[pixel % 8] += value;
        }
    }
    lanes.iter().sum()
}

impl BatchNorm {
    fn map(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// Mean and 1/√(variance + ε) of a channel: the batch's in training, the
    /// running ones in evaluation.
    fn moments(&self, context: &Context<'_>, channel: usize) -> (f32, f32) {
        if context.image.training {
            let channels = self.shape.channels;
            return (context.batch[MEAN * channels + channel], context.batch[INVERSE * channels + channel]);
        }
        let state = context.state.expect("invariant: batch normalisation has weights");
        let [mean, variance] = state.running.as_ref().expect("invariant: batch normalisation has running statistics");
        (mean[channel], 1.0 / (variance[channel] + self.epsilon).sqrt())
    }
}

impl Operation for BatchNorm {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(ParameterShape { normalises: true, ..ParameterShape::scales(self.shape.channels) })
    }

    fn batch_len(&self) -> usize {
        PARTS * self.shape.channels
    }

    fn batch_statistics(&self, inputs: &[&[f32]], batch: &mut [f32]) {
        let (map, channels) = (self.map(), self.shape.channels);
        let count = (map * inputs.len()) as f64;
        for channel in 0..channels {
            let maps = || inputs.iter().map(|input| &input[channel * map..][..map]);
            let mean = sum(maps().map(|map| map.iter().map(|&value| f64::from(value)))) / count;
            let variance = sum(maps().map(|map| {
                map.iter().map(|&value| {
                    let distance = f64::from(value) - mean;
                    distance * distance
                })
            })) / count;
            batch[MEAN * channels + channel] = mean as f32;
            batch[VARIANCE * channels + channel] = variance as f32;
            batch[INVERSE * channels + channel] = 1.0 / (variance as f32 + self.epsilon).sqrt();
        }
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        let state = context.state.expect("invariant: batch normalisation has weights");
        let map = self.map();
        for (channel, (from, to)) in input.chunks_exact(map).zip(output.chunks_exact_mut(map)).enumerate() {
            let (mean, inverse) = self.moments(context, channel);
            let (scale, shift) = (state.weights[channel], state.biases[channel]);
            for (out, &value) in to.iter_mut().zip(from) {
                *out = ((value - mean) * inverse).mul_add(scale, shift);
            }
        }
    }

    fn batch_gradient(&self, images: &[(&[f32], &[f32])], batch: &mut [f32], weights: &mut [f32], biases: &mut [f32]) {
        let (map, channels) = (self.map(), self.shape.channels);
        let count = (map * images.len()) as f64;
        for channel in 0..channels {
            let (mean, inverse) = (batch[MEAN * channels + channel], batch[INVERSE * channels + channel]);
            let range = channel * map..(channel + 1) * map;
            let gradient =
                sum(images.iter().map(|(_, gradient)| gradient[range.clone()].iter().map(|&value| f64::from(value))));
            let correlation = sum(images.iter().map(|(input, gradient)| {
                input[range.clone()]
                    .iter()
                    .zip(&gradient[range.clone()])
                    .map(|(&value, &gradient)| f64::from((value - mean) * inverse) * f64::from(gradient))
            }));
            weights[channel] = correlation as f32;
            biases[channel] = gradient as f32;
            batch[GRADIENT * channels + channel] = (gradient / count) as f32;
            batch[CORRELATION * channels + channel] = (correlation / count) as f32;
        }
    }

    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        _accumulator: Option<&mut [f32]>,
    ) {
        let Some(grad_input) = grad_input else { return };
        let state = context.state.expect("invariant: batch normalisation has weights");
        let (map, channels) = (self.map(), self.shape.channels);
        for (channel, to) in grad_input.chunks_exact_mut(map).enumerate() {
            let (mean, inverse) = self.moments(context, channel);
            let factor = state.weights[channel] * inverse;
            let range = channel * map..(channel + 1) * map;
            let values = to.iter_mut().zip(&maps.input[range.clone()]).zip(&maps.grad_output[range]);
            if context.image.training {
                let gradient_mean = context.batch[GRADIENT * channels + channel];
                let correlation = context.batch[CORRELATION * channels + channel];
                for ((out, &value), &gradient) in values {
                    let normalised = (value - mean) * inverse;
                    *out = factor * (-normalised).mul_add(correlation, gradient - gradient_mean);
                }
            } else {
                for ((out, _), &gradient) in values {
                    *out = factor * gradient;
                }
            }
        }
    }

    fn update_running(&self, batch: &[f32], images: usize, running: &mut [Vec<f32>; 2], frozen: &[bool]) {
        let channels = self.shape.channels;
        let count = (self.map() * images) as f32;
        let unbiased = count / (count - 1.0).max(1.0);
        let [mean, variance] = running;
        for channel in (0..channels).filter(|&channel| !frozen[channel]) {
            let towards = |old: f32, new: f32| self.momentum.mul_add(new - old, old);
            mean[channel] = towards(mean[channel], batch[MEAN * channels + channel]);
            let new = batch[VARIANCE * channels + channel] * unbiased;
            variance[channel] = towards(variance[channel], new);
        }
    }
}
