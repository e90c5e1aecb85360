//! The gradient of a new filter's readers on the next batch.

use std::ops::Range;

use crate::edits::arrays;
use crate::edits::draft::Draft;
use crate::layers::Packed;
use crate::{Trainer, TrainerError};

/// The draft's next batch, in which one new filter at a time gets gradients.
pub(super) struct Batch {
    trainer: Trainer,
    layer: Located,
    reader: Located,
    /// Coefficients of one of the reader's filters for one channel.
    per_channel: usize,
    /// Channels that reach the reader.
    channels_read: usize,
    /// Filters of the reader that do not train: their gradient does not count.
    reader_frozen: Vec<bool>,
    /// Images of the batch.
    images: usize,
}

/// A layer's operation and its place among the layers with weights.
#[derive(Clone, Copy)]
struct Located {
    operation: usize,
    weights: usize,
}

impl Batch {
    pub(super) fn new(like: &Trainer, draft: &Draft, place: usize, reader: usize) -> Result<Self, TrainerError> {
        let mut trainer = draft.trainer(like, like.threads.count())?;
        let locate = |layer: usize| {
            let weights = draft.parameters[..layer].iter().flatten().count();
            let operation = trainer.network.operations.iter().position(|unit| unit.weights == Some(weights));
            Located { operation: operation.expect("invariant: every layer with weights has an operation"), weights }
        };
        let (layer, reader_at) = (locate(place), locate(reader));
        let reader_frozen = trainer.parameters[reader_at.weights].frozen.clone();
        // Nothing but these two needs gradients.
        for (weights, state) in trainer.parameters.iter_mut().enumerate() {
            if weights != reader_at.weights {
                state.frozen.fill(true);
            }
        }
        let images = trainer.next_batch().len();
        Ok(Self {
            trainer,
            images,
            channels_read: draft.inputs[reader].channels,
            layer,
            reader: reader_at,
            per_channel: draft.coefficients_per_channel(reader),
            reader_frozen,
        })
    }

    /// Φ of the filter at `position` with coefficients `values`.
    pub(super) fn objective(&mut self, position: usize, values: &[f32]) -> Result<f64, TrainerError> {
        let layer = &mut self.trainer.parameters[self.layer.weights];
        let row = arrays::row(layer, position);
        layer.weights[row].copy_from_slice(values);
        self.trainer.pack();
        self.trainer.compute_gradients()?;
        let gradients = &self.trainer.gradients[self.reader.weights].0;
        let mut objective = 0.0;
        for channel in self.channels(position) {
            for &gradient in &gradients[channel] {
                objective += 0.5 * f64::from(gradient) * f64::from(gradient);
            }
        }
        Ok(objective)
    }

    /// What Φ would be for the filter that [`objective`](Self::objective) was
    /// asked for last if its gradient were nothing but rounding: every product
    /// of its sum is off by a few units in the last place, and nothing else is
    /// left of it.
    ///
    /// Products are estimated from the images whose maps are still there.
    pub(super) fn rounding(&self, position: usize) -> f64 {
        const UNITS: f64 = 8.0;
        let (map, gradient) = (self.reader.operation, self.reader.operation + 1);
        let filters = self.reader_frozen.len();
        let mut reach = 0.0_f64;
        let mut sums = vec![0.0_f64; filters];
        for workspace in self.trainer.workspaces() {
            let input = &workspace.maps[map];
            let length = input.len() / self.channels_read;
            let own = &input[position * length..][..length];
            reach = own.iter().fold(reach, |most, &value| most.max(f64::from(value.abs())));
            let output = &workspace.gradients[gradient];
            for (sum, values) in sums.iter_mut().zip(output.chunks_exact(output.len() / filters)) {
                *sum += values.iter().map(|&value| f64::from(value.abs())).sum::<f64>();
            }
        }
        let seen = self.trainer.workspaces().len().max(1) as f64;
        let share = self.images as f64 / seen;
        let error = |sum: f64| UNITS * f64::from(f32::EPSILON) * reach * sum * share;
        let trained = sums.iter().zip(&self.reader_frozen).filter(|&(_, &frozen)| !frozen);
        trained.map(|(&sum, _)| 0.5 * self.per_channel as f64 * error(sum).powi(2)).sum()
    }

    /// ∂Φ/∂w where [`objective`](Self::objective) was asked for last.
    pub(super) fn gradient(&mut self, position: usize) -> Result<Vec<f64>, TrainerError> {
        let channels: Vec<_> = self.channels(position).collect();
        let gradients = &self.trainer.gradients[self.reader.weights].0;
        let reader = &mut self.trainer.parameters[self.reader.weights];
        for channel in channels.iter().cloned() {
            reader.weights[channel.clone()].copy_from_slice(&gradients[channel]);
        }
        // Forwards the reader stays as it was; backwards it reads the filter
        // through G.
        let unit = &self.trainer.network.operations[self.reader.operation];
        let mut packed = Packed::default();
        unit.operation.pack(&self.trainer.parameters[self.reader.weights], &mut packed);
        self.trainer.packed[self.reader.operation].backward = packed.backward;
        self.trainer.parameters[self.layer.weights].frozen[position] = false;
        self.trainer.compute_gradients()?;
        self.trainer.parameters[self.layer.weights].frozen[position] = true;
        let reader = &mut self.trainer.parameters[self.reader.weights];
        for channel in channels {
            reader.weights[channel].fill(0.0);
        }
        let row = arrays::row(&self.trainer.parameters[self.layer.weights], position);
        Ok(self.trainer.gradients[self.layer.weights].0[row].iter().map(|&value| f64::from(value)).collect())
    }

    /// Where the reader's filters that train have their coefficients for the
    /// filter at `position`.
    fn channels(&self, position: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let per_channel = self.per_channel;
        let length = per_channel * self.channels_read;
        let trained: Vec<usize> = (0..self.reader_frozen.len()).filter(|&filter| !self.reader_frozen[filter]).collect();
        trained.into_iter().map(move |filter| {
            let start = filter * length + position * per_channel;
            start..start + per_channel
        })
    }
}
