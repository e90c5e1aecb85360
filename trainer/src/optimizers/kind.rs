//! What a kind of optimizer decides.

use std::fmt;

use revacnn_schemas::{OptimizerSpec, Parameters};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TrainerError;
use crate::kernels::Instructions;

/// The configuration that optimizers of one kind are written with: its fields
/// are the kind's hyper-parameters, each recorded and steered by its name.
pub(super) trait Configuration: Optimizer + Serialize + DeserializeOwned + 'static {
    /// The word on the command line.
    const NAME: &'static str;
    /// Parameters whose default has changed, with the first default: what a
    /// recorded edit means that leaves one out. Later edits write them out.
    const LEFT_OUT: &'static [(&'static str, f64)] = &[];

    /// Checks every hyper-parameter against its range.
    ///
    /// # Errors
    /// The one that is out of it, by name.
    fn check(&self) -> Result<(), TrainerError>;
}

/// An optimizer with its hyper-parameters; its memory is in the slots.
pub(crate) trait Optimizer: fmt::Debug + Send + Sync {
    /// Arrays that it remembers for every parameter.
    fn slots(&self) -> usize;

    /// Weight decay.
    fn weight_decay(&self) -> f64;

    /// Moves `values` by one update, element by element.
    ///
    /// # Shapes
    /// `values`, `gradients` and each of `slots` have one length.
    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>);
}

/// Where an update stands, and what it runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpdateContext {
    /// The number of this update, from 1, since the slots were zero.
    pub(crate) update: u64,
    /// What the schedule multiplies the learning rate by.
    pub(crate) rate: f64,
    /// Instructions of the kernels.
    pub(crate) instructions: Instructions,
}

/// The arrays of one update.
pub(crate) struct Tensors<'a, 'b> {
    pub(crate) values: &'a mut [f32],
    pub(crate) gradients: &'a [f32],
    pub(crate) slots: &'a mut [&'b mut [f32]],
    /// Weight decay of these values; 0 for biases.
    pub(crate) decay: f32,
}

/// An optimizer and its parameters with every default written out.
pub(crate) type Resolved = (Parameters, Box<dyn Optimizer>);

/// A kind of optimizer: its [`Configuration`], without the type.
pub(crate) struct OptimizerKind {
    /// [`Configuration::NAME`]
    pub(crate) name: &'static str,
    /// [`Configuration::LEFT_OUT`]
    pub(crate) left_out: &'static [(&'static str, f64)],
    /// Builds it; also writes every default out.
    pub(crate) build: fn(&OptimizerSpec) -> Result<Resolved, TrainerError>,
}

impl OptimizerKind {
    /// The kind whose optimizers are configured by `C`.
    pub(super) const fn of<C: Configuration>() -> Self {
        Self {
            name: C::NAME,
            left_out: C::LEFT_OUT,
            build: |spec| {
                let config: C = spec.config()?;
                config.check()?;
                let parameters = match serde_json::to_value(&config) {
                    Ok(serde_json::Value::Object(map)) => map,
                    _ => unreachable!("invariant: an optimizer's configuration is a struct of plain numbers"),
                };
                Ok((parameters, Box::new(config)))
            },
        }
    }
}

/// Checks a hyper-parameter against its range.
pub(super) fn check(
    name: &str,
    value: f64,
    expected: &'static str,
    valid: impl FnOnce(f64) -> bool,
) -> Result<(), TrainerError> {
    // Neither infinities nor numbers that vanish or overflow as f32 are of use.
    if (value as f32).is_finite() && valid(value) {
        return Ok(());
    }
    Err(TrainerError::OutOfRange { name: name.to_owned(), expected, found: value.to_string() })
}

/// Checks what every optimizer has.
pub(super) fn check_common(learning_rate: f64, weight_decay: f64) -> Result<(), TrainerError> {
    check("learning-rate", learning_rate, "a finite number of at least 0", |value| value >= 0.0)?;
    check("weight-decay", weight_decay, "a finite number of at least 0", |value| value >= 0.0)
}
