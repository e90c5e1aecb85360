//! Activation functions: `kind = "activation"`, and `activation = "…"` of
//! convolutions and fully connected layers.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Identity, Layer, LayerParameter, Role, Surroundings};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::Form;
use crate::kernels::{Instructions, gelu, gelu_slope, leaky_relu, leaky_relu_backward, relu, relu_backward, sigmoid};

/// The words of the functions.
const FUNCTIONS: &[&str] = &["none", "relu", "tanh", "leaky-relu", "sigmoid", "gelu"];

/// What names the function of a layer of another kind, for its form.
pub(super) const OF_LAYER: LayerParameter = LayerParameter::word("activation", "relu", FUNCTIONS);

/// Configuration of an activation layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The function.
    function: Function,
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    /// None: values pass as they are.
    #[default]
    None,
    /// max(x, 0); its derivative at 0 is 0.
    Relu,
    /// The hyperbolic tangent, through `libm`.
    Tanh,
    /// x above 0, and x/100 below: PyTorch's slope.
    LeakyRelu,
    /// 1 / (1 + e⁻ˣ), through `libm`.
    Sigmoid,
    /// x·Φ(x), Φ being the normal distribution, by the error function of `libm`: PyTorch's exact form.
    /// Source: Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).
    Gelu,
}

impl Function {
    /// Its word.
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::LeakyRelu => "leaky-relu",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "gelu",
        }
    }

    /// Its word, if it does anything.
    pub(super) fn describe(self) -> Option<String> {
        (self != Self::None).then(|| self.word().to_owned())
    }

    /// What it is to other programs, if it does anything.
    pub(super) fn form(self) -> Option<Form> {
        match self {
            Self::None => None,
            Self::Relu => Some(Form::Relu),
            Self::Tanh => Some(Form::Tanh),
            Self::LeakyRelu => Some(Form::LeakyRelu),
            Self::Sigmoid => Some(Form::Sigmoid),
            Self::Gelu => Some(Form::Gelu),
        }
    }

    /// Whether applied twice it is what it is applied once, to values that may
    /// be known not to be negative: an identity needs that.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn idempotent(self, not_negative: bool) -> Result<(), String> {
        let word = self.word();
        match self {
            Self::None => Ok(()),
            Self::Relu | Self::LeakyRelu if not_negative => Ok(()),
            Self::Relu => Err("identity cannot hold: relu would cut off negative values, and what reaches the layer \
                               is not the output of a relu; use activation=none"
                .to_owned()),
            Self::LeakyRelu => Err("identity cannot hold: leaky-relu would make negative values smaller, and what \
                                    reaches the layer is not the output of a relu; use activation=none"
                .to_owned()),
            Self::Tanh | Self::Sigmoid | Self::Gelu => {
                Err(format!("identity cannot hold: {word} applied twice is not {word}; use activation=none"))
            }
        }
    }

    /// Whether no value that it gives is negative, where `not_negative` says
    /// so of those that it gets.
    pub(super) fn keeps_from_negative(self, not_negative: bool) -> bool {
        match self {
            Self::None | Self::LeakyRelu | Self::Gelu => not_negative,
            Self::Relu | Self::Sigmoid => true,
            Self::Tanh => false,
        }
    }
}

impl Layer for Config {
    const NAME: &'static str = "activation";
    const ROLE: Role = Role::Joins;
    const ACTIVATION: Option<&'static str> = Some("function");
    const PARAMETERS: &'static [LayerParameter] = &[LayerParameter::word("function", "relu", FUNCTIONS)];

    fn build(&mut self, _spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        Ok(Activation::after(self.function, around.input, around).into_iter().collect())
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        self.function.form().into_iter().collect()
    }

    fn describe(&self) -> Vec<String> {
        vec![self.function.describe().unwrap_or_else(|| Self::NAME.to_owned())]
    }

    fn identity(&self, _input: ImageShape, not_negative: bool) -> Identity {
        self.function.idempotent(not_negative).map(|()| None)
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        self.function.keeps_from_negative(not_negative)
    }
}

#[derive(Debug)]
pub(super) struct Activation {
    function: Function,
    shape: ImageShape,
    instructions: Instructions,
}

impl Activation {
    /// The operation of `function` on maps of `shape`, if it does anything.
    pub(super) fn after(function: Function, shape: ImageShape, around: &Surroundings) -> Option<Box<dyn Operation>> {
        (function != Function::None)
            .then(|| Box::new(Self { function, shape, instructions: around.instructions }) as Box<dyn Operation>)
    }
}

impl Operation for Activation {
    fn output(&self) -> ImageShape {
        self.shape
    }

    fn is_relu(&self) -> bool {
        self.function == Function::Relu
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        match self.function {
            Function::None => output.copy_from_slice(input),
            Function::Relu => relu(self.instructions, input, output),
            Function::Tanh => {
                for (out, &value) in output.iter_mut().zip(input) {
                    *out = libm::tanhf(value);
                }
            }
            Function::LeakyRelu => leaky_relu(self.instructions, input, output),
            Function::Sigmoid => {
                for (out, &value) in output.iter_mut().zip(input) {
                    *out = sigmoid(value);
                }
            }
            Function::Gelu => {
                for (out, &value) in output.iter_mut().zip(input) {
                    *out = gelu(value);
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
            Function::Relu => relu_backward(self.instructions, maps.output, maps.grad_output, grad_input),
            Function::Tanh => {
                for ((out, &y), &gradient) in grad_input.iter_mut().zip(maps.output).zip(maps.grad_output) {
                    *out = gradient * (-y).mul_add(y, 1.0);
                }
            }
            Function::LeakyRelu => {
                leaky_relu_backward(self.instructions, maps.output, maps.grad_output, grad_input);
            }
            Function::Sigmoid => {
                for ((out, &y), &gradient) in grad_input.iter_mut().zip(maps.output).zip(maps.grad_output) {
                    *out = gradient * (y * (1.0 - y));
                }
            }
            Function::Gelu => {
                for ((out, &x), &gradient) in grad_input.iter_mut().zip(maps.input).zip(maps.grad_output) {
                    *out = gradient * gelu_slope(x);
                }
            }
        }
    }
}
