//! What a log will take on disk, told before the first step.

use revacnn_schemas::{BranchRecord, Fidelity, RecordingSettings, RunDefinition, SEGMENT_STEPS, Step, Topology};

use crate::output::warn;
use crate::text::{bytes, count};

/// Bytes of a step, from the size of its rows.
pub(crate) struct Size {
    /// Of weights, gradients and maps, which a disk budget thins.
    tensors: f64,
    /// Of what stays: scalars, and a keyframe's share.
    stays: f64,
}

impl Size {
    /// The share that compression leaves was measured on the paper's network;
    /// see `ARCHITECTURE.md`.
    pub(crate) fn of(topology: &Topology, definition: &RunDefinition, recording: &RecordingSettings) -> Self {
        const COMPRESSED: f64 = 0.5;
        const SCALARS_A_FILTER: f64 = 28.0;
        let filters: usize = topology.parameter_layers().map(|layer| layer.filters.len()).sum();
        let tensors = match recording.fidelity {
            Fidelity::Every => {
                let maps = topology.activations() * recording.probes.len();
                4.0 * 2.0 * (topology.parameters() + maps) as f64 * COMPRESSED
            }
            Fidelity::Keyframes => 0.0,
        };
        // Weights and as many slots as the optimizers here have at most.
        let slots = if definition.optimizer.kind == "sgd" { 2 } else { 3 };
        let keyframe = (4 * slots * topology.parameters()) as f64 / recording.keyframe_interval as f64;
        let scalars = 200.0 + SCALARS_A_FILTER * filters as f64;
        Self { tensors, stays: keyframe + scalars }
    }

    /// Bytes of so many steps, nothing thinned.
    pub(crate) fn of_steps(&self, steps: u64) -> u64 {
        ((self.tensors + self.stays) * steps as f64) as u64
    }

    /// The least bytes that so many steps can be thinned to: all of what stays,
    /// and the tensors of the newest segment and of the one that is under way.
    fn least(&self, steps: u64) -> [u64; 2] {
        let newest = steps.min(2 * SEGMENT_STEPS);
        [(self.stays * steps as f64) as u64, (self.tensors * newest as f64) as u64]
    }

    /// Says so where a branch of so many steps cannot be thinned to its budget.
    pub(crate) fn warn_of_budget(&self, budget: Option<u64>, steps: u64) {
        let Some(budget) = budget else { return };
        let [stays, newest] = self.least(steps);
        let least = stays.saturating_add(newest);
        if least > budget {
            warn(&format!(
                "the disk budget of {} cannot be kept: {} steps take about {} at least, {} of scalars and keyframes, which \
                 are never thinned, and {} of the newest steps' tensors. A larger --disk-budget has room for them; on a \
                 new run, a larger --keyframe-interval and --fidelity keyframes need less",
                bytes(budget),
                count(steps),
                bytes(least),
                bytes(stays),
                bytes(newest),
            ));
        }
    }
}

/// [`Size::warn_of_budget`] of a branch that is trained until a step.
pub(crate) fn warn_of_budget(record: &BranchRecord, budget: Option<u64>, until: Step) {
    let steps = until.0.saturating_sub(record.first_step().0);
    if let Some(definition) = record.definition() {
        Size::of(&record.topology, definition, &record.recording).warn_of_budget(budget, steps);
    }
}
