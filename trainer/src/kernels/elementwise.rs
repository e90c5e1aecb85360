//! Activation functions and sums, number by number.
//!
//! # Determinism
//!
//! Each result is a function of one number. What is not exact by IEEE 754 goes through `libm`, whose code is the same
//! on every machine.

use super::Instructions;
use super::simd::{Kernel, Simd};

/// What is above 0, and 0 for what is not; NaN stays NaN, as in PyTorch.
///
/// # Shapes
///
/// `input` and `output` are equally long.
pub fn relu(instructions: Instructions, input: &[f32], output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "input and output of a rectified linear unit");
    instructions.run(Relu { input, output });
}

/// The gradient of the input: that of the output where this is above 0, else 0.
///
/// # Shapes
///
/// All are equally long.
pub fn relu_backward(instructions: Instructions, output: &[f32], grad_output: &[f32], grad_input: &mut [f32]) {
    assert_eq!(output.len(), grad_output.len(), "output and gradient of a rectified linear unit");
    assert_eq!(output.len(), grad_input.len(), "output and input gradient of a rectified linear unit");
    instructions.run(ReluBackward { output, grad_output, grad_input });
}

/// Adds to each value the one at its place.
///
/// # Shapes
///
/// `values` and `addends` are equally long.
pub fn add_to(instructions: Instructions, values: &mut [f32], addends: &[f32]) {
    assert_eq!(values.len(), addends.len(), "values and addends");
    instructions.run(AddTo { values, addends });
}

struct AddTo<'a> {
    values: &'a mut [f32],
    addends: &'a [f32],
}

impl Kernel for AddTo<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (value, addend) in self.values.iter_mut().zip(self.addends) {
            *value += addend;
        }
    }
}

/// What is above 0, and a hundredth, PyTorch's slope, of what is not; NaN stays NaN.
///
/// # Shapes
///
/// `input` and `output` are equally long.
pub fn leaky_relu(instructions: Instructions, input: &[f32], output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "input and output of a leaky rectified linear unit");
    instructions.run(LeakyRelu { input, output });
}

/// The gradient of the input: that of the output where this is above 0, else a hundredth of it.
///
/// # Shapes
///
/// All are equally long.
pub fn leaky_relu_backward(instructions: Instructions, output: &[f32], grad_output: &[f32], grad_input: &mut [f32]) {
    assert_eq!(output.len(), grad_output.len(), "output and gradient of a leaky rectified linear unit");
    assert_eq!(output.len(), grad_input.len(), "output and input gradient of a leaky rectified linear unit");
    instructions.run(LeakyReluBackward { output, grad_output, grad_input });
}

/// 1 / (1 + e⁻ˣ).
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// x·Φ(x), with Φ(x) = ½·(1 + erf(x/√2)).
pub fn gelu(x: f32) -> f32 {
    // The limits, where a product would be 0 · infinity.
    if x == f32::NEG_INFINITY { -0.0 } else { x * normal_distribution(x) }
}

/// The slope of [`gelu`]: Φ(x) + x·φ(x), with φ(x) = e^(−x²/2) / √(2π).
pub fn gelu_slope(x: f32) -> f32 {
    /// 1/√(2π)
    const PEAK: f32 = 0.398_942_3;
    let density = libm::expf(-0.5 * x * x) * PEAK;
    if x.is_infinite() { normal_distribution(x) } else { x.mul_add(density, normal_distribution(x)) }
}

fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The slope of a leaky rectified linear unit below 0.
const SLOPE: f32 = 0.01;

struct Relu<'a> {
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Relu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (output, value) in self.output.iter_mut().zip(self.input) {
            *output = if *value <= 0.0 { 0.0 } else { *value };
        }
    }
}

struct ReluBackward<'a> {
    output: &'a [f32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { output, grad_output, grad_input } = self;
        for ((target, output), gradient) in grad_input.iter_mut().zip(output).zip(grad_output) {
            *target = if *output > 0.0 { *gradient } else { 0.0 };
        }
    }
}

struct LeakyRelu<'a> {
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for LeakyRelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (output, value) in self.output.iter_mut().zip(self.input) {
            *output = if *value > 0.0 { *value } else { *value * SLOPE };
        }
    }
}

struct LeakyReluBackward<'a> {
    output: &'a [f32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for LeakyReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { output, grad_output, grad_input } = self;
        for ((target, output), gradient) in grad_input.iter_mut().zip(output).zip(grad_output) {
            *target = if *output > 0.0 { *gradient } else { *gradient * SLOPE };
        }
    }
}
