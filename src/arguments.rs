//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use revacnn_schemas::{Address, BranchName, Fidelity, LayerName, Schedule};

use crate::text::parse_bytes;

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
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Train(arguments) => arguments.json,
            Command::Log(arguments) => arguments.json,
            Command::Show(arguments) => arguments.json,
            Command::Evaluate(arguments) => arguments.json,
            Command::Data(arguments) => arguments.json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network and record every step; on an existing branch, go on.
    Train(TrainArguments),
    /// List the branches of a store.
    Log(LogArguments),
    /// Show what was recorded of a step.
    Show(ShowArguments),
    /// Evaluate the weights of a step on a split of the data.
    Evaluate(EvaluateArguments),
    /// List or check data sets.
    Data(DataArguments),
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The store: a folder that holds branches.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) store: PathBuf,
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
#[command(after_help = "Examples:
  revacnn train
  revacnn train --branch small --dataset digits --network 20-20-20 --epochs 5 --seed 3
  revacnn train --branch sgd --dataset cifar10 --data ~/data --optimizer sgd --learning-rate 0.01 --batch-size 32")]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The branch to record, or to go on with.
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) branch: BranchName,
    /// digits, shapes (both embedded), cifar10, or a folder with CIFAR-10's binary files.
    #[arg(long, value_name = "NAME|PATH", default_value = "shapes")]
    pub(crate) dataset: String,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// paper, 20-20-20, 20-20-21, or a TOML file with a table for each layer.
    #[arg(long, value_name = "NAME|FILE", default_value = "paper")]
    pub(crate) network: String,
    /// adadelta, sgd or adam; others of its parameters follow as `,name=value`.
    #[arg(long, value_name = "KIND[,NAME=VALUE]…", default_value = "adadelta")]
    pub(crate) optimizer: String,
    /// Learning rate [default: the optimizer's].
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Momentum, of optimizers that have one.
    #[arg(long, value_name = "SHARE")]
    pub(crate) momentum: Option<f64>,
    /// L2 decay of coefficients [default: the optimizer's].
    #[arg(long, value_name = "DECAY")]
    pub(crate) weight_decay: Option<f64>,
    /// How the learning rate changes: constant, step,every=STEPS,factor=F or cosine,over=STEPS[,floor=F].
    #[arg(long, value_name = "CURVE", default_value_t = Schedule::Constant)]
    pub(crate) schedule: Schedule,
    /// Images of a batch.
    #[arg(long, value_name = "IMAGES", default_value_t = 4)]
    pub(crate) batch_size: u32,
    /// Train until this step.
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    pub(crate) steps: Option<u64>,
    /// Train until the end of this epoch [default: 2].
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// The seed of all randomness.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Training images whose maps are written every step [default: 0].
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    pub(crate) probe: Vec<u32>,
    /// `every`: write every step's tensors; `keyframes`: write a state now and then, recompute the rest.
    #[arg(long, value_name = "FIDELITY", default_value_t = Fidelity::Every)]
    pub(crate) fidelity: Fidelity,
    /// Past this size on disk the oldest steps are thinned to keyframes, which loses nothing
    /// [default: 10GB or a fifth of what is free, the smaller].
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
        names: Vec<String>,
    },
}
