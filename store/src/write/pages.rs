//! Columns of a row group, each page with the CRC-32 of its bytes in its header.
//!
//! The Parquet library encodes and compresses pages, and leaves that checksum
//! out. So its column writers give their pages to a [`PageSink`], which writes
//! the header itself; the finished chunk then goes into the row group as it is.

use std::io::Write;

use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnWriterImpl, get_column_writer, get_typed_column_writer};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::SchemaDescPtr;

use crate::read::checksum::FileChecksums;

/// The next row group of a file, written column by column.
pub(crate) struct Group<'a, W: Write + Send> {
    group: SerializedRowGroupWriter<'a, W>,
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    next: usize,
    scratch: &'a mut Scratch,
}

/// What a file's row groups are written with.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Whether pages have checksums.
    pub(crate) checksums: bool,
    /// Those of the file, so far.
    pub(crate) sums: FileChecksums,
    /// A column's pages; one buffer for all of them.
    pub(crate) chunk: Vec<u8>,
}

impl<'a, W: Write + Send> Group<'a, W> {
    /// Begins a row group.
    pub(crate) fn begin(
        writer: &'a mut SerializedFileWriter<W>,
        schema: SchemaDescPtr,
        scratch: &'a mut Scratch,
    ) -> Result<Self> {
        let properties = writer.properties().clone();
        Ok(Self { group: writer.next_row_group()?, schema, properties, next: 0, scratch })
    }

    /// Writes the next column with the given function.
    pub(crate) fn column<T: DataType>(
        &mut self,
        write: impl FnOnce(&mut ColumnWriterImpl<'_, T>) -> Result<()>,
    ) -> Result<()> {
        if self.next == self.schema.num_columns() {
            return Err(ParquetError::General("the table has no further column".to_owned()));
        }
        let Scratch { checksums, sums, chunk } = &mut *self.scratch;
        chunk.clear();
        let sink = PageSink { chunk, headers: checksums.then_some(&mut sums.headers) };
        let column = get_column_writer(self.schema.column(self.next), self.properties.clone(), Box::new(sink));
        let mut column = get_typed_column_writer::<T>(column);
        write(&mut column)?;
        let close = column.close()?;
        if let Some(pages) = &close.offset_index {
            sums.add_pages(0, &pages.page_locations);
        }
        self.group.append_column(&Chunk(chunk), close)?;
        self.next += 1;
        Ok(())
    }

    /// Ends the row group.
    pub(crate) fn close(self) -> Result<()> {
        self.group.close().map(drop)
    }
}

/// Takes a column's pages, one after the other.
struct PageSink<'a> {
    chunk: &'a mut Vec<u8>,
    /// The checksum of all headers, where there are checksums.
    headers: Option<&'a mut crc32fast::Hasher>,
}

impl PageWriter for PageSink<'_> {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let offset = self.chunk.len();
        let checksum = self.headers.is_some().then(|| crc32fast::hash(page.data()));
        header(&page, checksum, self.chunk)?;
        let length = self.chunk.len() - offset;
        if let Some(headers) = &mut self.headers {
            headers.update(&self.chunk[offset..]);
        }
        self.chunk.extend_from_slice(page.data());
        let mut spec = PageWriteSpec::new();
        spec.page_type = page.page_type();
        spec.uncompressed_size = page.uncompressed_size() + length;
        spec.compressed_size = page.compressed_size() + length;
        spec.num_values = page.num_values();
        spec.offset = offset as u64;
        spec.bytes_written = (self.chunk.len() - offset) as u64;
        Ok(spec)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A structure's end in Thrift's compact protocol.
const STOP: u8 = 0;

/// Appends a page's header in Thrift's compact protocol.
///
/// Source: `PageHeader` in `parquet.thrift` of the Parquet format.
fn header(page: &CompressedPage, checksum: Option<u32>, target: &mut Vec<u8>) -> Result<()> {
    let size = |bytes: usize| {
        i32::try_from(bytes).map_err(|_| ParquetError::General(format!("a page of {bytes} bytes is too long")))
    };
    let (kind, uncompressed, compressed) = (page.page_type() as i32, page.uncompressed_size(), page.compressed_size());
    number(1, kind, target);
    number(1, size(uncompressed)?, target);
    number(1, size(compressed)?, target);
    // The field before those that follow.
    let before = if let Some(checksum) = checksum {
        number(1, checksum as i32, target);
        4
    } else {
        3
    };
    let mut counts = |field: u8, values: u32, encoding: Encoding| -> Result<()> {
        target.push((field - before) << 4 | STRUCT);
        number(1, size(values as usize)?, target);
        number(1, encoding as i32, target);
        Ok(())
    };
    match page.compressed_page() {
        Page::DataPage { num_values, encoding, def_level_encoding, rep_level_encoding, .. } => {
            counts(5, *num_values, *encoding)?;
            number(1, *def_level_encoding as i32, target);
            number(1, *rep_level_encoding as i32, target);
        }
        Page::DictionaryPage { num_values, encoding, is_sorted, .. } => {
            counts(7, *num_values, *encoding)?;
            target.push(1 << 4 | if *is_sorted { TRUE } else { FALSE });
        }
        Page::DataPageV2 { .. } => {
            return Err(ParquetError::General("expected pages of the first version, found one of the second".into()));
        }
    }
    target.extend([STOP, STOP]);
    Ok(())
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// Appends a field with a number, so many after the field before it.
fn number(after: u8, value: i32, target: &mut Vec<u8>) {
    target.push(after << 4 | I32);
    let mut rest = ((value << 1) ^ (value >> 31)) as u32;
    while rest >= 0x80 {
        target.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    target.push(rest as u8);
}

/// A column's pages, to be read from their beginning.
struct Chunk<'a>(&'a [u8]);

impl Length for Chunk<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl<'a> ChunkReader for Chunk<'a> {
    type T = &'a [u8];

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let rest = usize::try_from(start).ok().and_then(|start| self.0.get(start..));
        rest.ok_or_else(|| ParquetError::General(format!("a chunk of {} bytes has no byte {start}", self.0.len())))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes> {
        let rest = self.get_read(start)?;
        let bytes =
            rest.get(..length).ok_or_else(|| ParquetError::General(format!("a chunk without {length} bytes")))?;
        Ok(bytes::Bytes::copy_from_slice(bytes))
    }
}
