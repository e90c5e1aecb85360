//! Row groups of the tables with constant rows a step, written column by
//! column from a handful of steps.
//!
//! A list column's repetition and definition levels are the same at every
//! step, so they are made once; only gradients with frozen filters need
//! levels of their own.

use std::io::Write;

use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use revacnn_schemas::{Table, canonical_bits};

use crate::shape::{BranchShape, RowPlan};
use crate::write::pages::Group;
use crate::write::record::{ROW_GROUP_STEPS, StepRecord};
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
}

/// What a family of tables writes again and again: identities of rows for a
/// full row group, levels of a step.
#[derive(Debug, Clone)]
struct Constants {
    rows: usize,
    layer: Vec<ByteArray>,
    filter: Vec<i32>,
    born: Vec<ByteArray>,
    image: Vec<i32>,
    required: Levels,
    nullable: Levels,
}

impl Constants {
    fn of(plan: &RowPlan) -> Self {
        let steps = plan.images.len() * ROW_GROUP_STEPS;
        let image_rows = plan.images.iter().flatten();
        let image: Vec<i32> = image_rows.flat_map(|&image| std::iter::repeat_n(image, plan.rows_an_image)).collect();
        Self {
            rows: plan.rows(),
            layer: repeat(&plan.layer_column, steps),
            filter: repeat(&plan.filter_column, steps),
            born: repeat(&plan.born_column, steps),
            image: repeat(&image, ROW_GROUP_STEPS),
            required: Levels::of(plan.lengths().map(Some), 1),
            nullable: Levels::of(plan.lengths().map(Some), 2),
        }
    }
}

fn repeat<T: Clone>(values: &[T], times: usize) -> Vec<T> {
    std::iter::repeat_n(values, times).flatten().cloned().collect()
}

/// Writes row groups of one branch; keeps its scratch space.
#[derive(Debug)]
pub(crate) struct RowGroups {
    shape: BranchShape,
    parameters: Constants,
    blocks: Constants,
    normalisation: Constants,
    steps: Vec<i64>,
    floats: Vec<f32>,
}

impl RowGroups {
    pub(crate) fn new(shape: &BranchShape) -> Self {
        Self {
            shape: shape.clone(),
            parameters: Constants::of(&shape.parameters),
            blocks: Constants::of(&shape.blocks),
            normalisation: Constants::of(&shape.normalisation),
            steps: Vec::new(),
            floats: Vec::new(),
        }
    }

    /// Writes the steps, at most [`ROW_GROUP_STEPS`], as one row group.
    pub(crate) fn write<W: Write + Send>(
        &mut self,
        group: &mut Group<'_, W>,
        table: Table,
        steps: &[(Box<StepRecord>, FilterStatistics)],
    ) -> Result<()> {
        let constants = match table {
            Table::Weights | Table::Gradients | Table::Filters => &self.parameters,
            Table::Activations | Table::ActivationGradients => &self.blocks,
            Table::Normalisation => &self.normalisation,
            _ => return Err(ParquetError::General(format!("{table} has no constant rows"))),
        };
        let rows = constants.rows * steps.len();
        self.steps.clear();
        for (step, _) in steps {
            let step = step.scalars.step.0 as i64;
            self.steps.resize(self.steps.len() + constants.rows, step);
        }
        flat::<Int64Type>(group, &self.steps)?;
        flat::<ByteArrayType>(group, &constants.layer[..rows])?;
        flat::<Int32Type>(group, &constants.filter[..rows])?;
        flat::<ByteArrayType>(group, &constants.born[..rows])?;
        let floats = &mut self.floats;
        match table {
            Table::Weights => {
                let values = steps.iter().map(|(step, _)| step.weights.as_slice());
                lists(group, &constants.required, values)?;
                gather(floats, steps.iter().map(|(step, _)| step.biases.as_slice()));
                flat::<FloatType>(group, floats)?;
            }
            Table::Gradients => gradients(group, constants, &self.shape, steps, floats)?,
            Table::Activations => {
                flat::<Int32Type>(group, &constants.image[..rows])?;
                let values = steps.iter().map(|(step, _)| step.activations.as_slice());
                lists(group, &constants.required, values)?;
            }
            Table::ActivationGradients => {
                flat::<Int32Type>(group, &constants.image[..rows])?;
                let values = steps.iter().map(|(step, _)| step.activation_gradients.as_slice());
                lists(group, &constants.required, values)?;
            }
            Table::Normalisation => {
                gather(floats, steps.iter().map(|(step, _)| step.running_mean.as_slice()));
                flat::<FloatType>(group, floats)?;
                gather(floats, steps.iter().map(|(step, _)| step.running_variance.as_slice()));
                flat::<FloatType>(group, floats)?;
            }
            _ => filters(group, steps, floats)?,
        }
        Ok(())
    }
}

fn flat<T: DataType>(group: &mut Group<'_, impl Write + Send>, values: &[T::T]) -> Result<()> {
    group.column::<T>(|column| column.write_batch(values, None, None).map(drop))
}

/// A list column whose levels are the same at every step.
fn lists<'a>(
    group: &mut Group<'_, impl Write + Send>,
    levels: &Levels,
    steps: impl Iterator<Item = &'a [f32]>,
) -> Result<()> {
    group.column::<FloatType>(|column| {
        for values in steps {
            column.write_batch(values, Some(&levels.definition), Some(&levels.repetition))?;
        }
        Ok(())
    })
}

fn gather<'a>(target: &mut Vec<f32>, steps: impl Iterator<Item = &'a [f32]>) {
    target.clear();
    steps.for_each(|values| target.extend_from_slice(values));
}

/// Values and definition levels of a column that may be null.
fn optional(group: &mut Group<'_, impl Write + Send>, values: impl Iterator<Item = Option<f32>>) -> Result<()> {
    let (mut present, mut definition) = (Vec::new(), Vec::new());
    for value in values {
        definition.push(i16::from(value.is_some()));
        present.extend(value.map(|value| f32::from_bits(canonical_bits(value))));
    }
    group.column::<FloatType>(|column| column.write_batch(&present, Some(&definition), None).map(drop))
}

fn gradients(
    group: &mut Group<'_, impl Write + Send>,
    constants: &Constants,
    shape: &BranchShape,
    steps: &[(Box<StepRecord>, FilterStatistics)],
    scratch: &mut Vec<f32>,
) -> Result<()> {
    group.column::<FloatType>(|column| {
        for (step, _) in steps {
            let nulls = &step.null_gradients;
            if !nulls.contains(&true) {
                let levels = &constants.nullable;
                column.write_batch(&step.gradients, Some(&levels.definition), Some(&levels.repetition))?;
                continue;
            }
            scratch.clear();
            let mut start = 0;
            for (length, &null) in shape.parameters.lengths().zip(nulls) {
                if !null {
                    scratch.extend_from_slice(&step.gradients[start..start + length]);
                }
                start += length;
            }
            let lengths = shape.parameters.lengths().zip(nulls);
            let levels = Levels::of(lengths.map(|(length, &null)| (!null).then_some(length)), 2);
            column.write_batch(scratch, Some(&levels.definition), Some(&levels.repetition))?;
        }
        Ok(())
    })?;
    let biases = steps.iter().flat_map(|(step, _)| {
        let rows = step.bias_gradients.iter().zip(&step.null_gradients);
        rows.map(|(&value, &null)| (!null).then_some(value))
    });
    optional(group, biases)
}

fn filters(
    group: &mut Group<'_, impl Write + Send>,
    steps: &[(Box<StepRecord>, FilterStatistics)],
    scratch: &mut Vec<f32>,
) -> Result<()> {
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
