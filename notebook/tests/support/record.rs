//! Runs that the tests record.

use std::sync::Arc;

use revacnn_recorder::{Session, SessionPlan};
use revacnn_schemas::{Fidelity, ImageIndex, NetworkSpec, RecordingSettings};
use revacnn_store::{RecorderOptions, Store};
use revacnn_trainer::{Settings, data, define};

/// A store with a branch `main` of some steps of a network.
pub(crate) fn recorded_with(
    dataset: &str,
    network: &str,
    settings: &Settings,
    fidelity: Fidelity,
    steps: u64,
) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path(), 0).unwrap();
    record(&store, "main", dataset, network, settings, fidelity, steps);
    folder
}

/// Records a branch of some steps of a network.
pub(crate) fn record(
    store: &Store,
    branch: &str,
    dataset: &str,
    network: &str,
    settings: &Settings,
    fidelity: Fidelity,
    steps: u64,
) {
    let dataset = Arc::new(data::load(dataset, None).unwrap());
    let plan = SessionPlan {
        definition: define(NetworkSpec::from_toml(network).unwrap(), &dataset, settings).unwrap(),
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
    let mut session = Session::open(store, &branch.parse().unwrap(), plan, dataset).unwrap();
    for _ in 0..steps {
        session.advance().unwrap();
    }
    session.finish().unwrap();
}
