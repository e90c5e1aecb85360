//! What two branches share, and in what they differ.

use std::collections::HashMap;

use revacnn_schemas::{BranchId, BranchName, Digest, FieldDifference, FilterIdentity, LayerName, Step, Topology};

use crate::{LayerTensors, Lineage, StepRow, StepSpan, StepTensors, StoreError};

/// Steps of `steps` that are compared at a time.
pub(crate) const PORTION: u64 = 4096;

/// How two branches are related.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The newest branch that both descend from, or are; `None` for two
    /// histories of their own.
    pub ancestor: Option<BranchName>,
    /// The steps that both histories share; `None` if they share none.
    pub shared: Option<StepSpan>,
    /// The filters that mean the same in both: equal birthplace, layer and
    /// number.
    pub filters: Vec<SharedFilters>,
}

/// Filters of a layer in two branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFilters {
    /// The layer.
    pub layer: LayerName,
    /// Those in both.
    pub both: Vec<FilterIdentity>,
    /// Those in the first branch alone.
    pub only_left: Vec<FilterIdentity>,
    /// Those in the second branch alone.
    pub only_right: Vec<FilterIdentity>,
}

/// Tells how two branches are related.
pub fn relation(left: &Lineage, right: &Lineage) -> Relation {
    let theirs: HashMap<&BranchId, usize> =
        right.branches().iter().enumerate().map(|(place, branch)| (&branch.id, place)).collect();
    let common = left.branches().iter().enumerate().find_map(|(ours, branch)| Some((ours, *theirs.get(&branch.id)?)));
    let mut shared = None;
    if let Some((ours, theirs)) = common {
        // Of the common ancestor, each history has what is before the fork
        // that leads to it, or all.
        let end = |lineage: &Lineage, place: usize| match place.checked_sub(1) {
            Some(child) => lineage.branches()[child].first_step().0.checked_sub(1).map(Step),
            None => lineage.own().steps().map(|steps| steps.last),
        };
        if let (Some(a), Some(b), Some(all)) = (end(left, ours), end(right, theirs), left.steps()) {
            let last = a.min(b);
            shared = (all.first <= last).then(|| StepSpan::new(all.first, last));
        }
    }
    Relation {
        ancestor: common.map(|(ours, _)| left.branches()[ours].name.clone()),
        shared,
        filters: shared_filters(&left.branch().topology, &right.branch().topology),
    }
}

fn shared_filters(left: &Topology, right: &Topology) -> Vec<SharedFilters> {
    let mut names: Vec<&LayerName> = left.parameter_layers().map(|layer| &layer.layer).collect();
    names.extend(
        right.parameter_layers().map(|layer| &layer.layer).filter(|name| !names.contains(name)).collect::<Vec<_>>(),
    );
    let filters = |topology: &Topology, name: &LayerName| {
        topology.layers.iter().find(|layer| layer.layer == *name).map_or_else(Vec::new, |layer| layer.filters.clone())
    };
    names
        .into_iter()
        .map(|name| {
            let (ours, theirs) = (filters(left, name), filters(right, name));
            let (both, only_left) = ours.iter().cloned().partition(|filter| theirs.contains(filter));
            let only_right = theirs.into_iter().filter(|filter| !ours.contains(filter)).collect();
            SharedFilters { layer: name.clone(), both, only_left, only_right }
        })
        .collect()
}

/// In what two recorded steps differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// How the branches are related.
    pub relation: Relation,
    /// Fields of the definition.
    pub definition: Vec<FieldDifference>,
    /// The first step after the shared ones whose parameters differ, among
    /// those that both histories have.
    pub first_differing_step: Option<Step>,
    /// Distances of the weights, a layer that both have.
    pub layers: Vec<LayerDistance>,
}

/// How far a layer's weights are apart.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerDistance {
    /// The layer.
    pub layer: LayerName,
    /// Euclidean distance over the coefficients and biases that both have;
    /// `None` where they have none in common.
    pub distance: Option<f64>,
    /// The distance divided by the first branch's norm over the same; `None`
    /// where that is no number, because the norm is zero.
    pub relative: Option<f64>,
    /// Distances of the filters in both, the farthest first.
    pub filters: Vec<FilterDistance>,
    /// Coefficients of matched filters that only one branch has, because the
    /// layer before has other filters.
    pub unmatched: usize,
}

/// How far two filters that are matched are apart.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterDistance {
    /// The filter of the first branch.
    pub filter: FilterIdentity,
    /// That of the second: the same one, where filters are matched by identity.
    pub other: FilterIdentity,
    /// Euclidean distance over the coefficients that both have, and the bias.
    pub distance: f64,
    /// The distance divided by the first filter's norm over the same; `None`
    /// where that is no number, because the norm is zero.
    pub relative: Option<f64>,
}

/// Compares two branches: their definitions, where they part, and the weights
/// at one step of each, matched by identity.
///
/// Coefficients are matched by the identity of the filter that they read, so
/// that an added or removed filter in the layer before leaves the rest
/// comparable. With `matched`, the right network's topology with other
/// identities in place of its own, filters are matched by those.
///
/// # Errors
/// Those of reading the digests.
pub fn difference(
    left: (&Lineage, &StepTensors),
    right: (&Lineage, &StepTensors),
    matched: Option<&Topology>,
) -> Result<Difference, StoreError> {
    let (ours, theirs) = (left.0.branch(), right.0.branch());
    let mut relation = relation(left.0, right.0);
    if let Some(matched) = matched {
        relation.filters = shared_filters(&ours.topology, matched);
    }
    let topologies =
        Topologies { left: &ours.topology, right: &theirs.topology, matched: matched.unwrap_or(&theirs.topology) };
    let parameters = left.1.parameters.iter();
    let layers = parameters.filter_map(|layer| layer_distance(&topologies, layer, right.1.layer(&layer.layer)?));
    let layers = layers.collect();
    Ok(Difference {
        definition: ours.producer.differences(&theirs.producer),
        first_differing_step: first_differing_step(left.0, right.0, relation.shared)?,
        layers,
        relation,
    })
}

fn first_differing_step(left: &Lineage, right: &Lineage, shared: Option<StepSpan>) -> Result<Option<Step>, StoreError> {
    let (Some(ours), Some(theirs)) = (left.steps(), right.steps()) else { return Ok(None) };
    let last = ours.last.min(theirs.last);
    let first = shared.map_or(ours.first.max(theirs.first), |shared| shared.last.next());
    for portion in StepSpan::new(first, last).portions(PORTION) {
        let (ours, theirs) = (left.step_rows(portion)?, right.step_rows(portion)?);
        // By their numbers: a history may lack steps.
        let theirs: HashMap<Step, Digest> = theirs.iter().map(|row| (row.step, row.digest)).collect();
        let differs = |row: &&StepRow| theirs.get(&row.step).is_some_and(|digest| *digest != row.digest);
        if let Some(row) = ours.iter().find(differs) {
            return Ok(Some(row.step));
        }
    }
    Ok(None)
}

/// The networks that are compared.
struct Topologies<'a> {
    left: &'a Topology,
    right: &'a Topology,
    /// The right one with the identities that filters are matched by.
    matched: &'a Topology,
}

/// The distance of a layer that both networks have.
fn layer_distance(topologies: &Topologies<'_>, ours: &LayerTensors, theirs: &LayerTensors) -> Option<LayerDistance> {
    let name = &ours.layer;
    let find = |topology: &Topology| topology.layers.iter().find(|layer| layer.layer == *name).cloned();
    let (our_layer, their_layer) = (find(topologies.left)?, find(topologies.right)?);
    let identities = find(topologies.matched)?.filters;
    let (our_length, their_length) = (our_layer.coefficients?, their_layer.coefficients?);
    let places = topologies.left.shared_coefficients(topologies.matched, name);
    let (mut squares, mut norm) = (0.0_f64, 0.0_f64);
    let mut filters = Vec::new();
    let mut unmatched = 0;
    for (place, filter) in our_layer.filters.iter().enumerate() {
        let Some(places) = &places else { break };
        let Some(other) = identities.iter().position(|candidate| candidate == filter) else { continue };
        let a = &ours.weights[place * our_length..][..our_length];
        let b = &theirs.weights[other * their_length..][..their_length];
        let bias = (f64::from(ours.biases[place]), f64::from(theirs.biases[other]));
        let (mut apart, mut length) = ((bias.0 - bias.1).powi(2), bias.0.powi(2));
        for &(at, to) in places {
            let (x, y) = (f64::from(a[at]), f64::from(b[to]));
            apart += (x - y).powi(2);
            length += x.powi(2);
        }
        unmatched += our_length + their_length - 2 * places.len();
        squares += apart;
        norm += length;
        filters.push(FilterDistance {
            filter: filter.clone(),
            other: their_layer.filters[other].clone(),
            distance: apart.sqrt(),
            relative: ratio(apart, length),
        });
    }
    filters.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    let comparable = !filters.is_empty();
    Some(LayerDistance {
        layer: name.clone(),
        distance: comparable.then(|| squares.sqrt()),
        relative: if comparable { ratio(squares, norm) } else { None },
        filters,
        unmatched,
    })
}

/// A distance as a share of a norm, of the squares of both.
fn ratio(squares: f64, norm: f64) -> Option<f64> {
    match (squares, norm) {
        (0.0, _) => Some(0.0),
        (_, 0.0) => None,
        _ => Some((squares / norm).sqrt()),
    }
}
