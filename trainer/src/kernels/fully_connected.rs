//! A fully connected layer of one image.

use super::Instructions;
use super::simd::{Kernel, Simd};

/// A fully connected layer of one image, planned for a shape and an instruction level.
///
/// # Determinism
///
/// Each result is one chain of fused multiply-adds, the same at every instruction level:
///
/// - forward: from the bias, over the inputs in order.
/// - weight gradient: from the accumulator's value, one multiply-add an image; outputs whose gradient is 0 are
///   skipped.
/// - data gradient: from 0, over the outputs in order; outputs whose gradient is 0 are skipped.
#[derive(Debug, Clone)]
pub struct FullyConnected {
    inputs: usize,
    outputs: usize,
    instructions: Instructions,
}

impl FullyConnected {
    /// Plans a layer. A level that the machine lacks is replaced by the widest below it.
    pub fn new(inputs: usize, outputs: usize, instructions: Instructions) -> Self {
        Self { inputs, outputs, instructions: instructions.supported() }
    }

    /// Numbers of one image's input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers of one image's output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Outputs filled up to whole vectors.
    fn padded_outputs(&self) -> usize {
        self.outputs.next_multiple_of(self.instructions.lanes())
    }

    /// Lays out weights for [`forward`](Self::forward), once per step. The data gradient takes them as they are.
    ///
    /// # Shapes
    ///
    /// `weights`: `[outputs][inputs]`; `packed` is resized and overwritten.
    pub fn pack_forward(&self, weights: &[f32], packed: &mut Vec<f32>) {
        assert_eq!(weights.len(), self.outputs * self.inputs, "weights of {self:?}");
        let padded = self.padded_outputs();
        packed.clear();
        packed.resize(self.inputs * padded, 0.0);
        for output in 0..self.outputs {
            let weights = &weights[output * self.inputs..][..self.inputs];
            for (packed, weight) in packed.chunks_exact_mut(padded).zip(weights) {
                packed[output] = *weight;
            }
        }
    }

    /// Computes one image's output.
    ///
    /// # Shapes
    ///
    /// `packed`: from [`pack_forward`](Self::pack_forward); `bias`: `[outputs]`; `input`: `[inputs]`; `output`:
    /// `[outputs]`, overwritten.
    pub fn forward(&self, packed: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
        assert_eq!(input.len(), self.inputs, "input of {self:?}");
        assert_eq!(output.len(), self.outputs, "output of {self:?}");
        output.copy_from_slice(bias);
        if self.outputs > 0 {
            self.instructions.run(Forward { padded: self.padded_outputs(), packed, input, output });
        }
    }

    /// Numbers of the accumulator of [`weight_gradient`](Self::weight_gradient): weights, then biases.
    pub fn gradient_len(&self) -> usize {
        self.outputs * (self.inputs + 1)
    }

    /// Adds one image's gradient of weights and biases to the accumulator.
    ///
    /// Outputs marked in `frozen` are left out, with no work done for them.
    ///
    /// # Shapes
    ///
    /// `grad_output`: `[outputs]`; `input`: `[inputs]`; `frozen`: `[outputs]`; `accumulator`:
    /// [`gradient_len`](Self::gradient_len), `[outputs][inputs]` and then `[outputs]`, zeroed by the caller before
    /// the first image.
    pub fn weight_gradient(
        &self,
        grad_output: &[f32],
        input: &[f32],
        frozen: Option<&[bool]>,
        accumulator: &mut [f32],
    ) {
        assert_eq!(grad_output.len(), self.outputs, "output gradient of {self:?}");
        assert_eq!(input.len(), self.inputs, "input of {self:?}");
        assert_eq!(accumulator.len(), self.gradient_len(), "accumulator of {self:?}");
        self.instructions.run(WeightGradient { grad_output, input, frozen, accumulator });
    }

    /// Writes an accumulator out.
    ///
    /// # Shapes
    ///
    /// `accumulator`: [`gradient_len`](Self::gradient_len); `weights`: `[outputs][inputs]`; `bias`: `[outputs]`;
    /// both overwritten.
    pub fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let (from, biases) = accumulator.split_at(self.outputs * self.inputs);
        weights.copy_from_slice(from);
        bias.copy_from_slice(biases);
    }

    /// Computes one image's gradient of the input.
    ///
    /// # Shapes
    ///
    /// `weights`: `[outputs][inputs]`; `grad_output`: `[outputs]`; `grad_input`: `[inputs]`, overwritten.
    pub fn data_gradient(&self, weights: &[f32], grad_output: &[f32], grad_input: &mut [f32]) {
        assert_eq!(weights.len(), self.outputs * self.inputs, "weights of {self:?}");
        assert_eq!(grad_output.len(), self.outputs, "output gradient of {self:?}");
        assert_eq!(grad_input.len(), self.inputs, "input gradient of {self:?}");
        self.instructions.run(DataGradient { weights, grad_output, grad_input });
    }
}

struct Forward<'a> {
    padded: usize,
    packed: &'a [f32],
    input: &'a [f32],
    /// Holds the biases.
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let mut first = 0;
        while first < self.output.len() {
            first += match (self.output.len() - first).div_ceil(S::LANES) {
                1 => self.outputs::<S, 1>(simd, first),
                2..4 => self.outputs::<S, 2>(simd, first),
                4..8 => self.outputs::<S, 4>(simd, first),
                _ => self.outputs::<S, 8>(simd, first),
            };
        }
    }
}

impl Forward<'_> {
    /// Computes `VECTORS` vectors of outputs; returns how many outputs that is.
    #[inline(always)]
    fn outputs<S: Simd, const VECTORS: usize>(&mut self, simd: S, first: usize) -> usize {
        let mut sums = [simd.splat(0.0); VECTORS];
        let mut bias = [0.0; 16];
        for (v, sum) in sums.iter_mut().enumerate() {
            let from = &self.output[first + v * S::LANES..];
            let count = from.len().min(S::LANES);
            bias[..count].copy_from_slice(&from[..count]);
            *sum = simd.load(&bias);
        }
        for (weights, input) in self.packed.chunks_exact(self.padded).zip(self.input) {
            let weights = &weights[first..][..VECTORS * S::LANES];
            let input = simd.splat(*input);
            for v in 0..VECTORS {
                sums[v] = simd.mul_add(simd.load(&weights[v * S::LANES..]), input, sums[v]);
            }
        }
        for (v, sum) in sums.into_iter().enumerate() {
            let to = &mut self.output[first + v * S::LANES..];
            let count = to.len().min(S::LANES);
            simd.store_first(sum, &mut to[..count]);
        }
        VECTORS * S::LANES
    }
}

struct WeightGradient<'a> {
    grad_output: &'a [f32],
    input: &'a [f32],
    frozen: Option<&'a [bool]>,
    accumulator: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { grad_output, input, frozen, accumulator } = self;
        let (weights, biases) = accumulator.split_at_mut(grad_output.len() * input.len());
        for (output, (gradient, bias)) in grad_output.iter().zip(biases).enumerate() {
            if *gradient == 0.0 || frozen.is_some_and(|frozen| frozen[output]) {
                continue;
            }
            *bias += gradient;
            for (weight, input) in weights[output * input.len()..][..input.len()].iter_mut().zip(input) {
                *weight = gradient.mul_add(*input, *weight);
            }
        }
    }
}

struct DataGradient<'a> {
    weights: &'a [f32],
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for DataGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { weights, grad_output, grad_input } = self;
        let inputs = grad_input.len();
        grad_input.fill(0.0);
        for (output, gradient) in grad_output.iter().enumerate() {
            if *gradient == 0.0 {
                continue;
            }
            for (sum, weight) in grad_input.iter_mut().zip(&weights[output * inputs..][..inputs]) {
                *sum = gradient.mul_add(*weight, *sum);
            }
        }
    }
}
