//! Starting a run, or going on with one by saying again what it is.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use revacnn_schemas::{
    AugmentationRequest, BranchName, BranchRecord, Fidelity, ImageIndex, InitialArrays, NetworkSpec, OptimizerSpec,
    Parameters, Reading, RecordingSettings, RunDefinition, Schedule, Step, Topology,
};
use revacnn_store::{DataHint, Store, StoreError};
use revacnn_trainer::data::{Dataset, load_as};
use revacnn_trainer::{
    DEFAULT_EPOCHS, Settings, Trainer, TrainerError, check_normalisation, define, named_network, resolve,
    resolve_optimizer,
};

use crate::replay::check_producer;
use crate::{Clock, Goal, RecorderError, Resources, Run, Session, SessionPlan, find_data};

/// The data set of a new run that names none.
pub const DEFAULT_DATASET: &str = "shapes";

/// The network of a new run that names none.
pub const DEFAULT_NETWORK: &str = "paper";

/// What is asked of a run. What is left out is as the branch has it, or, of a
/// new branch, the default.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// The branch.
    pub branch: BranchName,
    /// Whether a branch of that name is gone on with; it is refused otherwise.
    pub goes_on: bool,
    /// A data set's name, or the path of a folder or file.
    pub dataset: Option<OsString>,
    /// How the files of a path are read; as the branch's were, if nothing is asked for.
    pub reading: Reading,
    /// The network.
    pub network: Option<NetworkSpec>,
    /// The optimizer; parameters that it leaves out are the branch's, if that has one
    /// of the same kind.
    pub optimizer: Option<OptimizerSpec>,
    /// Parameters of the optimizer that overrule it.
    pub optimizer_parameters: Parameters,
    /// How the learning rate changes.
    pub schedule: Option<Schedule>,
    /// Images of a batch.
    pub batch_size: Option<u32>,
    /// How training images are varied; what is left out as the branch does, if its data set is
    /// meant, or else as the data set has it.
    pub augmentation: AugmentationRequest,
    /// The seed of all randomness.
    pub seed: Option<u64>,
    /// Arrays that layers begin with.
    pub init: Option<InitialArrays>,
    /// How far it is trained.
    pub length: Length,
    /// What is written each step.
    pub fidelity: Option<Fidelity>,
    /// Steps from one keyframe to the next.
    pub keyframe_interval: Option<u64>,
    /// Training images whose maps are written; as the branch has them, or the first
    /// one, if there are none.
    pub probes: Vec<ImageIndex>,
    /// Steps from one validation to the next, besides the end of each epoch.
    pub validate_every: Option<u64>,
}

/// How far a run is trained, from its first step on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// To this step.
    Steps(u64),
    /// To the end of this epoch.
    Epochs(u64),
}

impl StartRequest {
    /// The default run under a name.
    pub fn new(branch: BranchName) -> Self {
        Self {
            branch,
            goes_on: false,
            dataset: None,
            reading: Reading::default(),
            network: None,
            optimizer: None,
            optimizer_parameters: Parameters::new(),
            schedule: None,
            batch_size: None,
            augmentation: AugmentationRequest::default(),
            seed: None,
            init: None,
            length: Length::Epochs(DEFAULT_EPOCHS),
            fidelity: None,
            keyframe_interval: None,
            probes: Vec::new(),
            validate_every: None,
        }
    }
}

/// A run with every value in it, before anything is written.
#[derive(Debug, Clone)]
pub struct StartPlan {
    /// The branch.
    pub branch: BranchName,
    /// The data.
    pub dataset: Arc<Dataset>,
    /// What is trained.
    pub definition: RunDefinition,
    /// Its layers and filters.
    pub topology: Topology,
    /// How it is recorded.
    pub recording: RecordingSettings,
    /// Its steps and epochs.
    pub clock: Clock,
    /// The step to train until, of a run that begins.
    pub until: Step,
    /// How far it is to be trained: of a fork that is there, whose epochs may have other images,
    /// [`Run::step_of`] tells the step.
    pub goal: Goal,
    /// Where the data lie, if that is to be noted.
    hint: Option<DataHint>,
}

impl StartPlan {
    /// What a request comes to, beside a branch of its name if the store has one.
    ///
    /// # Errors
    /// [`NameTaken`](StoreError::NameTaken) where such a branch is not to be gone on
    /// with; what network, optimizer or data refuse;
    /// [`RecorderError::TooManySteps`].
    pub fn of(request: StartRequest, store: Option<&Store>, data_folder: Option<&Path>) -> Result<Self, RecorderError> {
        let existing = match store {
            Some(store) => existing(store, &request)?,
            None => None,
        };
        let dataset = match (&request.dataset, store, &existing) {
            (None, Some(store), Some(record)) if request.reading.is_usual() => find_data(store, record, data_folder)?,
            (asked, ..) => {
                let name = asked.as_deref().unwrap_or(OsStr::new(DEFAULT_DATASET));
                Arc::new(loaded(name, &request.reading, existing.as_ref(), data_folder)?)
            }
        };
        Self::on(request, existing, dataset, data_folder)
    }

    /// What a request for a new branch comes to on images that are at hand already.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn new_on(
        request: StartRequest,
        dataset: Arc<Dataset>,
        data_folder: Option<&Path>,
    ) -> Result<Self, RecorderError> {
        Self::on(request, None, dataset, data_folder)
    }

    fn on(
        request: StartRequest,
        existing: Option<BranchRecord>,
        dataset: Arc<Dataset>,
        data_folder: Option<&Path>,
    ) -> Result<Self, RecorderError> {
        let definition = definition(&request, existing.as_ref(), &dataset)?;
        let (_, topology) = resolve(&definition.network, definition.input, definition.classes)?;
        let recording = recording(&request, &definition, existing.as_ref());
        let clock = Clock::of_run(dataset.train_indices().len() as u64, definition.batch_size);
        let goal = match request.length {
            Length::Steps(steps) => Goal::Step(Step(steps)),
            Length::Epochs(epochs) => Goal::Epoch(epochs),
        };
        let until = clock.step_of(goal).ok_or(RecorderError::TooManySteps)?;
        let new = existing.is_none().then(|| DEFAULT_DATASET.into());
        let hint = request.dataset.or(new).map(|dataset| DataHint::new(dataset, data_folder));
        Ok(Self { branch: request.branch, dataset, definition, topology, recording, clock, until, goal, hint })
    }
}

/// Starts a branch, or goes on with it; nothing but the branch is made.
///
/// # Errors
/// Those of [`Session::open`]; a run that is refused changes nothing.
pub fn start(store: &Store, plan: StartPlan, resources: &Resources) -> Result<Run, RecorderError> {
    let StartPlan { branch, dataset, definition, recording, hint, .. } = plan;
    let identity = definition.dataset.clone();
    let plan = SessionPlan {
        definition,
        recording,
        threads: resources.threads,
        options: resources.recorder.clone(),
        created_unix_seconds: resources.now_unix_seconds,
    };
    let session = Session::open(store, &branch, plan, dataset)?;
    // Only now. It is no more than a hint, and no run is refused for it once
    // there is a branch.
    let note = hint.and_then(|hint| hint.remember(store, &identity).err());
    Ok(Run::recorded(session)?.with_note(note))
}

/// Starts a run of which nothing is recorded.
///
/// # Errors
/// What the engine refuses.
pub fn start_unrecorded(plan: StartPlan, resources: &Resources) -> Result<Run, RecorderError> {
    check_normalisation(&plan.definition)?;
    Ok(Run::unrecorded(Trainer::new(&plan.definition, plan.dataset, resources.threads)?))
}

/// The data set that was named: as a branch has it, where nothing else is asked for.
fn loaded(
    name: &OsStr,
    asked: &Reading,
    existing: Option<&BranchRecord>,
    data_folder: Option<&Path>,
) -> Result<Dataset, RecorderError> {
    let recorded = existing.and_then(BranchRecord::definition);
    if let Some((base, reading)) = recorded.and_then(|base| Some((base, base.reading.as_ref()?))) {
        let reading = if asked.is_usual() { reading } else { asked };
        // Files of another kind are read as a new branch would read them.
        if let Ok(dataset) = load_as(name, data_folder, reading)
            && dataset.identity().digest == base.dataset.digest
        {
            return Ok(dataset.named(&base.dataset.name));
        }
    }
    Ok(load_as(name, data_folder, asked).map_err(TrainerError::from)?)
}

/// The branch that is to be gone on with, where there is one.
fn existing(store: &Store, request: &StartRequest) -> Result<Option<BranchRecord>, RecorderError> {
    match store.branch(&request.branch) {
        Ok(record) if request.goes_on => Ok(Some(record)),
        Ok(record) => Err(StoreError::NameTaken { name: record.name, store: store.root().to_owned() }.into()),
        Err(StoreError::UnknownBranch { .. }) => Ok(None),
        // One of several with this name is none that was meant.
        Err(error) => Err(error.into()),
    }
}

/// What is trained: what was asked for, and for the rest what the branch says,
/// or else the defaults.
fn definition(
    request: &StartRequest,
    existing: Option<&BranchRecord>,
    dataset: &Dataset,
) -> Result<RunDefinition, RecorderError> {
    let base = existing.map(|record| check_producer(record, "train it on")).transpose()?;
    let defaults = Settings::default();
    let same_data = |base: &&RunDefinition| base.dataset.digest == dataset.identity().digest;
    let usual = base.filter(same_data).map_or_else(|| dataset.augmentation(), |base| base.augmentation);
    let settings = Settings {
        optimizer: optimizer(request, base.map(|base| &base.optimizer)),
        batch_size: request.batch_size.or(base.map(|base| base.batch_size)).unwrap_or(defaults.batch_size),
        seed: request.seed.or(base.map(|base| base.seed)).unwrap_or(defaults.seed),
        augmentation: Some(request.augmentation.over(usual)),
        schedule: request.schedule.clone().unwrap_or(defaults.schedule),
    };
    let network = match (&request.network, base) {
        (Some(network), _) => network.clone(),
        (None, Some(base)) => base.network.clone(),
        (None, None) => named_network(DEFAULT_NETWORK)?,
    };
    let mut definition = define(network, dataset, &settings)?;
    definition.init = request.init.clone().or_else(|| base.and_then(|base| base.init.clone()));
    if let Some(base) = base.filter(same_data) {
        definition.images.clone_from(&base.images);
    }
    // A branch keeps what it was made with, also what nobody may ask for any more.
    if base.is_none_or(|base| base.optimizer != definition.optimizer) {
        resolve_optimizer(&definition.optimizer)?;
    }
    if let Some(base) = base.filter(|base| request.schedule.as_ref().is_none_or(|asked| *asked == curve(base))) {
        // Also where it starts, if the branch is a fork that set it.
        definition.schedule.clone_from(&base.schedule);
    }
    Ok(definition)
}

fn curve(definition: &RunDefinition) -> Schedule {
    definition.schedule.as_ref().map_or(Schedule::Constant, |schedule| schedule.curve.clone())
}

/// The optimizer that was asked for, the rest as in `base`, if that is of the
/// same kind; single parameters overrule both.
fn optimizer(request: &StartRequest, base: Option<&OptimizerSpec>) -> OptimizerSpec {
    let mut spec = match (&request.optimizer, base) {
        (None, Some(base)) => base.clone(),
        (None, None) => Settings::default().optimizer,
        (Some(asked), base) => {
            let mut spec = asked.clone();
            for (name, value) in base.filter(|base| base.kind == spec.kind).iter().flat_map(|base| &base.parameters) {
                spec.parameters.entry(name).or_insert_with(|| value.clone());
            }
            spec
        }
    };
    for (name, value) in &request.optimizer_parameters {
        spec.parameters.insert(name.clone(), value.clone());
    }
    spec
}

/// How the run is recorded: as was asked for, else as the branch is, else as
/// usual.
fn recording(request: &StartRequest, definition: &RunDefinition, existing: Option<&BranchRecord>) -> RecordingSettings {
    let usual = RecordingSettings {
        fidelity: Fidelity::Every,
        keyframe_interval: RecordingSettings::default_keyframe_interval(definition.batch_size),
        probes: vec![ImageIndex(0)],
        validate_every: None,
    };
    let base = existing.map_or(usual, |record| record.recording.clone());
    RecordingSettings {
        fidelity: request.fidelity.unwrap_or(base.fidelity),
        keyframe_interval: request.keyframe_interval.unwrap_or(base.keyframe_interval),
        probes: if request.probes.is_empty() { base.probes } else { request.probes.clone() },
        validate_every: request.validate_every.or(base.validate_every),
    }
}
