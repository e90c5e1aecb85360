//! A network's layers as operations that other programs have, each with what it reads.

use revacnn_schemas::{ImageShape, LayerSpec, NetworkSpec};

use super::form::Form;
use crate::TrainerError;
use crate::layers;
use crate::network::Network;

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
    /// The graph of a resolved network as it was built. What follows a layer's first operation goes
    /// value by value.
    pub(super) fn of(network: &'a NetworkSpec, built: &Network) -> Result<Self, TrainerError> {
        let mut graph = Self { nodes: Vec::new() };
        // What stands for the output of each layer.
        let mut outputs: Vec<Read> = Vec::with_capacity(network.layers.len());
        for (place, layer) in network.layers.iter().enumerate() {
            let name = layer.name.as_ref().map_or("", |name| name.as_str());
            let read = built.sources[place].iter().map(|source| source.map_or(Read::Images, |at| outputs[at]));
            let mut reads: Vec<Read> = read.collect();
            let (mut input, output) = (built.inputs[place], built.outputs[place]);
            for (nth, form) in (layers::kind(&layer.kind)?.forms)(layer, input)?.into_iter().enumerate() {
                let own = if nth == 0 { name.to_owned() } else { graph.free_name(network, name, &form) };
                let next = vec![Read::Node(graph.nodes.len())];
                graph.nodes.push(Node {
                    name: own,
                    layer,
                    is_first: nth == 0,
                    form,
                    reads: std::mem::replace(&mut reads, next),
                    input,
                    output,
                });
                input = output;
            }
            outputs.push(reads[0]);
        }
        Ok(graph)
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
