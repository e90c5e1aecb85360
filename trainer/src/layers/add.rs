//! Addition: `kind = "add"`, the sum of the maps of several layers, value by
//! value.
//!
//! Source: He, Zhang, Ren and Sun, *Deep Residual Learning for Image
//! Recognition* (2016), equation 1.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Gather, Layer, Role, Surroundings, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::Form;
use crate::kernels::{Instructions, add_to};

/// Configuration of an addition: what it reads says all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {}

impl Layer for Config {
    const NAME: &'static str = "add";
    const ROLE: Role = Role::Gathers(Gather::Sum);

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let (first, shape) = &around.reads[0];
        if let Some((other, found)) = around.reads.iter().find(|(_, found)| found != shape) {
            let reason = format!("it adds maps of one shape, found {shape} of {first} and {found} of {other}");
            return Err(refuse(spec, reason));
        }
        Ok(vec![Box::new(Add { shape: *shape, instructions: around.instructions })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::Add]
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

/// # Determinism
/// Each value is ((a + b) + c) + … in the order of what is read.
#[derive(Debug)]
struct Add {
    shape: ImageShape,
    instructions: Instructions,
}

impl Operation for Add {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        output.copy_from_slice(input);
    }

    fn gather(&self, inputs: &mut dyn Iterator<Item = &[f32]>, output: &mut [f32]) {
        for (place, input) in inputs.enumerate() {
            if place == 0 {
                output.copy_from_slice(input);
            } else {
                add_to(self.instructions, output, input);
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
        if let Some(grad_input) = grad_input {
            grad_input.copy_from_slice(maps.grad_output);
        }
    }

    fn part_of(&self, _input: usize) -> std::ops::Range<usize> {
        0..self.shape.len()
    }
}
