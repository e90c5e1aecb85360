//! Optimizers: one per file, each with the configuration it is written with.
//!
//! PyTorch 2's definitions are the reference. Weight decay is L2: decay · w is
//! added to the gradient of coefficients, not of biases; of AdamW it is not of
//! the gradient.
//!
//! | file | concept |
//! |---|---|
//! | `common` | what every optimizer has: L1 decay, clipping |
//! | `kind` | what a kind of optimizer decides |
//! | `adadelta`, `adam`, `sgd`, … | one kind each |
//! | `power` | powers that are the same on every machine |
//!
//! # Adding an optimizer
//! Write a file with its configuration, which implements
//! `kind::Configuration`, and its update; name it here, as a module and in
//! [`KINDS`].

mod adadelta;
mod adagrad;
mod adam;
mod adamw;
mod common;
mod kind;
mod nesterov;
mod power;
mod rmsprop;
mod sgd;
mod windowgrad;

use revacnn_schemas::OptimizerSpec;

use crate::TrainerError;
use kind::{OptimizerKind, Ranged};

pub(crate) use adam::DEFAULT;
pub use common::COMMON_PARAMETERS;
pub(crate) use common::{Common, sum};
pub(crate) use kind::{Optimizer, Tensors, UpdateContext};
pub(crate) use power::power;

/// The hyper-parameter that a schedule changes.
pub(crate) const LEARNING_RATE: &str = "learning_rate";

/// Every kind of optimizer.
pub(crate) static KINDS: &[OptimizerKind] = &[
    OptimizerKind::of::<adadelta::Adadelta>(),
    OptimizerKind::of::<sgd::Sgd>(),
    OptimizerKind::of::<adam::Adam>(),
    OptimizerKind::of::<nesterov::Nesterov>(),
    OptimizerKind::of::<adagrad::Adagrad>(),
    OptimizerKind::of::<rmsprop::RmsProp>(),
    OptimizerKind::of::<adamw::AdamW>(),
    OptimizerKind::of::<windowgrad::Windowgrad>(),
];

/// The kinds' names, in the order in which help lists them.
pub fn optimizer_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// An optimizer that was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// Its description, every default written out.
    pub(crate) resolved: OptimizerSpec,
    /// The formula of its kind.
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// What every kind has.
    pub(crate) common: Common,
}

/// Builds the optimizer that `spec` describes, and resolves the spec.
pub(crate) fn build(spec: &OptimizerSpec) -> Result<Built, TrainerError> {
    let kind = kind(spec)?;
    let (own, common) = Common::take(spec)?;
    common.ranged().iter().try_for_each(Ranged::check)?;
    let (mut parameters, optimizer) = (kind.build)(&own)?;
    common.write(&mut parameters);
    Ok(Built { resolved: OptimizerSpec { kind: spec.kind.clone(), parameters }, optimizer, common })
}

fn kind(spec: &OptimizerSpec) -> Result<&'static OptimizerKind, TrainerError> {
    KINDS.iter().find(|kind| kind.name == spec.kind).ok_or_else(|| TrainerError::UnknownKind {
        what: "optimizer",
        found: spec.kind.clone(),
        known: optimizer_kinds().collect::<Vec<_>>().join(", "),
    })
}

/// Checks what an optimizer is to be, and writes every default out.
///
/// What is recorded already may have values that this refuses: a branch keeps
/// them.
///
/// # Errors
/// An unknown kind or parameter, and a value that is out of range, as it was
/// written or as the 32-bit number that is computed with.
pub fn resolve_optimizer(spec: &OptimizerSpec) -> Result<OptimizerSpec, TrainerError> {
    let resolved = build(spec)?.resolved;
    // What is written as zero in a way that is not one is not in the resolved one.
    let (own, common) = Common::take(spec)?;
    common.ranged().iter().try_for_each(Ranged::check_as_used)?;
    (kind(spec)?.check_as_used)(&own)?;
    Ok(resolved)
}

/// Arrays that an optimizer remembers for every parameter.
///
/// # Errors
/// A kind that there is not.
pub fn optimizer_slots(spec: &OptimizerSpec) -> Result<usize, TrainerError> {
    slot_names(spec).map(<[_]>::len)
}

/// What these are called, as PyTorch calls them.
pub(crate) fn slot_names(spec: &OptimizerSpec) -> Result<&'static [&'static str], TrainerError> {
    Ok(kind(spec)?.slot_names)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_optimizer_is_refused_with_those_there_are() {
        let error = build(&OptimizerSpec::new("nope")).unwrap_err().to_string();
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
            ("nesterov", "momentum", 1.0),
            ("adagrad", "rate_decay", -1.0),
            ("adagrad", "epsilon", 0.0),
            ("rmsprop", "alpha", 1.0),
            ("rmsprop", "momentum", -0.5),
            ("adamw", "beta1", 1.0),
            ("windowgrad", "rho", 1.0),
        ] {
            let mut spec = OptimizerSpec::new(kind);
            spec.parameters.insert(name.into(), value.into());
            let error = build(&spec).unwrap_err().to_string();
            assert!(error.contains(&name.replace('_', "-")), "{error}");
        }
    }

    /// Beta of 1 forgets nothing and a learning rate of 0 learns nothing, whatever
    /// was written. What is recorded is computed again all the same.
    #[test]
    fn a_number_is_checked_as_it_is_used() {
        for (kind, name, value, says) in [
            ("adam", "beta1", 0.99999999999, "found 0.99999999999, which is 1 as the 32-bit number"),
            ("adam", "beta2", 0.99999999999, "which is 1 as"),
            ("sgd", "momentum", 0.99999999999, "momentum must be at least 0 and below 1"),
            ("adadelta", "rho", 0.99999999999, "which is 1 as"),
            ("sgd", "learning_rate", 1e-60, "found 1e-60, which is 0 as the 32-bit number"),
            ("adam", "weight_decay", 1e-60, "which is 0 as"),
            ("adam", "learning_rate", -0.0, "found -0"),
            ("adam", "beta1", -0.0, "found -0"),
        ] {
            let mut spec = OptimizerSpec::new(kind);
            spec.parameters.insert(name.into(), value.into());
            let error = resolve_optimizer(&spec).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(&name.replace('_', "-")), "{error}");
            assert!(build(&spec).is_ok(), "{kind} {name} {value} may be recorded");
        }
        let mut spec = OptimizerSpec::new("sgd");
        spec.parameters.insert("learning_rate".into(), 0.into());
        spec.parameters.insert("momentum".into(), 0.0.into());
        assert!(resolve_optimizer(&spec).is_ok());
    }

    #[test]
    fn an_edit_keeps_the_default_that_it_was_made_with() {
        let epsilon = |spec: &OptimizerSpec| build(spec).unwrap().resolved.parameters["epsilon"].clone();
        let asked: OptimizerSpec = "adadelta,rho=0.9".parse().unwrap();
        assert_eq!(epsilon(&as_recorded(&asked)), 1e-6);
        let resolved = build(&asked).unwrap().resolved;
        assert_eq!(to_record(&asked, &resolved).to_string(), "adadelta,epsilon=1e-8,rho=0.9");
        assert_eq!(epsilon(&as_recorded(&to_record(&asked, &resolved))), 1e-8);
        let asked: OptimizerSpec = "sgd,momentum=0.9".parse().unwrap();
        assert_eq!(as_recorded(&asked), asked);
    }

    #[test]
    fn resolving_writes_every_default_out_and_is_idempotent() {
        for kind in KINDS {
            let resolved = build(&OptimizerSpec::new(kind.name)).unwrap().resolved;
            assert!(resolved.parameters.contains_key("learning_rate"));
            assert_eq!(build(&resolved).unwrap().resolved, resolved);
        }
    }

    /// So the keys of definitions that had none stay what they are.
    #[test]
    fn what_every_optimizer_has_is_written_only_where_it_does_something() {
        for kind in KINDS {
            let text = |common: &str| -> OptimizerSpec { format!("{}{common}", kind.name).parse().unwrap() };
            let bare = build(&text("")).unwrap().resolved;
            assert_eq!(build(&text(",l1-decay=0,clip-norm=0")).unwrap().resolved, bare);
            let both = build(&text(",l1-decay=0.5,clip-norm=2")).unwrap();
            assert_eq!(both.common, Common { l1_decay: 0.5, clip_norm: 2.0 });
            assert_eq!(both.resolved.parameters.len(), bare.parameters.len() + 2);
            assert_eq!(build(&both.resolved).unwrap().resolved, both.resolved);
        }
        for (text, says) in [
            ("sgd,l1-decay=-1", "l1-decay must be a finite number of at least 0, found -1"),
            ("adam,clip-norm=far", "clip-norm must be a finite number of at least 0, found `far`"),
            ("adamw,clip-norm=1e-60", "which is 0 as the 32-bit number"),
        ] {
            let error = resolve_optimizer(&text.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
