//! Which filters of two addresses are compared with which.

use revacnn_analysis::{LayerParameters, NetworkParameters, matched_by_assignment};
use revacnn_schemas::Topology;
use revacnn_store::{LayerTensors, StepTensors};

use crate::Matching;

/// The right network's topology in the identities that its filters are matched
/// by, where that is not their own.
pub fn matched(
    matching: Matching,
    left: (&Topology, &StepTensors),
    right: (&Topology, &StepTensors),
) -> Option<Topology> {
    if matching == Matching::Identity {
        return None;
    }
    let [ours, theirs] = [left.1, right.1].map(parameters);
    let left = NetworkParameters { topology: left.0, layers: &ours };
    Some(matched_by_assignment(left, NetworkParameters { topology: right.0, layers: &theirs }))
}

/// The parameters of each layer that has some.
fn parameters(tensors: &StepTensors) -> Vec<LayerParameters<'_>> {
    let mut all = Vec::with_capacity(tensors.parameters.len());
    for LayerTensors { layer, weights, biases, .. } in &tensors.parameters {
        all.push(LayerParameters { layer, weights, biases });
    }
    all
}
