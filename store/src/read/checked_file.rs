//! A table's file whose pages are checked one by one before they are decoded.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::read::footer::{Footer, OpenTable};
use crate::read::limits::{ENCODINGS, PAGE_RESERVE};
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

    /// Checks a page against what its column may hold.
    fn check(&self, start: u64, page: &[u8]) -> Result<(), String> {
        let place = self.footer.chunk_at(start).ok_or("a page outside of every column")?;
        let chunk = &self.footer.chunks[place];
        let name = chunk.column;
        let allowed = self.footer.limits.allowed(chunk.column, chunk.rows).ok_or("a page of no column")?;
        let header = PageHeader::read(page).ok_or("a page without a header that makes sense")?;
        if !ENCODINGS.contains(&header.encoding) {
            return Err(format!(
                "column {name}: expected an encoding that the log uses, found number {}",
                header.encoding
            ));
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let [entries, bytes, dictionaries] = read.entry(place).or_default();
        let taken = header.uncompressed_bytes.saturating_sub(PAGE_RESERVE);
        let (found, most) = if header.is_dictionary {
            *dictionaries += 1;
            if *dictionaries > 1 {
                return Err(format!("column {name}: expected one dictionary, found another"));
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
                "column {name}: expected {kind} of at most {} values, as the topology gives, found {}",
                most[0], found[0]
            ));
        }
        if found[1] > most[1] {
            return Err(format!(
                "column {name}: expected {kind} of at most {} bytes, as the topology gives, found {}",
                most[1], found[1]
            ));
        }
        Ok(())
    }

    /// Checks every page of the file, and decodes none.
    pub(crate) fn check_all(&self) -> Result<(), ParquetError> {
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
                    self.get_bytes(start, usize::try_from(length)?)?;
                }
                for page in pages {
                    self.get_bytes(u64::try_from(page.offset)?, usize::try_from(page.compressed_page_size)?)?;
                }
            }
        }
        Ok(())
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
        let page = self.file.get_bytes(start, length)?;
        self.check(start, &page).map_err(ParquetError::General)?;
        Ok(page)
    }
}
