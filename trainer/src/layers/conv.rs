//! Convolution: `kind = "conv"`.
//!
//! A square kernel over all channels has kernels of its own; groups, dilation, and what
//! differs by side go to the general ones.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState, Parameters};
use serde::{Deserialize, Serialize};

use super::activation::{Activation, Function, OF_LAYER};
use super::kind::{Begin, Identity, Layer, LayerParameter, Ones, Role, Surroundings, check_range, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Packed, ParameterShape, Scratch};
use super::sides::{Pair, Sides};
use super::start::{self, Start};
use crate::TrainerError;
use crate::exchange::{Form, Window};
use crate::kernels::{Convolution, ConvolutionShape, GeneralConvolution, GeneralShape};

/// Configuration of a convolution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Number of filters.
    filters: usize,
    /// Rows and columns of a filter.
    kernel: Pair,
    /// Pixels from one window to the next.
    #[serde(default = "one")]
    stride: Pair,
    /// Pixels of zeros around the input.
    #[serde(default)]
    pad: Sides,
    /// Pixels from one tap of a filter to the next.
    #[serde(default = "one", skip_serializing_if = "Pair::is_one")]
    dilation: Pair,
    /// Groups of channels, each read by as many filters of its own; as many as channels is a depthwise convolution.
    #[serde(default = "one_group", skip_serializing_if = "is_one")]
    groups: usize,
    /// What follows, per value.
    #[serde(default)]
    activation: Function,
    /// How the coefficients are drawn.
    #[serde(default, skip_serializing_if = "Start::is_default")]
    init: Start,
    /// What the biases begin with.
    #[serde(default, skip_serializing_if = "start::is_zero")]
    bias_init: f64,
}

fn one() -> Pair {
    Pair::ONE
}

fn one_group() -> usize {
    1
}

fn is_one(groups: &usize) -> bool {
    *groups == 1
}

impl Config {
    fn shape(&self, input: ImageShape) -> GeneralShape {
        let ImageShape { channels, height, width } = input;
        GeneralShape {
            channels,
            height,
            width,
            filters: self.filters,
            groups: self.groups,
            kernel: self.kernel.0,
            stride: self.stride.0,
            dilation: self.dilation.0,
            padding: self.pad.0,
        }
    }

    /// What the kernels of a square, dense convolution compute, if it is one.
    fn plain(&self, input: ImageShape) -> Option<ConvolutionShape> {
        let ImageShape { channels, height, width } = input;
        let Self { filters, kernel: Pair([kernel, columns]), stride: Pair([stride, across]), .. } = *self;
        let [padding, others @ ..] = self.pad.0;
        let is_square = kernel == columns && stride == across && others == [padding; 3];
        (is_square && self.groups == 1 && self.dilation.is_one()).then_some(ConvolutionShape {
            channels,
            height,
            width,
            filters,
            kernel,
            stride,
            padding,
        })
    }

    /// Checks what can be said of the numbers alone, before anything is computed of them.
    fn check(&self, spec: &LayerSpec, input: ImageShape) -> Result<(), TrainerError> {
        check_range(spec, "filters", self.filters, 1..=65_536)?;
        for axis in [0, 1] {
            check_range(spec, "kernel", self.kernel.0[axis], 1..=64)?;
            check_range(spec, "stride", self.stride.0[axis], 1..=64)?;
            check_range(spec, "dilation", self.dilation.0[axis], 1..=64)?;
        }
        let shape = self.shape(input);
        for (side, &pad) in self.pad.0.iter().enumerate() {
            check_range(spec, "pad", pad, 0..=shape.reach(side / 2) - 1)?;
        }
        let channels = input.channels;
        if self.groups == 0 || !channels.is_multiple_of(self.groups) || !self.filters.is_multiple_of(self.groups) {
            return Err(refuse(
                spec,
                format!(
                    "groups must divide the {channels} channels that reach the layer and its {} filters, found {}",
                    self.filters, self.groups
                ),
            ));
        }
        if shape.padded_height() < shape.reach(0) || shape.padded_width() < shape.reach(1) {
            let dilated = if self.dilation.is_one() {
                String::new()
            } else {
                format!(", over {}×{} pixels by its dilation,", shape.reach(0), shape.reach(1))
            };
            return Err(refuse(
                spec,
                format!(
                    "a kernel of {}{dilated} needs an input of at least that size, found {input} with {} of padding",
                    self.kernel.times(),
                    self.pad
                ),
            ));
        }
        start::check_bias(spec, self.bias_init)
    }
}

impl Layer for Config {
    const NAME: &'static str = "conv";
    const ROLE: Role = Role::Opens;
    const COUNT: Option<&'static str> = Some("filters");
    const ACTIVATION: Option<&'static str> = Some("activation");
    const IS_DRAWN: bool = true;
    const PARAMETERS: &'static [LayerParameter] = &[
        LayerParameter::number("filters", "16"),
        LayerParameter::number("kernel", "3"),
        LayerParameter::number("stride", ""),
        LayerParameter::number("pad", ""),
        LayerParameter::number("dilation", ""),
        LayerParameter::number("groups", ""),
        OF_LAYER,
        start::INIT,
        start::BIAS_INIT,
    ];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        self.check(spec, around.input)?;
        let shape = self.shape(around.input);
        let [rows, columns] = self.kernel.0;
        let parameters = ParameterShape {
            groups: self.groups,
            kernel: (rows != columns).then_some([rows, columns]),
            bias: self.bias_init as f32,
            // As PyTorch counts them: of all filters, whatever the groups.
            ..ParameterShape::weights(
                self.filters,
                shape.filter_len(),
                self.init.initial(shape.filter_len(), self.filters * rows * columns),
            )
        };
        let convolution: Box<dyn Operation> = match self.plain(around.input) {
            Some(shape) => Box::new(Conv(Convolution::new(shape, around.instructions), parameters)),
            None => Box::new(General(GeneralConvolution::new(shape, around.instructions), parameters)),
        };
        let activation = Activation::after(self.activation, convolution.output(), around);
        let mut operations = vec![convolution];
        operations.extend(activation);
        Ok(operations)
    }

    fn describe(&self) -> Vec<String> {
        let window = format!("{} {}", Self::NAME, self.kernel.times());
        let spaced = [("stride", self.stride), ("dilation", self.dilation)];
        let spaced = spaced.into_iter().filter(|(_, pair)| !pair.is_one()).map(|(name, pair)| format!("{name} {pair}"));
        let groups = (self.groups > 1).then(|| format!("{} groups", self.groups));
        std::iter::once(window).chain(spaced).chain(groups).chain(self.activation.describe()).collect()
    }

    /// It keeps channels, rows and columns unless told otherwise. What passes
    /// its input on has the smallest kernel that sees neighbours, where there are any.
    fn complete(parameters: &mut Parameters, input: ImageShape, begin: Begin) {
        parameters.entry("filters").or_insert_with(|| input.channels.into());
        if begin == Begin::Identity {
            let least = if input.height.min(input.width) < 3 { 1 } else { 3 };
            parameters.entry("kernel").or_insert_with(|| least.into());
        }
        let pair =
            |name: &str| parameters.get(name).and_then(|value| serde_json::from_value::<Pair>(value.clone()).ok());
        let dilation = pair("dilation").unwrap_or(Pair::ONE);
        let kernel =
            pair("kernel").filter(|kernel| kernel.0.iter().all(|taps| (1..=64).contains(taps) && taps % 2 == 1));
        if let Some(kernel) = kernel.filter(|_| dilation.0.iter().all(|pixels| (1..=64).contains(pixels))) {
            let same = |axis: usize| (kernel.0[axis] - 1) / 2 * dilation.0[axis];
            let pad = Sides([same(0), same(0), same(1), same(1)]);
            let pad = serde_json::to_value(pad).expect("invariant: numbers by side are JSON");
            parameters.entry("pad").or_insert(pad);
        }
    }

    fn identity(&self, input: ImageShape, not_negative: bool) -> Identity {
        let Self { filters, kernel, stride, pad, activation, .. } = *self;
        if filters != input.channels {
            return Err(format!(
                "identity needs as many filters as channels reach the layer, {}, found {filters}",
                input.channels
            ));
        }
        if kernel.0.iter().any(|taps| taps % 2 == 0) {
            return Err(format!("identity needs an odd kernel, which has a centre, found {kernel}"));
        }
        let same = |axis: usize| (kernel.0[axis] - 1) / 2 * self.dilation.0[axis];
        let centred = Sides([same(0), same(0), same(1), same(1)]);
        if !stride.is_one() || pad != centred {
            return Err(format!(
                "identity needs stride 1 and pad {centred}, so that maps keep their size, found stride {stride} and \
                 pad {pad}"
            ));
        }
        activation.idempotent(not_negative)?;
        let area = kernel.0[0] * kernel.0[1];
        Ok(Some(Ones { step: area, first: area / 2, period: input.channels / self.groups }))
    }

    fn keeps_from_negative(&self, _not_negative: bool) -> bool {
        self.activation.keeps_from_negative(false)
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let window =
            Window { kernel: self.kernel.0, stride: self.stride.0, dilation: self.dilation.0, pad: self.pad.0 };
        let convolution = Form::Convolution { filters: self.filters, groups: self.groups, window };
        std::iter::once(convolution).chain(self.activation.form()).collect()
    }

    fn array_axes(&self, input: ImageShape) -> Vec<usize> {
        self.coefficient_axes(input).into()
    }

    fn coefficient_axes(&self, input: ImageShape) -> [usize; 3] {
        [input.channels / self.groups, self.kernel.0[0], self.kernel.0[1]]
    }
}

#[derive(Debug)]
struct Conv(Convolution, ParameterShape);

impl Operation for Conv {
    fn output(&self) -> ImageShape {
        let shape = self.0.shape();
        ImageShape { channels: shape.filters, height: shape.out_height(), width: shape.out_width() }
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(self.1)
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

#[derive(Debug)]
struct General(GeneralConvolution, ParameterShape);

impl Operation for General {
    fn output(&self) -> ImageShape {
        let shape = self.0.shape();
        ImageShape { channels: shape.filters, height: shape.out_height(), width: shape.out_width() }
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(self.1)
    }

    fn scratch_len(&self) -> usize {
        self.0.scratch_len()
    }

    fn gradient_len(&self) -> usize {
        self.0.gradient_len()
    }

    fn pack(&self, state: &ParameterState, packed: &mut Packed) {
        self.0.pack_backward(&state.weights, &mut packed.backward);
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        let state = context.state.expect("invariant: a convolution has weights");
        self.0.forward(&state.weights, &state.biases, input, output, &mut scratch.values);
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
        self.0.prepare(maps.grad_output, &mut buffers.scatter);
        if let Some(accumulator) = accumulator {
            let frozen = state.frozen.contains(&true).then_some(&state.frozen[..]);
            self.0.weight_gradient(&buffers.scatter, &maps.scratch.values, frozen, accumulator);
        }
        if let Some(grad_input) = grad_input {
            self.0.data_gradient(&context.packed.backward, &mut buffers.scatter, grad_input);
        }
    }

    fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], biases: &mut [f32]) {
        self.0.unpack_gradient(accumulator, weights, biases);
    }
}
