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
        let capacity = shape.output_len() + instructions.lanes();
        if self.values.len() < capacity {
            self.values.resize(capacity, 0.0);
            self.positions.resize(capacity, 0);
        }
        self.height = shape.out_height();
        self.rows.resize(shape.filters * self.height + 1, 0);
        instructions.run(Find { shape, grad_output, list: self });
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
