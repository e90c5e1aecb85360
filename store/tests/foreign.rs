//! What another program records: kept under its name, read as any other branch,
//! and never reduced to what only its own engine could compute again.

mod fake;

use fake::*;
use revacnn_schemas::{Fidelity, ForeignProducer, Position, Producer, Step};
use revacnn_store::{BranchReader, Lineage, NewBranch, Recorder, RecorderOptions, Rewrite, Store, StoreError};

fn foreign(version: &str) -> Producer {
    Producer::Foreign(ForeignProducer { name: "pytorch".into(), version: version.into(), notes: "digits".into() })
}

fn new(called: &str, producer: Producer) -> NewBranch {
    NewBranch { producer, ..new_branch(name(called), definition(), recording(1), topology(&small()), None, 3) }
}

#[test]
fn it_is_recorded_and_read_under_its_own_name() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let branch = store.create_branch(new("theirs", foreign("2.9"))).unwrap();
    record_all(&store, &branch, 12, 5);

    let store = Store::open(folder.path()).unwrap();
    let read = store.branch(&name("theirs")).unwrap();
    assert_eq!(read, branch);
    assert_eq!((read.producer.to_string(), read.definition()), ("pytorch 2.9".to_owned(), None));
    let lineage = Lineage::of(&store, &read).unwrap();
    assert_eq!(lineage.resolve(Position::Last).unwrap(), Step(12));
    let reader = BranchReader::of(&store, read.clone()).unwrap();
    for step in 0..=12 {
        let read_back = reader.seek(Step(step)).unwrap();
        assert_eq!(read_back.first_difference(&FakeStep::new(&read, step).tensors(&read)), None, "step {step}");
    }
    // What differs from a run of this engine is who computes it.
    let ours = store.create_branch(NewBranch { name: Some(name("ours")), ..new("ours", engine()) }).unwrap();
    let told: Vec<String> = read.producer.differences(&ours.producer).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["producer: pytorch 2.9 → this engine, arithmetic 1"]);
    // Another version is another run.
    let newer = store.create_branch(new("newer", foreign("3.0"))).unwrap();
    assert_ne!(newer.key, read.key);
}

fn engine() -> Producer {
    new_branch(name("x"), definition(), recording(1), topology(&[]), None, 0).producer
}

#[test]
fn nothing_of_it_is_dropped_that_cannot_be_computed_again() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let mut keyframes = new("theirs", foreign("2.9"));
    keyframes.recording.fidelity = Fidelity::Keyframes;
    let refused = store.create_branch(keyframes).unwrap_err();
    assert!(refused.to_string().contains("expected fidelity every, found keyframes"), "{refused}");
    assert!(store.branches().unwrap().records.is_empty());

    let branch = store.create_branch(new("theirs", foreign("2.9"))).unwrap();
    let budget = RecorderOptions { disk_budget: Some(1), ..options(5) };
    let refused = Recorder::open(&store, &branch, budget).unwrap_err();
    assert!(refused.to_string().contains("expected no disk budget, found 1 bytes"), "{refused}");
    record_all(&store, &branch, 12, 5);
    let refused = Rewrite::begin(&store, &branch).unwrap_err();
    assert!(matches!(&refused, StoreError::Unrecordable { .. }), "{refused}");
    assert!(refused.to_string().contains("pytorch 2.9 computed its steps"), "{refused}");
    assert!(BranchReader::of(&store, branch).unwrap().stores_tensors(Step(0)).unwrap());
}

#[test]
fn a_description_of_both_or_of_neither_is_refused() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let branch = store.create_branch(new("theirs", foreign("2.9"))).unwrap();
    let path = store.branch_folder(&branch.id).join("branch.json");
    let honest = std::fs::read_to_string(&path).unwrap();
    for (from, to, found) in [
        ("\"producer\"", "\"arithmetic\": 1, \"producer\"", "arithmetic and producer"),
        ("\"pytorch\"", "\"py\\u001b[31mtorch\"", "a producer whose name and version can be printed"),
        ("\"2.9\"", "\" \"", "a producer whose name and version can be printed"),
        (
            "\"producer\": {\n    \"name\": \"pytorch\",\n    \"version\": \"2.9\",\n    \"notes\": \"digits\"\n  },",
            "",
            "none of them",
        ),
    ] {
        assert!(honest.contains(from), "{honest}");
        std::fs::write(&path, honest.replace(from, to)).unwrap();
        let problems = store.branches().unwrap().problems;
        assert!(problems[0].to_string().contains(found), "{}", problems[0]);
    }
}
