//! How the window is put together.

use iced::widget::{Space, column, container, responsive, row, scrollable, stack};
use iced::{Fill, Length, Size};
use revacnn_schemas::Advice;

use crate::canvas::border::{Edge, Ground};
use crate::components::pieces::{Piece, filled, said, separator, upright};
use crate::components::{dialog, timeline, tree};
use crate::context::Screen;
use crate::focus::{covered, tabs};
use crate::sizes::{Border, Panel, WIDE};
use crate::state::State;
use crate::update::Message;
use crate::views::{View, lanes_of};

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
        Screen::Empty if context.notebook => state.notebook.view(context).map(Message::Notebook),
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
        Screen::Figures => responsive(move |room| with_timeline(state, room)).into(),
    };
    let help = matches!(state.dialog, Some(dialog::State::Help));
    let header = state.header.view(context, help).map(Message::Header);
    let status = state.status.view(context).map(Message::Status);
    let page = column![header, separator(), body, separator(), status];
    // The paper is the window's own ground: one that is drawn costs the
    // software renderer a whole window a change.
    let page = container(page).width(Fill).height(Fill);
    let dialog = state.dialog.as_ref().map(|dialog| dialog.view(context, &View::menus(state)).map(Message::Dialog));
    tabs(stack![covered(page, state.dialog.is_some())].push(dialog))
}

/// The figures and the timeline under them.
fn with_timeline(state: &State, room: Size) -> Piece<'_, Message> {
    let context = &state.context;
    let high = context.sizes.lanes_within(context.branches.len(), room.height);
    let edge = Edge { border: Border::Timeline, now: high, room: room.height, grounds: [Ground::Paper, Ground::Panel] };
    let above = responsive(move |room| match context.alone {
        Some(panel) => figure(state, panel),
        None => panels(state, room),
    });
    let lanes = state.timeline.view(context, lanes_of(state), high).map(Message::Timeline);
    // Above the rest: iced draws words that a panel cuts off anew beyond its edge.
    let foot = column![edge.shown().map(Message::Sizes), lanes].height(WIDE + timeline::CONTROLS + high);
    let left = || Space::new().width(Fill);
    stack![column![above, left().height(WIDE + timeline::CONTROLS + high)], column![left().height(Fill), foot]].into()
}

/// What stands above the timeline: the tree, the figures, the inspector.
fn panels(state: &State, room: Size) -> Piece<'_, Message> {
    let context = &state.context;
    let [tree, inspector] = context.sizes.columns(room.width);
    let edge = |border, now, grounds| Edge { border, now, room: room.width, grounds }.shown().map(Message::Sizes);
    row![
        state.tree.view(context, tree).map(Message::Tree),
        edge(Border::Tree, tree, [Ground::Panel, Ground::Paper]),
        middle(state, room, tree + inspector),
        edge(Border::Inspector, inspector, [Ground::Paper, Ground::Panel]),
        state.inspector.view(context, inspector).map(Message::Inspector),
    ]
    .height(Fill)
    .into()
}

/// Room in which notebook and figures find place side by side.
const BOTH: f32 = 1_500.0;

/// What stands in the middle: the figures, or the notebook, or both where there is room.
fn middle(state: &State, room: Size, taken: f32) -> Piece<'_, Message> {
    if !state.context.notebook {
        return figures(state, room.height);
    }
    let notebook = container(state.notebook.view(&state.context).map(Message::Notebook)).width(Fill);
    if room.width - taken < BOTH {
        return notebook.height(Fill).into();
    }
    let figures = container(figures(state, room.height)).width(Fill);
    row![notebook, upright(), figures].height(Fill).into()
}

/// One of the figures in the middle.
fn figure(state: &State, panel: Panel) -> Piece<'_, Message> {
    let context = &state.context;
    match panel {
        Panel::Chart => state.loss.view(context).map(Message::Loss),
        Panel::Network => state.network.view(context).map(Message::Network),
        Panel::Filters => state.filters.view(context).map(Message::Filters),
    }
}

/// The figures in the middle: chart, network, filters. Where there is less room
/// than they need, they scroll.
fn figures(state: &State, height: f32) -> Piece<'_, Message> {
    let room = (height.max(LEAST_FIGURES) - 2.0 * WIDE).floor();
    let [chart, network, filters] = state.context.sizes.rows(room);
    let edge = |border, now| {
        let edge = Edge { border, now, room, grounds: [Ground::Paper; 2] };
        edge.shown().map(Message::Sizes)
    };
    let part = |panel, height| container(figure(state, panel)).height(Length::Fixed(height));
    let page = column![
        part(Panel::Chart, chart),
        edge(Border::Chart, chart),
        part(Panel::Network, network),
        edge(Border::Filters, filters),
        part(Panel::Filters, filters),
    ]
    .width(Fill);
    if height < LEAST_FIGURES { scrollable(page).spacing(0).height(Fill).into() } else { page.into() }
}
