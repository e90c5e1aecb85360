//! A training session: an engine and the recorder of its steps.

use std::sync::Arc;

use revacnn_schemas::{ARITHMETIC, BranchName, BranchRecord, RecordingSettings, RunDefinition, Step, ValidationResult};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{StepOutcome, Trainer, resolve};

use crate::replay::bring_forward;
use crate::{BranchReader, Recorder, RecorderError, RecorderOptions, Store, Summary};

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
/// A new branch begins with step 0; an existing one goes on after its last
/// committed step, bit for bit as if it had never stopped.
#[derive(Debug)]
pub struct Session {
    trainer: Trainer,
    recorder: Recorder,
    record: BranchRecord,
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
    /// else, with the differences; [`RecorderError::OtherArithmetic`] where
    /// another version computed it; [`RecorderError::ReplayDiffers`] where
    /// what is computed again has another digest than what was recorded.
    pub fn open(
        store: &Store,
        name: &BranchName,
        plan: SessionPlan,
        dataset: Arc<Dataset>,
    ) -> Result<Self, RecorderError> {
        let existing = store.branches()?.records.into_iter().find(|record| record.name == *name);
        let mut trainer = Trainer::new(&plan.definition, dataset, plan.threads)?;
        let images = trainer.dataset().train().len();
        if let Some(&image) = plan.recording.probes.iter().find(|image| image.0 >= images) {
            return Err(RecorderError::NoSuchProbe { image, images });
        }
        let record = match existing {
            Some(record) => {
                check_same(&record, &plan)?;
                record
            }
            None => {
                let definition = &plan.definition;
                let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
                let (definition, recording) = (plan.definition.clone(), plan.recording.clone());
                store.create_branch(name.clone(), definition, recording, topology, None, plan.created_unix_seconds)?
            }
        };
        let mut recorder = Recorder::open(store, &record, plan.options)?;
        let mut resumed = None;
        let mut validation = None;
        match recorder.last_committed() {
            None => {
                let shown = trainer.show(&record.recording.probes, &mut recorder)?;
                validation = shown.map(|result| (trainer.position(), result));
            }
            Some(last) => {
                let reader = BranchReader::open(store, name)?;
                let recomputed = bring_forward(&mut trainer, &reader, last)?;
                let layers: Vec<&[f32]> = trainer.parameters().iter().map(|state| &state.weights[..]).collect();
                recorder.set_previous_weights(&layers)?;
                resumed = Some(Resumed { from: last, recomputed });
            }
        }
        Ok(Self { trainer, recorder, record, resumed, validation })
    }

    /// The branch.
    pub fn record(&self) -> &BranchRecord {
        &self.record
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
            self.recorder.event(self.trainer.position(), "diverged", &message)?;
        }
        Ok(outcome)
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

/// Checks that an existing branch is what the plan describes.
fn check_same(record: &BranchRecord, plan: &SessionPlan) -> Result<(), RecorderError> {
    check_arithmetic(record)?;
    let mut differences = record.definition.differences(&plan.definition);
    let (stored, asked) = (&record.recording, &plan.recording);
    let mut compare = |name: &str, stored: String, asked: String| {
        if stored != asked {
            differences.push(format!("{name}: {stored} → {asked}"));
        }
    };
    compare("fidelity", stored.fidelity.to_string(), asked.fidelity.to_string());
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
        differences: differences.iter().map(|line| format!("\n  {line}")).collect(),
    })
}

/// Checks that this version of the engine computed the branch.
pub(crate) fn check_arithmetic(record: &BranchRecord) -> Result<(), RecorderError> {
    if record.arithmetic == ARITHMETIC {
        return Ok(());
    }
    Err(RecorderError::OtherArithmetic { branch: record.name.clone(), expected: ARITHMETIC, found: record.arithmetic })
}
