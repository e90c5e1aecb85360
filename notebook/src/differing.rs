//! Which filters of two addresses are compared with which, and which differ
//! most.

use revacnn_analysis::{LayerParameters, NetworkParameters, matched_by_assignment};
use revacnn_schemas::Topology;
use revacnn_store::{Difference, FilterDistance, LayerDistance, LayerTensors, StepTensors};

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

/// Filters of a layer that are named as those which differ most.
const MOST: usize = 3;

/// The filters of a layer that differ most, the farthest first: few, and only
/// such as differ at all.
pub fn most_differing(layer: &LayerDistance) -> impl Iterator<Item = &FilterDistance> {
    layer.filters.iter().take(MOST).filter(|filter| filter.distance > 0.0)
}

/// The layer that differs most, relative to its norm: of those before the
/// classes, and with filters enough for a picture of them.
pub(crate) fn most_differing_layer(found: &Difference) -> Option<&LayerDistance> {
    let hidden = found.layers.len().saturating_sub(1).max(1);
    let layers = found.layers.iter().take(hidden).filter(|layer| layer.filters.len() > 2);
    layers.reduce(|most, layer| if layer.relative > most.relative { layer } else { most })
}

/// The parameters of each layer that has some.
fn parameters(tensors: &StepTensors) -> Vec<LayerParameters<'_>> {
    let mut all = Vec::with_capacity(tensors.parameters.len());
    for LayerTensors { layer, weights, biases, .. } in &tensors.parameters {
        all.push(LayerParameters { layer, weights, biases });
    }
    all
}
