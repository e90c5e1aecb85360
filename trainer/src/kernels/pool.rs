//! Max and average pooling of one image. Shapes as in PyTorch with `ceil_mode=False`.

use super::Instructions;
use super::convolution::windows;
use super::simd::{Kernel, Simd};

/// The shape of a pooling of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Maps, pooled each for itself.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of a window.
    pub kernel: usize,
    /// Pixels between two neighbouring windows, at least 1.
    pub stride: usize,
    /// Rows and columns around the input that windows may reach into, at most half the window as in PyTorch.
    pub padding: usize,
}

impl PoolShape {
    /// Rows of the output; 0 where the window does not fit the padded input.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of the output; 0 where the window does not fit the padded input.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers of one image's input, `channels * height * width`.
    pub fn input_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Numbers of one image's output, `channels * out_height * out_width`.
    pub fn output_len(&self) -> usize {
        self.channels * self.out_height() * self.out_width()
    }

    /// The image's rows or columns, of `length`, under window `index`.
    #[inline(always)]
    fn covered(&self, index: usize, length: usize) -> std::ops::Range<usize> {
        let first = index * self.stride;
        let end = (first + self.kernel)
            .saturating_sub(self.padding)
            .min(length);
        first.saturating_sub(self.padding).min(end)..end
    }

    /// Whether windows of 2 × 2 tile the input: the common case, with loops of its own that vectorise.
    fn halves(&self) -> bool {
        (self.kernel, self.stride, self.padding) == (2, 2, 0)
    }

    fn check(&self) {
        assert!(self.stride > 0, "pooling needs a stride of at least 1");
        assert!(
            2 * self.padding <= self.kernel,
            "pooling pads by at most half its window: {self:?}"
        );
    }
}

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
        Self {
            shape,
            instructions: instructions.supported(),
        }
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
        self.instructions.run(MaxForward {
            shape,
            input,
            output,
            argmax,
        });
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
        assert_eq!(
            grad_output.len(),
            shape.output_len(),
            "output gradient of {shape:?}"
        );
        assert_eq!(
            grad_input.len(),
            shape.input_len(),
            "input gradient of {shape:?}"
        );
        self.instructions.run(MaxBackward {
            shape,
            argmax,
            grad_output,
            grad_input,
        });
    }
}

/// The larger of two values with their positions; NaN counts as larger than anything.
#[inline(always)]
fn larger((value, at): (f32, u32), (other, other_at): (f32, u32)) -> (f32, u32) {
    let replace = (other > value) | other.is_nan();
    (
        if replace { other } else { value },
        if replace { other_at } else { at },
    )
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
fn spread<const N: usize>(
    first: u32,
    at: usize,
    argmax: &[u32],
    gradients: &[f32],
    pairs: &mut [[f32; 2]],
) {
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
        let Self {
            shape,
            input,
            output,
            argmax,
        } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        for channel in 0..shape.channels {
            let input = &input[channel * height * width..][..height * width];
            for y in 0..out_height {
                let at = (channel * out_height + y) * out_width;
                let (output, argmax) = (
                    &mut output[at..][..out_width],
                    &mut argmax[at..][..out_width],
                );
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
                    let mut best = (
                        f32::NEG_INFINITY,
                        (rows.start * width + columns.start) as u32,
                    );
                    for row in rows.clone() {
                        for (column, value) in
                            columns.clone().zip(&input[row * width..][columns.clone()])
                        {
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
        let Self {
            shape,
            argmax,
            grad_output,
            grad_input,
        } = self;
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
                let (argmax, gradients) = (
                    &argmax[y * out_width..][..out_width],
                    &gradients[y * out_width..][..out_width],
                );
                let (top, bottom) = map.split_at_mut(width);
                for (row, map) in [top, bottom].into_iter().enumerate() {
                    let first = ((2 * y + row) * width) as u32;
                    let (pairs, rest) = map.split_at_mut(2 * out_width);
                    rest.fill(0.0);
                    let pairs = pairs.as_chunks_mut().0;
                    in_chunks!(out_width, at, N => spread::<N>(first, at, argmax, gradients, pairs));
                }
            }
        }
    }
}

/// Average pooling of one image, planned for a shape and an instruction level.
///
/// The padding counts as zeros (PyTorch's `count_include_pad=True`).
///
/// # Determinism
///
/// Forward: the window's pixels inside the image are added in raster order from 0, then multiplied by the reciprocal
/// of `kernel * kernel`. Backward: each output's gradient times that reciprocal is added to a map of zeros, in raster
/// order of the outputs.
#[derive(Debug, Clone)]
pub struct AveragePool {
    shape: PoolShape,
    instructions: Instructions,
}

impl AveragePool {
    /// Plans a pooling. A level that the machine lacks is replaced by the widest below it.
    ///
    /// # Panics
    ///
    /// If the stride is zero or the padding is more than half the window.
    pub fn new(shape: PoolShape, instructions: Instructions) -> Self {
        shape.check();
        Self {
            shape,
            instructions: instructions.supported(),
        }
    }

    /// The shape that was planned.
    pub fn shape(&self) -> &PoolShape {
        &self.shape
    }

    /// Computes one image's output.
    ///
    /// # Shapes
    ///
    /// `input`: `[channels][height][width]`; `output`: `[channels][out_height][out_width]`, overwritten.
    pub fn forward(&self, input: &[f32], output: &mut [f32]) {
        let shape = &self.shape;
        assert_eq!(input.len(), shape.input_len(), "input of {shape:?}");
        assert_eq!(output.len(), shape.output_len(), "output of {shape:?}");
        self.instructions.run(AverageForward {
            shape,
            input,
            output,
        });
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `grad_output`: `[channels][out_height][out_width]`; `grad_input`: `[channels][height][width]`, overwritten.
    pub fn backward(&self, grad_output: &[f32], grad_input: &mut [f32]) {
        let shape = &self.shape;
        assert_eq!(
            grad_output.len(),
            shape.output_len(),
            "output gradient of {shape:?}"
        );
        assert_eq!(
            grad_input.len(),
            shape.input_len(),
            "input gradient of {shape:?}"
        );
        self.instructions.run(AverageBackward {
            shape,
            grad_output,
            grad_input,
        });
    }
}

/// 1 / (kernel * kernel).
fn reciprocal(shape: &PoolShape) -> f32 {
    1.0 / (shape.kernel * shape.kernel) as f32
}

struct AverageForward<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for AverageForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self {
            shape,
            input,
            output,
        } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        let reciprocal = reciprocal(shape);
        for channel in 0..shape.channels {
            let input = &input[channel * height * width..][..height * width];
            for y in 0..out_height {
                let output = &mut output[(channel * out_height + y) * out_width..][..out_width];
                if shape.halves() {
                    let top =
                        &input[2 * y * width..][..2 * out_width].as_chunks::<2>().0[..out_width];
                    let bottom = &input[(2 * y + 1) * width..][..2 * out_width]
                        .as_chunks::<2>()
                        .0[..out_width];
                    for x in 0..out_width {
                        let ([a, b], [c, d]) = (top[x], bottom[x]);
                        output[x] = ((((0.0 + a) + b) + c) + d) * reciprocal;
                    }
                    continue;
                }
                for (x, output) in output.iter_mut().enumerate() {
                    let columns = shape.covered(x, width);
                    let mut sum = 0.0;
                    for row in shape.covered(y, height) {
                        for value in &input[row * width..][columns.clone()] {
                            sum += value;
                        }
                    }
                    *output = sum * reciprocal;
                }
            }
        }
    }
}

struct AverageBackward<'a> {
    shape: &'a PoolShape,
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for AverageBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self {
            shape,
            grad_output,
            grad_input,
        } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        let reciprocal = reciprocal(shape);
        grad_input.fill(0.0);
        for channel in 0..shape.channels {
            let map = &mut grad_input[channel * height * width..][..height * width];
            for y in 0..out_height {
                let gradients = &grad_output[(channel * out_height + y) * out_width..][..out_width];
                for (x, gradient) in gradients.iter().enumerate() {
                    let share = gradient * reciprocal;
                    let columns = shape.covered(x, width);
                    for row in shape.covered(y, height) {
                        for sum in &mut map[row * width..][columns.clone()] {
                            *sum += share;
                        }
                    }
                }
            }
        }
    }
}
