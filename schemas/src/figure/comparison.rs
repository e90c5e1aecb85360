//! Figures of two branches side by side.

use serde::{Deserialize, Serialize};

use super::Figure;
use crate::{FilterIdentity, LayerName};

/// Figures of two addresses: equal scales, filters in the same order by
/// identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Comparison {
    /// What stands above it.
    pub title: String,
    /// The panels, from top to bottom.
    pub panels: Vec<Panel>,
    /// The filter of each layer that differs most; of layers that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differing: Vec<DifferingFilter>,
}

/// The filter of a layer that differs most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DifferingFilter {
    /// The layer.
    pub layer: LayerName,
    /// The filter of the left network.
    pub left: FilterIdentity,
    /// That of the right one: the same, where filters are matched by identity.
    pub right: FilterIdentity,
}

/// One panel of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Panel {
    /// One figure of both.
    Joint(Box<Figure>),
    /// A figure each, side by side.
    Pair(Box<[Figure; 2]>),
}

impl Panel {
    /// The notes of its figures.
    pub(super) fn notes(&self) -> Vec<&str> {
        match self {
            Self::Joint(figure) => figure.notes(),
            Self::Pair(pair) => pair.iter().flat_map(Figure::notes).collect(),
        }
    }
}
