//! The principal plane of thousands of points in thousands of dimensions.

use ndarray::{Array2, ArrayView2};

use crate::eigen::symmetric_eigen;
use crate::similarity::check_finite;
use crate::work::{Work, Workers};
use crate::{AnalysisError, Pca};

/// Directions that are followed, of which the first two are wanted: those beside them let
/// the wanted ones settle sooner.
const DIRECTIONS: usize = 8;
/// The most rounds; each is a product with the points and one with their transpose.
const ROUNDS: usize = 60;
/// Share by which the variance in the plane may still grow in the last round.
const SETTLED: f64 = 1e-9;
/// Points, or dimensions, that are worked on at once.
const PORTION: usize = 64;

/// Numbers a direction, for one point or one dimension.
type Row = [f64; DIRECTIONS];

/// Points in the plane of their two first principal components, found by iteration: for as
/// many points and dimensions as [`pca`](crate::pca), which is exact, takes too long for.
///
/// It ends when the variance in the plane has settled to a billionth. An axis points so
/// that its loading of largest magnitude is positive. Without variance an axis holds zeros
/// and explains nothing.
///
/// Shape: `[point][dimension]`.
///
/// Cost: some ten to sixty rounds of `16 × points × dimensions` multiply-adds.
///
/// Determinism: sums in the order of the points or the dimensions, on any number of threads.
///
/// Source: subspace iteration with a Rayleigh-Ritz step; Golub and Van Loan, Matrix
/// Computations, section 8.2.4.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers, and
/// [`AnalysisError::Cancelled`].
pub fn principal_plane(vectors: ArrayView2<'_, f32>, work: &mut Work<'_>) -> Result<Pca, AnalysisError> {
    check_finite(vectors)?;
    let workers = Workers::new(work.threads);
    plane(vectors, &workers, &mut |done, of| work.progress(done, of))
}

/// [`principal_plane`] of finite points; `progress` is told how many rounds are done.
pub(crate) fn plane(
    vectors: ArrayView2<'_, f32>,
    workers: &Workers,
    progress: &mut dyn FnMut(usize, usize) -> Result<(), AnalysisError>,
) -> Result<Pca, AnalysisError> {
    let (points, dimensions) = vectors.dim();
    let nothing = Pca { positions: vec![[0.0; 2]; points], explained: [0.0; 2] };
    let means = means(vectors, workers);
    let total = total_variance(vectors, &means, workers);
    if total == 0.0 {
        return Ok(nothing);
    }
    let mut directions: Vec<Row> = (0..dimensions).map(first_direction).collect();
    orthonormalise(&mut directions);
    let (mut coordinates, mut before) = (vec![Row::default(); points], 0.0);
    for round in 0..ROUNDS {
        progress(round, ROUNDS)?;
        project(vectors, &means, &directions, workers, &mut coordinates);
        let spread = ritz(&mut directions, &mut coordinates);
        let in_plane = spread[0] + spread[1];
        if in_plane - before <= SETTLED * in_plane {
            break;
        }
        before = in_plane;
        if round + 1 < ROUNDS {
            project_back(vectors, &means, &coordinates, workers, &mut directions);
            orthonormalise(&mut directions);
        }
    }
    let mut found = nothing;
    for axis in 0..2 {
        let variance: f64 = coordinates.iter().map(|row| row[axis] * row[axis]).sum();
        // What is left of a flat direction is rounding, not an axis.
        if variance <= total * 1e-14 {
            continue;
        }
        let loadings = directions.iter().map(|row| row[axis]);
        let largest = loadings.fold(0.0f64, |largest, value| if value.abs() > largest.abs() { value } else { largest });
        for (position, row) in found.positions.iter_mut().zip(&coordinates) {
            position[axis] = if largest < 0.0 { -row[axis] } else { row[axis] };
        }
        found.explained[axis] = variance / total;
    }
    Ok(found)
}

/// The mean of each dimension.
fn means(vectors: ArrayView2<'_, f32>, workers: &Workers) -> Vec<f64> {
    let mut means = vec![0.0; vectors.ncols()];
    let mut portions: Vec<&mut [f64]> = means.chunks_mut(PORTION).collect();
    workers.for_each(&mut portions, |portion, means| {
        let columns = portion * PORTION..portion * PORTION + means.len();
        for row in vectors.slice(ndarray::s![.., columns]).rows() {
            means.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(value));
        }
        means.iter_mut().for_each(|mean| *mean /= vectors.nrows() as f64);
    });
    means
}

/// The sum of all squared distances from the mean.
fn total_variance(vectors: ArrayView2<'_, f32>, means: &[f64], workers: &Workers) -> f64 {
    let mut sums = vec![0.0; vectors.nrows()];
    let mut portions: Vec<&mut [f64]> = sums.chunks_mut(PORTION).collect();
    workers.for_each(&mut portions, |portion, sums| {
        for (row, sum) in sums.iter_mut().enumerate() {
            let off = vectors.row(portion * PORTION + row).into_iter().zip(means);
            *sum = off.map(|(&value, mean)| (f64::from(value) - mean) * (f64::from(value) - mean)).sum();
        }
    });
    sums.iter().sum()
}

/// Numbers that are as good as random, the same everywhere.
fn first_direction(dimension: usize) -> Row {
    let mut bytes = [0; 4 * DIRECTIONS];
    blake3::Hasher::new_derive_key("revacnn analysis: first directions of a principal plane")
        .update(&(dimension as u64).to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    std::array::from_fn(|direction| {
        let at = 4 * direction;
        f64::from(i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])) / f64::from(1u32 << 31)
    })
}

/// Each point's coordinates along the directions.
fn project(
    vectors: ArrayView2<'_, f32>,
    means: &[f64],
    directions: &[Row],
    workers: &Workers,
    coordinates: &mut [Row],
) {
    let mut portions: Vec<&mut [Row]> = coordinates.chunks_mut(PORTION).collect();
    workers.for_each(&mut portions, |portion, rows| {
        for (row, sums) in rows.iter_mut().enumerate() {
            *sums = Row::default();
            for ((&value, mean), direction) in
                vectors.row(portion * PORTION + row).into_iter().zip(means).zip(directions)
            {
                let value = f64::from(value) - mean;
                sums.iter_mut().zip(direction).for_each(|(sum, along)| *sum += value * along);
            }
        }
    });
}

/// The points, weighted by their coordinates: the directions that most of them lie in.
fn project_back(
    vectors: ArrayView2<'_, f32>,
    means: &[f64],
    coordinates: &[Row],
    workers: &Workers,
    directions: &mut [Row],
) {
    let mut portions: Vec<&mut [Row]> = directions.chunks_mut(PORTION).collect();
    workers.for_each(&mut portions, |portion, sums| {
        sums.fill(Row::default());
        let columns = portion * PORTION..portion * PORTION + sums.len();
        let means = &means[columns.clone()];
        for (row, coordinates) in vectors.slice(ndarray::s![.., columns]).rows().into_iter().zip(coordinates) {
            for ((&value, mean), sums) in row.into_iter().zip(means).zip(sums.iter_mut()) {
                let value = f64::from(value) - mean;
                sums.iter_mut().zip(coordinates).for_each(|(sum, along)| *sum += value * along);
            }
        }
    });
}

/// Turns directions and coordinates so that the coordinates are uncorrelated, the most
/// spread first, and gives the sums of their squares.
fn ritz(directions: &mut [Row], coordinates: &mut [Row]) -> [f64; DIRECTIONS] {
    let mut products = Array2::zeros((DIRECTIONS, DIRECTIONS));
    for row in coordinates.iter() {
        for (a, b) in (0..DIRECTIONS).flat_map(|a| (0..DIRECTIONS).map(move |b| (a, b))) {
            products[[a, b]] += row[a] * row[b];
        }
    }
    let eigen = symmetric_eigen(products);
    for row in directions.iter_mut().chain(coordinates) {
        let old = *row;
        *row = std::array::from_fn(|rank| (0..DIRECTIONS).map(|at| old[at] * eigen.vectors[[at, rank]]).sum());
    }
    std::array::from_fn(|rank| eigen.values[rank])
}

/// Makes the columns orthogonal and of length one, each freed from those before it; what
/// has nothing of its own becomes zeros.
fn orthonormalise(rows: &mut [Row]) {
    for column in 0..DIRECTIONS {
        let length = |rows: &[Row]| rows.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt();
        let whole = length(rows);
        // Twice is enough: what rounding left of the others the first time is gone.
        for _ in 0..2 {
            for other in 0..column {
                let along: f64 = rows.iter().map(|row| row[column] * row[other]).sum();
                rows.iter_mut().for_each(|row| row[column] -= along * row[other]);
            }
        }
        let own = length(rows);
        let scale = if own > 1e-12 * whole { 1.0 / own } else { 0.0 };
        rows.iter_mut().for_each(|row| row[column] *= scale);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::pca;

    fn found(vectors: &Array2<f32>) -> Pca {
        let workers = Workers::new(NonZeroUsize::new(2).unwrap());
        plane(vectors.view(), &workers, &mut |_, _| Ok(())).expect("not cancelled")
    }

    #[test]
    fn it_is_the_plane_of_the_exact_components() {
        let value = |i: usize, j: usize| ((i * 131 + j * 71 + i * i * j * 17) % 101) as f32 / 50.0;
        for (points, dimensions) in [(150, 20), (20, 150), (90, 90), (40, 3), (3, 40), (40, 1), (2, 2)] {
            let vectors = Array2::from_shape_fn((points, dimensions), |(i, j)| {
                let [along, across] = [(i % 7) as f32 * (j % 3) as f32, (i % 5) as f32 * (j % 2) as f32];
                value(i, j) + along + across + 100.0
            });
            let (found, exact) = (found(&vectors), pca(vectors.view()).unwrap());
            for axis in 0..2 {
                assert!((found.explained[axis] - exact.explained[axis]).abs() < 1e-6, "{points}×{dimensions}");
                let size = exact.positions.iter().fold(0.0f64, |size, at| size.max(at[axis].abs()));
                for (found, exact) in found.positions.iter().zip(&exact.positions) {
                    let off = (found[axis] - exact[axis]).abs();
                    assert!(off <= 1e-3 * size, "{points}×{dimensions}: {found:?} {exact:?}");
                }
            }
        }
    }

    #[test]
    fn points_without_variance_are_zeros() {
        for (points, dimensions) in [(0, 0), (0, 4), (4, 0), (1, 4), (50, 4)] {
            let found = found(&Array2::from_elem((points, dimensions), 0.3));
            assert_eq!(found, Pca { positions: vec![[0.0; 2]; points], explained: [0.0; 2] });
        }
    }
}
