//! Loss and accuracy over a split.

use revacnn_schemas::{ImageIndex, Prediction, ValidationResult};

use super::Trainer;
use crate::TrainerError;
use crate::data::Split;
use crate::engine::Saliency;

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
        let classes = self.engine().network().classes;
        let mut loss = 0.0_f64;
        let mut result = ValidationResult { loss: 0.0, correct: 0, images: 0, confusion: vec![0; classes * classes] };
        for (label, predicted, image_loss) in outcomes {
            loss += f64::from(image_loss);
            result.correct += u32::from(predicted == label);
            result.images += 1;
            result.confusion[label * classes + predicted] += 1;
        }
        result.loss = (loss / f64::from(result.images.max(1))) as f32;
        Ok(result)
    }

    /// What of an image its output for a class depends on, of the part of the data set that a split
    /// is taken from; for the class that is predicted where `None`.
    ///
    /// # Errors
    /// An image that there is not, a class that there is not.
    pub fn saliency(&self, split: Split, image: ImageIndex, class: Option<u32>) -> Result<Saliency, TrainerError> {
        let classes = self.engine().network().classes;
        if let Some(class) = class.filter(|class| *class as usize >= classes) {
            let reason = format!("expected a class below {classes}, found {class}");
            return Err(TrainerError::Network { reason });
        }
        self.engine().saliency(self.part(split), image, class.map(|class| class as usize))
    }

    /// What the network, as it is, says of these images of the part of the data set that a
    /// split is taken from, in their order: of each the `most` classes with the largest
    /// outputs, and their outputs.
    ///
    /// # Errors
    /// An image that there is not, or that cannot be read.
    pub fn predict(&self, split: Split, images: &[ImageIndex], most: usize) -> Result<Vec<Prediction>, TrainerError> {
        let found = self.engine().evaluate(self.part(split), images, |evaluated| {
            let mut classes: Vec<(u32, f32)> = (0..).zip(evaluated.outputs.iter().copied()).collect();
            // The first of equals first, as the one that is predicted is.
            classes.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
            classes.truncate(most.max(1));
            (evaluated.label as u32, evaluated.loss, classes)
        })?;
        let predictions = images.iter().zip(found);
        Ok(predictions.map(|(&image, (label, loss, classes))| Prediction { image, label, loss, classes }).collect())
    }
}
