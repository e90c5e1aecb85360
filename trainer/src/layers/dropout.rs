//! Dropout: `kind = "dropout"`.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Identity, Layer, LayerParameter, Role, Surroundings, no_identity, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::data::Stream;
use crate::exchange::Form;

/// Configuration of dropout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Share of values that become zero in training; the others are divided
    /// by one minus it, so that nothing changes in evaluation.
    rate: f64,
}

impl Layer for Config {
    const NAME: &'static str = "dropout";
    const ROLE: Role = Role::Joins;
    const PARAMETERS: &'static [LayerParameter] = &[LayerParameter::number("rate", "0.5")];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        // As it is used: what rounds to 1 would drop everything.
        let rate = self.rate as f32;
        if !(0.0..1.0).contains(&rate) {
            let reason = format!("rate must be at least 0 and below 1 as a 32-bit number, found {}", self.rate);
            return Err(refuse(spec, reason));
        }
        let (shape, stream, numbers) = (around.input, around.stream, around.numbers.clone());
        Ok(vec![Box::new(Dropout { rate, shape, stream, numbers })])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::Dropout { rate: self.rate }]
    }

    fn identity(&self, _input: ImageShape, _not_negative: bool) -> Identity {
        if self.rate == 0.0 { Ok(None) } else { Err(no_identity(Self::NAME)) }
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
}

/// # Determinism
/// One stream per filter, keyed (seed, epoch, the image's place in the epoch,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{ImageContext, Packed};

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 40, width: 50 };
    const TRAINING: ImageContext = ImageContext { training: true, keep: true, seed: 1, epoch: 2, offset: 3 };

    /// The output for an image of ones: the mask itself.
    fn mask(image: ImageContext, stream: u64, numbers: [u32; 3]) -> Vec<f32> {
        let dropout = Dropout { rate: 0.3, shape: SHAPE, stream, numbers: numbers.into() };
        let packed = Packed::default();
        let context = Context { image, state: None, packed: &packed, batch: &[] };
        let mut scratch = Scratch { values: vec![f32::NAN; dropout.scratch_len()], positions: Vec::new() };
        let mut output = vec![f32::NAN; SHAPE.len()];
        dropout.forward(&context, &vec![1.0; SHAPE.len()], &mut output, &mut scratch);
        assert_eq!(output, scratch.values, "what goes back is scaled as what came");
        output
    }

    #[test]
    fn a_share_is_dropped_and_the_rest_makes_up_for_it() {
        let mask = mask(TRAINING, 7, [0, 1, 2]);
        let dropped = mask.iter().filter(|&&factor| factor == 0.0).count() as f32 / mask.len() as f32;
        assert!((dropped - 0.3).abs() < 0.02, "{dropped}");
        assert!(mask.iter().all(|&factor| factor == 0.0 || factor == 1.0 / (1.0 - 0.3)));
    }

    #[test]
    fn evaluation_drops_nothing() {
        assert_eq!(mask(ImageContext::EVALUATION, 7, [0, 1, 2]), vec![1.0; SHAPE.len()]);
    }

    #[test]
    fn a_filters_mask_follows_its_number_and_not_its_place() {
        let [before, after] = [mask(TRAINING, 7, [0, 1, 2]), mask(TRAINING, 7, [0, 2, 5])];
        assert_eq!(before[..2000], after[..2000]);
        assert_eq!(before[4000..], after[2000..4000], "filter 2 moved up");
        assert_ne!(before[2000..4000], before[4000..]);
    }

    #[test]
    fn every_key_draws_another_mask() {
        let base = mask(TRAINING, 7, [0, 1, 2]);
        assert_eq!(base, mask(TRAINING, 7, [0, 1, 2]));
        assert_ne!(base, mask(TRAINING, 8, [0, 1, 2]));
        for other in [
            ImageContext { seed: 9, ..TRAINING },
            ImageContext { epoch: 9, ..TRAINING },
            ImageContext { offset: 9, ..TRAINING },
        ] {
            assert_ne!(base, mask(other, 7, [0, 1, 2]), "{other:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_dropped_like_any_other() {
        let dropout = Dropout { rate: 0.5, shape: SHAPE, stream: 0, numbers: vec![0, 1, 2] };
        let packed = Packed::default();
        let context = Context { image: TRAINING, state: None, packed: &packed, batch: &[] };
        let mut scratch = Scratch { values: vec![0.0; SHAPE.len()], positions: Vec::new() };
        let mut output = vec![0.0; SHAPE.len()];
        dropout.forward(&context, &vec![f32::INFINITY; SHAPE.len()], &mut output, &mut scratch);
        assert!(output.contains(&0.0) && output.iter().all(|value| !value.is_nan()));
    }
}
