//! `train`: what is trained, and how it is recorded.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Args;
use revacnn_recorder::{DEFAULT_NETWORK, Length, StartRequest};
use revacnn_schemas::{
    BranchName, Fidelity, ImageIndex, InitialArrays, LayerName, NetworkSpec, OptimizerSpec, Parameters, Reading,
    SCHEDULE_FORMS, Schedule, number,
};
use revacnn_trainer::data::{Availability, catalogue};
use revacnn_trainer::exchange::read_arrays;
use revacnn_trainer::{DEFAULT_EPOCHS, TrainerError, named_network, optimizer_kinds, presets};

use super::values::{from_one, whole};
use super::{AugmentationOptions, CommandError, ReadingOptions};

/// The branch that is meant where none is named.
const DEFAULT_BRANCH: &str = "main";

/// The data sets that there are; those that need no folder are in the program.
fn dataset_help() -> String {
    let names = catalogue(None).into_iter().map(|entry| match entry.availability {
        Availability::Ready { .. } => format!("{} (embedded)", entry.name),
        Availability::Missing(_) => entry.name.to_owned(),
    });
    let names = names.collect::<Vec<_>>().join(", ");
    format!(
        "{names}, or the path of your own images: a folder with a folder of pictures a class, MNIST's, CIFAR's or \
         NumPy's files, a .csv; `data check PATH` says what is there [default: shapes]"
    )
}

fn network_help() -> String {
    let names = presets().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    format!("{names}, or a TOML file with a table for each layer [default: paper]")
}

fn optimizer_help() -> String {
    let names = optimizer_kinds().collect::<Vec<_>>().join(", ");
    format!(
        "One of {names}; its other parameters follow as `,name=value`, and `,l1-decay=L1`, which every one has [default: \
         adam]"
    )
}

fn schedule_help() -> String {
    format!("How the learning rate changes: {} [default: constant]", SCHEDULE_FORMS.replace('`', ""))
}

/// What is trained, how far, and how it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Train {
    /// The branch to record, or to go on with [default: main].
    #[arg(value_name = "NAME", conflicts_with = "branch")]
    pub(crate) name: Option<BranchName>,
    /// The same as NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<BranchName>,
    #[arg(long, value_name = "NAME|PATH", help = dataset_help())]
    pub(crate) dataset: Option<OsString>,
    #[command(flatten)]
    pub(crate) reading: ReadingOptions,
    #[arg(long, value_name = "NAME|FILE", help = network_help())]
    pub(crate) network: Option<OsString>,
    /// How coefficients are drawn of layers that say nothing of it: normal, he, glorot or orthogonal; of
    /// the network paper where none is named [default: the network's, or normal].
    #[arg(long, value_name = "WAY")]
    pub(crate) init_weights: Option<String>,
    /// What biases begin with of layers that say nothing of it, but for the class layer's
    /// [default: the network's, or 0].
    #[arg(long, value_name = "BIAS", value_parser = number)]
    pub(crate) init_biases: Option<f64>,
    #[arg(long, value_name = "KIND[,NAME=VALUE]…", help = optimizer_help())]
    pub(crate) optimizer: Option<String>,
    /// Learning rate [default: the optimizer's].
    #[arg(long, value_name = "RATE", value_parser = number)]
    pub(crate) learning_rate: Option<f64>,
    /// Momentum, of optimizers that have one.
    #[arg(long, value_name = "SHARE", value_parser = number)]
    pub(crate) momentum: Option<f64>,
    /// L2 decay of coefficients [default: the optimizer's].
    #[arg(long, value_name = "DECAY", value_parser = number)]
    pub(crate) weight_decay: Option<f64>,
    /// Scales the gradients of a step down so that the norm of all of them together is at most this;
    /// 0 lets any pass [default: 0].
    #[arg(long, value_name = "NORM", value_parser = number)]
    pub(crate) clip_norm: Option<f64>,
    #[arg(long, value_name = "CURVE", help = schedule_help())]
    pub(crate) schedule: Option<Schedule>,
    /// Images of a batch [default: 8].
    #[arg(long, value_name = "IMAGES", value_parser = whole::<u32>)]
    pub(crate) batch_size: Option<u32>,
    #[command(flatten)]
    pub(crate) augmentation: AugmentationOptions,
    /// Train until this step.
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = whole::<u64>)]
    pub(crate) steps: Option<u64>,
    /// Train until the end of this epoch [default: 3].
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) epochs: Option<u64>,
    /// The seed of all randomness [default: 0].
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) seed: Option<u64>,
    /// Arrays that layers begin with instead of drawn ones: a file as `revacnn export` writes it in
    /// safetensors, npz or ConvNetJS's JSON, or another program.
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<OsString>,
    /// Layers that take theirs from --init, with commas between [default: all of the network].
    #[arg(long, value_name = "LAYER", value_delimiter = ',', requires = "init")]
    pub(crate) init_layers: Vec<LayerName>,
    /// Training images whose maps are written every step [default: 0].
    #[arg(long, value_name = "IMAGE", value_delimiter = ',', value_parser = whole::<u32>)]
    pub(crate) probe: Vec<u32>,
    /// `every`: write every step's tensors; `keyframes`: write a state now and then, recompute the rest
    /// [default: every].
    #[arg(long, value_name = "FIDELITY")]
    pub(crate) fidelity: Option<Fidelity>,
    /// Steps from one keyframe to the next [default: 400 images].
    #[arg(long, value_name = "K", value_parser = from_one::<u64>)]
    pub(crate) keyframe_interval: Option<u64>,
    /// Evaluate on the validation images every N steps, besides the end of each epoch.
    #[arg(long, value_name = "N", value_parser = from_one::<u64>)]
    pub(crate) validate_every: Option<u64>,
}

impl Train {
    /// The branch that is recorded.
    pub fn branch(&self) -> BranchName {
        let named = self.name.as_ref().or(self.branch.as_ref()).cloned();
        named.unwrap_or_else(|| DEFAULT_BRANCH.parse().expect("invariant: it is a name"))
    }

    /// The same under another name.
    pub fn named(&self, name: BranchName) -> Self {
        Self { name: Some(name), branch: None, ..self.clone() }
    }

    /// The data set that was named, or where it lies.
    pub fn dataset(&self) -> Option<&OsStr> {
        self.dataset.as_deref()
    }

    /// How the files of a path are read.
    pub fn reading(&self) -> Reading {
        self.reading.reading()
    }

    /// The network that was named, or the file that has it.
    pub fn network(&self) -> Option<&OsStr> {
        self.network.as_deref()
    }

    /// Refuses what no store could do.
    ///
    /// # Errors
    /// A value that its option does not take.
    pub fn check(&self) -> Result<(), CommandError> {
        self.optimizer.as_deref().map(str::parse::<OptimizerSpec>).transpose()?;
        self.optimizer_parameters().map(drop)
    }

    /// What is asked for, and what was done to the arrays of a file on the way.
    ///
    /// # Errors
    /// A value that its option does not take; a network or arrays that cannot be read.
    pub fn request(&self) -> Result<(StartRequest, Vec<String>), CommandError> {
        let network = self.network.as_deref().map(named_network).transpose()?;
        let request = self.request_of(network)?;
        let Some(file) = self.init() else { return Ok((request, Vec::new())) };
        let (init, notes) = self.initial(Path::new(file))?;
        Ok((StartRequest { init: Some(init), ..request }, notes))
    }

    /// The file of arrays that layers begin with.
    pub fn init(&self) -> Option<&OsStr> {
        self.init.as_deref()
    }

    /// The arrays of a file, as layers are to begin with them, and what was done to them on the way.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn initial(&self, path: &Path) -> Result<(InitialArrays, Vec<String>), CommandError> {
        let arrays = read_arrays(path).map_err(TrainerError::from)?;
        let file = arrays.to_file().map_err(TrainerError::from)?;
        Ok((InitialArrays { arrays: file, layers: self.init_layers.clone() }, arrays.notes().to_vec()))
    }

    /// What is asked for, of a network that was found otherwise than by its name
    /// or its file, and without the arrays that it begins with.
    ///
    /// # Errors
    /// A value that its option does not take.
    pub fn request_of(&self, mut network: Option<NetworkSpec>) -> Result<StartRequest, CommandError> {
        if self.init_weights.is_some() || self.init_biases.is_some() {
            let mut beginning = network.map_or_else(|| named_network(DEFAULT_NETWORK), Ok)?;
            beginning.init = self.init_weights.clone().or(beginning.init);
            beginning.bias_init = self.init_biases.or(beginning.bias_init);
            network = Some(beginning);
        }
        Ok(StartRequest {
            goes_on: true,
            dataset: self.dataset.clone(),
            reading: self.reading(),
            network,
            optimizer: self.optimizer.as_deref().map(str::parse::<OptimizerSpec>).transpose()?,
            optimizer_parameters: self.optimizer_parameters()?,
            schedule: self.schedule.clone(),
            batch_size: self.batch_size,
            augmentation: self.augmentation.request(),
            seed: self.seed,
            length: match self.steps {
                Some(steps) => Length::Steps(steps),
                None => Length::Epochs(self.epochs.unwrap_or(DEFAULT_EPOCHS)),
            },
            fidelity: self.fidelity,
            keyframe_interval: self.keyframe_interval,
            probes: self.probe.iter().copied().map(ImageIndex).collect(),
            validate_every: self.validate_every,
            ..StartRequest::new(self.branch())
        })
    }

    /// The options that overrule `--optimizer`.
    fn optimizer_parameters(&self) -> Result<Parameters, CommandError> {
        let options = [
            ("learning_rate", self.learning_rate),
            ("momentum", self.momentum),
            ("weight_decay", self.weight_decay),
            ("clip_norm", self.clip_norm),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let parameter = |(name, value): (&str, f64)| match value.is_finite() {
            true => Ok((name.to_owned(), value.into())),
            false => {
                let option = name.replace('_', "-");
                Err(CommandError::Value(format!("--{option} must be a finite number, found {value}")))
            }
        };
        given.map(parameter).collect()
    }
}
