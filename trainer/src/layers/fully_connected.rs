//! Fully connected layers: `kind = "fully-connected"`.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState, Parameters};
use serde::{Deserialize, Serialize};

use super::activation::{Activation, Function, OF_LAYER};
use super::kind::{Begin, Identity, Layer, LayerParameter, Ones, Role, Surroundings, check_range};
use super::operation::{Backward, Buffers, Context, Operation, Packed, ParameterShape, Scratch};
use super::start::{self, Start};
use crate::TrainerError;
use crate::exchange::Form;
use crate::kernels::FullyConnected;

/// Configuration of a fully connected layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Number of units.
    units: usize,
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

impl Layer for Config {
    const NAME: &'static str = "fully-connected";
    const STEM: &'static str = "fc";
    const ROLE: Role = Role::Opens;
    const COUNT: Option<&'static str> = Some("units");
    const ACTIVATION: Option<&'static str> = Some("activation");
    const IS_DRAWN: bool = true;
    const PARAMETERS: &'static [LayerParameter] =
        &[LayerParameter::number("units", "32"), OF_LAYER, start::INIT, start::BIAS_INIT];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        check_range(spec, "units", self.units, 1..=1_048_576)?;
        start::check_bias(spec, self.bias_init)?;
        let dense = Dense::new(around, self.units, self.init, self.bias_init);
        let activation = Activation::after(self.activation, dense.output(), around);
        let mut operations: Vec<Box<dyn Operation>> = vec![Box::new(dense)];
        operations.extend(activation);
        Ok(operations)
    }

    fn describe(&self) -> Vec<String> {
        std::iter::once(Self::NAME.to_owned()).chain(self.activation.describe()).collect()
    }

    /// An identity has a unit for each input.
    fn complete(parameters: &mut Parameters, input: ImageShape, begin: Begin) {
        if begin == Begin::Identity {
            parameters.entry("units").or_insert_with(|| input.len().into());
        }
    }

    fn identity(&self, input: ImageShape, not_negative: bool) -> Identity {
        let units = self.units;
        if units != input.len() {
            return Err(format!(
                "identity needs as many units as values reach the layer, {}, found {units}",
                input.len()
            ));
        }
        self.activation.idempotent(not_negative)?;
        Ok(Some(Ones { step: 1, first: 0, period: usize::MAX }))
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        std::iter::once(Form::FullyConnected { units: self.units }).chain(self.activation.form()).collect()
    }

    fn keeps_from_negative(&self, _not_negative: bool) -> bool {
        self.activation.keeps_from_negative(false)
    }
}

/// The product of a layer's weights with all values of its input.
#[derive(Debug)]
pub(super) struct Dense {
    kernel: FullyConnected,
    units: usize,
    parameters: ParameterShape,
}

impl Dense {
    pub(super) fn new(around: &Surroundings, units: usize, init: Start, bias: f64) -> Self {
        let inputs = around.input.len();
        let parameters =
            ParameterShape { bias: bias as f32, ..ParameterShape::weights(units, inputs, init.initial(inputs, units)) };
        Self { kernel: FullyConnected::new(inputs, units, around.instructions), units, parameters }
    }
}

impl Operation for Dense {
    fn output(&self) -> ImageShape {
        ImageShape { channels: self.units, height: 1, width: 1 }
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(self.parameters)
    }

    fn gradient_len(&self) -> usize {
        self.kernel.gradient_len()
    }

    fn pack(&self, state: &ParameterState, packed: &mut Packed) {
        self.kernel.pack_forward(&state.weights, &mut packed.forward);
    }

    fn forward(&self, context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        let state = context.state.expect("invariant: a fully connected layer has weights");
        self.kernel.forward(&context.packed.forward, &state.biases, input, output);
    }

    fn backward(
        &self,
        context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        accumulator: Option<&mut [f32]>,
    ) {
        let state = context.state.expect("invariant: a fully connected layer has weights");
        if let Some(accumulator) = accumulator {
            let frozen = state.frozen.contains(&true).then_some(&state.frozen[..]);
            self.kernel.weight_gradient(maps.grad_output, maps.input, frozen, accumulator);
        }
        if let Some(grad_input) = grad_input {
            self.kernel.data_gradient(&state.weights, maps.grad_output, grad_input);
        }
    }

    fn unpack_gradient(&self, accumulator: &[f32], weights: &mut [f32], biases: &mut [f32]) {
        self.kernel.unpack_gradient(accumulator, weights, biases);
    }
}
