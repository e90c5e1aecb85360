//! Layers that pass their input on (Net2Deeper), and those that cannot.
//!
//! Source: Chen, Goodfellow and Shlens, *Net2Net* (2016), section 2.3: equal
//! width, a kernel with a centre, and an activation that applied twice is what
//! it is applied once.

use revacnn_schemas::{ImageShape, LayerSpec, ParameterState};
use serde_json::Value;

use super::arrays;
use super::draft::Draft;
use crate::layers;

/// Where the coefficients of an identity are 1: filter f's at f·`step` +
/// `first`. All others are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ones {
    step: usize,
    first: usize,
}

/// What makes the layer that `spec` describes an identity; `None` if it is one
/// without coefficients.
///
/// # Errors
/// Why it cannot be one.
pub(super) fn check(spec: &LayerSpec, input: ImageShape, not_negative: bool) -> Result<Option<Ones>, String> {
    let number = |name: &str| spec.parameters.get(name).and_then(Value::as_u64).unwrap_or(0) as usize;
    let text = |name: &str| spec.parameters.get(name).and_then(Value::as_str).unwrap_or("none");
    let idempotent = |function: &str| match function {
        "none" => Ok(()),
        "relu" if not_negative => Ok(()),
        "relu" => Err("identity cannot hold: relu would cut off negative values, and what reaches the layer is not \
             the output of a relu; use activation=none"
            .to_owned()),
        other => Err(format!("identity cannot hold: {other} applied twice is not {other}; use activation=none")),
    };
    match spec.kind.as_str() {
        "conv" => {
            let (filters, kernel, stride, pad) = (number("filters"), number("kernel"), number("stride"), number("pad"));
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
            idempotent(text("activation"))?;
            let area = kernel * kernel;
            Ok(Some(Ones { step: area, first: area / 2 }))
        }
        "fully-connected" => {
            let units = number("units");
            if units != input.len() {
                return Err(format!(
                    "identity needs as many units as values reach the layer, {}, found {units}",
                    input.len()
                ));
            }
            idempotent(text("activation"))?;
            Ok(Some(Ones { step: 1, first: 0 }))
        }
        "activation" => idempotent(text("function")).map(|()| None),
        "dropout" if spec.parameters.get("rate").and_then(Value::as_f64) == Some(0.0) => Ok(None),
        "pool" if (number("kernel"), number("stride"), number("pad")) == (1, 1, 0) => Ok(None),
        kind => Err(format!(
            "a layer of kind {kind} has no coefficients that make it pass its input on; leave init=identity out"
        )),
    }
}

/// Gives a layer the coefficients of the identity.
pub(super) fn set(state: &mut ParameterState, ones: Ones) {
    state.weights.fill(0.0);
    for filter in 0..state.biases.len() {
        let start = arrays::row(state, filter).start;
        state.weights[start + filter * ones.step + ones.first] = 1.0;
    }
}

/// Whether no value that reaches `place` is negative: the last activation
/// before it is relu, with only pooling and dropout between.
pub(super) fn not_negative(draft: &Draft, place: usize) -> bool {
    for layer in draft.definition.network.layers[..place].iter().rev() {
        let function = layers::kind(&layer.kind).ok().and_then(|kind| kind.activation);
        let function = function.map(|name| layer.parameters.get(name).and_then(Value::as_str).unwrap_or("none"));
        match (layer.kind.as_str(), function) {
            ("pool" | "dropout", _) | ("activation", Some("none")) => {}
            (_, function) => return function == Some("relu"),
        }
    }
    false
}
