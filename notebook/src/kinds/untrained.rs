//! A network that nobody has trained yet: its layers and what reads what.

use revacnn_schemas::{
    BranchName, ClassOutputs, DiagramColumn, DiagramNode, FilterIdentity, Hue, Image, ImageIndex, ImageShape,
    NetworkDiagram, Palette, Step,
};
use revacnn_trainer::{Outline, class_outputs};

use super::network::{block_layers, class_layer, describe, edges};

/// The diagram of a network for images of this shape before anything is trained: a node a filter, without a
/// picture, and no classes; where the network gives back the image, that without a picture, too.
pub fn untrained(Outline { network, topology, .. }: &Outline, shape: ImageShape, name: &str) -> NetworkDiagram {
    let blocks: Vec<_> = topology.blocks().collect();
    let with_filters = blocks[..blocks.len().saturating_sub(1)].iter().filter(|layer| layer.coefficients.is_some());
    let columns: Vec<DiagramColumn> = with_filters
        .map(|layer| DiagramColumn {
            layer: layer.layer.clone(),
            description: describe(&network.layers, topology, &layer.layer),
            layers: block_layers(topology, &layer.layer),
            nodes: layer.filters.iter().map(node).collect(),
            groups: layer.groups,
        })
        .collect();
    let (joints, edges) = edges(topology, &columns);
    let outputs = network.layers.last().map_or_else(ClassOutputs::default, class_outputs);
    NetworkDiagram {
        title: format!("network {name} for images of {shape}"),
        branch: "main".parse::<BranchName>().expect("invariant: it is a name"),
        hue: Hue::default(),
        step: Step(0),
        input: Some((Some(ImageIndex(0)), blank(shape))),
        label: None,
        columns,
        class_layer: class_layer(topology, outputs),
        classes: Vec::new(),
        reconstruction: (!outputs.are_of_classes()).then(|| Box::new(blank(shape))),
        outputs,
        joints,
        edges,
        trace: None,
        notes: Vec::new(),
    }
}

/// A picture that is not there.
const GREY: f32 = 0.85;

fn blank(shape: ImageShape) -> Image {
    Image {
        label: shape.to_string(),
        filter: None,
        rows: shape.height,
        columns: shape.width,
        pixels: vec![GREY; 3 * shape.height * shape.width],
        palette: Palette::Rgb,
        range: [0.0, 1.0],
    }
}

fn node(filter: &FilterIdentity) -> DiagramNode {
    DiagramNode {
        filter: filter.clone(),
        image: None,
        mean_abs_gradient: None,
        weight_norm: 0.0,
        update_ratio: None,
        activation_sum: None,
        zero_share: None,
        top_half: false,
        frozen: false,
        new: false,
    }
}
