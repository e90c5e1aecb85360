//! The class layer: `kind = "softmax"`, a fully connected layer over the
//! classes whose outputs are the logits of a softmax with cross-entropy loss.

use revacnn_schemas::LayerSpec;
use serde::{Deserialize, Serialize};

use super::fully_connected::Dense;
use super::kind::{Layer, Role, Surroundings, refuse};
use super::operation::Operation;
use super::start::{self, Start};
use crate::TrainerError;

/// Configuration of the class layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Number of classes; the data set's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classes: Option<usize>,
    /// How the coefficients are drawn.
    #[serde(default, skip_serializing_if = "Start::is_default")]
    init: Start,
    /// What the biases begin with.
    #[serde(default, alias = "bias-init", skip_serializing_if = "start::is_zero")]
    bias_init: f64,
}

impl Layer for Config {
    const NAME: &'static str = "softmax";
    const ROLE: Role = Role::Classes;
    const IS_DRAWN: bool = true;

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let classes = *self.classes.get_or_insert(around.classes);
        if classes != around.classes {
            return Err(refuse(
                spec,
                format!("the data set has {} classes, the layer says {classes}; leave `classes` out", around.classes),
            ));
        }
        start::check_bias(spec, self.bias_init)?;
        Ok(vec![Box::new(Dense::new(around, classes, self.init, self.bias_init))])
    }
}

/// Softmax with cross-entropy of one image.
///
/// Writes the class probabilities, and into `gradient` (where given)
/// `(p − [class = label]) · scale`; returns the loss, −ln p of the label.
///
/// # Determinism
/// The largest logit is subtracted first; exponentials and the logarithm are
/// `libm`'s; the sum runs over the classes in order.
pub(crate) fn softmax_loss(
    logits: &[f32],
    label: usize,
    probabilities: &mut [f32],
    gradient: Option<(&mut [f32], f32)>,
) -> f32 {
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
            let target = if class == label { 1.0 } else { 0.0 };
            *out = (probability - target) * scale;
        }
    }
    libm::logf(sum) - (logits[label] - largest)
}

/// The class with the largest logit, the first one on a tie.
pub(crate) fn predicted_class(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_equally_likely() {
        let mut probabilities = [0.0; 4];
        let mut gradient = [0.0; 4];
        let loss = softmax_loss(&[3.0; 4], 1, &mut probabilities, Some((&mut gradient, 0.5)));
        assert_eq!(probabilities, [0.25; 4]);
        assert_eq!(gradient, [0.125, -0.375, 0.125, 0.125]);
        assert!((loss - 4.0_f32.ln()).abs() < 1e-7);
    }

    #[test]
    fn logits_of_any_size_have_probabilities_that_sum_to_1() {
        for logits in [[1e30, -1e30, 0.0], [-1e30, -1e30, -1e30], [88.0, 89.0, 90.0], [1e-30, 0.0, -1e-30]] {
            let mut probabilities = [0.0; 3];
            let loss = softmax_loss(&logits, 0, &mut probabilities, None);
            assert!(loss.is_finite() && loss >= 0.0, "{logits:?}: {loss}");
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{probabilities:?}");
        }
    }

    #[test]
    fn a_prediction_is_the_first_of_the_largest_logits() {
        assert_eq!(predicted_class(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(predicted_class(&[-2.0, -1.0]), 1);
        assert_eq!(predicted_class(&[f32::NAN; 3]), 0);
    }
}
