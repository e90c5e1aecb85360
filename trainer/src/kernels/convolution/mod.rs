//! Two-dimensional convolution (cross-correlation, as in every CNN framework) of one image.
//!
//! | pass | file | lanes run over | registers hold |
//! |---|---|---|---|
//! | forward | `forward` | output pixels | filters × pixel vectors |
//! | weight gradient | `weight_gradient` | a kernel row's (column, channel) | kernel rows × vectors of one filter |
//! | data gradient | `data_gradient` | channels | nothing: it scatters one filter's weights |
//!
//! `shape` says what is computed, `forward_plan` how the forward pass goes about it, `lines` where cache lines begin.
//!
//! Both gradients visit only the outputs whose gradient is not zero (one in five after max pooling and ReLU).

mod data_gradient;
mod forward;
mod forward_plan;
mod lines;
mod shape;
mod weight_gradient;

use super::{Instructions, NonZero};
use data_gradient::DataPlan;
use forward_plan::ForwardPlan;
use lines::{LINE, aligned_start};
use weight_gradient::WeightPlan;

pub use shape::ConvolutionShape;
pub(super) use shape::windows;

/// A convolution of one image, planned for a shape and an instruction level.
///
/// The plan is immutable, so that threads share it; what a pass writes is given by the caller.
///
/// # Determinism
///
/// Each result is one chain of fused multiply-adds, the same at every instruction level:
///
/// - forward: from the bias, over channels, kernel rows, kernel columns. Kernel rows outside the image are skipped;
///   columns outside count as 0.
/// - weight gradient: from the accumulator's value, over the output's nonzero gradients in raster order. Rows outside
///   the image are skipped; columns outside count as 0.
/// - data gradient: from 0, over filters, and in a filter over the nonzero gradients whose window covers the pixel,
///   in raster order.
///
/// Zeros among the output's gradients are skipped, which drops 0 × infinity and 0 × NaN and can keep a −0 that adding
/// 0 would turn into 0. Gradients that are NaN are not zero and are kept. (Which NaN results is not defined: digests
/// and the log write one.)
#[derive(Debug, Clone)]
pub struct Convolution {
    shape: ConvolutionShape,
    instructions: Instructions,
    forward: ForwardPlan,
    weight: WeightPlan,
    data: DataPlan,
}

impl Convolution {
    /// Plans a convolution. A level that the machine lacks is replaced by the widest below it.
    ///
    /// # Panics
    ///
    /// If the stride is zero.
    pub fn new(shape: ConvolutionShape, instructions: Instructions) -> Self {
        assert!(shape.stride > 0, "a convolution needs a stride of at least 1");
        let instructions = instructions.supported();
        Self {
            shape,
            instructions,
            forward: ForwardPlan::new(&shape, instructions),
            weight: WeightPlan::new(&shape, instructions),
            data: DataPlan::new(&shape, instructions),
        }
    }

    /// The shape that was planned.
    pub fn shape(&self) -> &ConvolutionShape {
        &self.shape
    }

    /// Numbers of scratch an image: the forward pass fills it and the weight gradient reads it.
    pub fn scratch_len(&self) -> usize {
        // One number to remember where the first cache line began, and room to begin there.
        LINE + self.forward.input_len().next_multiple_of(LINE) + self.weight.input_len()
    }

    /// Lays out weights for [`forward`](Self::forward), once per step.
    ///
    /// # Shapes
    ///
    /// `weights`: `[filters][channels][kernel][kernel]`; `packed` is resized and overwritten.
    pub fn pack_forward(&self, weights: &[f32], packed: &mut Vec<f32>) {
        self.forward.pack(&self.shape, weights, packed);
    }

    /// Lays out weights for [`data_gradient`](Self::data_gradient), once per step.
    ///
    /// # Shapes
    ///
    /// `weights`: `[filters][channels][kernel][kernel]`; `packed` is resized and overwritten.
    pub fn pack_backward(&self, weights: &[f32], packed: &mut Vec<f32>) {
        self.data.pack(&self.shape, weights, packed);
    }

    /// Computes one image's output.
    ///
    /// With `keep_for_backward` the scratch also receives what [`weight_gradient`](Self::weight_gradient) reads.
    ///
    /// # Shapes
    ///
    /// `packed`: from [`pack_forward`](Self::pack_forward); `bias`: `[filters]`; `input`: `[channels][height][width]`;
    /// `output`: `[filters][out_height][out_width]`, overwritten; `scratch`: [`scratch_len`](Self::scratch_len),
    /// its contents of no interest.
    pub fn forward(
        &self,
        packed: &[f32],
        bias: &[f32],
        input: &[f32],
        output: &mut [f32],
        scratch: &mut [f32],
        keep_for_backward: bool,
    ) {
        assert_eq!(input.len(), self.shape.input_len(), "input of {:?}", self.shape);
        assert_eq!(output.len(), self.shape.output_len(), "output of {:?}", self.shape);
        assert_eq!(bias.len(), self.shape.filters, "bias of {:?}", self.shape);
        let start = aligned_start(&scratch[1..]) + 1;
        scratch[0] = start as f32;
        let planar_len = self.forward.input_len().next_multiple_of(LINE);
        let (planar, channels_last) = scratch[start..].split_at_mut(planar_len);
        self.forward.run(&self.shape, self.instructions, packed, bias, input, output, planar);
        if keep_for_backward {
            self.weight.prepare(&self.shape, self.instructions, input, channels_last);
        }
    }

    /// Lists the gradients of one image's output that are not zero.
    ///
    /// # Shapes
    ///
    /// `grad_output`: `[filters][out_height][out_width]`.
    pub fn find(&self, grad_output: &[f32], list: &mut NonZero) {
        list.find(&self.shape, self.instructions, grad_output);
    }

    /// Numbers of the accumulator of [`weight_gradient`](Self::weight_gradient): filters in an internal layout, then
    /// biases.
    pub fn gradient_len(&self) -> usize {
        self.weight.gradient_len(&self.shape)
    }

    /// Adds one image's gradient of weights and biases to the accumulator.
    ///
    /// Filters marked in `frozen` are left out, with no work done for them.
    ///
    /// # Shapes
    ///
    /// `list`: from [`find`](Self::find) for the same image; `scratch`: as left by [`forward`](Self::forward) with
    /// `keep_for_backward` for the same image; `frozen`: `[filters]`; `accumulator`:
    /// [`gradient_len`](Self::gradient_len), zeroed by the caller before the first image.
    pub fn weight_gradient(&self, list: &NonZero, scratch: &[f32], frozen: Option<&[bool]>, accumulator: &mut [f32]) {
        assert_eq!(accumulator.len(), self.gradient_len(), "accumulator of {:?}", self.shape);
        let start = (scratch[0] as usize).min(LINE);
        let planar_len = self.forward.input_len().next_multiple_of(LINE);
        let channels_last = &scratch[start + planar_len..];
        self.weight.run(&self.shape, self.instructions, list, channels_last, frozen, accumulator);
    }

    /// Writes an accumulator out in the order of the weights.
    ///
    /// # Shapes
    ///
    /// `accumulator`: [`gradient_len`](Self::gradient_len); `weights`: `[filters][channels][kernel][kernel]`; `bias`:
    /// `[filters]`; both overwritten.
    pub fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        assert_eq!(weights.len(), self.shape.weights_len(), "weights of {:?}", self.shape);
        self.weight.unpack(&self.shape, accumulator, weights, bias);
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `packed`: from [`pack_backward`](Self::pack_backward); `list`: from [`find`](Self::find); `scratch` is resized
    /// and overwritten, and may be another at every call; `grad_input`: `[channels][height][width]`, overwritten.
    pub fn data_gradient(&self, packed: &[f32], list: &NonZero, scratch: &mut Vec<f32>, grad_input: &mut [f32]) {
        assert_eq!(grad_input.len(), self.shape.input_len(), "input gradient of {:?}", self.shape);
        self.data.run(&self.shape, self.instructions, packed, list, scratch, grad_input);
    }
}
