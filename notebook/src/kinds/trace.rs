//! The strongest chain through a filter.

use revacnn_schemas::{BranchId, DiagramEnd, DiagramFilter, DiagramLink, DiagramTrace, FilterNumber, LayerName};
use revacnn_trainer::TraceEnd;
use serde::{Deserialize, Serialize};

use super::filter::position_of;
use crate::sources::Place;
use crate::{ChosenImage, Context, NotebookError};

/// The filter whose strongest chain is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traced {
    /// The layer.
    pub layer: LayerName,
    /// The filter's number.
    pub filter: FilterNumber,
    /// The branch that it was born in, so that another branch's filter of
    /// that number is not taken for it; any where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<BranchId>,
}

impl Traced {
    /// The chain at a step for the image that is `seen`, and a note that tells it; no chain, and a note with the
    /// reason, where the network has no such filter, or sees no image.
    pub(super) fn chain(
        &self,
        context: &mut Context<'_>,
        place: &Place,
        seen: Option<&ChosenImage>,
        classes: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Option<DiagramTrace>, NotebookError> {
        let Self { layer, filter, born } = self;
        let topology = &place.holder.topology;
        let column = topology.blocks().find(|block| block.layer == *layer && block.coefficients.is_some());
        let found = column.and_then(|column| Some((column, position_of(column, *filter, born.as_ref())?)));
        let Some((column, position)) = found else {
            notes.push(format!("no chain: there is no {layer}/{filter} here"));
            return Ok(None);
        };
        let Some(image) = seen else {
            notes.push(format!("no chain of {layer}/{filter}: the network sees no image"));
            return Ok(None);
        };
        let trace = match context.trace(place, image, layer, position) {
            Ok(trace) => trace,
            Err(NotebookError::DataLacking { reason, .. }) => {
                notes.push(format!("no chain of {layer}/{filter}: {reason}"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let weights = context.tensors(place, None)?;
        if trace.links.is_empty()
            && weights.parameters.iter().flat_map(|own| &own.weights).any(|value| !value.is_finite())
        {
            notes.push(format!("no chain of {layer}/{filter}: {} has diverged", place.label()));
            return Ok(None);
        }
        let last = topology.blocks().last();
        let is_last = |layer: &LayerName| last.is_some_and(|last| last.layer == *layer);
        let end = |end: TraceEnd| match end {
            TraceEnd::Image => Some(DiagramEnd::Input),
            TraceEnd::Filter(layer, place) if is_last(&layer) => Some(DiagramEnd::Output(place)),
            TraceEnd::Filter(layer, place) => {
                let filter = topology.blocks().find(|block| block.layer == layer)?.filters.get(place)?.clone();
                Some(DiagramEnd::Filter(DiagramFilter { layer, filter }))
            }
        };
        let links = trace.links.into_iter().filter_map(|link| {
            Some(DiagramLink { from: end(link.from)?, to: end(link.to)?, share: link.share as f32 })
        });
        let of = DiagramFilter { layer: layer.clone(), filter: column.filters[position].clone() };
        let chain = DiagramTrace { of, links: links.collect() };
        let chosen = if is_last(layer) { DiagramEnd::Output(position) } else { DiagramEnd::Filter(chain.of.clone()) };
        notes.push(told(&chain, &chosen, classes));
        Ok(Some(chain))
    }
}

/// A chain in words: `chain of conv2/5: image → conv1/3 → conv2/5 (41 %) → cat (23 %)`.
fn told(chain: &DiagramTrace, of: &DiagramEnd, classes: &[String]) -> String {
    let name = |end: &DiagramEnd| match end {
        DiagramEnd::Input => "image".to_owned(),
        DiagramEnd::Filter(at) => format!("{}/{}", at.layer, at.filter.number),
        DiagramEnd::Output(place) => classes.get(*place).cloned().unwrap_or_else(|| format!("output {place}")),
    };
    let of = name(of);
    let Some(first) = chain.links.first() else {
        return format!("chain of {of}: nothing excites it, and it excites nothing");
    };
    let mut words = format!("chain of {of}: {}", name(&first.from));
    for link in &chain.links {
        words.push_str(&format!(" → {}", name(&link.to)));
        // All that a first layer reads is the image.
        if link.from != DiagramEnd::Input || link.share < 0.995 {
            words.push_str(&format!(" ({:.0} %)", 100.0 * link.share));
        }
    }
    words.push_str("; each with its share in what excites the next");
    if !chain.links.iter().any(|link| matches!(link.to, DiagramEnd::Output(_))) {
        words.push_str("; it ends there: what follows is zero for this image, or gets nothing from it");
    }
    words
}
