//! Columns of the log as curves: read once, then only what was added; thinned
//! to as many points as a picture can show.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;
use revacnn_schemas::{FilterNumber, HyperParameters, LayerName, Step, Table};
use revacnn_store::{BranchReader, Selection, StepSpan, StoreError};

use super::History;
use crate::{NotebookError, Sources};

/// Which number of each step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Quantity {
    pub(crate) table: Table,
    pub(crate) column: String,
    pub(crate) layer: Option<LayerName>,
    pub(crate) filter: Option<FilterNumber>,
    /// The hyper-parameter, where the column is that of all which have none of
    /// their own.
    pub(crate) hyper_parameter: Option<String>,
}

/// The column of hyper-parameters that have none of their own.
const OTHERS: &str = "hyper_parameters";

impl Quantity {
    pub(crate) fn step(column: &str) -> Self {
        let column = column.to_owned();
        Self { table: Table::Steps, column, layer: None, filter: None, hyper_parameter: None }
    }

    /// A hyper-parameter without a column of its own.
    pub(crate) fn hyper_parameter(name: &str) -> Self {
        Self { hyper_parameter: Some(name.to_owned()), ..Self::step(OTHERS) }
    }
}

/// A number of each own step of a branch; not-a-number where it is null. Of a
/// whole layer it is the mean over the filters that have it, with the smallest
/// and the largest.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    first: Step,
    values: Vec<f64>,
    bounds: Vec<[f64; 2]>,
}

impl Curve {
    /// The values of a span that the curve has.
    fn within(&self, span: StepSpan) -> impl Iterator<Item = (f64, [f64; 2])> {
        let start = (span.first.0 - self.first.0) as usize;
        (start..=(span.last.0 - self.first.0) as usize).map(|place| {
            let value = self.values[place];
            (value, self.bounds.get(place).copied().unwrap_or([value; 2]))
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.values) + size_of_val(&*self.bounds)
    }
}

impl Sources {
    /// A branch's curve up to its last step, within a span that it has. Only
    /// what is new of it is read.
    pub(crate) fn curve(
        &mut self,
        history: &History,
        reader: usize,
        span: StepSpan,
        quantity: &Quantity,
    ) -> Result<Vec<(f64, [f64; 2])>, NotebookError> {
        self.lineage_of(history)?;
        let reader = &self.lineages[history].readers()[reader];
        let id = reader.branch().id.clone();
        let all = reader.steps().unwrap_or(span);
        let kept = self.kept.take_curve(&id, quantity);
        let mut curve = kept.unwrap_or_else(|| Curve { first: all.first, ..Curve::default() });
        let next = Step(curve.first.0 + curve.values.len() as u64);
        let read = match next <= all.last {
            true => extend(&mut curve, reader, StepSpan::new(next, all.last), quantity),
            false => Ok(()),
        };
        let values = read.map(|()| curve.within(span).collect());
        self.kept.keep_curve(&id, quantity, curve);
        Ok(values?)
    }

    /// The hyper-parameters without a column of their own that a branch has at
    /// some step of a span, in the order of their names.
    pub(crate) fn other_hyper_parameters(
        &mut self,
        history: &History,
        reader: usize,
        span: StepSpan,
    ) -> Result<Vec<String>, NotebookError> {
        self.lineage_of(history)?;
        let reader = &self.lineages[history].readers()[reader];
        let batch = reader.read_columns(Table::Steps, span, &Selection::all(), &[OTHERS])?;
        // Nearly all steps have the same text.
        let texts: BTreeSet<&str> = batch.column(0).as_string::<i32>().iter().flatten().collect();
        let named = texts.into_iter().filter_map(hyper_parameters);
        let all = named.flat_map(|named| named.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
        Ok(all.collect::<BTreeSet<String>>().into_iter().collect())
    }
}

fn hyper_parameters(text: &str) -> Option<HyperParameters> {
    let mut named = HyperParameters::default();
    named.set_others(text).ok()?;
    Some(named)
}

fn extend(curve: &mut Curve, reader: &BranchReader, span: StepSpan, quantity: &Quantity) -> Result<(), StoreError> {
    let selection = Selection { layer: quantity.layer.clone(), filter: quantity.filter };
    let batch = reader.read_columns(quantity.table, span, &selection, &[&quantity.column])?;
    let values = match &quantity.hyper_parameter {
        Some(name) => entries(batch.column(0).as_string::<i32>(), name),
        None => numbers(batch.column(0)),
    };
    let a_step = values.len() / usize::try_from(span.steps()).unwrap_or(usize::MAX).max(1);
    if a_step <= 1 {
        curve.values.extend(values);
        return Ok(());
    }
    for step in values.chunks(a_step) {
        let there = || step.iter().copied().filter(|value| !value.is_nan());
        let count = there().count() as f64;
        curve.values.push(if count > 0.0 { there().sum::<f64>() / count } else { f64::NAN });
        curve.bounds.push(bounds(there()));
    }
    Ok(())
}

/// A column as numbers, not-a-number where null.
fn numbers(column: &ArrayRef) -> Vec<f64> {
    let value = |row: usize| match column.data_type() {
        _ if column.is_null(row) => f64::NAN,
        DataType::Float32 => f64::from(column.as_primitive::<Float32Type>().value(row)),
        DataType::Int32 => f64::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row) as f64,
        _ => f64::NAN,
    };
    (0..column.len()).map(value).collect()
}

/// A hyper-parameter of each row, not-a-number where there is none.
fn entries(rows: &StringArray, name: &str) -> Vec<f64> {
    let (mut text, mut value) = (None, f64::NAN);
    let of = |row: Option<&str>| row.and_then(hyper_parameters).and_then(|named| named.get(name));
    rows.iter()
        .map(|row| {
            // It changes where an edit or a schedule says so, seldom.
            if text != row {
                (text, value) = (row, of(row).map_or(f64::NAN, f64::from));
            }
            value
        })
        .collect()
}

fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let all = values.filter(|value| !value.is_nan()).fold(None, |all: Option<[f64; 2]>, value| {
        let [low, high] = all.unwrap_or([value; 2]);
        Some([low.min(value), high.max(value)])
    });
    all.unwrap_or([f64::NAN; 2])
}

/// Points of a thinned curve, and the smallest and largest value about each;
/// none where each point is one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Thinned {
    pub(crate) points: Vec<[f64; 2]>,
    pub(crate) bounds: Vec<[f64; 2]>,
    /// Where the steps of each point begin; none where each point is one step.
    pub(crate) begins: Vec<f64>,
    /// The points before they were smoothed; none where they were not.
    pub(crate) raw: Vec<[f64; 2]>,
    /// Steps that a point stands for.
    pub(crate) steps: usize,
    /// Whether it is the mean of several curves, whose lowest and highest are its bounds.
    pub(crate) is_mean: bool,
}

/// Thins a curve: a mean over so many steps for each point, and over more for the last
/// one where few are left: a mean over one or two would be a spike at the end.
pub(crate) fn thin(points: &[(f64, f64, [f64; 2])], steps: usize) -> Thinned {
    let steps = steps.max(1);
    let mut thinned = Thinned { steps, ..Thinned::default() };
    let rest = points.len() % steps;
    let (whole, last) = points.split_at(if rest > 0 && 2 * rest < steps && points.len() > steps {
        points.len() - rest - steps
    } else {
        points.len()
    });
    for chunk in whole.chunks(steps).chain((!last.is_empty()).then_some(last)) {
        let there = || chunk.iter().filter(|(_, value, _)| !value.is_nan());
        let count = there().count() as f64;
        let mean = if count > 0.0 { there().map(|(_, value, _)| value).sum::<f64>() / count } else { f64::NAN };
        // The last of its steps is where a mean over them is known.
        thinned.points.push([chunk[chunk.len() - 1].0, mean]);
        if steps > 1 {
            thinned.begins.push(chunk[0].0);
        }
        thinned.bounds.push(bounds(chunk.iter().flat_map(|(_, _, bounds)| *bounds)));
    }
    let single = thinned
        .points
        .iter()
        .zip(&thinned.bounds)
        .all(|(point, [low, high])| (low.is_nan() && high.is_nan()) || (*low == point[1] && *high == point[1]));
    if single {
        thinned.bounds.clear();
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_means_and_extremes_and_gaps() {
        let value = |x: usize| if x < 4 { f64::NAN } else { x as f64 };
        let points: Vec<_> = (0..10).map(|x| (x as f64, value(x), [value(x); 2])).collect();
        let thinned = thin(&points, 2);
        assert_eq!(thinned.steps, 2);
        assert!(thinned.points[0][1].is_nan() && thinned.points[1][1].is_nan());
        assert_eq!(thinned.points[2..], [[5.0, 4.5], [7.0, 6.5], [9.0, 8.5]]);
        assert_eq!(thinned.bounds[2..], [[4.0, 5.0], [6.0, 7.0], [8.0, 9.0]]);
        assert_eq!(thinned.begins, [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!((thin(&points[..9], 4).begins, thin(&points, 1).begins), (vec![0.0, 4.0], Vec::new()));
        // Nine by four: the ninth belongs to the second point; of seven, three are one.
        assert_eq!(thin(&points[..9], 4).points.iter().map(|point| point[0]).collect::<Vec<_>>(), [3.0, 8.0]);
        assert_eq!(thin(&points[..7], 4).points.iter().map(|point| point[0]).collect::<Vec<_>>(), [3.0, 6.0]);
        assert_eq!(thin(&points[..1], 4).points.len(), 1);
        assert_eq!(thin(&points[4..], 1).bounds, Vec::<[f64; 2]>::new(), "a point a step has no bounds");
    }
}
