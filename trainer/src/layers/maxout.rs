//! Maxout: `kind = "maxout"`, the largest of some linear pieces.
//!
//! Channel c is, place by place, the largest of the channels c·pieces to
//! c·pieces + pieces − 1 of the layer that it reads, as in ConvNetJS.
//!
//! Source: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, *Maxout
//! Networks* (2013), section 2.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Layer, LayerParameter, Role, Surroundings, check_range, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of maxout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Channels that become one.
    #[serde(default = "two")]
    pieces: usize,
}

fn two() -> usize {
    2
}

impl Layer for Config {
    const NAME: &'static str = "maxout";
    const ROLE: Role = Role::Reduces;
    const PARAMETERS: &'static [LayerParameter] = &[LayerParameter::number("pieces", "2")];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let (channels, pieces) = (around.input.channels, self.pieces);
        check_range(spec, "pieces", pieces, 2..=1 << 20)?;
        if !channels.is_multiple_of(pieces) {
            let reason = format!(
                "each of its channels is the largest of {pieces} that it reads, and {channels} cannot be shared out \
                 so; give the layer before it a multiple of {pieces} filters, or change pieces"
            );
            return Err(refuse(spec, reason));
        }
        Ok(vec![Box::new(Maxout { input: around.input, pieces })])
    }

    fn describe(&self) -> Vec<String> {
        vec![format!("{} of {}", Self::NAME, self.pieces)]
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::Maxout { pieces: self.pieces }]
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

/// Of equal pieces the first wins. Not-a-number wins over numbers, the last over those before it. (As
/// max pooling has it.)
///
/// # Determinism
/// Values are compared and copied; each gradient goes to the winner alone.
#[derive(Debug)]
struct Maxout {
    input: ImageShape,
    pieces: usize,
}

impl Maxout {
    fn map(&self) -> usize {
        self.input.height * self.input.width
    }
}

impl Operation for Maxout {
    fn output(&self) -> ImageShape {
        ImageShape { channels: self.input.channels / self.pieces, ..self.input }
    }

    /// Which piece won.
    fn positions_len(&self) -> usize {
        self.output().len()
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let map = self.map();
        let groups = input.chunks_exact(map * self.pieces);
        let winners = scratch.positions.chunks_exact_mut(map);
        for ((group, output), winners) in groups.zip(output.chunks_exact_mut(map)).zip(winners) {
            let (first, others) = group.split_at(map);
            output.copy_from_slice(first);
            winners.fill(0);
            for (piece, values) in (1..).zip(others.chunks_exact(map)) {
                for ((best, winner), &value) in output.iter_mut().zip(&mut *winners).zip(values) {
                    if value > *best || value.is_nan() {
                        (*best, *winner) = (value, piece);
                    }
                }
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
        let map = self.map();
        grad_input.fill(0.0);
        let groups = grad_input.chunks_exact_mut(map * self.pieces);
        let gradients = maps.grad_output.chunks_exact(map).zip(maps.scratch.positions.chunks_exact(map));
        for (group, (gradients, winners)) in groups.zip(gradients) {
            for (place, (&gradient, &winner)) in gradients.iter().zip(winners).enumerate() {
                group[winner as usize * map + place] = gradient;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::operation::{ImageContext, Packed};

    const INPUT: ImageShape = ImageShape { channels: 6, height: 1, width: 2 };

    /// The output of an image, and the gradient of its input where that of the output is 1, 2, ….
    fn ran(pieces: usize, input: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let maxout = Maxout { input: INPUT, pieces };
        let length = maxout.output().len();
        let packed = Packed::default();
        let context = Context { image: ImageContext::EVALUATION, state: None, packed: &packed, batch: &[] };
        let mut scratch = Scratch { positions: vec![9; length], ..Scratch::default() };
        let mut output = vec![f32::NAN; length];
        maxout.forward(&context, input, &mut output, &mut scratch);
        let grad_output: Vec<f32> = (1..=length).map(|value| value as f32).collect();
        let maps = Backward { input, output: &output, grad_output: &grad_output, scratch: &scratch };
        let mut grad_input = vec![f32::NAN; input.len()];
        maxout.backward(&context, &maps, &mut Buffers::default(), Some(&mut grad_input), None);
        (output, grad_input)
    }

    #[test]
    fn a_channel_is_the_largest_of_its_pieces_place_by_place() {
        let input = [1.0, -5.0, 3.0, -6.0, -2.0, 0.0, -1.0, 7.0, 4.0, 4.0, 2.0, 9.0];
        let (output, gradient) = ran(2, &input);
        assert_eq!(output, [3.0, -5.0, -1.0, 7.0, 4.0, 9.0]);
        assert_eq!(gradient, [0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 3.0, 4.0, 5.0, 0.0, 0.0, 6.0]);
        let (output, gradient) = ran(3, &input);
        assert_eq!(output, [3.0, 0.0, 4.0, 9.0]);
        assert_eq!(gradient, [0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 4.0]);
    }

    #[test]
    fn of_equal_pieces_the_first_wins_and_not_a_number_over_all() {
        let (_, gradient) = ran(3, &[2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 0.0, f32::NAN, 5.0, 3.0, 1.0, 4.0]);
        assert_eq!(gradient, [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 3.0, 0.0, 0.0, 0.0]);
        assert!(ran(3, &[0.0, 0.0, f32::NAN, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).0[0].is_nan());
    }
}
