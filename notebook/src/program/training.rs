//! Lines that train, and the members of families.

use std::ops::Range;

use revacnn_schemas::BranchName;
use revacnn_store::numbered_name;

use super::names::Named;
use super::{Entry, Names, problem_of};
use crate::command::{Command, Family, Fork, Train, miswritten};
use crate::document::{Line, Problem};

/// A branch that is to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Its name in the notebook.
    pub name: BranchName,
    /// The family that it is a member of.
    pub family: Option<BranchName>,
    /// Where its line is in the text.
    pub range: Range<usize>,
    /// The words of its own command: of a member, those of that member.
    pub words: Vec<String>,
    /// What is done.
    pub what: What,
}

/// What a training begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A run of its own.
    Train(Box<Train>),
    /// A step of another branch.
    Fork {
        /// From where, with which edits.
        fork: Box<Fork>,
        /// The place of the other branch among the trainings; before this one.
        parent: usize,
    },
}

/// The branches that the lines train, each after the one that it forks.
pub(super) fn trainings(entries: &[Entry<'_>], names: &Names, problems: &mut Vec<Problem>) -> Vec<Training> {
    let mut made: Vec<Training> = Vec::new();
    let mut forks = Vec::new();
    for entry in entries {
        match &entry.command {
            Some(Command::Train(family)) if no_values(entry.line, problems) => {
                train(entry.line, family, &mut made, problems)
            }
            Some(Command::Fork(family)) if no_values(entry.line, problems) => forks.push((entry.line, family)),
            _ => {}
        }
    }
    // A fork is made when what it forks is there.
    loop {
        let before = forks.len();
        forks.retain(|(line, family)| !fork(line, family, names, &mut made, problems));
        if forks.len() == before {
            break;
        }
    }
    for (line, family) in forks {
        stuck(line, &family.line, names, entries, problems);
    }
    made
}

/// Whether a line follows nothing that is looked at.
fn no_values(line: &Line, problems: &mut Vec<Problem>) -> bool {
    let word = line.words.iter().find(|word| word.text.contains('$'));
    if let Some(word) = word {
        let message = format!(
            "expected a value of its own, found `{}`: what is trained follows nothing that is looked at",
            word.text
        );
        problems.push(Problem::new(word.range.clone(), message).with_help("write the step or the value itself"));
    }
    word.is_none()
}

fn train(line: &Line, family: &Family<Train>, made: &mut Vec<Training>, problems: &mut Vec<Problem>) {
    let name = family.line.branch();
    let words = texts(line);
    let training = |name: BranchName, family_name, words, train| Training {
        what: What::Train(Box::new(train)),
        name,
        family: family_name,
        range: line.range.clone(),
        words,
    };
    let Some((over, members)) = members(line, family, problems) else {
        if family.over.is_none() {
            made.push(training(name, None, words, family.line.clone()));
        }
        return;
    };
    for (number, (value, member)) in over.values.iter().zip(members).enumerate() {
        let Some(own) = member_name(&name, number, line, problems) else { return };
        let mut words = without(&without(&words, "--over"), &format!("--{}", over.option));
        words.retain(|word| word != name.as_str());
        words.insert(1, own.to_string());
        words.extend([format!("--{}", over.option), value.clone()]);
        made.push(training(own.clone(), Some(name.clone()), words, member.named(own)));
    }
}

/// Makes a fork if what it forks is there.
fn fork(
    line: &Line,
    family: &Family<Fork>,
    names: &Names,
    made: &mut Vec<Training>,
    problems: &mut Vec<Problem>,
) -> bool {
    let parent = &family.line.address.branch;
    let place = |name: &str, made: &[Training]| made.iter().position(|training| training.name.as_str() == name);
    let one = place(parent.as_str(), made);
    let of_family: Vec<usize> = (0..made.len()).filter(|place| made[*place].family.as_ref() == Some(parent)).collect();
    if one.is_none() && of_family.is_empty() {
        return false;
    }
    let name = family.line.name().cloned().unwrap_or_else(|| numbered(parent, names, made));
    let training = |name: BranchName, family_name, words, fork: Fork, parent| Training {
        name,
        family: family_name,
        range: line.range.clone(),
        words,
        what: What::Fork { fork: Box::new(fork), parent },
    };
    let words = texts(line);
    if let (Some(over), false) = (&family.over, of_family.is_empty()) {
        let word = line.words.iter().find(|word| word.text.starts_with("--over"));
        let range = word.map_or(line.range.clone(), |word| word.range.clone());
        let message = format!(
            "`{parent}` is a family, and so is its fork: expected a fork of one of its members, or no --over, found --over {}",
            over.option
        );
        problems.push(Problem::new(range, message));
        return true;
    }
    if let Some(one) = one {
        match members(line, family, problems) {
            None if family.over.is_some() => {}
            None => made.push(training(name.clone(), None, words, family.line.of(parent.clone(), name), one)),
            Some((over, members)) => {
                for (number, (value, member)) in over.values.iter().zip(members).enumerate() {
                    let Some(own) = member_name(&name, number, line, problems) else { break };
                    let mut words = without(&words, "--over");
                    // Edits of all members stay, and each has its own besides.
                    if over.option != "edit" {
                        words = without(&words, &format!("--{}", over.option));
                    }
                    renamed(&mut words, family.line.name(), &own);
                    words.extend([format!("--{}", over.option), value.clone()]);
                    made.push(training(own.clone(), Some(name.clone()), words, member.of(parent.clone(), own), one));
                }
            }
        }
        return true;
    }
    for (number, &place) in of_family.iter().enumerate() {
        let Some(own) = member_name(&name, number, line, problems) else { break };
        let its = made[place].name.clone();
        let mut words = words.clone();
        if let Some(address) = words.iter_mut().skip(1).find(|word| word.split('@').next() == Some(parent.as_str())) {
            *address = address.replacen(parent.as_str(), its.as_str(), 1);
        }
        renamed(&mut words, family.line.name(), &own);
        made.push(training(own.clone(), Some(name.clone()), words, family.line.of(its, own), place));
    }
    true
}

/// Gives a fork's words the name of a member.
fn renamed(words: &mut Vec<String>, from: Option<&BranchName>, to: &BranchName) {
    match words.iter_mut().skip(2).find(|word| from.is_some_and(|from| *word == from.as_str())) {
        Some(word) => *word = to.to_string(),
        None => words.insert(2.min(words.len()), to.to_string()),
    }
}

/// The members of a family, with their values; `None` of a single branch, and where
/// an option or a value is wrong, which is a problem then.
fn members<'a, L: clap::Args + Clone>(
    line: &Line,
    family: &'a Family<L>,
    problems: &mut Vec<Problem>,
) -> Option<(&'a crate::command::Over, Vec<L>)> {
    let over = family.over.as_ref()?;
    match family.members() {
        Ok(members) => Some((over, members?)),
        Err(error) => {
            let found = miswritten(&error, &[]);
            let word = line.words.iter().position(|word| word.text.contains(&format!("{}=", over.option)));
            problems.push(problem_of(line, crate::command::Miswritten { word, suggestion: None, ..found }));
            None
        }
    }
}

fn member_name(family: &BranchName, number: usize, line: &Line, problems: &mut Vec<Problem>) -> Option<BranchName> {
    let name = format!("{family}.{number}");
    match name.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            problems.push(Problem::new(line.range.clone(), format!("a member would be named `{name}`: {error}")));
            None
        }
    }
}

/// `base~2`, `base~3`, …: the first that no line has.
fn numbered(parent: &BranchName, names: &Names, made: &[Training]) -> BranchName {
    numbered_name(parent.as_str(), |name| {
        names.get(name.as_str()).is_some()
            || made.iter().any(|training| training.name == *name || training.family.as_ref() == Some(name))
    })
}

/// A fork of what is not there: unknown, or a fork of itself in the end. What only
/// waits for a line that cannot be read is no problem of its own.
fn stuck(line: &Line, fork: &Fork, names: &Names, entries: &[Entry<'_>], problems: &mut Vec<Problem>) {
    let parent_of = |name: &BranchName| {
        entries.iter().find_map(|entry| match &entry.command {
            Some(Command::Fork(family)) if family.line.name() == Some(name) => Some(&family.line.address.branch),
            _ => None,
        })
    };
    let parent = &fork.address.branch;
    let word = line.words.iter().skip(1).find(|word| word.text.split('@').next() == Some(parent.as_str()));
    let range = word.map_or(line.range.clone(), |word| word.range.start..word.range.start + parent.as_str().len());
    if !names.is_branch(parent.as_str()) && !matches!(names.get(parent.as_str()), Some(Named::Family(_))) {
        problems.push(names.unknown(parent.as_str(), range));
        return;
    }
    let mut at = Some(parent);
    for _ in 0..entries.len() {
        match at {
            Some(name) if Some(name) == fork.name() => {
                let message = format!("`{name}` is a fork of itself: {parent} begins with it");
                problems.push(Problem::new(range, message).with_help("fork a branch that is trained"));
                return;
            }
            Some(name) => at = parent_of(name),
            None => return,
        }
    }
}

fn texts(line: &Line) -> Vec<String> {
    line.words.iter().map(|word| word.text.clone()).collect()
}

/// Words without an option and its value.
fn without(words: &[String], option: &str) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == option {
            words.next();
        } else if !word.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')) {
            kept.push(word.clone());
        }
    }
    kept
}
