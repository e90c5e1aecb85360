//! What can be wrong with the arrays that a finding is asked for.

use revacnn_schemas::LayerName;
use thiserror::Error;

/// Why a finding cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AnalysisError {
    /// A perplexity outside of what the number of points allows.
    #[error("perplexity {found} is not possible with {points} points: choose from 1 to {}", points.saturating_sub(1))]
    Perplexity {
        /// What was asked for.
        found: f64,
        /// How many points there are.
        points: usize,
    },
    /// A number of neighbours outside of what the number of points allows.
    #[error(
        "trustworthiness over {found} neighbours is not defined for {points} points: \
         it needs at least 1 neighbour and more than twice as many points as neighbours"
    )]
    Neighbours {
        /// What was asked for.
        found: usize,
        /// How many points there are.
        points: usize,
    },
    /// A number of neighbours that so many points do not have.
    #[error("{found} neighbours are not possible with {points} points: choose from 1 to {}", points.saturating_sub(1))]
    NeighbourCount {
        /// What was asked for.
        found: usize,
        /// How many points there are.
        points: usize,
    },
    /// A reference position that no point can be held at.
    #[error("the reference position of point {point} is not in the picture: coordinates are from -{most} to {most}")]
    Reference {
        /// The point's index.
        point: usize,
        /// The largest coordinate.
        most: f64,
    },
    /// A pull to the reference that is none, or too strong.
    #[error("a pull of {found} is not possible: choose from 0 (not held at all) to 1")]
    Pull {
        /// What was asked for.
        found: f64,
    },
    /// Who waited for the finding gave it up.
    #[error("given up before it was done, because it is not wanted any more")]
    Cancelled,
    /// A vector holds an infinity or a not-a-number.
    #[error("vector {vector} holds a value that is not finite: leave it out")]
    NotFinite {
        /// The vector's index.
        vector: usize,
    },
    /// Two arrays that belong together have different shapes.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which arrays.
        what: &'static str,
        /// What fits.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An address's network has no such layer.
    #[error("the network of address {address} (counted from 0) has no layer `{layer}`; it has {known}")]
    UnknownLayer {
        /// Index of the address.
        address: usize,
        /// The layer asked for.
        layer: LayerName,
        /// The layers that have filters.
        known: String,
    },
    /// Activation maps of different sizes cannot be compared pixel by pixel.
    #[error(
        "the maps of `{layer}` have {found} pixels at address {address} (counted from 0) and {expected} at the first: \
         only maps of one size fit one embedding; embed the addresses apart or choose the weights"
    )]
    MapSizes {
        /// The layer.
        layer: LayerName,
        /// Index of the address that differs.
        address: usize,
        /// Pixels of a map at the first address.
        expected: usize,
        /// Pixels of a map at this one.
        found: usize,
    },
    /// One input has kernels of different sizes at two addresses.
    #[error(
        "filters of `{layer}` have {found} coefficients an input at address {address} (counted from 0) and {expected} \
         before: only kernels of one size fit one embedding; embed the addresses apart"
    )]
    KernelSizes {
        /// The layer.
        layer: LayerName,
        /// Index of the address that differs.
        address: usize,
        /// Coefficients an input before.
        expected: usize,
        /// Coefficients an input here.
        found: usize,
    },
}
