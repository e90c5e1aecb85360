//! The forward pass: lanes over output pixels, registers over filters × pixel vectors.
//!
//! The input is first copied into one of two layouts in which the pixels of a vector lie side by side for each tap
//! (kernel row, kernel column), so that tap and vector each contribute one offset:
//!
//! - **rows**: padded rows, the columns split by their remainder modulo the stride. A vector lies in one output row.
//! - **taps**: for each kernel column a copy of the map shifted by that column, rows split by their remainder modulo
//!   the stride. A vector runs on over rows, so that narrow maps fill it; a kernel row that is outside the image for
//!   some lanes only is masked there.
//!
//! The plan takes the one that costs fewer instructions.

use super::Instructions;
use super::convolution::ConvolutionShape;
use super::simd::{Kernel, Simd};

/// How the copied input lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Rows,
    Taps,
}

/// A run of output pixels that one vector computes.
#[derive(Debug, Clone, Copy)]
struct Pixels {
    /// Where its first pixel's window begins in the copied input.
    input: usize,
    /// Its first pixel in the output map.
    output: usize,
    /// How many of its lanes are pixels.
    lanes: usize,
    /// The kernel rows that are inside the image for at least one lane.
    first_row: usize,
    end_row: usize,
}

/// What is computed at once for a block of filters.
#[derive(Debug, Clone, Copy)]
enum Tile {
    /// Two vectors with the same kernel rows, inside the image for all lanes.
    Pair(Pixels, Pixels),
    /// One vector with kernel rows that are inside for all lanes.
    Single(Pixels),
    /// One vector with kernel rows that are outside for some lanes: for each row from the first the lanes inside.
    Masked(Pixels, Inside),
}

/// A range of `ForwardPlan::inside`, one entry a kernel row.
#[derive(Debug, Clone, Copy)]
struct Inside {
    start: usize,
    end: usize,
}

/// The forward pass of a shape at an instruction level.
#[derive(Debug, Clone)]
pub(super) struct ForwardPlan {
    layout: Layout,
    /// Filters a block; the last block is filled up with filters of zeros.
    block: usize,
    /// Numbers of a channel in the copied input.
    channel_len: usize,
    /// Numbers of a row in the copied input.
    row_len: usize,
    /// Numbers of a column phase (rows) or of a kernel column's row phase (taps).
    phase_len: usize,
    /// Where each tap's pixels begin, `[kernel][kernel]`.
    taps: Vec<usize>,
    tiles: Vec<Tile>,
    /// Lanes inside the image, `(first, end)`, for `Tile::Masked`.
    inside: Vec<(usize, usize)>,
    /// For taps at stride 1 and equal widths: `[kernel][height * width]`, all bits set where the column is inside.
    column_masks: Vec<u32>,
    /// Numbers of the copied input, with room for the last vector to read on.
    input_len: usize,
}

/// How many filters a block has: within what the registers hold, the fewest filters of zeros.
fn filters_a_block(filters: usize, instructions: Instructions) -> usize {
    let (least, most) = match instructions {
        Instructions::Scalar => (2, 4),
        Instructions::Avx2 => (4, 6),
        Instructions::Avx512 => (6, 12),
    };
    let padded = |block: usize| filters.div_ceil(block) * block;
    (least..=most)
        .rev()
        .min_by_key(|block| padded(*block))
        .map_or(1, |block| block.min(filters.max(1)))
}

impl ForwardPlan {
    pub(super) fn new(shape: &ConvolutionShape, instructions: Instructions) -> Self {
        let lanes = instructions.lanes();
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        let (kernel, stride) = (shape.kernel, shape.stride);

        let work = shape.filters * shape.filter_len();
        let rows_cost = out_height * out_width.div_ceil(lanes) * work / 2;
        let taps_copy = shape.channels * kernel * shape.height * (2 + out_width / 4);
        let taps_cost = (out_height * out_width).div_ceil(lanes) * work / 2 + taps_copy;
        let layout = if rows_cost <= taps_cost {
            Layout::Rows
        } else {
            Layout::Taps
        };

        let (row_len, phase_len, channel_len, taps): (_, _, _, Vec<usize>) = match layout {
            Layout::Rows => {
                let phase_len = shape.padded_width().div_ceil(stride);
                let row_len = phase_len * stride;
                let tap = |y: usize, x: usize| y * row_len + x % stride * phase_len + x / stride;
                let taps = (0..kernel * kernel)
                    .map(|i| tap(i / kernel, i % kernel))
                    .collect();
                (row_len, phase_len, row_len * shape.padded_height(), taps)
            }
            Layout::Taps => {
                let phase_len = shape.padded_height().div_ceil(stride) * out_width;
                let tap = |y: usize, x: usize| {
                    (x * stride + y % stride) * phase_len + y / stride * out_width
                };
                let taps = (0..kernel * kernel)
                    .map(|i| tap(i / kernel, i % kernel))
                    .collect();
                (out_width, phase_len, kernel * stride * phase_len, taps)
            }
        };

        let mut plan = Self {
            layout,
            block: filters_a_block(shape.filters, instructions),
            channel_len,
            row_len,
            phase_len,
            taps,
            tiles: Vec::new(),
            inside: Vec::new(),
            column_masks: Vec::new(),
            input_len: shape.channels * channel_len + lanes,
        };
        if layout == Layout::Taps && stride == 1 && out_width == shape.width {
            for shift in 0..kernel {
                for pixel in 0..shape.height * shape.width {
                    let column = pixel % shape.width + shift;
                    let inside = (shape.padding..shape.padding + shape.width).contains(&column);
                    plan.column_masks.push(if inside { u32::MAX } else { 0 });
                }
            }
        }
        plan.tile(shape, lanes);
        plan
    }

    /// Cuts the output map into vectors and pairs them.
    fn tile(&mut self, shape: &ConvolutionShape, lanes: usize) {
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        // Runs of pixels that vectors may not cross, as (first pixel, length).
        let runs: Vec<(usize, usize)> = match self.layout {
            Layout::Rows => (0..out_height)
                .map(|y| (y * out_width, out_width))
                .collect(),
            Layout::Taps => vec![(0, out_height * out_width)],
        };
        let mut waiting: Option<Pixels> = None;
        for (first, length) in runs {
            for at in (0..length).step_by(lanes) {
                // The last vector of a run overlaps the one before rather than hang over the end.
                let output = first
                    + if at + lanes > length {
                        length.saturating_sub(lanes)
                    } else {
                        at
                    };
                let count = lanes.min(length);
                let input = match self.layout {
                    Layout::Rows => {
                        output / out_width * shape.stride * self.row_len + output % out_width
                    }
                    Layout::Taps => output,
                };
                let inside: Vec<(usize, usize)> = (0..shape.kernel)
                    .map(|row| {
                        let (first, end) = shape.rows_inside(row);
                        let lane =
                            |y: usize| (y * out_width).clamp(output, output + count) - output;
                        (lane(first), lane(end))
                    })
                    .collect();
                let touched = |range: &(usize, usize)| range.0 < range.1;
                let first_row = inside.iter().position(touched).unwrap_or(0);
                let end_row = inside.iter().rposition(touched).map_or(0, |row| row + 1);
                let rows = &inside[first_row..end_row];
                let whole = rows.iter().all(|range| *range == (0, count));
                let pixels = Pixels {
                    input,
                    output,
                    lanes: count,
                    first_row,
                    end_row,
                };
                if !whole {
                    let start = self.inside.len();
                    self.inside.extend(rows);
                    self.tiles.push(Tile::Masked(
                        pixels,
                        Inside {
                            start,
                            end: self.inside.len(),
                        },
                    ));
                    continue;
                }
                match waiting.take() {
                    Some(other) if (other.first_row, other.end_row) == (first_row, end_row) => {
                        self.tiles.push(Tile::Pair(other, pixels));
                    }
                    other => {
                        self.tiles.extend(other.map(Tile::Single));
                        waiting = Some(pixels);
                    }
                }
            }
        }
        self.tiles.extend(waiting.map(Tile::Single));
    }

    /// Numbers of the copied input.
    pub(super) fn input_len(&self) -> usize {
        self.input_len
    }

    /// `[block][channels][kernel][kernel][filter of the block]`.
    pub(super) fn pack(&self, shape: &ConvolutionShape, weights: &[f32], packed: &mut Vec<f32>) {
        assert_eq!(weights.len(), shape.weights_len(), "weights of {shape:?}");
        let (block, filter_len) = (self.block, shape.filter_len());
        packed.resize(shape.filters.div_ceil(block) * block * filter_len, 0.0);
        if filter_len == 0 {
            return;
        }
        for (index, packed) in packed.chunks_exact_mut(block * filter_len).enumerate() {
            for lane in 0..block {
                let filter = index * block + lane;
                let column = packed[lane..].iter_mut().step_by(block);
                match weights.get(filter * filter_len..(filter + 1) * filter_len) {
                    Some(weights) => column.zip(weights).for_each(|(to, from)| *to = *from),
                    None => column.for_each(|to| *to = 0.0),
                }
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of Convolution::forward and its parts"
    )]
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
            instructions.run(Forward {
                plan: self,
                shape,
                packed,
                bias,
                input,
                output,
                copy,
            });
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
            block => unreachable!(
                "invariant: the plan chose {block} filters a block for other instructions"
            ),
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
                let start = channel * plan.channel_len
                    + column * plan.phase_len
                    + shape.padding * plan.row_len;
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
                        let sums =
                            whole::<S, F, 2>(simd, plan, shape, weights, &bias, copy, [*a, *b]);
                        write::<S, F>(simd, &sums[0], a, output, out_pixels);
                        write::<S, F>(simd, &sums[1], b, output, out_pixels);
                    }
                    Tile::Single(a) => {
                        let sums = whole::<S, F, 1>(simd, plan, shape, weights, &bias, copy, [*a]);
                        write::<S, F>(simd, &sums[0], a, output, out_pixels);
                    }
                    Tile::Masked(a, Inside { start, end }) => {
                        let inside = &plan.inside[*start..*end];
                        let sums =
                            masked::<S, F>(simd, plan, shape, weights, &bias, copy, a, inside);
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
    let kernel = shape.kernel;
    let mut sums = [[simd.splat(0.0); F]; P];
    for sums in &mut sums {
        for f in 0..F {
            sums[f] = simd.splat(bias[f]);
        }
    }
    let taps = pixels[0].first_row * kernel..pixels[0].end_row * kernel;
    for channel in 0..shape.channels {
        let copy = &copy[channel * plan.channel_len..];
        let weights = &weights[channel * kernel * kernel..][..kernel * kernel];
        for (tap, weights) in plan.taps[taps.clone()].iter().zip(&weights[taps.clone()]) {
            let mut vectors = [simd.splat(0.0); P];
            for p in 0..P {
                vectors[p] = simd.load(&copy[pixels[p].input + tap..]);
            }
            for f in 0..F {
                let weight = simd.splat(weights[f]);
                for p in 0..P {
                    sums[p][f] = simd.mul_add(weight, vectors[p], sums[p][f]);
                }
            }
        }
    }
    sums
}

#[expect(
    clippy::too_many_arguments,
    reason = "inlined: the arguments are registers of the loop around it"
)]
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
