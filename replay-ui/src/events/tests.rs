use super::*;
use crate::ViewOptions;
use crate::components::run_form::Field;
use crate::components::{figure_menu, inspector, network, prompt, run_form, timeline};
use crate::question::Question;
use crate::requests::FigureRequest;
use crate::state::tests::{branch, edits, listed, opened, options};
use crate::update::Message;
use revacnn_schemas::BranchName;

fn wanted(effects: &[Effect]) -> &FigureRequest {
    let found = effects.iter().rev().find_map(|effect| match effect {
        Effect::Request(Request::Figures(wanted)) => Some(wanted),
        Effect::Request(_) | Effect::Focus(_) | Effect::Copy(_) | Effect::ScrollToEnd(_) => None,
    });
    found.unwrap_or_else(|| panic!("expected figures to be asked for, found {effects:?}"))
}

fn name(text: &str) -> BranchName {
    text.parse().unwrap()
}

#[test]
fn a_store_without_branches_is_empty_until_one_appears() {
    let mut state = State::new(&options());
    assert_eq!(state.context.screen, Screen::Opening);
    assert!(state.update(listed(Vec::new())).is_empty());
    assert_eq!(state.context.screen, Screen::Empty);
    let effects = state.update(listed(vec![branch("main", None, 0, 7)]));
    assert_eq!((&state.context.screen, wanted(&effects).step), (&Screen::Figures, Step(7)));
}

#[test]
fn an_address_given_at_the_start_is_gone_to() {
    let mut state = State::new(&ViewOptions { address: Some("wider@60".parse().unwrap()), ..options() });
    let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "wider@60");
}

#[test]
fn moving_the_cursor_asks_for_every_figure_at_one_step_and_not_moving_for_none() {
    let mut state = opened();
    let effects = state.update(timeline::Message::Go(Move::To(Step(42))));
    assert_eq!(wanted(&effects).step, Step(42));
    assert!(state.update(timeline::Message::Go(Move::To(Step(42)))).is_empty());
}

#[test]
fn an_edit_forks_at_the_cursor_once_and_the_new_branch_is_selected_with_undo() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(30))));
    let edit = || figure::Message::Edit(edits(&["add-filter conv3"]));
    let expected = Intent::Fork {
        branch: name("main"),
        step: Step(30),
        edits: edits(&["add-filter conv3"]),
        name: None,
        live: false,
    };
    assert_eq!(state.update(edit()), [Effect::Request(Request::Change(expected))]);
    assert!(state.update(edit()).is_empty(), "one is under way");

    let select = Some((name("main~2"), Goal::At(Position::Step(Step(30)))));
    let done = Done { text: "forked".to_owned(), select, ..Done::default() };
    state.update(Message::Store(StoreEvent::Done(done)));
    let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("main~2", Some("main"), 30, 30)]));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main~2@30");
    state.update(status::Message::Undo);
    assert_eq!(state.context.selected, Some(name("main")));
}

/// It was lost, and nothing said so.
#[test]
fn an_edit_that_is_typed_while_another_change_runs_is_made_after_it() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(30))));
    state.update(figure::Message::Edit(edits(&["add-filter conv3"])));
    state.update(inspector::Message::Ask(Question::Edit));
    state.update(prompt::Message::Type("freeze conv1".to_owned()));
    assert!(state.update(prompt::Message::Enter).is_empty(), "one change at a time");
    let effects = state.update(Message::Store(StoreEvent::Done(Done::default())));
    let expected =
        Intent::Fork { branch: name("main"), step: Step(30), edits: edits(&["freeze conv1"]), name: None, live: false };
    assert_eq!(effects, [Effect::Request(Request::Change(expected))]);
}

fn done() -> Message {
    Message::Store(StoreEvent::Done(Done::default()))
}

/// The changes among effects.
fn changes(effects: Vec<Effect>) -> Vec<Intent> {
    let change = |effect| match effect {
        Effect::Request(Request::Change(intent)) => Some(intent),
        Effect::Request(
            Request::Figures(_)
            | Request::Notebook(_)
            | Request::Resolve(_)
            | Request::Epoch { .. }
            | Request::Picture(_),
        )
        | Effect::Focus(_)
        | Effect::Copy(_)
        | Effect::ScrollToEnd(_) => None,
    };
    effects.into_iter().filter_map(change).collect()
}

/// Answers a question.
fn typed(state: &mut State, question: Question, text: &str) -> Vec<Effect> {
    state.update(inspector::Message::Ask(question));
    state.update(prompt::Message::Type(text.to_owned()));
    state.update(prompt::Message::Enter)
}

#[test]
fn every_kind_of_change_waits_for_the_one_that_runs() {
    let at = |branch: &str, edits: &[&str], fork: Option<&str>| Intent::Fork {
        branch: name(branch),
        step: Step(30),
        edits: self::edits(edits),
        name: fork.map(name),
        live: false,
    };
    type Asks = fn(&mut State) -> Vec<Effect>;
    let kinds: [(Asks, Intent); 8] = [
        (|state| typed(state, Question::Edit, "freeze conv1"), at("main", &["freeze conv1"], None)),
        (|state| typed(state, Question::Fork, "twin"), at("main", &[], Some("twin"))),
        (|state| typed(state, Question::Rename, "first"), Intent::Rename { from: name("main"), to: name("first") }),
        (|state| typed(state, Question::TrainOn, "7"), Intent::TrainOn { branch: name("main"), steps: 7 }),
        (
            |state| state.update(inspector::Message::Delete(name("wider"))),
            Intent::Delete { name: name("wider"), then: None },
        ),
        (
            |state| state.update(header::Message::Steer(revacnn_store::Command::Pause)),
            Intent::Steer { branch: name("main"), command: revacnn_store::Command::Pause },
        ),
        (
            |state| {
                state.update(tree::Message::NewRun);
                state.update(run_form::Message::Type(Field::Epochs, "3".to_owned()));
                state.update(run_form::Message::Enter)
            },
            Intent::Train(Box::new(crate::requests::RunPlan {
                epochs: 3,
                ..run_form::State::new(&["main", "wider"].map(name), None).plan().unwrap()
            })),
        ),
        (
            |state| {
                state.context.cells.set(ViewId::LOSS, Step(30), Prepared::of(Err("none".to_owned())));
                state.update(figure::Message::Menu(ViewId::LOSS));
                state.update(figure_menu::Message::Save)
            },
            Intent::Save { drawn: Prepared::of(Err("none".to_owned())), path: "loss-main-30.svg".into(), over: false },
        ),
    ];
    for (asks, expected) in kinds {
        let mut state = opened();
        state.update(timeline::Message::Go(Move::To(Step(30))));
        state.update(figure::Message::Edit(edits(&["add-filter conv3"])));
        assert_eq!(changes(asks(&mut state)), [], "{expected:?} waits");
        // Figures and trainings that end are no answer.
        let text = "wider is trained until step 200".to_owned();
        let ended = Message::Store(StoreEvent::Noticed(Notice::Done { text, undo: None }));
        assert_eq!(changes(state.update(ended)), [], "{expected:?} waits still");
        assert_eq!(changes(state.update(done())), std::slice::from_ref(&expected));
        assert!(state.context.changes.is_running() && changes(state.update(done())).is_empty());
        assert!(!state.context.changes.is_running(), "{expected:?}");
    }
}

#[test]
fn undo_waits_for_the_change_that_runs_and_takes_it_back() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(30))));
    state.update(figure::Message::Edit(edits(&["add-filter conv3"])));
    assert!(state.update(status::Message::Undo).is_empty());
    let undo = Some(Undo::Fork { name: name("main~2"), parent: name("main"), step: Step(30) });
    let effects = state.update(Message::Store(StoreEvent::Done(Done { undo, ..Done::default() })));
    let expected = Intent::Delete { name: name("main~2"), then: Some((name("main"), Step(30))) };
    assert_eq!(changes(effects), [expected]);
}

#[test]
fn escape_gives_up_what_waits_and_a_refusal_is_read_whatever_follows() {
    let mut state = opened();
    state.update(figure::Message::Edit(edits(&["freeze conv9"])));
    state.update(inspector::Message::Delete(name("wider")));
    assert_eq!(state.context.changes.waiting(), 1);
    state.update(Message::Escape);
    assert_eq!(state.context.changes.waiting(), 0);
    state.update(inspector::Message::Delete(name("wider")));
    let effects = state.update(Message::Store(StoreEvent::Refused("there is no conv9".to_owned())));
    assert_eq!(changes(effects), [Intent::Delete { name: name("wider"), then: None }]);
    state.update(done());
    assert_eq!(state.context.changes.refusals(), ["there is no conv9"]);
    state.update(Message::Escape);
    assert!(state.context.changes.refusals().is_empty() && state.status.notice.is_none());
}

#[test]
fn an_edit_at_the_end_of_a_branch_that_trains_is_the_trainings_to_make() {
    let mut state = opened();
    let training = |last| revacnn_notebook::BranchSummary { training: true, ..branch("main", None, 0, last) };
    state.update(listed(vec![training(100)]));
    state.update(timeline::Message::Go(Move::Last));
    let effects = state.update(listed(vec![training(110)]));
    assert_eq!(wanted(&effects).step, Step(110), "the cursor stays at the end");
    let effects = state.update(figure::Message::Edit(edits(&["freeze conv1"])));
    assert!(matches!(
        &effects[..],
        [Effect::Request(Request::Change(Intent::Fork { live: true, step: Step(110), .. }))]
    ));
}

#[test]
fn who_looks_at_an_older_step_is_left_there_while_the_branch_grows() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(20))));
    let grown = revacnn_notebook::BranchSummary { training: true, ..branch("main", None, 0, 120) };
    state.update(listed(vec![grown, branch("wider", Some("main"), 50, 200)]));
    assert_eq!(state.context.time.cursor, Step(20));
}

fn training(mut branch: BranchSummary) -> BranchSummary {
    branch.training = true;
    branch
}

fn unborn(name: &str) -> BranchSummary {
    training(BranchSummary { steps: None, ..branch(name, None, 0, 0) })
}

/// It stood at step 0 for ever, with an error in place of its figures.
#[test]
fn a_first_run_is_followed_from_its_first_step_on_wherever_it_was_started() {
    for here in [false, true] {
        let mut state = State::new(&options());
        state.update(listed(Vec::new()));
        let select = Some((name("main"), Goal::At(Position::Last)));
        let begun = Done { text: "training main".to_owned(), select, ..Done::default() };
        if here {
            state.update(Message::Store(StoreEvent::Done(begun)));
        }
        let effects = state.update(listed(vec![unborn("main")]));
        assert!(wanted(&effects).cells.is_empty(), "there is nothing to read yet");
        assert!(state.context.at().is_none() && state.context.waits_for_steps());
        // The first steps, of which the first is not the last.
        let effects = state.update(listed(vec![training(branch("main", None, 0, 57))]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main@57", "here: {here}");
        let effects = state.update(listed(vec![training(branch("main", None, 0, 90))]));
        assert_eq!(wanted(&effects).step, Step(90));
        // Its last steps come when it is trained no more.
        let effects = state.update(listed(vec![branch("main", None, 0, 99)]));
        assert_eq!(wanted(&effects).step, Step(99));
    }
    // A run so short that no look sees it grow, of which step 0 comes first.
    let mut state = State::new(&options());
    state.update(listed(vec![BranchSummary { training: false, ..unborn("main") }]));
    let effects = state.update(listed(vec![branch("main", None, 0, 0)]));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main@0");
}

#[test]
fn a_run_beside_others_is_followed_once_it_has_steps() {
    let mut state = opened();
    let others = [branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)];
    let select = Some((name("run-2"), Goal::At(Position::Last)));
    state.update(Message::Store(StoreEvent::Done(Done { select, ..Done::default() })));
    let list = |last: BranchSummary| listed(others.iter().cloned().chain([last]).collect());
    state.update(list(unborn("run-2")));
    assert_eq!(state.context.selected, Some(name("main")), "nothing of it can be shown yet");
    assert!(!state.figure_request().branches.contains(&name("run-2")), "nor together with others");
    let effects = state.update(list(training(branch("run-2", None, 0, 12))));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "run-2@12");
    let effects = state.update(list(training(branch("run-2", None, 0, 30))));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "run-2@30");
}

#[test]
fn a_branch_whose_steps_cannot_be_read_keeps_no_other_from_being_shown() {
    let mut state = opened();
    let problem = Some("a file of it is damaged".to_owned());
    let damaged = BranchSummary { steps: None, problem, ..branch("damaged", None, 0, 9) };
    let effects = state.update(listed(vec![branch("main", None, 0, 100), damaged.clone()]));
    assert_eq!(wanted(&effects).branches, [name("main")]);
    // Who looks at it is told why.
    let effects = state.update(tree::Message::Select(name("damaged")));
    assert_eq!(wanted(&effects).branches, [name("damaged"), name("main")]);
}

#[test]
fn a_branch_that_is_deleted_elsewhere_is_named_and_its_parent_is_shown() {
    let mut state = opened();
    state.update(tree::Message::Select(name("wider")));
    let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("other", None, 0, 5)]));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().branch, name("main"));
    let Some(Notice::Done { text, undo }) = &state.status.notice else { panic!("a notice") };
    assert_eq!(
        (text.as_str(), undo),
        ("wider was deleted elsewhere: main is shown", &Some(Undo::TakeBack(name("wider"))))
    );
    // The last one, too.
    state.update(listed(vec![branch("other", None, 0, 5)]));
    state.update(listed(Vec::new()));
    let Some(Notice::Done { text, .. }) = &state.status.notice else { panic!("a notice") };
    assert_eq!(text, "other was deleted elsewhere: nothing else is recorded here");
}

#[test]
fn a_branch_that_is_renamed_elsewhere_is_looked_at_under_its_new_name() {
    let mut state = opened();
    state.update(tree::Message::Select(name("wider")));
    state.update(tree::Message::Beside(Some(name("main"))));
    state.update(timeline::Message::Go(Move::To(Step(70))));
    let renamed = |from: &str, to: &str, parent: Option<&str>, steps: (u64, u64)| BranchSummary {
        name: name(to),
        ..branch(from, parent, steps.0, steps.1)
    };
    let effects = state.update(listed(vec![
        renamed("main", "first", None, (0, 100)),
        renamed("wider", "second", Some("first"), (50, 200)),
    ]));
    assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "second@70");
    assert_eq!(state.context.beside, Some(name("first")));
    assert!(
        matches!(&state.status.notice, Some(Notice::Done { text, undo: None }) if text == "wider is called second now")
    );
}

#[test]
fn a_vanished_store_says_so_and_comes_back() {
    let mut state = opened();
    state.update(Message::Store(StoreEvent::Unreadable("gone".to_owned())));
    assert_eq!(state.context.screen, Screen::Unreadable("gone".to_owned()));
    state.update(listed(vec![branch("main", None, 0, 100)]));
    assert_eq!(state.context.screen, Screen::Figures);
}

#[test]
fn a_deleted_branch_is_not_looked_at_any_longer_and_can_be_taken_back() {
    let mut state = opened();
    state.update(tree::Message::Select(name("wider")));
    let effects = state.update(inspector::Message::Delete(name("wider")));
    let expected = Intent::Delete { name: name("wider"), then: None };
    assert_eq!(effects, [Effect::Request(Request::Change(expected))]);
    let done = Done { text: "deleted wider".to_owned(), undo: Some(Undo::TakeBack(name("wider"))), ..Done::default() };
    state.update(Message::Store(StoreEvent::Done(done)));
    state.update(listed(vec![branch("main", None, 0, 100)]));
    assert_eq!(state.context.selected, Some(name("main")));
    assert_eq!(
        state.update(status::Message::Undo),
        [Effect::Request(Request::Change(Intent::TakeBack(name("wider"))))]
    );
}

#[test]
fn a_wrong_answer_stays_in_its_question_with_what_was_expected() {
    let mut state = opened();
    let asked = state.update(inspector::Message::Ask(Question::Edit));
    assert_eq!(asked, [Effect::Focus(crate::components::prompt::FIELD)]);
    state.update(prompt::Message::Type("widen conv3".to_owned()));
    assert!(state.update(prompt::Message::Enter).is_empty());
    assert!(state.prompt().unwrap().problem.as_ref().unwrap().contains("widen"));
    state.update(prompt::Message::Type("add-filter conv3".to_owned()));
    assert!(!state.update(prompt::Message::Enter).is_empty());
    assert!(state.prompt().is_none());
}

#[test]
fn a_run_that_is_refused_leaves_its_form_open_and_one_that_begins_closes_it() {
    let mut state = opened();
    state.update(tree::Message::NewRun);
    assert!(matches!(
        &state.update(run_form::Message::Enter)[..],
        [Effect::Request(Request::Change(Intent::Train(_)))]
    ));
    state.update(Message::Store(StoreEvent::Refused("no such data set".to_owned())));
    assert_eq!(state.form().unwrap().problem.as_deref(), Some("no such data set"));
    state.update(run_form::Message::Enter);
    state.update(Message::Store(StoreEvent::Done(Done::default())));
    assert!(state.form().is_none());
}

#[test]
fn beside_a_branch_first_its_parent_is_shown_then_others_then_none() {
    let mut state = opened();
    state.update(listed(vec![
        branch("main", None, 0, 100),
        branch("wider", Some("main"), 50, 200),
        branch("other", None, 0, 90),
    ]));
    state.update(tree::Message::Select(name("wider")));
    let mut seen = Vec::new();
    for _ in 0..3 {
        state.update(network::Message::ToggleBeside);
        seen.push(state.context.beside.as_ref().map(ToString::to_string));
    }
    assert_eq!(seen, [Some("main".to_owned()), Some("other".to_owned()), None]);
}

#[test]
fn playing_stops_at_the_end() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(198))));
    state.update(timeline::Message::Play(true));
    let start = std::time::Instant::now();
    let at = |tenths: u64| timeline::Message::Tick(start + std::time::Duration::from_millis(100 * tenths));
    state.update(at(0));
    assert!(state.timeline.playing.on && state.context.time.cursor == Step(199));
    state.update(timeline::Message::Tick(start + std::time::Duration::from_millis(20)));
    assert_eq!(state.context.time.cursor, Step(199), "not yet");
    state.update(at(1));
    assert!(!state.timeline.playing.on);
    assert!(state.update(at(2)).is_empty());
}

#[test]
fn figures_of_a_future_that_was_not_asked_for_are_not_shown() {
    let mut state = opened();
    let figures = vec![(ViewId::LOSS, Prepared::of(Err("no curve".to_owned())))];
    let told = |generation| {
        Message::Store(StoreEvent::Figures { generation, step: Step(1), figures: figures.clone(), row: None })
    };
    state.update(told(state.generation + 1));
    assert!(state.context.cells.get(ViewId::LOSS).is_none());
    state.update(told(state.generation));
    assert!(matches!(state.context.cells.chart(ViewId::LOSS), Some(Err("no curve"))));
}

#[test]
fn escape_closes_what_is_open_from_the_top() {
    let mut state = opened();
    state.update(tree::Message::Beside(Some(name("wider"))));
    state.update(header::Message::Help);
    state.update(Message::Escape);
    assert!(state.dialog.is_none() && state.context.beside.is_some());
    state.update(Message::Escape);
    assert!(state.context.beside.is_none());
}
