//! Any recorded number over the training: columns of `steps`, every
//! hyper-parameter by its name, the validation's numbers, statistics of
//! filters.

use revacnn_recorder::RecorderError;
use revacnn_schemas::{
    Figure, FilterNumber, LayerName, Limits, SCALARS, ScalarColumn, ScalarKind, Scale, Step, Table, ValidationResult,
};
use revacnn_store::StoreError;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

use super::Family;
use super::curve::{
    Detail, Shown, curve, drawn, empty, loss_unit, marks, other_hyper_parameters, require_classes_of, series, shown,
    validation, visible, words,
};
use super::family::{groups, mean};
use crate::error::once_each;
use crate::look::in_words;
use crate::sources::curves::{Quantity, Thinned};
use crate::{CellKind, Context, NotebookError, Smoothing, XAxis};

/// Points of a curve that is drawn as it is.
const MOST_POINTS: usize = 2_000;

/// The quantity of two curves a branch: live accuracy, and accuracy of validations.
pub const ACCURACY: &str = "accuracy";

/// Numbers of each step that a [`Chart`] knows: columns of `steps`, the
/// validation's, and statistics of filters, with their units.
pub static QUANTITIES: LazyLock<Vec<(&str, Option<&str>)>> = LazyLock::new(|| {
    // What is measured first, then what is counted.
    let counted = |column: &&ScalarColumn| matches!(column.kind, ScalarKind::Long(..) | ScalarKind::Int(..));
    let scalars = || SCALARS.iter().filter(|column| column.quantity).map(|column| (column, column.unit));
    let measured = scalars().filter(|(column, _)| !counted(column));
    let scalars = measured.chain(scalars().rev().filter(|(column, _)| counted(column)));
    let others = [
        (ACCURACY, None),
        ("validation_loss", Some("nats")),
        ("validation_accuracy", None),
        ("mean_abs_gradient", None),
        ("gradient_norm", None),
        ("weight_norm", None),
        ("update_ratio", None),
        ("activation_sum", None),
        ("zero_share", None),
    ];
    scalars.map(|(column, unit)| (column.name, unit)).chain(others).collect()
});

/// Any recorded number of the shown branches over time: one of [`QUANTITIES`],
/// or any hyper-parameter of their optimizers by its name, such as `beta1`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Which number.
    pub quantity: String,
    /// The layer, for statistics of filters.
    pub layer: Option<LayerName>,
    /// One of its filters; the layer's mean where `None`.
    pub filter: Option<FilterNumber>,
    /// The horizontal axis.
    pub x: XAxis,
    /// How the vertical axis is laid out.
    pub scale: Scale,
    /// Its ends, where they are not those of what is shown.
    #[serde(default, skip_serializing_if = "Limits::are_none")]
    pub limits: Limits,
    /// How smooth the curves are.
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

impl CellKind for Chart {
    const KIND: &'static str = "chart";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, left_out) = drawn(context)?;
        let all = shown(context, &branches, self.x)?;
        let asked = self.quantity.replace('-', "_");
        let known = QUANTITIES.iter().find(|(name, _)| *name == asked);
        let detail = Detail::of(&all, MOST_POINTS, self.x, self.smoothing, self.within);
        // A curve is kept, and read on where the log grows; names are listed for who asks
        // for one that has no value.
        let mut is_there = known.is_some();
        for shown in &all {
            if is_there {
                break;
            }
            is_there = self.quantity_of(context, shown, &asked, &detail)?.points.iter().any(|point| !point[1].is_nan());
        }
        if !is_there {
            let others = other_hyper_parameters(context, &all)?;
            if !others.contains(&asked) {
                return Err(unknown_quantity(&self.quantity, others.iter().map(String::as_str)));
            }
        }
        let (name, unit) = known.map_or((asked.as_str(), None), |(name, unit)| (*name, *unit));
        if matches!(name, ACCURACY | "live_accuracy" | "batch_accuracy" | "validation_accuracy")
            && all.iter().all(|shown| !shown.outputs.are_of_classes())
            && let Some(shown) = all.first()
        {
            let record = context.sources().lineage_of(&shown.history)?.branch().clone();
            require_classes_of(&record, "accuracy", "there is loss, and validation_loss")?;
        }
        let unit = if unit == Some("nats") { loss_unit(&all) } else { unit };
        let label = in_words(name);
        let of_filters = is_of_filters(name);
        let subject = match (&self.layer, self.filter) {
            (Some(layer), Some(filter)) => format!(" of {layer}/{filter}"),
            (Some(layer), None) => format!(" of {layer}, mean over its filters"),
            (None, _) => String::new(),
        };
        check_layer(name, self.layer.is_some())?;
        let mut chart = empty(&format!("{label}{subject}"), (&label, unit), self.x, (self.scale, self.limits));
        // Of several branches some may lack the filter, or the number.
        let (mut found, mut lacking, mut without) = (false, None, Vec::new());
        let is_alone = all.len() == 1;
        for group in groups(&all, &self.families) {
            let (mut curves, mut validated) = (Vec::new(), Vec::new());
            for shown in &group.members {
                match self.quantity_of(context, shown, name, &detail) {
                    Ok(curve) if curve.points.iter().any(|point| !point[1].is_nan()) => curves.push(curve),
                    Ok(_) => {
                        without.push(format!("`{}` has no {label}{subject} at any of its steps", shown.name));
                        continue;
                    }
                    Err(NotebookError::Recorder(error @ RecorderError::Store(StoreError::UnknownFilter { .. }))) => {
                        lacking.get_or_insert(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                if name == ACCURACY {
                    let points = validation(context, shown, self.x, ValidationResult::accuracy)?;
                    validated.push(Thinned { points, ..Thinned::default() });
                }
                marks(context, shown, &group.name, self.x, &mut chart)?;
            }
            if curves.is_empty() {
                let name = format!("{} (has none)", group.name);
                chart.series.push(series(name, group.hue, false, Thinned::default()));
                continue;
            }
            found = true;
            let live = if name == ACCURACY { " live" } else { "" };
            let of = group.words(curves.len());
            let mut curve = mean(curves);
            // The lowest and the highest of its filters.
            curve.is_mean |= is_alone && of_filters && self.filter.is_none();
            let called = format!("{}{live}{of}{}{}", group.name, words(&curve), group.lacks);
            chart.series.push(series(called, group.hue, false, curve));
            if name == ACCURACY {
                let called = format!("{} validation{of}", group.name);
                chart.series.push(series(called, group.hue, true, mean(validated)));
            }
        }
        if found {
            chart.notes = without;
            chart.notes.extend(left_out);
            return visible(chart).map(Figure::Chart);
        }
        match lacking {
            Some(error) => Err(error.into()),
            None => {
                let what = without.join("; ");
                let mut known: Vec<String> = Vec::new();
                for (other, _) in QUANTITIES.iter().filter(|(other, _)| is_of_filters(other) == of_filters) {
                    let curve = self.quantity_of(context, &all[0], other, &detail)?;
                    if curve.points.iter().any(|point| !point[1].is_nan()) {
                        known.push((*other).to_owned());
                    }
                }
                if !of_filters {
                    known.extend(other_hyper_parameters(context, &all[..1])?);
                }
                let known = match known.is_empty() {
                    true => "no number of it has a value yet".to_owned(),
                    false => format!("there is {}", known.join(", ")),
                };
                Err(NotebookError::Unknown { what, known })
            }
        }
    }
}

impl Chart {
    /// The number at the shown steps of a branch.
    fn quantity_of(
        &self,
        context: &mut Context<'_>,
        shown: &Shown,
        name: &str,
        detail: &Detail,
    ) -> Result<Thinned, NotebookError> {
        let points = match name {
            "validation_loss" => validation(context, shown, self.x, |result| Some(result.loss))?,
            "validation_accuracy" => validation(context, shown, self.x, ValidationResult::accuracy)?,
            column => {
                let column = if column == ACCURACY { "live_accuracy" } else { column };
                let table = if is_of_filters(column) { Table::Filters } else { Table::Steps };
                let (layer, filter) = (self.layer.clone(), self.filter);
                let quantity = match QUANTITIES.iter().any(|(known, _)| *known == column) {
                    true => Quantity { table, layer, filter, ..Quantity::step(column) },
                    false => Quantity::hyper_parameter(column),
                };
                return curve(context, shown, &quantity, self.x, detail);
            }
        };
        Ok(detail.apply(Thinned { points, ..Thinned::default() }))
    }
}

/// A quantity that there is not, and those that there are: besides [`QUANTITIES`] other
/// hyper-parameters.
pub(crate) fn unknown_quantity<'a>(asked: &str, others: impl Iterator<Item = &'a str>) -> NotebookError {
    // An optimizer's numbers are told by every branch that has them.
    let names = QUANTITIES.iter().map(|(name, _)| *name).chain(others);
    let what = format!("there is no quantity `{asked}`");
    NotebookError::Misasked { what, known: format!("there is {}", once_each(names.map(str::to_owned))) }
}

/// Refuses a layer with a number of the whole network, and none with one of each filter.
pub(crate) fn check_layer(quantity: &str, has_layer: bool) -> Result<(), NotebookError> {
    let (what, known) = match (is_of_filters(quantity), has_layer) {
        (true, false) => (format!("`{quantity}` is a number of each filter"), "name a layer as well"),
        (false, true) => (format!("`{quantity}` is a number of the whole network"), "leave the layer out"),
        _ => return Ok(()),
    };
    Err(NotebookError::Misasked { what, known: known.to_owned() })
}

/// Whether a quantity is a number of each filter, and not of the whole network.
pub fn is_of_filters(quantity: &str) -> bool {
    Table::Filters.schema().index_of(quantity).is_ok()
}
