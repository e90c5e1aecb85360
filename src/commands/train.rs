//! `revacnn train`: the main job.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use revacnn_recorder::{Session, SessionPlan, check_producer, find_data};
use revacnn_schemas::{
    BranchRecord, Fidelity, ImageIndex, NetworkSpec, OptimizerSpec, RecordingSettings, RunDefinition, Schedule, Step,
};
use revacnn_store::{DataHint, RecorderOptions, Store, StoreError, default_disk_budget, unix_seconds};
use revacnn_trainer::data::{Dataset, load};
use revacnn_trainer::{
    DEFAULT_EPOCHS, Settings, Trainer, TrainerError, check_normalisation, define, named_network, resolve,
};

use super::threads;
use crate::arguments::TrainArguments;
use crate::error::Failure;
use crate::interrupt;
use crate::output::{say, warn};
use crate::run::{Engine, Run, Size};
use crate::text::{bytes, count};

/// The data set of a new run that names none.
const DEFAULT_DATASET: &str = "shapes";

/// The network of a new run that names none.
const DEFAULT_NETWORK: &str = "paper";

pub(crate) fn run(arguments: &TrainArguments) -> Result<ExitCode, Failure> {
    let (place, data_folder) = (arguments.store.place(Some(&arguments.data)), arguments.data.folder());
    let existing = existing(arguments)?;
    let dataset = match (&arguments.dataset, &existing) {
        (None, Some((store, record))) => find_data(store, record, data_folder.as_deref())?,
        (asked, _) => Arc::new(load(asked.as_deref().unwrap_or(OsStr::new(DEFAULT_DATASET)), data_folder.as_deref())?),
    };
    let existing = existing.map(|(_, record)| record);
    let definition = definition(arguments, base(existing.as_ref())?, &dataset)?;
    let until = until(arguments, definition.batch_size, &dataset)?;
    interrupt::listen();
    if arguments.no_record {
        check_normalisation(&definition)?;
        let trainer = Trainer::new(&definition, dataset, threads(arguments.threads))?;
        let engine = Engine::Free(Box::new(trainer));
        return Run::new(place, arguments.json, engine, until).go();
    }
    let recording = recording(arguments, &definition, existing.as_ref());
    let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
    let budget = disk_budget(arguments.disk_budget, &arguments.store.store);
    let rows = Size::of(&topology, &definition, &recording);
    let size = rows.of_steps(until.0);
    if !arguments.json {
        say!(
            "{} on {}: {} parameters, batch {}, until step {} — about {} on disk{}",
            network_name(&definition),
            definition.dataset.name,
            count(topology.parameters() as u64),
            definition.batch_size,
            count(until.0),
            bytes(size),
            match budget {
                Some(budget) if size > budget =>
                    format!(", thinned to keyframes past {} (which loses nothing; see --disk-budget)", bytes(budget)),
                _ => String::new(),
            }
        );
    }
    rows.warn_of_budget(budget, until.0);
    let store = Store::open_or_create(&arguments.store.store, unix_seconds())?;
    let identity = definition.dataset.clone();
    let plan = SessionPlan {
        definition,
        recording,
        threads: threads(arguments.threads),
        options: RecorderOptions { disk_budget: budget, ..RecorderOptions::default() },
        created_unix_seconds: unix_seconds(),
    };
    let session = Session::open(&store, &arguments.branch, plan, dataset)?;
    // Only now: a run that is refused changes nothing. It is no more than a
    // hint, and no run is refused for it once there is a branch.
    let new = existing.is_none().then_some(OsStr::new(DEFAULT_DATASET));
    if let Some(dataset) = arguments.dataset.as_deref().or(new)
        && let Err(error) = DataHint::new(dataset, data_folder.as_deref()).remember(&store, &identity)
    {
        warn(&format!("{error}; where the images lie is not noted, so that later commands need --data"));
    }
    store.set_target(session.record(), until)?;
    Run::new(place, arguments.json, Engine::recorded(session)?, until).go()
}

fn network_name(definition: &RunDefinition) -> String {
    if definition.network.name.is_empty() { "network".to_owned() } else { definition.network.name.clone() }
}

/// A preset by its name, or a file.
fn network(name_or_path: &OsStr) -> Result<NetworkSpec, Failure> {
    named_network(name_or_path).map_err(|error| match error {
        // What is written wrong is an argument at fault.
        TrainerError::Schema(error) => error.into(),
        error => error.into(),
    })
}

/// The branch that is to be gone on with, where there is one.
fn existing(arguments: &TrainArguments) -> Result<Option<(Store, BranchRecord)>, Failure> {
    let folder = &arguments.store.store;
    if arguments.no_record || !folder.join("store.json").exists() {
        return Ok(None);
    }
    let store = Store::open(folder)?;
    match store.branch(&arguments.branch) {
        Ok(record) => Ok(Some((store, record))),
        Err(StoreError::UnknownBranch { .. }) => Ok(None),
        // One of several with this name is none that was meant.
        Err(error) => Err(error.into()),
    }
}

/// What the branch that there is trains.
fn base(existing: Option<&BranchRecord>) -> Result<Option<&RunDefinition>, Failure> {
    Ok(existing.map(|record| check_producer(record, "train it on")).transpose()?)
}

/// What is trained: what was asked for, and for the rest what the branch says,
/// or else the defaults.
fn definition(
    arguments: &TrainArguments,
    base: Option<&RunDefinition>,
    dataset: &Dataset,
) -> Result<RunDefinition, Failure> {
    let defaults = Settings::default();
    let settings = Settings {
        optimizer: optimizer(arguments, base.map(|base| &base.optimizer))?,
        batch_size: arguments.batch_size.or(base.map(|base| base.batch_size)).unwrap_or(defaults.batch_size),
        seed: arguments.seed.or(base.map(|base| base.seed)).unwrap_or(defaults.seed),
        augmentation: base.filter(|_| arguments.dataset.is_none()).map(|base| base.augmentation),
        schedule: arguments.schedule.unwrap_or(defaults.schedule),
    };
    let network = match (&arguments.network, base) {
        (None, Some(base)) => base.network.clone(),
        (asked, _) => network(asked.as_deref().unwrap_or(OsStr::new(DEFAULT_NETWORK)))?,
    };
    let mut definition = define(network, dataset, &settings)?;
    if let Some(base) = base.filter(|base| arguments.schedule.is_none_or(|asked| asked == curve(base))) {
        // Also where it starts, if the branch is a fork that set it.
        definition.schedule = base.schedule;
    }
    Ok(definition)
}

fn curve(definition: &RunDefinition) -> Schedule {
    definition.schedule.map_or(Schedule::Constant, |schedule| schedule.curve)
}

/// `KIND[,NAME=VALUE]…` and the options that overrule it; the rest is as in
/// `base`, if that is of the same kind.
fn optimizer(arguments: &TrainArguments, base: Option<&OptimizerSpec>) -> Result<OptimizerSpec, Failure> {
    let mut spec = match (&arguments.optimizer, base) {
        (None, Some(base)) => base.clone(),
        (None, None) => Settings::default().optimizer,
        (Some(asked), base) => {
            let mut spec: OptimizerSpec = asked.parse()?;
            for (name, value) in base.filter(|base| base.kind == spec.kind).iter().flat_map(|base| &base.parameters) {
                spec.parameters.entry(name).or_insert_with(|| value.clone());
            }
            spec
        }
    };
    let options = [
        ("learning_rate", arguments.learning_rate),
        ("momentum", arguments.momentum),
        ("weight_decay", arguments.weight_decay),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            if !value.is_finite() {
                let option = name.replace('_', "-");
                return Err(Failure::Usage(format!("--{option} must be a finite number, found {value}")));
            }
            spec.parameters.insert(name.to_owned(), value.into());
        }
    }
    Ok(spec)
}

/// The step to train until.
fn until(arguments: &TrainArguments, batch_size: u32, dataset: &Dataset) -> Result<Step, Failure> {
    if let Some(steps) = arguments.steps {
        return Ok(Step(steps));
    }
    let epoch_steps = (dataset.train_indices().len() as u64).div_ceil(u64::from(batch_size));
    arguments
        .epochs
        .unwrap_or(DEFAULT_EPOCHS)
        .checked_mul(epoch_steps)
        .map(Step)
        .ok_or_else(|| Failure::Usage("--epochs is too large to count its steps".to_owned()))
}

/// How the run is recorded: as was asked for, else as the branch is, else as
/// usual.
fn recording(
    arguments: &TrainArguments,
    definition: &RunDefinition,
    existing: Option<&BranchRecord>,
) -> RecordingSettings {
    let usual = RecordingSettings {
        fidelity: Fidelity::Every,
        keyframe_interval: RecordingSettings::default_keyframe_interval(definition.batch_size),
        probes: vec![ImageIndex(0)],
        validate_every: None,
    };
    let base = existing.map_or(usual, |record| record.recording.clone());
    let probes = match &arguments.probe[..] {
        [] => base.probes,
        images => images.iter().copied().map(ImageIndex).collect(),
    };
    RecordingSettings {
        fidelity: arguments.fidelity.unwrap_or(base.fidelity),
        keyframe_interval: arguments.keyframe_interval.unwrap_or(base.keyframe_interval),
        probes,
        validate_every: arguments.validate_every.or(base.validate_every),
    }
}

/// The budget that was asked for, or else the usual one.
pub(crate) fn disk_budget(asked: Option<u64>, store: &Path) -> Option<u64> {
    asked.or_else(|| default_disk_budget(store))
}
