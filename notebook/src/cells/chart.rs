//! Curves over the training: losses, any column of `steps`, the validation's
//! numbers, statistics of filters.

use revacnn_recorder::RecorderError;
use revacnn_schemas::{
    Axis, BranchName, Chart, FilterNumber, Hue, LayerName, Mark, MarkKind, Scale, Series, Step, Table,
};
use revacnn_store::{BranchReader, Lineage, StepSpan, StoreError};

use crate::cell::QUANTITIES;
use crate::curves::{Quantity, Thinned, thin};
use crate::summary::events;
use crate::{Evaluator, NotebookError, XAxis};

/// Points of a curve that is drawn as it is.
const MOST_POINTS: usize = 2_000;

/// Points of a loss curve: a batch's loss jumps about, a mean over some shows
/// where it goes.
const LOSS_POINTS: usize = 250;

/// What a chart shows.
pub(crate) struct Wanted<'a> {
    pub(crate) quantity: &'a str,
    pub(crate) layer: Option<&'a LayerName>,
    pub(crate) filter: Option<FilterNumber>,
}

/// One branch of a chart: the pieces of its history that its curve shows.
struct Shown {
    name: BranchName,
    hue: Hue,
    /// What of the history is missing, for the legend.
    lacks: String,
    fork: Option<Step>,
    /// Oldest first, each the index of a reader of the lineage.
    parts: Vec<(usize, StepSpan)>,
}

/// Losses of training and validation.
pub(crate) fn loss(
    evaluator: &mut Evaluator,
    branches: &[BranchName],
    x: XAxis,
    scale: Scale,
) -> Result<Chart, NotebookError> {
    let mut chart = empty("loss", ("loss", Some("nats")), x, scale);
    for shown in shown(evaluator, branches, x)? {
        let quantity = Quantity::step("loss");
        let curve = curve(evaluator, &shown, &quantity, x, LOSS_POINTS)?;
        let mean = if curve.steps > 1 { format!(", mean of {} steps", curve.steps) } else { String::new() };
        chart.series.push(series(format!("{} train{mean}{}", shown.name, shown.lacks), shown.hue, false, curve));
        let points = validation(evaluator, &shown, x, |result| f64::from(result.loss))?;
        let curve = Thinned { points, ..Thinned::default() };
        chart.series.push(series(format!("{} validation", shown.name), shown.hue, true, curve));
        marks(evaluator, &shown, x, &mut chart)?;
    }
    if chart.series.iter().all(|series| series.points.iter().all(|point| point[1].is_nan())) {
        chart.notes.push("no loss is recorded yet".to_owned());
    }
    visible(chart)
}

/// Any recorded number.
pub(crate) fn chart(
    evaluator: &mut Evaluator,
    branches: &[BranchName],
    wanted: &Wanted<'_>,
    x: XAxis,
    scale: Scale,
) -> Result<Chart, NotebookError> {
    let Some((name, unit)) = QUANTITIES.iter().find(|(name, _)| *name == wanted.quantity.replace('-', "_")) else {
        let names: Vec<&str> = QUANTITIES.iter().map(|(name, _)| *name).collect();
        let what = format!("there is no quantity `{}`", wanted.quantity);
        return Err(NotebookError::Unknown { what, known: format!("there is {}", names.join(", ")) });
    };
    let label = name.replace('_', " ");
    let of_filters = is_of_filters(name);
    let subject = match (wanted.layer, wanted.filter) {
        (Some(layer), Some(filter)) => format!(" of {layer}/{filter}"),
        (Some(layer), None) => format!(" of {layer}, mean over its filters"),
        (None, _) => String::new(),
    };
    if of_filters != wanted.layer.is_some() {
        let (what, known) = if of_filters {
            (format!("`{name}` is a number of each filter"), "name a layer as well".to_owned())
        } else {
            (format!("`{name}` is a number of the whole network"), "leave the layer out".to_owned())
        };
        return Err(NotebookError::Unknown { what, known });
    }
    let mut chart = empty(&format!("{label}{subject}"), (&label, *unit), x, scale);
    // Of several branches some may lack the filter, or the number.
    let (mut found, mut lacking, mut without) = (false, None, Vec::new());
    let all = shown(evaluator, branches, x)?;
    for shown in &all {
        match quantity_of(evaluator, shown, name, wanted, x) {
            Ok(curve) if curve.points.iter().any(|point| !point[1].is_nan()) => {
                found = true;
                chart.series.push(series(format!("{}{}", shown.name, shown.lacks), shown.hue, false, curve));
                marks(evaluator, shown, x, &mut chart)?;
                continue;
            }
            Ok(_) => without.push(format!("`{}` has no {label}{subject} at any of its steps", shown.name)),
            Err(NotebookError::Recorder(error @ RecorderError::Store(StoreError::UnknownFilter { .. }))) => {
                lacking.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        let name = format!("{} (has none)", shown.name);
        chart.series.push(series(name, shown.hue, false, Thinned::default()));
    }
    if found {
        chart.notes = without;
        return visible(chart);
    }
    match lacking {
        Some(error) => Err(error.into()),
        None => {
            let what = without.join("; ");
            let mut known = Vec::new();
            for (other, _) in QUANTITIES.iter().filter(|(other, _)| is_of_filters(other) == of_filters) {
                let curve = quantity_of(evaluator, &all[0], other, wanted, x)?;
                if curve.points.iter().any(|point| !point[1].is_nan()) {
                    known.push(*other);
                }
            }
            let known = match known.is_empty() {
                true => "no number of it has a value yet".to_owned(),
                false => format!("there is {}", known.join(", ")),
            };
            Err(NotebookError::Unknown { what, known })
        }
    }
}

/// Whether a quantity is a number of each filter.
fn is_of_filters(quantity: &str) -> bool {
    Table::Filters.schema().index_of(quantity).is_ok()
}

/// A quantity of the shown steps of a branch.
fn quantity_of(
    evaluator: &mut Evaluator,
    shown: &Shown,
    name: &str,
    wanted: &Wanted<'_>,
    x: XAxis,
) -> Result<Thinned, NotebookError> {
    let points = match name {
        "validation_loss" => validation(evaluator, shown, x, |result| f64::from(result.loss))?,
        "validation_accuracy" => validation(evaluator, shown, x, |result| f64::from(result.accuracy()))?,
        column => {
            let table = if is_of_filters(column) { Table::Filters } else { Table::Steps };
            let (layer, filter) = (wanted.layer.cloned(), wanted.filter);
            let quantity = Quantity { table, column: column.to_owned(), layer, filter };
            return curve(evaluator, shown, &quantity, x, MOST_POINTS);
        }
    };
    Ok(Thinned { points, ..Thinned::default() })
}

/// Says how many points of a chart cannot be drawn.
///
/// # Errors
/// Where no point of it can be.
fn visible(mut chart: Chart) -> Result<Chart, NotebookError> {
    let logarithmic = chart.y.scale == Scale::Logarithmic;
    let reason = if logarithmic { "not positive and finite" } else { "not finite" };
    let (mut drawn, mut hidden) = (0, Vec::new());
    for series in &chart.series {
        let values = || series.points.iter().map(|point| point[1]).filter(|value| !value.is_nan());
        let hides = |value: &f64| !value.is_finite() || (logarithmic && *value <= 0.0);
        let count = values().filter(hides).count();
        drawn += values().count() - count;
        if count > 0 {
            hidden.push(format!("{}: {count} of {} values are {reason}, and left out", series.name, values().count()));
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

fn empty(title: &str, (label, unit): (&str, Option<&str>), x: XAxis, scale: Scale) -> Chart {
    let (name, images) = match x {
        XAxis::Step => ("step", None),
        XAxis::Images => ("images trained on", Some("images")),
        XAxis::Epoch => ("epoch", None),
        XAxis::Fork => ("steps since the fork", None),
    };
    Chart {
        title: title.to_owned(),
        x: Axis { label: name.to_owned(), unit: images.map(str::to_owned), scale: Scale::Linear },
        y: Axis { label: label.to_owned(), unit: unit.map(str::to_owned), scale },
        series: Vec::new(),
        marks: Vec::new(),
        notes: Vec::new(),
    }
}

fn series(name: String, hue: Hue, dashed: bool, curve: Thinned) -> Series {
    Series { name, hue, dashed, points: curve.points, bounds: curve.bounds }
}

/// What of each branch is shown: its whole history, but only its own steps
/// where an ancestor is shown too, or where the axis begins at the fork.
fn shown(evaluator: &mut Evaluator, branches: &[BranchName], x: XAxis) -> Result<Vec<Shown>, NotebookError> {
    if branches.is_empty() {
        return Err(NotebookError::TooFewBranches { needed: 1, found: 0 });
    }
    let mut all = Vec::with_capacity(branches.len());
    for name in branches {
        let lineage = evaluator.lineage(name)?;
        let ids: Vec<_> = lineage.readers().iter().map(|reader| reader.branch().id.clone()).collect();
        let own =
            x == XAxis::Fork || lineage.readers()[1..].iter().any(|reader| branches.contains(&reader.branch().name));
        let mut parts: Vec<(usize, StepSpan)> = lineage
            .parts()
            .into_iter()
            .filter_map(|(reader, span)| Some((ids.iter().position(|id| *id == reader.branch().id)?, span)))
            .filter(|(place, _)| !own || *place == 0)
            .collect();
        parts.reverse();
        let fork = lineage.branch().parent.as_ref().map(|parent| parent.step);
        let missing: Vec<String> = if own { Vec::new() } else { missing(lineage)? };
        let lacks = if missing.is_empty() { String::new() } else { format!(" (lacks steps {})", missing.join(", ")) };
        let id = ids[0].clone();
        all.push(Shown { name: name.clone(), hue: evaluator.hue(&id), lacks, fork, parts });
    }
    Ok(all)
}

/// The steps that are missing from a history.
fn missing(lineage: &Lineage) -> Result<Vec<String>, NotebookError> {
    Ok(lineage.gaps()?.into_iter().map(|gap| gap.span.to_string()).collect())
}

/// A quantity of the shown steps, thinned. A layer that an ancestor lacks is
/// a gap there.
fn curve(
    evaluator: &mut Evaluator,
    shown: &Shown,
    quantity: &Quantity,
    x: XAxis,
    most: usize,
) -> Result<Thinned, NotebookError> {
    let mut points = Vec::new();
    for (place, span) in &shown.parts {
        let (curves, lineage) = evaluator.curves_of(&shown.name)?;
        let reader = &lineage.readers()[*place];
        let Some(all) = reader.steps() else { continue };
        let values = match curves.of(reader, all, quantity) {
            Ok(curve) => curve.within(*span).collect::<Vec<_>>(),
            Err(StoreError::UnknownFilter { .. }) if *place > 0 => continue,
            Err(error) => return Err(error.into()),
        };
        let positions = positions(evaluator, shown, *place, *span, x)?;
        points.extend(values.into_iter().zip(positions).map(|((_, value, bounds), x)| (x, value, bounds)));
    }
    Ok(thin(&points, most))
}

/// Where the steps of a part lie on the horizontal axis.
fn positions(
    evaluator: &mut Evaluator,
    shown: &Shown,
    place: usize,
    span: StepSpan,
    x: XAxis,
) -> Result<Vec<f64>, NotebookError> {
    let mut column = |name: &str| -> Result<Vec<f64>, NotebookError> {
        let (curves, lineage) = evaluator.curves_of(&shown.name)?;
        let reader = &lineage.readers()[place];
        let all = reader.steps().unwrap_or(span);
        let curve = curves.of(reader, all, &Quantity::step(name))?;
        Ok(curve.within(span).map(|(_, value, _)| value).collect())
    };
    let steps = (span.first.0..=span.last.0).map(|step| step as f64);
    let fork = shown.fork.map_or(0.0, |step| step.0 as f64);
    match x {
        XAxis::Step => Ok(steps.collect()),
        XAxis::Fork => Ok(steps.map(|step| step - fork).collect()),
        XAxis::Images => column("images_seen"),
        XAxis::Epoch => {
            let (epochs, offsets, seen) = (column("epoch")?, column("offset")?, column("images_seen")?);
            // The images of an epoch follow from a step past the first one.
            let past = epochs.iter().zip(&offsets).zip(&seen).find(|((epoch, _), _)| **epoch > 0.0);
            let images = match past {
                Some(((epoch, offset), seen)) => (seen - offset) / epoch,
                None => epoch_images(evaluator, shown)?,
            };
            Ok(epochs.into_iter().zip(offsets).map(|(epoch, offset)| epoch + offset / images).collect())
        }
    }
}

/// Training images of an epoch, told by the data set.
fn epoch_images(evaluator: &mut Evaluator, shown: &Shown) -> Result<f64, NotebookError> {
    let record = evaluator.lineage(&shown.name)?.branch().clone();
    let holdout = record.definition().map_or(0, |definition| definition.holdout_every);
    let dataset = evaluator.dataset(&record).map_err(|reason| NotebookError::Unknown {
        what: format!("the length of an epoch of `{}` is not known before its first one is over", shown.name),
        known: format!("{reason}; choose steps or images"),
    })?;
    let images = dataset.train().len();
    Ok(f64::from(images - images.checked_div(holdout).unwrap_or(0)))
}

/// A number of each full validation of the shown steps.
fn validation(
    evaluator: &mut Evaluator,
    shown: &Shown,
    x: XAxis,
    of: impl Fn(&revacnn_schemas::ValidationResult) -> f64,
) -> Result<Vec<[f64; 2]>, NotebookError> {
    let mut points = Vec::new();
    for (place, span) in &shown.parts {
        let found = evaluator.lineage(&shown.name)?.readers()[*place].validations()?;
        let positions = positions(evaluator, shown, *place, *span, x)?;
        let within = found.iter().filter(|(step, _)| span.contains(*step));
        points.extend(within.map(|(step, result)| [positions[(step.0 - span.first.0) as usize], of(result)]));
    }
    Ok(points)
}

/// The branch's fork and events as marks.
fn marks(evaluator: &mut Evaluator, shown: &Shown, x: XAxis, chart: &mut Chart) -> Result<(), NotebookError> {
    let Some((0, span)) = shown.parts.last().copied() else { return Ok(()) };
    let reader: &BranchReader = evaluator.lineage(&shown.name)?.own();
    let happened = events(reader, span)?;
    let fork = shown.fork.map(|step| (step, shown.name.to_string(), MarkKind::Fork));
    let happened = happened.into_iter().map(|event| (event.step, event.kind, MarkKind::Event));
    let positions = positions(evaluator, shown, 0, span, x)?;
    let within = fork.into_iter().chain(happened).filter(|(step, ..)| span.contains(*step));
    chart.marks.extend(within.map(|(step, text, kind)| {
        let x = positions[(step.0 - span.first.0) as usize];
        Mark { x, text, hue: shown.hue, kind }
    }));
    Ok(())
}
