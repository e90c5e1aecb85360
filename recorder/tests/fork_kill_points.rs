//! A kill between any two changes of the disk, and a failure of any one of
//! them, during what forks brought: fork, compact, materialise, rename,
//! delete, taking back and gc. Each is then done again, and leads to where an
//! undisturbed one leads.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use fake::{copy_folder, glob, name, options, rows, tempdir};
use revacnn_recorder::{ForkPlan, RecorderError, Replay, Session, compact, fork, materialise};
use revacnn_schemas::{Change, Edit, Step, Table};
use revacnn_store::{BranchReader, DiskOperation, Lineage, StepSpan, StepTensors, Store, StoreError};
use revacnn_test_support::{PowerLog, SmallRun};
use revacnn_trainer::data::Dataset;

const LAST: u64 = 18;
const FORKED_AT: u64 = 11;
const CHILD_LAST: u64 = 14;
const SEGMENT: u64 = 8;

/// How all branches are recorded.
fn small() -> SmallRun {
    SmallRun { keyframe_interval: 6, options: options(SEGMENT), ..SmallRun::default() }
}

fn digits() -> Arc<Dataset> {
    small().data()
}

/// Trains `main` in three segments, the last one short.
fn with_main(root: &Path) {
    let store = Store::create(root, 0).unwrap();
    advance(small().open(&store, "main"), LAST).unwrap();
}

fn with_child(root: &Path) {
    with_main(root);
    forked(&Store::open(root).unwrap()).unwrap();
}

fn with_deleted_child(root: &Path) {
    with_child(root);
    let store = Store::open(root).unwrap();
    store.delete(&name("child")).unwrap();
    // And what kills leave behind.
    let main = store.branch(&name("main")).unwrap();
    std::fs::create_dir(root.join(".new-b000000000000000")).unwrap();
    std::fs::create_dir(store.branch_folder(&main.id).join("tail/.open-000000000019-000000000019")).unwrap();
}

fn with_compacted_main(root: &Path) {
    with_main(root);
    compacted(&Store::open(root).unwrap()).unwrap();
}

fn advance(mut session: Session, until: u64) -> Result<(), RecorderError> {
    while session.trainer().position() < Step(until) {
        session.advance()?;
        // A commit a step: parts of the tail, and their merge.
        session.flush()?;
    }
    session.finish().map(drop)
}

/// Forks and trains on, or goes on with the fork where there is one.
fn forked(store: &Store) -> Result<(), RecorderError> {
    let session = made_or_taken_up(store, false)?;
    store.set_target(session.record(), Step(CHILD_LAST))?;
    advance(session, CHILD_LAST)
}

/// Forks, and leaves the fork at its first step.
fn forked_and_left(store: &Store) -> Result<(), RecorderError> {
    made_or_taken_up(store, true)?.finish().map(drop)
}

fn made_or_taken_up(store: &Store, stays: bool) -> Result<Session, RecorderError> {
    let (dataset, child) = (digits(), name("child"));
    let known = store.branches()?.records.into_iter().find(|record| record.name == child);
    match known {
        Some(record) => Session::resume(store, &record, 1, options(SEGMENT), dataset),
        None => {
            // The arrays come with the branch, whatever becomes of their file.
            let load = Change::LoadWeights { arrays: small().arrays(), layer: Some("softmax".parse().unwrap()) };
            let edits = vec![Edit::new(load), "add-filter conv1".parse().unwrap()];
            let plan = ForkPlan { name: Some(child), edits, fidelity: None, stays };
            let lineage = Lineage::open(store, &name("main"))?;
            Ok(fork(store, lineage, Step(FORKED_AT), plan, &small().resources())?.session)
        }
    }
}

fn compacted(store: &Store) -> Result<(), RecorderError> {
    compact(store, &store.branch(&name("main"))?, &digits(), 1, &|_| {}).map(drop)
}

fn materialised(store: &Store) -> Result<(), RecorderError> {
    let all = StepSpan::new(Step(0), Step(LAST));
    materialise(store, &store.branch(&name("main"))?, all, digits(), 1, &mut |_| {}).map(drop)
}

/// All rows of a branch but for wall times.
fn log(store: &Store, branch: &str) -> Vec<(Table, RecordBatch)> {
    let reader = BranchReader::open(store, &name(branch)).unwrap();
    let last = reader.steps().unwrap().last;
    let mut rows = rows(&reader, last);
    for (_, rows) in &mut rows {
        for column in ["elapsed_nanos", "wall_time"] {
            if let Ok(place) = rows.schema().index_of(column) {
                rows.remove_column(place);
            }
        }
    }
    rows
}

/// The tensors of all steps of `main`, stored or not.
fn tensors(store: &Store, what: &str) -> Vec<StepTensors> {
    let reader = BranchReader::open(store, &name("main")).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut replay = Replay::new(reader).with_data(digits(), 1);
    let read = |step| replay.tensors(Step(step)).unwrap_or_else(|error| panic!("{what}, step {step}: {error}"));
    (0..=LAST).map(read).collect()
}

/// No plain reader sees a row of a branch twice.
fn no_row_twice(store: &Store, what: &str) {
    for record in store.branches().unwrap().records {
        for table in Table::ALL {
            let keys = glob(&store.branch_folder(&record.id), table);
            let mut unique = keys.clone();
            unique.dedup();
            assert_eq!(keys, unique, "{what}: {table} of {}", record.name);
        }
    }
}

/// Does something to a store again and again: killed before each change of
/// the disk, and in the middle of the removal of a folder, and with each one
/// failing; and lets `after` look at what is left. Returns the numbers of
/// kills and failures.
fn at_every_change(
    prepare: fn(&Path),
    act: fn(&Store) -> Result<(), RecorderError>,
    after: &dyn Fn(&Store, &str),
) -> (usize, usize) {
    let (prepared, snapshots) = (tempdir().unwrap(), tempdir().unwrap());
    prepare(prepared.path());
    let folder = tempdir().unwrap();
    copy_folder(prepared.path(), folder.path());
    let taken: Arc<Mutex<Vec<(PathBuf, String)>>> = Arc::default();
    let operations = Arc::new(AtomicUsize::new(0));
    let (from, to, seen, count) =
        (folder.path().to_owned(), snapshots.path().to_owned(), taken.clone(), operations.clone());
    let store = Store::open(folder.path()).unwrap().with_disk_hook(Arc::new(move |operation| {
        let place = count.fetch_add(1, Ordering::SeqCst);
        // Syncs change nothing that another process sees, and one half-written
        // temporary file is like the other.
        match operation {
            DiskOperation::Sync(_) => return Ok(()),
            DiskOperation::Write(_) if place % 20 > 0 => return Ok(()),
            _ => {}
        }
        let mut seen = seen.lock().unwrap();
        let target = to.join(seen.len().to_string());
        copy_folder(&from, &target);
        seen.push((target, format!("killed before {place}, {operation:?}")));
        if let DiskOperation::Remove(path) = operation
            && path.is_dir()
        {
            let target = to.join(seen.len().to_string());
            copy_folder(&from, &target);
            remove_half(&target.join(path.strip_prefix(&from).unwrap()));
            seen.push((target, format!("killed amid {place}, {operation:?}")));
        }
        Ok(())
    }));
    act(&store).unwrap();
    let taken = taken.lock().unwrap();
    for (path, what) in taken.iter() {
        let store = Store::open(path).unwrap();
        no_row_twice(&store, what);
        after(&store, what);
    }
    let (all, mut failed) = (operations.load(Ordering::SeqCst), 0);
    // A prime stride through the long ones meets every kind of change.
    for place in (0..all).step_by(if all > 120 { 7 } else { 1 }) {
        let folder = tempdir().unwrap();
        copy_folder(prepared.path(), folder.path());
        let count = AtomicUsize::new(0);
        let failing = Store::open(folder.path()).unwrap().with_disk_hook(Arc::new(move |_| {
            if count.fetch_add(1, Ordering::SeqCst) == place {
                return Err(io::Error::other("this one fails"));
            }
            Ok(())
        }));
        let what = format!("change {place} failed");
        if let Err(error) = act(&failing) {
            failed += 1;
            let (text, root) = (error.to_string(), folder.path().display().to_string());
            assert!(text.contains("this one fails") && text.contains(&root), "{what}: {text}");
        }
        drop(failing);
        after(&Store::open(folder.path()).unwrap(), &what);
    }
    power_failures(prepared.path(), act, after);
    (taken.len(), failed)
}

/// Has the power fail while something is done to a store; `after` looks at some of what
/// may be left, and at all of it where `REVACNN_POWER_FAILURES=all`.
fn power_failures(prepared: &Path, act: fn(&Store) -> Result<(), RecorderError>, after: &dyn Fn(&Store, &str)) {
    let folder = tempdir().unwrap();
    copy_folder(prepared, folder.path());
    let log = PowerLog::of(folder.path());
    act(&Store::open(folder.path()).unwrap().with_disk_hook(log.hook())).unwrap();
    let all = std::env::var("REVACNN_POWER_FAILURES").is_ok_and(|value| value == "all");
    // A prime stride through the many meets every kind of loss.
    let (mut looked, each) = (0, if all { 1 } else { 13 });
    log.failures(1, usize::from(all), |left| {
        if looked % each == 0 {
            let store = Store::open(left.folder).unwrap_or_else(|error| panic!("{}: {error}", left.what));
            no_row_twice(&store, left.what);
            after(&store, left.what);
        }
        looked += 1;
    });
}

/// What a person was told is done outlives a power failure.
#[test]
fn a_new_name_a_deletion_and_what_was_taken_back_outlive_a_power_failure() {
    type Prepare = fn(&Path);
    type Act = fn(&Store) -> Result<(), RecorderError>;
    type Holds = fn(&Store) -> bool;
    let has = |store: &Store, branch: &str| store.branches().unwrap().records.iter().any(|it| it.name == name(branch));
    let cases: [(Prepare, Act, Holds); 3] = [
        (
            with_child,
            |store| Ok(store.rename(&name("main"), &name("trunk")).map(drop)?),
            |store| store.branch(&name("trunk")).is_ok(),
        ),
        (
            with_child,
            |store| Ok(store.delete(&name("child")).map(drop)?),
            |store| store.branch(&name("child")).is_err() && store.take_back(&name("child")).is_ok(),
        ),
        (
            with_deleted_child,
            |store| Ok(store.take_back(&name("child")).map(drop)?),
            |store| store.branch(&name("child")).is_ok(),
        ),
    ];
    for (prepare, act, holds) in cases {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        let log = PowerLog::of(folder.path());
        act(&Store::open(folder.path()).unwrap().with_disk_hook(log.hook())).unwrap();
        log.told(1);
        let mut told = 0;
        log.failures(1, 4, |left| {
            let store = Store::open(left.folder).unwrap_or_else(|error| panic!("{}: {error}", left.what));
            assert!(has(&store, "main") || has(&store, "trunk"), "{}", left.what);
            if left.told == 1 {
                told += 1;
                assert!(holds(&store), "{}", left.what);
            }
        });
        assert!(told > 0);
    }
}

/// Removes what is in a folder, but for a branch's description.
fn remove_half(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else if !path.ends_with("branch.json") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn undisturbed(prepare: fn(&Path)) -> (tempfile::TempDir, Store) {
    let folder = tempdir().unwrap();
    prepare(folder.path());
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

#[test]
fn a_fork_is_there_or_not_and_is_made_or_gone_on_with() {
    let (_folder, whole) = undisturbed(with_child);
    let (main, child) = (log(&whole, "main"), log(&whole, "child"));
    let (kills, failures) = at_every_change(with_main, forked, &|store, what| {
        assert!(store.branches().unwrap().problems.is_empty(), "{what}");
        assert_eq!(log(store, "main"), main, "{what}");
        forked(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(log(store, "child"), child, "{what}");
        assert_eq!(log(store, "main"), main, "{what}");
        no_row_twice(store, what);
    });
    assert!(kills > 60 && failures > 20, "{kills} kills, {failures} failures");
}

#[test]
fn a_fork_that_is_left_at_its_first_step_is_one_segment_and_no_tail() {
    let (_folder, whole) = undisturbed(with_child);
    let child = log(&whole, "child");
    let folder = tempdir().unwrap();
    with_main(folder.path());
    let store = Store::open(folder.path()).unwrap();
    let written = Arc::new(Mutex::new(Vec::new()));
    let files = written.clone();
    let watched = store.clone().with_disk_hook(Arc::new(move |operation| {
        if let DiskOperation::Create(path) = operation {
            files.lock().unwrap().push(path.file_name().unwrap().to_owned());
        }
        Ok(())
    }));
    forked_and_left(&watched).unwrap();
    let branch = store.branch(&name("child")).unwrap();
    assert_eq!(glob(&store.branch_folder(&branch.id), Table::Steps).len(), 1);
    assert!(std::fs::read_dir(store.branch_folder(&branch.id).join("tail")).unwrap().next().is_none());
    // Every file was written once: nothing was copied from a tail.
    let mut names = written.lock().unwrap().clone();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
    forked(&store).unwrap();
    assert_eq!(log(&store, "child"), child);

    let (kills, failures) = at_every_change(with_main, forked_and_left, &|store, what| {
        forked(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(log(store, "child"), child, "{what}");
        no_row_twice(store, what);
    });
    assert!(kills > 30 && failures > 20, "{kills} kills, {failures} failures");
}

#[test]
fn compacting_loses_no_step_at_any_kill_nor_when_materialised_after_it() {
    let (_folder, whole) = undisturbed(with_main);
    let (rows, before) = (log(&whole, "main"), tensors(&whole, "before"));
    let (kills, failures) = at_every_change(with_thinned_main, compacted, &|store, what| {
        assert_eq!(tensors(store, what), before, "{what}");
        // Also where nobody compacts it again.
        materialised(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        let record = store.branch(&name("main")).unwrap();
        drop(Session::resume(store, &record, 1, options(SEGMENT), digits()).unwrap());
        assert_eq!(tensors(store, what), before, "{what}");
        assert_eq!(log(store, "main"), rows, "{what}");
        compacted(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        let left = glob(&store.branch_folder(&record.id), Table::Weights);
        assert!(left.is_empty(), "{what}: {} rows of weights are left", left.len());
        assert_eq!(tensors(store, what), before, "{what}");
    });
    assert!(kills > 10 && failures > 12, "{kills} kills, {failures} failures");
}

/// `main`, its first segment thinned.
fn with_thinned_main(root: &Path) {
    with_main(root);
    let store = Store::open(root).unwrap();
    let record = store.branch(&name("main")).unwrap();
    let folder = store.branch_folder(&record.id);
    std::fs::write(folder.join("thinned.json"), "{\"format_version\": 1, \"spans\": [[0, 7]]}").unwrap();
    drop(Session::resume(&store, &record, 1, options(SEGMENT), digits()).unwrap());
    assert!(!BranchReader::open(&store, &name("main")).unwrap().stores_tensors(Step(3)).unwrap());
}

#[test]
fn materialising_shows_a_segment_when_it_is_whole() {
    let (_folder, whole) = undisturbed(with_main);
    let (rows, before) = (log(&whole, "main"), tensors(&whole, "before"));
    let check: &dyn Fn(&Store, &str) = &|store, what| {
        assert_eq!(tensors(store, what), before, "{what}");
        // What gc finds is not what is stored.
        let garbage = store.garbage().unwrap();
        assert!(garbage.problems.is_empty(), "{what}: {garbage:?}");
        store.collect(&garbage.items).unwrap();
        assert_eq!(tensors(store, what), before, "{what}");
        materialised(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(store.garbage().unwrap().items.is_empty(), "{what}");
        assert_eq!(log(store, "main"), rows, "{what}");
        no_row_twice(store, what);
    };
    for prepare in [with_compacted_main, with_thinned_main] {
        let (kills, failures) = at_every_change(prepare, materialised, check);
        assert!(kills > 12 && failures > 5, "{kills} kills, {failures} failures");
    }
}

#[test]
fn a_branch_has_its_old_name_or_its_new_one() {
    let (_folder, whole) = undisturbed(with_child);
    let (main, child) = (log(&whole, "main"), log(&whole, "child"));
    let rename = |store: &Store| Ok(store.rename(&name("main"), &name("trunk")).map(drop)?);
    let (kills, failures) = at_every_change(with_child, rename, &|store, what| {
        let list = store.branches().unwrap();
        assert_eq!((list.records.len(), list.problems.len()), (2, 0), "{what}");
        if list.records.iter().any(|record| record.name == name("main")) {
            rename(store).unwrap();
        }
        assert_eq!(log(store, "trunk"), main, "{what}");
        assert_eq!(log(store, "child"), child, "{what}");
        assert_eq!(Lineage::open(store, &name("child")).unwrap().steps().unwrap().first, Step(0), "{what}");
    });
    assert!(kills >= 2 && failures >= 4, "{kills} kills, {failures} failures");
}

#[test]
fn a_branch_is_there_or_in_the_trash_and_comes_back_whole() {
    let (_folder, whole) = undisturbed(with_child);
    let (main, child) = (log(&whole, "main"), log(&whole, "child"));
    let delete = |store: &Store| Ok(store.delete(&name("child")).map(drop)?);
    let take_back = |store: &Store| Ok(store.take_back(&name("child")).map(drop)?);
    let check: &dyn Fn(&Store, &str) = &|store, what| {
        let list = store.branches().unwrap();
        assert!(list.problems.is_empty(), "{what}");
        if !list.records.iter().any(|record| record.name == name("child")) {
            take_back(store).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        assert_eq!(log(store, "child"), child, "{what}");
        assert_eq!(log(store, "main"), main, "{what}");
        delete(store).unwrap();
        take_back(store).unwrap();
        assert_eq!(log(store, "child"), child, "{what}");
    };
    let (kills, failures) = at_every_change(with_child, delete, check);
    assert!(kills >= 2 && failures >= 4, "{kills} kills, {failures} failures");
    let (kills, failures) = at_every_change(with_deleted_child, take_back, check);
    assert!(kills >= 1 && failures >= 2, "{kills} kills, {failures} failures");
}

/// The middle of a removal was the hole: a branch whose description was the
/// last of its files came back from the trash without its steps.
#[test]
fn what_gc_began_to_free_does_not_come_back_as_half_a_branch() {
    let (_folder, whole) = undisturbed(with_child);
    let (main, child) = (log(&whole, "main"), log(&whole, "child"));
    let collect = |store: &Store| Ok(store.collect(&store.garbage()?.items).map(drop)?);
    let (kills, failures) = at_every_change(with_deleted_child, collect, &|store, what| {
        match store.take_back(&name("child")) {
            Ok(_) => assert_eq!(log(store, "child"), child, "{what}"),
            Err(error) => assert!(matches!(error, StoreError::NotDeleted { .. }), "{what}: {error}"),
        }
        collect(store).unwrap();
        assert!(store.garbage().unwrap().items.is_empty(), "{what}");
        assert_eq!(log(store, "main"), main, "{what}");
    });
    assert!(kills >= 6 && failures >= 3, "{kills} kills, {failures} failures");
}
