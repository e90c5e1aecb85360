//! The squared error: `kind = "regression"`, a class layer, or a layer that gives back the image,
//! which makes an autoencoder of the network.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::class::{self, Loss};
use super::fully_connected::Dense;
use super::kind::{Layer, Role, Surroundings, refuse};
use super::operation::Operation;
use super::start::{self, Start};
use crate::TrainerError;
use crate::exchange::Form;

/// What the outputs are held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// 1 for the label and 0 for every other class.
    #[default]
    Class,
    /// The image as the network reads it, varied where it was.
    Image,
}

impl Target {
    fn is_class(&self) -> bool {
        *self == Self::Class
    }
}

/// Configuration of the layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// What its outputs are held against.
    #[serde(default, skip_serializing_if = "Target::is_class")]
    target: Target,
    /// Values of an image, where that is the target; the data set's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    units: Option<usize>,
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
        let lacks = |name: &str, target: &str| {
            Err(refuse(spec, format!("target = \"{target}\" has no `{name}`; leave it out, it follows from the data")))
        };
        match self.target {
            Target::Class if self.units.is_some() => lacks("units", "class"),
            Target::Image if self.classes.is_some() => lacks("classes", "image"),
            Target::Class => class::build(&mut self.classes, spec, around, (self.init, self.bias_init)),
            Target::Image => {
                start::check_bias(spec, self.bias_init)?;
                let values = around.images.len();
                let units = *self.units.get_or_insert(values);
                if units != values {
                    let images = around.images;
                    let reason = format!(
                        "images of {images} have {values} values, the layer says {units} units; leave `units` out"
                    );
                    return Err(refuse(spec, reason));
                }
                Ok(vec![Box::new(Dense::new(around, units, self.init, self.bias_init))])
            }
        }
    }

    fn describe(&self) -> Vec<String> {
        let of_image = (self.target == Target::Image).then(|| "gives back the image".to_owned());
        std::iter::once(Self::NAME.to_owned()).chain(of_image).collect()
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let units = self.units.or(self.classes).expect("invariant: a resolved layer has its classes or its units");
        vec![Form::FullyConnected { units }]
    }

    fn loss(&self) -> Option<Loss> {
        Some(Loss::SquaredError(self.target))
    }
}

/// The squared error of one image against itself, ½Σ(yᵢ − xᵢ)².
///
/// # Shapes
/// All are `[channel][row][column]`.
///
/// # Determinism
/// The sum is one chain of fused multiply-adds over the values in order.
///
/// Source: the `regression` layer of ConvNetJS, trained as in its autoencoder demo: PyTorch's
/// `mse_loss` times half the number of values.
pub(super) fn squared_error_of_image(values: &[f32], image: &[f32], gradient: Option<(&mut [f32], f32)>) -> f32 {
    of_errors(values.iter().zip(image).map(|(value, target)| value - target), gradient)
}

/// The squared error of one image, ½Σ(yᵢ − tᵢ)², where t is 1 for the label and 0 for every
/// other class.
///
/// # Determinism
/// The sum runs over the classes in order.
///
/// Source: the `regression` layer of ConvNetJS: PyTorch's `mse_loss` times half the number of classes.
pub(super) fn squared_error(values: &[f32], label: usize, gradient: Option<(&mut [f32], f32)>) -> f32 {
    let target = |class: usize| if class == label { 1.0 } else { 0.0 };
    of_errors(values.iter().enumerate().map(|(class, value)| value - target(class)), gradient)
}

/// Half the sum of the squares of errors, whose gradient they are.
fn of_errors(errors: impl Iterator<Item = f32> + Clone, gradient: Option<(&mut [f32], f32)>) -> f32 {
    if let Some((gradient, scale)) = gradient {
        gradient.iter_mut().zip(errors.clone()).for_each(|(out, error)| *out = error * scale);
    }
    0.5 * errors.fold(0.0_f32, |sum, error| error.mul_add(error, sum))
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

    #[test]
    fn the_target_is_each_value_of_the_image() {
        let mut gradient = [9.0; 2];
        assert_eq!(squared_error_of_image(&[0.5, -0.25], &[-0.5, 0.25], Some((&mut gradient, 2.0))), 0.625);
        assert_eq!(gradient, [2.0, -1.0]);
        assert_eq!(squared_error_of_image(&[0.5, -0.25], &[0.5, -0.25], None), 0.0);
    }
}
