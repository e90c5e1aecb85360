//! Joining the files of several parts into one without encoding anything
//! twice: column chunks are copied as they are, and only their offsets change.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::writer::SerializedFileWriter;
use revacnn_schemas::BranchRecord;

use crate::StoreError;
use crate::disk::paths::StepSpan;
use crate::disk::{Disk, DiskFile, open_plain_file};
use crate::read::checked_file::CheckedFile;
use crate::read::footer::{Expected, FooterCache, guarded};
use crate::write::file::{Complete, FileKind, TableFile};

/// Writes the row groups of all `sources`, in that order, to `target`. Each
/// source comes with what it must hold: a damaged part of the tail stays alone
/// in its damage.
pub(crate) fn splice(
    disk: &Disk,
    sources: &[(PathBuf, Expected<'_>)],
    target: &Path,
    kind: &FileKind,
    branch: &BranchRecord,
    span: StepSpan,
) -> Result<Complete, StoreError> {
    let checked = FooterCache::default();
    for (path, expected) in sources {
        let table = checked.open(path, *expected)?;
        guarded("read", path, || CheckedFile::of(&table).check_all())?;
    }
    let mut joined = TableFile::columns(disk, target, kind)?;
    for (path, _) in sources {
        let file = open_plain_file(path)?;
        let metadata = guarded("read", path, || {
            ParquetMetaDataReader::new()
                .with_column_index_policy(PageIndexPolicy::Optional)
                .with_offset_index_policy(PageIndexPolicy::Required)
                .parse_and_finish(&file)
        })?;
        joined.write_columns(|writer| append(writer, &file, &metadata))?;
    }
    joined.complete(branch, span)
}

fn append(
    writer: &mut SerializedFileWriter<DiskFile>,
    file: &File,
    metadata: &ParquetMetaData,
) -> Result<(), ParquetError> {
    for (place, source) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        let mut group = writer.next_row_group()?;
        for (column, chunk) in source.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: chunk.compressed_size() as u64,
                rows_written: source.num_rows() as u64,
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: index.column_index(column).cloned(),
                offset_index: index.offset_index(column).cloned(),
            };
            group.append_column(file, close)?;
        }
        group.close()?;
    }
    Ok(())
}
