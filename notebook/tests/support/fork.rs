//! Branches that the tests fork.

use std::path::Path;
use std::sync::Arc;

use revacnn_recorder::{ForkPlan, fork};
use revacnn_schemas::Step;
use revacnn_store::{Lineage, RecorderOptions, Store};
use revacnn_trainer::data;

/// Forks `main` of a store on `digits` at a step, with edits, and trains the
/// fork some steps on.
pub(crate) fn forked(store: &Path, name: &str, at: u64, edits: &[&str], steps: u64) {
    let store = Store::open(store).unwrap();
    let plan = ForkPlan {
        name: Some(name.parse().unwrap()),
        edits: edits.iter().map(|edit| edit.parse().unwrap()).collect(),
        recording: None,
        threads: 1,
        options: RecorderOptions::default(),
        created_unix_seconds: 0,
        stays: false,
    };
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let main = Lineage::open(&store, &"main".parse().unwrap()).unwrap();
    let mut session = fork(&store, main, Step(at), plan, dataset).unwrap().session;
    for _ in 0..steps {
        session.advance().unwrap();
    }
    session.finish().unwrap();
}
