//! The answer to a query: its rows as Arrow batches, values and a Parquet
//! file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use polars::prelude::{DataFrame, LazyFrame, PolarsError, col};
use revacnn_schemas::counted;
use serde_json::Value;

use super::convert;
use crate::{StoreError, write_output};

/// Rows of a batch.
const BATCH_ROWS: usize = 1024;

/// The rows that a query gave.
#[derive(Debug)]
pub struct Answer {
    frame: DataFrame,
    schema: SchemaRef,
    cut: bool,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
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
            Self::Integer(value) => (*value).into(),
            // The shortest digits that mean this single.
            Self::Single(value) => value.to_string().parse::<f64>().map_or(Value::Null, Value::from),
            Self::Double(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(cells) => cells.iter().map(Self::json).collect(),
        }
    }
}

/// Values of a list that are shown to people.
const MOST_LISTED: usize = 4;

/// The value for people: numbers with about six digits that say something, and the first
/// values of a list.
impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.pad("–"),
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Single(value) => formatter.pad(&number((*value).into())),
            Self::Double(value) => formatter.pad(&number(*value)),
            Self::Text(text) => formatter.pad(&text.replace(char::is_control, " ")),
            Self::List(cells) => {
                let mut texts: Vec<String> = cells.iter().take(MOST_LISTED).map(ToString::to_string).collect();
                if cells.len() > MOST_LISTED {
                    texts.push(format!("… {}", counted(cells.len() as u64, "value")));
                }
                write!(formatter, "[{}]", texts.join(", "))
            }
        }
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        value.to_string()
    } else if size != 0.0 && !(1e-3..1e9).contains(&size) {
        format!("{value:.4e}")
    } else if size < 100.0 {
        format!("{value:.5}")
    } else {
        format!("{value:.2}")
    }
}

impl Answer {
    /// The rows in order, each value as [`Cell`] shows it.
    ///
    /// # Errors
    /// Those of [`batches`](Self::batches).
    pub fn texts(&self) -> Result<Vec<Vec<String>>, StoreError> {
        let mut rows = Vec::with_capacity(self.rows());
        for batch in self.batches() {
            let batch = batch?;
            let texts = |row| batch.columns().iter().map(|column| cell(column, row).to_string()).collect();
            rows.extend((0..batch.num_rows()).map(texts));
        }
        Ok(rows)
    }

    /// An answer of at most so many of the rows; what there is past them was
    /// not computed to its end.
    pub(super) fn of(frame: DataFrame, most: Option<usize>) -> Result<Self, StoreError> {
        let cut = most.is_some_and(|most| frame.height() > most);
        let frame = if cut { frame.head(most) } else { frame };
        let fields: Vec<Field> = frame
            .columns()
            .iter()
            .map(|column| Field::new(column.name().as_str(), convert::arrow_type(column.dtype()), true))
            .collect();
        Ok(Self { frame, schema: Arc::new(Schema::new(fields)), cut })
    }

    /// The names of the columns, each with whether it holds numbers.
    pub fn columns(&self) -> Vec<(&str, bool)> {
        self.schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().is_numeric())).collect()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// Whether the query has more rows than were asked for.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The rows in order, in batches.
    ///
    /// # Errors
    /// [`StoreError::Query`] where the query engine contradicts itself.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, StoreError>> + '_ {
        (0..self.frame.height()).step_by(BATCH_ROWS).map(|first| {
            let rows = self.frame.slice(first as i64, BATCH_ROWS);
            let refused = |reason: String| StoreError::Query { reason };
            let columns: Result<Vec<_>, PolarsError> =
                rows.columns().iter().map(|column| convert::array(column.as_materialized_series())).collect();
            let columns = columns.map_err(|error| refused(error.to_string()))?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows.height()));
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
                .map_err(|error| refused(error.to_string()))
        })
    }

    /// Writes the rows as a Parquet file, as [`write_output`] does.
    ///
    /// # Errors
    /// Those of [`batches`](Self::batches), and where the file cannot be
    /// written.
    pub fn write_parquet(&self, path: &Path) -> Result<(), StoreError> {
        let failed = |error: ParquetError| StoreError::parquet("write", path, error);
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(zstd).build();
        write_output(path, |output| {
            let mut writer = ArrowWriter::try_new(output, self.schema.clone(), Some(properties)).map_err(failed)?;
            for batch in self.batches() {
                writer.write(&batch?).map_err(failed)?;
            }
            writer.close().map(drop).map_err(failed)
        })
    }
}

/// Gives columns of types that readers of an answer lack others.
pub(super) fn plain(mut frame: LazyFrame) -> Result<LazyFrame, PolarsError> {
    let mut casts = Vec::new();
    for (name, of) in frame.collect_schema()?.iter() {
        match convert::plain_type(of) {
            Some(plain) if plain == *of => {}
            Some(plain) => casts.push(col(name.clone()).strict_cast(plain)),
            None => {
                let reason = format!("the column `{name}` has the type {of}: select its parts, or CAST it");
                return Err(PolarsError::InvalidOperation(reason.into()));
            }
        }
    }
    Ok(if casts.is_empty() { frame } else { frame.with_columns(casts) })
}

/// The value of a column at a row.
pub fn cell(column: &dyn Array, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    let list = |values: &dyn Array| Cell::List((0..values.len()).map(|place| cell(values, place)).collect());
    match column.data_type() {
        DataType::Boolean => Cell::Boolean(column.as_boolean().value(row)),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Cell::Single(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Cell::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::List(_) => list(column.as_list::<i32>().value(row).as_ref()),
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            timestamp_us_to_datetime(micros).map_or(Cell::Integer(micros), |time| Cell::Text(time.to_string()))
        }
        // An answer's columns have no other types.
        _ => Cell::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_short_numbers_and_lists() {
        assert_eq!(Cell::Null.to_string(), "–");
        assert_eq!(Cell::Single(0.25).to_string(), "0.25000");
        assert_eq!(Cell::Double(0.000_012_345_6).to_string(), "1.2346e-5");
        assert_eq!(Cell::Integer(12_345).to_string(), "12345");
        assert_eq!(Cell::List(vec![Cell::Integer(1); 9]).to_string(), "[1, 1, 1, 1, … 9 values]");
        assert_eq!(Cell::Single(f32::NAN).json(), Value::Null);
        assert_eq!(Cell::Single(0.1).json(), 0.1);
    }
}
