//! The gradient of a new filter's readers on the next batch.

use std::ops::Range;

use revacnn_schemas::{DataCursor, RunDefinition};

use crate::edits::arrays;
use crate::edits::draft::Draft;
use crate::edits::gradmax::sphere::Reader;
use crate::engine::{Engine, Images};
use crate::trainer::{TrainingImages, Visit};
use crate::{Trainer, TrainerError};

/// The draft's next batch, in which one new filter at a time gets gradients.
pub(super) struct Batch {
    engine: Engine,
    training: TrainingImages,
    definition: RunDefinition,
    cursor: DataCursor,
    images: Vec<Visit>,
    /// Place of the layer among those with weights.
    layer: usize,
    /// Place of its reader among those with weights.
    reader: usize,
    /// Coefficients of one of the reader's filters for one channel.
    per_channel: usize,
    /// Channels that reach the reader.
    channels_read: usize,
    /// Of these, the ones before the channels of the filter's layer.
    channels_before: usize,
    /// Filters of the reader that do not train: their gradient does not count.
    reader_frozen: Vec<bool>,
}

impl Batch {
    pub(super) fn new(like: &Trainer, draft: &Draft, place: usize, read_by: Reader) -> Result<Self, TrainerError> {
        let reader = read_by.layer;
        let mut engine = draft.engine(like)?;
        let with_weights = |layer: usize| draft.parameters[..layer].iter().flatten().count();
        let (layer, reader_layer) = (with_weights(place), with_weights(reader));
        let operation = engine.network().operations.iter().position(|unit| unit.weights == Some(reader_layer));
        let reader_frozen = engine.parameters()[reader_layer].frozen.clone();
        engine.keep_remains(operation.expect("invariant: every layer with weights has an operation"));
        let (training, images) = draft.next_batch(like)?;
        // Nothing but these two needs gradients.
        engine.change(|_, parameters, _| {
            for (weights, state) in parameters.iter_mut().enumerate() {
                if weights != reader_layer {
                    state.frozen.fill(true);
                }
            }
        });
        Ok(Self {
            engine,
            training,
            definition: draft.definition.clone(),
            cursor: draft.rest.cursor,
            images,
            layer,
            reader: reader_layer,
            per_channel: draft.coefficients_per_channel(reader),
            channels_read: draft.inputs[reader].channels,
            channels_before: read_by.channels_before,
            reader_frozen,
        })
    }

    /// Φ of the filter at `position` with coefficients `values`.
    pub(super) fn objective(&mut self, position: usize, values: &[f32]) -> Result<f64, TrainerError> {
        self.engine.change(|_, parameters, _| {
            let layer = &mut parameters[self.layer];
            let row = arrays::row(layer, position);
            layer.weights[row].copy_from_slice(values);
        });
        let images = Images::new(&self.training, &self.definition, self.cursor, &self.images);
        self.engine.compute_gradients(&images)?;
        let gradients = &self.engine.gradients()[self.reader].0;
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
        let filters = self.reader_frozen.len();
        let mut reach = 0.0_f64;
        let mut sums = vec![0.0_f64; filters];
        let remains = self.engine.remains();
        let seen = remains.len().max(1) as f64;
        for [input, output] in remains {
            let length = input.len() / self.channels_read;
            let own = &input[(self.channels_before + position) * length..][..length];
            reach = own.iter().fold(reach, |most, &value| most.max(f64::from(value.abs())));
            for (sum, values) in sums.iter_mut().zip(output.chunks_exact(output.len() / filters)) {
                *sum += values.iter().map(|&value| f64::from(value.abs())).sum::<f64>();
            }
        }
        let share = self.images.len() as f64 / seen;
        let error = |sum: f64| UNITS * f64::from(f32::EPSILON) * reach * sum * share;
        let trained = sums.iter().zip(&self.reader_frozen).filter(|&(_, &frozen)| !frozen);
        trained.map(|(&sum, _)| 0.5 * self.per_channel as f64 * error(sum).powi(2)).sum()
    }

    /// ∂Φ/∂w where [`objective`](Self::objective) was asked for last.
    pub(super) fn gradient(&mut self, position: usize) -> Result<Vec<f64>, TrainerError> {
        // Forwards the reader stays as it is; backwards it reads the filter
        // through G.
        let mut read_through = self.engine.parameters()[self.reader].weights.clone();
        let gradients = &self.engine.gradients()[self.reader].0;
        for channel in self.channels(position) {
            read_through[channel.clone()].copy_from_slice(&gradients[channel]);
        }
        let layer = self.layer;
        self.engine.change(|_, parameters, _| parameters[layer].frozen[position] = false);
        let images = Images::new(&self.training, &self.definition, self.cursor, &self.images);
        self.engine.compute_gradients_read_through(&images, self.reader, read_through)?;
        self.engine.change(|_, parameters, _| parameters[layer].frozen[position] = true);
        let row = arrays::row(&self.engine.parameters()[layer], position);
        Ok(self.engine.gradients()[layer].0[row].iter().map(|&value| f64::from(value)).collect())
    }

    /// Where the reader's filters that train have their coefficients for the
    /// filter at `position`.
    fn channels(&self, position: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let per_channel = self.per_channel;
        let length = per_channel * self.channels_read;
        let at = self.channels_before + position;
        let trained: Vec<usize> = (0..self.reader_frozen.len()).filter(|&filter| !self.reader_frozen[filter]).collect();
        trained.into_iter().map(move |filter| {
            let start = filter * length + at * per_channel;
            start..start + per_channel
        })
    }
}
