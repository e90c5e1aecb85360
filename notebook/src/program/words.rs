//! The words of a family's member: those of its line, with a name and a value of its own.

use clap::Args;
use revacnn_schemas::BranchName;

use crate::command::{Fork, Over, Train};

/// Words of a line, taken apart as its command does.
struct Parts {
    /// Those that stand for themselves.
    positions: Vec<String>,
    /// Options without their dashes, each with the words that it takes.
    options: Vec<(String, Vec<String>)>,
}

impl Parts {
    fn of<L: Args>(words: &[String]) -> Self {
        let command = L::augment_args(clap::Command::new("line"));
        let takes_value = |name: &str| {
            let option = command.get_arguments().find(|option| option.get_long() == Some(name));
            option.is_some_and(|option| option.get_action().takes_values())
        };
        let mut parts = Self { positions: Vec::new(), options: Vec::new() };
        let mut words = words.iter().cloned();
        while let Some(word) = words.next() {
            let Some(option) = word.strip_prefix("--") else {
                parts.positions.push(word);
                continue;
            };
            let name = option.split('=').next().unwrap_or_default().to_owned();
            let value =
                (!option.contains('=') && (name == "over" || takes_value(&name))).then(|| words.next()).flatten();
            parts.options.push((name, std::iter::once(word).chain(value).collect()));
        }
        parts
    }

    /// The words of a member: what it begins with, then the options of all but for those
    /// that give a name or that it has for itself.
    fn member(self, begin: Vec<String>, over: Option<(&Over, &str)>) -> Vec<String> {
        let own = over.map(|(over, _)| over.option.as_str());
        // Edits of all members stay, and each has its own after them.
        let is_kept = |name: &str| !["over", "branch", "name"].contains(&name) && (own != Some(name) || name == "edit");
        let kept = self.options.into_iter().filter(|(name, _)| is_kept(name)).flat_map(|(_, words)| words);
        let own = over.map(|(over, value)| [format!("--{}", over.option), value.to_owned()]);
        begin.into_iter().chain(kept).chain(own.into_iter().flatten()).collect()
    }
}

/// The words of a member of a line that trains.
pub(super) fn of_train(words: &[String], name: &BranchName, over: (&Over, &str)) -> Vec<String> {
    Parts::of::<Train>(&words[1..]).member(vec!["train".to_owned(), name.to_string()], Some(over))
}

/// The words of a member of a line that forks; from another branch, where that is one of
/// a family's.
pub(super) fn of_fork(
    words: &[String],
    name: &BranchName,
    over: Option<(&Over, &str)>,
    parent: Option<&BranchName>,
) -> Vec<String> {
    let parts = Parts::of::<Fork>(&words[1..]);
    let address = parts.positions.first().cloned().unwrap_or_default();
    let address = match (parent, address.split_once('@')) {
        (Some(parent), Some((_, place))) => format!("{parent}@{place}"),
        (Some(parent), None) => parent.to_string(),
        (None, _) => address,
    };
    parts.member(vec!["fork".to_owned(), address, name.to_string()], over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_name_is_no_value_and_a_value_no_name() {
        let over: Over = "seed=0..1".parse().unwrap();
        let name: BranchName = "digits.1".parse().unwrap();
        for (line, member) in [
            ("train digits --dataset digits --over seed=0..1", "train digits.1 --dataset digits --seed 1"),
            ("train --branch digits --seed=9 --over=seed=0..1 --steps 3", "train digits.1 --steps 3 --seed 1"),
            ("train --over seed=0..1 --probe 1,2 digits", "train digits.1 --probe 1,2 --seed 1"),
        ] {
            assert_eq!(of_train(&words(line), &name, (&over, "1")).join(" "), member, "{line}");
        }
        let over: Over = "edit=freeze,unfreeze".parse().unwrap();
        let its: BranchName = "bb.0".parse().unwrap();
        for (line, over, parent, member) in [
            ("fork --edit freeze bb@2 bb", None, Some(&its), "fork bb.0@2 digits.1 --edit freeze"),
            ("fork bb --name=nn --steps +3", None, Some(&its), "fork bb.0 digits.1 --steps +3"),
            ("fork b@2 x --edit a --over edit=b,c", Some((&over, "b")), None, "fork b@2 digits.1 --edit a --edit b"),
        ] {
            assert_eq!(of_fork(&words(line), &name, over, parent).join(" "), member, "{line}");
        }
    }
}
