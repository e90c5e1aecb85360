//! The branches of a store that are a training.

use revacnn_schemas::{BranchId, BranchRecord, Digest, Edit, Producer, RecordingSettings, Step};
use revacnn_store::BranchList;
use revacnn_trainer::were_asked;

/// Runs of their own with this key that record the same.
pub(super) fn run(list: &BranchList, key: Digest, recording: &RecordingSettings) -> Vec<BranchRecord> {
    let is_it = |record: &&BranchRecord| {
        record.parent.is_none()
            && record.key == key
            && record_alike(&record.recording, recording)
            && matches!(record.producer, Producer::Engine { .. })
    };
    list.records.iter().filter(is_it).cloned().collect()
}

/// Forks of a branch, at this step, with what these edits become.
pub(super) fn fork(list: &BranchList, parent: &BranchRecord, step: Step, edits: &[Edit]) -> Vec<BranchRecord> {
    let Some(definition) = parent.definition() else { return Vec::new() };
    // Copies of the parent that record the same are the parent.
    let is_parent = |id: &BranchId| {
        list.get(id)
            .is_some_and(|record| record.key == parent.key && record_alike(&record.recording, &parent.recording))
    };
    let is_it = |record: &&BranchRecord| {
        record.parent.as_ref().is_some_and(|from| from.step == step && is_parent(&from.branch))
            && record.definition().is_some()
            && were_asked(&record.edits, edits, definition, step)
    };
    list.records.iter().filter(is_it).cloned().collect()
}

/// Whether two branches validate at the same steps and record the same images: the best
/// step, and what can be shown, depend on that.
fn record_alike(one: &RecordingSettings, other: &RecordingSettings) -> bool {
    (one.validate_every, &one.probes) == (other.validate_every, &other.probes)
}
