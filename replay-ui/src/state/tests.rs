use super::*;
use crate::figure;
use crate::store_events::{Listed, StoreEvent};
use crate::time::{Align, Move};
use crate::update::Message;
use revacnn_notebook::{BranchSummary, XAxis};
use revacnn_schemas::{BranchId, Edit, Hue, Step};
use revacnn_store::StepSpan;

/// The id of a branch that was first called so.
pub(crate) fn id(name: &str) -> BranchId {
    let number = name.bytes().fold(7_u64, |number, byte| number * 31 + u64::from(byte));
    format!("b{:015x}", number % (1 << 60)).parse().unwrap()
}

/// A branch as the store would list it.
pub(crate) fn branch(name: &str, parent: Option<&str>, fork_step: u64, last: u64) -> BranchSummary {
    BranchSummary {
        optimizer: Some("adam".parse().unwrap()),
        schedule: Some(revacnn_schemas::Schedule::Constant),
        name: name.parse().unwrap(),
        id: id(name),
        parent: parent.map(|parent| parent.parse().unwrap()),
        fork_step: Step(fork_step),
        edits: Vec::new(),
        data: None,
        steps: Some(StepSpan::new(Step(fork_step), Step(last))),
        last_loss: Some(0.5),
        last_validation: None,
        bytes: 1_000_000,
        hue: Hue(name.len() as u16 % 7),
        events: Vec::new(),
        training: false,
        problem: None,
    }
}

/// Edits as they are written.
pub(crate) fn edits(written: &[&str]) -> Vec<Edit> {
    written.iter().map(|edit| edit.parse().unwrap()).collect()
}

/// What a worker tells of these branches.
pub(crate) fn listed(branches: Vec<BranchSummary>) -> Message {
    Message::Store(StoreEvent::Listed(Listed { branches, ..Listed::default() }))
}

/// Nothing but a store.
pub(crate) fn options() -> ViewOptions {
    ViewOptions::of("runs")
}

/// A window on `main`, 100 steps, and `wider`, forked at 50 and 200 long.
pub(crate) fn opened() -> State {
    let mut state = State::new(&options());
    state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
    state
}

#[test]
fn the_selected_branch_comes_first_and_hidden_ones_are_left_out() {
    let mut state = opened();
    let names = |state: &State| state.context.shown_branches().iter().map(ToString::to_string).collect::<Vec<_>>();
    state.update(tree::Message::Select("wider".parse().unwrap()));
    assert_eq!(names(&state), ["wider", "main"]);
    state.update(tree::Message::Show("main".parse().unwrap(), false));
    assert_eq!(names(&state), ["wider"]);
}

#[test]
fn the_selected_its_parent_and_live_branches_come_first_of_many() {
    let mut state = opened();
    let mut all: Vec<BranchSummary> = (0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect();
    all[30].parent = Some("b20".parse().unwrap());
    all[25].training = true;
    state.update(listed(all));
    state.update(tree::Message::Select("b30".parse().unwrap()));
    let first = |state: &State| state.context.shown_branches()[..4].iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(first(&state), ["b30", "b20", "b25", "b0"]);
    let (together, of) = state.context.together();
    assert_eq!((together.len(), of, together[2].name.as_str()), (6, 31, "b25"));
    // Who is shown beside comes before the parent; who hid the parent does not see it.
    state.update(tree::Message::Show("b20".parse().unwrap(), false));
    state.update(tree::Message::Beside(Some("b3".parse().unwrap())));
    assert_eq!(first(&state), ["b30", "b3", "b25", "b0"]);
    assert_eq!((state.context.together().0.len(), state.context.together().1), (2, 2));
}

#[test]
fn lanes_scroll_to_the_last_branch_and_begin_anew_where_another_is_selected() {
    let mut state = opened();
    state.update(listed((0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect()));
    for (by, from) in [(1, 1), (3, 4), (-2, 2), (99, 26), (-1, 25), (-99, 0), (7, 7)] {
        state.update(timeline::Message::Scroll(by));
        assert_eq!(state.timeline.from, from, "{by}");
    }
    state.update(tree::Message::Select("b13".parse().unwrap()));
    assert_eq!(state.timeline.from, 0, "it has come first");
}

#[test]
fn the_timeline_is_as_long_as_what_is_shown() {
    let mut state = opened();
    let long = || "wider".parse::<BranchName>().unwrap();
    assert_eq!(state.context.time.all, [0, 200]);
    state.update(timeline::Message::Go(Move::Last));
    state.update(tree::Message::Show(long(), false));
    assert_eq!(
        (state.context.time.all, state.context.time.cursor, state.context.time.step_at(1.0)),
        ([0, 100], Step(100), Step(100))
    );
    // It stays hidden while the log is looked at again.
    state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 60_000)]));
    assert_eq!(state.context.time.all, [0, 100]);
    state.update(tree::Message::Show(long(), true));
    assert_eq!((state.context.time.all, state.context.time.cursor), ([0, 60_000], Step(100)));
    // What is shown beside is shown, whatever was hidden.
    state.update(tree::Message::Show(long(), false));
    state.update(tree::Message::Beside(Some(long())));
    assert_eq!(state.context.time.all, [0, 60_000]);
    // And a hidden branch that is gone to is there as far as it goes.
    state.update(tree::Message::Beside(None));
    state.update(tree::Message::Show(long(), false));
    state.update(Message::Store(StoreEvent::Resolved { branch: long(), step: Step(59_000) }));
    assert_eq!((state.context.time.all, state.context.time.cursor), ([0, 60_000], Step(59_000)));
}

#[test]
fn a_branch_that_ends_before_the_cursor_is_shown_at_its_last_step() {
    let mut state = opened();
    state.update(timeline::Message::Go(Move::To(Step(150))));
    assert_eq!(state.context.at().unwrap().to_string(), "main@100");
    state.update(tree::Message::Beside(Some("wider".parse().unwrap())));
    assert_eq!(state.context.at_beside().unwrap().to_string(), "wider@150");
}

#[test]
fn the_timeline_has_curves_by_step_whatever_the_axis_of_the_chart() {
    let mut state = opened();
    let lanes = |state: &State| state.figure_request().cells.iter().any(|(view, _)| *view == ViewId::TIMELINE);
    assert!(!lanes(&state), "the chart's own serve");
    state.update(loss::Message::X(XAxis::Images));
    assert!(lanes(&state));
}

#[test]
fn aligned_by_their_forks_branches_are_shown_equally_far_from_them() {
    let mut state = opened();
    state.update(tree::Message::Select("wider".parse().unwrap()));
    state.update(tree::Message::Beside(Some("main".parse().unwrap())));
    state.update(timeline::Message::Go(Move::To(Step(60))));
    assert_eq!(state.context.at_beside().unwrap().to_string(), "main@60");
    state.update(timeline::Message::Align(Align::Fork));
    assert_eq!(state.context.at().unwrap().to_string(), "wider@60");
    assert_eq!(state.context.at_beside().unwrap().to_string(), "main@10");
}

#[test]
fn what_is_open_decides_which_cells_are_wanted() {
    let mut state = opened();
    let shown = |state: &State| state.figure_request().cells.iter().map(|(view, _)| *view).collect::<Vec<_>>();
    assert_eq!(shown(&state), [ViewId::NETWORK, ViewId::LOSS]);
    state.update(figure::Message::Layer("conv1".parse().unwrap()));
    assert_eq!(shown(&state), [ViewId::NETWORK, ViewId::LOSS, ViewId::FILTERS, ViewId::EMBEDDING]);
    state.update(tree::Message::Beside(Some("wider".parse().unwrap())));
    let both =
        [ViewId::NETWORK, ViewId::OTHER_NETWORK, ViewId::LOSS, ViewId::FILTERS, ViewId::EMBEDDING, ViewId::DIFFERENCES];
    assert_eq!(shown(&state), both);
}
