//! `revacnn train`: the main job.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Args;
use revacnn_recorder::{Length, RecorderError, StartPlan, StartRequest, start, start_unrecorded};
use revacnn_schemas::{
    BranchName, Fidelity, ImageIndex, NetworkSpec, OptimizerSpec, Parameters, Place, RunDefinition, Schedule, number,
};
use revacnn_store::{Store, unix_seconds};
use revacnn_trainer::data::{Availability, catalogue};
use revacnn_trainer::{DEFAULT_EPOCHS, TrainerError, named_network, optimizer_kinds, presets};

use super::Run;
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions, from_one, whole};
use crate::output::say;
use crate::run::{Size, go, refused};
use crate::text::{bytes, count, printable};

/// The data sets that there are; those that need no folder are in the program.
fn dataset_help() -> String {
    let names = catalogue(None).into_iter().map(|entry| match entry.availability {
        Availability::Ready { .. } => format!("{} (embedded)", entry.name),
        Availability::Missing(_) => entry.name.to_owned(),
    });
    let names = names.collect::<Vec<_>>().join(", ");
    format!("{names}, or a folder with CIFAR-10's binary files [default: shapes]")
}

fn network_help() -> String {
    let names = presets().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    format!("{names}, or a TOML file with a table for each layer [default: paper]")
}

fn optimizer_help() -> String {
    let names = optimizer_kinds().collect::<Vec<_>>().join(", ");
    format!("One of {names}; its other parameters follow as `,name=value` [default: adam]")
}

/// Train a network and record every step; on an existing branch, go on.
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
    store: StoreOption,
    /// The branch to record, or to go on with.
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: BranchName,
    #[arg(long, value_name = "NAME|PATH", help = dataset_help())]
    dataset: Option<OsString>,
    #[command(flatten)]
    data: DataOption,
    #[arg(long, value_name = "NAME|FILE", help = network_help())]
    network: Option<OsString>,
    #[arg(long, value_name = "KIND[,NAME=VALUE]…", help = optimizer_help())]
    optimizer: Option<String>,
    /// Learning rate [default: the optimizer's].
    #[arg(long, value_name = "RATE", value_parser = number)]
    learning_rate: Option<f64>,
    /// Momentum, of optimizers that have one.
    #[arg(long, value_name = "SHARE", value_parser = number)]
    momentum: Option<f64>,
    /// L2 decay of coefficients [default: the optimizer's].
    #[arg(long, value_name = "DECAY", value_parser = number)]
    weight_decay: Option<f64>,
    /// How the learning rate changes: constant, step,every=STEPS,factor=F or cosine,over=STEPS[,floor=F];
    /// F is from 0 to 1, for the rate only falls [default: constant].
    #[arg(long, value_name = "CURVE")]
    schedule: Option<Schedule>,
    /// Images of a batch [default: 8].
    #[arg(long, value_name = "IMAGES", value_parser = whole::<u32>)]
    batch_size: Option<u32>,
    /// Train until this step.
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = whole::<u64>)]
    steps: Option<u64>,
    /// Train until the end of this epoch [default: 3].
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    epochs: Option<u64>,
    /// The seed of all randomness [default: 0].
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    seed: Option<u64>,
    /// Training images whose maps are written every step [default: 0].
    #[arg(long, value_name = "IMAGE", value_delimiter = ',', value_parser = whole::<u32>)]
    probe: Vec<u32>,
    /// `every`: write every step's tensors; `keyframes`: write a state now and then, recompute the rest
    /// [default: every].
    #[arg(long, value_name = "FIDELITY")]
    fidelity: Option<Fidelity>,
    /// Steps from one keyframe to the next [default: 400 images].
    #[arg(long, value_name = "K", value_parser = from_one)]
    keyframe_interval: Option<u64>,
    /// Evaluate on the validation images every N steps, besides the end of each epoch.
    #[arg(long, value_name = "N", value_parser = from_one)]
    validate_every: Option<u64>,
    #[command(flatten)]
    training: TrainingOptions,
    /// Train without recording anything.
    #[arg(long)]
    no_record: bool,
}

impl Run for TrainArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let place = self.place();
        let resources = self.training.resources(&self.store, &self.data);
        let folder = &self.store.store;
        let existing =
            (!self.no_record && folder.join("store.json").exists()).then(|| Store::open(folder)).transpose()?;
        let plan = StartPlan::of(self.request()?, existing.as_ref(), resources.data_folder.as_deref());
        let plan = plan.map_err(|error| match error {
            RecorderError::TooManySteps => Failure::Usage("--epochs is too large to count its steps".to_owned()),
            error => error.into(),
        })?;
        let until = plan.until;
        interrupt::listen();
        if self.no_record {
            return go(start_unrecorded(plan, &resources)?, until, place, json);
        }
        let budget = resources.recorder.disk_budget;
        let size = Size::of(&plan.topology, &plan.definition, &plan.recording);
        if !json {
            say!("{}", announcement(&plan, size.of_steps(until.0), budget));
        }
        size.warn_of_budget(budget, until.0);
        let store = Store::open_or_create(folder, unix_seconds())?;
        let run = start(&store, plan, &resources).map_err(|error| refused(error, &place))?;
        go(run, until, place, json)
    }
}

impl TrainArguments {
    /// What is asked for.
    fn request(&self) -> Result<StartRequest, Failure> {
        Ok(StartRequest {
            goes_on: true,
            dataset: self.dataset.clone(),
            network: self.network.as_deref().map(network).transpose()?,
            optimizer: self.optimizer.as_deref().map(str::parse::<OptimizerSpec>).transpose()?,
            optimizer_parameters: self.optimizer_parameters()?,
            schedule: self.schedule,
            batch_size: self.batch_size,
            seed: self.seed,
            length: match self.steps {
                Some(steps) => Length::Steps(steps),
                None => Length::Epochs(self.epochs.unwrap_or(DEFAULT_EPOCHS)),
            },
            fidelity: self.fidelity,
            keyframe_interval: self.keyframe_interval,
            probes: self.probe.iter().copied().map(ImageIndex).collect(),
            validate_every: self.validate_every,
            ..StartRequest::new(self.branch.clone())
        })
    }

    /// The options that overrule `--optimizer`.
    fn optimizer_parameters(&self) -> Result<Parameters, Failure> {
        let options =
            [("learning_rate", self.learning_rate), ("momentum", self.momentum), ("weight_decay", self.weight_decay)];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let parameter = |(name, value): (&str, f64)| match value.is_finite() {
            true => Ok((name.to_owned(), value.into())),
            false => {
                let option = name.replace('_', "-");
                Err(Failure::Usage(format!("--{option} must be a finite number, found {value}")))
            }
        };
        given.map(parameter).collect()
    }
}

/// What will be trained, and what that takes.
fn announcement(plan: &StartPlan, size: u64, budget: Option<u64>) -> String {
    let thinned = match budget {
        Some(budget) if size > budget => {
            format!(", thinned to keyframes past {} (which loses nothing; see --disk-budget)", bytes(budget))
        }
        _ => String::new(),
    };
    format!(
        "{} on {}: {} parameters, batch {}, until step {} — about {} on disk{thinned}",
        printable(&network_name(&plan.definition)),
        printable(&plan.definition.dataset.name),
        count(plan.topology.parameters() as u64),
        plan.definition.batch_size,
        count(plan.until.0),
        bytes(size),
    )
}

fn network_name(definition: &RunDefinition) -> &str {
    if definition.network.name.is_empty() { "network" } else { &definition.network.name }
}

/// A preset by its name, or a file.
fn network(name_or_path: &OsStr) -> Result<NetworkSpec, Failure> {
    named_network(name_or_path).map_err(|error| match error {
        // What is written wrong is an argument at fault.
        TrainerError::Schema(error) => error.into(),
        error => error.into(),
    })
}
