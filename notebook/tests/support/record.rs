//! Runs that the tests record.

use revacnn_schemas::{Fidelity, ImageIndex};
use revacnn_store::Store;
use revacnn_test_support::SmallRun;
use revacnn_trainer::Settings;

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
    let run = SmallRun {
        dataset: dataset.into(),
        network: revacnn_test_support::network(network),
        settings: settings.clone(),
        fidelity,
        keyframe_interval: 16,
        probe: ImageIndex(7),
        validate_every: Some(20),
        ..SmallRun::default()
    };
    run.record(store, branch, steps);
}
