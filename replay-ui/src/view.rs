//! How the window is put together.

use iced::widget::{column, container, row, stack};
use iced::{Fill, Length};

use crate::components::pieces::{Piece, press, said, separator, upright};
use crate::components::{dialog, tree};
use crate::context::Screen;
use crate::state::State;
use crate::update::Message;
use crate::views::View;

/// The whole window.
pub(crate) fn view(state: &State) -> Piece<'_, Message> {
    let context = &state.context;
    let body = match &context.screen {
        Screen::Opening => said(&format!("Opening {}", context.store), &[], None),
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
                "Or look at another store:  revacnn view DIR",
            ],
            Some(press("+ new run", Some(tree::Message::NewRun.into()))),
        ),
        Screen::Figures => {
            let page = row![
                state.tree.view(context).map(Message::Tree),
                upright(),
                figures(state),
                upright(),
                state.inspector.view(context).map(Message::Inspector),
            ];
            let timeline = state.timeline.view(context, state.loss.x).map(Message::Timeline);
            column![page.height(Fill), separator(), timeline].into()
        }
    };
    let help = matches!(state.dialog, Some(dialog::State::Help));
    let header = state.header.view(context, help).map(Message::Header);
    let status = state.status.view(context).map(Message::Status);
    let page = column![header, separator(), body, separator(), status];
    // The paper is the window's own ground: one that is drawn costs the
    // software renderer a whole window a change.
    let page = container(page).width(Fill).height(Fill);
    stack![page]
        .push(state.dialog.as_ref().map(|dialog| dialog.view(context, &View::menus(state)).map(Message::Dialog)))
        .into()
}

/// The figures in the middle: loss, network, filters.
fn figures(state: &State) -> Piece<'_, Message> {
    let context = &state.context;
    column![
        container(state.loss.view(context).map(Message::Loss)).height(Length::FillPortion(22)),
        separator(),
        container(state.network.view(context).map(Message::Network)).height(Length::FillPortion(43)),
        separator(),
        container(state.filters.view(context).map(Message::Filters)).height(Length::FillPortion(38)),
    ]
    .width(Fill)
    .into()
}
