//! The network of the selected branch, and that of the branch beside it.

use iced::widget::{canvas, column, responsive, row};
use iced::{Alignment, Fill};
use revacnn_notebook::{ChosenImage, Show};
use revacnn_schemas::{Address, DifferingFilter, ImageIndex};

use super::frame::{awaited, late, maximise_button, titled};
use super::pieces::{Piece, changing, hinted, noted, plain, press, quiet, upright};
use crate::canvas::diagram::{Diagram, Steering};
use crate::canvas::layout::Plan;
use crate::canvas::text::fitted;
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::question::Question;
use crate::sizes::Panel;

/// The least width in which there is room for the button that opens the pad.
const WITH_DRAW: f32 = 520.0;

/// How networks are shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) nodes: Show,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    Nodes(Show),
    ImageBy(i64),
    AskImage,
    /// Draws an image.
    Draw,
    /// Shows the next branch beside the selected one, or none again.
    ToggleBeside,
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
    Image(Option<ChosenImage>),
    Draw,
    Ask(Question),
    ToggleBeside,
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

impl State {
    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Figure(message) => Action::Figure(message),
            Message::Nodes(nodes) => {
                self.nodes = nodes;
                Action::Follow
            }
            Message::ImageBy(by) => {
                // From a picture of one's own to the images of the data set.
                let now = context.image().and_then(|image| image.index()).map_or(0, |image| image.0);
                let next = u32::try_from(i64::from(now).saturating_add(by).max(0)).unwrap_or(u32::MAX);
                Action::Image(Some(ImageIndex(next).into()))
            }
            Message::AskImage => Action::Ask(Question::Image),
            Message::Draw => Action::Draw,
            Message::ToggleBeside => Action::ToggleBeside,
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        responsive(move |room| self.within(context, room.width)).into()
    }

    fn within<'a>(&'a self, context: &'a Context, width: f32) -> Piece<'a, Message> {
        let choose = |show, words| quiet(plain(words), self.nodes == show, Some(Message::Nodes(show)));
        let image = context.image().map_or_else(
            || "image".to_owned(),
            |image| match image.own() {
                Some(picture) => fitted(picture.name(), 120.0),
                None => image.to_string(),
            },
        );
        let draw =
            (width >= WITH_DRAW).then(|| hinted(press("draw", Some(Message::Draw)), "draw an image with the mouse: /"));
        let image = row![
            press("<", Some(Message::ImageBy(-1))),
            hinted(
                press(image, Some(Message::AskImage)),
                "which training image maps are of, or a picture of your own, which may also be dropped here: i"
            ),
            press(">", Some(Message::ImageBy(1))),
        ]
        .push(draw);
        let beside = match &context.beside {
            Some(name) => format!("beside {}", fitted(name.as_str(), 96.0)),
            None => "side by side".to_owned(),
        };
        let beside = hinted(
            quiet(plain(beside), context.beside.is_some(), Some(Message::ToggleBeside)),
            "compare with the parent, then with others: c",
        );
        let controls = row![]
            .push(late(context, ViewId::NETWORK))
            .push(image)
            .push(choose(Show::Maps, "maps"))
            .push(choose(Show::Coefficients, "coefficients"))
            .push(beside)
            .push(maximise_button(context, Panel::Network))
            .spacing(2)
            .align_y(Alignment::Center);
        let notes = context.cells.network(ViewId::NETWORK).and_then(Result::ok).map_or(&[][..], |found| &found.notes);
        titled("network", notes, ViewId::NETWORK, controls, networks(context).map(Message::Figure))
    }
}

/// One network, or two side by side, what both have in the same places.
fn networks(context: &Context) -> Piece<'_, figure::Message> {
    let shown = |view| context.cells.network(view).and_then(Result::ok);
    let both = shown(ViewId::NETWORK).zip(shown(ViewId::OTHER_NETWORK));
    let [own, others] = match both {
        Some((own, other)) => Plan::side_by_side(own, other),
        None => [ViewId::NETWORK, ViewId::OTHER_NETWORK].map(|view| Plan::of(&Vec::from_iter(shown(view)))),
    };
    // What differs most in the weights, as in the comparison.
    let compared = context.cells.comparison(ViewId::DIFFERENCES).and_then(Result::ok).filter(|_| both.is_some());
    let marked = |view| {
        let differing = compared.iter().flat_map(|comparison| &comparison.differing);
        let of = |found: &DifferingFilter| match view {
            ViewId::OTHER_NETWORK => (found.layer.clone(), found.right.clone()),
            _ => (found.layer.clone(), found.left.clone()),
        };
        differing.map(of).collect::<Vec<_>>()
    };
    let draw = |view: ViewId| -> Piece<'_, figure::Message> {
        let diagram = match context.cells.network(view) {
            None => return awaited(context, "reading the network"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(diagram)) => diagram,
        };
        // For a moment after another branch was selected, its network is not there.
        let is_selected = context.branch().is_some_and(|branch| branch.hue == diagram.hue);
        let steering = match view {
            ViewId::NETWORK if context.is_busy() => Steering::Later,
            ViewId::NETWORK if is_selected => Steering::Now,
            ViewId::NETWORK => Steering::NotYet,
            _ => Steering::Elsewhere,
        };
        let diagram = Diagram {
            diagram,
            number: context.cells.number(view),
            plan: if view == ViewId::OTHER_NETWORK { others.clone() } else { own.clone() },
            pictures: context.cells.pictures(view),
            differing: marked(view),
            highlights: context.marks.highlights(),
            layer: context.marks.layer.as_ref(),
            steering,
            reduced_motion: context.reduced_motion,
        };
        canvas(diagram).width(Fill).height(Fill).into()
    };
    if context.beside.is_none() {
        return draw(ViewId::NETWORK);
    }
    let head = |address: Option<Address>| {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        changing(plain(address.clone()), &address).padding([0, 12])
    };
    row![
        column![head(context.at()), draw(ViewId::NETWORK)],
        upright(),
        column![head(context.at_beside()), draw(ViewId::OTHER_NETWORK)],
    ]
    .into()
}
