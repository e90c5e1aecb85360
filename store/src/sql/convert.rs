//! Columns between Arrow, which the log and its readers speak, and the query
//! engine.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types as arrow;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType as ArrowType, Field, TimeUnit as ArrowUnit};
use polars::prelude::{
    Column, DataType, Float32Chunked, Float32Type, Int32Chunked, Int32Type, Int64Chunked, IntoColumn, ListBuilderTrait,
    ListPrimitiveChunkedBuilder, NewChunkedArray, PolarsError, PolarsNumericType, Series, StringChunked, TimeUnit,
    TimeZone,
};

/// The query engine's type for one of the few types that the log has.
pub(super) fn data_type(of: &ArrowType) -> DataType {
    match of {
        ArrowType::Int64 => DataType::Int64,
        ArrowType::Int32 => DataType::Int32,
        ArrowType::Float32 => DataType::Float32,
        ArrowType::Timestamp(..) => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ArrowType::List(field) => DataType::List(Box::new(data_type(field.data_type()))),
        _ => DataType::String,
    }
}

/// A column of the log for the query engine.
pub(super) fn column(name: &str, array: &dyn Array) -> Column {
    let name = || name.into();
    match array.data_type() {
        ArrowType::Int64 => {
            Int64Chunked::from_iter_options(name(), array.as_primitive::<arrow::Int64Type>().iter()).into_column()
        }
        ArrowType::Int32 => {
            Int32Chunked::from_iter_options(name(), array.as_primitive::<arrow::Int32Type>().iter()).into_column()
        }
        ArrowType::Float32 => {
            Float32Chunked::from_iter_options(name(), array.as_primitive::<arrow::Float32Type>().iter()).into_column()
        }
        ArrowType::Timestamp(..) => {
            let micros = array.as_primitive::<arrow::TimestampMicrosecondType>().iter();
            let numbers = Int64Chunked::from_iter_options(name(), micros);
            numbers.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column()
        }
        ArrowType::List(field) if *field.data_type() == ArrowType::Int32 => {
            list::<arrow::Int32Type, Int32Type>(&name(), array.as_list(), DataType::Int32)
        }
        ArrowType::List(_) => list::<arrow::Float32Type, Float32Type>(&name(), array.as_list(), DataType::Float32),
        _ => StringChunked::from_iter_options(name(), array.as_string::<i32>().iter()).into_column(),
    }
}

fn list<A, P>(name: &str, lists: &ListArray, inner: DataType) -> Column
where
    A: arrow_array::ArrowPrimitiveType,
    P: PolarsNumericType<Native = A::Native>,
{
    let values = lists.values().len();
    let mut builder = ListPrimitiveChunkedBuilder::<P>::new(name.into(), lists.len(), values, inner);
    for list in lists.iter() {
        match list {
            Some(values) => builder.append_slice(values.as_primitive::<A>().values()),
            None => builder.append_null(),
        }
    }
    builder.finish().into_column()
}

/// The type that an answer gives a column of this type; `None` where there is
/// none that any reader would know.
pub(super) fn plain_type(of: &DataType) -> Option<DataType> {
    Some(match of {
        DataType::Boolean | DataType::Float32 | DataType::Float64 | DataType::String => of.clone(),
        DataType::Datetime(_, zone) => DataType::Datetime(TimeUnit::Microseconds, zone.clone()),
        DataType::Decimal(..) => DataType::Float64,
        DataType::Duration(_) => DataType::Int64,
        DataType::Date | DataType::Time | DataType::Null => DataType::String,
        DataType::List(inner) => DataType::List(Box::new(plain_type(inner)?)),
        of if of.is_integer() => DataType::Int64,
        _ => return None,
    })
}

/// The Arrow type of a column whose type is a [`plain_type`].
pub(super) fn arrow_type(of: &DataType) -> ArrowType {
    match of {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Int64 => ArrowType::Int64,
        DataType::Float32 => ArrowType::Float32,
        DataType::Float64 => ArrowType::Float64,
        DataType::Datetime(_, zone) => {
            ArrowType::Timestamp(ArrowUnit::Microsecond, zone.as_ref().map(|zone| zone.as_str().into()))
        }
        DataType::List(inner) => ArrowType::List(element(inner)),
        _ => ArrowType::Utf8,
    }
}

fn element(inner: &DataType) -> Arc<Field> {
    Arc::new(Field::new("element", arrow_type(inner), true))
}

/// The Arrow array of a column whose type is a [`plain_type`].
pub(super) fn array(series: &Series) -> Result<ArrayRef, PolarsError> {
    Ok(match series.dtype() {
        DataType::Boolean => Arc::new(series.bool()?.iter().collect::<BooleanArray>()),
        DataType::Int64 => Arc::new(series.i64()?.iter().collect::<Int64Array>()),
        DataType::Float32 => Arc::new(series.f32()?.iter().collect::<Float32Array>()),
        DataType::Float64 => Arc::new(series.f64()?.iter().collect::<Float64Array>()),
        DataType::Datetime(_, zone) => {
            let micros = series.cast(&DataType::Int64)?;
            let times = micros.i64()?.iter().collect::<TimestampMicrosecondArray>();
            Arc::new(times.with_timezone_opt(zone.as_ref().map(|zone| zone.as_str())))
        }
        DataType::List(inner) => {
            let mut values = Series::new_empty("element".into(), inner);
            let mut lengths = Vec::with_capacity(series.len());
            let mut there = Vec::with_capacity(series.len());
            for list in series.list()?.amortized_iter() {
                there.push(list.is_some());
                lengths.push(list.as_ref().map_or(0, |list| list.as_ref().len()));
                if let Some(list) = list {
                    values.append(list.as_ref())?;
                }
            }
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(element(inner), offsets, array(&values)?, Some(NullBuffer::from(there))))
        }
        _ => Arc::new(series.str()?.iter().collect::<StringArray>()),
    })
}
