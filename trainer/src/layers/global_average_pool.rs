//! Global average pooling: `kind = "global-average-pool"`.
//!
//! Each map becomes its mean, as PyTorch's `AdaptiveAvgPool2d(1)` has it.
//! Source: Lin, Chen and Yan, *Network in Network* (2013), section 3.2.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Identity, Layer, Role, Surroundings, no_identity};
use super::operation::{Backward, Buffers, Context, Operation, Scratch, sum_of};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of global average pooling: it has no parameters.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {}

impl Layer for Config {
    const NAME: &'static str = "global-average-pool";
    const STEM: &'static str = "average";
    const ROLE: Role = Role::Ends;

    fn build(&mut self, _spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        Ok(vec![Box::new(GlobalAverage(around.input))])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::GlobalAverage]
    }

    fn identity(&self, input: ImageShape, _not_negative: bool) -> Identity {
        if (input.height, input.width) == (1, 1) { Ok(None) } else { Err(no_identity(Self::NAME)) }
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

/// # Determinism
/// The sum of a map is in `f64`, by [`sum_of`]; its quotient is rounded to `f32`.
#[derive(Debug)]
struct GlobalAverage(ImageShape);

impl GlobalAverage {
    fn map(&self) -> usize {
        self.0.height * self.0.width
    }
}

impl Operation for GlobalAverage {
    fn output(&self) -> ImageShape {
        ImageShape { channels: self.0.channels, height: 1, width: 1 }
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        for (out, map) in output.iter_mut().zip(input.chunks_exact(self.map())) {
            *out = (sum_of(map.iter().map(|&value| f64::from(value))) / self.map() as f64) as f32;
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
        for (map, &gradient) in grad_input.chunks_exact_mut(self.map()).zip(maps.grad_output) {
            map.fill(gradient / self.map() as f32);
        }
    }
}
