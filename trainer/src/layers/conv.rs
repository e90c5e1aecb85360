//! Convolution: `kind = "conv"`.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState, Parameters};
use serde::{Deserialize, Serialize};

use super::activation::{Activation, Function, OF_LAYER};
use super::kind::{Begin, Identity, Layer, LayerParameter, Ones, Role, Surroundings, check_range, refuse};
use super::operation::{Backward, Buffers, Context, Initial, Operation, Packed, ParameterShape, Scratch};
use crate::TrainerError;
use crate::exchange::{Form, Window};
use crate::kernels::{Convolution, ConvolutionShape};

/// Configuration of a convolution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
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

impl Layer for Config {
    const NAME: &'static str = "conv";
    const ROLE: Role = Role::Opens;
    const COUNT: Option<&'static str> = Some("filters");
    const ACTIVATION: Option<&'static str> = Some("activation");
    const PARAMETERS: &'static [LayerParameter] = &[
        LayerParameter::number("filters", "16"),
        LayerParameter::number("kernel", "3"),
        LayerParameter::number("stride", ""),
        LayerParameter::number("pad", ""),
        OF_LAYER,
    ];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        check_range(spec, "filters", self.filters, 1..=65_536)?;
        check_range(spec, "kernel", self.kernel, 1..=64)?;
        check_range(spec, "stride", self.stride, 1..=64)?;
        check_range(spec, "pad", self.pad, 0..=self.kernel.saturating_sub(1))?;
        let ImageShape { channels, height, width } = around.input;
        let padded = (height + 2 * self.pad, width + 2 * self.pad);
        if padded.0 < self.kernel || padded.1 < self.kernel {
            return Err(refuse(
                spec,
                format!(
                    "a kernel of {0}×{0} needs an input of at least that size, found {1} with {2} of padding",
                    self.kernel, around.input, self.pad
                ),
            ));
        }
        let convolution = Convolution::new(
            ConvolutionShape {
                channels,
                height,
                width,
                filters: self.filters,
                kernel: self.kernel,
                stride: self.stride,
                padding: self.pad,
            },
            around.instructions,
        );
        let convolution = Conv(convolution);
        let activation = Activation::after(self.activation, convolution.output(), around);
        let mut operations: Vec<Box<dyn Operation>> = vec![Box::new(convolution)];
        operations.extend(activation);
        Ok(operations)
    }

    fn describe(&self) -> Vec<String> {
        let window = format!("{} {1}×{1}", Self::NAME, self.kernel);
        std::iter::once(window).chain(self.activation.describe()).collect()
    }

    /// It keeps channels, rows and columns unless told otherwise. What passes
    /// its input on has the smallest kernel that sees neighbours, where there are any.
    fn complete(parameters: &mut Parameters, input: ImageShape, begin: Begin) {
        parameters.entry("filters").or_insert_with(|| input.channels.into());
        if begin == Begin::Identity {
            let least = if input.height.min(input.width) < 3 { 1 } else { 3 };
            parameters.entry("kernel").or_insert_with(|| least.into());
        }
        let kernel = parameters.get("kernel").and_then(serde_json::Value::as_u64);
        if let Some(kernel) = kernel.filter(|kernel| kernel % 2 == 1) {
            parameters.entry("pad").or_insert_with(|| ((kernel - 1) / 2).into());
        }
    }

    fn identity(&self, input: ImageShape, not_negative: bool) -> Identity {
        let Self { filters, kernel, stride, pad, activation } = *self;
        if filters != input.channels {
            return Err(format!(
                "identity needs as many filters as channels reach the layer, {}, found {filters}",
                input.channels
            ));
        }
        if kernel % 2 == 0 {
            return Err(format!("identity needs an odd kernel, which has a centre, found {kernel}"));
        }
        let same = (kernel - 1) / 2;
        if stride != 1 || pad != same {
            return Err(format!(
                "identity needs stride 1 and pad {same}, so that maps keep their size, found stride {stride} and \
                 pad {pad}"
            ));
        }
        activation.idempotent(not_negative)?;
        let area = kernel * kernel;
        Ok(Some(Ones { step: area, first: area / 2 }))
    }

    fn keeps_from_negative(&self, _not_negative: bool) -> bool {
        self.activation.keeps_from_negative(false)
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let window = Window { kernel: self.kernel, stride: self.stride, pad: self.pad };
        let convolution = Form::Convolution { filters: self.filters, window };
        std::iter::once(convolution).chain(self.activation.form()).collect()
    }

    fn array_axes(&self, input: ImageShape) -> Vec<usize> {
        self.coefficient_axes(input).into()
    }

    fn coefficient_axes(&self, input: ImageShape) -> [usize; 3] {
        [input.channels, self.kernel, self.kernel]
    }
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
