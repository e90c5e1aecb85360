//! A random part of an image, enlarged to its size.

use revacnn_schemas::{AugmentationSpec, ImageShape};

use crate::data::Stream;

/// The part of an image that is kept, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Its first row.
    pub(super) row: usize,
    /// Its first column.
    pub(super) column: usize,
    /// Its rows.
    pub(super) height: usize,
    /// Its columns.
    pub(super) width: usize,
}

impl Window {
    /// A part whose share of the area is uniform in `crop..=1`, with the image's own aspect, at any
    /// place with equal probability.
    ///
    /// Source: torchvision's `RandomResizedCrop` with `scale=(crop, 1)`, whose sides have the ratio of
    /// the image's in the place of a drawn one: `round(side · √share)`, at least one pixel.
    ///
    /// # Determinism
    ///
    /// From the stream ("augment-crop", seed, epoch, image): the share, then the row, then the column.
    pub(super) fn draw(spec: AugmentationSpec, keys: &[u64], shape: ImageShape) -> Option<Self> {
        if spec.crop >= 1.0 {
            return None;
        }
        let mut stream = Stream::new("augment-crop", keys);
        let share = spec.crop + (1.0 - spec.crop) * f64::from(stream.uniform_f32());
        let side = |whole: usize| ((whole as f64 * share.sqrt()).round() as usize).clamp(1, whole.max(1));
        let (height, width) = (side(shape.height), side(shape.width));
        let mut first = |whole: usize, kept: usize| stream.below((whole.saturating_sub(kept) + 1) as u64) as usize;
        let row = first(shape.height, height);
        Some(Self { row, column: first(shape.width, width), height, width })
    }
}

/// Along one axis: the two places that a result is between, and the weight of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Between {
    first: usize,
    second: usize,
    weight: f32,
}

impl Between {
    /// Of the result at `place` of `size`, in a part of `length` places from `start` on.
    ///
    /// The centre of the result lies at `(place + ½) · length / size − ½`, not before the first place:
    /// PyTorch's `interpolate` with `align_corners=False`. It is computed in whole numbers, and its
    /// fraction rounded once.
    fn new(place: usize, size: usize, start: usize, length: usize) -> Self {
        let at = ((2 * place + 1) * length).saturating_sub(size);
        let (first, rest) = (at / (2 * size), at % (2 * size));
        let second = (first + 1).min(length - 1);
        let weight = if second == first { 0.0 } else { (rest as f64 / (2 * size) as f64) as f32 };
        Self { first: start + first, second: start + second, weight }
    }

    /// The value between those at both places.
    fn blend(self, first: f32, second: f32) -> f32 {
        (1.0 - self.weight) * first + self.weight * second
    }
}

/// Writes the part of `image`, enlarged to its size by bilinear interpolation: in columns first, then
/// in rows.
///
/// # Shapes
///
/// `image` and `out` are `[channel][row][column]` of `shape`, which has no side of length 0.
pub(super) fn apply(image: &[f32], shape: ImageShape, window: Window, out: &mut [f32]) {
    let (height, width) = (shape.height, shape.width);
    let columns: Vec<Between> =
        (0..width).map(|column| Between::new(column, width, window.column, window.width)).collect();
    let planes = image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width));
    for (image, out) in planes {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let rows = Between::new(row, height, window.row, window.height);
            let (upper, lower) = (&image[rows.first * width..][..width], &image[rows.second * width..][..width]);
            for (value, at) in out.iter_mut().zip(&columns) {
                let upper = at.blend(upper[at.first], upper[at.second]);
                let lower = at.blend(lower[at.first], lower[at.second]);
                *value = rows.blend(upper, lower);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    fn draws(crop: f64, shape: ImageShape, count: u64) -> Vec<Window> {
        let spec = AugmentationSpec { crop, ..AugmentationSpec::NONE };
        (0..count).map(|image| Window::draw(spec, &[1, 0, image], shape).unwrap()).collect()
    }

    #[test]
    fn the_draw_of_an_image_never_changes() {
        let found: Vec<_> = draws(0.25, CIFAR, 4)
            .iter()
            .map(|window| (window.row, window.column, window.height, window.width))
            .collect();
        assert_eq!(found, [(0, 1, 30, 30), (9, 0, 17, 17), (1, 0, 18, 18), (1, 0, 30, 30)]);
    }

    #[test]
    fn parts_lie_in_the_image_and_have_its_aspect() {
        let shape = ImageShape { channels: 1, height: 20, width: 40 };
        let found = draws(0.25, shape, 20_000);
        for window in &found {
            assert!(window.row + window.height <= 20 && window.column + window.width <= 40, "{window:?}");
            assert!((10..=20).contains(&window.height) && window.width.abs_diff(2 * window.height) <= 1, "{window:?}");
        }
        let mean = found.iter().map(|window| (window.height * window.width) as f64).sum::<f64>() / 20_000.0;
        assert!((mean / 800.0 - 0.625).abs() < 0.01, "the area is uniform in 0.25..1: {mean}");
        let tiny = draws(1e-9, ImageShape { channels: 1, height: 1, width: 3 }, 500);
        assert!(tiny.iter().all(|window| window.height == 1 && (1..=3).contains(&window.width)));
    }

    /// Computed by hand, as `torch.nn.functional.interpolate` has it: 2 places to 4 lie at −0.25, 0.25,
    /// 0.75 and 1.25, of which the first and the last are held at the ends.
    #[test]
    fn two_by_two_pixels_become_four_by_four() {
        let shape = ImageShape { channels: 1, height: 4, width: 4 };
        let mut image = vec![9.0; 16];
        (image[5], image[6], image[9], image[10]) = (0.0, 1.0, 2.0, 3.0);
        let mut out = vec![f32::NAN; 16];
        apply(&image, shape, Window { row: 1, column: 1, height: 2, width: 2 }, &mut out);
        let expected = [[0.0, 0.25, 0.75, 1.0], [0.5, 0.75, 1.25, 1.5], [1.5, 1.75, 2.25, 2.5], [2.0, 2.25, 2.75, 3.0]];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn the_whole_image_is_itself_and_each_channel_is_cropped_alike() {
        let shape = ImageShape { channels: 2, height: 3, width: 5 };
        let image: Vec<f32> = (0..30).map(|value| value as f32 / 29.0 - 0.5).collect();
        let mut out = vec![f32::NAN; 30];
        apply(&image, shape, Window { row: 0, column: 0, height: 3, width: 5 }, &mut out);
        assert_eq!(out, image);
        apply(&image, shape, Window { row: 1, column: 2, height: 1, width: 1 }, &mut out);
        assert_eq!(out, [[image[7]; 15], [image[22]; 15]].concat());
    }
}
