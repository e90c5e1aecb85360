//! The plan of the forward pass: how the input is copied, and which pixels and filters are computed at once.
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

use super::shape::ConvolutionShape;
use crate::kernels::Instructions;

/// How the copied input lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Rows,
    Taps,
}

/// A run of output pixels that one vector computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixels {
    /// Where its first pixel's window begins in the copied input.
    pub(super) input: usize,
    /// Its first pixel in the output map.
    pub(super) output: usize,
    /// How many of its lanes are pixels.
    pub(super) lanes: usize,
    /// The kernel rows that are inside the image for at least one lane.
    pub(super) first_row: usize,
    pub(super) end_row: usize,
}

/// What is computed at once for a block of filters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tile {
    /// Two vectors with the same kernel rows, inside the image for all lanes.
    Pair(Pixels, Pixels),
    /// One vector with kernel rows that are inside for all lanes.
    Single(Pixels),
    /// One vector with kernel rows that are outside for some lanes: for each row from the first the lanes inside.
    Masked(Pixels, Inside),
}

/// A range of `ForwardPlan::inside`, one entry a kernel row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The forward pass of a shape at an instruction level.
#[derive(Debug, Clone)]
pub(super) struct ForwardPlan {
    pub(super) layout: Layout,
    /// Filters a block; the last block is filled up with filters of zeros.
    pub(super) block: usize,
    /// Numbers of a channel in the copied input.
    pub(super) channel_len: usize,
    /// Numbers of a row in the copied input.
    pub(super) row_len: usize,
    /// Numbers of a column phase (rows) or of a kernel column's row phase (taps).
    pub(super) phase_len: usize,
    /// Where each tap's pixels begin, `[kernel][kernel]`.
    pub(super) taps: Vec<usize>,
    pub(super) tiles: Vec<Tile>,
    /// Lanes inside the image, `(first, end)`, for `Tile::Masked`.
    pub(super) inside: Vec<(usize, usize)>,
    /// For taps at stride 1 and equal widths: `[kernel][height * width]`, all bits set where the column is inside.
    pub(super) column_masks: Vec<u32>,
    /// Numbers of the copied input, with room for the last vector to read on.
    pub(super) input_len: usize,
}

/// How many filters a block has: within what the registers hold, the fewest filters of zeros.
fn filters_a_block(filters: usize, instructions: Instructions) -> usize {
    let (least, most) = match instructions {
        Instructions::Scalar => (2, 4),
        Instructions::Avx2 => (4, 6),
        Instructions::Avx512 => (6, 12),
    };
    let padded = |block: usize| filters.div_ceil(block) * block;
    (least..=most).rev().min_by_key(|block| padded(*block)).map_or(1, |block| block.min(filters.max(1)))
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
        let layout = if rows_cost <= taps_cost { Layout::Rows } else { Layout::Taps };

        let (row_len, phase_len, channel_len, taps): (_, _, _, Vec<usize>) = match layout {
            Layout::Rows => {
                let phase_len = shape.padded_width().div_ceil(stride);
                let row_len = phase_len * stride;
                let tap = |y: usize, x: usize| y * row_len + x % stride * phase_len + x / stride;
                let taps = (0..kernel * kernel).map(|i| tap(i / kernel, i % kernel)).collect();
                (row_len, phase_len, row_len * shape.padded_height(), taps)
            }
            Layout::Taps => {
                let phase_len = shape.padded_height().div_ceil(stride) * out_width;
                let tap = |y: usize, x: usize| (x * stride + y % stride) * phase_len + y / stride * out_width;
                let taps = (0..kernel * kernel).map(|i| tap(i / kernel, i % kernel)).collect();
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
            Layout::Rows => (0..out_height).map(|y| (y * out_width, out_width)).collect(),
            Layout::Taps => vec![(0, out_height * out_width)],
        };
        let mut waiting: Option<Pixels> = None;
        for (first, length) in runs {
            for at in (0..length).step_by(lanes) {
                // The last vector of a run overlaps the one before rather than hang over the end.
                let output = first + if at + lanes > length { length.saturating_sub(lanes) } else { at };
                let count = lanes.min(length);
                let input = match self.layout {
                    Layout::Rows => output / out_width * shape.stride * self.row_len + output % out_width,
                    Layout::Taps => output,
                };
                let inside: Vec<(usize, usize)> = (0..shape.kernel)
                    .map(|row| {
                        let (first, end) = shape.rows_inside(row);
                        let lane = |y: usize| (y * out_width).clamp(output, output + count) - output;
                        (lane(first), lane(end))
                    })
                    .collect();
                let touched = |range: &(usize, usize)| range.0 < range.1;
                let first_row = inside.iter().position(touched).unwrap_or(0);
                let end_row = inside.iter().rposition(touched).map_or(0, |row| row + 1);
                let rows = &inside[first_row..end_row];
                let whole = rows.iter().all(|range| *range == (0, count));
                let pixels = Pixels { input, output, lanes: count, first_row, end_row };
                if !whole {
                    let start = self.inside.len();
                    self.inside.extend(rows);
                    self.tiles.push(Tile::Masked(pixels, Inside { start, end: self.inside.len() }));
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
}
