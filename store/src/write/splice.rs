//! Joining the files of several parts into one without encoding anything
//! twice: column chunks are copied as they are, and only their offsets change.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::writer::SerializedFileWriter;
use revacnn_schemas::BranchRecord;

use crate::StoreError;
use crate::disk::paths::StepSpan;
use crate::disk::{Disk, DiskFile, open_plain_file};
use crate::read::checked_file::CheckedFile;
use crate::read::checksum::FileChecksums;
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
    let (checked, mut headers) = (FooterCache::default(), Hasher::new());
    for (path, expected) in sources {
        let table = checked.open(path, *expected)?;
        guarded("read", path, || CheckedFile::of(&table).check_pages(&mut headers))?;
    }
    let mut joined = TableFile::create(disk, target, kind)?;
    joined.sums().headers = headers;
    for (path, _) in sources {
        let file = open_plain_file(path)?;
        let metadata = guarded("read", path, || {
            ParquetMetaDataReader::new()
                .with_column_index_policy(PageIndexPolicy::Optional)
                .with_offset_index_policy(PageIndexPolicy::Required)
                .parse_and_finish(&file)
        })?;
        joined.copy(&file, &metadata)?;
    }
    joined.complete(branch, span)
}

/// Copies all row groups of a file, and adds its pages to the checksum of the index.
pub(crate) fn append(
    writer: &mut SerializedFileWriter<BufWriter<DiskFile>>,
    file: &File,
    metadata: &ParquetMetaData,
    checksums: &mut FileChecksums,
) -> Result<(), ParquetError> {
    for (place, source) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        let mut group = writer.next_row_group()?;
        for (column, chunk) in source.columns().iter().enumerate() {
            let offset_index = index.offset_index(column).cloned();
            if let Some(pages) = &offset_index {
                checksums.add_pages(i64::try_from(chunk.byte_range().0)?, &pages.page_locations);
            }
            let close = ColumnCloseResult {
                bytes_written: chunk.compressed_size() as u64,
                rows_written: source.num_rows() as u64,
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: index.column_index(column).cloned(),
                offset_index,
            };
            group.append_column(file, close)?;
        }
        group.close()?;
    }
    Ok(())
}
