//! Operations: the units that the passes run.
//!
//! All maps between operations are dense, planar and of one image,
//! `[channel][row][column]`.

use std::fmt;
use std::ops::Range;

use revacnn_schemas::{ImageShape, ParameterState};

use crate::kernels::NonZero;

/// How the weights of an operation begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Initial {
    /// Coefficients N(0, 1/fan-in).
    Normal {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// Coefficients N(0, 2/fan-in).
    He {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// Coefficients uniform up to √(6 / (fan-in + fan-out)).
    Glorot {
        /// Inputs of one output.
        fan_in: usize,
        /// Outputs of one input.
        fan_out: usize,
    },
    /// Orthonormal filters, or coefficients where there are more filters.
    Orthogonal {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// Every coefficient this value.
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
    /// Whether there are running statistics per channel.
    pub(crate) normalises: bool,
    /// Groups of channels, each read by as many filters of its own.
    pub(crate) groups: usize,
    /// Rows and columns of a filter's coefficients for one input, where they are no square.
    pub(crate) kernel: Option<[usize; 2]>,
    /// What biases begin with.
    pub(crate) bias: f32,
}

impl ParameterShape {
    /// Filters that read every channel, and begin with biases of 0.
    pub(crate) fn weights(filters: usize, coefficients: usize, initial: Initial) -> Self {
        Self { filters, coefficients, initial, decays: true, normalises: false, groups: 1, kernel: None, bias: 0.0 }
    }

    /// A scale and a shift for each of some channels.
    pub(crate) fn scales(channels: usize) -> Self {
        Self { decays: false, ..Self::weights(channels, 1, Initial::Constant(1.0)) }
    }
}

/// Weights laid out for the kernels, made once per step.
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
    /// The gradient of a map that several operations read, as far as one of them goes.
    pub(crate) partial: Vec<f32>,
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

    /// Whether it is max(x, 0).
    fn is_relu(&self) -> bool {
        false
    }

    /// Numbers per image that live from its forward to its backward pass.
    fn scratch_len(&self) -> usize {
        0
    }

    /// Positions per image that live from its forward to its backward pass.
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

    /// Computes the output of one image from the maps that it reads, in order, where it
    /// reads several: then it is asked for this and not for [`forward`](Self::forward).
    fn gather(&self, _inputs: &mut dyn Iterator<Item = &[f32]>, _output: &mut [f32]) {
        unreachable!("invariant: what reads several maps gathers them")
    }

    /// Which part of the output's gradient is that of the `input`-th map, where it reads
    /// several: then it is asked for this and not for [`backward`](Self::backward).
    fn part_of(&self, _input: usize) -> Range<usize> {
        unreachable!("invariant: what reads several maps gathers them")
    }

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

/// The sum of some numbers.
///
/// # Determinism
/// Eight running sums, number i to sum i mod 8, added up in order.
pub(super) fn sum_of(values: impl Iterator<Item = f64>) -> f64 {
    let mut lanes = [0.0_f64; 8];
    for (place, value) in values.enumerate() {
        lanes[place % 8] += value;
    }
    lanes.iter().sum()
}
