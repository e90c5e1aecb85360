//! Principal components: the plane in which the points are spread most.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::AnalysisError;
use crate::eigen::symmetric_eigen;
use crate::similarity::check_finite;

/// Points in the plane of their two first principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// The points' coordinates, `[point]`.
    pub positions: Vec<[f64; 2]>,
    /// Share of the points' variance along each axis, 0 to 1.
    pub explained: [f64; 2],
}

/// Exact principal component analysis to two dimensions.
///
/// An axis points so that its loading of largest magnitude is positive. With
/// too few points or dimensions an axis holds zeros and explains nothing.
///
/// Shape: `[point][dimension]`.
///
/// Determinism: a fixed sequence of f64 operations on one thread.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers.
pub fn pca(vectors: ArrayView2<'_, f32>) -> Result<Pca, AnalysisError> {
    check_finite(vectors)?;
    let mut centred = vectors.mapv(f64::from);
    if let Some(mean) = centred.mean_axis(Axis(0)) {
        centred -= &mean;
    }
    let (points, dimensions) = centred.dim();
    let total: f64 = centred.iter().map(|value| value * value).sum();
    let mut positions = vec![[0.0; 2]; points];
    let mut explained = [0.0; 2];
    // The smaller of the two Gram matrices has the same nonzero eigenvalues.
    let by_points = points <= dimensions;
    let eigen =
        symmetric_eigen(if by_points { gram(&centred) } else { gram(&centred.t().as_standard_layout().into_owned()) });
    for axis in 0..2.min(eigen.values.len()) {
        // What is left of a flat direction is rounding, not an axis.
        if eigen.values[axis] <= total * 1e-14 {
            continue;
        }
        let loadings = loadings(&centred, eigen.vectors.column(axis).to_owned(), by_points);
        for (position, row) in positions.iter_mut().zip(centred.rows()) {
            position[axis] = row.dot(&loadings);
        }
        explained[axis] = eigen.values[axis] / total;
    }
    Ok(Pca { positions, explained })
}

/// Inner products of all rows.
///
/// Row by row, because the products of whole matrices in `ndarray` round as
/// the processor at hand does.
fn gram(rows: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((rows.nrows(), rows.nrows()), |(a, b)| rows.row(a).dot(&rows.row(b)))
}

/// The unit vector of an axis, from an eigenvector of a Gram matrix.
fn loadings(centred: &Array2<f64>, eigenvector: Array1<f64>, by_points: bool) -> Array1<f64> {
    let mut loadings = eigenvector;
    if by_points {
        let mut combined = Array1::zeros(centred.ncols());
        for (row, &share) in centred.rows().into_iter().zip(&loadings) {
            combined.scaled_add(share, &row);
        }
        loadings = combined;
    }
    let length = loadings.iter().map(|value| value * value).sum::<f64>().sqrt();
    let largest =
        loadings.iter().fold(0.0f64, |largest, &value| if value.abs() > largest.abs() { value } else { largest });
    loadings /= if largest < 0.0 { -length } else { length };
    loadings
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn points_on_two_known_axes_keep_their_coordinates() {
        // Four points, ±2 along (0.6, 0.8, 0) and ±1 along (0, 0, 1).
        let points = array![[1.2, 1.6, 0.0], [-1.2, -1.6, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]] + 5.0;
        let found = pca(points.view()).expect("finite");
        let expected = [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        for (found, expected) in found.positions.iter().zip(expected) {
            assert!((found[0] - expected[0]).abs() < 1e-6 && (found[1] - expected[1]).abs() < 1e-6, "{found:?}");
        }
        assert!((found.explained[0] - 0.8).abs() < 1e-6 && (found.explained[1] - 0.2).abs() < 1e-6);
    }

    #[test]
    fn more_points_than_dimensions_and_the_reverse_agree() {
        let wide = Array2::from_shape_fn((5, 9), |(i, j)| ((i * i * 7 + j * 3 * i + j) % 11) as f32);
        let mut tall = Array2::zeros((12, 9));
        tall.slice_mut(ndarray::s![..5, ..]).assign(&wide);
        tall.slice_mut(ndarray::s![5..10, ..]).assign(&wide);
        tall.slice_mut(ndarray::s![10.., ..]).assign(&wide.slice(ndarray::s![..2, ..]));
        let (padded, _) = tall.view().split_at(Axis(0), 10);
        let (few, many) = (pca(wide.view()).expect("finite"), pca(padded).expect("finite"));
        for (a, b) in few.positions.iter().zip(&many.positions) {
            assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9, "{a:?} {b:?}");
        }
    }

    #[test]
    fn none_one_and_equal_points_give_zeros() {
        for points in [0, 1, 4] {
            let found = pca(Array2::from_elem((points, 6), 0.3).view()).expect("finite");
            assert_eq!(found, Pca { positions: vec![[0.0; 2]; points], explained: [0.0; 2] });
        }
    }
}
