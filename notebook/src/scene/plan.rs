//! Which filters of a network have a place.

use revacnn_schemas::{DiagramColumn, DiagramNode, FilterIdentity, LayerName, NetworkDiagram};

use super::skips::lane_count;
use crate::look::count;

/// The most nodes of a layer in a file: of more, nobody tells one from another.
pub(super) const MOST: usize = 48;

/// The filters that have a place in a diagram, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Plan {
    /// A column a layer.
    pub columns: Vec<(LayerName, Vec<FilterIdentity>)>,
    /// How many lanes below the nodes their edges need that lead past a column.
    pub lanes: usize,
}

impl Plan {
    /// The filters of some networks: those of the first in its order, then
    /// what the others have besides.
    pub fn of(diagrams: &[&NetworkDiagram]) -> Self {
        let mut columns: Vec<(LayerName, Vec<FilterIdentity>)> = Vec::new();
        for diagram in diagrams {
            let mut next = 0;
            for column in &diagram.columns {
                let place = columns.iter().position(|(layer, _)| *layer == column.layer).unwrap_or_else(|| {
                    columns.insert(next, (column.layer.clone(), Vec::new()));
                    next
                });
                let filters = &mut columns[place].1;
                for node in &column.nodes {
                    if !filters.contains(&node.filter) {
                        filters.push(node.filter.clone());
                    }
                }
                next = place + 1;
            }
        }
        let lanes = diagrams.iter().map(|diagram| lane_count(diagram)).max().unwrap_or(0);
        Self { columns, lanes }
    }

    /// The plans of two networks that lie side by side: the same one where they have a filter in common, which
    /// then lies in the same place; else each its own, since gaps for all of the other's tell nothing.
    pub fn side_by_side(one: &NetworkDiagram, other: &NetworkDiagram) -> [Self; 2] {
        let is_in_other = |column: &DiagramColumn, node: &DiagramNode| {
            let same = other.columns.iter().filter(|theirs| theirs.layer == column.layer);
            same.flat_map(|theirs| &theirs.nodes).any(|theirs| theirs.filter == node.filter)
        };
        let are_kin = one.columns.iter().any(|column| column.nodes.iter().any(|node| is_in_other(column, node)));
        if are_kin {
            let both = Self::of(&[one, other]);
            return [both.clone(), both];
        }
        [Self::of(&[one]), Self::of(&[other])]
    }

    /// The filters of a network that can be told apart on paper: of a layer of many
    /// those with the largest activation sums, or where there are none, norms. And
    /// a line a layer of which some are left out.
    pub(super) fn seen(diagram: &NetworkDiagram) -> (Self, Vec<String>) {
        let mut left_out = Vec::new();
        let column = |column: &DiagramColumn| {
            let nodes = &column.nodes;
            let mut places: Vec<usize> = (0..nodes.len()).collect();
            if nodes.len() > MOST {
                let has_sums = nodes.iter().any(|node| node.activation_sum.is_some());
                let size = |place: &usize| match has_sums {
                    true => nodes[*place].activation_sum.unwrap_or(f32::NEG_INFINITY),
                    false => nodes[*place].weight_norm,
                };
                // A chain that is asked for is seen whole.
                let is_traced = |place: &usize| {
                    let trace = diagram.trace.as_ref();
                    trace.is_some_and(|trace| trace.goes_through(&column.layer, &nodes[*place].filter))
                };
                places.sort_by(|one, other| {
                    let first = is_traced(other).cmp(&is_traced(one));
                    first.then(size(other).total_cmp(&size(one)))
                });
                places.truncate(MOST);
                places.sort_unstable();
                let (layer, all) = (&column.layer, count(nodes.len() as u64));
                // Before anything is trained none is larger than another.
                let has_norms = nodes.iter().any(|node| node.weight_norm != 0.0);
                let by = match (has_sums, has_norms) {
                    (true, _) => ", those with the largest activation sums",
                    (false, true) => ", those with the largest norms",
                    (false, false) => "",
                };
                left_out.push(format!("{layer}: {MOST} of {all} filters are drawn{by}"));
            }
            (column.layer.clone(), places.into_iter().map(|place| nodes[place].filter.clone()).collect())
        };
        let columns = diagram.columns.iter().map(column).collect();
        (Self { columns, lanes: lane_count(diagram) }, left_out)
    }
}

/// A node of a diagram, and where it stands in the figure.
pub fn node_of<'a>(
    diagram: &'a NetworkDiagram,
    layer: &LayerName,
    filter: &FilterIdentity,
) -> Option<((usize, usize), &'a DiagramNode)> {
    let column = diagram.columns.iter().position(|column| column.layer == *layer)?;
    let node = diagram.columns[column].nodes.iter().position(|node| node.filter == *filter)?;
    Some(((column, node), &diagram.columns[column].nodes[node]))
}
