//! Forks of real runs: exact at any step, readable through their lineage,
//! verified, compacted and materialised.

#[path = "../../store/tests/fake/sealed.rs"]
mod sealed;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use revacnn_recorder::{
    Fork, ForkPlan, RecorderError, Replay, Run, Session, Steered, Stop, VerifyPlan, Watcher, compact, fork,
    materialise, train, verify,
};
use revacnn_schemas::{Digest, Edit, Fidelity, OptimizerSpec, Position, Step};
use revacnn_store::{
    BranchReader, Command, Lineage, RecorderOptions, StepSpan, Store, StoreError, difference, relation, steer,
};
use revacnn_test_support::{SmallRun, advance, copy_folder, name, network};
use revacnn_trainer::Settings;
use revacnn_trainer::data::Dataset;

const NETWORK: &str = r#"
    [[layer]]
    kind = "conv"
    filters = 3
    kernel = 3
    pad = 1
    activation = "relu"
    [[layer]]
    kind = "pool"
    kernel = 2
    stride = 2
    [[layer]]
    kind = "conv"
    filters = 4
    kernel = 3
    pad = 1
    activation = "relu"
    [[layer]]
    kind = "softmax"
"#;

fn digits() -> Arc<Dataset> {
    small(Fidelity::Every).data()
}

/// Segments of 16 steps and keyframes every 10, so that short runs have both.
fn small(fidelity: Fidelity) -> SmallRun {
    SmallRun {
        network: network(NETWORK),
        settings: Settings { optimizer: OptimizerSpec::new("adam"), seed: 5, ..Settings::default() },
        fidelity,
        options: RecorderOptions { segment_steps: 16, ..RecorderOptions::default() },
        ..SmallRun::default()
    }
}

/// A store with `main`, trained for 45 steps.
fn trained(folder: &Path, fidelity: Fidelity) -> Store {
    small(fidelity).recorded(&folder.join("runs"), 45)
}

fn edits(texts: &[&str]) -> Vec<Edit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn fork_at(store: &Store, from: &str, step: u64, to: &str, texts: &[&str]) -> Fork {
    try_fork(store, from, step, to, texts).unwrap()
}

fn try_fork(store: &Store, from: &str, step: u64, to: &str, texts: &[&str]) -> Result<Fork, RecorderError> {
    small(Fidelity::Every).try_fork(store, (from, step), to, texts)
}

fn digest(store: &Store, branch: &str, step: u64) -> Digest {
    Lineage::open(store, &name(branch)).unwrap().step_row(Step(step)).unwrap().digest
}

#[test]
fn a_fork_that_changes_nothing_is_its_parent_to_the_bit_at_any_step() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    for step in [0, 7, 10, 16, 31, 44] {
        let twin = format!("twin{step}");
        let mut fork = fork_at(&store, "main", step, &twin, &[]);
        assert_eq!(fork.recomputed, step % 10);
        advance(&mut fork.session, 45);
        fork.session.finish().unwrap();
        for at in step..=45 {
            assert_eq!(digest(&store, &twin, at), digest(&store, "main", at), "{twin} at step {at}");
        }
    }
}

#[test]
fn the_past_of_a_fork_is_its_parents() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    let mut child = fork_at(&store, "main", 20, "child", &["add-filter conv2"]);
    advance(&mut child.session, 30);
    child.session.finish().unwrap();
    let mut grandchild = fork_at(&store, "child", 25, "grandchild", &["set learning-rate 0.01"]);
    advance(&mut grandchild.session, 28);
    grandchild.session.finish().unwrap();

    let lineage = Lineage::open(&store, &name("grandchild")).unwrap();
    assert_eq!(lineage.steps(), Some(StepSpan::new(Step(0), Step(28))));
    for (step, holder) in [(0, "main"), (19, "main"), (20, "child"), (24, "child"), (25, "grandchild")] {
        assert_eq!(lineage.holder(Step(step)).unwrap().branch().name, name(holder), "step {step}");
    }
    let rows = lineage.step_rows(StepSpan::new(Step(0), Step(28))).unwrap();
    assert_eq!(rows.iter().map(|row| row.step.0).collect::<Vec<_>>(), (0..=28).collect::<Vec<_>>());
    assert_eq!(lineage.resolve(Position::Fork).unwrap(), Step(25));
    assert_eq!(lineage.resolve(Position::Last).unwrap(), Step(28));
    let unknown = lineage.resolve(Position::Step(Step(29))).unwrap_err().to_string();
    assert!(unknown.contains("0–28"), "{unknown}");
    // A fork of an inherited step is a fork of the branch that holds it.
    let nephew = fork_at(&store, "grandchild", 5, "nephew", &["freeze conv1"]);
    assert_eq!(nephew.session.record().parent.as_ref().unwrap().branch, store.branch(&name("main")).unwrap().id);
}

#[test]
fn the_fork_step_has_no_loss_and_its_new_filters_are_born_in_the_child() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    let child = fork_at(&store, "main", 20, "child", &["add-filter conv2", "remove-filter conv1/1"]);
    let record = child.session.record().clone();
    child.session.finish().unwrap();
    let reader = BranchReader::open(&store, &name("child")).unwrap();
    let row = reader.step_row(Step(20)).unwrap();
    assert_eq!((row.loss, row.batch_images, row.state_digest.is_some()), (None, 0, true));
    assert!(reader.seek(Step(20)).unwrap().parameters.iter().all(|layer| layer.gradients.is_none()));
    assert_eq!(reader.validations().unwrap().len(), 1);
    let main = store.branch(&name("main")).unwrap();
    let conv2 = record.topology.layers.iter().find(|layer| layer.layer.as_str() == "conv2").unwrap();
    let born: Vec<_> = conv2.filters.iter().map(|filter| (filter.number.0, filter.born.clone().unwrap())).collect();
    assert_eq!(born[..4].iter().map(|(_, born)| born).collect::<Vec<_>>(), vec![&main.id; 4]);
    assert_eq!(born[4], (4, record.id.clone()));

    let (ours, theirs) =
        (Lineage::open(&store, &name("child")).unwrap(), Lineage::open(&store, &name("main")).unwrap());
    let found = relation(&ours, &theirs);
    assert_eq!(found.ancestor, Some(name("main")));
    assert_eq!(found.shared, Some(StepSpan::new(Step(0), Step(19))));
    let of = |layer: &str| found.filters.iter().find(|shared| shared.layer.as_str() == layer).unwrap();
    assert_eq!((of("conv1").both.len(), of("conv1").only_right.len()), (2, 1));
    assert_eq!((of("conv2").both.len(), of("conv2").only_left.len()), (4, 1));
    // Right after the fork, what both have is equal, although inputs went.
    let (a, b) = (reader.seek(Step(20)).unwrap(), theirs.own().seek(Step(20)).unwrap());
    let apart = difference((&ours, &a), (&theirs, &b), None).unwrap();
    assert_eq!(apart.layers.len(), 3);
    assert!(apart.layers.iter().all(|layer| layer.distance == Some(0.0)), "{apart:?}");
    assert!(apart.layers.iter().find(|layer| layer.layer.as_str() == "conv2").unwrap().unmatched > 0);
}

#[test]
fn refused_edits_and_names_leave_the_store_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    for (to, text, expected) in [
        ("x", "add-filter conv9", "conv9"),
        ("x", "remove-filter conv2/77", "77"),
        ("x", "add-filter softmax", "softmax"),
        ("main", "freeze conv1", "already has a branch"),
    ] {
        let error = try_fork(&store, "main", 20, to, &[text]).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(matches!(
        try_fork(&store, "main", 46, "x", &[]),
        Err(RecorderError::Store(StoreError::UnknownStep { step: Step(46), .. }))
    ));
    assert_eq!(store.branches().unwrap().records.len(), 1);
}

#[test]
fn a_fork_killed_before_its_first_step_is_made_again_by_resume() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    let whole = fork_at(&store, "main", 23, "whole", &["add-filter conv2", "freeze conv1"]);
    whole.session.finish().unwrap();
    let record = store.branch(&name("whole")).unwrap();
    let expected = digest(&store, "whole", 23);
    // As a kill leaves it: some tables are moved in, the rest, `steps` among
    // them, is still in the tail.
    let branch = store.branch_folder(&record.id);
    let open = branch.join("tail/.open-000000000023-000000000023");
    std::fs::create_dir(&open).unwrap();
    for table in ["steps", "validation", "keyframes"] {
        let file = branch.join(format!("{table}/000000000023-000000000023.parquet"));
        std::fs::rename(file, open.join(format!("{table}.parquet"))).unwrap();
    }
    let mut session = Session::resume(&store, &record, 1, small(Fidelity::Every).options, dataset.clone()).unwrap();
    assert_eq!(session.trainer().position(), Step(23));
    advance(&mut session, 26);
    session.finish().unwrap();
    assert_eq!(digest(&store, "whole", 23), expected);
}

/// A span that began at a keyframe left that step out.
#[test]
fn verify_compares_every_step_of_a_span_wherever_its_keyframes_are() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let keyframes: Vec<u64> =
        (1..45).filter(|step| lineage.own().nearest_keyframe(Step(*step)).unwrap() == Some(Step(*step))).collect();
    let keyframe = keyframes[1];
    for (first, last) in [(keyframe, keyframe), (keyframe, keyframe + 3), (keyframe - 1, keyframe), (0, 0), (0, 45)] {
        let span = Some(StepSpan::new(Step(first), Step(last)));
        let plan = VerifyPlan { span, threads: 2, quick: false };
        let found = verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap();
        assert_eq!((found.digests, found.tensors), (last - first + 1, last - first + 1), "{first} to {last}");
    }
}

#[test]
fn verify_finds_a_run_equal_and_names_the_step_where_it_was_changed() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    let mut child = fork_at(&store, "main", 20, "child", &["add-filter conv1 init=split"]);
    advance(&mut child.session, 40);
    child.session.finish().unwrap();
    let all = |name_of: &str, span, threads| {
        let lineage = Lineage::open(&store, &name(name_of)).unwrap();
        verify(&store, &lineage, VerifyPlan { span, threads, quick: false }, &dataset, &|_| {})
    };
    for threads in [1, 3] {
        let found = all("main", None, threads).unwrap();
        // Keyframes at 0, 10, …, 40.
        assert_eq!((found.digests, found.state_digests, found.tensors, found.origin), (46, 5, 46, true));
        assert_eq!(all("child", None, threads).unwrap().digests, 21);
    }
    let inherited = all("child", Some(StepSpan::new(Step(13), Step(27))), 2).unwrap();
    assert_eq!((inherited.digests, inherited.origin), (15, true));
    assert_eq!(all("main", Some(StepSpan::new(Step(13), Step(17))), 2).unwrap().digests, 5);

    // Another run's step in the place of ours.
    let mut other = fork_at(&store, "main", 0, "other", &["set learning-rate 0.02"]);
    advance(&mut other.session, 45);
    other.session.finish().unwrap();
    let segment = |branch: &str, table: &str| {
        let id = store.branch(&name(branch)).unwrap().id;
        store.branch_folder(&id).join(table).join("000000000016-000000000031.parquet")
    };
    let id = store.branch(&name("main")).unwrap().id;
    for table in ["weights", "steps"] {
        std::fs::copy(segment("other", table), segment("main", table)).unwrap();
        let error = all("main", None, 2).unwrap_err().to_string();
        assert!(error.contains("footer entry `revacnn.branch`"), "{table}: {error}");
        // And with a footer that says that it is ours.
        sealed::seal(&segment("main", table), &[("revacnn.branch", id.as_str())]);
        let error = all("main", None, 2).unwrap_err().to_string();
        assert!(error.contains("step 1") && !error.contains("step 15"), "{table}: {error}");
    }
}

#[test]
fn compact_and_materialise_change_what_is_stored_and_not_what_is_read() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    let record = || store.branch(&name("main")).unwrap();
    let before: Vec<_> = {
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        (0..=45).map(|step| reader.seek(Step(step)).unwrap()).collect()
    };
    let read = |step: u64| {
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        let stored = reader.stores_tensors(Step(step)).unwrap();
        (stored, Replay::new(reader).with_data(dataset.clone(), 1).tensors(Step(step)).unwrap())
    };
    {
        let _reading = BranchReader::open(&store, &name("main")).unwrap();
        let error = compact(&store, &record(), &dataset, 2, &|_| {}).unwrap_err();
        assert!(matches!(error, RecorderError::Store(StoreError::InUse { .. })), "{error}");
    }
    assert!(compact(&store, &record(), &dataset, 2, &|_| {}).unwrap() > 0);
    assert_eq!(record().recording.fidelity, Fidelity::Keyframes);
    for step in [0, 9, 16, 37, 45] {
        assert_eq!(read(step), (false, before[step as usize].clone()), "step {step}");
    }
    let span = StepSpan::new(Step(14), Step(20));
    let (stored, bytes) = materialise(&store, &record(), span, dataset.clone(), 1, &mut |_| {}).unwrap();
    assert_eq!(stored, StepSpan::new(Step(0), Step(31)));
    assert!(bytes > 0);
    for step in 0..=45 {
        assert_eq!(read(step), (step <= 31, before[step as usize].clone()), "step {step}");
    }
    // The same again writes nothing, and training goes on without tensors.
    assert_eq!(materialise(&store, &record(), span, dataset.clone(), 1, &mut |_| {}).unwrap().1, 0);
    let mut session = Session::resume(&store, &record(), 1, small(Fidelity::Every).options, dataset.clone()).unwrap();
    advance(&mut session, 50);
    session.finish().unwrap();
    assert!(!read(50).0);
}

#[test]
fn thinned_spans_are_materialised_again() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = Store::create(folder.path().join("runs"), 0).unwrap();
    let mut session = small(Fidelity::Every).open(&store, "main");
    advance(&mut session, 40);
    session.finish().unwrap();
    let record = store.branch(&name("main")).unwrap();
    let thrifty = RecorderOptions { disk_budget: Some(1), ..small(Fidelity::Every).options };
    let mut session = Session::resume(&store, &record, 1, thrifty, dataset.clone()).unwrap();
    advance(&mut session, 50);
    session.finish().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    assert!(!reader.stores_tensors(Step(20)).unwrap());
    materialise(&store, &record, StepSpan::of(Step(20)), dataset, 1, &mut |_| {}).unwrap();
    reader.refresh().unwrap();
    assert!(reader.stores_tensors(Step(20)).unwrap());
    assert!(!reader.stores_tensors(Step(3)).unwrap());
    reader.seek(Step(20)).unwrap();
}

/// A window that was left open kept every branch that it had shown from being
/// deleted, compacted and tidied, also by itself.
#[test]
fn a_reader_at_rest_is_in_nobodys_way_and_reads_on_when_it_is_held_again() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    fork_at(&store, "main", 20, "child", &[]).session.finish().unwrap();
    let lineage = Lineage::open(&store, &name("child")).unwrap();
    let before = lineage.step_row(Step(20)).unwrap();
    lineage.rest();
    lineage.hold();
    assert!(matches!(store.delete(&name("child")), Err(StoreError::InUse { .. })), "it is held again");
    let left_over = store.branch_folder(&lineage.branch().id).join("tail/.left");
    std::fs::write(&left_over, "").unwrap();
    assert!(store.garbage().unwrap().items.iter().all(|item| item.path != left_over), "it is held");

    lineage.rest();
    assert!(store.garbage().unwrap().items.iter().any(|item| item.path == left_over));
    store.rename(&name("child"), &name("renamed")).unwrap();
    compact(&store, &store.branch(&name("renamed")).unwrap(), &dataset, 1, &|_| {}).unwrap();
    store.delete(&name("renamed")).unwrap();
    lineage.hold();
    lineage.refresh().unwrap();
    assert!(lineage.step_row(Step(20)).is_err(), "it is gone");
    // A reader that holds what is gone keeps nobody from taking it back.
    store.take_back(&name("renamed")).unwrap();
    lineage.refresh().unwrap();
    assert_eq!(lineage.step_row(Step(20)).unwrap(), before);
}

#[test]
fn deleting_goes_to_the_trash_and_spares_parents_and_what_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    let child = fork_at(&store, "main", 20, "child", &[]);
    assert!(matches!(store.delete(&name("child")), Err(StoreError::WriterBusy { .. })));
    child.session.finish().unwrap();
    let error = store.delete(&name("main")).unwrap_err().to_string();
    assert!(error.contains("`child`"), "{error}");
    {
        let _reading = BranchReader::open(&store, &name("child")).unwrap();
        let error = store.delete(&name("child")).unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
        // Linux says who has a file open.
        #[cfg(target_os = "linux")]
        assert!(error.to_string().contains("being read by this process itself"), "{error}");
    }
    store.delete(&name("child")).unwrap();
    assert!(store.branch(&name("child")).is_err());
    assert_eq!(store.take_back(&name("child")).unwrap().name, name("child"));
    assert_eq!(digest(&store, "child", 20), digest(&store, "main", 20));
    store.delete(&name("child")).unwrap();
    let garbage = store.garbage().unwrap().items;
    assert_eq!(garbage.len(), 1);
    assert!(garbage[0].reason.contains("child"));
    assert!(store.collect(&garbage).unwrap() > 0);
    assert!(store.garbage().unwrap().items.is_empty());
    let error = store.take_back(&name("child")).unwrap_err().to_string();
    assert!(error.contains("nothing is in the trash"), "{error}");

    assert_eq!(store.rename(&name("main"), &name("trunk")).unwrap().name, name("trunk"));
    assert!(matches!(store.rename(&name("trunk"), &name("trunk")), Err(StoreError::NameTaken { .. })));
    assert!(store.branch(&name("main")).is_err());
}

#[test]
fn what_kills_left_behind_is_garbage_and_what_is_committed_is_not() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = trained(folder.path(), Fidelity::Every);
    let record = store.branch(&name("main")).unwrap();
    let branch = store.branch_folder(&record.id);
    std::fs::create_dir(store.root().join(".new-b000000000000000")).unwrap();
    let open = branch.join("tail/.open-000000000046-000000000046");
    std::fs::create_dir(&open).unwrap();
    std::fs::write(open.join("steps.parquet"), b"half").unwrap();
    std::fs::write(branch.join("weights/000000000046-000000000047.parquet"), b"half").unwrap();
    let garbage = store.garbage().unwrap().items;
    assert_eq!(garbage.len(), 3, "{garbage:?}");
    store.collect(&garbage).unwrap();
    assert!(store.garbage().unwrap().items.is_empty());
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    verify(&store, &lineage, VerifyPlan { span: None, threads: 2, quick: false }, &dataset, &|_| {}).unwrap();
}

/// Ends the training when its thread ends.
struct AtItsEnd(Arc<Stop>);

impl Drop for AtItsEnd {
    fn drop(&mut self) {
        self.0.ask();
    }
}

/// Counts forks.
struct Forks(u32);

impl Watcher for Forks {
    fn steered(&mut self, run: &Run, event: &Steered) {
        if let Steered::Forked { to, .. } = event {
            assert_eq!(run.session().map(|session| &session.record().name), Some(to));
            self.0 += 1;
        }
    }
}

#[test]
fn a_training_is_steered_through_its_inbox() {
    let (folder, dataset) = (tempfile::tempdir().unwrap(), digits());
    let store = Store::create(folder.path().join("runs"), 0).unwrap();
    let session = small(Fidelity::Every).open(&store, "main");
    let record = session.record().clone();
    let mut run = Run::recorded(session).unwrap();
    let stop = Arc::new(Stop::new());
    let asker = {
        let (store, stop) = (store.clone(), AtItsEnd(stop.clone()));
        std::thread::spawn(move || {
            // An asker that failed asks for no end.
            let _stop = stop;
            let patience = Duration::from_secs(60);
            let ask =
                |record: &revacnn_schemas::BranchRecord, command| steer(&store, record, command, patience).unwrap();
            let paused = ask(&record, Command::Pause);
            assert!(paused.paused);
            let stepped = ask(&record, Command::Step);
            assert_eq!(stepped.step, paused.step.next());
            let refused = ask(&record, Command::Edit { edits: edits(&["add-filter conv9"]), name: None });
            assert!(refused.refused.unwrap().contains("conv9"));
            let forked = ask(&record, Command::Edit { edits: edits(&["add-filter conv2"]), name: None });
            assert_eq!((forked.branch.as_str(), forked.step, forked.refused), ("main~2", stepped.step, None));
            assert_eq!(forked.done.len(), 1);
            // The branch that was left is trained no more; the new one waits.
            assert!(matches!(steer(&store, &record, Command::Pause, patience), Err(StoreError::NotTraining { .. })));
            let child = store.branch(&"main~2".parse().unwrap()).unwrap();
            assert!(!ask(&child, Command::Resume).paused);
            ask(&child, Command::Stop);
            stepped.step
        })
    };
    let mut forks = Forks(0);
    train(&mut run, Step(1_000_000_000), &mut forks, &stop).unwrap();
    run.finish().unwrap();
    let forked_at = asker.join().unwrap();
    assert_eq!(forks.0, 1);
    assert_eq!(store.branch(&name("main~2")).unwrap().first_step(), forked_at);
    for branch in ["main", "main~2"] {
        let lineage = Lineage::open(&store, &name(branch)).unwrap();
        verify(&store, &lineage, VerifyPlan { span: None, threads: 2, quick: false }, &dataset, &|_| {}).unwrap();
    }
}

#[test]
fn cycles_and_missing_parents_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = trained(folder.path(), Fidelity::Every);
    fork_at(&store, "main", 20, "child", &[]).session.finish().unwrap();
    let (main, child) = (store.branch(&name("main")).unwrap(), store.branch(&name("child")).unwrap());
    let path = store.branch_folder(&main.id).join("branch.json");
    let honest = std::fs::read_to_string(&path).unwrap();
    let mut cyclic: serde_json::Value = serde_json::from_str(&honest).unwrap();
    cyclic["parent"] = serde_json::json!({ "branch": child.id, "step": 3 });
    std::fs::write(&path, cyclic.to_string()).unwrap();
    assert!(matches!(Lineage::open(&store, &name("child")), Err(StoreError::ParentCycle { .. })));
    assert!(!store.branches().unwrap().problems.is_empty());
    std::fs::write(&path, honest).unwrap();
    std::fs::rename(store.branch_folder(&main.id), folder.path().join("away")).unwrap();
    assert!(matches!(Lineage::open(&store, &name("child")), Err(StoreError::ParentMissing { .. })));
}

/// Coefficients that gradmax found are kept by a fork today; one that was made
/// before searches for them again, the way it did then. The store was written
/// by the program before that change.
#[test]
fn a_fork_that_does_not_keep_what_gradmax_found_is_executed_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("runs");
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/gradmax"), &root);
    let (store, dataset) = (Store::open(&root).unwrap(), digits());
    let lineage = Lineage::open(&store, &name("grown")).unwrap();
    let plan = VerifyPlan { span: None, threads: 1, quick: false };
    let verified = verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap();
    assert_eq!((verified.digests, verified.origin), (5, true));
    // Made again it is searched for anew, and kept.
    let plan = ForkPlan {
        name: Some(name("again")),
        edits: edits(&["add-filter conv1 init=gradmax count=2"]),
        fidelity: None,
        stays: true,
    };
    let made =
        fork(&store, Lineage::open(&store, &name("main")).unwrap(), Step(6), plan, &small(Fidelity::Every).resources())
            .unwrap();
    made.session.finish().unwrap();
    let record = store.branch(&name("again")).unwrap();
    assert!(serde_json::to_string(&record.edits).unwrap().contains("coefficients"), "{:?}", record.edits);
}
