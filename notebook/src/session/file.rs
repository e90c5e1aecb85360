//! The file of a notebook: opened, looked at, saved, and merged where both changed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use revacnn_store::{StoreError, write_output};
use revacnn_trainer::read_file;
use thiserror::Error;

use super::Session;
use crate::document::{Change, TextEdit};

/// The longest notebook that is read, in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 24;

/// What is in a file that was changed elsewhere while it was changed here, in the same
/// place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The file's text.
    pub theirs: String,
}

/// What a look at the file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// What was there before.
    Same,
    /// Something else, which is taken over: a change that can be undone.
    Taken,
    /// Something else, in other places than what was changed here: it has both now.
    Merged,
    /// Something else in the same place: a person chooses.
    Clash,
    /// It is gone; the text stays, and is not saved any more.
    Gone,
    /// It cannot be taken over, and why: the text stays.
    Refused(String),
}

/// How a clash is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// By what is here.
    Mine,
    /// By what is in the file.
    Theirs,
    /// By both, one after the other, as a version control marks them.
    Both,
}

/// Why a notebook is not saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// It has no file.
    #[error("the notebook has no file yet: name one")]
    NoFile,
    /// The file holds what was not read yet.
    #[error("the file was changed elsewhere: what is in it is read first")]
    Changed,
    /// There is a file of that name that is not this notebook's.
    #[error("{0} is there already: name another file")]
    Taken(String),
    /// It cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lines that a version control leaves where two changes clash.
const MARKS: [&str; 3] = ["<<<<<<< ", "=======", ">>>>>>> "];

impl Session {
    /// Opens a file.
    ///
    /// # Errors
    /// What was expected of it, and what was found.
    pub fn open(path: &Path) -> Result<Self, String> {
        let text = read(path)?;
        let mut session = Self::new(text.as_str());
        (session.path, session.on_disk) = (Some(path.to_owned()), Some(text));
        Ok(session)
    }

    /// Looks at the file, by its whole content: what others wrote is taken over where
    /// nothing was changed here, or in other blocks.
    pub fn look(&mut self) -> Looked {
        let Some(path) = self.path.clone() else { return Looked::Same };
        let theirs = match fs::symlink_metadata(&path).and_then(|_| fs::metadata(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let was_there = self.on_disk.take().is_some();
                return if was_there { Looked::Gone } else { Looked::Same };
            }
            _ => match read(&path) {
                Ok(text) => text,
                Err(reason) => return Looked::Refused(reason),
            },
        };
        if self.on_disk.as_deref() == Some(theirs.as_str()) {
            return Looked::Same;
        }
        if has_marks(&theirs) {
            let reason = format!("{} holds marks of a conflict: the last text without them stays", path.display());
            return Looked::Refused(reason);
        }
        let base = self.on_disk.clone().unwrap_or_default();
        let mine = self.document.text().to_owned();
        if theirs == mine {
            self.on_disk = Some(theirs);
            return Looked::Same;
        }
        if mine == base {
            self.take(&theirs, "changed elsewhere");
            self.on_disk = Some(theirs);
            return Looked::Taken;
        }
        match merge(&base, &mine, &theirs) {
            Ok(both) => {
                self.take(&both, "changed elsewhere");
                self.on_disk = Some(theirs);
                Looked::Merged
            }
            Err(_) if self.clash.as_ref().is_some_and(|clash| clash.theirs == theirs) => Looked::Same,
            Err(_) => {
                self.clash = Some(Clash { theirs });
                Looked::Clash
            }
        }
    }

    /// Resolves what clashed.
    pub fn resolve(&mut self, by: Resolution) {
        let Some(Clash { theirs }) = self.clash.take() else { return };
        match by {
            Resolution::Mine => {}
            Resolution::Theirs => self.take(&theirs, "what was changed elsewhere"),
            Resolution::Both => {
                let base = self.on_disk.clone().unwrap_or_default();
                let both = both(&base, self.document.text(), &theirs);
                self.take(&both, "what was changed here and elsewhere");
            }
        }
        self.on_disk = Some(theirs);
    }

    /// Writes the file, if it still holds what was read of it.
    ///
    /// # Errors
    /// [`SaveError`]; the text stays as it is, and unsaved.
    pub fn save(&mut self) -> Result<(), SaveError> {
        let Some(path) = self.path.clone() else { return Err(SaveError::NoFile) };
        // Another one may have been written since the last look.
        match (read(&path), &self.on_disk) {
            (Ok(found), Some(known)) if found == *known => {}
            (Ok(_), _) => return Err(SaveError::Changed),
            (Err(_), _) => {}
        }
        self.write_to(&path)
    }

    /// Gives it a file, `over` one that is there, and writes that.
    ///
    /// # Errors
    /// [`SaveError::Taken`] where there is one and it is not to be replaced.
    pub fn save_as(&mut self, path: &Path, over: bool) -> Result<(), SaveError> {
        if !over && fs::symlink_metadata(path).is_ok() && self.path.as_deref() != Some(path) {
            return Err(SaveError::Taken(path.display().to_string()));
        }
        self.write_to(path)?;
        self.path = Some(path.to_owned());
        Ok(())
    }

    fn write_to(&mut self, path: &Path) -> Result<(), SaveError> {
        let text = self.document.text().to_owned();
        write_output(path, |file| {
            let failed = |source| StoreError::Io { operation: "write", path: path.to_owned(), source };
            file.write_all(text.as_bytes()).map_err(failed)
        })?;
        (self.on_disk, self.clash) = (Some(text), None);
        Ok(())
    }

    /// Takes another text over as one change, by the parts that differ.
    pub(super) fn take(&mut self, theirs: &str, label: &str) {
        let mine = self.document.text();
        let start = common(mine.char_indices(), theirs.char_indices());
        let [rest, other] = [&mine[start..], &theirs[start..]];
        let end = common_end(rest, other);
        let edit = TextEdit { range: start..mine.len() - end, new: theirs[start..theirs.len() - end].to_owned() };
        if let Ok(change) = Change::new(label, vec![edit]) {
            // It is of this text by how it was made.
            let _ = self.change(&change);
        }
    }
}

/// Where two texts begin to differ, in bytes.
fn common(mine: impl Iterator<Item = (usize, char)>, theirs: impl Iterator<Item = (usize, char)>) -> usize {
    let same = mine.zip(theirs).take_while(|((_, one), (_, other))| one == other);
    same.last().map_or(0, |((at, letter), _)| at + letter.len_utf8())
}

/// How much two texts have alike at their ends, in bytes.
fn common_end(mine: &str, theirs: &str) -> usize {
    let same = mine.chars().rev().zip(theirs.chars().rev()).take_while(|(one, other)| one == other);
    same.map(|(letter, _)| letter.len_utf8()).sum()
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = read_file(path, "a notebook in Markdown", MOST_BYTES).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{} is no text: expected UTF-8, found another byte at {at}", path.display())
    })
}

fn has_marks(text: &str) -> bool {
    let [ours, between, theirs] = MARKS;
    text.lines().any(|line| line.starts_with(ours))
        && text.lines().any(|line| line == between)
        && text.lines().any(|line| line.starts_with(theirs))
}

/// How long the marks are between which a merge leaves what clashes: no line of a text is
/// like them.
const MARK: usize = 60;

/// What both made of a text, where they changed other lines of it; where they changed the
/// same, what both have is between marks (`Err`).
fn merge(base: &str, mine: &str, theirs: &str) -> Result<String, String> {
    let mut options = diffy::MergeOptions::new();
    options.set_conflict_marker_length(MARK).set_conflict_style(diffy::ConflictStyle::Merge);
    options.merge(base, mine, theirs)
}

/// Both texts, one after the other where they clash.
fn both(base: &str, mine: &str, theirs: &str) -> String {
    let marks = ["<", "=", ">"].map(|mark| mark.repeat(MARK));
    let is_mark = |row: &str| marks.iter().any(|mark| row.starts_with(mark.as_str()));
    match merge(base, mine, theirs) {
        Ok(text) => text,
        Err(text) => text.split_inclusive('\n').filter(|row| !is_mark(row)).collect(),
    }
}
