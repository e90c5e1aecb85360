//! Two addresses side by side.

use revacnn_analysis::EmbeddingSettings;
use revacnn_schemas::{Address, Comparison, DifferingFilter, FieldDifference, Figure, Panel, TableFigure, Topology};
use revacnn_store::{Difference, FilterDistance, Lineage, difference};
use serde::{Deserialize, Serialize};

use super::embedding::Layer;
use super::layer::{grid, values};
use super::loss::{Loss, losses};
use super::table::table;
use crate::differing::{matched, most_differing, most_differing_layer};
use crate::sources::Place;
use crate::{CellKind, Context, Matching, NotebookError, Source};

/// Two addresses side by side: what differs, curves from the fork on,
/// distances, and for the layer that differs most its filters and one joint
/// embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The two; the first two shown branches where empty.
    pub at: Vec<Address>,
    /// How their filters are matched.
    #[serde(default, rename = "match")]
    pub matching: Matching,
}

impl CellKind for Compare {
    const KIND: &'static str = "compare";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let places = context.places(&self.at, 2)?;
        match <[_; 2]>::try_from(places) {
            Ok(pair) => compare(context, &pair, self.matching).map(Figure::Comparison),
            Err(places) => Err(NotebookError::TooFewBranches { needed: 2, found: places.len() }),
        }
    }
}

fn compare(context: &mut Context<'_>, places: &[Place; 2], matching: Matching) -> Result<Comparison, NotebookError> {
    let (found, identities) = differences(context, places, matching)?;
    let identities = identities.as_ref();
    let [left, right] = [places[0].label(), places[1].label()];
    let mut branches = places.each_ref().map(|place| place.name.clone()).to_vec();
    branches.dedup();
    let mut curves = losses(context, &branches, &Loss::default())?;
    // Two steps of one branch have no fork between them.
    if branches.len() > 1 {
        from_the_fork(&mut curves, &found);
    }
    let mut panels = vec![
        joint(Figure::Table(facts(&left, &right, &found))),
        joint(Figure::Chart(curves)),
        joint(Figure::Table(distances(&found, matching))),
    ];
    if let Some(layer) = most_differing_layer(&found).map(|layer| &layer.layer) {
        let values = places.iter().map(|place| values(context, place, layer, Source::Weights));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let mut images = grid(places, &values, layer, Source::Weights, identities)?;
        let (of, settings) = (Source::Weights, EmbeddingSettings::default());
        match (Layer { layer, of, settings, matched: identities }).scatter(context, places, &values, None) {
            Ok(scatter) => {
                panels.push(joint(Figure::Images(images)));
                panels.push(joint(Figure::Scatter(scatter)));
            }
            // Kernels of two sizes, or too few filters: the rest still compares.
            Err(NotebookError::Analysis(reason)) => {
                images.notes.push(format!("there is no joint embedding: {reason}"));
                panels.push(joint(Figure::Images(images)));
            }
            Err(error) => return Err(error),
        }
    }
    let differing = found.layers.iter().filter_map(|layer| {
        let filter = most_differing(layer).next()?;
        Some(DifferingFilter { layer: layer.layer.clone(), left: filter.filter.clone(), right: filter.other.clone() })
    });
    Ok(Comparison { title: format!("{left} and {right}"), panels, differing: differing.collect() })
}

pub(super) fn joint(figure: Figure) -> Panel {
    Panel::Joint(Box::new(figure))
}

/// What differs, and the right network's topology in the identities that its
/// filters are matched by, where those are not its own.
pub(super) fn differences(
    context: &mut Context<'_>,
    places: &[Place; 2],
    matching: Matching,
) -> Result<(Difference, Option<Topology>), NotebookError> {
    let left = context.tensors(&places[0], None)?;
    let right = context.tensors(&places[1], None)?;
    // What the histories share, and where they part, depends on both of them.
    for place in places {
        context.history(&place.name)?;
    }
    // The histories as of the steps: what is compared has their topologies.
    let [ours, theirs] = places.each_ref().map(|place| Lineage::of(context.store(), &place.holder));
    let [our_topology, their_topology] = places.each_ref().map(|place| &place.holder.topology);
    let identities = matched(matching, (our_topology, &left), (their_topology, &right));
    let mut found = difference((&ours?, &left), (&theirs?, &right), identities.as_ref())?;
    found.relation.ancestor = found.relation.ancestor.map(|name| context.called(&name));
    Ok((found, identities))
}

/// Cuts curves to what comes from the last shared step on.
fn from_the_fork(curves: &mut revacnn_schemas::Chart, found: &Difference) {
    let Some(shared) = found.relation.shared else { return };
    let first = shared.last.0 as f64;
    for series in &mut curves.series {
        let before = series.points.iter().take_while(|point| point[0] < first).count();
        series.points.drain(..before);
        if !series.bounds.is_empty() {
            series.bounds.drain(..before);
        }
        if !series.begins.is_empty() {
            series.begins.drain(..before);
        }
    }
    curves.marks.retain(|mark| mark.x >= first);
    curves.title = format!("loss from step {} on, the last that both have", shared.last);
}

pub(super) fn facts(left: &str, right: &str, found: &Difference) -> TableFigure {
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    let mut rows = Vec::new();
    rows.push(row("common ancestor", found.relation.ancestor.as_ref().map_or("none".to_owned(), ToString::to_string)));
    rows.push(row("shared steps", found.relation.shared.map_or("none".to_owned(), |shared| shared.to_string())));
    let first = found.first_differing_step.map_or("none that both have".to_owned(), |step| step.to_string());
    rows.push(row("first step with other weights", first));
    for change in &found.definition {
        let FieldDifference { name, left: ours, right: theirs } = change;
        rows.push(row(name, format!("{left}: {ours}, {right}: {theirs}")));
    }
    for layer in &found.relation.filters {
        for (side, filters) in [(left, &layer.only_left), (right, &layer.only_right)] {
            if !filters.is_empty() {
                let numbers: Vec<String> = filters.iter().map(|filter| filter.number.to_string()).collect();
                rows.push(row(&format!("only {side}"), format!("{}/{}", layer.layer, numbers.join(", "))));
            }
        }
    }
    table("what differs", &[("", false), ("", false)], rows)
}

pub(super) fn distances(found: &Difference, matching: Matching) -> TableFigure {
    let number = |value: Option<f64>, text: &dyn Fn(f64) -> String| value.map_or_else(|| "–".to_owned(), text);
    let rows = found.layers.iter().map(|layer| {
        let name = |filter: &FilterDistance| match filter.filter == filter.other {
            true => filter.filter.number.to_string(),
            false => format!("{} → {}", filter.filter.number, filter.other.number),
        };
        let most: Vec<String> =
            most_differing(layer).map(|filter| format!("{} ({:.3})", name(filter), filter.distance)).collect();
        vec![
            layer.layer.to_string(),
            layer.filters.len().to_string(),
            number(layer.distance, &|distance| format!("{distance:.4}")),
            number(layer.relative, &|share| format!("{:.1} %", 100.0 * share)),
            most.join(", "),
        ]
    });
    let columns =
        [("layer", false), ("matched", true), ("distance", true), ("of the norm", true), ("farthest filters", false)];
    let title = format!("distance of the weights, filters matched by {matching}");
    let mut figure = table(&title, &columns, rows.collect());
    if matching == Matching::Identity && found.layers.iter().all(|layer| layer.filters.is_empty()) {
        let note = "no filter is in both; matched by assignment, those that are most alike are compared";
        figure.notes.push(note.to_owned());
    }
    figure
}
