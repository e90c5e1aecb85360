//! Concatenation: `kind = "concat"`, the channels of several layers in the
//! order in which they are read.
//!
//! Source: Huang, Liu, van der Maaten and Weinberger, *Densely Connected
//! Convolutional Networks* (2017), equation 2.

use std::ops::Range;

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Gather, Layer, Role, Surroundings, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of a concatenation: what it reads says all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {}

impl Layer for Config {
    const NAME: &'static str = "concat";
    const ROLE: Role = Role::Gathers(Gather::Channels);

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let (first, shape) = &around.reads[0];
        let size = |shape: &ImageShape| (shape.height, shape.width);
        if let Some((other, found)) = around.reads.iter().find(|(_, found)| size(found) != size(shape)) {
            let reason = format!(
                "it joins maps of one height and width, found {shape} of {first} and {found} of {other} \
                 (channels×rows×columns)"
            );
            return Err(refuse(spec, reason));
        }
        let mut channels = 0_usize;
        let parts = around.reads.iter().map(|(_, shape)| {
            let begin = channels * shape.height * shape.width;
            channels += shape.channels;
            begin..begin + shape.len()
        });
        let parts = parts.collect();
        Ok(vec![Box::new(Concat { shape: ImageShape { channels, ..*shape }, parts })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::Concat]
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

#[derive(Debug)]
struct Concat {
    shape: ImageShape,
    /// Where the values of each layer that is read lie in the output.
    parts: Vec<Range<usize>>,
}

impl Operation for Concat {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        output.copy_from_slice(input);
    }

    fn gather(&self, inputs: &mut dyn Iterator<Item = &[f32]>, output: &mut [f32]) {
        for (input, part) in inputs.zip(&self.parts) {
            output[part.clone()].copy_from_slice(input);
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

    fn part_of(&self, input: usize) -> Range<usize> {
        self.parts[input].clone()
    }
}
