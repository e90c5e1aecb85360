//! Local response normalisation: `kind = "local-response-norm"`.
//!
//! Each value is divided by (k + α/n · Σ a²)^β, the sum being over the n channels about its own at the same pixel, with
//! PyTorch's definition and defaults.
//! Source: Krizhevsky, Sutskever and Hinton, *ImageNet Classification with Deep Convolutional Neural Networks* (2012),
//! section 3.3, where α is PyTorch's α/n.

use std::ops::Range;

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Layer, LayerParameter, Role, Surroundings, check_range, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of local response normalisation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Channels of a sum: n.
    #[serde(default = "size")]
    size: usize,
    /// Their factor, divided by n.
    #[serde(default = "alpha")]
    alpha: f64,
    /// The exponent.
    #[serde(default = "beta")]
    beta: f64,
    /// What is added to the sum.
    #[serde(default = "k")]
    k: f64,
}

fn size() -> usize {
    5
}

fn alpha() -> f64 {
    1e-4
}

fn beta() -> f64 {
    0.75
}

fn k() -> f64 {
    1.0
}

impl Layer for Config {
    const NAME: &'static str = "local-response-norm";
    const STEM: &'static str = "lrn";
    const ROLE: Role = Role::Joins;
    const PARAMETERS: &'static [LayerParameter] = &[
        LayerParameter::number("size", ""),
        LayerParameter::number("alpha", ""),
        LayerParameter::number("beta", ""),
        LayerParameter::number("k", ""),
    ];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        check_range(spec, "size", self.size, 1..=65_536)?;
        for (name, value, above) in [("alpha", self.alpha, -1.0), ("beta", self.beta, -1.0), ("k", self.k, 0.0)] {
            let used = value as f32;
            if !(used.is_finite() && used >= 0.0 && f64::from(used) > above) {
                let least = if above < 0.0 { "at least 0" } else { "above 0" };
                return Err(refuse(spec, format!("{name} must be {least} as a 32-bit number, found {value}")));
            }
        }
        Ok(vec![Box::new(LocalResponse {
            shape: around.input,
            size: self.size,
            factor: (self.alpha / self.size as f64) as f32,
            beta: self.beta as f32,
            k: self.k as f32,
        })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::LocalResponse { size: self.size, alpha: self.alpha, beta: self.beta, k: self.k }]
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

/// # Determinism
/// A sum is one chain of fused multiply-adds over its channels in order, and powers are `libm`'s.
#[derive(Debug)]
struct LocalResponse {
    shape: ImageShape,
    size: usize,
    factor: f32,
    beta: f32,
    k: f32,
}

impl LocalResponse {
    fn map(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// The channels whose values are in the sum of a channel.
    fn read_by(&self, channel: usize) -> Range<usize> {
        channel.saturating_sub(self.size / 2)..(channel + self.size.div_ceil(2)).min(self.shape.channels)
    }

    /// The channels in whose sums a channel's values are.
    fn readers_of(&self, channel: usize) -> Range<usize> {
        channel.saturating_sub((self.size - 1) / 2)..(channel + self.size / 2 + 1).min(self.shape.channels)
    }
}

impl Operation for LocalResponse {
    fn output(&self) -> ImageShape {
        self.shape
    }

    /// What values are divided by before it has its exponent, and the factors that come of it.
    fn scratch_len(&self) -> usize {
        2 * self.shape.len()
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let (bases, factors) = scratch.values.split_at_mut(input.len());
        let map = self.map();
        for channel in 0..self.shape.channels {
            let own = channel * map..(channel + 1) * map;
            let sums = &mut bases[own.clone()];
            sums.fill(0.0);
            for other in self.read_by(channel) {
                for (sum, &value) in sums.iter_mut().zip(&input[other * map..][..map]) {
                    *sum = value.mul_add(value, *sum);
                }
            }
            for ((base, factor), place) in sums.iter_mut().zip(&mut factors[own.clone()]).zip(own) {
                *base = base.mul_add(self.factor, self.k);
                *factor = libm::powf(*base, -self.beta);
                output[place] = input[place] * *factor;
            }
        }
    }

    fn backward(
        &self,
        _context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        _accumulator: Option<&mut [f32]>,
    ) {
        let Some(grad_input) = grad_input else { return };
        let (bases, factors) = maps.scratch.values.split_at(maps.input.len());
        let map = self.map();
        let slope = -2.0 * self.factor * self.beta;
        for channel in 0..self.shape.channels {
            let own = channel * map..(channel + 1) * map;
            let sums = &mut grad_input[own.clone()];
            sums.fill(0.0);
            for other in self.readers_of(channel) {
                for (pixel, sum) in sums.iter_mut().enumerate() {
                    let place = other * map + pixel;
                    *sum = maps.grad_output[place].mul_add(maps.output[place] / bases[place], *sum);
                }
            }
            for (sum, place) in sums.iter_mut().zip(own) {
                *sum = (slope * maps.input[place]).mul_add(*sum, maps.grad_output[place] * factors[place]);
            }
        }
    }
}
