//! What the kinds of last layer have in common: a fully connected layer over the classes, and a loss.

use revacnn_schemas::{ClassOutputs, LayerSpec};

use super::fully_connected::Dense;
use super::kind::{Surroundings, refuse};
use super::operation::Operation;
use super::regression::{Target, squared_error, squared_error_of_image};
use super::softmax::softmax_loss;
use super::start::{self, Start};
use super::svm::hinge_loss;
use crate::TrainerError;

/// The loss of one image over the outputs of a class layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    /// Softmax with cross-entropy.
    CrossEntropy {
        /// The share of the target that all classes have alike.
        smoothing: f32,
    },
    /// Multi-class hinge.
    Hinge,
    /// Squared error against the target.
    SquaredError(Target),
}

impl Loss {
    /// What the outputs mean.
    pub(crate) fn outputs(self) -> ClassOutputs {
        match self {
            Self::CrossEntropy { .. } => ClassOutputs::Probabilities,
            Self::Hinge => ClassOutputs::Scores,
            Self::SquaredError(Target::Class) => ClassOutputs::Values,
            Self::SquaredError(Target::Image) => ClassOutputs::Image,
        }
    }

    /// The loss of one image. Writes the outputs that are shown (class probabilities, or the
    /// layer's own), and into `gradient` (where given) the loss's gradient times `scale`.
    ///
    /// # Shapes
    /// `computed`, `outputs` and the gradient are `[class]`, or have the image's shape where that
    /// is the target.
    pub(crate) fn of(
        self,
        computed: &[f32],
        of: &Expected<'_>,
        outputs: &mut [f32],
        gradient: Option<(&mut [f32], f32)>,
    ) -> f32 {
        let label = of.label;
        match self {
            Self::CrossEntropy { smoothing } => softmax_loss(computed, label, smoothing, outputs, gradient),
            Self::Hinge => {
                outputs.copy_from_slice(computed);
                hinge_loss(computed, label, gradient)
            }
            Self::SquaredError(target) => {
                outputs.copy_from_slice(computed);
                match target {
                    Target::Class => squared_error(computed, label, gradient),
                    Target::Image => squared_error_of_image(computed, of.image, gradient),
                }
            }
        }
    }
}

/// What the outputs for an image are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// Its class.
    pub(crate) label: usize,
    /// The image as the network reads it, `[channel][row][column]`.
    pub(crate) image: &'a [f32],
}

/// The class with the largest output, the first one on a tie.
pub(crate) fn predicted_class(computed: &[f32]) -> usize {
    let mut best = 0;
    for (class, output) in computed.iter().enumerate() {
        if *output > computed[best] {
            best = class;
        }
    }
    best
}

/// The operation of a class layer; `classes` are filled in, coefficients and biases begin so.
///
/// # Errors
/// Another number of classes than the data set has.
pub(super) fn build(
    classes: &mut Option<usize>,
    spec: &LayerSpec,
    around: &Surroundings,
    (init, bias): (Start, f64),
) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
    start::check_bias(spec, bias)?;
    let classes = *classes.get_or_insert(around.classes);
    if classes != around.classes {
        return Err(refuse(
            spec,
            format!("the data set has {} classes, the layer says {classes}; leave `classes` out", around.classes),
        ));
    }
    Ok(vec![Box::new(Dense::new(around, classes, init, bias))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_the_first_of_the_largest_outputs() {
        assert_eq!(predicted_class(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(predicted_class(&[-2.0, -1.0]), 1);
        assert_eq!(predicted_class(&[f32::NAN; 3]), 0);
    }
}
