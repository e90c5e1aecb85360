//! Options that several commands share.

use std::path::{Component, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use etcetera::BaseStrategy;
use revacnn_notebook::command::values::whole;
use revacnn_recorder::{Resources, usual_threads};
use revacnn_schemas::{DEFAULT_STORE, EDIT_FORMS, Place};
use revacnn_store::RecorderOptions;

use crate::text::parse_bytes;

/// A path that the shell has looked at: in `--store=~/runs` most leave the `~`,
/// and a folder of that name would be made.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.components().next() {
        Some(Component::Normal(first)) if first.as_encoded_bytes().starts_with(b"~") => Err(format!(
            "the shell has left the `~` as it is, which it does behind `=` and in quotes: leave a blank in its place, or \
             write $HOME; a folder of that name is ./{}",
            path.display()
        )),
        _ => Ok(path),
    })
}

/// A number of threads.
pub(crate) fn threads(text: &str) -> Result<u16, String> {
    match whole(text)? {
        number @ 1..=1024 => Ok(number),
        number => Err(format!("expected 1 to 1024 threads, found {number}")),
    }
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StoreOption {
    /// The store: a folder that holds branches.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE, value_parser = path())]
    pub(crate) store: PathBuf,
}

impl StoreOption {
    /// The store, and the data folder that was named beside it: what the
    /// environment names holds for the next command, too.
    pub(crate) fn place(&self, data: Option<&DataOption>) -> Place {
        Place { store: self.store.clone(), data: data.and_then(|folder| folder.data.clone()) }
    }
}

/// Where data sets are.
#[derive(Debug, Args)]
pub(crate) struct DataOption {
    /// The folder that holds data sets [default: the variable REVACNN_DATA, or where `data fetch` puts them].
    #[arg(long, value_name = "DIR", global = true, value_parser = path())]
    pub(crate) data: Option<PathBuf>,
}

impl DataOption {
    /// The folder that was named, or that the environment names, or the usual one, if there is one.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.data
            .clone()
            .or_else(|| std::env::var_os("REVACNN_DATA").filter(|value| !value.is_empty()).map(PathBuf::from))
            .or_else(|| usual_data_folder().filter(|folder| folder.is_dir()))
    }
}

/// The folder for data sets where none is named: that of the platform for a person's data.
pub(crate) fn usual_data_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.data_dir().join("revacnn").join("data"))
}

/// How many threads work.
#[derive(Debug, Args)]
pub(crate) struct ThreadsOption {
    /// Threads at most; training tries out how many of them are fastest [default: the machine's
    /// cores, 16 at most].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<u16>,
}

impl ThreadsOption {
    /// The number that was asked for, or the usual one.
    pub(crate) fn number(&self) -> usize {
        self.threads.map_or_else(usual_threads, usize::from)
    }
}

/// How training and recording work.
#[derive(Debug, Args)]
pub(crate) struct TrainingOptions {
    /// Past this size of the branch on disk its oldest steps are thinned to keyframes, which loses
    /// nothing: a bound for each branch, not for the store. Scalars, keyframes and the newest steps
    /// stay, and a run that needs more for them says so before its first step [default: 10GB or a
    /// fifth of what is free, the smaller].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) disk_budget: Option<u64>,
    #[command(flatten)]
    pub(crate) threads: ThreadsOption,
}

impl TrainingOptions {
    /// With what a verb works: what was asked for, and the usual for the rest.
    pub(crate) fn resources(&self, store: &StoreOption, data: &DataOption) -> Resources {
        let usual = Resources::usual(&store.store);
        let disk_budget = self.disk_budget.or(usual.recorder.disk_budget);
        Resources {
            threads: self.threads.number(),
            recorder: RecorderOptions { disk_budget, ..usual.recorder },
            data_folder: data.folder(),
            ..usual
        }
    }
}

/// Examples, and the forms of `--edit`, for the help of the commands that take
/// edits.
pub(crate) fn with_edits(examples: &str) -> String {
    let forms = EDIT_FORMS.iter().flat_map(|(_, form)| form.split(", or "));
    let forms: String = forms.map(|form| format!("  {form}\n")).collect();
    format!(
        "{examples}\n\nEdits:\n{forms}Each takes seed=N as well. A schedule is written as in `train --schedule`: its \
         factors are from\n0 to 1."
    )
}
