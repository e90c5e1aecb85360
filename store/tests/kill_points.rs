//! A kill between any two changes of the disk, and a failure of any one of
//! them, loses nothing that was committed and shows nothing twice.

mod fake;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use fake::*;
use revacnn_schemas::{BranchRecord, Step, Table};
use revacnn_store::{BranchReader, DiskOperation, Recorder, RecorderOptions, StepSpan, Store, StoreError};

const LAST: u64 = 29;
const SEGMENT: u64 = 8;

/// A run with every kind of commit: tail parts, a merge, a whole segment, a
/// sealed short segment, a resume.
fn run(store: &Store, branch: &BranchRecord, committed: &AtomicUsize) -> Result<(), StoreError> {
    let flush = |recorder: &mut Recorder, last| {
        record(recorder, last)?;
        recorder.flush()?;
        committed.store(last as usize + 1, Ordering::SeqCst);
        Ok::<(), StoreError>(())
    };
    let mut recorder = Recorder::open(store, branch, settings())?;
    flush(&mut recorder, 2)?;
    flush(&mut recorder, 4)?;
    flush(&mut recorder, 7)?;
    flush(&mut recorder, 15)?;
    flush(&mut recorder, 17)?;
    record(&mut recorder, 19)?;
    recorder.finish()?;
    committed.store(20, Ordering::SeqCst);
    let mut recorder = Recorder::open(store, branch, settings())?;
    record(&mut recorder, LAST)?;
    recorder.finish()?;
    committed.store(LAST as usize + 1, Ordering::SeqCst);
    Ok(())
}

fn settings() -> RecorderOptions {
    options(SEGMENT)
}

fn reference() -> Vec<(Table, RecordBatch)> {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, LAST, SEGMENT);
    rows(&BranchReader::open(&store, &name("main")).unwrap(), Step(LAST))
}

/// Every committed row exactly once, for a reader of ours and for a glob.
fn check(store: &Store, at_least: usize, at_most: usize, what: &str) {
    let reader = BranchReader::open(store, &name("main")).unwrap();
    let steps = reader.steps();
    let count = steps.map_or(0, |span| span.last.0 as usize + 1);
    assert!((at_least..=at_most).contains(&count), "{what}: {count} steps");
    let folder = store.branch_folder(&reader.branch().id);
    for table in Table::ALL {
        let keys = glob(&folder, table);
        let mut unique = keys.clone();
        unique.dedup();
        assert_eq!(keys, unique, "{what}: a glob over {table} sees a row twice");
    }
    let Some(span) = steps else { return };
    assert_eq!(span.first, Step(0), "{what}");
    let found = reader.step_rows(span).unwrap();
    let expected: Vec<Step> = (0..=span.last.0).map(Step).collect();
    assert_eq!(found.iter().map(|row| row.step).collect::<Vec<_>>(), expected, "{what}");
    for number in [0, span.last.0 / 2, span.last.0] {
        let shown = FakeStep::new(reader.branch(), number).tensors(reader.branch());
        let found = reader.seek(Step(number)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(format!("{found:?}"), format!("{shown:?}"), "{what}");
    }
}

/// A new writer goes on, and ends with the rows of a run without a kill.
fn go_on(store: &Store, reference: &[(Table, RecordBatch)], what: &str) {
    let branch = store.branch(&name("main")).unwrap();
    let mut recorder = Recorder::open(store, &branch, settings()).unwrap_or_else(|error| panic!("{what}: {error}"));
    record(&mut recorder, LAST).unwrap();
    recorder.finish().unwrap();
    check(store, LAST as usize + 1, LAST as usize + 1, what);
    let reader = BranchReader::open(store, &name("main")).unwrap();
    assert_eq!(rows(&reader, Step(LAST)), reference, "{what}");
    let folder = store.branch_folder(&branch.id);
    let rest: Vec<_> = std::fs::read_dir(folder.join("tail")).unwrap().collect();
    assert!(rest.is_empty(), "{what}: {rest:?}");
    assert_eq!(glob(&folder, Table::Steps).len() as u64, LAST + 1, "{what}");
}

#[test]
fn a_kill_before_any_change_of_the_disk_loses_nothing() {
    let reference = reference();
    let (folder, snapshots) = (tempdir().unwrap(), tempdir().unwrap());
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let committed = Arc::new(AtomicUsize::new(0));
    let taken: Arc<Mutex<Vec<(PathBuf, usize, String)>>> = Arc::default();
    let (from, to) = (folder.path().to_owned(), snapshots.path().to_owned());
    let (seen, done, operations) = (taken.clone(), committed.clone(), AtomicUsize::new(0));
    let store = store.with_disk_hook(Arc::new(move |operation| {
        // Syncs change nothing that another process sees, and one half-written
        // temporary file is like the other.
        let count = operations.fetch_add(1, Ordering::SeqCst);
        match operation {
            DiskOperation::Sync(_) => return Ok(()),
            DiskOperation::Write(_) if count % 2 > 0 => return Ok(()),
            _ => {}
        }
        let mut seen = seen.lock().unwrap();
        let what = format!("{} {operation:?}", seen.len());
        let target = to.join(seen.len().to_string());
        copy_folder(&from, &target);
        seen.push((target, done.load(Ordering::SeqCst), what));
        Ok(())
    }));
    run(&store, &branch, &committed).unwrap();
    let taken = taken.lock().unwrap();
    assert!(taken.len() > 180, "{}", taken.len());
    for (path, committed, what) in taken.iter() {
        let store = Store::open(path).unwrap();
        check(&store, *committed, LAST as usize + 1, what);
        go_on(&store, &reference, what);
    }
}

#[test]
fn a_full_disk_at_any_change_is_named_and_training_goes_on_after_it() {
    let reference = reference();
    let mut place = 0;
    loop {
        let folder = tempdir().unwrap();
        let (store, branch) = store(folder.path(), &small(), recording(1));
        let count = AtomicUsize::new(0);
        let full = store.clone().with_disk_hook(Arc::new(move |_| {
            if count.fetch_add(1, Ordering::SeqCst) >= place {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            Ok(())
        }));
        let committed = AtomicUsize::new(0);
        let what = format!("operation {place}");
        match run(&full, &branch, &committed) {
            Ok(()) => break,
            Err(error) => {
                let text = error.to_string();
                assert!(matches!(error, StoreError::DiskFull { .. }), "{what}: {text}");
                assert!(text.contains("disk budget") && text.contains("last committed step"), "{text}");
            }
        }
        check(&store, committed.load(Ordering::SeqCst), LAST as usize + 1, &what);
        go_on(&store, &reference, &what);
        place += 7;
    }
    assert!(place > 200, "{place}");
}

#[test]
fn after_an_error_the_recorder_says_so_again_and_again() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = {
        let writes = AtomicUsize::new(0);
        let store = store.with_disk_hook(Arc::new(move |operation| {
            let is_write = matches!(operation, DiskOperation::Write(_));
            if is_write && writes.fetch_add(1, Ordering::SeqCst) > 4 {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            Ok(())
        }));
        Recorder::open(&store, &branch, settings()).unwrap()
    };
    record(&mut recorder, 3).unwrap();
    let first = recorder.flush().unwrap_err();
    assert!(matches!(first, StoreError::DiskFull { .. }), "{first}");
    let second = record(&mut recorder, 9).unwrap_err();
    assert!(matches!(second, StoreError::Stopped { .. }), "{second}");
    assert!(second.to_string().contains("disk is full"), "{second}");
}

#[test]
fn a_recorder_that_is_dropped_commits_what_it_was_given() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &branch, settings()).unwrap();
    record(&mut recorder, 12).unwrap();
    drop(recorder);
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    assert_eq!(reader.steps(), Some(StepSpan::new(Step(0), Step(12))));
    assert!(has_files(&store.branch_folder(&branch.id).join("tail")));
}

#[test]
fn a_step_is_committed_by_itself_within_the_interval() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut settings = settings();
    settings.commit_interval = std::time::Duration::from_millis(20);
    let mut recorder = Recorder::open(&store, &branch, settings).unwrap();
    record(&mut recorder, 2).unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let waiting = std::time::Instant::now();
    while reader.refresh().unwrap().is_none_or(|span| span.last < Step(2)) {
        assert!(waiting.elapsed().as_secs() < 20, "nothing was committed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(recorder.next_step(), Step(3));
}

#[test]
fn thinning_survives_a_kill_before_any_change_of_the_disk() {
    let (folder, snapshots) = (tempdir().unwrap(), tempdir().unwrap());
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let taken: Arc<Mutex<Vec<(PathBuf, bool)>>> = Arc::default();
    let (from, to, seen) = (folder.path().to_owned(), snapshots.path().to_owned(), taken.clone());
    let hooked = store.with_disk_hook(Arc::new(move |operation| {
        let mut seen = seen.lock().unwrap();
        let target = to.join(seen.len().to_string());
        let thinning = format!("{operation:?}").contains("thinned.json")
            || matches!(operation, DiskOperation::Remove(path)
                if path.extension().is_some_and(|extension| extension == "parquet"));
        if thinning {
            copy_folder(&from, &target);
            seen.push((target, true));
        }
        Ok(())
    }));
    let mut settings = options(SEGMENT);
    settings.disk_budget = Some(90_000);
    let mut recorder = Recorder::open(&hooked, &branch, settings.clone()).unwrap();
    record(&mut recorder, LAST).unwrap();
    recorder.finish().unwrap();
    let taken = taken.lock().unwrap();
    assert!(taken.len() > 8, "{}", taken.len());
    for (path, _) in taken.iter() {
        let store = Store::open(path).unwrap();
        let check = |store: &Store| {
            let reader = BranchReader::open(store, &name("main")).unwrap();
            let span = reader.steps().unwrap();
            for number in 0..=span.last.0 {
                match reader.seek(Step(number)) {
                    Ok(found) => {
                        let shown = FakeStep::new(&branch, number).tensors(&branch);
                        assert_eq!(format!("{found:?}"), format!("{shown:?}"));
                    }
                    Err(error) => {
                        let thinned = matches!(error, StoreError::TensorsNotStored { .. });
                        assert!(thinned, "{error}");
                    }
                }
            }
        };
        check(&store);
        let mut recorder = Recorder::open(&store, &branch, settings.clone()).unwrap();
        record(&mut recorder, LAST).unwrap();
        recorder.finish().unwrap();
        check(&store);
        let folder = store.branch_folder(&branch.id);
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        for span in reader.thinned() {
            for step in span.first.0..=span.last.0 {
                let start = format!("/{step}/");
                let left = glob(&folder, Table::Weights);
                assert!(!left.iter().any(|key| key.starts_with(&start)), "step {step} is left");
            }
        }
    }
}

fn has_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_some()
}
