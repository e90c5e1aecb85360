//! How the main states look, pixel by pixel. A picture that is not there yet
//! is made; delete it after a change that is meant, and look at the new one.

use std::path::Path;

use super::prelude::*;
use super::{Person, branch, record_many};
use crate::theme;

/// A small window, such as a projector has.
const SIZE: [u32; 2] = [1024, 700];

#[track_caller]
fn looks_like(person: &mut Person, name: &str) {
    person.size = SIZE;
    // The folder differs from run to run.
    person.state.context.store = "runs".to_owned();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(format!("{name}.png"));
    let theme = theme::theme(person.state.context.dark);
    let snapshot = person.simulator().snapshot(&theme).unwrap();
    if !snapshot.matches_image(&path).unwrap() {
        let now = std::env::temp_dir().join(format!("revacnn-{}-{name}.png", std::process::id()));
        snapshot.matches_image(&now).unwrap();
        panic!("{} differs from what is drawn now: {}*", path.display(), now.with_extension("").display());
    }
}

#[test]
fn an_empty_store() {
    let mut person = Person::waiting();
    person.tell(Message::Store(StoreEvent::Listed(Listed::default())));
    looks_like(&mut person, "empty");
}

#[test]
fn a_store_that_cannot_be_read() {
    let mut person = Person::waiting();
    let reason = "runs is not a store: there is no such folder; give the folder that a run was recorded to";
    person.tell(Message::Store(StoreEvent::Unreadable(reason.to_owned())));
    looks_like(&mut person, "unreadable");
}

#[test]
fn figures_in_light_and_dark() {
    let mut person = Person::at_a_run();
    looks_like(&mut person, "light");
    person.tell(header::Message::Dark(true));
    looks_like(&mut person, "dark");
}

#[test]
fn the_keys() {
    let mut person = Person::at_a_run();
    person.tell(header::Message::Help);
    looks_like(&mut person, "keys");
}

#[test]
fn two_branches_side_by_side() {
    let mut person = Person::at_a_run();
    person.tell(tree::Message::Select(branch("wider")));
    person.tell(tree::Message::Beside(Some(branch("main"))));
    looks_like(&mut person, "side-by-side");
}

#[test]
fn images_in_a_plane() {
    let mut person = Person::at_a_run();
    person.press("images");
    looks_like(&mut person, "images");
    person.tell(header::Message::Dark(true));
    looks_like(&mut person, "images-dark");
}

#[test]
fn a_chosen_filter() {
    let mut person = Person::at_a_run();
    person.key(".");
    assert!(person.state.context.marks.picked.is_some());
    looks_like(&mut person, "filter");
}

#[test]
fn nine_branches() {
    let mut person = Person::before_store(|folder| record_many(folder, 7));
    assert_eq!(person.state.context.shown_branches().len(), 9);
    looks_like(&mut person, "nine-branches");
    person.tell(timeline::Message::Scroll(9));
    person.tell(tree::Message::Select(branch("fork-3")));
    person.tell(header::Message::Dark(true));
    looks_like(&mut person, "nine-branches-dark");
}
