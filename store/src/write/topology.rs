//! The table `topology`: which filter lies at which position.

use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use revacnn_schemas::{BranchRecord, Table};

use crate::StoreError;
use crate::disk::Disk;
use crate::disk::paths::{BranchPaths, StepSpan};
use crate::write::file::{Complete, FileKind, TableFile};

/// Writes the branch's topology into its folder; it never changes. File and
/// folder are yet to be synced.
pub(crate) fn write_topology(disk: &Disk, paths: &BranchPaths, record: &BranchRecord) -> Result<Complete, StoreError> {
    let span = StepSpan::of(record.first_step());
    let path = paths.segment(Table::Topology, span);
    let mut file = TableFile::create(disk, &path, &FileKind::new(Table::Topology, record.format_version, 0, 0))?;
    let batch = batch(record).map_err(|error| StoreError::parquet("describe", &path, error.into()))?;
    file.write_batch(&batch)?;
    file.complete(record, span)
}

pub(crate) fn batch(record: &BranchRecord) -> Result<RecordBatch, ArrowError> {
    let rows = || {
        let layers = record.topology.layers.iter().enumerate();
        layers.flat_map(|(place, layer)| {
            let filters = layer.filters.iter().enumerate();
            filters.map(move |(position, filter)| (place, layer, position, filter))
        })
    };
    let int = |values: Vec<i32>| Arc::new(Int32Array::from(values));
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values));
    RecordBatch::try_new(
        Table::Topology.schema(),
        vec![
            text(rows().map(|(_, layer, ..)| layer.layer.as_str()).collect()),
            text(rows().map(|(_, layer, ..)| layer.kind.as_str()).collect()),
            int(rows().map(|(place, ..)| place as i32).collect()),
            int(rows().map(|(_, _, position, _)| position as i32).collect()),
            int(rows().map(|(.., filter)| filter.number.0 as i32).collect()),
            text(rows().map(|(.., filter)| filter.born.as_ref().unwrap_or(&record.id).as_str()).collect()),
        ],
    )
}
