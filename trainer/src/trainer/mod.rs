//! A training: an engine, and where it stands in data and steps.
//!
//! | file | concept |
//! |---|---|
//! | `images` | the images that a branch trains on, with its labels and weights |
//! | `order` | which images a batch has |
//! | `step` | one step |
//! | `update` | an optimizer's update of every parameter |
//! | `outcome` | what came of a step |
//! | `restore` | going on from a recorded state |
//! | `evaluate` | loss and accuracy over a split |
//! | `activations` | what a layer says of images |
//! | `excite` | the images that excite filters most |
//! | `show` | what an observer is shown of a step |

mod activations;
mod evaluate;
mod excite;
#[cfg(test)]
mod frozen_tests;
mod images;
mod order;
mod outcome;
mod restore;
mod show;
mod step;
mod update;

use std::collections::VecDeque;
use std::sync::Arc;

use revacnn_schemas::{
    BranchId, DataCursor, Digest, HyperParameters, ParameterState, RunDefinition, Sample, Step, Topology, TrainingState,
};

use crate::data::{Dataset, Part, Split};
use crate::engine::{Engine, parts};
use crate::initialise::{begin_with, initial_state};
use crate::kernels::Instructions;
use crate::network::Network;
use crate::optimizers;
use crate::threads::Threads;
use crate::{TrainerError, define};

pub use activations::Activated;
pub(crate) use activations::pooled;
pub(crate) use evaluate::largest;
pub use excite::{Excitation, Excited};
pub(crate) use images::TrainingImages;
pub use images::{label_of, seen_by_fork};
pub(crate) use order::Visit;
pub use outcome::{Divergence, StepOutcome};

/// Images that the live accuracy looks back on.
const RECENT: usize = 200;

/// A network in training: everything that decides the next step's bits.
///
/// # Determinism
/// The state after a step is a function of the definition and the step alone:
/// neither threads nor instructions nor observers change a bit.
#[derive(Debug)]
pub struct Trainer {
    engine: Engine,
    dataset: Arc<Dataset>,
    instructions: Instructions,
    /// The optimizer, and its description with every value.
    optimizer: optimizers::Built,
    definition: RunDefinition,
    images: TrainingImages,
    step: Step,
    cursor: DataCursor,
    /// Updates since the optimizer's memory was zero.
    updates: u64,
    /// Whether each of the last images was predicted right, oldest first.
    recent: VecDeque<bool>,
    /// What came of the images of the last batch, if this trainer made the update.
    samples: Vec<Sample>,
    /// The last update, if this trainer made it.
    outcome: Option<StepOutcome>,
}

impl Trainer {
    /// A trainer at step 0, on the widest instructions of this machine.
    ///
    /// # Errors
    /// What the definition cannot be built from, other data than it names, arrays that it
    /// begins with and that do not fit or are not at hand, and threads that do not start.
    pub fn new(definition: &RunDefinition, dataset: Arc<Dataset>, threads: usize) -> Result<Self, TrainerError> {
        Self::with_instructions(definition, dataset, threads, Instructions::widest())
    }

    /// [`Trainer::new`] on chosen instructions; the bits are the same.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_instructions(
        definition: &RunDefinition,
        dataset: Arc<Dataset>,
        threads: usize,
        instructions: Instructions,
    ) -> Result<Self, TrainerError> {
        Self::build(definition, None, dataset, threads, instructions)
    }

    /// A trainer of a recorded branch, whose filters have the identities that
    /// the topology gives; it is at step 0 until it is
    /// [restored](Self::restore). Where it begins with arrays, it has those there only
    /// if they are at hand.
    ///
    /// # Errors
    /// As [`Trainer::new`], and a topology that does not fit the network.
    pub fn of_branch(
        definition: &RunDefinition,
        topology: &Topology,
        dataset: Arc<Dataset>,
        threads: usize,
    ) -> Result<Self, TrainerError> {
        Self::build(definition, Some(topology), dataset, threads, Instructions::widest())
    }

    pub(crate) fn build(
        definition: &RunDefinition,
        topology: Option<&Topology>,
        dataset: Arc<Dataset>,
        threads: usize,
        instructions: Instructions,
    ) -> Result<Self, TrainerError> {
        let identity = dataset.identity();
        // Own data are called as their folder is, which may be another one by now.
        let is_called_so = definition.reading.is_some() || identity.name == definition.dataset.name;
        if identity.digest != definition.dataset.digest || !is_called_so {
            return Err(TrainerError::OtherData {
                name: definition.dataset.name.clone(),
                expected: definition.dataset.digest,
                found: identity.digest,
            });
        }
        define::check(definition, &dataset)?;
        let images = TrainingImages::of(definition, &dataset)?;
        let instructions = instructions.supported();
        let (resolved_network, network) =
            Network::build(&definition.network, definition.input, definition.classes, instructions, topology)?;
        let optimizer = optimizers::build(&definition.optimizer)?;
        let slots = optimizers::optimizer_slots(&definition.optimizer)?;
        let mut parameters: Vec<ParameterState> =
            network.weighted.iter().map(|layer| initial_state(layer, definition.seed, slots)).collect();
        // A recorded branch begins with its state, unless its arrays are at hand as well.
        if let Some(init) = &definition.init
            && (topology.is_none() || init.arrays.bytes().is_some())
        {
            begin_with(&resolved_network, &network, &mut parameters, init)?;
        }
        let threads = Threads::new(threads).ok_or(TrainerError::Threads { threads })?;
        Ok(Self {
            engine: Engine::new(network, parameters, Arc::new(threads)),
            instructions,
            optimizer,
            definition: definition.clone(),
            images,
            dataset,
            step: Step(0),
            cursor: DataCursor::default(),
            updates: 0,
            recent: VecDeque::with_capacity(RECENT),
            samples: Vec::new(),
            outcome: None,
        })
    }

    /// The step that the network is at.
    pub fn position(&self) -> Step {
        self.step
    }

    /// Where training stands in the data.
    pub fn cursor(&self) -> DataCursor {
        self.cursor
    }

    /// What is trained.
    pub fn definition(&self) -> &RunDefinition {
        &self.definition
    }

    /// The data.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Layers and filters.
    pub fn topology(&self) -> &Topology {
        &self.engine.network().topology
    }

    /// The threads that it may train on, as far as a batch has work for them.
    pub fn threads(&self) -> usize {
        self.engine.threads().count().min(parts(self.definition.batch_size as usize))
    }

    /// Lets so many of its threads work, at least one and at most all. Changes no bit,
    /// only the time that a step takes.
    pub fn set_active_threads(&self, active: usize) {
        self.engine.threads().set_active(active);
    }

    /// Images of an epoch.
    pub fn epoch_images(&self) -> u32 {
        self.images.order.epoch_images() as u32
    }

    /// Images of the epoch under way that were trained on.
    pub fn epoch_seen(&self) -> u32 {
        self.images.order.seen(self.cursor) as u32
    }

    /// The part that a split's indices count in, with the labels that its images have here.
    pub(crate) fn part(&self, split: Split) -> &Part {
        match split {
            Split::Train | Split::Validation => self.images.part(),
            Split::Test => self.dataset.test(),
        }
    }

    /// Says where filters were born that [edits](Self::edited) made: a store
    /// knows it only once it has made the branch.
    pub fn set_birthplace(&mut self, branch: &BranchId) {
        self.engine.set_birthplace(branch);
    }

    /// The weights, in the order of [`Topology::parameter_layers`].
    pub fn parameters(&self) -> &[ParameterState] {
        self.engine.parameters()
    }

    /// Gradients of the last update: coefficients and biases of each layer, zeros
    /// where a filter is frozen.
    pub fn gradients(&self) -> &[(Vec<f32>, Vec<f32>)] {
        self.engine.gradients()
    }

    /// The whole state.
    pub fn state(&self) -> TrainingState {
        TrainingState {
            step: self.step,
            cursor: self.cursor,
            optimizer_updates: self.updates,
            recent: self.recent.iter().copied().collect(),
            parameters: self.engine.parameters().to_vec(),
        }
    }

    /// Digest of all parameters.
    pub fn digest(&self) -> Digest {
        self.engine.digest()
    }

    /// Share of the last 200 training images that were predicted right, each
    /// before its update; `None` before the first one.
    pub fn live_accuracy(&self) -> Option<f32> {
        let correct = self.recent.iter().filter(|&&correct| correct).count();
        (!self.recent.is_empty()).then(|| correct as f32 / self.recent.len() as f32)
    }

    /// Hyper-parameters in force.
    pub fn hyper_parameters(&self) -> HyperParameters {
        let mut all = HyperParameters::new(self.definition.batch_size);
        for (name, value) in &self.optimizer.resolved.parameters {
            let factor = if name == optimizers::LEARNING_RATE { self.schedule_factor(self.step) } else { 1.0 };
            all.set(name, value.as_f64().map(|value| (value * factor) as f32));
        }
        all
    }

    /// What the schedule multiplies the learning rate by in the update that
    /// leads to `step`.
    fn schedule_factor(&self, step: Step) -> f64 {
        self.definition.schedule.as_ref().map_or(1.0, |schedule| crate::schedule::factor(schedule, step))
    }

    /// The network with its weights.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Instructions of the kernels.
    pub(crate) fn instructions(&self) -> Instructions {
        self.instructions
    }
}
