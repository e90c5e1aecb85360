//! How the window is put together.

mod dialogs;
mod figures;
mod header;
mod inspector;
mod parts;
mod timeline;
pub(crate) mod tree;

use iced::Fill;
use iced::widget::{column, container, row, stack};

pub(crate) use self::header::place;
pub(crate) use self::parts::Piece;
use self::parts::{press, said, separator, upright};
use crate::message::Message;
use crate::state::{Screen, State};

/// The whole window.
pub(crate) fn view(state: &State) -> Piece<'_> {
    let body = match &state.screen {
        Screen::Opening => said(&format!("Opening {}", state.store), &[], None),
        Screen::Unreadable(reason) => said(
            "This store cannot be read",
            &[
                reason,
                "The window looks again every second, and goes on when it can.",
                "revacnn log --store DIR says what is wrong with each branch.",
            ],
            None,
        ),
        Screen::Empty => said(
            "Nothing is recorded here yet",
            &[
                "Start a run here: the paper's network on images that come with the program.",
                "Or in a terminal:  revacnn train  — its branch appears here while it runs.",
                "Or colours at another store:  revacnn view DIR",
            ],
            Some(press("+ new run", Some(Message::NewRun))),
        ),
        Screen::Figures => {
            let page =
                row![tree::tree(state), upright(), figures::figures(state), upright(), inspector::inspector(state)];
            column![page.height(Fill), separator(), timeline::timeline(state)].into()
        }
    };
    let page = column![header::header(state), separator(), body, separator(), timeline::status(state)];
    // The paper is the window's own ground: one that is drawn costs the
    // software renderer a whole window a change.
    let page = container(page).width(Fill).height(Fill);
    stack![page].push(dialogs::open(state)).into()
}
