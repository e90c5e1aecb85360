//! How the window is put together.

use iced::widget::{column, container, responsive, row, scrollable, stack};
use iced::{Fill, Length, Size};
use revacnn_schemas::Advice;

use crate::components::pieces::{Piece, filled, said, separator, upright};
use crate::components::{dialog, tree};
use crate::context::Screen;
use crate::focus::covered;
use crate::state::State;
use crate::update::Message;
use crate::views::View;

/// A window less wide than this has narrower panels at its sides.
const NARROW: f32 = 1000.0;
/// The least height in which loss, network and filters can be told apart.
const LEAST_FIGURES: f32 = 420.0;

/// The whole window.
pub(crate) fn view(state: &State) -> Piece<'_, Message> {
    let context = &state.context;
    let body = match &context.screen {
        Screen::Opening => said(&format!("Opening {}", context.store), &[], None),
        Screen::Unreadable(reason) => said(
            "This store cannot be read",
            &[
                reason,
                "The window looks again every second, and continues when it can.",
                &format!("{} says what is wrong with each branch.", Advice::ListBranches.command(&context.place)),
            ],
            None,
        ),
        Screen::Empty => said(
            "Nothing is recorded here yet",
            &[
                "Start a run here: the paper's network on images that come with the program.",
                &format!(
                    "Or in a terminal:  {}  — its branch appears here while it runs.",
                    Advice::Train.command(&context.place)
                ),
                "Or look at another store:  revacnn view DIR",
            ],
            Some(filled("+ new run", Some(tree::Message::NewRun.into()))),
        ),
        Screen::Figures => {
            let timeline = state.timeline.view(context, state.loss.x).map(Message::Timeline);
            column![responsive(move |room| panels(state, room)), separator(), timeline].into()
        }
    };
    let help = matches!(state.dialog, Some(dialog::State::Help));
    let header = state.header.view(context, help).map(Message::Header);
    let status = state.status.view(context).map(Message::Status);
    let page = column![header, separator(), body, separator(), status];
    // The paper is the window's own ground: one that is drawn costs the
    // software renderer a whole window a change.
    let page = container(page).width(Fill).height(Fill);
    stack![covered(page, state.dialog.is_some())]
        .push(state.dialog.as_ref().map(|dialog| dialog.view(context, &View::menus(state)).map(Message::Dialog)))
        .into()
}

/// What stands above the timeline: the tree, the figures, the inspector.
fn panels(state: &State, room: Size) -> Piece<'_, Message> {
    let context = &state.context;
    let [tree, inspector] = if room.width < NARROW { [172.0, 212.0] } else { [220.0, 280.0] };
    row![
        state.tree.view(context, tree).map(Message::Tree),
        upright(),
        figures(state, room.height),
        upright(),
        state.inspector.view(context, inspector).map(Message::Inspector),
    ]
    .height(Fill)
    .into()
}

/// The figures in the middle: loss, network, filters. Where there is less room
/// than they need, they scroll.
fn figures(state: &State, height: f32) -> Piece<'_, Message> {
    let context = &state.context;
    // In whole pixels: an edge between two of them is drawn into both, and anew in one.
    let total = height.max(LEAST_FIGURES) - 2.0;
    let [loss, network] = [22.0, 43.0].map(|part| (total * part / 103.0).round());
    let parts = [loss, network, total - loss - network].map(Length::Fixed);
    let page = column![
        container(state.loss.view(context).map(Message::Loss)).height(parts[0]),
        separator(),
        container(state.network.view(context).map(Message::Network)).height(parts[1]),
        separator(),
        container(state.filters.view(context).map(Message::Filters)).height(parts[2]),
    ]
    .width(Fill);
    if height < LEAST_FIGURES { scrollable(page).spacing(0).height(Fill).into() } else { page.into() }
}
