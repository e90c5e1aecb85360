//! The images of a batch.

use revacnn_schemas::{AugmentationSpec, DataCursor, ImageIndex, ImageShape, RunDefinition};

use crate::TrainerError;
use crate::data::{Dataset, Part, augment, decode, draw};
use crate::layers::ImageContext;

/// Training images in the order of a batch, each as it is varied there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Images<'a> {
    part: &'a Part,
    shape: ImageShape,
    augmentation: AugmentationSpec,
    seed: u64,
    cursor: DataCursor,
    images: &'a [ImageIndex],
}

impl<'a> Images<'a> {
    /// The batch of `images` that begins at `cursor`.
    pub(crate) fn new(
        dataset: &'a Dataset,
        definition: &RunDefinition,
        cursor: DataCursor,
        images: &'a [ImageIndex],
    ) -> Self {
        Self {
            part: dataset.train(),
            shape: dataset.shape(),
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
        let image = self.images[index];
        decode(&self.part.image(image)?, decoded);
        let draw = draw(self.augmentation, self.seed, self.cursor.epoch.0, image, self.shape);
        augment(decoded, self.shape, draw, input);
        Ok(usize::from(self.part.label(image)?))
    }

    /// Where the `index`-th image stands in the training.
    pub(crate) fn context(&self, index: usize) -> ImageContext {
        ImageContext {
            training: true,
            keep: true,
            seed: self.seed,
            epoch: self.cursor.epoch.0,
            offset: self.cursor.offset + index as u32,
        }
    }
}
