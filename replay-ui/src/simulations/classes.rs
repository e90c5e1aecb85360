//! What images are taken for, the images behind it, and how a layer's values are spread.

use iced::{Event, Point, mouse};
use revacnn_notebook::kinds::{Confusion, Histogram, Predictions};
use revacnn_notebook::scene::Closer;
use revacnn_notebook::{ChosenImage, Distribution, ImageSplit, Rank};
use revacnn_schemas::{Figure, HistogramForm, ImageIndex, Position, Step};

use super::prelude::*;
use super::{LAST, Person, branch};
use crate::components::{classes, histograms, seen};

const DOWN: mouse::Event = mouse::Event::ButtonPressed(mouse::Button::Left);
const UP: mouse::Event = mouse::Event::ButtonReleased(mouse::Button::Left);

fn said(message: &Message) -> Option<&classes::Message> {
    let Message::Filters(filters::Message::Classes(said)) = message else { return None };
    Some(said)
}

/// Presses the radio button that says this.
#[track_caller]
fn choose(person: &mut Person, says: filters::Message) {
    let says = Message::Filters(says);
    let at = person.point_where(&[DOWN, UP], |said| *said == says).expect("a radio button");
    person.at(at, [DOWN, UP]);
}

#[test]
fn a_press_on_the_matrix_shows_the_images_behind_it_and_one_on_an_image_shows_it_to_the_networks() {
    let mut person = Person::at_a_run();
    person.press("classes");
    let cells = &person.state.context.cells;
    assert!(!cells.shows(ViewId::EMBEDDING) && !cells.shows(ViewId::FILTERS));
    let table = cells.table(ViewId::CONFUSION).expect("a matrix").expect("a matrix").clone();
    assert!(table.title.starts_with(&format!("confusion of main@{LAST}: ")), "{}", table.title);
    assert!(person.reads(&table.title));
    assert_eq!(cells.sheet(ViewId::PREDICTIONS).expect("images").expect("images").pictures.len(), 60);

    let chooses = |message: &Message| matches!(said(message), Some(classes::Message::Choose(Some(_))));
    let place = person.point_where(&[DOWN, UP], chooses).expect("a place of the matrix");
    person.at(place, [DOWN, UP]);
    let taken = person.state.filters.classes.chosen.clone().expect("a place");
    let row = table.rows.iter().find(|row| row[0] == taken.actual).expect("its row");
    let column = table.columns.iter().position(|column| column.name == taken.predicted).expect("its column");
    let sheet = person.state.context.cells.sheet(ViewId::PREDICTIONS).expect("images").expect("images");
    assert_eq!(row[column], sheet.pictures.len().to_string(), "{taken}");
    assert!(
        sheet.title.contains(&format!("of class {}, taken for {}", taken.actual, taken.predicted)),
        "{}",
        sheet.title
    );
    // All of them again, by the button that names the place.
    person.press(&format!("{taken}  ×"));
    assert_eq!(person.state.filters.classes.chosen, None);

    let looks = |message: &Message| matches!(said(message), Some(classes::Message::Look(_)));
    let picture = person.point_where(&[DOWN, UP], looks).expect("an image");
    person.at(picture, [DOWN, UP]);
    let Some(ChosenImage::Training(image)) = person.state.context.chosen_image else { panic!("an image") };
    let sheet = person.state.context.cells.sheet(ViewId::PREDICTIONS).expect("images").expect("images");
    assert!(sheet.pictures.iter().any(|picture| picture.number == Some(image)));
    let Some(Ok(diagram)) = person.state.context.cells.network(ViewId::NETWORK) else { panic!("a network") };
    assert_eq!(diagram.input.as_ref().and_then(|(index, _)| *index), Some(image));
}

/// Its number names another image there, or none.
#[test]
fn an_image_that_was_chosen_is_not_looked_for_in_other_data() {
    let mut person = Person::before_store(|folder| {
        super::record(folder);
        let other = revacnn_test_support::SmallRun { dataset: "shapes".into(), ..super::small() };
        other.record(&revacnn_store::Store::open(folder).unwrap(), "other", 10);
    });
    person.tell(tree::Message::Select(branch("main")));
    let chosen = |person: &Person| person.state.context.chosen_image.clone();
    person.tell(filters::Message::Classes(classes::Message::Look(ImageIndex(12))));
    assert_eq!(chosen(&person), Some(ImageIndex(12).into()));
    person.tell(tree::Message::Select(branch("wider")));
    assert_eq!(chosen(&person), Some(ImageIndex(12).into()), "its data are the same");
    person.tell(tree::Message::Select(branch("other")));
    assert_eq!(chosen(&person), None);
}

#[test]
fn wrong_images_test_images_and_the_difference_to_the_branch_beside_are_a_click_away() {
    let mut person = Person::at_a_run();
    person.press("classes");
    person.press("wrong ones alone");
    let shown = |person: &Person| {
        let cells = &person.state.context.cells;
        let asked = cells.cell(ViewId::PREDICTIONS).and_then(|cell| cell.as_kind::<Predictions>().cloned());
        let sheet = cells.sheet(ViewId::PREDICTIONS).expect("images").expect("images").clone();
        (asked.expect("predictions"), sheet)
    };
    let (asked, sheet) = shown(&person);
    assert!(asked.wrong && !sheet.pictures.is_empty() && sheet.pictures.iter().all(|picture| picture.wrong));
    choose(&mut person, filters::Message::Classes(classes::Message::Of(ImageSplit::Test)));
    let (asked, sheet) = shown(&person);
    assert_eq!(asked.of, ImageSplit::Test);
    assert!(sheet.pictures.iter().all(|picture| picture.number.is_none()), "networks look at training images");
    choose(&mut person, filters::Message::Classes(classes::Message::Of(ImageSplit::Validation)));
    person.tell(tree::Message::Beside(Some(branch("wider"))));
    person.press("less wider");
    let cells = &person.state.context.cells;
    let asked = cells.cell(ViewId::CONFUSION).and_then(|cell| cell.as_kind::<Confusion>()).expect("a matrix");
    assert_eq!(asked.less.as_ref().map(|less| less.branch.as_str()), Some("wider"));
    let table = cells.table(ViewId::CONFUSION).expect("a matrix").expect("a matrix");
    assert!(table.signed && table.title.contains(" less wider@"), "{}", table.title);
    // Without that branch there is nothing to subtract.
    person.tell(tree::Message::Beside(None));
    assert!(!person.state.context.cells.table(ViewId::CONFUSION).expect("a matrix").expect("a matrix").signed);
}

/// It follows the cursor to steps that no validation recorded.
#[test]
fn the_matrix_follows_the_cursor() {
    let mut person = Person::at_a_run();
    person.press("classes");
    person.tell(timeline::Message::Go(Move::To(Step(33))));
    let cells = &person.state.context.cells;
    let table = cells.table(ViewId::CONFUSION).expect("a matrix").expect("a matrix");
    assert!(table.title.starts_with("confusion of main@33: ") && table.notes.is_empty(), "{table:?}");
    let asked = cells.cell(ViewId::CONFUSION).and_then(|cell| cell.as_kind::<Confusion>()).expect("a matrix");
    assert_eq!(asked.at.as_ref().map(|at| at.position), Some(Position::Step(Step(33))));
}

#[test]
fn a_drag_over_histograms_looks_closer_and_a_double_click_shows_all() {
    let mut person = Person::at_a_run();
    person.press("histograms");
    let asked = |person: &Person| {
        let cells = &person.state.context.cells;
        assert!(matches!(
            cells.get(ViewId::HISTOGRAMS).map(|shown| &shown.drawn.figure),
            Some(Ok(Figure::Histograms(_)))
        ));
        cells.cell(ViewId::HISTOGRAMS).and_then(|cell| cell.as_kind::<Histogram>().cloned()).expect("histograms")
    };
    assert_eq!((asked(&person).within, asked(&person).range), (None, None));
    person.press("columns");
    assert_eq!(asked(&person).form, HistogramForm::Heat);
    let title = person.place("weights of conv1 over the steps");
    // Little of it is seen without scrolling.
    let start = Point::new(title.x + 120.0, title.y + title.height + 24.0);
    let end = Point::new(start.x + 60.0, start.y + 16.0);
    person.act(|simulator| {
        for (position, event) in [
            (start, mouse::Event::CursorMoved { position: start }),
            (start, DOWN),
            (end, mouse::Event::CursorMoved { position: end }),
            (end, UP),
        ] {
            simulator.point_at(position);
            simulator.simulate([Event::Mouse(event)]);
        }
    });
    let closer = asked(&person);
    assert!(closer.within.is_some() && closer.range.is_some(), "{closer:?}");
    person.at(start, [DOWN, UP, DOWN, UP]);
    assert_eq!((asked(&person).within, asked(&person).range), (None, None), "a double click shows all");
    let range = Some([0.0, 1.0]);
    let closer = histograms::Message::Closer(Closer { within: None, range });
    person.tell(filters::Message::Histograms(closer));
    assert_eq!(asked(&person).range, range);
    person.press("show all");
    assert_eq!((asked(&person).within, asked(&person).range), (None, None));
    choose(&mut person, filters::Message::Histograms(histograms::Message::Of(Distribution::Updates)));
    assert_eq!(asked(&person).of, Distribution::Updates);
}

#[test]
fn training_images_by_what_came_of_them_and_what_filters_see_are_shown() {
    let mut person = Person::at_a_run();
    person.press("classes");
    person.tell(filters::Message::Classes(classes::Message::Behind(classes::Behind::Ranked(Rank::Hardest))));
    let sheet = person.state.context.cells.sheet(ViewId::PREDICTIONS).expect("images").expect("images");
    assert!(sheet.title.contains("hardest") && !sheet.pictures.is_empty(), "{}", sheet.title);
    person.press("sees");
    let cells =
        |person: &Person, view: ViewId| person.state.context.cells.images(view).map(|found| found.unwrap().clone());
    let all = cells(&person, ViewId::SEEN).expect("patches");
    assert_eq!(all.rows.len(), 8, "{}", all.title);
    let saliency = person.state.context.cells.sheet(ViewId::SALIENCY).expect("images").expect("images");
    assert!(saliency.title.contains(&format!("main@{LAST}")), "{}", saliency.title);
    person.tell(tree::Message::Beside(Some(branch("wider"))));
    assert_eq!(cells(&person, ViewId::OTHER_SEEN).expect("patches").rows.len(), 9);
    choose(&mut person, filters::Message::Seen(seen::Message::Excites(seen::Excites::Found)));
    let found = cells(&person, ViewId::SEEN).expect("images");
    assert!(found.title.contains("found by gradient ascent"), "{}", found.title);
    // What the network wants of each class.
    person.press("softmax");
    let classes = cells(&person, ViewId::SEEN).expect("images");
    assert!(classes.title.contains("softmax") && classes.rows.len() == 10, "{}", classes.title);
    assert!(classes.rows[3].label.starts_with("3 "), "{}", classes.rows[3].label);
    assert!(classes.notes[0].starts_with("beside a class"), "{:?}", classes.notes);
    person.tell(figure::Message::Layer("conv1".parse().unwrap()));
    // The filter that is chosen alone.
    person.key(".");
    assert_eq!(cells(&person, ViewId::SEEN).expect("images").rows.len(), 1);
}

#[test]
fn one_key_goes_through_what_is_looked_at() {
    let mut person = Person::at_a_run();
    for shown in [ViewId::IMAGES, ViewId::CONFUSION, ViewId::HISTOGRAMS, ViewId::SALIENCY, ViewId::EMBEDDING] {
        person.key("\\");
        assert!(person.state.context.cells.shows(shown), "{shown:?}");
    }
}
