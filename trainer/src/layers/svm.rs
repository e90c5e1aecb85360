//! A class layer with the multi-class hinge loss: `kind = "svm"`.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::class::{self, Loss};
use super::kind::{Layer, Role, Surroundings};
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
    /// How the coefficients are drawn.
    #[serde(default, skip_serializing_if = "Start::is_default")]
    init: Start,
    /// What the biases begin with.
    #[serde(default, skip_serializing_if = "start::is_zero")]
    bias_init: f64,
}

impl Layer for Config {
    const NAME: &'static str = "svm";
    const ROLE: Role = Role::Classes;
    const IS_DRAWN: bool = true;

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        class::build(&mut self.classes, spec, around, (self.init, self.bias_init))
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let units = self.classes.expect("invariant: a resolved class layer has its classes");
        vec![Form::FullyConnected { units }]
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::Hinge)
    }
}

/// The hinge loss of one image, Σ max(0, sᵢ − s + 1) over the classes i but the label, whose
/// score is s. A class is in the gradient where it adds to the loss.
///
/// # Determinism
/// The sum runs over the classes in order.
///
/// Source: Weston and Watkins 1999, as the `svm` layer of ConvNetJS: PyTorch's
/// `multi_margin_loss` times the number of classes.
pub(super) fn hinge_loss(scores: &[f32], label: usize, gradient: Option<(&mut [f32], f32)>) -> f32 {
    let excess = |score: f32| score - scores[label] + 1.0;
    let others = || scores.iter().enumerate().filter(|&(class, _)| class != label);
    let loss = others().map(|(_, &score)| excess(score)).fold(0.0, |sum, excess| {
        // Not-a-number is kept, so that the training ends there.
        if excess <= 0.0 { sum } else { sum + excess }
    });
    if let Some((gradient, scale)) = gradient {
        let mut adding = 0.0_f32;
        for (class, &score) in others() {
            let adds = excess(score) > 0.0;
            gradient[class] = if adds { scale } else { 0.0 };
            adding += if adds { 1.0 } else { 0.0 };
        }
        gradient[label] = -adding * scale;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_within_the_margin_add_to_the_loss_and_its_gradient() {
        let mut gradient = [9.0; 4];
        let loss = hinge_loss(&[2.0, 1.5, 0.5, 3.0], 0, Some((&mut gradient, 0.5)));
        assert_eq!(loss, 0.5 + 2.0);
        assert_eq!(gradient, [-1.0, 0.5, 0.0, 0.5]);
        assert_eq!(hinge_loss(&[2.0, 1.0, 0.5], 0, Some((&mut gradient[..3], 1.0))), 0.0);
        assert_eq!(gradient[..3], [0.0; 3]);
        assert_eq!(hinge_loss(&[0.0; 3], 2, None), 2.0);
        assert!(hinge_loss(&[0.0, f32::NAN, 0.0], 2, None).is_nan());
    }
}
