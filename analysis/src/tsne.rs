//! Exact t-SNE in the plane, for the tens to hundreds of filters of a layer.

use std::cmp::Ordering;

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::affinities::{Affinities, check_perplexity, default_perplexity, squared_distances};
use crate::descent::{Descended, descend};
use crate::similarity::check_finite;
use crate::trustworthiness::{default_neighbours, of_distances};
use crate::{AnalysisError, pca};

/// How [`tsne`] embeds.
#[derive(Debug, Clone, PartialEq)]
pub struct TsneSettings {
    /// Effective number of neighbours, from 1 to n − 1; `None` fits it to the
    /// points: a third of the others, at least 1.5 and at most 30.
    pub perplexity: Option<f64>,
    /// Seed of the random starts.
    pub seed: u64,
    /// The most steps of one descent.
    pub iterations: usize,
    /// Random starts that are tried beside the one from the principal
    /// components; the lowest divergence wins. Of more than 30 points there are
    /// fewer starts, so that the time grows no faster than that of one.
    pub restarts: usize,
    /// Positions to start from, one a vector, such as those of the step
    /// before: then there is one start and no early exaggeration, so that
    /// points move and do not jump.
    pub start: Option<Vec<[f64; 2]>>,
}

impl Default for TsneSettings {
    fn default() -> Self {
        Self { perplexity: None, seed: 0, iterations: 1000, restarts: 6, start: None }
    }
}

/// Points placed by t-SNE, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Tsne {
    /// The points' coordinates, `[point]`; they have no unit.
    pub positions: Vec<[f64; 2]>,
    /// The perplexity that was used.
    pub perplexity: f64,
    /// Kullback-Leibler divergence in nats of the positions' neighbourhoods from the
    /// vectors': `Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ)`.
    pub kl_divergence: f64,
    /// Trustworthiness, with the number of neighbours that it is over; `None`
    /// for fewer than three points.
    pub trustworthiness: Option<(f64, usize)>,
    /// Steps of the descent that won.
    pub iterations: usize,
}

/// Early exaggeration, and the steps that it lasts. It is gentle: with so few
/// points a strong one pulls all of them into one.
const EXAGGERATION: (f64, usize) = (2.0, 20);
/// Spread of a start along its first axis.
const START_SPREAD: f64 = 1.0;
/// Below this spread exaggeration has pulled all points into one.
const COLLAPSED: f64 = 1e-2;
/// What a step must gain while starts are compared, and in the end.
const TOLERANCE: [f64; 2] = [1e-6, 1e-8];
/// The most points for which every random start is tried.
const FEW_POINTS: usize = 30;

/// Exact t-SNE to two dimensions.
///
/// Each start is minimised by L-BFGS, first with a little exaggeration; the
/// best is then followed to the end, and turned to where it lies nearest to the
/// principal components. A point's share of a random start depends
/// on the seed and its vector alone, and the points are taken in the order of
/// their vectors: equal vectors get equal positions, and another order of the
/// points gives the same positions in that order, to the bit.
///
/// Shape: `[point][dimension]`. No points, one point and two points are placed
/// as by [`pca`].
///
/// Determinism: a fixed sequence of f64 operations on one thread, without the
/// platform's mathematics.
///
/// Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE",
/// JMLR 2008; start from the components: D. Kobak and P. Berens, "The art of
/// using t-SNE for single-cell transcriptomics", Nature Communications 2019;
/// minimised by its gradient and curvature: M. Vladymyrov and M.
/// Carreira-Perpiñán, "Partial-Hessian Strategies for Fast Learning of
/// Nonlinear Embeddings", ICML 2012.
///
/// # Errors
///
/// [`AnalysisError::Perplexity`] unless the perplexity is possible,
/// [`AnalysisError::Shape`] if there are not as many start positions as
/// vectors, [`AnalysisError::NotFinite`] for vectors or start positions that
/// are not finite.
pub fn tsne(vectors: ArrayView2<'_, f32>, settings: &TsneSettings) -> Result<Tsne, AnalysisError> {
    let points = vectors.nrows();
    check_finite(vectors)?;
    let perplexity = settings.perplexity.unwrap_or_else(|| default_perplexity(points));
    check_perplexity(points, perplexity)?;
    check_start(settings.start.as_deref(), points)?;
    let order = canonical_order(vectors, settings.start.as_deref());
    let sorted = vectors.select(Axis(0), &order);
    let distances = squared_distances(sorted.view());
    let affinities = Affinities::of_distances(&distances, points, perplexity);
    let start = settings.start.as_ref().map(|start| order.iter().map(|&point| start[point]).collect::<Vec<_>>());
    let found = match start {
        Some(positions) if points < 3 => Descended { positions, iterations: 0 },
        Some(start) => descend(&affinities, &start, 1.0, settings.iterations, TOLERANCE[1]),
        None => {
            let components = pca(sorted.view())?.positions;
            if points < 3 {
                Descended { positions: components, iterations: 0 }
            } else {
                best_of_starts(&affinities, sorted.view(), &components, settings)
            }
        }
    };
    let trustworthiness = default_neighbours(points).map(|k| (of_distances(&distances, &found.positions, k), k));
    let kl_divergence = affinities.divergence(&found.positions);
    let mut positions = vec![[0.0; 2]; points];
    for (&point, position) in order.iter().zip(found.positions) {
        positions[point] = position;
    }
    Ok(Tsne { positions, perplexity, kl_divergence, trustworthiness, iterations: found.iterations })
}

/// The points in an order that depends on what they are alone: by their
/// vectors, and of equal ones by where they start.
pub(crate) fn canonical_order(vectors: ArrayView2<'_, f32>, start: Option<&[[f64; 2]]>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..vectors.nrows()).collect();
    order.sort_by(|&a, &b| {
        let values = vectors.row(a).into_iter().zip(vectors.row(b)).map(|(a, b)| a.total_cmp(b));
        let places = start.into_iter().flat_map(|start| start[a].into_iter().zip(start[b]));
        values.chain(places.map(|(a, b)| a.total_cmp(&b))).fold(Ordering::Equal, Ordering::then)
    });
    order
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
/// centred and turned to the components.
fn best_of_starts(
    affinities: &Affinities,
    vectors: ArrayView2<'_, f32>,
    components: &[[f64; 2]],
    settings: &TsneSettings,
) -> Descended {
    let spread = spread(components);
    let scale = if spread > 0.0 { START_SPREAD / spread } else { 0.0 };
    let keys: Vec<blake3::Hash> = vectors.rows().into_iter().map(key).collect();
    let draw = |start: usize, amplitude: f64| -> Vec<[f64; 2]> {
        keys.iter().map(|key| noise(key, settings.seed, start).map(|value| value * amplitude)).collect()
    };
    let best = (0..=restarts(settings.restarts, components.len()))
        .map(|start| {
            let positions = if start == 0 {
                // A flat axis would stay flat for ever: the noise breaks the tie.
                let noise = draw(start, START_SPREAD * 1e-2);
                components.iter().zip(noise).map(|([x, y], [a, b])| [x * scale + a, y * scale + b]).collect()
            } else {
                draw(start, START_SPREAD)
            };
            let found = from_start(affinities, &positions, settings.iterations);
            (affinities.divergence(&found.positions), found)
        })
        .reduce(|best, other| if other.0 < best.0 { other } else { best });
    let (_, found) = best.expect("invariant: there is a start from the components");
    let left = settings.iterations - found.iterations;
    let mut last = descend(affinities, &found.positions, 1.0, left, TOLERANCE[1]);
    last.iterations += found.iterations;
    centre(&mut last.positions);
    turn(&mut last.positions, components);
    last
}

/// Descends from one start, exaggerated at first.
fn from_start(affinities: &Affinities, start: &[[f64; 2]], iterations: usize) -> Descended {
    let (exaggeration, steps) = EXAGGERATION;
    let early = descend(affinities, start, exaggeration, steps.min(iterations), TOLERANCE[0]);
    // Where all are neighbours of all, there is nothing to exaggerate.
    let from = if spread(&early.positions) < COLLAPSED { start } else { &early.positions };
    let mut found = descend(affinities, from, 1.0, iterations - early.iterations, TOLERANCE[0]);
    found.iterations += early.iterations;
    found
}

/// How many random starts: fewer of many points, since the time of one grows
/// with the square of their number.
fn restarts(wanted: usize, points: usize) -> usize {
    wanted * FEW_POINTS.pow(2) / points.max(FEW_POINTS).pow(2)
}

/// Standard deviation along the first axis, or along the second if it is more.
fn spread(positions: &[[f64; 2]]) -> f64 {
    let along = |axis: usize| {
        let mean = positions.iter().map(|position| position[axis]).sum::<f64>() / positions.len() as f64;
        positions.iter().map(|position| (position[axis] - mean) * (position[axis] - mean)).sum::<f64>()
    };
    (along(0).max(along(1)) / positions.len() as f64).sqrt()
}

/// What stands for a vector where numbers are drawn.
pub(crate) fn key(vector: ArrayView1<'_, f32>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for value in vector {
        // Zero has two signs but is one place.
        hasher.update(&(value + 0.0).to_le_bytes());
    }
    hasher.finalize()
}

/// Two numbers from −1 to 1 that belong to a vector.
pub(crate) fn noise(key: &blake3::Hash, seed: u64, start: usize) -> [f64; 2] {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(&seed.to_le_bytes()).update(&(start as u64).to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    let number = |bytes: [u8; 4]| f64::from(i32::from_le_bytes(bytes)) / f64::from(1u32 << 31);
    let [a, b, c, d, e, f, g, h] = bytes;
    [number([a, b, c, d]), number([e, f, g, h])]
}

/// Turns positions about the origin, mirrored or not, to where they lie nearest
/// to others: embeddings of steps that follow one another would else lie at
/// any angle, and either way round. Neither changes a distance.
///
/// Source: the orthogonal Procrustes problem (P. Schönemann, Psychometrika
/// 1966), which has a closed form in the plane.
pub(crate) fn turn(positions: &mut [[f64; 2]], others: &[[f64; 2]]) {
    let toward = |mirror: f64| {
        positions.iter().zip(others).fold([0.0; 2], |[along, across]: [f64; 2], ([x, y], [u, v])| {
            let y = mirror * y;
            [along + (x * u + y * v), across + (x * v - y * u)]
        })
    };
    let length = |[along, across]: [f64; 2]| (along * along + across * across).sqrt();
    let (plain, mirrored) = (toward(1.0), toward(-1.0));
    let (mirror, angle) = if length(mirrored) > length(plain) { (-1.0, mirrored) } else { (1.0, plain) };
    let length = length(angle);
    if length > 0.0 {
        let [cosine, sine] = [angle[0] / length, angle[1] / length];
        for [x, y] in positions {
            let (along, across) = (*x, mirror * *y);
            (*x, *y) = (cosine * along - sine * across, sine * along + cosine * across);
        }
    }
}

/// Moves the mean of the positions to the origin.
pub(crate) fn centre(positions: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = positions.iter().map(|position| position[axis]).sum::<f64>() / positions.len() as f64;
        positions.iter_mut().for_each(|position| position[axis] -= mean);
    }
}
