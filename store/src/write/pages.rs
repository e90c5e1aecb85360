//! Columns of a row group, each page with the CRC-32 of its bytes in its header.
//!
//! The Parquet library encodes and compresses pages, and leaves that checksum
//! out. So its column writers give their pages to a [`PageSink`], which writes
//! the header itself; the finished chunk then goes into the file as it is. A row
//! group is encoded in memory, apart from its file, so that several can be at once.

use std::io::Write;

use crc32fast::Hasher;
use parquet::basic::{Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl, get_column_writer, get_typed_column_writer};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use crate::read::checksum::FileChecksums;

/// A row group of a table, encoded column by column; used again and again.
#[derive(Debug)]
pub(crate) struct Group {
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    checksums: bool,
    columns: Vec<Column>,
    next: usize,
}

/// An encoded column.
#[derive(Debug, Default)]
struct Column {
    /// Its pages, each with its header.
    chunk: Vec<u8>,
    /// The checksum of the headers.
    headers: Hasher,
    close: Option<ColumnCloseResult>,
}

impl Group {
    /// An empty row group; its pages have checksums or have not.
    pub(crate) fn new(schema: SchemaDescPtr, properties: WriterPropertiesPtr, checksums: bool) -> Self {
        let columns = (0..schema.num_columns()).map(|_| Column::default()).collect();
        Self { schema, properties, checksums, columns, next: 0 }
    }

    /// Begins anew.
    pub(crate) fn begin(&mut self) {
        self.next = 0;
    }

    /// The next column's description.
    pub(crate) fn description(&self) -> Result<ColumnDescPtr> {
        if self.next == self.schema.num_columns() {
            return Err(ParquetError::General("the table has no further column".to_owned()));
        }
        Ok(self.schema.column(self.next))
    }

    /// Encodes the next column with the given function.
    pub(crate) fn column<T: DataType>(
        &mut self,
        write: impl FnOnce(&mut ColumnWriterImpl<'_, T>) -> Result<()>,
    ) -> Result<()> {
        let (description, properties) = (self.description()?, self.properties.clone());
        self.pages(|sink| {
            let column = get_column_writer(description, properties, Box::new(sink));
            let mut column = get_typed_column_writer::<T>(column);
            write(&mut column)?;
            column.close()
        })
    }

    /// The next column from what writes its pages.
    pub(crate) fn pages(&mut self, write: impl FnOnce(PageSink<'_>) -> Result<ColumnCloseResult>) -> Result<()> {
        self.description()?;
        let column = &mut self.columns[self.next];
        column.chunk.clear();
        column.headers = Hasher::new();
        column.close = None;
        let headers = self.checksums.then_some(&mut column.headers);
        column.close = Some(write(PageSink { chunk: &mut column.chunk, headers })?);
        self.next += 1;
        Ok(())
    }

    /// The next column as it was encoded last: its values are the same.
    pub(crate) fn keep(&mut self) {
        self.next += 1;
    }

    /// Writes it to the end of a file.
    pub(crate) fn append<W: Write + Send>(
        &self,
        writer: &mut SerializedFileWriter<W>,
        sums: &mut FileChecksums,
    ) -> Result<()> {
        let mut group = writer.next_row_group()?;
        for column in &self.columns {
            let close = column.close.clone();
            let close = close.ok_or_else(|| ParquetError::General("a column of the table lacks".to_owned()))?;
            if let Some(pages) = &close.offset_index {
                sums.add_pages(0, &pages.page_locations);
            }
            sums.headers.combine(&column.headers);
            group.append_column(&Chunk(&column.chunk), close)?;
        }
        group.close().map(drop)
    }
}

/// Takes a column's pages, one after the other.
pub(crate) struct PageSink<'a> {
    chunk: &'a mut Vec<u8>,
    /// The checksum of all headers, where there are checksums.
    headers: Option<&'a mut Hasher>,
}

impl PageSink<'_> {
    /// Adds a page; returns where it begins in the chunk, and its header's length.
    pub(crate) fn add(&mut self, description: &PageDescription, compressed: &[u8]) -> Result<(usize, usize)> {
        let offset = self.chunk.len();
        let checksum = self.headers.is_some().then(|| crc32fast::hash(compressed));
        description.header(compressed.len(), checksum, self.chunk)?;
        let length = self.chunk.len() - offset;
        if let Some(headers) = &mut self.headers {
            headers.update(&self.chunk[offset..]);
        }
        self.chunk.extend_from_slice(compressed);
        Ok((offset, length))
    }
}

impl PageWriter for PageSink<'_> {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let (offset, length) = self.add(&PageDescription::of(&page)?, page.data())?;
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

/// What a page's header says of it, beside its length and checksum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageDescription {
    /// Bytes before they were compressed.
    pub(crate) uncompressed: usize,
    /// Values, also those that are null.
    pub(crate) values: usize,
    /// How values are encoded.
    pub(crate) encoding: Encoding,
    pub(crate) content: PageContent,
}

/// What a page holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PageContent {
    /// Values, after levels that are encoded like this.
    Data { definition: Encoding, repetition: Encoding },
    /// The values that others point to.
    Dictionary { sorted: bool },
}

impl PageDescription {
    fn of(page: &CompressedPage) -> Result<Self> {
        let content = match page.compressed_page() {
            Page::DataPage { def_level_encoding, rep_level_encoding, .. } => {
                PageContent::Data { definition: *def_level_encoding, repetition: *rep_level_encoding }
            }
            Page::DictionaryPage { is_sorted, .. } => PageContent::Dictionary { sorted: *is_sorted },
            Page::DataPageV2 { .. } => {
                let found = "expected pages of the first version, found one of the second";
                return Err(ParquetError::General(found.to_owned()));
            }
        };
        let (uncompressed, values) = (page.uncompressed_size(), page.num_values() as usize);
        Ok(Self { uncompressed, values, encoding: page.encoding(), content })
    }

    /// Appends the header in Thrift's compact protocol.
    ///
    /// Source: `PageHeader` in `parquet.thrift` of the Parquet format.
    fn header(&self, compressed: usize, checksum: Option<u32>, target: &mut Vec<u8>) -> Result<()> {
        let size = |bytes: usize| {
            i32::try_from(bytes).map_err(|_| ParquetError::General(format!("a page of {bytes} bytes is too long")))
        };
        let (kind, place) = match self.content {
            PageContent::Data { .. } => (PageType::DATA_PAGE, 5),
            PageContent::Dictionary { .. } => (PageType::DICTIONARY_PAGE, 7),
        };
        number(1, kind as i32, target);
        number(1, size(self.uncompressed)?, target);
        number(1, size(compressed)?, target);
        // The field before the one that follows.
        let before = if let Some(checksum) = checksum {
            number(1, checksum as i32, target);
            4
        } else {
            3
        };
        target.push((place - before) << 4 | STRUCT);
        number(1, size(self.values)?, target);
        number(1, self.encoding as i32, target);
        match self.content {
            PageContent::Data { definition, repetition } => {
                number(1, definition as i32, target);
                number(1, repetition as i32, target);
            }
            PageContent::Dictionary { sorted } => target.push(1 << 4 | if sorted { TRUE } else { FALSE }),
        }
        target.extend([STOP, STOP]);
        Ok(())
    }
}

/// A structure's end in Thrift's compact protocol.
const STOP: u8 = 0;

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
