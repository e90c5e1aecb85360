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

/// The filters, each of length one; a filter of zeros stays zeros.
fn of_length_one(filters: ArrayView2<'_, f32>) -> Array2<f64> {
    let mut unit = filters.mapv(f64::from);
    for mut row in unit.rows_mut() {
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    unit
}

/// Cosine of the angle between two filters of length one; of a filter of zeros
/// and any other it is 0.
fn cosine(unit: &Array2<f64>, a: usize, b: usize) -> f64 {
    unit.row(a).iter().zip(unit.row(b)).map(|(a, b)| a * b).sum::<f64>().clamp(-1.0, 1.0)
}

/// Cosines between all filters.
fn cosines(filters: ArrayView2<'_, f32>) -> Array2<f64> {
    let unit = of_length_one(filters);
    let side = (filters.nrows(), filters.nrows());
    Array2::from_shape_fn(side, |(a, b)| if a == b { 1.0 } else { cosine(&unit, a, b) })
}

/// The `count` filters most like one of the layer's by cosine, the nearest
/// first; fewer where the layer has no more.
///
/// Of equally near ones the first comes first.
///
/// Source: of a filter's neighbours the first is that of
/// [`nearest_neighbours`].
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers,
/// [`AnalysisError::Shape`] for a filter that the layer does not have.
pub fn nearest_to(filters: ArrayView2<'_, f32>, filter: usize, count: usize) -> Result<Vec<Neighbour>, AnalysisError> {
    if filter >= filters.nrows() {
        return Err(AnalysisError::Shape {
            what: "position of the filter whose neighbours are wanted",
            expected: format!("less than {}", filters.nrows()),
            found: filter.to_string(),
        });
    }
    check_finite(filters)?;
    let unit = of_length_one(filters);
    let others = (0..filters.nrows()).filter(|&other| other != filter);
    let mut neighbours: Vec<Neighbour> =
        others.map(|other| Neighbour { filter: other, similarity: cosine(&unit, filter, other) }).collect();
    // The sort is stable, so that equally near ones stay in order.
    neighbours.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    neighbours.truncate(count);
    Ok(neighbours)
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

    #[test]
    fn the_nearest_to_one_filter_come_in_order_of_their_angle() {
        // Angles to the first: 180°, 90°, 0°, 90°, and 53° with cosine 0.6.
        let filters = array![[2.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, -3.0], [3.0, 4.0]];
        let of = |filter, count| nearest_to(filters.view(), filter, count);
        let found: Vec<(usize, f64)> =
            of(0, 9).expect("finite").iter().map(|other| (other.filter, other.similarity)).collect();
        assert_eq!(found, [(3, 1.0), (5, 0.6), (2, 0.0), (4, 0.0), (1, -1.0)]);
        assert_eq!(of(0, 3).expect("finite").iter().map(|other| other.filter).collect::<Vec<_>>(), [3, 5, 2]);
        let nearest = nearest_neighbours(filters.view()).expect("finite");
        for (filter, expected) in nearest.into_iter().enumerate() {
            assert_eq!(of(filter, 1).expect("finite").first().copied(), expected, "{filter}");
        }
        assert_eq!(nearest_to(array![[1.0, 2.0]].view(), 0, 3), Ok(Vec::new()));
        assert!(of(6, 3).is_err_and(|error| error.to_string().contains("less than 6")));
        let bad = nearest_to(array![[1.0], [f32::INFINITY]].view(), 0, 1);
        assert_eq!(bad, Err(AnalysisError::NotFinite { vector: 1 }));
    }
}
