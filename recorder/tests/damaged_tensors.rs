//! Damage beside `compact` and `materialise`: what would stay is checked before tensors
//! are dropped, and tensors that are damaged or lost are written again.

use std::fs;

use revacnn_recorder::{RecorderError, compact, materialise};
use revacnn_schemas::{BranchRecord, Step, Table};
use revacnn_store::{BranchReader, StepSpan, Store};
use revacnn_test_support::{SmallRun, name};

const LAST: u64 = 12;

/// Changes a byte of the first page of a table's files, or removes them.
fn damage(store: &Store, branch: &BranchRecord, table: Table, whole: bool) {
    let folder = store.branch_folder(&branch.id).join(table.name());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if whole {
            fs::remove_file(&path).unwrap();
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        // Within the first page: what lies behind the pages is statistics, too.
        let place = 60;
        bytes[place] ^= 0x10;
        fs::write(&path, bytes).unwrap();
    }
}

fn compacted(store: &Store, branch: &BranchRecord) -> Result<u64, RecorderError> {
    compact(store, branch, &SmallRun::default().data(), 1, &|_| {})
}

#[test]
fn compact_drops_nothing_where_a_file_that_stays_is_damaged_or_lost() {
    for table in [Table::Filters, Table::Validation, Table::Keyframes, Table::Topology, Table::Steps] {
        for whole in [false, true] {
            // No name tells of a lost validation: its steps follow from the run.
            if whole && table == Table::Validation {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let store = SmallRun::default().recorded(&folder.path().join("runs"), LAST);
            let branch = store.branch(&name("main")).unwrap();
            damage(&store, &branch, table, whole);
            let error = compacted(&store, &branch).expect_err(table.name()).to_string();
            assert!(error.contains(table.name()), "{table}: {error}");
            let weights = store.branch_folder(&branch.id).join("weights");
            assert_eq!(fs::read_dir(weights).unwrap().count(), 1, "{table}: tensors were dropped");
        }
    }
}

#[test]
fn materialise_writes_tensors_again_that_are_damaged_or_lost() {
    // The newest weights are what a writer begins with: without them it does not.
    for table in [Table::Gradients, Table::Activations, Table::ActivationGradients] {
        for whole in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let store = SmallRun::default().recorded(&folder.path().join("runs"), LAST);
            let branch = store.branch(&name("main")).unwrap();
            let before = BranchReader::open(&store, &name("main")).unwrap().seek(Step(7)).unwrap();
            damage(&store, &branch, table, whole);
            let span = StepSpan::new(Step(0), Step(LAST));
            let data = SmallRun::default().data();
            let (_, bytes) = materialise(&store, &branch, span, data, 1, &mut |_| {}).unwrap();
            assert!(bytes > 0, "{table}: nothing was written");
            let after = BranchReader::open(&store, &name("main")).unwrap().seek(Step(7)).unwrap();
            assert_eq!(after, before, "{table}");
        }
    }
}
