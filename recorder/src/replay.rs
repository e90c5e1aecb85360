//! Computing recorded steps again: exact, from the keyframe before them.

mod pictures;

use std::collections::VecDeque;
use std::sync::Arc;

use revacnn_schemas::{
    ARITHMETIC, BranchRecord, DataCursor, ImageIndex, Observer, ObserverError, ParameterState, Producer, RunDefinition,
    Step, StepView, TrainingState, Wanted,
};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{Trainer, TrainerError, Viewer};

use crate::RecorderError;
use revacnn_store::{BranchReader, StepRow, StepSpan, StepTensors, Store, StoreError};

/// Bytes of recomputed steps that are kept for the next question.
const CACHE_BYTES: usize = 64 << 20;

/// Bytes of states on the way to them that are kept.
const MARKS_BYTES: usize = 16 << 20;

/// Steps from one state that is kept to the next.
const MARK_STEPS: u64 = 16;

/// What a branch trains, if this version of the engine computed it and so can
/// compute it again; `verb` says what for, such as "fork it".
///
/// # Errors
/// [`RecorderError::OtherArithmetic`] and [`RecorderError::Foreign`].
pub fn check_producer<'a>(record: &'a BranchRecord, verb: &'static str) -> Result<&'a RunDefinition, RecorderError> {
    match &record.producer {
        Producer::Engine { arithmetic: ARITHMETIC, definition } => Ok(definition),
        Producer::Engine { arithmetic, .. } => Err(RecorderError::OtherArithmetic {
            branch: record.name.clone(),
            expected: ARITHMETIC,
            found: *arithmetic,
        }),
        Producer::Foreign(foreign) => {
            Err(RecorderError::Foreign { branch: record.name.clone(), producer: foreign.to_string(), verb })
        }
    }
}

/// The engine of a branch that is recorded. What is wrong in its description is
/// told as that, and not as what somebody asks for.
pub(crate) fn trainer_of(
    record: &BranchRecord,
    definition: &RunDefinition,
    dataset: Arc<Dataset>,
    threads: usize,
) -> Result<Trainer, RecorderError> {
    Trainer::of_branch(definition, &record.topology, dataset, threads).map_err(|error| of_description(record, error))
}

/// Why a branch's network cannot be built.
fn of_description(record: &BranchRecord, error: TrainerError) -> RecorderError {
    match error {
        TrainerError::Schema(_)
        | TrainerError::UnknownKind { .. }
        | TrainerError::OutOfRange { .. }
        | TrainerError::Layer { .. }
        | TrainerError::Network { .. } => {
            RecorderError::Described { branch: record.name.clone(), error: Box::new(error) }
        }
        error => error.into(),
    }
}

/// [`trainer_of`] a branch, at its first step: as the seed or its arrays give it, or as the
/// fork's edits do.
pub(crate) fn trainer_at_first(
    store: &Store,
    record: &BranchRecord,
    definition: &RunDefinition,
    dataset: Arc<Dataset>,
    threads: usize,
) -> Result<Trainer, RecorderError> {
    let definition = store.definition_with_arrays(record, definition)?;
    let mut trainer = trainer_of(record, &definition, dataset.clone(), threads)?;
    if record.parent.is_some() {
        trainer.restore(&state_of_fork(store, record, dataset, threads)?)?;
    }
    Ok(trainer)
}

/// Puts a trainer at a recorded step: at the newest keyframe before it, then
/// forwards by re-execution. Every step's digest is compared with the log's.
///
/// Returns how many steps were computed.
///
/// # Errors
/// [`RecorderError::ReplayDiffers`] at the first step with another digest.
pub(crate) fn bring_forward(trainer: &mut Trainer, reader: &BranchReader, to: Step) -> Result<u64, RecorderError> {
    let keyframe = reader.keyframe_at_or_before(to)?;
    begin_at(trainer, reader, &keyframe)?;
    go_on(trainer, reader, to, None)?;
    Ok(to.0 - keyframe.step.0)
}

/// Puts a trainer at a state, whose digest is compared with the log's.
fn begin_at(trainer: &mut Trainer, reader: &BranchReader, state: &TrainingState) -> Result<(), RecorderError> {
    trainer.restore(state)?;
    check_digest(trainer, reader)
}

/// Executes the steps after the trainer's until one, and compares digests. States on the way
/// are kept where there are marks.
fn go_on(
    trainer: &mut Trainer,
    reader: &BranchReader,
    to: Step,
    mut marks: Option<&mut Marks>,
) -> Result<(), RecorderError> {
    let first = trainer.position().next();
    if to < first {
        return Ok(());
    }
    let rows = reader.step_rows(StepSpan::new(first, to))?;
    let mut rows = rows.iter();
    while trainer.position() < to {
        trainer.step()?;
        match rows.next().filter(|row| row.step == trainer.position()) {
            Some(row) => check_row(trainer, reader, row)?,
            // It says what is lacking.
            None => check_row(trainer, reader, &reader.step_row(trainer.position())?)?,
        };
        if let Some(marks) = &mut marks {
            marks.pass(trainer);
        }
    }
    Ok(())
}

/// States that were passed on the way to a step: who looks about there, or goes back a
/// little, begins at them instead of at the keyframe before.
#[derive(Debug, Default)]
struct Marks {
    /// The oldest first.
    states: VecDeque<TrainingState>,
}

impl Marks {
    /// Keeps the state that a trainer is at, if it is one to be kept, and not too large.
    fn pass(&mut self, trainer: &Trainer) {
        let (step, bytes) = (trainer.position(), state_bytes(trainer.parameters()).max(1));
        let is_mark = step.0.is_multiple_of(MARK_STEPS) && bytes <= MARKS_BYTES;
        if !is_mark || self.states.iter().any(|state| state.step == step) {
            return;
        }
        while (self.states.len() + 1) * bytes > MARKS_BYTES {
            self.states.pop_front();
        }
        self.states.push_back(trainer.state());
    }

    /// The newest state at or before a step.
    fn before(&self, step: Step) -> Option<&TrainingState> {
        self.states.iter().filter(|state| state.step <= step).max_by_key(|state| state.step)
    }
}

/// Bytes of a state's arrays.
fn state_bytes(parameters: &[ParameterState]) -> usize {
    let parameters = parameters.iter().map(|layer| {
        let slots = layer.weight_slots.iter().chain(&layer.bias_slots).map(Vec::len).sum::<usize>();
        layer.weights.len() + layer.biases.len() + slots
    });
    4 * parameters.sum::<usize>()
}

/// Compares the parameters' digest with the log's, and the state's where the
/// log has one.
pub(crate) fn check_digest(trainer: &Trainer, reader: &BranchReader) -> Result<(), RecorderError> {
    check_row(trainer, reader, &reader.step_row(trainer.position())?).map(|_| ())
}

/// Compares the parameters' digest with a row's and, where there is one, the
/// state's; says whether there was one.
pub(crate) fn check_row(trainer: &Trainer, reader: &BranchReader, row: &StepRow) -> Result<bool, RecorderError> {
    let found = trainer.digest();
    if row.digest != found {
        return Err(differs(reader.branch(), row.step, "digest", [row.digest, found]));
    }
    let Some(expected) = row.state_digest else { return Ok(false) };
    let found = trainer.state().state_digest(found);
    if expected != found {
        return Err(differs(reader.branch(), row.step, "state_digest", [expected, found]));
    }
    Ok(true)
}

/// What was recorded in a column, and what was found instead.
fn differs(
    record: &BranchRecord,
    step: Step,
    column: &'static str,
    [expected, found]: [revacnn_schemas::Digest; 2],
) -> RecorderError {
    RecorderError::ReplayDiffers { branch: record.name.clone(), step, column, expected, found }
}

/// Reads any step's tensors: from the log where they are stored, computed
/// again from a keyframe where they are not. Who asks cannot tell the
/// difference but for time.
#[derive(Debug)]
pub struct Replay {
    reader: BranchReader,
    dataset: Option<Arc<Dataset>>,
    threads: usize,
    trainer: Option<Trainer>,
    /// Looks at images with the weights of any step; it never trains.
    looker: Option<Trainer>,
    /// Looks at pictures that are in no data set, and needs none.
    viewer: Option<Viewer>,
    cache: VecDeque<StepTensors>,
    marks: Marks,
}

impl Replay {
    /// A replay that only reads what is stored, until it is
    /// [given the data](Self::with_data).
    pub fn new(reader: BranchReader) -> Self {
        let (cache, marks) = (VecDeque::new(), Marks::default());
        Self { reader, dataset: None, threads: 1, trainer: None, looker: None, viewer: None, cache, marks }
    }

    /// Lets the replay compute what is not stored.
    #[must_use]
    pub fn with_data(mut self, dataset: Arc<Dataset>, threads: usize) -> Self {
        self.dataset = Some(dataset);
        self.threads = threads;
        self
    }

    /// Lets the replay look at pictures on so many threads, also without data.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The reader of the log.
    pub fn reader(&self) -> &BranchReader {
        &self.reader
    }

    /// All tensors of a step.
    ///
    /// # Errors
    /// [`TensorsNotStored`](StoreError::TensorsNotStored) where they would have to be
    /// computed and there is no data; otherwise those of reader and engine.
    pub fn tensors(&mut self, step: Step) -> Result<StepTensors, RecorderError> {
        match self.reader.seek(step) {
            Err(StoreError::TensorsNotStored { .. }) if self.dataset.is_some() => self.recompute(step),
            other => Ok(other?),
        }
    }

    /// The engine at a recorded step: to evaluate it, or to look inside.
    ///
    /// # Errors
    /// [`RecorderError::OtherArithmetic`], [`RecorderError::ReplayDiffers`],
    /// and those of reader and engine.
    pub fn trainer_at(&mut self, step: Step) -> Result<&mut Trainer, RecorderError> {
        check_producer(self.reader.branch(), "show what of it is not stored")?;
        let mut trainer = self.take_trainer()?;
        // Whatever is nearest: where the trainer is, a state that was passed, a keyframe.
        let position = Some(trainer.position()).filter(|&at| at <= step && trainer.cursor().images_seen > 0);
        let keyframe = self.reader.nearest_keyframe(step)?;
        let mark = self.marks.before(step).filter(|mark| Some(mark.step) > keyframe.max(position));
        if let Some(mark) = mark {
            begin_at(&mut trainer, &self.reader, mark)?;
        } else if keyframe.is_none() || position < keyframe {
            begin_at(&mut trainer, &self.reader, &self.reader.keyframe_at_or_before(step)?)?;
        }
        go_on(&mut trainer, &self.reader, step, Some(&mut self.marks))?;
        Ok(self.trainer.insert(trainer))
    }

    /// All tensors of a step, with the maps of these images instead of those
    /// of the probe images: computed from the step's weights.
    ///
    /// # Errors
    /// Those of [`tensors`](Self::tensors); [`RecorderError::DataNeeded`]
    /// without data; [`TrainerError::Data`](revacnn_trainer::TrainerError::Data)
    /// for an image that the data set does not have.
    pub fn look(&mut self, step: Step, images: &[ImageIndex]) -> Result<StepTensors, RecorderError> {
        check_producer(self.reader.branch(), "show what of it is not stored")?;
        let mut tensors = self.tensors(step)?;
        let mut looker = match self.looker.take() {
            Some(looker) => looker,
            None => self.new_trainer()?,
        };
        let mut state = looker.state();
        take_weights(&mut state.parameters, &tensors);
        looker.restore(&state)?;
        let mut record = self.reader.branch().clone();
        record.recording.probes = images.to_vec();
        let seen = capture(&mut looker, &record)?;
        self.looker = Some(looker);
        (tensors.probes, tensors.blocks) = (seen.probes, seen.blocks);
        Ok(tensors)
    }

    fn take_trainer(&mut self) -> Result<Trainer, RecorderError> {
        if let Some(trainer) = self.trainer.take() {
            return Ok(trainer);
        }
        self.new_trainer()
    }

    fn new_trainer(&self) -> Result<Trainer, RecorderError> {
        let record = self.reader.branch();
        let definition = check_producer(record, "show what of it is not stored")?;
        let Some(dataset) = &self.dataset else {
            return Err(RecorderError::DataNeeded {
                branch: record.name.clone(),
                dataset: definition.dataset.name.clone(),
                digest: definition.dataset.digest,
            });
        };
        trainer_of(record, definition, dataset.clone(), self.threads)
    }

    fn recompute(&mut self, step: Step) -> Result<StepTensors, RecorderError> {
        if let Some(tensors) = self.cache.iter().find(|tensors| tensors.step == step) {
            return Ok(tensors.clone());
        }
        check_producer(self.reader.branch(), "show what of it is not stored")?;
        let record = self.reader.branch().clone();
        let first = record.first_step();
        // A step's gradients are computed on the way to it: begin before it.
        let tensors = if step == first {
            let trainer = self.trainer_at(step)?;
            capture(trainer, &record)?
        } else {
            let before = Step(step.0 - 1);
            let trainer = self.trainer_at(before)?;
            trainer.step()?;
            let tensors = capture(trainer, &record)?;
            // An engine that went astray is not gone on with.
            let trainer = self.trainer.take().expect("invariant: just used");
            check_digest(&trainer, &self.reader)?;
            self.trainer = Some(trainer);
            tensors
        };
        let bytes = size(&tensors).max(1);
        while !self.cache.is_empty() && (self.cache.len() + 1) * bytes > CACHE_BYTES {
            self.cache.pop_front();
        }
        self.cache.push_back(tensors.clone());
        Ok(tensors)
    }
}

/// Gives layers the weights of a step.
fn take_weights(parameters: &mut [ParameterState], tensors: &StepTensors) {
    let mut normalisation = tensors.normalisation.iter();
    for (layer, stored) in parameters.iter_mut().zip(&tensors.parameters) {
        layer.weights.clone_from(&stored.weights);
        layer.biases.clone_from(&stored.biases);
        if layer.running.is_some() {
            layer.running = normalisation.next().map(|layer| [layer.mean.clone(), layer.variance.clone()]);
        }
    }
}

/// Bytes of a step's arrays.
fn size(tensors: &StepTensors) -> usize {
    let parameters = tensors.parameters.iter().map(|layer| 2 * (layer.weights.len() + layer.biases.len()));
    let blocks = tensors.blocks.iter().map(|block| 2 * block.activations.len());
    4 * parameters.chain(blocks).sum::<usize>()
}

/// The tensors of the step that a trainer is at.
pub(crate) fn capture(trainer: &mut Trainer, record: &BranchRecord) -> Result<StepTensors, RecorderError> {
    struct Capture<'a> {
        record: &'a BranchRecord,
        tensors: Option<StepTensors>,
    }
    impl Observer for Capture<'_> {
        fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
            Wanted { probes: !self.record.recording.probes.is_empty(), ..Wanted::default() }
        }

        fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
            self.tensors = Some(StepTensors::from_view(view, &self.record.topology));
            Ok(())
        }
    }
    let mut capture = Capture { record, tensors: None };
    trainer.show(&record.recording.probes, &mut capture)?;
    Ok(capture.tensors.expect("invariant: show calls observe once"))
}

/// The state that a fork begins with, computed again from its parent: its
/// edits applied to the parent's state at the fork step.
///
/// # Errors
/// Those of replaying the parent; [`Unrecordable`](StoreError::Unrecordable) where the
/// edits lead to another network than `branch.json` describes.
pub(crate) fn state_of_fork(
    store: &Store,
    record: &BranchRecord,
    dataset: Arc<Dataset>,
    threads: usize,
) -> Result<TrainingState, RecorderError> {
    let Some(parent) = &record.parent else {
        return Err(StoreError::Unrecordable {
            branch: record.name.clone(),
            reason: "it has no parent, so there is no fork to compute again".to_owned(),
        }
        .into());
    };
    let reader = BranchReader::of(store, store.branch_by_id(&parent.branch)?)?;
    let mut replay = Replay::new(reader).with_data(dataset, threads);
    let edits = store.edits_with_arrays(record)?;
    let edited = replay.trainer_at(parent.step)?.edited_as_recorded(&edits)?;
    let definition = check_producer(record, "compute its first step")?;
    if edited.definition != *definition {
        let differences = definition.differences(&edited.definition);
        let differences = differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(StoreError::Unrecordable {
            branch: record.name.clone(),
            reason: format!("its edits lead to another run than its branch.json describes: {differences}"),
        }
        .into());
    }
    Ok(edited.state)
}
