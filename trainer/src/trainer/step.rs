//! One step: a batch, its gradients, the update, and where training then is.

use std::time::Instant;

use revacnn_schemas::Sample;

use super::{Divergence, RECENT, StepOutcome, Trainer, Visit, update};
use crate::TrainerError;
use crate::engine::{Images, Outcome};
use crate::optimizers::UpdateContext;

impl Trainer {
    /// Makes one update.
    ///
    /// # Errors
    /// An image that cannot be read. That loss or parameters are no longer
    /// finite is no error but [`StepOutcome::divergence`].
    pub fn step(&mut self) -> Result<StepOutcome, TrainerError> {
        let started = Instant::now();
        let decay_loss = update::decay_loss(&self.optimizer, self.engine.network(), self.engine.parameters());
        let batch = self.images.batch(self.cursor, self.definition.batch_size);
        self.engine.compute_gradients(&Images::new(&self.images, &self.definition, self.cursor, &batch))?;
        self.updates += 1;
        let context = UpdateContext {
            update: self.updates,
            rate: self.schedule_factor(self.step.next()),
            instructions: self.instructions,
        };
        self.engine.change(|network, parameters, gradients| {
            update::update(&self.optimizer, context, network, parameters, gradients);
        });
        self.step = self.step.next();
        self.cursor = self.images.order.after(self.cursor, &batch);
        let outcome = self.conclude(&batch, decay_loss, started);
        self.outcome = Some(outcome.clone());
        Ok(outcome)
    }

    fn conclude(&mut self, batch: &[Visit], decay_loss: f32, started: Instant) -> StepOutcome {
        let mut loss = 0.0_f64;
        let mut correct = self.engine.network().loss.outputs().are_of_classes().then_some(0);
        self.samples.clear();
        for (&Visit { image, .. }, Outcome { label, predicted, output, loss: of_image }) in
            batch.iter().zip(self.engine.outcomes())
        {
            self.samples.push(Sample {
                image,
                label: label as u32,
                predicted: predicted.map(|class| class as u32),
                output,
                loss: of_image,
            });
            loss += f64::from(self.images.weight(image)) * f64::from(of_image);
            let (Some(correct), Some(predicted)) = (&mut correct, predicted) else { continue };
            let is_correct = predicted == label;
            *correct += u32::from(is_correct);
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(is_correct);
        }
        let loss = (loss / batch.len() as f64) as f32;
        let finite = |values: &[f32]| values.iter().fold(true, |all, value| all & value.is_finite());
        let divergence = if loss.is_finite() {
            let mut layers = self.engine.network().weighted.iter().zip(self.engine.parameters());
            layers
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
            images: batch.len() as u32,
            correct,
            elapsed_nanos: started.elapsed().as_nanos() as u64,
            divergence,
        }
    }
}
