//! A table's file whose pages are checked one by one before they are decoded.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crc32fast::Hasher;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::read::damage::MAGIC;
use crate::read::footer::{Chunk, Footer, OpenTable};
use crate::read::limits::{ENCODINGS, PAGE_RESERVE, RUNS};
use crate::read::thrift::PageHeader;

/// Pages of a file, each checked before it is decompressed.
///
/// It counts what was read of each chunk together, for a page may be long only
/// because its index names it again and again: one is made for each reading.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    file: Arc<File>,
    footer: Arc<Footer>,
    /// Entries, bytes and dictionaries of each chunk that was read.
    read: Mutex<HashMap<usize, [u64; 3]>>,
}

impl CheckedFile {
    /// The file's pages, for one reading.
    pub(crate) fn of(table: &OpenTable) -> Self {
        Self { file: table.file.clone(), footer: table.footer.clone(), read: Mutex::default() }
    }

    /// Checks a page against what its column may hold, and against its checksum.
    fn check(&self, start: u64, page: &[u8]) -> Result<(), String> {
        let place = self.footer.chunk_at(start).ok_or("a page outside of every column")?;
        let chunk = &self.footer.chunks[place];
        self.check_of(place, chunk, (start, page)).map_err(|reason| {
            let name = self.footer.arrow.schema().fields().get(chunk.column).map(|field| field.name().clone());
            let name = name.unwrap_or_else(|| chunk.column.to_string());
            format!("{} row group {}, column {name}: {reason}", self.footer.table, chunk.group)
        })
    }

    fn check_of(&self, place: usize, chunk: &Chunk, (start, page): (u64, &[u8])) -> Result<(), String> {
        let allowed = self.footer.limits.allowed(chunk.column, chunk.rows).ok_or("a page of no column")?;
        let header = PageHeader::read(page).ok_or("a page without a header that makes sense")?;
        if !ENCODINGS.contains(&header.encoding) {
            return Err(format!("expected an encoding that the log uses, found number {}", header.encoding));
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let [entries, bytes, dictionaries] = read.entry(place).or_default();
        let taken = header.uncompressed_bytes.saturating_sub(PAGE_RESERVE);
        let (found, most) = if header.is_dictionary {
            *dictionaries += 1;
            if *dictionaries > 1 {
                return Err("expected one dictionary, found another".to_owned());
            }
            ([header.values, taken], [allowed.dictionary_entries, allowed.dictionary_bytes])
        } else {
            *entries = entries.saturating_add(header.values);
            *bytes = bytes.saturating_add(taken);
            ([*entries, *bytes], [allowed.entries, allowed.bytes])
        };
        let kind = if header.is_dictionary { "a dictionary" } else { "pages" };
        if found[0] > most[0] {
            return Err(format!(
                "expected {kind} of at most {} values, as the topology gives, found {}",
                most[0], found[0]
            ));
        }
        if found[1] > most[1] {
            return Err(format!(
                "expected {kind} of at most {} bytes, as the topology gives, found {}",
                most[1], found[1]
            ));
        }
        self.check_sum(chunk, &header, (start, page))
    }

    /// Checks a page's checksum, and what of its header is not under it.
    fn check_sum(&self, chunk: &Chunk, header: &PageHeader, (start, page): (u64, &[u8])) -> Result<(), String> {
        if !self.footer.checksums {
            return Ok(());
        }
        let data = page.get(header.length..).unwrap_or_default();
        if header.compressed_bytes != data.len() as u64 {
            return Err(format!("expected a page of {} bytes, found {}", data.len(), header.compressed_bytes));
        }
        let found = crc32fast::hash(data);
        if header.checksum != Some(found) {
            let expected = header.checksum.map_or_else(|| "a checksum".to_owned(), |sum| format!("checksum {sum:08x}"));
            return Err(format!("expected {expected}, found {found:08x}"));
        }
        if let Some((expected, found)) = self.other_entries(chunk, header, start) {
            return Err(format!("expected a page of {expected} values, as the topology gives, found {found}"));
        }
        let metadata = self.footer.metadata().row_group(chunk.group).column(chunk.column);
        let is_known = metadata.encodings().any(|known| known as u64 == header.encoding);
        if !is_known || header.level_encodings.into_iter().flatten().any(|level| level != RUNS) {
            return Err("expected the encodings that the footer names, found another".to_owned());
        }
        Ok(())
    }

    /// The values that a data page must have by its rows, where it claims others.
    fn other_entries(&self, chunk: &Chunk, header: &PageHeader, start: u64) -> Option<(u64, u64)> {
        if header.is_dictionary {
            return None;
        }
        let index = self.footer.metadata().page_index_for_row_group(chunk.group);
        let pages = index.offset_index(chunk.column)?.page_locations();
        let place = pages.binary_search_by_key(&i64::try_from(start).ok()?, |page| page.offset).ok()?;
        let next = pages.get(place + 1).and_then(|next| u64::try_from(next.first_row_index).ok());
        let rows = next.unwrap_or(chunk.rows).checked_sub(u64::try_from(pages[place].first_row_index).ok()?)?;
        let expected = self.footer.limits.exact(chunk.column, rows)?;
        (expected != header.values).then_some((expected, header.values))
    }

    /// Values of the pages of a chunk that were read so far.
    pub(crate) fn entries(&self, group: usize, column: usize) -> u64 {
        let is_it = |chunk: &Chunk| (chunk.group, chunk.column) == (group, column);
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.footer.chunks.iter().position(is_it);
        place.and_then(|place| read.get(&place)).map_or(0, |[entries, ..]| *entries)
    }

    /// Checks every page of the file, and decodes none.
    pub(crate) fn check_all(&self) -> Result<(), ParquetError> {
        self.check_pages(&mut Hasher::new())
    }

    /// [`check_all`](Self::check_all), which adds the pages' headers to a checksum.
    pub(crate) fn check_pages(&self, headers: &mut Hasher) -> Result<(), ParquetError> {
        let mut own = Hasher::new();
        let mut check = |start: u64, length: usize| -> Result<(), ParquetError> {
            let page = self.get_bytes(start, length)?;
            let length = PageHeader::read(&page).map_or(0, |header| header.length);
            own.update(&page[..length]);
            Ok(())
        };
        // A Parquet file begins as it ends, which other readers look at.
        if read_at(&self.file, 0, MAGIC.len())? != MAGIC[..] {
            return Err(ParquetError::General(format!("{}: expected a file that begins with PAR1", self.footer.table)));
        }
        let metadata = self.footer.metadata();
        for (place, group) in metadata.row_groups().iter().enumerate() {
            let index = metadata.page_index_for_row_group(place);
            for (column, chunk) in group.columns().iter().enumerate() {
                let pages = index.offset_index(column).ok_or_else(|| lacks_index(column))?.page_locations();
                let (start, _) = chunk.byte_range();
                // What lies before the first page is a dictionary.
                if let Some(first) = pages.first().and_then(|page| u64::try_from(page.offset).ok())
                    && let Some(length) = first.checked_sub(start).filter(|length| *length > 0)
                {
                    check(start, usize::try_from(length)?)?;
                }
                for page in pages {
                    check(u64::try_from(page.offset)?, usize::try_from(page.compressed_page_size)?)?;
                }
            }
        }
        headers.combine(&own);
        let found = format!("{:08x}", own.finalize());
        match &self.footer.header_checksum {
            Some(expected) if *expected != found => {
                let table = self.footer.table;
                Err(ParquetError::General(format!(
                    "{table}: expected headers of pages with checksum {expected}, found {found}"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn lacks_index(column: usize) -> ParquetError {
    ParquetError::General(format!("column {column}: no offset index"))
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.footer.bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = BufReader<File>;

    /// Pages that no index tells apart would come unchecked.
    fn get_read(&self, _start: u64) -> Result<Self::T, ParquetError> {
        Err(ParquetError::General("a column without an offset index".to_owned()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.footer.bytes);
        if end.is_none() {
            return Err(ParquetError::External(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        let page = read_at(&self.file, start, length)?;
        self.check(start, &page).map_err(ParquetError::General)?;
        Ok(page)
    }
}

/// Bytes of a file, by one call of the system: the library's own way takes a
/// descriptor and a buffer for each page.
fn read_at(file: &File, start: u64, length: usize) -> Result<Bytes, ParquetError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileExt;

        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
    #[cfg(not(unix))]
    {
        file.get_bytes(start, length)
    }
}
