//! Optimizers: one a file, each with the configuration it is written with.
//!
//! PyTorch 2's definitions are the reference. Weight decay is L2: decay · w is
//! added to the gradient of coefficients, not of biases.
//!
//! # Adding an optimizer
//! Write a file with its configuration, its update and an [`OptimizerKind`],
//! and add the kind to [`KINDS`].

mod adadelta;
mod adam;
mod sgd;

use std::fmt;

use revacnn_schemas::{OptimizerSpec, Parameters};
use serde::Serialize;

use crate::TrainerError;
use crate::kernels::Instructions;

/// Every kind of optimizer.
pub(crate) static KINDS: &[OptimizerKind] = &[adadelta::KIND, sgd::KIND, adam::KIND];

/// An optimizer and its parameters with every default written out.
pub(crate) type Resolved = (Parameters, Box<dyn Optimizer>);

/// A kind of optimizer.
pub(crate) struct OptimizerKind {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// Builds it; also writes every default out.
    pub(crate) build: fn(&OptimizerSpec) -> Result<Resolved, TrainerError>,
    /// Parameters whose default has changed, with the first default: what a
    /// recorded edit means that leaves one out. Later edits write them out.
    pub(crate) left_out: &'static [(&'static str, f64)],
}

/// An optimizer with its hyper-parameters; its memory is in the slots.
pub(crate) trait Optimizer: fmt::Debug + Send + Sync {
    /// Arrays it remembers for every parameter.
    fn slots(&self) -> usize;

    /// Learning rate.
    fn learning_rate(&self) -> f64;

    /// Momentum, if it has one.
    fn momentum(&self) -> Option<f64> {
        None
    }

    /// Weight decay.
    fn weight_decay(&self) -> f64;

    /// Moves `values` by one update, element by element.
    ///
    /// # Shapes
    /// `values`, `gradients` and each of `slots` have one length.
    fn update(&self, moment: Moment, tensors: Tensors<'_, '_>);
}

/// Where an update stands, and what it runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
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

/// Builds the optimizer that `spec` describes, and resolves the spec.
pub(crate) fn build(spec: &OptimizerSpec) -> Result<(OptimizerSpec, Box<dyn Optimizer>), TrainerError> {
    let kind = KINDS.iter().find(|kind| kind.name == spec.kind).ok_or_else(|| TrainerError::UnknownKind {
        what: "optimizer",
        found: spec.kind.clone(),
        known: KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
    })?;
    let (parameters, optimizer) = (kind.build)(spec)?;
    Ok((OptimizerSpec { kind: spec.kind.clone(), parameters }, optimizer))
}

/// Checks what an optimizer is to be, and writes every default out.
///
/// # Errors
/// An unknown kind or parameter, and a value that is out of range.
pub fn resolve_optimizer(spec: &OptimizerSpec) -> Result<OptimizerSpec, TrainerError> {
    build(spec).map(|(resolved, _)| resolved)
}

/// An edit's optimizer as it is recorded: what its default alone would not say
/// for ever is written out.
pub(crate) fn to_record(spec: &OptimizerSpec, resolved: &OptimizerSpec) -> OptimizerSpec {
    complete(spec, |name, _| resolved.parameters[name].clone())
}

/// The optimizer that a recorded edit meant when it was made.
pub(crate) fn as_recorded(spec: &OptimizerSpec) -> OptimizerSpec {
    complete(spec, |_, first_default| first_default.into())
}

/// The spec with a value for each parameter whose default has changed.
fn complete(spec: &OptimizerSpec, value: impl Fn(&str, f64) -> serde_json::Value) -> OptimizerSpec {
    let mut complete = spec.clone();
    let kind = KINDS.iter().find(|kind| kind.name == spec.kind);
    for &(name, first_default) in kind.map_or(&[][..], |kind| kind.left_out) {
        complete.parameters.entry(name).or_insert_with(|| value(name, first_default));
    }
    complete
}

/// The configuration as the parameters of a resolved spec.
fn resolved(config: &impl Serialize) -> Parameters {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => unreachable!("invariant: an optimizer's configuration is a struct of plain numbers"),
    }
}

/// Checks a hyper-parameter against its range.
fn check(name: &str, value: f64, expected: &'static str, valid: impl FnOnce(f64) -> bool) -> Result<(), TrainerError> {
    // Neither infinities nor numbers that vanish or overflow as f32 are of use.
    if (value as f32).is_finite() && valid(value) {
        return Ok(());
    }
    Err(TrainerError::OutOfRange { name: name.to_owned(), expected, found: value.to_string() })
}

fn check_common(learning_rate: f64, weight_decay: f64) -> Result<(), TrainerError> {
    check("learning-rate", learning_rate, "a finite number of at least 0", |value| value >= 0.0)?;
    check("weight-decay", weight_decay, "a finite number of at least 0", |value| value >= 0.0)
}

/// `base` to the power `exponent`, by squaring: the same on every machine.
pub(crate) fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_by_squaring_is_the_product() {
        assert_eq!(power(0.5, 10), 0.5_f64.powi(10));
        assert_eq!(power(0.9, 0), 1.0);
    }

    #[test]
    fn an_unknown_optimizer_is_refused_with_those_there_are() {
        let error = build(&OptimizerSpec::new("rmsprop")).unwrap_err().to_string();
        assert!(error.contains("adadelta, sgd, adam"), "{error}");
    }

    #[test]
    fn a_hyper_parameter_out_of_range_is_refused_by_name() {
        for (kind, name, value) in [
            ("sgd", "learning_rate", -1.0),
            ("sgd", "momentum", 1.5),
            ("adadelta", "rho", 1.0),
            ("adam", "beta2", -0.1),
            ("adam", "weight_decay", f64::from(f32::MAX) * 10.0),
        ] {
            let mut spec = OptimizerSpec::new(kind);
            spec.parameters.insert(name.into(), value.into());
            let error = build(&spec).unwrap_err().to_string();
            assert!(error.contains(&name.replace('_', "-")), "{error}");
        }
    }

    #[test]
    fn an_edit_keeps_the_default_that_it_was_made_with() {
        let epsilon = |spec: &OptimizerSpec| build(spec).unwrap().0.parameters["epsilon"].clone();
        let asked: OptimizerSpec = "adadelta,rho=0.9".parse().unwrap();
        assert_eq!(epsilon(&as_recorded(&asked)), 1e-6);
        let (resolved, _) = build(&asked).unwrap();
        assert_eq!(to_record(&asked, &resolved).to_string(), "adadelta,epsilon=1e-8,rho=0.9");
        assert_eq!(epsilon(&as_recorded(&to_record(&asked, &resolved))), 1e-8);
        let asked: OptimizerSpec = "sgd,momentum=0.9".parse().unwrap();
        assert_eq!(as_recorded(&asked), asked);
    }

    #[test]
    fn resolving_writes_every_default_out_and_is_idempotent() {
        for kind in KINDS {
            let (resolved, _) = build(&OptimizerSpec::new(kind.name)).unwrap();
            assert!(resolved.parameters.contains_key("learning_rate"));
            assert_eq!(build(&resolved).unwrap().0, resolved);
        }
    }
}
