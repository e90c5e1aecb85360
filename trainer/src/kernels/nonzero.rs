//! The list of an output's gradients that are not zero.

use super::Instructions;
use super::convolution::ConvolutionShape;
use super::simd::{Kernel, Simd};

/// The gradients of one image's convolution output that are not zero, filter by filter in raster order.
///
/// A buffer to be used again: [`Convolution::find`](super::Convolution::find) fills it for one image.
#[derive(Debug, Clone, Default)]
pub struct NonZero {
    /// The gradients, and behind the last one room of no interest.
    values: Vec<f32>,
    /// For each gradient the window's first pixel, `row * padded_width + column` of the padded input.
    positions: Vec<u32>,
    /// Where the entries of each output row begin: `[filters * out_height + 1]`.
    rows: Vec<u32>,
    /// Rows of an output map.
    height: usize,
    /// Room for what a row of windows of a pool gives: gradients of the upper and of the lower row, and positions.
    upper: Vec<f32>,
    lower: Vec<f32>,
    at: Vec<u32>,
}

/// What a max pool with windows of 2 × 2 has of one image, where it reads the rectified output of a convolution.
#[derive(Debug, Clone, Copy)]
pub struct Pooled<'a> {
    /// Where each maximum was, as `row * width + column` of its map.
    pub argmax: &'a [u32],
    /// The maxima.
    pub output: &'a [f32],
    /// Their gradients.
    pub gradient: &'a [f32],
}

/// A stretch of the list: gradients and their windows' first pixels, equally many.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    pub(super) values: &'a [f32],
    pub(super) positions: &'a [u32],
}

impl NonZero {
    /// How many gradients are not zero.
    pub fn len(&self) -> usize {
        self.rows.last().map_or(0, |end| *end as usize)
    }

    /// Whether all gradients are zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of the output rows `first..end` of `filter`.
    #[inline(always)]
    pub(super) fn rows(&self, filter: usize, first: usize, end: usize) -> Entries<'_> {
        let start = self.rows[filter * self.height + first] as usize;
        let stop = self.rows[filter * self.height + end] as usize;
        Entries { values: &self.values[start..stop], positions: &self.positions[start..stop] }
    }

    /// The entries of `filter`.
    #[inline(always)]
    pub(super) fn filter(&self, filter: usize) -> Entries<'_> {
        self.rows(filter, 0, self.height)
    }

    pub(super) fn find(&mut self, shape: &ConvolutionShape, instructions: Instructions, grad_output: &[f32]) {
        assert_eq!(grad_output.len(), shape.output_len(), "output gradient of {shape:?}");
        self.make_room(shape, instructions);
        instructions.run(Find { shape, grad_output, list: self });
    }

    /// The list that [`find`](Self::find) makes of what comes back through the pool and the rectified linear units.
    pub(super) fn find_pooled(&mut self, shape: &ConvolutionShape, instructions: Instructions, pooled: Pooled<'_>) {
        let outputs = shape.filters * (shape.out_height() / 2) * (shape.out_width() / 2);
        assert_eq!(pooled.argmax.len(), outputs, "argmax of a pool of the output of {shape:?}");
        assert_eq!(pooled.output.len(), outputs, "output of a pool of the output of {shape:?}");
        assert_eq!(pooled.gradient.len(), outputs, "output gradient of a pool of the output of {shape:?}");
        self.make_room(shape, instructions);
        let width = shape.out_width() / 2;
        self.upper.resize(width, 0.0);
        self.lower.resize(width, 0.0);
        self.at.resize(width, 0);
        instructions.run(FindPooled { shape, pooled, list: self });
    }

    fn make_room(&mut self, shape: &ConvolutionShape, instructions: Instructions) {
        let capacity = shape.output_len() + instructions.lanes();
        if self.values.len() < capacity {
            self.values.resize(capacity, 0.0);
            self.positions.resize(capacity, 0);
        }
        self.height = shape.out_height();
        self.rows.resize(shape.filters * self.height + 1, 0);
    }
}

struct Find<'a> {
    shape: &'a ConvolutionShape,
    grad_output: &'a [f32],
    list: &'a mut NonZero,
}

impl Kernel for Find<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, grad_output, list } = self;
        let stride = shape.stride as u32;
        let row_stride = stride * shape.padded_width() as u32;
        let width = shape.out_width();
        let (values, positions) = (&mut list.values[..], &mut list.positions[..]);
        let mut count = 0;
        let mut row = 0;
        for filter in 0..shape.filters {
            let map = &grad_output[filter * list.height * width..][..list.height * width];
            for y in 0..list.height {
                list.rows[row] = count as u32;
                row += 1;
                count += simd.nonzero(
                    &map[y * width..][..width],
                    y as u32 * row_stride,
                    stride,
                    &mut values[count..],
                    &mut positions[count..],
                );
            }
        }
        list.rows[row] = count as u32;
    }
}

struct FindPooled<'a> {
    shape: &'a ConvolutionShape,
    pooled: Pooled<'a>,
    list: &'a mut NonZero,
}

impl Kernel for FindPooled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, pooled, list } = self;
        let NonZero { values, positions, rows, height, upper, lower, at } = list;
        let stride = shape.stride as u32;
        let row_stride = stride * shape.padded_width() as u32;
        let width = shape.out_width() as u32;
        let across = shape.out_width() / 2;
        let mut count = 0;
        for filter in 0..shape.filters {
            let rows = &mut rows[filter * *height..][..*height];
            for y in 0..*height / 2 {
                let place = (filter * (*height / 2) + y) * across;
                let argmax = &pooled.argmax[place..][..across];
                let output = &pooled.output[place..][..across];
                let gradient = &pooled.gradient[place..][..across];
                let first = 2 * y as u32 * width;
                let (upper, lower, at) = (&mut upper[..across], &mut lower[..across], &mut at[..across]);
                for x in 0..across {
                    // 0 + gradient: as the pool adds it to a map of zeros.
                    let passed = if output[x] > 0.0 { 0.0 + gradient[x] } else { 0.0 };
                    let is_upper = argmax[x] < first + width;
                    upper[x] = if is_upper { passed } else { 0.0 };
                    lower[x] = if is_upper { 0.0 } else { passed };
                    let row = if is_upper { 2 * y as u32 } else { 2 * y as u32 + 1 };
                    at[x] = row * row_stride + (argmax[x] - row * width) * stride;
                }
                for (row, gradients) in [upper, lower].into_iter().enumerate() {
                    rows[2 * y + row] = count as u32;
                    count += simd.nonzero_at(gradients, at, &mut values[count..], &mut positions[count..]);
                }
            }
            // A row that no window reaches.
            if *height % 2 == 1 {
                rows[*height - 1] = count as u32;
            }
        }
        rows[shape.filters * *height] = count as u32;
    }
}
