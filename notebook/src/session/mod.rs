//! An open notebook: its text, what was done to it and can be undone, and its file, which
//! others may write, too.
//!
//! Everything that changes the text is a [`Change`] of byte ranges on one stack: what is
//! typed, what clicks write, and what comes from outside.
//!
//! | file | concept |
//! |---|---|
//! | `deed` | what was done by hand in a store, as a change of lines |
//! | `file` | the file: opened, looked at, saved, and merged where both changed |
//! | `journal` | what is not saved yet, kept for after a crash |
//! | `board` | the figures of views, made again where a change reaches them |

mod board;
mod deed;
mod file;
mod journal;

use std::path::{Path, PathBuf};

use crate::document::{BlockKind, Change, Document, Refusal, Role, TextEdit};
use crate::program::Program;

pub use board::Board;
pub use deed::Deed;
pub use file::{Clash, Looked, Resolution, SaveError};
pub use journal::Journal;

/// An open notebook.
#[derive(Debug)]
pub struct Session {
    document: Document,
    program: Program,
    /// Its file; a notebook without one is not saved yet.
    path: Option<PathBuf>,
    /// What the file held when it was last read or written; `None` where there is none.
    on_disk: Option<String>,
    undone_by: Vec<Change>,
    redone_by: Vec<Change>,
    /// Where the newest line that a click wrote begins.
    newest: Option<usize>,
    /// What came from outside and clashes with what was changed here.
    clash: Option<Clash>,
}

impl Session {
    /// A notebook of this text that has no file yet.
    pub fn new(text: impl Into<String>) -> Self {
        let document = Document::parse(text);
        let program = Program::of(&document);
        Self {
            document,
            program,
            path: None,
            on_disk: None,
            undone_by: Vec::new(),
            redone_by: Vec::new(),
            newest: None,
            clash: None,
        }
    }

    /// Its text, in blocks and lines.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// What that says.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether its file holds something else, or it has none and something was done.
    pub fn is_unsaved(&self) -> bool {
        match &self.on_disk {
            Some(text) => text != self.document.text(),
            None => self.path.is_some() || !self.undone_by.is_empty(),
        }
    }

    /// Makes a change; what was undone is forgotten. One that changes nothing is none.
    ///
    /// # Errors
    /// Those of [`Document::apply`].
    pub fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        let before = self.document.text().to_owned();
        let undo = self.document.apply(change)?;
        if self.document.text() == before {
            return Ok(());
        }
        self.redone_by.clear();
        self.undone_by.push(undo);
        self.program = Program::of(&self.document);
        Ok(())
    }

    /// Gives a block, or the whole, another text.
    ///
    /// # Errors
    /// [`Refusal::NotHere`] where there is no such range.
    pub fn write(&mut self, range: std::ops::Range<usize>, text: &str, label: &str) -> Result<(), Refusal> {
        self.change(&Change::new(label, vec![TextEdit { range, new: text.to_owned() }])?)
    }

    /// Takes the newest change back; returns what it was, where there was one.
    pub fn undo(&mut self) -> Option<String> {
        let change = self.undone_by.pop()?;
        self.turn(change, |session, back| session.redone_by.push(back))
    }

    /// Makes what was taken back last again; returns what it was, where there was something.
    pub fn redo(&mut self) -> Option<String> {
        let change = self.redone_by.pop()?;
        self.turn(change, |session, back| session.undone_by.push(back))
    }

    fn turn(&mut self, change: Change, keep: impl FnOnce(&mut Self, Change)) -> Option<String> {
        let label = change.label().to_owned();
        let back = self.document.apply(&change).ok()?;
        keep(self, back);
        self.program = Program::of(&self.document);
        self.newest = None;
        Some(label)
    }

    /// What undo would take back.
    pub fn undoes(&self) -> Option<&str> {
        self.undone_by.last().map(Change::label)
    }

    /// What came from outside and waits for a word.
    pub fn clash(&self) -> Option<&Clash> {
        self.clash.as_ref()
    }

    /// Where the newest line that was written here begins, until something else happens.
    pub fn newest(&self) -> Option<usize> {
        self.newest
    }

    /// Writes what was done into the text: a line after the last one of the fence that the
    /// newest such line stands in, or of a new fence at the end; or other words of lines
    /// that are there. Returns what was written, where something was.
    ///
    /// # Errors
    /// Where the text takes no line at its end.
    pub fn record(&mut self, deed: &Deed) -> Result<Option<String>, Refusal> {
        let fence =
            self.newest.and_then(|at| self.document.blocks().iter().position(|block| block.range.contains(&at)));
        // Figures stand below a fence of views, where nobody looks for what is trained.
        let fence = fence.filter(|place| {
            let BlockKind::Lines { lines, .. } = &self.document.blocks()[*place].kind else { return true };
            lines.iter().all(|line| (line.role() == Role::Training) == deed.is_training())
        });
        let Some(change) = deed.change(&self.document, &self.program, fence)? else { return Ok(None) };
        let label = change.label().to_owned();
        self.change(&change)?;
        let added = change.edits().iter().rfind(|edit| edit.new.contains('\n'));
        // Edits above it have moved it.
        let moved = |at: usize| -> usize {
            let above = change.edits().iter().filter(|edit| edit.range.end <= at && edit.range.start < at);
            let [grown, shrunk] =
                above.fold([0, 0], |[grown, shrunk], edit| [grown + edit.new.len(), shrunk + edit.range.len()]);
            at + grown - shrunk
        };
        if let Some(edit) = added {
            let start = moved(edit.range.start);
            // Within what was put in, the line and not the fence about it.
            let lead = match edit.new.find("```revacnn") {
                Some(fence) => edit.new[fence..].find('\n').map_or(0, |end| fence + end + 1),
                None => edit.new.len() - edit.new.trim_start_matches(['\n', '\r']).len(),
            };
            self.newest = Some(start + lead);
        }
        Ok(Some(label))
    }
}

#[cfg(test)]
mod tests;
