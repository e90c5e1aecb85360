//! Losses of training and validation.

use revacnn_schemas::{BranchName, Chart, Figure, Limits, Scale, Step};
use serde::{Deserialize, Serialize};

use super::Family;
use super::curve::{Detail, curve, drawn, empty, loss_unit, marks, series, shown, validation, visible, words};
use super::family::{groups, mean};
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
    /// Which of the shown branches are drawn as one curve: their mean, and about it the
    /// lowest and the highest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
}

impl CellKind for Loss {
    const KIND: &'static str = "loss";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, left_out) = drawn(context)?;
        let mut chart = losses(context, &branches, self)?;
        chart.notes.extend(left_out);
        Ok(Figure::Chart(chart))
    }
}

/// The losses of some branches.
pub(super) fn losses(
    context: &mut Context<'_>,
    branches: &[BranchName],
    Loss { x, scale, limits, smoothing, within, families }: &Loss,
) -> Result<Chart, NotebookError> {
    let all = shown(context, branches, *x)?;
    let mut chart = empty("loss", ("loss", loss_unit(&all)), *x, (*scale, *limits));
    let detail = Detail::of(&all, LOSS_POINTS, *x, *smoothing, *within);
    for group in groups(&all, families) {
        let (mut trained, mut validated) = (Vec::new(), Vec::new());
        for shown in &group.members {
            trained.push(curve(context, shown, &Quantity::step("loss"), *x, &detail)?);
            let points = validation(context, shown, *x, |result| Some(result.loss))?;
            validated.push(Thinned { points, ..Thinned::default() });
            marks(context, shown, &group.name, *x, &mut chart)?;
        }
        let of = group.words(group.members.len());
        let curve = mean(trained);
        let name = format!("{} train{of}{}{}", group.name, words(&curve), group.lacks);
        chart.series.push(series(name, group.hue, false, curve));
        chart.series.push(series(format!("{} validation{of}", group.name), group.hue, true, mean(validated)));
    }
    if chart.series.iter().all(|series| series.points.iter().all(|point| point[1].is_nan())) {
        chart.notes.push("no loss is recorded yet".to_owned());
    }
    visible(chart)
}
