//! What is looked at, and how.

use iced::{Event, Point, mouse};
use iced_test::core::keyboard::key::Named;
use revacnn_notebook::BranchSummary;
use revacnn_schemas::{Figure, Scale, Step};

use super::prelude::*;
use super::{LAST, Person, WIDER, branch};
use crate::headless::Interface;

const DOWN: mouse::Event = mouse::Event::ButtonPressed(mouse::Button::Left);
const UP: mouse::Event = mouse::Event::ButtonReleased(mouse::Button::Left);

#[test]
fn a_store_without_branches_says_what_one_can_do() {
    let mut person = Person::waiting();
    assert!(person.reads("Opening runs"));
    person.tell(Message::Store(StoreEvent::Listed(Listed::default())));
    assert!(person.reads("Nothing is recorded here yet") && person.reads_of("revacnn train"));
    // What is said can be pasted: the store is named, and quoted.
    person.state.context.place.store = "my runs".into();
    assert!(person.reads_of("revacnn train --store 'my runs'"));
    person.press("+ new run");
    assert!(person.reads("New run"));
}

#[test]
fn a_store_that_cannot_be_read_says_why_and_comes_back() {
    let mut person = Person::at_a_run();
    let reason = "runs is not a store: there is no such folder".to_owned();
    person.tell(Message::Store(StoreEvent::Unreadable(reason.clone())));
    assert!(person.reads("This store cannot be read") && person.reads(&reason));
    let listed = person.still.as_mut().unwrap().list().unwrap();
    person.tell(listed);
    assert_eq!(person.state.context.screen, Screen::Figures);
    assert_eq!(person.state.context.at().unwrap().to_string(), format!("main@{LAST}"));
    assert!(person.state.context.cells.get(ViewId::NETWORK).is_some());
}

/// What stood in the head was of the step before.
#[test]
fn nothing_is_told_of_a_step_that_cannot_be_read() {
    let mut person = Person::at_a_run();
    assert!(person.reads("at step 60") && person.state.context.cells.row.is_some());
    let (generation, step) = (person.state.generation, person.state.context.time.cursor);
    let reason = "a file of it is damaged".to_owned();
    let figures = vec![(ViewId::NETWORK, Prepared::of(Err(reason.clone())))];
    person.tell(Message::Store(StoreEvent::Figures { generation, step, figures, row: None }));
    assert!(person.reads(&reason) && !person.reads("at step 60"));
}

#[test]
fn a_run_that_has_no_step_yet_says_so_in_place_of_its_figures() {
    let mut person = Person::waiting();
    let unborn = BranchSummary { steps: None, training: true, ..crate::state::tests::branch("main", None, 0, 0) };
    person.tell(crate::state::tests::listed(vec![unborn]));
    assert!(person.reads("main has no step yet") && !person.reads("embedding the filters"));
}

#[test]
fn two_branches_are_shown_side_by_side_and_one_alone_again() {
    let mut person = Person::at_a_run();
    person.press("wider");
    person.press("side by side");
    assert_eq!(person.state.context.beside, Some(branch("main")));
    assert!(person.reads("beside main") && person.reads(&format!("wider@{}", WIDER.1)));
    // It goes on where the other one ended.
    assert!(person.reads(&format!("main@{LAST}")));
    for view in [ViewId::OTHER_NETWORK, ViewId::DIFFERENCES] {
        assert!(person.state.context.cells.get(view).is_some_and(|shown| shown.drawn.figure.is_ok()), "{view:?}");
    }
    person.press("beside main");
    assert!(person.state.context.beside.is_none() && person.reads("side by side"));
}

#[test]
fn the_theme_and_the_motion_change_with_a_press() {
    let mut person = Person::at_a_run();
    person.press("dark");
    assert!(person.state.context.dark && person.reads("light"));
    person.press("light");
    assert!(!person.state.context.dark);
    person.press("still");
    assert!(!person.state.context.reduced_motion && person.reads("motion"));
}

#[test]
fn the_help_lists_every_key_and_closes() {
    let mut person = Person::at_a_run();
    person.press("?");
    for (keys, what) in crate::commands::help() {
        assert!(person.reads(&keys) && person.reads(&what), "{keys}");
    }
    person.tell(Message::Escape);
    assert!(!person.reads("Keys"));
}

#[test]
fn a_figures_menu_copies_what_a_query_would_say() {
    let mut person = Person::at_a_run();
    // The first dots are those of the loss.
    person.press("…");
    assert_eq!(person.state.menu(), Some(ViewId::LOSS));
    person.press("copy as a query: q");
    let query =
        "SELECT branch, step, loss FROM steps WHERE branch IN ('main', 'wider') AND step > 0 ORDER BY branch, step";
    assert_eq!(person.wanted(), [Effect::Copy(query.to_owned())]);
    assert!(person.reads(&format!("copied: {query}")) && person.state.menu().is_none());
}

/// Saved figures said what they lack, and the window did not.
#[test]
fn what_a_figure_notes_is_read_in_the_window() {
    let mut person = Person::at_a_run();
    // With room for a long one: where there is less, it ends in … and is told where one points at it.
    person.size = [2560, 1440];
    person.press("images");
    let note = "no class names: the data set digits is not at hand";
    let step = person.state.context.time.cursor;
    for view in [ViewId::NETWORK, ViewId::LOSS, ViewId::FILTERS, ViewId::IMAGES] {
        let shown = person.state.context.cells.get(view).expect("a figure");
        let mut figure = shown.drawn.figure.clone().expect("a figure");
        let notes = match &mut figure {
            Figure::Network(diagram) => &mut diagram.notes,
            Figure::Chart(chart) => &mut chart.notes,
            Figure::Images(grid) => &mut grid.notes,
            Figure::EmbeddedImages(figure) => &mut figure.notes,
            Figure::Sheet(_)
            | Figure::Scatter(_)
            | Figure::Histograms(_)
            | Figure::Table(_)
            | Figure::Comparison(_) => {
                panic!("{view:?} is another figure")
            }
        };
        *notes = vec![format!("{note}: {}", view.0)];
        assert!(!person.reads_of(&format!("{note}: {}", view.0)));
        person.state.context.cells.set(view, step, Prepared::of(Ok(figure)));
        assert!(person.reads_of(&format!("{note}: {}", view.0)), "{view:?}");
    }
}

#[test]
fn a_right_click_on_a_figure_opens_its_menu() {
    let mut person = Person::at_a_run();
    let right = [mouse::Event::ButtonPressed(mouse::Button::Right)];
    let opens = |said: &Message| said.of_figure() == Some(&figure::Message::Menu(ViewId::NETWORK));
    let network = person.point_where(&right, opens).expect("the network");
    person.at(network, right);
    assert!(person.reads("save: s"));
    // The next figure's, by its key.
    person.tell(figure::Message::Menu(ViewId::NETWORK));
    person.key("o");
    assert_eq!(person.state.menu(), Some(ViewId::LOSS));
}

#[test]
fn a_drag_along_the_timeline_moves_the_cursor_and_every_figure() {
    let mut person = Person::at_a_run();
    let mut screen = Interface::new(person.size).unwrap();
    let (left, right, y) = screen.timeline(&person.state).unwrap();
    let at = |share: f32| Point::new(left + (right - left) * share, y);
    let said = screen.point(&person.state, at(0.7), &[DOWN, UP]);
    let [Message::Timeline(timeline::Message::Go(Move::To(there))), ..] = said[..] else { panic!("{said:?}") };
    assert!((35..50).contains(&there.0), "{there} lies at 0.7 of the way");
    person.act(|simulator| {
        simulator.point_at(at(0.2));
        simulator.simulate([Event::Mouse(DOWN)]);
        for share in [0.3, 0.5, 0.7] {
            simulator.point_at(at(share));
            simulator.simulate([Event::Mouse(mouse::Event::CursorMoved { position: at(share) })]);
        }
        simulator.simulate([Event::Mouse(UP)]);
        // Released, it stays where it is.
        simulator.point_at(at(0.1));
        simulator.simulate([Event::Mouse(mouse::Event::CursorMoved { position: at(0.1) })]);
    });
    assert_eq!(person.state.context.time.cursor, there);
    for view in [ViewId::NETWORK, ViewId::EMBEDDING, ViewId::FILTERS] {
        assert_eq!(person.state.context.cells.get(view).unwrap().step, there, "{view:?}");
    }
}

#[test]
fn the_buttons_of_the_timeline_move_the_cursor() {
    let mut person = Person::at_a_run();
    for (words, step) in [("<", LAST - 1), ("|<", 0), (">", 1), (">|", LAST)] {
        // `<` and `>` are also those of the image, higher up.
        let click = [DOWN, UP];
        let go = move |said: &Message| match (words, said) {
            ("<", Message::Timeline(timeline::Message::Go(by))) => *by == Move::By(-1),
            (">", Message::Timeline(timeline::Message::Go(by))) => *by == Move::By(1),
            ("|<", Message::Timeline(timeline::Message::Go(by))) => *by == Move::First,
            (_, Message::Timeline(timeline::Message::Go(by))) => *by == Move::Last,
            _ => false,
        };
        let at = person.point_where(&click, go).expect(words);
        person.at(at, click);
        assert_eq!(person.state.context.time.cursor, Step(step), "{words}");
    }
}

#[test]
fn controls_of_figures_change_what_is_shown() {
    let mut person = Person::at_a_run();
    person.press("log");
    assert_eq!(person.state.loss.scale, Scale::Logarithmic);
    person.press("coefficients");
    assert_eq!(person.state.network.nodes, revacnn_notebook::Show::Coefficients);
    person.press("PCA");
    assert_eq!(person.state.filters.method, revacnn_notebook::Method::Pca);
    let of = |said: &Message| {
        matches!(said, Message::Filters(filters::Message::Of(revacnn_notebook::Source::ActivationGradients)))
    };
    let radio = person.point_where(&[DOWN, UP], of).expect("its radio button");
    person.at(radio, [DOWN, UP]);
    assert_eq!(person.state.filters.of, revacnn_notebook::Source::ActivationGradients);
    person.press("play");
    assert!(
        person.state.timeline.playing.on && person.state.context.time.cursor == Step(0),
        "it begins anew at the end"
    );
    person.press("stop");
    assert!(!person.state.timeline.playing.on);
}

/// Where they lie at the step at which they were asked for is where they are held at others.
#[test]
fn images_take_the_place_of_filters_and_follow_the_cursor() {
    let mut person = Person::at_a_run();
    person.press("images");
    let positions = |person: &Person, panel: usize| {
        let figure = person.state.context.cells.embedded_images(ViewId::IMAGES).expect("a figure").expect("images");
        (figure.panels.len(), figure.panels[panel].name.clone(), figure.panels[panel].positions.clone())
    };
    let (_, name, there) = positions(&person, 0);
    assert_eq!((name.as_str(), there.len()), ("main@60", 150));
    assert!(!person.state.context.cells.shows(ViewId::EMBEDDING));
    person.tell(timeline::Message::Go(Move::To(Step(50))));
    let (_, name, earlier) = positions(&person, 0);
    assert_eq!(name, "main@50");
    let distance = |[x, y]: [f64; 2], [a, b]: [f64; 2]| (x - a).hypot(y - b);
    let mean = |pairs: Vec<f64>| pairs.iter().sum::<f64>() / pairs.len() as f64;
    let moved = mean(there.iter().zip(&earlier).map(|(one, other)| distance(*one, *other)).collect());
    let spread = mean(there.iter().zip(there.iter().rev()).map(|(one, other)| distance(*one, *other)).collect());
    assert!(moved < 0.4 * spread, "{moved} of {spread}");
    let (panels, name, _) = positions(&person, 1);
    assert_eq!((panels, name.as_str()), (2, "wider@50"));
    person.press("filters");
    assert!(person.state.context.cells.shows(ViewId::EMBEDDING) && !person.state.context.cells.shows(ViewId::IMAGES));
}

#[test]
fn the_number_of_an_image_is_typed() {
    let mut person = Person::at_a_run();
    person.press("image 0");
    person.enter(prompt::FIELD, "12");
    assert!(person.reads("image 12"));
    person.press("image 12");
    person.act(|simulator| {
        simulator.click(iced_test::core::widget::Id::new(prompt::FIELD)).unwrap();
        simulator.typewrite("third");
        simulator.tap_key(iced::keyboard::Key::Named(Named::Enter));
    });
    assert!(person.reads_of("expected the number of a training image, or a picture's file, found `third`"));
}

/// Words ran into the next panel where the window was small.
#[test]
fn in_a_small_window_nothing_stands_over_another() {
    let mut person = Person::before_store(|folder| super::record_many(folder, 5));
    for size in [[800, 480], [800, 600], [960, 500], [1280, 720]] {
        person.size = size;
        let (tree, panel) = (person.place("+ new run"), person.place("continue training"));
        // The network's title, where there is room for it, and what stands beside it.
        for words in ["network", "image 0"].into_iter().filter(|words| *words == "image 0" || person.reads(words)) {
            let figures = person.place(words);
            assert!(tree.x + tree.width <= figures.x && figures.x + figures.width <= panel.x, "{size:?}");
        }
        // The head: what stands in the middle ends before what stands at the right.
        let here = person.place("go to");
        assert!(here.x + here.width <= size[0] as f32, "{size:?}");
        assert!(panel.x + panel.width <= size[0] as f32, "{size:?}");
    }
}
