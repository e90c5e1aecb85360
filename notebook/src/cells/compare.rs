//! Two addresses side by side.

use revacnn_recorder::{Difference, Lineage, difference};
use revacnn_schemas::{Comparison, Figure, LayerName, Panel, Scale, TableColumn, TableFigure};

use super::{chart, embedding, filters};
use crate::evaluator::Place;
use crate::{Cell, Evaluator, Method, NotebookError, Source, XAxis};

/// What differs, the curves, the distances, and for the layer that lies
/// farthest apart its filters and a joint embedding.
pub(crate) fn compare(evaluator: &mut Evaluator, places: &[Place; 2]) -> Result<Comparison, NotebookError> {
    let found = differences(evaluator, places)?;
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
        joint(Figure::Table(distances(&found))),
    ];
    if let Some(layer) = farthest(&found) {
        let values = places.iter().map(|place| filters::values(evaluator, place, layer, Source::Weights, None));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        panels.push(joint(Figure::Images(filters::filters(places, &values, layer, Source::Weights))));
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
        let embedded = embedding::embedding(evaluator, places, &values, layer, Source::Weights, &cell);
        evaluator.glides = glides;
        match embedded {
            Ok(scatter) => panels.push(joint(Figure::Scatter(scatter))),
            // Kernels of two sizes, or too few filters: the rest still compares.
            Err(NotebookError::Analysis(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Comparison { title: format!("{left} and {right}"), panels })
}

fn joint(figure: Figure) -> Panel {
    Panel::Joint(Box::new(figure))
}

fn differences(evaluator: &mut Evaluator, places: &[Place; 2]) -> Result<Difference, NotebookError> {
    let left = evaluator.tensors(&places[0], None)?;
    let right = evaluator.tensors(&places[1], None)?;
    // The histories as of the steps: what is compared has their topologies.
    let lineages = places.each_ref().map(|place| Lineage::of(&evaluator.store, &place.holder));
    let [ours, theirs] = lineages;
    Ok(difference((&ours?, &left), (&theirs?, &right))?)
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
    TableFigure { title: title.to_owned(), columns: columns.iter().map(column).collect(), rows, shades: Vec::new() }
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

fn distances(found: &Difference) -> TableFigure {
    const FARTHEST: usize = 3;
    let rows = found.layers.iter().map(|layer| {
        let most = layer.filters.iter().take(FARTHEST);
        let most: Vec<String> =
            most.map(|filter| format!("{} ({:.3})", filter.filter.number, filter.distance)).collect();
        vec![
            layer.layer.to_string(),
            layer.filters.len().to_string(),
            format!("{:.4}", layer.distance),
            format!("{:.1} %", 100.0 * layer.relative),
            most.join(", "),
        ]
    });
    let columns =
        [("layer", false), ("in both", true), ("distance", true), ("of the norm", true), ("farthest filters", false)];
    table("distance of the weights, filters matched by identity", &columns, rows.collect())
}
