//! What came of one update.

/// What one update gave.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// Mean over the batch of each image's data loss times its weight, before the update.
    pub loss: f32,
    /// ½·decay·Σw² + l1·Σ|w|, each layer's part times its factors (no weight decay of
    /// AdamW), before the update, over the coefficients that decay: not
    /// those of frozen filters, normalisation scales or biases.
    pub decay_loss: f32,
    /// Images of the batch.
    pub images: u32,
    /// Images of the batch that were predicted right before the update; `None` where the
    /// network predicts no class.
    pub correct: Option<u32>,
    /// Wall time in nanoseconds.
    pub elapsed_nanos: u64,
    /// Whether loss, parameters or running statistics are no longer finite.
    pub divergence: Option<Divergence>,
}

/// Where a value that is not finite was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Divergence {
    /// In the loss.
    Loss,
    /// In the parameters or running statistics of a layer.
    Parameters {
        /// The layer's name.
        layer: String,
    },
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Loss => formatter.write_str("the loss"),
            Self::Parameters { layer } => write!(formatter, "a parameter of layer {layer}"),
        }
    }
}
