//! What is left on the screen after a move is what a fresh drawing shows: the
//! window is drawn as for a display, anew where it has changed, and compared
//! with a whole drawing, pixel by pixel, up to rounding.

use iced::keyboard::Key;
use iced::keyboard::key::Named;
use iced::{Point, mouse};
use revacnn_notebook::{Method, Show, Source, XAxis};
use revacnn_schemas::{Figure, Scale, Step};

use super::prelude::*;
use super::{LAST, Person, branch, record_many};
use crate::canvas::along::Along;
use crate::components::loss::Shows;
use crate::framebuffer::Framebuffer;
use crate::headless::Interface;
use crate::sizes::{self, Border, Panel};

/// How far a smooth edge that is drawn through a mask may be rounded from the
/// same edge without one, of 255. What is left of a label is farther off.
const ROUNDING: u8 = 4;

/// Something a person does.
#[derive(Debug, Clone)]
enum Does {
    /// What a key or a button says.
    Says(Message),
    /// Moves the mouse to a share of the width and height.
    Points(f32, f32),
    /// Does something with the mouse where it is.
    Mouse(mouse::Event),
    /// Moves the focus as Tab does, or as Shift+Tab.
    Tabs { back: bool },
    /// Presses a key where the focus is.
    Presses(Named),
    /// Changes the window's state otherwise.
    Sees(fn(&mut Person)),
}

use Does::{Mouse, Points, Presses, Says, Sees, Tabs};

fn says(message: impl Into<Message>) -> Does {
    Says(message.into())
}

/// Who looks at the window, as at a display with one buffer and as at one with
/// two, whose older one is drawn on.
struct Eye {
    interface: Interface,
    single: Framebuffer,
    double: [Framebuffer; 2],
    at: Point,
}

impl Eye {
    fn before(person: &Person) -> Self {
        let paper = || Framebuffer::new(person.size).unwrap();
        let interface = Interface::new(person.size).unwrap();
        Self { interface, single: paper(), double: [paper(), paper()], at: Point::new(-1.0, -1.0) }
    }

    fn does(&mut self, person: &mut Person, does: &Does) {
        let said = match does {
            Says(message) => vec![message.clone()],
            Points(x, y) => {
                self.at = Point::new((person.size[0] as f32 * x).round(), (person.size[1] as f32 * y).round());
                let moved = mouse::Event::CursorMoved { position: self.at };
                self.interface.point(&person.state, self.at, &[moved])
            }
            Tabs { back } => {
                self.interface.tab(&person.state, *back);
                Vec::new()
            }
            Presses(key) => self.interface.key(&person.state, Key::Named(*key)).0,
            Mouse(event) => self.interface.point(&person.state, self.at, &[*event]),
            Sees(change) => {
                change(person);
                Vec::new()
            }
        };
        said.into_iter().for_each(|message| person.tell(message));
    }

    /// Draws what has changed, and compares it with a fresh drawing.
    #[track_caller]
    fn looks(&mut self, person: &Person, after: &str) {
        let mut fresh = Framebuffer::new(person.size).unwrap();
        self.double.swap(0, 1);
        let papers = [&mut self.single, &mut self.double[0], &mut fresh];
        self.interface.draw(&person.state, |renderer, ground| {
            papers.into_iter().for_each(|paper| paper.draw(renderer, ground));
        });
        for (paper, of) in [(&self.single, "one buffer"), (&self.double[0], "two buffers")] {
            if paper.pixels() == fresh.pixels() {
                continue;
            }
            let width = person.size[0] as usize;
            let far = |found: &[u8; 4], right: &[u8; 4]| {
                found.iter().zip(right).any(|(found, right)| found.abs_diff(*right) > ROUNDING)
            };
            let pairs = paper.pixels().iter().zip(fresh.pixels()).enumerate();
            let differ: Vec<[usize; 2]> =
                pairs.filter(|(_, (found, right))| far(found, right)).map(|(at, _)| [at % width, at / width]).collect();
            if let Some(first) = differ.first() {
                let ends = |axis: usize| {
                    let places = differ.iter().map(|at| at[axis]);
                    (places.clone().min().unwrap_or_default(), places.max().unwrap_or_default())
                };
                let ((left, right), (top, bottom)) = (ends(0), ends(1));
                panic!(
                    "after {after}, with {of}: {} pixels are not what a fresh drawing has, within x {left} to {right}, \
                     y {top} to {bottom}; first {first:?}",
                    differ.len()
                );
            }
        }
    }
}

/// Does one thing after another, and looks after each: at once, and when all
/// has come to rest.
#[track_caller]
fn repaints(person: &mut Person, all: &[Does]) {
    // A small window has all that a larger one has.
    person.size = [1024, 700];
    let mut eye = Eye::before(person);
    eye.looks(person, "the start");
    for (place, does) in all.iter().enumerate() {
        eye.does(person, does);
        for time in ["at once", "again"] {
            eye.looks(person, &format!("move {place}, {does:?}, {time}"));
        }
    }
}

fn go(by: Move) -> Does {
    says(timeline::Message::Go(by))
}

#[test]
fn moves_along_the_timeline() {
    let mut person = Person::at_a_run();
    let moves = [Move::First, Move::Last, Move::By(-1), Move::By(1), Move::By(-10), Move::To(Step(7)), Move::First];
    repaints(&mut person, &moves.map(go));
    assert_eq!(person.state.context.time.cursor, Step(0));
    person.tell(tree::Message::Select(branch("wider")));
    repaints(&mut person, &[go(Move::Last), go(Move::First), go(Move::To(Step(LAST / 2)))]);
}

#[test]
fn branches_that_come_go_and_change_places() {
    let mut person = Person::at_a_run();
    let show = |show| says(tree::Message::Show(branch("wider"), show));
    let beside = |name: Option<&str>| says(tree::Message::Beside(name.map(branch)));
    let select = |name: &str| says(tree::Message::Select(branch(name)));
    let moves = [
        show(false),
        go(Move::By(-3)),
        show(true),
        beside(Some("wider")),
        go(Move::First),
        select("wider"),
        go(Move::Last),
        beside(None),
        select("main"),
        says(timeline::Message::Align(Align::Fork)),
        says(timeline::Message::Align(Align::Step)),
    ];
    repaints(&mut person, &moves);
}

#[test]
fn settings_of_the_figures() {
    let mut person = Person::at_a_run();
    let moves = [
        says(header::Message::Dark(true)),
        go(Move::First),
        says(header::Message::Dark(false)),
        says(loss::Message::Logarithmic(true)),
        says(loss::Message::X(XAxis::Images)),
        says(loss::Message::X(XAxis::Fork)),
        says(loss::Message::X(XAxis::Step)),
        says(network::Message::Nodes(Show::Coefficients)),
        says(filters::Message::Of(Source::Activations)),
        says(filters::Message::Method(Method::Pca)),
        says(network::Message::ImageBy(5)),
        Sees(|person| person.key("2")),
        says(timeline::Message::Along(Along::Zoom { factor: 3.0, fraction: 0.4 })),
        go(Move::By(2)),
        says(timeline::Message::Along(Along::Zoom { factor: 0.1, fraction: 0.4 })),
    ];
    assert_eq!(person.state.loss.scale, Scale::Linear);
    repaints(&mut person, &moves);
}

#[test]
fn sizes_and_what_is_looked_at_closely() {
    let mut person = Person::at_a_run();
    let [down, up] = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
    let turned = |lines: f32| mouse::Event::WheelScrolled { delta: mouse::ScrollDelta::Lines { x: 0.0, y: lines } };
    let drag = |border, size, room| says(sizes::Message::Drag { border, size, room });
    let number = |quantity: &str| Shows::Number { quantity: quantity.to_owned(), layer: None };
    let moves = [
        Points(0.4, 0.18),
        Mouse(turned(2.0)),
        Mouse(turned(1.0)),
        Points(0.45, 0.2),
        Mouse(down),
        Points(0.35, 0.2),
        Points(0.3, 0.2),
        Mouse(up),
        go(Move::By(-2)),
        says(loss::Message::Smooth(0.9)),
        says(loss::Message::Show(number("accuracy"))),
        says(loss::Message::Show(number("learning_rate"))),
        says(timeline::Message::Along(Along::All(None))),
        says(loss::Message::Show(Shows::Loss)),
        drag(Border::Chart, 260.0, 500.0),
        drag(Border::Filters, 90.0, 500.0),
        drag(Border::Timeline, 120.0, 600.0),
        go(Move::First),
        says(sizes::Message::Maximise(Some(Panel::Chart))),
        Points(0.6, 0.5),
        go(Move::By(9)),
        says(sizes::Message::Maximise(Some(Panel::Network))),
        go(Move::By(3)),
        says(sizes::Message::Maximise(Some(Panel::Filters))),
        drag(Border::Tree, 261.0, 1024.0),
        drag(Border::Inspector, 312.0, 1024.0),
        says(sizes::Message::Maximise(None)),
        says(sizes::Message::Reset(Border::Inspector)),
        says(sizes::Message::Reset(Border::Chart)),
        says(loss::Message::Smooth(0.0)),
    ];
    repaints(&mut person, &moves);
}

#[test]
fn what_is_pointed_at_chosen_and_pressed() {
    let mut person = Person::at_a_run();
    let [down, up] = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
    let mut moves: Vec<Does> = Vec::new();
    // All over the window, on a grid that meets most of its parts.
    for y in 0..18 {
        for x in [0.07, 0.19, 0.34, 0.52, 0.7, 0.84] {
            moves.push(Points(x, (y as f32 + 0.5) / 18.0));
        }
    }
    // A drag along the timeline.
    moves.extend([Points(0.3, 0.95), Mouse(down), Points(0.4, 0.95), Points(0.6, 0.95), Mouse(up)]);
    moves.extend([
        Sees(|person| person.key(".")),
        Sees(|person| person.key(".")),
        go(Move::First),
        says(figure::Message::Pick(None)),
    ]);
    repaints(&mut person, &moves);
}

#[test]
fn what_has_the_focus_and_what_it_does() {
    let mut person = Person::at_a_run();
    let mut moves: Vec<Does> = vec![Tabs { back: false }; 36];
    moves.extend(vec![Tabs { back: true }; 6]);
    // A press on what is there, also on one that opens something.
    for _ in 0..5 {
        moves.extend([Presses(Named::Space), Tabs { back: false }, Presses(Named::ArrowDown)]);
    }
    moves.extend([says(Message::Escape), says(tree::Message::NewRun)]);
    moves.extend(vec![Tabs { back: false }; 9]);
    moves.extend([Presses(Named::ArrowDown), Tabs { back: true }, says(Message::Escape), Tabs { back: false }]);
    repaints(&mut person, &moves);
}

/// A network of so many filters a layer.
fn wide(folder: &std::path::Path, filters: usize) {
    let text = super::NETWORK.replace("filters = 8", &format!("filters = {filters}"));
    let text = text.replace("filters = 6", &format!("filters = {filters}"));
    revacnn_test_support::SmallRun { network: revacnn_test_support::network(&text), ..super::small() }
        .recorded(folder, 6);
}

#[test]
fn many_filters_that_scroll_and_an_embedding_that_is_looked_at_closely() {
    let mut person = Person::before_store(|folder| wide(folder, 70));
    let [down, up] = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
    let wheel = |y: f32| Mouse(mouse::Event::WheelScrolled { delta: mouse::ScrollDelta::Lines { x: 0.0, y } });
    // The embedding, then the filters, then the nodes of the network.
    let embedding = [0.32, 0.66];
    let moves = [
        Points(embedding[0], embedding[1]),
        wheel(1.0),
        wheel(3.0),
        Mouse(down),
        Points(0.36, 0.7),
        Points(0.28, 0.62),
        Mouse(up),
        go(Move::By(-1)),
        wheel(-1.0),
        Points(embedding[0], embedding[1]),
        Mouse(down),
        Mouse(up),
        Mouse(down),
        Mouse(up),
        Points(0.6, 0.7),
        wheel(-2.0),
        wheel(-2.0),
        Points(0.62, 0.72),
        wheel(1.0),
        go(Move::First),
        Points(0.35, 0.4),
        Points(0.36, 0.42),
        Points(0.45, 0.4),
        go(Move::Last),
        says(figure::Message::InsertLayer(None)),
        says(Message::Escape),
    ];
    repaints(&mut person, &moves);
}

#[test]
fn what_opens_above_the_figures_and_what_is_told_beneath() {
    let mut person = Person::at_a_run();
    let question = || says(header::Message::GoTo);
    let moves = [
        says(header::Message::Help),
        says(header::Message::Help),
        says(figure::Message::Menu(ViewId::LOSS)),
        says(Message::Escape),
        question(),
        says(prompt::Message::Type("main@12".to_owned())),
        says(prompt::Message::Type("nowhere".to_owned())),
        says(prompt::Message::Enter),
        says(Message::Escape),
        says(tree::Message::NewRun),
        says(Message::Escape),
        says(inspector::Message::Copy("0.25".to_owned())),
        // What is being done makes room for longer words of what was done.
        says(inspector::Message::Figure(figure::Message::Edit(edits(&["freeze conv1"])))),
        says(Message::Store(StoreEvent::Done(Done {
            text: "forked main at step 60 into main~2: conv1 is frozen".to_owned(),
            ..Done::default()
        }))),
        // A reason of several lines moves all figures up.
        Sees(|person| {
            let reason = "there is no such branch, as one can say at length; ".repeat(12);
            person.state.status.notice = Some(Notice::Refused(reason));
        }),
        go(Move::First),
        Sees(|person| person.state.status.notice = None),
        says(figure::Message::Preview(edits(&["add-filter conv1"]).pop())),
        says(figure::Message::Preview(None)),
    ];
    repaints(&mut person, &moves);
}

#[test]
fn many_branches_and_their_lanes() {
    let mut person = Person::before_store(|folder| record_many(folder, 7));
    let scroll = |lanes| says(timeline::Message::Scroll(lanes));
    let moves = [
        scroll(1),
        scroll(2),
        go(Move::First),
        scroll(-1),
        says(tree::Message::Select(branch("fork-5"))),
        Points(0.5, 0.15),
        Points(0.45, 0.12),
        says(tree::Message::Show(branch("main"), false)),
        says(tree::Message::Show(branch("fork-2"), false)),
        Points(0.3, 0.14),
        Points(0.5, 0.5),
    ];
    repaints(&mut person, &moves);
}

/// The network's classes get other names, as those of another data set.
fn rename_classes(person: &mut Person, names: &[&str]) {
    let shown = person.state.context.cells.get(ViewId::NETWORK).expect("a network");
    let (step, Ok(Figure::Network(diagram))) = (shown.step, &shown.drawn.figure) else { panic!("a network") };
    let mut diagram = diagram.clone();
    for (class, name) in diagram.classes.iter_mut().zip(names.iter().cycle()) {
        class.name = (*name).to_owned();
    }
    person.state.context.cells.set(ViewId::NETWORK, step, Prepared::of(Ok(Figure::Network(diagram))));
}

/// Names that are read from the right, joined, stacked, or pictures; and one
/// that is longer than its room.
const NAMES: [&[&str]; 5] = [
    &["قرص", "مثلث متساوي الأضلاع", "مربع"],
    &["עיגול", "משולש", "ריבוע גדול מאוד מאוד"],
    &["🟢", "👩‍👩‍👧", "🔺 triangle"],
    &["円盤", "三角形", "正方形"],
    &["disc قرص 7", "e\u{301}toile", "a name that is by far too long for its room"],
];

#[test]
fn class_names_of_any_script_are_drawn_within_their_room_and_drawn_anew() {
    let mut person = Person::at_a_run();
    let drawn = |person: &Person| {
        let mut paper = Framebuffer::new(person.size).unwrap();
        Interface::new(person.size).unwrap().draw(&person.state, |renderer, ground| paper.draw(renderer, ground));
        paper.pixels().to_vec()
    };
    rename_classes(&mut person, &[""]);
    let without = drawn(&person);
    let width = person.size[0] as usize;
    for names in NAMES {
        rename_classes(&mut person, names);
        let with = drawn(&person);
        let places: Vec<[usize; 2]> = (0..with.len())
            .filter(|at| with[*at] != without[*at])
            .map(|at| [at % width, at / width])
            // The name of the image's own class stands beneath it, too.
            .filter(|[x, _]| *x > width / 2)
            .collect();
        assert!(places.len() > 100, "{names:?}: {} pixels are drawn", places.len());
        let [left, right] = [places.iter().map(|at| at[0]).min(), places.iter().map(|at| at[0]).max()];
        let across = right.unwrap() - left.unwrap();
        assert!(across < 92, "{names:?} take {across} pixels, and reach over the bars");
    }
    let rename = |place: usize| -> Does {
        let all: [fn(&mut Person); 5] = [
            |person| rename_classes(person, NAMES[0]),
            |person| rename_classes(person, NAMES[1]),
            |person| rename_classes(person, NAMES[2]),
            |person| rename_classes(person, NAMES[3]),
            |person| rename_classes(person, NAMES[4]),
        ];
        Sees(all[place])
    };
    repaints(&mut person, &[0, 1, 2, 3, 4, 0].map(rename));
}
