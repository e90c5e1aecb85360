//! What a layer says of many images of a split.

use revacnn_schemas::{BranchId, ClassPurity, EmbeddedImage, ImageShape, LayerName, Step};
use revacnn_trainer::data::Split;

use super::Place;
use super::predictions::Done;
use crate::{NotebookError, Sources};

/// The most values of all images together: 4,096 of each of 2,048 images, which are compared in
/// seconds and take 32 MiB.
const MOST_VALUES: usize = 1 << 23;

/// Images of a split, and what a layer says of each.
pub(crate) struct Activations {
    /// The images, evenly spread over the split.
    pub(crate) images: Vec<EmbeddedImage>,
    /// How many images the split has.
    pub(crate) of: usize,
    /// The class that is predicted of each.
    pub(crate) predicted: Vec<Option<u32>>,
    /// The layer's values, `[image][value]`.
    pub(crate) values: Vec<f32>,
    /// Maps were averaged over squares of so many values a side.
    pub(crate) square: usize,
}

/// Images of a split in a plane, from nothing but these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ImagesPlaced {
    /// The step, with the branch that holds it.
    pub(crate) at: (BranchId, Step),
    /// Where the points are held; `None` where they are of their own.
    pub(crate) reference: Option<(BranchId, Step)>,
    pub(crate) layer: LayerName,
    pub(crate) split: Split,
    pub(crate) count: usize,
    pub(crate) is_pca: bool,
    /// The bits of the perplexity.
    pub(crate) perplexity: Option<u64>,
    pub(crate) seed: u64,
}

/// Images of a split in the plane of a step.
#[derive(Debug)]
pub(crate) struct PlacedImages {
    pub(crate) images: Vec<EmbeddedImage>,
    /// How many images the split has.
    pub(crate) of: usize,
    /// Maps were averaged over squares of so many values a side.
    pub(crate) square: usize,
    pub(crate) positions: Vec<[f64; 2]>,
    pub(crate) predicted: Vec<Option<u32>>,
    pub(crate) fit: Fit,
    /// Of how many nearest the shares are.
    pub(crate) neighbours: usize,
    pub(crate) purity: f64,
    pub(crate) purity_in_plane: f64,
    pub(crate) chance: f64,
    pub(crate) by_class: Vec<ClassPurity>,
}

/// How well a plane fits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fit {
    /// t-SNE's perplexity, and its divergence in nats.
    Tsne { perplexity: f64, kl_divergence: f64 },
    /// The shares of the variance along the axes.
    Pca { explained: [f64; 2] },
}

impl PlacedImages {
    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let an_image = size_of::<EmbeddedImage>() + size_of::<[f64; 2]>() + size_of::<u32>();
        size_of::<Self>() + self.images.len() * an_image + self.by_class.len() * size_of::<ClassPurity>()
    }
}

impl Sources {
    /// What a layer of the network of a step says of at most so many images of a split, evenly
    /// spread over it. Where that would be too much, maps are averaged over the smallest squares
    /// for which it is not.
    pub(crate) fn activations(
        &mut self,
        place: &Place,
        split: Split,
        layer: &LayerName,
        most: usize,
        done: Done<'_>,
    ) -> Result<Activations, NotebookError> {
        let (mut images, mut predicted, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut of, mut square) = (0, None);
        self.of_images(place, split, Some(most), done, |trainer, some, all| {
            of = all.of;
            let square = match square {
                Some(square) => square,
                None => {
                    let shape = trainer.output_shape(layer)?;
                    *square.insert(fitting_square(shape, all.chosen).ok_or_else(|| NotebookError::Misasked {
                        what: format!("{layer} has {} maps, too many for so many images", shape.channels),
                        known: format!("there may be {} images", MOST_VALUES / shape.channels.max(1)),
                    })?)
                }
            };
            for found in trainer.activations(split, some, layer, square)? {
                images.push(EmbeddedImage { image: found.image, class: found.label });
                predicted.push(found.predicted);
                values.extend(found.values);
            }
            Ok(())
        })?;
        Ok(Activations { images, of, predicted, values, square: square.unwrap_or(1) })
    }
}

/// The side of the smallest squares that maps are averaged over so that so many images have no
/// more than [`MOST_VALUES`]; `None` where nothing is small enough.
fn fitting_square(shape: ImageShape, images: usize) -> Option<usize> {
    let ImageShape { channels, height, width } = shape;
    (1..=height.max(width).max(1)).find(|&square| {
        let values = channels.saturating_mul(height.div_ceil(square)).saturating_mul(width.div_ceil(square));
        values.saturating_mul(images) <= MOST_VALUES
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_averaged_where_all_of_their_values_would_be_too_many() {
        let shape = |channels, side| ImageShape { channels, height: side, width: side };
        assert_eq!(fitting_square(shape(16, 32), 2000), Some(2), "the paper's first layer");
        assert_eq!(fitting_square(shape(64, 224), 2000), Some(28));
        assert_eq!(fitting_square(shape(64, 224), 10), Some(2));
        assert_eq!(fitting_square(shape(20, 8), 2000), Some(1));
        assert_eq!(fitting_square(shape(1 << 20, 1), 2000), None);
    }
}
