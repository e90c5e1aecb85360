//! The nearest other points of every point, among thousands.

use ndarray::ArrayView2;

use crate::AnalysisError;
use crate::similarity::check_finite;
use crate::work::{Work, Workers};

/// Points that are compared with others at once.
const LANES: usize = 8;
/// Half of a tile: as many of its points as registers hold the sums of.
const ROWS: usize = LANES / 2;
/// Dimensions that are summed in `f32`, before the sum goes on in `f64`.
const RUN: usize = 256;
/// Tiles of points that find their neighbours between two looks at whether they are wanted.
const BATCH: usize = 16;

/// The nearest other points of every point, by Euclidean distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    points: usize,
    count: usize,
    others: Vec<u32>,
    distances: Vec<f64>,
}

impl Neighbours {
    /// How many points there are.
    pub fn points(&self) -> usize {
        self.points
    }

    /// How many neighbours each point has here.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Indices of the nearest others of a point, the nearest first; of equally near
    /// ones, the first comes first.
    ///
    /// # Panics
    ///
    /// If there is no such point.
    pub fn of(&self, point: usize) -> &[u32] {
        &self.others[point * self.count..][..self.count]
    }

    /// Squared distances to [`of`](Self::of), in units of the points' dimensions.
    ///
    /// # Panics
    ///
    /// If there is no such point.
    pub fn squared_distances(&self, point: usize) -> &[f64] {
        &self.distances[point * self.count..][..self.count]
    }
}

/// The `count` nearest other points of each, found by comparing all with all.
///
/// Differences and their squares are `f32`, relative to the largest value of all: points
/// nearer to one another than 10⁻¹⁹ of that count as equal.
///
/// Shape: `[point][dimension]`.
///
/// Cost: `points² × dimensions` differences. Two cores of 2 GHz without wide vectors take
/// some 0.1 s for 2,000 points of 64 dimensions and 2 s for 10,000.
///
/// Determinism: a distance is one sum in the order of the dimensions, on any thread.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for infinities and not-a-numbers,
/// [`AnalysisError::NeighbourCount`] unless there are more points than neighbours, and
/// [`AnalysisError::Cancelled`].
pub fn nearest_points(
    vectors: ArrayView2<'_, f32>,
    count: usize,
    work: &mut Work<'_>,
) -> Result<Neighbours, AnalysisError> {
    check_finite(vectors)?;
    check_count(vectors.nrows(), count)?;
    let workers = Workers::new(work.threads);
    let tiles = Tiles::new(vectors.nrows(), vectors.ncols(), |point, dimension| f64::from(vectors[[point, dimension]]));
    nearest(&tiles, count, &workers, &mut |done, of| work.progress(done, of))
}

/// [`nearest_points`] for positions in a plane, such as those of an embedding.
///
/// # Errors
///
/// Those of [`nearest_points`].
pub fn nearest_positions(
    positions: &[[f64; 2]],
    count: usize,
    work: &mut Work<'_>,
) -> Result<Neighbours, AnalysisError> {
    if let Some(vector) = positions.iter().position(|position| position.iter().any(|value| !value.is_finite())) {
        return Err(AnalysisError::NotFinite { vector });
    }
    check_count(positions.len(), count)?;
    let workers = Workers::new(work.threads);
    let tiles = Tiles::new(positions.len(), 2, |point, axis| positions[point][axis]);
    nearest(&tiles, count, &workers, &mut |done, of| work.progress(done, of))
}

/// Refuses numbers of neighbours that so many points do not have.
fn check_count(points: usize, count: usize) -> Result<(), AnalysisError> {
    if count == 0 || count >= points || u32::try_from(points).is_err() {
        return Err(AnalysisError::NeighbourCount { found: count, points });
    }
    Ok(())
}

/// Points side by side: `[tile][dimension][lane]`, so that neighbouring numbers belong to
/// neighbouring points. They are divided by the power of two above the largest of them.
pub(crate) struct Tiles {
    points: usize,
    dimensions: usize,
    /// What distances are multiplied by.
    scale: f64,
    values: Vec<[f32; LANES]>,
}

impl Tiles {
    /// The points with these finite values.
    pub(crate) fn new(points: usize, dimensions: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let all = (0..points).flat_map(|point| (0..dimensions).map(move |dimension| (point, dimension)));
        let largest = all.fold(0.0f64, |largest, (point, dimension)| largest.max(value(point, dimension).abs()));
        let scale = if largest > 0.0 { libm::scalbn(1.0, libm::ilogb(largest)) } else { 1.0 };
        let mut values = vec![[0.0; LANES]; points.div_ceil(LANES) * dimensions];
        for point in 0..points {
            let tile = &mut values[point / LANES * dimensions..][..dimensions];
            for (dimension, lanes) in tile.iter_mut().enumerate() {
                lanes[point % LANES] = (value(point, dimension) / scale) as f32;
            }
        }
        Self { points, dimensions, scale, values }
    }

    fn count(&self) -> usize {
        self.points.div_ceil(LANES)
    }

    fn tile(&self, tile: usize) -> &[[f32; LANES]] {
        &self.values[tile * self.dimensions..][..self.dimensions]
    }
}

/// The nearest others of the points of a few tiles, and where they are written.
struct Portion<'a> {
    others: &'a mut [u32],
    distances: &'a mut [f64],
}

/// The nearest others of all points, for a number of them that was checked; `progress` is
/// told how many batches of tiles are done.
pub(crate) fn nearest(
    tiles: &Tiles,
    count: usize,
    workers: &Workers,
    progress: &mut dyn FnMut(usize, usize) -> Result<(), AnalysisError>,
) -> Result<Neighbours, AnalysisError> {
    let mut others = vec![0; tiles.points * count];
    let mut distances = vec![0.0; tiles.points * count];
    let written = others.chunks_mut(LANES * count).zip(distances.chunks_mut(LANES * count));
    let mut portions: Vec<Portion<'_>> = written.map(|(others, distances)| Portion { others, distances }).collect();
    let batches = tiles.count().div_ceil(BATCH);
    for (batch, portions) in portions.chunks_mut(BATCH).enumerate() {
        progress(batch, batches)?;
        workers.for_each(portions, |index, portion| nearest_of_tile(tiles, batch * BATCH + index, count, portion));
    }
    Ok(Neighbours { points: tiles.points, count, others, distances })
}

/// Writes the nearest others of one tile's points.
fn nearest_of_tile(tiles: &Tiles, tile: usize, count: usize, portion: &mut Portion<'_>) {
    let own = tiles.tile(tile);
    let mut nearest: [Nearest; LANES] = std::array::from_fn(|_| Nearest::new(count));
    for other in 0..tiles.count() {
        let far = tiles.tile(other);
        let indices = other * LANES..tiles.points.min((other + 1) * LANES);
        let halves = [squared_distances::<0>(own, far), squared_distances::<ROWS>(own, far)];
        for (half, rows) in halves.iter().enumerate() {
            for (row, distances) in rows.iter().enumerate() {
                let point = half * ROWS + row;
                for (index, &distance) in indices.clone().zip(distances) {
                    if index != tile * LANES + point {
                        nearest[point].offer(distance as f32, index as u32);
                    }
                }
            }
        }
    }
    let written = portion.others.chunks_exact_mut(count).zip(portion.distances.chunks_exact_mut(count));
    for (nearest, (others, distances)) in nearest.into_iter().zip(written) {
        for ((distance, index), (other, squared)) in nearest.sorted().zip(others.iter_mut().zip(distances)) {
            *other = index;
            *squared = f64::from(distance) * tiles.scale * tiles.scale;
        }
    }
}

/// Squared distances of half of one tile's points, from `FIRST` on, from all of another,
/// `[row][lane]`.
#[inline(never)]
fn squared_distances<const FIRST: usize>(own: &[[f32; LANES]], far: &[[f32; LANES]]) -> [[f64; LANES]; ROWS] {
    let mut total = [[0.0; LANES]; ROWS];
    for (own, far) in own.chunks(RUN).zip(far.chunks(RUN)) {
        let mut sums = [[0.0f32; LANES]; ROWS];
        for (own, far) in own.iter().zip(far) {
            let own: [f32; ROWS] = std::array::from_fn(|row| own[FIRST + row]);
            for (sums, own) in sums.iter_mut().zip(own) {
                for (sum, far) in sums.iter_mut().zip(far) {
                    let difference = own - far;
                    *sum += difference * difference;
                }
            }
        }
        for (total, sums) in total.iter_mut().zip(sums) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += f64::from(sum);
            }
        }
    }
    total
}

/// The nearest points so far: a distance's bits, which are in the order of the distances,
/// above an index.
struct Nearest {
    count: usize,
    keys: Vec<u64>,
    /// What is not below this is not among the nearest.
    bound: u64,
}

impl Nearest {
    fn new(count: usize) -> Self {
        Self { count, keys: Vec::new(), bound: u64::MAX }
    }

    fn offer(&mut self, distance: f32, index: u32) {
        let key = u64::from(distance.to_bits()) << 32 | u64::from(index);
        if key < self.bound {
            self.keys.push(key);
            if self.keys.len() == 2 * self.count + LANES {
                self.keys.select_nth_unstable(self.count - 1);
                self.keys.truncate(self.count);
                self.bound = self.keys[self.count - 1];
            }
        }
    }

    fn sorted(mut self) -> impl Iterator<Item = (f32, u32)> {
        self.keys.sort_unstable();
        self.keys.truncate(self.count);
        self.keys.into_iter().map(|key| (f32::from_bits((key >> 32) as u32), key as u32))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::ControlFlow;

    use ndarray::{Array2, array};

    use super::*;

    fn found(vectors: &Array2<f32>, count: usize) -> Neighbours {
        let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
        let mut work = Work { threads: NonZeroUsize::new(2).unwrap(), watch: &mut watch };
        nearest_points(vectors.view(), count, &mut work).expect("finite")
    }

    #[test]
    fn they_are_those_of_a_sort_by_distance() {
        // Whole numbers, whose distances are exact, and many of them equal; more than one run.
        for (points, dimensions) in [(2, 1), (9, 3), (100, 5), (40, 600)] {
            let value = |(i, j): (usize, usize)| ((i * 37 + j * 11 + i * i * j) % 17) as f32 - 8.0;
            let vectors = Array2::from_shape_fn((points, dimensions), value);
            for count in [1, 3.min(points - 1), points - 1] {
                let found = found(&vectors, count);
                assert_eq!((found.points(), found.count()), (points, count));
                for point in 0..points {
                    let distance = |other: usize| -> f64 {
                        let pairs = vectors.row(point).into_iter().zip(vectors.row(other));
                        pairs.map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum()
                    };
                    let mut others: Vec<usize> = (0..points).filter(|&other| other != point).collect();
                    others.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
                    let expected: Vec<u32> = others[..count].iter().map(|&other| other as u32).collect();
                    assert_eq!(found.of(point), expected);
                    for (&other, &squared) in found.of(point).iter().zip(found.squared_distances(point)) {
                        assert_eq!(squared, distance(other as usize));
                    }
                }
            }
        }
    }

    #[test]
    fn neither_large_nor_small_numbers_are_lost() {
        for scale in [1e-38f32, 1e-20, 1.0, 1e30] {
            let vectors = array![[0.0], [1.0], [3.0], [6.5]] * scale;
            let found = found(&vectors, 2);
            let all: Vec<&[u32]> = (0..4).map(|point| found.of(point)).collect();
            assert_eq!(all, [[1, 2], [0, 2], [1, 0], [2, 1]]);
            let expected = f64::from(scale) * f64::from(scale);
            assert!((found.squared_distances(0)[0] / expected - 1.0).abs() < 1e-5);
        }
    }
}
