//! Branches that the tests fork.

use std::path::Path;

use revacnn_store::Store;
use revacnn_test_support::SmallRun;

/// Forks `main` of a store on `digits` at a step, with edits, and trains the
/// fork some steps on.
pub(crate) fn forked(store: &Path, name: &str, at: u64, edits: &[&str], steps: u64) {
    let store = Store::open(store).unwrap();
    SmallRun { forked_unix_seconds: 0, ..SmallRun::default() }.fork(&store, ("main", at), name, edits, at + steps);
}
