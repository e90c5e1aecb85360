//! Losses of training and validation.

use revacnn_schemas::{BranchName, Chart, Figure, Limits, Scale, Step};
use serde::{Deserialize, Serialize};

use super::curve::{Detail, curve, drawn, empty, marks, series, shown, validation, visible, words};
use crate::sources::curves::{Quantity, Thinned};
use crate::{CellKind, Context, NotebookError, Smoothing, XAxis};

/// Points of a loss curve: a batch's loss jumps about, a mean over some shows
/// where it goes.
const LOSS_POINTS: usize = 250;

/// Loss of the shown branches: means over the batches of some steps, with
/// the smallest and largest, and the validation's dashed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The horizontal axis.
    pub x: XAxis,
    /// How the vertical axis is laid out.
    pub scale: Scale,
    /// Its ends, where they are not those of what is shown.
    #[serde(default, skip_serializing_if = "Limits::are_none")]
    pub limits: Limits,
    /// How smooth the training's curves are; validations are as they were found.
    #[serde(default, skip_serializing_if = "Smoothing::is_none")]
    pub smoothing: Smoothing,
    /// The steps that are looked at closely, the first and the last: those alone, in more
    /// points, along an axis of steps. All where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<[Step; 2]>,
}

impl CellKind for Loss {
    const KIND: &'static str = "loss";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, left_out) = drawn(context);
        let mut chart = losses(context, &branches, self)?;
        chart.notes.extend(left_out);
        Ok(Figure::Chart(chart))
    }
}

/// The losses of some branches.
pub(super) fn losses(
    context: &mut Context<'_>,
    branches: &[BranchName],
    &Loss { x, scale, limits, smoothing, within }: &Loss,
) -> Result<Chart, NotebookError> {
    let mut chart = empty("loss", ("loss", Some("nats")), x, (scale, limits));
    let all = shown(context, branches, x)?;
    let detail = Detail::of(&all, LOSS_POINTS, x, smoothing, within);
    for shown in all {
        let quantity = Quantity::step("loss");
        let curve = curve(context, &shown, &quantity, x, &detail)?;
        let name = format!("{} train{}{}", shown.name, words(&curve), shown.lacks);
        chart.series.push(series(name, shown.hue, false, curve));
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
