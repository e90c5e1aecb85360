//! Runs that train in this process, each on a thread of its own. They are
//! steered through their branch's inbox, as those of other processes are.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use revacnn_recorder::{RecorderError, Session, SessionPlan, Steered, Training, Turn, find_data};
use revacnn_schemas::{
    Advice, BranchId, BranchName, Fidelity, ImageIndex, Position, RecordingSettings, Schedule, Step,
};
use revacnn_store::{DataHint, RecorderOptions, Store, default_disk_budget, unix_seconds};
use revacnn_trainer::data::load;
use revacnn_trainer::{Settings, define, named_network};

use super::Shared;
use super::actions::words;
use crate::components::run_form::RunPlan;
use crate::store_events::{Done, Goal, Notice, StoreEvent};

/// The runs of this process.
#[derive(Debug)]
pub(crate) struct Runs {
    shared: Shared,
    ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Records within the usual budget.
fn options(store: &Path) -> RecorderOptions {
    RecorderOptions { disk_budget: default_disk_budget(store), ..RecorderOptions::default() }
}

impl Runs {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, ending: Arc::default(), threads: Vec::new() }
    }

    /// Starts a run of its own.
    pub(crate) fn start(&mut self, plan: RunPlan) -> Result<Done, String> {
        let dataset = Arc::new(load(&plan.dataset, self.shared.data.as_deref()).map_err(words)?);
        let settings = Settings {
            optimizer: plan.optimizer,
            batch_size: plan.batch_size,
            seed: plan.seed,
            augmentation: None,
            schedule: Schedule::Constant,
        };
        let definition = define(named_network(&plan.network).map_err(words)?, &dataset, &settings).map_err(words)?;
        let epoch = (dataset.train_indices().len() as u64).div_ceil(u64::from(plan.batch_size));
        let until = epoch.checked_mul(plan.epochs).map(Step).ok_or("that is more steps than can be counted")?;
        let store = Store::open_or_create(&self.shared.store, unix_seconds()).map_err(words)?;
        if store.branch(&plan.branch).is_ok() {
            return Err(format!("branch {} is there already: train it on with t, or choose another name", plan.branch));
        }
        let identity = definition.dataset.clone();
        let session = SessionPlan {
            definition,
            recording: RecordingSettings {
                fidelity: Fidelity::Every,
                keyframe_interval: RecordingSettings::default_keyframe_interval(plan.batch_size),
                probes: vec![ImageIndex(0)],
                validate_every: None,
            },
            threads: crate::threads(),
            options: options(&self.shared.store),
            created_unix_seconds: unix_seconds(),
        };
        let session = Session::open(&store, &plan.branch, session, dataset).map_err(words)?;
        DataHint::new(&plan.dataset, self.shared.data.as_deref()).remember(&store, &identity).map_err(words)?;
        self.train(&store, session, until)
    }

    /// Goes on with a branch.
    pub(crate) fn go_on(&mut self, store: &Store, branch: &BranchName, steps: u64) -> Result<Done, String> {
        let record = store.branch(branch).map_err(words)?;
        let dataset = find_data(store, &record, self.shared.data.as_deref()).map_err(words)?;
        let session = Session::resume(store, &record, crate::threads(), options(&self.shared.store), dataset);
        let session = session.map_err(words)?;
        let position = session.trainer().position();
        let until = position.0.checked_add(steps).map(Step).ok_or("that is more steps than can be counted")?;
        self.train(store, session, until)
    }

    fn train(&mut self, store: &Store, session: Session, until: Step) -> Result<Done, String> {
        let (name, first) = (session.record().name.clone(), session.trainer().position());
        store.set_target(session.record(), until).map_err(words)?;
        let cautions = session.trainer().cautions().map_err(words)?;
        let training = Training::new(session).map_err(words)?;
        let (shared, ending) = (self.shared.clone(), self.ending.clone());
        self.threads.retain(|thread| !thread.is_finished());
        let ours = Ours::begin(&self.shared, session_id(&training));
        let resume = Advice::Resume { branch: name.clone(), more: None };
        let started = std::thread::Builder::new().spawn(move || {
            let notice = match run(training, until, &ending, &shared, ours) {
                Ok(text) => Notice::Done { text, undo: None },
                Err(error) => Notice::Refused(format!(
                    "training has ended: {error}; what was committed is kept, and `{}` goes on from it",
                    shared.command(&resume)
                )),
            };
            shared.refresh();
            shared.tell(StoreEvent::Noticed(notice));
        });
        self.threads.push(started.map_err(|error| format!("no thread can be started to train {name}: {error}"))?);
        let mut text = format!("training {name} from step {first} to {until}; p pauses it");
        for caution in cautions {
            text += &format!("; warning: {caution}");
        }
        // Its end, so that it is followed from its first step on.
        let select = Some((name.clone(), Goal::At(Position::Last)));
        Ok(Done { text, select, paused: Some((name, false)), ..Done::default() })
    }

    /// Ends all runs at their step's end, with everything written.
    pub(crate) fn end(&mut self) {
        self.ending.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            // One that panicked has sealed nothing; the next resume repairs it.
            let _ = thread.join();
        }
    }
}

fn session_id(training: &Training) -> BranchId {
    training.session().record().id.clone()
}

/// Says which branch a run of this process trains, until it ends.
struct Ours {
    shared: Shared,
    id: BranchId,
}

impl Ours {
    fn begin(shared: &Shared, id: BranchId) -> Self {
        shared.ours().insert(id.clone());
        Self { shared: shared.clone(), id }
    }

    fn is_now(&mut self, id: BranchId) {
        if self.id != id {
            let mut ours = self.shared.ours();
            ours.remove(&self.id);
            ours.insert(id.clone());
            self.id = id;
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.shared.ours().remove(&self.id);
    }
}

/// Trains to the end; what to say then.
fn run(
    mut training: Training,
    until: Step,
    ending: &AtomicBool,
    shared: &Shared,
    mut ours: Ours,
) -> Result<String, RecorderError> {
    let mut diverged = None;
    while training.session().trainer().position() < until && !ending.load(Ordering::Acquire) {
        let turn = training.turn(&mut |steered| match steered {
            Steered::Forked { .. } => shared.refresh(),
            Steered::Unreachable(reason) => {
                let reason = format!("nobody can steer this training: {reason}");
                shared.tell(StoreEvent::Noticed(Notice::Refused(reason)));
            }
            Steered::Paused(_) | Steered::Resumed(_) | Steered::Refused(_) | Steered::Unanswered(_) => {}
        })?;
        ours.is_now(session_id(&training));
        match turn {
            Turn::Stepped(outcome) if outcome.divergence.is_some() => {
                diverged = Some(training.session().trainer().position());
                break;
            }
            Turn::Stepped(_) | Turn::Waited => {}
            Turn::Stopped => break,
        }
    }
    let name = training.session().record().name.clone();
    let (trainer, _) = training.finish()?;
    let step = trainer.position();
    Ok(match diverged {
        Some(step) => {
            let before = Step(step.0.saturating_sub(10));
            format!("{name} diverged at step {step}: go to {before} and fork with a smaller learning rate")
        }
        None if step >= until => format!("{name} is trained until step {step}"),
        None => format!("{name} stopped at step {step}"),
    })
}
