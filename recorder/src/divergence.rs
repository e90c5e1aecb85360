//! Training that met a value that is not finite: nothing of use comes after it.

use revacnn_schemas::{Step, TrainingState};
use revacnn_trainer::{Divergence, Trainer};

/// What the event of a divergence is called.
pub const DIVERGED: &str = "diverged";

/// Steps back from a divergence to the fork that is worth a try.
const STEPS_BACK: u64 = 10;

/// Where training diverged, and what is worth a try.
#[derive(Debug, Clone, PartialEq)]
pub struct Diverged {
    /// The first step with a value that is not finite.
    pub step: Step,
    /// Which value, where training was watched.
    pub value: Option<Divergence>,
    /// A step before it, to fork at.
    pub fork_at: Step,
    /// The learning rate to try there: a tenth of the one that diverged.
    pub learning_rate: f32,
}

impl Diverged {
    /// A divergence at the step that the trainer is at, in a branch whose own steps
    /// begin at `first`: what is before them does not have its edits.
    pub(crate) fn at(trainer: &Trainer, first: Step, value: Option<Divergence>) -> Self {
        let step = trainer.position();
        Self {
            step,
            value,
            fork_at: step.min(first.max(Step(step.0.saturating_sub(STEPS_BACK)))),
            learning_rate: tenth(trainer.hyper_parameters().get("learning_rate").unwrap_or_default()),
        }
    }
}

/// Whether a state can be trained on: weights, running statistics and what the
/// optimizer remembers are finite.
pub(crate) fn is_finite(state: &TrainingState) -> bool {
    let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
    state.parameters.iter().all(|layer| {
        finite(&layer.weights)
            && finite(&layer.biases)
            && layer.running.iter().flatten().all(|values| finite(values))
            && layer.weight_slots.iter().chain(&layer.bias_slots).all(|values| finite(values))
    })
}

/// A tenth of a number as it is written, and so the shortest one that says the
/// same: of 0.01 that is 0.001, not 0.0009999999.
fn tenth(value: f32) -> f32 {
    value.to_string().parse::<f64>().map_or(value / 10.0, |written| (written / 10.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_has_no_digits_of_rounding() {
        for (value, expected) in [(0.01_f32, "0.001"), (0.7, "0.07"), (1.0, "0.1"), (3e-5, "0.000003"), (0.0, "0")] {
            assert_eq!(tenth(value).to_string(), expected);
        }
        assert!(tenth(f32::NAN).is_nan());
    }
}
