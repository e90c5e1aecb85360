//! Loss and accuracy over a split.

use revacnn_schemas::{ImageIndex, Prediction, Reconstruction, ValidationResult};

use super::Trainer;
use crate::TrainerError;
use crate::data::Split;
use crate::engine::Saliency;
use crate::layers::require_classes;

impl Trainer {
    /// Evaluates the network, as it is, on every image of a split: no
    /// augmentation, dropout off, running statistics read only. Training images that are dropped
    /// are evaluated as well, and each has the label that it has here.
    ///
    /// # Determinism
    /// Losses are added up in `f64` in the order of the images.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub fn evaluate(&self, split: Split) -> Result<ValidationResult, TrainerError> {
        self.evaluate_images(split, &self.dataset().indices(split))
    }

    /// [`evaluate`](Self::evaluate) on these images alone, of the part of the data
    /// set that the split is taken from, in their order.
    ///
    /// # Errors
    /// An image that there is not, or that cannot be read.
    pub fn evaluate_images(&self, split: Split, images: &[ImageIndex]) -> Result<ValidationResult, TrainerError> {
        let outcomes = self
            .engine()
            .evaluate(self.part(split), images, |evaluated| (evaluated.label, evaluated.predicted, evaluated.loss))?;
        let network = self.engine().network();
        let (classes, predicts) = (network.classes, network.loss.outputs().are_of_classes());
        let mut loss = 0.0_f64;
        let mut result = ValidationResult {
            loss: 0.0,
            correct: predicts.then_some(0),
            images: 0,
            confusion: predicts.then(|| vec![0; classes * classes]),
        };
        for (label, predicted, image_loss) in outcomes {
            loss += f64::from(image_loss);
            result.images += 1;
            if let (Some(predicted), Some(correct), Some(confusion)) =
                (predicted, &mut result.correct, &mut result.confusion)
            {
                *correct += u32::from(predicted == label);
                confusion[label * classes + predicted] += 1;
            }
        }
        result.loss = (loss / f64::from(result.images.max(1))) as f32;
        Ok(result)
    }

    /// What of an image its output for a class depends on, of the part of the data set that a split
    /// is taken from; for the class that is predicted where `None`.
    ///
    /// # Errors
    /// An image that there is not, a class that there is not, a network without classes.
    pub fn saliency(&self, split: Split, image: ImageIndex, class: Option<u32>) -> Result<Saliency, TrainerError> {
        require_classes(
            &self.definition().network,
            "output for a class to look at",
            "its reconstructions are in predictions",
        )?;
        let class = self.engine().class_that_there_is(class)?;
        Ok(self.engine().saliency(&self.part(split).image(image)?, class))
    }

    /// What the network, as it is, says of these images of the part of the data set that a
    /// split is taken from, in their order: of each the `most` classes with the largest
    /// outputs, and their outputs.
    ///
    /// # Errors
    /// An image that there is not, or that cannot be read; a network without classes, which
    /// [reconstructs](Self::reconstruct).
    pub fn predict(&self, split: Split, images: &[ImageIndex], most: usize) -> Result<Vec<Prediction>, TrainerError> {
        require_classes(&self.definition().network, "prediction", "its outputs are images")?;
        let found = self.engine().evaluate(self.part(split), images, |evaluated| {
            (evaluated.label as u32, evaluated.loss, largest(evaluated.outputs, most))
        })?;
        let predictions = images.iter().zip(found);
        Ok(predictions.map(|(&image, (label, loss, classes))| Prediction { image, label, loss, classes }).collect())
    }

    /// The class that the network, as it is, predicts at so many points of the straight line between each two images
    /// of the part of the data set that a split is taken from, `[line][point]`: evenly spread, without the ends.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn classes_between(
        &self,
        split: Split,
        lines: &[[ImageIndex; 2]],
        points: usize,
    ) -> Result<Vec<Vec<u32>>, TrainerError> {
        require_classes(&self.definition().network, "decision region", "its outputs are images")?;
        self.engine().classes_between(self.part(split), lines, points)
    }

    /// What the network, as it is, makes of these images of the part of the data set that a split
    /// is taken from, in their order.
    ///
    /// # Errors
    /// An image that there is not, or that cannot be read; a network whose target is the class,
    /// which [predicts](Self::predict).
    pub fn reconstruct(&self, split: Split, images: &[ImageIndex]) -> Result<Vec<Reconstruction>, TrainerError> {
        let network = self.engine().network();
        if network.loss.outputs().are_of_classes() {
            let reason = "it gives back no image: its last layer says something of classes".to_owned();
            return Err(TrainerError::Network { reason });
        }
        let found = self.engine().evaluate(self.part(split), images, |evaluated| {
            (evaluated.label as u32, evaluated.loss, evaluated.outputs.to_vec())
        })?;
        let of_images = images.iter().zip(found);
        Ok(of_images.map(|(&image, (label, loss, values))| Reconstruction { image, label, loss, values }).collect())
    }
}

/// The `most` classes with the largest outputs, and these; the first of equals first, as the one
/// that is predicted is.
pub(crate) fn largest(outputs: &[f32], most: usize) -> Vec<(u32, f32)> {
    let mut classes: Vec<(u32, f32)> = (0..).zip(outputs.iter().copied()).collect();
    classes.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    classes.truncate(most.max(1));
    classes
}
