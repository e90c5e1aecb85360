//! Sizes, looking closer, what the chart shows, and saving: as a person does it.

use iced::{Point, mouse};
use iced_test::core::keyboard::Key;
use iced_test::core::keyboard::key::Named;
use iced_test::core::widget::Id;
use revacnn_notebook::{PictureFormat, XAxis};

use super::prelude::*;
use super::{LAST, Person, branch, record_many};
use crate::canvas::along::Along;
use crate::components::figure_menu;
use crate::components::loss::Shows;
use crate::headless::Interface;
use crate::sizes::{self, Border, Panel};

const DOWN: mouse::Event = mouse::Event::ButtonPressed(mouse::Button::Left);
const UP: mouse::Event = mouse::Event::ButtonReleased(mouse::Button::Left);

fn wheel(lines: f32) -> mouse::Event {
    mouse::Event::WheelScrolled { delta: mouse::ScrollDelta::Lines { x: 0.0, y: lines } }
}

/// A hand at the mouse that remembers what it holds.
struct Hand {
    screen: Interface,
}

impl Hand {
    fn at(person: &Person) -> Self {
        Self { screen: Interface::new(person.size).unwrap() }
    }

    /// Moves to a point and does something there; what the window says happens.
    fn does(&mut self, person: &mut Person, at: Point, events: &[mouse::Event]) -> Vec<Message> {
        let moved = mouse::Event::CursorMoved { position: at };
        let mut all = self.screen.point(&person.state, at, &[moved]);
        all.iter().cloned().for_each(|message| person.tell(message));
        for event in events {
            let said = self.screen.point(&person.state, at, &[*event]);
            said.iter().cloned().for_each(|message| person.tell(message));
            all.extend(said);
        }
        all
    }
}

/// Where a press takes hold of a border.
fn border(person: &Person, which: Border) -> Point {
    let drags = |said: &Message| matches!(said, Message::Sizes(sizes::Message::Reset(border)) if *border == which);
    let mut screen = Interface::new(person.size).unwrap();
    // A border is thin: it is looked for along a line across it.
    let [width, height] = person.size.map(|side| side as f32);
    let places: Vec<Point> = match which.is_upright() {
        true => (0..width as u32).map(|x| Point::new(x as f32, 0.3 * height)).collect(),
        false => (0..height as u32).map(|y| Point::new(0.5 * width, y as f32)).collect(),
    };
    let found = places.into_iter().find(|at| screen.point(&person.state, *at, &[DOWN, UP, DOWN, UP]).iter().any(drags));
    found.unwrap_or_else(|| panic!("there is no border {which:?}"))
}

#[test]
fn every_border_is_dragged_by_the_mouse_and_a_double_click_gives_the_default_back() {
    let mut person = Person::at_a_run();
    for (which, by) in [
        (Border::Tree, [60.0, 0.0]),
        (Border::Inspector, [-60.0, 0.0]),
        (Border::Chart, [0.0, 60.0]),
        (Border::Filters, [0.0, 30.0]),
        (Border::Timeline, [0.0, -40.0]),
    ] {
        let before = person.state.context.sizes;
        let at = border(&person, which);
        let mut hand = Hand::at(&person);
        hand.does(&mut person, at, &[DOWN]);
        for share in [0.3, 0.6, 1.0] {
            hand.does(&mut person, Point::new(at.x + share * by[0], at.y + share * by[1]), &[]);
        }
        let there = Point::new(at.x + by[0], at.y + by[1]);
        hand.does(&mut person, there, &[UP]);
        assert_ne!(person.state.context.sizes, before, "{which:?}");
        // It went along with the hand.
        let now = border(&person, which);
        assert!((now.x - there.x).abs() <= 5.0 && (now.y - there.y).abs() <= 5.0, "{which:?}: {now:?} {there:?}");
        let mut hand = Hand::at(&person);
        hand.does(&mut person, now, &[DOWN, UP, DOWN, UP]);
        assert_eq!(person.state.context.sizes, before, "{which:?}");
    }
}

#[test]
fn a_figure_is_shown_alone_by_its_button_or_a_key_and_all_of_them_again() {
    let mut person = Person::at_a_run();
    // The first one is the chart's.
    person.press("↗");
    assert_eq!(person.state.context.alone, Some(Panel::Chart));
    assert!(person.reads("↙") && !person.reads("network") && !person.reads("+ new run"));
    person.press("↙");
    assert!(person.state.context.alone.is_none() && person.reads("network"));
    for panel in [Some(Panel::Chart), Some(Panel::Network), Some(Panel::Filters), None] {
        person.key("j");
        assert_eq!(person.state.context.alone, panel);
        assert_eq!(person.reads("network"), panel.is_none_or(|panel| panel == Panel::Network));
    }
    person.key("j");
    person.tell(Message::Escape);
    assert!(person.state.context.alone.is_none());
}

#[test]
fn nothing_moves_when_a_branch_is_hidden() {
    let mut person = Person::before_store(|folder| record_many(folder, 7));
    let places = |person: &Person| {
        let words = ["network", "filters", "|<", "log", "continue training"];
        (
            words.map(|words| person.place(words)),
            [Border::Chart, Border::Filters, Border::Timeline].map(|of| border(person, of)),
        )
    };
    let before = places(&person);
    for name in ["wider", "fork-3", "fork-7", "fork-1", "fork-2", "fork-4", "fork-5", "fork-6"] {
        person.tell(tree::Message::Show(branch(name), false));
        assert_eq!(places(&person), before, "{name} is hidden");
    }
    assert_eq!(person.state.context.shown_branches().len(), 1);
}

/// The middle of the chart's curves.
fn chart_of(person: &Person) -> Point {
    let at = |said: &Message| matches!(said, Message::Loss(loss::Message::Plot(Along::Zoom { .. })));
    Interface::new(person.size).unwrap().place(&person.state, &[wheel(1.0)], at).expect("the chart")
}

#[test]
fn the_wheel_looks_closer_about_the_pointer_in_the_chart_and_the_timeline_follows_and_leads() {
    let mut person = Person::at_a_run();
    let (at, mut hand) = (chart_of(&person), Hand::at(&person));
    let step = |person: &mut Person, hand: &mut Hand| {
        // What is under the pointer: a click goes there.
        hand.does(person, at, &[DOWN, UP]);
        person.state.context.time.cursor
    };
    let under = step(&mut person, &mut hand);
    let points =
        |person: &Person| person.state.context.cells.chart(ViewId::LOSS).unwrap().unwrap().series[0].points.len();
    let all = points(&person);
    assert!(!person.reads("show all"));
    hand.does(&mut person, at, &[wheel(1.0), wheel(1.0), wheel(1.0)]);
    assert!(!person.state.context.time.shows_all() && person.reads("show all"));
    assert!(points(&person) < all, "what is not seen is not drawn");
    // Clicks in one place within a moment would be two of one.
    let mut hand = Hand::at(&person);
    assert_eq!(step(&mut person, &mut hand), under);
}

#[test]
fn a_drag_moves_along_what_is_looked_at_closely_and_a_double_click_shows_all() {
    let mut person = Person::at_a_run();
    let (at, mut hand) = (chart_of(&person), Hand::at(&person));
    person.tell(timeline::Message::Go(Move::First));
    // While all is shown, a drag moves the cursor, as on the timeline.
    hand.does(&mut person, at, &[DOWN]);
    hand.does(&mut person, Point::new(at.x + 80.0, at.y), &[UP]);
    let cursor = person.state.context.time.cursor;
    assert!(cursor.0 > 20 && person.state.context.time.shows_all());
    // By the wheel on the timeline the chart looks closer, too.
    person.tell(timeline::Message::Along(Along::Zoom { factor: 3.0, fraction: 0.5 }));
    let window = person.state.context.time.window();
    hand.does(&mut person, Point::new(at.x - 90.0, at.y), &[DOWN]);
    let said = hand.does(&mut person, Point::new(at.x - 150.0, at.y), &[UP]);
    assert!(said.iter().any(|said| matches!(said, Message::Loss(loss::Message::Plot(Along::Pan(_))))), "{said:?}");
    let moved = person.state.context.time.window();
    assert!(moved[0] > window[0] && (moved[1] - moved[0] - window[1] + window[0]).abs() < 1e-9, "{window:?} {moved:?}");
    assert_eq!(person.state.context.time.cursor, cursor, "the cursor stays");
    // The button and the key lead back, and so do two clicks, which leave the cursor alone.
    person.press("show all");
    assert!(person.state.context.time.shows_all());
    person.tell(timeline::Message::Along(Along::Zoom { factor: 3.0, fraction: 0.5 }));
    person.key("0");
    assert!(person.state.context.time.shows_all());
    for place in [at, Point::new(at.x, person.size[1] as f32 - 60.0)] {
        person.tell(timeline::Message::Along(Along::Zoom { factor: 3.0, fraction: 0.5 }));
        let cursor = person.state.context.time.cursor;
        let mut hand = Hand::at(&person);
        hand.does(&mut person, place, &[DOWN, UP, DOWN, UP]);
        assert!(person.state.context.time.shows_all(), "{place:?}");
        assert_eq!(person.state.context.time.cursor, cursor, "{place:?}");
    }
}

#[test]
fn the_chart_shows_any_number_smoothed_along_any_axis() {
    let mut person = Person::at_a_run();
    let series = |person: &Person| {
        let chart = person.state.context.cells.chart(ViewId::LOSS).unwrap().unwrap_or_else(|reason| panic!("{reason}"));
        let names: Vec<String> = chart.series.iter().map(|series| series.name.clone()).collect();
        (names, chart.series.iter().any(|series| !series.raw.is_empty()))
    };
    assert_eq!(series(&person).0[..2], ["main train", "main validation"]);
    person.key(";");
    assert!(person.reads_of("live: last 200 images"));
    assert_eq!(
        series(&person),
        (["main live", "main validation", "wider live", "wider validation"].map(str::to_owned).to_vec(), false)
    );
    person.key("'");
    assert!(series(&person).1, "what was recorded lies behind");
    for x in [XAxis::Images, XAxis::Fork, XAxis::Step] {
        person.tell(loss::Message::X(x));
        assert_eq!(series(&person).0.len(), 4, "{x:?}");
    }
    // Each that can be chosen is there, and the timeline still has its losses.
    let all = crate::components::loss::choices(&person.state.context);
    assert!(all.len() > 15 && all.iter().any(|shows| shows.to_string() == "conv1: weight norm"), "{all:?}");
    for shows in all {
        person.tell(loss::Message::Show(shows.clone()));
        let drawn = person.state.context.cells.chart(ViewId::LOSS).unwrap();
        assert!(drawn.is_ok() || drawn.is_err_and(|reason| reason.contains("has no")), "{shows}");
        let lanes = person.state.context.cells.chart(crate::views::lanes_of(&person.state)).unwrap().unwrap();
        assert_eq!(lanes.title, "loss", "{shows}");
    }
    assert_eq!(person.state.loss.shows.to_string(), "softmax: share of zeros");
    person.key(";");
    assert_eq!(person.state.loss.shows, Shows::Loss);
}

#[test]
fn a_figure_is_saved_where_one_likes_and_another_file_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut person = Person::at_a_run();
    person.tell(figure::Message::Menu(ViewId::LOSS));
    person.press("PDF");
    let shown = format!("loss-main-{LAST}.pdf");
    let Some(crate::components::dialog::State::Menu(menu)) = &person.state.dialog else { panic!("a menu") };
    assert_eq!((menu.file.as_str(), menu.format), (shown.as_str(), PictureFormat::Pdf));
    let typed = folder.path().join("mine").display().to_string();
    person.tell(figure_menu::Message::Type(typed.clone()));
    person.wanted();
    person.act(|simulator| {
        simulator.click(Id::new(figure_menu::FIELD)).unwrap();
        simulator.tap_key(Key::Named(Named::Enter));
    });
    let path = folder.path().join("mine.pdf");
    let asked = |person: &mut Person, agreed: bool| match &person.wanted()[..] {
        [Effect::Request(Request::Change(Intent::Save { path: to, over, .. }))] => {
            assert_eq!((to, *over), (&path, agreed))
        }
        other => panic!("{other:?}"),
    };
    asked(&mut person, false);
    assert!(person.reads("saving"));
    person.tell(Message::Store(StoreEvent::Exists(path.clone())));
    assert!(person.reads_of("mine is there already") && !person.state.context.changes.is_running());
    person.press("replace it");
    asked(&mut person, true);
    person.tell(Message::Store(StoreEvent::Refused("the disk is full".to_owned())));
    assert!(person.reads("the disk is full"), "what is typed is not lost");
    person.press("save: s");
    asked(&mut person, false);
    person.tell(Message::Store(StoreEvent::Done(Done { text: "saved".to_owned(), ..Done::default() })));
    assert!(person.state.dialog.is_none() && person.state.save_as == PictureFormat::Pdf);
    // The next figure is proposed as a PDF, too.
    person.tell(figure::Message::Menu(ViewId::NETWORK));
    let Some(crate::components::dialog::State::Menu(menu)) = &person.state.dialog else { panic!("a menu") };
    assert_eq!(menu.file, format!("network-main-{LAST}.pdf"));
}

#[test]
fn a_charts_menu_and_the_file_that_it_proposes_name_the_quantity() {
    let mut person = Person::at_a_run();
    let proposed = |person: &Person| match &person.state.dialog {
        Some(crate::components::dialog::State::Menu(menu)) => menu.file.clone(),
        _ => panic!("a menu"),
    };
    let number = |quantity: &str, layer| Shows::Number { quantity: quantity.to_owned(), layer };
    for (shows, words, file) in [
        (number("learning_rate", None), "learning rate", "learning-rate"),
        (number("mean_abs_gradient", Some("conv1".parse().unwrap())), "conv1: mean |gradient|", "conv1-mean-gradient"),
    ] {
        person.tell(loss::Message::Show(shows));
        assert!(!person.reads(words), "lists hold no texts");
        person.tell(figure::Message::Menu(ViewId::LOSS));
        assert!(person.reads(words), "{words}");
        assert_eq!(proposed(&person), format!("{file}-main-{LAST}.svg"));
        person.press("close");
    }
    person.tell(inspector::Message::History(history::Message::OfBranch("live_accuracy".to_owned())));
    person.tell(figure::Message::Menu(ViewId::HISTORY));
    assert!(person.reads("live accuracy"));
    assert_eq!(proposed(&person), format!("live-accuracy-main-{LAST}.svg"));
}
