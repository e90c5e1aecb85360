//! One Parquet file under construction: its schema, encodings and footer.
//!
//! The encodings are those that `LOG_MEASUREMENTS.md` found best: weights
//! byte-stream-split over a few steps, so that the compressor sees the high
//! bytes of the step before; other tensors plain, a page a step, so that a
//! seek decompresses nothing but its own step.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};
use revacnn_schemas::{BranchRecord, Table};

use crate::StoreError;
use crate::disk::paths::StepSpan;
use crate::disk::{Disk, DiskFile};

/// Steps of one row group in tables with constant rows a step: few enough for
/// a quick `WHERE step = …`, and free of cost in size.
pub(crate) const ROW_GROUP_STEPS: usize = 16;

/// Steps that share a page of weights.
pub(crate) const WEIGHT_PAGE_STEPS: usize = 4;

/// Values of a step above which weights get a page a step, so that no page
/// nears the format's limit of 2 GB.
const MANY_VALUES: usize = 1 << 24;

/// A path of the nested column of lists.
pub(crate) fn list_path(column: &str) -> ColumnPath {
    ColumnPath::new(vec![column.to_owned(), "list".to_owned(), "element".to_owned()])
}

fn properties(table: Table, rows_a_step: usize, values_a_step: usize) -> WriterProperties {
    let level = ZstdLevel::try_new(1).expect("invariant: zstd has a level 1");
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("revacnn {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        // Limits are looked at between calls only: pages end where rows of
        // whole steps end.
        .set_write_batch_size(1 << 30)
        .set_data_page_size_limit(1 << 30)
        .set_data_page_row_count_limit(1 << 30)
        .set_max_row_group_row_count(None);
    for small in ["step", "layer", "filter", "born", "image", "quantity", "kind"] {
        builder = builder.set_column_dictionary_enabled(small.into(), true);
    }
    builder = builder.set_column_statistics_enabled("step".into(), EnabledStatistics::Page);
    if matches!(table, Table::Steps | Table::Validation) {
        builder = builder.set_statistics_enabled(EnabledStatistics::Chunk);
    }
    let values = list_path("values");
    match table {
        Table::Weights => {
            let steps = if values_a_step > MANY_VALUES { 1 } else { WEIGHT_PAGE_STEPS };
            builder
                .set_column_encoding(values.clone(), Encoding::BYTE_STREAM_SPLIT)
                .set_column_encoding("bias".into(), Encoding::BYTE_STREAM_SPLIT)
                .set_column_data_page_row_count_limit(values, (rows_a_step * steps).max(1))
        }
        Table::Gradients | Table::Activations | Table::ActivationGradients => {
            builder.set_column_data_page_row_count_limit(values, rows_a_step.max(1))
        }
        Table::Keyframes => builder.set_column_encoding(values, Encoding::BYTE_STREAM_SPLIT),
        _ => builder,
    }
    .build()
}

/// Schema and properties of a table's files.
#[derive(Debug, Clone)]
pub(crate) struct FileKind {
    pub(crate) table: Table,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
}

impl FileKind {
    pub(crate) fn new(table: Table, rows_a_step: usize, values_a_step: usize) -> Self {
        let arrow = table.schema();
        let mut properties = properties(table, rows_a_step, values_a_step);
        add_encoded_arrow_schema_to_metadata(&arrow, &mut properties);
        let schema = ArrowSchemaConverter::new()
            .convert(&arrow)
            .expect("invariant: every table's columns have a Parquet form")
            .root_schema_ptr();
        Self { table, schema, properties: Arc::new(properties) }
    }
}

enum Writer {
    /// Row groups are written column by column, with levels of our own.
    Columns(SerializedFileWriter<DiskFile>),
    /// Record batches, for the small tables.
    Batches(ArrowWriter<DiskFile>),
}

/// A table's file that is being written.
pub(crate) struct TableFile {
    pub(crate) table: Table,
    pub(crate) path: PathBuf,
    writer: Writer,
}

impl TableFile {
    /// A file that is written column by column.
    pub(crate) fn columns(disk: &Disk, path: &Path, kind: &FileKind) -> Result<Self, StoreError> {
        let file = disk.create(path)?;
        let writer = SerializedFileWriter::new(file, kind.schema.clone(), kind.properties.clone())
            .map_err(|error| StoreError::parquet("write", path, error))?;
        Ok(Self { table: kind.table, path: path.to_owned(), writer: Writer::Columns(writer) })
    }

    /// A file that is written in record batches.
    pub(crate) fn batches(disk: &Disk, path: &Path, kind: &FileKind) -> Result<Self, StoreError> {
        let file = disk.create(path)?;
        let properties = Some(kind.properties.as_ref().clone());
        let writer = ArrowWriter::try_new(file, kind.table.schema(), properties)
            .map_err(|error| StoreError::parquet("write", path, error))?;
        Ok(Self { table: kind.table, path: path.to_owned(), writer: Writer::Batches(writer) })
    }

    /// Writes a row group with the given function.
    pub(crate) fn write_columns(
        &mut self,
        write: impl FnOnce(&mut SerializedFileWriter<DiskFile>) -> Result<(), ParquetError>,
    ) -> Result<(), StoreError> {
        match &mut self.writer {
            Writer::Columns(writer) => write(writer),
            Writer::Batches(_) => Err(ParquetError::General("a file of batches".to_owned())),
        }
        .map_err(|error| StoreError::parquet("write", &self.path, error))
    }

    /// Writes a batch as a row group.
    pub(crate) fn write_batch(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        match &mut self.writer {
            Writer::Batches(writer) => writer.write(batch).and_then(|()| writer.flush()),
            Writer::Columns(_) => Err(ParquetError::General("a file of columns".to_owned())),
        }
        .map_err(|error| StoreError::parquet("write", &self.path, error))
    }

    /// Writes the footer and waits until the file is on the medium.
    pub(crate) fn finish(self, branch: &BranchRecord, span: StepSpan) -> Result<(), StoreError> {
        self.complete(branch, span)?.disk_file().sync()
    }

    /// Writes the footer. The file is whole then, and yet to be
    /// [synced](Disk::sync_together).
    pub(crate) fn complete(mut self, branch: &BranchRecord, span: StepSpan) -> Result<Complete, StoreError> {
        let entries = [
            ("revacnn.format", branch.format_version.to_string()),
            ("revacnn.branch", branch.id.to_string()),
            ("revacnn.table", self.table.to_string()),
            ("revacnn.first_step", span.first.to_string()),
            ("revacnn.last_step", span.last.to_string()),
        ];
        let entries = entries.map(|(key, value)| KeyValue::new(key.to_owned(), value));
        // Not `into_inner`, which turns a full disk into a text.
        let finished = |error| StoreError::parquet("write", &self.path, error);
        match &mut self.writer {
            Writer::Columns(writer) => {
                entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
                writer.finish().map_err(finished)?;
            }
            Writer::Batches(writer) => {
                entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
                writer.finish().map_err(finished)?;
            }
        }
        Ok(Complete { table: self.table, writer: self.writer })
    }
}

/// A table's file with its footer.
pub(crate) struct Complete {
    pub(crate) table: Table,
    writer: Writer,
}

impl Complete {
    /// The file beneath.
    pub(crate) fn disk_file(&self) -> &DiskFile {
        match &self.writer {
            Writer::Columns(writer) => writer.inner(),
            Writer::Batches(writer) => writer.inner(),
        }
    }
}
