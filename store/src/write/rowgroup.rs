//! Row groups of the tables with constant rows a step, written column by
//! column from a handful of steps.
//!
//! A list column's repetition and definition levels are the same at every
//! step, so they are made once; only gradients with frozen filters need
//! levels of their own.

use parquet::data_type::{ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use revacnn_schemas::{Table, canonical_bits};

use crate::shape::RowPlan;
use crate::write::file::{FileKind, page_steps};
use crate::write::list_pages::ListPages;
use crate::write::pages::Group;
use crate::write::record::StepRecord;
use crate::write::statistics::FilterStatistics;

/// Repetition and definition levels of a list column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    pub(crate) repetition: Vec<i16>,
    pub(crate) definition: Vec<i16>,
}

impl Levels {
    /// Levels of lists of these lengths, `None` for null. The definition
    /// level of an element is 1 where lists are required and 2 where they may
    /// be null.
    pub(crate) fn of(lengths: impl Iterator<Item = Option<usize>>, element: i16) -> Self {
        let mut levels = Self::default();
        for length in lengths {
            let rows = length.unwrap_or(0).max(1);
            let definition = match length {
                None => 0,
                Some(0) => element - 1,
                Some(_) => element,
            };
            levels.repetition.push(0);
            levels.repetition.resize(levels.repetition.len() + rows - 1, 1);
            levels.definition.resize(levels.definition.len() + rows, definition);
        }
        levels
    }

    /// Lists.
    pub(crate) fn rows(&self) -> usize {
        self.repetition.iter().filter(|&&repetition| repetition == 0).count()
    }

    /// Elements of lists of these lengths: what has the highest level.
    pub(crate) fn values(&self, element: i16) -> usize {
        self.definition.iter().filter(|&&definition| definition == element).count()
    }
}

/// Steps of a row group, each with its statistics.
pub(crate) type Pending = [(Box<StepRecord>, FilterStatistics)];

/// Encodes the row groups of one table of a branch; keeps its room.
#[derive(Debug)]
pub(crate) struct RowGroups {
    table: Table,
    plan: RowPlan,
    lists: Option<ListPages>,
    group: Group,
    /// Rows of the group whose identities are encoded in it.
    identified: Option<usize>,
    steps: Vec<i64>,
    floats: Vec<f32>,
}

impl RowGroups {
    /// For a table with these rows a step.
    pub(crate) fn new(kind: &FileKind, plan: &RowPlan) -> Result<Self> {
        let table = kind.table;
        let split = table == Table::Weights;
        let element = match table {
            Table::Weights | Table::Activations | Table::ActivationGradients => Some(1),
            Table::Gradients => Some(2),
            _ => None,
        };
        let lists = element.map(|element| {
            let levels = Levels::of(plan.lengths().map(Some), element);
            ListPages::new(levels, element, page_steps(table, plan.values()), split)
        });
        let (lists, group) = (lists.transpose()?, kind.group());
        let (steps, floats) = (Vec::new(), Vec::new());
        Ok(Self { table, plan: plan.clone(), lists, group, identified: None, steps, floats })
    }

    /// The row group that was encoded last.
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    /// Encodes the steps, at most [`ROW_GROUP_STEPS`](super::record::ROW_GROUP_STEPS), as one row group;
    /// where `fast`, in less time and to more bytes.
    pub(crate) fn encode(&mut self, steps: &Pending, fast: bool) -> Result<()> {
        let Self { table, plan, lists, group, identified, floats, .. } = self;
        let rows = plan.rows();
        self.steps.clear();
        for (step, _) in steps {
            self.steps.resize(self.steps.len() + rows, step.scalars.step.0 as i64);
        }
        group.begin();
        flat::<Int64Type>(group, &self.steps)?;
        // Who the rows are of is the same in each row group of as many steps.
        let same = identified.replace(self.steps.len()) == Some(self.steps.len());
        let times = plan.images.len() * steps.len();
        identity::<ByteArrayType>(group, same, || repeat(&plan.layer_column, times))?;
        identity::<Int32Type>(group, same, || repeat(&plan.filter_column, times))?;
        identity::<ByteArrayType>(group, same, || repeat(&plan.born_column, times))?;
        if matches!(table, Table::Activations | Table::ActivationGradients) {
            let images = plan.images.iter().flatten();
            let of_step =
                || images.flat_map(|&image| std::iter::repeat_n(image, plan.rows_an_image)).collect::<Vec<_>>();
            identity::<Int32Type>(group, same, || repeat(&of_step(), steps.len()))?;
        }
        match (&*table, lists) {
            (Table::Weights, Some(lists)) => {
                lists.write(group, &of(steps, |step| &step.weights), fast)?;
                gather(floats, steps.iter().map(|(step, _)| step.biases.as_slice()));
                flat::<FloatType>(group, floats)
            }
            (Table::Gradients, Some(lists)) => gradients(group, lists, plan, steps, fast, floats),
            (Table::Activations, Some(lists)) => lists.write(group, &of(steps, |step| &step.activations), fast),
            (Table::ActivationGradients, Some(lists)) => {
                lists.write(group, &of(steps, |step| &step.activation_gradients), fast)
            }
            (Table::Normalisation, _) => {
                gather(floats, steps.iter().map(|(step, _)| step.running_mean.as_slice()));
                flat::<FloatType>(group, floats)?;
                gather(floats, steps.iter().map(|(step, _)| step.running_variance.as_slice()));
                flat::<FloatType>(group, floats)
            }
            (Table::Filters, _) => filters(group, steps, floats),
            (table, _) => Err(ParquetError::General(format!("{table} has no constant rows"))),
        }
    }
}

/// A column of identities, encoded anew where it is not the same as before.
fn identity<T: DataType>(group: &mut Group, same: bool, values: impl FnOnce() -> Vec<T::T>) -> Result<()> {
    if same {
        group.keep();
        return Ok(());
    }
    flat::<T>(group, &values())
}

fn repeat<T: Clone>(values: &[T], times: usize) -> Vec<T> {
    std::iter::repeat_n(values, times).flatten().cloned().collect()
}

fn of(steps: &Pending, values: impl Fn(&StepRecord) -> &Vec<f32>) -> Vec<&[f32]> {
    steps.iter().map(|(step, _)| values(step).as_slice()).collect()
}

fn flat<T: DataType>(group: &mut Group, values: &[T::T]) -> Result<()> {
    group.column::<T>(|column| column.write_batch(values, None, None).map(drop))
}

fn gather<'a>(target: &mut Vec<f32>, steps: impl Iterator<Item = &'a [f32]>) {
    target.clear();
    steps.for_each(|values| target.extend_from_slice(values));
}

/// Values and definition levels of a column that may be null.
fn optional(group: &mut Group, values: impl Iterator<Item = Option<f32>>) -> Result<()> {
    let (mut present, mut definition) = (Vec::new(), Vec::new());
    for value in values {
        definition.push(i16::from(value.is_some()));
        present.extend(value.map(|value| f32::from_bits(canonical_bits(value))));
    }
    group.column::<FloatType>(|column| column.write_batch(&present, Some(&definition), None).map(drop))
}

fn gradients(
    group: &mut Group,
    lists: &mut ListPages,
    plan: &RowPlan,
    steps: &Pending,
    fast: bool,
    scratch: &mut Vec<f32>,
) -> Result<()> {
    if steps.iter().any(|(step, _)| step.null_gradients.contains(&true)) {
        group.column::<FloatType>(|column| {
            for (step, _) in steps {
                let nulls = &step.null_gradients;
                scratch.clear();
                let mut start = 0;
                for (length, &null) in plan.lengths().zip(nulls) {
                    if !null {
                        scratch.extend_from_slice(&step.gradients[start..start + length]);
                    }
                    start += length;
                }
                let lengths = plan.lengths().zip(nulls);
                let levels = Levels::of(lengths.map(|(length, &null)| (!null).then_some(length)), 2);
                column.write_batch(scratch, Some(&levels.definition), Some(&levels.repetition))?;
            }
            Ok(())
        })?;
    } else {
        lists.write(group, &of(steps, |step| &step.gradients), fast)?;
    }
    let biases = steps.iter().flat_map(|(step, _)| {
        let rows = step.bias_gradients.iter().zip(&step.null_gradients);
        rows.map(|(&value, &null)| (!null).then_some(value))
    });
    optional(group, biases)
}

fn filters(group: &mut Group, steps: &Pending, scratch: &mut Vec<f32>) -> Result<()> {
    let of = |column: fn(&FilterStatistics) -> &Vec<Option<f32>>| {
        steps.iter().flat_map(move |(_, statistics)| column(statistics).iter().copied())
    };
    optional(group, of(|filter| &filter.mean_abs_gradient))?;
    optional(group, of(|filter| &filter.gradient_norm))?;
    scratch.clear();
    for (_, statistics) in steps {
        let norms = statistics.weight_norm.iter();
        scratch.extend(norms.map(|&norm| f32::from_bits(canonical_bits(norm))));
    }
    flat::<FloatType>(group, scratch)?;
    optional(group, of(|filter| &filter.update_ratio))?;
    optional(group, of(|filter| &filter.activation_sum))?;
    optional(group, of(|filter| &filter.zero_share))
}
