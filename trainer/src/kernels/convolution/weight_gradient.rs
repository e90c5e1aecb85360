//! The gradient of weights and biases: for each nonzero output gradient the window under it, scaled.
//!
//! The input is kept with its channels last, so that a kernel row's window is one run of `kernel * channels` numbers
//! at any stride. Lanes run over that run; a group of kernel rows stays in registers for all entries of a filter.
//! Kernel rows do not see the same entries at the image's edges, so a group goes in stretches of output rows, each for
//! the kernel rows that are inside the image there. Each accumulator still sees its entries in raster order.

use std::ops::Range;

use super::shape::ConvolutionShape;
use crate::kernels::Instructions;
use crate::kernels::nonzero::{Entries, NonZero};
use crate::kernels::simd::{Kernel, Simd, Windows};

/// The weight gradient of a shape at an instruction level.
#[derive(Debug, Clone)]
pub(super) struct WeightPlan {
    /// Numbers of an accumulator's kernel row: `kernel * channels` filled up to whole vectors.
    row_len: usize,
    /// Numbers of the channels-last input, with room for the last vector to read on.
    input_len: usize,
    /// What is added up at once, in this order.
    stretches: Vec<Stretch>,
}

/// For the entries of the output rows `first_output..end_output`: the kernel rows `first_row..first_row + rows`, all
/// inside the image there, of each the vectors `first_vector..first_vector + vectors`.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first_output: usize,
    end_output: usize,
    first_row: usize,
    rows: usize,
    first_vector: usize,
    vectors: usize,
}

/// Vectors a group at most.
const MOST_VECTORS: usize = 8;

impl WeightPlan {
    pub(super) fn new(shape: &ConvolutionShape, instructions: Instructions) -> Self {
        let (lanes, accumulators) = match instructions {
            Instructions::Scalar => (1, 8),
            Instructions::Avx2 => (8, 15),
            Instructions::Avx512 => (16, 26),
        };
        let vectors = (shape.kernel * shape.channels).div_ceil(lanes);
        let row_len = vectors * lanes;
        let pixels = shape.padded_height() * shape.padded_width();
        let mut stretches = Vec::new();
        let pieces = vectors.div_ceil(MOST_VECTORS);
        for piece in 0..pieces {
            let (first_vector, end) = (vectors * piece / pieces, vectors * (piece + 1) / pieces);
            let mut first_row = 0;
            while first_row < shape.kernel {
                let fits =
                    |rows: &usize| first_row + rows <= shape.kernel && rows * (end - first_vector) <= accumulators;
                let rows = [5, 4, 3, 2].into_iter().find(fits).unwrap_or(1);
                for (outputs, kernel_rows) in inside(shape, first_row..first_row + rows) {
                    stretches.push(Stretch {
                        first_output: outputs.start,
                        end_output: outputs.end,
                        first_row: kernel_rows.start,
                        rows: kernel_rows.len(),
                        first_vector,
                        vectors: end - first_vector,
                    });
                }
                first_row += rows;
            }
        }
        Self { row_len, input_len: pixels * shape.channels + row_len, stretches }
    }

    /// Numbers of the channels-last input.
    pub(super) fn input_len(&self) -> usize {
        self.input_len
    }

    pub(super) fn gradient_len(&self, shape: &ConvolutionShape) -> usize {
        shape.filters * (shape.kernel * self.row_len + 1)
    }

    /// Copies the input to `[padded_height][padded_width][channels]`; the rows of padding are never read.
    pub(super) fn prepare(
        &self,
        shape: &ConvolutionShape,
        instructions: Instructions,
        input: &[f32],
        channels_last: &mut [f32],
    ) {
        instructions.run(Prepare { shape, input, channels_last });
    }

    pub(super) fn run(
        &self,
        shape: &ConvolutionShape,
        instructions: Instructions,
        list: &NonZero,
        channels_last: &[f32],
        frozen: Option<&[bool]>,
        accumulator: &mut [f32],
    ) {
        if shape.out_pixels() > 0 {
            instructions.run(WeightGradient { plan: self, shape, list, channels_last, frozen, accumulator });
        }
    }

    pub(super) fn unpack(&self, shape: &ConvolutionShape, accumulator: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let (kernel, channels) = (shape.kernel, shape.channels);
        let (filters, biases) = accumulator.split_at(shape.filters * kernel * self.row_len);
        bias.copy_from_slice(biases);
        if weights.is_empty() {
            return;
        }
        for (rows, weights) in
            filters.chunks_exact(kernel * self.row_len).zip(weights.chunks_exact_mut(shape.filter_len()))
        {
            for (y, row) in rows.chunks_exact(self.row_len).enumerate() {
                for (x, tap) in row.chunks_exact(channels).take(kernel).enumerate() {
                    let weights = weights[y * kernel + x..].iter_mut().step_by(kernel * kernel);
                    weights.zip(tap).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

struct Prepare<'a> {
    shape: &'a ConvolutionShape,
    input: &'a [f32],
    channels_last: &'a mut [f32],
}

impl Kernel for Prepare<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { shape, input, channels_last } = self;
        let (channels, width, height) = (shape.channels, shape.width, shape.height);
        let row_len = shape.padded_width() * channels;
        if channels == 0 {
            return;
        }
        for y in 0..height {
            let to = &mut channels_last[(y + shape.padding) * row_len..][..row_len];
            let (left, to) = to.split_at_mut(shape.padding * channels);
            let (to, right) = to.split_at_mut(width * channels);
            left.fill(0.0);
            right.fill(0.0);
            for channel in 0..channels {
                let from = &input[(channel * height + y) * width..][..width];
                for (pixel, value) in to.chunks_exact_mut(channels).zip(from) {
                    pixel[channel] = *value;
                }
            }
        }
    }
}

struct WeightGradient<'a> {
    plan: &'a WeightPlan,
    shape: &'a ConvolutionShape,
    list: &'a NonZero,
    channels_last: &'a [f32],
    frozen: Option<&'a [bool]>,
    /// `[filters][kernel][row_len]`, then `[filters]`
    accumulator: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { plan, shape, list, channels_last, frozen, accumulator } = self;
        let filter_len = shape.kernel * plan.row_len;
        let (filters, biases) = accumulator.split_at_mut(shape.filters * filter_len);
        add_biases(list, frozen, biases);
        for filter in 0..shape.filters {
            if frozen.is_some_and(|frozen| frozen[filter]) {
                continue;
            }
            let rows = &mut filters[filter * filter_len..][..filter_len];
            for stretch in &plan.stretches {
                let entries = list.rows(filter, stretch.first_output, stretch.end_output);
                if !entries.values.is_empty() {
                    accumulate(simd, plan, shape, channels_last, rows, stretch, entries);
                }
            }
        }
    }
}

/// The output rows for which some of these kernel rows are inside the image, in order, each run with those that are.
fn inside(shape: &ConvolutionShape, kernel_rows: Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let mut ends: Vec<usize> = kernel_rows.clone().flat_map(|row| <[usize; 2]>::from(shape.rows_inside(row))).collect();
    ends.sort_unstable();
    ends.dedup();
    let runs = ends.windows(2).map(|ends| ends[0]..ends[1]);
    let with_rows = |outputs: Range<usize>| {
        let is_inside = |row: &usize| {
            let (first, end) = shape.rows_inside(*row);
            first <= outputs.start && outputs.end <= end
        };
        // The first kernel row is the last to come inside, the last one the first to leave: those inside are neighbours.
        let first = kernel_rows.clone().find(is_inside)?;
        Some((outputs.clone(), first..kernel_rows.clone().rfind(is_inside)? + 1))
    };
    runs.filter_map(with_rows).collect()
}

/// Adds each filter's gradients to its bias, four filters side by side because each sum waits for itself.
#[inline(always)]
fn add_biases(list: &NonZero, frozen: Option<&[bool]>, biases: &mut [f32]) {
    let is_frozen = |filter: usize| frozen.is_some_and(|frozen| frozen[filter]);
    for (block, biases) in biases.chunks_mut(4).enumerate() {
        let mut values: [&[f32]; 4] = [&[]; 4];
        let mut sums = [0.0; 4];
        for (lane, bias) in biases.iter().enumerate() {
            let filter = block * 4 + lane;
            if !is_frozen(filter) {
                values[lane] = list.filter(filter).values;
            }
            sums[lane] = *bias;
        }
        let shared = values.iter().map(|values| values.len()).min().unwrap_or(0);
        let [a, b, c, d] = values.map(|values| &values[..shared]);
        for i in 0..shared {
            sums = [sums[0] + a[i], sums[1] + b[i], sums[2] + c[i], sums[3] + d[i]];
        }
        for (lane, bias) in biases.iter_mut().enumerate() {
            *bias = values[lane][shared..].iter().fold(sums[lane], |sum, value| sum + value);
        }
    }
}

#[inline(always)]
fn accumulate<S: Simd>(
    simd: S,
    plan: &WeightPlan,
    shape: &ConvolutionShape,
    channels_last: &[f32],
    rows: &mut [f32],
    stretch: &Stretch,
    entries: Entries<'_>,
) {
    let window_row_len = shape.padded_width() * shape.channels;
    let sum = Sum {
        channels: shape.channels,
        window: &channels_last[stretch.first_row * window_row_len + stretch.first_vector * S::LANES..],
        window_row_len,
        rows: &mut rows[stretch.first_row * plan.row_len + stretch.first_vector * S::LANES..],
        row_len: plan.row_len,
        entries,
    };
    // Conditions on constants: each instruction level keeps only those that its registers hold.
    macro_rules! instantiate {
        ($($rows:literal: $($vectors:literal)+;)+) => {
            match (stretch.rows, stretch.vectors) {
                $($(($rows, $vectors) if $rows == 1 || $rows * $vectors <= S::ACCUMULATORS => sum.add::<S, $rows, $vectors>(simd),)+)+
                _ => unreachable!("invariant: the plan made {stretch:?} for other instructions"),
            }
        };
    }
    instantiate! {
        1: 1 2 3 4 5 6 7 8;
        2: 1 2 3 4 5 6 7 8;
        3: 1 2 3 4 5 6 7 8;
        4: 1 2 3 4 5 6 7;
        5: 1 2 3 4 5;
    }
}

/// Entries of one filter and the part of its accumulator that they are added to.
struct Sum<'a> {
    channels: usize,
    /// The channels-last input from the stretch's first kernel row and vector on.
    window: &'a [f32],
    window_row_len: usize,
    /// The accumulator from the stretch's first kernel row and vector on.
    rows: &'a mut [f32],
    row_len: usize,
    entries: Entries<'a>,
}

impl Sum<'_> {
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { channels, window, window_row_len, rows, row_len, entries } = self;
        let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
        for (r, sums) in sums.iter_mut().enumerate() {
            for v in 0..VECTORS {
                sums[v] = simd.load(&rows[r * row_len + v * S::LANES..]);
            }
        }
        let windows = Windows::new(window, ROWS, window_row_len, VECTORS * S::LANES);
        for (value, position) in entries.values.iter().zip(entries.positions) {
            let gradient = simd.splat(*value);
            let window = *position as usize * channels;
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add(gradient, windows.load(simd, window, r, v * S::LANES), *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for v in 0..VECTORS {
                simd.store(sums[v], &mut rows[r * row_len + v * S::LANES..]);
            }
        }
    }
}
