//! Networks of ConvNetJS in JSON, as its `net.toJSON()` writes and `net.fromJSON()` reads them.
//!
//! A volume there is `[row][column][channel]`. Layers have no names: they are known by their
//! places.
//!
//! Source: ConvNetJS, `convnet_vol.js` and `convnet_layers_*.js`.

mod numbers;

use std::path::Path;

use revacnn_schemas::{ClassOutputs, ImageShape};
use serde::{Deserialize, Serialize};

use self::numbers::Numbers;
use super::ExchangeError;
use super::arrays::Arrays;
use super::export::{ExportedNetwork, no_form};
use super::form::{Form, PoolMethod};
use super::graph::{Graph, Node};
use super::placing::{BIAS, WEIGHT};
use crate::layers::class_outputs;

const PROGRAM: &str = "ConvNetJS";

/// A network.
#[derive(Debug, Serialize, Deserialize)]
struct Net {
    layers: Vec<JsonLayer>,
}

/// The kinds of layers, by the words that are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Input,
    Conv,
    Fc,
    Pool,
    Relu,
    Tanh,
    Sigmoid,
    Lrn,
    Maxout,
    Softmax,
    Svm,
    Regression,
    /// What is read past: it has no arrays.
    #[default]
    #[serde(other)]
    Other,
}

/// A layer: what all have, and what some do.
#[derive(Debug, Default, Serialize, Deserialize)]
struct JsonLayer {
    layer_type: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_depth: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_sx: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_sy: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sx: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sy: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pad: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_depth: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_inputs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_decay_mul: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l2_decay_mul: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<Vec<Volume>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biases: Option<Volume>,
}

/// A volume: `[row][column][channel]`.
#[derive(Debug, Serialize, Deserialize)]
struct Volume {
    sx: usize,
    sy: usize,
    depth: usize,
    w: Numbers,
}

/// The bytes of a network; what is left out is noted.
pub(super) fn bytes(
    network: &ExportedNetwork<'_>,
    graph: &Graph<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, ExchangeError> {
    if !graph.is_chain() {
        let reader = graph.nodes.iter().find(|node| node.reads.len() != 1).or(graph.nodes.last());
        let reader = reader.expect("invariant: a network has a layer").layer;
        return Err(no_form(PROGRAM, reader, ", which reads others than the one before it"));
    }
    let input = network.definition.input;
    let mut layers = vec![JsonLayer { layer_type: Kind::Input, ..placed(input) }];
    for node in &graph.nodes {
        if let Form::Dropout { .. } = node.form {
            notes.push(format!(
                "{} is left out: {PROGRAM} scales what dropout keeps in evaluation, and this program in training",
                node.name
            ));
            continue;
        }
        layers.push(layer(network, node)?);
    }
    // Other losses than softmax's are layers there that pass their input on.
    let outputs = network.definition.network.layers.last().map(class_outputs);
    let loss = outputs.and_then(|outputs| match outputs {
        ClassOutputs::Probabilities => None,
        ClassOutputs::Scores => Some(Kind::Svm),
        ClassOutputs::Values | ClassOutputs::Image => Some(Kind::Regression),
    });
    if outputs == Some(ClassOutputs::Image) && input.channels > 1 {
        notes.push(format!(
            "the values that come out are in the order [channel][row][column], where a volume of {PROGRAM} is \
             [row][column][channel]"
        ));
    }
    if let Some((layer_type, node)) = loss.zip(graph.nodes.last()) {
        layers.push(JsonLayer { layer_type, num_inputs: Some(node.output.len()), ..placed(node.output) });
    }
    serde_json::to_vec(&Net { layers }).map_err(|error| ExchangeError::unwritable(PROGRAM)(&error))
}

/// A layer with this output.
fn placed(output: ImageShape) -> JsonLayer {
    JsonLayer {
        out_depth: Some(output.channels),
        out_sx: Some(output.width),
        out_sy: Some(output.height),
        ..JsonLayer::default()
    }
}

fn layer(network: &ExportedNetwork<'_>, node: &Node<'_>) -> Result<JsonLayer, ExchangeError> {
    let base = placed(node.output);
    let of = |layer_type| JsonLayer { layer_type, ..placed(node.output) };
    let lacks = |reason: &str| Err(no_form(PROGRAM, node.layer, reason));
    let square = match &node.form {
        Form::Convolution { groups: 1, window, .. } | Form::Pool { window, .. } => window.as_square(),
        _ => None,
    };
    Ok(match (&node.form, square) {
        (Form::Convolution { .. }, Some(window)) => JsonLayer {
            layer_type: Kind::Conv,
            sx: Some(window.kernel),
            sy: Some(window.kernel),
            stride: Some(window.stride),
            pad: Some(window.pad),
            in_depth: Some(node.input.channels),
            ..with_arrays(
                network,
                node,
                ImageShape { height: window.kernel, width: window.kernel, ..node.input },
                base,
            )?
        },
        (Form::Convolution { .. }, None) => {
            return lacks(" with groups, dilation, or what differs by side");
        }
        (Form::FullyConnected { .. }, _) => JsonLayer {
            layer_type: Kind::Fc,
            num_inputs: Some(node.input.len()),
            ..with_arrays(network, node, node.input, base)?
        },
        (Form::Pool { method: PoolMethod::Max, .. }, Some(window)) => JsonLayer {
            sx: Some(window.kernel),
            sy: Some(window.kernel),
            stride: Some(window.stride),
            pad: Some(window.pad),
            in_depth: Some(node.input.channels),
            ..of(Kind::Pool)
        },
        (Form::Relu, _) => of(Kind::Relu),
        (Form::Tanh, _) => of(Kind::Tanh),
        (Form::Sigmoid, _) => of(Kind::Sigmoid),
        (Form::LocalResponse { size, alpha, beta, k }, _) if !size.is_multiple_of(2) => {
            JsonLayer { k: Some(*k), n: Some(*size), alpha: Some(*alpha), beta: Some(*beta), ..of(Kind::Lrn) }
        }
        (Form::LocalResponse { .. }, _) => return lacks(" of an even size"),
        (Form::Maxout { pieces }, _) => JsonLayer { group_size: Some(*pieces), ..of(Kind::Maxout) },
        (Form::Softmax, _) => JsonLayer { num_inputs: Some(node.input.len()), ..of(Kind::Softmax) },
        (Form::Pool { .. } | Form::GlobalAverage, _) => return lacks(", which takes the mean of a window"),
        (
            Form::Own
            | Form::LeakyRelu
            | Form::Gelu
            | Form::LayerNorm { .. }
            | Form::BatchNorm { .. }
            | Form::Dropout { .. }
            | Form::Add
            | Form::Concat,
            _,
        ) => return lacks(""),
    })
}

/// Adds filters and biases; `seen` is what a filter reads.
fn with_arrays(
    network: &ExportedNetwork<'_>,
    node: &Node<'_>,
    seen: ImageShape,
    base: JsonLayer,
) -> Result<JsonLayer, ExchangeError> {
    let state = network.state_of(node.layer);
    for (part, values) in [(WEIGHT, &state.weights), (BIAS, &state.biases)] {
        let count = values.iter().filter(|value| !value.is_finite()).count();
        if count > 0 {
            return Err(ExchangeError::NotFinite { program: PROGRAM, array: format!("{}.{part}", node.name), count });
        }
    }
    // A product reads a column of values there, in the order of a volume.
    let is_product = matches!(node.form, Form::FullyConnected { .. });
    let (sx, sy, depth) = if is_product { (1, 1, seen.len()) } else { (seen.width, seen.height, seen.channels) };
    let filters = state.weights.chunks_exact(seen.len()).map(|filter| Volume {
        sx,
        sy,
        depth,
        w: Numbers(to_volume(filter, seen)),
    });
    let factor =
        |name: &str| node.layer.parameters.get(name).and_then(serde_json::Value::as_f64).map(|factor| factor as f32);
    Ok(JsonLayer {
        l1_decay_mul: Some(factor("l1_decay_factor").unwrap_or(0.0)),
        l2_decay_mul: Some(factor("weight_decay_factor").unwrap_or(1.0)),
        filters: Some(filters.collect()),
        biases: Some(Volume { sx: 1, sy: 1, depth: state.biases.len(), w: Numbers(state.biases.clone()) }),
        ..base
    })
}

/// `[channel][row][column]` as `[row][column][channel]`.
fn to_volume(values: &[f32], shape: ImageShape) -> Vec<f32> {
    let map = shape.height * shape.width;
    (0..map).flat_map(|pixel| (0..shape.channels).map(move |channel| values[channel * map + pixel])).collect()
}

/// `[row][column][channel]` as `[channel][row][column]`.
fn from_volume(values: &[f32], shape: ImageShape) -> Vec<f32> {
    let map = shape.height * shape.width;
    (0..shape.channels)
        .flat_map(|channel| (0..map).map(move |pixel| values[pixel * shape.channels + channel]))
        .collect()
}

/// The arrays of a network; layers are called by their places.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Arrays, ExchangeError> {
    let expected = "a network of ConvNetJS in JSON";
    let net: Net = serde_json::from_slice(bytes).map_err(|error| ExchangeError::damaged(path, expected, error))?;
    let mut arrays = Arrays::default();
    let mut before = None;
    for (place, layer) in net.layers.into_iter().enumerate() {
        let damaged = |expected: &str, found: String| {
            Err(ExchangeError::damaged(path, format!("{expected} of layer {place}"), found))
        };
        let output = match (layer.out_depth, layer.out_sy, layer.out_sx) {
            (Some(channels), Some(height), Some(width)) => Some(ImageShape { channels, height, width }),
            _ => None,
        };
        let input = std::mem::replace(&mut before, output);
        let Some(filters) = layer.filters else { continue };
        let Some(biases) = layer.biases else { return damaged("biases", "none".to_owned()) };
        let Some(first) = filters.first().map(|first| [first.depth, first.sy, first.sx]) else {
            return damaged("filters", "none".to_owned());
        };
        let (shape, seen) = match layer.num_inputs {
            None => (vec![filters.len(), first[0], first[1], first[2]], Some(first)),
            Some(inputs) => (vec![filters.len(), inputs], input.map(|seen| [seen.channels, seen.height, seen.width])),
        };
        let each: Option<usize> = shape[1..].iter().try_fold(1, |product: usize, length| product.checked_mul(*length));
        let values_of =
            |seen: &[usize; 3]| seen.iter().try_fold(1, |product: usize, length| product.checked_mul(*length));
        let Some([channels, height, width]) = seen.filter(|seen| values_of(seen) == each) else {
            return damaged("a size of the layer before that gives the inputs", format!("{seen:?} before {shape:?}"));
        };
        let is_whole =
            |filter: &&Volume| [filter.depth, filter.sy, filter.sx] == first && Some(filter.w.0.len()) == each;
        if let Some(other) = filters.iter().find(|filter| !is_whole(filter)) {
            let found = format!("one of {} numbers, {}×{}×{}", other.w.0.len(), other.sx, other.sy, other.depth);
            return damaged(&format!("filters of {} numbers", each.unwrap_or_default()), found);
        }
        if biases.w.0.len() != filters.len() {
            return damaged(&format!("{} biases", filters.len()), biases.w.0.len().to_string());
        }
        let seen = ImageShape { channels, height, width };
        let weights = format!("{place}.{WEIGHT}");
        arrays.admit(path, &weights, &shape)?;
        arrays.insert(weights, shape, filters.iter().flat_map(|filter| from_volume(&filter.w.0, seen)).collect());
        let (name, each) = (format!("{place}.{BIAS}"), vec![biases.w.0.len()]);
        arrays.admit(path, &name, &each)?;
        arrays.insert(name, each, biases.w.0);
    }
    Ok(arrays)
}
