//! Curves over the training.

use serde::{Deserialize, Serialize};

use super::Hue;
use super::bits::equal_by_bits;

/// Curves over one pair of axes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, in the order of the legend.
    pub series: Vec<Series>,
    /// Places on the horizontal axis: forks, epochs, events.
    pub marks: Vec<Mark>,
    /// What it lacks, and why: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured.
    pub label: String,
    /// Its unit, where there is one.
    pub unit: Option<String>,
    /// How values are laid out.
    pub scale: Scale,
    /// The ends that were asked for.
    #[serde(default, skip_serializing_if = "Limits::are_none")]
    pub limits: Limits,
}

/// Ends of an axis that a person asked for; those of what is shown where `None`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

equal_by_bits!(Limits { ; low, high });

impl Limits {
    /// Whether none was asked for.
    pub fn are_none(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }
}

/// How an axis lays values out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal differences are equally far apart.
    #[default]
    Linear,
    /// Equal ratios are equally far apart; values that are not positive are
    /// gaps.
    Logarithmic,
}

/// One curve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its branch's colour.
    pub hue: Hue,
    /// A second curve of the same branch, such as the validation's.
    pub dashed: bool,
    /// Whether it is the mean of several branches or filters, whose lowest and highest are its
    /// bounds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mean: bool,
    /// Points from left to right; a vertical value that is not a number is a
    /// gap.
    pub points: Vec<[f64; 2]>,
    /// The smallest and the largest value about each point, where a point
    /// stands for several steps; else empty.
    pub bounds: Vec<[f64; 2]>,
    /// Where the steps begin that each point is a mean of: they end at its place; empty
    /// where a point is one step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begins: Vec<f64>,
    /// The points as they were before they were smoothed; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<[f64; 2]>,
}

equal_by_bits!(Series { name, hue, dashed, is_mean; points, bounds, begins, raw });

/// A place on the horizontal axis.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What is there.
    pub text: String,
    /// The branch's colour.
    pub hue: Hue,
    /// What kind of place.
    pub kind: MarkKind,
}

equal_by_bits!(Mark { text, hue, kind; x });

/// What kind of place a [`Mark`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A branch began here.
    Fork,
    /// Something happened, such as `diverged`.
    Event,
    /// The step that the other figures show.
    Cursor,
}
