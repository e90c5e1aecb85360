//! The gradient of the input: each nonzero output gradient scatters its filter's weights over its window.
//!
//! The sums lie with their channels last, filled up to whole vectors, so that a kernel row of a window is one run of
//! `kernel * channels` numbers, written without a mask. What lands in the padding is dropped at the end.

use super::lines::{LINE, aligned_start};
use super::shape::ConvolutionShape;
use crate::kernels::Instructions;
use crate::kernels::nonzero::NonZero;
use crate::kernels::simd::{Kernel, Simd, Windows, WindowsMut};

/// The data gradient of a shape at an instruction level.
#[derive(Debug, Clone)]
pub(super) struct DataPlan {
    /// Channels filled up to whole vectors.
    channels: usize,
    /// Whether half vectors waste fewer lanes.
    half: bool,
}

impl DataPlan {
    pub(super) fn new(shape: &ConvolutionShape, instructions: Instructions) -> Self {
        let whole = shape.channels.next_multiple_of(instructions.lanes());
        let half = shape.channels.next_multiple_of(instructions.lanes().min(8));
        Self { channels: half, half: half < whole }
    }

    /// One number that says where the rest begins, on a cache line, and there
    /// `[filters][kernel][kernel][channels filled up]`.
    pub(super) fn pack(&self, shape: &ConvolutionShape, weights: &[f32], packed: &mut Vec<f32>) {
        assert_eq!(weights.len(), shape.weights_len(), "weights of {shape:?}");
        let taps = shape.kernel * shape.kernel;
        // What channels are filled up with is of no account: nobody reads its sums.
        packed.resize(LINE + shape.filters * taps * self.channels, 0.0);
        let start = aligned_start(&packed[1..]) + 1;
        packed[0] = start as f32;
        if weights.is_empty() {
            return;
        }
        for (packed, weights) in
            packed[start..].chunks_exact_mut(taps * self.channels).zip(weights.chunks_exact(shape.filter_len()))
        {
            for (channel, weights) in weights.chunks_exact(taps).enumerate() {
                let pixels = packed[channel..].iter_mut().step_by(self.channels);
                pixels.zip(weights).for_each(|(to, from)| *to = *from);
            }
        }
    }

    pub(super) fn run(
        &self,
        shape: &ConvolutionShape,
        instructions: Instructions,
        packed: &[f32],
        list: &NonZero,
        scratch: &mut Vec<f32>,
        grad_input: &mut [f32],
    ) {
        if shape.out_pixels() == 0 || grad_input.is_empty() {
            grad_input.fill(0.0);
            return;
        }
        let length = shape.padded_height() * shape.padded_width() * self.channels;
        if scratch.len() < length + LINE {
            scratch.resize(length + LINE, 0.0);
        }
        let packed = &packed[(packed[0] as usize).min(LINE)..];
        let packed = &packed[..shape.filters * shape.kernel * shape.kernel * self.channels];
        let start = aligned_start(scratch);
        let sums = &mut scratch[start..][..length];
        instructions.run(DataGradient { plan: self, shape, packed, list, sums, grad_input });
    }
}

struct DataGradient<'a> {
    plan: &'a DataPlan,
    shape: &'a ConvolutionShape,
    packed: &'a [f32],
    list: &'a NonZero,
    /// `[padded_height][padded_width][channels filled up]`
    sums: &'a mut [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for DataGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.sums.fill(0.0);
        if self.plan.half {
            self.scatter(simd.half());
        } else {
            self.scatter(simd);
        }
        self.write();
    }
}

impl DataGradient<'_> {
    #[inline(always)]
    fn scatter<S: Simd>(&mut self, simd: S) {
        // Vectors a kernel row; the common ones are unrolled.
        match self.shape.kernel * self.plan.channels / S::LANES {
            1 => self.scatter_rows::<S, 1>(simd),
            2 => self.scatter_rows::<S, 2>(simd),
            3 => self.scatter_rows::<S, 3>(simd),
            5 => self.scatter_rows::<S, 5>(simd),
            6 => self.scatter_rows::<S, 6>(simd),
            9 => self.scatter_rows::<S, 9>(simd),
            10 => self.scatter_rows::<S, 10>(simd),
            15 => self.scatter_rows::<S, 15>(simd),
            vectors if vectors % 5 == 0 => self.scatter_rows::<S, 5>(simd),
            vectors if vectors % 3 == 0 => self.scatter_rows::<S, 3>(simd),
            vectors if vectors % 2 == 0 => self.scatter_rows::<S, 2>(simd),
            _ => self.scatter_rows::<S, 1>(simd),
        }
    }

    /// Adds all entries, `VECTORS` at a time, of which a kernel row has a multiple.
    #[inline(always)]
    fn scatter_rows<S: Simd, const VECTORS: usize>(&mut self, simd: S) {
        let (shape, channels) = (self.shape, self.plan.channels);
        let (kernel, row_len, piece) = (shape.kernel, shape.kernel * channels, VECTORS * S::LANES);
        let sums_row_len = shape.padded_width() * channels;
        // A window of one piece: the last one that lies within the sums ends where they end.
        let mut sums = WindowsMut::new(self.sums, 1, 0, piece);
        for (filter, weights) in self.packed.chunks_exact(kernel * row_len).enumerate() {
            let entries = self.list.filter(filter);
            let weights = Windows::new(weights, 1, 0, piece);
            for (value, position) in entries.values.iter().zip(entries.positions) {
                let gradient = simd.splat(*value);
                let (mut from, mut to) = (0, *position as usize * channels);
                for _ in 0..kernel {
                    let end = from + row_len;
                    let mut piece_to = to;
                    while from < end {
                        for v in 0..VECTORS {
                            let weights = weights.load(simd, from, 0, v * S::LANES);
                            sums.add(simd, (piece_to, 0, v * S::LANES), gradient, weights);
                        }
                        from += piece;
                        piece_to += piece;
                    }
                    to += sums_row_len;
                }
            }
        }
    }

    /// The sums without padding, channel by channel.
    #[inline(always)]
    fn write(&mut self) {
        let (shape, channels) = (self.shape, self.plan.channels);
        let (width, height) = (shape.width, shape.height);
        for y in 0..height {
            let start = ((y + shape.padding) * shape.padded_width() + shape.padding) * channels;
            let from = &self.sums[start..][..width * channels];
            for channel in 0..shape.channels {
                let to = &mut self.grad_input[(channel * height + y) * width..][..width];
                to.iter_mut().zip(from[channel..].iter().step_by(channels)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}
