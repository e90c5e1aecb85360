//! One picture of a layer's filters at any number of addresses.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2};
use revacnn_schemas::{FilterIdentity, LayerName};

use crate::affinities::squared_distances;
use crate::trustworthiness::{default_neighbours, of_distances};
use crate::{AnalysisError, DroppedFilter, FilterVector, Snapshot, TsneSettings, align, pca, tsne};

/// How points are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// By [`tsne`].
    #[default]
    Tsne,
    /// By [`pca`].
    Pca,
}

/// How [`embed`] embeds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingSettings {
    /// How points are placed.
    pub method: Method,
    /// Perplexity of t-SNE; `None` fits it to the number of points.
    pub perplexity: Option<f64>,
    /// Seed of t-SNE's random starts.
    pub seed: u64,
}

/// One filter at one address, placed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedFilter {
    /// Index of the snapshot that the filter is from.
    pub address: usize,
    /// The filter.
    pub identity: FilterIdentity,
    /// Its coordinates.
    pub position: [f64; 2],
}

/// How well an embedding shows its vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EmbeddingReport {
    /// Of t-SNE.
    Tsne {
        /// The perplexity that was used.
        perplexity: f64,
        /// Kullback-Leibler divergence in nats.
        kl_divergence: f64,
        /// Steps of the descent.
        iterations: usize,
    },
    /// Of principal components.
    Pca {
        /// Share of the variance along each axis.
        explained: [f64; 2],
    },
}

/// The filters of a layer at several addresses in one plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The layer.
    pub layer: LayerName,
    /// The filters, by address and position.
    pub points: Vec<EmbeddedFilter>,
    /// Pairs of indices into `points` that are one filter at two addresses:
    /// at one and at the next that has it.
    pub links: Vec<[usize; 2]>,
    /// Filters that have no point.
    pub dropped: Vec<DroppedFilter>,
    /// How well the picture fits.
    pub report: EmbeddingReport,
    /// Trustworthiness, with the number of neighbours that it is over; `None`
    /// for fewer than three points.
    pub trustworthiness: Option<(f64, usize)>,
}

/// Embeds the filters of a layer at all addresses together.
///
/// t-SNE starts from `previous`, if given, so that points move and do not
/// jump: a filter from where it was at the same address, else at any; a new one
/// from where the filter most like it is. Principal components need no start.
///
/// Determinism: that of [`tsne`] and [`pca`].
///
/// # Errors
///
/// Those of [`align`] and [`tsne`].
pub fn embed(
    layer: &LayerName,
    snapshots: &[Snapshot<'_>],
    settings: &EmbeddingSettings,
    previous: Option<&Embedding>,
) -> Result<Embedding, AnalysisError> {
    let aligned = align(layer, snapshots)?;
    let vectors = matrix(&aligned.vectors);
    let (positions, report, trustworthiness) = match settings.method {
        Method::Pca => {
            let found = pca(vectors.view())?;
            let neighbours = default_neighbours(vectors.nrows());
            let trust = neighbours.map(|k| (of_distances(&squared_distances(vectors.view()), &found.positions, k), k));
            (found.positions, EmbeddingReport::Pca { explained: found.explained }, trust)
        }
        Method::Tsne => {
            let start = previous.and_then(|previous| start(&aligned.vectors, vectors.view(), previous));
            let (perplexity, seed) = (settings.perplexity, settings.seed);
            let found = tsne(vectors.view(), &TsneSettings { perplexity, seed, start, ..TsneSettings::default() })?;
            let report = EmbeddingReport::Tsne {
                perplexity: found.perplexity,
                kl_divergence: found.kl_divergence,
                iterations: found.iterations,
            };
            (found.positions, report, found.trustworthiness)
        }
    };
    let placed = aligned.vectors.into_iter().zip(positions);
    let points: Vec<_> = placed
        .map(|(vector, position)| EmbeddedFilter { address: vector.address, identity: vector.identity, position })
        .collect();
    Ok(Embedding {
        layer: aligned.layer,
        links: links(&points),
        points,
        dropped: aligned.dropped,
        report,
        trustworthiness,
    })
}

/// The vectors as rows.
fn matrix(vectors: &[FilterVector]) -> Array2<f32> {
    let dimensions = vectors.first().map_or(0, |vector| vector.values.len());
    Array2::from_shape_fn((vectors.len(), dimensions), |(row, column)| vectors[row].values[column])
}

/// Each filter's point joined to its point at the next address that has it.
fn links(points: &[EmbeddedFilter]) -> Vec<[usize; 2]> {
    let mut last = HashMap::new();
    let pairs =
        points.iter().enumerate().filter_map(|(index, point)| Some([last.insert(&point.identity, index)?, index]));
    pairs.collect()
}

/// Where each filter starts from; `None` if no filter is known from before.
fn start(vectors: &[FilterVector], matrix: ArrayView2<'_, f32>, previous: &Embedding) -> Option<Vec<[f64; 2]>> {
    let known = |vector: &FilterVector| {
        let mut same = previous.points.iter().filter(|point| point.identity == vector.identity);
        let first = same.clone().next();
        same.find(|point| point.address == vector.address).or(first).map(|point| point.position)
    };
    let places: Vec<Option<[f64; 2]>> = vectors.iter().map(known).collect();
    let distances = squared_distances(matrix);
    let start = places.iter().enumerate().map(|(index, place)| {
        place.or_else(|| {
            let row = &distances[index * vectors.len()..][..vectors.len()];
            let settled = row.iter().zip(&places).filter_map(|(distance, place)| Some((distance, (*place)?)));
            let [x, y] = settled.min_by(|a, b| a.0.total_cmp(b.0))?.1;
            // Two new filters at one place would never part.
            let offset = 1e-3 * (index + 1) as f64;
            Some([x + offset, y - offset * offset])
        })
    });
    start.collect()
}
