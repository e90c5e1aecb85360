//! The notebook: what is done by hand becomes lines that do the same again, and looking
//! changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use revacnn_notebook::document::Document;
use revacnn_notebook::plan::{self, Outcome, Plan, Share};
use revacnn_notebook::program::Program;
use revacnn_recorder::Resources;
use revacnn_schemas::{Digest, Step};
use revacnn_store::{BranchReader, Command, Store};

use super::prelude::*;
use super::{Person, branch};
use crate::ViewOptions;
use crate::components::notebook;
use crate::state::State;
use crate::worker::Workers;

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";
pub(super) const NOTEBOOK: &str = "# A session\n\nprose *stays*\n\n```revacnn\ntrain base --dataset digits --network small.toml \
     --batch-size 64 --steps 12   # a comment\nplot loss base\n```\n";

/// How long the workers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Someone at a window with its workers, on a folder with a notebook.
pub(super) struct Session {
    pub(super) state: State,
    workers: Workers,
    told: iced::futures::channel::mpsc::UnboundedReceiver<StoreEvent>,
}

impl Session {
    pub(super) fn open(folder: &Path) -> Self {
        let notebook = Some(folder.join("n.md"));
        let options = ViewOptions { notebook, ..ViewOptions::of(folder.join("runs")) };
        let (tell, told) = iced::futures::channel::mpsc::unbounded();
        let workers = Workers::start(options.store.clone(), None, options.coefficients, tell);
        let mut session = Self { state: State::new(&options), workers, told };
        let asked = session.state.read_notebook();
        session.ask(asked);
        session
    }

    /// Who has trained all that the notebook says, which makes so many branches.
    pub(super) fn that_has_run(folder: &Path, branches: usize) -> Self {
        let mut session = Self::open(folder);
        session.until("it is planned", |state| state.notebook.can_run());
        session.act(notebook::Message::Run);
        session.until("it has run", |state| state.context.branches.len() == branches && !state.notebook.can_run());
        session.settle();
        session
    }

    fn ask(&self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Request(ask) = effect {
                self.workers.ask(ask);
            }
        }
    }

    fn hear(&mut self) {
        while let Ok(event) = self.told.try_recv() {
            let effects = self.state.update(Message::Store(event));
            self.ask(effects);
        }
    }

    /// Hears until something holds.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&State) -> bool) {
        let begun = Instant::now();
        while !holds(&self.state) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", self.state.status.notice);
            std::thread::sleep(Duration::from_millis(2));
            self.hear();
        }
    }

    /// Does something, and waits until it is done and nothing trains.
    pub(super) fn act(&mut self, message: impl Into<Message>) {
        let effects = self.state.update(message);
        self.ask(effects);
        self.settle();
    }

    pub(super) fn change(&mut self, intent: Intent) {
        let effects = self.state.make(intent);
        self.ask(effects);
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        self.until("it settles", |state| !state.context.is_busy());
        // What trains is seen at the next look at the store.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            std::thread::sleep(Duration::from_millis(2));
            self.hear();
        }
        self.until("nothing trains", |state| {
            state.context.ours.is_empty() && state.context.branches.iter().all(|branch| !branch.training)
        });
    }
}

/// The last step of every branch, with its digest.
fn digests(store: &Path) -> BTreeMap<String, (Step, Digest)> {
    let store = Store::open(store).unwrap();
    let records = store.branches().unwrap().records;
    let last = |record: &revacnn_schemas::BranchRecord| {
        let reader = BranchReader::of(&store, record.clone()).unwrap();
        let step = reader.steps().unwrap().last;
        (record.name.to_string(), (step, reader.step_row(step).unwrap().digest))
    };
    records.iter().map(last).collect()
}

/// Trains what a notebook says in a store of its own; gives the last step of each training,
/// with its digest.
fn trained(folder: &Path, text: &str, store: &Path) -> BTreeMap<String, (Step, Digest)> {
    let document = Document::parse(text);
    let program = Program::of(&document);
    assert!(program.problems.is_empty(), "{:?}\n{text}", program.problems);
    let store = Store::open_or_create(store, 0).unwrap();
    let resources = Resources { threads: 1, ..Resources::usual(store.root()) };
    let read = |_: &Path| Err("nothing is read".to_owned());
    let place = plan::Place { folder, store: Some(&store), resources: &resources, read: &read };
    let planned = Plan::of(&document, &program, place).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    let wanted: Vec<usize> = (0..planned.nodes.len()).collect();
    let share = Share { wanted: &wanted, jobs: 1, stop: &revacnn_recorder::Stop::default() };
    let outcomes = plan::run(planned, &program, place, &store, share, &|_| {});
    let last = |outcome: &Outcome| {
        let Outcome::Reached { last, .. } = outcome else { panic!("{outcome:?}\n{text}") };
        (last.name.clone(), (last.step, last.digest))
    };
    outcomes.iter().map(last).collect()
}

pub(super) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.toml"), NETWORK).unwrap();
    fs::write(folder.path().join("n.md"), NOTEBOOK).unwrap();
    folder
}

/// A family of two, trained.
pub(super) fn family() -> (tempfile::TempDir, Session) {
    let folder = folder();
    fs::write(folder.path().join("n.md"), NOTEBOOK.replace("--steps 12", "--steps 12 --over seed=0..1")).unwrap();
    let session = Session::that_has_run(folder.path(), 2);
    (folder, session)
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

#[test]
fn forty_steps_of_steering_are_a_notebook_that_steers_an_empty_store_to_the_same_bits() {
    let folder = folder();
    let mut session = Session::that_has_run(folder.path(), 1);
    let mut dice = Dice(7);
    let edits = [
        "add-filter conv1",
        "set learning-rate 0.01",
        "freeze conv1",
        "add-filter conv1 init=split",
        "reinitialise conv1/0",
    ];
    let mut made = 0;
    for place in 0..40 {
        let branches = session.state.context.branches.clone();
        let one = &branches[dice.below(branches.len())];
        let Some(steps) = one.steps else { continue };
        let intent = match dice.below(8) {
            0..=3 => {
                let step = Step(steps.first.0 + dice.below((steps.last.0 - steps.first.0 + 1) as usize) as u64);
                let edits = edits[dice.below(edits.len())].parse().into_iter().take(dice.below(4)).collect();
                Intent::Fork { branch: one.name.clone(), step, edits, name: None, live: false }
            }
            4 | 5 => Intent::TrainOn { branch: one.name.clone(), steps: 1 + dice.below(5) as u64 },
            6 => Intent::Rename { from: one.name.clone(), to: format!("named-{place}").parse().unwrap() },
            _ => Intent::Delete { name: one.name.clone(), then: None },
        };
        // The root stays, and with it something to fork.
        if matches!(intent, Intent::Delete { .. }) && one.parent.is_none() {
            continue;
        }
        session.change(intent);
        made += 1;
        // Something is looked at, which writes nothing.
        session.act(timeline::Message::Go(Move::By(-3)));
    }
    assert!(made >= 30, "{made} were made");
    session.act(notebook::Message::Save);
    let text = fs::read_to_string(folder.path().join("n.md")).unwrap();
    assert!(text.contains("prose *stays*") && text.contains("# a comment"), "{text}");
    let here = digests(&folder.path().join("runs"));
    assert!(here.len() > 5, "{here:?}");
    assert_eq!(trained(folder.path(), &text, &folder.path().join("again")), here, "{text}");
}

#[test]
fn a_fork_of_a_live_training_says_how_far_it_is_trained() {
    let folder = folder();
    let mut session = Session::that_has_run(folder.path(), 1);
    let base: revacnn_schemas::BranchName = "base".parse().unwrap();
    let effects = session.state.make(Intent::TrainOn { branch: base.clone(), steps: 3_000 });
    session.ask(effects);
    session.until("it trains", |state| !state.context.ours.is_empty() && !state.context.is_busy());
    let edits = vec!["set learning-rate 0.01".parse().unwrap()];
    session.change(Intent::Fork {
        branch: base,
        step: Step(0),
        edits,
        name: Some("fast".parse().unwrap()),
        live: true,
    });
    session.act(notebook::Message::Save);
    let text = fs::read_to_string(folder.path().join("n.md")).unwrap();
    assert!(text.lines().any(|line| line.starts_with("fork base@") && line.ends_with("--steps 3012")), "{text}");
    let here = digests(&folder.path().join("runs"));
    assert_eq!(here.get("fast").map(|(step, _)| *step), Some(Step(3_012)), "{here:?}");
    assert_eq!(trained(folder.path(), &text, &folder.path().join("again")), here, "{text}");
}

#[test]
fn looking_changes_no_byte_and_what_is_typed_is_saved_as_it_is() {
    let folder = folder();
    let path = folder.path().join("n.md");
    let mut session = Session::that_has_run(folder.path(), 1);
    for _ in 0..3 {
        session.act(timeline::Message::Go(Move::By(-2)));
        session.act(Message::Page(false));
        session.act(header::Message::Dark(true));
        session.act(Message::Page(true));
        session.act(notebook::Message::HideLines(true));
        session.act(notebook::Message::Set("t".to_owned(), "3".to_owned()));
        session.act(notebook::Message::Type(0..NOTEBOOK.len()));
        session.act(Message::Escape);
        session.act(notebook::Message::Save);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), NOTEBOOK);
    assert_eq!(session.state.update(notebook::Message::Undo), [], "nothing was done");
    // A line is typed behind the last one.
    session.act(notebook::Message::Type(0..NOTEBOOK.len()));
    let typed = "\n```revacnn\nfork base@5 late --steps 9\n```\n";
    for action in [
        iced::widget::text_editor::Action::Move(iced::widget::text_editor::Motion::DocumentEnd),
        iced::widget::text_editor::Action::Edit(iced::widget::text_editor::Edit::Paste(std::sync::Arc::new(
            typed.to_owned(),
        ))),
    ] {
        session.act(notebook::Message::Typed(action));
    }
    session.act(Message::Escape);
    session.until("the fork waits", |state| state.notebook.can_run());
    session.act(notebook::Message::Save);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{NOTEBOOK}{typed}"));
    session.act(notebook::Message::Undo);
    session.act(notebook::Message::Save);
    assert_eq!(fs::read_to_string(&path).unwrap(), NOTEBOOK);
}

/// A recorder of widgets misses what is done in another way: here every change that can be
/// asked for has a line, or a reason why it has none.
#[test]
fn every_change_that_can_be_asked_for_has_a_line_or_a_reason() {
    fn reason(intent: &Intent) -> Option<&'static str> {
        match intent {
            Intent::Fork { .. }
            | Intent::Rename { .. }
            | Intent::Delete { .. }
            | Intent::Train(_)
            | Intent::TrainOn { .. } => None,
            Intent::TakeBack(_) => None,
            Intent::Steer { .. } => Some("when a training waits is no part of what it comes to"),
            Intent::RunNotebook { .. } => Some("it does what is written"),
            Intent::Save { .. } | Intent::SaveFresh { .. } => {
                Some("a picture is no part of the store; `keep` writes its line")
            }
        }
    }
    let folder = folder();
    let mut session = Session::that_has_run(folder.path(), 1);
    let fork = |edits: &[&str], name: &str| Intent::Fork {
        branch: branch("base"),
        step: Step(5),
        edits: super::prelude::edits(edits),
        name: Some(branch(name)),
        live: false,
    };
    let run = crate::requests::RunPlan {
        branch: branch("own"),
        dataset: "digits".to_owned(),
        reading: revacnn_schemas::Reading::default(),
        augmentation: revacnn_schemas::AugmentationRequest { flip: Some(true), ..Default::default() },
        network: "20-20-20".to_owned(),
        optimizer: "sgd,learning_rate=0.01".parse().unwrap(),
        batch_size: 512,
        epochs: 1,
        seed: 3,
        fidelity: revacnn_schemas::Fidelity::Keyframes,
    };
    for (intent, line) in [
        (fork(&["add-filter conv1"], "wider"), "fork base@5 wider --edit 'add-filter conv1'"),
        (Intent::TrainOn { branch: branch("wider"), steps: 4 }, "--edit 'add-filter conv1' --steps 9\n"),
        (Intent::Rename { from: branch("wider"), to: branch("w") }, "fork base@5 w --edit"),
        (Intent::Delete { name: branch("w"), then: None }, ""),
        (Intent::TakeBack(branch("w")), "fork base@5 w --edit"),
        (
            Intent::Train(Box::new(run)),
            "train own --dataset digits --flip on --network 20-20-20 --optimizer sgd,learning_rate=0.01 --batch-size 512 --seed 3 --fidelity keyframes --epochs 1",
        ),
    ] {
        assert_eq!(reason(&intent), None);
        let before = session.state.notebook.text().to_owned();
        let deletes = matches!(intent, Intent::Delete { .. });
        session.change(intent);
        let after = session.state.notebook.text();
        assert_ne!(before, after, "nothing is written of {line}: {:?}", session.state.status.notice);
        assert!(after.contains(line), "{line}\n{after}");
        assert!(!deletes || !after.contains("base@5"), "{after}");
    }
    let pause = Intent::Steer { branch: branch("base"), command: Command::Pause };
    assert!(reason(&pause).is_some());
    let before = session.state.notebook.text().to_owned();
    session.change(pause);
    assert_eq!(before, session.state.notebook.text());
}

#[test]
fn the_page_shows_prose_lines_their_marks_and_what_is_wrong() {
    let mut person = Person::at_a_run();
    person.tell(Message::Page(true));
    assert!(person.reads_of("Nothing is written here yet"));
    let folder = folder();
    let wrong = NOTEBOOK.replace("plot loss base", "plot loss bse");
    fs::write(folder.path().join("n.md"), wrong).unwrap();
    person.state.notebook = notebook::State::open(Some(&folder.path().join("n.md")), folder.path()).unwrap();
    assert!(person.reads("n.md") && person.reads("plot loss bse"));
    assert!(person.reads("!") && person.reads("no line trains `bse`") && person.reads("did you mean `base`?"));
    person.press("mend");
    assert!(!person.reads("!") && person.reads("n.md ● not saved"));
    assert!(person.state.notebook.text().contains("plot loss base\n"));
    person.press("save");
    assert!(person.reads("n.md") && person.reads("saved n.md"));
    assert_eq!(fs::read_to_string(folder.path().join("n.md")).unwrap(), NOTEBOOK);
}

pub(super) fn paste(text: &str) -> notebook::Message {
    use iced::widget::text_editor::{Action, Edit};
    notebook::Message::Typed(Action::Edit(Edit::Paste(std::sync::Arc::new(text.to_owned()))))
}

/// What was typed was lost where the window closed, or was killed, before Esc.
#[test]
fn what_is_being_typed_is_kept_and_saving_goes_on_typing() {
    let folder = folder();
    let path = folder.path().join("n.md");
    let open = || notebook::State::open(Some(&path), folder.path()).unwrap();
    let mut page = open();
    page.update(notebook::Message::Type(0..NOTEBOOK.len()));
    page.update(paste("first "));
    drop(page);
    assert_eq!(fs::read_to_string(&path).unwrap(), NOTEBOOK, "nobody saved it");
    let mut page = open();
    page.update(notebook::Message::Restore(true));
    assert_eq!(page.text(), format!("first {NOTEBOOK}"));
    page.update(notebook::Message::Undo);
    assert_eq!(page.text(), NOTEBOOK);
    page.update(notebook::Message::Type(0..NOTEBOOK.len()));
    page.update(paste("one "));
    page.update(notebook::Message::Save);
    assert!(page.is_typing());
    page.update(paste("two "));
    page.update(notebook::Message::Save);
    page.update(notebook::Message::Leave);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("one two {NOTEBOOK}"));
    drop(page);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is offered once it is saved: {left:?}");
}

/// A click wrote a line that made the whole notebook one that cannot be run.
#[test]
fn what_the_lines_of_a_family_cannot_say_is_told_and_not_written() {
    let (_folder, mut session) = family();
    let before = session.state.notebook.text().to_owned();
    session.change(Intent::TrainOn { branch: branch("base.0"), steps: 5 });
    assert!(format!("{:?}", session.state.status.notice).contains("trained by the line of the family `base`"));
    let fork = |step: u64| Intent::Fork {
        branch: branch("base.0"),
        step: Step(step),
        edits: Vec::new(),
        name: None,
        live: false,
    };
    session.change(fork(17));
    assert!(format!("{:?}", session.state.status.notice).contains("until step 12, and the fork is at 17"));
    assert_eq!(session.state.notebook.text(), before);
    session.change(fork(7));
    assert!(session.state.notebook.text().contains("fork base.0@7 base.0~3\n"), "{}", session.state.notebook.text());
}
