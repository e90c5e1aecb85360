//! Points in a plane.

use serde::{Deserialize, Serialize};

use super::bits::equal_by_bits;
use super::{Hue, Image};
use crate::{FilterIdentity, LayerName, Step};

/// Points in a plane, such as an embedding of filters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scatter {
    /// What stands above it.
    pub title: String,
    /// Where the points come from: an address each.
    pub groups: Vec<ScatterGroup>,
    /// The points.
    pub points: Vec<ScatterPoint>,
    /// Pairs of indices into `points` that are one filter at two addresses.
    pub links: Vec<[usize; 2]>,
    /// How well the picture fits, and what was left out: a line each.
    pub notes: Vec<String>,
    /// The step whose embedding the points started from; `None` where they
    /// depend on the addresses alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Step>,
}

/// Where points come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScatterGroup {
    /// Its name in the legend, such as `wider@1512`.
    pub name: String,
    /// Its branch's colour.
    pub hue: Hue,
}

/// One point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScatterPoint {
    /// Index into `groups`.
    pub group: usize,
    /// The layer of the filter.
    pub layer: LayerName,
    /// The filter.
    pub filter: FilterIdentity,
    /// Coordinates, without unit.
    pub position: [f64; 2],
    /// What it looks like, where that is small enough to be drawn.
    pub image: Option<Image>,
}

equal_by_bits!(ScatterPoint { group, layer, filter, image; position });
