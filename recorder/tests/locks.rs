//! What holds which lock while it works: compact, materialise and gc keep
//! writers out of what they look at until they are done with it, and gc
//! spares what it cannot tell of.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fake::{name, options, tempdir};
use revacnn_recorder::{ForkPlan, RecorderError, Session, SessionPlan, compact, fork, materialise};
use revacnn_schemas::{Fidelity, ImageIndex, NetworkSpec, RecordingSettings, Step};
use revacnn_store::{BranchReader, DiskOperation, Lineage, StepSpan, Store, StoreError};
use revacnn_trainer::data::{Dataset, load};
use revacnn_trainer::{Settings, define};

const LAST: u64 = 40;
const SEGMENT: u64 = 16;

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 2\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n";

/// `main`, of 40 steps in three segments.
fn recorded(root: &Path) -> (Store, Arc<Dataset>) {
    let (store, dataset) = (Store::create(root, 0).unwrap(), Arc::new(load("digits", None).unwrap()));
    let plan = SessionPlan {
        definition: define(NetworkSpec::from_toml(NETWORK).unwrap(), &dataset, &Settings::default()).unwrap(),
        recording: RecordingSettings {
            fidelity: Fidelity::Every,
            keyframe_interval: 10,
            probes: vec![ImageIndex(3)],
            validate_every: None,
        },
        threads: 1,
        options: options(SEGMENT),
        created_unix_seconds: 0,
    };
    let mut session = Session::open(&store, &name("main"), plan, dataset.clone()).unwrap();
    while session.trainer().position() < Step(LAST) {
        session.advance().unwrap();
    }
    session.finish().unwrap();
    (store, dataset)
}

fn forked(store: &Store, dataset: &Arc<Dataset>, called: &str) {
    let plan = ForkPlan {
        name: Some(name(called)),
        edits: Vec::new(),
        recording: None,
        stays: true,
        threads: 1,
        options: options(SEGMENT),
        created_unix_seconds: 1,
    };
    let lineage = Lineage::open(store, &name("main")).unwrap();
    drop(fork(store, lineage, Step(20), plan, dataset.clone()).unwrap());
}

/// Going on with a branch, as another process would.
fn go_on(store: &Store, branch: &str, dataset: &Arc<Dataset>) -> Result<Session, RecorderError> {
    Session::resume(store, &store.branch(&name(branch)).unwrap(), 1, options(SEGMENT), dataset.clone())
}

#[track_caller]
fn is_busy(result: Result<Session, RecorderError>) {
    assert!(matches!(result, Err(RecorderError::Store(StoreError::WriterBusy { .. }))), "{result:?}");
}

/// Between the verification and the removal there was a moment for anybody to
/// train on, and steps that nobody had verified lost their tensors.
#[test]
fn nobody_trains_a_branch_that_is_being_verified_and_compacted() {
    let folder = tempdir().unwrap();
    let (store, dataset) = recorded(folder.path());
    let main = store.branch(&name("main")).unwrap();
    let reading = BranchReader::open(&store, &name("main")).unwrap();
    let looked = AtomicUsize::new(0);
    let count = |_: u64| {
        looked.fetch_add(1, Ordering::SeqCst);
    };
    let refused = compact(&store, &main, &dataset, 1, &count).unwrap_err();
    assert!(matches!(refused, RecorderError::Store(StoreError::InUse { .. })), "{refused}");
    assert_eq!(looked.load(Ordering::SeqCst), 0, "who reads is known before all is verified in vain");
    drop(reading);

    let tried = AtomicUsize::new(0);
    compact(&store, &main, &dataset, 1, &|_| {
        if tried.fetch_add(1, Ordering::SeqCst) == 0 {
            is_busy(go_on(&store, "main", &dataset));
        }
    })
    .unwrap();
    assert!(tried.into_inner() > 1, "one look is in the middle of the verification");
    // Who read of the branch before it was compacted goes on with what it is now.
    let session = Session::resume(&store, &main, 1, options(SEGMENT), dataset.clone()).unwrap();
    assert_eq!(session.record().recording.fidelity, Fidelity::Keyframes);
    drop(session);
    let mut tried = 0;
    materialise(&store, &main, StepSpan::new(Step(0), Step(LAST)), dataset.clone(), 1, &mut |_| {
        tried += 1;
        is_busy(go_on(&store, "main", &dataset));
    })
    .unwrap();
    assert_eq!(tried, 3);
    drop(go_on(&store, "main", &dataset).unwrap());
}

/// What gc found was looked at under the branch's lock, and removed without.
#[test]
fn nobody_trains_a_branch_while_gc_frees_what_is_left_over() {
    let folder = tempdir().unwrap();
    let (store, dataset) = recorded(folder.path());
    let branch = store.branch_folder(&store.branch(&name("main")).unwrap().id);
    std::fs::create_dir(branch.join("tail/.open-000000000041-000000000041")).unwrap();
    let (other, data) = (store.clone(), dataset.clone());
    let removed = Arc::new(AtomicUsize::new(0));
    let count = removed.clone();
    let watched = store.clone().with_disk_hook(Arc::new(move |operation| {
        if let DiskOperation::Remove(_) = operation {
            count.fetch_add(1, Ordering::SeqCst);
            is_busy(go_on(&other, "main", &data));
        }
        Ok(())
    }));
    let garbage = watched.garbage().unwrap();
    assert_eq!(garbage.items.len(), 1, "{garbage:?}");
    {
        // Somebody who trains by then is spared.
        let _training = go_on(&store, "main", &dataset).unwrap();
        std::fs::create_dir(branch.join("tail/.open-000000000041-000000000041")).unwrap();
        assert_eq!(store.collect(&garbage.items).unwrap(), 0);
        assert!(branch.join("tail/.open-000000000041-000000000041").exists());
    }
    watched.collect(&garbage.items).unwrap();
    assert_eq!(removed.load(Ordering::SeqCst), 1);
    assert!(store.garbage().unwrap().items.is_empty());
}

#[test]
fn a_branch_that_was_taken_back_meanwhile_is_no_garbage() {
    let folder = tempdir().unwrap();
    let (store, dataset) = recorded(folder.path());
    for called in ["child", "other"] {
        forked(&store, &dataset, called);
        store.delete(&name(called)).unwrap();
    }
    let garbage = store.garbage().unwrap().items;
    assert_eq!(garbage.len(), 2, "{garbage:?}");
    store.take_back(&name("child")).unwrap();
    // Nor can the other one be taken back any more once its removal began.
    let plain = store.clone();
    let watched = store.clone().with_disk_hook(Arc::new(move |operation| match operation {
        DiskOperation::Remove(path) if path.exists() => {
            let gone = plain.take_back(&name("other")).unwrap_err();
            assert!(matches!(gone, StoreError::NotDeleted { .. }), "{gone}");
            Err(io::Error::other("as far as this"))
        }
        _ => Ok(()),
    }));
    assert!(watched.collect(&garbage).unwrap_err().to_string().contains("as far as this"));
    drop(go_on(&store, "child", &dataset).unwrap());
    store.collect(&store.garbage().unwrap().items).unwrap();
    assert!(store.garbage().unwrap().items.is_empty());
    drop(go_on(&store, "child", &dataset).unwrap());
}

#[test]
fn gc_names_a_damaged_branch_and_frees_what_the_others_left() {
    let folder = tempdir().unwrap();
    let (store, dataset) = recorded(folder.path());
    forked(&store, &dataset, "child");
    let [main, child] = ["main", "child"].map(|called| store.branch_folder(&store.branch(&name(called)).unwrap().id));
    let left = |branch: &Path| {
        let path = branch.join("tail/.open-000000000041-000000000041");
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let (of_main, of_child) = (left(&main), left(&child));
    std::fs::write(child.join("thinned.json"), "x").unwrap();
    let garbage = store.garbage().unwrap();
    assert_eq!(garbage.items.iter().map(|item| &item.path).collect::<Vec<_>>(), [&of_main]);
    let [problem] = &garbage.problems[..] else { panic!("{garbage:?}") };
    let text = problem.to_string();
    assert!(text.starts_with("nothing of branch `child` is freed: ") && text.contains("thinned.json"), "{text}");
    // Damaged after it was looked at.
    std::fs::remove_file(child.join("thinned.json")).unwrap();
    let garbage = store.garbage().unwrap();
    assert_eq!((garbage.items.len(), garbage.problems.len()), (2, 0));
    std::fs::write(child.join("thinned.json"), "x").unwrap();
    store.collect(&garbage.items).unwrap();
    assert!(!of_main.exists() && of_child.exists());
}

/// A branch whose description cannot be read may be the child of what lies in
/// the trash; so is one whose parent was put there by hand.
#[test]
fn gc_spares_a_deleted_branch_that_another_may_come_from() {
    let folder = tempdir().unwrap();
    let (store, dataset) = recorded(folder.path());
    forked(&store, &dataset, "child");
    let [main, child] = ["main", "child"].map(|called| store.branch(&name(called)).unwrap());
    let description = store.branch_folder(&child.id).join("branch.json");
    let honest = std::fs::read(&description).unwrap();
    std::fs::write(&description, &honest[..honest.len() / 2]).unwrap();
    // Nobody knows that it has a child, and deleting can be undone.
    store.delete(&name("main")).unwrap();
    let garbage = store.garbage().unwrap();
    assert!(garbage.items.is_empty(), "{garbage:?}");
    let texts: Vec<String> = garbage.problems.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains(&*description.to_string_lossy())), "{texts:?}");
    let spared = |text: &String| text.contains("trash") && text.contains(main.id.as_str());
    assert!(texts.iter().any(|text| spared(text) && text.contains("1 of the store's branches")), "{texts:?}");

    std::fs::write(&description, honest).unwrap();
    let garbage = store.garbage().unwrap();
    let texts: Vec<String> = garbage.problems.iter().map(ToString::to_string).collect();
    assert!(garbage.items.is_empty(), "{garbage:?}");
    assert!(texts.iter().any(|text| spared(text) && text.contains("`child` was forked from it")), "{texts:?}");
    store.take_back(&name("main")).unwrap();
    store.delete(&name("child")).unwrap();
    store.delete(&name("main")).unwrap();
    let garbage = store.garbage().unwrap();
    assert_eq!((garbage.items.len(), garbage.problems.len()), (2, 0), "{garbage:?}");
    store.collect(&garbage.items).unwrap();
    assert!(store.garbage().unwrap().items.is_empty());
}
