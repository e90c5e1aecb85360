//! One kind of cell a file.

mod chart;
mod compare;
mod confusion;
mod embedding;
mod filter;
mod filters;
mod network;

use revacnn_schemas::Figure;

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
            let places = evaluator.places(at, inputs, usize::MAX)?;
            filters::filters(evaluator, &places, layer, *of, inputs.image).map(Figure::Images)
        }
        Cell::Filter { at, layer, filter, born } => {
            let place = evaluator.places(at.as_slice(), inputs, 1)?.remove(0);
            let wanted = filter::Wanted { layer, number: *filter, born: born.as_ref() };
            filter::filter(evaluator, &place, &wanted, inputs.image).map(Figure::Images)
        }
        Cell::Embedding { at, layer, of, .. } => {
            let places = evaluator.places(at, inputs, usize::MAX)?;
            embedding::embedding(evaluator, &places, layer, *of, inputs.image, cell).map(Figure::Scatter)
        }
        Cell::Compare { at } => {
            let places = evaluator.places(at, inputs, 2)?;
            match <[_; 2]>::try_from(places) {
                Ok(pair) => compare::compare(evaluator, &pair).map(Figure::Comparison),
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
