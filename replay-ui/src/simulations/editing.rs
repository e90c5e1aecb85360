//! Edits: each is a fork at the cursor.

use iced::mouse;
use revacnn_schemas::Step;

use super::prelude::*;
use super::{LAST, Person, branch};

const CLICK: [mouse::Event; 2] =
    [mouse::Event::ButtonPressed(mouse::Button::Left), mouse::Event::ButtonReleased(mouse::Button::Left)];

/// The fork that an edit at the end of `main` asks for.
fn forks(edits: &[&str]) -> Option<Effect> {
    Some(Effect::Request(Request::Change(Intent::Fork {
        branch: branch("main"),
        step: Step(LAST),
        edits: self::edits(edits),
        name: None,
        live: false,
    })))
}

fn previews(edit: &str) -> impl Fn(&Message) -> bool {
    move |said| matches!(said.of_figure(), Some(figure::Message::Preview(Some(text))) if text.to_string() == edit)
}

fn typed(name: &str, text: &str) -> inspector::Message {
    inspector::Message::HyperParameters(hyper_parameters::Message::Type(name.to_owned(), text.to_owned()))
}

#[test]
fn a_press_on_plus_adds_a_filter_and_its_preview_says_so() {
    let mut person = Person::at_a_run();
    let there = mouse::Event::CursorMoved { position: iced::Point::ORIGIN };
    let plus = person.point_where(&[there], previews("add-filter conv2")).expect("conv2's +");
    person.at(plus, []);
    assert!(person.reads(&format!("revacnn fork main@{LAST} --edit 'add-filter conv2'")));
    person.state.context.place.store = "it's my runs".into();
    let pasted = format!(r"revacnn fork main@{LAST} --edit 'add-filter conv2' --store 'it'\''s my runs'");
    assert!(person.reads(&pasted), "the command that is shown can be pasted");
    assert!(person.wanted().is_empty(), "pointing at it does nothing");
    person.at(plus, CLICK);
    assert_eq!(person.wanted().pop(), forks(&["add-filter conv2"]));
    // One change at a time.
    person.at(plus, CLICK);
    assert_eq!(person.wanted(), []);
}

#[test]
fn a_press_on_minus_removes_the_filter_that_is_pointed_at() {
    let mut person = Person::at_a_run();
    let there = mouse::Event::CursorMoved { position: iced::Point::ORIGIN };
    let minus = person.point_where(&[there], previews("remove-filter conv1/3")).expect("the − of conv1/3");
    person.at(minus, CLICK);
    assert_eq!(person.wanted().pop(), forks(&["remove-filter conv1/3"]));
}

#[test]
fn hyper_parameters_are_typed_and_applied_in_one_fork() {
    let mut person = Person::at_a_run();
    // Those of Adadelta, by name; it has no momentum and no beta1.
    let row = person.state.context.cells.row.as_ref().unwrap();
    let shown: Vec<(String, String)> = Steered::all(row).into_iter().map(|of| (of.name, of.value)).collect();
    let expected = [
        ("learning-rate", "1"),
        ("epsilon", "1e-6"),
        ("rho", "0.95"),
        ("weight-decay", "0.000025"),
        ("batch-size", "4"),
    ];
    assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(shown.iter().all(|(name, _)| person.reads(name)) && !person.reads("momentum") && !person.reads("beta1"));
    person.tell(typed("learning-rate", "0.25"));
    // Beside the 4 that stands there, while something else is done.
    person.tell(inspector::Message::Delete(branch("wider")));
    person.wanted();
    person.enter("batch-size", "8");
    assert!(person.wanted().is_empty() && person.reads("1 more waits; Esc cancels it"));
    person.tell(Message::Store(StoreEvent::Refused("wider is in use".to_owned())));
    assert!(person.reads("wider is in use"));
    let asked = person.wanted().pop();
    let either = [
        forks(&["set learning-rate 0.25", "set batch-size 48"]),
        forks(&["set learning-rate 0.25", "set batch-size 84"]),
    ];
    assert!(either.contains(&asked), "{asked:?}");
}

#[test]
fn any_hyper_parameter_of_the_optimizer_is_typed_and_shown_over_time() {
    let mut person = Person::at_a_run();
    person.tell(typed("rho", "0.9"));
    person.tell(inspector::Message::HyperParameters(hyper_parameters::Message::Apply));
    assert_eq!(person.wanted().pop(), forks(&["set rho 0.9"]));
    let all = history::of_a_branch(&person.state.context);
    for name in
        ["learning_rate", "weight_decay", "rho", "epsilon", "batch_size", "validation_accuracy", "live_accuracy"]
    {
        assert!(all.iter().any(|offered| offered == name), "{name} in {all:?}");
    }
    assert!(!all.iter().any(|name| name == "momentum" || name == "weight_norm"), "{all:?}");
    for name in &all {
        person.tell(inspector::Message::History(history::Message::OfBranch(name.clone())));
        let chart = person.state.context.cells.chart(ViewId::HISTORY).unwrap().unwrap();
        assert!(chart.series[0].points.iter().any(|point| point[1].is_finite()), "{name}");
    }
    // The same by the key, from the first to the next.
    person.tell(inspector::Message::History(history::Message::OfBranch(all[0].clone())));
    person.key("q");
    assert_eq!(person.state.inspector.history.of_branch(), Some(all[1].as_str()));
}

#[test]
fn what_was_typed_is_left_as_it_was() {
    let mut person = Person::at_a_run();
    assert!(!person.reads("apply: fork here"));
    person.tell(typed("weight-decay", "0.5"));
    assert!(person.reads("apply: fork here"));
    person.press("cancel");
    assert!(!person.state.inspector.hyper_parameters.is_typed() && !person.reads("apply: fork here"));
    assert!(person.wanted().is_empty());
}

#[test]
fn a_layers_buttons_edit_it() {
    let mut person = Person::at_a_run();
    person.key("2");
    for (words, edit) in [
        ("+ filter", "add-filter conv2"),
        ("+ zero", "add-filter conv2 init=zero"),
        ("+ split", "add-filter conv2 init=split"),
        ("insert conv after", "insert-layer conv after=conv2 init=identity"),
        ("dropout after", "insert-layer dropout after=conv2"),
        ("freeze", "freeze conv2"),
        ("remove layer", "remove-layer conv2"),
        ("relu", "set activation conv2 relu"),
    ] {
        person.state.context.changes = crate::changes::Changes::default();
        person.press(words);
        assert_eq!(person.wanted().pop(), forks(&[edit]), "{words}");
    }
}

#[test]
fn a_filters_buttons_edit_it() {
    let mut person = Person::at_a_run();
    let node = |number: u32| move |said: &Message| matches!(said.of_figure(), Some(figure::Message::Pick(Some((layer, filter)))) if layer.as_str() == "conv1" && filter.number.0 == number);
    let place = person.point_where(&CLICK, node(5)).expect("conv1/5");
    person.at(place, CLICK);
    assert!(person.reads("conv1/5") && person.state.context.cells.get(ViewId::FILTER).is_some());
    for (words, edit) in [
        ("duplicate", "duplicate-filter conv1/5"),
        ("freeze", "freeze conv1/5"),
        ("reinitialise", "reinitialise conv1/5"),
        ("− remove", "remove-filter conv1/5"),
    ] {
        person.state.context.changes = crate::changes::Changes::default();
        person.press(words);
        assert_eq!(person.wanted().pop(), forks(&[edit]), "{words}");
    }
}
