//! A training session: an engine and the recorder of its steps.

use std::sync::Arc;

use revacnn_schemas::{
    ARITHMETIC, BranchId, BranchName, BranchRecord, FieldDifference, Producer, RecordingSettings, RunDefinition, Step,
    ValidationResult, one_line,
};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{StepOutcome, Trainer, check_normalisation, resolve};

use crate::divergence::DIVERGED;
use crate::replay::{bring_forward, check_producer, trainer_at_first, trainer_of};
use crate::{Diverged, RecorderError};
use revacnn_store::NewBranch;
use revacnn_store::{BranchReader, Recorder, RecorderOptions, Store, StoreError, Summary};

/// What a session trains and how it is recorded.
#[derive(Debug, Clone)]
pub struct SessionPlan {
    /// What is trained, resolved.
    pub definition: RunDefinition,
    /// How it is recorded.
    pub recording: RecordingSettings,
    /// Threads of the training.
    pub threads: usize,
    /// How the recorder works.
    pub options: RecorderOptions,
    /// The time of a new branch's creation, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
}

/// Training that is recorded step by step.
///
/// A new branch begins with its first step; an existing one goes on after its
/// last committed step, bit for bit as if it had never stopped.
#[derive(Debug)]
pub struct Session {
    store: Store,
    trainer: Trainer,
    recorder: Recorder,
    record: BranchRecord,
    threads: usize,
    options: RecorderOptions,
    resumed: Option<Resumed>,
    validation: Option<(Step, ValidationResult)>,
}

/// How an existing branch was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// The last committed step: training goes on after it.
    pub from: Step,
    /// Steps that were computed again, from the keyframe before it.
    pub recomputed: u64,
}

impl Session {
    /// Starts a branch, or takes it up where it stopped.
    ///
    /// # Errors
    /// [`RecorderError::OtherDefinition`] where the branch trains something
    /// else, with the differences; otherwise those of
    /// [`resume`](Self::resume).
    pub fn open(
        store: &Store,
        name: &BranchName,
        plan: SessionPlan,
        dataset: Arc<Dataset>,
    ) -> Result<Self, RecorderError> {
        check_probes(&plan.recording, &dataset)?;
        let record = match store.find_branch(name)? {
            Some(record) => {
                check_same(&record, &plan)?;
                record
            }
            None => {
                refuse_to_hide_damage(store, &plan.definition)?;
                let SessionPlan { definition, recording, created_unix_seconds, .. } = plan;
                // Everything that can be refused is, before the branch exists.
                check_normalisation(&definition)?;
                Trainer::new(&definition, dataset.clone(), 1)?;
                let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
                store.create_branch(NewBranch {
                    name: Some(name.clone()),
                    producer: Producer::Engine { arithmetic: ARITHMETIC, definition: Box::new(definition) },
                    recording,
                    topology,
                    parent: None,
                    edits: Vec::new(),
                    created_unix_seconds,
                })?
            }
        };
        Self::resume(store, &record, plan.threads, plan.options, dataset)
    }

    /// Goes on with a branch after its last committed step, by what its own
    /// record says.
    ///
    /// # Errors
    /// [`RecorderError::OtherArithmetic`] where another version computed it;
    /// [`RecorderError::ReplayDiffers`] where what is computed again has
    /// another digest than what was recorded; [`RecorderError::Diverged`] where a
    /// value is not finite there, so that nothing of use can come;
    /// [`WriterBusy`](StoreError::WriterBusy).
    pub fn resume(
        store: &Store,
        record: &BranchRecord,
        threads: usize,
        options: RecorderOptions,
        dataset: Arc<Dataset>,
    ) -> Result<Self, RecorderError> {
        Self::resume_held(store, record, threads, options, dataset).map_err(|error| match error {
            // Deleted since it was looked up.
            RecorderError::Store(error) => store.unless_gone(record, error).into(),
            error => error,
        })
    }

    fn resume_held(
        store: &Store,
        record: &BranchRecord,
        threads: usize,
        options: RecorderOptions,
        dataset: Arc<Dataset>,
    ) -> Result<Self, RecorderError> {
        let definition = check_producer(record, "train it on")?;
        check_probes(&record.recording, &dataset)?;
        let mut trainer = trainer_of(record, definition, dataset.clone(), threads)?;
        let mut recorder = Recorder::open(store, record, options.clone())?;
        // Who wrote it before may have compacted the branch.
        let record = &recorder.branch().clone();
        match recorder.last_committed() {
            // A fork that was killed before its first step is made again.
            None => {
                if record.parent.is_some() || definition.init.is_some() {
                    trainer = trainer_at_first(store, record, definition, dataset, threads)?;
                }
                Self::begin(store, record, trainer, recorder, threads, options, None)
            }
            Some(last) => {
                let reader = BranchReader::of(store, record.clone())?;
                let recomputed = bring_forward(&mut trainer, &reader, last)?;
                check_finite(&trainer, &reader, record)?;
                let layers: Vec<&[f32]> = trainer.parameters().iter().map(|state| &state.weights[..]).collect();
                recorder.set_previous_weights(&layers)?;
                let resumed = Some(Resumed { from: last, recomputed });
                let (store, record) = (store.clone(), record.clone());
                Ok(Self { store, trainer, recorder, record, threads, options, resumed, validation: None })
            }
        }
    }

    /// Records the first step of a branch, which the trainer is at and may
    /// have been validated at.
    pub(crate) fn begin(
        store: &Store,
        record: &BranchRecord,
        mut trainer: Trainer,
        mut recorder: Recorder,
        threads: usize,
        options: RecorderOptions,
        validated: Option<ValidationResult>,
    ) -> Result<Self, RecorderError> {
        let shown = trainer.show_validated(&record.recording.probes, &mut recorder, validated)?;
        let validation = shown.map(|result| (trainer.position(), result));
        let (store, record) = (store.clone(), record.clone());
        Ok(Self { store, trainer, recorder, record, threads, options, resumed: None, validation })
    }

    /// The branch.
    pub fn record(&self) -> &BranchRecord {
        &self.record
    }

    /// The branch by what its description says by now: somebody may have given it
    /// another name meanwhile.
    pub fn record_by_now(&self) -> BranchRecord {
        self.store.branch_by_id(&self.record.id).unwrap_or_else(|_| self.record.clone())
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The engine, to look at.
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// How the branch was taken up, if it was there before.
    pub fn resumed(&self) -> Option<Resumed> {
        self.resumed
    }

    /// The newest full validation of this session, and its step.
    pub fn validation(&self) -> Option<&(Step, ValidationResult)> {
        self.validation.as_ref()
    }

    /// Makes one update and records it.
    ///
    /// A step with values that are not finite is recorded like any other,
    /// with an event `diverged`; what comes after it is of no use.
    ///
    /// # Errors
    /// The engine's and the recorder's; what was committed stays.
    pub fn advance(&mut self) -> Result<StepOutcome, RecorderError> {
        let outcome = self.trainer.step()?;
        let shown = self.trainer.show(&self.record.recording.probes, &mut self.recorder)?;
        if let Some(result) = shown {
            self.validation = Some((self.trainer.position(), result));
        }
        if let Some(divergence) = &outcome.divergence {
            let message = format!("{divergence} is not finite");
            self.recorder.event(self.trainer.position(), DIVERGED, &message)?;
        }
        Ok(outcome)
    }

    /// What a fork in the midst of it needs: engine, threads and options.
    pub(crate) fn fork_needs(&mut self) -> (&mut Trainer, usize, &RecorderOptions) {
        (&mut self.trainer, self.threads, &self.options)
    }

    /// Commits what was recorded so far.
    ///
    /// # Errors
    /// Those of the recorder.
    pub fn flush(&mut self) -> Result<(), RecorderError> {
        Ok(self.recorder.flush()?)
    }

    /// Commits everything and leaves no tail.
    ///
    /// # Errors
    /// Those of the recorder.
    pub fn seal(&mut self) -> Result<(), RecorderError> {
        Ok(self.recorder.seal()?)
    }

    /// Commits everything and seals the newest steps.
    ///
    /// # Errors
    /// Those of the recorder; what was committed stays.
    pub fn finish(self) -> Result<(Trainer, Summary), RecorderError> {
        let summary = self.recorder.finish()?;
        Ok((self.trainer, summary))
    }
}

/// Checks that the same run does not lie in the store already with a
/// description that cannot be read: a second branch beside it, perhaps of its
/// name, would hide the damage.
fn refuse_to_hide_damage(store: &Store, definition: &RunDefinition) -> Result<(), RecorderError> {
    match store.branch_by_id(&BranchId::derive(definition.key(), 0)) {
        Ok(_) | Err(StoreError::UnknownBranch { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Refuses to train on after a value that is not finite.
///
/// # Errors
/// [`RecorderError::Diverged`].
pub(crate) fn check_finite(
    trainer: &Trainer,
    reader: &BranchReader,
    record: &BranchRecord,
) -> Result<(), RecorderError> {
    let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
    let is_finite = reader.step_row(trainer.position())?.loss.is_none_or(f32::is_finite)
        && trainer.parameters().iter().all(|layer| {
            let running = layer.running.iter().flatten().all(|values| finite(values));
            finite(&layer.weights) && finite(&layer.biases) && running
        });
    if is_finite {
        return Ok(());
    }
    Err(RecorderError::Diverged {
        branch: record.name.clone(),
        diverged: Diverged::at(trainer, record.first_step(), None),
    })
}

/// Checks that every probe image is among the training images.
fn check_probes(recording: &RecordingSettings, dataset: &Dataset) -> Result<(), RecorderError> {
    let images = dataset.train().len();
    match recording.probes.iter().find(|image| image.0 >= images) {
        Some(&image) => Err(RecorderError::NoSuchProbe { image, images }),
        None => Ok(()),
    }
}

/// Checks that an existing branch is what the plan describes.
fn check_same(record: &BranchRecord, plan: &SessionPlan) -> Result<(), RecorderError> {
    let mut differences = check_producer(record, "train it on")?.differences(&plan.definition);
    let (stored, asked) = (&record.recording, &plan.recording);
    let mut compare = |name: &str, stored: String, asked: String| {
        if stored != asked {
            differences.push(FieldDifference::new(name, stored, asked));
        }
    };
    compare("fidelity", stored.fidelity.to_string(), asked.fidelity.to_string());
    compare("keyframe-interval", stored.keyframe_interval.to_string(), asked.keyframe_interval.to_string());
    let list =
        |settings: &RecordingSettings| settings.probes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    compare("probe", list(stored), list(asked));
    let every = |settings: &RecordingSettings| {
        settings.validate_every.map_or_else(|| "(none)".to_owned(), |steps| steps.to_string())
    };
    compare("validate-every", every(stored), every(asked));
    if differences.is_empty() {
        return Ok(());
    }
    Err(RecorderError::OtherDefinition {
        branch: record.name.clone(),
        differences: differences.iter().map(|line| format!("\n  {}", one_line(&line.to_string()))).collect(),
    })
}
