//! Forks: a branch that begins at any recorded step of another, with edits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use revacnn_schemas::{ARITHMETIC, BranchName, BranchRecord, Edit, ParentRecord, Producer, RecordingSettings, Step};
use revacnn_trainer::data::{Dataset, Split};
use revacnn_trainer::{Edited, Effect, Trainer, check_normalisation};

use crate::replay::check_producer;
use crate::{RecorderError, Replay, Session};
use revacnn_store::NewBranch;
use revacnn_store::{Lineage, Recorder, RecorderOptions, Store, StoreError};

/// What a fork changes, and how it is recorded.
#[derive(Debug, Clone)]
pub struct ForkPlan {
    /// Its name; the parent's with the next free number if `None`.
    pub name: Option<BranchName>,
    /// The edits, in order; none make a twin of the parent.
    pub edits: Vec<Edit>,
    /// How it is recorded; as its parent if `None`.
    pub recording: Option<RecordingSettings>,
    /// Whether it stays at its first step for now, which then is sealed into
    /// a segment at once and is not copied there later.
    pub stays: bool,
    /// Threads of the training.
    pub threads: usize,
    /// How the recorder works.
    pub options: RecorderOptions,
    /// The time of its creation, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
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
/// [`UnknownStep`](StoreError::UnknownStep), [`RecorderError::ReplayDiffers`],
/// [`NameTaken`](StoreError::NameTaken), and edits that cannot be applied; nothing is
/// written then.
pub fn fork(
    store: &Store,
    lineage: Lineage,
    step: Step,
    plan: ForkPlan,
    dataset: Arc<Dataset>,
) -> Result<Fork, RecorderError> {
    if let Some(name) = &plan.name
        && store.branches()?.records.iter().any(|record| record.name == *name)
    {
        return Err(StoreError::NameTaken { name: name.clone(), store: store.root().to_owned() }.into());
    }
    let reader = lineage.into_holder(step)?;
    let record = reader.branch().clone();
    check_producer(&record, "fork it")?;
    let started = Instant::now();
    let keyframe = reader.nearest_keyframe(step)?;
    let mut replay = Replay::new(reader).with_data(dataset, plan.threads);
    let trainer = replay.trainer_at(step)?;
    let bringing_forward = started.elapsed();
    let forked = fork_from(store, &record, trainer, plan)?;
    Ok(Fork { recomputed: keyframe.map_or(0, |keyframe| step.0 - keyframe.0), bringing_forward, ..forked })
}

/// Forks the branch `parent` where the trainer stands.
pub(crate) fn fork_from(
    store: &Store,
    parent: &BranchRecord,
    trainer: &mut Trainer,
    plan: ForkPlan,
) -> Result<Fork, RecorderError> {
    let started = Instant::now();
    let Edited { edits, definition, topology, state, effects } = trainer.edited(&plan.edits)?;
    // A branch that has the fault already keeps it, until an edit mends it.
    if check_normalisation(check_producer(parent, "fork it")?).is_ok() {
        check_normalisation(&definition)?;
    }
    let mut child = Trainer::of_branch(&definition, &topology, trainer.dataset().clone(), plan.threads)?;
    child.restore(&state)?;
    let editing = started.elapsed();
    let new = NewBranch {
        name: plan.name,
        producer: Producer::Engine { arithmetic: ARITHMETIC, definition: Box::new(definition) },
        recording: plan.recording.unwrap_or_else(|| parent.recording.clone()),
        topology,
        parent: Some(ParentRecord { branch: parent.id.clone(), step: trainer.position() }),
        edits,
        created_unix_seconds: plan.created_unix_seconds,
    };
    // Making the branch waits for the disk, and validating for the processor.
    let mut validated = None;
    let (made, creating) = std::thread::scope(|scope| {
        // Where the system has no thread to give, one after the other.
        let _ = std::thread::Builder::new()
            .spawn_scoped(scope, || validated = Some(timed(|| child.evaluate(Split::Validation))));
        timed(|| {
            let record = store.create_branch(new)?;
            let recorder = Recorder::open(store, &record, plan.options.clone())?;
            Ok::<_, RecorderError>((record, recorder))
        })
    });
    let (record, recorder) = made?;
    let (validation, validating) = validated.unwrap_or_else(|| timed(|| child.evaluate(Split::Validation)));
    child.set_birthplace(&record.id);
    let (session, committing) = timed(|| {
        let mut session =
            Session::begin(store, &record, child, recorder, plan.threads, plan.options, Some(validation?))?;
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
        bringing_forward: Duration::ZERO,
        forking: editing + creating + committing,
        whole: started.elapsed(),
        parts: ForkParts { editing, creating, validating, committing },
    })
}

/// What `work` gives, and how long it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}
