//! The answer to a query: rows in a temporary Parquet file, read back a batch
//! at a time, so that an answer of any length needs little memory.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::RecorderError;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1024;

/// The rows that a query gave.
#[derive(Debug)]
pub struct Answer {
    file: NamedTempFile,
    schema: SchemaRef,
    rows: u64,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number of single precision.
    Single(f32),
    /// A number of double precision.
    Double(f64),
    /// A text, or a time (UTC).
    Text(String),
    /// A list.
    List(Vec<Cell>),
}

impl Cell {
    /// The value as JSON; what is not finite is null there.
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => i64::try_from(*value)
                .map(Value::from)
                .or_else(|_| u64::try_from(*value).map(Value::from))
                .unwrap_or_else(|_| value.to_string().into()),
            // The shortest digits that mean this single.
            Self::Single(value) => value.to_string().parse::<f64>().map_or(Value::Null, Value::from),
            Self::Double(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(cells) => cells.iter().map(Self::json).collect(),
        }
    }
}

impl Answer {
    pub(super) fn of(file: NamedTempFile) -> Result<Self, RecorderError> {
        let builder = open(file.path())?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { schema: builder.schema().clone(), file, rows })
    }

    /// The names of the columns, each with whether it holds numbers.
    pub fn columns(&self) -> Vec<(&str, bool)> {
        self.schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().is_numeric())).collect()
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads the rows, in order.
    ///
    /// # Errors
    /// Where the temporary file cannot be read back.
    pub fn batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, RecorderError>> + '_, RecorderError> {
        let unreadable = |error: ParquetError| RecorderError::parquet("read", self.file.path(), error);
        let reader = open(self.file.path())?.with_batch_size(BATCH_ROWS).build().map_err(unreadable)?;
        Ok(reader.map(move |batch| batch.map_err(|error| unreadable(error.into()))))
    }

    /// Keeps the rows as a Parquet file of this name, which must be in the
    /// folder that the query was given.
    ///
    /// # Errors
    /// Where the file cannot be put there.
    pub fn keep(self, path: &Path) -> Result<(), RecorderError> {
        let kept = self.file.persist(path);
        kept.map(drop).map_err(|error| RecorderError::io("write", path, error.error))
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, RecorderError> {
    let file = File::open(path).map_err(|source| RecorderError::io("open", path, source))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| RecorderError::parquet("read", path, error))
}

/// The value of a column at a row.
pub fn cell(column: &dyn Array, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    let list = |values: &dyn Array| Cell::List((0..values.len()).map(|place| cell(values, place)).collect());
    match column.data_type() {
        DataType::Boolean => Cell::Boolean(column.as_boolean().value(row)),
        DataType::Int8 => Cell::Integer(column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Integer(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Integer(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt8 => Cell::Integer(column.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Integer(column.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Integer(column.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Cell::Integer(column.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Float32 => Cell::Single(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Cell::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(column.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(row).to_owned()),
        DataType::List(_) => list(column.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(column.as_list::<i64>().value(row).as_ref()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            timestamp_us_to_datetime(micros).map_or(Cell::Integer(micros.into()), |time| Cell::Text(time.to_string()))
        }
        // The query was checked to give no other types.
        _ => Cell::Null,
    }
}
