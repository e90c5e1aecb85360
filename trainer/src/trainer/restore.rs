//! Going on from a recorded state.

use revacnn_schemas::{ParameterState, TrainingState};

use super::{RECENT, Trainer};
use crate::TrainerError;

/// The largest step, epoch or number of images that a state can come with:
/// no training gets there, and counting on cannot overflow.
const LARGEST_COUNT: u64 = 1 << 53;

impl Trainer {
    /// Puts the trainer where `state` was taken.
    ///
    /// # Errors
    /// [`TrainerError::StateMismatch`] where an array's length, a count or the
    /// data cursor does not fit; the trainer is then unchanged.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), TrainerError> {
        let mismatch = |reason: String| TrainerError::StateMismatch { step: state.step.0, reason };
        let own = self.engine.parameters();
        if state.parameters.len() != own.len() {
            return Err(mismatch(format!(
                "expected {} layers with weights, found {}",
                own.len(),
                state.parameters.len()
            )));
        }
        for ((layer, ours), theirs) in self.engine.network().weighted.iter().zip(own).zip(&state.parameters) {
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
        let counts = [state.step.0, state.optimizer_updates, state.cursor.epoch.0, state.cursor.images_seen];
        if let Some(count) = counts.into_iter().find(|&count| count > LARGEST_COUNT) {
            return Err(mismatch(format!(
                "expected counts of steps, epochs and images up to {LARGEST_COUNT}, found {count}"
            )));
        }
        let (order, cursor) = (&self.images.order, state.cursor);
        if cursor.offset as usize >= order.places() || order.settled(cursor) != cursor {
            return Err(mismatch(format!(
                "the data cursor is at place {} of {}, from which on none trains",
                cursor.offset,
                order.places()
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
        self.engine.set_parameters(&state.parameters);
        self.samples.clear();
        self.outcome = None;
        Ok(())
    }
}
