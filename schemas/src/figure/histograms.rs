//! Histograms of values over the steps of branches.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Hue;
use super::bits::equal_by_bits;
use crate::Step;

/// Histograms of a layer's values over time, a panel a branch, with the same bins in all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Histograms {
    /// What stands above it.
    pub title: String,
    /// What the values are, along their axis.
    pub label: String,
    /// How it is drawn.
    pub form: HistogramForm,
    /// The lower edge of the first bin and the upper one of the last.
    pub range: [f64; 2],
    /// How many equally wide bins there are.
    pub bins: u32,
    /// The branches.
    pub panels: Vec<HistogramPanel>,
    /// How it was made, and what it lacks: a line each.
    pub notes: Vec<String>,
}

equal_by_bits!(Histograms { title, label, form, bins, panels, notes; range });

/// How histograms over time are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistogramForm {
    /// A line a step, the first at the back.
    #[default]
    Ridges,
    /// A column a step, whose shade tells the shares.
    Heat,
}

impl HistogramForm {
    /// The word of a command line for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ridges => "ridges",
            Self::Heat => "heat",
        }
    }
}

impl FromStr for HistogramForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ridges" => Ok(Self::Ridges),
            "heat" => Ok(Self::Heat),
            _ => Err(format!("expected ridges, heat, found `{text}`")),
        }
    }
}

/// The histograms of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HistogramPanel {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub hue: Hue,
    /// Its steps, in order.
    pub steps: Vec<StepHistogram>,
}

/// The histogram of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepHistogram {
    /// The step.
    pub step: Step,
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// Values below the first bin.
    pub below: u64,
    /// Values above the last one.
    pub above: u64,
    /// Values that are no numbers.
    pub not_numbers: u64,
}

impl StepHistogram {
    /// How many values the step has.
    pub fn values(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above + self.not_numbers
    }
}
