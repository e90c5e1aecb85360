//! The small tables as record batches: steps, validation, events.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Float32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::ArrowError;
use arrow_schema::DataType;
use revacnn_schemas::{
    SCALARS, Sample, ScalarColumn, ScalarKind, Step, StepScalars, Table, ValidationResult, canonical_bits,
};

fn canonical(value: f32) -> f32 {
    f32::from_bits(canonical_bits(value))
}

/// The rows of `steps`, one per step.
#[derive(Debug, Default)]
pub(crate) struct StepRows {
    rows: Vec<StepScalars>,
}

impl StepRows {
    /// Notes a step's scalars.
    pub(crate) fn push(&mut self, scalars: &StepScalars) {
        self.rows.push(scalars.clone());
    }

    /// The rows in step order, with the columns of a format version.
    pub(crate) fn batch(&self, version: u32) -> Result<RecordBatch, ArrowError> {
        let columns = SCALARS.iter().filter(|column| column.since <= version);
        RecordBatch::try_new(Table::Steps.schema_of(version), columns.map(|column| self.column(column)).collect())
    }

    fn column(&self, column: &ScalarColumn) -> ArrayRef {
        let rows = self.rows.iter();
        match column.kind {
            ScalarKind::Long(get, _) => Arc::new(Int64Array::from_iter_values(rows.map(|row| get(row) as i64))),
            ScalarKind::Int(get, _) => Arc::new(Int32Array::from_iter_values(rows.map(|row| get(row) as i32))),
            ScalarKind::Float(get, _) => Arc::new(rows.map(|row| get(row).map(canonical)).collect::<Float32Array>()),
            ScalarKind::RequiredFloat(get, _) => {
                Arc::new(Float32Array::from_iter_values(rows.map(|row| canonical(get(row)))))
            }
            ScalarKind::Text(get, _) => Arc::new(rows.map(get).collect::<StringArray>()),
            ScalarKind::RequiredText(get, _) => Arc::new(StringArray::from_iter_values(rows.map(get))),
            ScalarKind::Time(get, _) => wall_times(rows.map(get)),
        }
    }
}

fn wall_times(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// The rows of `validation`, with the columns of a format version.
pub(crate) fn validation(rows: &[(Step, ValidationResult)], version: u32) -> Result<RecordBatch, ArrowError> {
    let schema = Table::Validation.schema_of(version);
    let confusion = ListArray::from_iter_primitive::<Int32Type, _, _>(
        rows.iter().map(|(_, result)| Some(result.confusion.as_ref()?.iter().map(|&count| Some(count as i32)))),
    );
    let (_, offsets, values, nulls) = confusion.into_parts();
    let confusion = match schema.field(5).data_type() {
        DataType::List(field) => ListArray::try_new(field.clone(), offsets, values, nulls)?,
        other => return Err(ArrowError::SchemaError(format!("confusion is {other}"))),
    };
    let floats = |of: fn(&ValidationResult) -> Option<f32>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, result)| of(result).map(canonical)).collect::<Float32Array>())
    };
    let ints = |of: fn(&ValidationResult) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, result)| of(result).map(|count| count as i32)).collect::<Int32Array>())
    };
    RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(step, _)| step.0 as i64))),
            floats(|result| Some(result.loss)),
            floats(ValidationResult::accuracy),
            ints(|result| result.correct),
            ints(|result| Some(result.images)),
            Arc::new(confusion),
        ],
    )
}

/// The rows of `samples`, one per image of each step.
#[derive(Debug, Default)]
pub(crate) struct SampleRows {
    /// Each with its step and its place in the batch.
    rows: Vec<(Step, usize, Sample)>,
}

impl SampleRows {
    /// Notes what came of a step's images.
    pub(crate) fn push(&mut self, step: Step, samples: &[Sample]) {
        self.rows.extend(samples.iter().enumerate().map(|(place, sample)| (step, place, *sample)));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows in order, with the columns of a format version; they are forgotten here.
    pub(crate) fn take(&mut self, version: u32) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let ints = |of: fn(&(Step, usize, Sample)) -> Option<u32>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(row).map(|value| value as i32)).collect::<Int32Array>())
        };
        let floats = |of: fn(&Sample) -> Option<f32>| -> ArrayRef {
            Arc::new(rows.iter().map(|(.., sample)| of(sample).map(canonical)).collect::<Float32Array>())
        };
        RecordBatch::try_new(
            Table::Samples.schema_of(version),
            vec![
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|(step, ..)| step.0 as i64))),
                ints(|(_, place, _)| Some(*place as u32)),
                ints(|(.., sample)| Some(sample.image.0)),
                ints(|(.., sample)| Some(sample.label)),
                ints(|(.., sample)| sample.predicted),
                floats(|sample| sample.output),
                floats(|sample| Some(sample.loss)),
            ],
        )
    }
}

/// The row of `events` for one event.
pub(crate) fn event(step: Step, kind: &str, message: &str, wall_time_micros: i64) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(
        Table::Events.schema(),
        vec![
            Arc::new(Int64Array::from(vec![step.0 as i64])),
            Arc::new(StringArray::from(vec![kind])),
            Arc::new(StringArray::from(vec![message])),
            wall_times(std::iter::once(wall_time_micros)),
        ],
    )
}
