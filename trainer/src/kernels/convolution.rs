//! Two-dimensional convolution (cross-correlation, as in every CNN framework) of one image.
//!
//! | pass | file | lanes run over | registers hold |
//! |---|---|---|---|
//! | forward | `convolution_forward` | output pixels | filters × pixel vectors |
//! | weight gradient | `convolution_weight_gradient` | a kernel row's (column, channel) | kernel rows × vectors of one filter |
//! | data gradient | `convolution_data_gradient` | channels | nothing: it scatters one filter's weights |
//!
//! Both gradients visit only the outputs whose gradient is not zero (one in five after max pooling and ReLU).

use super::convolution_data_gradient::DataPlan;
use super::convolution_forward_plan::ForwardPlan;
use super::convolution_weight_gradient::WeightPlan;
use super::{Instructions, NonZero};

/// The shape of a convolution of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvolutionShape {
    /// Channels of the input.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Filters, which are the output's channels.
    pub filters: usize,
    /// Rows and columns of a filter.
    pub kernel: usize,
    /// Pixels between two neighbouring windows, at least 1.
    pub stride: usize,
    /// Rows and columns of zeros around the input.
    pub padding: usize,
}

/// How many windows of `kernel` fit `length` pixels with `padding` on both sides.
pub(super) fn windows(length: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    match (length + 2 * padding).checked_sub(kernel) {
        Some(rest) if length > 0 && kernel > 0 => rest / stride.max(1) + 1,
        _ => 0,
    }
}

impl ConvolutionShape {
    /// Rows of the output; 0 where the kernel does not fit the padded input.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of the output; 0 where the kernel does not fit the padded input.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers of one image's input, `channels * height * width`.
    pub fn input_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Numbers of one image's output, `filters * out_height * out_width`.
    pub fn output_len(&self) -> usize {
        self.filters * self.out_pixels()
    }

    /// Weights of one filter, `channels * kernel * kernel`, without its bias.
    pub fn filter_len(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Weights of all filters, without biases.
    pub fn weights_len(&self) -> usize {
        self.filters * self.filter_len()
    }

    /// Pixels of one output map.
    pub(super) fn out_pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Columns of the input with its padding.
    pub(super) fn padded_width(&self) -> usize {
        self.width + 2 * self.padding
    }

    /// Rows of the input with its padding.
    pub(super) fn padded_height(&self) -> usize {
        self.height + 2 * self.padding
    }

    /// The output rows whose window has its row `kernel_row` inside the image, as `first..end`.
    pub(super) fn rows_inside(&self, kernel_row: usize) -> (usize, usize) {
        let first = self.padding.saturating_sub(kernel_row).div_ceil(self.stride);
        let end = match (self.height + self.padding).checked_sub(kernel_row + 1) {
            Some(last) => (last / self.stride + 1).min(self.out_height()),
            None => 0,
        };
        (first.min(end), end)
    }
}

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

/// Numbers of a cache line, to which vectors are aligned.
pub(super) const LINE: usize = 16;

/// How many numbers into `buffer` the first whole cache line begins, at most 15.
pub(super) fn aligned_start(buffer: &[f32]) -> usize {
    match buffer.as_ptr().align_offset(LINE * size_of::<f32>()) {
        start if start < LINE => start,
        _ => 0,
    }
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

    /// Lays out weights for [`forward`](Self::forward), once a step.
    ///
    /// # Shapes
    ///
    /// `weights`: `[filters][channels][kernel][kernel]`; `packed` is resized and overwritten.
    pub fn pack_forward(&self, weights: &[f32], packed: &mut Vec<f32>) {
        self.forward.pack(&self.shape, weights, packed);
    }

    /// Lays out weights for [`data_gradient`](Self::data_gradient), once a step.
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
