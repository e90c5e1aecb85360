//! Exact t-SNE in the plane, for the tens to hundreds of filters of a layer.

use ndarray::ArrayView2;

use crate::affinities::{Affinities, check_perplexity, default_perplexity, squared_distances};
use crate::trustworthiness::{default_neighbours, of_distances};
use crate::{AnalysisError, pca};

/// How [`tsne`] embeds.
#[derive(Debug, Clone, PartialEq)]
pub struct TsneSettings {
    /// Effective number of neighbours, from 1 to n − 1; `None` fits it to the
    /// points, as [`default_perplexity`] says.
    pub perplexity: Option<f64>,
    /// Seed of the random starts.
    pub seed: u64,
    /// The most steps of one descent.
    pub iterations: usize,
    /// Random starts that are tried beside the one from the principal
    /// components; the lowest divergence wins.
    pub restarts: usize,
    /// Positions to start from, one a vector, such as those of the step
    /// before: then there is one start and no early exaggeration, so that
    /// points move and do not jump.
    pub start: Option<Vec<[f64; 2]>>,
}

impl Default for TsneSettings {
    fn default() -> Self {
        Self { perplexity: None, seed: 0, iterations: 1000, restarts: 3, start: None }
    }
}

/// Points placed by t-SNE, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Tsne {
    /// The points' coordinates, `[point]`; they have no unit.
    pub positions: Vec<[f64; 2]>,
    /// The perplexity that was used.
    pub perplexity: f64,
    /// Kullback-Leibler divergence in nats; see [`Affinities::kl_divergence`].
    pub kl_divergence: f64,
    /// Trustworthiness, with the number of neighbours that it is over; `None`
    /// for fewer than three points.
    pub trustworthiness: Option<(f64, usize)>,
    /// Steps of the descent that won.
    pub iterations: usize,
}

/// Early exaggeration, and the steps that it lasts.
const EXAGGERATION: (f64, usize) = (12.0, 100);
/// Momentum while exaggerated and after.
const MOMENTUM: [f64; 2] = [0.5, 0.8];
/// Spread of a start along its first axis.
const START_SPREAD: f64 = 1e-4;
/// Steps between two looks at the divergence.
const CHECK_EVERY: usize = 50;

/// Exact t-SNE to two dimensions.
///
/// The descent is van der Maaten's, with gains for each coordinate and a
/// momentum; it starts from the principal components and ends when the
/// divergence no longer falls. A point's share of a random start depends on
/// the seed and its vector alone, so equal vectors get equal positions and the
/// order of the points is of no importance.
///
/// Shape: `[point][dimension]`. No points, one point and two points are placed
/// as by [`pca`].
///
/// Determinism: a fixed sequence of f64 operations on one thread, without the
/// platform's mathematics.
///
/// Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE",
/// JMLR 2008; start from the components: D. Kobak and P. Berens, "The art of
/// using t-SNE for single-cell transcriptomics", Nature Communications 2019.
///
/// # Errors
///
/// [`AnalysisError::Perplexity`] unless the perplexity is possible,
/// [`AnalysisError::Shape`] if there are not as many start positions as
/// vectors, [`AnalysisError::NotFinite`] for vectors or start positions that
/// are not finite.
pub fn tsne(vectors: ArrayView2<'_, f32>, settings: &TsneSettings) -> Result<Tsne, AnalysisError> {
    let points = vectors.nrows();
    let components = pca(vectors)?.positions;
    let perplexity = settings.perplexity.unwrap_or_else(|| default_perplexity(points));
    check_perplexity(points, perplexity)?;
    check_start(settings.start.as_deref(), points)?;
    let distances = squared_distances(vectors);
    let affinities = Affinities::of_distances(&distances, points, perplexity);
    let (positions, iterations) = if points < 3 {
        (settings.start.clone().unwrap_or(components), 0)
    } else if let Some(start) = &settings.start {
        Descent::new(&affinities, start.clone()).run(0, settings.iterations)
    } else {
        best_of_starts(&affinities, vectors, components, settings)
    };
    let trustworthiness = default_neighbours(points).map(|k| (of_distances(&distances, &positions, k), k));
    let kl_divergence = affinities.divergence(&positions);
    Ok(Tsne { positions, perplexity, kl_divergence, trustworthiness, iterations })
}

/// Refuses start positions that do not fit.
fn check_start(start: Option<&[[f64; 2]]>, points: usize) -> Result<(), AnalysisError> {
    let Some(start) = start else { return Ok(()) };
    if start.len() != points {
        return Err(AnalysisError::Shape {
            what: "positions to start from",
            expected: format!("{points}, one a vector"),
            found: start.len().to_string(),
        });
    }
    let bad = start.iter().position(|position| !position.iter().all(|value| value.is_finite()));
    bad.map_or(Ok(()), |vector| Err(AnalysisError::NotFinite { vector }))
}

/// The embedding of lowest divergence from the components and random starts,
/// centred.
fn best_of_starts(
    affinities: &Affinities,
    vectors: ArrayView2<'_, f32>,
    components: Vec<[f64; 2]>,
    settings: &TsneSettings,
) -> (Vec<[f64; 2]>, usize) {
    let spread = components.iter().map(|[x, _]| x * x).sum::<f64>() / components.len() as f64;
    let scale = if spread > 0.0 { START_SPREAD / spread.sqrt() } else { 0.0 };
    let draw = |vectors: ArrayView2<'_, f32>, start: usize, amplitude: f64| -> Vec<[f64; 2]> {
        let draws = vectors.rows().into_iter().map(|row| {
            let values = row.iter().map(|value| value.to_le_bytes()).collect::<Vec<_>>().concat();
            noise(&values, settings.seed, start).map(|value| value * amplitude)
        });
        draws.collect()
    };
    let best = (0..=settings.restarts)
        .map(|start| {
            let positions = if start == 0 {
                // A flat axis would stay flat for ever: the noise breaks the tie.
                let noise = draw(vectors, start, START_SPREAD * 1e-2);
                components.iter().zip(noise).map(|([x, y], [a, b])| [x * scale + a, y * scale + b]).collect()
            } else {
                draw(vectors, start, START_SPREAD)
            };
            let (positions, iterations) =
                Descent::new(affinities, positions).run(EXAGGERATION.1.min(settings.iterations), settings.iterations);
            (affinities.divergence(&positions), positions, iterations)
        })
        .reduce(|best, other| if other.0 < best.0 { other } else { best });
    let (_, mut positions, iterations) = best.expect("invariant: there is a start from the components");
    centre(&mut positions);
    (positions, iterations)
}

/// Two numbers from −1 to 1 that belong to a vector.
fn noise(values: &[u8], seed: u64, start: usize) -> [f64; 2] {
    let mut hasher = blake3::Hasher::new_derive_key("ReVACNN t-SNE start, version 1");
    hasher.update(&seed.to_le_bytes()).update(&(start as u64).to_le_bytes()).update(values);
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    let number = |bytes: [u8; 4]| f64::from(i32::from_le_bytes(bytes)) / f64::from(1u32 << 31);
    let [a, b, c, d, e, f, g, h] = bytes;
    [number([a, b, c, d]), number([e, f, g, h])]
}

/// Moves the mean of the positions to the origin.
fn centre(positions: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = positions.iter().map(|position| position[axis]).sum::<f64>() / positions.len() as f64;
        positions.iter_mut().for_each(|position| position[axis] -= mean);
    }
}

/// One descent of the gradient.
struct Descent<'a> {
    affinities: &'a Affinities,
    /// Coordinates, an array an axis so that the loops over points vectorise.
    axes: [Vec<f64>; 2],
    /// Student's kernel, `[point][other]`, zero on the diagonal.
    kernel: Vec<f64>,
    gradient: [Vec<f64>; 2],
}

impl<'a> Descent<'a> {
    fn new(affinities: &'a Affinities, positions: Vec<[f64; 2]>) -> Self {
        let points = positions.len();
        Self {
            affinities,
            axes: [0, 1].map(|axis| positions.iter().map(|position| position[axis]).collect()),
            kernel: vec![0.0; points * points],
            gradient: [vec![0.0; points], vec![0.0; points]],
        }
    }

    fn positions(&self) -> Vec<[f64; 2]> {
        self.axes[0].iter().zip(&self.axes[1]).map(|(&x, &y)| [x, y]).collect()
    }

    /// Descends; gives the lowest positions seen and the number of steps.
    fn run(mut self, exaggerated: usize, iterations: usize) -> (Vec<[f64; 2]>, usize) {
        let points = self.affinities.points();
        let rate = learning_rate(points);
        let mut velocity = [vec![0.0; points], vec![0.0; points]];
        let mut gains = [vec![1.0f64; points], vec![1.0; points]];
        let mut best = (self.affinities.divergence(&self.positions()), self.positions());
        for iteration in 0..iterations {
            let early = iteration < exaggerated;
            self.compute_gradient(if early { EXAGGERATION.0 } else { 1.0 });
            let momentum = MOMENTUM[usize::from(!early)];
            for axis in 0..2 {
                let moving = self.axes[axis].iter_mut().zip(&mut velocity[axis]).zip(&mut gains[axis]);
                for (((position, velocity), gain), &slope) in moving.zip(&self.gradient[axis]) {
                    let turned = (slope > 0.0) == (*velocity > 0.0);
                    *gain = if turned { (*gain * 0.8).max(0.01) } else { *gain + 0.2 };
                    *velocity = momentum * *velocity - rate * *gain * slope;
                    *position += *velocity;
                }
            }
            if !early && (iteration + 1 - exaggerated).is_multiple_of(CHECK_EVERY) || iteration + 1 == iterations {
                let positions = self.positions();
                let divergence = self.affinities.divergence(&positions);
                let settled = (best.0 - divergence).abs() <= 1e-9 * best.0;
                if divergence < best.0 {
                    best = (divergence, positions);
                }
                if settled {
                    return (best.1, iteration + 1);
                }
            }
        }
        (best.1, iterations)
    }

    /// `∂KL/∂yᵢ = 4 Σⱼ (e pᵢⱼ − qᵢⱼ) (yᵢ − yⱼ) / (1 + |yᵢ − yⱼ|²)`, with the
    /// exaggeration `e`.
    fn compute_gradient(&mut self, exaggeration: f64) {
        let points = self.affinities.points();
        let [xs, ys] = &self.axes;
        let mut total = 0.0;
        for ((row, (&x, &y)), point) in self.kernel.chunks_exact_mut(points).zip(xs.iter().zip(ys)).zip(0..) {
            for ((kernel, &other_x), &other_y) in row.iter_mut().zip(xs).zip(ys) {
                let (dx, dy) = (x - other_x, y - other_y);
                *kernel = 1.0 / (1.0 + dx * dx + dy * dy);
            }
            row[point] = 0.0;
            total += lanes_sum(row);
        }
        let inverse = 1.0 / total;
        let rows = self.kernel.chunks_exact_mut(points).zip(self.affinities.joint().chunks_exact(points));
        for (point, (kernel, joint)) in rows.enumerate() {
            // The sums Σ w and Σ w yⱼ give Σ w (yᵢ − yⱼ) too, but cancel.
            let (mut slope_x, mut slope_y) = ([0.0; LANES], [0.0; LANES]);
            let (x, y) = (xs[point], ys[point]);
            for first in (0..points).step_by(LANES) {
                for lane in 0..LANES.min(points - first) {
                    let other = first + lane;
                    let weight = (exaggeration * joint[other] - kernel[other] * inverse) * kernel[other];
                    slope_x[lane] += weight * (x - xs[other]);
                    slope_y[lane] += weight * (y - ys[other]);
                }
            }
            self.gradient[0][point] = 4.0 * slope_x.iter().sum::<f64>();
            self.gradient[1][point] = 4.0 * slope_y.iter().sum::<f64>();
        }
    }
}

/// Partial sums kept apart, in an order that does not depend on the machine.
const LANES: usize = 4;

/// Sum in that order.
fn lanes_sum(values: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}

/// A step a point that grows with their number, as the gradient of each
/// shrinks with it.
fn learning_rate(points: usize) -> f64 {
    (points as f64 / EXAGGERATION.0).max(RATE_FLOOR)
}

/// The rate of few points.
const RATE_FLOOR: f64 = 10.0;
