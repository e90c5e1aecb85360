//! How alike the filters of a layer are.

use ndarray::{Array2, ArrayView2};

use crate::AnalysisError;
use crate::eigen::symmetric_eigen;

/// The filter most like another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Position of the neighbour in the layer.
    pub filter: usize,
    /// Cosine of the angle between the two, −1 to 1.
    pub similarity: f64,
}

/// Refuses values that are not finite.
pub(crate) fn check_finite(vectors: ArrayView2<'_, f32>) -> Result<(), AnalysisError> {
    let bad = vectors.rows().into_iter().position(|row| row.iter().any(|value| !value.is_finite()));
    bad.map_or(Ok(()), |vector| Err(AnalysisError::NotFinite { vector }))
}

/// Cosines between all filters; a filter of zeros has 0 with every other.
fn cosines(filters: ArrayView2<'_, f32>) -> Array2<f64> {
    let mut unit = filters.mapv(f64::from);
    for mut row in unit.rows_mut() {
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    let dot = |a: usize, b: usize| unit.row(a).iter().zip(unit.row(b)).map(|(a, b)| a * b).sum::<f64>();
    Array2::from_shape_fn(
        (filters.nrows(), filters.nrows()),
        |(a, b)| {
            if a == b { 1.0 } else { dot(a, b).clamp(-1.0, 1.0) }
        },
    )
}

/// Each filter's nearest other filter by cosine; `None` in a layer of one.
///
/// Of equally near ones it is the first.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers.
pub fn nearest_neighbours(filters: ArrayView2<'_, f32>) -> Result<Vec<Option<Neighbour>>, AnalysisError> {
    check_finite(filters)?;
    let cosines = cosines(filters);
    let nearest = cosines.rows().into_iter().enumerate().map(|(filter, row)| {
        let others = row.iter().enumerate().filter(|(other, _)| *other != filter);
        others
            .map(|(other, &similarity)| Neighbour { filter: other, similarity })
            .reduce(|best, other| if other.similarity > best.similarity { other } else { best })
    });
    Ok(nearest.collect())
}

/// How many distinct filters a layer has in effect: `n` for orthogonal ones,
/// 1 if all point one way.
///
/// It is `exp(−Σ λᵢ ln λᵢ)` over the eigenvalues `λ` of `K/n`, where `K` holds
/// the cosines between the `n` filters: the exponential of the entropy of the
/// normalised eigenvalues of the Gram matrix of filters of length one. No
/// filters give 0. A filter of zeros counts as unlike every other.
///
/// Source: D. Friedman and A. B. Dieng, "The Vendi Score: A Diversity
/// Evaluation Metric for Machine Learning", TMLR 2023, with the cosine as
/// kernel; for singular values: O. Roy and M. Vetterli, "The effective rank",
/// EUSIPCO 2007.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers.
pub fn effective_number(filters: ArrayView2<'_, f32>) -> Result<f64, AnalysisError> {
    check_finite(filters)?;
    if filters.nrows() == 0 {
        return Ok(0.0);
    }
    let kernel = cosines(filters) / filters.nrows() as f64;
    // Rounding can make the eigenvalues of a singular kernel slightly negative.
    let positive = symmetric_eigen(kernel).values.into_iter().filter(|value| *value > 0.0);
    let entropy: f64 = positive.map(|value| -value * libm::log(value)).sum();
    Ok(libm::exp(entropy))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn orthogonal_filters_are_distinct_and_multiples_are_one() {
        let number = |filters: Array2<f32>| effective_number(filters.view()).expect("finite");
        assert!((number(Array2::eye(7)) - 7.0).abs() < 1e-12);
        assert!((number(array![[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]]) - 1.0).abs() < 1e-9);
        // Two filters with cosine 0.6: eigenvalues 0.8 and 0.2.
        let expected = (-0.8 * 0.8f64.ln() - 0.2 * 0.2f64.ln()).exp();
        assert!((number(array![[1.0, 0.0], [0.6, 0.8]]) - expected).abs() < 1e-7);
        assert_eq!(number(Array2::zeros((0, 5))), 0.0);
        assert!((number(Array2::zeros((3, 5))) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_nearest_filter_points_the_same_way_however_long_it_is() {
        let filters = array![[1.0, 0.0], [0.0, 1.0], [9.0, 0.0], [0.0, 0.0]];
        let nearest = nearest_neighbours(filters.view()).expect("finite");
        assert_eq!(nearest[0], Some(Neighbour { filter: 2, similarity: 1.0 }));
        assert_eq!(nearest[1], Some(Neighbour { filter: 0, similarity: 0.0 }));
        assert_eq!(nearest_neighbours(array![[1.0]].view()), Ok(vec![None]));
        let bad = nearest_neighbours(array![[1.0], [f32::NAN]].view());
        assert_eq!(bad, Err(AnalysisError::NotFinite { vector: 1 }));
    }
}
