//! Which images are seen themselves, and not as points alone.

use revacnn_schemas::{EmbeddedImage, EmbeddedPanel, Image, Palette, Thumbnail};
use revacnn_trainer::data::{Dataset, Split};

use super::super::pictured::pictured;
use crate::NotebookError;

/// So many images of each panel.
const MOST: usize = 90;
/// How far they lie apart along one axis, as a share of the panel's extent.
const APART: f64 = 0.06;
/// The longest side of a thumbnail in pixels: what is larger is averaged.
const LONGEST: usize = 32;

/// Images that lie apart from one another, those of the first panel first, so that the same are
/// seen in all panels where they lie apart there, too.
pub(super) fn chosen(
    dataset: &Dataset,
    split: Split,
    images: &[EmbeddedImage],
    panels: &[EmbeddedPanel],
) -> Result<Vec<Thumbnail>, NotebookError> {
    let order = scattered(images.len());
    let mut points: Vec<usize> = Vec::new();
    for panel in panels {
        let extent = (0..2).map(|axis| extent(panel, axis)).fold(0.0, f64::max);
        let apart = APART * extent;
        let mut taken: Vec<[f64; 2]> = Vec::new();
        let known = points.clone();
        for &point in known.iter().chain(&order) {
            let at = panel.positions[point];
            let is_near = |other: &[f64; 2]| (0..2).all(|axis| (at[axis] - other[axis]).abs() < apart);
            if taken.len() < MOST && at.iter().all(|value| value.is_finite()) && !taken.iter().any(is_near) {
                taken.push(at);
                if !points.contains(&point) {
                    points.push(point);
                }
            }
        }
    }
    let part = dataset.part(split);
    let thumbnail = |point: usize| {
        let image = pictured(dataset, part, images[point].image)?;
        Ok(Thumbnail { point, image: smaller(image) })
    };
    points.into_iter().map(thumbnail).collect()
}

fn extent(panel: &EmbeddedPanel, axis: usize) -> f64 {
    let values = panel.positions.iter().map(|at| at[axis]).filter(|value| value.is_finite());
    let [low, high] =
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
    if low < high { high - low } else { 0.0 }
}

/// All of so many points, such that any first ones are spread over them.
fn scattered(points: usize) -> Vec<usize> {
    let divides = |mut one: usize, mut other: usize| {
        while other > 0 {
            (one, other) = (other, one % other);
        }
        one
    };
    // Near to the golden section, and without a divisor in common with the number of points.
    let stride = (points * 618 / 1000..).find(|&stride| divides(stride.max(1), points) == 1).unwrap_or(1).max(1);
    (0..points).map(|place| place * stride % points).collect()
}

/// An image of at most [`LONGEST`] pixels a side, by the means of squares.
fn smaller(image: Image) -> Image {
    let square = image.rows.max(image.columns).div_ceil(LONGEST);
    if square <= 1 {
        return image;
    }
    let channels = if image.palette == Palette::Rgb { 3 } else { 1 };
    let (rows, columns) = (image.rows.div_ceil(square), image.columns.div_ceil(square));
    let mut pixels = Vec::with_capacity(rows * columns * channels);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..channels {
                let within = |at: usize, length: usize| at * square..((at + 1) * square).min(length);
                let values = within(row, image.rows)
                    .flat_map(|row| within(column, image.columns).map(move |column| (row, column)))
                    .map(|(row, column)| image.pixels[(row * image.columns + column) * channels + channel]);
                let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
                pixels.push(sum / count);
            }
        }
    }
    Image { rows, columns, pixels, ..image }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_points_are_spread_over_all_and_each_comes_once() {
        for points in [3, 10, 150, 2000] {
            let order = scattered(points);
            assert_eq!(order.iter().copied().collect::<BTreeSet<_>>().len(), points);
            let tenths: BTreeSet<usize> = order.iter().take(30).map(|point| point * 5 / points).collect();
            assert!(points < 10 || tenths.len() == 5, "{order:?}");
        }
    }

    #[test]
    fn a_large_image_becomes_the_means_of_its_squares() {
        let pixels = (0..40 * 36).map(|place| if place % 36 < 2 { 8.0 } else { 4.0 }).collect();
        let palette = Palette::Sequential;
        let large =
            Image { label: String::new(), filter: None, rows: 40, columns: 36, pixels, palette, range: [0.0, 9.0] };
        let small = smaller(large.clone());
        assert_eq!((small.rows, small.columns, &small.pixels[..3]), (20, 18, &[8.0, 4.0, 4.0][..]));
        assert_eq!(smaller(small.clone()), small);
    }
}
