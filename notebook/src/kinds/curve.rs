//! Curves over the training, as charts of every kind draw them.

use std::collections::{BTreeSet, HashSet};

use revacnn_recorder::RecorderError;
use revacnn_schemas::{
    Axis, BranchId, BranchName, BranchRecord, Chart, ClassOutputs, Hue, Limits, Mark, MarkKind, Scale, Series, Step,
    counted,
};
use revacnn_store::{BranchReader, StepSpan, StoreError};
use revacnn_trainer::{class_outputs, require_classes};

use crate::sources::History;
use crate::sources::curves::{Quantity, Thinned, thin};
use crate::{Context, NotebookError, Smoothing, XAxis};

/// One branch of a chart: the pieces of its history that its curve shows.
pub(super) struct Shown {
    pub(super) name: BranchName,
    pub(super) history: History,
    pub(super) hue: Hue,
    /// What of the history is missing, for the legend.
    pub(super) lacks: String,
    /// What its loss is a loss of.
    pub(super) outputs: ClassOutputs,
    fork: Option<Step>,
    /// Where its axis of steps since the fork begins.
    origin: Step,
    /// The branch that it was forked from.
    parent: Option<BranchId>,
    /// Oldest first, each the index of a reader of the lineage.
    pub(super) parts: Vec<(usize, StepSpan)>,
}

/// A chart of all that there is draws so many branches: more curves are no picture, and
/// each takes its time to read.
const MOST_DRAWN: usize = 100;

/// The shown branches whose curves are drawn, and what is said of the others. Where a
/// person named the branches, that is all of them that are trained.
///
/// # Errors
/// Where none of them is.
pub(super) fn drawn(context: &mut Context<'_>) -> Result<(Vec<BranchName>, Vec<String>), NotebookError> {
    let (mut branches, untrained) = context.trained()?;
    let of = branches.len();
    let is_cut = context.sources().leaves_out && of > MOST_DRAWN;
    let cut = is_cut.then(|| {
        branches.truncate(MOST_DRAWN);
        format!("{MOST_DRAWN} of {of} shown branches are drawn: select or hide some to see the others")
    });
    Ok((branches, untrained.into_iter().chain(cut).collect()))
}

/// Says how many points of a chart cannot be drawn.
///
/// # Errors
/// Where no point of it can be.
pub(super) fn visible(mut chart: Chart) -> Result<Chart, NotebookError> {
    let logarithmic = chart.y.scale == Scale::Logarithmic;
    let reason = if logarithmic { "not positive and finite" } else { "not finite" };
    let (mut drawn, mut hidden) = (0, Vec::new());
    for series in &chart.series {
        let values = || series.points.iter().map(|point| point[1]).filter(|value| !value.is_nan());
        let hides = |value: &f64| !value.is_finite() || (logarithmic && *value <= 0.0);
        let count = values().filter(hides).count();
        drawn += values().count() - count;
        if count > 0 {
            hidden.push({
                let (all, are) = (counted(values().count() as u64, "value"), if count == 1 { "is" } else { "are" });
                format!("{}: {count} of {all} {are} {reason}, and left out", series.name)
            });
        }
    }
    if drawn == 0 && !hidden.is_empty() {
        let what = format!("there is nothing to draw of {}", chart.title);
        let scale = if logarithmic { "; a linear axis shows what is finite" } else { "" };
        return Err(NotebookError::Unknown { what, known: format!("{}{scale}", hidden.join("; ")) });
    }
    chart.notes.extend(hidden);
    Ok(chart)
}

pub(super) fn empty(
    title: &str,
    (label, unit): (&str, Option<&str>),
    x: XAxis,
    (scale, limits): (Scale, Limits),
) -> Chart {
    let (name, images) = match x {
        XAxis::Step => ("step", None),
        XAxis::Images => ("images trained on", Some("images")),
        XAxis::Epoch => ("epoch", None),
        XAxis::Fork => ("steps since the fork", None),
    };
    Chart {
        title: title.to_owned(),
        x: Axis {
            label: name.to_owned(),
            unit: images.map(str::to_owned),
            scale: Scale::Linear,
            limits: Limits::default(),
        },
        y: Axis { label: label.to_owned(), unit: unit.map(str::to_owned), scale, limits },
        series: Vec::new(),
        marks: Vec::new(),
        notes: Vec::new(),
    }
}

pub(super) fn series(name: String, hue: Hue, dashed: bool, curve: Thinned) -> Series {
    let Thinned { points, bounds, begins, raw, is_mean, .. } = curve;
    Series { name, hue, dashed, is_mean, points, bounds, begins, raw }
}

/// What of each branch is shown: its whole history, but only its own steps
/// where an ancestor is shown too, or where the axis begins at the fork.
pub(super) fn shown(context: &mut Context<'_>, branches: &[BranchName], x: XAxis) -> Result<Vec<Shown>, NotebookError> {
    if branches.is_empty() {
        return Err(NotebookError::TooFewBranches { needed: 1, found: 0 });
    }
    let sources = context.sources();
    let shown =
        branches.iter().map(|name| Ok(sources.history_of(name)?.id)).collect::<Result<HashSet<_>, NotebookError>>()?;
    let mut all = Vec::with_capacity(branches.len());
    for (done, name) in branches.iter().enumerate() {
        context.progress(done, branches.len())?;
        let (lineage, extent) = context.history(name)?;
        let ids: Vec<_> = lineage.readers().iter().map(|reader| reader.branch().id.clone()).collect();
        let own = x == XAxis::Fork || lineage.branches()[1..].iter().any(|branch| shown.contains(&branch.id));
        let mut parts: Vec<(usize, StepSpan)> = lineage
            .parts()
            .into_iter()
            .filter_map(|(reader, span)| Some((ids.iter().position(|id| *id == reader.branch().id)?, span)))
            .filter(|(place, _)| !own || *place == 0)
            .collect();
        parts.reverse();
        let fork = lineage.branch().parent.as_ref().map(|parent| parent.step);
        let missing: Vec<String> = extent.missing.iter().filter(|_| !own).map(ToString::to_string).collect();
        let lacks = if missing.is_empty() { String::new() } else { format!(" (lacks steps {})", missing.join(", ")) };
        let parent = lineage.branch().parent.as_ref().map(|parent| parent.branch.clone());
        let origin = fork.unwrap_or(Step(0));
        let outputs = outputs_of(lineage.branch());
        let history = context.sources().history_of(name)?;
        all.push(Shown {
            name: name.clone(),
            hue: context.hue(&history.id),
            history,
            lacks,
            outputs,
            fork,
            origin,
            parent,
            parts,
        });
    }
    if x == XAxis::Fork {
        align_roots(&mut all);
    }
    Ok(all)
}

/// The places of some of so many in a row, evenly spread from the first to the last.
pub(super) fn evenly_spread(some: u64, of: u64) -> impl Iterator<Item = u64> {
    (0..some).map(move |place| match some {
        1 => 0,
        _ => ((of - 1) * place + (some - 1) / 2) / (some - 1),
    })
}

/// What the outputs of a branch's class layer mean.
pub(crate) fn outputs_of(record: &BranchRecord) -> ClassOutputs {
    let class_layer = record.definition().and_then(|definition| definition.network.layers.last());
    class_layer.map_or_else(ClassOutputs::default, class_outputs)
}

/// Refuses what needs classes, of a branch whose network gives back the image.
///
/// # Errors
/// That there is no `what`, and `instead` what there is.
pub(super) fn require_classes_of(
    record: &BranchRecord,
    what: &'static str,
    instead: &'static str,
) -> Result<(), NotebookError> {
    let network = record.definition().map(|definition| &definition.network);
    Ok(network.map_or(Ok(()), |network| require_classes(network, what, instead))?)
}

/// The unit of the losses of several branches, where they have the same one.
pub(super) fn loss_unit(all: &[Shown]) -> Option<&'static str> {
    let mut units = all.iter().map(|shown| shown.outputs.loss_unit());
    let first = units.next()?;
    first.filter(|_| units.all(|unit| unit == first))
}

/// A branch that is no fork itself lies beside those that were forked from it: from their
/// fork on, where that is one step, and else from its first step, which the legend says.
fn align_roots(all: &mut [Shown]) {
    for place in 0..all.len() {
        if all[place].fork.is_some() {
            continue;
        }
        let id = all[place].history.id.clone();
        let forks: BTreeSet<Step> =
            all.iter().filter(|other| other.parent.as_ref() == Some(&id)).filter_map(|other| other.fork).collect();
        let root = &mut all[place];
        match (forks.first(), forks.len()) {
            (Some(&fork), 1) => {
                root.origin = fork;
                root.parts.retain(|(_, span)| span.last >= fork);
                for (_, span) in &mut root.parts {
                    *span = StepSpan::new(span.first.max(fork), span.last);
                }
            }
            _ => root.lacks += " (no fork: since its first step)",
        }
    }
}

/// How the curves of a chart are drawn: each in the same way, since means over unequally
/// many steps would make the shorter run look the rougher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// So many steps are one point.
    steps: usize,
    /// How much of a smoothed point is what came before, of points of the whole curve.
    smoothing: Smoothing,
    /// How large a part of such a point a closer one is.
    part: f64,
    /// The steps that are looked at closely, if not all are.
    within: Option<StepSpan>,
}

impl Detail {
    /// Such that no curve has more points than `most`.
    ///
    /// The smoothing is of points of the whole curve: of closer ones it takes in more,
    /// so that a closer look does not make a curve rougher.
    pub(super) fn of(all: &[Shown], most: usize, x: XAxis, smoothing: Smoothing, within: Option<[Step; 2]>) -> Self {
        let longest = all.iter().map(|shown| shown.parts.iter().map(|(_, span)| span.steps()).sum::<u64>()).max();
        let points = |steps: u64| (steps as usize).div_ceil(most).max(1);
        let whole = longest.map_or(1, points);
        let within = within.filter(|_| x == XAxis::Step);
        let within = within.map(|[first, last]| StepSpan::new(first, last.max(first)));
        let steps = within.map_or(whole, |span| points(span.steps()).min(whole));
        Self { steps, smoothing, part: steps as f64 / whole as f64, within }
    }

    /// Points of a curve, smoothed, and of those only what is looked at, and one
    /// beyond each end, so that the line reaches to it.
    pub(super) fn apply(&self, mut curve: Thinned) -> Thinned {
        if !self.smoothing.is_none() {
            // What was not thinned has no closer points.
            let part = if curve.steps > 0 { self.part } else { 1.0 };
            let smoothed = self.smoothing.of_parts(part).smooth(&curve.points);
            curve.raw = std::mem::replace(&mut curve.points, smoothed);
            curve.bounds.clear();
        }
        let Some(span) = self.within else { return curve };
        let first = curve.points.partition_point(|point| point[0] < span.first.0 as f64).saturating_sub(1);
        let end = (curve.points.partition_point(|point| point[0] <= span.last.0 as f64) + 1).min(curve.points.len());
        for points in [&mut curve.points, &mut curve.bounds, &mut curve.raw] {
            points.truncate(end);
            points.drain(..first.min(points.len()));
        }
        curve.begins.truncate(end);
        curve.begins.drain(..first.min(curve.begins.len()));
        curve
    }
}

/// What is said of a curve's points, beside its name.
pub(super) fn words(curve: &Thinned) -> String {
    let mean = if curve.steps > 1 { format!(", mean of {} steps", curve.steps) } else { String::new() };
    let smoothed = if curve.raw.is_empty() { "" } else { ", smoothed" };
    format!("{mean}{smoothed}")
}

/// A quantity of the shown steps. A layer that an ancestor lacks is a gap there.
pub(super) fn curve(
    context: &mut Context<'_>,
    shown: &Shown,
    quantity: &Quantity,
    x: XAxis,
    detail: &Detail,
) -> Result<Thinned, NotebookError> {
    let mut points = Vec::new();
    for (place, span) in &shown.parts {
        let values = match context.sources().curve(&shown.history, *place, *span, quantity) {
            Ok(values) => values,
            Err(NotebookError::Recorder(RecorderError::Store(StoreError::UnknownFilter { .. }))) if *place > 0 => {
                continue;
            }
            Err(error) => return Err(error),
        };
        let positions = positions(context, shown, *place, *span, x)?;
        points.extend(values.into_iter().zip(positions).map(|((value, bounds), x)| (x, value, bounds)));
    }
    Ok(detail.apply(thin(&points, detail.steps)))
}

/// The hyper-parameters without a column of their own that some branch has at
/// a shown step, in the order of their names.
pub(super) fn other_hyper_parameters(context: &mut Context<'_>, shown: &[Shown]) -> Result<Vec<String>, NotebookError> {
    let mut names = BTreeSet::new();
    for branch in shown {
        for (place, span) in &branch.parts {
            names.extend(context.sources().other_hyper_parameters(&branch.history, *place, *span)?);
        }
    }
    Ok(names.into_iter().collect())
}

/// Where the steps of a part lie on the horizontal axis.
pub(super) fn positions(
    context: &mut Context<'_>,
    shown: &Shown,
    place: usize,
    span: StepSpan,
    x: XAxis,
) -> Result<Vec<f64>, NotebookError> {
    let mut column = |name: &str| -> Result<Vec<f64>, NotebookError> {
        let curve = context.sources().curve(&shown.history, place, span, &Quantity::step(name))?;
        Ok(curve.into_iter().map(|(value, _)| value).collect())
    };
    let steps = (span.first.0..=span.last.0).map(|step| step as f64);
    let fork = shown.origin.0 as f64;
    match x {
        XAxis::Step => Ok(steps.collect()),
        XAxis::Fork => Ok(steps.map(|step| step - fork).collect()),
        XAxis::Images => column("images_seen"),
        XAxis::Epoch => {
            let (epochs, offsets, seen) = (column("epoch")?, column("offset")?, column("images_seen")?);
            // Where images are dropped, an offset counts places, and fewer images are seen.
            let record = context.sources().lineage_of(&shown.history)?.readers()[place].branch();
            let changed = record.definition().map(|definition| definition.images.of).filter(|&of| of > 0);
            // Otherwise the images of an epoch follow from a step past the first one.
            let past = epochs.iter().zip(&offsets).zip(&seen).find(|((epoch, _), _)| **epoch > 0.0);
            let images = match (changed, past) {
                (Some(of), _) => f64::from(of),
                (None, Some(((epoch, offset), seen))) => (seen - offset) / epoch,
                (None, None) => epoch_images(context, shown)?,
            };
            Ok(epochs.into_iter().zip(offsets).map(|(epoch, offset)| epoch + offset / images).collect())
        }
    }
}

/// Training images of an epoch, told by the data set.
fn epoch_images(context: &mut Context<'_>, shown: &Shown) -> Result<f64, NotebookError> {
    let record = context.sources().lineage_of(&shown.history)?.branch().clone();
    let holdout = record.definition().map_or(0, |definition| definition.holdout_every);
    let dataset = context.dataset(&record).map_err(|reason| NotebookError::Unknown {
        what: format!("the length of an epoch of `{}` is not known before its first one is over", shown.name),
        known: format!("{reason}; choose steps or images"),
    })?;
    let images = dataset.train().len();
    Ok(f64::from(images - images.checked_div(holdout).unwrap_or(0)))
}

/// A number of each full validation of the shown steps.
pub(super) fn validation(
    context: &mut Context<'_>,
    shown: &Shown,
    x: XAxis,
    of: impl Fn(&revacnn_schemas::ValidationResult) -> Option<f32>,
) -> Result<Vec<[f64; 2]>, NotebookError> {
    let mut points = Vec::new();
    for (place, span) in &shown.parts {
        let found = context.sources().lineage_of(&shown.history)?.readers()[*place].validations()?;
        let positions = positions(context, shown, *place, *span, x)?;
        let within = found.iter().filter(|(step, _)| span.contains(*step));
        // A number that a validation lacks is none in the curve.
        let value = |result| of(result).map_or(f64::NAN, f64::from);
        points.extend(within.map(|(step, result)| [positions[(step.0 - span.first.0) as usize], value(result)]));
    }
    Ok(points)
}

/// The branch's fork and events as marks, the fork under the name of its curve. What
/// several members of a family have at one place is one mark.
pub(super) fn marks(
    context: &mut Context<'_>,
    shown: &Shown,
    name: &BranchName,
    x: XAxis,
    chart: &mut Chart,
) -> Result<(), NotebookError> {
    let Some((0, span)) = shown.parts.last().copied() else { return Ok(()) };
    let reader: &BranchReader = context.sources().lineage_of(&shown.history)?.own();
    let happened = reader.events(span)?;
    let fork = shown.fork.map(|step| (step, name.to_string(), MarkKind::Fork));
    let happened = happened.into_iter().map(|event| (event.step, event.kind, MarkKind::Event));
    let positions = positions(context, shown, 0, span, x)?;
    let within = fork.into_iter().chain(happened).filter(|(step, ..)| span.contains(*step));
    let is_family = *name != shown.name;
    for (step, text, kind) in within {
        let mark = Mark { x: positions[(step.0 - span.first.0) as usize], text, hue: shown.hue, kind };
        let is_known = |known: &Mark| known.x == mark.x && known.text == mark.text;
        if !is_family || !chart.marks.iter().any(is_known) {
            chart.marks.push(mark);
        }
    }
    Ok(())
}
