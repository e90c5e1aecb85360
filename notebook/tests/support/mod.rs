//! Stores that the tests look at.

pub(crate) mod record;

use revacnn_notebook::Inputs;
use revacnn_schemas::{Fidelity, Step};
use revacnn_trainer::Settings;

use record::recorded_with;

pub(crate) const NETWORK: &str = r#"
[[layer]]
kind = "conv"
filters = 5
kernel = 3
activation = "relu"
[[layer]]
kind = "pool"
kernel = 2
[[layer]]
kind = "softmax"
"#;

/// A store with a branch of 40 steps.
pub(crate) fn recorded(fidelity: Fidelity) -> tempfile::TempDir {
    recorded_on("digits", NETWORK, fidelity, 40)
}

/// A store with a branch of some steps of a network.
pub(crate) fn recorded_on(dataset: &str, network: &str, fidelity: Fidelity, steps: u64) -> tempfile::TempDir {
    recorded_with(dataset, network, &Settings::default(), fidelity, steps)
}

/// `main` at a step.
pub(crate) fn inputs(cursor: u64) -> Inputs {
    Inputs { branches: vec!["main".parse().unwrap()], cursor: Step(cursor), ..Inputs::default() }
}
