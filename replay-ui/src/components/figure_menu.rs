//! A figure's menu: to save it, or to copy it as a query.

use iced::widget::{column, text};

use super::pieces::{Piece, press};
use crate::cells::ViewId;
use crate::state::State as Root;
use crate::theme::NORMAL;
use crate::views::{self, Saves, VIEWS, View};

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
    /// Copy a query.
    Copy(String),
    Leave,
}

/// The views that have something to save, in order.
pub(crate) fn with_menus(root: &Root) -> Vec<ViewId> {
    let has_figure = |view: &&View| root.context.cells.drawn().any(|drawn| drawn == view.id);
    VIEWS.iter().filter(|view| view.saves != Saves::Nothing).filter(has_figure).map(|view| view.id).collect()
}

impl State {
    pub(crate) fn update(&mut self, message: Message, root: &Root) -> Action {
        match message {
            Message::Save(view) => Action::Save(view),
            Message::Query(view) => View::query_of(view, root).map_or(Action::None, Action::Copy),
            Message::Next => {
                let all = with_menus(root);
                let place = all.iter().position(|view| *view == self.view).map_or(0, |place| place + 1);
                if let Some(view) = all.get(place).or(all.first()) {
                    self.view = *view;
                }
                Action::None
            }
            Message::Leave => Action::Leave,
        }
    }

    pub(crate) fn view<'a>(&self, root: &Root) -> Piece<'a, Message> {
        let view = self.view;
        let save = |view: ViewId, words| {
            press(words, root.context.cells.drawn().any(|drawn| drawn == view).then_some(Message::Save(view)))
        };
        let query = View::query_of(view, root).map(|_| Message::Query(view));
        let mut page = column![
            text(view.0).size(NORMAL),
            save(view, "save as SVG, in the folder that the window was started in: s"),
            press("copy as a query for revacnn query: q", query),
        ]
        .spacing(8);
        if view == views::EMBEDDING {
            page = page.push(save(views::FILTERS, "save the filters as SVG"));
        }
        page.push(press("leave", Some(Message::Leave))).into()
    }
}
