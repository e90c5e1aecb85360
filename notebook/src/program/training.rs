//! Lines that train, and the members of families.

use std::ops::Range;

use revacnn_schemas::BranchName;
use revacnn_store::numbered_name;

use super::names::Named;
use super::{Entry, Names, words};
use crate::command::{Command, Family, Fork, Train};
use crate::document::{Line, Problem, Word};

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
    for (place, training) in made.iter().enumerate() {
        if let Some(first) =
            made[..place].iter().find(|first| first.name == training.name && first.family != training.family)
        {
            let mut problem = Problem::new(training.range.clone(), format!("`{}` is named twice", training.name));
            problem.also.push((first.range.clone(), "here first".to_owned()));
            problems.push(problem.with_help("members of a family are named NAME.0, NAME.1 and so on"));
        }
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
    let (name, words) = (family.line.branch(), texts(line));
    let training = |name: BranchName, family, words, train: Train| Training {
        what: What::Train(Box::new(train)),
        name,
        family,
        range: line.range.clone(),
        words,
    };
    let Some(over) = &family.over else {
        made.push(training(name, None, words, family.line.clone()));
        return;
    };
    for (number, value) in over.values.iter().enumerate() {
        let Some(own) = member_name(&name, number, line, problems) else { return };
        let words = words::of_train(&words, &own, (over, value));
        let Some(Command::Train(member)) = member(line, &words, problems) else { return };
        made.push(training(own, Some(name.clone()), words, member.line));
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
    let one = made.iter().position(|training| training.name == *parent);
    let of_family: Vec<usize> = (0..made.len()).filter(|place| made[*place].family.as_ref() == Some(parent)).collect();
    if one.is_none() && of_family.is_empty() {
        return false;
    }
    if let (Some(over), None) = (&family.over, one) {
        let range = over_word(line).map_or(line.range.clone(), |word| word.range.clone());
        let message = format!(
            "`{parent}` is a family, and so is its fork: expected a fork of one of its members, or no --over, found --over {}",
            over.option
        );
        problems.push(Problem::new(range, message));
        return true;
    }
    let name = family.line.name().cloned().unwrap_or_else(|| numbered(parent, names, made));
    let training = |name: BranchName, family, words, fork: Fork, parent| Training {
        name,
        family,
        range: line.range.clone(),
        words,
        what: What::Fork { fork: Box::new(fork), parent },
    };
    let words = texts(line);
    // What each member forks, and the value that it has for itself.
    let members: Vec<(usize, Option<&str>)> = match (one, &family.over) {
        (Some(one), Some(over)) => over.values.iter().map(|value| (one, Some(value.as_str()))).collect(),
        (Some(one), None) => {
            made.push(training(name.clone(), None, words, family.line.of(parent.clone(), name), one));
            return true;
        }
        (None, _) => of_family.into_iter().map(|place| (place, None)).collect(),
    };
    for (number, (place, value)) in members.into_iter().enumerate() {
        let Some(own) = member_name(&name, number, line, problems) else { break };
        let its = one.is_none().then(|| made[place].name.clone());
        let words = words::of_fork(&words, &own, family.over.as_ref().zip(value), its.as_ref());
        let Some(Command::Fork(member)) = member(line, &words, problems) else { break };
        made.push(training(own, Some(name.clone()), words, member.line, place));
    }
    true
}

/// What the words of a member say; what is wrong with them is the fault of its value.
fn member(line: &Line, words: &[String], problems: &mut Vec<Problem>) -> Option<Command> {
    Command::parse(words)
        .map_err(|wrong| {
            let range = over_word(line).map_or(line.range.clone(), |word| word.range.clone());
            problems.push(Problem::new(range, wrong.message));
        })
        .ok()
}

/// The word that says what the members of a family differ in.
fn over_word(line: &Line) -> Option<&Word> {
    let option = line.words.iter().position(|word| word.text.split('=').next() == Some("--over"))?;
    line.words.get(if line.words[option].text == "--over" { option + 1 } else { option })
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
