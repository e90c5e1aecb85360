//! Changes: the only way in which a document becomes another one.

use std::ops::Range;

use thiserror::Error;

use super::line::{Word, written};
use super::{BlockKind, Document, Line};

/// A piece of a text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// What is taken out; empty where something is only put in.
    pub range: Range<usize>,
    /// What is put there.
    pub new: String,
}

/// A change of a document: edits that are made together, and undone together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The edits, from top to bottom; none touches another.
    edits: Vec<TextEdit>,
    /// What a person has done, for the list of what can be undone.
    label: String,
}

/// Why a document is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A change of another text.
    #[error("expected a change of this text, found an edit at {start} to {end}: read the notebook again")]
    NotHere {
        /// Where its edit begins.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// A text that takes nothing at its end.
    #[error("the notebook ends within a block that nothing ends: end it, and try again")]
    NoEnd,
    /// A fence that is none of command lines.
    #[error("block {block} is no fence of command lines")]
    NoLines {
        /// Its place among the blocks.
        block: usize,
    },
    /// A word with an end of line in it, or a line without words.
    #[error("expected words without ends of lines, found {found:?}")]
    NoLine {
        /// The words.
        found: Vec<String>,
    },
}

impl Change {
    /// Several edits as one change.
    ///
    /// # Errors
    /// [`Refusal::NotHere`] where two of them touch.
    pub fn new(label: impl Into<String>, mut edits: Vec<TextEdit>) -> Result<Self, Refusal> {
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let wrong = |edit: &TextEdit| Refusal::NotHere { start: edit.range.start, end: edit.range.end };
        for edit in &edits {
            if edit.range.start > edit.range.end {
                return Err(wrong(edit));
            }
        }
        match edits.windows(2).find(|pair| pair[0].range.end > pair[1].range.start || pair[0].range == pair[1].range) {
            Some(pair) => Err(wrong(&pair[1])),
            None => Ok(Self { edits, label: label.into() }),
        }
    }

    /// What a person has done.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The edits, from top to bottom.
    pub fn edits(&self) -> &[TextEdit] {
        &self.edits
    }

    /// The text with the change made, and the change that takes it back.
    pub(super) fn applied(&self, text: &str) -> Result<(String, Self), Refusal> {
        let (mut made, mut undo, mut from) = (String::with_capacity(text.len()), Vec::new(), 0);
        for TextEdit { range, new } in &self.edits {
            let here = text.get(from..range.start).zip(text.get(range.clone()));
            let (kept, old) = here.ok_or(Refusal::NotHere { start: range.start, end: range.end })?;
            made.push_str(kept);
            undo.push(TextEdit { range: made.len()..made.len() + new.len(), new: old.to_owned() });
            made.push_str(new);
            from = range.end;
        }
        made.push_str(&text[from..]);
        Ok((made, Self { edits: undo, label: self.label.clone() }))
    }
}

impl Document {
    /// A command line after the last one of a fence; of a new fence at the end of
    /// the document where none is named.
    ///
    /// # Errors
    /// [`Refusal::NoLine`] of no words, and of such as hold ends of lines;
    /// [`Refusal::NoLines`] where the block has no lines; [`Refusal::NoEnd`] where
    /// the document takes nothing at its end, such as within an open comment.
    pub fn append_line(&self, fence: Option<usize>, words: &[&str]) -> Result<Change, Refusal> {
        if words.is_empty() || words.iter().any(|word| word.contains(['\n', '\r'])) {
            return Err(Refusal::NoLine { found: words.iter().map(|word| (*word).to_owned()).collect() });
        }
        let line = words.iter().map(|word| written(word)).collect::<Vec<_>>().join(" ");
        let newline = self.newline();
        let label = format!("add `{line}`");
        let attempt = |at: usize, new: String| {
            let change = Change::new(label.clone(), vec![TextEdit { range: at..at, new }]).ok()?;
            let (text, _) = change.applied(&self.text).ok()?;
            let (before, after) = (self.lines().count(), Self::parse(text));
            let added =
                after.lines().any(|line| line.words.iter().map(|word| word.text.as_str()).eq(words.iter().copied()));
            (added && after.lines().count() == before + 1).then_some(change)
        };
        if let Some(block) = fence {
            let Some(BlockKind::Lines { body, .. }) = self.blocks.get(block).map(|block| &block.kind) else {
                return Err(Refusal::NoLines { block });
            };
            let ended = self.text[..body.end].ends_with('\n');
            let before = if ended { "" } else { newline };
            return attempt(body.end, format!("{before}{line}{newline}")).ok_or(Refusal::NoEnd);
        }
        // An empty line keeps it apart from the prose, as a person would write it.
        let before = match self.text.trim_start_matches('\u{feff}') {
            "" => String::new(),
            text if text.ends_with("\n\n") || text.ends_with("\r\n\r\n") => String::new(),
            text if text.ends_with('\n') => newline.to_owned(),
            _ => format!("{newline}{newline}"),
        };
        let new = format!("{before}```revacnn{newline}{line}{newline}```{newline}");
        attempt(self.text.len(), new).ok_or(Refusal::NoEnd)
    }

    /// Another word in place of one.
    ///
    /// # Errors
    /// [`Refusal::NoLine`] where it holds an end of a line.
    pub fn set_word(&self, word: &Word, text: &str) -> Result<Change, Refusal> {
        if text.contains(['\n', '\r']) {
            return Err(Refusal::NoLine { found: vec![text.to_owned()] });
        }
        let edit = TextEdit { range: word.range.clone(), new: written(text) };
        Change::new(format!("{} instead of {}", written(text), written(&word.text)), vec![edit])
    }

    /// A line taken out, with the rows of the text that are its own.
    ///
    /// # Errors
    /// [`Refusal::NotHere`] where it is not a line of this document.
    pub fn remove_line(&self, line: &Line) -> Result<Change, Refusal> {
        let Range { start, end } = line.range;
        let found = self.lines().any(|own| own == line);
        let here = self.text.get(..start).zip(self.text.get(end..)).filter(|_| found);
        let (before, after) = here.ok_or(Refusal::NotHere { start, end })?;
        let first = before.rfind('\n').map_or(0, |at| at + 1);
        let last = after.find('\n').map_or(self.text.len(), |at| end + at + 1);
        let label = format!("remove `{}`", &self.text[line.range.clone()]);
        Change::new(label, vec![TextEdit { range: first..last, new: String::new() }])
    }

    /// How the document ends its lines.
    fn newline(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }
}
