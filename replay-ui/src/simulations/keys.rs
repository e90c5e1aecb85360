//! The window by keys alone.

use iced::keyboard::Key;
use iced::keyboard::key::Named;
use iced::{Point, Rectangle, mouse};

use super::prelude::*;
use super::{Person, branch};
use crate::components::layer_form;
use crate::headless::Interface;

/// Every place that Tab leads to, and what Enter says there; in the order of Tab.
fn stops(person: &Person) -> Vec<(Rectangle, Vec<Message>)> {
    let mut screen = Interface::new(person.size).unwrap();
    let mut stops = Vec::new();
    while let Some(at) = screen.tab(&person.state, false) {
        assert!(stops.len() < 500, "Tab comes to no end");
        let (said, taken) = screen.key(&person.state, Key::Named(Named::Enter));
        // A field without an answer to give leaves it.
        assert!(taken || said.is_empty(), "Enter is not taken at {at:?}");
        // What a press has opened is closed.
        screen.key(&person.state, Key::Named(Named::Enter));
        stops.push((at, said));
    }
    stops
}

#[test]
fn tab_reaches_every_control_where_it_is_seen_and_enter_presses_it() {
    let mut person = Person::at_a_run();
    person.size = [1280, 720];
    person.key("2");
    let stops = stops(&person);
    let seen = Rectangle { x: 0.0, y: 0.0, width: 1280.0, height: 720.0 };
    for (at, _) in &stops {
        assert!(at.is_within(&seen), "{at:?} has the focus out of sight");
    }
    let said = |message: &Message| stops.iter().any(|(_, said)| said.contains(message));
    let all: Vec<Message> = vec![
        header::Message::GoTo.into(),
        header::Message::Dark(true).into(),
        header::Message::Help.into(),
        tree::Message::Select(branch("wider")).into(),
        tree::Message::Show(branch("wider"), false).into(),
        tree::Message::NewRun.into(),
        network::Message::AskImage.into(),
        network::Message::Nodes(revacnn_notebook::Show::Coefficients).into(),
        network::Message::ToggleBeside.into(),
        network::Message::Figure(figure::Message::Menu(ViewId::NETWORK)).into(),
        filters::Message::Of(revacnn_notebook::Source::Gradients).into(),
        filters::Message::Method(revacnn_notebook::Method::Pca).into(),
        filters::Message::Figure(figure::Message::Layer("conv1".parse().unwrap())).into(),
        inspector::Message::Ask(crate::question::Question::TrainOn).into(),
        inspector::Message::Delete(branch("main")).into(),
        inspector::Message::Figure(figure::Message::Edit(edits(&["remove-layer conv2"]))).into(),
        inspector::Message::Figure(figure::Message::InsertLayer(Some("conv2".parse().unwrap()))).into(),
        timeline::Message::Play(true).into(),
        timeline::Message::Go(Move::First).into(),
    ];
    for message in &all {
        assert!(said(message), "no key leads to {message:?}");
    }
    // Fields are stops, too.
    assert!(stops.iter().any(|(at, _)| at.intersects(&person.place("optimizer").expand(200.0))));
}

#[test]
fn tab_goes_back_with_shift_and_the_mouse_takes_the_focus_away() {
    let person = Person::at_a_run();
    let mut screen = Interface::new(person.size).unwrap();
    let [first, second, third] = [(); 3].map(|()| screen.tab(&person.state, false).unwrap());
    assert!(first != second && second != third);
    assert_eq!(screen.tab(&person.state, true), Some(second));
    // Space is no key of the window there: it would play.
    assert!(screen.key(&person.state, Key::Named(Named::Space)).1);
    let down = iced::mouse::Event::ButtonPressed(iced::mouse::Button::Left);
    screen.point(&person.state, Point::new(600.0, 300.0), &[down]);
    assert!(!screen.key(&person.state, Key::Named(Named::Space)).1);
    // The first Tab leads to a button, and letters are keys of the window still. It has led
    // there when the next key comes.
    let mut screen = Interface::new(person.size).unwrap();
    assert_eq!(screen.key(&person.state, Key::Named(Named::Tab)), (Vec::new(), true));
    assert_eq!(screen.key(&person.state, Key::Named(Named::Enter)).0.len(), 1);
    assert!(!screen.key(&person.state, Key::Character("f".into())).1);
}

#[test]
fn a_choice_is_made_by_arrows() {
    let mut person = Person::at_a_run();
    person.tell(tree::Message::NewRun);
    let mut screen = Interface::new(person.size).unwrap();
    let mut chosen = Vec::new();
    while screen.tab(&person.state, false).is_some() {
        let (said, _) = screen.key(&person.state, Key::Named(Named::ArrowUp));
        let (more, _) = screen.key(&person.state, Key::Named(Named::ArrowDown));
        chosen.extend(said.into_iter().chain(more));
        assert!(chosen.len() < 100);
    }
    for (field, text) in [(Field::Dataset, "digits"), (Field::Optimizer, "sgd"), (Field::Fidelity, "keyframes")] {
        let message = run_form::Message::Type(field, text.to_owned()).into();
        assert!(chosen.contains(&message), "{message:?} in {chosen:?}");
    }
}

/// Escape went on to the window, and the list stayed.
#[test]
fn escape_closes_an_open_list_and_so_does_a_choice_by_an_arrow() {
    let person = Person::at_a_run();
    let mut screen = Interface::new(person.size).unwrap();
    let pressed = |screen: &mut Interface, key: Named| screen.key(&person.state, Key::Named(key));
    let is_chart = |said: &[Message]| matches!(said, [Message::Loss(loss::Message::Show(_))]);
    let at = loop {
        let at = screen.tab(&person.state, false).expect("the chart's list");
        if is_chart(&pressed(&mut screen, Named::ArrowDown).0) {
            break at;
        }
    };
    pressed(&mut screen, Named::Enter);
    assert_eq!(pressed(&mut screen, Named::Escape), (Vec::new(), true));
    // It keeps the focus, and the next Escape is not its own.
    pressed(&mut screen, Named::Enter);
    assert!(is_chart(&pressed(&mut screen, Named::ArrowDown).0));
    assert!(!pressed(&mut screen, Named::Escape).1, "the arrow has closed it");
    let [down, up] = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
    screen.point(&person.state, at.center(), &[down, up]);
    assert!(pressed(&mut screen, Named::Escape).1 && !pressed(&mut screen, Named::Escape).1);
}

#[test]
fn under_a_dialog_nothing_has_the_focus_or_takes_a_key() {
    let mut person = Person::at_a_run();
    let before = stops(&person).len();
    let mut screen = Interface::new(person.size).unwrap();
    screen.tab(&person.state, false);
    person.tell(figure::Message::Menu(ViewId::LOSS));
    assert!(!screen.key(&person.state, Key::Named(Named::Enter)).1, "a button under the menu was pressed");
    let in_menu = stops(&person);
    assert!(in_menu.len() < 10 && in_menu.len() < before, "{in_menu:?}");
    person.tell(Message::Escape);
    assert_eq!(stops(&person).len(), before);
}

/// Nobody could see what a letter would do.
#[test]
fn a_layer_is_inserted_by_a_form_that_shows_its_command() {
    let mut person = Person::at_a_run();
    person.key("2");
    person.press("insert another …");
    assert!(person.reads("New layer") && person.reads("kernel"));
    let command = format!("revacnn fork main@{} --edit 'insert-layer conv after=conv2", super::LAST);
    assert!(person.reads_of(&command));
    let copied = person.state.layer_form().expect("the form").command(&person.state.context).unwrap();
    assert!(person.reads(&copied), "what is copied is what is shown");
    person.press("insert: fork here");
    let asked = person.wanted();
    let Some(Effect::Request(Request::Change(Intent::Fork { edits, .. }))) = asked.last() else { panic!("{asked:?}") };
    assert!(edits[0].to_string().starts_with("insert-layer conv after=conv2"), "{edits:?}");
    // What is typed is there until the fork is.
    let reason = "a window of 3×3 needs larger maps".to_owned();
    person.tell(Message::Store(StoreEvent::Refused(reason.clone())));
    assert!(person.reads(&reason) && person.reads("New layer"));
    person.tell(layer_form::Message::Type("kernel", "1".to_owned()));
    assert!(!person.reads(&reason));
    person.press("insert: fork here");
    person.tell(Message::Store(StoreEvent::Done(Done { text: "forked".to_owned(), ..Done::default() })));
    assert!(person.state.dialog.is_none());
}
