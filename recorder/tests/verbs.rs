//! The verbs as a front end uses them: what they refuse, what they tell, and
//! that nothing depends on who asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revacnn_recorder::{
    Diverged, Ended, ForkPlan, Goal, Length, PreviewImages, RecorderError, Resources, Run, Session, StartPlan,
    StartRequest, Stop, Watcher, fork, preview, resume, start, start_unrecorded, train, usual_threads,
};
use revacnn_schemas::{Edit, ImageIndex, Step};
use revacnn_store::{Lineage, RecorderOptions, Store, StoreError, default_disk_budget};
use revacnn_test_support::{SmallRun, TINY, files, name, network};
use revacnn_trainer::StepOutcome;
use revacnn_trainer::data::Split;

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A small run, as a front end asks for it.
fn request(branch: &str, steps: u64) -> StartRequest {
    StartRequest {
        dataset: Some("digits".into()),
        network: Some(network(TINY)),
        length: Length::Steps(steps),
        ..StartRequest::new(name(branch))
    }
}

fn resources() -> Resources {
    SmallRun::default().resources()
}

fn started(store: &Store, request: StartRequest) -> (Run, Step) {
    let plan = StartPlan::of(request, Some(store), None).unwrap();
    let until = plan.until;
    (start(store, plan, &resources()).unwrap(), until)
}

/// Every file below a folder, with what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Counts what it is told.
#[derive(Default)]
struct Counter {
    steps: Vec<Step>,
    cautions: Vec<String>,
}

impl Watcher for Counter {
    fn cautioned(&mut self, caution: &str) {
        self.cautions.push(caution.to_owned());
    }

    fn stepped(&mut self, run: &Run, outcome: &StepOutcome) {
        assert!(outcome.images > 0);
        self.steps.push(run.trainer().position());
    }
}

#[test]
fn a_run_is_watched_until_its_step_and_gone_on_with_from_there() {
    let folder = tempdir();
    let store = Store::create(folder.path(), 0).unwrap();
    let (mut run, until) = started(&store, request("main", 5));
    let mut watcher = Counter::default();
    assert_eq!(train(&mut run, until, &mut watcher, &Stop::new()).unwrap(), Ended::Reached);
    assert_eq!(watcher.steps, (1..=5).map(Step).collect::<Vec<_>>());
    let (trainer, summary) = run.finish().unwrap();
    assert_eq!(summary.unwrap().last_step, Some(Step(5)));
    // Without a record: the same bits.
    let plan = StartPlan::of(request("main", 5), None, None).unwrap();
    let mut free = start_unrecorded(plan, &resources()).unwrap();
    assert!(free.session().is_none());
    assert_eq!(train(&mut free, until, &mut (), &Stop::new()).unwrap(), Ended::Reached);
    assert_eq!(free.trainer().digest(), trainer.digest());
    // It knows how far it was meant to go, and counts from where it stands.
    let mut run = resume(&store, &name("main"), &resources()).unwrap();
    let epoch = run.step_of(Goal::Epoch(1)).unwrap();
    assert_eq!(run.step_of(Goal::AsBefore).unwrap(), epoch);
    assert_eq!(run.step_of(Goal::More(4)).unwrap(), Step(9));
    assert_eq!(run.step_of(Goal::Step(Step(3))).unwrap(), Step(3));
    assert!(matches!(run.step_of(Goal::More(u64::MAX)), Err(RecorderError::TooManySteps)));
    assert!(matches!(run.step_of(Goal::Epoch(u64::MAX)), Err(RecorderError::TooManySteps)));
    assert_eq!(train(&mut run, Step(3), &mut (), &Stop::new()).unwrap(), Ended::Reached);
    assert_eq!(run.trainer().position(), Step(5));
    // What was asked to stop stops before its next step, and is resumed to the
    // same goal.
    let stop = Stop::new();
    stop.ask();
    assert_eq!(train(&mut run, Step(9), &mut (), &stop).unwrap(), Ended::Stopped);
    run.finish().unwrap();
    let run = resume(&store, &name("main"), &resources()).unwrap();
    assert_eq!((run.trainer().position(), run.step_of(Goal::AsBefore).unwrap()), (Step(5), Step(9)));
}

#[test]
fn a_name_that_is_taken_is_gone_on_with_only_where_that_is_meant() {
    let folder = tempdir();
    let store = SmallRun::default().recorded(folder.path(), 3);
    let refused = StartPlan::of(request("main", 5), Some(&store), None);
    assert!(matches!(refused, Err(RecorderError::Store(StoreError::NameTaken { .. }))), "{refused:?}");
    // What is not asked for is as the branch has it.
    let goes_on = StartRequest { goes_on: true, length: Length::Steps(5), ..StartRequest::new(name("main")) };
    let plan = StartPlan::of(goes_on.clone(), Some(&store), None).unwrap();
    let record = store.branch(&name("main")).unwrap();
    assert_eq!((Some(&plan.definition), &plan.recording), (record.definition(), &record.recording));
    drop(start(&store, plan, &resources()).unwrap());
    let other = StartRequest { seed: Some(7), ..goes_on };
    let plan = StartPlan::of(other, Some(&store), None).unwrap();
    assert!(matches!(start(&store, plan, &resources()), Err(RecorderError::OtherDefinition { .. })));
    let far = StartRequest { length: Length::Epochs(u64::MAX), ..request("far", 1) };
    assert!(matches!(StartPlan::of(far, Some(&store), None), Err(RecorderError::TooManySteps)));
}

/// A window went on, and recorded one more step that is not a number.
#[test]
fn what_diverged_is_not_gone_on_with_and_stays_as_it_is() {
    let folder = tempdir();
    let store = Store::create(folder.path(), 0).unwrap();
    let request = StartRequest { optimizer: Some("sgd,learning_rate=1e30".parse().unwrap()), ..request("main", 40) };
    let (mut run, until) = started(&store, request.clone());
    let mut watcher = Counter::default();
    let ended = train(&mut run, until, &mut watcher, &Stop::new()).unwrap();
    let Ended::Diverged(diverged) = ended else { panic!("{ended:?}") };
    let last = *watcher.steps.last().unwrap();
    assert!(diverged.value.is_some());
    assert_eq!((diverged.step, diverged.fork_at), (last, Step(last.0.saturating_sub(10))));
    assert_eq!(diverged.learning_rate, 1e29);
    run.finish().unwrap();
    let before = contents(folder.path());
    let found = Diverged { value: None, ..diverged };
    let again = StartPlan::of(StartRequest { goes_on: true, ..request }, Some(&store), None).unwrap();
    for refused in [resume(&store, &name("main"), &resources()), start(&store, again, &resources())] {
        match refused.map(drop) {
            Err(RecorderError::Diverged { branch, diverged }) => {
                assert_eq!((branch, diverged), (name("main"), found.clone()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(contents(folder.path()), before);
    // What is worth a try works.
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let edits = vec!["set learning-rate 0.01".parse().unwrap()];
    let plan = ForkPlan { name: None, edits, fidelity: None, stays: false };
    let mut run = Run::recorded(fork(&store, lineage, found.fork_at, plan, &resources()).unwrap().session).unwrap();
    assert_eq!(train(&mut run, Step(12), &mut (), &Stop::new()).unwrap(), Ended::Reached);
}

/// A fork that a window made had no budget.
#[test]
fn a_fork_keeps_to_the_disk_budget() {
    let folder = tempdir();
    let options = RecorderOptions { segment_steps: 16, ..RecorderOptions::default() };
    let small = SmallRun { options, ..SmallRun::default() };
    let store = small.recorded(folder.path(), 4);
    let mut resources = small.resources();
    resources.recorder.disk_budget = Some(1);
    let plan = ForkPlan { name: Some(name("child")), edits: Vec::new(), fidelity: None, stays: false };
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let forked = fork(&store, lineage, Step(4), plan, &resources).unwrap();
    let mut run = Run::recorded(forked.session).unwrap();
    train(&mut run, Step(60), &mut (), &Stop::new()).unwrap();
    let (_, summary) = run.finish().unwrap();
    assert!(summary.unwrap().thinned_steps > 0, "{summary:?}");
}

/// The command line trained on four threads at most, the window on all.
#[test]
fn the_usual_resources_are_the_same_whoever_asks() {
    let folder = tempdir();
    let usual = Resources::usual(folder.path());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert_eq!((usual.threads, usual.threads), (usual_threads(), cores.min(4)));
    assert!(usual.recorder.disk_budget.is_some());
    let near = |budget: Option<u64>| budget.map(|bytes| bytes / 1_000_000_000);
    assert_eq!(near(usual.recorder.disk_budget), near(default_disk_budget(folder.path())));
}

#[test]
fn a_preview_tells_what_the_fork_then_is_and_records_nothing() {
    let folder = tempdir();
    let small = SmallRun::default();
    let store = small.recorded(folder.path(), 12);
    let lineage = || Lineage::open(&store, &name("main")).unwrap();
    let edits: Vec<Edit> =
        ["add-filter conv1 init=zero", "set learning-rate 0.5"].iter().map(|edit| edit.parse().unwrap()).collect();
    let before = contents(folder.path());
    let images = PreviewImages::Split(Split::Validation);
    let told = preview(&store, lineage(), Step(7), &edits, images, &resources()).unwrap();
    // Some images alone, and an image that there is not.
    let one = PreviewImages::Training(&[ImageIndex(3), ImageIndex(8)]);
    let some = preview(&store, lineage(), Step(7), &edits, one, &resources()).unwrap();
    assert_eq!((some.before.images, some.after.images), (2, 2));
    let missing = PreviewImages::Training(&[ImageIndex(u32::MAX)]);
    assert!(preview(&store, lineage(), Step(7), &edits, missing, &resources()).is_err());
    let nonsense = ["remove-filter conv1/77".parse().unwrap()];
    assert!(preview(&store, lineage(), Step(7), &nonsense, images, &resources()).is_err());
    assert_eq!(contents(folder.path()), before);

    let plan = ForkPlan { name: Some(name("child")), edits, fidelity: None, stays: true };
    let made = fork(&store, lineage(), Step(7), plan, &resources()).unwrap();
    assert_eq!(told.effects, made.effects);
    assert_eq!(made.session.validation(), Some(&(Step(7), told.after.clone())));
    assert_eq!(made.session.record().definition(), Some(&told.definition));
    assert_eq!(told.before.images, told.after.images);
    // Zero coefficients keep every output.
    assert_eq!((told.before.loss, told.before.correct), (told.after.loss, told.after.correct));
    assert_eq!(told.effects[0].preserves.map(|preserves| preserves.evaluation), Some(0.0));
    assert_eq!(told.topology.parameters(), made.session.record().topology.parameters());
}

/// A caution is told before the step that it is about, and once.
#[test]
fn what_a_person_should_know_is_told_once() {
    let folder = tempdir();
    let store = Store::create(folder.path(), 0).unwrap();
    let normalising = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 8\n[[layer]]\nkind = \"batchnorm\"\n\
                       [[layer]]\nkind = \"softmax\"\n";
    // 1,350 training images: the last batch of 71 has a single one.
    let request = StartRequest { network: Some(network(normalising)), batch_size: Some(71), ..request("main", 2) };
    let (mut run, _) = started(&store, request);
    let mut watcher = Counter::default();
    train(&mut run, Step(1), &mut watcher, &Stop::new()).unwrap();
    train(&mut run, Step(2), &mut watcher, &Stop::new()).unwrap();
    assert_eq!(watcher.cautions.len(), 1, "{:?}", watcher.cautions);
}

/// A branch that somebody deletes meanwhile was told by what the system says of one of its
/// files.
#[test]
fn going_on_with_a_branch_that_is_deleted_meanwhile_says_so() {
    let folder = tempdir();
    let store = Store::create(folder.path().join("runs"), 0).unwrap();
    let (run, until) = started(&store, request("main", 3));
    let record = run.session().unwrap().record().clone();
    let dataset = run.trainer().dataset().clone();
    let mut run = run;
    train(&mut run, until, &mut (), &Stop::new()).unwrap();
    run.finish().unwrap();
    store.delete(&name("main")).unwrap();
    let error = Session::resume(&store, &record, 1, RecorderOptions::default(), dataset).unwrap_err();
    assert!(matches!(&error, RecorderError::Store(StoreError::UnknownBranch { .. })), "{error}");
    assert!(error.to_string().starts_with("there is no branch `main` in "), "{error}");
}
