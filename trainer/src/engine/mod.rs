//! The engine: a network with its weights, which runs sets of images forwards
//! and backwards. It knows no optimizer, no cursor and no step.
//!
//! | file | concept |
//! |---|---|
//! | `images` | the images of a batch, each as it is varied there |
//! | `workspace` | one image's way forwards and backwards |
//! | `chunks` | how a batch is shared out to threads |
//! | `pass` | the gradients of a batch |
//! | `evaluation` | forward passes in evaluation mode, and probes |
//! | `between` | what a network says between two images |
//! | `saliency` | what of an image an output depends on |
//! | `maximise` | images that excite a filter most, found by gradient ascent |
//! | `trace` | the strongest chain through a filter |

mod between;
mod chunks;
mod evaluation;
mod images;
mod maximise;
mod pass;
mod saliency;
mod trace;
mod workspace;

use std::sync::Arc;

use revacnn_schemas::{BranchId, Digest, ParameterState, TrainingState};

use crate::layers::Packed;
use crate::network::Network;
use crate::threads::Threads;
use chunks::Chunk;
pub(crate) use chunks::parts;
use workspace::{Shared, Workspace};

pub(crate) use images::Images;
pub use maximise::{Ascent, Maximised};
pub use saliency::{Saliency, SaliencyMap};
pub use trace::{Trace, TraceEnd, TraceLink};
pub(crate) use workspace::Outcome;

/// Gradients of one layer: of its coefficients and of its biases.
pub(crate) type Gradients = (Vec<f32>, Vec<f32>);

/// A network with its weights.
///
/// # Determinism
/// What a pass leaves is a function of network, weights and images: neither
/// threads nor instructions change a bit.
#[derive(Debug)]
pub(crate) struct Engine {
    network: Network,
    threads: Arc<Threads>,
    /// `[layer with weights]`
    parameters: Vec<ParameterState>,
    /// Of the last pass, `[layer with weights]`.
    gradients: Vec<Gradients>,
    /// The weights as the kernels want them, `[operation]`.
    packed: Vec<Packed>,
    /// What the images of a batch share, `[operation]`.
    batch: Vec<Vec<f32>>,
    /// One a thread, or one an image where the whole batch runs from one operation to the next.
    workspaces: Vec<Workspace>,
    /// The operation of which a pass keeps what it leaves there.
    kept: Option<usize>,
    chunks: Vec<Chunk>,
    probes: Vec<Workspace>,
}

impl Engine {
    /// A network with these weights, one entry for each layer that has some.
    pub(crate) fn new(network: Network, parameters: Vec<ParameterState>, threads: Arc<Threads>) -> Self {
        let gradients =
            parameters.iter().map(|state| (vec![0.0; state.weights.len()], vec![0.0; state.biases.len()])).collect();
        let packed = network.operations.iter().map(|_| Packed::default()).collect();
        let batch = network.operations.iter().map(|unit| vec![0.0; unit.operation.batch_len()]).collect();
        let mut engine = Self {
            network,
            threads,
            parameters,
            gradients,
            packed,
            batch,
            workspaces: Vec::new(),
            kept: None,
            chunks: Vec::new(),
            probes: Vec::new(),
        };
        engine.pack();
        engine
    }

    /// The network.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// The network, whose operations a test puts others in the place of.
    #[cfg(test)]
    pub(crate) fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Says where filters were born that edits made.
    pub(crate) fn set_birthplace(&mut self, branch: &BranchId) {
        for filter in self.network.topology.layers.iter_mut().flat_map(|layer| &mut layer.filters) {
            filter.born.get_or_insert_with(|| branch.clone());
        }
    }

    /// The threads it runs on.
    pub(crate) fn threads(&self) -> &Arc<Threads> {
        &self.threads
    }

    /// The weights, `[layer with weights]`.
    pub(crate) fn parameters(&self) -> &[ParameterState] {
        &self.parameters
    }

    /// Gradients of the last pass, `[layer with weights]`.
    pub(crate) fn gradients(&self) -> &[Gradients] {
        &self.gradients
    }

    /// Gives it other weights of the same lengths.
    pub(crate) fn set_parameters(&mut self, parameters: &[ParameterState]) {
        self.parameters.clone_from_slice(parameters);
        self.pack();
    }

    /// Changes weights in the light of the last pass's gradients.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&Network, &mut [ParameterState], &[Gradients]) -> T) -> T {
        let result = change(&self.network, &mut self.parameters, &self.gradients);
        self.pack();
        result
    }

    /// Digest of all parameters.
    pub(crate) fn digest(&self) -> Digest {
        let arrays: Vec<(&[f32], &[f32])> =
            self.parameters.iter().map(|state| (&state.weights[..], &state.biases[..])).collect();
        let numbers: Vec<&[u32]> = self.network.weighted.iter().map(|layer| &layer.numbers[..]).collect();
        TrainingState::digest(&arrays, &numbers)
    }

    /// Lays the weights out for the kernels.
    fn pack(&mut self) {
        for (unit, packed) in self.network.operations.iter().zip(&mut self.packed) {
            if let Some(weights) = unit.weights {
                unit.operation.pack(&self.parameters[weights], packed);
            }
        }
    }

    fn shared(&self) -> Shared<'_> {
        Shared { network: &self.network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch }
    }
}
