//! Dropout: `kind = "dropout"`.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::{Backward, Buffers, Built, Context, LayerKind, Operation, Place, Role, Scratch, refuse};
use crate::TrainerError;
use crate::data::Stream;

pub(crate) const KIND: LayerKind =
    LayerKind { name: "dropout", stem: "dropout", role: Role::Joins, build };

/// Configuration of dropout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Share of values that become zero in training; the others are divided
    /// by one minus it, so that nothing changes in evaluation.
    rate: f64,
}

fn build(spec: &LayerSpec, place: &Place) -> Result<Built, TrainerError> {
    let config: Config = spec.config()?;
    if !(0.0..1.0).contains(&config.rate) {
        return Err(refuse(spec, format!("rate must be at least 0 and below 1, found {}", config.rate)));
    }
    let dropout = Dropout {
        rate: config.rate as f32,
        shape: place.input,
        stream: place.stream,
        numbers: place.numbers.clone(),
    };
    Ok(Built::new(&config, vec![Box::new(dropout)]))
}

/// # Determinism
/// One stream a filter, keyed (seed, epoch, the image's place in the epoch,
/// layer, filter), so that neither threads nor other filters change a draw.
#[derive(Debug)]
struct Dropout {
    rate: f32,
    shape: ImageShape,
    stream: u64,
    numbers: Vec<u32>,
}

impl Operation for Dropout {
    fn output(&self) -> ImageShape {
        self.shape
    }

    /// The factor of every value.
    fn scratch_len(&self) -> usize {
        self.shape.len()
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let image = context.image;
        if !image.training {
            output.copy_from_slice(input);
            scratch.values.fill(1.0);
            return;
        }
        let kept = 1.0 / (1.0 - self.rate);
        let map = self.shape.height * self.shape.width;
        for (&number, factors) in self.numbers.iter().zip(scratch.values.chunks_exact_mut(map)) {
            let keys = [image.seed, image.epoch, u64::from(image.offset), self.stream, u64::from(number)];
            let mut stream = Stream::new("dropout", &keys);
            for factor in factors {
                *factor = if stream.uniform_f32() < self.rate { 0.0 } else { kept };
            }
        }
        for ((out, &value), &factor) in output.iter_mut().zip(input).zip(&scratch.values) {
            *out = if factor == 0.0 { 0.0 } else { value * factor };
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
        for ((out, &gradient), &factor) in grad_input.iter_mut().zip(maps.grad_output).zip(&maps.scratch.values) {
            *out = if factor == 0.0 { 0.0 } else { gradient * factor };
        }
    }
}
