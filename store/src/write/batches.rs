//! The small tables as record batches: steps, validation, events.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Float32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::ArrowError;
use arrow_schema::DataType;
use revacnn_schemas::{Step, Table, ValidationResult, canonical_bits};

use crate::write::record::StepRecord;

fn canonical(value: f32) -> f32 {
    f32::from_bits(canonical_bits(value))
}

/// A column from one value a row.
fn required<T, A: FromIterator<T> + arrow_array::Array + 'static>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(A::from_iter(values))
}

/// The rows of `steps`, one a step.
#[derive(Debug, Default)]
pub(crate) struct StepRows {
    /// Records without their tensors.
    rows: Vec<StepRecord>,
}

impl StepRows {
    /// Notes a step's scalars.
    pub(crate) fn push(&mut self, step: &StepRecord) {
        self.rows.push(StepRecord {
            step: step.step,
            cursor: step.cursor,
            batch_images: step.batch_images,
            loss: step.loss,
            decay_loss: step.decay_loss,
            batch_accuracy: step.batch_accuracy,
            live_accuracy: step.live_accuracy,
            hyper_parameters: step.hyper_parameters,
            digest: step.digest,
            state_digest: step.state_digest,
            elapsed_nanos: step.elapsed_nanos,
            wall_time_micros: step.wall_time_micros,
            ..StepRecord::default()
        });
    }

    /// The rows in step order.
    pub(crate) fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let rows = || self.rows.iter();
        let float = |of: fn(&StepRecord) -> Option<f32>| -> ArrayRef {
            Arc::new(rows().map(|row| of(row).map(canonical)).collect::<Float32Array>())
        };
        let long = |of: fn(&StepRecord) -> u64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows().map(|row| of(row) as i64)))
        };
        let int = |of: fn(&StepRecord) -> u32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(rows().map(|row| of(row) as i32)))
        };
        let columns = vec![
            long(|row| row.step.0),
            long(|row| row.cursor.epoch.0),
            int(|row| row.cursor.offset),
            long(|row| row.cursor.images_seen),
            int(|row| row.batch_images),
            float(|row| row.loss),
            float(|row| row.decay_loss),
            float(|row| row.batch_accuracy),
            float(|row| row.live_accuracy),
            float(|row| Some(row.hyper_parameters.learning_rate)),
            float(|row| row.hyper_parameters.momentum),
            float(|row| Some(row.hyper_parameters.weight_decay)),
            int(|row| row.hyper_parameters.batch_size),
            required::<_, StringArray>(rows().map(|row| Some(row.digest.to_string()))),
            required::<_, StringArray>(rows().map(|row| row.state_digest.map(|digest| digest.to_string()))),
            long(|row| row.elapsed_nanos),
            wall_times(rows().map(|row| row.wall_time_micros)),
        ];
        RecordBatch::try_new(Table::Steps.schema(), columns)
    }
}

fn wall_times(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// The rows of `validation`.
pub(crate) fn validation(rows: &[(Step, ValidationResult)]) -> Result<RecordBatch, ArrowError> {
    let schema = Table::Validation.schema();
    let confusion = ListArray::from_iter_primitive::<Int32Type, _, _>(
        rows.iter().map(|(_, result)| Some(result.confusion.iter().map(|&count| Some(count as i32)))),
    );
    let (_, offsets, values, _) = confusion.into_parts();
    let confusion = match schema.field(5).data_type() {
        DataType::List(field) => ListArray::try_new(field.clone(), offsets, values, None)?,
        other => return Err(ArrowError::SchemaError(format!("confusion is {other}"))),
    };
    let floats = |of: fn(&ValidationResult) -> f32| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(rows.iter().map(|(_, result)| canonical(of(result)))))
    };
    let ints = |of: fn(&ValidationResult) -> u32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|(_, result)| of(result) as i32)))
    };
    RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(step, _)| step.0 as i64))),
            floats(|result| result.loss),
            floats(ValidationResult::accuracy),
            ints(|result| result.correct),
            ints(|result| result.images),
            Arc::new(confusion),
        ],
    )
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
