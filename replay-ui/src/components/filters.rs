//! The filters of a layer: in one plane, and as images.

use iced::widget::text::{LineHeight, Wrapping};
use iced::widget::{canvas, column, container, radio, responsive, row, scrollable};
use iced::{Alignment, Fill, Length, Padding, Pixels, Size};
use revacnn_notebook::scene::colours_of;
use revacnn_notebook::{Method, Source};
use revacnn_schemas::{Address, ImageGrid, Palette};

use super::frame::{awaited, late, maximise_button, menu_button, noted_below, noted_beside, with_menu};
use super::pieces::{Piece, changing, colour_bar, faint, hinted, noted, plain, quiet, upright};
use crate::canvas::embedding_plot::EmbeddingPlot;
use crate::canvas::filter_grid::{self, FilterGrid};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::images_plot::ImagesPlot;
use crate::canvas::labels::number;
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::focus::Stop;
use crate::sizes::Panel;
use crate::theme::SMALL;

/// The height of a radio button's line, in whole pixels: so is then where what is beneath
/// begins, and its scroll bar is drawn anew as a whole.
const LINE: LineHeight = LineHeight::Absolute(Pixels(16.0));
/// The width of a scroll bar.
const BAR: f32 = 10.0;

/// The sources in the order of the radio buttons.
pub(crate) const SOURCES: [(Source, &str); 4] = [
    (Source::Weights, "coefficients"),
    (Source::Gradients, "gradients"),
    (Source::Activations, "maps"),
    (Source::ActivationGradients, "map gradients"),
];

/// What of the filters is shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) of: Source,
    pub(crate) method: Method,
    /// Where the images of the plane are held, while it shows images and not the filters: the step
    /// at which they were asked for.
    pub(crate) images: Option<Address>,
    cache: Cache,
    images_cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    Of(Source),
    Method(Method),
    /// Place images, held at this step, or filters again.
    Images(Option<Address>),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
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

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Figure(message) => return Action::Figure(message),
            Message::Of(of) => self.of = of,
            Message::Method(method) => self.method = method,
            Message::Images(reference) => self.images = reference,
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
                    late: context.cells.stale(ViewId::EMBEDDING, context.time.cursor).is_some(),
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
                    late: context.cells.stale(ViewId::IMAGES, context.time.cursor).is_some(),
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
                let shown = |height: f32| FilterGrid {
                    grid,
                    number: context.cells.number(ViewId::FILTERS),
                    pictures: context.cells.pictures(ViewId::FILTERS),
                    highlights: context.marks.highlights(),
                    late: context.cells.stale(ViewId::FILTERS, context.time.cursor).is_some(),
                    cache: &self.cache,
                    height,
                };
                let body = responsive(move |room| {
                    if filter_grid::height(grid, room) <= room.height {
                        return canvas(shown(room.height)).width(Fill).height(Fill).into();
                    }
                    // The bar beside the images, and not over them.
                    let beside = Size::new((room.width - BAR).max(1.0), room.height);
                    let high = filter_grid::height(grid, beside);
                    scrollable(canvas(shown(room.height)).width(Fill).height(high)).spacing(0).height(Fill).into()
                });
                let notes = noted_below(&grid.notes).map(|notes| container(notes).padding([0, 12]));
                // Where rows have other names, all of it is drawn anew.
                let names: Vec<&str> = grid.rows.iter().map(|row| row.label.as_str()).collect();
                let body = changing(body, &names.join("\n")).width(Fill).height(Fill);
                column![body].push(colours_below(grid)).push(notes).into()
            }
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let tabs = row(context.layers().into_iter().map(|layer| {
            let chosen = context.marks.layer.as_ref() == Some(&layer);
            quiet(plain(layer.to_string()), chosen, Some(figure::Message::Layer(layer).into()))
        }));
        let of = |source, words| {
            Stop::of(
                radio(words, source, Some(self.of), Message::Of)
                    .size(14)
                    .text_size(SMALL)
                    .text_line_height(LINE)
                    .spacing(4),
            )
        };
        let sources = row(SOURCES.map(|(source, words)| of(source, words).into())).spacing(12).wrap();
        let method = |method, words| quiet(plain(words), self.method == method, Some(Message::Method(method)));
        let shown = if self.images.is_some() { ViewId::IMAGES } else { ViewId::EMBEDDING };
        let turned = Message::Images(context.at().filter(|_| self.images.is_none()));
        let images = quiet(plain("images"), self.images.is_some(), Some(turned));
        let controls = row![]
            .push(late(context, shown))
            .push(hinted(images, "validation images by this layer, held where they lie at this step; or the filters"))
            .push(method(Method::Tsne, "t-SNE"))
            .push(method(Method::Pca, "PCA"))
            .push(maximise_button(context, Panel::Filters))
            .align_y(Alignment::Center);
        let plot = if self.images.is_some() { self.images(context) } else { self.plot(context) };
        let plot = with_menu(shown, plot).map(Message::Figure);
        let grid = with_menu(ViewId::FILTERS, self.grid(context)).map(Message::Figure);
        let body = row![
            container(plot).width(Length::FillPortion(55)).clip(true),
            upright(),
            container(grid).width(Length::FillPortion(45)).clip(true),
        ];
        let tabs = scrollable(tabs).direction(scrollable::Direction::Horizontal(scrollable::Scrollbar::hidden()));
        let head = row![faint("filters"), tabs.width(Fill), controls];
        let head = head.spacing(8).align_y(Alignment::Center);
        let head = row![container(head).width(Fill), menu_button(shown)].align_y(Alignment::Center);
        column![
            container(head).padding(Padding::from([0, 4]).left(12)).center_y(28),
            container(sources).padding(Padding::from([0, 12]).bottom(2)),
            body,
        ]
        .into()
    }
}
