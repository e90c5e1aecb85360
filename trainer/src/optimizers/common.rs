//! What every optimizer can do to gradients before they reach its own formula.

use revacnn_schemas::{OptimizerSpec, Parameters};
use serde_json::Value;

use super::kind::Ranged;
use crate::TrainerError;

const L1_DECAY: &str = "l1_decay";
const CLIP_NORM: &str = "clip_norm";

/// Hyper-parameters that every optimizer has, whatever its kind. At 0, where they do nothing,
/// they are not written: neither in a definition nor in the log.
pub const COMMON_PARAMETERS: [&str; 2] = [CLIP_NORM, L1_DECAY];

/// The common hyper-parameters of an optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Common {
    /// L1 decay: l1·sign(w) is added to the gradients of what decays. Also of AdamW, where L2
    /// decay is none of the gradient's.
    pub(crate) l1_decay: f64,
    /// The largest norm of all gradients together; 0 lets any pass.
    pub(crate) clip_norm: f64,
}

impl Common {
    /// Takes them out of a description; what is left is the kind's own.
    ///
    /// # Errors
    /// What is no number, or out of its range.
    pub(super) fn take(spec: &OptimizerSpec) -> Result<(OptimizerSpec, Self), TrainerError> {
        let mut own = spec.clone();
        let mut number = |name: &str| match own.parameters.remove(name) {
            None => Ok(0.0),
            Some(value) => value.as_f64().ok_or_else(|| TrainerError::OutOfRange {
                name: name.replace('_', "-"),
                expected: "a finite number of at least 0",
                found: value.as_str().map_or_else(|| value.to_string(), |word| format!("`{word}`")),
            }),
        };
        let common = Self { l1_decay: number(L1_DECAY)?, clip_norm: number(CLIP_NORM)? };
        Ok((own, common))
    }

    /// Each with its range.
    pub(super) fn ranged(&self) -> [Ranged; 2] {
        [Ranged::from_zero("l1-decay", self.l1_decay), Ranged::from_zero("clip-norm", self.clip_norm)]
    }

    /// Writes out those that do something.
    pub(super) fn write(&self, parameters: &mut Parameters) {
        for (name, value) in [(L1_DECAY, self.l1_decay), (CLIP_NORM, self.clip_norm)] {
            if value != 0.0 {
                parameters.insert(name.to_owned(), Value::from(value));
            }
        }
    }

    /// What gradients are multiplied by so that the norm of all of them together is at most
    /// [`clip_norm`](Self::clip_norm).
    ///
    /// # Determinism
    /// Squares are added up in `f64` in eight sums, whatever the vectors and threads are, arrays in order.
    ///
    /// Source: `torch.nn.utils.clip_grad_norm_`, with its 1e-6.
    pub(crate) fn clip<'a>(&self, gradients: impl Iterator<Item = &'a [f32]>) -> f32 {
        if self.clip_norm == 0.0 {
            return 1.0;
        }
        let squares: f64 = gradients.map(|values| sum(values, |value| value * value)).sum();
        let coefficient = self.clip_norm / (squares.sqrt() + 1e-6);
        // Not-a-number stays one, so that the training ends there.
        if coefficient >= 1.0 { 1.0 } else { coefficient as f32 }
    }
}

/// The sum of a function of each value, in `f64` and eight interleaved sums.
pub(crate) fn sum(values: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let (parts, rest) = values.as_chunks::<8>();
    let mut add = |part: &[f32]| {
        for (lane, &value) in lanes.iter_mut().zip(part) {
            *lane += of(f64::from(value));
        }
    };
    parts.iter().for_each(|part| add(part));
    add(rest);
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_scaled_to_the_norm_only_where_theirs_is_larger() {
        let clip =
            |clip_norm, gradients: &[&[f32]]| Common { clip_norm, ..Common::default() }.clip(gradients.iter().copied());
        let gradients: &[&[f32]] = &[&[3.0, 0.0], &[4.0]];
        assert_eq!([0.0, 5.1, 100.0].map(|norm| clip(norm, gradients)), [1.0; 3]);
        assert!((clip(1.0, gradients) - 0.2).abs() < 1e-6);
        assert_eq!(clip(1.0, &[&[f32::INFINITY]]), 0.0);
        assert!(clip(1.0, &[&[f32::NAN]]).is_nan());
        assert_eq!(clip(1.0, &[&[0.0]]), 1.0);
    }
}
