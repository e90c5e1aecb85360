//! What a document names, once each, and what is meant by a word that it does not.

use std::collections::BTreeMap;
use std::ops::Range;

use clap::Args;
use revacnn_schemas::BranchName;

use super::Entry;
use crate::command::{Command, Family};
use crate::document::{BlockKind, Document, Line, Problem, Role};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A branch.
    Branch,
    /// A family of so many.
    Family(usize),
    /// A step, as `$NAME`.
    Cursor,
    /// A value, as `$NAME`.
    Input,
    /// A query's result.
    Table,
    /// A network in TOML.
    Network(String),
    /// What a line would name that cannot be read.
    Unread,
}

/// The names of a document.
#[derive(Debug, Default)]
pub struct Names {
    all: BTreeMap<String, (Named, Range<usize>)>,
}

impl Names {
    /// Gathers them; a second one is a problem.
    pub(super) fn of(document: &Document, entries: &[Entry<'_>], problems: &mut Vec<Problem>) -> Self {
        let mut names = Self::default();
        for block in document.blocks() {
            let (name, named) = match &block.kind {
                BlockKind::Sql { name, .. } => (name, Named::Table),
                BlockKind::Network { name, body } => (name, Named::Network(document.text()[body.clone()].to_owned())),
                BlockKind::Prose | BlockKind::Lines { .. } => continue,
            };
            // A missing one is told of by the document.
            if !name.is_empty() {
                names.add(&document.text()[name.clone()], named, name.clone(), problems);
            }
        }
        for Entry { line, command, .. } in entries {
            let place =
                |name: &str| line.words.iter().skip(1).find(|word| word.text == name).map(|word| word.range.clone());
            let (name, named) = match command {
                Some(Command::Train(family)) => (family.line.branch().to_string(), named(family)),
                // Its own family, or that of the branch that it forks, is known later.
                Some(Command::Fork(family)) => match family.line.name() {
                    Some(name) => (name.to_string(), named(family)),
                    None => continue,
                },
                Some(Command::Cursor(cursor)) => (cursor.name.clone(), Named::Cursor),
                Some(Command::Input(input)) => (input.name.clone(), Named::Input),
                Some(_) => continue,
                None => match meant(line) {
                    Some(name) => (name.to_owned(), Named::Unread),
                    None => continue,
                },
            };
            let range = place(&name).unwrap_or_else(|| line.range.clone());
            if matches!(named, Named::Cursor | Named::Input) && !is_word(&name) {
                let expected = "letters, digits, `-` and `_`, a letter first";
                problems.push(Problem::new(range, format!("expected a name of {expected}, found `{name}`")));
                continue;
            }
            names.add(&name, named, range, problems);
        }
        names.forks_of_families(entries);
        names
    }

    fn add(&mut self, name: &str, named: Named, range: Range<usize>, problems: &mut Vec<Problem>) {
        match self.all.get(name) {
            Some((_, first)) => {
                let mut problem = Problem::new(range, format!("`{name}` is named twice"));
                problem.also.push((first.clone(), "here first".to_owned()));
                problems.push(problem.with_help("give it another name"));
            }
            None => drop(self.all.insert(name.to_owned(), (named, range))),
        }
    }

    /// A fork of a family is a family.
    fn forks_of_families(&mut self, entries: &[Entry<'_>]) {
        let forks: Vec<(&BranchName, &BranchName)> = entries
            .iter()
            .filter_map(|entry| match &entry.command {
                Some(Command::Fork(family)) => Some((family.line.name()?, &family.line.address.branch)),
                _ => None,
            })
            .collect();
        // As often as a fork of a fork may need.
        for _ in 0..forks.len() {
            let mut changed = false;
            for (name, parent) in &forks {
                if let Some(&Named::Family(members)) = self.get(parent.as_str())
                    && let Some((named @ Named::Branch, _)) = self.all.get_mut(name.as_str())
                {
                    *named = Named::Family(members);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.all.get(name).map(|(named, _)| named)
    }

    /// All names, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Named)> {
        self.all.iter().map(|(name, (named, _))| (name.as_str(), named))
    }

    /// The family of a member's name, and the member's number.
    pub(super) fn family_of<'a>(&self, member: &'a str) -> Option<(&'a str, usize, usize)> {
        let (family, number) = member.rsplit_once('.')?;
        match self.get(family)? {
            Named::Family(members) => Some((family, number.parse().ok()?, *members)),
            _ => None,
        }
    }

    /// Whether a word is the name of a branch, of a family's member, or of what
    /// cannot be read, which is told of elsewhere.
    pub(super) fn is_branch(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Named::Branch | Named::Unread))
            || self.family_of(name).is_some_and(|(_, number, members)| number < members)
            || name.rsplit_once('.').is_some_and(|(family, _)| matches!(self.get(family), Some(Named::Unread)))
    }

    /// What is wrong with a word that should name a branch, and what may be meant.
    pub(super) fn unknown(&self, name: &str, range: Range<usize>) -> Problem {
        if let Some((family, number, members)) = self.family_of(name) {
            let last = members - 1;
            let message = format!("`{family}` has members 0 to {last}, found {number}");
            return Problem::new(range, message).with_suggestion(&format!("{family}.{last}"));
        }
        let is_branch = |named: &Named| matches!(named, Named::Branch | Named::Family(_) | Named::Unread);
        let known = self.all.iter().filter(|(_, (named, _))| is_branch(named)).map(|(name, _)| name.as_str());
        let problem = Problem::new(range, format!("no line trains `{name}`"));
        match nearest(name, known.clone()) {
            Some(near) => problem.with_suggestion(near),
            None => match known.collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => problem.with_help("a line such as `train base` does"),
                known => problem.with_help(format!("there are {known}")),
            },
        }
    }

    /// What is wrong with a `$NAME`, and what may be meant.
    pub(super) fn unknown_value(&self, name: &str, range: Range<usize>) -> Problem {
        let is_value = |named: &Named| matches!(named, Named::Cursor | Named::Input);
        let known = self.all.iter().filter(|(_, (named, _))| is_value(named)).map(|(name, _)| name.as_str());
        let problem = Problem::new(range, format!("no cursor and no input is named `{name}`"));
        match nearest(name, known) {
            Some(near) => problem.with_help(format!("did you mean `${near}`?")),
            None => problem.with_help(format!("a line such as `cursor {name} base@fork` names one")),
        }
    }
}

/// The word that is most like one, if any is like it.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len().min(word.len()) / 4)
        .min()
        .map(|(_, known)| known)
}

/// Whether a word can name a cursor, an input or a network.
pub(crate) fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn named<L: Args>(family: &Family<L>) -> Named {
    family.over.as_ref().map_or(Named::Branch, |over| Named::Family(over.values.len()))
}

/// The name that a line seems to give that cannot be read.
fn meant(line: &Line) -> Option<&str> {
    let place = match (line.role(), line.words[0].text.as_str()) {
        (Role::Training, "fork") => 2,
        (Role::Training | Role::Input, _) => 1,
        _ => return None,
    };
    let word = line.words.get(place)?.text.as_str();
    (!word.starts_with('-')).then_some(word)
}
