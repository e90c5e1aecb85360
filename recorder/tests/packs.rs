//! What a thin pack is for: elsewhere, every step can be computed and forked from it, to
//! the same bits.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::fs;

use fake::{name, tempdir};
use revacnn_recorder::{Replay, VerifyPlan, verify};
use revacnn_schemas::{Fidelity, Step, Table};
use revacnn_store::{BranchReader, Lineage, Pack, PackContents, Selection, Store};
use revacnn_test_support::SmallRun;

const SEGMENT: u64 = 16;

fn small() -> SmallRun {
    SmallRun { options: fake::options(SEGMENT), ..SmallRun::default() }
}

/// The fork of a fork's first step lacked the fork in its pack, which then could not be
/// unpacked.
#[test]
fn a_fork_of_a_forks_first_step_is_packed_with_that_fork() {
    let (from, out) = (tempdir().unwrap(), tempdir().unwrap());
    let store = small().recorded(from.path(), 40);
    small().fork(&store, ("main", 21), "wide", &["add-filter conv1"], 50);
    small().fork(&store, ("wide", 21), "wider", &["add-filter conv1"], 21);
    small().fork(&store, ("wider", 21), "widest", &["add-filter conv1"], 30);
    let last = |store: &Store| {
        let lineage = Lineage::open(store, &name("widest")).unwrap();
        lineage.step_row(Step(30)).unwrap().digest
    };
    for contents in [PackContents::Whole, PackContents::Thin] {
        let path = out.path().join("widest.tar");
        let packed = store.pack(&name("widest"), contents, &path, &mut |_, _| {}).unwrap();
        let names: Vec<&str> = packed.branches.iter().map(|(branch, _)| branch.name.as_str()).collect();
        assert_eq!(names, ["main", "wide", "wider", "widest"]);
        let to = tempdir().unwrap();
        let other = Store::create(to.path(), 0).unwrap();
        Pack::open(&path).unwrap().unpack(&other, &mut |_, _| {}).unwrap();
        assert_eq!(last(&other), last(&store));
        let lineage = Lineage::open(&other, &name("widest")).unwrap();
        let plan = VerifyPlan { span: None, threads: 1, quick: false };
        verify(&other, &lineage, plan, &small().data(), &|_| {}).unwrap();
    }
}

#[test]
fn a_child_of_a_thin_copy_is_the_child_of_the_original_to_the_bit() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = small().recorded(from.path(), 40);
    small().fork(&store, ("main", 21), "wide", &["add-filter conv1"], 50);
    let pack = |contents, file: &str| {
        let path = out.path().join(file);
        store.pack(&name("wide"), contents, &path, &mut |_, _| {}).unwrap();
        path
    };
    let (whole, thin) = (pack(PackContents::Whole, "whole.tar"), pack(PackContents::Thin, "thin.tar"));
    let bytes = |path: &std::path::Path| fs::metadata(path).unwrap().len();
    assert!(bytes(&thin) * 2 < bytes(&whole), "{} of {} bytes", bytes(&thin), bytes(&whole));

    let other = Store::create(to.path(), 0).unwrap();
    Pack::open(&thin).unwrap().unpack(&other, &mut |_, _| {}).unwrap();
    let lineage = Lineage::open(&other, &name("wide")).unwrap();
    assert_eq!(lineage.branch().recording.fidelity, Fidelity::Keyframes);
    let plan = VerifyPlan { span: None, threads: 1, quick: false };
    verify(&other, &lineage, plan, &small().data(), &|_| {}).unwrap();
    drop(lineage);
    // Any step of it is what it was.
    for step in [22, 30, 47, 50] {
        let read = |store: &Store| {
            let reader = BranchReader::open(store, &name("wide")).unwrap();
            Replay::new(reader).with_data(small().data(), 1).tensors(Step(step)).unwrap()
        };
        assert_eq!(format!("{:?}", read(&other)), format!("{:?}", read(&store)), "step {step}");
    }
    // Forked in both stores, alike.
    let children = [&store, &other].map(|store| {
        small().fork(store, ("wide", 37), "child", &["set learning_rate 0.01"], 45);
        let reader = BranchReader::open(store, &name("child")).unwrap();
        let digests: Vec<_> =
            reader.step_rows(reader.steps().unwrap()).unwrap().into_iter().map(|row| row.digest).collect();
        let mut replay = Replay::new(reader).with_data(small().data(), 1);
        let tensors: Vec<String> = (37..=45).map(|step| format!("{:?}", replay.tensors(Step(step)).unwrap())).collect();
        let reader = BranchReader::open(store, &name("child")).unwrap();
        let keyframes = [Table::Keyframes, Table::Filters, Table::Normalisation]
            .map(|table| reader.read(table, reader.steps().unwrap(), &Selection::all()).unwrap());
        (reader.branch().id.clone(), digests, tensors, keyframes)
    });
    assert!(children[0] == children[1]);
}
