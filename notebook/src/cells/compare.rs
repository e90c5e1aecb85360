//! Two addresses side by side.

use revacnn_schemas::{Comparison, Figure, LayerName, Panel, Scale, TableColumn, TableFigure, Topology};
use revacnn_store::{Difference, FilterDistance, Lineage, difference};

use super::{chart, embedding, filters};
use crate::evaluator::Place;
use crate::matching::matched;
use crate::{Cell, Evaluator, Matching, Method, NotebookError, Source, XAxis};

/// What differs, the curves, the distances, and for the layer that lies
/// farthest apart its filters and a joint embedding.
pub(crate) fn compare(
    evaluator: &mut Evaluator,
    places: &[Place; 2],
    matching: Matching,
) -> Result<Comparison, NotebookError> {
    let (found, identities) = differences(evaluator, places, matching)?;
    let identities = identities.as_ref();
    let [left, right] = [places[0].label(), places[1].label()];
    let mut branches = places.each_ref().map(|place| place.name.clone()).to_vec();
    branches.dedup();
    let mut curves = chart::loss(evaluator, &branches, XAxis::Step, Scale::Linear)?;
    // Two steps of one branch have no fork between them.
    if branches.len() > 1 {
        from_the_fork(&mut curves, &found);
    }
    let mut panels = vec![
        joint(Figure::Table(facts(&left, &right, &found))),
        joint(Figure::Chart(curves)),
        joint(Figure::Table(distances(&found, matching))),
    ];
    if let Some(layer) = farthest(&found) {
        let values = places.iter().map(|place| filters::values(evaluator, place, layer, Source::Weights, None));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let mut images = filters::filters(places, &values, layer, Source::Weights, identities)?;
        let cell = Cell::Embedding {
            at: Vec::new(),
            layer: layer.clone(),
            of: Source::Weights,
            method: Method::Tsne,
            perplexity: None,
            seed: 0,
        };
        // A comparison is none that one travels in.
        let glides = std::mem::take(&mut evaluator.glides);
        let embedded = embedding::embedding(evaluator, places, &values, layer, Source::Weights, &cell, identities);
        evaluator.glides = glides;
        match embedded {
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
    Ok(Comparison { title: format!("{left} and {right}"), panels })
}

fn joint(figure: Figure) -> Panel {
    Panel::Joint(Box::new(figure))
}

/// What differs, and the right network's topology in the identities that its
/// filters are matched by, where those are not its own.
fn differences(
    evaluator: &mut Evaluator,
    places: &[Place; 2],
    matching: Matching,
) -> Result<(Difference, Option<Topology>), NotebookError> {
    let left = evaluator.tensors(&places[0], None)?;
    let right = evaluator.tensors(&places[1], None)?;
    // The histories as of the steps: what is compared has their topologies.
    let lineages = places.each_ref().map(|place| Lineage::of(&evaluator.store, &place.holder));
    let [ours, theirs] = lineages;
    let [our_topology, their_topology] = places.each_ref().map(|place| &place.holder.topology);
    let identities = matched(matching, (our_topology, &left), (their_topology, &right));
    let found = difference((&ours?, &left), (&theirs?, &right), identities.as_ref())?;
    Ok((found, identities))
}

/// The layer that lies farthest apart, relative to its norm.
fn farthest(found: &Difference) -> Option<&LayerName> {
    let hidden = found.layers.len().saturating_sub(1).max(1);
    let layers = found.layers.iter().take(hidden).filter(|layer| layer.filters.len() > 2);
    layers.reduce(|most, layer| if layer.relative > most.relative { layer } else { most }).map(|layer| &layer.layer)
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
    }
    curves.marks.retain(|mark| mark.x >= first);
    curves.title = format!("loss from step {} on", shared.last);
}

fn table(title: &str, columns: &[(&str, bool)], rows: Vec<Vec<String>>) -> TableFigure {
    let column = |&(name, numeric): &(&str, bool)| TableColumn { name: name.to_owned(), numeric };
    TableFigure {
        title: title.to_owned(),
        columns: columns.iter().map(column).collect(),
        rows,
        shades: Vec::new(),
        notes: Vec::new(),
    }
}

fn facts(left: &str, right: &str, found: &Difference) -> TableFigure {
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    let mut rows = Vec::new();
    rows.push(row("common ancestor", found.relation.ancestor.as_ref().map_or("none".to_owned(), ToString::to_string)));
    rows.push(row("shared steps", found.relation.shared.map_or("none".to_owned(), |shared| shared.to_string())));
    let first = found.first_differing_step.map_or("none that both have".to_owned(), |step| step.to_string());
    rows.push(row("first step with other weights", first));
    for change in &found.definition {
        rows.push(row("changed", change.clone()));
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

fn distances(found: &Difference, matching: Matching) -> TableFigure {
    const FARTHEST: usize = 3;
    let number = |value: Option<f64>, text: &dyn Fn(f64) -> String| value.map_or_else(|| "–".to_owned(), text);
    let rows = found.layers.iter().map(|layer| {
        let name = |filter: &FilterDistance| match filter.filter == filter.other {
            true => filter.filter.number.to_string(),
            false => format!("{} → {}", filter.filter.number, filter.other.number),
        };
        let most = layer.filters.iter().take(FARTHEST);
        let most: Vec<String> = most.map(|filter| format!("{} ({:.3})", name(filter), filter.distance)).collect();
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
