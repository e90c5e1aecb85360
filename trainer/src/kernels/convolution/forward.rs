//! The forward pass: lanes over output pixels, registers over filters × pixel vectors.
//!
//! The input is copied into the layout that the plan chose, then each tile of the plan is computed for each block of
//! filters: for every tap one load a vector, one broadcast a filter, and their products.

use super::forward_plan::{ForwardPlan, Inside, Layout, Pixels, Tile};
use super::shape::ConvolutionShape;
use crate::kernels::Instructions;
use crate::kernels::simd::{Kernel, Simd, Windows};

impl ForwardPlan {
    /// Computes one image's output; `copy` is scratch of `input_len` numbers.
    #[expect(clippy::too_many_arguments, reason = "the arguments of Convolution::forward and its parts")]
    pub(super) fn run(
        &self,
        shape: &ConvolutionShape,
        instructions: Instructions,
        packed: &[f32],
        bias: &[f32],
        input: &[f32],
        output: &mut [f32],
        copy: &mut [f32],
    ) {
        if shape.out_pixels() > 0 {
            instructions.run(Forward { plan: self, shape, packed, bias, input, output, copy });
        }
    }
}

struct Forward<'a> {
    plan: &'a ForwardPlan,
    shape: &'a ConvolutionShape,
    packed: &'a [f32],
    bias: &'a [f32],
    /// `[channels][height][width]`
    input: &'a [f32],
    /// `[filters][out_height][out_width]`
    output: &'a mut [f32],
    /// `[ForwardPlan::input_len]`
    copy: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        match self.plan.layout {
            Layout::Rows => self.copy_rows(simd),
            Layout::Taps if self.plan.column_masks.is_empty() => self.copy_taps(),
            Layout::Taps => self.copy_taps_of_equal_width(),
        }
        // Conditions on constants: each instruction level keeps only the blocks that its registers hold.
        match self.plan.block {
            12 if S::LANES >= 16 => self.blocks::<S, 12>(simd),
            11 if S::LANES >= 16 => self.blocks::<S, 11>(simd),
            10 if S::LANES >= 16 => self.blocks::<S, 10>(simd),
            9 if S::LANES >= 16 => self.blocks::<S, 9>(simd),
            8 if S::LANES >= 16 => self.blocks::<S, 8>(simd),
            7 if S::LANES >= 16 => self.blocks::<S, 7>(simd),
            6 if S::LANES >= 8 => self.blocks::<S, 6>(simd),
            5 if S::LANES >= 8 => self.blocks::<S, 5>(simd),
            4 => self.blocks::<S, 4>(simd),
            3 => self.blocks::<S, 3>(simd),
            2 => self.blocks::<S, 2>(simd),
            1 => self.blocks::<S, 1>(simd),
            block => unreachable!("invariant: the plan chose {block} filters a block for other instructions"),
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn copy_rows<S: Simd>(&mut self, simd: S) {
        let (shape, plan) = (self.shape, self.plan);
        let (width, padding, stride) = (shape.width, shape.padding, shape.stride);
        for channel in 0..shape.channels {
            let to = &mut self.copy[channel * plan.channel_len + padding * plan.row_len..];
            let from = &self.input[channel * shape.height * width..][..shape.height * width];
            for y in 0..shape.height {
                let to = &mut to[y * plan.row_len..][..plan.row_len];
                let from = &from[y * width..][..width];
                if stride == 1 {
                    for x in 0..padding {
                        to[x] = 0.0;
                        to[padding + width + x] = 0.0;
                    }
                    copy(simd, from, &mut to[padding..][..width]);
                } else {
                    to.fill(0.0);
                    for (x, value) in from.iter().enumerate() {
                        let column = x + padding;
                        to[column % stride * plan.phase_len + column / stride] = *value;
                    }
                }
            }
        }
    }

    /// Rows of zeros above and below the image need not be written: no lane that is kept reads them.
    #[inline(always)]
    fn copy_taps(&mut self) {
        let (shape, plan) = (self.shape, self.plan);
        let (width, padding, stride) = (shape.width, shape.padding, shape.stride);
        for channel in 0..shape.channels {
            let from = &self.input[channel * shape.height * width..][..shape.height * width];
            for column in 0..shape.kernel {
                for y in 0..shape.height {
                    let row = y + padding;
                    let start = channel * plan.channel_len
                        + (column * stride + row % stride) * plan.phase_len
                        + row / stride * plan.row_len;
                    let from = &from[y * width..][..width];
                    for (x, to) in self.copy[start..][..plan.row_len].iter_mut().enumerate() {
                        let x = (x * stride + column).wrapping_sub(padding);
                        *to = if x < width { from[x] } else { 0.0 };
                    }
                }
            }
        }
    }

    /// Output as wide as the input, stride 1: the copy is the map shifted by a few pixels, with columns zeroed.
    #[inline(always)]
    fn copy_taps_of_equal_width(&mut self) {
        let (shape, plan) = (self.shape, self.plan);
        let pixels = shape.height * shape.width;
        for channel in 0..shape.channels {
            let from = &self.input[channel * pixels..][..pixels];
            for column in 0..shape.kernel {
                let start = channel * plan.channel_len + column * plan.phase_len + shape.padding * plan.row_len;
                let to = &mut self.copy[start..][..pixels];
                let mask = &plan.column_masks[column * pixels..][..pixels];
                // to[i] = from[i + column - padding]; what has no source lies in a column outside the image.
                let behind = shape.padding.saturating_sub(column).min(pixels);
                let ahead = column.saturating_sub(shape.padding).min(pixels);
                to[..behind].fill(0.0);
                to[pixels - ahead..].fill(0.0);
                let length = pixels - behind - ahead;
                let from = &from[ahead..][..length];
                let mask = &mask[behind..][..length];
                for ((to, from), mask) in to[behind..][..length].iter_mut().zip(from).zip(mask) {
                    *to = f32::from_bits(from.to_bits() & mask);
                }
            }
        }
    }

    #[inline(always)]
    fn blocks<S: Simd, const F: usize>(&mut self, simd: S) {
        let (shape, plan) = (self.shape, self.plan);
        let out_pixels = shape.out_pixels();
        for block in 0..shape.filters.div_ceil(F) {
            let filters = F.min(shape.filters - block * F);
            let weights = &self.packed[block * F * shape.filter_len()..][..F * shape.filter_len()];
            let (weights, _) = weights.as_chunks::<F>();
            let mut bias = [0.0; F];
            bias[..filters].copy_from_slice(&self.bias[block * F..][..filters]);
            let output = &mut self.output[block * F * out_pixels..][..filters * out_pixels];
            let copy = &*self.copy;
            for tile in &plan.tiles {
                match tile {
                    Tile::Pair(a, b) => {
                        let sums = whole::<S, F, 2>(simd, plan, shape, weights, &bias, copy, [*a, *b]);
                        write::<S, F>(simd, &sums[0], a, output, out_pixels);
                        write::<S, F>(simd, &sums[1], b, output, out_pixels);
                    }
                    Tile::Single(a) => {
                        let sums = whole::<S, F, 1>(simd, plan, shape, weights, &bias, copy, [*a]);
                        write::<S, F>(simd, &sums[0], a, output, out_pixels);
                    }
                    Tile::Masked(a, Inside { start, end }) => {
                        let inside = &plan.inside[*start..*end];
                        let sums = masked::<S, F>(simd, plan, shape, weights, &bias, copy, a, inside);
                        write::<S, F>(simd, &sums, a, output, out_pixels);
                    }
                }
            }
        }
    }
}

/// `from` to `to`, equally long, in vectors.
#[inline(always)]
fn copy<S: Simd>(simd: S, from: &[f32], to: &mut [f32]) {
    let length = to.len().min(from.len());
    if length < S::LANES {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
        return;
    }
    let mut at = 0;
    while at + S::LANES <= length {
        simd.store(simd.load(&from[at..]), &mut to[at..]);
        at += S::LANES;
    }
    if at < length {
        let last = length - S::LANES;
        simd.store(simd.load(&from[last..]), &mut to[last..]);
    }
}

#[inline(always)]
fn whole<S: Simd, const F: usize, const P: usize>(
    simd: S,
    plan: &ForwardPlan,
    shape: &ConvolutionShape,
    weights: &[[f32; F]],
    bias: &[f32; F],
    copy: &[f32],
    pixels: [Pixels; P],
) -> [[S::Vector; F]; P] {
    let mut sums = [[simd.splat(0.0); F]; P];
    for sums in &mut sums {
        for f in 0..F {
            sums[f] = simd.splat(bias[f]);
        }
    }
    let are_neighbours = plan.layout == Layout::Rows && shape.stride == 1;
    match shape.kernel {
        3 if are_neighbours => add_neighbours::<S, F, P, 3>(simd, plan, shape, weights, copy, pixels, &mut sums),
        5 if are_neighbours => add_neighbours::<S, F, P, 5>(simd, plan, shape, weights, copy, pixels, &mut sums),
        _ => add_taps::<S, F, P>(simd, plan, shape, weights, copy, pixels, &mut sums),
    }
    sums
}

/// Adds all taps, wherever each begins.
#[inline(always)]
fn add_taps<S: Simd, const F: usize, const P: usize>(
    simd: S,
    plan: &ForwardPlan,
    shape: &ConvolutionShape,
    weights: &[[f32; F]],
    copy: &[f32],
    pixels: [Pixels; P],
    sums: &mut [[S::Vector; F]; P],
) {
    let kernel = shape.kernel;
    let taps = pixels[0].first_row * kernel..pixels[0].end_row * kernel;
    for channel in 0..shape.channels {
        let copy = &copy[channel * plan.channel_len..];
        let weights = &weights[channel * kernel * kernel..][..kernel * kernel];
        for (tap, weights) in plan.taps[taps.clone()].iter().zip(&weights[taps.clone()]) {
            let mut vectors = [simd.splat(0.0); P];
            for p in 0..P {
                vectors[p] = simd.load(&copy[pixels[p].input + tap..]);
            }
            add_tap::<S, F, P>(simd, weights, &vectors, sums);
        }
    }
}

/// Adds all taps where those of a kernel row are neighbours in the copied input: nothing is looked up or checked for
/// a single tap.
#[inline(always)]
fn add_neighbours<S: Simd, const F: usize, const P: usize, const KERNEL: usize>(
    simd: S,
    plan: &ForwardPlan,
    shape: &ConvolutionShape,
    weights: &[[f32; F]],
    copy: &[f32],
    pixels: [Pixels; P],
    sums: &mut [[S::Vector; F]; P],
) {
    let (weights, _) = weights.as_chunks::<KERNEL>();
    let copy = Windows::new(copy, 1, 0, KERNEL - 1 + S::LANES);
    for channel in 0..shape.channels {
        let rows = pixels[0].first_row..pixels[0].end_row;
        let first = channel * plan.channel_len + rows.start * plan.row_len;
        for (row, weights) in weights[channel * KERNEL..][rows].iter().enumerate() {
            for (tap, weights) in weights.iter().enumerate() {
                let mut vectors = [simd.splat(0.0); P];
                for p in 0..P {
                    vectors[p] = copy.load(simd, pixels[p].input + first + row * plan.row_len, 0, tap);
                }
                add_tap::<S, F, P>(simd, weights, &vectors, sums);
            }
        }
    }
}

/// Adds a tap: its weight of each filter times the pixels under it.
#[inline(always)]
fn add_tap<S: Simd, const F: usize, const P: usize>(
    simd: S,
    weights: &[f32; F],
    vectors: &[S::Vector; P],
    sums: &mut [[S::Vector; F]; P],
) {
    for f in 0..F {
        let weight = simd.splat(weights[f]);
        for p in 0..P {
            sums[p][f] = simd.mul_add(weight, vectors[p], sums[p][f]);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "inlined: the arguments are registers of the loop around it")]
#[inline(always)]
fn masked<S: Simd, const F: usize>(
    simd: S,
    plan: &ForwardPlan,
    shape: &ConvolutionShape,
    weights: &[[f32; F]],
    bias: &[f32; F],
    copy: &[f32],
    pixels: &Pixels,
    inside: &[(usize, usize)],
) -> [S::Vector; F] {
    let kernel = shape.kernel;
    let mut sums = [simd.splat(0.0); F];
    for f in 0..F {
        sums[f] = simd.splat(bias[f]);
    }
    for channel in 0..shape.channels {
        let copy = &copy[channel * plan.channel_len + pixels.input..];
        for (row, (first, end)) in (pixels.first_row..pixels.end_row).zip(inside) {
            let mask = simd.lanes(*first, *end);
            let taps = &plan.taps[row * kernel..][..kernel];
            let weights = &weights[(channel * kernel + row) * kernel..][..kernel];
            for (tap, weights) in taps.iter().zip(weights) {
                let vector = simd.load(&copy[*tap..]);
                for f in 0..F {
                    sums[f] = simd.mul_add_where(mask, simd.splat(weights[f]), vector, sums[f]);
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn write<S: Simd, const F: usize>(
    simd: S,
    sums: &[S::Vector; F],
    pixels: &Pixels,
    output: &mut [f32],
    out_pixels: usize,
) {
    // The output holds the block's filters that exist; those filled up have no map.
    for (map, sum) in output.chunks_exact_mut(out_pixels).zip(sums) {
        if pixels.lanes == S::LANES {
            simd.store(*sum, &mut map[pixels.output..]);
        } else {
            simd.store_first(*sum, &mut map[pixels.output..][..pixels.lanes]);
        }
    }
}
