//! What images are taken for: a matrix of the classes, and the images behind it.

use std::fmt;

use iced::widget::{checkbox, container, row};
use iced::{Alignment, Length};
use revacnn_notebook::kinds::{Confusion, Predictions, Samples};
use revacnn_notebook::{Cell, ChosenImage, ImageSplit, Rank};
use revacnn_schemas::{Address, ImageIndex};

use super::frame::{awaited, entitled, tall, with_menu};
use super::pieces::{Piece, choices, chosen_of, hinted, noted, press, upright};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::matrix_plot::{self, MatrixPlot};
use crate::canvas::sheet_plot::{self, SheetPlot};
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::focus::Stop;
use crate::theme::SMALL;

/// So many images are shown at once.
const IMAGES: u32 = 60;

/// The images of one class that are taken for another, or for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) actual: String,
    pub(crate) predicted: String,
}

impl fmt::Display for Taken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} taken for {}", self.actual, self.predicted)
    }
}

/// The images that are shown beside the matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Behind {
    /// By what the network says of them.
    #[default]
    Predicted,
    /// Training images, by what came of them in the training so far.
    Ranked(Rank),
}

impl Behind {
    const ALL: [Self; 5] = [
        Self::Predicted,
        Self::Ranked(Rank::Hardest),
        Self::Ranked(Rank::Forgotten),
        Self::Ranked(Rank::NeverLearned),
        Self::Ranked(Rank::Mislabelled),
    ];
}

impl fmt::Display for Behind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicted => formatter.write_str("predictions"),
            Self::Ranked(rank) => write!(formatter, "{} in training", rank.word().replace('-', " ")),
        }
    }
}

/// What is shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) behind: Behind,
    pub(crate) of: ImageSplit,
    /// Whether images alone are shown that are predicted wrong.
    pub(crate) wrong: bool,
    /// Whether the branch beside is subtracted.
    pub(crate) less: bool,
    /// The place of the matrix whose images are shown.
    pub(crate) chosen: Option<Taken>,
    matrix: Cache,
    sheet: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Of(ImageSplit),
    Wrong(bool),
    Less(bool),
    /// Show the images of a place of the matrix, or of all.
    Choose(Option<Taken>),
    Behind(Behind),
    /// Show a training image to the networks.
    Look(ImageIndex),
    Figure(figure::Message),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Follow,
    Look(ChosenImage),
    Figure(figure::Message),
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

impl State {
    /// Draws the matrix anew.
    pub(crate) fn redraw_matrix(&self) {
        self.matrix.clear();
    }

    /// Draws the images anew.
    pub(crate) fn redraw_sheet(&self) {
        self.sheet.clear();
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Of(of) => self.of = of,
            Message::Wrong(wrong) => self.wrong = wrong,
            Message::Less(less) => self.less = less,
            Message::Choose(chosen) => self.chosen = chosen,
            Message::Behind(behind) => self.behind = behind,
            Message::Look(image) => return Action::Look(image.into()),
            Message::Figure(message) => return Action::Figure(message),
        }
        Action::Follow
    }

    /// The matrix of a step, less that of the branch beside where that is asked for.
    pub(crate) fn confusion(&self, at: Address, beside: Option<Address>) -> Cell {
        Confusion { at: Some(at), less: beside.filter(|_| self.less), of: self.of }.into()
    }

    /// The images behind it.
    pub(crate) fn images(&self, at: Address) -> Cell {
        let (class, predicted) = match self.chosen.clone() {
            Some(Taken { actual, predicted }) => (Some(actual), Some(predicted)),
            None => (None, None),
        };
        if let Behind::Ranked(by) = self.behind {
            return Samples { at: Some(at), by, class, count: IMAGES, table: false }.into();
        }
        let wrong = self.wrong && self.chosen.is_none();
        Predictions { at: Some(at), of: self.of, wrong, class, predicted, count: IMAGES, table: false }.into()
    }

    /// What is chosen, above the figures.
    pub(crate) fn controls<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let splits =
            [(ImageSplit::Validation, "validation"), (ImageSplit::Test, "test"), (ImageSplit::Train, "training")];
        let splits = row(splits.map(|(of, words)| chosen_of(words, of, self.of, Message::Of))).spacing(12);
        let ticked = |on, words: String, says: fn(bool) -> Message| {
            Stop::of(checkbox(on).label(words).on_toggle(says).size(14).text_size(SMALL).spacing(4))
        };
        let less = context.beside.as_ref().map(|beside| {
            hinted(
                ticked(self.less, format!("less {beside}"), Message::Less).into(),
                "by how many images more each class is taken for each than in the branch beside",
            )
        });
        let behind = choices(Behind::ALL.to_vec(), Some(self.behind), "", Message::Behind);
        let shown: Option<Piece<'a, Message>> = match (&self.chosen, self.behind) {
            (Some(taken), Behind::Predicted) => Some(press(format!("{taken}  ×"), Some(Message::Choose(None)))),
            (Some(taken), Behind::Ranked(_)) => {
                Some(press(format!("of class {}  ×", taken.actual), Some(Message::Choose(None))))
            }
            (None, Behind::Predicted) => Some(ticked(self.wrong, "wrong ones alone".to_owned(), Message::Wrong).into()),
            (None, Behind::Ranked(_)) => None,
        };
        row![splits].push(less).push(behind).push(shown).spacing(16).align_y(Alignment::Center).wrap().into()
    }

    fn table<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let view = ViewId::CONFUSION;
        let table = match context.cells.table(view) {
            None => return awaited(context, "asking the network"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(table)) => table,
        };
        let shown = move |height: f32| MatrixPlot {
            table,
            number: context.cells.number(view),
            chosen: self.chosen.as_ref(),
            late: context.cells.awaits(view),
            cache: &self.matrix,
            height,
        };
        let body = tall(move |room| matrix_plot::height(table, room), shown);
        entitled(&table.title, &table.notes, body)
    }

    fn pictures<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let view = ViewId::PREDICTIONS;
        let sheet = match context.cells.sheet(view) {
            None => return awaited(context, "asking the network"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(sheet)) => sheet,
        };
        let shown = move |_| SheetPlot {
            sheet,
            number: context.cells.number(view),
            pictures: context.cells.pictures(view),
            looked_at: context.image().and_then(|image| image.index()),
            late: context.cells.awaits(view),
            cache: &self.sheet,
            look: Message::Look,
        };
        let body = tall(move |room| sheet_plot::height(sheet, room), shown);
        entitled(&sheet.title, &sheet.notes, body)
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let matrix = with_menu(ViewId::CONFUSION, self.table(context));
        let sheet = with_menu(ViewId::PREDICTIONS, self.pictures(context));
        row![
            container(matrix).width(Length::FillPortion(1)).clip(true),
            upright(),
            container(sheet).width(Length::FillPortion(1)).clip(true),
        ]
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(state: &State) -> (bool, Option<String>, Option<String>) {
        let cell = state.images("main@3".parse().unwrap());
        let Predictions { wrong, class, predicted, .. } = cell.as_kind::<Predictions>().unwrap().clone();
        (wrong, class, predicted)
    }

    #[test]
    fn a_place_of_the_matrix_chooses_its_images_and_wrong_ones_are_those_of_all() {
        let mut state = State::default();
        state.update(Message::Wrong(true));
        assert_eq!(shown(&state), (true, None, None));
        let taken = Taken { actual: "cat".to_owned(), predicted: "dog".to_owned() };
        state.update(Message::Choose(Some(taken.clone())));
        assert_eq!(taken.to_string(), "cat taken for dog");
        assert_eq!(shown(&state), (false, Some("cat".to_owned()), Some("dog".to_owned())));
        state.update(Message::Choose(None));
        assert_eq!(shown(&state), (true, None, None));
    }

    #[test]
    fn training_images_by_what_came_of_them_are_of_the_chosen_class() {
        let mut state = State::default();
        state.update(Message::Behind(Behind::Ranked(Rank::Forgotten)));
        let taken = Taken { actual: "cat".to_owned(), predicted: "dog".to_owned() };
        state.update(Message::Choose(Some(taken)));
        let cell = state.images("main@3".parse().unwrap());
        let Samples { by, class, .. } = cell.as_kind::<Samples>().unwrap();
        assert_eq!((*by, class.as_deref()), (Rank::Forgotten, Some("cat")));
        assert_eq!(state.behind.to_string(), "forgotten in training");
    }

    #[test]
    fn the_branch_beside_is_subtracted_where_that_is_asked_for() {
        let (at, other): (Address, Address) = ("main@3".parse().unwrap(), "wider@3".parse().unwrap());
        let mut state = State::default();
        let less = |state: &State, beside: Option<&Address>| {
            state.confusion(at.clone(), beside.cloned()).as_kind::<Confusion>().unwrap().less.clone()
        };
        assert_eq!(less(&state, Some(&other)), None);
        state.update(Message::Less(true));
        assert_eq!((less(&state, Some(&other)), less(&state, None)), (Some(other), None));
    }
}
