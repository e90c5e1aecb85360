//! Whether neighbours in a picture are neighbours in truth.

use ndarray::ArrayView2;

use crate::AnalysisError;
use crate::affinities::squared_distances;
use crate::similarity::check_finite;

/// The number of neighbours looked at by default: 5, or as many as few points
/// allow. `None` for fewer than three points, where no number is possible.
pub(crate) fn default_neighbours(points: usize) -> Option<usize> {
    (points >= 3).then(|| 5.min((points - 1) / 2))
}

/// Share, from 0 to 1, to which the `neighbours` nearest points in the
/// embedding are near in the original space too.
///
/// `1 − 2/(n k (2n − 3k − 1)) Σᵢ Σⱼ (r(i, j) − k)`, the inner sum over the `k`
/// nearest of `i` in the embedding that are not among its `k` nearest in the
/// original space, and `r` the rank of `j` there. Of equally near points the
/// first is the nearer.
///
/// Source: J. Venna and S. Kaski, "Neighborhood preservation in nonlinear
/// projection methods", ICANN 2001.
///
/// # Errors
///
/// [`AnalysisError::Neighbours`] unless 1 ≤ `neighbours` < n/2,
/// [`AnalysisError::Shape`] if there are not as many positions as vectors, and
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers.
pub fn trustworthiness(
    vectors: ArrayView2<'_, f32>,
    positions: &[[f64; 2]],
    neighbours: usize,
) -> Result<f64, AnalysisError> {
    let points = vectors.nrows();
    check_finite(vectors)?;
    if positions.len() != points {
        return Err(AnalysisError::Shape {
            what: "positions of an embedding",
            expected: format!("{points}, one a vector"),
            found: positions.len().to_string(),
        });
    }
    if neighbours == 0 || neighbours.saturating_mul(2) >= points {
        return Err(AnalysisError::Neighbours { found: neighbours, points });
    }
    Ok(of_distances(&squared_distances(vectors), positions, neighbours))
}

/// Trustworthiness from the squared distances of the original space, for
/// numbers of neighbours that were checked.
pub(crate) fn of_distances(distances: &[f64], positions: &[[f64; 2]], neighbours: usize) -> f64 {
    let points = positions.len();
    let mut penalty = 0;
    for (point, distances) in distances.chunks_exact(points).enumerate() {
        let order_by = |distance: &dyn Fn(usize) -> f64| {
            let mut order: Vec<usize> = (0..points).filter(|&other| other != point).collect();
            order.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            order
        };
        let mut ranks = vec![0; points];
        for (rank, other) in order_by(&|other| distances[other]).into_iter().enumerate() {
            ranks[other] = rank + 1;
        }
        let embedded = order_by(&|other| {
            let [x, y] = [positions[point][0] - positions[other][0], positions[point][1] - positions[other][1]];
            x * x + y * y
        });
        penalty += embedded[..neighbours].iter().map(|&other| ranks[other].saturating_sub(neighbours)).sum::<usize>();
    }
    let worst = points * neighbours * (2 * points - 3 * neighbours - 1);
    1.0 - 2.0 * penalty as f64 / worst as f64
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    /// The definition, word by word: ranks counted instead of sorted.
    fn by_definition(vectors: &Array2<f32>, positions: &[[f64; 2]], k: usize) -> f64 {
        let n = positions.len();
        let far = |i: usize, j: usize| -> f64 {
            (0..vectors.ncols()).map(|c| (f64::from(vectors[[i, c]]) - f64::from(vectors[[j, c]])).powi(2)).sum()
        };
        let near = |i: usize, j: usize| (0..2).map(|c| (positions[i][c] - positions[j][c]).powi(2)).sum::<f64>();
        let rank = |distance: &dyn Fn(usize, usize) -> f64, i: usize, j: usize| {
            let before = |m: &usize| distance(i, *m) < distance(i, j) || (distance(i, *m) == distance(i, j) && *m < j);
            1 + (0..n).filter(|m| *m != i && *m != j).filter(before).count()
        };
        let mut sum = 0.0;
        for i in 0..n {
            for j in (0..n).filter(|j| *j != i) {
                if rank(&near, i, j) <= k && rank(&far, i, j) > k {
                    sum += (rank(&far, i, j) - k) as f64;
                }
            }
        }
        1.0 - sum * 2.0 / ((n * k) as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0))
    }

    #[test]
    fn it_equals_the_definition() {
        let vectors = Array2::from_shape_fn((13, 4), |(i, j)| ((i * 37 + j * 11 + i * i * j) % 17) as f32);
        let positions: Vec<[f64; 2]> =
            (0..13).map(|i| [f64::from((i * 29 + 3) % 13), f64::from((i * 17 + i * i) % 7)]).collect();
        for k in 1..=6 {
            let found = trustworthiness(vectors.view(), &positions, k).expect("k < n/2");
            assert!((found - by_definition(&vectors, &positions, k)).abs() < 1e-12, "k = {k}");
            assert!(found < 1.0);
        }
        assert!(trustworthiness(vectors.view(), &positions, 7).is_err());
        assert!(trustworthiness(vectors.view(), &positions, 0).is_err());
        assert!(trustworthiness(vectors.view(), &positions[1..], 3).is_err());
    }

    #[test]
    fn a_faithful_picture_is_wholly_trustworthy() {
        let vectors = array![[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [7.0, 1.0], [15.0, 2.0]];
        let positions: Vec<[f64; 2]> =
            vectors.rows().into_iter().map(|row| [f64::from(row[0]), f64::from(row[1])]).collect();
        assert_eq!(trustworthiness(vectors.view(), &positions, 2), Ok(1.0));
    }

    #[test]
    fn few_points_have_few_neighbours() {
        let found: Vec<_> = [0, 2, 3, 5, 11, 20].into_iter().map(default_neighbours).collect();
        assert_eq!(found, [None, None, Some(1), Some(2), Some(5), Some(5)]);
    }
}
