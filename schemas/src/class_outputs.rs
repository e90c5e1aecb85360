//! What the last layer says of an image.

use serde::{Deserialize, Serialize};

/// What the outputs of the last layer mean. The class with the largest one is predicted, whatever
/// they are, but for an [image](Self::Image), of which nothing is predicted.
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
    /// The image itself, `[channel][row][column]`: each value is to be the one that the network reads.
    Image,
}

impl ClassOutputs {
    /// One of them in words.
    pub fn one(self) -> &'static str {
        match self {
            Self::Probabilities => "class probability",
            Self::Scores => "class score",
            Self::Values => "class value",
            Self::Image => "reconstructed value",
        }
    }

    /// The unit of a loss over them.
    pub fn loss_unit(self) -> Option<&'static str> {
        self.are_probabilities().then_some("nats")
    }

    /// Whether they are of classes, one of which is predicted.
    pub fn are_of_classes(&self) -> bool {
        *self != Self::Image
    }

    /// Whether they are probabilities, as they are of most networks.
    pub fn are_probabilities(&self) -> bool {
        *self == Self::Probabilities
    }
}
