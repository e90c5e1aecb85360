//! Arrays that layers begin with: once they are in the store, it needs their file no more.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::fs;
use std::path::Path;

use fake::{copy_folder, name, tempdir};
use revacnn_recorder::{ForkPlan, RecorderError, Session, SessionPlan, VerifyPlan, fork, network_at, verify};
use revacnn_schemas::{Change, Edit, Fidelity, InitialArrays, Step};
use revacnn_store::{Lineage, Pack, PackContents, Store};
use revacnn_test_support::{SmallRun, advance};
use revacnn_trainer::exchange::Format;

fn small() -> SmallRun {
    SmallRun { options: fake::options(16), ..SmallRun::default() }
}

/// A run that begins with arrays.
fn beginning() -> SessionPlan {
    let mut plan = small().plan();
    plan.definition.init = Some(InitialArrays { arrays: small().arrays(), layers: Vec::new() });
    plan
}

fn load(layer: Option<&str>) -> Edit {
    let layer = layer.map(|layer| layer.parse().unwrap());
    Edit::new(Change::LoadWeights { arrays: small().arrays(), layer })
}

/// `main`, which begins with arrays, and its fork, which loads some and loses part of them at once.
fn recorded(root: &Path) -> Store {
    let store = Store::create(root, 0).unwrap();
    let mut session = Session::open(&store, &name("main"), beginning(), small().data()).unwrap();
    advance(&mut session, 12);
    session.finish().unwrap();
    let edits = vec![load(None), "reinitialise conv1".parse().unwrap()];
    let plan = ForkPlan { name: Some(name("child")), edits, fidelity: None, stays: false };
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let mut session = fork(&store, lineage, Step(7), plan, &small().resources()).unwrap().session;
    advance(&mut session, 15);
    session.finish().unwrap();
    store
}

fn verified(store: &Store, branch: &str) -> Result<(), RecorderError> {
    let lineage = Lineage::open(store, &name(branch)).unwrap();
    let plan = VerifyPlan { span: None, threads: 1, quick: false };
    verify(store, &lineage, plan, &small().data(), &|_| {}).map(drop)
}

/// The file of arrays beside a record.
fn beside(store: &Store, branch: &str) -> std::path::PathBuf {
    let folder = store.branch_folder(&store.branch(&name(branch)).unwrap().id);
    folder.join(format!("arrays-{}.safetensors", small().arrays().digest()))
}

#[test]
fn a_record_has_the_digest_and_the_arrays_lie_beside_it() {
    let root = tempdir().unwrap();
    let store = recorded(root.path());
    for branch in ["main", "child"] {
        let record = store.branch(&name(branch)).unwrap();
        let json = fs::read_to_string(store.branch_folder(&record.id).join("branch.json")).unwrap();
        assert!(json.contains(&small().arrays().digest().to_string()) && !json.contains("base64"), "{json}");
        assert_eq!(fs::read(beside(&store, branch)).unwrap(), small().arrays().bytes().unwrap()[..]);
        verified(&store, branch).unwrap();
    }
    let record = store.branch(&name("main")).unwrap();
    assert_eq!(record.key, beginning().definition.key());
    assert_ne!(record.key, small().definition().key());
}

#[test]
fn a_pack_takes_them_along_whole_or_thin() {
    let (root, out) = (tempdir().unwrap(), tempdir().unwrap());
    let store = recorded(root.path());
    for contents in [PackContents::Whole, PackContents::Thin] {
        let path = out.path().join("child.tar");
        store.pack(&name("child"), contents, &path, &mut |_, _| {}).unwrap();
        let to = tempdir().unwrap();
        let other = Store::create(to.path(), 0).unwrap();
        Pack::open(&path).unwrap().unpack(&other, &mut |_, _| {}).unwrap();
        for branch in ["main", "child"] {
            verified(&other, branch).unwrap();
        }
    }
}

#[test]
fn a_first_step_that_a_kill_took_is_made_again_from_them() {
    let root = tempdir().unwrap();
    let store = recorded(root.path());
    for branch in ["main", "child"] {
        let copied = tempdir().unwrap();
        copy_folder(root.path(), copied.path());
        let copy = Store::open(copied.path()).unwrap();
        let record = copy.branch(&name(branch)).unwrap();
        let first = record.first_step();
        let digest = |store: &Store| Lineage::open(store, &name(branch)).unwrap().step_row(first).unwrap().digest;
        let folder = copy.branch_folder(&record.id);
        for table in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if table.is_dir() && !table.ends_with("topology") {
                fs::read_dir(&table).unwrap().for_each(|file| {
                    let path = file.unwrap().path();
                    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
                });
            }
        }
        let session = Session::resume(&copy, &record, 1, small().options, small().data()).unwrap();
        assert_eq!(session.trainer().position(), first);
        session.finish().unwrap();
        assert_eq!(digest(&copy), digest(&store), "{branch}");
    }
}

#[test]
fn arrays_that_are_lost_or_changed_are_named_by_their_file() {
    let root = tempdir().unwrap();
    let store = recorded(root.path());
    for branch in ["main", "child"] {
        let path = beside(&store, branch);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let message = verified(&store, branch).unwrap_err().to_string();
        assert!(message.contains("arrays-") && message.contains("expected arrays of digest"), "{message}");
        fs::remove_file(&path).unwrap();
        let message = verified(&store, branch).unwrap_err().to_string();
        assert!(message.contains("arrays-") && message.contains("arrays that its layers begin with"), "{message}");
        let out = root.path().join("lost.tar");
        store.pack(&name(branch), PackContents::Thin, &out, &mut |_, _| {}).unwrap_err();
    }
}

/// Steps whose tensors are not stored go out as well, and so does the optimizer's memory.
#[test]
fn a_network_goes_out_at_any_step_however_it_is_recorded() {
    let [every, keyframes] = [Fidelity::Every, Fidelity::Keyframes].map(|fidelity| {
        let root = tempdir().unwrap();
        let small = SmallRun { fidelity, ..small() };
        let store = small.recorded(root.path(), 25);
        let at = |step: u64, optimizer: bool| {
            let lineage = Lineage::open(&store, &name("main")).unwrap();
            let network = network_at(&store, lineage, Step(step), optimizer, &small.resources()).unwrap();
            let bytes = [Format::Safetensors, Format::Npz].map(|format| network.export(format).unwrap().bytes);
            (network.digest, bytes)
        };
        [at(0, false), at(13, false), at(13, true), at(20, true), at(25, false)]
    });
    assert_eq!(every, keyframes);
    assert_ne!(every[1], every[2]);
}
