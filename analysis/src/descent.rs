//! The minimisation behind t-SNE: L-BFGS on the divergence of an embedding.

use std::collections::VecDeque;

use crate::affinities::Affinities;

/// Steps whose curvature is remembered.
const MEMORY: usize = 10;
/// Share of the decrease that the slope promises which a step must reach.
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before there is no lower place in its direction.
const HALVINGS: usize = 30;
/// The farthest that a coordinate moves in a step: the width of Student's
/// kernel, so that a point does not leap over its neighbours.
const LONGEST_MOVE: f64 = 1.0;
/// Steps in a row that must fall less than the tolerance.
const SETTLED: usize = 3;

/// Where a descent ended.
pub(crate) struct Descended {
    pub(crate) positions: Vec<[f64; 2]>,
    pub(crate) iterations: usize,
}

/// Descends from `start` until the objective falls by less than `tolerance` in
/// three steps in a row, or `iterations` steps are done. Every step is lower
/// than the one before.
///
/// The objective is the Kullback-Leibler divergence, its attractive part
/// multiplied by `exaggeration`.
///
/// Determinism: a fixed sequence of f64 operations on one thread.
///
/// Source: J. Nocedal and S. Wright, Numerical Optimization, algorithm 7.4.
pub(crate) fn descend(
    affinities: &Affinities,
    start: &[[f64; 2]],
    exaggeration: f64,
    iterations: usize,
    tolerance: f64,
) -> Descended {
    let mut objective = Objective::new(affinities, exaggeration);
    let mut place: Vec<f64> = [0, 1].into_iter().flat_map(|axis| start.iter().map(move |at| at[axis])).collect();
    let mut slope = vec![0.0; place.len()];
    let mut value = objective.evaluate(&place, &mut slope);
    let mut curvature = Curvature::default();
    let (mut next_place, mut next_slope) = (place.clone(), slope.clone());
    let (mut done, mut settled) = (0, 0);
    while done < iterations && settled < SETTLED {
        let mut direction = curvature.direction(&slope, start.len());
        let mut decline = dot(&slope, &direction);
        if decline >= 0.0 {
            if curvature.updates.is_empty() {
                break;
            }
            curvature.updates.clear();
            continue;
        }
        let longest = direction.iter().fold(0.0f64, |longest, move_| longest.max(move_.abs()));
        if longest > LONGEST_MOVE {
            direction.iter_mut().for_each(|move_| *move_ *= LONGEST_MOVE / longest);
            decline *= LONGEST_MOVE / longest;
        }
        let mut share = 1.0;
        let lower = (0..HALVINGS).find_map(|_| {
            for ((next, &here), &along) in next_place.iter_mut().zip(&place).zip(&direction) {
                *next = here + share * along;
            }
            let found = objective.evaluate(&next_place, &mut next_slope);
            let enough = found <= value + SUFFICIENT * share * decline;
            share *= 0.5;
            enough.then_some(found)
        });
        let Some(lower) = lower else { break };
        curvature.learn(&place, &next_place, &slope, &next_slope);
        settled = if value - lower < tolerance { settled + 1 } else { 0 };
        std::mem::swap(&mut place, &mut next_place);
        std::mem::swap(&mut slope, &mut next_slope);
        value = lower;
        done += 1;
    }
    let (xs, ys) = place.split_at(start.len());
    Descended { positions: xs.iter().zip(ys).map(|(&x, &y)| [x, y]).collect(), iterations: done }
}

/// The divergence but for its constant `Σ p ln p`.
struct Objective<'a> {
    affinities: &'a Affinities,
    exaggeration: f64,
    /// Student's kernel, `[point][other]`, for others before the point.
    kernel: Vec<f64>,
}

impl<'a> Objective<'a> {
    fn new(affinities: &'a Affinities, exaggeration: f64) -> Self {
        Self { affinities, exaggeration, kernel: vec![0.0; affinities.joint().len()] }
    }

    /// `e Σ pᵢⱼ ln(1 + |yᵢ − yⱼ|²) + ln Σ 1/(1 + |yᵢ − yⱼ|²)`, and its gradient
    /// `4 Σⱼ (e pᵢⱼ − qᵢⱼ) (yᵢ − yⱼ) / (1 + |yᵢ − yⱼ|²)`.
    ///
    /// Shape: all first coordinates, then all second ones.
    fn evaluate(&mut self, place: &[f64], gradient: &mut [f64]) -> f64 {
        let points = self.affinities.points();
        let (xs, ys) = place.split_at(points);
        let (mut attraction, mut total) = (0.0, 0.0);
        let rows = self.kernel.chunks_exact_mut(points).zip(self.affinities.joint().chunks_exact(points));
        for (point, (kernel, joint)) in rows.enumerate() {
            for (((kernel, &probability), &x), &y) in kernel[..point].iter_mut().zip(joint).zip(xs).zip(ys) {
                let (dx, dy) = (xs[point] - x, ys[point] - y);
                let width = 1.0 + dx * dx + dy * dy;
                *kernel = 1.0 / width;
                total += *kernel;
                attraction += probability * libm::log(width);
            }
        }
        let inverse = 0.5 / total;
        gradient.fill(0.0);
        let (slope_x, slope_y) = gradient.split_at_mut(points);
        let rows = self.kernel.chunks_exact(points).zip(self.affinities.joint().chunks_exact(points));
        for (point, (kernel, joint)) in rows.enumerate() {
            let (mut own_x, mut own_y) = (0.0, 0.0);
            for other in 0..point {
                let weight = 4.0 * (self.exaggeration * joint[other] - kernel[other] * inverse) * kernel[other];
                let (along_x, along_y) = (weight * (xs[point] - xs[other]), weight * (ys[point] - ys[other]));
                own_x += along_x;
                own_y += along_y;
                slope_x[other] -= along_x;
                slope_y[other] -= along_y;
            }
            slope_x[point] += own_x;
            slope_y[point] += own_y;
        }
        2.0 * self.exaggeration * attraction + libm::log(2.0 * total)
    }
}

/// What the latest steps tell about the second derivatives.
#[derive(Default)]
struct Curvature {
    /// Moves, changes of slope, and one over their product; the newest last.
    updates: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
}

impl Curvature {
    fn learn(&mut self, place: &[f64], next_place: &[f64], slope: &[f64], next_slope: &[f64]) {
        let difference =
            |next: &[f64], here: &[f64]| -> Vec<f64> { next.iter().zip(here).map(|(n, h)| n - h).collect() };
        let (moved, bent) = (difference(next_place, place), difference(next_slope, slope));
        let product = dot(&moved, &bent);
        // Only where it curves upwards is there a minimum to aim at.
        if product > 1e-12 * dot(&bent, &bent) {
            if self.updates.len() == MEMORY {
                self.updates.pop_front();
            }
            self.updates.push_back((moved, bent, 1.0 / product));
        }
    }

    /// The way down: minus the slope, times the inverse of the curvature.
    fn direction(&self, slope: &[f64], points: usize) -> Vec<f64> {
        let mut direction: Vec<f64> = slope.iter().map(|slope| -slope).collect();
        let mut shares = Vec::with_capacity(self.updates.len());
        for (moved, bent, inverse) in self.updates.iter().rev() {
            let share = inverse * dot(moved, &direction);
            add(&mut direction, -share, bent);
            shares.push(share);
        }
        // A point's share of the attraction is about one over their number.
        let scale =
            self.updates.back().map_or(points as f64 / 4.0, |(_, bent, inverse)| 1.0 / (inverse * dot(bent, bent)));
        direction.iter_mut().for_each(|value| *value *= scale);
        for ((moved, bent, inverse), share) in self.updates.iter().zip(shares.into_iter().rev()) {
            let other = inverse * dot(bent, &direction);
            add(&mut direction, share - other, moved);
        }
        direction
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], share: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += share * value);
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::affinities::squared_distances;

    fn affinities() -> Affinities {
        let vectors = Array2::from_shape_fn((9, 5), |(i, j)| ((i * 31 + j * 17 + i * i * j) % 23) as f32 / 7.0);
        Affinities::of_distances(&squared_distances(vectors.view()), vectors.nrows(), 3.0)
    }

    fn scattered() -> Vec<f64> {
        (0..18).map(|i| f64::from((i * 7 + i * i * 3) % 11) / 4.0 - 1.2).collect()
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let affinities = affinities();
        for exaggeration in [1.0, 2.0, 12.0] {
            let mut objective = Objective::new(&affinities, exaggeration);
            let place = scattered();
            let (mut gradient, mut unused) = (vec![0.0; 18], vec![0.0; 18]);
            objective.evaluate(&place, &mut gradient);
            for coordinate in 0..18 {
                let mut value_at = |offset: f64| {
                    let mut moved = place.clone();
                    moved[coordinate] += offset;
                    objective.evaluate(&moved, &mut unused)
                };
                let numeric = (value_at(1e-5) - value_at(-1e-5)) / 2e-5;
                assert!((numeric - gradient[coordinate]).abs() < 1e-8, "{numeric} and {}", gradient[coordinate]);
            }
        }
    }

    #[test]
    fn the_objective_differs_from_the_divergence_by_a_constant() {
        let affinities = affinities();
        let mut objective = Objective::new(&affinities, 1.0);
        let constant: f64 = affinities.joint().iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum();
        for scale in [0.1, 1.0, 5.0] {
            let place: Vec<f64> = scattered().iter().map(|value| value * scale).collect();
            let positions: Vec<[f64; 2]> = (0..9).map(|point| [place[point], place[point + 9]]).collect();
            let found = objective.evaluate(&place, &mut [0.0; 18]) + constant;
            let expected = affinities.divergence(&positions);
            assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
        }
    }

    #[test]
    fn a_descent_ends_where_the_slope_is_level_and_begins_nowhere_else() {
        let affinities = affinities();
        let place = scattered();
        let start: Vec<[f64; 2]> = (0..9).map(|point| [place[point], place[point + 9]]).collect();
        let found = descend(&affinities, &start, 1.0, 5000, 1e-10);
        let flat: Vec<f64> =
            [0, 1].into_iter().flat_map(|axis| found.positions.iter().map(move |at| at[axis])).collect();
        let mut slope = vec![0.0; 18];
        Objective::new(&affinities, 1.0).evaluate(&flat, &mut slope);
        assert!(
            found.iterations < 1000 && slope.iter().all(|slope| slope.abs() < 1e-6),
            "{} {slope:?}",
            found.iterations
        );
        assert_eq!(descend(&affinities, &start, 1.0, 0, 0.0).positions, start);
    }
}
