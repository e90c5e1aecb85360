//! The class layer: `kind = "softmax"`, a fully connected layer over the
//! classes whose outputs are the logits of a softmax with cross-entropy loss.

use revacnn_schemas::{ImageShape, LayerSpec, written};
use serde::{Deserialize, Serialize};

use super::class::{self, Loss};
use super::kind::{Layer, Role, Surroundings, refuse};
use super::operation::Operation;
use super::start::{self, Start};
use crate::TrainerError;
use crate::exchange::Form;

/// Configuration of the class layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Number of classes; the data set's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classes: Option<usize>,
    /// The share of the target that all classes have alike, below 1; 0 is not written.
    #[serde(default, skip_serializing_if = "start::is_zero")]
    label_smoothing: f64,
    /// How the coefficients are drawn.
    #[serde(default, skip_serializing_if = "Start::is_default")]
    init: Start,
    /// What the biases begin with.
    #[serde(default, skip_serializing_if = "start::is_zero")]
    bias_init: f64,
}

impl Layer for Config {
    const NAME: &'static str = "softmax";
    const ROLE: Role = Role::Classes;
    const IS_DRAWN: bool = true;

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let smoothing = self.label_smoothing;
        if !(0.0..1.0).contains(&(smoothing as f32)) || smoothing.is_sign_negative() {
            let found = written(smoothing);
            return Err(refuse(spec, format!("label-smoothing must be at least 0 and below 1, found {found}")));
        }
        class::build(&mut self.classes, spec, around, (self.init, self.bias_init))
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::CrossEntropy { smoothing: self.label_smoothing as f32 })
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let units = self.classes.expect("invariant: a resolved class layer has its classes");
        vec![Form::FullyConnected { units }, Form::Softmax]
    }
}

/// Softmax with cross-entropy of one image.
///
/// Writes the class probabilities, and into `gradient` (where given)
/// `(p − t) · scale`; returns the loss, −Σ t ln p. The target t is smoothing/classes of each class
/// and the rest of the label.
///
/// # Determinism
/// The largest logit is subtracted first; exponentials and the logarithm are
/// `libm`'s; the sums run over the classes in order.
///
/// Source: `torch.nn.functional.cross_entropy`, with its `label_smoothing`.
pub(super) fn softmax_loss(
    logits: &[f32],
    label: usize,
    smoothing: f32,
    probabilities: &mut [f32],
    gradient: Option<(&mut [f32], f32)>,
) -> f32 {
    let shared = smoothing / logits.len() as f32;
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f32;
    for (probability, &logit) in probabilities.iter_mut().zip(logits) {
        *probability = libm::expf(logit - largest);
        sum += *probability;
    }
    for probability in probabilities.iter_mut() {
        *probability /= sum;
    }
    if let Some((gradient, scale)) = gradient {
        for (class, (out, &probability)) in gradient.iter_mut().zip(&*probabilities).enumerate() {
            let target = if class == label { 1.0 - smoothing } else { 0.0 };
            *out = (probability - (target + shared)) * scale;
        }
    }
    let sum = libm::logf(sum);
    let loss = sum - (logits[label] - largest);
    if smoothing == 0.0 {
        return loss;
    }
    let all = logits.iter().fold(0.0_f32, |all, logit| all + (sum - (logit - largest)));
    (1.0 - smoothing).mul_add(loss, shared * all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_equally_likely() {
        let mut probabilities = [0.0; 4];
        let mut gradient = [0.0; 4];
        let loss = softmax_loss(&[3.0; 4], 1, 0.0, &mut probabilities, Some((&mut gradient, 0.5)));
        assert_eq!(probabilities, [0.25; 4]);
        assert_eq!(gradient, [0.125, -0.375, 0.125, 0.125]);
        assert!((loss - 4.0_f32.ln()).abs() < 1e-7);
    }

    #[test]
    fn smoothing_gives_every_class_a_share_of_the_target() {
        let (mut probabilities, mut gradient) = ([0.0; 4], [0.0; 4]);
        let loss = softmax_loss(&[3.0; 4], 1, 0.5, &mut probabilities, Some((&mut gradient, 1.0)));
        assert_eq!(gradient, [0.125, -0.375, 0.125, 0.125]);
        assert!((loss - 4.0_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn logits_of_any_size_have_probabilities_that_sum_to_1() {
        for logits in [[1e30, -1e30, 0.0], [-1e30, -1e30, -1e30], [88.0, 89.0, 90.0], [1e-30, 0.0, -1e-30]] {
            let mut probabilities = [0.0; 3];
            let loss = softmax_loss(&logits, 0, 0.0, &mut probabilities, None);
            assert!(loss.is_finite() && loss >= 0.0, "{logits:?}: {loss}");
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{probabilities:?}");
        }
    }
}
