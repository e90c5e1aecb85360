//! Forks that train on other images than their parent: recorded, replayed and verified exactly, from
//! what the store has alone.

use std::fs;

use revacnn_recorder::{Clock, Goal, Replay, Session, VerifyPlan, resume, verify};
use revacnn_schemas::{Digest, Epoch, ImageIndex, Position, Step};
use revacnn_store::{BranchReader, Lineage, Pack, PackContents, RecorderOptions, Store};
use revacnn_test_support::{SmallRun, advance, name};
use revacnn_trainer::data::Split;
use revacnn_trainer::{Settings, label_of};
use tempfile::tempdir;

fn options() -> RecorderOptions {
    RecorderOptions { segment_steps: 16, ..RecorderOptions::default() }
}

/// 1,350 images, so 43 steps an epoch.
fn small() -> SmallRun {
    let settings = Settings { batch_size: 32, ..Settings::default() };
    SmallRun { settings, options: options(), probe: ImageIndex(3), ..SmallRun::default() }
}

const FIRST: &[&str] = &["drop-images 3-500,640", "relabel 700-720 4 2 class:9", "weight-images 800-900 0.5 901 3"];
const SECOND: &[&str] = &["drop-images 501-560", "relabel 700 2", "add-filter conv1"];

/// `main`, a fork in its first epoch's midst, and a fork of that in the same epoch.
fn recorded(root: &std::path::Path) -> Store {
    let store = small().recorded(root, 24);
    small().fork(&store, ("main", 17), "child", FIRST, 33);
    small().fork(&store, ("child", 21), "grandchild", SECOND, 70);
    store
}

fn verified(store: &Store, branch: &str) -> u64 {
    let lineage = Lineage::open(store, &name(branch)).unwrap();
    let plan = VerifyPlan { span: None, threads: 2, quick: false };
    let found = verify(store, &lineage, plan, &small().data(), &|_| {}).unwrap();
    assert!(found.origin, "its first step follows from its parent's");
    found.rows
}

fn digest(store: &Store, branch: &str, step: u64) -> Digest {
    Lineage::open(store, &name(branch)).unwrap().step_row(Step(step)).unwrap().digest
}

#[test]
fn what_is_trained_on_other_images_is_verified_replayed_and_gone_on_with() {
    let root = tempdir().unwrap();
    let store = recorded(root.path());
    for (branch, rows) in [("child", 17), ("grandchild", 50)] {
        assert_eq!(verified(&store, branch), rows);
        let reader = BranchReader::of(&store, store.branch(&name(branch)).unwrap()).unwrap();
        let first = reader.branch().first_step();
        let step = Step(first.0 + 5);
        let mut replay = Replay::new(reader).with_data(small().data(), 1);
        assert_eq!(replay.trainer_at(step).unwrap().digest(), digest(&store, branch, step.0));
    }
    let record = store.branch(&name("grandchild")).unwrap();
    let definition = record.definition().unwrap();
    let data = small().data();
    let label = |image| label_of(definition, &data, Split::Train, ImageIndex(image)).unwrap();
    assert_eq!([label(700), label(701), label(2)], [2, 4, 9]);
    assert_eq!(definition.images.dropped.first(), Some(ImageIndex(3)));
    // What came of an image says the label that it was trained on with; none is of a dropped one.
    let samples = Lineage::open(&store, &name("grandchild")).unwrap().samples(Step(60)).unwrap();
    let mut of_child = 0;
    for (step, sample) in samples.into_iter().filter(|(step, _)| step.0 > 21) {
        assert!(!definition.images.dropped.contains(sample.image), "{step}: {sample:?}");
        assert_eq!(sample.label, label(sample.image.0), "{step}: {sample:?}");
        of_child += 1;
    }
    assert!(of_child > 1000, "{of_child}");

    // A session that goes on has the bits of one that never stopped.
    small().fork(&store, ("child", 21), "whole", SECOND, 90);
    let record = store.branch(&name("grandchild")).unwrap();
    let mut session = Session::resume(&store, &record, 2, options(), small().data()).unwrap();
    advance(&mut session, 90);
    session.finish().unwrap();
    assert_eq!(digest(&store, "grandchild", 90), digest(&store, "whole", 90));
    verified(&store, "grandchild");
}

/// Steps and epochs that are counted without training are those that come.
#[test]
fn epochs_are_as_long_as_there_are_images_along_the_lineage() {
    let root = tempdir().unwrap();
    let store = recorded(root.path());
    let data = small().data();
    let images = data.train_indices().len() as u64;
    let definition = |branch: &str| store.branch(&name(branch)).unwrap().definition().unwrap().clone();
    let [main, child, grandchild] = ["main", "child", "grandchild"].map(definition);
    let clock = Clock::of_run(images, 32);
    let clock = clock.forked_onto(Step(17), &main, &child, &data).forked_onto(Step(21), &child, &grandchild, &data);
    assert_eq!(clock.first(), Step(21));
    let lineage = Lineage::open(&store, &name("grandchild")).unwrap();
    for epoch in [1, 2] {
        let step = clock.end_of(epoch).unwrap();
        assert_eq!(lineage.resolve(Position::Epoch(Epoch(epoch))).unwrap(), step, "epoch {epoch}");
    }
    let run = resume(&store, &name("grandchild"), &small().resources()).unwrap();
    assert_eq!(run.step_of(Goal::Epoch(4)).unwrap(), clock.end_of(4).unwrap());
}

#[test]
fn the_branch_needs_no_file_and_equal_edits_have_one_key() {
    let [one, other, out] = [(); 3].map(|()| tempdir().unwrap());
    let store = recorded(one.path());
    let again = small().recorded(other.path(), 24);
    let alike = &["drop-images 640,400-500,3-399", "relabel 2 9 700-720 class:4", "weight-images 901 3 800-900 5e-1"];
    small().fork(&again, ("main", 17), "otherwise", alike, 18);
    let [first, second] = [(&store, "child"), (&again, "otherwise")].map(|(store, branch)| {
        let record = store.branch(&name(branch)).unwrap();
        (record.key, record.id, record.edits)
    });
    assert_eq!(first, second);
    small().fork(&again, ("main", 17), "fewer", &["drop-images 640,400-500,3-398"], 18);
    assert_ne!(again.branch(&name("fewer")).unwrap().key, first.0);

    for contents in [PackContents::Whole, PackContents::Thin] {
        let path = out.path().join("grandchild.tar");
        let packed = store.pack(&name("grandchild"), contents, &path, &mut |_, _| {}).unwrap();
        let to = tempdir().unwrap();
        let unpacked = Store::create(to.path(), 0).unwrap();
        Pack::open(&path).unwrap().unpack(&unpacked, &mut |_, _| {}).unwrap();
        // Of the child the whole files that reach to the grandchild's fork, whichever they are.
        let (_, of_child) = packed.branches[1];
        assert!(of_child.first == Step(17) && of_child.last >= Step(21), "{of_child}");
        let rows = ["child", "grandchild"].map(|branch| verified(&unpacked, branch));
        assert_eq!(rows, [of_child.steps(), 50]);
    }

    // An older program knows neither the edit nor the field, and refuses what it does not know.
    let record = store.branch(&name("child")).unwrap();
    let json = fs::read_to_string(store.branch_folder(&record.id).join("branch.json")).unwrap();
    assert!(json.contains("\"drop-images\"") && json.contains("\"images\""), "{json}");
    let main = store.branch(&name("main")).unwrap();
    let json = fs::read_to_string(store.branch_folder(&main.id).join("branch.json")).unwrap();
    assert!(!json.contains("\"images\""), "a branch that changes nothing is written as ever: {json}");
}
