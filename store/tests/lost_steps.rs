//! A file of `steps` that was lost: nothing else of its segment goes, what is
//! missing is named, and the file put back heals it. What a kill left behind is
//! told apart.

mod fake;

use std::fs;
use std::path::PathBuf;

use fake::*;
use revacnn_schemas::{BranchRecord, ParentRecord, Position, Step, Table};
use revacnn_store::{BranchReader, Lineage, Recorder, StepSpan, Store, StoreError};
use tempfile::TempDir;

/// A store with a branch of 40 steps in segments of 16.
fn recorded() -> (TempDir, Store, BranchRecord) {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, 39, 16);
    (folder, store, branch)
}

const SPANS: [(u64, u64); 3] = [(0, 15), (16, 31), (32, 39)];

fn span((first, last): (u64, u64)) -> StepSpan {
    StepSpan::new(Step(first), Step(last))
}

fn steps_file(store: &Store, branch: &BranchRecord, (first, last): (u64, u64)) -> PathBuf {
    store.branch_folder(&branch.id).join(format!("steps/{first:012}-{last:012}.parquet"))
}

#[test]
fn nothing_of_a_segment_that_lost_its_steps_is_removed_and_the_file_heals_it() {
    for lost in SPANS {
        let (folder, store, branch) = recorded();
        let rows_before = rows(&BranchReader::open(&store, &name("main")).unwrap(), Step(39));
        let path = steps_file(&store, &branch, lost);
        let away = folder.path().join("away");
        fs::rename(&path, &away).unwrap();
        let before = files(folder.path());

        let garbage = store.garbage().unwrap();
        assert_eq!(garbage.items, [], "{lost:?}");
        let [problem] = &garbage.problems[..] else { panic!("{garbage:?}") };
        let text = problem.to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("put back"), "{text}");
        store.collect(&garbage.items).unwrap();

        let reader = BranchReader::open(&store, &name("main")).unwrap();
        let gaps = reader.gaps().unwrap();
        let [gap] = &gaps[..] else { panic!("{gaps:?}") };
        assert_eq!(gap.span, span(lost));
        for error in [&gap.error, &reader.seek(Step(lost.0 + 3)).unwrap_err()] {
            assert!(matches!(error, StoreError::Missing { .. }), "{error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        // What is left is read, and the newest validation of it told.
        let left = if lost == SPANS[0] { 20 } else { 3 };
        reader.seek(Step(left)).unwrap();
        reader.last_validation().unwrap().unwrap();

        let opened = Recorder::open(&store, &branch, options(16)).map(drop);
        if lost == SPANS[2] {
            let error = opened.unwrap_err();
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        } else {
            opened.unwrap();
        }
        assert_eq!(files(folder.path()), before, "{lost:?}");

        fs::rename(&away, &path).unwrap();
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        assert!(reader.gaps().unwrap().is_empty());
        assert_eq!(rows(&reader, Step(39)), rows_before);
        let garbage = store.garbage().unwrap();
        assert!(garbage.items.is_empty() && garbage.problems.is_empty(), "{garbage:?}");
        Recorder::open(&store, &branch, options(16)).unwrap().finish().unwrap();
    }
}

#[test]
fn a_segment_that_was_not_committed_is_still_removed() {
    let (folder, store, branch) = recorded();
    let branch_folder = store.branch_folder(&branch.id);
    let whole = files(&branch_folder);
    // As a kill leaves it: `steps` is yet to be moved out of the tail.
    let lost = SPANS[2];
    let open = branch_folder.join("tail/.open-000000000032-000000000032");
    fs::create_dir(&open).unwrap();
    fs::rename(steps_file(&store, &branch, lost), open.join("steps.parquet")).unwrap();
    assert!(BranchReader::open(&store, &name("main")).unwrap().gaps().unwrap().is_empty());

    let copy = folder.path().join("copy");
    copy_folder(&branch_folder, &copy);
    drop(Recorder::open(&store, &branch, options(16)).unwrap());
    let left = files(&branch_folder);
    assert!(left.iter().all(|path| !path.display().to_string().contains("000000000032-")), "{left:?}");
    record_all(&store, &branch, 39, 16);
    assert_eq!(files(&branch_folder), whole);

    fs::remove_dir_all(&branch_folder).unwrap();
    copy_folder(&copy, &branch_folder);
    let garbage = store.garbage().unwrap();
    assert!(garbage.problems.is_empty(), "{garbage:?}");
    // What tells that it was not committed goes last.
    let last = garbage.items.last().unwrap();
    assert!(last.path.starts_with(&open), "{garbage:?}");
    store.collect(&garbage.items).unwrap();
    assert!(files(&branch_folder).iter().all(|path| !path.display().to_string().contains("000000000032-")));
}

#[test]
fn a_hidden_folder_of_something_else_proves_nothing() {
    let (_folder, store, branch) = recorded();
    let branch_folder = store.branch_folder(&branch.id);
    // What a kill of `materialise` leaves has all of its own files.
    let open = branch_folder.join("tail/.open-000000000032-000000000032");
    fs::create_dir(&open).unwrap();
    for table in Table::ALL {
        let from = branch_folder.join(format!("{table}/000000000032-000000000039.parquet"));
        if from.exists() {
            fs::copy(from, open.join(format!("{table}.parquet"))).unwrap();
        }
    }
    fs::remove_file(steps_file(&store, &branch, SPANS[2])).unwrap();
    assert!(Recorder::open(&store, &branch, options(16)).is_err());
    assert!(branch_folder.join("weights/000000000032-000000000039.parquet").exists());
}

#[test]
fn a_parent_that_ends_before_the_fork_is_named_wherever_its_steps_are_read() {
    let folder = tempdir().unwrap();
    let (store, main) = store(folder.path(), &small(), recording(1));
    record_all(&store, &main, 39, 16);
    let parent = Some(ParentRecord { branch: main.id.clone(), step: Step(36) });
    let child = store
        .create_branch(new_branch(name("child"), definition(), recording(1), topology(&small()), parent, 4))
        .unwrap();
    record_all(&store, &child, 45, 16);
    let lineage = || Lineage::open(&store, &name("child")).unwrap();
    assert!(lineage().gaps().unwrap().is_empty());
    let all = StepSpan::new(Step(0), Step(45));
    assert_eq!(lineage().step_rows(all).unwrap().len(), 46);

    // The parent as it was sixteen steps earlier.
    for table in Table::ALL {
        let _ =
            fs::remove_file(store.branch_folder(&main.id).join(format!("{table}/000000000032-000000000039.parquet")));
    }
    let gaps = lineage().gaps().unwrap();
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(gap.span, StepSpan::new(Step(32), Step(35)));
    let said = "the history of branch `child` lacks steps 32–35: it was forked from `main` at step 36";
    assert!(gap.error.to_string().starts_with(said), "{}", gap.error);
    let error = lineage().resolve(Position::Step(Step(34))).unwrap_err();
    assert!(error.to_string().starts_with(said), "{error}");
    lineage().resolve(Position::Step(Step(31))).unwrap();
    assert_eq!(lineage().resolve(Position::Last).unwrap(), Step(45));
    // Of a grandchild the same steps are missing, and none that it does not inherit.
    for (fork, missing) in [(40, 1), (36, 1)] {
        let parent = Some(ParentRecord { branch: child.id.clone(), step: Step(fork) });
        let called = name(&format!("grandchild{fork}"));
        store
            .create_branch(new_branch(called.clone(), definition(), recording(1), topology(&small()), parent, 5))
            .unwrap();
        assert_eq!(Lineage::open(&store, &called).unwrap().gaps().unwrap().len(), missing, "{fork}");
    }
    let early = Some(ParentRecord { branch: main.id.clone(), step: Step(20) });
    store.create_branch(new_branch(name("early"), definition(), recording(1), topology(&small()), early, 6)).unwrap();
    assert!(Lineage::open(&store, &name("early")).unwrap().gaps().unwrap().is_empty());
}
