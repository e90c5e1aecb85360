//! The figures in the middle: loss, network, filters.

use iced::widget::{Space, canvas, checkbox, column, container, mouse_area, pick_list, radio, row, scrollable};
use iced::{Alignment, Fill, Length, Padding};
use revacnn_notebook::{Method, Show, XAxis};
use revacnn_schemas::{NetworkDiagram, Scale};

use super::parts::{Piece, alarm, changing, chooser, faint, hinted, noted, plain, press, quiet, separator, upright};
use crate::canvas::chart::ChartCanvas;
use crate::canvas::diagram::Diagram;
use crate::canvas::embedding_plot::EmbeddingPlot;
use crate::canvas::filter_grid::FilterGrid;
use crate::canvas::layout::{Plan, differing};
use crate::cells::Slot;
use crate::keys::{AXES, SOURCES};
use crate::message::Message;
use crate::prompt::Question;
use crate::state::State;
use crate::theme::SMALL;

pub(crate) fn figures(state: &State) -> Piece<'_> {
    column![
        container(loss(state)).height(Length::FillPortion(22)),
        separator(),
        container(networks(state)).height(Length::FillPortion(43)),
        separator(),
        container(filters(state)).height(Length::FillPortion(38)),
    ]
    .width(Fill)
    .into()
}

/// A figure whose menu a right click opens.
fn with_menu(slot: Slot, body: Piece<'_>) -> Piece<'_> {
    mouse_area(body).on_right_press(Message::Menu(slot)).into()
}

fn titled<'a>(title: &'a str, slot: Slot, controls: impl Into<Piece<'a>>, body: Piece<'a>) -> Piece<'a> {
    let menu = hinted(press("…", Some(Message::Menu(slot))), "save, or copy as a query");
    let head =
        row![faint(title), Space::new().width(Fill), controls.into(), menu].align_y(Alignment::Center).spacing(4);
    column![container(head).padding(Padding::from([0, 4]).left(12)).center_y(28), with_menu(slot, body)].into()
}

/// What stands where a figure is not there yet.
fn awaited<'a>(state: &State, words: &str) -> Piece<'a> {
    match &state.selected {
        Some(name) if state.waits_for_steps() => noted(&format!("{name} has no step yet")),
        _ => noted(words),
    }
}

/// The step of a figure that is behind the cursor.
fn late<'a>(state: &State, slot: Slot) -> Option<Piece<'a>> {
    state.figures.late(slot, state.time.cursor).map(|step| faint(format!("of step {step} ")).into())
}

/// Names of the horizontal axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis(XAxis);

impl std::fmt::Display for Axis {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.0 {
            XAxis::Step => "x: step",
            XAxis::Images => "x: images",
            XAxis::Epoch => "x: epoch",
            XAxis::Fork => "x: from the fork",
        })
    }
}

fn loss(state: &State) -> Piece<'_> {
    let body: Piece<'_> = match state.figures.chart(Slot::Loss) {
        None => awaited(state, "reading the curves"),
        Some(Err(reason)) => noted(reason),
        Some(Ok(chart)) => ChartCanvas { state, chart, slot: Slot::Loss }.shown(),
    };
    let log = checkbox(state.settings.scale == Scale::Logarithmic)
        .label("log")
        .on_toggle(Message::LogScale)
        .size(14)
        .text_size(SMALL);
    let axis = pick_list(AXES.map(Axis), Some(Axis(state.settings.x)), |axis| Message::X(axis.0))
        .text_size(SMALL)
        .padding([2, 8])
        .style(chooser(AXES.iter().position(|axis| *axis == state.settings.x)));
    let controls = row![axis, log].spacing(12).align_y(Alignment::Center);
    titled("loss, nats · mean of each batch; dots: validation", Slot::Loss, controls, body)
}

fn networks(state: &State) -> Piece<'_> {
    let choose = |show, words| quiet(plain(words), state.settings.nodes == show, Some(Message::Nodes(show)));
    let image = state.image().map_or_else(|| "image".to_owned(), |image| format!("image {image}"));
    let image = row![
        press("<", Some(Message::ImageBy(-1))),
        hinted(press(image, Some(state.question(Question::Image))), "which training image maps are of: i"),
        press(">", Some(Message::ImageBy(1))),
    ];
    let beside = match &state.beside {
        Some(name) => format!("beside {name}"),
        None => "side by side".to_owned(),
    };
    let beside = hinted(
        quiet(plain(beside), state.beside.is_some(), Some(Message::ToggleBeside)),
        "compare with the parent, then with others: c",
    );
    let controls = row![]
        .push(late(state, Slot::Network))
        .push(image)
        .push(choose(Show::Maps, "maps"))
        .push(choose(Show::Coefficients, "coefficients"))
        .push(beside)
        .align_y(Alignment::Center);
    let shown = |slot| state.figures.network(slot).and_then(Result::ok);
    let both: Vec<&NetworkDiagram> = [Slot::Network, Slot::OtherNetwork].into_iter().filter_map(shown).collect();
    let plan = Plan::of(&both);
    let marked = match both[..] {
        [one, other] => differing(one, other),
        _ => Vec::new(),
    };
    let draw = |slot| -> Piece<'_> {
        match state.figures.network(slot) {
            None => awaited(state, "reading the network"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(diagram)) => {
                let pictures = state.figures.pictures(slot);
                let (plan, differing) = (plan.clone(), marked.clone());
                canvas(Diagram { state, slot, diagram, plan, pictures, differing }).width(Fill).height(Fill).into()
            }
        }
    };
    let body: Piece<'_> = match &state.beside {
        None => draw(Slot::Network),
        Some(_) => {
            let head = |address: Option<revacnn_schemas::Address>| {
                let address = address.map(|address| address.to_string()).unwrap_or_default();
                changing(plain(address.clone()), &address).padding([0, 12])
            };
            row![
                column![head(state.at()), draw(Slot::Network)],
                upright(),
                column![head(state.at_beside()), draw(Slot::OtherNetwork)],
            ]
            .into()
        }
    };
    titled("network", Slot::Network, controls, body)
}

fn filters(state: &State) -> Piece<'_> {
    let tabs = row(state.layers().into_iter().map(|layer| {
        let chosen = state.layer.as_ref() == Some(&layer);
        quiet(plain(layer.to_string()), chosen, Some(Message::Layer(layer)))
    }));
    let of =
        |source, words| radio(words, source, Some(state.settings.of), Message::Of).size(14).text_size(SMALL).spacing(4);
    let sources = row(SOURCES.map(|(source, words)| of(source, words).into())).spacing(12);
    let method = |method, words| quiet(plain(words), state.settings.method == method, Some(Message::Method(method)));
    let controls = row![]
        .push(late(state, Slot::Embedding))
        .push(method(Method::Tsne, "t-SNE"))
        .push(method(Method::Pca, "PCA"))
        .align_y(Alignment::Center);
    let plane: Piece<'_> = match state.figures.scatter(Slot::Embedding) {
        None => awaited(state, "embedding the filters"),
        Some(Err(reason)) => noted(reason),
        Some(Ok(scatter)) => {
            let pictures = state.figures.pictures(Slot::Embedding);
            canvas(EmbeddingPlot { state, scatter, pictures }).width(Fill).height(Fill).into()
        }
    };
    let strip: Piece<'_> = match state.figures.images(Slot::Filters) {
        None => awaited(state, "reading the filters"),
        Some(Err(reason)) => noted(reason),
        Some(Ok(grid)) => {
            let pictures = state.figures.pictures(Slot::Filters);
            canvas(FilterGrid { state, grid, pictures }).width(Fill).height(Fill).into()
        }
    };
    let body = row![
        container(with_menu(Slot::Embedding, plane)).width(Length::FillPortion(55)),
        upright(),
        container(with_menu(Slot::Filters, strip)).width(Length::FillPortion(45)),
    ];
    let tabs = scrollable(tabs).direction(scrollable::Direction::Horizontal(scrollable::Scrollbar::hidden()));
    let head = row![faint("filters"), tabs, Space::new().width(Fill), controls].spacing(8).align_y(Alignment::Center);
    let menu = hinted(press("…", Some(Message::Menu(Slot::Embedding))), "save, or copy as a query");
    let head = row![container(head).width(Fill), menu].align_y(Alignment::Center);
    column![
        container(head).padding(Padding::from([0, 4]).left(12)).center_y(28),
        container(sources).padding(Padding::from([0, 12]).bottom(2)),
        body,
    ]
    .into()
}

/// Why a figure is lacking, in the inspector.
pub(crate) fn lacking<'a>(reason: &str) -> Piece<'a> {
    alarm(reason.to_owned()).into()
}
