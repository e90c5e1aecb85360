//! Convolution of one image with groups, dilation, and kernels, strides and padding that differ by side.
//!
//! The square, dense case has kernels of its own in `convolution`, which are faster and whose bits are older.
//!
//! | file | concept |
//! |---|---|
//! | `shape` | what is computed, and where its numbers lie |
//! | `correlate` | the two loops that all passes are made of |

mod correlate;
mod shape;

use super::Instructions;
use super::simd::{Kernel, Simd};
use correlate::{BLOCK, SUMS, Terms, products, sums};

pub use shape::GeneralShape;

/// A convolution of one image, planned for a shape and an instruction level.
///
/// The plan is immutable, so that threads share it; what a pass writes is given by the caller.
///
/// # Determinism
///
/// The same bits at every instruction level. What a window reads outside the image counts as 0.
///
/// - forward: one chain of fused multiply-adds from the bias, over the group's channels, kernel rows, kernel columns.
/// - weight gradient: sixteen chains an image, that of place p mod 16 with p = row · plane columns + column of the
///   output, added up in order and then to the accumulator. Zeros are not skipped.
/// - data gradient: one chain from 0, over the group's filters, kernel rows, kernel columns that reach the pixel's
///   phase. Zeros are not skipped.
#[derive(Debug, Clone)]
pub struct GeneralConvolution {
    shape: GeneralShape,
    instructions: Instructions,
    /// Where the terms of a group's outputs begin in its channels' planes, `[channel][tap]`.
    forward: Vec<usize>,
    /// What reaches the planes of a channel, a plane each.
    phases: Vec<Phase>,
    /// Zeros before a filter's gradients, so that a tap can reach back.
    front: usize,
}

/// What reaches one plane of a channel.
#[derive(Debug, Clone)]
struct Phase {
    /// The taps that do.
    taps: Vec<usize>,
    /// Where their terms begin in the gradients of the group's filters, `[filter][tap]`.
    offsets: Vec<usize>,
}

impl GeneralConvolution {
    /// Plans a convolution. A level that the machine lacks is replaced by the widest below it.
    ///
    /// # Panics
    ///
    /// If a stride or dilation is zero, or the groups do not divide channels and filters.
    pub fn new(shape: GeneralShape, instructions: Instructions) -> Self {
        assert!(shape.stride.iter().chain(&shape.dilation).all(|&pixels| pixels > 0), "strides of {shape:?}");
        assert!(
            shape.groups > 0
                && shape.channels.is_multiple_of(shape.groups)
                && shape.filters.is_multiple_of(shape.groups),
            "groups of {shape:?}"
        );
        let front = (0..shape.taps()).map(|tap| shape.tap(tap).1).max().unwrap_or(0);
        let mut plan =
            Self { shape, instructions: instructions.supported(), forward: Vec::new(), phases: Vec::new(), front };
        for channel in 0..shape.group_channels() {
            plan.forward.extend((0..shape.taps()).map(|tap| {
                let (phase, shift) = shape.tap(tap);
                channel * shape.channel_len() + phase * shape.plane_len() + shift
            }));
        }
        for phase in 0..shape.phases() {
            let taps: Vec<usize> = (0..shape.taps()).filter(|&tap| shape.tap(tap).0 == phase).collect();
            let of = |filter: usize| {
                let start = filter * plan.gradient_stride() + front;
                taps.iter().map(move |&tap| start - shape.tap(tap).1)
            };
            let offsets = (0..shape.group_filters()).flat_map(of).collect();
            plan.phases.push(Phase { taps, offsets });
        }
        plan
    }

    /// The shape that was planned.
    pub fn shape(&self) -> &GeneralShape {
        &self.shape
    }

    /// Numbers of the copy of an image: what lies behind it is read, and dropped.
    fn copy_len(&self) -> usize {
        self.shape.channels * self.shape.channel_len() + self.shape.plane_columns() + BLOCK
    }

    /// Places of a map, and as many more as fill the last block.
    fn flat(&self) -> usize {
        self.shape.flat_len().next_multiple_of(BLOCK)
    }

    /// Numbers between the gradients of two filters.
    fn gradient_stride(&self) -> usize {
        self.front + self.shape.plane_len().next_multiple_of(BLOCK)
    }

    /// Numbers of scratch an image: the forward pass fills it and the weight gradient reads it.
    pub fn scratch_len(&self) -> usize {
        self.copy_len() + self.shape.group_filters().min(4) * self.flat()
    }

    /// Lays out weights for [`data_gradient`](Self::data_gradient), once per step: for each group, plane and channel
    /// those of the terms in order.
    ///
    /// # Shapes
    ///
    /// `weights`: `[filters][channels / groups][rows][columns]`; `packed` is resized and overwritten.
    pub fn pack_backward(&self, weights: &[f32], packed: &mut Vec<f32>) {
        let shape = &self.shape;
        packed.clear();
        for group in 0..shape.groups {
            for phase in &self.phases {
                for channel in 0..shape.group_channels() {
                    for filter in 0..shape.group_filters() {
                        let filter = group * shape.group_filters() + filter;
                        let own = &weights[filter * shape.filter_len() + channel * shape.taps()..];
                        packed.extend(phase.taps.iter().map(|&tap| own[tap]));
                    }
                }
            }
        }
    }

    /// Computes one image's output.
    ///
    /// # Shapes
    ///
    /// `weights`: `[filters][channels / groups][rows][columns]`; `bias`: `[filters]`; `input`:
    /// `[channels][height][width]`; `output`: `[filters][out_height][out_width]`, overwritten; `scratch`:
    /// [`scratch_len`](Self::scratch_len), its contents of no interest.
    pub fn forward(&self, weights: &[f32], bias: &[f32], input: &[f32], output: &mut [f32], scratch: &mut [f32]) {
        assert_eq!(weights.len(), self.shape.weights_len(), "weights of {:?}", self.shape);
        assert_eq!(input.len(), self.shape.input_len(), "input of {:?}", self.shape);
        assert_eq!(output.len(), self.shape.output_len(), "output of {:?}", self.shape);
        assert_eq!(bias.len(), self.shape.filters, "bias of {:?}", self.shape);
        self.instructions.run(Forward { plan: self, weights, bias, input, output, scratch });
    }

    /// Numbers of scratch that the gradients of one image need.
    fn gradients_len(&self) -> usize {
        self.shape.filters * self.gradient_stride()
    }

    /// Lays one image's gradient of the output out for both gradients.
    ///
    /// # Shapes
    ///
    /// `grad_output`: `[filters][out_height][out_width]`; `buffer` is resized and overwritten.
    pub fn prepare(&self, grad_output: &[f32], buffer: &mut Vec<f32>) {
        assert_eq!(grad_output.len(), self.shape.output_len(), "output gradient of {:?}", self.shape);
        let (width, columns) = (self.shape.out_width(), self.shape.plane_columns());
        let map = self.shape.out_height() * width;
        let plane = self.shape.plane_len().next_multiple_of(BLOCK);
        // What is behind the gradients is written before it is read.
        buffer.resize(self.gradients_len() + self.shape.group_channels() * plane, 0.0);
        buffer[..self.gradients_len()].fill(0.0);
        if map == 0 {
            return;
        }
        for (to, from) in buffer.chunks_exact_mut(self.gradient_stride()).zip(grad_output.chunks_exact(map)) {
            for (to, from) in to[self.front..].chunks_mut(columns).zip(from.chunks_exact(width)) {
                to[..width].copy_from_slice(from);
            }
        }
    }

    /// Numbers of the accumulator of [`weight_gradient`](Self::weight_gradient): weights, then biases.
    pub fn gradient_len(&self) -> usize {
        self.shape.weights_len() + self.shape.filters
    }

    /// Adds one image's gradient of weights and biases to the accumulator.
    ///
    /// Filters marked in `frozen` are left out, with no work done for them.
    ///
    /// # Shapes
    ///
    /// `buffer`: from [`prepare`](Self::prepare); `scratch`: as left by [`forward`](Self::forward) for the same image;
    /// `frozen`: `[filters]`; `accumulator`: [`gradient_len`](Self::gradient_len), zeroed by the caller before the
    /// first image.
    pub fn weight_gradient(&self, buffer: &[f32], scratch: &[f32], frozen: Option<&[bool]>, accumulator: &mut [f32]) {
        assert_eq!(accumulator.len(), self.gradient_len(), "accumulator of {:?}", self.shape);
        self.instructions.run(Weights { plan: self, buffer, scratch, frozen, accumulator });
    }

    /// Writes an accumulator out in the order of the weights.
    ///
    /// # Shapes
    ///
    /// `accumulator`: [`gradient_len`](Self::gradient_len); `weights`: `[filters][channels / groups][rows][columns]`;
    /// `bias`: `[filters]`; both overwritten.
    pub fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let (from, biases) = accumulator.split_at(self.shape.weights_len());
        weights.copy_from_slice(from);
        bias.copy_from_slice(biases);
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `packed`: from [`pack_backward`](Self::pack_backward); `buffer`: from [`prepare`](Self::prepare), and scratch;
    /// `grad_input`: `[channels][height][width]`, overwritten.
    pub fn data_gradient(&self, packed: &[f32], buffer: &mut [f32], grad_input: &mut [f32]) {
        assert_eq!(grad_input.len(), self.shape.input_len(), "input gradient of {:?}", self.shape);
        self.instructions.run(Data { plan: self, packed, buffer, grad_input });
    }
}

struct Forward<'a> {
    plan: &'a GeneralConvolution,
    weights: &'a [f32],
    bias: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { plan, weights, bias, input, output, scratch } = self;
        let shape = &plan.shape;
        let (planes, results) = scratch.split_at_mut(plan.copy_len());
        planes.fill(0.0);
        for channel in 0..shape.channels {
            let to = &mut planes[channel * shape.channel_len()..][..shape.channel_len()];
            for y in 0..shape.height {
                let from = &input[(channel * shape.height + y) * shape.width..][..shape.width];
                if shape.stride[1] == 1 {
                    let start = shape.row_start(y, 0) + shape.padding[2];
                    to[start..][..shape.width].copy_from_slice(from);
                    continue;
                }
                for (x, &value) in from.iter().enumerate() {
                    let column = x + shape.padding[2];
                    to[shape.row_start(y, column % shape.stride[1]) + column / shape.stride[1]] = value;
                }
            }
        }
        let (height, width, columns) = (shape.out_height(), shape.out_width(), shape.plane_columns());
        let (flat, filter_len) = (plan.flat(), shape.filter_len());
        let mut filter = 0;
        while filter < shape.filters {
            let group = filter / shape.group_filters();
            let count = ((group + 1) * shape.group_filters() - filter).min(4);
            let terms = Terms {
                biases: Some(&bias[filter..]),
                weights: &weights[filter * filter_len..],
                offsets: &plan.forward,
                source: &planes[group * shape.group_channels() * shape.channel_len()..],
            };
            sums(simd, terms, count, &mut results[..count * flat]);
            for own in 0..count {
                for y in 0..height {
                    let to = &mut output[((filter + own) * height + y) * width..][..width];
                    to.copy_from_slice(&results[own * flat + y * columns..][..width]);
                }
            }
            filter += count;
        }
    }
}

struct Weights<'a> {
    plan: &'a GeneralConvolution,
    buffer: &'a [f32],
    scratch: &'a [f32],
    frozen: Option<&'a [bool]>,
    accumulator: &'a mut [f32],
}

impl Kernel for Weights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { plan, buffer, scratch, frozen, accumulator } = self;
        let shape = &plan.shape;
        let (weights, biases) = accumulator.split_at_mut(shape.weights_len());
        let places = shape.flat_len().next_multiple_of(SUMS);
        for filter in 0..shape.filters {
            if frozen.is_some_and(|frozen| frozen[filter]) {
                continue;
            }
            let group = filter / shape.group_filters();
            let gradients = &buffer[filter * plan.gradient_stride() + plan.front..][..places];
            let source = &scratch[group * shape.group_channels() * shape.channel_len()..plan.copy_len()];
            let to = &mut weights[filter * shape.filter_len()..][..shape.filter_len()];
            products(simd, gradients, source, &plan.forward, to);
            let mut sums = [0.0; SUMS];
            for part in gradients.as_chunks::<SUMS>().0 {
                for lane in 0..SUMS {
                    sums[lane] += part[lane];
                }
            }
            let mut sum = 0.0;
            for lane in sums {
                sum += lane;
            }
            biases[filter] += sum;
        }
    }
}

struct Data<'a> {
    plan: &'a GeneralConvolution,
    packed: &'a [f32],
    buffer: &'a mut [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for Data<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { plan, packed, buffer, grad_input } = self;
        let shape = &plan.shape;
        let (gradients, results) = buffer.split_at_mut(plan.gradients_len());
        let (channels, plane) = (shape.group_channels(), shape.plane_len().next_multiple_of(BLOCK));
        let mut first = 0;
        for group in 0..shape.groups {
            let source = &gradients[group * shape.group_filters() * plan.gradient_stride()..];
            for (place, phase) in plan.phases.iter().enumerate() {
                let terms = Terms { biases: None, weights: &packed[first..], offsets: &phase.offsets, source };
                first += channels * phase.offsets.len();
                sums(simd, terms, channels, &mut results[..channels * plane]);
                let (row_phase, column_phase) = (place / shape.stride[1], place % shape.stride[1]);
                for channel in 0..channels {
                    let from = &results[channel * plane..][..plane];
                    let to = &mut grad_input[(group * channels + channel) * shape.height * shape.width..]
                        [..shape.height * shape.width];
                    for y in 0..shape.height {
                        let row = y + shape.padding[0];
                        if row % shape.stride[0] != row_phase {
                            continue;
                        }
                        let from = &from[row / shape.stride[0] * shape.plane_columns()..][..shape.plane_columns()];
                        let to = &mut to[y * shape.width..][..shape.width];
                        if shape.stride[1] == 1 {
                            to.copy_from_slice(&from[shape.padding[2]..][..shape.width]);
                            continue;
                        }
                        for (x, value) in to.iter_mut().enumerate() {
                            let column = x + shape.padding[2];
                            if column % shape.stride[1] == column_phase {
                                *value = from[column / shape.stride[1]];
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
