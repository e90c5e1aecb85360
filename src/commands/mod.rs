//! One command a file: its arguments, its help, and what it does.
//!
//! A new one is a file here, its `mod` line and a line of `commands!`.

mod compact;
mod compare;
mod completions;
mod data;
mod delete;
mod diff;
mod embed;
mod evaluate;
mod export;
mod figure;
mod fork;
mod gc;
mod left_out;
mod log;
mod man;
mod materialise;
mod networks;
mod notebook;
mod pack;
mod plot;
mod predict;
#[cfg(feature = "sql")]
mod query;
mod regions;
mod rename;
mod resume;
mod samples;
mod show;
mod steer;
mod table;
mod train;
mod unpack;
mod verify;
#[cfg(feature = "view")]
mod view;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use revacnn_schemas::{
    Address, Advice, ArrayFile, BranchName, Coefficients, DEFAULT_STORE, Edit, MOST_IMAGE_BYTES, Place, Position,
    ReadFiles, Step,
};
use revacnn_store::{Lineage, StepSpan, Store};
use revacnn_trainer::exchange::read_arrays;
use revacnn_trainer::read_text;

use crate::error::Failure;
use crate::npy;
use crate::output::warn;
use crate::text::{count, printable};

pub(crate) use left_out::left_out;
pub(crate) use plot::other_kinds_option;

/// Version control for the training of convolutional networks: record every
/// step, replay it to the bit.
#[derive(Debug, Parser)]
#[command(name = "revacnn", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Begin with `revacnn train`: it trains on embedded data and records every step.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Write JSON, one object a line; errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Arguments {
    /// Reads those of the program.
    ///
    /// # Errors
    /// What the parser has to say.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let words: Vec<OsString> = std::env::args_os().collect();
        Self::of(&words).map_err(|error| {
            // The parser repeats words as they are: what a terminal would take for a command or a line of ours is
            // written out, and refused for the same reason.
            let harmless: Vec<OsString> = words.iter().map(|word| printable(&word.to_string_lossy()).into()).collect();
            if harmless == words { error } else { Self::of(&harmless).err().unwrap_or(error) }
        })
    }

    fn of(words: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = with_negative_numbers(Self::command());
        let mut matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// A command, and those below it, that take `-1` for a value and no option: who asks for
/// one is then told which values there are.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command.mut_subcommands(with_negative_numbers).allow_negative_numbers(true)
}

/// What the program asks of a command.
pub(crate) trait Run {
    /// Where it works, for the commands that it advises.
    fn place(&self) -> Place {
        Place { store: DEFAULT_STORE.into(), data: None }
    }

    /// Does it, and writes lines for people or JSON for programs.
    fn run(&self, json: bool) -> Result<ExitCode, Failure>;
}

/// The commands, in the order of the help.
macro_rules! commands {
    ($($(#[$attribute:meta])* $name:ident($arguments:path),)*) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* $name(Box<$arguments>),)*
        }

        impl Command {
            /// What of it the program runs.
            pub(crate) fn as_run(&self) -> &dyn Run {
                match self {
                    $($(#[$attribute])* Self::$name(arguments) => &**arguments,)*
                }
            }
        }
    };
}

commands! {
    Train(train::TrainArguments),
    Fork(fork::ForkArguments),
    Resume(resume::ResumeArguments),
    Steer(steer::SteerArguments),
    Log(log::LogArguments),
    Show(show::ShowArguments),
    #[cfg(feature = "sql")]
    Query(query::QueryArguments),
    Diff(diff::DiffArguments),
    #[cfg(feature = "view")]
    View(view::ViewArguments),
    Notebook(notebook::NotebookArguments),
    Plot(plot::PlotArguments),
    Embed(embed::EmbedArguments),
    Samples(samples::SamplesArguments),
    Predictions(samples::PredictionsArguments),
    Predict(predict::PredictArguments),
    Regions(regions::RegionsArguments),
    Compare(compare::CompareArguments),
    Table(table::TableArguments),
    Verify(verify::VerifyArguments),
    Evaluate(evaluate::EvaluateArguments),
    Export(export::ExportArguments),
    Data(data::DataArguments),
    Networks(networks::NetworksArguments),
    Materialise(materialise::MaterialiseArguments),
    Compact(compact::CompactArguments),
    Pack(pack::PackArguments),
    Unpack(unpack::UnpackArguments),
    Rename(rename::RenameArguments),
    Delete(delete::DeleteArguments),
    Gc(gc::GcArguments),
    Completions(completions::CompletionsArguments),
    Man(man::ManArguments),
}

/// A branch with its past. What of it is missing or cut off is said, whatever is asked of
/// the rest.
fn history(store: &Store, name: &BranchName) -> Result<Lineage, Failure> {
    let lineage = Lineage::open(store, name)?;
    lineage.damage()?.iter().for_each(warn);
    if let Some(unfinished) = unfinished(&lineage) {
        warn(&format!("{unfinished}; all that it has are its parent's steps"));
    }
    Ok(lineage)
}

/// The step that a position leads to. Where `best` is the best of what the branch began with, since nothing that
/// it trained is validated, that is said.
fn step_of(lineage: &Lineage, position: Position) -> Result<Step, Failure> {
    let step = lineage.resolve(position)?;
    if position != Position::Best {
        return Ok(step);
    }
    let (first, last) = (lineage.branch().first_step(), lineage.resolve(Position::Last)?);
    let validated = lineage.validations()?;
    if last > first && !validated.iter().any(|(step, result)| *step > first && result.loss.is_finite()) {
        warn(&format!(
            "`{name}@best` is step {}: none after step {}, which `{name}` begins with, is validated with a finite loss \
             (a branch's first step and the end of each epoch are validated, and with --validate-every N each N-th \
             step); `{name}@last` is step {}",
            count(step.0),
            count(first.0),
            count(last.0),
            name = lineage.branch().name,
        ));
    }
    Ok(step)
}

/// What is to be said of a fork that ended before its first step, as a kill does.
fn unfinished(lineage: &Lineage) -> Option<String> {
    let record = lineage.branch();
    (record.parent.is_some() && lineage.own().steps().is_none()).then(|| {
        format!(
            "branch `{}` is unfinished: its fork ended before its first step, {}, was recorded, which has its edits. \
             Resume it to make that step",
            record.name,
            record.first_step()
        )
    })
}

/// Refuses to compare an unfinished fork by a step that it would have of its own:
/// what there is instead is another branch's.
fn refuse_unfinished(lineage: &Lineage, address: &Address) -> Result<(), Failure> {
    match unfinished(lineage).filter(|_| !matches!(address.position, Position::Step(_) | Position::Epoch(_))) {
        Some(unfinished) => Err(Failure::Refused { reason: unfinished, miswritten: false }
            .advised(vec![Advice::Resume { branch: lineage.branch().name.clone(), more: None }])),
        None => Ok(()),
    }
}

/// The steps that `--from` and `--to` name, of those that there are.
fn asked_span(from: Option<u64>, to: Option<u64>, all: StepSpan) -> Result<StepSpan, Failure> {
    let span = StepSpan::new(from.map_or(all.first, Step), to.map_or(all.last, Step));
    if span.first <= span.last {
        return Ok(span);
    }
    Err(Failure::Usage(match (from, to) {
        (Some(from), Some(to)) => format!("--from {from} is after --to {to}"),
        (Some(from), None) => format!("--from {from} is after the last step, {}", all.last),
        (None, _) => format!("--to {} is before the first step, {}", span.last, all.first),
    }))
}

/// Reads what edits of a command line name by their files.
struct Files {
    /// The words of the edit: a path may be no text, and is then the word that looks like it.
    words: Vec<OsString>,
}

impl Files {
    fn path<'a>(&'a self, shown: &'a str) -> &'a Path {
        let word = self.words.iter().find(|word| word.to_string_lossy() == shown);
        Path::new(word.map_or(OsStr::new(shown), OsString::as_os_str))
    }
}

impl ReadFiles for Files {
    fn coefficients(&mut self, file: &str) -> Result<Coefficients, String> {
        npy::coefficients(self.path(file))
    }

    fn arrays(&mut self, file: &str) -> Result<ArrayFile, String> {
        let arrays = read_arrays(self.path(file)).map_err(|error| error.to_string())?;
        arrays.notes().iter().for_each(|note| warn(&format!("{file}: {note}")));
        arrays.to_file().map_err(|error| error.to_string())
    }

    fn images(&mut self, file: &str) -> Result<String, String> {
        read_text(self.path(file), "images by their numbers", MOST_IMAGE_BYTES).map_err(|error| error.to_string())
    }
}

/// Reads the edits of a command line; coefficients and arrays come from files.
fn edits(texts: &[OsString]) -> Result<Vec<Edit>, Failure> {
    texts.iter().map(|text| edit(text)).collect()
}

fn edit(text: &OsStr) -> Result<Edit, Failure> {
    let words = if text.to_str().is_some() { Vec::new() } else { words(text) };
    Ok(Edit::parse(&text.to_string_lossy(), &mut Files { words })?)
}

/// Words as a shell takes them apart.
#[cfg(unix)]
fn words(text: &OsStr) -> Vec<OsString> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    shlex::bytes::split(text.as_bytes()).unwrap_or_default().into_iter().map(OsString::from_vec).collect()
}

/// Words as a shell takes them apart, where text that is no Unicode cannot be.
#[cfg(not(unix))]
fn words(_text: &OsStr) -> Vec<OsString> {
    Vec::new()
}

/// A bar for work of so many parts; invisible where there is no terminal.
fn bar(length: u64, json: bool) -> ProgressBar {
    bar_of(length, json, "{wide_bar:.dim} {pos} of {len}")
}

/// As [`bar`], with words of its own.
fn bar_of(length: u64, json: bool, template: &str) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template(template).expect("invariant: the template is valid").progress_chars("━━─");
    ProgressBar::with_draw_target(Some(length), target).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_is_well_defined() {
        Arguments::command().debug_assert();
    }

    /// `plot --smooth -0.1` was an unknown option `-0`.
    #[test]
    fn every_option_takes_a_negative_number_to_its_own_parser() {
        let mut commands = vec![(with_negative_numbers(Arguments::command()), Vec::new())];
        while let Some((command, names)) = commands.pop() {
            let names = [&names[..], &[command.get_name().to_owned()]].concat();
            for option in command.get_arguments().filter(|option| option.get_action().takes_values()) {
                let Some(long) = option.get_long() else { continue };
                let words = names.iter().cloned().chain([format!("--{long}"), "-0.1".to_owned()]);
                let refused = with_negative_numbers(Arguments::command()).try_get_matches_from(words);
                if let Err(error) = refused {
                    assert_ne!(error.kind(), clap::error::ErrorKind::UnknownArgument, "{names:?}: {error}");
                }
            }
            commands.extend(command.get_subcommands().map(|below| (below.clone(), names.clone())));
        }
    }

    #[test]
    fn every_command_says_what_it_does() {
        let mut commands = vec![Arguments::command()];
        while let Some(command) = commands.pop() {
            assert!(command.get_about().is_some(), "{command}");
            let options =
                command.get_arguments().filter(|option| option.get_help().is_none()).map(|option| option.get_id());
            assert_eq!(options.collect::<Vec<_>>(), Vec::<&clap::Id>::new(), "{command}");
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
