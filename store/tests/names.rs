//! Two branches of one name, as after a folder was copied in: never one of them
//! silently, and each by its id.

mod fake;

use fake::*;
use revacnn_schemas::{BranchRecord, Step};
use revacnn_store::{BranchReader, Lineage, Store, StoreError};
use tempfile::TempDir;

/// A store with two branches `main`, the second one copied in from elsewhere.
fn doubled() -> (TempDir, Store, [BranchRecord; 2]) {
    let folder = tempdir().unwrap();
    let (ours, first) = store(folder.path(), &small(), recording(1));
    record_all(&ours, &first, 9, 16);
    let elsewhere = tempdir().unwrap();
    let theirs = Store::create(elsewhere.path(), 1).unwrap();
    let mut other = definition();
    other.seed = 7;
    let second =
        theirs.create_branch(new_branch(name("main"), other, recording(1), topology(&small()), None, 3)).unwrap();
    record_all(&theirs, &second, 4, 16);
    copy_folder(&theirs.branch_folder(&second.id), &ours.branch_folder(&second.id));
    (folder, ours, [first, second])
}

#[test]
fn a_name_that_two_branches_have_is_refused_and_their_ids_are_not() {
    let (_folder, store, [first, second]) = doubled();
    let ambiguous = |error: StoreError| {
        let text = error.to_string();
        assert!(matches!(error, StoreError::AmbiguousName { .. }), "{text}");
        assert!(text.contains(first.id.as_str()) && text.contains(second.id.as_str()), "{text}");
    };
    ambiguous(store.branch(&name("main")).unwrap_err());
    ambiguous(BranchReader::open(&store, &name("main")).map(drop).unwrap_err());
    ambiguous(Lineage::open(&store, &name("main")).map(drop).unwrap_err());
    ambiguous(store.delete(&name("main")).unwrap_err());
    ambiguous(store.rename(&name("main"), &name("other")).map(drop).unwrap_err());
    let listed = store.branches().unwrap();
    assert_eq!((listed.records.len(), listed.problems.len()), (2, 1));
    assert!(listed.is_ambiguous(&name("main")));

    for (record, last) in [(&first, 9), (&second, 4)] {
        let by_id = Lineage::open(&store, &name(record.id.as_str())).unwrap();
        assert_eq!((by_id.branch(), by_id.steps().unwrap().last), (record, Step(last)));
    }
    store.rename(&name(second.id.as_str()), &name("other")).unwrap();
    assert_eq!(store.branch(&name("main")).unwrap().id, first.id);
    assert!(store.branches().unwrap().problems.is_empty());
}

#[test]
fn a_name_goes_before_an_id() {
    let (_folder, store, [first, second]) = doubled();
    let refused = store.rename(&name(second.id.as_str()), &name(first.id.as_str())).unwrap_err();
    assert!(matches!(refused, StoreError::NameTaken { .. }), "{refused}");
    // Others could be named so.
    let path = store.branch_folder(&second.id).join("branch.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let named = text.replace(r#""name": "main""#, &format!(r#""name": "{}""#, first.id));
    assert_ne!(named, text);
    std::fs::write(&path, named).unwrap();
    assert_eq!(store.branch(&name(first.id.as_str())).unwrap().id, second.id);
}

#[test]
fn of_two_deleted_branches_of_one_name_one_is_taken_back_by_its_id() {
    let (_folder, store, [first, second]) = doubled();
    for record in [&first, &second] {
        store.delete(&name(record.id.as_str())).unwrap();
    }
    let error = store.take_back(&name("main")).unwrap_err();
    assert!(matches!(error, StoreError::AmbiguousDeleted { .. }), "{error}");
    assert_eq!(store.take_back(&name(first.id.as_str())).unwrap(), first);
    // There is but one left, whose name is taken.
    assert!(matches!(store.take_back(&name("main")).unwrap_err(), StoreError::NameTaken { .. }));
    store.rename(&name("main"), &name("older")).unwrap();
    assert_eq!(store.take_back(&name("main")).unwrap(), second);
}
