//! Max pooling of one image.

use super::Instructions;
use super::pool::PoolShape;
use super::simd::{Kernel, Simd};

/// Max pooling of one image, planned for a shape and an instruction level.
///
/// Equal values: the first in raster order wins. NaN wins over numbers, the last NaN over those before it. (Both as in
/// PyTorch.)
///
/// # Determinism
///
/// The backward pass adds gradients to a map of zeros in raster order of the outputs.
#[derive(Debug, Clone)]
pub struct MaxPool {
    shape: PoolShape,
    instructions: Instructions,
}

impl MaxPool {
    /// Plans a pooling. A level that the machine lacks is replaced by the widest below it.
    ///
    /// # Panics
    ///
    /// If the stride is zero or the padding is more than half the window.
    pub fn new(shape: PoolShape, instructions: Instructions) -> Self {
        shape.check();
        Self { shape, instructions: instructions.supported() }
    }

    /// The shape that was planned.
    pub fn shape(&self) -> &PoolShape {
        &self.shape
    }

    /// Computes one image's output and where each maximum was, as `row * width + column` of its map.
    ///
    /// # Shapes
    ///
    /// `input`: `[channels][height][width]`; `output` and `argmax`: `[channels][out_height][out_width]`, overwritten.
    pub fn forward(&self, input: &[f32], output: &mut [f32], argmax: &mut [u32]) {
        let shape = &self.shape;
        assert_eq!(input.len(), shape.input_len(), "input of {shape:?}");
        assert_eq!(output.len(), shape.output_len(), "output of {shape:?}");
        assert_eq!(argmax.len(), shape.output_len(), "argmax of {shape:?}");
        self.instructions.run(MaxForward { shape, input, output, argmax });
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `argmax`: from [`forward`](Self::forward) for the same image; `grad_output`:
    /// `[channels][out_height][out_width]`; `grad_input`: `[channels][height][width]`, overwritten.
    pub fn backward(&self, argmax: &[u32], grad_output: &[f32], grad_input: &mut [f32]) {
        let shape = &self.shape;
        assert_eq!(argmax.len(), shape.output_len(), "argmax of {shape:?}");
        assert_eq!(grad_output.len(), shape.output_len(), "output gradient of {shape:?}");
        assert_eq!(grad_input.len(), shape.input_len(), "input gradient of {shape:?}");
        self.instructions.run(MaxBackward { shape, argmax, grad_output, grad_input });
    }
}

/// The larger of two values with their positions; NaN counts as larger than anything.
#[inline(always)]
fn larger((value, at): (f32, u32), (other, other_at): (f32, u32)) -> (f32, u32) {
    let replace = (other > value) | other.is_nan();
    (if replace { other } else { value }, if replace { other_at } else { at })
}

/// Runs `$body` for `$at` and a length `$n` that cover `0..$length`: eight at a time, then four, then one. The last
/// chunk may overlap the one before, so `$body` must only write what does not depend on what it wrote.
///
/// The compiler would leave what does not fill a vector to a loop with a branch for each comparison.
macro_rules! in_chunks {
    ($length:expr, $at:ident, $n:ident => $body:expr) => {
        match $length {
            8.. => in_chunks!(@of 8, $length, $at, $n => $body),
            4..8 => in_chunks!(@of 4, $length, $at, $n => $body),
            _ => in_chunks!(@of 1, $length, $at, $n => $body),
        }
    };
    (@of $size:literal, $length:expr, $at:ident, $n:ident => $body:expr) => {{
        const $n: usize = $size;
        let mut next = 0;
        while next < $length {
            let $at = next.min($length - $n);
            $body;
            next += $n;
        }
    }};
}

/// Two input rows under a row of windows of 2 × 2, as pairs of neighbours.
struct HalvedRows<'a> {
    /// Position of the top row's first pixel.
    first: u32,
    width: u32,
    top: &'a [[f32; 2]],
    bottom: &'a [[f32; 2]],
}

impl HalvedRows<'_> {
    /// Maxima and their positions of the windows `at..at + N`.
    #[inline(always)]
    fn maxima<const N: usize>(&self, at: usize, output: &mut [f32], argmax: &mut [u32]) {
        let (top, bottom) = (&self.top[at..][..N], &self.bottom[at..][..N]);
        let (output, argmax) = (&mut output[at..][..N], &mut argmax[at..][..N]);
        for x in 0..N {
            let ([a, b], [c, d]) = (top[x], bottom[x]);
            let at = self.first + 2 * (at + x) as u32;
            let best = larger((a, at), (b, at + 1));
            let best = larger(best, (c, at + self.width));
            (output[x], argmax[x]) = larger(best, (d, at + self.width + 1));
        }
    }
}

/// One input row's gradient under the windows `at..at + N` of 2 × 2; `first` is the position of its first pixel.
#[inline(always)]
fn spread<const N: usize>(first: u32, at: usize, argmax: &[u32], gradients: &[f32], pairs: &mut [[f32; 2]]) {
    let (argmax, gradients) = (&argmax[at..][..N], &gradients[at..][..N]);
    let pairs = &mut pairs[at..][..N];
    for x in 0..N {
        let at = first + 2 * (at + x) as u32;
        // 0 + gradient: −0 becomes 0, as in the sum that this stands for.
        let gradient = 0.0 + gradients[x];
        let even = if argmax[x] == at { gradient } else { 0.0 };
        let odd = if argmax[x] == at + 1 { gradient } else { 0.0 };
        pairs[x] = [even, odd];
    }
}

struct MaxForward<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
}

impl Kernel for MaxForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { shape, input, output, argmax } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        for channel in 0..shape.channels {
            let input = &input[channel * height * width..][..height * width];
            for y in 0..out_height {
                let at = (channel * out_height + y) * out_width;
                let (output, argmax) = (&mut output[at..][..out_width], &mut argmax[at..][..out_width]);
                if shape.halves() {
                    let rows = HalvedRows {
                        first: (2 * y * width) as u32,
                        width: width as u32,
                        top: input[2 * y * width..][..2 * out_width].as_chunks().0,
                        bottom: input[(2 * y + 1) * width..][..2 * out_width].as_chunks().0,
                    };
                    in_chunks!(out_width, at, N => rows.maxima::<N>(at, output, argmax));
                    continue;
                }
                let rows = shape.covered(y, height);
                for x in 0..out_width {
                    let columns = shape.covered(x, width);
                    let mut best = (f32::NEG_INFINITY, (rows.start * width + columns.start) as u32);
                    for row in rows.clone() {
                        for (column, value) in columns.clone().zip(&input[row * width..][columns.clone()]) {
                            best = larger(best, (*value, (row * width + column) as u32));
                        }
                    }
                    (output[x], argmax[x]) = best;
                }
            }
        }
    }
}

struct MaxBackward<'a> {
    shape: &'a PoolShape,
    argmax: &'a [u32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for MaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { shape, argmax, grad_output, grad_input } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        let out_pixels = out_height * out_width;
        for channel in 0..shape.channels {
            let map = &mut grad_input[channel * height * width..][..height * width];
            let argmax = &argmax[channel * out_pixels..][..out_pixels];
            let gradients = &grad_output[channel * out_pixels..][..out_pixels];
            if !shape.halves() {
                map.fill(0.0);
                for (at, gradient) in argmax.iter().zip(gradients) {
                    map[*at as usize] += gradient;
                }
                continue;
            }
            // Each input pixel has one output at most: written once, without a map of zeros to begin with.
            for (y, map) in map.chunks_mut(2 * width.max(1)).enumerate() {
                if y == out_height {
                    map.fill(0.0);
                    continue;
                }
                let (argmax, gradients) =
                    (&argmax[y * out_width..][..out_width], &gradients[y * out_width..][..out_width]);
                let (top, bottom) = map.split_at_mut(width);
                for (row, map) in [top, bottom].into_iter().enumerate() {
                    let first = ((2 * y + row) * width) as u32;
                    let (pairs, rest) = map.split_at_mut(2 * out_width);
                    // Mostly there is none, and to fill it would be a call for each row.
                    if !rest.is_empty() {
                        rest.fill(0.0);
                    }
                    let pairs = pairs.as_chunks_mut().0;
                    in_chunks!(out_width, at, N => spread::<N>(first, at, argmax, gradients, pairs));
                }
            }
        }
    }
}
