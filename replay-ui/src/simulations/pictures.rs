//! Pictures of one's own: dropped on the window, chosen by a path, drawn on the pad, and kept.

use std::fs;
use std::path::Path;

use iced::{Event, Point, Rectangle, mouse};
use revacnn_notebook::ChosenImage;
use revacnn_schemas::ImageIndex;
use revacnn_trainer::data::load;

use super::Person;
use super::notebook::{Session, folder};
use super::prelude::*;
use crate::components::{figure_menu, pad};
use crate::drawing::Drawing;

const DOWN: mouse::Event = mouse::Event::ButtonPressed(mouse::Button::Left);
const UP: mouse::Event = mouse::Event::ButtonReleased(mouse::Button::Left);

/// A training image of the digits as a picture.
fn digit(path: &Path, image: u32) {
    let digits = load("digits", None).unwrap();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&digits.train().image(ImageIndex(image)).unwrap()).unwrap();
    writer.finish().unwrap();
}

/// What the networks show: the name of the image, and what they say of each class.
fn seen(person: &Person) -> Vec<(String, Vec<f32>)> {
    let views = [ViewId::NETWORK, ViewId::OTHER_NETWORK].into_iter();
    let shown = views.filter_map(|view| person.state.context.cells.network(view)?.ok());
    let seen = shown.map(|diagram| {
        let classes = diagram.classes.iter().map(|class| class.value).collect();
        (diagram.input.as_ref().unwrap().1.label.clone(), classes)
    });
    seen.collect()
}

#[test]
fn a_picture_that_is_dropped_is_seen_by_both_branches_and_the_way_back_is_that_of_any_image() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("seven.png");
    digit(&path, 17);
    let mut person = Person::at_a_run();
    person.tell(network::Message::ToggleBeside);
    let probe = seen(&person);
    assert_eq!((probe.len(), probe[0].0.as_str()), (2, "image 0"));
    person.tell(Message::Dropped(path.clone()));
    assert!(person.reads("seven.png") && person.reads_of("seven.png is shown"));
    let own = seen(&person);
    assert!(own.iter().all(|(name, _)| name == "picture seven.png"), "{own:?}");
    // What that training image gives.
    person.key("i");
    person.enter(prompt::FIELD, "17");
    let known = seen(&person);
    assert_eq!(known[0].0, "image 17");
    assert_eq!(
        known.iter().map(|(_, classes)| classes).collect::<Vec<_>>(),
        own.iter().map(|(_, classes)| classes).collect::<Vec<_>>()
    );
    // By its path, and back to the probe image.
    person.key("i");
    person.enter(prompt::FIELD, path.to_str().unwrap());
    assert_eq!(seen(&person), own);
    person.key("]");
    assert_eq!(seen(&person)[0].0, "image 1", "from a picture to the images of the data set");
    person.tell(Message::Dropped(path));
    person.key("i");
    person.enter(prompt::FIELD, "");
    assert_eq!(seen(&person), probe);
}

#[test]
fn what_is_no_picture_is_refused_and_what_is_shown_stays() {
    let files = tempfile::tempdir().unwrap();
    let text = files.path().join("text.png");
    fs::write(&text, "a text").unwrap();
    let mut person = Person::at_a_run();
    let before = seen(&person);
    for (path, says) in [(text, "bytes of another kind"), (files.path().to_owned(), "found a folder")] {
        person.tell(Message::Dropped(path));
        assert!(person.reads_of(says), "{says}: {:?}", person.state.status.notice);
        assert_eq!(seen(&person), before);
    }
    person.key("i");
    person.enter(prompt::FIELD, "none.png");
    assert!(person.reads_of("expected the number of a training image, or a picture's file, found `none.png`"));
}

/// Where the pad is, in the middle of the window.
fn pad_of(person: &Person) -> Rectangle {
    let side = 288.0;
    let above = person.place("Draw an image");
    Rectangle { x: above.x, y: above.y + above.height + 8.0, width: side, height: side }
}

/// Draws a stroke with the mouse.
fn draw(person: &mut Person, places: &[[f32; 2]]) {
    let pad = pad_of(person);
    let at = |[x, y]: [f32; 2]| Point::new(pad.x + x * pad.width, pad.y + y * pad.height);
    let points: Vec<Point> = places.iter().copied().map(at).collect();
    person.act(|simulator| {
        simulator.point_at(points[0]);
        simulator.simulate([Event::Mouse(mouse::Event::CursorMoved { position: points[0] }), Event::Mouse(DOWN)]);
        for position in &points[1..] {
            simulator.point_at(*position);
            simulator.simulate([Event::Mouse(mouse::Event::CursorMoved { position: *position })]);
        }
        simulator.simulate([Event::Mouse(UP)]);
    });
}

#[test]
fn each_stroke_on_the_pad_goes_through_the_networks() {
    let mut person = Person::at_a_run();
    let probe = seen(&person);
    person.press("draw");
    assert!(person.reads("Draw an image") && person.reads_of("8×8 pixels"));
    draw(&mut person, &[[0.5, 0.1], [0.5, 0.5], [0.5, 0.9]]);
    let mut drawing = Drawing::new(8, 8);
    [[0.5, 0.1], [0.5, 0.5], [0.5, 0.9]].windows(2).for_each(|ends| drawing.stroke(ends[0], ends[1], false));
    let shown = person.state.context.chosen_image.clone().unwrap();
    assert_eq!(shown, ChosenImage::Own(drawing.picture().unwrap()));
    let first = seen(&person);
    assert_eq!(first[0].0, shown.to_string());
    // The likeliest class is told beside the pad.
    let most = first[0].1.iter().copied().fold(0.0, f32::max);
    assert!(person.reads(&format!("{:.0} %", 100.0 * most)), "{first:?}");
    draw(&mut person, &[[0.1, 0.5], [0.9, 0.5]]);
    assert_ne!(seen(&person), first);
    person.press("eraser");
    draw(&mut person, &[[0.0, 0.5], [1.0, 0.5]]);
    draw(&mut person, &[[0.5, 0.0], [0.5, 1.0]]);
    // Nothing is left.
    assert_eq!(seen(&person), probe);
    person.press("pen");
    draw(&mut person, &[[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]]);
    person.press("show");
    assert!(!person.reads("Draw an image") && person.reads_of("drawing-"));
    let drawn = seen(&person);
    assert_ne!(drawn, probe);
    // Who leaves it goes back to what was shown before.
    person.key("/");
    draw(&mut person, &[[0.5, 0.5], [0.6, 0.6]]);
    assert_ne!(seen(&person), drawn);
    person.press("cancel");
    assert_eq!(seen(&person), drawn);
    person.key("/");
    draw(&mut person, &[[0.5, 0.5], [0.6, 0.6]]);
    person.tell(Message::Escape);
    assert_eq!(seen(&person), drawn);
    person.key("/");
    person.press("cancel");
    person.key("i");
    person.enter(prompt::FIELD, "");
    assert_eq!(seen(&person), probe);
}

#[test]
fn a_figure_of_a_picture_is_kept_with_the_picture_beside_the_notebook() {
    let folder = folder();
    let mut session = Session::that_has_run(folder.path(), 1);
    session.until("figures are there", |state| state.context.cells.network(ViewId::NETWORK).is_some());
    let keep = |session: &mut Session| {
        session.act(figure::Message::Menu(ViewId::NETWORK));
        session.act(figure_menu::Message::Note(ViewId::NETWORK));
        session.state.notebook.text().to_owned()
    };
    // A drawing has no file.
    session.act(network::Message::Draw);
    session.act(pad::Message::Press([0.3, 0.3]));
    session.act(pad::Message::Move([0.7, 0.7]));
    session.act(pad::Message::Release);
    let drawn = session.state.context.chosen_image.clone().unwrap();
    let name = drawn.own().unwrap().name().to_owned();
    session.act(pad::Message::Show);
    let text = keep(&mut session);
    assert!(text.contains(&format!(" --image {name}\n")), "{text}");
    assert_eq!(fs::read(folder.path().join(&name)).unwrap(), drawn.own().unwrap().bytes());
    // One that lies in its folder is named where it is, and one from elsewhere is copied.
    fs::create_dir(folder.path().join("own")).unwrap();
    digit(&folder.path().join("own/7.png"), 17);
    let elsewhere = tempfile::tempdir().unwrap();
    digit(&elsewhere.path().join("8.png"), 18);
    for (path, word) in [(folder.path().join("own/7.png"), "own/7.png"), (elsewhere.path().join("8.png"), "./8.png")] {
        session.act(Message::Dropped(path.clone()));
        let is_it = |image: &ChosenImage| image.own().and_then(|picture| picture.path()) == Some(&*path);
        session.until("it is shown", |state| state.context.chosen_image.as_ref().is_some_and(is_it));
        let text = keep(&mut session);
        assert!(text.contains(&format!(" --image {word}\n")), "{text}");
    }
    assert!(folder.path().join("8.png").exists());
    // Another file of that name is not replaced.
    digit(&elsewhere.path().join("8.png"), 19);
    session.act(Message::Dropped(elsewhere.path().join("8.png")));
    session.until("it is shown", |state| {
        state.context.chosen_image.as_ref().is_some_and(|image| {
            image.own().is_some_and(|picture| fs::read(elsewhere.path().join("8.png")).unwrap() == picture.bytes())
        })
    });
    let text = keep(&mut session);
    assert!(text.contains("--image ./8-"), "{text}");
}
