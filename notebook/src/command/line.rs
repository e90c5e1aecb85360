//! A line of a notebook: which command it is, and what is wrong with it.

use std::cell::RefCell;
use std::num::NonZeroUsize;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use lru::LruCache;
use revacnn_schemas::{Address, BranchName, FilterNumber, LayerName};

use super::plot::Quantity;
use super::{
    CommandError, Compare, Cursor, Diff, Embed, Family, Fork, ImageOption, Input, Lookup, Plot, Predict, Predictions,
    Regions, Samples, Show, Table, Train,
};
use crate::{Cell, Inputs};

/// What a line of a notebook says.
#[derive(Debug, Clone, PartialEq, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Command {
    /// Train a network.
    Train(Box<Family<Train>>),
    /// Fork a branch.
    Fork(Box<Family<Fork>>),
    /// Name a step.
    Cursor(Cursor),
    /// Name a value.
    Input(Input),
    /// Draw a figure.
    #[command(subcommand)]
    Plot(Plot),
    /// Place filters in a plane.
    Embed(Embed),
    /// Lay two steps side by side.
    Compare(Compare),
    /// What differs between two steps.
    Diff(Diff),
    /// What was recorded of a step.
    Show(Show),
    /// Branches as rows.
    Table(Table),
    /// Images by what came of them.
    Samples(Samples),
    /// What is said of images.
    Predictions(Predictions),
    /// What is seen in pictures.
    Predict(Predict),
    /// How classes share out what lies between images.
    Regions(Regions),
}

#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_version_flag = true, allow_negative_numbers = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// The commands of a notebook, as a message lists them.
const COMMANDS: &str =
    "train, fork, cursor, input, plot, embed, compare, diff, show, table, samples, predictions, predict and regions";

/// Commands of the program that no line of a notebook can be.
const OTHERS: [&str; 20] = [
    "resume",
    "steer",
    "log",
    "query",
    "view",
    "verify",
    "evaluate",
    "export",
    "data",
    "networks",
    "materialise",
    "compact",
    "pack",
    "unpack",
    "rename",
    "delete",
    "gc",
    "completions",
    "man",
    "notebook",
];

/// Options that say where and how: they are given to the program that runs a
/// notebook, and no line has them.
const WHERE_AND_HOW: [&str; 9] =
    ["--store", "--data", "--threads", "--disk-budget", "--json", "--output", "-o", "--no-record", "--dry-run"];

/// So many lines are remembered: more than a long notebook has.
const MOST_READ: NonZeroUsize = NonZeroUsize::new(4096).expect("invariant: it is not 0");

thread_local! {
    /// What words say. The parser takes longer over a line than all else that is done with it,
    /// and of a notebook in which one types every line but one says what it said before.
    static READ: RefCell<LruCache<Vec<String>, Result<Command, Miswritten>>> =
        RefCell::new(LruCache::new(MOST_READ));
}

/// Why words are no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miswritten {
    /// The word that is meant, where it is one.
    pub word: Option<usize>,
    /// What was expected, and what was found.
    pub message: String,
    /// What to write instead of the word.
    pub suggestion: Option<String>,
}

impl Command {
    /// Reads the words of a line.
    ///
    /// # Errors
    /// The first word that is wrong, and why.
    pub fn parse(words: &[impl AsRef<str>]) -> Result<Self, Miswritten> {
        let words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
        READ.with_borrow_mut(|read| read.get_or_insert_ref(&words, || Self::read(&words)).clone())
    }

    fn read(words: &[String]) -> Result<Self, Miswritten> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let parsed = Line::try_parse_from(&words).map_err(|error| miswritten(&error, &words));
        let command = parsed?.command;
        command.check().map_err(|message| Miswritten { word: None, message, suggestion: None })?;
        Ok(command)
    }

    /// The cell of a view, and what it is given; `None` of a line that shows nothing.
    ///
    /// # Errors
    /// Those of the branches that are looked up.
    pub fn cell(&self, lookup: Lookup<'_>) -> Result<Option<(Cell, Inputs)>, CommandError> {
        Ok(Some(match self {
            Self::Plot(plot) => plot.cell(lookup)?,
            Self::Embed(embed) => (embed.cell(), embed.inputs(lookup)?),
            Self::Compare(compare) => (compare.cell()?, Inputs::default()),
            Self::Diff(diff) => (diff.cell(), Inputs::default()),
            Self::Show(show) => (show.cell(), Inputs::default()),
            Self::Table(table) => table.cell(lookup)?,
            Self::Samples(samples) => (samples.cell(), samples.inputs()),
            Self::Predictions(predictions) => (predictions.cell(), predictions.inputs()),
            Self::Predict(predict) => (predict.cell(), predict.inputs(lookup)?),
            Self::Regions(regions) => (regions.cell(), regions.inputs()),
            Self::Train(_) | Self::Fork(_) | Self::Cursor(_) | Self::Input(_) => return Ok(None),
        }))
    }

    /// The single branches or steps that a view shows.
    pub fn addresses(&self) -> Vec<Address> {
        match self {
            Self::Plot(plot) => plot.at(),
            Self::Embed(embed) => embed.addresses(),
            Self::Compare(compare) => compare.at().unwrap_or_default(),
            Self::Diff(diff) => vec![diff.left.clone(), diff.right.clone()],
            Self::Show(show) => vec![show.address.clone()],
            Self::Table(table) => table.at(),
            Self::Samples(samples) => vec![samples.at.clone()],
            Self::Predictions(predictions) => vec![predictions.at.clone()],
            Self::Predict(predict) => predict.at.clone(),
            Self::Regions(regions) => regions.at.clone(),
            Self::Train(_) | Self::Fork(_) | Self::Cursor(_) | Self::Input(_) => Vec::new(),
        }
    }

    /// The families that a view shows.
    pub fn families(&self) -> Vec<BranchName> {
        match self {
            Self::Plot(plot) => plot.families(),
            Self::Table(table) => table.families(),
            _ => Vec::new(),
        }
    }

    /// The layer that a view names, and one of its filters where it names one.
    pub fn layer(&self) -> Option<(&LayerName, Option<FilterNumber>)> {
        match self {
            Self::Plot(plot) => plot.layer(),
            Self::Embed(embed) => Some((&embed.layer, None)),
            Self::Table(table) => Some((table.layer.as_ref()?, None)),
            Self::Show(show) => Some((show.layer.as_ref()?, show.filter.map(FilterNumber))),
            _ => None,
        }
    }

    /// Whether a view is of a layer, which it has to name.
    pub fn needs_layer(&self) -> bool {
        match self {
            Self::Plot(plot) => plot.needs_layer(),
            _ => false,
        }
    }

    /// Whether a view is of a layer with maps of its own, and of no other with filters.
    pub fn is_of_maps(&self) -> bool {
        matches!(self, Self::Plot(Plot::Patches(_) | Plot::Maximise(_)))
    }

    /// What a view shows of classes, and what shows something in its place of a network that gives back the
    /// image; `None` of one that shows every network.
    pub fn of_classes(&self) -> Option<(&'static str, &'static str)> {
        let instead = "predictions shows what it gives back";
        match self {
            Self::Plot(Plot::Confusion(_)) => Some(("confusion matrix", instead)),
            Self::Plot(Plot::Saliency(_)) => Some(("output for a class to look at", instead)),
            Self::Regions(_) => Some(("decision region", instead)),
            _ => None,
        }
    }

    /// Whether a view compares its steps image by image.
    pub fn compares_images(&self) -> bool {
        matches!(self, Self::Plot(Plot::Confusion(_)) | Self::Regions(_))
    }

    /// The images that a view names.
    pub fn images(&self) -> Vec<&ImageOption> {
        match self {
            Self::Plot(plot) => plot.image().into_iter().collect(),
            Self::Embed(embed) => embed.image.iter().collect(),
            Self::Predict(predict) => predict.image.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The recorded number that a view shows.
    pub fn quantity(&self) -> Option<Quantity<'_>> {
        match self {
            Self::Plot(plot) => plot.quantity(),
            _ => None,
        }
    }

    /// Whether a view shows all steps of a branch.
    pub fn is_of_histories(&self) -> bool {
        matches!(
            self,
            Self::Plot(Plot::Loss(_) | Plot::Chart(_) | Plot::Histogram(_) | Plot::FiltersOverTime(_)) | Self::Table(_)
        )
    }

    /// Whether a view of all steps shows filters as they are at the last one.
    pub fn is_of_last(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// Has the bare names of families stand for their members.
    pub(crate) fn name_families(&mut self, is_family: impl Fn(&BranchName) -> bool) {
        match self {
            Self::Plot(plot) => plot.name_families(is_family),
            Self::Table(table) => table.name_families(is_family),
            _ => {}
        }
    }

    /// Refuses what no store could do.
    fn check(&self) -> Result<(), String> {
        let says = |error: super::CommandError| error.to_string();
        match self {
            Self::Input(input) => input.control().map(drop),
            Self::Plot(plot) => plot.check().map_err(says),
            Self::Embed(embed) => embed.check().map_err(says),
            Self::Table(table) => table.check().map_err(says),
            Self::Samples(samples) => samples.check().map_err(says),
            Self::Predictions(predictions) => predictions.check().map_err(says),
            Self::Predict(predict) => predict.check().map_err(says),
            Self::Regions(regions) => regions.check().map_err(says),
            Self::Compare(compare) => compare.at().map(drop).map_err(|error| error.to_string()),
            Self::Train(train) => train.line.check().map_err(says),
            Self::Fork(_) | Self::Cursor(_) | Self::Diff(_) | Self::Show(_) => Ok(()),
        }
    }
}

/// What the parser has to say, at its word.
fn miswritten(error: &clap::Error, words: &[&str]) -> Miswritten {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).map(|argument| flag(&argument).to_owned());
    let at_argument =
        argument.as_ref().and_then(|name| words.iter().position(|word| word.split('=').next() == Some(name.as_str())));
    let value = text(ContextKind::InvalidValue).filter(|value| !value.is_empty());
    let at_value = value.as_ref().and_then(|value| {
        let from = at_argument.unwrap_or(0);
        let is_it = |word: &&str| word == value || word.ends_with(&format!("={value}"));
        words[from..]
            .iter()
            .position(is_it)
            .or_else(|| {
                // One of several values of a word.
                words[from..].iter().position(|word| word.contains(value.as_str()))
            })
            .map(|place| from + place)
    });
    let subcommand = text(ContextKind::InvalidSubcommand);
    let at_subcommand = subcommand.as_ref().and_then(|name| words.iter().position(|word| word == name));
    let word = at_value.or(at_argument).or(at_subcommand);
    let suggestion = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggestion = suggestion.into_iter().find_map(text).map(|suggested| flag(&suggested).to_owned());
    let plain = |message: String| Miswritten { word, message, suggestion: None };
    match (error.kind(), argument.as_deref(), subcommand.as_deref()) {
        (ErrorKind::UnknownArgument, Some(option), _) if WHERE_AND_HOW.contains(&option) => plain(format!(
            "{option} says where or how, which a notebook leaves to who runs it: give it to `revacnn notebook run`"
        )),
        (ErrorKind::InvalidSubcommand, _, Some(name)) if word == Some(0) && OTHERS.contains(&name) => {
            plain(format!("`{name}` defines nothing and shows no figure: a line is one of {COMMANDS}"))
        }
        (ErrorKind::InvalidSubcommand, _, Some(name)) if word == Some(0) => {
            let message = format!("expected one of {COMMANDS}, found `{name}`");
            Miswritten { word, message, suggestion }
        }
        _ => Miswritten { word, message: sentence(error), suggestion },
    }
}

/// An option without what it takes: `--epochs` of `--epochs <N>`.
fn flag(argument: &str) -> &str {
    argument.split([' ', '=']).next().unwrap_or(argument)
}

/// The parser's message as one sentence.
fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::document::Role;

    /// `predict` was a command, and a line of it was passed over.
    #[test]
    fn a_line_of_every_command_is_there_for_something_and_is_named() {
        let line = Line::command();
        let names: Vec<&str> = line.get_subcommands().map(clap::Command::get_name).collect();
        assert!(names.len() >= 13, "{names:?}");
        for name in names {
            assert_ne!(Role::of(name), Role::Other, "{name}");
            let named = COMMANDS.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| word == name);
            assert!(named && !OTHERS.contains(&name), "{name}: {COMMANDS}");
        }
    }

    fn wrong(line: &str) -> Miswritten {
        Command::parse(&line.split(' ').collect::<Vec<_>>()).unwrap_err()
    }

    #[test]
    fn a_mistake_is_at_its_word() {
        let at = |line: &str| wrong(line).word;
        assert_eq!(at("train base --epohcs 6"), Some(2));
        assert_eq!(wrong("train base --epohcs 6").suggestion.as_deref(), Some("--epochs"));
        assert_eq!(at("train base --epochs six"), Some(3));
        assert_eq!(at("train base --epochs=six"), Some(2));
        assert_eq!(at("fork base@x wider"), Some(1));
        assert_eq!(at("trian base"), Some(0));
        assert_eq!(wrong("trian base").suggestion.as_deref(), Some("train"));
        assert_eq!(at("plot los base"), Some(1));
        assert_eq!(at("input k 7 --range 0..5"), None);
        assert!(
            wrong("input k 7 --range 0..5").message.contains("from 0 to 5"),
            "{:?}",
            wrong("input k 7 --range 0..5")
        );
        assert!(wrong("plot loss base@3").message.contains("`base`"));
        assert!(wrong("embed base").message.contains("--layer"), "{}", wrong("embed base").message);
    }

    #[test]
    fn what_says_where_or_how_and_what_changes_the_store_is_refused_by_name() {
        for option in WHERE_AND_HOW {
            let found = wrong(&format!("train base {option}"));
            assert!(found.word == Some(2) && found.message.starts_with(option), "{option}: {found:?}");
        }
        for command in OTHERS {
            let found = wrong(&format!("{command} base"));
            assert!(found.word == Some(0) && found.message.contains("defines nothing"), "{command}: {found:?}");
        }
    }
}
