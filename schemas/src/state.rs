//! The whole training state: what a keyframe holds.

use serde::{Deserialize, Serialize};

use crate::{Digest, Digester, Epoch, Step};

/// Where training stands in the data: `offset` places of the order of `epoch` are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataCursor {
    /// The epoch under way, counted from 0.
    pub epoch: Epoch,
    /// Places of that epoch's order that are behind; less than all. Each is an image that was trained
    /// on, or one that the branch drops.
    pub offset: u32,
    /// Images trained on since step 0.
    pub images_seen: u64,
}

/// The arrays of one layer with weights.
///
/// `weights` and `biases` are the parameters; each slot is an optimizer's
/// memory with the shape of the parameters it belongs to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterState {
    /// Coefficients, `[filter][coefficient]`.
    pub weights: Vec<f32>,
    /// Biases, `[filter]`.
    pub biases: Vec<f32>,
    /// Optimizer slots of the coefficients, `[slot][filter][coefficient]`.
    pub weight_slots: Vec<Vec<f32>>,
    /// Optimizer slots of the biases, `[slot][filter]`.
    pub bias_slots: Vec<Vec<f32>>,
    /// Running mean and running variance a channel, for normalising layers.
    pub running: Option<[Vec<f32>; 2]>,
    /// Filters that do not train, `[filter]`.
    pub frozen: Vec<bool>,
}

/// The whole training state at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// The step.
    pub step: Step,
    /// Where training stands in the data.
    pub cursor: DataCursor,
    /// Updates since the optimizer's slots were zero: Adam's t.
    pub optimizer_updates: u64,
    /// Whether each of the last (at most 200) training images was predicted
    /// before its update, oldest first: the memory of the live accuracy.
    pub recent: Vec<bool>,
    /// The layers with weights, in the order of the topology.
    pub parameters: Vec<ParameterState>,
}

impl TrainingState {
    /// Digest of all parameters: layers in network order, filters by
    /// number, each filter's coefficients and then its bias.
    ///
    /// `numbers` are the filters' numbers of each layer in position order.
    pub fn digest(parameters: &[(&[f32], &[f32])], numbers: &[&[u32]]) -> Digest {
        let mut digester = Digester::plain();
        for ((weights, biases), numbers) in parameters.iter().zip(numbers) {
            if biases.is_empty() {
                continue;
            }
            let coefficients = weights.len() / biases.len();
            let mut order: Vec<usize> = (0..biases.len()).collect();
            order.sort_by_key(|&position| numbers[position]);
            for filter in order {
                digester.floats(&weights[filter * coefficients..][..coefficients]);
                digester.floats(&biases[filter..=filter]);
            }
        }
        digester.finish()
    }

    /// Digest of the whole state: the parameters' digest, running statistics,
    /// optimizer slots, frozen filters, data cursor and recent predictions.
    pub fn state_digest(&self, parameters: Digest) -> Digest {
        let mut digester = Digester::new("state");
        digester.digest(parameters).number(self.step.0);
        for layer in &self.parameters {
            if let Some([mean, variance]) = &layer.running {
                digester.floats(mean).floats(variance);
            }
            for slot in layer.weight_slots.iter().chain(&layer.bias_slots) {
                digester.floats(slot);
            }
            for &frozen in &layer.frozen {
                digester.number(u64::from(frozen));
            }
        }
        digester
            .number(self.cursor.epoch.0)
            .number(u64::from(self.cursor.offset))
            .number(self.cursor.images_seen)
            .number(self.optimizer_updates);
        for &correct in &self.recent {
            digester.number(u64::from(correct));
        }
        digester.finish()
    }
}
