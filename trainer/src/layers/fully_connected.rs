//! Fully connected layers: `kind = "fully-connected"`.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState};
use serde::{Deserialize, Serialize};

use super::activation::{Activation, Function};
use super::{
    Backward, Buffers, Built, Context, Initial, LayerKind, Operation, Packed, ParameterShape, Place, Role, Scratch,
    check_range,
};
use crate::TrainerError;
use crate::kernels::FullyConnected;

pub(crate) const KIND: LayerKind = LayerKind {
    name: "fully-connected",
    stem: "fc",
    role: Role::Opens,
    count: Some("units"),
    activation: Some("activation"),
    build,
};

/// Configuration of a fully connected layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Number of units.
    units: usize,
    /// What follows, per value.
    #[serde(default)]
    activation: Function,
}

fn build(spec: &LayerSpec, place: &Place) -> Result<Built, TrainerError> {
    let config: Config = spec.config()?;
    check_range(spec, "units", config.units, 1..=1_048_576)?;
    let dense = Dense::new(place, config.units);
    let activation = Activation::after(config.activation, dense.output(), place);
    let mut operations: Vec<Box<dyn Operation>> = vec![Box::new(dense)];
    operations.extend(activation);
    Ok(Built::new(&config, operations))
}

/// The product of a layer's weights with all values of its input.
#[derive(Debug)]
pub(crate) struct Dense {
    kernel: FullyConnected,
    inputs: usize,
    units: usize,
}

impl Dense {
    pub(crate) fn new(place: &Place, units: usize) -> Self {
        let inputs = place.input.len();
        Self { kernel: FullyConnected::new(inputs, units, place.instructions), inputs, units }
    }
}

impl Operation for Dense {
    fn output(&self) -> ImageShape {
        ImageShape { channels: self.units, height: 1, width: 1 }
    }

    fn parameters(&self) -> Option<ParameterShape> {
        Some(ParameterShape {
            filters: self.units,
            coefficients: self.inputs,
            initial: Initial::Normal { fan_in: self.inputs },
            decays: true,
            normalises: false,
        })
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
