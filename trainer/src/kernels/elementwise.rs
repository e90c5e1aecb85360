//! Rectified linear units and sums, number by number.

use super::Instructions;
use super::simd::{Kernel, Simd};

/// Replaces what is not above 0 by 0; NaN stays NaN, as in PyTorch.
pub fn relu(instructions: Instructions, values: &mut [f32]) {
    instructions.run(Relu { values });
}

/// Sets the gradient to 0 where the unit's output is not above 0.
///
/// # Shapes
///
/// `output` and `gradient` are equally long.
pub fn relu_backward(instructions: Instructions, output: &[f32], gradient: &mut [f32]) {
    assert_eq!(output.len(), gradient.len(), "output and gradient of a rectified linear unit");
    instructions.run(ReluBackward { output, gradient });
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

struct Relu<'a> {
    values: &'a mut [f32],
}

impl Kernel for Relu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for value in self.values {
            *value = if *value <= 0.0 { 0.0 } else { *value };
        }
    }
}

struct ReluBackward<'a> {
    output: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (gradient, output) in self.gradient.iter_mut().zip(self.output) {
            *gradient = if *output > 0.0 { *gradient } else { 0.0 };
        }
    }
}
