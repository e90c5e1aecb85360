//! A network's layers as operations that other programs have, each with what it reads.

use revacnn_schemas::{IMAGES, ImageShape, LayerSpec, NetworkSpec};

use super::form::Form;
use crate::TrainerError;
use crate::layers;

/// What an operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The images.
    Images,
    /// The output of the operation at this place.
    Node(usize),
}

/// An operation of a layer.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The layer's name; of an operation that follows its first one, with what that is.
    pub(super) name: String,
    /// The layer.
    pub(super) layer: &'a LayerSpec,
    /// Whether it has the layer's arrays.
    pub(super) is_first: bool,
    pub(super) form: Form,
    /// What it reads, at least one.
    pub(super) reads: Vec<Read>,
    /// The shape of the first of these.
    pub(super) input: ImageShape,
    pub(super) output: ImageShape,
}

/// The operations in order; each reads the images or those before it.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
}

impl<'a> Graph<'a> {
    /// The graph of a resolved network; `inputs` are the shapes that reach its layers.
    pub(super) fn of(network: &'a NetworkSpec, inputs: &[ImageShape]) -> Result<Self, TrainerError> {
        let mut graph = Self { nodes: Vec::new() };
        // What stands for the output of each layer.
        let mut outputs: Vec<(&str, Read)> = vec![(IMAGES, Read::Images)];
        // The first layer can read nothing else.
        let images = inputs.first().copied().unwrap_or(ImageShape { channels: 0, height: 0, width: 0 });
        for (layer, &reaches) in network.layers.iter().zip(inputs) {
            let name = layer.name.as_ref().map_or("", |name| name.as_str());
            let before = outputs.last().map_or(Read::Images, |(_, read)| *read);
            let named = |read: &str| outputs.iter().find(|(name, _)| *name == read).map(|(_, read)| *read);
            let mut reads: Vec<Read> = layer.reads.iter().filter_map(|read| named(read.as_str())).collect();
            if reads.is_empty() {
                reads.push(before);
            }
            let forms = (layers::kind(&layer.kind)?.forms)(layer, reaches)?;
            let mut inputs: Vec<ImageShape> = reads.iter().map(|read| graph.shape(*read, images)).collect();
            for (place, form) in forms.into_iter().enumerate() {
                let output = form.output(&inputs);
                let own = if place == 0 { name.to_owned() } else { graph.free_name(network, name, &form) };
                graph.nodes.push(Node {
                    name: own,
                    layer,
                    is_first: place == 0,
                    form,
                    reads: std::mem::replace(&mut reads, vec![Read::Node(graph.nodes.len())]),
                    input: inputs[0],
                    output,
                });
                inputs = vec![output];
            }
            outputs.push((name, reads.first().copied().unwrap_or(before)));
        }
        Ok(graph)
    }

    /// The shape of what is read; `images` is that of the images.
    pub(super) fn shape(&self, read: Read, images: ImageShape) -> ImageShape {
        match read {
            Read::Images => images,
            Read::Node(place) => self.nodes[place].output,
        }
    }

    /// Whether each operation reads the one before it alone.
    pub(super) fn is_chain(&self) -> bool {
        self.nodes
            .iter()
            .enumerate()
            .all(|(place, node)| node.reads == [place.checked_sub(1).map_or(Read::Images, Read::Node)])
    }

    /// A name for what follows a layer's first operation, such as `conv1_relu`.
    fn free_name(&self, network: &NetworkSpec, layer: &str, form: &Form) -> String {
        let mut name = format!("{layer}_{}", form.word());
        let is_taken = |name: &str| {
            let of_layer =
                network.layers.iter().any(|layer| layer.name.as_ref().is_some_and(|own| own.as_str() == name));
            of_layer || self.nodes.iter().any(|node| node.name == name)
        };
        while is_taken(&name) {
            name.push('_');
        }
        name
    }
}
