//! Layers: one kind a file, each with the configuration it is written with.
//!
//! A layer kind builds one or more [`Operation`]s, the units that the passes
//! run: a convolution with `activation = "relu"` is two. All maps between
//! operations are dense, planar and of one image, `[channel][row][column]`.
//!
//! # Adding a layer
//! Write a file with its configuration, its operation and a [`LayerKind`], and
//! add the kind to [`KINDS`].

mod activation;
mod batchnorm;
mod conv;
mod dropout;
mod fully_connected;
mod pool;
mod softmax;

pub(crate) use softmax::{predicted_class, softmax_loss};

use std::fmt;

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState, Parameters};
use serde::Serialize;

use crate::TrainerError;
use crate::kernels::{Instructions, NonZero};

/// Every kind of layer, in the order in which help lists them.
pub(crate) static KINDS: &[LayerKind] =
    &[conv::KIND, pool::KIND, fully_connected::KIND, activation::KIND, batchnorm::KIND, dropout::KIND, softmax::KIND];

/// A kind of layer.
pub(crate) struct LayerKind {
    /// The word in `kind = "…"`.
    pub(crate) name: &'static str,
    /// First part of the names of such layers.
    pub(crate) stem: &'static str,
    /// What the layer is to the blocks of the network.
    pub(crate) role: Role,
    /// The parameter that says how many filters it has, where that is free:
    /// edits add and remove filters of such layers.
    pub(crate) count: Option<&'static str>,
    /// The parameter that names its activation function.
    pub(crate) activation: Option<&'static str>,
    /// Builds the layer from its description.
    pub(crate) build: fn(&LayerSpec, &Place) -> Result<Built, TrainerError>,
}

/// What a layer is to a block: a convolution or fully connected layer with
/// what follows it per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Opens a block; its filters are the block's.
    Opens,
    /// Belongs to the block before it, if that is still open.
    Joins,
    /// Ends the block before it and belongs to none.
    Ends,
    /// Opens the last block: the class layer.
    Classes,
}

/// Where a layer is built.
pub(crate) struct Place {
    /// Shape of the maps that reach it.
    pub(crate) input: ImageShape,
    /// Classes of the data set.
    pub(crate) classes: usize,
    /// Instructions of the kernels.
    pub(crate) instructions: Instructions,
    /// A number that stands for the layer's name in random streams.
    pub(crate) stream: u64,
    /// Numbers of the filters whose maps reach the layer, `[channel]`.
    pub(crate) numbers: Vec<u32>,
}

/// A layer that was built.
pub(crate) struct Built {
    /// Its parameters with every default written out.
    pub(crate) parameters: Parameters,
    /// Its operations in order; the first one has the layer's weights, if any.
    pub(crate) operations: Vec<Box<dyn Operation>>,
}

impl Built {
    pub(crate) fn new(config: &impl Serialize, operations: Vec<Box<dyn Operation>>) -> Self {
        let parameters = match serde_json::to_value(config) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => unreachable!("invariant: a layer's configuration is a struct of plain values"),
        };
        Self { parameters, operations }
    }
}

/// How the weights of an operation begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Initial {
    /// Coefficients N(0, 1/fan-in), biases 0.
    Normal {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// Every coefficient this value, biases 0.
    Constant(f32),
}

/// The weights of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ParameterShape {
    /// Filters, units or channels.
    pub(crate) filters: usize,
    /// Coefficients of one filter.
    pub(crate) coefficients: usize,
    /// How they begin.
    pub(crate) initial: Initial,
    /// Whether weight decay acts on the coefficients.
    pub(crate) decays: bool,
    /// Whether there are running statistics a channel.
    pub(crate) normalises: bool,
}

/// Weights laid out for the kernels, made once a step.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) forward: Vec<f32>,
    pub(crate) backward: Vec<f32>,
}

/// Where an image stands in the training: the keys of its random draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImageContext {
    /// Whether this is a training pass (dropout on, statistics of the batch).
    pub(crate) training: bool,
    /// Whether a backward pass follows.
    pub(crate) keep: bool,
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    /// The image's place in the epoch's order.
    pub(crate) offset: u32,
}

impl ImageContext {
    /// What an evaluation pass is keyed by: no random draw, no backward pass.
    pub(crate) const EVALUATION: Self = Self { training: false, keep: false, seed: 0, epoch: 0, offset: 0 };
}

/// What an operation sees besides its maps.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) image: ImageContext,
    pub(crate) state: Option<&'a ParameterState>,
    pub(crate) packed: &'a Packed,
    /// What [`Operation::batch_statistics`] and [`Operation::batch_gradient`]
    /// left for this batch.
    pub(crate) batch: &'a [f32],
}

/// Buffers of one thread, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) nonzero: NonZero,
    pub(crate) scatter: Vec<f32>,
}

/// What one image leaves from an operation's forward to its backward pass.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) values: Vec<f32>,
    pub(crate) positions: Vec<u32>,
}

/// What a backward pass of an operation reads.
pub(crate) struct Backward<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) output: &'a [f32],
    pub(crate) grad_output: &'a [f32],
    pub(crate) scratch: &'a Scratch,
}

/// One unit of the passes. Immutable: whatever changes is in the arguments.
pub(crate) trait Operation: fmt::Debug + Send + Sync {
    /// Shape of the output map.
    fn output(&self) -> ImageShape;

    /// The weights, if there are any.
    fn parameters(&self) -> Option<ParameterShape> {
        None
    }

    /// Numbers an image that live from its forward to its backward pass.
    fn scratch_len(&self) -> usize {
        0
    }

    /// Positions an image that live from its forward to its backward pass.
    fn positions_len(&self) -> usize {
        0
    }

    /// Numbers of the accumulator of weight gradients.
    fn gradient_len(&self) -> usize {
        0
    }

    /// Lays the weights out for the kernels.
    fn pack(&self, _state: &ParameterState, _packed: &mut Packed) {}

    /// Computes the output of one image.
    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch);

    /// Computes the gradients of one image: of the input where `grad_input`
    /// is given (overwritten), of the weights where `accumulator` is (added).
    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        accumulator: Option<&mut [f32]>,
    );

    /// Writes the accumulator out: coefficients `[filter][coefficient]` and
    /// biases `[filter]`, both overwritten.
    fn unpack_gradient(&self, _accumulator: &[f32], _weights: &mut [f32], _biases: &mut [f32]) {}

    /// Numbers that the whole batch shares; not 0 for an operation that needs
    /// all images of the batch before it can go on.
    fn batch_len(&self) -> usize {
        0
    }

    /// Computes what the batch shares from every image's input, in order.
    fn batch_statistics(&self, _inputs: &[&[f32]], _batch: &mut [f32]) {}

    /// Completes what the batch shares before the backward pass, and writes
    /// the gradients of the weights.
    fn batch_gradient(
        &self,
        _images: &[(&[f32], &[f32])],
        _batch: &mut [f32],
        _weights: &mut [f32],
        _biases: &mut [f32],
    ) {
    }

    /// Moves the running statistics towards the batch's.
    fn update_running(&self, _batch: &[f32], _images: usize, _running: &mut [Vec<f32>; 2], _frozen: &[bool]) {}
}

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Result<&'static LayerKind, TrainerError> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| TrainerError::UnknownKind {
        what: "layer kind",
        found: name.to_owned(),
        known: KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
    })
}

/// An error of the layer that `spec` describes.
pub(crate) fn refuse(spec: &LayerSpec, reason: impl Into<String>) -> TrainerError {
    TrainerError::Layer {
        layer: spec.name.as_ref().map_or_else(|| "(unnamed)".to_owned(), ToString::to_string),
        kind: spec.kind.clone(),
        reason: reason.into(),
    }
}

/// Checks that `value` is in `range`.
pub(crate) fn check_range(
    spec: &LayerSpec,
    name: &str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(), TrainerError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(refuse(spec, format!("{name} must be {} to {}, found {value}", range.start(), range.end())))
}
