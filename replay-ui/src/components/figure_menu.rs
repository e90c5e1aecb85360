//! A figure's menu: to save it, or to copy it as a query.

use iced::widget::{column, text};

use super::pieces::{Piece, press};
use crate::cells::ViewId;
use crate::theme::NORMAL;

/// The figure whose menu is open.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) view: ViewId,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Save(ViewId),
    Query(ViewId),
    /// The next figure's menu.
    Next,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    Save(ViewId),
    /// Copy a figure as a query.
    Query(ViewId),
    Leave,
}

/// A figure that has a menu, and what can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) view: ViewId,
    /// Whether a query answers it.
    pub(crate) has_query: bool,
}

impl State {
    /// Takes in what happens, where these figures have menus.
    pub(crate) fn update(&mut self, message: Message, entries: &[Entry]) -> Action {
        match message {
            Message::Save(view) => Action::Save(view),
            Message::Query(view) => Action::Query(view),
            Message::Next => {
                let place = entries.iter().position(|entry| entry.view == self.view).map_or(0, |place| place + 1);
                if let Some(entry) = entries.get(place).or(entries.first()) {
                    self.view = entry.view;
                }
                Action::None
            }
            Message::Leave => Action::Leave,
        }
    }

    pub(crate) fn view<'a>(&self, entries: &[Entry]) -> Piece<'a, Message> {
        let view = self.view;
        let entry = |view: ViewId| entries.iter().find(|entry| entry.view == view);
        let save = |view: ViewId, words| press(words, entry(view).map(|_| Message::Save(view)));
        let query = entry(view).filter(|entry| entry.has_query).map(|_| Message::Query(view));
        let mut page = column![
            text(view.0).size(NORMAL),
            save(view, "save as SVG, in the folder that the window was started in: s"),
            press("copy as a query for revacnn query: q", query),
        ]
        .spacing(8);
        if view == ViewId::EMBEDDING {
            page = page.push(save(ViewId::FILTERS, "save the filters as SVG"));
        }
        page.push(press("close", Some(Message::Leave))).into()
    }
}
