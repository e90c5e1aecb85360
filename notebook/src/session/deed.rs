//! What was done by hand in a store, as a change of lines: the program's own words, with
//! names and numbers alone.

use std::ops::Range;

use revacnn_schemas::{BranchName, Step};

use crate::document::{Change, Document, Line, Refusal, Role, TextEdit, written};
use crate::program::Program;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A branch was made, by a line of these words; or a figure is kept, a cursor set.
    Line(Vec<String>),
    /// A branch was made of one that was being trained: the parent stays at a step, which its
    /// line says from now on.
    Left {
        /// The parent.
        parent: BranchName,
        /// Where it stays.
        at: Step,
        /// The words of the child's line.
        line: Vec<String>,
    },
    /// A branch is trained until another step.
    Until {
        /// The branch.
        branch: BranchName,
        /// The step.
        step: Step,
    },
    /// A branch has another name.
    Renamed {
        /// The one that it had.
        from: BranchName,
        /// The one that it has.
        to: BranchName,
    },
    /// A branch was deleted.
    Deleted(BranchName),
}

impl Deed {
    /// Whether its line trains something, and shows nothing.
    pub(super) fn is_training(&self) -> bool {
        match self {
            Self::Line(words) => words.first().is_some_and(|word| Role::of(word) == Role::Training),
            Self::Left { .. } | Self::Until { .. } | Self::Renamed { .. } | Self::Deleted(_) => true,
        }
    }

    /// The change of a document; `None` where the document says it already, or has nothing to
    /// do with it.
    pub(super) fn change(
        &self,
        document: &Document,
        program: &Program,
        fence: Option<usize>,
    ) -> Result<Option<Change>, Refusal> {
        match self {
            Self::Line(words) => added(document, fence, words).map(Some),
            Self::Left { parent, at, line } => {
                let added = added(document, fence, line)?;
                let until = line_of(document, program, parent).map(|line| until(document, line, *at));
                let edits = added.edits().iter().cloned().chain(until.into_iter().flatten());
                Change::new(added.label(), edits.collect()).map(Some)
            }
            Self::Until { branch, step } => {
                let Some(line) = line_of(document, program, branch) else { return Ok(None) };
                let edits = until(document, line, *step);
                let label = format!("train {branch} until step {step}");
                if edits.is_empty() { Ok(None) } else { Change::new(label, edits).map(Some) }
            }
            Self::Renamed { from, to } => {
                let edits = renamed(document, from, to);
                let label = format!("{from} is called {to}");
                if edits.is_empty() { Ok(None) } else { Change::new(label, edits).map(Some) }
            }
            Self::Deleted(branch) => match line_of(document, program, branch) {
                Some(line) => document.remove_line(line).map(Some),
                None => Ok(None),
            },
        }
    }
}

fn added(document: &Document, fence: Option<usize>, words: &[String]) -> Result<Change, Refusal> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    document.append_line(fence, &words)
}

/// The line that trains a branch; none of a member, whose line is its family's.
fn line_of<'a>(document: &'a Document, program: &Program, branch: &BranchName) -> Option<&'a Line> {
    let training = program.trainings.iter().find(|training| training.name == *branch && training.family.is_none())?;
    document.lines().find(|line| line.range == training.range)
}

/// Has a line train until a step: in place of the words that said how far, or behind the
/// last one.
fn until(document: &Document, line: &Line, step: Step) -> Vec<TextEdit> {
    let words = &line.words;
    let replaced = |range: Range<usize>, new: String| match document.text()[range.clone()] == new {
        true => Vec::new(),
        false => vec![TextEdit { range, new }],
    };
    let says = format!("--steps {step}");
    for (place, word) in words.iter().enumerate() {
        if word.text == "--steps" || word.text == "--epochs" {
            let end = words.get(place + 1).map_or(word.range.end, |value| value.range.end);
            return replaced(word.range.start..end, says);
        }
        if word.text.starts_with("--steps=") || word.text.starts_with("--epochs=") {
            return replaced(word.range.clone(), says);
        }
    }
    let end = line.range.end;
    vec![TextEdit { range: end..end, new: format!(" {says}") }]
}

/// Every word that names a branch, with another name.
fn renamed(document: &Document, from: &BranchName, to: &BranchName) -> Vec<TextEdit> {
    let mut edits = Vec::new();
    for line in document.lines().filter(|line| line.role() != Role::Other) {
        for word in line.words.iter().skip(1) {
            let name = word.text.split('@').next().unwrap_or_default();
            // The value of an option is no branch, but for a name's.
            let rest = &word.text[name.len()..];
            let before = line.words.iter().rfind(|other| other.range.end <= word.range.start);
            let option = before.is_some_and(|before| {
                before.text.starts_with("--") && !["--branch", "--name", "--members"].contains(&before.text.as_str())
            });
            if name == from.as_str() && !option {
                edits.push(TextEdit { range: word.range.clone(), new: written(&format!("{to}{rest}")) });
            }
        }
    }
    edits
}
