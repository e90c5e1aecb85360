//! Activation functions: `kind = "activation"`, and `activation = "…"` of
//! convolutions and fully connected layers.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::{Backward, Buffers, Built, Context, LayerKind, Operation, Place, Role, Scratch};
use crate::TrainerError;
use crate::kernels::{Instructions, relu, relu_backward};

pub(crate) const KIND: LayerKind = LayerKind {
    name: "activation",
    stem: "activation",
    role: Role::Joins,
    count: None,
    activation: Some("function"),
    build,
};

/// Configuration of an activation layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The function.
    function: Function,
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Function {
    /// None: values pass as they are.
    #[default]
    None,
    /// max(x, 0); its derivative at 0 is 0.
    Relu,
    /// The hyperbolic tangent, through `libm`.
    Tanh,
}

fn build(spec: &LayerSpec, place: &Place) -> Result<Built, TrainerError> {
    let config: Config = spec.config()?;
    Ok(Built::new(&config, Activation::after(config.function, place.input, place).into_iter().collect()))
}

#[derive(Debug)]
pub(crate) struct Activation {
    function: Function,
    shape: ImageShape,
    instructions: Instructions,
}

impl Activation {
    /// The operation of `function` on maps of `shape`, if it does anything.
    pub(crate) fn after(function: Function, shape: ImageShape, place: &Place) -> Option<Box<dyn Operation>> {
        (function != Function::None)
            .then(|| Box::new(Self { function, shape, instructions: place.instructions }) as Box<dyn Operation>)
    }
}

impl Operation for Activation {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        match self.function {
            Function::None => output.copy_from_slice(input),
            Function::Relu => {
                output.copy_from_slice(input);
                relu(self.instructions, output);
            }
            Function::Tanh => {
                for (out, &value) in output.iter_mut().zip(input) {
                    *out = libm::tanhf(value);
                }
            }
        }
    }

    fn backward(
        &self,
        _context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        _accumulator: Option<&mut [f32]>,
    ) {
        let Some(grad_input) = grad_input else { return };
        match self.function {
            Function::None => grad_input.copy_from_slice(maps.grad_output),
            Function::Relu => {
                grad_input.copy_from_slice(maps.grad_output);
                relu_backward(self.instructions, maps.output, grad_input);
            }
            Function::Tanh => {
                for ((out, &y), &gradient) in grad_input.iter_mut().zip(maps.output).zip(maps.grad_output) {
                    *out = gradient * (-y).mul_add(y, 1.0);
                }
            }
        }
    }
}
