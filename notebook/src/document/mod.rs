//! A notebook as a document: Markdown with fences whose lines are commands.
//!
//! The text is all there is: blocks, lines and words are ranges of it, found by
//! [`Document::parse`], which never fails. What is wrong is a [`Problem`] with its
//! place. A document changes only by a [`Change`], which is a few edits of the
//! text; whatever they do not touch stays as a person wrote it, to the byte.
//! Nothing is evaluated here, and nothing but Markdown and words is known.
//!
//! | fence | what it holds |
//! |---|---|
//! | ```` ```revacnn ```` | command lines; one that begins with blanks continues the one above, `#` begins a comment |
//! | ```` ```sql revacnn NAME ```` | a query |
//! | ```` ```toml revacnn NAME ```` | a network |
//!
//! A fence counts where it begins at the first column and stands in nothing else,
//! such as a list; every other one is prose.
//!
//! ```
//! use revacnn_notebook::document::{Document, Line, Role};
//!
//! let mut document = Document::parse("# Wider\n\n```revacnn\ntrain base --epochs 6\n```\n");
//! let fence = document.last_lines().expect("a fence of lines");
//! let change = document.append_line(Some(fence), &["plot", "loss", "base"])?;
//! let undo = document.apply(&change)?;
//! let roles: Vec<Role> = document.lines().map(Line::role).collect();
//! assert_eq!(roles, [Role::Training, Role::View]);
//! document.apply(&undo)?;
//! assert_eq!(document.text(), "# Wider\n\n```revacnn\ntrain base --epochs 6\n```\n");
//! # Ok::<(), revacnn_notebook::document::Refusal>(())
//! ```

mod block;
mod change;
mod line;

use std::ops::Range;

pub use block::{Block, BlockKind};
pub use change::{Change, Refusal, TextEdit};
pub use line::{Line, Role, Word, written};

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the text.
    pub range: Range<usize>,
    /// What was expected, and what was found.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
    /// The edit that mends it, where there is one.
    pub fix: Option<TextEdit>,
    /// Other places that have to do with it, and why.
    pub also: Vec<(Range<usize>, String)>,
}

impl Problem {
    /// Something that is wrong, without advice.
    pub fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: None, fix: None, also: Vec::new() }
    }

    /// With what to do.
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// With a word that may be meant instead of the one that is wrong.
    pub fn with_suggestion(self, word: &str) -> Self {
        let fix = TextEdit { range: self.range.clone(), new: written(word) };
        Self { help: Some(format!("did you mean `{word}`?")), fix: Some(fix), ..self }
    }
}

/// A notebook's text, and what is where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    text: String,
    blocks: Vec<Block>,
    problems: Vec<Problem>,
}

impl Document {
    /// Finds the blocks and lines of a text.
    pub fn parse(text: impl Into<String>) -> Self {
        let text = text.into();
        let (blocks, problems) = block::blocks(&text);
        Self { text, blocks, problems }
    }

    /// The text: what is written to the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The blocks, which together are the whole text.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The command lines, from top to bottom.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.blocks.iter().flat_map(|block| match &block.kind {
            BlockKind::Lines { lines, .. } => lines.as_slice(),
            _ => &[],
        })
    }

    /// What is wrong with it, from top to bottom.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The place of the last fence of command lines among the blocks.
    pub fn last_lines(&self) -> Option<usize> {
        self.blocks.iter().rposition(|block| matches!(block.kind, BlockKind::Lines { .. }))
    }

    /// Makes a change; returns the one that takes it back.
    ///
    /// # Errors
    /// [`Refusal::NotHere`] where the change is not one of this text. Nothing is
    /// changed then.
    pub fn apply(&mut self, change: &Change) -> Result<Change, Refusal> {
        let (text, undo) = change.applied(&self.text)?;
        *self = Self::parse(text);
        Ok(undo)
    }
}
