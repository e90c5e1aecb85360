//! Stores that grow while a test looks at them.

use std::path::Path;

use revacnn_schemas::Fidelity;
use revacnn_store::{BranchReader, Store};
use revacnn_trainer::Settings;

use crate::support::NETWORK;
use crate::support::record::record;

/// Trains `main` of a [`recorded`] store some steps on.
pub(crate) fn train_on(store: &Path, steps: u64) {
    let store = Store::open(store).unwrap();
    let last = BranchReader::open(&store, &"main".parse().unwrap()).unwrap().steps().unwrap().last;
    record(&store, "main", "digits", NETWORK, &Settings::default(), Fidelity::Every, last.0 + steps);
}

/// Records another branch beside `main`.
pub(crate) fn record_another(store: &Path, name: &str, steps: u64) {
    let store = Store::open(store).unwrap();
    let settings = Settings { seed: 7, ..Settings::default() };
    record(&store, name, "digits", NETWORK, &settings, Fidelity::Every, steps);
}
