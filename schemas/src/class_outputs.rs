//! What a class layer says of an image.

use serde::{Deserialize, Serialize};

/// What the outputs of a class layer mean. The class with the largest one is predicted, whatever
/// they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassOutputs {
    /// Probabilities, whose sum is 1.
    #[default]
    Probabilities,
    /// Scores: the label's is to be larger than any other by the margin, 1.
    Scores,
    /// Values: the label's is to be 1, any other 0.
    Values,
}

impl ClassOutputs {
    /// One of them in words.
    pub fn one(self) -> &'static str {
        match self {
            Self::Probabilities => "class probability",
            Self::Scores => "class score",
            Self::Values => "class value",
        }
    }

    /// The unit of a loss over them.
    pub fn loss_unit(self) -> Option<&'static str> {
        self.are_probabilities().then_some("nats")
    }

    /// Whether they are probabilities, as they are of most networks.
    pub fn are_probabilities(&self) -> bool {
        *self == Self::Probabilities
    }
}
