//! Mirror images and shifts.

use revacnn_schemas::{AugmentationSpec, ImageShape};

use crate::data::Stream;

/// Where an image is moved to: mirrored first, then moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shift {
    /// Pixels downwards; negative is upwards.
    pub(super) rows: i16,
    /// Pixels to the right; negative is to the left.
    pub(super) columns: i16,
    /// Whether the image is mirrored left to right before it is moved.
    pub(super) flip: bool,
}

impl Shift {
    /// Nothing happens.
    pub(super) const NONE: Self = Self { rows: 0, columns: 0, flip: false };

    /// Both shifts are uniform in `−shift..=shift`, mirroring has probability ½.
    ///
    /// # Determinism
    ///
    /// From the stream ("augment", seed, epoch, image): rows first, then columns, then the mirror.
    pub(super) fn draw(spec: AugmentationSpec, keys: &[u64]) -> Self {
        if spec.shift == 0 && !spec.flip {
            return Self::NONE;
        }
        let mut stream = Stream::new("augment", keys);
        let range = i16::from(spec.shift);
        let mut shift = || stream.below(2 * u64::from(spec.shift) + 1) as i16 - range;
        let (rows, columns) = (shift(), shift());
        let flip = spec.flip && stream.below(2) == 1;
        Self { rows, columns, flip }
    }
}

/// Mirrors and moves an image.
///
/// Pixels that the moved image does not cover become 0.0, the middle grey of decoded
/// images ([`decode`](crate::data::decode) maps bytes to −0.5..=0.5).
///
/// # Shapes
///
/// `image` and `out` are `[channel][row][column]` of `shape`.
///
/// # Panics
///
/// If a length is not `shape.len()`, which is a mistake of the caller and never of
/// the data.
pub(super) fn apply(image: &[f32], shape: ImageShape, shift: Shift, out: &mut [f32]) {
    assert_eq!(image.len(), shape.len(), "an image has its shape's length");
    assert_eq!(out.len(), shape.len(), "the result has its shape's length");
    if image.is_empty() {
        return;
    }
    let (height, width) = (shape.height, shape.width);
    let (to_row, from_row, rows) = overlap(shift.rows, height);
    let (to_column, from_column, columns) = overlap(shift.columns, width);
    let planes = image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width));
    for (image, out) in planes {
        let (above, rest) = out.split_at_mut(to_row * width);
        let (covered, below) = rest.split_at_mut(rows * width);
        above.fill(0.0);
        below.fill(0.0);
        let source = image[from_row * width..].chunks_exact(width);
        for (out, image) in covered.chunks_exact_mut(width).zip(source) {
            let (left, rest) = out.split_at_mut(to_column);
            let (middle, right) = rest.split_at_mut(columns);
            left.fill(0.0);
            right.fill(0.0);
            if shift.flip {
                let end = width - from_column;
                let mirrored = image[end - columns..end].iter().rev();
                middle.iter_mut().zip(mirrored).for_each(|(out, value)| *out = *value);
            } else {
                middle.copy_from_slice(&image[from_column..from_column + columns]);
            }
        }
    }
}

/// Along one axis: the first place written, the first place read, and how many.
fn overlap(shift: i16, length: usize) -> (usize, usize, usize) {
    let distance = usize::from(shift.unsigned_abs()).min(length);
    let count = length - distance;
    match shift {
        0.. => (distance, 0, count),
        _ => (0, distance, count),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 2, height: 5, width: 4 };

    fn moved(image: &[f32], rows: i16, columns: i16, flip: bool) -> Vec<f32> {
        let mut out = vec![f32::NAN; image.len()];
        apply(image, SHAPE, Shift { rows, columns, flip }, &mut out);
        out
    }

    fn numbered() -> Vec<f32> {
        (1..=40).map(|v| v as f32).collect()
    }

    /// Where each pixel comes from, said pixel by pixel.
    fn plain(image: &[f32], draw: Shift) -> Vec<f32> {
        let at = |channel: i32, row: i32, column: i32| {
            let column = if draw.flip { 3 - column } else { column };
            let inside = (0..5).contains(&row) && (0..4).contains(&column);
            if inside { image[(channel * 20 + row * 4 + column) as usize] } else { 0.0 }
        };
        let (down, right) = (i32::from(draw.rows), i32::from(draw.columns));
        (0..2)
            .flat_map(|c| (0..5).flat_map(move |y| (0..4).map(move |x| (c, y, x))))
            .map(|(c, y, x)| at(c, y - down, x - right))
            .collect()
    }

    #[test]
    fn the_draw_of_an_image_never_changes() {
        let draws: Vec<Shift> = (0..4).map(|i| Shift::draw(AugmentationSpec::default(), &[1, 0, i])).collect();
        let found: Vec<_> = draws.iter().map(|d| (d.rows, d.columns, d.flip)).collect();
        assert_eq!(found, [(2, 2, true), (0, 2, true), (-2, 1, true), (1, 2, true)]);
    }

    #[test]
    fn every_shift_and_mirror_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for image in 0..50_000 {
            let draw = Shift::draw(AugmentationSpec::default(), &[9, 4, image]);
            *counts.entry((draw.rows, draw.columns, draw.flip)).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 50);
        assert!(counts.keys().all(|(r, c, _)| r.abs() <= 2 && c.abs() <= 2));
        assert!(counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }

    #[test]
    fn no_augmentation_draws_nothing_and_changes_nothing() {
        assert_eq!(Shift::draw(AugmentationSpec::NONE, &[1, 2, 3]), Shift::NONE);
        assert_eq!(moved(&numbered(), 0, 0, false), numbered());
        let only_flip = AugmentationSpec { shift: 0, ..AugmentationSpec::default() };
        assert!((0..99).any(|i| Shift::draw(only_flip, &[1, 0, i]).flip));
        assert!((0..99).all(|i| Shift::draw(only_flip, &[1, 0, i]).rows == 0));
    }

    #[test]
    fn a_mirror_image_mirrored_is_the_image() {
        let once = moved(&numbered(), 0, 0, true);
        assert_eq!(once[..4], [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(moved(&once, 0, 0, true), numbered());
    }

    #[test]
    fn uncovered_pixels_are_middle_grey() {
        let down_right = moved(&numbered(), 1, 2, false);
        assert_eq!(down_right[..4], [0.0; 4]);
        assert_eq!(down_right[4..8], [0.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_shift_past_the_border_leaves_grey() {
        for (rows, columns) in [(5, 0), (0, -4), (i16::MAX, 0), (0, i16::MIN)] {
            assert_eq!(moved(&numbered(), rows, columns, true), [0.0; 40]);
        }
    }

    proptest! {
        #[test]
        fn moving_equals_the_plain_definition(
            rows in -7i16..=7, columns in -7i16..=7, flip: bool,
        ) {
            let expected = plain(&numbered(), Shift { rows, columns, flip });
            prop_assert_eq!(moved(&numbered(), rows, columns, flip), expected);
        }
    }
}
