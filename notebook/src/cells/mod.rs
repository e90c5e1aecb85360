//! One kind of cell a file.

mod chart;
mod compare;
mod confusion;
mod embedding;
mod filter;
mod filters;
mod network;

use revacnn_schemas::{Address, Figure, ImageRow, LayerName};

use self::filters::Values;
use crate::evaluator::Place;
use crate::{Cell, Evaluator, Inputs, NotebookError, Source};

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
            let joint = Joint::of(evaluator, at, layer, *of, inputs)?;
            let (places, all) = joint.found.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
            let mut grid = filters::filters(&places, &all, layer, *of, None)?;
            let across = grid.rows.first().map_or(0, |row| row.images.len());
            let lacking = |label| ImageRow { label, images: vec![None; across] };
            grid.rows.extend(joint.left_out.iter().map(LeftOut::short).map(lacking));
            Ok(Figure::Images(grid))
        }
        Cell::Filter { at, layer, filter, born } => {
            let place = evaluator.places(at.as_slice(), inputs, 1)?.remove(0);
            let wanted = filter::Wanted { layer, number: *filter, born: born.as_ref() };
            filter::filter(evaluator, &place, &wanted, inputs.image).map(Figure::Images)
        }
        Cell::Embedding { at, layer, of, .. } => {
            let mut joint = Joint::of(evaluator, at, layer, *of, inputs)?;
            if evaluator.leaves_out_of(at) {
                let (fit, others) = embedding::fitting(layer, *of, joint.found)?;
                joint.found = fit;
                joint.left_out.extend(others.into_iter().map(|(place, why)| LeftOut::Unfit { place, why }));
            }
            let (places, all) = joint.found.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
            let mut scatter = embedding::embedding(evaluator, &places, &all, layer, *of, cell, None)?;
            scatter.notes.extend(joint.left_out.iter().map(|what| format!("left out: {what}")));
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

/// What a joint figure of a layer is made of.
struct Joint {
    /// What is looked at, at each place; at least one.
    found: Vec<(Place, Values)>,
    /// What has no part in it, and why.
    left_out: Vec<LeftOut>,
}

/// What has no part in a joint figure.
enum LeftOut {
    /// It does not belong there.
    Unfit { place: String, why: String },
    /// It may, but could not be read.
    Unread { place: String, error: String },
}

impl LeftOut {
    /// In few words.
    fn short(&self) -> String {
        match self {
            Self::Unfit { place, why } => format!("{place} {why}"),
            Self::Unread { place, .. } => format!("{place} cannot be read"),
        }
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unfit { .. } => formatter.write_str(&self.short()),
            Self::Unread { error, .. } => write!(formatter, "{}: {error}", self.short()),
        }
    }
}

impl Joint {
    /// Looks at a layer at all places. Those whose network lacks it are left
    /// out, and so is, where that was [asked for](Evaluator::leaving_out),
    /// whatever cannot be looked at. Where nothing is left, the first says why.
    fn of(
        evaluator: &mut Evaluator,
        at: &[Address],
        layer: &LayerName,
        of: Source,
        inputs: &Inputs,
    ) -> Result<Self, NotebookError> {
        let leaves_out = evaluator.leaves_out_of(at);
        let has = |place: &Place| place.holder.topology.layers_with_filters().any(|found| found.layer == *layer);
        let (mut joint, mut first) = (Self { found: Vec::new(), left_out: Vec::new() }, None);
        for (label, place) in evaluator.each_place(at, inputs, usize::MAX) {
            let error = match place {
                Ok(place) => match filters::values(evaluator, &place, layer, of, inputs.image) {
                    Ok(values) => {
                        joint.found.push((place, values));
                        continue;
                    }
                    Err(error) if has(&place) && !leaves_out => return Err(error),
                    Err(error) if has(&place) => {
                        let (place, error_text) = (place.label(), error.to_string());
                        joint.left_out.push(LeftOut::Unread { place, error: error_text });
                        error
                    }
                    Err(error) => {
                        joint.left_out.push(LeftOut::Unfit { place: place.label(), why: format!("has no {layer}") });
                        error
                    }
                },
                Err(error) if !leaves_out => return Err(error),
                Err(error) => {
                    joint.left_out.push(LeftOut::Unread { place: label, error: error.to_string() });
                    error
                }
            };
            first.get_or_insert(error);
        }
        evaluator.partial = joint.left_out.iter().any(|what| matches!(what, LeftOut::Unread { .. }));
        match first {
            Some(error) if joint.found.is_empty() => Err(error),
            _ => Ok(joint),
        }
    }
}
