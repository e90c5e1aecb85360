//! What a person chooses of a figure: a source, an axis, a method.

use std::fmt;
use std::str::FromStr;

use revacnn_trainer::data::Split;
use serde::{Deserialize, Serialize};

/// What is looked at in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The filters' coefficients.
    #[default]
    Weights,
    /// Their gradients, the mean over the step's batch.
    Gradients,
    /// Activation maps for the image.
    Activations,
    /// The gradient of the image's loss with respect to them.
    ActivationGradients,
}

impl Source {
    /// Whether it is of one image.
    pub fn is_of_image(self) -> bool {
        matches!(self, Self::Activations | Self::ActivationGradients)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Weights => "weights",
            Self::Gradients => "gradients",
            Self::Activations => "activations",
            Self::ActivationGradients => "activation gradients",
        })
    }
}

/// Whose spread is looked at in a layer, over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// The filters' coefficients.
    #[default]
    Weights,
    /// Their gradients, the mean over the step's batch.
    Gradients,
    /// What the coefficients change by from the step before.
    Updates,
    /// Activation maps for the image.
    Activations,
    /// The gradient of the image's loss with respect to them.
    ActivationGradients,
}

impl Distribution {
    /// Whether it is of an image.
    pub fn is_of_image(self) -> bool {
        self.source().is_of_image()
    }

    /// What of the layer it is made of.
    pub(crate) fn source(self) -> Source {
        match self {
            Self::Weights | Self::Updates => Source::Weights,
            Self::Gradients => Source::Gradients,
            Self::Activations => Source::Activations,
            Self::ActivationGradients => Source::ActivationGradients,
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Updates => formatter.pad("updates"),
            other => other.source().fmt(formatter),
        }
    }
}

/// What of a layer's filters is followed over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterMeasure {
    /// How many distinct ones they amount to.
    #[default]
    Distinct,
    /// How like the nearest other one each is, on average.
    Similarity,
    /// How much of what each reads of an image is colour, on average.
    Colour,
    /// How many are dead.
    Dead,
}

/// What lies on a curve's horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XAxis {
    /// The step.
    #[default]
    Step,
    /// Images trained on, which compares unequal batch sizes.
    Images,
    /// Passes over the training images.
    Epoch,
    /// Steps since the branch's own fork; its own steps alone.
    Fork,
}

/// How points of an embedding are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By t-SNE.
    #[default]
    Tsne,
    /// By principal components.
    Pca,
}

/// How filters of two addresses are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matching {
    /// By their identity: where they were born, and their number.
    #[default]
    Identity,
    /// By the least sum of squared distances, a layer at a time: for runs that
    /// share no history. It says which filters are alike, not that they are one.
    Assignment,
}

impl fmt::Display for Matching {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Identity => "identity",
            Self::Assignment => "assignment",
        })
    }
}

/// What the nodes of a network diagram show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// Coefficients: of the first layer in colour, of others the mean over
    /// the input channels.
    Coefficients,
    /// Activation maps for the image.
    #[default]
    Maps,
}

/// Which images of a training come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// Those with the largest mean loss.
    #[default]
    Hardest,
    /// Those that were predicted right and then wrong, most often first.
    Forgotten,
    /// Those that were never predicted right.
    NeverLearned,
    /// Those that the network says another class of, most often and most surely.
    Mislabelled,
}

/// The images of which something is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSplit {
    /// Those that are trained on.
    Train,
    /// Those held out of the training part.
    #[default]
    Validation,
    /// Those of the test part.
    Test,
}

impl ImageSplit {
    /// What the engine calls it.
    pub(crate) fn split(self) -> Split {
        match self {
            Self::Train => Split::Train,
            Self::Validation => Split::Validation,
            Self::Test => Split::Test,
        }
    }

    /// Its images in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Train => "training images",
            Self::Validation => "validation images",
            Self::Test => "test images",
        }
    }
}

macro_rules! words {
    ($type:ident, $($word:literal => $value:ident),+) => {
        impl $type {
            /// The word of a command line for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(format!("expected {}, found `{text}`", [$($word),+].join(", "))),
                }
            }
        }
    };
}
words!(XAxis, "step" => Step, "images" => Images, "epoch" => Epoch, "fork" => Fork);
words!(Method, "tsne" => Tsne, "pca" => Pca);
words!(Matching, "identity" => Identity, "assignment" => Assignment);
words!(Rank, "hardest" => Hardest, "forgotten" => Forgotten, "never-learned" => NeverLearned,
    "mislabelled" => Mislabelled);
words!(ImageSplit, "train" => Train, "validation" => Validation, "test" => Test);
words!(Show, "coefficients" => Coefficients, "maps" => Maps);
words!(Source, "weights" => Weights, "gradients" => Gradients, "activations" => Activations,
    "activation-gradients" => ActivationGradients);
words!(Distribution, "weights" => Weights, "gradients" => Gradients, "updates" => Updates,
    "activations" => Activations, "activation-gradients" => ActivationGradients);
words!(FilterMeasure, "distinct" => Distinct, "similarity" => Similarity, "colour" => Colour, "dead" => Dead);
