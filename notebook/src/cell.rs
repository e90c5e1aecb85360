//! Cells: what a view shows, and the names that it depends on.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use revacnn_schemas::{
    Address, BranchId, BranchName, FilterNumber, ImageIndex, LayerName, Position, SCALARS, ScalarColumn, ScalarKind,
    Scale, Step,
};
use serde::{Deserialize, Serialize};

/// What cells without addresses of their own look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The branches that are shown, the selected one first.
    pub branches: Vec<BranchName>,
    /// The step that is looked at; of a branch that has no such step, its
    /// first or last one is.
    pub cursor: Step,
    /// The training image; the first probe image where `None`.
    pub image: Option<ImageIndex>,
}

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

/// What a view shows. Evaluating a cell gives a figure.
///
/// Where a cell has addresses (`at`), an empty list stands for the shown
/// branches at the cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cell {
    /// Loss of the shown branches: means over the batches of some steps, with
    /// the smallest and largest, and the validation's dashed.
    Loss {
        /// The horizontal axis.
        x: XAxis,
        /// How the vertical axis is laid out.
        scale: Scale,
    },
    /// Any recorded number of the shown branches over time; [`QUANTITIES`]
    /// lists them.
    Chart {
        /// Which number.
        quantity: String,
        /// The layer, for statistics of filters.
        layer: Option<LayerName>,
        /// One of its filters; the layer's mean where `None`.
        filter: Option<FilterNumber>,
        /// The horizontal axis.
        x: XAxis,
        /// How the vertical axis is laid out.
        scale: Scale,
    },
    /// The network with a node a filter. Of several addresses or branches
    /// the first one.
    Network {
        /// Where.
        at: Option<Address>,
        /// What the nodes show.
        show: Show,
    },
    /// A layer's filters as small images, a row an address; rows are matched
    /// by identity.
    Filters {
        /// Where.
        at: Vec<Address>,
        /// The layer.
        layer: LayerName,
        /// What of them.
        of: Source,
    },
    /// One filter: its coefficients and their gradients for each input, its
    /// map and the map's gradient for the image, and the filters of its layer
    /// that are most like it. Of several branches the first one.
    Filter {
        /// Where.
        at: Option<Address>,
        /// The layer.
        layer: LayerName,
        /// The filter's number.
        filter: FilterNumber,
        /// The branch that it was born in, so that another branch's filter of
        /// that number is not taken for it; any where `None`.
        born: Option<BranchId>,
    },
    /// A layer's filters in one plane, at all addresses together.
    Embedding {
        /// Where.
        at: Vec<Address>,
        /// The layer.
        layer: LayerName,
        /// What of the filters.
        of: Source,
        /// How points are placed.
        method: Method,
        /// Perplexity; fitted to the number of points where `None`.
        perplexity: Option<f64>,
        /// Seed of t-SNE.
        seed: u64,
    },
    /// Two addresses side by side: what differs, curves from the fork on,
    /// distances, and one joint embedding.
    Compare {
        /// The two; the first two shown branches where empty.
        at: Vec<Address>,
        /// How their filters are matched.
        #[serde(default, rename = "match")]
        matching: Matching,
    },
    /// How often each class was taken for each, by the newest full validation
    /// at or before the step.
    Confusion {
        /// Where.
        at: Option<Address>,
    },
    /// The figures of two other cells side by side.
    Beside {
        /// The names of the two.
        cells: [String; 2],
    },
}

/// A name that a cell depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// The shown branches.
    Branches,
    /// The cursor.
    Cursor,
    /// The image.
    Image,
    /// What is recorded: branches grow, and their names change.
    Log,
    /// Another cell's figure.
    Cell(String),
}

impl Cell {
    /// The names that the cell's figure depends on.
    pub fn dependencies(&self) -> Vec<Dependency> {
        use Dependency as D;
        let moving = |at: &[Address]| {
            let grows = |address: &Address| matches!(address.position, Position::Last | Position::Best);
            match at {
                [] => vec![D::Branches, D::Cursor],
                at if at.iter().any(grows) => vec![D::Log],
                _ => Vec::new(),
            }
        };
        match self {
            Self::Loss { .. } | Self::Chart { .. } => vec![D::Branches, D::Log],
            Self::Network { at, .. } | Self::Filter { at, .. } => [moving(at.as_slice()), vec![D::Image]].concat(),
            Self::Filters { at, of, .. } | Self::Embedding { at, of, .. } => {
                let image = if of.is_of_image() { vec![D::Image] } else { Vec::new() };
                [moving(at), image].concat()
            }
            Self::Compare { at, .. } => [moving(at), vec![D::Log]].concat(),
            Self::Confusion { at } => moving(at.as_slice()),
            Self::Beside { cells } => cells.iter().cloned().map(D::Cell).collect(),
        }
    }
}

/// Numbers of each step that [`Cell::Chart`] knows, with their units: scalars
/// of `steps`, the validation's, and statistics of filters.
pub static QUANTITIES: LazyLock<Vec<(&str, Option<&str>)>> = LazyLock::new(|| {
    // What is measured first, then what is counted.
    let counted = |column: &&ScalarColumn| matches!(column.kind, ScalarKind::Long(..) | ScalarKind::Int(..));
    let scalars = || SCALARS.iter().filter(|column| column.quantity).map(|column| (column, column.unit));
    let measured = scalars().filter(|(column, _)| !counted(column));
    let scalars = measured.chain(scalars().rev().filter(|(column, _)| counted(column)));
    let others = [
        ("validation_loss", Some("nats")),
        ("validation_accuracy", None),
        ("mean_abs_gradient", None),
        ("gradient_norm", None),
        ("weight_norm", None),
        ("update_ratio", None),
        ("activation_sum", None),
        ("zero_share", None),
    ];
    scalars.map(|(column, unit)| (column.name, unit)).chain(others).collect()
});

macro_rules! words {
    ($type:ident, $($word:literal => $value:ident),+) => {
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
words!(Show, "coefficients" => Coefficients, "maps" => Maps);
words!(Source, "weights" => Weights, "gradients" => Gradients, "activations" => Activations,
    "activation-gradients" => ActivationGradients);
