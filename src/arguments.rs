//! What can be written on the command line.

mod figures;
#[cfg(feature = "view")]
mod view;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use revacnn_schemas::{Address, BranchName, DEFAULT_STORE, Fidelity, LayerName, Place, Schedule};

use crate::text::parse_bytes;
pub(crate) use figures::{CompareArguments, EmbedArguments, MatchingArgument, PlotArguments, PlotKind};
#[cfg(feature = "view")]
pub(crate) use view::{ThemeName, ViewArguments};

/// Version control for the training of convolutional networks: record every
/// step, replay it to the bit.
#[derive(Debug, Parser)]
#[command(name = "revacnn", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Begin with `revacnn train`: it trains on embedded data and records every step.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Where the command works, for the commands that it advises.
    pub(crate) fn place(&self) -> Place {
        match &self.command {
            Command::Train(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Fork(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Resume(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Show(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Evaluate(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Verify(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Diff(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Plot(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Embed(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Compare(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Materialise(arguments) => arguments.store.place(Some(&arguments.data)),
            Command::Compact(arguments) => arguments.store.place(Some(&arguments.data)),
            #[cfg(feature = "view")]
            Command::View(arguments) => arguments.place(),
            Command::Log(arguments) => arguments.store.place(None),
            Command::Steer(arguments) => arguments.store.place(None),
            Command::Rename(arguments) => arguments.store.place(None),
            Command::Delete(arguments) => arguments.store.place(None),
            Command::Gc(arguments) => arguments.store.place(None),
            #[cfg(feature = "sql")]
            Command::Query(arguments) => arguments.store.place(None),
            Command::Data(arguments) => Place { store: DEFAULT_STORE.into(), data: arguments.folder.data.clone() },
        }
    }

    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Train(arguments) => arguments.json,
            Command::Log(arguments) => arguments.json,
            Command::Show(arguments) => arguments.json,
            Command::Evaluate(arguments) => arguments.json,
            Command::Data(arguments) => arguments.json,
            Command::Fork(arguments) => arguments.json,
            Command::Resume(arguments) => arguments.json,
            Command::Verify(arguments) => arguments.json,
            Command::Diff(arguments) => arguments.json,
            Command::Steer(arguments) => arguments.json,
            Command::Embed(arguments) => arguments.json,
            Command::Compare(arguments) => arguments.json,
            #[cfg(feature = "view")]
            Command::View(_) => false,
            #[cfg(feature = "sql")]
            Command::Query(_) => false,
            Command::Plot(_)
            | Command::Materialise(_)
            | Command::Compact(_)
            | Command::Rename(_)
            | Command::Delete(_)
            | Command::Gc(_) => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network and record every step; on an existing branch, go on.
    Train(TrainArguments),
    /// Fork a branch at any step, with edits, and train on if asked.
    Fork(ForkArguments),
    /// Go on with a branch where it stopped, also after a crash.
    Resume(ResumeArguments),
    /// Steer a training that runs in another process.
    Steer(SteerArguments),
    /// Draw the tree of branches.
    Log(LogArguments),
    /// Show what was recorded of a step.
    Show(ShowArguments),
    /// Ask the log in SQL.
    #[cfg(feature = "sql")]
    Query(QueryArguments),
    /// Compare two branches: structure, hyper-parameters, weights.
    Diff(DiffArguments),
    /// Open the window: scrub, compare and steer.
    #[cfg(feature = "view")]
    View(ViewArguments),
    /// Draw curves, a network, filters, maps or a confusion matrix.
    Plot(PlotArguments),
    /// Place a layer's filters in a plane, at one address or several.
    Embed(EmbedArguments),
    /// Lay two branches or steps side by side in one figure.
    Compare(CompareArguments),
    /// Execute a branch again and compare every step with the log.
    Verify(VerifyArguments),
    /// Evaluate the weights of a step on a split of the data.
    Evaluate(EvaluateArguments),
    /// List or check data sets.
    Data(DataArguments),
    /// Write out tensors that only follow from keyframes.
    Materialise(MaterialiseArguments),
    /// Leave a branch its keyframes alone, after verifying it.
    Compact(CompactArguments),
    /// Give a branch another name.
    Rename(RenameArguments),
    /// Delete a branch, or take a deleted one back.
    Delete(DeleteArguments),
    /// Free what was deleted and what crashes left over.
    Gc(GcArguments),
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The store: a folder that holds branches.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STORE)]
    pub(crate) store: PathBuf,
}

impl StoreArguments {
    /// The store, and the data folder that was named beside it: what the
    /// environment names holds for the next command, too.
    pub(crate) fn place(&self, data: Option<&DataFolder>) -> Place {
        Place { store: self.store.clone(), data: data.and_then(|folder| folder.data.clone()) }
    }
}

/// Where data sets are.
#[derive(Debug, Args)]
pub(crate) struct DataFolder {
    /// The folder that holds data sets [default: the variable REVACNN_DATA].
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
}

impl DataFolder {
    /// The folder that was named, or that the environment names.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.data
            .clone()
            .or_else(|| std::env::var_os("REVACNN_DATA").filter(|value| !value.is_empty()).map(PathBuf::from))
    }
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
#[command(
    after_help = "Options that are not given are as the branch has them, or, of a new branch, the defaults. Adam at a batch
of 8 is the default because it learns `shapes` within seconds and goes on learning CIFAR-10.

Examples:
  revacnn train
  revacnn train --branch small --dataset digits --network 20-20-20 --epochs 5 --seed 3
  revacnn train --branch sgd --dataset cifar10 --data ~/data --optimizer sgd --learning-rate 0.01 --batch-size 32"
)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch to record, or to go on with.
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) branch: BranchName,
    /// digits, shapes (both embedded), cifar10, or a folder with CIFAR-10's binary files [default: shapes].
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) dataset: Option<OsString>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// paper, 20-20-20, 20-20-21, or a TOML file with a table for each layer [default: paper].
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) network: Option<OsString>,
    /// adam, sgd or adadelta; others of its parameters follow as `,name=value` [default: adam].
    #[arg(long, value_name = "KIND[,NAME=VALUE]…")]
    pub(crate) optimizer: Option<String>,
    /// Learning rate [default: the optimizer's].
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Momentum, of optimizers that have one.
    #[arg(long, value_name = "SHARE")]
    pub(crate) momentum: Option<f64>,
    /// L2 decay of coefficients [default: the optimizer's].
    #[arg(long, value_name = "DECAY")]
    pub(crate) weight_decay: Option<f64>,
    /// How the learning rate changes: constant, step,every=STEPS,factor=F or cosine,over=STEPS[,floor=F];
    /// F is from 0 to 1, for the rate only falls [default: constant].
    #[arg(long, value_name = "CURVE")]
    pub(crate) schedule: Option<Schedule>,
    /// Images of a batch [default: 8].
    #[arg(long, value_name = "IMAGES")]
    pub(crate) batch_size: Option<u32>,
    /// Train until this step.
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    pub(crate) steps: Option<u64>,
    /// Train until the end of this epoch [default: 3].
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// The seed of all randomness [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Training images whose maps are written every step [default: 0].
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    pub(crate) probe: Vec<u32>,
    /// `every`: write every step's tensors; `keyframes`: write a state now and then, recompute the rest
    /// [default: every].
    #[arg(long, value_name = "FIDELITY")]
    pub(crate) fidelity: Option<Fidelity>,
    /// Steps from one keyframe to the next [default: 400 images].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) keyframe_interval: Option<u64>,
    /// Past this size of the branch on disk its oldest steps are thinned to keyframes, which loses
    /// nothing: a bound for each branch, not for the store. Scalars, keyframes and the newest steps
    /// stay, and a run that needs more for them says so before its first step [default: 10GB or a
    /// fifth of what is free, the smaller].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) disk_budget: Option<u64>,
    /// Evaluate on the validation images every N steps, besides the end of each epoch.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) validate_every: Option<u64>,
    /// Threads of the training [default: the machine's cores, 4 at most].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Train without recording anything.
    #[arg(long)]
    pub(crate) no_record: bool,
    /// Write events as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
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
        let number: u64 =
            digits.parse().map_err(|_| format!("expected a step such as 3000, or +500, found `{text}`"))?;
        Ok(if more { Self::More(number) } else { Self::Step(number) })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn fork main@1000 --name wider --edit 'add-filter conv3 init=split' --steps +1000
  revacnn fork main@epoch:1 --edit 'freeze conv1' --edit 'set learning-rate 0.1'
  revacnn fork main@best --name twin

Edits:
  add-filter LAYER [count=N] [init=random|zero|split|gradmax]
  remove-filter LAYER/FILTER          duplicate-filter LAYER/FILTER
  reinitialise LAYER[/FILTER]         freeze LAYER[/FILTER]         unfreeze LAYER[/FILTER]
  set-weights LAYER/FILTER FILE.npy   remove-layer LAYER
  insert-layer KIND after=LAYER|input [name=NAME] [init=random|identity] [PARAMETER=VALUE]…
  set activation LAYER FUNCTION
  set learning-rate|momentum|weight-decay|batch-size|optimizer|schedule VALUE
Each takes seed=N as well. A schedule is written as in `train --schedule`; its factors are from 0 to 1.")]
pub(crate) struct ForkArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The step to fork at, such as main@1000.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
    /// The new branch's name [default: the parent's, numbered, such as main~2].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<BranchName>,
    /// What to change; may be given several times. Without any, the fork is a twin.
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Vec<OsString>,
    /// Train on until this step; +N: so many steps more.
    #[arg(long, value_name = "[+]N", conflicts_with = "epochs")]
    pub(crate) steps: Option<Until>,
    /// Train on until the end of this epoch.
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// What is written each step [default: as the parent].
    #[arg(long, value_name = "FIDELITY")]
    pub(crate) fidelity: Option<Fidelity>,
    #[command(flatten)]
    pub(crate) how: HowArguments,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write events as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How training and recording work.
#[derive(Debug, Args)]
pub(crate) struct HowArguments {
    /// Past this size of the branch on disk its oldest steps are thinned to keyframes, which loses
    /// nothing: a bound for each branch, not for the store. Scalars, keyframes and the newest steps
    /// stay, and a run that needs more for them says so before its first step [default: 10GB or a
    /// fifth of what is free, the smaller].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) disk_budget: Option<u64>,
    /// Threads of the training [default: the machine's cores, 4 at most].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn resume main
  revacnn resume wider --steps +500

Without --steps or --epochs it goes on to where it was last asked to go, or, if it is there
already, to the end of the next epoch.")]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// Train until this step; +N: so many steps more.
    #[arg(long, value_name = "[+]N", conflicts_with = "epochs")]
    pub(crate) steps: Option<Until>,
    /// Train until the end of this epoch.
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    #[command(flatten)]
    pub(crate) how: HowArguments,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write events as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples, while another terminal trains main:
  revacnn steer main --edit 'add-filter conv3'
  revacnn steer main --pause
  revacnn steer main --step
  revacnn steer main --resume")]
#[command(group = clap::ArgGroup::new("request").required(true))]
pub(crate) struct SteerArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch that is being trained.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// Fork at the step's end with this edit, and go on in the new branch; may be given several times.
    #[arg(long, value_name = "EDIT", group = "request")]
    pub(crate) edit: Vec<OsString>,
    /// The new branch's name [default: the parent's, numbered].
    #[arg(long, value_name = "NAME", requires = "edit")]
    pub(crate) name: Option<BranchName>,
    /// Wait at the step's end.
    #[arg(long, group = "request")]
    pub(crate) pause: bool,
    /// Go on.
    #[arg(long, group = "request")]
    pub(crate) resume: bool,
    /// Make one step, and wait.
    #[arg(long, group = "request")]
    pub(crate) step: bool,
    /// End at the step's end, with everything written.
    #[arg(long, group = "request")]
    pub(crate) stop: bool,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) patience: u64,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn verify main
  revacnn verify wider --from 1000 --to 2000 --tensors")]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// First step, also an inherited one [default: the branch's first].
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<u64>,
    /// Last step [default: the newest].
    #[arg(long, value_name = "STEP")]
    pub(crate) to: Option<u64>,
    /// Compare every stored tensor as well, bit by bit.
    #[arg(long)]
    pub(crate) tensors: bool,
    /// Threads, each on spans between keyframes of its own [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn diff main wider
  revacnn diff main@1000 wider@1000 --json")]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// One step, such as main@1000.
    #[arg(value_name = "A")]
    pub(crate) left: Address,
    /// The other one.
    #[arg(value_name = "B")]
    pub(crate) right: Address,
    #[command(flatten)]
    pub(crate) matching: MatchingArgument,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write JSON, with every filter.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn materialise main --from 1000 --to 1511")]
pub(crate) struct MaterialiseArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// First step [default: the branch's first]; whole segments are written.
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<u64>,
    /// Last step [default: the newest].
    #[arg(long, value_name = "STEP")]
    pub(crate) to: Option<u64>,
    /// Threads [default: the machine's cores, 4 at most].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn compact main --fidelity keyframes")]
pub(crate) struct CompactArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// What is left: `keyframes`; `materialise` goes the other way.
    #[arg(long, value_name = "FIDELITY", default_value_t = Fidelity::Keyframes)]
    pub(crate) fidelity: Fidelity,
    /// Threads of verifying [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn rename main~2 wider")]
pub(crate) struct RenameArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// Its new name.
    #[arg(value_name = "NAME")]
    pub(crate) to: BranchName,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn delete wider\n  revacnn delete wider --undo")]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch; it must have no children.
    #[arg(value_name = "BRANCH")]
    pub(crate) branch: BranchName,
    /// Take the deleted branch back, if `revacnn gc` has not freed it.
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn gc\n  revacnn gc --yes")]
pub(crate) struct GcArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Free it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn log --store runs")]
pub(crate) struct LogArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn show main
  revacnn show main@epoch:1 --layer conv1
  revacnn show main@100 --layer conv3 --filter 7 --json

An address is NAME@STEP, where STEP is a number, epoch:N, last, best or fork; NAME alone means NAME@last.")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The step, such as main@100.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
    /// One layer.
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<LayerName>,
    /// One filter of that layer, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer")]
    pub(crate) filter: Option<u32>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write JSON, with every value.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn evaluate main@best --split test")]
pub(crate) struct EvaluateArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The step, such as main@best.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
    /// The images to evaluate on.
    #[arg(long, value_enum, default_value_t = EvaluationSplit::Validation)]
    pub(crate) split: EvaluationSplit,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Threads [default: the machine's cores, 4 at most].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(feature = "sql")]
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn query 'SELECT step, loss, accuracy FROM validation ORDER BY loss LIMIT 3'
  revacnn query --branch main 'SELECT epoch, AVG(loss) AS loss FROM steps GROUP BY epoch' --format csv
  revacnn query 'SELECT * FROM branches' --format json

Tables: steps, weights, gradients, activations, activation_gradients, filters, normalisation,
keyframes, validation, events, topology, branches; `SELECT * FROM steps LIMIT 1` shows the columns.
Each branch has its whole history under its name in the column `branch`, as far back as step 0;
`recorded_in` is the branch that holds the row. WHERE branch = 'NAME' selects one history,
WHERE branch = recorded_in gives each row of the store once.")]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The query: SELECT or WITH.
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// One branch, with its history [default: all branches].
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<BranchName>,
    /// How the rows are written.
    #[arg(long, value_enum, default_value_t = RowFormat::Table)]
    pub(crate) format: RowFormat,
    /// The file to write [default: the output].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The most memory that the query may take [default: three quarters of what is free].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,
}

/// How the rows of an answer are written.
#[cfg(feature = "sql")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Columns for people; on the output, the first 1,000 rows.
    Table,
    /// Comma-separated values, under a heading.
    Csv,
    /// A JSON object a line.
    Json,
    /// A Parquet file; needs --output.
    Parquet,
}

/// The images of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvaluationSplit {
    /// Every tenth training image, held out.
    Validation,
    /// The test images.
    Test,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn data list\n  revacnn data check cifar10 --data ~/data")]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    pub(crate) action: DataAction,
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Write JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// List the known data sets and whether they are there.
    List,
    /// Load data sets, verify them, and show what is in them.
    Check {
        /// Which ones [default: all that are there].
        #[arg(value_name = "NAME|PATH")]
        names: Vec<OsString>,
    },
}
