//! One kind of cell a file.

mod chart;
mod compare;
mod confusion;
mod embedding;
mod filter;
mod filters;
mod network;

use revacnn_schemas::{Figure, ImageRow, LayerName};

use crate::evaluator::Place;
use crate::{Cell, Evaluator, Inputs, NotebookError};

pub(crate) fn evaluate(evaluator: &mut Evaluator, cell: &Cell, inputs: &Inputs) -> Result<Figure, NotebookError> {
    match cell {
        Cell::Loss { x, scale } => chart::loss(evaluator, &inputs.branches, *x, *scale).map(Figure::Chart),
        Cell::Chart { quantity, layer, filter, x, scale } => {
            let wanted = chart::Wanted { quantity, layer: layer.as_ref(), filter: *filter };
            chart::chart(evaluator, &inputs.branches, &wanted, *x, *scale).map(Figure::Chart)
        }
        Cell::Network { at, show } => {
            let place = evaluator.places(at.as_slice(), inputs, 1)?.remove(0);
            network::network(evaluator, &place, *show, inputs.image).map(Figure::Network)
        }
        Cell::Filters { at, layer, of } => {
            let (places, lacking) = having(evaluator.places(at, inputs, usize::MAX)?, layer);
            let mut grid = filters::filters(evaluator, &places, layer, *of, inputs.image, None)?;
            let across = grid.rows.first().map_or(0, |row| row.images.len());
            grid.rows.extend(lacking.iter().map(|place| ImageRow {
                label: format!("{} has no {layer}", place.label()),
                images: vec![None; across],
            }));
            Ok(Figure::Images(grid))
        }
        Cell::Filter { at, layer, filter, born } => {
            let place = evaluator.places(at.as_slice(), inputs, 1)?.remove(0);
            let wanted = filter::Wanted { layer, number: *filter, born: born.as_ref() };
            filter::filter(evaluator, &place, &wanted, inputs.image).map(Figure::Images)
        }
        Cell::Embedding { at, layer, of, .. } => {
            let (places, lacking) = having(evaluator.places(at, inputs, usize::MAX)?, layer);
            let mut scatter = embedding::embedding(evaluator, &places, layer, *of, inputs.image, cell, None)?;
            scatter.notes.extend(lacking.iter().map(|place| format!("left out: {} has no {layer}", place.label())));
            Ok(Figure::Scatter(scatter))
        }
        Cell::Compare { at, matching } => {
            let places = evaluator.places(at, inputs, 2)?;
            match <[_; 2]>::try_from(places) {
                Ok(pair) => compare::compare(evaluator, &pair, *matching).map(Figure::Comparison),
                Err(places) => Err(NotebookError::TooFewBranches { needed: 2, found: places.len() }),
            }
        }
        Cell::Confusion { at } => {
            let place = evaluator.places(at.as_slice(), inputs, 1)?.remove(0);
            confusion::confusion(evaluator, &place).map(Figure::Table)
        }
        Cell::Beside { cells } => Err(NotebookError::NoFigure { cell: cells[0].clone() }),
    }
}

/// Places whose network has a layer, and those that lack it; where all lack
/// it, the first says so.
fn having(places: Vec<Place>, layer: &LayerName) -> (Vec<Place>, Vec<Place>) {
    let has = |place: &Place| place.holder.topology.layers_with_filters().any(|found| found.layer == *layer);
    if !places.iter().any(has) {
        return (places, Vec::new());
    }
    places.into_iter().partition(has)
}
