//! What blocks say of many images.

use revacnn_schemas::{ImageIndex, ImageShape, LayerName};

use super::Trainer;
use crate::TrainerError;
use crate::data::Split;

/// What a network says of one of many images.
#[derive(Debug, Clone, PartialEq)]
pub struct Activated {
    /// The image.
    pub image: ImageIndex,
    /// Its class.
    pub label: u32,
    /// The class that is predicted; none by a network without classes.
    pub predicted: Option<u32>,
    /// The layer's values for it, `[filter][row][column]`, or the means of squares of them.
    pub values: Vec<f32>,
}

impl Trainer {
    /// Runs images of the part of the data set that a split is taken from through the network, as
    /// it is, and gives the outputs of a layer's block for each, in their order: of the class layer
    /// what it says of the classes. Maps are averaged over squares of `square` values a side from
    /// the upper left on, those at the right and lower edge over what there is: 1 leaves them as
    /// they are.
    ///
    /// # Determinism
    /// The same for any number of threads, and however images are put into groups. Means are
    /// summed in `f64` in the order of the map.
    ///
    /// # Errors
    /// A layer without maps of its own, an image that there is not.
    pub fn activations(
        &self,
        split: Split,
        images: &[ImageIndex],
        layer: &LayerName,
        square: usize,
    ) -> Result<Vec<Activated>, TrainerError> {
        let block = self.block_of(layer)?;
        self.engine().activations(self.part(split), images, block, square.max(1))
    }

    /// The shape of a layer's outputs for an image.
    ///
    /// # Errors
    /// A layer without maps of its own.
    pub fn output_shape(&self, layer: &LayerName) -> Result<ImageShape, TrainerError> {
        Ok(self.engine().output_shape(self.block_of(layer)?))
    }
}

/// The means of squares of a block's maps, `[map][row][column]`.
pub(crate) fn pooled(values: &[f32], shape: ImageShape, square: usize) -> Vec<f32> {
    let ImageShape { channels, height, width } = shape;
    let (rows, columns) = (height.div_ceil(square), width.div_ceil(square));
    let mut means = Vec::with_capacity(channels * rows * columns);
    for map in values.chunks_exact((height * width).max(1)) {
        for top in (0..height).step_by(square) {
            for left in (0..width).step_by(square) {
                let (bottom, right) = ((top + square).min(height), (left + square).min(width));
                let of_row = |row: usize| map[row * width + left..row * width + right].iter();
                let sum: f64 = (top..bottom).flat_map(of_row).map(|&value| f64::from(value)).sum();
                means.push((sum / ((bottom - top) * (right - left)) as f64) as f32);
            }
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_a_map_are_averaged_and_those_at_its_edges_over_what_there_is() {
        let shape = ImageShape { channels: 2, height: 2, width: 3 };
        let values: Vec<f32> = (0..12_u8).map(f32::from).collect();
        assert_eq!(pooled(&values, shape, 2), [2.0, 3.5, 8.0, 9.5]);
        assert_eq!(pooled(&values, shape, 9), [2.5, 8.5]);
        assert_eq!(pooled(&values, shape, 1), values);
    }
}
