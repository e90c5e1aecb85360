//! A store's history as a notebook: whatever was trained, forked, steered and trained on,
//! the notebook trains nothing in that store, and the same bits in an empty one.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use revacnn_notebook::command::Command;
use revacnn_notebook::document::Document;
use revacnn_notebook::history::{History, history};
use revacnn_notebook::plan::{Outcome, Place, Plan, Share, State, run};
use revacnn_notebook::program::Program;
use revacnn_recorder::{ForkPlan, RecorderError, Resources, Stop, fork, resume, start, train};
use revacnn_schemas::{BranchName, Change, Digest, Edit, Fidelity, Position, Step};
use revacnn_store::{BranchReader, Lineage, Store};
use revacnn_test_support::{SmallRun, TINY, name};

/// Networks as files may have them: with what is usual written out, and not.
const NETWORKS: [&str; 3] = [
    TINY,
    "name = \"mine\"\n[[layer]]\nkind = \"conv\"\nname = \"edges\"\nfilters = 3\nkernel = 3\npad = 1\nactivation = \
     \"tanh\"\n[[layer]]\nkind = \"batchnorm\"\n[[layer]]\nkind = \"pool\"\nmethod = \"average\"\nkernel = 2\n[[layer]]\n\
     kind = \"softmax\"\n",
    "name = \"paper\"\n[[layer]]\nkind = \"conv\"\nfilters = 2\nkernel = 5\nstride = 2\n[[layer]]\nkind = \
     \"fully-connected\"\nunits = 5\nactivation = \"relu\"\n[[layer]]\nkind = \"dropout\"\nrate = 0.25\n[[layer]]\nkind = \
     \"softmax\"\n",
];

/// Edits of every kind; those that a branch cannot have are refused, and it has none of them.
const EDITS: &[&str] = &[
    "add-filter conv1",
    "add-filter conv1 count=2 init=split seed=9",
    "add-filter conv1 init=gradmax",
    "add-filter edges init=zero",
    "remove-filter conv1/0",
    "duplicate-filter conv1/1",
    "reinitialise conv1",
    "freeze conv1/1",
    "freeze edges",
    "unfreeze edges",
    "insert-layer conv after=conv1 name=more filters=2 kernel=1",
    "insert-layer batchnorm after=conv1",
    "remove-layer more",
    "set activation conv1 tanh",
    "set learning-rate 0.0123",
    "set beta1 0.8 seed=3",
    "set batch-size 12",
    "set optimizer sgd,momentum=0.5",
    "set optimizer adadelta",
    "set schedule step,every=3,factor=0.5",
    "set schedule constant",
];

/// The lines that start runs.
const STARTS: &[&str] = &[
    "train x --dataset digits --network 0 --batch-size 32",
    "train x --dataset digits --network 1 --seed 7 --probe 3,5 --fidelity keyframes --keyframe-interval 4",
    "train x --dataset digits --network 2 --optimizer sgd --learning-rate 0.03 --momentum 0.8 --batch-size 16",
    "train x --dataset digits --network 1 --optimizer adadelta,rho=0.9 --weight-decay 1e-4 --validate-every 2",
    "train x --dataset digits --network 0 --schedule cosine,over=30,floor=0.1 --optimizer adam,beta2=0.9",
];

/// What somebody does.
#[derive(Debug, Clone)]
enum Deed {
    /// A run of its own, of so many steps.
    Start(&'static str, u64),
    /// A fork of a branch at a step of its history, and so many steps.
    Fork { of: usize, at: u64, edits: Vec<&'static str>, steps: Option<u64>, fidelity: Option<Fidelity> },
    /// A branch is trained on, forked where it stands by who steers it, and trained on there.
    Steer { of: usize, before: u64, edits: Vec<&'static str>, after: u64 },
    /// A branch is trained on.
    Resume(usize, u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let edits = || proptest::collection::vec(select(EDITS), 0..3);
    let fidelity = select(vec![None, None, Some(Fidelity::Keyframes), Some(Fidelity::Every)]);
    prop_oneof![
        2 => (select(STARTS), 0..9_u64).prop_map(|(line, steps)| Deed::Start(line, steps)),
        4 => (0..8_usize, 0..16_u64, edits(), proptest::option::of(0..6_u64), fidelity)
            .prop_map(|(of, at, edits, steps, fidelity)| Deed::Fork { of, at, edits, steps, fidelity }),
        2 => (0..8_usize, 0..3_u64, edits(), 0..4_u64)
            .prop_map(|(of, before, edits, after)| Deed::Steer { of, before, edits, after }),
        1 => (0..8_usize, 1..5_u64).prop_map(|(of, steps)| Deed::Resume(of, steps)),
    ]
}

/// Whether it is the edits that cannot be made.
fn is_refusal(error: &RecorderError) -> bool {
    matches!(error, RecorderError::Trainer(_) | RecorderError::Diverged { .. })
}

/// Does it where it can be done; what is refused changes nothing.
fn does(store: &Store, folder: &Path, deed: &Deed, number: u64) {
    let resources = Resources { now_unix_seconds: number / 2, ..SmallRun::default().resources() };
    let own: BranchName = name(&format!("b{number}"));
    let branches: Vec<BranchName> =
        store.branches().unwrap().records.iter().map(|record| record.name.clone()).collect();
    let one = |of: usize| (!branches.is_empty()).then(|| branches[of % branches.len()].clone());
    let edits = |texts: &[&str]| -> Vec<Edit> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    let last = |branch: &BranchName| Lineage::open(store, branch).unwrap().steps().unwrap().last;
    let goes = |mut run: revacnn_recorder::Run, until: Step| {
        train(&mut run, until, &mut (), &Stop::new()).unwrap();
        run.finish().unwrap();
    };
    match deed {
        Deed::Start(line, steps) => {
            let words: Vec<&str> = line.split(' ').collect();
            let Ok(Command::Train(train)) = Command::parse(&words) else { panic!("{line}") };
            let place: usize = train.line.network().unwrap().to_str().unwrap().parse().unwrap();
            let network = revacnn_test_support::network(NETWORKS[place]);
            let mut request = train.line.named(own).request_of(Some(network)).unwrap();
            request.length = revacnn_recorder::Length::Steps(*steps);
            let plan = revacnn_recorder::StartPlan::of(request, Some(store), Some(folder)).unwrap();
            goes(start(store, plan, &resources).unwrap(), Step(*steps));
        }
        Deed::Fork { of, at, edits: texts, steps, fidelity } => {
            let Some(branch) = one(*of) else { return };
            let step = Step(at % (last(&branch).0 + 1));
            let plan = ForkPlan { name: Some(own), edits: edits(texts), fidelity: *fidelity, stays: steps.is_none() };
            match fork(store, Lineage::open(store, &branch).unwrap(), step, plan, &resources) {
                Ok(forked) => {
                    let until = Step(step.0 + steps.unwrap_or_default());
                    goes(revacnn_recorder::Run::recorded(forked.session).unwrap(), until);
                }
                Err(error) => assert!(is_refusal(&error), "{deed:?}: {error}"),
            }
        }
        Deed::Steer { of, before, edits: texts, after } => {
            let Some(branch) = one(*of) else { return };
            let until = Step(last(&branch).0 + before);
            let mut run = resume(store, &branch, &resources).unwrap();
            train(&mut run, until, &mut (), &Stop::new()).unwrap();
            let record = run.session().unwrap().record().clone();
            run.finish().unwrap();
            // As a training does that was asked for it: where it stands.
            let plan = ForkPlan { name: Some(own), edits: edits(texts), fidelity: None, stays: false };
            match fork(store, Lineage::of(store, &record).unwrap(), until, plan, &resources) {
                Ok(forked) => goes(revacnn_recorder::Run::recorded(forked.session).unwrap(), Step(until.0 + after)),
                Err(error) => assert!(is_refusal(&error), "{deed:?}: {error}"),
            }
        }
        Deed::Resume(of, steps) => {
            let Some(branch) = one(*of) else { return };
            let until = Step(last(&branch).0 + steps);
            match resume(store, &branch, &resources) {
                Ok(run) => goes(run, until),
                Err(error) => assert!(matches!(error, RecorderError::Diverged { .. }), "{error}"),
            }
        }
    }
}

/// With what a notebook in this folder is planned.
fn placed<'a>(folder: &'a Path, store: &'a Store, resources: &'a Resources) -> Place<'a> {
    Place { folder, store: Some(store), resources, read: &|_| Err("there is no file".to_owned()) }
}

/// What a notebook trains in a store: the last digest of each line's branch.
fn trains(text: &str, folder: &Path, store: &Store) -> (u64, BTreeMap<String, Digest>) {
    let resources = SmallRun::default().resources();
    let document = Document::parse(text);
    let program = Program::of(&document);
    let place = placed(folder, store, &resources);
    let plan = Plan::of(&document, &program, place).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    let wanted: Vec<usize> = (0..plan.nodes.len()).collect();
    let share = Share { wanted: &wanted, jobs: 2, stop: &Stop::new() };
    let outcomes = run(plan, &program, place, store, share, &|_| {});
    let trained = outcomes.iter().map(Outcome::trained).sum();
    let digests = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Reached { last, .. } => (last.name, last.digest),
        other => panic!("{other:?}\n{text}"),
    });
    (trained, digests.collect())
}

fn told(store: &Store, folder: &Path) -> History {
    let resources = SmallRun::default().resources();
    history(store, &[], placed(folder, store, &resources)).unwrap()
}

/// The last digest of each branch.
fn digests(store: &Store) -> BTreeMap<String, Digest> {
    let digest = |record: revacnn_schemas::BranchRecord| {
        let reader = BranchReader::of(store, record.clone()).unwrap();
        (record.name.to_string(), reader.step_row(reader.steps().unwrap().last).unwrap().digest)
    };
    store.branches().unwrap().records.into_iter().map(digest).collect()
}

/// What a store was made of is told whole, and is made again by that.
fn is_told(deeds: &[Deed]) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store"), 0).unwrap();
    for (number, deed) in deeds.iter().enumerate() {
        does(&store, folder.path(), deed, number as u64);
    }
    let told = told(&store, folder.path());
    assert_eq!(told.untold, [], "{}", told.text);
    let all = digests(&store);
    if all.is_empty() {
        return;
    }
    assert_eq!(told.lines, all.len(), "{}", told.text);
    assert_eq!(trains(&told.text, folder.path(), &store), (0, all.clone()), "{}", told.text);
    let empty = Store::create(folder.path().join("empty"), 0).unwrap();
    assert_eq!(trains(&told.text, folder.path(), &empty).1, all, "{}", told.text);
    // Told again from there it is the same notebook, but for copies, which are one there.
    if empty.branches().unwrap().records.len() == all.len() {
        let resources = SmallRun::default().resources();
        let again = history(&empty, &[], placed(folder.path(), &empty, &resources)).unwrap();
        assert_eq!(again.lines, told.lines, "{}", again.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_history_trains_nothing_in_its_store_and_the_same_bits_in_an_empty_one(
        first in (select(STARTS), 2..9_u64),
        deeds in proptest::collection::vec(deed(), 1..9),
    ) {
        let deeds: Vec<Deed> = std::iter::once(Deed::Start(first.0, first.1)).chain(deeds).collect();
        is_told(&deeds);
    }
}

#[test]
fn every_edit_and_every_start_is_told() {
    let starts = STARTS.iter().map(|line| Deed::Start(line, 3));
    // Each network has each of the edits that it can have.
    let forks = EDITS.iter().flat_map(|edit| {
        (0..STARTS.len()).map(|of| Deed::Fork { of, at: 2, edits: vec![edit], steps: Some(1), fidelity: None })
    });
    is_told(&starts.chain(forks).collect::<Vec<_>>());
}

#[test]
fn forks_at_inherited_steps_without_steps_and_of_what_was_trained_on_are_told() {
    let fork = |of, at, steps| Deed::Fork { of, at, edits: vec!["freeze conv1"], steps, fidelity: None };
    is_told(&[
        Deed::Start(STARTS[0], 6),
        fork(0, 4, Some(3)),
        // A step of the fork's history that its parent holds, once alike and once not.
        Deed::Fork { of: 1, at: 2, edits: vec!["set learning-rate 0.5"], steps: Some(2), fidelity: None },
        fork(1, 4, None),
        Deed::Resume(0, 5),
        fork(0, 11, Some(1)),
        // Again the same run, longer, and a fork of it.
        Deed::Start(STARTS[0], 8),
        fork(6, 4, Some(5)),
        Deed::Steer { of: 1, before: 2, edits: vec!["add-filter conv1", "set batch-size 12"], after: 3 },
        Deed::Steer { of: 8, before: 0, edits: vec!["unfreeze conv1"], after: 0 },
    ]);
}

#[test]
fn a_line_has_what_differs_from_the_usual_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store"), 0).unwrap();
    for (number, deed) in [
        Deed::Start(STARTS[0], 3),
        Deed::Start(STARTS[2], 2),
        Deed::Fork {
            of: 0,
            at: 2,
            edits: vec![EDITS[1], EDITS[2]],
            steps: Some(1),
            fidelity: Some(Fidelity::Keyframes),
        },
        Deed::Fork { of: 0, at: 1, edits: vec![], steps: None, fidelity: None },
    ]
    .iter()
    .enumerate()
    {
        does(&store, folder.path(), deed, number as u64);
    }
    let expected = "\
# The history of store

The branches that the store had, in the order in which they were made.
Run in the store that this was written from, the lines train nothing; in another one they train
what it lacks, to the same bits.

```toml revacnn network
[[layer]]
kind = \"conv\"
filters = 2
kernel = 3

[[layer]]
kind = \"softmax\"
```

```toml revacnn network-2
[[layer]]
kind = \"conv\"
filters = 2
kernel = 5
stride = 2

[[layer]]
kind = \"fully-connected\"
activation = \"relu\"
units = 5

[[layer]]
kind = \"dropout\"
rate = 0.25

[[layer]]
kind = \"softmax\"
```

```revacnn
train b0 --dataset digits --network network --batch-size 32 --steps 3
train b1 --dataset digits --network network-2 --optimizer sgd --learning-rate 0.03 --momentum 0.8
  --batch-size 16 --steps 2
fork b0@2 b2 --edit 'add-filter conv1 count=2 init=split seed=9'
  --edit 'add-filter conv1 init=gradmax' --fidelity keyframes --steps 3
fork b0@1 b3
```

Their loss:

```revacnn
plot loss b0 b1 b2 b3 --x epoch
```

`b0` and `b2` side by side:

```revacnn
compare b0 b2
```
";
    assert_eq!(told(&store, folder.path()).text, expected);
}

#[test]
fn what_no_line_can_say_is_told_in_prose_with_what_was_forked_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("store"), 0).unwrap();
    let does = |deed: Deed, number| does(&store, folder.path(), &deed, number);
    let fork_of = |of, at| Deed::Fork { of, at, edits: vec![], steps: Some(1), fidelity: None };
    does(Deed::Start(STARTS[0], 4), 0);
    let weights = Edit::new(Change::SetWeights {
        layer: "conv1".parse().unwrap(),
        filter: revacnn_schemas::FilterNumber(0),
        values: vec![0.5; 9],
        shape: None,
        bias: None,
    });
    let resources = Resources { now_unix_seconds: 1, ..SmallRun::default().resources() };
    let plan = ForkPlan { name: Some(name("b1")), edits: vec![weights], fidelity: None, stays: true };
    fork(&store, Lineage::open(&store, &name("b0")).unwrap(), Step(2), plan, &resources)
        .unwrap()
        .session
        .finish()
        .unwrap();
    does(fork_of(1, 2), 2);
    does(fork_of(0, 3), 6);
    does(fork_of(3, 4), 8);
    // One of them loses the branch that it was forked from.
    let lost = store.branch(&name("b6")).unwrap();
    std::fs::remove_dir_all(store.branch_folder(&lost.id)).unwrap();

    let told = told(&store, folder.path());
    let reasons: Vec<(&str, &str)> =
        told.untold.iter().map(|untold| (untold.branch.as_str(), untold.reason.as_str())).collect();
    let missing = format!("the branch that it was forked from, {}, is not in the store", lost.id);
    assert_eq!(
        reasons,
        [
            (
                "b1",
                "its edit `set-weights conv1/0 (9 coefficients)` has coefficients of a file or of the window, and the \
                 store keeps no file of them"
            ),
            ("b2", "it was forked from `b1`, which is no line here"),
            ("b8", missing.as_str()),
        ]
    );
    for (branch, reason) in reasons {
        assert!(told.text.contains(&format!("- `{branch}`: {reason}\n")), "{}", told.text);
    }
    let document = Document::parse(told.text.as_str());
    let program = Program::of(&document);
    assert_eq!(program.trainings.iter().map(|training| training.name.as_str()).collect::<Vec<_>>(), ["b0"]);
}

/// A name may be that of two branches, and no store may write what it likes into a notebook.
#[test]
fn a_stranger_s_store_writes_no_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("x\n```revacnn\ntrain evil\n```"), 0).unwrap();
    does(&store, folder.path(), &Deed::Start(STARTS[1], 1), 0);
    let record = store.branch(&name("b0")).unwrap();
    let path = store.branch_folder(&record.id).join("branch.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let evil = text.replacen("\"mine\"", "\"a\\n```\\n```revacnn\\ntrain evil\"", 1);
    assert_ne!(evil, text);
    std::fs::write(&path, evil).unwrap();
    let told = told(&store, folder.path());
    let document = Document::parse(told.text.as_str());
    let first: Vec<&str> = document.lines().map(|line| line.words[1].text.as_str()).collect();
    assert_eq!(first, ["b0", "loss"], "{}", told.text);
    assert!(!told.text.contains("\ntrain evil"), "{}", told.text);
}

#[test]
fn a_fork_at_a_step_of_before_its_parent_is_one_of_the_branch_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "```revacnn\n\
                train base --dataset digits --network n.toml --batch-size 512 --epochs 3\n\
                fork base@epoch:2 wider --edit 'add-filter conv1' --epochs 3\n\
                fork wider@last deeper --edit 'freeze conv1' --epochs 4\n\
                fork deeper@2 second --edit 'set batch-size 400' --steps +2\n\
                fork deeper@epoch:1 third --steps +1\n\
                fork deeper@epoch:2 own\n\
                ```\n";
    std::fs::write(folder.path().join("n.toml"), TINY).unwrap();
    let store = Store::create(folder.path().join("store"), 0).unwrap();
    let (trained, digests) = trains(text, folder.path(), &store);
    assert!(trained > 0);
    let parent = |branch: &str| {
        let record = store.branch(&name(branch)).unwrap();
        let parent = record.parent.unwrap();
        (store.branch_by_id(&parent.branch).unwrap().name.to_string(), parent.step)
    };
    let at = |branch: &str, position| Lineage::open(&store, &name(branch)).unwrap().resolve(position).unwrap();
    let epoch = |number| Position::Epoch(revacnn_schemas::Epoch(number));
    assert_eq!(parent("second"), ("base".to_owned(), Step(2)));
    assert_eq!(parent("third"), ("base".to_owned(), at("base", epoch(1))));
    // The step of the fork itself is the fork's.
    assert_eq!(parent("own"), ("wider".to_owned(), at("wider", Position::Fork)));

    // As by hand.
    let resources = SmallRun::default().resources();
    let plan = ForkPlan {
        name: Some(name("by-hand")),
        edits: vec!["set batch-size 400".parse().unwrap()],
        fidelity: None,
        stays: false,
    };
    let forked = fork(&store, Lineage::open(&store, &name("deeper")).unwrap(), Step(2), plan, &resources).unwrap();
    let mut run = revacnn_recorder::Run::recorded(forked.session).unwrap();
    train(&mut run, Step(4), &mut (), &Stop::new()).unwrap();
    run.finish().unwrap();
    let row = Lineage::open(&store, &name("by-hand")).unwrap().step_row(Step(4)).unwrap();
    assert_eq!(row.digest, digests["second"]);
    assert_eq!(trains(text, folder.path(), &store).0, 0);

    let wrong = text.replace("deeper@2", "deeper@99");
    let (document, resources) = (Document::parse(wrong.as_str()), SmallRun::default().resources());
    let program = Program::of(&document);
    let problems = Plan::of(&document, &program, placed(folder.path(), &store, &resources)).unwrap_err();
    assert!(problems[0].message.contains("found 99"), "{problems:?}");
    let plan = Plan::of(
        &Document::parse(text),
        &Program::of(&Document::parse(text)),
        placed(folder.path(), &store, &resources),
    );
    assert!(plan.unwrap().nodes.iter().all(|node| node.state() == State::There));
}
