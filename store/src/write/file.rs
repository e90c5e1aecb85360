//! One Parquet file under construction: its schema, encodings and footer.
//!
//! The encodings are those that `LOG_MEASUREMENTS.md` found best: weights
//! byte-stream-split over a few steps, so that the compressor sees the high
//! bytes of the step before; other tensors plain, a page a step, so that a
//! seek decompresses nothing but its own step.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescPtr};
use revacnn_schemas::{BranchRecord, CHECKSUMS_SINCE, Table};

use crate::StoreError;
use crate::disk::paths::StepSpan;
use crate::disk::{Disk, DiskFile};
use crate::read::checksum::FileChecksums;
use crate::write::pages::Group;
use crate::write::{append, columns};

/// Steps that share a page of weights.
pub(crate) const WEIGHT_PAGE_STEPS: usize = 4;

/// Values of a step above which weights get a page a step, so that no page
/// nears the format's limit of 2 GB.
const MANY_VALUES: usize = 1 << 24;

/// How many steps share a page of a table's lists.
pub(crate) fn page_steps(table: Table, values_a_step: usize) -> usize {
    if table == Table::Weights && values_a_step <= MANY_VALUES { WEIGHT_PAGE_STEPS } else { 1 }
}

/// How hard zstd tries.
pub(crate) const ZSTD_LEVEL: i32 = 1;

/// A path of the nested column of lists.
pub(crate) fn list_path(column: &str) -> ColumnPath {
    ColumnPath::new(vec![column.to_owned(), "list".to_owned(), "element".to_owned()])
}

fn properties(table: Table, rows_a_step: usize, values_a_step: usize) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("invariant: zstd has this level");
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
        Table::Weights => builder
            .set_column_encoding(values.clone(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding("bias".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_data_page_row_count_limit(values, (rows_a_step * page_steps(table, values_a_step)).max(1)),
        Table::Gradients | Table::Activations | Table::ActivationGradients => {
            builder.set_column_data_page_row_count_limit(values, rows_a_step.max(1))
        }
        Table::Keyframes => builder.set_column_encoding(values, Encoding::BYTE_STREAM_SPLIT),
        // Of a data set's images most are another one's each time.
        Table::Samples => builder
            .set_column_dictionary_enabled("image".into(), false)
            .set_column_dictionary_enabled("place".into(), true)
            .set_column_dictionary_enabled("label".into(), true)
            .set_column_dictionary_enabled("predicted".into(), true)
            .set_column_encoding("output".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding("loss".into(), Encoding::BYTE_STREAM_SPLIT),
        _ => builder,
    }
    .build()
}

/// Schema and properties of a table's files in a format version.
#[derive(Debug, Clone)]
pub(crate) struct FileKind {
    pub(crate) table: Table,
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    checksums: bool,
}

impl FileKind {
    pub(crate) fn new(table: Table, version: u32, rows_a_step: usize, values_a_step: usize) -> Self {
        let arrow = table.schema_of(version);
        let mut properties = properties(table, rows_a_step, values_a_step);
        add_encoded_arrow_schema_to_metadata(&arrow, &mut properties);
        let schema =
            ArrowSchemaConverter::new().convert(&arrow).expect("invariant: every table's columns have a Parquet form");
        let checksums = version >= CHECKSUMS_SINCE;
        Self { table, schema: Arc::new(schema), properties: Arc::new(properties), checksums }
    }

    /// What a file of the table is written with.
    #[cfg(test)]
    pub(crate) fn root(&self) -> parquet::schema::types::TypePtr {
        self.schema.root_schema_ptr()
    }

    /// How it is written.
    #[cfg(test)]
    pub(crate) fn writer_properties(&self) -> WriterPropertiesPtr {
        self.properties.clone()
    }

    /// An empty row group of the table.
    pub(crate) fn group(&self) -> Group {
        Group::new(self.schema.clone(), self.properties.clone(), self.checksums)
    }
}

/// Bytes that are gathered before the system is asked to write them.
const GATHERED: usize = 1 << 18;

/// A table's file that is being written.
pub(crate) struct TableFile {
    pub(crate) table: Table,
    pub(crate) path: PathBuf,
    writer: SerializedFileWriter<BufWriter<DiskFile>>,
    kind: FileKind,
    sums: FileChecksums,
}

impl TableFile {
    /// A file without rows.
    pub(crate) fn create(disk: &Disk, path: &Path, kind: &FileKind) -> Result<Self, StoreError> {
        let file = BufWriter::with_capacity(GATHERED, disk.create(path)?);
        let writer = SerializedFileWriter::new(file, kind.schema.root_schema_ptr(), kind.properties.clone())
            .map_err(|error| StoreError::parquet("write", path, error))?;
        Ok(Self {
            table: kind.table,
            path: path.to_owned(),
            writer,
            kind: kind.clone(),
            sums: FileChecksums::default(),
        })
    }

    /// Writes an encoded row group.
    pub(crate) fn append(&mut self, group: &Group) -> Result<(), StoreError> {
        let appended = group.append(&mut self.writer, &mut self.sums);
        appended.map_err(|error| StoreError::parquet("write", &self.path, error))
    }

    /// Writes a batch as a row group.
    pub(crate) fn write_batch(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let mut group = self.kind.group();
        columns::write(&mut group, batch).map_err(|error| StoreError::parquet("write", &self.path, error))?;
        self.append(&group)
    }

    /// Copies all row groups of another file of the table as they are.
    pub(crate) fn copy(&mut self, file: &File, metadata: &ParquetMetaData) -> Result<(), StoreError> {
        append::append(&mut self.writer, file, metadata, &mut self.sums)
            .map_err(|error| StoreError::parquet("write", &self.path, error))
    }

    /// The checksums so far.
    pub(crate) fn sums(&mut self) -> &mut FileChecksums {
        &mut self.sums
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
        let sums = std::mem::take(&mut self.sums);
        let sums = self.kind.checksums.then(|| sums.entries()).into_iter().flatten();
        let entries = entries.into_iter().chain(sums).map(|(key, value)| KeyValue::new(key.to_owned(), value));
        entries.for_each(|entry| self.writer.append_key_value_metadata(entry));
        // Not `into_inner`, which turns a full disk into a text.
        self.writer.finish().map_err(|error| StoreError::parquet("write", &self.path, error))?;
        Ok(Complete { table: self.table, writer: self.writer })
    }
}

/// A table's file with its footer.
pub(crate) struct Complete {
    pub(crate) table: Table,
    writer: SerializedFileWriter<BufWriter<DiskFile>>,
}

impl Complete {
    /// The file beneath.
    pub(crate) fn disk_file(&self) -> &DiskFile {
        self.writer.inner().get_ref()
    }
}
