//! Training that met a value that is not finite: nothing of use comes after it.

use revacnn_schemas::Step;
use revacnn_trainer::{Divergence, Trainer};

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
    /// A divergence at the step that the trainer is at.
    pub(crate) fn at(trainer: &Trainer, value: Option<Divergence>) -> Self {
        let step = trainer.position();
        Self {
            step,
            value,
            fork_at: Step(step.0.saturating_sub(STEPS_BACK)),
            learning_rate: trainer.hyper_parameters().get("learning_rate").unwrap_or_default() / 10.0,
        }
    }
}
