//! Statistics of single filters, a row of an array each: those of the log's table
//! `filters`, in its own definition ([`statistics`]), before it rounds them to f32.
//!
//! "The paper" is S. Chung, S. Suh, C. Park, K. Kang, J. Choo and B. C. Kwon,
//! "ReVACNN: Real-Time Visual Analytics for Convolutional Neural Network", KDD
//! 2016 Workshop on Interactive Data Exploration and Analytics (IDEA'16), from
//! page 30. It draws a filter's node with a jitter by its gradient, and a path
//! with a thickness by its activations.

use ndarray::{Array2, ArrayView1, ArrayView2};
use revacnn_schemas::statistics;

use crate::AnalysisError;

/// A statistic of every filter.
fn rows(values: ArrayView2<'_, f32>, of_row: impl Fn(&[f32]) -> f64) -> Vec<f64> {
    values.as_standard_layout().rows().into_iter().map(|row| of_row(slice(row))).collect()
}

/// A row of an array in standard layout.
fn slice(row: ArrayView1<'_, f32>) -> &[f32] {
    row.to_slice().expect("invariant: rows of a standard layout are contiguous")
}

/// Mean absolute value of each filter: of gradients, the jitter of the paper.
///
/// Shape: `[filter][coefficient]` gives `[filter]`; a filter without
/// coefficients has 0. A frozen filter has no gradient: leave it out.
///
/// Source: the paper's jitter, as the log's column `mean_abs_gradient` has it.
pub fn mean_absolute(values: ArrayView2<'_, f32>) -> Vec<f64> {
    rows(values, statistics::mean_absolute)
}

/// Euclidean norm of each filter, of weights or gradients.
///
/// Shape: `[filter][coefficient]` gives `[filter]`.
pub fn norms(values: ArrayView2<'_, f32>) -> Vec<f64> {
    rows(values, statistics::norm)
}

/// Norm of each filter's last update, divided by the norm that it had before.
///
/// `None` where the filter was zero before. Both arrays hold the same filters
/// in the same order, `[filter][coefficient]`.
///
/// # Errors
///
/// [`AnalysisError::Shape`] if the arrays differ in shape, as they do across a
/// structural edit.
pub fn update_ratios(
    weights: ArrayView2<'_, f32>,
    previous: ArrayView2<'_, f32>,
) -> Result<Vec<Option<f64>>, AnalysisError> {
    if weights.dim() != previous.dim() {
        return Err(AnalysisError::Shape {
            what: "weights of two steps",
            expected: format!("{:?}", previous.dim()),
            found: format!("{:?}", weights.dim()),
        });
    }
    let (weights, previous) = (weights.as_standard_layout(), previous.as_standard_layout());
    let pairs = weights.rows().into_iter().zip(previous.rows());
    Ok(pairs.map(|(now, before)| statistics::update_ratio(slice(now), slice(before))).collect())
}

/// Sum of each filter's activation map for one image.
///
/// Shape: `[filter][pixel]` gives `[filter]`.
///
/// Source: the thickness of a path in the paper.
pub fn sums(maps: ArrayView2<'_, f32>) -> Vec<f64> {
    rows(maps, statistics::sum)
}

/// Which filters of a layer belong to its upper half by a value, such as their
/// activation sums.
///
/// Of `n` filters `⌈n/2⌉` do; of equal ones the first. Not-a-numbers come last.
///
/// Source: the paper's choice of the paths to show, the upper half by thickness.
pub fn top_half(values: &[f64]) -> Vec<bool> {
    let rank = |place: &usize| if values[*place].is_nan() { f64::NEG_INFINITY } else { values[*place] };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let mut top = vec![false; values.len()];
    for &place in &order[..values.len().div_ceil(2)] {
        top[place] = true;
    }
    top
}

/// Share of each activation map that is exactly zero: 1 is a dead filter.
///
/// Shape: `[filter][pixel]` gives `[filter]`, 0 to 1; an empty map has 0.
pub fn zero_shares(maps: ArrayView2<'_, f32>) -> Vec<f64> {
    rows(maps, statistics::zero_share)
}

/// Share of each first-layer filter's energy, the sum of its squares, that is
/// in each colour channel.
///
/// Shape: `[filter][channel × kernel]` gives `[filter][channel]`; rows sum to
/// 1, and a filter of zeros has zeros.
///
/// # Errors
///
/// [`AnalysisError::Shape`] if the coefficients are not a multiple of the
/// channels.
pub fn channel_energy(weights: ArrayView2<'_, f32>, channels: usize) -> Result<Array2<f64>, AnalysisError> {
    let kernel = kernel_of(weights, channels)?;
    let mut energy = Array2::zeros((weights.nrows(), channels));
    for ((filter, coefficient), &weight) in weights.indexed_iter() {
        energy[[filter, coefficient / kernel]] += f64::from(weight) * f64::from(weight);
    }
    for mut row in energy.rows_mut() {
        let total = row.sum();
        if total > 0.0 {
            row /= total;
        }
    }
    Ok(energy)
}

/// Share of each first-layer filter's energy, the sum of its squares, that is in differences of
/// the colours, and not in grey, which is what the colours have in common: 0 for a filter that
/// reads them all alike, 1 for one that no grey image excites.
///
/// At each place of the kernel the coefficients of the `n` colours are split into their mean,
/// grey, and what they differ from it by: the share is Σ (w − mean)² / Σ w². Of coefficients that
/// are drawn independently it is (n − 1)/n on average, two thirds of three colours.
///
/// Shape: `[filter][channel × kernel]` gives `[filter]`, 0 to 1; a filter of zeros has 0.
///
/// Source: grey is the intensity axis of Y. Ohta, T. Kanade and T. Sakai, "Color Information for
/// Region Segmentation", Computer Graphics and Image Processing 13, 1980; first layers have
/// filters for colours and such without any: A. Krizhevsky, I. Sutskever and G. E. Hinton,
/// "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, section 6.1.
///
/// # Errors
///
/// [`AnalysisError::Shape`] if the coefficients are not a multiple of the channels.
pub fn colour_shares(weights: ArrayView2<'_, f32>, channels: usize) -> Result<Vec<f64>, AnalysisError> {
    let kernel = kernel_of(weights, channels)?;
    let share = |row: ArrayView1<'_, f32>| {
        let (mut colour, mut all) = (0.0, 0.0);
        for place in 0..kernel {
            let of_place = || (0..channels).map(|channel| f64::from(row[channel * kernel + place]));
            let grey = of_place().sum::<f64>() / channels as f64;
            colour += of_place().map(|weight| (weight - grey) * (weight - grey)).sum::<f64>();
            all += of_place().map(|weight| weight * weight).sum::<f64>();
        }
        if all > 0.0 { (colour / all).min(1.0) } else { 0.0 }
    };
    Ok(weights.rows().into_iter().map(share).collect())
}

/// How many coefficients a first-layer filter has for a channel.
fn kernel_of(weights: ArrayView2<'_, f32>, channels: usize) -> Result<usize, AnalysisError> {
    let coefficients = weights.ncols();
    if channels == 0 || !coefficients.is_multiple_of(channels) {
        return Err(AnalysisError::Shape {
            what: "coefficients of a first-layer filter",
            expected: format!("a multiple of the {channels} channels"),
            found: coefficients.to_string(),
        });
    }
    Ok(coefficients / channels)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn values_computed_by_hand() {
        let filters = array![[3.0, -4.0], [0.0, 0.0]];
        assert_eq!(mean_absolute(filters.view()), [3.5, 0.0]);
        assert_eq!(norms(filters.view()), [5.0, 0.0]);
        assert_eq!(sums(filters.view()), [-1.0, 0.0]);
        assert_eq!(zero_shares(array![[0.0, 2.0, 0.0, -0.0]].view()), [0.75]);
        let moved = array![[3.0, -3.5], [1.0, 0.0]];
        assert_eq!(update_ratios(moved.view(), filters.view()), Ok(vec![Some(0.1), None]));
        assert!(update_ratios(moved.view(), array![[1.0]].view()).is_err());
    }

    #[test]
    fn an_array_of_any_layout_has_the_same_statistics() {
        let filters = array![[3.0, -4.0, 0.0], [0.5, 1.0, 2.0]];
        let columns = filters.t().as_standard_layout().into_owned();
        assert!(!columns.t().is_standard_layout());
        for of in [mean_absolute, norms, sums, zero_shares] {
            assert_eq!(of(columns.t()), of(filters.view()));
        }
        assert_eq!(update_ratios(columns.t(), filters.view()), Ok(vec![Some(0.0); 2]));
        assert_eq!(norms(Array2::zeros((2, 0)).view()), [0.0, 0.0]);
    }

    #[test]
    fn the_top_half_rounds_up_prefers_the_first_of_equals_and_puts_nan_last() {
        assert_eq!(top_half(&[1.0, 5.0, 3.0]), [false, true, true]);
        assert_eq!(top_half(&[2.0, 2.0, 2.0, 2.0]), [true, true, false, false]);
        assert_eq!(top_half(&[f64::NAN, -1.0]), [false, true]);
        assert_eq!(top_half(&[]), [false; 0]);
    }

    #[test]
    fn energy_is_shared_between_channels() {
        let filters = array![[1.0, 1.0, 1.0, 1.0, 2.0, 0.0], [0.0; 6]];
        let energy = channel_energy(filters.view(), 3).expect("six is a multiple of three");
        assert_eq!(energy, array![[0.25, 0.25, 0.5], [0.0, 0.0, 0.0]]);
        assert!(channel_energy(filters.view(), 4).is_err());
        assert!(channel_energy(filters.view(), 0).is_err());
    }

    #[test]
    fn what_all_colours_have_in_common_is_no_colour() {
        let filters = array![
            [1.0, -2.0, 1.0, -2.0, 1.0, -2.0],
            [1.0, 0.0, -1.0, 0.0, 0.0, 0.0],
            [3.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0; 6]
        ];
        let shares = colour_shares(filters.view(), 3).expect("six is a multiple of three");
        // Grey; red against green; red alone, of which a third is grey; nothing.
        let expected = [0.0, 1.0, 2.0 / 3.0, 0.0];
        assert!(shares.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{shares:?}");
        assert_eq!(colour_shares(array![[4.0, 5.0]].view(), 1), Ok(vec![0.0]));
        assert!(colour_shares(filters.view(), 4).is_err());
    }
}
