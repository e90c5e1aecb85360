//! Options that several commands share.

use std::path::{Component, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use revacnn_notebook::Matching;
use revacnn_recorder::{Goal, Resources, usual_threads};
use revacnn_schemas::{DEFAULT_STORE, EDIT_FORMS, Place, Step, whole_number};
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

/// A whole number of an option.
pub(crate) fn whole<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = whole_number(text)?;
    T::try_from(number).map_err(|_| format!("expected a smaller number, found `{text}`"))
}

/// A whole number that is not 0.
pub(crate) fn from_one(text: &str) -> Result<u64, String> {
    match whole(text)? {
        0 => Err("expected a whole number of at least 1, found 0".to_owned()),
        number => Ok(number),
    }
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
    /// The folder that holds data sets [default: the variable REVACNN_DATA].
    #[arg(long, value_name = "DIR", global = true, value_parser = path())]
    pub(crate) data: Option<PathBuf>,
}

impl DataOption {
    /// The folder that was named, or that the environment names.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.data
            .clone()
            .or_else(|| std::env::var_os("REVACNN_DATA").filter(|value| !value.is_empty()).map(PathBuf::from))
    }
}

/// How many threads work.
#[derive(Debug, Args)]
pub(crate) struct ThreadsOption {
    /// Threads at most; training tries out how many of them are fastest [default: the machine's
    /// cores].
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

/// How far a branch is trained on.
#[derive(Debug, Args)]
pub(crate) struct UntilOptions {
    /// Train on until this step; +N: so many steps more.
    #[arg(long, value_name = "[+]N", conflicts_with = "epochs")]
    pub(crate) steps: Option<Until>,
    /// Train on until the end of this epoch.
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) epochs: Option<u64>,
}

impl UntilOptions {
    /// Whether it is to be trained on at all.
    pub(crate) fn is_asked(&self) -> bool {
        self.steps.is_some() || self.epochs.is_some()
    }

    /// What was asked for, or else to go where it was last meant to.
    pub(crate) fn goal(&self) -> Goal {
        match (self.steps, self.epochs) {
            (Some(Until::Step(step)), _) => Goal::Step(Step(step)),
            (Some(Until::More(more)), _) => Goal::More(more),
            (None, Some(epoch)) => Goal::Epoch(epoch),
            (None, None) => Goal::AsBefore,
        }
    }
}

/// A step to train to: `N`, or `+N` from where training stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// This step.
    Step(u64),
    /// So many steps more.
    More(u64),
}

impl std::str::FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (more, digits) = text.strip_prefix('+').map_or((false, text), |digits| (true, digits));
        let number =
            whole_number(digits).map_err(|_| format!("expected a step such as 3000, or +500, found `{text}`"))?;
        Ok(if more { Self::More(number) } else { Self::Step(number) })
    }
}

/// How filters of two steps are matched.
#[derive(Debug, Args)]
pub(crate) struct MatchingOption {
    /// How filters are matched: by identity, which a run shares with its forks;
    /// or by assignment, for separate runs: layer by layer, the filters of one
    /// with those of the other, so that their squared distances have the least
    /// sum. That says which are alike, not that they are one.
    #[arg(long = "match", value_name = "HOW", default_value = "identity")]
    pub(crate) how: Matching,
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
