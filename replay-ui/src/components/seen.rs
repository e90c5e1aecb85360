//! What excites a layer's filters, and where the network looks in the image.

use iced::Length;
use iced::widget::{column, container, row};
use revacnn_notebook::kinds::{Maximise, Patches};
use revacnn_notebook::{Cell, ImageSplit};
use revacnn_schemas::{Address, FilterNumber, LayerName};

use super::frame::{awaited, entitled, tall, with_menu};
use super::pieces::{Piece, chosen_of, noted, separator, upright};
use crate::canvas::filter_grid::{self, FilterGrid};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::sheet_plot::{self, SheetPlot};
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure::{self, Highlights};

/// So many patches of each filter, and so many images that are found for it.
const PATCHES: u32 = 9;
const FOUND: u32 = 4;

/// What is shown of what excites a filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Excites {
    /// Patches of images.
    #[default]
    Patches,
    /// Whole images.
    Images,
    /// Images that gradient ascent finds.
    Found,
}

/// What is shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) excites: Excites,
    seen: Cache,
    other: Cache,
    saliency: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Excites(Excites),
    Figure(figure::Message),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Follow,
    Figure(figure::Message),
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

impl State {
    /// Draws what excites filters anew.
    pub(crate) fn redraw(&self) {
        self.seen.clear();
    }

    /// Draws that of the branch beside anew.
    pub(crate) fn redraw_other(&self) {
        self.other.clear();
    }

    /// Draws where the network looks anew.
    pub(crate) fn redraw_saliency(&self) {
        self.saliency.clear();
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Excites(excites) => {
                self.excites = excites;
                Action::Follow
            }
            Message::Figure(message) => Action::Figure(message),
        }
    }

    /// What excites the filters of a layer, or one of them, at a step.
    pub(crate) fn cell(&self, at: Address, layer: LayerName, filter: Option<FilterNumber>) -> Cell {
        let at = Some(at);
        let patches = |whole| Patches {
            at: at.clone(),
            layer: layer.clone(),
            filter,
            of: ImageSplit::Validation,
            count: PATCHES,
            whole,
        };
        match self.excites {
            Excites::Patches => patches(false).into(),
            Excites::Images => patches(true).into(),
            Excites::Found => Maximise { filter, ..Maximise::usual(at, layer, FOUND) }.into(),
        }
    }

    /// What is chosen, above the figures.
    pub(crate) fn controls<'a>(&self) -> Piece<'a, Message> {
        let all = [
            (Excites::Patches, "patches of images"),
            (Excites::Images, "whole images"),
            (Excites::Found, "by gradient ascent"),
        ];
        row(all.map(|(excites, words)| chosen_of(words, excites, self.excites, Message::Excites))).spacing(12).into()
    }

    fn grid<'a>(&'a self, context: &'a Context, view: ViewId, cache: &'a Cache) -> Piece<'a, figure::Message> {
        let grid = match context.cells.images(view) {
            None => return awaited(context, "asking the network"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(grid)) => grid,
        };
        let shown = move |height: f32| FilterGrid {
            grid,
            number: context.cells.number(view),
            pictures: context.cells.pictures(view),
            highlights: Highlights::default(),
            late: context.cells.awaits(view),
            cache,
            height,
        };
        let body = tall(move |room| filter_grid::height(grid, room), shown);
        with_menu(view, entitled(&grid.title, &grid.notes, body))
    }

    fn saliency<'a>(&'a self, context: &'a Context) -> Piece<'a, figure::Message> {
        let view = ViewId::SALIENCY;
        let sheet = match context.cells.sheet(view) {
            None => return awaited(context, "asking the network"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(sheet)) => sheet,
        };
        let shown = move |_| SheetPlot {
            sheet,
            number: context.cells.number(view),
            pictures: context.cells.pictures(view),
            looked_at: None,
            late: context.cells.awaits(view),
            cache: &self.saliency,
            look: |_| figure::Message::Pick(None),
        };
        let body = tall(move |room| sheet_plot::height(sheet, room), shown);
        with_menu(view, entitled(&sheet.title, &sheet.notes, body))
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let mut grids = column![self.grid(context, ViewId::SEEN, &self.seen)];
        if context.cells.shows(ViewId::OTHER_SEEN) {
            grids = grids.push(separator()).push(self.grid(context, ViewId::OTHER_SEEN, &self.other));
        }
        let both: Piece<'a, figure::Message> = row![
            container(grids).width(Length::FillPortion(1)).clip(true),
            upright(),
            container(self.saliency(context)).width(Length::FillPortion(1)).clip(true),
        ]
        .into();
        both.map(Message::Figure)
    }
}
