//! Losses of training and validation.

use revacnn_schemas::{BranchName, Chart, Figure, Scale};
use serde::{Deserialize, Serialize};

use super::curve::{curve, empty, marks, series, shown, steps_a_point, validation, visible};
use crate::sources::curves::{Quantity, Thinned};
use crate::{CellKind, Context, NotebookError, XAxis};

/// Points of a loss curve: a batch's loss jumps about, a mean over some shows
/// where it goes.
const LOSS_POINTS: usize = 250;

/// Loss of the shown branches: means over the batches of some steps, with
/// the smallest and largest, and the validation's dashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The horizontal axis.
    pub x: XAxis,
    /// How the vertical axis is laid out.
    pub scale: Scale,
}

impl CellKind for Loss {
    const KIND: &'static str = "loss";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let branches = context.branches();
        losses(context, &branches, self.x, self.scale).map(Figure::Chart)
    }
}

/// The losses of some branches.
pub(super) fn losses(
    context: &mut Context<'_>,
    branches: &[BranchName],
    x: XAxis,
    scale: Scale,
) -> Result<Chart, NotebookError> {
    let mut chart = empty("loss", ("loss", Some("nats")), x, scale);
    let all = shown(context, branches, x)?;
    let steps = steps_a_point(&all, LOSS_POINTS);
    for shown in all {
        let quantity = Quantity::step("loss");
        let curve = curve(context, &shown, &quantity, x, steps)?;
        let mean = if curve.steps > 1 { format!(", mean of {} steps", curve.steps) } else { String::new() };
        chart.series.push(series(format!("{} train{mean}{}", shown.name, shown.lacks), shown.hue, false, curve));
        let points = validation(context, &shown, x, |result| f64::from(result.loss))?;
        let curve = Thinned { points, ..Thinned::default() };
        chart.series.push(series(format!("{} validation", shown.name), shown.hue, true, curve));
        marks(context, &shown, x, &mut chart)?;
    }
    if chart.series.iter().all(|series| series.points.iter().all(|point| point[1].is_nan())) {
        chart.notes.push("no loss is recorded yet".to_owned());
    }
    visible(chart)
}
