//! The images of a batch.

use revacnn_schemas::{AugmentationSpec, DataCursor, ImageShape, RunDefinition};

use crate::TrainerError;
use crate::data::{augment, decode, draw};
use crate::layers::ImageContext;
use crate::trainer::{TrainingImages, Visit};

/// Training images in the order of a batch, each as it is varied there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images<'a> {
    training: &'a TrainingImages,
    shape: ImageShape,
    augmentation: AugmentationSpec,
    seed: u64,
    cursor: DataCursor,
    images: &'a [Visit],
}

impl<'a> Images<'a> {
    /// The batch of `images` that begins at `cursor`.
    pub(crate) fn new(
        training: &'a TrainingImages,
        definition: &RunDefinition,
        cursor: DataCursor,
        images: &'a [Visit],
    ) -> Self {
        Self {
            training,
            shape: definition.input,
            augmentation: definition.augmentation,
            seed: definition.seed,
            cursor,
            images,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    /// Writes the `index`-th image, varied; returns its label.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn load(&self, index: usize, decoded: &mut [f32], input: &mut [f32]) -> Result<usize, TrainerError> {
        let (image, part) = (self.images[index].image, self.training.part());
        decode(&part.image(image)?, decoded);
        let draw = draw(self.augmentation, self.seed, self.cursor.epoch.0, image, self.shape);
        augment(decoded, self.shape, draw, input);
        Ok(usize::from(part.label(image)?))
    }

    /// What the loss and the gradient of the `index`-th image are multiplied by in those of the
    /// batch: its weight over the number of images.
    pub(crate) fn scale(&self, index: usize) -> f32 {
        1.0 / self.images.len() as f32 * self.training.weight(self.images[index].image)
    }

    /// Where the `index`-th image stands in the training.
    pub(crate) fn context(&self, index: usize) -> ImageContext {
        ImageContext {
            training: true,
            keep: true,
            seed: self.seed,
            epoch: self.cursor.epoch.0,
            offset: self.images[index].place,
        }
    }
}
