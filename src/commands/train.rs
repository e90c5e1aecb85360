//! `revacnn train`: the main job.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use revacnn_recorder::{DataHint, RecorderOptions, Session, SessionPlan, Store, default_disk_budget, unix_seconds};
use revacnn_schemas::{
    Fidelity, ImageIndex, NetworkSpec, OptimizerSpec, RecordingSettings, RunDefinition, Step, Topology,
};
use revacnn_trainer::data::{Dataset, load};
use revacnn_trainer::{Settings, Trainer, TrainerError, define, named_network, resolve};

use super::threads;
use crate::arguments::TrainArguments;
use crate::error::Failure;
use crate::interrupt;
use crate::run::{Engine, Run};
use crate::text::{bytes, count};

/// Epochs of a run that says neither steps nor epochs.
const DEFAULT_EPOCHS: u64 = 2;

pub(crate) fn run(arguments: &TrainArguments) -> Result<ExitCode, Failure> {
    let data_folder = arguments.data.folder();
    let dataset = Arc::new(load(&arguments.dataset, data_folder.as_deref())?);
    let settings = Settings {
        optimizer: optimizer(arguments)?,
        batch_size: arguments.batch_size,
        seed: arguments.seed,
        augmentation: None,
        schedule: arguments.schedule,
    };
    let definition = define(network(&arguments.network)?, &dataset, &settings)?;
    let until = until(arguments, &dataset)?;
    interrupt::listen();
    if arguments.no_record {
        let trainer = Trainer::new(&definition, dataset, threads(arguments.threads))?;
        let engine = Engine::Free(Box::new(trainer));
        return Run::new(arguments.store.store.clone(), arguments.json, engine, until).go();
    }
    let recording = recording(arguments);
    let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
    let budget = disk_budget(arguments.disk_budget, &arguments.store.store);
    let size = predicted_bytes(&topology, &definition, &recording, until);
    if !arguments.json {
        writeln!(
            std::io::stdout(),
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
        )?;
    }
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
    // Only now: a run that is refused changes nothing.
    DataHint::new(&arguments.dataset, data_folder.as_deref()).remember(&store, &identity)?;
    store.set_target(session.record(), until)?;
    Run::new(arguments.store.store.clone(), arguments.json, Engine::recorded(session)?, until).go()
}

fn network_name(definition: &RunDefinition) -> String {
    if definition.network.name.is_empty() { "network".to_owned() } else { definition.network.name.clone() }
}

/// A preset by its name, or a file.
fn network(name_or_path: &str) -> Result<NetworkSpec, Failure> {
    named_network(name_or_path).map_err(|error| match error {
        // What is written wrong is an argument at fault.
        TrainerError::Schema(error) => error.into(),
        error => error.into(),
    })
}

/// `KIND[,NAME=VALUE]…` and the options that overrule it.
fn optimizer(arguments: &TrainArguments) -> Result<OptimizerSpec, Failure> {
    let mut spec: OptimizerSpec = arguments.optimizer.parse()?;
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
fn until(arguments: &TrainArguments, dataset: &Dataset) -> Result<Step, Failure> {
    if let Some(steps) = arguments.steps {
        return Ok(Step(steps));
    }
    let epoch_steps = (dataset.train_indices().len() as u64).div_ceil(u64::from(arguments.batch_size));
    arguments
        .epochs
        .unwrap_or(DEFAULT_EPOCHS)
        .checked_mul(epoch_steps)
        .map(Step)
        .ok_or_else(|| Failure::Usage("--epochs is too large to count its steps".to_owned()))
}

fn recording(arguments: &TrainArguments) -> RecordingSettings {
    let mut probes: Vec<ImageIndex> = arguments.probe.iter().copied().map(ImageIndex).collect();
    if probes.is_empty() {
        probes.push(ImageIndex(0));
    }
    RecordingSettings {
        fidelity: arguments.fidelity,
        keyframe_interval: arguments
            .keyframe_interval
            .unwrap_or_else(|| RecordingSettings::default_keyframe_interval(arguments.batch_size)),
        probes,
        validate_every: arguments.validate_every,
    }
}

/// The budget that was asked for, or else the usual one.
pub(crate) fn disk_budget(asked: Option<u64>, store: &Path) -> Option<u64> {
    asked.or_else(|| default_disk_budget(store))
}

/// What the log of a run will take, from the size of its rows.
///
/// The share that compression leaves was measured on the paper's network; see
/// `ARCHITECTURE.md`.
fn predicted_bytes(topology: &Topology, definition: &RunDefinition, recording: &RecordingSettings, until: Step) -> u64 {
    const COMPRESSED: f64 = 0.5;
    const SCALARS_A_FILTER: f64 = 28.0;
    let filters: usize = topology.parameter_layers().map(|layer| layer.filters.len()).sum();
    let tensors = match recording.fidelity {
        Fidelity::Every => {
            let maps = topology.activations() * recording.probes.len();
            4.0 * 2.0 * (topology.parameters() + maps) as f64 * COMPRESSED
        }
        Fidelity::Keyframes => 0.0,
    };
    // Weights and as many slots as the optimizers here have at most.
    let slots = if definition.optimizer.kind == "sgd" { 2 } else { 3 };
    let keyframe = (4 * slots * topology.parameters()) as f64 / recording.keyframe_interval as f64;
    let scalars = 200.0 + SCALARS_A_FILTER * filters as f64;
    ((tensors + keyframe + scalars) * until.0 as f64) as u64
}
