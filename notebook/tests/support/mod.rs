//! Stores that the tests look at.

use std::sync::Arc;

use revacnn_notebook::Inputs;
use revacnn_recorder::{RecorderOptions, Session, SessionPlan, Store};
use revacnn_schemas::{Fidelity, ImageIndex, NetworkSpec, RecordingSettings, Step};
use revacnn_trainer::{Settings, data, define};

const NETWORK: &str = r#"
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
    let folder = tempfile::tempdir().unwrap();
    let dataset = Arc::new(data::load(dataset, None).unwrap());
    let store = Store::create(folder.path(), 0).unwrap();
    let plan = SessionPlan {
        definition: define(NetworkSpec::from_toml(network).unwrap(), &dataset, &Settings::default()).unwrap(),
        recording: RecordingSettings {
            fidelity,
            keyframe_interval: 16,
            probes: vec![ImageIndex(7)],
            validate_every: Some(20),
        },
        threads: 1,
        options: RecorderOptions::default(),
        created_unix_seconds: 0,
    };
    let mut session = Session::open(&store, &"main".parse().unwrap(), plan, dataset).unwrap();
    for _ in 0..steps {
        session.advance().unwrap();
    }
    session.finish().unwrap();
    folder
}

/// `main` at a step.
pub(crate) fn inputs(cursor: u64) -> Inputs {
    Inputs { branches: vec!["main".parse().unwrap()], cursor: Step(cursor), image: None }
}
