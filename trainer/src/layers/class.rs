//! What class layers have in common: a fully connected layer over the classes, and a loss.

use revacnn_schemas::{ClassOutputs, LayerSpec};

use super::fully_connected::Dense;
use super::kind::{Surroundings, refuse};
use super::operation::Operation;
use super::regression::squared_error;
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
    /// Squared error against 1 for the label and 0 for every other class.
    SquaredError,
}

impl Loss {
    /// What the outputs mean.
    pub(crate) fn outputs(self) -> ClassOutputs {
        match self {
            Self::CrossEntropy { .. } => ClassOutputs::Probabilities,
            Self::Hinge => ClassOutputs::Scores,
            Self::SquaredError => ClassOutputs::Values,
        }
    }

    /// The loss of one image. Writes the outputs that are shown (class probabilities, or the
    /// layer's own), and into `gradient` (where given) the loss's gradient times `scale`.
    ///
    /// # Shapes
    /// `computed`, `outputs` and the gradient are `[class]`.
    pub(crate) fn of(
        self,
        computed: &[f32],
        label: usize,
        outputs: &mut [f32],
        gradient: Option<(&mut [f32], f32)>,
    ) -> f32 {
        match self {
            Self::CrossEntropy { smoothing } => softmax_loss(computed, label, smoothing, outputs, gradient),
            Self::Hinge => {
                outputs.copy_from_slice(computed);
                hinge_loss(computed, label, gradient)
            }
            Self::SquaredError => {
                outputs.copy_from_slice(computed);
                squared_error(computed, label, gradient)
            }
        }
    }
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
