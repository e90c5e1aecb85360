//! The images that excite filters most.

use revacnn_schemas::{ImageIndex, LayerName};

use super::Trainer;
use crate::TrainerError;
use crate::data::Split;
use crate::kernels::Instructions;
use crate::network::Network;
use crate::receptive_field::ReceptiveField;

/// Where an image excites a filter most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excitation {
    /// The image.
    pub image: ImageIndex,
    /// The largest value of the filter's map for it.
    pub value: f32,
    /// Where that is in the map: the first of equals.
    pub row: u32,
    /// Its column.
    pub column: u32,
}

/// The images that excite each filter of a layer most, of those that were looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Excited {
    most: usize,
    /// The largest values first, the first image of equals first, `[filter]`.
    pub filters: Vec<Vec<Excitation>>,
}

impl Excited {
    /// Nothing yet; of each filter at most so many images are kept.
    pub fn new(most: usize) -> Self {
        Self { most, filters: Vec::new() }
    }

    /// Takes another image's in, of one filter.
    pub(crate) fn add(&mut self, filter: usize, found: Excitation) {
        if self.filters.len() <= filter {
            self.filters.resize_with(filter + 1, Vec::new);
        }
        let kept = &mut self.filters[filter];
        let place = kept.partition_point(|other| {
            other.value > found.value || (other.value == found.value && other.image <= found.image)
        });
        if place < self.most {
            kept.insert(place, found);
            kept.truncate(self.most);
        }
    }
}

impl Trainer {
    /// Runs images of the part of the data set that a split is taken from through the network, as
    /// it is, and takes in how much they excite the filters of a layer: by the largest value of
    /// the block's map before it is pooled.
    ///
    /// # Determinism
    /// The same for any number of threads, and however images are put into groups.
    ///
    /// # Errors
    /// A layer without maps of its own, an image that there is not.
    pub fn excite(
        &self,
        split: Split,
        images: &[ImageIndex],
        layer: &LayerName,
        excited: &mut Excited,
    ) -> Result<(), TrainerError> {
        let block = self.block_of(layer)?;
        self.engine().excite(self.part(split), images, block, excited)
    }

    /// What the maps of a layer see of an image.
    ///
    /// # Errors
    /// A layer without maps of its own.
    pub fn receptive_field(&self, layer: &LayerName) -> Result<ReceptiveField, TrainerError> {
        self.block_of(layer)?;
        let definition = self.definition();
        let (network, built) = Network::build(
            &definition.network,
            definition.input,
            definition.classes,
            Instructions::Scalar,
            Some(self.topology()),
        )?;
        ReceptiveField::of(&network, &built, layer)
    }

    pub(super) fn block_of(&self, layer: &LayerName) -> Result<usize, TrainerError> {
        self.topology().blocks().position(|block| block.layer == *layer).ok_or_else(|| {
            let known: Vec<&str> = self.topology().blocks().map(|block| block.layer.as_str()).collect();
            TrainerError::Network {
                reason: format!("layer {layer} has no maps of its own: there is {}", known.join(", ")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_of_equals_the_first_image() {
        let mut excited = Excited::new(2);
        for (image, value) in [(5, 1.0), (2, 3.0), (9, 3.0), (1, 3.0), (7, f32::NEG_INFINITY)] {
            excited.add(1, Excitation { image: ImageIndex(image), value, row: 0, column: 0 });
        }
        let images: Vec<u32> = excited.filters[1].iter().map(|found| found.image.0).collect();
        assert_eq!((images, excited.filters[0].len()), (vec![1, 2], 0));
    }
}
