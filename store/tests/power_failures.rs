//! A power failure at any moment, on a medium that keeps what was synced and of the rest
//! what it likes: a step that was told to be committed is there, and no other is half
//! there.

mod fake;
#[path = "../../test-support/src/power.rs"]
#[expect(unreachable_pub, reason = "other crates' tests have it from the crate of test support")]
mod power;

use std::path::Path;

use arrow_array::RecordBatch;
use fake::*;
use power::{Left, PowerLog};
use revacnn_schemas::{BranchRecord, Step, Table};
use revacnn_store::{BranchReader, Recorder, Store, StoreError};

const LAST: u64 = 29;
const SEGMENT: u64 = 8;

/// Every kind of commit: tail parts, a merge, a whole segment, a sealed short segment, a
/// resume, an event.
fn run(store: &Store, branch: &BranchRecord, log: &PowerLog) -> Result<(), StoreError> {
    let flush = |recorder: &mut Recorder, last| {
        record(recorder, last)?;
        recorder.flush()?;
        log.told(last as usize + 1);
        Ok::<(), StoreError>(())
    };
    let mut recorder = Recorder::open(store, branch, options(SEGMENT))?;
    for last in [2, 4, 7, 15, 17] {
        flush(&mut recorder, last)?;
    }
    record(&mut recorder, 19)?;
    recorder.finish()?;
    log.told(20);
    let mut recorder = Recorder::open(store, branch, options(SEGMENT))?;
    record(&mut recorder, LAST)?;
    recorder.finish()?;
    log.told(LAST as usize + 1);
    Ok(())
}

fn reference() -> Vec<(Table, RecordBatch)> {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, LAST, SEGMENT);
    rows(&BranchReader::open(&store, &name("main")).unwrap(), Step(LAST))
}

/// What was told is there, every row once and as it was; and a new writer ends with the
/// rows of a run without a failure.
fn check(left: &Left<'_>, reference: &[(Table, RecordBatch)], goes_on: bool) {
    let what = left.what;
    let store = Store::open(left.folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    let branch = store.branch(&name("main")).unwrap_or_else(|error| panic!("{what}: {error}"));
    let reader = BranchReader::open(&store, &name("main")).unwrap_or_else(|error| panic!("{what}: {error}"));
    let count = reader.steps().map_or(0, |span| span.last.0 as usize + 1);
    assert!((left.told..=LAST as usize + 1).contains(&count), "{what}: {count} steps, told {}", left.told);
    for number in 0..count as u64 {
        let shown = FakeStep::new(&branch, number).tensors(&branch);
        let found = reader.seek(Step(number)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(format!("{found:?}"), format!("{shown:?}"), "{what}");
    }
    if !goes_on {
        return;
    }
    drop(reader);
    let mut recorder =
        Recorder::open(&store, &branch, options(SEGMENT)).unwrap_or_else(|error| panic!("{what}: {error}"));
    record(&mut recorder, LAST).unwrap();
    recorder.finish().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    assert_eq!(rows(&reader, Step(LAST)), reference, "{what}");
    let folder = store.branch_folder(&branch.id);
    for table in Table::ALL {
        let keys = glob(&folder, table);
        let mut unique = keys.clone();
        unique.dedup();
        assert_eq!(keys, unique, "{what}: a glob over {table} sees a row twice");
    }
}

/// How thorough: `REVACNN_POWER_FAILURES=all` tries every moment, with more choices each.
fn thoroughness() -> (usize, usize, usize) {
    match std::env::var("REVACNN_POWER_FAILURES").as_deref() {
        Ok("all") => (1, 32, 1),
        _ => (5, 2, 9),
    }
}

#[test]
fn a_committed_step_outlives_a_power_failure() {
    let reference = reference();
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let log = PowerLog::of(folder.path());
    run(&store.with_disk_hook(log.hook()), &branch, &log).unwrap();
    let (stride, drawn, each) = thoroughness();
    let mut looked = 0;
    let states = log.failures(stride, drawn, |left| {
        check(&left, &reference, looked % each == 0);
        looked += 1;
    });
    println!("{states} states after power failures");
    assert!(states > 300, "{states}");
}

#[test]
fn a_branch_is_there_whole_or_not_at_all() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let log = PowerLog::of(folder.path());
    let hooked = store.clone().with_disk_hook(log.hook());
    let make = |store: &Store| {
        store.create_branch(new_branch(name("main"), definition(), recording(1), topology(&small()), None, 2))
    };
    make(&hooked).unwrap();
    log.told(1);
    let states = log.failures(1, 8, |left| {
        let what = left.what;
        let store = Store::open(left.folder).unwrap_or_else(|error| panic!("{what}: {error}"));
        let list = store.branches().unwrap();
        assert!(list.problems.is_empty(), "{what}: {:?}", list.problems);
        assert!(list.records.len() >= left.told, "{what}: {}", list.records.len());
        if list.records.is_empty() {
            make(&store).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        let branch = store.branch(&name("main")).unwrap();
        record_all(&store, &branch, 3, SEGMENT);
        assert_eq!(store.garbage().unwrap().problems.len(), 0, "{what}");
    });
    assert!(states > 5, "{states}");
}

#[test]
fn the_test_notices_a_sync_that_is_left_out() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let log = PowerLog::of(folder.path());
    let hook = log.hook();
    // The syncs of one folder never reach the medium.
    let deaf = move |operation: revacnn_store::DiskOperation<'_>| match operation {
        revacnn_store::DiskOperation::Sync(path) if path.ends_with(Path::new("tail")) => Ok(()),
        other => hook(other),
    };
    run(&store.with_disk_hook(std::sync::Arc::new(deaf)), &branch, &log).unwrap();
    let mut lost = 0;
    log.failures(3, 0, |left| {
        let steps = Store::open(left.folder)
            .and_then(|store| BranchReader::open(&store, &name("main")))
            .map_or(0, |reader| reader.steps().map_or(0, |span| span.last.0 as usize + 1));
        lost += usize::from(steps < left.told);
    });
    assert!(lost > 0);
}
