//! What is looked at beneath the network: the filters of a layer, in one plane and as images; images
//! in the plane of a layer; what images are taken for; how a layer's values are spread over the steps.

use iced::widget::text::Wrapping;
use iced::widget::{canvas, column, container, row, scrollable};
use iced::{Alignment, Fill, Length, Padding};
use revacnn_notebook::scene::colours_of;
use revacnn_notebook::{ChosenImage, Method, Source};
use revacnn_schemas::{Address, ImageGrid, LayerName, Palette};

use super::frame::{awaited, late, maximise_button, menu_button, noted_below, noted_beside, tall, with_menu};
use super::pieces::{Piece, changing, chosen_of, colour_bar, faint, hinted_above, noted, plain, quiet, upright};
use super::{classes, histograms, seen};
use crate::canvas::embedding_plot::EmbeddingPlot;
use crate::canvas::filter_grid::{self, FilterGrid};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::images_plot::ImagesPlot;
use crate::canvas::labels::number;
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::sizes::Panel;

/// The sources in the order of the radio buttons.
pub(crate) const SOURCES: [(Source, &str); 4] = [
    (Source::Weights, "coefficients"),
    (Source::Gradients, "gradients"),
    (Source::Activations, "maps"),
    (Source::ActivationGradients, "map gradients"),
];

/// What is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Mode {
    /// The filters of a layer.
    #[default]
    Filters,
    /// Images by what a layer makes of them, held where they lie at this step: the one at which they were
    /// asked for.
    Images(Address),
    /// What images are taken for.
    Classes,
    /// How a layer's values are spread over the steps.
    Histograms,
    /// What excites filters, and where the network looks.
    Seen,
}

/// What of it is shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) mode: Mode,
    pub(crate) of: Source,
    pub(crate) method: Method,
    pub(crate) classes: classes::State,
    pub(crate) histograms: histograms::State,
    pub(crate) seen: seen::State,
    cache: Cache,
    images_cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    Show(Mode),
    Of(Source),
    Method(Method),
    Classes(classes::Message),
    Histograms(histograms::Message),
    Seen(seen::Message),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
    /// Show an image to the networks.
    Look(ChosenImage),
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

/// What the colours of some images mean, beneath them.
fn colours_below<'a, M: 'a>(grid: &ImageGrid) -> Option<Piece<'a, M>> {
    let (palette, range) = colours_of(grid)?;
    let words = |words: String| faint(words).wrapping(Wrapping::None);
    let ends = range.map(|ends| ends.map(|end| number(end.into())));
    // Other words may be wider, or less wide: all of the line is drawn anew.
    let seen = format!("{palette:?} {ends:?}");
    let line = match (palette, ends) {
        (Palette::Rgb, Some([_, high])) => row![words(format!("red, green and blue within ±{high}, grey is 0"))],
        (Palette::Rgb, None) => row![words("red, green and blue, grey is 0".to_owned())],
        (_, Some([low, high])) => row![words(low), colour_bar(palette), words(high)],
        (_, None) => {
            let [low, high] = if palette == Palette::Diverging { ["−", "+"] } else { ["low", "high"] };
            let each = words("each picture in a range of its own".to_owned());
            row![words(low.to_owned()), colour_bar(palette), words(high.to_owned()), each]
        }
    };
    let line = line.spacing(8).align_y(Alignment::Center);
    Some(changing(container(line).padding([0, 12]).height(20).clip(true), &seen).width(Fill).into())
}

impl State {
    /// Draws the images anew.
    pub(crate) fn redraw(&self) {
        self.cache.clear();
    }

    /// Draws the images in their plane anew.
    pub(crate) fn redraw_images(&self) {
        self.images_cache.clear();
    }

    /// Where the images of the plane are held, while it shows images.
    pub(crate) fn reference(&self) -> Option<&Address> {
        match &self.mode {
            Mode::Images(reference) => Some(reference),
            Mode::Filters | Mode::Classes | Mode::Histograms | Mode::Seen => None,
        }
    }

    /// What is looked at next.
    pub(crate) fn after(&self, context: &Context) -> Option<Mode> {
        Some(match self.mode {
            Mode::Filters => Mode::Images(context.at()?),
            Mode::Images(_) => Mode::Classes,
            Mode::Classes => Mode::Histograms,
            Mode::Histograms => Mode::Seen,
            Mode::Seen => Mode::Filters,
        })
    }

    /// The layer is the one that is shown.
    pub(crate) fn update(&mut self, message: Message, layer: Option<&LayerName>) -> Action {
        match message {
            Message::Figure(message) => return Action::Figure(message),
            Message::Show(mode) => self.mode = mode,
            Message::Of(of) => self.of = of,
            Message::Method(method) => self.method = method,
            Message::Histograms(message) => self.histograms.update(message, layer),
            Message::Seen(message) => match self.seen.update(message) {
                seen::Action::Follow => {}
                seen::Action::Figure(message) => return Action::Figure(message),
            },
            Message::Classes(message) => match self.classes.update(message) {
                classes::Action::Follow => {}
                classes::Action::Look(image) => return Action::Look(image),
                classes::Action::Figure(message) => return Action::Figure(message),
            },
        }
        Action::Follow
    }

    fn plot<'a>(&self, context: &'a Context) -> Piece<'a, figure::Message> {
        match context.cells.scatter(ViewId::EMBEDDING) {
            None => awaited(context, "embedding the filters"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(scatter)) => {
                let plot = EmbeddingPlot {
                    scatter,
                    number: context.cells.number(ViewId::EMBEDDING),
                    pictures: context.cells.pictures(ViewId::EMBEDDING),
                    highlights: context.marks.highlights(),
                    branches: context.together().1,
                    late: context.cells.awaits(ViewId::EMBEDDING),
                    reduced_motion: context.reduced_motion,
                };
                canvas(plot).width(Fill).height(Fill).into()
            }
        }
    }

    fn images<'a>(&'a self, context: &'a Context) -> Piece<'a, figure::Message> {
        match context.cells.embedded_images(ViewId::IMAGES) {
            None => awaited(context, "embedding the images"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(figure)) => {
                let plot = ImagesPlot {
                    figure,
                    number: context.cells.number(ViewId::IMAGES),
                    pictures: context.cells.pictures(ViewId::IMAGES),
                    late: context.cells.awaits(ViewId::IMAGES),
                    cache: &self.images_cache,
                };
                // The images need the room: a line, and all of it where that is pointed at.
                let notes = container(noted_beside("", &figure.notes)).padding([0, 12]);
                column![canvas(plot).width(Fill).height(Fill), notes].into()
            }
        }
    }

    fn grid<'a>(&'a self, context: &'a Context) -> Piece<'a, figure::Message> {
        match context.cells.images(ViewId::FILTERS) {
            None => awaited(context, "reading the filters"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(grid)) => {
                let shown = move |height: f32| FilterGrid {
                    grid,
                    number: context.cells.number(ViewId::FILTERS),
                    pictures: context.cells.pictures(ViewId::FILTERS),
                    highlights: context.marks.highlights(),
                    late: context.cells.awaits(ViewId::FILTERS),
                    cache: &self.cache,
                    height,
                };
                let body = tall(move |room| filter_grid::height(grid, room), shown);
                let notes = noted_below(&grid.notes).map(|notes| container(notes).padding([0, 12]));
                // Where rows have other names, all of it is drawn anew.
                let names: Vec<&str> = grid.rows.iter().map(|row| row.label.as_str()).collect();
                let body = changing(body, &names.join("\n")).width(Fill).height(Fill);
                column![body].push(colours_below(grid)).push(notes).into()
            }
        }
    }

    /// The view whose menu is in the head.
    pub(crate) fn shown(&self) -> ViewId {
        match self.mode {
            Mode::Filters => ViewId::EMBEDDING,
            Mode::Images(_) => ViewId::IMAGES,
            Mode::Classes => ViewId::CONFUSION,
            Mode::Histograms => ViewId::HISTOGRAMS,
            Mode::Seen => ViewId::SEEN,
        }
    }

    /// What is looked at, to choose from.
    fn modes<'a>(&self, context: &Context) -> Piece<'a, Message> {
        let mode = |words, chosen, shows: Option<Mode>, hint| {
            hinted_above(quiet(plain(words), chosen, shows.map(Message::Show)), hint)
        };
        let images = context.at().map(Mode::Images);
        row![
            mode("filters", self.mode == Mode::Filters, Some(Mode::Filters), "the filters of a layer"),
            mode(
                "images",
                self.reference().is_some(),
                images,
                "validation images by this layer, held where they lie at this step"
            ),
            mode("classes", self.mode == Mode::Classes, Some(Mode::Classes), "what images are taken for"),
            mode(
                "histograms",
                self.mode == Mode::Histograms,
                Some(Mode::Histograms),
                "how the layer's values are spread over the steps"
            ),
            mode(
                "sees",
                self.mode == Mode::Seen,
                Some(Mode::Seen),
                "what excites the layer's filters, and where the network looks in the image"
            ),
        ]
        .into()
    }

    fn filters<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let plot = match self.mode {
            Mode::Images(_) => self.images(context),
            Mode::Filters | Mode::Classes | Mode::Histograms | Mode::Seen => self.plot(context),
        };
        let plot = with_menu(self.shown(), plot).map(Message::Figure);
        let grid = with_menu(ViewId::FILTERS, self.grid(context)).map(Message::Figure);
        row![
            container(plot).width(Length::FillPortion(55)).clip(true),
            upright(),
            container(grid).width(Length::FillPortion(45)).clip(true),
        ]
        .into()
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let tabs = row(context.layers().into_iter().map(|layer| {
            let chosen = context.marks.layer.as_ref() == Some(&layer);
            quiet(plain(layer.to_string()), chosen, Some(figure::Message::Layer(layer).into()))
        }));
        let tabs = scrollable(tabs).direction(scrollable::Direction::Horizontal(scrollable::Scrollbar::hidden()));
        // What images are taken for is of no layer.
        let tabs = container((self.mode != Mode::Classes).then_some(tabs)).width(Fill);
        let method = |method, words| quiet(plain(words), self.method == method, Some(Message::Method(method)));
        let methods = matches!(self.mode, Mode::Filters | Mode::Images(_))
            .then(|| row![method(Method::Tsne, "t-SNE"), method(Method::Pca, "PCA")]);
        let shown = self.shown();
        let controls = row![]
            .push((shown != ViewId::HISTOGRAMS).then(|| late(context, shown)).flatten())
            .push(methods)
            .push(maximise_button(context, Panel::Filters))
            .align_y(Alignment::Center);
        let sources = || row(SOURCES.map(|(source, words)| chosen_of(words, source, self.of, Message::Of))).spacing(12);
        let (chosen, body): (Piece<'a, Message>, Piece<'a, Message>) = match self.mode {
            Mode::Filters | Mode::Images(_) => (sources().wrap().into(), self.filters(context)),
            Mode::Classes => {
                let of = (self.classes.controls(context), self.classes.view(context));
                (of.0.map(Message::Classes), of.1.map(Message::Classes))
            }
            Mode::Seen => {
                let of = (self.seen.controls(), self.seen.view(context));
                (of.0.map(Message::Seen), of.1.map(Message::Seen))
            }
            Mode::Histograms => {
                let body = self.histograms.view(context).map(Message::Histograms);
                (self.histograms.controls(context).map(Message::Histograms), with_menu(shown, body))
            }
        };
        let head = row![self.modes(context), tabs, controls];
        let head = head.spacing(8).align_y(Alignment::Center);
        let head = row![container(head).width(Fill), menu_button(shown)].align_y(Alignment::Center);
        column![
            container(head).padding(Padding::from([0, 4]).left(4)).center_y(28),
            container(chosen).padding(Padding::from([0, 12]).bottom(2)),
            body,
        ]
        .into()
    }
}
