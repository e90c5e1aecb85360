//! The probabilities that t-SNE fits: who is whose neighbour in the original
//! space.

use ndarray::ArrayView2;

use crate::AnalysisError;

/// Halvings and doublings of the search for one point's precision: enough to
/// reach every f64 entropy to rounding.
const SEARCH_STEPS: usize = 200;
/// How far in nats an entropy may be from the wanted one.
const TOLERANCE: f64 = 1e-12;

/// Joint probabilities of neighbourhood between `n` points.
///
/// `pᵢⱼ = (p(j|i) + p(i|j)) / 2n`, with Gaussian `p(j|i)` whose entropy is the
/// logarithm of the perplexity.
///
/// Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE",
/// JMLR 2008, equations 1 and 3 and section 3.1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Affinities {
    points: usize,
    joint: Vec<f64>,
}

/// The perplexity for a number of points: a third of the others, at most 30,
/// and at least 1.5, so that a point has more than one neighbour.
pub(crate) fn default_perplexity(points: usize) -> f64 {
    let others = points.saturating_sub(1) as f64;
    (others / 3.0).clamp(1.5, 30.0).min(others.max(1.0))
}

impl Affinities {
    /// The affinities of points at these squared distances, `[point][other]`, for a
    /// perplexity that was checked.
    pub(crate) fn of_distances(distances: &[f64], points: usize, perplexity: f64) -> Self {
        let mut joint = vec![0.0; points * points];
        if points > 1 {
            let mut row = vec![0.0; points];
            for (point, distances) in distances.chunks_exact(points).enumerate() {
                conditional(distances, Some(point), libm::log(perplexity), TOLERANCE, &mut row);
                for (other, &probability) in row.iter().enumerate() {
                    let share = probability / (2 * points) as f64;
                    joint[point * points + other] += share;
                    joint[other * points + point] += share;
                }
            }
        }
        Self { points, joint }
    }

    /// How many points there are.
    pub(crate) fn points(&self) -> usize {
        self.points
    }

    /// The joint probabilities, `[point][other]`: symmetric, zero on the
    /// diagonal, with sum 1.
    pub(crate) fn joint(&self) -> &[f64] {
        &self.joint
    }

    /// Kullback-Leibler divergence of an embedding from these affinities, in
    /// nats: `Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ)`, with Student's `qᵢⱼ ∝ 1/(1 + |yᵢ − yⱼ|²)`; of as
    /// many positions as points.
    pub(crate) fn divergence(&self, positions: &[[f64; 2]]) -> f64 {
        let kernel = |a: usize, b: usize| {
            let [x, y] = [positions[a][0] - positions[b][0], positions[a][1] - positions[b][1]];
            1.0 + x * x + y * y
        };
        let (mut total, mut divergence) = (0.0, 0.0);
        for a in 0..self.points {
            for b in 0..a {
                total += 2.0 / kernel(a, b);
                let probability = self.joint[a * self.points + b];
                if probability > 0.0 {
                    divergence += 2.0 * probability * libm::log(probability * kernel(a, b));
                }
            }
        }
        // Rounding may leave a perfect fit a little below zero.
        if total > 0.0 { (divergence + libm::log(total)).max(0.0) } else { 0.0 }
    }
}

/// Refuses perplexities that no precision can give.
pub(crate) fn check_perplexity(points: usize, perplexity: f64) -> Result<(), AnalysisError> {
    if points < 2 || (1.0..=(points - 1) as f64).contains(&perplexity) {
        return Ok(());
    }
    Err(AnalysisError::Perplexity { found: perplexity, points })
}

/// Squared Euclidean distances between all points, `[point][other]`.
pub(crate) fn squared_distances(vectors: ArrayView2<'_, f32>) -> Vec<f64> {
    let points = vectors.nrows();
    let wide = vectors.mapv(f64::from);
    let mut distances = vec![0.0; points * points];
    for a in 0..points {
        for b in 0..a {
            let differences = wide.row(a).to_owned() - wide.row(b);
            let distance = differences.dot(&differences);
            distances[a * points + b] = distance;
            distances[b * points + a] = distance;
        }
    }
    distances
}

/// Writes `p(·|point)` with the wanted entropy into `row`, by bisection on the
/// precision of the Gaussian; `own` is the point's place where it is among the others.
pub(crate) fn conditional(distances: &[f64], own: Option<usize>, entropy: f64, tolerance: f64, row: &mut [f64]) {
    let others = || distances.iter().enumerate().filter(move |(other, _)| Some(*other) != own).map(|(_, &d)| d);
    let nearest = others().fold(f64::INFINITY, f64::min);
    let spread = others().fold(0.0f64, |spread, distance| spread.max(distance - nearest));
    // Equally far points are neighbours alike at every precision.
    let scale = if spread > 0.0 { 1.0 / spread } else { 0.0 };
    let (mut low, mut high, mut precision) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..SEARCH_STEPS {
        let (mut total, mut weighted) = (0.0, 0.0);
        for (other, value) in row.iter_mut().enumerate() {
            let exponent = precision * ((distances[other] - nearest) * scale);
            *value = if Some(other) == own { 0.0 } else { libm::exp(-exponent) };
            total += *value;
            weighted += if *value > 0.0 { *value * exponent } else { 0.0 };
        }
        row.iter_mut().for_each(|value| *value /= total);
        let difference = libm::log(total) + weighted / total - entropy;
        if difference.abs() < tolerance || spread == 0.0 {
            return;
        }
        if difference > 0.0 {
            low = precision
        } else {
            high = precision
        }
        let next = if high.is_finite() { f64::midpoint(low, high) } else { precision * 2.0 };
        // The nearest point at an infinite precision, or the end of f64.
        if next == precision || next > 1e15 {
            return;
        }
        precision = next;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn points(count: usize) -> Array2<f32> {
        Array2::from_shape_fn((count, 6), |(i, j)| ((i * 31 + j * 17 + i * i * j) % 23) as f32 / 7.0)
    }

    fn affinities(vectors: ArrayView2<'_, f32>, perplexity: f64) -> Affinities {
        Affinities::of_distances(&squared_distances(vectors), vectors.nrows(), perplexity)
    }

    #[test]
    fn every_point_has_the_entropy_of_the_perplexity() {
        let distances = squared_distances(points(20).view());
        for perplexity in [1.5, 2.0, 6.0, 15.0, 18.9] {
            for (point, distances) in distances.chunks_exact(20).enumerate() {
                let mut row = vec![0.0; 20];
                conditional(distances, Some(point), libm::log(perplexity), TOLERANCE, &mut row);
                let entropy: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
                assert!((entropy.exp() - perplexity).abs() < 1e-8, "{} instead of {perplexity}", entropy.exp());
            }
        }
    }

    #[test]
    fn joint_probabilities_are_symmetric_and_sum_to_one() {
        let affinities = affinities(points(12).view(), 4.0);
        assert!((affinities.joint().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for a in 0..12 {
            assert_eq!(affinities.joint()[a * 13], 0.0);
            for b in 0..12 {
                assert_eq!(affinities.joint()[a * 12 + b], affinities.joint()[b * 12 + a]);
            }
        }
    }

    #[test]
    fn a_perplexity_out_of_range_names_the_range() {
        for perplexity in [0.5, 19.5, f64::NAN, f64::INFINITY] {
            let error = check_perplexity(20, perplexity).expect_err("out of range");
            assert!(error.to_string().contains("choose from 1 to 19"), "{error}");
        }
        for count in 2..40 {
            assert!(check_perplexity(count, default_perplexity(count)).is_ok(), "{count} points");
        }
        assert!((default_perplexity(20) - 19.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn equal_and_extreme_points_give_finite_probabilities() {
        let extreme = array![[0.0f32], [0.0], [1e-30], [1e30], [3e38]];
        for vectors in [Array2::from_elem((5, 3), 1.5), extreme] {
            let affinities = affinities(vectors.view(), 1.5);
            assert!(affinities.joint().iter().all(|p| p.is_finite()), "{affinities:?}");
            assert!((affinities.joint().iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_divergence_of_two_points_is_zero() {
        let affinities = affinities(array![[0.0], [1.0]].view(), 1.0);
        assert!(affinities.divergence(&[[0.0, 0.0], [3.0, 4.0]]) < 1e-12);
    }
}
