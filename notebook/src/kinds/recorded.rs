//! What was recorded of a step: a row a layer, or a row a filter of one of them.

use revacnn_schemas::statistics::{mean_absolute, norm, sum};
use revacnn_schemas::{Address, Figure, FilterNumber, LayerName, LayerTopology, TableFigure, count};
use revacnn_store::StepTensors;
use serde::{Deserialize, Serialize};

use super::table::{dash, table};
use crate::sources::unknown_layer;
use crate::{CellKind, Context, NotebookError};

/// What was recorded of a step's layers, or of the filters of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The step.
    pub at: Address,
    /// The layer whose filters are shown; all layers where `None`.
    pub layer: Option<LayerName>,
    /// One of its filters.
    pub filter: Option<FilterNumber>,
}

impl CellKind for Recorded {
    const KIND: &'static str = "recorded";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.place(&self.at)?;
        let record = &place.holder;
        let layers: Vec<LayerTopology> = record.topology.layers_with_filters().cloned().collect();
        let chosen = self.layer.as_ref().map(|name| layers.iter().position(|layer| layer.layer == *name));
        let chosen = match chosen {
            Some(None) => return Err(unknown_layer(self.layer.as_ref().unwrap_or(&layers[0].layer), record)),
            Some(place) => place,
            None => None,
        };
        let tensors = context.tensors(&place, None)?;
        let frozen = context.frozen(&place).unwrap_or_default();
        let mut frozen: Vec<(LayerName, Vec<bool>)> =
            record.topology.parameter_layers().map(|layer| layer.layer.clone()).zip(frozen).collect();
        frozen.retain(|(_, frozen)| frozen.contains(&true));
        let mut table = match chosen {
            None => layers_at_step(&layers, &tensors, &frozen),
            Some(at) => {
                let layer = &layers[at];
                let has = |filter: &FilterNumber| layer.filters.iter().any(|known| known.number == *filter);
                if let Some(filter) = self.filter.filter(|filter| !has(filter)) {
                    let known: Vec<String> = layer.filters.iter().map(|known| known.number.to_string()).collect();
                    let what = format!("{} has no filter {filter} at {}", layer.layer, place.label());
                    return Err(NotebookError::Unknown { what, known: format!("there is {}", known.join(", ")) });
                }
                filters_at_step(layer, self.filter, &tensors, &frozen)
            }
        };
        let row = context.holder(&place)?.step_row(place.step)?;
        let seen = count(row.cursor.images_seen);
        table.title = format!("{}: {} after {seen} images", place.label(), table.title);
        if let Some(loss) = row.loss {
            let accuracy =
                row.live_accuracy.map_or_else(String::new, |share| format!(", live accuracy {:.1} %", 100.0 * share));
            table.notes.insert(0, format!("loss {loss:.4}{accuracy}; digest {}", row.digest));
        }
        Ok(Figure::Table(table))
    }
}

/// A row a layer. Which filters are frozen is said of the layers that have such.
pub fn layers_at_step(
    layers: &[LayerTopology],
    tensors: &StepTensors,
    frozen: &[(LayerName, Vec<bool>)],
) -> TableFigure {
    let row = |layer: &LayerTopology| {
        let own = tensors.layer(&layer.layer);
        let gradients = own.and_then(|own| own.gradients.as_ref());
        let blocks: Vec<&[f32]> = tensors.block(&layer.layer).map(|block| &block.activations[..]).collect();
        let zeros = blocks.iter().flat_map(|map| map.iter()).filter(|value| **value == 0.0).count();
        let values: usize = blocks.iter().map(|map| map.len()).sum();
        let of_frozen = of_layer(frozen, layer).iter().filter(|frozen| **frozen).count();
        let of_frozen = match (of_frozen, layer.filters.len()) {
            (0, _) => dash(),
            (frozen, filters) if frozen == filters => "all".to_owned(),
            (frozen, _) => count(frozen as u64),
        };
        let mut row = vec![
            layer.layer.to_string(),
            layer.kind.clone(),
            count(layer.filters.len() as u64),
            count(layer.coefficients.unwrap_or(0) as u64),
            own.map_or_else(dash, |own| short(norm(&own.weights) as f32)),
            gradients.map_or_else(dash, |gradients| short(norm(&gradients.weights) as f32)),
            layer.map.map_or_else(dash, |[rows, columns]| format!("{rows}×{columns}")),
            if values == 0 { dash() } else { format!("{:.1} %", 100.0 * zeros as f32 / values as f32) },
        ];
        row.extend(Some(of_frozen).filter(|_| !frozen.is_empty()));
        row
    };
    let mut columns = vec![
        ("layer", false),
        ("kind", false),
        ("filters", true),
        ("coefficients each", true),
        ("‖weights‖", true),
        ("‖gradient‖", true),
        ("map", true),
        ("zeros in map", true),
    ];
    columns.extend(Some(("frozen", true)).filter(|_| !frozen.is_empty()));
    table("layers", &columns, layers.iter().map(row).collect())
}

/// A row a filter of a layer, or of one of them alone.
pub fn filters_at_step(
    layer: &LayerTopology,
    filter: Option<FilterNumber>,
    tensors: &StepTensors,
    frozen: &[(LayerName, Vec<bool>)],
) -> TableFigure {
    let own = tensors.layer(&layer.layer);
    let coefficients = layer.coefficients.unwrap_or(0);
    let frozen = of_layer(frozen, layer);
    let filters =
        layer.filters.iter().enumerate().filter(|(_, known)| filter.is_none_or(|filter| filter == known.number));
    let rows = filters.map(|(position, identity)| {
        let range = position * coefficients..(position + 1) * coefficients;
        let weights = own.map(|own| &own.weights[range.clone()]).unwrap_or_default();
        let gradients = own.and_then(|own| own.gradients.as_ref()).filter(|gradients| !gradients.frozen[position]);
        let activation = layer.map.map(|[rows, columns]| {
            let map = rows * columns;
            let images = tensors.probes.len().max(1) as f64;
            let maps = tensors.block(&layer.layer);
            (maps.map(|block| sum(&block.activations[position * map..][..map])).sum::<f64>() / images) as f32
        });
        let mut row = vec![
            format!("{}/{}", layer.layer, identity.number),
            own.map_or_else(dash, |_| short(norm(weights) as f32)),
            own.map_or_else(dash, |own| short(own.biases[position])),
            gradients.map_or_else(dash, |gradients| short(mean_absolute(&gradients.weights[range]) as f32)),
            activation.map_or_else(dash, short),
        ];
        let is_frozen = frozen.get(position).copied().unwrap_or(false);
        row.extend(Some(if is_frozen { "yes" } else { "no" }.to_owned()).filter(|_| !frozen.is_empty()));
        row
    });
    let mut columns = vec![
        ("filter", false),
        ("‖weights‖", true),
        ("bias", true),
        ("mean |gradient|", true),
        ("activation sum", true),
    ];
    columns.extend(Some(("frozen", false)).filter(|_| !frozen.is_empty()));
    table(&format!("filters of {}", layer.layer), &columns, rows.collect())
}

/// Which filters of a layer are frozen; none where that is empty.
fn of_layer<'a>(frozen: &'a [(LayerName, Vec<bool>)], layer: &LayerTopology) -> &'a [bool] {
    frozen.iter().find(|(name, _)| *name == layer.layer).map_or(&[], |(_, frozen)| frozen)
}

/// Four significant digits.
fn short(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) { format!("{value:.3e}") } else { format!("{value:.4}") }
}
