//! A class layer with the squared error: `kind = "regression"`.

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
    const NAME: &'static str = "regression";
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
        Some(Loss::SquaredError)
    }
}

/// The squared error of one image, ½Σ(yᵢ − tᵢ)², where t is 1 for the label and 0 for every
/// other class.
///
/// # Determinism
/// The sum runs over the classes in order.
///
/// Source: the `regression` layer of ConvNetJS: PyTorch's `mse_loss` times half the number of classes.
pub(super) fn squared_error(values: &[f32], label: usize, gradient: Option<(&mut [f32], f32)>) -> f32 {
    let errors = || values.iter().enumerate().map(|(class, value)| value - if class == label { 1.0 } else { 0.0 });
    if let Some((gradient, scale)) = gradient {
        gradient.iter_mut().zip(errors()).for_each(|(out, error)| *out = error * scale);
    }
    0.5 * errors().fold(0.0_f32, |sum, error| error.mul_add(error, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_1_for_the_label_and_0_for_the_others() {
        let mut gradient = [9.0; 3];
        assert_eq!(squared_error(&[0.5, 2.0, -1.0], 1, Some((&mut gradient, 2.0))), 1.125);
        assert_eq!(gradient, [1.0, 2.0, -2.0]);
        assert_eq!(squared_error(&[0.0, 1.0], 1, None), 0.0);
    }
}
