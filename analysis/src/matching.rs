//! Filters of two networks that share no history, paired by their
//! coefficients.

use std::collections::HashMap;

use ndarray::Array2;
use revacnn_schemas::{FilterIdentity, LayerName, LayerTopology, Topology};

use crate::assignment;

/// The parameters of a layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerParameters<'a> {
    /// The layer.
    pub layer: &'a LayerName,
    /// Coefficients, `[filter][input][…]`.
    pub weights: &'a [f32],
    /// Biases, `[filter]`.
    pub biases: &'a [f32],
}

/// A network's topology and parameters.
#[derive(Debug, Clone, Copy)]
pub struct NetworkParameters<'a> {
    /// Its layers and filters.
    pub topology: &'a Topology,
    /// The parameters of its layers that have some.
    pub layers: &'a [LayerParameters<'a>],
}

impl<'a> NetworkParameters<'a> {
    fn layer(&self, name: &LayerName) -> Option<&'a LayerParameters<'a>> {
        self.layers.iter().find(|layer| layer.layer == name)
    }
}

/// The right network's topology in which each filter has the identity of the
/// left network's filter that it is paired with. With it, whatever matches
/// filters by identity matches these pairs.
///
/// Layer by layer, in the order of the left network, filters of layers of one
/// name, kind and kernel are paired so that the squared distances of their
/// coefficients and biases have the least sum ([`assignment`]). Coefficients
/// are compared where they read inputs that are paired with one another, which
/// the layers before have settled. Classes are paired by their number, the
/// channels of a normalisation like the filters that it follows, channels that are made of
/// several layers' like these, and filters that are added to those of an earlier layer like them.
///
/// What is paired with nothing keeps its identity, or where the left network
/// has that one, its number without a birthplace.
///
/// # Determinism
/// Equal networks give equal pairs.
///
/// # Source
/// Ainsworth, Hayase and Srinivasa, "Git Re-Basin: Merging Models modulo
/// Permutation Symmetries", ICLR 2023, section 3.2, from the first layer to the
/// last once.
pub fn matched_by_assignment(left: NetworkParameters<'_>, right: NetworkParameters<'_>) -> Topology {
    let mut matched = right.topology.clone();
    for place in 0..matched.layers.len() {
        let theirs = &right.topology.layers[place];
        let ours = left.topology.layers.iter().find(|ours| ours.layer == theirs.layer && ours.kind == theirs.kind);
        let pairs = ours.map_or_else(Vec::new, |ours| match settled(left.topology, &matched, &ours.layer) {
            Some(settled) => settled,
            None => pairs(ours, theirs, left, right, &matched),
        });
        let mut filters: Vec<Option<FilterIdentity>> = vec![None; theirs.filters.len()];
        if let Some(ours) = ours {
            for (own, other) in pairs {
                filters[other] = Some(ours.filters[own].clone());
            }
        }
        let taken = left.topology.layers.iter().find(|ours| ours.layer == theirs.layer);
        let taken = taken.map_or(&[][..], |ours| &ours.filters);
        let renamed = filters.into_iter().zip(&theirs.filters).map(|(paired, own)| {
            paired.unwrap_or_else(|| match taken.contains(own) {
                true => FilterIdentity { born: None, ..own.clone() },
                false => own.clone(),
            })
        });
        matched.layers[place].filters = renamed.collect();
    }
    matched
}

/// Pairs of positions (left, right) of a layer that layers before it have settled: its channels
/// are made of theirs, or added to theirs. The right network's layers before it are already in
/// the left one's identities. `None` where nothing is settled.
fn settled(left: &Topology, matched: &Topology, layer: &LayerName) -> Option<Vec<(usize, usize)>> {
    let [ours, theirs] = [left, matched].map(|topology| ties(topology, layer));
    let places: HashMap<_, _> = theirs?.into_iter().collect();
    Some(ours?.into_iter().filter_map(|(tie, own)| Some((own, *places.get(&tie)?))).collect())
}

/// What a position of a layer is tied to: the layer that makes the channel, and a filter of an
/// earlier layer, or a channel of the images, that it is made of as well.
type Tie<'a> = (&'a LayerName, Option<(&'a LayerName, &'a FilterIdentity)>, usize);

/// What settles the positions of a layer, each with its position; `None` where nothing does.
fn ties<'a>(topology: &'a Topology, layer: &LayerName) -> Option<Vec<(Tie<'a>, usize)>> {
    let own = topology.layers.iter().position(|candidate| candidate.layer == *layer)?;
    let identity = |(block, position): (usize, usize)| {
        let block = &topology.layers[block];
        Some((&block.layer, block.filters.get(position)?))
    };
    let made_of = topology.made_of(own);
    if !made_of.is_empty() {
        let name = &topology.layers[own].layer;
        let of_images = |channel: usize| made_of[..channel].iter().filter(|parts| parts.is_empty()).count();
        let ties = made_of.iter().enumerate().map(|(channel, parts)| match parts.first() {
            Some(part) => ((name, identity(*part), 0), channel),
            None => ((name, None, of_images(channel)), channel),
        });
        return Some(ties.collect());
    }
    (own + 1..topology.layers.len()).find_map(|sum| {
        let made_of = topology.made_of(sum);
        let ties = made_of.iter().filter_map(|parts| {
            let (_, position) = parts.iter().find(|(block, _)| *block == own)?;
            let earlier = parts.iter().find(|(block, _)| *block < own)?;
            Some(((&topology.layers[sum].layer, identity(*earlier), 0), *position))
        });
        let ties: Vec<_> = ties.collect();
        (!ties.is_empty()).then_some(ties)
    })
}

/// Pairs of positions (left, right) of a layer; the right network's layers
/// before it are already in the left one's identities.
fn pairs(
    ours: &LayerTopology,
    theirs: &LayerTopology,
    left: NetworkParameters<'_>,
    right: NetworkParameters<'_>,
    matched: &Topology,
) -> Vec<(usize, usize)> {
    let name = &ours.layer;
    if ours.filters.is_empty() || theirs.filters.is_empty() {
        return Vec::new();
    }
    let in_order = || (0..ours.filters.len().min(theirs.filters.len())).map(|at| (at, at)).collect();
    if ours.map.is_none() {
        // The channels of a normalisation are those of the block that it is in.
        return match (left.topology.input_layer_of(name), matched.input_layer_of(name)) {
            (Some(ours), Some(theirs)) if ours.layer == theirs.layer => common(&ours.filters, &theirs.filters),
            (None, None) => in_order(),
            _ => Vec::new(),
        };
    }
    let Some(places) = left.topology.shared_coefficients(matched, name) else { return Vec::new() };
    if left.topology.class_layer().is_some_and(|classes| classes.layer == *name) {
        return if ours.filters.len() == theirs.filters.len() { in_order() } else { Vec::new() };
    }
    let (Some(a), Some(b)) = (left.layer(name), right.layer(name)) else { return Vec::new() };
    let (length, their_length) = (a.weights.len() / a.biases.len().max(1), b.weights.len() / b.biases.len().max(1));
    let costs = Array2::from_shape_fn((a.biases.len(), b.biases.len()), |(own, other)| {
        let (x, y) = (&a.weights[own * length..][..length], &b.weights[other * their_length..][..their_length]);
        let bias = f64::from(a.biases[own]) - f64::from(b.biases[other]);
        let squares = places.iter().map(|&(at, to)| (f64::from(x[at]) - f64::from(y[to])).powi(2));
        squares.fold(bias * bias, |sum, square| sum + square)
    });
    let columns = assignment(costs.view());
    columns.into_iter().enumerate().filter_map(|(own, other)| Some((own, other?))).collect()
}

/// Positions (left, right) of what is in both.
fn common(ours: &[FilterIdentity], theirs: &[FilterIdentity]) -> Vec<(usize, usize)> {
    let places: HashMap<_, _> = theirs.iter().enumerate().map(|(place, filter)| (filter, place)).collect();
    ours.iter().enumerate().filter_map(|(place, filter)| Some((place, *places.get(filter)?))).collect()
}
