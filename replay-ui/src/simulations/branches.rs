//! The tree of branches, and the questions that go somewhere.

use iced::mouse;
use revacnn_schemas::{Position, Step};

use super::prelude::*;
use super::{LAST, Person, WIDER, branch, record_many};

#[test]
fn a_branch_is_selected_in_the_tree() {
    let mut person = Person::at_a_run();
    assert_eq!(person.state.context.at().unwrap().to_string(), format!("main@{LAST}"));
    person.press("wider");
    assert_eq!(person.state.context.at().unwrap().to_string(), format!("wider@{}", WIDER.1));
    assert!(person.reads(&format!("main@{}", WIDER.0)), "where it was forked from");
    let Some(Ok(diagram)) = person.state.context.cells.network(ViewId::NETWORK) else { panic!("a network") };
    assert_eq!(diagram.columns[0].nodes.len(), 9, "it has another filter");
}

#[test]
fn a_branch_is_hidden_and_shown_by_its_tick() {
    let mut person = Person::at_a_run();
    let lanes = |person: &Person| person.state.context.shown_branches();
    assert_eq!(lanes(&person), [branch("main"), branch("wider")]);
    let name = person.place("wider");
    let click = [mouse::Event::ButtonPressed(mouse::Button::Left), mouse::Event::ButtonReleased(mouse::Button::Left)];
    let hides = |shown| move |said: &Message| matches!(said, Message::Tree(tree::Message::Show(name, to)) if name.as_str() == "wider" && *to == shown);
    let tick = person.point_where(&click, hides(false)).expect("its tick");
    assert!(tick.y > name.y - 12.0 && tick.y < name.y + name.height + 24.0, "{tick:?} is not beside {name:?}");
    person.at(tick, click);
    assert_eq!(lanes(&person), [branch("main")]);
    person.at(tick, click);
    assert_eq!(lanes(&person), [branch("main"), branch("wider")]);
}

#[test]
fn an_address_is_typed_and_gone_to() {
    let mut person = Person::at_a_run();
    person.press("go to");
    assert_eq!(person.wanted(), [Effect::Focus(prompt::FIELD)]);
    assert!(person.reads("Go to"));
    person.enter(prompt::FIELD, "wider@40");
    assert_eq!(person.state.context.at().unwrap().to_string(), "wider@40");
    assert!(person.state.prompt().is_none() && person.reads_of("wider@40"));
}

#[test]
fn a_wrong_address_is_told_beside_the_field_and_can_be_mended() {
    let mut person = Person::at_a_run();
    person.press("go to");
    person.enter(prompt::FIELD, "best of all");
    assert!(person.reads_of("`best of all` is no address: expected NAME@STEP"));
    assert_eq!(person.state.context.at().unwrap().to_string(), format!("main@{LAST}"));
    person.press("cancel");
    assert!(person.state.prompt().is_none() && !person.reads("Go to"));
}

#[test]
fn a_new_runs_wrong_field_is_told_and_a_right_one_starts_it() {
    let mut person = Person::at_a_run();
    person.press("+ new run");
    assert!(person.wanted().contains(&Effect::Focus(Field::Branch.id())));
    person.enter(Field::Epochs.id(), "many");
    assert!(person.reads_of("3many"), "the problem names what was found");
    assert!(person.wanted().is_empty());
    person.tell(run_form::Message::Type(Field::Epochs, "3".to_owned()));
    person.press("train");
    let Some(Effect::Request(Request::Change(Intent::Train(plan)))) = person.wanted().pop() else { panic!("a run") };
    assert_eq!((plan.branch, plan.epochs), (branch("run-2"), 3));
    // It stays open until the run has begun.
    assert!(person.state.context.changes.is_running() && person.reads("New run"));
}

/// One's own data are read as the command line reads them; a data set that has a name is asked nothing.
#[test]
fn a_new_run_on_ones_own_data_says_how_they_are_read() {
    let mut person = Person::at_a_run();
    person.press("+ new run");
    assert!(!person.reads("test-share") && !person.reads("skip-unreadable"));
    person.tell(run_form::Message::Type(Field::Dataset, "cifar100".to_owned()));
    assert!(person.reads("labels") && !person.reads("test-share"));
    person.tell(run_form::Message::Type(Field::Dataset, "./photos".to_owned()));
    for option in ["size", "fit", "colour", "skip-unreadable", "labels", "test-share"] {
        assert!(person.reads(option), "{option}");
    }
    person.wanted();
    person.enter(Choice::Size.id(), "big");
    assert!(person.reads_of("`big`") && person.wanted().is_empty());
    person.tell(run_form::Message::Reading(reading_form::Message::Type(Choice::Size, String::new())));
    person.enter(Choice::Size.id(), "40x30");
    let Some(Effect::Request(Request::Change(Intent::Train(plan)))) = person.wanted().pop() else { panic!("a run") };
    assert_eq!((&plan.dataset[..], plan.reading.size), ("./photos", "40x30".parse().ok()));
}

#[test]
fn a_new_run_says_how_its_training_images_are_varied() {
    let mut person = Person::at_a_run();
    person.press("+ new run");
    for option in ["shift", "flip", "crop", "brightness", "contrast", "cutout"] {
        assert!(person.reads(option), "{option}");
    }
    person.wanted();
    person.enter(Way::Crop.id(), "half");
    assert!(person.reads_of("`half`") && person.wanted().is_empty());
    person.tell(run_form::Message::Augmentation(augmentation_form::Message(Way::Crop, String::new())));
    person.enter(Way::Crop.id(), "0.6");
    let Some(Effect::Request(Request::Change(Intent::Train(plan)))) = person.wanted().pop() else { panic!("a run") };
    assert_eq!((plan.augmentation.crop, plan.augmentation.flip), (Some(0.6), None));
}

#[test]
fn a_deleted_branch_can_be_taken_back() {
    let mut person = Person::at_a_run();
    person.press("wider");
    person.press("delete");
    let intent = Intent::Delete { name: branch("wider"), then: None };
    assert_eq!(person.wanted(), [Effect::Request(Request::Change(intent))]);
    assert!(person.reads("at work …"));
    let text = "deleted wider; its space is freed by `revacnn gc`".to_owned();
    let undo = Some(Undo::TakeBack(branch("wider")));
    person.tell(Message::Store(StoreEvent::Done(Done { text: text.clone(), undo, ..Done::default() })));
    assert!(person.reads(&text));
    person.press("undo: take wider back");
    assert_eq!(person.wanted(), [Effect::Request(Request::Change(Intent::TakeBack(branch("wider"))))]);
}

#[test]
fn a_fork_is_named_and_undo_takes_it_back() {
    let mut person = Person::at_a_run();
    person.press("fork here");
    person.enter(prompt::FIELD, "twin");
    let intent = Intent::Fork {
        branch: branch("main"),
        step: Step(LAST),
        edits: Vec::new(),
        name: Some(branch("twin")),
        live: false,
    };
    assert_eq!(person.wanted().pop(), Some(Effect::Request(Request::Change(intent))));
    // As if `wider` were that fork, and had been trained on since.
    let step = Step(WIDER.0);
    let select = Some((branch("wider"), Goal::At(Position::Step(step))));
    let undo = Some(Undo::Fork { name: branch("wider"), parent: branch("main"), step });
    person.tell(Message::Store(StoreEvent::Done(Done { text: "forked".to_owned(), select, undo, ..Done::default() })));
    assert_eq!(person.state.context.at().unwrap().to_string(), format!("wider@{}", WIDER.0));
    person.press("undo: delete wider");
    assert!(person.reads_of("wider has 20 steps of its own"));
    person.press("cancel");
    assert!(person.reads("undo: delete wider"), "nothing was undone");
    person.key("z");
    person.press("delete it");
    let intent = Intent::Delete { name: branch("wider"), then: Some((branch("main"), step)) };
    assert_eq!(
        person.wanted(),
        [Effect::Focus(prompt::FIELD), Effect::Focus(prompt::FIELD), Effect::Request(Request::Change(intent))]
    );
    assert!(person.state.prompt().is_none());
}

#[test]
fn a_refusal_is_told_and_the_window_can_be_used_on() {
    let mut person = Person::at_a_run();
    person.press("rename");
    person.tell(prompt::Message::Type("wider".to_owned()));
    person.tell(prompt::Message::Enter);
    let intent = Intent::Rename { from: branch("main"), to: branch("wider") };
    assert_eq!(person.wanted().pop(), Some(Effect::Request(Request::Change(intent))));
    let reason = "there is a branch wider already".to_owned();
    person.tell(Message::Store(StoreEvent::Refused(reason.clone())));
    assert!(person.reads(&reason) && !person.state.context.changes.is_running());
    person.press("rename");
    assert!(person.reads("Rename"));
}

#[test]
fn the_tree_lists_what_is_asked_for_and_hides_by_families() {
    let mut person = Person::before_store(|folder| record_many(folder, 3));
    let hidden = |person: &Person| person.state.context.hidden.iter().map(ToString::to_string).collect::<Vec<_>>();
    person.tell(tree::Message::Find);
    assert_eq!(person.wanted().pop(), Some(Effect::Focus(tree::FILTER)));
    person.tell(tree::Message::Filter("ORK-".to_owned()));
    assert!(person.reads("fork-2") && !person.reads("wider"));
    person.press("none");
    assert_eq!(hidden(&person), ["fork-1", "fork-2", "fork-3"]);
    person.tell(tree::Message::Filter("nobody".to_owned()));
    assert!(person.reads("no branch has this in its name"));
    person.tell(Message::Escape);
    assert!(person.state.tree.filter.is_empty() && person.reads("wider"));
    person.press("all");
    assert_eq!(hidden(&person), [""; 0]);
    person.press("fork-2");
    person.press("family");
    assert_eq!(hidden(&person), ["fork-1", "fork-3", "wider"]);
    person.press("this");
    assert_eq!(hidden(&person), ["fork-1", "fork-3", "main", "wider"]);
    // The same by the key: all, the family, the selected one, all again.
    for expected in [0, 3, 4, 0] {
        person.key("b");
        assert_eq!(hidden(&person).len(), expected);
    }
}
