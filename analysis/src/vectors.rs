//! Filters of several addresses as vectors of one space, aligned by identity.

use std::collections::HashMap;

use ndarray::{ArrayView1, ArrayView2};
use revacnn_schemas::{FilterIdentity, LayerName, LayerTopology, Topology};

use crate::AnalysisError;

/// What is looked at in a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerValues<'a> {
    /// Weights, `[filter][input × kernel]`.
    Weights(ArrayView2<'a, f32>),
    /// Gradients of the weights; `None` where the step has none at all.
    Gradients(Option<Gradients<'a>>),
    /// Activation maps of one image, or their gradients, `[filter][pixel]`.
    Maps(ArrayView2<'a, f32>),
}

/// Gradients of a layer's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gradients<'a> {
    /// `[filter][input × kernel]`.
    pub values: ArrayView2<'a, f32>,
    /// Filters that have none because they do not train, `[filter]`; empty
    /// if all train.
    pub frozen: &'a [bool],
}

/// One layer at one address.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The network's layers and filters at the address.
    pub topology: &'a Topology,
    /// What is looked at.
    pub values: LayerValues<'a>,
}

/// One filter at one address, as a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterVector {
    /// Index of the snapshot that the filter is from.
    pub address: usize,
    /// The filter.
    pub identity: FilterIdentity,
    /// Its values; all vectors of one alignment have the same length.
    pub values: Vec<f32>,
}

/// A filter that has no vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedFilter {
    /// Index of the snapshot that the filter is from.
    pub address: usize,
    /// The filter.
    pub identity: FilterIdentity,
    /// Why it was left out.
    pub reason: Reason,
}

/// Why a filter has no vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It holds an infinity or a not-a-number.
    NotFinite,
    /// It is frozen, so the step has no gradient of it.
    Frozen,
    /// The step has no gradients: it is the first of its branch, or every
    /// filter is frozen.
    NoGradients,
}

/// Vectors of one layer at several addresses.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedFilters {
    /// The layer.
    pub layer: LayerName,
    /// The vectors, by address and position.
    pub vectors: Vec<FilterVector>,
    /// Filters without one.
    pub dropped: Vec<DroppedFilter>,
}

/// Where a run of a filter's coefficients comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Input<'a> {
    /// The image: its colour channels never change.
    Image,
    /// A filter of the layer that opens the block before.
    Filter(&'a LayerName, &'a FilterIdentity),
    /// The input at this place of each filter's group.
    OfGroup(usize),
}

/// Makes one vector of each filter of a layer, so that equal places mean equal
/// inputs at all addresses.
///
/// A filter's coefficients are grouped by the input that they read. Inputs are
/// matched by identity, in the order in which they are first seen; those that
/// an address does not have are zeros there. Maps are matched pixel by pixel.
///
/// # Errors
///
/// [`AnalysisError::UnknownLayer`] if an address has no such layer,
/// [`AnalysisError::Shape`] if an array does not fit its topology,
/// [`AnalysisError::MapSizes`] and [`AnalysisError::KernelSizes`] if the
/// addresses do not fit one another.
pub fn align(layer: &LayerName, snapshots: &[Snapshot<'_>]) -> Result<AlignedFilters, AnalysisError> {
    let mut places: HashMap<Input<'_>, usize> = HashMap::new();
    let mut group = None;
    let mut plans = Vec::with_capacity(snapshots.len());
    for (address, snapshot) in snapshots.iter().enumerate() {
        let own = find(snapshot.topology, layer, address)?;
        let Some(values) = checked_values(snapshot, own)? else {
            plans.push((own, None));
            continue;
        };
        let maps = matches!(snapshot.values, LayerValues::Maps(_));
        let inputs = if maps { vec![Input::Image] } else { inputs_of(snapshot.topology, layer) };
        let coefficients = values.ncols();
        if inputs.is_empty() || !coefficients.is_multiple_of(inputs.len()) {
            return Err(AnalysisError::Shape {
                what: "coefficients of a filter",
                expected: format!("a multiple of its {} inputs", inputs.len()),
                found: coefficients.to_string(),
            });
        }
        let found = coefficients / inputs.len();
        let expected = *group.get_or_insert(found);
        if found != expected {
            let layer = layer.clone();
            return Err(if maps {
                AnalysisError::MapSizes { layer, address, expected, found }
            } else {
                AnalysisError::KernelSizes { layer, address, expected, found }
            });
        }
        let blocks: Vec<usize> = inputs
            .into_iter()
            .map(|input| {
                let next = places.len();
                *places.entry(input).or_insert(next)
            })
            .collect();
        plans.push((own, Some((values, blocks))));
    }
    let (mut vectors, mut dropped) = (Vec::new(), Vec::new());
    let group = group.unwrap_or(0);
    for (address, (own, plan)) in plans.into_iter().enumerate() {
        for (position, identity) in own.filters.iter().enumerate() {
            let values = match &plan {
                None => Err(Reason::NoGradients),
                Some(_) if is_frozen(&snapshots[address], position) => Err(Reason::Frozen),
                Some((values, _)) if !values.row(position).iter().all(|value| value.is_finite()) => {
                    Err(Reason::NotFinite)
                }
                Some((values, blocks)) => Ok(placed(values.row(position), blocks, group, places.len())),
            };
            let identity = identity.clone();
            match values {
                Ok(values) => vectors.push(FilterVector { address, identity, values }),
                Err(reason) => dropped.push(DroppedFilter { address, identity, reason }),
            }
        }
    }
    Ok(AlignedFilters { layer: layer.clone(), vectors, dropped })
}

/// The layer in a topology.
fn find<'a>(topology: &'a Topology, layer: &LayerName, address: usize) -> Result<&'a LayerTopology, AnalysisError> {
    topology.layers_with_filters().find(|candidate| candidate.layer == *layer).ok_or_else(|| {
        AnalysisError::UnknownLayer {
            address,
            layer: layer.clone(),
            known: topology
                .layers_with_filters()
                .map(|candidate| candidate.layer.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }
    })
}

/// The array of a snapshot, once it has a row a filter; `None` without one.
fn checked_values<'a>(
    snapshot: &Snapshot<'a>,
    layer: &LayerTopology,
) -> Result<Option<ArrayView2<'a, f32>>, AnalysisError> {
    let filters = layer.filters.len();
    let (values, flags) = match snapshot.values {
        LayerValues::Weights(values) | LayerValues::Maps(values) => (values, filters),
        LayerValues::Gradients(None) => return Ok(None),
        LayerValues::Gradients(Some(Gradients { values, frozen })) => {
            (values, if frozen.is_empty() { filters } else { frozen.len() })
        }
    };
    for found in [values.nrows(), flags] {
        if found != filters {
            return Err(AnalysisError::Shape {
                what: "rows of a layer's array",
                expected: format!("{filters}, one a filter of `{}`", layer.layer),
                found: found.to_string(),
            });
        }
    }
    Ok(Some(values))
}

fn is_frozen(snapshot: &Snapshot<'_>, position: usize) -> bool {
    match snapshot.values {
        LayerValues::Gradients(Some(gradients)) => gradients.frozen.get(position).copied().unwrap_or(false),
        _ => false,
    }
}

/// The inputs of a layer's filters in the order of their coefficients. Those of a convolution of
/// groups are matched by their place in the group, for each filter reads others.
fn inputs_of<'a>(topology: &'a Topology, layer: &LayerName) -> Vec<Input<'a>> {
    let own = topology.layers.iter().find(|candidate| candidate.layer == *layer);
    let inputs = all_inputs_of(topology, layer);
    match own.filter(|own| own.groups > 1) {
        Some(own) => (0..own.read_by_each(inputs.len()).max(1)).map(Input::OfGroup).collect(),
        None => inputs,
    }
}

/// Everything that reaches a layer.
fn all_inputs_of<'a>(topology: &'a Topology, layer: &LayerName) -> Vec<Input<'a>> {
    topology.input_layer_of(layer).map_or_else(
        || vec![Input::Image],
        |block| block.filters.iter().map(|filter| Input::Filter(&block.layer, filter)).collect(),
    )
}

/// A filter's values with each input's group in its place.
fn placed(values: ArrayView1<'_, f32>, blocks: &[usize], group: usize, inputs: usize) -> Vec<f32> {
    let mut vector = vec![0.0; inputs * group];
    for (position, &value) in values.iter().enumerate() {
        vector[blocks[position / group] * group + position % group] = value;
    }
    vector
}
