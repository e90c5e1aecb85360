//! `plot filters-over-time`: what becomes of a layer's filters, over the steps of branches.

use clap::Args;
use revacnn_schemas::{LayerName, Step};

use super::super::branches::BranchOf;
use super::super::print::{Print, Words};
use super::histogram::within;
use super::{CommandError, check_all_steps};
use crate::{FilterMeasure, XAxis};

/// What becomes of a layer's filters.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FiltersOverTimePlot {
    /// The branches, a curve each; `NAME.*` are the members of a family.
    #[arg(value_name = "BRANCH", required = true)]
    pub(super) branches: Vec<BranchOf>,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<LayerName>,
    /// What of its filters: distinct, similarity, colour or dead.
    #[arg(long, value_name = "MEASURE", default_value = "distinct")]
    pub(super) of: FilterMeasure,
    /// The horizontal axis: step, images, epoch or fork.
    #[arg(long, value_name = "AXIS", default_value = "step")]
    pub(super) x: XAxis,
    /// The steps, such as 100..200 [default: all; where there are too many, some that are evenly
    /// spread].
    #[arg(long, value_name = "FIRST..LAST", value_parser = within)]
    pub(super) steps: Option<[Step; 2]>,
}

impl FiltersOverTimePlot {
    /// Refuses what no store could make a figure of.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        check_all_steps(&self.branches, "filters-over-time")
    }
}

impl Print for FiltersOverTimePlot {
    fn print(&self, words: &mut Words) {
        let Self { branches, layer, of, x, steps } = self;
        branches.iter().for_each(|branch| branch.print(words));
        words.option("layer", layer.as_ref());
        words.unless("of", of, &FilterMeasure::default(), of.word());
        words.unless("x", x, &XAxis::Step, x.word());
        words.option("steps", steps.map(|[first, last]| format!("{first}..{last}")));
    }
}
