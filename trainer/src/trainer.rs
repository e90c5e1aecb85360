//! The training step.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use revacnn_schemas::{
    BranchId, DataCursor, Digest, Epoch, HyperParameters, ImageIndex, ParameterState, RunDefinition, Step, Topology,
    TrainingState,
};

use crate::data::{Dataset, augment, decode, epoch_order};
use crate::initialise::initial_state;
use crate::kernels::Instructions;
use crate::layers::{ImageContext, Packed};
use crate::network::Network;
use crate::optimizers::{self, Moment, Optimizer, Tensors};
use crate::threads::Threads;
use crate::workspace::{Shared, Workspace};
use crate::{TrainerError, define};

/// Images that the live accuracy looks back on.
const RECENT: usize = 200;

/// The largest step, epoch or number of images that a state can come with:
/// no training gets there, and counting on cannot overflow.
const LARGEST_COUNT: u64 = 1 << 53;

/// A network in training: everything that decides the next step's bits.
///
/// # Determinism
/// The state after a step is a function of the definition and the step alone:
/// neither threads nor instructions nor observers change a bit.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) network: Network,
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) threads: Threads,
    pub(crate) instructions: Instructions,
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) definition: RunDefinition,
    train_images: Vec<ImageIndex>,
    order: (Epoch, Vec<ImageIndex>),
    pub(crate) step: Step,
    pub(crate) cursor: DataCursor,
    pub(crate) updates: u64,
    pub(crate) recent: VecDeque<bool>,
    pub(crate) parameters: Vec<ParameterState>,
    /// Gradients of the last update: coefficients and biases a layer.
    pub(crate) gradients: Vec<(Vec<f32>, Vec<f32>)>,
    pub(crate) packed: Vec<Packed>,
    pub(crate) batch: Vec<Vec<f32>>,
    workspaces: Vec<Workspace>,
    chunks: Vec<Chunk>,
    pub(crate) probes: Vec<Workspace>,
    /// The last update, if this trainer made it.
    pub(crate) outcome: Option<StepOutcome>,
}

/// A fixed part of the batch: its images are reduced in order.
#[derive(Debug)]
struct Chunk {
    accumulator: Vec<f32>,
    images: std::ops::Range<usize>,
    outcomes: Vec<(f32, bool)>,
    input: Vec<f32>,
}

/// What one update gave.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// Mean data loss over the batch, before the update.
    pub loss: f32,
    /// ½·decay·Σw² before the update, over the coefficients that decay: not
    /// those of frozen filters, normalisation scales or biases.
    pub decay_loss: f32,
    /// Images of the batch.
    pub images: u32,
    /// Images of the batch that were predicted right before the update.
    pub correct: u32,
    /// Wall time in nanoseconds.
    pub elapsed_nanos: u64,
    /// Whether loss, parameters or running statistics are no longer finite.
    pub divergence: Option<Divergence>,
}

/// Where a value that is not finite was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Divergence {
    /// In the loss.
    Loss,
    /// In the parameters or running statistics of a layer.
    Parameters {
        /// The layer's name.
        layer: String,
    },
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Loss => formatter.write_str("the loss"),
            Self::Parameters { layer } => write!(formatter, "a parameter of layer {layer}"),
        }
    }
}

impl Trainer {
    /// A trainer at step 0, on the widest instructions of this machine.
    ///
    /// # Errors
    /// What the definition cannot be built from, other data than it names,
    /// and threads that do not start.
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
    /// [restored](Self::restore).
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
        if *identity != definition.dataset {
            return Err(TrainerError::OtherData {
                name: definition.dataset.name.clone(),
                expected: definition.dataset.digest,
                found: identity.digest,
            });
        }
        let train_images = dataset.train_indices();
        define::check(definition, &dataset, train_images.len())?;
        let instructions = instructions.supported();
        let (_, network) =
            Network::build(&definition.network, definition.input, definition.classes, instructions, topology)?;
        let (_, optimizer) = optimizers::build(&definition.optimizer)?;
        let parameters: Vec<ParameterState> =
            network.weighted.iter().map(|layer| initial_state(layer, definition.seed, optimizer.slots())).collect();
        let gradients =
            parameters.iter().map(|state| (vec![0.0; state.weights.len()], vec![0.0; state.biases.len()])).collect();
        let packed = network.operations.iter().map(|_| Packed::default()).collect();
        let batch = network.operations.iter().map(|unit| vec![0.0; unit.operation.batch_len()]).collect();
        let mut trainer = Self {
            network,
            threads: Threads::new(threads)?,
            instructions,
            optimizer,
            definition: definition.clone(),
            order: (Epoch(0), epoch_order(definition.seed, 0, &train_images)),
            train_images,
            dataset,
            step: Step(0),
            cursor: DataCursor::default(),
            updates: 0,
            recent: VecDeque::with_capacity(RECENT),
            parameters,
            gradients,
            packed,
            batch,
            workspaces: Vec::new(),
            chunks: Vec::new(),
            probes: Vec::new(),
            outcome: None,
        };
        trainer.pack();
        Ok(trainer)
    }

    /// Puts the trainer where `state` was taken.
    ///
    /// # Errors
    /// [`TrainerError::StateMismatch`] where an array's length, a count or the
    /// data cursor does not fit; the trainer is then unchanged.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), TrainerError> {
        let mismatch = |reason: String| TrainerError::StateMismatch { step: state.step.0, reason };
        if state.parameters.len() != self.parameters.len() {
            return Err(mismatch(format!(
                "expected {} layers with weights, found {}",
                self.parameters.len(),
                state.parameters.len()
            )));
        }
        for ((layer, ours), theirs) in self.network.weighted.iter().zip(&self.parameters).zip(&state.parameters) {
            let lengths = |state: &ParameterState| {
                let slots = state.weight_slots.iter().chain(&state.bias_slots).map(Vec::len);
                let running = state.running.iter().flatten().map(Vec::len);
                let counts = [state.weight_slots.len(), state.bias_slots.len()];
                [state.weights.len(), state.biases.len(), state.frozen.len()]
                    .into_iter()
                    .chain(counts)
                    .chain(slots)
                    .chain(running)
                    .collect::<Vec<_>>()
            };
            let (expected, found) = (lengths(ours), lengths(theirs));
            if expected != found {
                return Err(mismatch(format!(
                    "arrays of layer {} should have lengths {expected:?}, found {found:?}",
                    layer.layer
                )));
            }
        }
        if state.cursor.offset as usize >= self.train_images.len() {
            return Err(mismatch(format!(
                "the data cursor is at image {} of {}",
                state.cursor.offset,
                self.train_images.len()
            )));
        }
        let counts = [state.step.0, state.optimizer_updates, state.cursor.epoch.0, state.cursor.images_seen];
        if let Some(count) = counts.into_iter().find(|&count| count > LARGEST_COUNT) {
            return Err(mismatch(format!(
                "expected counts of steps, epochs and images up to {LARGEST_COUNT}, found {count}"
            )));
        }
        if state.recent.len() > RECENT {
            return Err(mismatch(format!(
                "expected at most {RECENT} recent predictions, found {}",
                state.recent.len()
            )));
        }
        self.step = state.step;
        self.cursor = state.cursor;
        self.updates = state.optimizer_updates;
        self.recent = state.recent.iter().copied().collect();
        self.parameters.clone_from(&state.parameters);
        self.outcome = None;
        self.pack();
        Ok(())
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
        &self.network.topology
    }

    /// Images of an epoch.
    pub fn epoch_images(&self) -> u32 {
        self.train_images.len() as u32
    }

    /// Says where filters were born that [edits](Self::edited) made: a store
    /// knows it only once it has made the branch.
    pub fn set_birthplace(&mut self, branch: &BranchId) {
        for filter in self.network.topology.layers.iter_mut().flat_map(|layer| &mut layer.filters) {
            filter.born.get_or_insert_with(|| branch.clone());
        }
    }

    /// The weights, in the order of [`Topology::parameter_layers`].
    pub fn parameters(&self) -> &[ParameterState] {
        &self.parameters
    }

    /// Gradients of the last update: coefficients and biases a layer, zeros
    /// where a filter is frozen.
    pub fn gradients(&self) -> &[(Vec<f32>, Vec<f32>)] {
        &self.gradients
    }

    /// The whole state.
    pub fn state(&self) -> TrainingState {
        TrainingState {
            step: self.step,
            cursor: self.cursor,
            optimizer_updates: self.updates,
            recent: self.recent.iter().copied().collect(),
            parameters: self.parameters.clone(),
        }
    }

    /// Digest of all parameters.
    pub fn digest(&self) -> Digest {
        let arrays: Vec<(&[f32], &[f32])> =
            self.parameters.iter().map(|state| (&state.weights[..], &state.biases[..])).collect();
        let numbers: Vec<&[u32]> = self.network.weighted.iter().map(|layer| &layer.numbers[..]).collect();
        TrainingState::digest(&arrays, &numbers)
    }

    /// Share of the last 200 training images that were predicted right, each
    /// before its update; `None` before the first one.
    pub fn live_accuracy(&self) -> Option<f32> {
        let correct = self.recent.iter().filter(|&&correct| correct).count();
        (!self.recent.is_empty()).then(|| correct as f32 / self.recent.len() as f32)
    }

    /// Hyper-parameters in force.
    pub fn hyper_parameters(&self) -> HyperParameters {
        HyperParameters {
            learning_rate: (self.optimizer.learning_rate() * self.schedule_factor(self.step)) as f32,
            momentum: self.optimizer.momentum().map(|momentum| momentum as f32),
            weight_decay: self.optimizer.weight_decay() as f32,
            batch_size: self.definition.batch_size,
        }
    }

    /// Makes one update.
    ///
    /// # Errors
    /// An image that cannot be read. That loss or parameters are no longer
    /// finite is no error but [`StepOutcome::divergence`].
    pub fn step(&mut self) -> Result<StepOutcome, TrainerError> {
        let started = Instant::now();
        let decay_loss = self.decay_loss();
        let images = self.compute_gradients()?;
        self.update();
        self.pack();
        self.advance(images);
        let outcome = self.conclude(images, decay_loss, started);
        self.outcome = Some(outcome.clone());
        Ok(outcome)
    }

    /// Runs the next batch forwards and backwards and leaves the gradients in
    /// `gradients`; returns the number of its images.
    ///
    /// Only running statistics change: parameters, slots and the data cursor
    /// stay.
    pub(crate) fn compute_gradients(&mut self) -> Result<usize, TrainerError> {
        let images = self.next_batch();
        self.plan_chunks(images.len());
        if self.network.synchronises() {
            self.pass_in_spans(&images)?;
        } else {
            self.pass_by_image(&images)?;
        }
        self.reduce();
        Ok(images.len())
    }

    /// The images of the next batch; a batch never crosses an epoch's end.
    pub(crate) fn next_batch(&mut self) -> Vec<ImageIndex> {
        let epoch = self.cursor.epoch;
        if self.order.0 != epoch {
            self.order = (epoch, epoch_order(self.definition.seed, epoch.0, &self.train_images));
        }
        let first = self.cursor.offset as usize;
        let end = (first + self.definition.batch_size as usize).min(self.order.1.len());
        self.order.1[first..end].to_vec()
    }

    /// Shares `images` out to chunks: at least four where there are as many
    /// images, of at most eight images up to a batch of 128, at most sixteen.
    /// A function of the batch alone, and part of the arithmetic.
    fn plan_chunks(&mut self, images: usize) {
        let size = images.div_ceil(16).max(images.div_ceil(4).min(8));
        let count = images.div_ceil(size);
        let length = self.network.gradient_len();
        let input = self.network.input.len();
        while self.chunks.len() < count {
            let (accumulator, input) = (vec![0.0; length], vec![0.0; input]);
            self.chunks.push(Chunk { accumulator, images: 0..0, outcomes: Vec::new(), input });
        }
        self.chunks.truncate(count);
        for (index, chunk) in self.chunks.iter_mut().enumerate() {
            chunk.images = index * size..((index + 1) * size).min(images);
            chunk.outcomes.clear();
        }
        let workspaces = if self.network.synchronises() { images } else { count };
        while self.workspaces.len() < workspaces {
            self.workspaces.push(Workspace::new(&self.network, true));
        }
    }

    /// Every image runs forwards and backwards at once: one portion of work
    /// a chunk.
    fn pass_by_image(&mut self, images: &[ImageIndex]) -> Result<(), TrainerError> {
        let scale = 1.0 / images.len() as f32;
        let operations = self.network.operations.len();
        let first = self.first_trained();
        let loader = Loader::new(&self.dataset, &self.definition, self.cursor, images);
        let shared =
            Shared { network: &self.network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
        let mut work: Vec<(&mut Chunk, &mut Workspace, Result<(), TrainerError>)> = self
            .chunks
            .iter_mut()
            .zip(&mut self.workspaces)
            .map(|(chunk, workspace)| (chunk, workspace, Ok(())))
            .collect();
        self.threads.for_each(&mut work, |_, (chunk, workspace, result)| {
            chunk.accumulator.fill(0.0);
            for index in chunk.images.clone() {
                let label = match loader.load(index, &mut chunk.input, &mut workspace.maps[0]) {
                    Ok(label) => label,
                    Err(error) => {
                        *result = Err(error);
                        return;
                    }
                };
                let context = loader.context(index);
                workspace.forward(shared, context, 0..operations);
                workspace.score(label, Some(scale));
                if let Some(first) = first {
                    let span = first..operations;
                    workspace.backward(shared, context, span, false, Some(&mut chunk.accumulator));
                }
                chunk.outcomes.push((workspace.outcome.loss, workspace.outcome.correct));
            }
        });
        work.into_iter().try_for_each(|(_, _, result)| result)
    }

    /// The whole batch runs from one operation that needs all of it to the
    /// next: an image has a workspace of its own.
    fn pass_in_spans(&mut self, images: &[ImageIndex]) -> Result<(), TrainerError> {
        let scale = 1.0 / images.len() as f32;
        let operations = self.network.operations.len();
        let first = self.first_trained().unwrap_or(operations);
        let loader = Loader::new(&self.dataset, &self.definition, self.cursor, images);
        let mut work: Vec<(&mut Chunk, &mut [Workspace], Result<(), TrainerError>)> = Vec::new();
        let mut rest = &mut self.workspaces[..images.len()];
        for chunk in &mut self.chunks {
            let (own, others) = rest.split_at_mut(chunk.images.len());
            rest = others;
            work.push((chunk, own, Ok(())));
        }
        self.threads.for_each(&mut work, |_, (chunk, own, result)| {
            chunk.accumulator.fill(0.0);
            for (index, workspace) in chunk.images.clone().zip(own.iter_mut()) {
                match loader.load(index, &mut chunk.input, &mut workspace.maps[0]) {
                    // Kept until the loss: the prediction's place is free.
                    Ok(label) => workspace.outcome.predicted = label,
                    Err(error) => *result = Err(error),
                }
            }
        });
        let mut portions = Vec::with_capacity(work.len());
        for (chunk, own, result) in work {
            result?;
            portions.push((chunk, own));
        }
        let network = &self.network;
        let synchronising: Vec<usize> = (0..operations).filter(|&index| !self.batch[index].is_empty()).collect();
        let mut ends = synchronising.clone();
        ends.push(operations);
        let mut start = 0;
        for &end in &ends {
            let shared = Shared { network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
            self.threads.for_each(&mut portions, |_, (chunk, own)| {
                for (index, workspace) in chunk.images.clone().zip(own.iter_mut()) {
                    workspace.forward(shared, loader.context(index), start..end);
                    if end == operations {
                        workspace.score(workspace.outcome.predicted, Some(scale));
                        chunk.outcomes.push((workspace.outcome.loss, workspace.outcome.correct));
                    }
                }
            });
            if end < operations {
                let inputs: Vec<&[f32]> =
                    portions.iter().flat_map(|(_, own)| own.iter().map(|workspace| &workspace.maps[end][..])).collect();
                network.operations[end].operation.batch_statistics(&inputs, &mut self.batch[end]);
            }
            start = end;
        }
        // Backwards, every span reaches the gradient of its own input, except
        // the one that begins with what trains first: nothing before it needs one.
        let mut end = operations;
        let stops = synchronising.iter().rev().copied().filter(|&index| index >= first).map(Some);
        for stop in stops.chain([None]) {
            let shared = Shared { network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
            let start = stop.map_or(first, |index| index + 1);
            self.threads.for_each(&mut portions, |_, (chunk, own)| {
                for (index, workspace) in chunk.images.clone().zip(own.iter_mut()) {
                    let accumulator = Some(&mut chunk.accumulator[..]);
                    workspace.backward(shared, loader.context(index), start..end, stop.is_some(), accumulator);
                }
            });
            let Some(index) = stop else { break };
            let pairs: Vec<(&[f32], &[f32])> = portions
                .iter()
                .flat_map(|(_, own)| own.iter())
                .map(|workspace| (&workspace.maps[index][..], &workspace.gradients[index + 1][..]))
                .collect();
            let unit = &network.operations[index];
            let weights = unit.weights.expect("invariant: what synchronises has weights");
            let (coefficients, biases) = &mut self.gradients[weights];
            unit.operation.batch_gradient(&pairs, &mut self.batch[index], coefficients, biases);
            end = index + 1;
        }
        for &index in &synchronising {
            let unit = &network.operations[index];
            let weights = unit.weights.expect("invariant: what synchronises has weights");
            let state = &mut self.parameters[weights];
            if let Some(running) = &mut state.running {
                unit.operation.update_running(&self.batch[index], images.len(), running, &state.frozen);
            }
            // The sums of frozen channels were needed for the gradient of the input alone, and those before what
            // trains first were not made: what is there is of an earlier step.
            let (coefficients, biases) = &mut self.gradients[weights];
            clear_frozen(&state.frozen, coefficients, biases);
        }
        Ok(())
    }

    /// Maps and gradients that the last batch left: of every image, or of the
    /// last one of each chunk.
    pub(crate) fn workspaces(&self) -> &[Workspace] {
        &self.workspaces
    }

    /// The first operation with weights that train, if there is one.
    fn first_trained(&self) -> Option<usize> {
        self.network
            .operations
            .iter()
            .position(|unit| unit.weights.is_some_and(|weights| self.parameters[weights].frozen.contains(&false)))
    }

    /// Adds the chunks up in a fixed tree, neighbours first, and writes the
    /// gradients out in the order of the weights.
    fn reduce(&mut self) {
        let mut distance = 1;
        while distance < self.chunks.len() {
            for group in self.chunks.chunks_mut(2 * distance) {
                if group.len() > distance {
                    let (left, right) = group.split_at_mut(distance);
                    for (sum, &addend) in left[0].accumulator.iter_mut().zip(&right[0].accumulator) {
                        *sum += addend;
                    }
                }
            }
            distance *= 2;
        }
        let total = &self.chunks[0].accumulator;
        for unit in &self.network.operations {
            let length = unit.operation.gradient_len();
            if let Some(weights) = unit.weights.filter(|_| length > 0) {
                let (coefficients, biases) = &mut self.gradients[weights];
                unit.operation.unpack_gradient(&total[unit.gradient_at..][..length], coefficients, biases);
            }
        }
    }

    /// What the schedule multiplies the learning rate by in the update that
    /// leads to `step`.
    fn schedule_factor(&self, step: Step) -> f64 {
        self.definition.schedule.map_or(1.0, |schedule| crate::schedule::factor(schedule, step))
    }

    fn update(&mut self) {
        self.updates += 1;
        let moment = Moment {
            update: self.updates,
            rate: self.schedule_factor(self.step.next()),
            instructions: self.instructions,
        };
        let decay = self.optimizer.weight_decay() as f32;
        for ((layer, state), (weight_gradients, bias_gradients)) in
            self.network.weighted.iter().zip(&mut self.parameters).zip(&self.gradients)
        {
            let decay = if layer.shape.decays { decay } else { 0.0 };
            let coefficients = layer.shape.coefficients;
            for run in trained_runs(&state.frozen) {
                let weights = run.start * coefficients..run.end * coefficients;
                let mut slots: Vec<&mut [f32]> =
                    state.weight_slots.iter_mut().map(|slot| &mut slot[weights.clone()]).collect();
                let tensors = Tensors {
                    values: &mut state.weights[weights.clone()],
                    gradients: &weight_gradients[weights],
                    slots: &mut slots,
                    decay,
                };
                self.optimizer.update(moment, tensors);
                let mut slots: Vec<&mut [f32]> =
                    state.bias_slots.iter_mut().map(|slot| &mut slot[run.clone()]).collect();
                let tensors = Tensors {
                    values: &mut state.biases[run.clone()],
                    gradients: &bias_gradients[run],
                    slots: &mut slots,
                    decay: 0.0,
                };
                self.optimizer.update(moment, tensors);
            }
        }
    }

    /// Lays the weights out for the kernels.
    pub(crate) fn pack(&mut self) {
        for (unit, packed) in self.network.operations.iter().zip(&mut self.packed) {
            if let Some(weights) = unit.weights {
                unit.operation.pack(&self.parameters[weights], packed);
            }
        }
    }

    fn advance(&mut self, images: usize) {
        self.step = self.step.next();
        self.cursor.images_seen += images as u64;
        self.cursor.offset += images as u32;
        if self.cursor.offset as usize == self.train_images.len() {
            self.cursor.epoch.0 += 1;
            self.cursor.offset = 0;
        }
    }

    /// ½·decay·Σw² over the coefficients that decay, which those of frozen
    /// filters do not, in `f64`, filters in order.
    fn decay_loss(&self) -> f32 {
        let mut sum = 0.0_f64;
        for (layer, state) in self.network.weighted.iter().zip(&self.parameters) {
            if layer.shape.decays {
                let coefficients = layer.shape.coefficients;
                for run in trained_runs(&state.frozen) {
                    let mut lanes = [0.0_f64; 8];
                    for part in state.weights[run.start * coefficients..run.end * coefficients].chunks(8) {
                        for (lane, &value) in lanes.iter_mut().zip(part) {
                            *lane += f64::from(value) * f64::from(value);
                        }
                    }
                    sum += lanes.iter().sum::<f64>();
                }
            }
        }
        (0.5 * self.optimizer.weight_decay() * sum) as f32
    }

    fn conclude(&mut self, images: usize, decay_loss: f32, started: Instant) -> StepOutcome {
        let mut loss = 0.0_f64;
        let mut correct = 0;
        for &(image_loss, image_correct) in self.chunks.iter().flat_map(|chunk| &chunk.outcomes) {
            loss += f64::from(image_loss);
            correct += u32::from(image_correct);
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(image_correct);
        }
        let loss = (loss / images as f64) as f32;
        let finite = |values: &[f32]| values.iter().fold(true, |all, value| all & value.is_finite());
        let divergence = if loss.is_finite() {
            self.network
                .weighted
                .iter()
                .zip(&self.parameters)
                .find(|(_, state)| {
                    let running = state.running.iter().flatten();
                    !running.chain([&state.weights, &state.biases]).all(|values| finite(values))
                })
                .map(|(layer, _)| Divergence::Parameters { layer: layer.layer.to_string() })
        } else {
            Some(Divergence::Loss)
        };
        StepOutcome {
            loss,
            decay_loss,
            images: images as u32,
            correct,
            elapsed_nanos: started.elapsed().as_nanos() as u64,
            divergence,
        }
    }
}

/// Runs of neighbouring filters that train.
fn trained_runs(frozen: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for group in frozen.chunk_by(|left, right| left == right) {
        if !group[0] {
            runs.push(start..start + group.len());
        }
        start += group.len();
    }
    runs
}

/// Sets the gradients of frozen filters to zero.
fn clear_frozen(frozen: &[bool], weights: &mut [f32], biases: &mut [f32]) {
    let coefficients = weights.len() / frozen.len().max(1);
    for (filter, _) in frozen.iter().enumerate().filter(|&(_, &frozen)| frozen) {
        weights[filter * coefficients..][..coefficients].fill(0.0);
        biases[filter] = 0.0;
    }
}

/// Brings the images of a batch.
pub(crate) struct Loader<'a> {
    dataset: &'a Dataset,
    definition: &'a RunDefinition,
    cursor: DataCursor,
    images: &'a [ImageIndex],
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        dataset: &'a Dataset,
        definition: &'a RunDefinition,
        cursor: DataCursor,
        images: &'a [ImageIndex],
    ) -> Self {
        Self { dataset, definition, cursor, images }
    }

    /// Writes the `index`-th image of the batch, varied; returns its label.
    pub(crate) fn load(&self, index: usize, decoded: &mut [f32], input: &mut [f32]) -> Result<usize, TrainerError> {
        let image = self.images[index];
        let part = self.dataset.train();
        decode(part.image(image)?, decoded);
        let draw = crate::data::draw(self.definition.augmentation, self.definition.seed, self.cursor.epoch.0, image);
        augment(decoded, self.dataset.shape(), draw, input);
        Ok(usize::from(part.label(image)?))
    }

    pub(crate) fn context(&self, index: usize) -> ImageContext {
        ImageContext {
            training: true,
            keep: true,
            seed: self.definition.seed,
            epoch: self.cursor.epoch.0,
            offset: self.cursor.offset + index as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trains_is_the_runs_between_frozen_filters() {
        let (on, off) = (false, true);
        assert_eq!(trained_runs(&[on, on, off, off, on]), [0..2, 4..5]);
        assert_eq!(trained_runs(&[off, on, off]), vec![std::ops::Range { start: 1, end: 2 }]);
        assert_eq!(trained_runs(&[off, off]), []);
        assert_eq!(trained_runs(&[]), []);
    }
}
