//! Lines that show something, and the values that they follow.

use std::collections::BTreeMap;
use std::ops::Range;

use revacnn_schemas::Address;

use super::names::Named;
use super::{Entry, Names, problem_of};
use crate::command::{Command, Control, Input, Miswritten};
use crate::document::{Document, Line, Problem, Role, Word};

/// Something that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Where its line is in the text.
    pub range: Range<usize>,
    /// The block that it stands in: what is in one stands side by side.
    pub block: usize,
    /// Its words, with `$` where it follows a value.
    pub words: Vec<String>,
    /// The names of the values that it follows.
    pub uses: Vec<String>,
}

impl View {
    /// The command, with values in place of their names.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub fn command(&self, values: &BTreeMap<String, String>) -> Result<Command, Miswritten> {
        let words: Vec<String> = self.words.iter().map(|word| filled(word, values)).collect();
        Command::parse(&words)
    }
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
        let view = View { range: line.range.clone(), block: entry.block, words, uses };
        match view.command(&values) {
            Ok(command) => {
                let (addresses, whole) = addresses(&command);
                for address in &addresses {
                    check_address(line, address, whole, names, problems);
                }
                views.push(view);
            }
            Err(miswritten) => problems.push(problem_of(line, miswritten)),
        }
    }
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

/// The branches or steps that a view shows, and whether it shows whole branches,
/// for which a family may stand.
pub(super) fn addresses(command: &Command) -> (Vec<Address>, bool) {
    match command {
        Command::Plot(plot) => (plot.at().to_vec(), plot.is_of_branches()),
        Command::Embed(embed) => (embed.at.clone(), false),
        Command::Compare(compare) => (compare.at().unwrap_or_default(), false),
        Command::Diff(diff) => (vec![diff.left.clone(), diff.right.clone()], false),
        Command::Show(show) => (vec![show.address.clone()], false),
        Command::Train(_) | Command::Fork(_) | Command::Cursor(_) | Command::Input(_) => (Vec::new(), false),
    }
}

/// Refuses an address of a branch that no line trains, and of a family where one
/// branch is expected.
pub(super) fn check_address(line: &Line, address: &Address, whole: bool, names: &Names, problems: &mut Vec<Problem>) {
    let name = address.branch.as_str();
    let is_it = |word: &&Word| word.text.split('@').next() == Some(name);
    let word = line.words.iter().skip(1).find(is_it);
    let range = word.map_or(line.range.clone(), |word| word.range.start..word.range.start + name.len());
    if let Some(Named::Family(members)) = names.get(name) {
        if !whole {
            let message = format!("expected one branch, found the family `{name}` of {members}");
            let help = format!("name one of its members, such as {name}.0");
            problems.push(Problem::new(range, message).with_help(help));
        }
    } else if !names.is_branch(name) {
        problems.push(names.unknown(name, range));
    }
}
