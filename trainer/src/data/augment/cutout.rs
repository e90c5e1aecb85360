//! A square that is cut out of an image.

use std::ops::Range;

use revacnn_schemas::{AugmentationSpec, ImageShape};

use crate::data::Stream;

/// What is cut out: a square about a pixel of the image, of which a part may lie outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Square {
    /// The row of its centre.
    pub(super) row: usize,
    /// The column of its centre.
    pub(super) column: usize,
    /// Its side, in pixels.
    pub(super) side: usize,
}

impl Square {
    /// A square whose centre is any pixel with equal probability.
    ///
    /// Source: DeVries & Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*
    /// (2017): every image has one, and part of it may lie outside.
    ///
    /// # Determinism
    ///
    /// From the stream ("augment-cutout", seed, epoch, image): the row, then the column.
    pub(super) fn draw(spec: AugmentationSpec, keys: &[u64], shape: ImageShape) -> Option<Self> {
        (spec.cutout > 0).then(|| {
            let mut stream = Stream::new("augment-cutout", keys);
            let row = stream.below(shape.height as u64) as usize;
            Self { row, column: stream.below(shape.width as u64) as usize, side: usize::from(spec.cutout) }
        })
    }

    /// Along one axis, `side` places of which half, rounded down, come before the centre.
    fn span(self, centre: usize, length: usize) -> Range<usize> {
        let before = self.side / 2;
        centre.saturating_sub(before)..(centre + self.side - before).min(length)
    }
}

/// Sets all channels of the square to 0.0, the middle grey of decoded images.
///
/// # Shapes
///
/// `image` is `[channel][row][column]` of `shape`.
pub(super) fn apply(image: &mut [f32], shape: ImageShape, square: Square) {
    let columns = square.span(square.column, shape.width);
    for plane in image.chunks_exact_mut(shape.height * shape.width) {
        for row in square.span(square.row, shape.height) {
            plane[row * shape.width..][columns.clone()].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 2, height: 4, width: 5 };

    /// The first channel with a `.` where it is cut out, by rows.
    fn cut(row: usize, column: usize, side: usize) -> Vec<String> {
        let mut image = vec![1.0; 40];
        apply(&mut image, SHAPE, Square { row, column, side });
        assert_eq!(image[..20], image[20..], "all channels alike");
        let rows = image[..20].chunks(5);
        rows.map(|row| row.iter().map(|value| if *value == 0.0 { '.' } else { 'x' }).collect()).collect()
    }

    #[test]
    fn a_square_lies_about_its_centre_and_may_reach_out() {
        assert_eq!(cut(1, 2, 1), ["xxxxx", "xx.xx", "xxxxx", "xxxxx"]);
        assert_eq!(cut(1, 2, 2), ["x..xx", "x..xx", "xxxxx", "xxxxx"], "as DeVries' program has it");
        assert_eq!(cut(1, 2, 3), ["x...x", "x...x", "x...x", "xxxxx"]);
        assert_eq!(cut(0, 4, 4), ["xx...", "xx...", "xxxxx", "xxxxx"]);
        assert_eq!(cut(3, 0, 2), ["xxxxx", "xxxxx", ".xxxx", ".xxxx"]);
    }

    #[test]
    fn the_draw_of_an_image_never_changes_and_every_centre_is_equally_likely() {
        let spec = AugmentationSpec { cutout: 2, ..AugmentationSpec::NONE };
        let draw = |image| Square::draw(spec, &[1, 0, image], SHAPE).unwrap();
        let found: Vec<_> = (0..4).map(|image| (draw(image).row, draw(image).column)).collect();
        assert_eq!(found, [(1, 3), (2, 3), (0, 1), (0, 0)]);
        let mut counts = [0_u32; 20];
        (0..20_000).map(draw).for_each(|square| counts[square.row * 5 + square.column] += 1);
        assert!(counts.iter().all(|count| (880..1_120).contains(count)), "{counts:?}");
    }
}
