//! Which layers and filters a branch has, and in which order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{BranchId, FilterNumber, LayerName};

/// Identity of a filter within its layer: where it was born, and its number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterIdentity {
    /// The filter's number; numbers are never reused in a lineage.
    pub number: FilterNumber,
    /// The branch that added the filter; `None` means one that is about to be
    /// made, which the store fills in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<BranchId>,
}

/// One layer as the log sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTopology {
    /// The layer's name.
    pub layer: LayerName,
    /// The layer's kind, such as `conv`.
    pub kind: String,
    /// Its filters (units, channels) in position order; empty for layers
    /// without filters of their own, such as pooling.
    #[serde(default)]
    pub filters: Vec<FilterIdentity>,
    /// Coefficients of one filter, for layers with weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficients: Option<usize>,
    /// Rows and columns of one filter's activation map, for layers that open
    /// a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<[usize; 2]>,
    /// Whether the layer keeps running statistics a channel.
    #[serde(default)]
    pub normalises: bool,
    /// The number that the layer's next filter gets: above every number that
    /// the lineage ever gave out, so that none is used twice.
    #[serde(default)]
    pub next_filter: FilterNumber,
}

/// Every layer of a network in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The layers.
    pub layers: Vec<LayerTopology>,
    /// Names of layers that the lineage once had: they are not given again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<LayerName>,
}

impl Topology {
    /// Layers that have filters, in order.
    pub fn layers_with_filters(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| !layer.filters.is_empty())
    }

    /// Layers with weights: the order of [`StepView::parameters`](crate::StepView).
    pub fn parameter_layers(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.coefficients.is_some())
    }

    /// Layers that open a block: the order of [`StepView::blocks`](crate::StepView).
    pub fn blocks(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.map.is_some())
    }

    /// The layer that has a filter a class: the last one.
    pub fn class_layer(&self) -> Option<&LayerTopology> {
        self.layers.last()
    }

    /// Layers with running statistics: the order of
    /// [`StepView::normalisation`](crate::StepView).
    pub fn normalising_layers(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.normalises)
    }

    /// The layer whose maps a layer reads: the one that opens the block before
    /// it. `None` for a layer that reads the images, and for one that is not
    /// there.
    pub fn input_layer_of(&self, layer: &LayerName) -> Option<&LayerTopology> {
        let place = self.layers.iter().position(|candidate| candidate.layer == *layer)?;
        self.layers[..place].iter().rev().find(|candidate| candidate.map.is_some())
    }

    /// The filters of [that layer](Self::input_layer_of), in position order.
    ///
    /// A filter's coefficients are `[input][…]` in this order.
    pub fn inputs_of(&self, layer: &LayerName) -> Option<&[FilterIdentity]> {
        self.input_layer_of(layer).map(|before| before.filters.as_slice())
    }

    /// The coefficients of one filter of a layer that mean the same in another
    /// network: pairs of places (here, there) that read one filter, by its
    /// identity, or one channel of the images, at one place of the kernel. A
    /// layer that works on each channel alone, such as a normalisation, reads
    /// its own.
    ///
    /// `None` where nothing can be compared: one of the networks lacks the
    /// layer, or they have it with kernels of different sizes, of different
    /// kinds, or with no input that both have.
    pub fn shared_coefficients(&self, other: &Self, layer: &LayerName) -> Option<Vec<(usize, usize)>> {
        let find = |topology: &Self| topology.layers.iter().find(|own| own.layer == *layer).cloned();
        let (own, theirs) = (find(self)?, find(other)?);
        let (length, their_length) = (own.coefficients?, theirs.coefficients?);
        let in_order = || (length == their_length).then(|| (0..length).map(|place| (place, place)).collect());
        if own.kind != theirs.kind {
            return None;
        }
        if own.map.is_none() {
            return in_order();
        }
        match (self.input_layer_of(layer), other.input_layer_of(layer)) {
            (None, None) => in_order(),
            (Some(before), Some(their_before)) if before.layer == their_before.layer => {
                let each = length / before.filters.len().max(1);
                let places: HashMap<&FilterIdentity, usize> =
                    their_before.filters.iter().enumerate().map(|(place, filter)| (filter, place)).collect();
                let inputs = before.filters.iter().enumerate();
                let inputs: Vec<(usize, usize)> =
                    inputs.filter_map(|(place, filter)| Some((place, *places.get(filter)?))).collect();
                if each != their_length / their_before.filters.len().max(1) || inputs.is_empty() {
                    return None;
                }
                let of = |(place, other)| (0..each).map(move |at| (place * each + at, other * each + at));
                Some(inputs.into_iter().flat_map(of).collect())
            }
            _ => None,
        }
    }

    /// Number of parameters: all coefficients and biases.
    pub fn parameters(&self) -> usize {
        self.parameter_layers().map(|layer| layer.filters.len() * (layer.coefficients.unwrap_or(0) + 1)).sum()
    }

    /// Values of all block outputs of one image.
    pub fn activations(&self) -> usize {
        self.blocks().map(|layer| layer.filters.len() * layer.map.map_or(0, |[rows, columns]| rows * columns)).sum()
    }
}
