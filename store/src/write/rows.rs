//! The rows that a step has in the tables with constant rows, as record
//! batches: what the writer's row groups hold, to be compared with them.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{ArrayRef, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field};
use revacnn_schemas::{Table, canonical_bits};

use crate::shape::{BranchShape, RowPlan};
use crate::write::record::StepRecord;
use crate::write::statistics::FilterStatistics;

/// A step with the statistics of its filters.
pub(crate) type Described = (Box<StepRecord>, FilterStatistics);

/// The rows of some steps in a table whose rows a step are constant; `None` for
/// the other tables.
pub(crate) fn batch(shape: &BranchShape, table: Table, steps: &[Described]) -> Option<Result<RecordBatch, ArrowError>> {
    let plan = shape.plan(table)?;
    let schema = table.schema_of(shape.format_version);
    let columns = schema.fields().iter().map(|field| column(plan, table, field, steps));
    Some(columns.collect::<Result<Vec<_>, _>>().and_then(|columns| RecordBatch::try_new(schema.clone(), columns)))
}

fn column(plan: &RowPlan, table: Table, field: &Field, steps: &[Described]) -> Result<ArrayRef, ArrowError> {
    let name = field.name().as_str();
    let times = plan.images.len() * steps.len();
    let texts = |of: &[parquet::data_type::ByteArray]| -> ArrayRef {
        let texts = std::iter::repeat_n(of, times).flatten();
        Arc::new(StringArray::from_iter_values(texts.map(|text| text.as_utf8().unwrap_or_default())))
    };
    let floats = |of: fn(&Described) -> &Vec<f32>| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(steps.iter().flat_map(of).map(|&value| canonical(value))))
    };
    let optional = |of: fn(&FilterStatistics) -> &Vec<Option<f32>>| -> ArrayRef {
        let values = steps.iter().flat_map(|(_, statistics)| of(statistics));
        Arc::new(values.map(|value| value.map(canonical)).collect::<Float32Array>())
    };
    Ok(match (table, name) {
        (_, "step") => {
            let numbers = steps.iter().map(|(step, _)| step.scalars.step.0 as i64);
            Arc::new(Int64Array::from_iter_values(numbers.flat_map(|step| std::iter::repeat_n(step, plan.rows()))))
        }
        (_, "layer") => texts(&plan.layer_column),
        (_, "born") => texts(&plan.born_column),
        (_, "filter") => {
            Arc::new(Int32Array::from_iter_values(std::iter::repeat_n(&plan.filter_column, times).flatten().copied()))
        }
        (Table::Activations | Table::ActivationGradients, "image") => {
            let images = std::iter::repeat_n(&plan.images, steps.len()).flatten().flatten();
            let rows = images.flat_map(|&image| std::iter::repeat_n(image, plan.rows_an_image));
            Arc::new(Int32Array::from_iter_values(rows))
        }
        (Table::Weights, "values") => lists(plan, field, steps.iter().map(|(step, _)| (&step.weights, None)))?,
        (Table::Weights, "bias") => floats(|(step, _)| &step.biases),
        (Table::Gradients, "values") => {
            lists(plan, field, steps.iter().map(|(step, _)| (&step.gradients, Some(&step.null_gradients))))?
        }
        (Table::Gradients, "bias") => {
            let rows = steps.iter().flat_map(|(step, _)| step.bias_gradients.iter().zip(&step.null_gradients));
            Arc::new(rows.map(|(&value, &null)| (!null).then(|| canonical(value))).collect::<Float32Array>())
        }
        (Table::Activations, "values") => lists(plan, field, steps.iter().map(|(step, _)| (&step.activations, None)))?,
        (Table::ActivationGradients, "values") => {
            lists(plan, field, steps.iter().map(|(step, _)| (&step.activation_gradients, None)))?
        }
        (Table::Normalisation, "running_mean") => floats(|(step, _)| &step.running_mean),
        (Table::Normalisation, "running_variance") => floats(|(step, _)| &step.running_variance),
        (Table::Filters, "mean_abs_gradient") => optional(|filters| &filters.mean_abs_gradient),
        (Table::Filters, "gradient_norm") => optional(|filters| &filters.gradient_norm),
        (Table::Filters, "weight_norm") => floats(|(_, filters)| &filters.weight_norm),
        (Table::Filters, "update_ratio") => optional(|filters| &filters.update_ratio),
        (Table::Filters, "activation_sum") => optional(|filters| &filters.activation_sum),
        (Table::Filters, "zero_share") => optional(|filters| &filters.zero_share),
        _ => return Err(ArrowError::SchemaError(format!("nothing computes the column {name} of the table {table}"))),
    })
}

fn canonical(value: f32) -> f32 {
    f32::from_bits(canonical_bits(value))
}

/// Lists of the lengths that the plan gives, from all values of each step and
/// which of its lists are null.
fn lists<'a>(
    plan: &RowPlan,
    field: &Field,
    steps: impl Iterator<Item = (&'a Vec<f32>, Option<&'a Vec<bool>>)>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::List(element) = field.data_type() else {
        return Err(ArrowError::SchemaError(format!("{field} is no list")));
    };
    let mut lists = ListBuilder::new(Float32Builder::new()).with_field(element.clone());
    for (values, nulls) in steps {
        let mut first = 0;
        for (row, length) in plan.lengths().enumerate() {
            let null = nulls.is_some_and(|nulls| nulls[row]);
            if !null {
                lists.values().append_slice(&values[first..first + length]);
            }
            lists.append(!null);
            first += length;
        }
    }
    Ok(Arc::new(lists.finish()))
}
