//! The notebook's page as it is used: what is undone there, where one types after a double click,
//! where links lead, and what is asked before a file is written over.

use std::fs;

use iced::{Point, mouse};
use revacnn_schemas::Step;

use super::notebook::{NOTEBOOK, Session, family, folder, paste};
use super::prelude::*;
use super::{Person, branch};
use crate::components::{figure_menu, notebook};
use crate::store_events::NotebookEvent;

fn notice(session: &Session) -> String {
    format!("{:?}", session.state.status.notice)
}

fn has(session: &Session, name: &str) -> bool {
    session.state.context.branches.iter().any(|known| known.name.as_str() == name)
}

/// The line of a family says nothing of a member that was deleted, and the page's undo took
/// back something else.
#[test]
fn undo_on_the_page_takes_a_member_out_of_the_trash() {
    let (_folder, mut session) = family();
    let before = session.state.notebook.text().to_owned();
    session.change(Intent::Delete { name: branch("base.1"), then: None });
    assert!(!has(&session, "base.1"));
    assert_eq!(session.state.notebook.text(), before);
    session.act(notebook::Message::Undo);
    session.until("it is back", |state| state.context.branches.len() == 2);
    assert_eq!(session.state.notebook.text(), before);
}

#[test]
fn undo_of_a_fork_leaves_its_branch_in_no_notebook_and_that_of_a_deletion_brings_both_back() {
    let (_folder, mut session) = family();
    let fork = Intent::Fork { branch: branch("base.0"), step: Step(7), edits: Vec::new(), name: None, live: false };
    session.until("the text is planned", |state| state.context.unwritten.is_empty());
    let before = session.state.notebook.text().to_owned();
    session.change(fork);
    let forked = session.state.notebook.text().to_owned();
    let name = session.state.context.selected.clone().unwrap();
    assert!(forked.contains("fork base.0@7") && has(&session, name.as_str()), "{forked}");

    session.act(notebook::Message::Undo);
    assert_eq!(session.state.notebook.text(), before);
    let only = [name.clone()].into();
    session.until("the tree marks it", |state| state.context.unwritten == only);
    assert!(has(&session, name.as_str()), "a line is gone, and no branch");
    session.act(notebook::Message::Redo);
    assert_eq!(session.state.notebook.text(), forked);
    session.until("its line is back", |state| state.context.unwritten.is_empty());

    session.change(Intent::Delete { name: name.clone(), then: None });
    assert!(!has(&session, name.as_str()) && !session.state.notebook.text().contains("fork base.0@7"));
    session.act(notebook::Message::Undo);
    session.until("it is back", |state| state.context.branch_named(&name).is_some());
    assert_eq!(session.state.notebook.text(), forked, "{}", notice(&session));
}

#[test]
fn a_file_that_is_not_this_notebook_is_written_over_only_by_who_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [other, own] = ["other.md", "own.md"].map(|name| folder.path().join(name));
    fs::write(&other, "somebody's").unwrap();
    let mut person = Person::at_a_run();
    person.tell(Message::Page(true));
    person.state.notebook = notebook::State::empty(folder.path());
    let text = NotebookEvent::History("# Mine\n".to_owned());
    person.tell(Message::Store(StoreEvent::Notebook(text)));

    let name = |person: &mut Person, path: &std::path::Path| {
        person.press("save");
        assert!(person.reads("Save the notebook"));
        person.tell(Message::Dialog(crate::components::dialog::Message::Prompt(prompt::Message::Type(
            path.to_string_lossy().into_owned(),
        ))));
        person.tell(prompt::Message::Enter);
    };
    name(&mut person, &folder.path().join("own.txt"));
    assert!(person.reads_of("expected a file that ends in .md"), "what it cannot open again is not written");
    person.tell(Message::Escape);

    name(&mut person, &other);
    assert!(person.reads_of("other.md is there already, and is not this notebook."));
    person.tell(Message::Escape);
    assert_eq!(fs::read_to_string(&other).unwrap(), "somebody's");

    name(&mut person, &other);
    person.press("replace it");
    assert_eq!(fs::read_to_string(&other).unwrap(), "# Mine\n");
    assert!(person.reads("other.md") && !own.exists());
    // From now on it is its own.
    person.tell(notebook::Message::Type(0..0));
    person.tell(paste("More of "));
    person.tell(notebook::Message::Save);
    assert_eq!(fs::read_to_string(&other).unwrap(), "More of # Mine\n");
}

#[test]
fn a_double_click_types_where_it_is_and_a_link_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.md");
    let text = "# Head\n\nSome words, and [a page](https://a.b/c)[^1].\n\n[^1]: A note.\n";
    fs::write(&path, text).unwrap();
    let mut person = Person::at_a_run();
    person.tell(Message::Page(true));
    person.state.notebook = notebook::State::open(Some(&path), folder.path()).unwrap();
    assert!(person.reads("1."), "what a footnote says stands at the end");
    let press = [mouse::Event::ButtonPressed(mouse::Button::Left), mouse::Event::ButtonReleased(mouse::Button::Left)];
    let link = person.point_where(
        &press,
        |message| matches!(message, Message::Notebook(notebook::Message::Copy(address)) if address == "https://a.b/c"),
    );
    let link = link.expect("the link can be pressed");
    person.at(link, press);
    assert!(person.wanted().contains(&Effect::Copy("https://a.b/c".to_owned())));
    assert!(person.reads("copied https://a.b/c") && !person.state.notebook.is_typing());

    // In the words before it, and behind the last one.
    let mut types = |by: f32| {
        person.at(Point::new(link.x + by, link.y), press.into_iter().chain(press));
        person.tell(paste("|"));
        person.tell(notebook::Message::Leave);
        let typed = person.state.notebook.text().to_owned();
        person.tell(notebook::Message::Undo);
        assert_eq!(person.state.notebook.text(), text);
        typed.split_once('|').map(|(before, _)| before.len())
    };
    let before = types(-40.0).unwrap();
    assert!((text.find("words").unwrap()..=text.find("and").unwrap() + 3).contains(&before), "{before}");
    let behind = types(250.0).unwrap();
    assert!((text.find("[^1].").unwrap()..text.find("\n\n[^1]:").unwrap() + 1).contains(&behind), "{behind}");
}

#[test]
fn enter_types_behind_the_last_word_of_a_part() {
    let folder = folder();
    let open = || notebook::State::open(Some(&folder.path().join("n.md")), folder.path()).unwrap();
    let fence = NOTEBOOK.find("```revacnn").unwrap();
    for (part, typed) in [
        (0..fence, NOTEBOOK.replacen("prose *stays*", "prose *stays*|", 1)),
        (fence..NOTEBOOK.len(), NOTEBOOK.replacen("plot loss base", "plot loss base|", 1)),
        (0..NOTEBOOK.len(), format!("|{NOTEBOOK}")),
    ] {
        let mut page = open();
        page.update(notebook::Message::Type(part));
        page.update(paste("|"));
        page.update(notebook::Message::Leave);
        assert_eq!(page.text(), typed);
        page.update(notebook::Message::Undo);
    }
}

/// The page was shown from its top, far from the line.
#[test]
fn what_was_kept_is_in_sight_once_the_notebook_is_shown() {
    let folder = folder();
    let mut person = Person::at_a_run();
    person.state.notebook = notebook::State::open(Some(&folder.path().join("n.md")), folder.path()).unwrap();
    person.tell(figure::Message::Menu(ViewId::NETWORK));
    person.tell(figure_menu::Message::Note(ViewId::NETWORK));
    person.wanted();
    let end = Effect::ScrollToEnd(notebook::PAGE);
    person.tell(Message::Page(true));
    assert!(person.wanted().contains(&end));
    person.tell(Message::Page(false));
    person.tell(Message::Page(true));
    assert!(!person.wanted().contains(&end), "once");
}
