//! Forks: a branch that begins at any recorded step of another, with edits.

use std::time::{Duration, Instant};

use revacnn_schemas::{
    ARITHMETIC, BranchName, BranchRecord, Edit, Fidelity, ParentRecord, Producer, RecordingSettings, RunDefinition,
    Step, TrainingState,
};
use revacnn_store::{Lineage, NewBranch, Recorder, Store, StoreError};
use revacnn_trainer::data::Split;
use revacnn_trainer::{Edited, Effect, Trainer, check_normalisation};

use crate::divergence::is_finite;
use crate::replay::check_producer;
use crate::{Diverged, RecorderError, Replay, Resources, Session, find_data};

/// What a fork changes, and how it is recorded.
#[derive(Debug, Clone)]
pub struct ForkPlan {
    /// Its name; the parent's with the next free number if `None`.
    pub name: Option<BranchName>,
    /// The edits, in order; none make a twin of the parent.
    pub edits: Vec<Edit>,
    /// What is written each step; as its parent if `None`.
    pub fidelity: Option<Fidelity>,
    /// Whether it stays at its first step for now, which then is sealed into
    /// a segment at once and is not copied there later.
    pub stays: bool,
}

/// A new branch, ready to train on.
#[derive(Debug)]
pub struct Fork {
    /// The session of the new branch, its first step recorded.
    pub session: Session,
    /// What each edit did.
    pub effects: Vec<Effect>,
    /// Steps that were computed again to reach the fork step, from the
    /// keyframe before it.
    pub recomputed: u64,
    /// How long that took.
    pub bringing_forward: Duration,
    /// How long the fork itself took: edits, branch, rows and keyframe, whatever
    /// the length of the history and the size of the data set.
    pub forking: Duration,
    /// From the edits until everything is committed, the validation included:
    /// its row is committed with those of the fork step.
    pub whole: Duration,
    /// What it took that for.
    pub parts: ForkParts,
    /// Why it could not be noted where the data lie, so that they have to be
    /// named again the next time.
    pub data_not_noted: Option<StoreError>,
}

/// What a fork takes time for. The branch is made while the validation runs, so
/// that the sum is more than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkParts {
    /// The edits, with measuring what they are meant to keep, and an engine
    /// for what comes of them.
    pub editing: Duration,
    /// Branch, topology and folders on the disk.
    pub creating: Duration,
    /// The full validation, a row of the fork step.
    pub validating: Duration,
    /// The fork step's own rows and keyframe, until they are committed.
    pub committing: Duration,
}

/// Forks a branch at one of its steps, its own or inherited.
///
/// The optimizer's memory is only in keyframes: it is brought forward from
/// the keyframe before the step by re-execution, every digest compared. The
/// fork writes its own first step and `branch.json`, whatever the length of
/// the history.
///
/// # Errors
/// Those of [`find_data()`], [`UnknownStep`](StoreError::UnknownStep), [`RecorderError::ReplayDiffers`],
/// [`NameTaken`](StoreError::NameTaken), and edits that cannot be applied; nothing is
/// written then.
pub fn fork(
    store: &Store,
    lineage: Lineage,
    step: Step,
    plan: ForkPlan,
    resources: &Resources,
) -> Result<Fork, RecorderError> {
    if let Some(name) = &plan.name
        && store.branches()?.is_taken(name)
    {
        return Err(StoreError::NameTaken { name: name.clone(), store: store.root().to_owned() }.into());
    }
    let reader = lineage.into_holder(step)?;
    let record = reader.branch().clone();
    let identity = check_producer(&record, "fork it")?.dataset.clone();
    let dataset = find_data(store, &record, resources.data_folder.as_deref())?;
    let started = Instant::now();
    let keyframe = reader.nearest_keyframe(step)?;
    let mut replay = Replay::new(reader).with_data(dataset, resources.threads);
    let trainer = replay.trainer_at(step)?;
    let bringing_forward = started.elapsed();
    let forked = fork_from(store, &record, trainer, plan, resources)?;
    let data_not_noted = resources.note_data(store, &identity);
    Ok(Fork {
        data_not_noted,
        recomputed: keyframe.map_or(0, |keyframe| step.0 - keyframe.0),
        bringing_forward,
        ..forked
    })
}

/// Forks the branch `parent` where the trainer stands.
pub(crate) fn fork_from(
    store: &Store,
    parent: &BranchRecord,
    trainer: &mut Trainer,
    plan: ForkPlan,
    resources: &Resources,
) -> Result<Fork, RecorderError> {
    let started = Instant::now();
    let Edited { edits, definition, topology, state, effects } = trainer.edited(&plan.edits)?;
    check_edited(check_producer(parent, "fork it")?, &definition)?;
    check_state(trainer, &state, parent)?;
    let mut child = Trainer::of_branch(&definition, &topology, trainer.dataset().clone(), resources.threads)?;
    child.restore(&state)?;
    let editing = started.elapsed();
    let new = NewBranch {
        name: plan.name,
        producer: Producer::Engine { arithmetic: ARITHMETIC, definition: Box::new(definition) },
        recording: RecordingSettings {
            fidelity: plan.fidelity.unwrap_or(parent.recording.fidelity),
            ..parent.recording.clone()
        },
        topology,
        parent: Some(ParentRecord { branch: parent.id.clone(), step: trainer.position() }),
        edits,
        created_unix_seconds: resources.now_unix_seconds,
    };
    // Making the branch waits for the disk, and validating for the processor.
    let mut validated = None;
    let (made, creating) = std::thread::scope(|scope| {
        // Where the system has no thread to give, one after the other.
        let _ = std::thread::Builder::new()
            .spawn_scoped(scope, || validated = Some(timed(|| child.evaluate(Split::Validation))));
        timed(|| {
            let record = store.create_branch(new)?;
            let recorder = Recorder::open(store, &record, resources.recorder.clone())?;
            Ok::<_, RecorderError>((record, recorder))
        })
    });
    let (record, recorder) = made?;
    let (validation, validating) = validated.unwrap_or_else(|| timed(|| child.evaluate(Split::Validation)));
    child.set_birthplace(&record.id);
    let (session, committing) = timed(|| {
        let mut session = Session::begin(
            store,
            &record,
            child,
            recorder,
            resources.threads,
            resources.recorder.clone(),
            Some(validation?),
        )?;
        if plan.stays {
            session.seal()?
        } else {
            session.flush()?
        }
        Ok::<_, RecorderError>(session)
    });
    Ok(Fork {
        session: session?,
        effects,
        recomputed: 0,
        data_not_noted: None,
        bringing_forward: Duration::ZERO,
        forking: editing + creating + committing,
        whole: started.elapsed(),
        parts: ForkParts { editing, creating, validating, committing },
    })
}

impl Session {
    /// Forks at the step that training is at, to go on in the new branch; this one
    /// is to be finished.
    ///
    /// # Errors
    /// An edit that cannot be applied, which leaves the session as it was;
    /// otherwise those of store and recorder.
    pub fn fork(&mut self, name: Option<BranchName>, edits: &[Edit], now: u64) -> Result<Fork, RecorderError> {
        self.flush()?;
        let (store, record) = (self.store().clone(), self.record().clone());
        let plan = ForkPlan { name, edits: edits.to_vec(), fidelity: None, stays: false };
        let (trainer, threads, options) = self.fork_needs();
        let resources = Resources { threads, recorder: options.clone(), data_folder: None, now_unix_seconds: now };
        fork_from(&store, &record, trainer, plan, &resources)
    }
}

/// Refuses edits that make a network normalise single values; a branch that has
/// the fault already keeps it, until an edit mends it.
pub(crate) fn check_edited(parent: &RunDefinition, edited: &RunDefinition) -> Result<(), RecorderError> {
    if check_normalisation(parent).is_ok() {
        check_normalisation(edited)?;
    }
    Ok(())
}

/// Refuses a fork that could not be trained on: edits may mend what is not finite,
/// and nothing else does.
///
/// # Errors
/// [`RecorderError::Diverged`].
pub(crate) fn check_state(
    trainer: &Trainer,
    edited: &TrainingState,
    parent: &BranchRecord,
) -> Result<(), RecorderError> {
    if is_finite(edited) {
        return Ok(());
    }
    let diverged = Diverged::at(trainer, parent.first_step(), None);
    Err(RecorderError::Diverged { branch: parent.name.clone(), diverged })
}

/// What `work` gives, and how long it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}
