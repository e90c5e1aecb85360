//! How the page of the notebook looks: what stands above it, and its parts.

use iced::widget::text::Wrapping;
use iced::widget::{Column, Row, checkbox, column, container, row, scrollable};
use iced::{Alignment, Color, Fill, Padding};
use revacnn_notebook::document::{Block, BlockKind};
use revacnn_notebook::session::Resolution;
use revacnn_schemas::counted;

use super::clicked::{clicked, spots};
use super::fence::{code, indented};
use super::field::{editor, wrong_in};
use super::prose::{MEASURE, prose};
use super::typing::{SpotOf, Typing};
use super::{Message, State};
use crate::components::pieces::{
    Piece, changing, faint, filled, ground, hinted, noted, plain, press, quiet, separator,
};
use crate::context::Context;
use crate::focus::Stop;
use crate::theme::{Colours, SMALL, theme};

/// The name of what scrolls.
pub(crate) const PAGE: &str = "notebook-page";
/// What lies between the edges of the page and its text.
const SIDES: f32 = 24.0;
/// How wide the page is at most.
const WIDE: f32 = 740.0;
/// What lies between its parts.
const BETWEEN: f32 = 10.0;

impl State {
    /// The page.
    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let head = container(self.head(context)).padding([6, 12]);
        let whole = self.typing.as_ref().filter(|typing| typing.range == (0..self.session.document().text().len()));
        let body: Piece<'_, Message> = match whole {
            Some(typing) => {
                let field = editor(&typing.content).height(Fill);
                let wrong = wrong_in(typing, self.text());
                column![field].push(wrong).spacing(6).padding([8, 12]).height(Fill).into()
            }
            None => self.blocks(Colours::of(&theme(context.dark)).accent),
        };
        column![head, separator()].push(self.bars()).push(body).height(Fill).into()
    }

    fn head<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let name = if self.is_unsaved() { format!("{} ● not saved", self.name()) } else { self.name() };
        let (left, steps) = self.planned.left;
        let run = match (self.running.len(), left) {
            (0, 0) => "nothing to run".to_owned(),
            (0, left) => format!("run: {}, {}", counted(left as u64, "training"), counted(steps, "step")),
            (running, _) => format!("{} runs", counted(running as u64, "training")),
        };
        let can_run = self.can_run() && !context.is_busy();
        let run = if can_run { filled(run, Some(Message::Run)) } else { press(run, None) };
        let whole = 0..self.text().len();
        let is_typed = self.typing.is_some();
        let typed = match is_typed {
            true => hinted(press("done", Some(Message::Leave)), "back to the page: Esc"),
            false => hinted(
                press("text", Some(Message::Type(whole))),
                "the whole text; a double click on a part types in that part",
            ),
        };
        let hides =
            checkbox(self.hides_lines).label("no lines").on_toggle(Message::HideLines).size(14).text_size(SMALL);
        let bar = row![
            container(changing(plain(name.clone()).wrapping(Wrapping::None), &name)).width(Fill).clip(true),
            hinted(Stop::of(hides).into(), "prose, controls and figures alone"),
            typed,
            hinted(press("undo", self.can_undo().then_some(Message::Undo)), "the newest change of the text: Ctrl+Z"),
            hinted(press("save", self.can_save().then_some(Message::Save)), "Ctrl+S"),
            hinted(run, "train what is left: F5"),
        ];
        bar.spacing(8).align_y(Alignment::Center).into()
    }

    /// What is asked of a person.
    fn bars(&self) -> Option<Piece<'_, Message>> {
        let bar = |words: &'static str, answers: Vec<(&'static str, Message)>| {
            let answers = answers.into_iter().map(|(words, message)| press(words, Some(message)));
            let row = Row::with_children(answers).spacing(8);
            let bar = row![plain(words).width(Fill), row].align_y(Alignment::Center).padding([6, 12]);
            container(bar).style(|theme| ground(Colours::of(theme).raised)).into()
        };
        if self.left.is_some() {
            let answers = vec![("restore", Message::Restore(true)), ("leave it", Message::Restore(false))];
            return Some(bar("A text was left that was not saved.", answers));
        }
        self.session.clash()?;
        let answers = vec![
            ("mine", Message::Resolve(Resolution::Mine)),
            ("theirs", Message::Resolve(Resolution::Theirs)),
            ("both", Message::Resolve(Resolution::Both)),
        ];
        Some(bar("The file was changed elsewhere, in the same place as here.", answers))
    }

    /// The parts of the text, one below the other; links are of a colour.
    fn blocks(&self, link: Color) -> Piece<'_, Message> {
        let document = self.session.document();
        if document.text().trim().is_empty() && self.typing.is_none() {
            let words =
                "Nothing is written here yet. What you do in the figures becomes a line; or press text and write.";
            return noted(words);
        }
        let mut page: Column<'_, Message> =
            column![].spacing(BETWEEN).padding(Padding::from([12.0, SIDES])).width(Fill);
        let mut typing = self.typing.as_ref();
        for (place, block) in document.blocks().iter().enumerate() {
            // One piece a block, typed or not: what stands beneath is not set anew.
            page = page.push(match self.typing.as_ref().is_some_and(|typing| typing.is_in(block)) {
                true => Some(self.typed_block(place, block, typing.take())),
                false => self.block(place, block, link),
            });
        }
        if !self.prose.notes.is_empty() {
            let notes = prose(&self.prose.notes, link, |part| spots(SpotOf::Note(part)));
            page = page.push(container(separator()).width(MEASURE / 4.0)).push(notes);
        }
        let page = page.max_width(WIDE);
        scrollable(container(page).center_x(Fill)).id(PAGE).spacing(0).height(Fill).into()
    }

    /// A block; `None` of one of which nothing is seen here.
    fn block<'a>(&'a self, place: usize, block: &'a Block, link: Color) -> Option<Piece<'a, Message>> {
        match &block.kind {
            BlockKind::Prose => {
                let parts = self.prose.blocks.get(place).filter(|parts| !parts.is_empty())?;
                Some(self.reached(block, prose(parts, link, |part| spots(SpotOf::Prose(place, part)))))
            }
            BlockKind::Lines { .. } => Some(self.fence(place, block)),
            BlockKind::Sql { name, body } | BlockKind::Network { name, body } => {
                let what = if matches!(block.kind, BlockKind::Network { .. }) { "network" } else { "query" };
                let what = format!("{what} {}", &self.text()[name.clone()]);
                let words = self.text()[body.clone()].trim_end().to_owned();
                let rows = (!self.hides_lines).then(|| {
                    let rows = indented(clicked(code(words), SpotOf::Rows(body.clone())));
                    self.reached(block, column![faint(what), rows].spacing(2).into())
                });
                let page = column![].push(rows).push(self.problems_in(block)).push(self.figures(place));
                Some(page.spacing(BETWEEN).into())
            }
        }
    }

    /// A block that is typed in. What is typed may reach over several: the field is in the first.
    fn typed_block<'a>(&'a self, place: usize, block: &Block, first: Option<&'a Typing>) -> Piece<'a, Message> {
        let field = first.map(|typing| editor(&typing.content));
        let wrong = first.and_then(|typing| wrong_in(typing, self.text()));
        // What is typed may have become several parts, and one that reaches beyond it.
        let end = self.typing.as_ref().map_or(block.range.end, |typing| typing.range.end);
        let beyond = self.text().get(end..block.range.end).map(str::trim).filter(|beyond| !beyond.is_empty());
        let beyond = beyond.map(|beyond| indented(code(beyond.to_owned())));
        // What stands beneath keeps its place.
        column![].push(field).push(wrong).push(beyond).push(self.figures(place)).spacing(BETWEEN).into()
    }

    /// A part that Tab leads to and Enter types in.
    pub(super) fn reached<'a>(&self, block: &Block, piece: Piece<'a, Message>) -> Piece<'a, Message> {
        Stop::of(piece).enters(Message::Type(self.trimmed(block.range.clone()))).into()
    }
}

/// The button that changes between figures and notebook.
pub(crate) fn turn<'a, M: Clone + 'a>(shows: bool, message: M) -> Piece<'a, M> {
    hinted(quiet(plain("notebook"), shows, Some(message)), "the notebook, or the figures: F2")
}
