//! A part of the text that is being typed in: what it says by now, and what is wrong with that.

use std::ops::Range;

use iced::widget::text_editor::{Action as Edit, Content, Cursor, Position};
use iced::{Point, Size};
use revacnn_notebook::document::{Block, BlockKind, Document, Problem};
use revacnn_notebook::program::Program;

use super::{Action, State};

/// A part of the text that is being typed in.
#[derive(Debug)]
pub(super) struct Typing {
    pub(super) range: Range<usize>,
    pub(super) content: Content,
    /// What it says by now, where that is something else than the text.
    typed: Option<String>,
    /// What is wrong there.
    pub(super) problems: Vec<Problem>,
    /// How much is wrong elsewhere because of it.
    pub(super) elsewhere: usize,
}

impl Typing {
    /// Whether it is in a block, or in a part of it.
    pub(super) fn is_in(&self, block: &Block) -> bool {
        let (one, other) = (&self.range, &block.range);
        one.start < other.end && other.start < one.end || one.is_empty() && other.contains(&one.start)
    }
}

/// A place on the page that was clicked twice: a point of the words that stand there, and the
/// room that they have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    pub(super) of: SpotOf,
    pub(super) at: Point,
    pub(super) room: Size,
}

/// Which words were clicked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SpotOf {
    /// Of a block of prose this part.
    Prose(usize, usize),
    /// This part of the notes.
    Note(usize),
    /// These rows of a fence.
    Rows(Range<usize>),
}

impl State {
    /// Types in a part of the text, from a place in it on. What was typed elsewhere is the text
    /// from now on.
    pub(super) fn type_in(&mut self, range: Range<usize>, place: usize) -> Action {
        let is_whole = range == (0..self.text().len());
        let (action, moved) = self.leave_and_move(range);
        let range = if is_whole { 0..self.text().len() } else { moved.clone() };
        let place = place.max(moved.start).min(moved.end.max(moved.start));
        let Some(text) = self.text().get(range.clone()) else { return action };
        let content = content(text, place.saturating_sub(range.start));
        let typing = Typing { range, content, typed: None, problems: Vec::new(), elsewhere: 0 };
        self.typing = Some(typing);
        self.read_typed();
        match action == Action::None || action == Action::Read {
            true => Action::Type { reads: action == Action::Read },
            false => action,
        }
    }

    /// Types where somebody has clicked.
    pub(super) fn type_at(&mut self, spot: &Spot) -> Action {
        let Spot { of, at, room } = spot;
        // In the room that they were given, the words are set once more.
        let room = Size::new(room.width + 0.5, f32::INFINITY);
        let part = match of {
            SpotOf::Prose(block, part) => self.prose.blocks.get(*block).and_then(|parts| parts.get(*part)),
            SpotOf::Note(part) => self.prose.notes.get(*part),
            SpotOf::Rows(_) => None,
        };
        let place = match (of, part) {
            (SpotOf::Rows(rows), _) => {
                let Some(text) = self.text().get(rows.clone()) else { return Action::None };
                rows.start + super::clicked::place_in(text, *at, room)
            }
            (_, Some(part)) => match part.place_at(*at, room) {
                Some(place) => place,
                None => return Action::None,
            },
            (_, None) => return Action::None,
        };
        let block = self.session.document().blocks().iter().find(|block| block.range.contains(&place));
        let last = self.session.document().blocks().last();
        let Some(block) = block.or(last) else { return Action::None };
        let range = self.trimmed(block.range.clone());
        self.type_in_at(range, place)
    }

    fn type_in_at(&mut self, range: Range<usize>, place: usize) -> Action {
        let before = range.start;
        let place = place.clamp(range.start, range.end);
        let (action, moved) = self.leave_and_move(range);
        let place = moved.start + (place - before);
        match (action, self.type_in(moved, place)) {
            (Action::Read, Action::Type { .. }) => Action::Type { reads: true },
            (Action::None, action) => action,
            (action, _) => action,
        }
    }

    /// Where somebody goes on who types in a part without having pointed at a place in it: behind
    /// its last word, in a fence before its end. The whole is read from its start.
    pub(super) fn end_of_words(&self, range: &Range<usize>) -> usize {
        if *range == (0..self.text().len()) {
            return range.start;
        }
        let block = self.session.document().blocks().iter().find(|block| block.range.contains(&range.start));
        let end = match block.map(|block| &block.kind) {
            Some(BlockKind::Lines { body, .. } | BlockKind::Sql { body, .. } | BlockKind::Network { body, .. }) => {
                self.trimmed(body.clone()).end
            }
            Some(BlockKind::Prose) | None => self.trimmed(range.clone()).end,
        };
        end.min(range.end)
    }

    /// A part of the text without the empty rows about it.
    pub(super) fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let Some(text) = self.text().get(range.clone()) else { return range };
        let ends = ['\n', '\r'];
        let [begins, rest] = [text.trim_start_matches(ends), text.trim_end_matches(ends)];
        if begins.is_empty() { range } else { range.end - begins.len()..range.start + rest.len() }
    }

    /// Something is typed, or the text cursor moved.
    pub(super) fn perform(&mut self, edit: Edit) {
        let Some(typing) = &mut self.typing else { return };
        let is_edit = edit.is_edit();
        typing.content.perform(edit);
        if is_edit {
            self.read_typed();
        }
    }

    /// Reads what the part that is typed in says now, and what is wrong with that.
    fn read_typed(&mut self) {
        let Some(typing) = &self.typing else { return };
        let mut typed = typing.content.text();
        let Some(before) = self.text().get(typing.range.clone()) else { return };
        // An editor ends no line that was not ended.
        if before.ends_with('\n') && !typed.ends_with('\n') {
            typed.push('\n');
        } else if !before.ends_with('\n') && typed.ends_with('\n') && typed.len() == before.len() + 1 {
            typed.pop();
        }
        if before.contains("\r\n") {
            typed = typed.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        let range = typing.range.start..typing.range.start + typed.len();
        // Prose is never wrong.
        let says = ["```", "~~~"].iter().any(|fence| typed.contains(fence));
        let all = match (says, typed == before) {
            (false, _) => Vec::new(),
            (true, true) => self.session.program().problems.clone(),
            (true, false) => {
                let mut text = self.text().to_owned();
                text.replace_range(typing.range.clone(), &typed);
                Program::of(&Document::parse(text)).problems
            }
        };
        let typed = (typed != before).then_some(typed);
        let Some(typing) = &mut self.typing else { return };
        let count = all.len();
        typing.problems = all.into_iter().filter(|problem| range.contains(&problem.range.start)).collect();
        typing.elsewhere = count - typing.problems.len();
        typing.typed = typed;
    }

    /// What the part that is typed in says now, and where; `None` while nothing is typed, or
    /// nothing else than before.
    pub(super) fn typed(&self) -> Option<(Range<usize>, &str)> {
        let typing = self.typing.as_ref()?;
        Some((typing.range.clone(), typing.typed.as_deref()?))
    }

    /// Ends typing: what was typed is the text.
    pub(crate) fn leave(&mut self) -> Action {
        let action = self.commit();
        self.typing = None;
        action
    }

    /// Ends typing; returns where a part of the text is from then on.
    pub(super) fn leave_and_move(&mut self, range: Range<usize>) -> (Action, Range<usize>) {
        let before = self.text().len();
        let is_behind = self.typing.as_ref().is_some_and(|typing| typing.range.end <= range.start);
        let action = self.leave();
        let moved = |at: usize| if is_behind { at + self.text().len() - before } else { at };
        (action, moved(range.start)..moved(range.end))
    }

    /// Takes over what is typed, and goes on typing.
    pub(super) fn commit(&mut self) -> Action {
        let Some((range, typed)) = self.typed().map(|(range, typed)| (range, typed.to_owned())) else {
            return Action::None;
        };
        match self.session.write(range.clone(), &typed, "typed") {
            Ok(()) => {
                if let Some(typing) = &mut self.typing {
                    typing.range = range.start..range.start + typed.len();
                    typing.typed = None;
                }
                self.read_anew();
                Action::Read
            }
            Err(error) => Action::Refuse(error.to_string()),
        }
    }

    /// Takes the newest change back, or makes what was taken back again. Who types goes on with
    /// what the part says then, or ends where another part has changed.
    pub(super) fn turn(&mut self, back: bool) -> Option<String> {
        let _ = self.commit();
        let before = self.text().to_owned();
        let label = if back { self.session.undo() } else { self.session.redo() }?;
        let Some(typing) = &mut self.typing else { return Some(label) };
        let after = self.session.document().text();
        let alike = |(one, other): &(u8, u8)| one == other;
        let start = before.bytes().zip(after.bytes()).take_while(alike).count();
        let most = before.len().min(after.len()) - start;
        let end = before.bytes().rev().zip(after.bytes().rev()).take(most).take_while(alike).count();
        let changed = start..before.len() - end;
        let Range { start: from, end: to } = typing.range;
        let now = from..(to + after.len()).saturating_sub(before.len());
        match after.get(now.clone()).filter(|_| from <= changed.start && changed.end <= to) {
            Some(text) => {
                typing.content = content(text, (after.len() - end).saturating_sub(from).min(text.len()));
                (typing.range, typing.typed) = (now, None);
                self.read_typed();
            }
            None => self.typing = None,
        }
        Some(label)
    }
}

/// A field with a text, in which the text cursor stands behind so many bytes.
fn content(text: &str, place: usize) -> Content {
    let mut content = Content::with_text(text);
    let place = (0..=place.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
    let before = &text[..place];
    let line = before.matches('\n').count();
    let column = place - before.rfind('\n').map_or(0, |end| end + 1);
    content.move_to(Cursor { position: Position { line, column }, selection: None });
    content
}
