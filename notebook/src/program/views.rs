//! Lines that show something, and the values that they follow.

use std::collections::BTreeMap;
use std::ops::Range;

use revacnn_schemas::{Address, BranchName, Step};
use revacnn_store::StepSpan;

use super::names::Named;
use super::{Entry, Names, problem_of, queries};
use crate::command::{Command, CommandError, Control, Input, Lookup, Miswritten};
use crate::document::{Document, Line, Problem, Role, Word};
use crate::kinds::Query;
use crate::{Cell, Inputs};

/// Something that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Where its line, or its fence, is in the text.
    pub range: Range<usize>,
    /// The block that it stands in: what is in one stands side by side.
    pub block: usize,
    /// What it says, with `$` where it follows a value.
    pub says: Says,
    /// The names of the values that it follows.
    pub uses: Vec<String>,
}

/// What a view says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The words of a line.
    Line(Vec<String>),
    /// A query, under its name.
    Query {
        /// The name.
        name: String,
        /// The query.
        sql: String,
    },
}

/// Where the branches of a view are: each address with `$` leads to the nearest step that
/// its branch has.
pub type Spans<'a> = &'a dyn Fn(&BranchName) -> Option<StepSpan>;

impl View {
    /// What it says, with values in place of their names.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub(super) fn filled(
        &self,
        values: &BTreeMap<String, String>,
        names: &Names,
        spans: Spans<'_>,
    ) -> Result<Filled, Miswritten> {
        let words = match &self.says {
            Says::Line(words) => words,
            Says::Query { name, sql } => {
                let sql = queries::filled(sql, values);
                let sql = sql.map_err(|message| Miswritten { word: None, message, suggestion: None })?;
                return Ok(Filled::Query { name: name.clone(), sql });
            }
        };
        let words: Vec<String> = words.iter().map(|word| nearest_step(word, values, names, spans)).collect();
        let mut command = Command::parse(&words)?;
        command.name_families(|name| matches!(names.get(name.as_str()), Some(Named::Family(_))));
        Ok(Filled::Line(Box::new(command)))
    }
}

/// What a view says at some values.
#[derive(Debug, Clone, PartialEq)]
pub enum Filled {
    /// A command.
    Line(Box<Command>),
    /// A query, under its name.
    Query {
        /// The name.
        name: String,
        /// The query.
        sql: String,
    },
}

impl Filled {
    /// The cell, and what it is given.
    ///
    /// # Errors
    /// Those of the branches that are looked up.
    pub fn cell(&self, lookup: Lookup<'_>) -> Result<(Cell, Inputs), CommandError> {
        match self {
            Self::Query { name, sql } => {
                Ok((Query { title: name.clone(), sql: sql.clone() }.into(), Inputs::default()))
            }
            Self::Line(command) => match command.cell(lookup)? {
                Some(cell) => Ok(cell),
                None => Err(CommandError::Value("this line shows nothing".to_owned())),
            },
        }
    }
}

/// A word with values in place of their names; of `NAME@$t` the nearest step that the
/// branch has.
fn nearest_step(word: &str, values: &BTreeMap<String, String>, names: &Names, spans: Spans<'_>) -> String {
    let filled = filled(word, values);
    let cursor = word.split_once("@$").filter(|(_, name)| matches!(names.get(name), Some(Named::Cursor)));
    let nearest = || -> Option<String> {
        let (branch, step) = filled.rsplit_once('@')?;
        let step = Step(step.parse().ok()?);
        // The branch itself may be what an input says.
        let span = cursor.and_then(|_| spans(&branch.parse().ok()?))?;
        Some(format!("{branch}@{}", step.clamp(span.first, span.last)))
    };
    nearest().unwrap_or(filled)
}

/// A word with values in place of `$NAME`.
fn filled(word: &str, values: &BTreeMap<String, String>) -> String {
    let mut pieces = word.split('$');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let end = piece.find(|letter| !is_of_name(letter)).unwrap_or(piece.len());
        match values.get(&piece[..end]) {
            Some(value) => filled += value,
            None => filled = filled + "$" + &piece[..end],
        }
        filled += &piece[end..];
    }
    filled
}

/// The views, each of which can be read with the values that its inputs begin with.
pub(super) fn views(
    document: &Document,
    entries: &[Entry<'_>],
    names: &Names,
    inputs: &[(Range<usize>, Input, Control)],
    problems: &mut Vec<Problem>,
) -> Vec<View> {
    let mut values: BTreeMap<String, String> =
        inputs.iter().map(|(_, input, _)| (input.name.clone(), input.value.clone())).collect();
    let mut views = Vec::new();
    for entry in entries.iter().filter(|entry| entry.line.role() == Role::View) {
        let line = entry.line;
        let begun = problems.len();
        let mut waits = false;
        for name in line.uses() {
            match names.get(name) {
                // A cursor stands at some step.
                Some(Named::Cursor) => drop(values.insert(name.to_owned(), "0".to_owned())),
                Some(Named::Input) => {}
                Some(Named::Unread) => waits = true,
                Some(_) | None => {
                    let range = sigil(document, line, name).unwrap_or_else(|| line.range.clone());
                    problems.push(names.unknown_value(name, range));
                }
            }
        }
        // A cursor is a step, and of which branch an address says.
        for word in &line.words {
            let name = word.text.strip_prefix('$');
            if let Some(name) = name.filter(|name| matches!(names.get(name), Some(Named::Cursor))) {
                let message = format!("expected an address, found the step `${name}` alone");
                let help = format!("write the branch before it, as in base@${name}");
                problems.push(Problem::new(word.range.clone(), message).with_help(help));
            }
        }
        // What is not a shell's was told of already.
        let told = problems.iter().any(|problem| within(&problem.range, &line.range));
        if problems.len() > begun || waits || told {
            continue;
        }
        let uses = line.uses().into_iter().map(str::to_owned).collect();
        let words = line.words.iter().map(|word| word.text.clone()).collect();
        let view = View { range: line.range.clone(), block: entry.block, says: Says::Line(words), uses };
        match view.filled(&values, names, &|_| None) {
            Ok(Filled::Query { .. }) => {}
            Ok(Filled::Line(command)) => {
                for address in &command.addresses() {
                    check_address(line, address, names, problems);
                }
                check_families(line, &command, names, problems);
                views.push(view);
            }
            Err(miswritten) => problems.push(problem_of(line, miswritten)),
        }
    }
    views.extend(queries::views(document, names, &mut values, problems));
    views.sort_by_key(|view| view.range.start);
    views
}

fn within(range: &Range<usize>, line: &Range<usize>) -> bool {
    line.start <= range.start && range.end <= line.end
}

/// Where `$name` is in a line.
fn sigil(document: &Document, line: &Line, name: &str) -> Option<Range<usize>> {
    line.words.iter().find_map(|word| {
        let text = &document.text()[word.range.clone()];
        let at = word.range.start + text.find(&format!("${name}"))?;
        Some(at..at + 1 + name.len())
    })
}

/// Refuses `NAME.*` of what is no family.
fn check_families(line: &Line, command: &Command, names: &Names, problems: &mut Vec<Problem>) {
    for family in command.families() {
        if !matches!(names.get(family.as_str()), Some(Named::Family(_) | Named::Unread)) {
            let is_it = |word: &&Word| word.text.strip_suffix(".*") == Some(family.as_str());
            let range = line.words.iter().find(is_it).map_or(line.range.clone(), |word| word.range.clone());
            let problem =
                Problem::new(range, format!("expected a family, found `{family}`, of which no line makes one"));
            problems.push(problem.with_help("`--over seed=0..4` makes a family of five of a line"));
        }
    }
}

/// Refuses an address of a branch that no line trains, and of a family where one
/// branch is expected.
pub(super) fn check_address(line: &Line, address: &Address, names: &Names, problems: &mut Vec<Problem>) {
    let name = address.branch.as_str();
    let is_it = |word: &&Word| word.text.split('@').next() == Some(name);
    let word = line.words.iter().skip(1).find(is_it);
    let range = word.map_or(line.range.clone(), |word| word.range.start..word.range.start + name.len());
    if let Some(Named::Family(members)) = names.get(name) {
        let message = format!("expected one branch, found the family `{name}` of {members}");
        let help = format!("name one of its members, such as {name}.0");
        problems.push(Problem::new(range, message).with_help(help));
    } else if !names.is_branch(name) {
        problems.push(names.unknown(name, range));
    }
}
