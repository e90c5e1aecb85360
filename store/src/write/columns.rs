//! A record batch as the columns of a row group: for the small tables.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::data_type::{self, ByteArray, ByteArrayType, FloatType};
use parquet::errors::{ParquetError, Result};

use crate::write::pages::Group;
use crate::write::rowgroup::Levels;

/// Writes all columns of a batch.
pub(crate) fn write(group: &mut Group, batch: &RecordBatch) -> Result<()> {
    for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
        let nullable = field.is_nullable();
        match field.data_type() {
            DataType::Int64 => primitive::<Int64Type, data_type::Int64Type>(group, values, nullable)?,
            DataType::Timestamp(..) => {
                primitive::<TimestampMicrosecondType, data_type::Int64Type>(group, values, nullable)?;
            }
            DataType::Int32 => primitive::<Int32Type, data_type::Int32Type>(group, values, nullable)?,
            DataType::Float32 => primitive::<Float32Type, FloatType>(group, values, nullable)?,
            DataType::Utf8 => {
                let present = values.as_string::<i32>().iter().flatten().map(ByteArray::from).collect::<Vec<_>>();
                flat::<ByteArrayType>(group, &present, values, nullable)?;
            }
            DataType::List(element) if *element.data_type() == DataType::Float32 => {
                lists::<Float32Type, FloatType>(group, values, nullable)?;
            }
            DataType::List(element) if *element.data_type() == DataType::Int32 => {
                lists::<Int32Type, data_type::Int32Type>(group, values, nullable)?;
            }
            other => return Err(ParquetError::General(format!("column {}: no table has {other}", field.name()))),
        }
    }
    Ok(())
}

fn primitive<A, P>(group: &mut Group, values: &ArrayRef, nullable: bool) -> Result<()>
where
    A: ArrowPrimitiveType,
    P: data_type::DataType<T = A::Native>,
{
    let present: Vec<A::Native> = values.as_primitive::<A>().iter().flatten().collect();
    flat::<P>(group, &present, values, nullable)
}

/// A column whose values that are not null are these.
fn flat<P: data_type::DataType>(group: &mut Group, present: &[P::T], values: &ArrayRef, nullable: bool) -> Result<()> {
    let definition: Vec<i16> = (0..values.len()).map(|row| i16::from(values.is_valid(row))).collect();
    group.column::<P>(|column| column.write_batch(present, nullable.then_some(&definition[..]), None).map(drop))
}

fn lists<A, P>(group: &mut Group, values: &ArrayRef, nullable: bool) -> Result<()>
where
    A: ArrowPrimitiveType,
    P: data_type::DataType<T = A::Native>,
{
    let lists = values.as_list::<i32>();
    let lengths = (0..lists.len()).map(|row| lists.is_valid(row).then(|| lists.value_length(row) as usize));
    let levels = Levels::of(lengths, if nullable { 2 } else { 1 });
    let rows = lists.iter().flatten();
    let present: Vec<A::Native> = rows.flat_map(|row| row.as_primitive::<A>().values().to_vec()).collect();
    group.column::<P>(|column| {
        column.write_batch(&present, Some(&levels.definition), Some(&levels.repetition)).map(drop)
    })
}
