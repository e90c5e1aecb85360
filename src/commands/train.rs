//! `revacnn train`: the main job.

mod progress;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use revacnn_recorder::{DataHint, RecorderOptions, Session, SessionPlan, Store, Summary, available_bytes};
use revacnn_schemas::{
    Fidelity, ImageIndex, NetworkSpec, OptimizerSpec, RecordingSettings, RunDefinition, Step, Topology,
    ValidationResult,
};
use revacnn_trainer::data::{Dataset, Split, load};
use revacnn_trainer::{Settings, StepOutcome, Trainer, define, preset, resolve};
use serde_json::json;

use self::progress::{Progress, Reporter};
use super::threads;
use crate::arguments::TrainArguments;
use crate::error::Failure;
use crate::interrupt;
use crate::text::{bytes, count, duration, loss, percent};

/// Images that a keyframe interval spans by default.
const KEYFRAME_IMAGES: u64 = 400;

/// Epochs of a run that says neither steps nor epochs.
const DEFAULT_EPOCHS: u64 = 2;

/// Steps back from a divergence to the fork that is worth a try.
const STEPS_BEFORE_DIVERGENCE: u64 = 10;

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
        let mut run = Run::new(arguments, Engine::Free(Box::new(trainer)), until);
        let ended = run.train();
        return run.close(ended);
    }
    let recording = recording(arguments);
    let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
    let budget = disk_budget(arguments);
    let size = predicted_bytes(&topology, &definition, &recording, until);
    if !arguments.json {
        println!(
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
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let store = Store::open_or_create(&arguments.store.store, now)?;
    DataHint::new(&arguments.dataset, data_folder.as_deref()).remember(&store, &definition.dataset)?;
    let plan = SessionPlan {
        definition,
        recording,
        threads: threads(arguments.threads),
        options: RecorderOptions { disk_budget: budget, ..RecorderOptions::default() },
        created_unix_seconds: now,
    };
    let session = Session::open(&store, &arguments.branch, plan, dataset)?;
    let mut run = Run::new(arguments, Engine::Recorded(Box::new(session)), until);
    let ended = run.train();
    run.close(ended)
}

/// What trains.
enum Engine {
    /// With every step recorded.
    Recorded(Box<Session>),
    /// For its own sake.
    Free(Box<Trainer>),
}

impl Engine {
    fn trainer(&self) -> &Trainer {
        match self {
            Self::Recorded(session) => session.trainer(),
            Self::Free(trainer) => trainer,
        }
    }

    fn advance(&mut self) -> Result<StepOutcome, Failure> {
        match self {
            Self::Recorded(session) => Ok(session.advance()?),
            Self::Free(trainer) => Ok(trainer.step()?),
        }
    }
}

/// Why training ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// There was nothing left to do.
    AlreadyDone,
    /// The last step was reached.
    Done,
    /// Ctrl-C.
    Interrupted,
    /// A value is not finite.
    Diverged(StepOutcome),
}

/// A run on the screen.
struct Run<'a> {
    arguments: &'a TrainArguments,
    engine: Engine,
    until: Step,
    first: Step,
    started: Instant,
    cpu_at_start: f64,
    images_at_start: u64,
    training_seconds: f64,
    last: Option<StepOutcome>,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a TrainArguments, engine: Engine, until: Step) -> Self {
        let trainer = engine.trainer();
        Self {
            arguments,
            until,
            first: trainer.position(),
            images_at_start: trainer.cursor().images_seen,
            started: Instant::now(),
            cpu_at_start: revacnn_recorder::cpu_seconds(),
            training_seconds: 0.0,
            last: None,
            engine,
        }
    }

    fn train(&mut self) -> Result<Ended, Failure> {
        self.announce_resumption()?;
        if self.first >= self.until {
            return Ok(Ended::AlreadyDone);
        }
        let mut reporter = Reporter::new(self.arguments, self.first, self.until);
        while self.engine.trainer().position() < self.until {
            if interrupt::asked() {
                return Ok(Ended::Interrupted);
            }
            let outcome = self.engine.advance()?;
            let diverged = outcome.divergence.is_some();
            self.last = Some(outcome);
            self.report(&mut reporter)?;
            if diverged {
                reporter.clear();
                return Ok(Ended::Diverged(self.last.clone().expect("invariant: just stored")));
            }
        }
        reporter.clear();
        Ok(Ended::Done)
    }

    fn report(&self, reporter: &mut Reporter) -> Result<(), Failure> {
        let trainer = self.engine.trainer();
        let cursor = trainer.cursor();
        let finished_epoch = (cursor.offset == 0).then_some(cursor.epoch);
        if finished_epoch.is_none() && !reporter.is_due() {
            return Ok(());
        }
        let (validation, folder) = match &self.engine {
            Engine::Recorded(session) => (
                session.validation().filter(|(step, _)| *step == trainer.position()).map(|(_, result)| result),
                Some((&self.arguments.store.store, &session.record().id)),
            ),
            Engine::Free(_) => (None, None),
        };
        let bytes = folder.map(|(store, id)| revacnn_recorder::branch_bytes(store, id));
        reporter.show(&Progress {
            step: trainer.position(),
            epoch: cursor.epoch,
            finished_epoch,
            loss: self.last.as_ref().map(|outcome| outcome.loss),
            live_accuracy: trainer.live_accuracy(),
            validation,
            images: cursor.images_seen - self.images_at_start,
            elapsed: self.started.elapsed(),
            bytes,
        })
    }

    fn announce_resumption(&self) -> Result<(), Failure> {
        let Engine::Recorded(session) = &self.engine else { return Ok(()) };
        let Some(resumed) = session.resumed() else { return Ok(()) };
        if self.arguments.json {
            let line = json!({ "event": "resumed", "step": resumed.from, "recomputed": resumed.recomputed });
            writeln!(std::io::stdout(), "{line}")?;
        } else if resumed.from < self.until {
            println!(
                "branch {} goes on after step {} ({} steps brought forward from a keyframe, digests equal)",
                self.arguments.branch,
                count(resumed.from.0),
                count(resumed.recomputed),
            );
        }
        Ok(())
    }

    /// Seals the log, sums up, and gives the exit code.
    fn close(mut self, ended: Result<Ended, Failure>) -> Result<ExitCode, Failure> {
        self.training_seconds = self.started.elapsed().as_secs_f64();
        let (trainer, summary) = match self.engine {
            Engine::Free(trainer) => (*trainer, None),
            Engine::Recorded(session) => {
                // A failure of training is the one to report; what it left is
                // sealed all the same.
                let finished = session.finish();
                let ended_well = ended.is_ok();
                match finished {
                    Ok((trainer, summary)) => (trainer, Some(summary)),
                    Err(error) if ended_well => return Err(error.into()),
                    Err(_) => return Err(ended.expect_err("invariant: training failed")),
                }
            }
        };
        let ended = ended?;
        let closing = Closing {
            arguments: self.arguments,
            // The closing evaluation is for the screen alone.
            validation: match ended {
                Ended::Diverged(_) => None,
                _ => Some(trainer.evaluate(Split::Validation)?),
            },
            steps: trainer.position().0 - self.first.0,
            images: trainer.cursor().images_seen - self.images_at_start,
            seconds: self.training_seconds,
            total_seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: revacnn_recorder::cpu_seconds() - self.cpu_at_start,
            last: self.last,
            trainer,
            summary,
        };
        closing.print(&ended)?;
        match ended {
            Ended::AlreadyDone | Ended::Done => Ok(ExitCode::SUCCESS),
            Ended::Interrupted => Ok(ExitCode::from(130)),
            Ended::Diverged(outcome) => Err(closing.divergence(&outcome)),
        }
    }
}

/// What is said at the end.
struct Closing<'a> {
    arguments: &'a TrainArguments,
    trainer: Trainer,
    summary: Option<Summary>,
    validation: Option<ValidationResult>,
    last: Option<StepOutcome>,
    steps: u64,
    images: u64,
    seconds: f64,
    total_seconds: f64,
    cpu_seconds: f64,
}

impl Closing<'_> {
    fn print(&self, ended: &Ended) -> Result<(), Failure> {
        if self.arguments.json { self.print_json(ended) } else { self.print_text(ended) }
    }

    fn print_json(&self, ended: &Ended) -> Result<(), Failure> {
        let validation = self.validation.as_ref();
        let line = json!({
            "event": "summary",
            "ended": match ended {
                Ended::AlreadyDone => "already-done",
                Ended::Done => "done",
                Ended::Interrupted => "interrupted",
                Ended::Diverged(_) => "diverged",
            },
            "step": self.trainer.position(),
            "digest": self.trainer.digest(),
            "steps": self.steps,
            "images": self.images,
            "training_seconds": self.seconds,
            "total_seconds": self.total_seconds,
            "cpu_seconds": self.cpu_seconds,
            "images_per_second": self.images as f64 / self.seconds.max(1e-9),
            "loss": self.last.as_ref().map(|outcome| outcome.loss).filter(|loss| loss.is_finite()),
            "live_accuracy": self.trainer.live_accuracy(),
            "validation_loss": validation.map(|result| result.loss).filter(|loss| loss.is_finite()),
            "validation_accuracy": validation.map(ValidationResult::accuracy),
            "bytes_written": self.summary.map(|summary| summary.bytes),
            "thinned_steps": self.summary.map(|summary| summary.thinned_steps),
            "waited_for_disk_seconds": self.summary.map(|summary| summary.waited.as_secs_f64()),
        });
        Ok(writeln!(std::io::stdout(), "{line}")?)
    }

    fn print_text(&self, ended: &Ended) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let branch = &self.arguments.branch;
        let last = self.trainer.position();
        match ended {
            Ended::AlreadyDone => {
                writeln!(
                    out,
                    "branch {branch} is at step {} already: nothing to train (ask for more --steps or --epochs)",
                    count(last.0)
                )?;
            }
            _ => writeln!(
                out,
                "{} {} steps, {} images in {} ({} images/s)",
                if *ended == Ended::Interrupted { "stopped after" } else { "trained" },
                count(self.steps),
                count(self.images),
                duration(self.seconds),
                count((self.images as f64 / self.seconds.max(1e-9)) as u64),
            )?,
        }
        if let Some(result) = &self.validation {
            writeln!(
                out,
                "step {}: validation loss {}, accuracy {} ({} of {} images)",
                count(last.0),
                loss(Some(result.loss)),
                percent(result.accuracy()),
                count(result.correct.into()),
                count(result.images.into()),
            )?;
        }
        let Some(summary) = self.summary else {
            writeln!(out, "nothing was recorded (--no-record)")?;
            return Ok(());
        };
        let store = self.arguments.store.store.display();
        writeln!(out, "recorded every step in {store}: {}", bytes(summary.bytes))?;
        if summary.thinned_steps > 0 {
            writeln!(
                out,
                "{} of the oldest steps are thinned to keyframes: their tensors are recomputed exactly on demand",
                count(summary.thinned_steps)
            )?;
        }
        if matches!(ended, Ended::Diverged(_)) {
            return Ok(());
        }
        let option =
            if self.arguments.store.store == Path::new("runs") { String::new() } else { format!(" --store {store}") };
        let layer = self
            .trainer
            .topology()
            .parameter_layers()
            .next()
            .map_or_else(String::new, |layer| format!(" --layer {}", layer.layer));
        writeln!(out, "\nnext:")?;
        writeln!(out, "  revacnn log{option}")?;
        writeln!(out, "  revacnn show {branch}@{}{layer}{option}", last.0 / 2)?;
        writeln!(out, "  revacnn evaluate {branch}@best --split test{option}")?;
        Ok(())
    }

    fn divergence(&self, outcome: &StepOutcome) -> Failure {
        let step = self.trainer.position().0;
        let what = outcome.divergence.as_ref().map_or_else(String::new, ToString::to_string);
        let try_next = match self.summary {
            Some(_) => format!(
                "everything up to it is recorded. Look at `revacnn show {}@{}`, the step {} before it, and train \
                 again under another --branch with a smaller --learning-rate",
                self.arguments.branch,
                step.saturating_sub(STEPS_BEFORE_DIVERGENCE),
                step.min(STEPS_BEFORE_DIVERGENCE),
            ),
            None => "train again with a smaller --learning-rate".to_owned(),
        };
        Failure::Diverged(format!("training diverged: {what} is not finite at step {step}; {try_next}"))
    }
}

fn network_name(definition: &RunDefinition) -> String {
    if definition.network.name.is_empty() { "network".to_owned() } else { definition.network.name.clone() }
}

/// A preset by its name, or a file.
fn network(name_or_path: &str) -> Result<NetworkSpec, Failure> {
    let path = Path::new(name_or_path);
    if path.extension().is_none() && path.components().count() == 1 && !path.is_file() {
        return Ok(preset(name_or_path)?);
    }
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    Ok(NetworkSpec::from_toml(&text)?)
}

/// `KIND[,NAME=VALUE]…` and the options that overrule it.
fn optimizer(arguments: &TrainArguments) -> Result<OptimizerSpec, Failure> {
    let mut parts = arguments.optimizer.split(',');
    let mut spec = OptimizerSpec::new(parts.next().unwrap_or_default().trim());
    for part in parts {
        let number = part
            .split_once('=')
            .and_then(|(name, value)| Some((name.trim().replace('-', "_"), value.trim().parse::<f64>().ok()?)));
        let Some((name, value)) = number else {
            return Err(Failure::Usage(format!(
                "--optimizer {}: expected NAME=VALUE such as rho=0.9 after the comma, found `{part}`",
                arguments.optimizer
            )));
        };
        spec.parameters.insert(name, value.into());
    }
    let options = [
        ("learning_rate", arguments.learning_rate),
        ("momentum", arguments.momentum),
        ("weight_decay", arguments.weight_decay),
    ];
    for (name, value) in options {
        if let Some(value) = value {
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
        keyframe_interval: (KEYFRAME_IMAGES / u64::from(arguments.batch_size.max(1))).max(1),
        probes,
        validate_every: arguments.validate_every,
    }
}

/// The budget that was asked for, or 10 GB or a fifth of what is free.
fn disk_budget(arguments: &TrainArguments) -> Option<u64> {
    arguments.disk_budget.or_else(|| {
        let free = available_bytes(&arguments.store.store)?;
        Some((free / 5).min(10_000_000_000))
    })
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
