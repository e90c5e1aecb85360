//! Lines, networks and prose as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use revacnn_schemas::one_line;
use revacnn_store::Store;

use super::Told;
use crate::document::written as quoted;

/// The most curves of the closing chart.
const MOST_CURVES: usize = 12;

/// The longest row of a line that has several.
const LONGEST_ROW: usize = 100;

/// The notebook.
pub(super) fn written(store: &Store, told: &[Told], networks: &BTreeMap<String, String>) -> String {
    let lines: Vec<(&Told, Vec<String>)> =
        told.iter().filter_map(|told| Some((told, told.line.as_ref().ok()?.words()))).collect();
    let name = store.root().canonicalize().ok().and_then(|root| Some(root.file_name()?.to_string_lossy().into_owned()));
    let mut text = format!("# The history of {}\n\n", one_line(name.as_deref().unwrap_or("a store")));
    if lines.is_empty() {
        text += "There is no branch that a line can make again.\n";
    } else {
        let what = match lines.len() {
            1 => "The branch that the store had",
            _ => "The branches that the store had, in the order in which they were made",
        };
        writeln!(
            text,
            "{what}.\nRun in the store that this was written from, the lines train nothing; in another one they \
             train\nwhat it lacks, to the same bits."
        )
        .expect(INFALLIBLE);
    }
    // A network whose run is left out is left out, too.
    let is_used = |name: &str| lines.iter().any(|(_, words)| words.windows(2).any(|pair| pair == ["--network", name]));
    for (name, toml) in networks.iter().filter(|(name, _)| is_used(name)) {
        write!(text, "\n```toml revacnn {name}\n{toml}```\n").expect(INFALLIBLE);
    }
    if !lines.is_empty() {
        let rows: Vec<String> = lines.iter().map(|(_, words)| row(words)).collect();
        write!(text, "\n```revacnn\n{}\n```\n", rows.join("\n")).expect(INFALLIBLE);
    }
    let mut untold = told.iter().filter_map(|told| Some((told, told.line.as_ref().err()?))).peekable();
    if untold.peek().is_some() {
        text += "\nWhat no line here makes again:\n\n";
        for (told, reason) in untold {
            writeln!(text, "- `{}`: {}", told.record.name, one_line(reason)).expect(INFALLIBLE);
        }
    }
    text + &views(&lines)
}

const INFALLIBLE: &str = "invariant: a string takes every text";

/// What is worth a look at first: each curve that no other one holds. A branch that trained no
/// further than to its forks is in their curves, from its first step on.
fn views(lines: &[(&Told, Vec<String>)]) -> String {
    let forks = |told: &Told| {
        let of = told.record.id.clone();
        lines.iter().filter_map(move |(other, _)| {
            other.record.parent.as_ref().filter(|parent| parent.branch == of).map(|_| other.record.first_step())
        })
    };
    let goes_further = |told: &Told| forks(told).max().is_none_or(|fork| told.last.is_some_and(|last| last > fork));
    let curves: Vec<&Told> = lines.iter().map(|(told, _)| *told).filter(|told| goes_further(told)).collect();
    let mut text = String::new();
    if curves.is_empty() {
        return text;
    }
    let shown: Vec<&str> = curves.iter().take(MOST_CURVES).map(|told| told.name.as_str()).collect();
    let which = match curves.len() {
        1 => "Its loss:".to_owned(),
        all if all > MOST_CURVES => format!("The loss of the first {MOST_CURVES} of them:"),
        _ => "Their loss:".to_owned(),
    };
    let mut words = vec!["plot", "loss"];
    words.extend(shown);
    words.extend(["--x", "epoch"]);
    fence(&mut text, &which, &words);
    // Separate runs have no filter in common but by their likeness.
    let roots: Vec<&str> = curves.iter().map(|one| root_of(one, lines)).collect();
    let kin = (0..curves.len()).find_map(|at| {
        let other = (at + 1..curves.len()).find(|other| roots[*other] == roots[at])?;
        Some(([curves[at], curves[other]], &[][..]))
    });
    let strangers = || Some(([*curves.first()?, *curves.get(1)?], &["--match", "assignment"][..]));
    let Some(([one, other], matching)) = kin.or_else(strangers) else { return text };
    let words = [&["compare", one.name.as_str(), other.name.as_str()], matching].concat();
    let (one, other) = (&one.name, &other.name);
    fence(&mut text, &format!("`{one}` and `{other}` side by side:"), &words);
    text
}

fn fence(text: &mut String, prose: &str, words: &[&str]) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    write!(text, "\n{prose}\n\n```revacnn\n{}\n```\n", row(&words)).expect(INFALLIBLE);
}

/// The run that a branch came from in the end.
fn root_of<'a>(told: &'a Told, lines: &[(&'a Told, Vec<String>)]) -> &'a str {
    let mut at = told;
    // As far as parents may lead.
    for _ in lines {
        let parent = at.record.parent.as_ref().map(|parent| &parent.branch);
        match lines.iter().find(|(other, _)| Some(&other.record.id) == parent) {
            Some((parent, _)) => at = parent,
            None => break,
        }
    }
    at.record.id.as_str()
}

/// A line, on several rows where it is long: each begins with an option.
fn row(words: &[String]) -> String {
    let mut text = String::new();
    let mut length = 0;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let mut piece = quoted(word);
        if word.starts_with("--")
            && let Some(value) = words.next_if(|value| !value.starts_with("--"))
        {
            piece += &format!(" {}", quoted(value));
        }
        let letters = piece.chars().count();
        let (before, width) = match length {
            0 => ("", letters),
            length if length + 1 + letters > LONGEST_ROW => ("\n  ", letters + 2),
            length => (" ", length + 1 + letters),
        };
        text = text + before + &piece;
        length = width;
    }
    text
}
