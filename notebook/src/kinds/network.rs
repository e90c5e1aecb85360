//! The network with a node a filter.

use std::collections::HashMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use revacnn_analysis::{sums, top_half, zero_shares};
use revacnn_schemas::{
    Address, ClassOutput, ClassOutputs, DiagramColumn, DiagramEdge, DiagramJoint, DiagramNode, DiagramPart, Figure,
    FilterNumber, LayerName, LayerSpec, LayerTopology, NetworkDiagram, Table, Topology, statistics,
};
use revacnn_store::{Selection, StepSpan, StepTensors};
use revacnn_trainer::data::{Split, decode};
use revacnn_trainer::describe_layer;
use serde::{Deserialize, Serialize};

use ndarray::ArrayView2;

use super::curve::outputs_of;
use super::layer::{block_of, mean_of, picture, range};
use super::pictured::{image_of, label_at, pictured, reconstructed};
use super::trace::Traced;
use crate::look::number;
use crate::sources::Place;
use crate::{CellKind, ChosenImage, Context, NotebookError, Show, Source};

/// The columns of `filters` that a node tells, after those that name it.
const COLUMNS: [&str; 5] = ["layer", "filter", "mean_abs_gradient", "weight_norm", "update_ratio"];

/// The network with a node a filter. Of several branches the first one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// What the nodes show.
    pub show: Show,
    /// The filter whose strongest chain stands out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Traced>,
}

impl CellKind for Network {
    const KIND: &'static str = "network";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        diagram(context, &place, self.show, self.trace.as_ref()).map(Figure::Network)
    }
}

fn diagram(
    context: &mut Context<'_>,
    place: &Place,
    show: Show,
    traced: Option<&Traced>,
) -> Result<NetworkDiagram, NotebookError> {
    let mut notes = Vec::new();
    // Without the data, a chosen image is not seen, but all that is recorded is.
    let seen = context.seen(place, &mut notes);
    let image = place.image(context.image());
    let dataset = context.data_at_hand(&place.holder);
    let own = image.as_ref().and_then(ChosenImage::own);
    if seen.is_some()
        && let Err(reason) = &dataset
    {
        let lacking = if own.is_some() { "no class names" } else { "no image and no class names" };
        notes.push(format!("{lacking}: {reason}"));
    }
    let tensors = context.tensors(place, seen.as_ref())?;
    let recorded = recorded(context, place)?;
    let frozen = frozen(context, place, &tensors);
    let topology = &place.holder.topology;
    let blocks: Vec<_> = topology.blocks().collect();
    let (mut columns, mut are_means) = (Vec::new(), false);
    for layer in &blocks[..blocks.len().saturating_sub(1)] {
        let Some(weights) = tensors.layer(&layer.layer) else { continue };
        let block = seen.as_ref().and_then(|image| block_of(&tensors, &layer.layer, Some(image)));
        let filters = layer.filters.len();
        let length = weights.weights.len() / filters.max(1);
        let maps = block.and_then(|block| {
            ArrayView2::from_shape((filters, block.activations.len() / filters.max(1)), &block.activations).ok()
        });
        let (total, zeros) = (maps.map(sums), maps.map(zero_shares));
        let top = total.as_deref().map(top_half);
        let (source, values) = match (show, block) {
            (Show::Maps, Some(block)) => (Source::Activations, &block.activations),
            _ => (Source::Weights, &weights.weights),
        };
        let range = range(values.iter(), source);
        let each = values.len() / filters.max(1);
        are_means |= mean_of(place, layer, each, source).is_some();
        let nodes = layer.filters.iter().enumerate().map(|(position, filter)| {
            let [gradient, norm, ratio] =
                recorded.get(&(layer.layer.to_string(), filter.number)).copied().unwrap_or_default();
            let own = &weights.weights[position * length..(position + 1) * length];
            let values = &values[position * each..(position + 1) * each];
            DiagramNode {
                filter: filter.clone(),
                image: Some(picture(place, layer, position, values, source, range)),
                mean_abs_gradient: gradient,
                weight_norm: norm.unwrap_or_else(|| statistics::norm(own) as f32),
                update_ratio: ratio,
                activation_sum: total.as_ref().map(|total| total[position] as f32),
                zero_share: zeros.as_ref().map(|zeros| zeros[position] as f32),
                top_half: top.as_ref().is_some_and(|top| top[position]),
                frozen: frozen.get(&layer.layer).is_some_and(|frozen| frozen.get(position) == Some(&true)),
                new: filter.born.as_ref() == Some(&place.holder.id) && place.holder.parent.is_some(),
            }
        });
        columns.push(DiagramColumn {
            layer: layer.layer.clone(),
            description: match place.holder.definition() {
                Some(definition) => describe(&definition.network.layers, topology, &layer.layer),
                None => layer.kind.clone(),
            },
            layers: block_layers(topology, &layer.layer),
            nodes: nodes.collect(),
            groups: layer.groups,
        });
    }
    if are_means {
        notes.push(
            "where a layer reads several maps, each picture is the mean of a filter's kernels for them".to_owned(),
        );
    }
    let classes = blocks.last().map_or(0, |layer| layer.filters.len());
    let names = dataset.as_ref().map(|dataset| dataset.class_names().to_vec());
    let names = names.unwrap_or_else(|_| (0..classes).map(|class| format!("class {class}")).collect());
    let outputs = outputs_of(&place.holder);
    let last =
        blocks.last().zip(seen.as_ref()).and_then(|(layer, image)| block_of(&tensors, &layer.layer, Some(image)));
    // Where the network cannot look at a picture of a person's own, a note says so.
    let own = own.and_then(|picture| Some((picture, place.pictured(picture).ok()?)));
    let of_data = image.as_ref().and_then(ChosenImage::index).zip(dataset.as_ref().ok());
    let reconstruction = match (last, place.holder.definition()) {
        (Some(block), Some(definition)) if !outputs.are_of_classes() => {
            let target = match (&own, of_data) {
                (Some((_, (_, bytes))), _) => Some(bytes.to_vec()),
                (None, Some((image, dataset))) => Some(dataset.train().image(image)?.to_vec()),
                (None, None) => None,
            };
            let loss =
                target.map_or_else(String::new, |target| format!("loss {}", number(loss(&block.activations, &target))));
            reconstructed(definition.input, &block.activations, loss)
        }
        _ => None,
    };
    let classes = last.filter(|_| outputs.are_of_classes()).map_or_else(Vec::new, |block| {
        let values = names.iter().zip(&block.activations);
        values.map(|(name, &value)| ClassOutput { name: name.clone(), value }).collect()
    });
    let input = match own {
        Some((picture, (shape, bytes))) => Some((None, image_of(&bytes, shape, format!("picture {picture}")))),
        None => of_data
            .map(|(image, dataset)| Ok::<_, NotebookError>((Some(image), pictured(dataset, dataset.train(), image)?)))
            .transpose()?,
    };
    let label = of_data.map(|(image, dataset)| label_at(place, dataset, Split::Train, image)).transpose()?;
    let label = label.map(|class| class as usize);
    let (joints, edges) = edges(topology, &columns);
    let trace = match traced {
        Some(traced) => traced.chain(context, place, seen.as_ref(), &names, &mut notes)?,
        None => None,
    };
    let seen = seen.map_or_else(String::new, |image| format!(", {image}"));
    let title = format!("network of {}{seen}", place.label());
    Ok(NetworkDiagram {
        title,
        branch: place.name.clone(),
        hue: place.hue,
        step: place.step,
        input,
        label,
        joints,
        edges,
        trace,
        class_layer: class_layer(topology, outputs),
        columns,
        classes,
        reconstruction: reconstruction.map(Box::new),
        outputs,
        notes,
    })
}

/// The layer whose filters are the classes.
pub(super) fn class_layer(topology: &Topology, outputs: ClassOutputs) -> Option<LayerName> {
    topology.class_layer().filter(|_| outputs.are_of_classes()).map(|layer| layer.layer.clone())
}

/// The squared error of what a network gives back of an image, ½Σ(y − x)².
fn loss(values: &[f32], image: &[u8]) -> f64 {
    let mut target = vec![0.0; image.len()];
    decode(image, &mut target);
    let squares = values.iter().zip(&target).map(|(value, target)| f64::from(value - target).powi(2));
    0.5 * squares.sum::<f64>()
}

/// Which filters are frozen, by layer. Gradients tell it; at a branch's first
/// step, which has none, the state of training does.
fn frozen(context: &mut Context<'_>, place: &Place, tensors: &StepTensors) -> HashMap<LayerName, Vec<bool>> {
    let layers = place.holder.topology.parameter_layers().map(|layer| (layer.layer.clone(), layer.filters.len()));
    if place.step == place.holder.first_step() {
        if place.holder.parent.is_none() {
            return HashMap::new();
        }
        let state = context.frozen(place).unwrap_or_default();
        return layers.map(|(layer, _)| layer).zip(state).collect();
    }
    let told = |(layer, filters): (LayerName, usize)| {
        let gradients = tensors.layer(&layer)?.gradients.as_ref();
        let frozen = gradients.map_or_else(|| vec![true; filters], |gradients| gradients.frozen.clone());
        Some((layer, frozen))
    };
    layers.filter_map(told).collect()
}

/// The recorded statistics of a step, by layer and filter.
type Statistics = HashMap<(String, FilterNumber), [Option<f32>; 3]>;

fn recorded(context: &mut Context<'_>, place: &Place) -> Result<Statistics, NotebookError> {
    let reader = context.holder(place)?;
    let batch = reader.read_columns(Table::Filters, StepSpan::of(place.step), &Selection::all(), &COLUMNS)?;
    let [layers, numbers, statistics @ ..] =
        COLUMNS.map(|name| batch.column_by_name(name).expect("invariant: the columns that were read"));
    let (layers, numbers) = (layers.as_string::<i32>(), numbers.as_primitive::<Int32Type>());
    let statistics = statistics.map(|column| column.as_primitive::<Float32Type>());
    let rows = (0..batch.num_rows()).map(|row| {
        let number = FilterNumber(u32::try_from(numbers.value(row)).unwrap_or_default());
        let values = statistics.map(|column| column.is_valid(row).then(|| column.value(row)));
        ((layers.value(row).to_owned(), number), values)
    });
    Ok(rows.collect())
}

/// What makes channels of several layers, and what reads what, in a network in which a layer
/// reads another than the one before it.
pub(super) fn edges(topology: &Topology, columns: &[DiagramColumn]) -> (Vec<DiagramJoint>, Vec<DiagramEdge>) {
    if topology.layers.iter().all(|layer| layer.reads.is_empty()) {
        return (Vec::new(), Vec::new());
    }
    let (mut joints, mut edges) = (Vec::new(), Vec::new());
    let mut parts: HashMap<usize, DiagramPart> = HashMap::new();
    let column_of = |layer: &LayerName| columns.iter().position(|column| column.layer == *layer);
    let blocks: Vec<usize> = (0..topology.layers.len()).filter(|place| topology.layers[*place].map.is_some()).collect();
    let mut seen = 0;
    for &block in &blocks {
        let layer = &topology.layers[block];
        // A layer without coefficients that reads one is of that one's column.
        let own = column_of(&layer.layer);
        if own.is_none() && layer.reads.len() < 2 && Some(&block) != blocks.last() {
            let read = topology.read_by(block).first().and_then(|place| topology.block_of(*place));
            let part = read.and_then(|read| parts.get(&read)).copied().unwrap_or(DiagramPart::Input);
            parts.insert(block, part);
            continue;
        }
        let part = match own {
            Some(column) => {
                seen = column + 1;
                DiagramPart::Column(column)
            }
            None if Some(&block) == blocks.last() => DiagramPart::Classes,
            None => {
                let made_of = topology.made_of(block);
                // A sum has as many channels as what it adds, be one of these the images.
                let adds =
                    made_of.iter().flatten().all(|(part, _)| topology.layers[*part].filters.len() == made_of.len());
                let layers = block_layers(topology, &layer.layer);
                joints.push(DiagramJoint { layer: layer.layer.clone(), layers, adds, after: seen });
                DiagramPart::Joint(joints.len() - 1)
            }
        };
        // A layer before it is left out of what it reads where that is the images.
        let read = topology.read_by(block);
        let reads_images = read.is_empty() || read.len() < layer.reads.len();
        let from = read.into_iter().map(|place| topology.block_of(place));
        let from = from.map(|place| place.and_then(|place| parts.get(&place)).copied().unwrap_or(DiagramPart::Input));
        let from: Vec<DiagramPart> = from.chain(reads_images.then_some(DiagramPart::Input)).collect();
        edges.extend(from.into_iter().map(|from| DiagramEdge { from, to: part }));
        parts.insert(block, part);
    }
    (joints, edges)
}

/// A layer and those that follow it, up to the next with coefficients that opens a block, or that reads
/// another.
pub(super) fn block_layers(topology: &Topology, name: &LayerName) -> Vec<LayerName> {
    let own = topology.layers.iter().skip_while(|layer| layer.layer != *name).enumerate();
    let opens = |layer: &LayerTopology| layer.map.is_some() && layer.coefficients.is_some();
    let follows = |layer: &LayerTopology| !opens(layer) && layer.reads.is_empty();
    own.take_while(|(place, layer)| *place == 0 || follows(layer)).map(|(_, layer)| layer.layer.clone()).collect()
}

/// A block in a line: `conv 5×5 · relu · pool 2×2`.
pub(super) fn describe(layers: &[LayerSpec], topology: &Topology, name: &LayerName) -> String {
    let start = layers.iter().position(|layer| layer.name.as_ref() == Some(name));
    let Some(start) = start else { return String::new() };
    let own = |block: &&LayerTopology| block.coefficients.is_some() || block.reads.len() > 1;
    let opens =
        |layer: &LayerSpec| topology.blocks().filter(own).any(|block| Some(&block.layer) == layer.name.as_ref());
    let after = layers[start + 1..].iter().take_while(|layer| !opens(layer) && layer.reads.is_empty());
    let parts = std::iter::once(&layers[start])
        .chain(after)
        .flat_map(|layer| describe_layer(layer).unwrap_or_else(|_| vec![layer.kind.clone()]));
    parts.collect::<Vec<_>>().join(" · ")
}
