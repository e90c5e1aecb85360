//! ONNX: a graph that computes the class probabilities of any number of images.

mod composed;
mod messages;

use prost::Message;
use revacnn_schemas::ClassOutputs;

use self::messages::{
    Attribute, Dimension, Entry, FLOAT, FLOAT32, INT, INTS, Model, Node as Operation, OperatorSet, Shape, Tensor,
    TensorType, Type, ValueInfo,
};
use super::ExchangeError;
use super::export::{ExportedNetwork, no_form};
use super::form::{Form, PoolMethod, Window};
use super::graph::{Graph, Node, Read};
use super::placing::{BIAS, MEAN, VARIANCE, WEIGHT};
use super::safetensors::METADATA;
use crate::layers::class_outputs;

const PROGRAM: &str = "ONNX";

/// Versions that are understood since 2021: of the operators, and of the format.
const OPERATORS: i64 = 13;
const FORMAT: i64 = 8;

/// What goes in, and what comes out.
const IMAGES: &str = "images";
const PROBABILITIES: &str = "probabilities";
/// Of a class layer without a softmax.
const SCORES: &str = "scores";
/// Of a layer that gives back the image: its values in a row, `[channel][row][column]`.
const RECONSTRUCTION: &str = "reconstruction";

/// Any number of images.
const BATCH: &str = "batch";

/// The bytes of a model.
pub(super) fn bytes(network: &ExportedNetwork<'_>, graph: &Graph<'_>, about: &str) -> Result<Vec<u8>, ExchangeError> {
    let input = network.definition.input;
    let mut writer = Writer { network, nodes: Vec::new(), tensors: Vec::new(), outputs: Vec::new(), reshaped: 0 };
    for node in &graph.nodes {
        writer.add(node)?;
    }
    let last = writer.outputs.last().map_or_else(|| IMAGES.to_owned(), |(name, _)| name.clone());
    let outputs = network.definition.network.layers.last().map(class_outputs).unwrap_or_default();
    let output = match outputs {
        ClassOutputs::Probabilities => PROBABILITIES,
        ClassOutputs::Scores | ClassOutputs::Values => SCORES,
        ClassOutputs::Image => RECONSTRUCTION,
    };
    let length = graph.nodes.last().map_or(0, |node| node.output.len());
    writer.push("Identity", output, vec![last], output, Vec::new());
    let image = [input.channels, input.height, input.width];
    let model = Model {
        ir_version: Some(FORMAT),
        producer_name: METADATA.to_owned(),
        opset_import: vec![OperatorSet { domain: String::new(), version: Some(OPERATORS) }],
        graph: Some(messages::Graph {
            node: writer.nodes,
            name: network.address(),
            initializer: writer.tensors,
            input: vec![value(IMAGES, &image)],
            output: vec![value(output, &[length])],
        }),
        metadata_props: vec![Entry { key: METADATA.to_owned(), value: about.to_owned() }],
    };
    Ok(model.encode_to_vec())
}

/// A batch of what has this shape.
fn value(name: &str, shape: &[usize]) -> ValueInfo {
    let batch = Dimension { dim_value: None, dim_param: Some(BATCH.to_owned()) };
    let each = shape.iter().map(|&length| Dimension { dim_value: Some(length as i64), dim_param: None });
    let shape = Shape { dim: std::iter::once(batch).chain(each).collect() };
    let tensor_type = TensorType { elem_type: Some(FLOAT32), shape: Some(shape) };
    ValueInfo { name: name.to_owned(), kind: Some(Type { tensor_type: Some(tensor_type) }) }
}

struct Writer<'a> {
    network: &'a ExportedNetwork<'a>,
    nodes: Vec<Operation>,
    tensors: Vec<Tensor>,
    /// The name of each operation's output, and whether that is rows of values.
    outputs: Vec<(String, bool)>,
    reshaped: usize,
}

impl Writer<'_> {
    fn add(&mut self, node: &Node<'_>) -> Result<(), ExchangeError> {
        let (mut reads, mut takes_rows) = (Vec::new(), false);
        for read in &node.reads {
            let (name, is_rows) = self.read(*read, node);
            takes_rows |= is_rows;
            reads.push(name);
        }
        // No layer's name has a point.
        let output = format!("{}.output", node.name);
        match node.form {
            Form::Gelu => self.gelu(&node.name, &reads[0], &output),
            Form::LayerNorm { epsilon } => self.layernorm(node, takes_rows, epsilon, &reads[0], &output),
            Form::Maxout { pieces } => self.maxout(node, takes_rows, pieces, &reads[0], &output),
            _ => {
                let (operator, attributes) = operator(node)?;
                if node.is_first {
                    reads.extend(self.arrays(node));
                }
                self.push(operator, &node.name, reads, &output, attributes);
            }
        }
        self.outputs.push((output, node.form.gives_rows(takes_rows)));
        Ok(())
    }

    fn push(&mut self, operator: &str, name: &str, input: Vec<String>, output: &str, attribute: Vec<Attribute>) {
        let (name, op_type) = (name.to_owned(), operator.to_owned());
        self.nodes.push(Operation { input, output: vec![output.to_owned()], name, op_type, attribute });
    }

    /// The name of what an operation reads, in the shape that it wants.
    fn read(&mut self, read: Read, node: &Node<'_>) -> (String, bool) {
        let (name, is_rows) = match read {
            Read::Images => (IMAGES.to_owned(), false),
            Read::Node(place) => self.outputs[place].clone(),
        };
        let is_product = matches!(node.form, Form::FullyConnected { .. });
        if is_rows && node.form.takes_images() {
            self.reshaped += 1;
            let reshaped = format!("reshaped.{}", self.reshaped);
            let axes = self.integers(&reshaped, "axes", &[2, 3]);
            self.push("Unsqueeze", &reshaped, vec![name, axes], &reshaped, Vec::new());
            return (reshaped, false);
        }
        if !is_rows && is_product {
            self.reshaped += 1;
            let reshaped = format!("reshaped.{}", self.reshaped);
            self.push("Flatten", &reshaped, vec![name], &reshaped, vec![int("axis", 1)]);
            return (reshaped, true);
        }
        (name, is_rows)
    }

    /// Adds a layer's arrays, and gives their names in the order in which operators read them.
    fn arrays(&mut self, node: &Node<'_>) -> Vec<String> {
        let (filters, axes) = match &node.form {
            Form::Convolution { filters, groups, window } => {
                (*filters, vec![node.input.channels / groups, window.kernel[0], window.kernel[1]])
            }
            Form::FullyConnected { units } => (*units, vec![node.input.len()]),
            Form::BatchNorm { .. } => (node.input.channels, Vec::new()),
            Form::Own
            | Form::Pool { .. }
            | Form::Relu
            | Form::Tanh
            | Form::LeakyRelu
            | Form::Sigmoid
            | Form::Gelu
            | Form::GlobalAverage
            | Form::LayerNorm { .. }
            | Form::LocalResponse { .. }
            | Form::Dropout { .. }
            | Form::Softmax
            | Form::Maxout { .. }
            | Form::Add
            | Form::Concat => return Vec::new(),
        };
        let state = self.network.state_of(node.layer);
        let axes: Vec<i64> = std::iter::once(filters).chain(axes).map(|length| length as i64).collect();
        let mut names = vec![self.floats(&node.name, WEIGHT, &axes, &state.weights)];
        names.push(self.floats(&node.name, BIAS, &axes[..1], &state.biases));
        if let Some([mean, variance]) = &state.running {
            names.push(self.floats(&node.name, MEAN, &axes[..1], mean));
            names.push(self.floats(&node.name, VARIANCE, &axes[..1], variance));
        }
        names
    }
}

/// The operator of a form, with its attributes.
fn operator(node: &Node<'_>) -> Result<(&'static str, Vec<Attribute>), ExchangeError> {
    Ok(match &node.form {
        // The last three are made of several.
        Form::Own | Form::Gelu | Form::LayerNorm { .. } | Form::Maxout { .. } => {
            return Err(no_form(PROGRAM, node.layer, ""));
        }
        Form::Convolution { groups, window, .. } => {
            let mut attributes = of_window(*window);
            attributes.extend([ints("dilations", window.dilation.into()), int("group", *groups as i64)]);
            ("Conv", attributes)
        }
        Form::FullyConnected { .. } => ("Gemm", vec![int("transB", 1)]),
        Form::Pool { method: PoolMethod::Max, window } => ("MaxPool", of_window(*window)),
        Form::Pool { method: PoolMethod::Average, window } => {
            let mut attributes = of_window(*window);
            attributes.push(int("count_include_pad", 1));
            ("AveragePool", attributes)
        }
        Form::Relu => ("Relu", Vec::new()),
        Form::Tanh => ("Tanh", Vec::new()),
        Form::LeakyRelu => ("LeakyRelu", vec![float("alpha", 0.01)]),
        Form::Sigmoid => ("Sigmoid", Vec::new()),
        Form::GlobalAverage => ("GlobalAveragePool", Vec::new()),
        Form::LocalResponse { size, .. } if size.is_multiple_of(2) => {
            return Err(no_form(PROGRAM, node.layer, " of an even size, whose channels lie otherwise there"));
        }
        Form::LocalResponse { size, alpha, beta, k } => {
            let numbers = [("alpha", *alpha), ("beta", *beta), ("bias", *k)];
            let mut attributes = vec![int("size", *size as i64)];
            attributes.extend(numbers.map(|(name, value)| float(name, value as f32)));
            ("LRN", attributes)
        }
        Form::BatchNorm { epsilon, momentum } => {
            // ONNX says how much of the old statistics stays.
            let momentum = float("momentum", (1.0 - momentum) as f32);
            ("BatchNormalization", vec![float("epsilon", *epsilon as f32), momentum])
        }
        // In evaluation values pass as they are.
        Form::Dropout { .. } => ("Identity", Vec::new()),
        Form::Softmax => ("Softmax", vec![int("axis", 1)]),
        Form::Add => ("Sum", Vec::new()),
        Form::Concat => ("Concat", vec![int("axis", 1)]),
    })
}

fn of_window(window: Window) -> Vec<Attribute> {
    let Window { kernel, stride, pad: [top, bottom, left, right], .. } = window;
    let pads = vec![top, left, bottom, right];
    vec![ints("kernel_shape", kernel.into()), ints("strides", stride.into()), ints("pads", pads)]
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value), kind: Some(INT), ..Attribute::default() }
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.to_owned(), f: Some(value), kind: Some(FLOAT), ..Attribute::default() }
}

fn ints(name: &str, values: Vec<usize>) -> Attribute {
    let ints = values.into_iter().map(|value| value as i64).collect();
    Attribute { name: name.to_owned(), ints, kind: Some(INTS), ..Attribute::default() }
}
