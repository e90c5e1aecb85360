//! Row groups of one file at the end of another.

use std::fs::File;
use std::io::BufWriter;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::writer::SerializedFileWriter;

use crate::disk::DiskFile;
use crate::read::checksum::FileChecksums;

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
