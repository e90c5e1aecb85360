//! Average pooling of one image.

use super::Instructions;
use super::pool::PoolShape;
use super::simd::{Kernel, Simd};

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
        Self { shape, instructions: instructions.supported() }
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
        self.instructions.run(AverageForward { shape, input, output });
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `grad_output`: `[channels][out_height][out_width]`; `grad_input`: `[channels][height][width]`, overwritten.
    pub fn backward(&self, grad_output: &[f32], grad_input: &mut [f32]) {
        let shape = &self.shape;
        assert_eq!(grad_output.len(), shape.output_len(), "output gradient of {shape:?}");
        assert_eq!(grad_input.len(), shape.input_len(), "input gradient of {shape:?}");
        self.instructions.run(AverageBackward { shape, grad_output, grad_input });
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
        let Self { shape, input, output } = self;
        let (height, width) = (shape.height, shape.width);
        let (out_height, out_width) = (shape.out_height(), shape.out_width());
        let reciprocal = reciprocal(shape);
        for channel in 0..shape.channels {
            let input = &input[channel * height * width..][..height * width];
            for y in 0..out_height {
                let output = &mut output[(channel * out_height + y) * out_width..][..out_width];
                if shape.halves() {
                    let top = &input[2 * y * width..][..2 * out_width].as_chunks::<2>().0[..out_width];
                    let bottom = &input[(2 * y + 1) * width..][..2 * out_width].as_chunks::<2>().0[..out_width];
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
        let Self { shape, grad_output, grad_input } = self;
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
