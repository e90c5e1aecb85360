//! How coefficients and biases begin: `init` and `bias-init` of layers that are drawn.

use revacnn_schemas::LayerSpec;
use serde::{Deserialize, Serialize};

use super::kind::{LayerParameter, refuse};
use super::operation::Initial;
use crate::TrainerError;

/// The words of the ways to draw.
pub(super) const STARTS: &[&str] = &["normal", "he", "glorot", "orthogonal"];

/// What names the way, for forms.
pub(super) const INIT: LayerParameter = LayerParameter::word("init", "", STARTS);

/// What the biases begin with, for forms.
pub(super) const BIAS_INIT: LayerParameter = LayerParameter::number("bias_init", "");

/// A way to draw coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Start {
    /// N(0, 1/fan-in).
    #[default]
    Normal,
    /// N(0, 2/fan-in), for layers before a ReLU; PyTorch's `kaiming_normal_`. Source: He, Zhang, Ren and Sun,
    /// *Delving Deep into Rectifiers* (2015).
    He,
    /// Uniform up to √(6 / (fan-in + fan-out)); PyTorch's `xavier_uniform_`. Source: Glorot and Bengio,
    /// *Understanding the difficulty of training deep feedforward neural networks* (2010).
    Glorot,
    /// Filters of length 1 that are orthogonal to one another, or, where there are more filters than coefficients of
    /// one, coefficients that are; PyTorch's `orthogonal_`. Source: Saxe, McClelland and Ganguli, *Exact solutions to
    /// the nonlinear dynamics of learning in deep linear neural networks* (2014).
    Orthogonal,
}

impl Start {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::Normal
    }

    /// It for outputs of `fan_in` inputs, and inputs of `fan_out` outputs.
    pub(super) fn initial(self, fan_in: usize, fan_out: usize) -> Initial {
        match self {
            Self::Normal => Initial::Normal { fan_in },
            Self::He => Initial::He { fan_in },
            Self::Glorot => Initial::Glorot { fan_in, fan_out },
            Self::Orthogonal => Initial::Orthogonal { fan_in },
        }
    }
}

/// Whether a number is 0, which is not written.
pub(super) fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// Checks what the biases begin with.
pub(super) fn check_bias(spec: &LayerSpec, bias: f64) -> Result<(), TrainerError> {
    if (bias as f32).is_finite() {
        return Ok(());
    }
    Err(refuse(spec, format!("bias-init must be finite as a 32-bit number, found {bias}")))
}
