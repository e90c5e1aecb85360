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
                Some(line) => without(document, line, branch).map(Some),
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
        for place in naming(line, from) {
            let word = &line.words[place];
            let rest = &word.text[from.as_str().len()..];
            edits.push(TextEdit { range: word.range.clone(), new: written(&format!("{to}{rest}")) });
        }
    }
    edits
}

/// The document without a branch: without its line, and without its name in the views. One
/// that compares it, or shows nothing else, goes with it.
fn without(document: &Document, line: &Line, branch: &BranchName) -> Result<Change, Refusal> {
    let removal = document.remove_line(line)?;
    let mut edits = removal.edits().to_vec();
    for view in document.lines().filter(|line| line.role() == Role::View) {
        let named = naming(view, branch);
        if named.is_empty() {
            continue;
        }
        let is_pair = ["compare", "diff"].contains(&view.words[0].text.as_str());
        if is_pair || named.len() == branches(view).count() {
            edits.extend(document.remove_line(view)?.edits().iter().cloned());
        } else {
            edits.extend(named.into_iter().map(|place| left_out(document, view, place)));
        }
    }
    Change::new(removal.label(), edits)
}

/// A word of a line taken out, with the blanks before it; a row of nothing else is taken out
/// whole, as an empty one would end the line.
fn left_out(document: &Document, line: &Line, place: usize) -> TextEdit {
    let (text, range) = (document.text(), line.words[place].range.clone());
    let row = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[row..range.start].trim_end();
    let range = match text[range.end..].split_once('\n') {
        Some((rest, _)) if before.is_empty() && rest.trim().is_empty() => row..range.end + rest.len() + 1,
        _ if before.is_empty() => range,
        _ => row + before.len()..range.end,
    };
    TextEdit { range, new: String::new() }
}

/// Places of the words that name a branch.
fn naming(line: &Line, branch: &BranchName) -> Vec<usize> {
    branches(line).filter(|(_, name)| *name == branch.as_str()).map(|(place, _)| place).collect()
}

/// Places of the words that are no options, nor values of such but for names of branches; and
/// what stands before the `@` of each: in a view of branches, their names.
fn branches(line: &Line) -> impl Iterator<Item = (usize, &str)> {
    // What kind of figure is drawn comes before its branches.
    let first = if line.words.first().is_some_and(|word| word.text == "plot") { 2 } else { 1 };
    line.words.iter().enumerate().skip(first).filter_map(|(place, word)| {
        let before = line.words[place - 1].text.as_str();
        let is_value = before.starts_with("--") && !["--branch", "--name", "--members"].contains(&before);
        let is_option = word.text.starts_with("--");
        (!is_value && !is_option).then(|| (place, word.text.split('@').next().unwrap_or_default()))
    })
}
