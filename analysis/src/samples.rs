//! t-SNE for thousands of points: images by their activations at a layer.

use ndarray::{ArrayView2, Axis};

use crate::AnalysisError;
use crate::affinities::{check_perplexity, default_perplexity};
use crate::field::Field;
use crate::momentum::{Anchors, descend};
use crate::neighbours::{Neighbours, Tiles, nearest};
use crate::plane::plane;
use crate::similarity::check_finite;
use crate::sparse::SparseAffinities;
use crate::tsne::{canonical_order, key, noise, turn};
use crate::work::{Work, Workers};

/// How [`embed_samples`] embeds.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSettings {
    /// Effective number of neighbours, from 1 to n − 1; `None` is 30, or a third of the
    /// others where there are fewer than 91 points.
    pub perplexity: Option<f64>,
    /// Seed of the small numbers that tell points apart at the start.
    pub seed: u64,
    /// Steps of the descent, besides the 250 with early exaggeration.
    pub iterations: usize,
    /// Positions of the same points in another embedding, `[point]`, and `None` for a point
    /// that it lacks: this one starts from there and is held there by
    /// [`pull`](Self::pull), so that the two can be compared point by point.
    pub reference: Option<Vec<Option<[f64; 2]>>>,
    /// How strongly a point is held at its reference, from 0 to 1: as its neighbours
    /// attract it, times this.
    pub pull: f64,
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self { perplexity: None, seed: 0, iterations: 500, reference: None, pull: 0.01 }
    }
}

/// Thousands of points placed by t-SNE, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleEmbedding {
    /// The points' coordinates, `[point]`; they have no unit.
    pub positions: Vec<[f64; 2]>,
    /// The perplexity that was used.
    pub perplexity: f64,
    /// Kullback-Leibler divergence in nats of the positions' neighbourhoods from the
    /// vectors': `Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ)`, where `p` is zero but for nearest neighbours and `q` is
    /// over all pairs.
    pub kl_divergence: f64,
}

/// What the extent of a node may be of its distance, to be taken as one.
const THETA: f64 = 0.5;
/// Early exaggeration, and the steps that it lasts.
const EXAGGERATION: (f64, usize) = (12.0, 250);
/// Spread of a start along its first axis.
const START_SPREAD: f64 = 1e-4;
/// What tells points apart at the start, as a share of the spread: a flat axis would else
/// stay flat.
const START_NOISE: f64 = 1e-2;
/// How many nearest others have affinities with a point, in perplexities.
const NEIGHBOURS: f64 = 3.0;
/// Coordinates of a reference are at most so large.
const FARTHEST: f64 = 1e6;
/// Parts of the work that finding neighbours counts as, and finding the plane.
const PARTS: usize = 100;

/// t-SNE to two dimensions for thousands of points; [`tsne`](crate::tsne()) is for tens.
///
/// Affinities with the nearest neighbours alone, which are exact; repulsion by a quadtree;
/// a start from the principal plane, turned to lie as it does in the end; 250 steps with an
/// early exaggeration of 12, and then [`iterations`](SampleSettings::iterations) without.
///
/// With a reference it starts there, without exaggeration, so that clusters keep their
/// places. The reference attracts every point as one neighbour more, by an affinity of the
/// share `pull` of all its others': 0.01 keeps clusters where they are; 0.1 is so strong that
/// a picture of another step looks like the reference whatever has changed. A point whose
/// neighbours the reference has all elsewhere starts among them, and is not held. The
/// vectors of the two need not be of one space, nor of one length.
///
/// The points are taken in the order of their vectors: another order gives the same
/// positions in that order, but for points that are equal.
///
/// Shape: `[point][dimension]`. Fewer than three points are placed as by
/// [`pca`](crate::pca()).
///
/// Cost: that of [`nearest_points`](crate::nearest_points) and
/// [`principal_plane`](crate::principal_plane), and steps that take about
/// `points × log(points)`. In memory, the vectors twice more.
///
/// Determinism: the same bits on any number of threads and on every machine: each point's
/// sums are of its own, in an order that the points give.
///
/// Source: L. van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 2014;
/// schedule and rate: A. Belkina et al., Nature Communications 2019; start: D. Kobak and P.
/// Berens, Nature Communications 2019; points held at their places at another time: P.
/// Rauber, A. Falcão and A. Telea, "Visualizing Time-Dependent Data Using Dynamic t-SNE",
/// EuroVis 2016, with Student's kernel in place of their squared distance.
///
/// # Errors
///
/// [`AnalysisError::NotFinite`] for vectors that are not finite,
/// [`AnalysisError::Perplexity`] unless the perplexity is possible,
/// [`AnalysisError::Shape`], [`AnalysisError::Reference`] and [`AnalysisError::Pull`] for a
/// reference or a pull that is not, and [`AnalysisError::Cancelled`].
pub fn embed_samples(
    vectors: ArrayView2<'_, f32>,
    settings: &SampleSettings,
    work: &mut Work<'_>,
) -> Result<SampleEmbedding, AnalysisError> {
    let points = vectors.nrows();
    check_finite(vectors)?;
    let perplexity = settings.perplexity.unwrap_or_else(|| default_perplexity(points));
    check_perplexity(points, perplexity)?;
    check_reference(settings, points)?;
    let places = settings.reference.as_deref().filter(|places| places.iter().any(Option::is_some));
    // Of equal vectors those that the reference lacks come last.
    let far: Option<Vec<[f64; 2]>> = places.map(|all| all.iter().map(|at| at.unwrap_or([f64::MAX; 2])).collect());
    let order = canonical_order(vectors, far.as_deref());
    let sorted = vectors.select(Axis(0), &order);
    let places: Option<Vec<_>> = places.map(|all| order.iter().map(|&point| all[point]).collect());
    let workers = Workers::new(work.threads);
    let early = if places.is_some() { 0 } else { EXAGGERATION.1 };
    let parts = (2 * PARTS + early).saturating_add(settings.iterations);
    let mut progress = |done: usize| work.progress(done, parts);
    let of_neighbours = &mut |done: usize, of: usize| progress(done * PARTS / of);
    let (mut positions, kl_divergence) = if points < 3 {
        (plane(sorted.view(), &workers, of_neighbours)?.positions, 0.0)
    } else {
        let count = ((NEIGHBOURS * perplexity).ceil() as usize).min(points - 1);
        let tiles = Tiles::new(points, vectors.ncols(), |point, dimension| f64::from(sorted[[point, dimension]]));
        let neighbours = nearest(&tiles, count, &workers, of_neighbours)?;
        drop(tiles);
        let affinities = SparseAffinities::of(&neighbours, perplexity, &workers);
        let mut field = Field::new(&affinities, &workers, THETA);
        let noise = |point: usize| noise(&key(sorted.row(point)), settings.seed, 0);
        let positions = if let Some(places) = &places {
            let (mut positions, held) = near_reference(places, &neighbours, noise);
            let anchors = Anchors { places: &held, pull: settings.pull };
            let progress = &mut |done| progress(2 * PARTS + done);
            descend(&mut field, &mut positions, 1.0, settings.iterations, Some(&anchors), progress)?;
            positions
        } else {
            let of_plane = &mut |done: usize, of: usize| progress(PARTS + done * PARTS / of);
            let components = plane(sorted.view(), &workers, of_plane)?.positions;
            let mut positions = in_plane(&components, noise);
            let (exaggeration, steps) = EXAGGERATION;
            let first = &mut |done| progress(2 * PARTS + done);
            descend(&mut field, &mut positions, exaggeration, steps, None, first)?;
            let then = &mut |done| progress(2 * PARTS + steps + done);
            descend(&mut field, &mut positions, 1.0, settings.iterations, None, then)?;
            turn(&mut positions, &components);
            positions
        };
        let divergence = affinities.divergence(&positions, &workers);
        (positions, divergence)
    };
    work.progress(parts, parts)?;
    let sorted = std::mem::replace(&mut positions, vec![[0.0; 2]; points]);
    order.iter().zip(sorted).for_each(|(&point, position)| positions[point] = position);
    Ok(SampleEmbedding { positions, perplexity, kl_divergence })
}

/// Refuses references and pulls that nothing can be held at, or by.
fn check_reference(settings: &SampleSettings, points: usize) -> Result<(), AnalysisError> {
    if !(0.0..=1.0).contains(&settings.pull) {
        return Err(AnalysisError::Pull { found: settings.pull });
    }
    let Some(places) = &settings.reference else { return Ok(()) };
    if places.len() != points {
        return Err(AnalysisError::Shape {
            what: "positions of the reference",
            expected: format!("{points}, one a vector"),
            found: places.len().to_string(),
        });
    }
    let is_far = |place: &[f64; 2]| !place.iter().all(|value| value.abs() <= FARTHEST);
    match places.iter().position(|place| place.as_ref().is_some_and(is_far)) {
        Some(point) => Err(AnalysisError::Reference { point, most: FARTHEST }),
        None => Ok(()),
    }
}

/// The principal plane, as small as a start is.
fn in_plane(components: &[[f64; 2]], noise: impl Fn(usize) -> [f64; 2]) -> Vec<[f64; 2]> {
    let variance = components.iter().map(|[x, _]| x * x).sum::<f64>() / components.len() as f64;
    let scale = if variance > 0.0 { START_SPREAD / variance.sqrt() } else { 0.0 };
    let place = |(point, component): (usize, &[f64; 2])| {
        let noise = noise(point);
        [0, 1].map(|axis| component[axis] * scale + noise[axis] * START_SPREAD * START_NOISE)
    };
    components.iter().enumerate().map(place).collect()
}

/// Where points start with a reference, and where they are held: at its places. A point that
/// it lacks, or has farther from the middle of the point's neighbours than all of them,
/// starts at that middle and is not held.
fn near_reference(
    places: &[Option<[f64; 2]>],
    neighbours: &Neighbours,
    noise: impl Fn(usize) -> [f64; 2],
) -> (Vec<[f64; 2]>, Vec<Option<[f64; 2]>>) {
    let start = |(point, own): (usize, &Option<[f64; 2]>)| {
        let known: Vec<[f64; 2]> = neighbours.of(point).iter().filter_map(|&other| places[other as usize]).collect();
        let centre = [0, 1].map(|axis| median(known.iter().map(|place| place[axis]).collect()));
        let from_centre = |[x, y]: [f64; 2]| {
            let (dx, dy) = (x - centre[0], y - centre[1]);
            (dx * dx + dy * dy).sqrt()
        };
        let farthest = known.iter().map(|&place| from_centre(place)).fold(0.0, f64::max);
        let stays = own.filter(|&place| known.is_empty() || from_centre(place) <= farthest.max(1.0));
        let beside = || {
            let [a, b] = noise(point);
            [centre[0] + a, centre[1] + b]
        };
        (stays.unwrap_or_else(beside), stays)
    };
    places.iter().enumerate().map(start).unzip()
}

/// The middle one of some numbers, the upper one of two; 0 of none.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
