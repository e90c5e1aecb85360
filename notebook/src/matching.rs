//! Which filters of two addresses are compared with which.

use revacnn_analysis::{LayerParameters, NetworkParameters, matched_by_assignment};
use revacnn_recorder::StepTensors;
use revacnn_schemas::Topology;

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
    let [ours, theirs] = [left.1, right.1].map(|tensors| {
        let of = |layer| {
            let revacnn_recorder::LayerTensors { layer, weights, biases, .. } = layer;
            LayerParameters { layer, weights, biases }
        };
        tensors.parameters.iter().map(of).collect::<Vec<_>>()
    });
    let left = NetworkParameters { topology: left.0, layers: &ours };
    Some(matched_by_assignment(left, NetworkParameters { topology: right.0, layers: &theirs }))
}
