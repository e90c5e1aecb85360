//! What a log will take on disk, told before the first step.

use revacnn_recorder::Run;
use revacnn_schemas::{Fidelity, RecordingSettings, RunDefinition, SEGMENT_STEPS, Step, Topology};

use crate::output::warn;
use crate::text::{bytes, counted};

/// What the files of a branch take beside their rows: schemas, footers, descriptions.
const FILES: f64 = 25e3;

/// Bytes of a branch, from the size of its rows.
///
/// The shares that compression leaves were measured on networks of 20,000 parameters:
/// coefficients keep more of their bytes than maps, which are half zeros, and what images
/// with margins never touch keeps nothing. They lie between those of a log that compresses well and of
/// one that compresses less, beside training that waits for it, which takes up to a sixth more: the sum is
/// right within a sixth of both; see the test in `tests/program/numbers.rs`.
pub(crate) struct Size {
    /// Of weights, gradients and maps a step, which a disk budget thins.
    tensors: f64,
    /// Of scalars a step.
    scalars: f64,
    /// Of a keyframe.
    keyframe: f64,
    /// Steps from one keyframe to the next.
    keyframe_interval: u64,
}

impl Size {
    pub(crate) fn of(topology: &Topology, definition: &RunDefinition, recording: &RecordingSettings) -> Self {
        const COEFFICIENTS: f64 = 0.70;
        const MAPS: f64 = 0.39;
        const KEYFRAMES: f64 = 0.84;
        const SCALARS_A_STEP: f64 = 150.0;
        const SCALARS_A_FILTER: f64 = 20.5;
        const SAMPLES_AN_IMAGE: f64 = 9.0;
        let filters: usize = topology.parameter_layers().map(|layer| layer.filters.len()).sum();
        let parameters = topology.parameters() as f64;
        // Each with its gradients.
        let tensors = match recording.fidelity {
            Fidelity::Every => {
                let maps = topology.activations() * recording.probes.len();
                4.0 * 2.0 * (parameters * COEFFICIENTS + maps as f64 * MAPS)
            }
            Fidelity::Keyframes => 0.0,
        };
        // The weights and what the optimizer remembers of them.
        let arrays = 1 + revacnn_trainer::optimizer_slots(&definition.optimizer).unwrap_or(2);
        Self {
            tensors,
            scalars: SCALARS_A_STEP
                + SCALARS_A_FILTER * filters as f64
                + SAMPLES_AN_IMAGE * f64::from(definition.batch_size),
            keyframe: 4.0 * arrays as f64 * parameters * KEYFRAMES,
            keyframe_interval: recording.keyframe_interval.max(1),
        }
    }

    /// Bytes of so many steps and the state before them, nothing thinned.
    pub(crate) fn of_steps(&self, steps: u64) -> u64 {
        let rows = steps.saturating_add(1) as f64;
        (self.tensors * rows) as u64 + self.stays(steps)
    }

    /// Bytes of what is never thinned: scalars and keyframes.
    fn stays(&self, steps: u64) -> u64 {
        let keyframes = steps / self.keyframe_interval + 1;
        (FILES + self.scalars * steps as f64 + self.keyframe * keyframes as f64) as u64
    }

    /// The least bytes that so many steps can be thinned to: all of what stays,
    /// and the tensors of the newest segment and of the one that is under way.
    fn least(&self, steps: u64) -> [u64; 2] {
        let newest = steps.min(2 * SEGMENT_STEPS);
        [self.stays(steps), (self.tensors * newest as f64) as u64]
    }

    /// Says so where a branch of so many steps cannot be thinned to its budget.
    pub(crate) fn warn_of_budget(&self, budget: Option<u64>, steps: u64) {
        let Some(budget) = budget else { return };
        let [stays, newest] = self.least(steps);
        let least = stays.saturating_add(newest);
        if least > budget {
            warn(&format!(
                "the disk budget of {} cannot be kept: {} {} about {} at least, {} of scalars and keyframes, which \
                 are never thinned, and {} of the newest steps' tensors. A larger --disk-budget has room for them; on a \
                 new run, a larger --keyframe-interval and --fidelity keyframes need less",
                bytes(budget),
                counted(steps, "step"),
                if steps == 1 { "takes" } else { "take" },
                bytes(least),
                bytes(stays),
                bytes(newest),
            ));
        }
    }
}

/// [`Size::warn_of_budget`] of a branch that is trained until a step.
pub(crate) fn warn_of_budget(run: &Run, budget: Option<u64>, until: Step) {
    let Some(session) = run.session() else { return };
    let record = session.record();
    let steps = until.0.saturating_sub(record.first_step().0);
    Size::of(&record.topology, run.trainer().definition(), &record.recording).warn_of_budget(budget, steps);
}
