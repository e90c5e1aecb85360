//! The gradients of a batch.

use super::chunks::{self, Chunk};
use super::images::Images;
use super::workspace::{Outcome, Shared, Workspace};
use super::{Engine, Gradients};
use crate::TrainerError;
use crate::layers::Packed;

impl Engine {
    /// Runs a batch forwards and backwards and leaves the
    /// [gradients](Self::gradients) of its mean loss, each image's times its weight.
    ///
    /// Only running statistics change: the weights stay.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn compute_gradients(&mut self, images: &Images<'_>) -> Result<(), TrainerError> {
        self.plan(images.len());
        if self.network.synchronises() {
            self.pass_in_spans(images)?;
        } else {
            self.pass_by_image(images)?;
        }
        self.reduce();
        Ok(())
    }

    /// [`compute_gradients`](Self::compute_gradients) where, backwards alone,
    /// the `layer`-th layer with weights reads its input through other
    /// coefficients.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn compute_gradients_read_through(
        &mut self,
        images: &Images<'_>,
        layer: usize,
        mut coefficients: Vec<f32>,
    ) -> Result<(), TrainerError> {
        let unit = self.network.operations.iter().position(|unit| unit.weights == Some(layer));
        let operation = unit.expect("invariant: every layer with weights has an operation");
        std::mem::swap(&mut self.parameters[layer].weights, &mut coefficients);
        let mut other = Packed::default();
        self.network.operations[operation].operation.pack(&self.parameters[layer], &mut other);
        std::mem::swap(&mut self.packed[operation].backward, &mut other.backward);
        let result = self.compute_gradients(images);
        std::mem::swap(&mut self.packed[operation].backward, &mut other.backward);
        std::mem::swap(&mut self.parameters[layer].weights, &mut coefficients);
        result
    }

    /// What came of each image of the last batch, in order.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.chunks.iter().flat_map(|chunk| chunk.outcomes.iter().copied())
    }

    /// Lets each pass keep what it leaves at an operation, for [`remains`](Self::remains).
    pub(crate) fn keep_remains(&mut self, operation: usize) {
        self.kept = Some(operation);
    }

    /// What the last batch left at the operation that is [kept](Self::keep_remains): input map and gradient of the
    /// output, of every image or of the last one of each chunk.
    pub(crate) fn remains(&self) -> Vec<[&[f32]; 2]> {
        let Some(operation) = self.kept else { return Vec::new() };
        if self.network.synchronises() {
            let images = self.chunks.last().map_or(0, |chunk| chunk.images.end);
            return self.workspaces[..images].iter().map(|one| one.at(&self.network, operation)).collect();
        }
        self.chunks.iter().map(|chunk| [&chunk.remains[0][..], &chunk.remains[1]]).collect()
    }

    fn plan(&mut self, images: usize) {
        chunks::plan(&mut self.chunks, images, self.network.gradient_len());
        // A thread's own stays in its core's cache.
        let threads = self.threads.active().min(self.chunks.len());
        let workspaces = if self.network.synchronises() { images } else { threads };
        while self.workspaces.len() < workspaces {
            self.workspaces.push(Workspace::new(&self.network, true));
        }
    }

    /// Every image runs forwards and backwards at once: one portion of work
    /// per chunk.
    fn pass_by_image(&mut self, images: &Images<'_>) -> Result<(), TrainerError> {
        let operations = self.network.operations.len();
        let wanted = self.wanted();
        let shared =
            Shared { network: &self.network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
        let kept = self.kept;
        let mut work: Vec<(&mut Chunk, Result<(), TrainerError>)> =
            self.chunks.iter_mut().map(|chunk| (chunk, Ok(()))).collect();
        self.threads.for_each_in(&mut self.workspaces, &mut work, |_, (chunk, result), workspace| {
            chunk.accumulator.fill(0.0);
            for index in chunk.images.clone() {
                let label = match images.load(index, &mut workspace.decoded, &mut workspace.maps[0]) {
                    Ok(label) => label,
                    Err(error) => {
                        *result = Err(error);
                        return;
                    }
                };
                let context = images.context(index);
                workspace.forward(shared, context, 0..operations);
                workspace.score(label, Some(images.scale(index)));
                workspace.backward(shared, context, 0..operations, &wanted, Some(&mut chunk.accumulator));
                chunk.outcomes.push(workspace.outcome);
            }
            if let Some(operation) = kept {
                chunk.remains = workspace.at(shared.network, operation).map(<[f32]>::to_vec);
            }
        });
        work.into_iter().try_for_each(|(_, result)| result)
    }

    /// The whole batch runs from one operation that needs all of it to the
    /// next: an image has a workspace of its own.
    fn pass_in_spans(&mut self, images: &Images<'_>) -> Result<(), TrainerError> {
        let operations = self.network.operations.len();
        let wanted = self.wanted();
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
                match images.load(index, &mut workspace.decoded, &mut workspace.maps[0]) {
                    // Kept until the loss.
                    Ok(label) => workspace.outcome.label = label,
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
                    workspace.forward(shared, images.context(index), start..end);
                    if end == operations {
                        workspace.score(workspace.outcome.label, Some(images.scale(index)));
                        chunk.outcomes.push(workspace.outcome);
                    }
                }
            });
            if end < operations {
                let input = network.operations[end].reads[0].map;
                let workspaces = portions.iter().flat_map(|(_, own)| own.iter());
                let inputs: Vec<&[f32]> = workspaces.map(|workspace| &workspace.maps[input][..]).collect();
                network.operations[end].operation.batch_statistics(&inputs, &mut self.batch[end]);
            }
            start = end;
        }
        let mut end = operations;
        let stops = synchronising.iter().rev().copied().filter(|&index| wanted[index + 1]).map(Some);
        for stop in stops.chain([None]) {
            let shared = Shared { network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
            let start = stop.map_or(0, |index| index + 1);
            self.threads.for_each(&mut portions, |_, (chunk, own)| {
                for (index, workspace) in chunk.images.clone().zip(own.iter_mut()) {
                    let accumulator = Some(&mut chunk.accumulator[..]);
                    workspace.backward(shared, images.context(index), start..end, &wanted, accumulator);
                }
            });
            let Some(index) = stop else { break };
            let unit = &network.operations[index];
            let input = unit.reads[0].map;
            let pairs: Vec<(&[f32], &[f32])> = portions
                .iter()
                .flat_map(|(_, own)| own.iter())
                .map(|workspace| (&workspace.maps[input][..], &workspace.gradients[index + 1][..]))
                .collect();
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
            clear_frozen(&state.frozen, &mut self.gradients[weights]);
        }
        Ok(())
    }

    /// Of which maps weights that train need the gradient, `[map]`.
    fn wanted(&self) -> Vec<bool> {
        let trains = |weights: usize| self.parameters[weights].frozen.contains(&false);
        self.network.reached(|_, unit| unit.weights.is_some_and(trains))
    }

    /// Adds the chunks up and writes the gradients out in the order of the
    /// weights.
    fn reduce(&mut self) {
        chunks::add_up(self.network.instructions, &mut self.chunks);
        let total = &self.chunks[0].accumulator;
        for unit in &self.network.operations {
            let length = unit.operation.gradient_len();
            if let Some(weights) = unit.weights.filter(|_| length > 0) {
                let (coefficients, biases) = &mut self.gradients[weights];
                unit.operation.unpack_gradient(&total[unit.gradient_at..][..length], coefficients, biases);
            }
        }
    }
}

/// Sets the gradients of frozen filters to zero.
fn clear_frozen(frozen: &[bool], (weights, biases): &mut Gradients) {
    let coefficients = weights.len() / frozen.len().max(1);
    for (filter, _) in frozen.iter().enumerate().filter(|&(_, &frozen)| frozen) {
        weights[filter * coefficients..][..coefficients].fill(0.0);
        biases[filter] = 0.0;
    }
}
