//! Affinities of thousands of points: each has some with its nearest others alone.

use crate::Neighbours;
use crate::affinities::conditional;
use crate::lanes::{LANES, RUN, add, sum};
use crate::work::Workers;

/// How far in nats an entropy may be from that of the perplexity.
const TOLERANCE: f64 = 1e-8;
/// Points of which the affinities are found at once.
const PORTION: usize = 64;

/// Joint probabilities of neighbourhood, zero where neither point is among the other's
/// nearest.
///
/// Source: L. van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 2014,
/// section 4.1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SparseAffinities {
    /// Where each point's row begins, and where the last ends.
    starts: Vec<usize>,
    /// The others, in rising order; the point itself where the row is filled up to a
    /// multiple of the lanes.
    others: Vec<u32>,
    /// The probabilities, symmetric, with sum 1.
    joint: Vec<f32>,
}

impl SparseAffinities {
    /// The affinities of points with these neighbours, for a perplexity that is at most
    /// their number.
    pub(crate) fn of(neighbours: &Neighbours, perplexity: f64, workers: &Workers) -> Self {
        let (points, count) = (neighbours.points(), neighbours.count());
        let mut conditionals = vec![0.0; points * count];
        let mut portions: Vec<&mut [f64]> = conditionals.chunks_mut(PORTION * count).collect();
        workers.for_each(&mut portions, |portion, rows| {
            for (row, values) in rows.chunks_exact_mut(count).enumerate() {
                let distances = neighbours.squared_distances(portion * PORTION + row);
                conditional(distances, None, libm::log(perplexity), TOLERANCE, values);
            }
        });
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(2 * count); points];
        for (point, values) in conditionals.chunks_exact(count).enumerate() {
            for (&other, &probability) in neighbours.of(point).iter().zip(values) {
                let share = probability / (2 * points) as f64;
                rows[point].push((other, share));
                rows[other as usize].push((point as u32, share));
            }
        }
        let (mut starts, mut others, mut joint) = (vec![0], Vec::new(), Vec::new());
        for (point, mut row) in rows.into_iter().enumerate() {
            // Of two entries the sum is the same in both orders.
            row.sort_by_key(|&(other, _)| other);
            for both in row.chunk_by(|a, b| a.0 == b.0) {
                others.push(both[0].0);
                joint.push(both.iter().map(|&(_, share)| share).sum::<f64>() as f32);
            }
            let filled = others.len().next_multiple_of(LANES);
            others.resize(filled, point as u32);
            joint.resize(filled, 0.0);
            starts.push(filled);
        }
        Self { starts, others, joint }
    }

    /// How many points there are.
    pub(crate) fn points(&self) -> usize {
        self.starts.len() - 1
    }

    /// A point's others with their joint probabilities, some of which may be zero.
    pub(crate) fn of_point(&self, point: usize) -> (&[u32], &[f32]) {
        let row = self.starts[point]..self.starts[point + 1];
        (&self.others[row.clone()], &self.joint[row])
    }

    /// `Σⱼ pᵢⱼ (yᵢ − yⱼ) / (1 + |yᵢ − yⱼ|²)`: what draws a point to its neighbours.
    pub(crate) fn attraction(&self, point: usize, positions: &[[f32; 2]]) -> [f64; 2] {
        let (others, joint) = self.of_point(point);
        let [x, y] = positions[point];
        let (mut along_x, mut along_y) = ([0.0; LANES], [0.0; LANES]);
        let [mut pulls_x, mut pulls_y] = [[0.0f32; RUN]; 2];
        for (others, joint) in others.chunks(RUN).zip(joint.chunks(RUN)) {
            let (pulls_x, pulls_y) = (&mut pulls_x[..others.len()], &mut pulls_y[..others.len()]);
            for ((&other, pull_x), pull_y) in others.iter().zip(&mut *pulls_x).zip(&mut *pulls_y) {
                let [other_x, other_y] = positions[other as usize];
                (*pull_x, *pull_y) = (x - other_x, y - other_y);
            }
            for ((pull_x, pull_y), &probability) in pulls_x.iter_mut().zip(&mut *pulls_y).zip(joint) {
                let weight = probability / (1.0 + (*pull_x * *pull_x + *pull_y * *pull_y));
                (*pull_x, *pull_y) = (*pull_x * weight, *pull_y * weight);
            }
            add(&mut along_x, pulls_x);
            add(&mut along_y, pulls_y);
        }
        [sum(along_x), sum(along_y)]
    }

    /// Kullback-Leibler divergence of positions from these affinities, in nats, exact but
    /// for rounding: `Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ)`, with Student's `qᵢⱼ ∝ 1/(1 + |yᵢ − yⱼ|²)` over
    /// all pairs.
    pub(crate) fn divergence(&self, positions: &[[f64; 2]], workers: &Workers) -> f64 {
        let filled = positions.len().next_multiple_of(LANES);
        let along = |axis: usize| -> Vec<f64> {
            let values = positions.iter().map(|position| position[axis]);
            // What fills up is so far away that its kernel is zero.
            values.chain(std::iter::repeat(f64::MAX)).take(filled).collect()
        };
        let (xs, ys) = (along(0), along(1));
        let mut portions = vec![[0.0; 2]; positions.len().div_ceil(PORTION)];
        workers.for_each(&mut portions, |portion, [divergence, total]| {
            for point in portion * PORTION..positions.len().min((portion + 1) * PORTION) {
                let [x, y] = positions[point];
                let (others, joint) = self.of_point(point);
                for (&other, &probability) in others.iter().zip(joint).filter(|(_, probability)| **probability > 0.0) {
                    let probability = f64::from(probability);
                    let [dx, dy] = [x - positions[other as usize][0], y - positions[other as usize][1]];
                    *divergence += probability * libm::log(probability * (1.0 + (dx * dx + dy * dy)));
                }
                let mut kernels = [0.0f64; LANES];
                for (xs, ys) in xs.chunks_exact(LANES).zip(ys.chunks_exact(LANES)) {
                    for lane in 0..LANES {
                        let (dx, dy) = (x - xs[lane], y - ys[lane]);
                        kernels[lane] += 1.0 / (1.0 + (dx * dx + dy * dy));
                    }
                }
                // Its own kernel is 1.
                *total += kernels.iter().sum::<f64>() - 1.0;
            }
        });
        let [divergence, total] = portions.iter().fold([0.0; 2], |sums, part| [sums[0] + part[0], sums[1] + part[1]]);
        // Rounding may leave a perfect fit a little below zero.
        if total > 0.0 { (divergence + libm::log(total)).max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::ControlFlow;

    use ndarray::Array2;

    use super::*;
    use crate::affinities::{Affinities, squared_distances};
    use crate::{Work, nearest_points};

    #[test]
    fn with_all_others_as_neighbours_they_are_the_exact_ones() {
        for count in [3, 8, 30, 150] {
            let value = |(i, j): (usize, usize)| ((i * 31 + j * 17 + i * i * j) % 23) as f32 / 7.0;
            let vectors = Array2::from_shape_fn((count, 6), value);
            let perplexity = (count - 1) as f64 / 2.0 + 0.5;
            let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
            let mut work = Work { threads: NonZeroUsize::MIN, watch: &mut watch };
            let neighbours = nearest_points(vectors.view(), count - 1, &mut work).expect("finite");
            let workers = Workers::new(NonZeroUsize::MIN);
            let found = SparseAffinities::of(&neighbours, perplexity, &workers);
            let exact = Affinities::of_distances(&squared_distances(vectors.view()), count, perplexity);
            let mut sum = 0.0;
            for point in 0..count {
                let (others, joint) = found.of_point(point);
                assert!(others.len().is_multiple_of(LANES));
                for (&other, &probability) in others.iter().zip(joint) {
                    let expected = exact.joint()[point * count + other as usize];
                    assert!((f64::from(probability) - expected).abs() < 1e-6 * expected + 1e-9);
                    sum += f64::from(probability);
                }
            }
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
            let positions: Vec<[f64; 2]> =
                (0..count).map(|i| [(i * 29 % 13) as f64, (i * 17 + i * i) as f64 % 7.3]).collect();
            let [found, expected] = [found.divergence(&positions, &workers), exact.divergence(&positions)];
            assert!((found - expected).abs() < 1e-5 * expected, "{found} and {expected}");
        }
    }
}
