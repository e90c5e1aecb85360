//! Findings: what the arrays of a step say about a network. No file is read
//! here, nothing is drawn, and every result is the same bits on every machine.
//!
//! - Statistics of a layer's filters: [`mean_absolute`] (the jitter),
//!   [`norms`], [`update_ratios`], [`sums`] (path thickness) with [`top_half`],
//!   [`zero_shares`], [`channel_energy`], [`colour_shares`], [`nearest_neighbours`],
//!   [`nearest_to`] one filter, [`effective_number`]; a [`Lifeline`] tells when a filter died.
//! - Embeddings in two dimensions: [`pca`] and [`tsne`], with
//!   [`trustworthiness`].
//! - Thousands of points, such as images by their activations: [`embed_samples`] is t-SNE,
//!   [`principal_plane`] PCA, [`nearest_points`] and [`nearest_positions`] find neighbours,
//!   of which [`neighbour_purity`] says how many are of a point's class. They take
//!   threads, and somebody who watches, as [`Work`].
//! - Several addresses in one picture: [`align`] matches filters by identity,
//!   [`embed`] places them all in one embedding and links equal ones.
//! - Networks that share no history: [`matched_by_assignment`] pairs their
//!   filters by [`assignment`] of least distance.
//! - How values are spread: [`histogram`].
//! - Images of a training by what came of them: [`image_histories`], [`ranked`].
//!
//! Arrays are `[filter][coefficient]` or `[filter][pixel]`, filters in the
//! order of the [`Topology`](revacnn_schemas::Topology).
//!
//! ```
//! use ndarray::array;
//! use revacnn_analysis::{TsneSettings, effective_number, tsne};
//!
//! let filters = array![[1.0, 0.0, 0.1], [1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.9, 0.1], [-1.0, 0.0, 1.0]];
//! let distinct = effective_number(filters.view())?;
//! assert!(distinct > 1.0 && distinct < 5.0);
//!
//! let embedding = tsne(filters.view(), &TsneSettings::default())?;
//! assert_eq!(embedding.positions.len(), 5);
//! assert!(embedding.kl_divergence >= 0.0);
//! # Ok::<(), revacnn_analysis::AnalysisError>(())
//! ```

mod affinities;
mod assignment;
mod descent;
mod eigen;
mod embedding;
mod error;
mod field;
mod histogram;
mod histories;
mod lanes;
mod lifeline;
mod matching;
mod momentum;
mod neighbours;
mod pca;
mod plane;
mod purity;
mod quadtree;
mod regions;
mod samples;
mod similarity;
mod sparse;
mod statistics;
mod trustworthiness;
mod tsne;
mod vectors;
mod work;

pub use assignment::assignment;
pub use embedding::{EmbeddedFilter, Embedding, EmbeddingReport, EmbeddingSettings, Method, embed};
pub use error::AnalysisError;
pub use histogram::{Histogram, bin_edges, histogram};
pub use histories::{Against, ImageHistory, Ranking, image_histories, ranked};
pub use lifeline::Lifeline;
pub use matching::{LayerParameters, NetworkParameters, matched_by_assignment};
pub use neighbours::{Neighbours, nearest_points, nearest_positions};
pub use pca::{Pca, pca};
pub use plane::principal_plane;
pub use purity::{Purity, neighbour_purity};
pub use regions::{ClassRegion, RegionLine, Regions, decision_regions};
pub use samples::{SampleEmbedding, SampleSettings, embed_samples};
pub use similarity::{Neighbour, effective_number, nearest_neighbours, nearest_to};
pub use statistics::{channel_energy, colour_shares, mean_absolute, norms, sums, top_half, update_ratios, zero_shares};
pub use trustworthiness::trustworthiness;
pub use tsne::{Tsne, TsneSettings, tsne};
pub use vectors::{AlignedFilters, DroppedFilter, FilterVector, Gradients, LayerValues, Reason, Snapshot, align};
pub use work::Work;
