//! Convolution: `kind = "conv"`.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState};
use serde::{Deserialize, Serialize};

use super::activation::{Activation, Function};
use super::{
    Backward, Buffers, Built, Context, Initial, LayerKind, Operation, Packed, ParameterShape, Place, Role, Scratch,
    check_range, refuse,
};
use crate::TrainerError;
use crate::kernels::{Convolution, ConvolutionShape};

pub(crate) const KIND: LayerKind = LayerKind {
    name: "conv",
    stem: "conv",
    role: Role::Opens,
    count: Some("filters"),
    activation: Some("activation"),
    build,
};

/// Configuration of a convolution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Number of filters.
    filters: usize,
    /// Rows and columns of a filter.
    kernel: usize,
    /// Pixels from one window to the next.
    #[serde(default = "one")]
    stride: usize,
    /// Pixels of zeros around the input.
    #[serde(default)]
    pad: usize,
    /// What follows, per value.
    #[serde(default)]
    activation: Function,
}

fn one() -> usize {
    1
}

fn build(spec: &LayerSpec, place: &Place) -> Result<Built, TrainerError> {
    let config: Config = spec.config()?;
    check_range(spec, "filters", config.filters, 1..=65_536)?;
    check_range(spec, "kernel", config.kernel, 1..=64)?;
    check_range(spec, "stride", config.stride, 1..=64)?;
    check_range(spec, "pad", config.pad, 0..=config.kernel.saturating_sub(1))?;
    let ImageShape { channels, height, width } = place.input;
    let padded = (height + 2 * config.pad, width + 2 * config.pad);
    if padded.0 < config.kernel || padded.1 < config.kernel {
        return Err(refuse(
            spec,
            format!(
                "a kernel of {0}×{0} needs an input of at least that size, found {1} with {2} of padding",
                config.kernel, place.input, config.pad
            ),
        ));
    }
    let convolution = Convolution::new(
        ConvolutionShape {
            channels,
            height,
            width,
            filters: config.filters,
            kernel: config.kernel,
            stride: config.stride,
            padding: config.pad,
        },
        place.instructions,
    );
    let convolution = Conv(convolution);
    let activation = Activation::after(config.activation, convolution.output(), place);
    let mut operations: Vec<Box<dyn Operation>> = vec![Box::new(convolution)];
    operations.extend(activation);
    Ok(Built::new(&config, operations))
}

#[derive(Debug)]
struct Conv(Convolution);

impl Operation for Conv {
    fn output(&self) -> ImageShape {
        let shape = self.0.shape();
        ImageShape { channels: shape.filters, height: shape.out_height(), width: shape.out_width() }
    }

    fn parameters(&self) -> Option<ParameterShape> {
        let shape = self.0.shape();
        Some(ParameterShape {
            filters: shape.filters,
            coefficients: shape.filter_len(),
            initial: Initial::Normal { fan_in: shape.filter_len() },
            decays: true,
            normalises: false,
        })
    }

    fn scratch_len(&self) -> usize {
        self.0.scratch_len()
    }

    fn gradient_len(&self) -> usize {
        self.0.gradient_len()
    }

    fn pack(&self, state: &ParameterState, packed: &mut Packed) {
        self.0.pack_forward(&state.weights, &mut packed.forward);
        self.0.pack_backward(&state.weights, &mut packed.backward);
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let state = context.state.expect("invariant: a convolution has weights");
        let packed = &context.packed.forward;
        // Only the gradient of weights reads what is kept.
        let keep = context.image.keep && state.frozen.contains(&false);
        self.0.forward(packed, &state.biases, input, output, &mut scratch.values, keep);
    }

    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        accumulator: Option<&mut [f32]>,
    ) {
        let state = context.state.expect("invariant: a convolution has weights");
        self.0.find(maps.grad_output, &mut buffers.nonzero);
        if let Some(accumulator) = accumulator {
            let frozen = state.frozen.contains(&true).then_some(&state.frozen[..]);
            self.0.weight_gradient(&buffers.nonzero, &maps.scratch.values, frozen, accumulator);
        }
        if let Some(grad_input) = grad_input {
            self.0.data_gradient(&context.packed.backward, &buffers.nonzero, &mut buffers.scatter, grad_input);
        }
    }

    fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], biases: &mut [f32]) {
        self.0.unpack_gradient(accumulator, weights, biases);
    }
}
