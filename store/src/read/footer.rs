//! Footers of table files: read once, checked, kept.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use revacnn_schemas::{BranchId, CHECKSUMS_SINCE, FORMAT_VERSION, OLDEST_FORMAT_VERSION, Table};

use crate::StoreError;
use crate::disk::open_plain_file;
use crate::disk::paths::StepSpan;
use crate::read::checksum::{FileChecksums, HEADER_CHECKSUM, INDEX_CHECKSUM};
use crate::read::limits::Limits;
use crate::read::thrift::page_locations;
use crate::shape::BranchShape;

/// Footers that are kept; one takes some 10 KB.
const KEPT: usize = 1024;

/// What is known of a file before its footer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) table: Table,
    pub(crate) shape: &'a BranchShape,
    /// The branch that it is of.
    pub(crate) branch: &'a BranchId,
    /// Steps that it is of; of `events`, any.
    pub(crate) span: StepSpan,
}

/// A footer with the offset index.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) table: Table,
    pub(crate) arrow: ArrowReaderMetadata,
    /// First row of each row group, and the number of all rows.
    pub(crate) starts: Vec<u64>,
    pub(crate) limits: Limits,
    /// Chunks of columns, in the order of their places in the file.
    pub(crate) chunks: Vec<Chunk>,
    /// Whether each page has a checksum.
    pub(crate) checksums: bool,
    /// The checksum of all pages' headers, where there are checksums.
    pub(crate) header_checksum: Option<String>,
    pub(crate) bytes: u64,
    modified: Option<SystemTime>,
}

/// The pages of a column in a row group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// The row group.
    pub(crate) group: usize,
    pub(crate) column: usize,
    /// Rows of the row group.
    pub(crate) rows: u64,
    first_byte: u64,
    end_byte: u64,
}

impl Footer {
    /// The chunk that a byte of the file is of.
    pub(crate) fn chunk_at(&self, byte: u64) -> Option<usize> {
        let place = self.chunks.partition_point(|chunk| chunk.first_byte <= byte).checked_sub(1)?;
        (byte < self.chunks[place].end_byte).then_some(place)
    }

    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.arrow.metadata()
    }

    /// The row group that holds a row.
    pub(crate) fn row_group_of(&self, row: u64) -> usize {
        self.starts.partition_point(|&start| start <= row).saturating_sub(1)
    }
}

/// A file that is open, with its footer.
#[derive(Debug)]
pub(crate) struct OpenTable {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<File>,
    pub(crate) footer: Arc<Footer>,
}

/// Footers by file, each with when it was last used.
type Kept = HashMap<PathBuf, (u64, Arc<Footer>)>;

/// Footers by path, the least recently used forgotten first.
#[derive(Debug, Default)]
pub(crate) struct FooterCache {
    kept: Mutex<(Kept, u64)>,
}

impl FooterCache {
    /// Opens a table's file and checks that it is what it must be.
    pub(crate) fn open(&self, path: &Path, expected: Expected<'_>) -> Result<OpenTable, StoreError> {
        let file = open_plain_file(path).map_err(|error| {
            if error.is_missing_file() {
                let expected = format!("a part of the table {}", expected.table);
                StoreError::Missing { path: path.to_owned(), expected }
            } else {
                error
            }
        })?;
        let status = file.metadata().map_err(|source| StoreError::io("look at", path, source))?;
        let (bytes, modified) = (status.len(), status.modified().ok());
        let same = |footer: &Footer| footer.bytes == bytes && footer.modified == modified;
        let footer = match self.get(path).filter(|footer| same(footer)) {
            Some(footer) => footer,
            None => {
                let footer = Arc::new(load(path, &file, expected, bytes, modified)?);
                self.keep(path, &footer);
                footer
            }
        };
        Ok(OpenTable { path: path.to_owned(), file: Arc::new(file), footer })
    }

    fn get(&self, path: &Path) -> Option<Arc<Footer>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (footers, clock) = &mut *kept;
        *clock += 1;
        let (used, footer) = footers.get_mut(path)?;
        *used = *clock;
        Some(footer.clone())
    }

    fn keep(&self, path: &Path, footer: &Arc<Footer>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (footers, clock) = &mut *kept;
        *clock += 1;
        footers.insert(path.to_owned(), (*clock, footer.clone()));
        if footers.len() > KEPT {
            let mut uses: Vec<u64> = footers.values().map(|(used, _)| *used).collect();
            uses.sort_unstable();
            let oldest_kept = uses[KEPT / 4];
            footers.retain(|_, (used, _)| *used >= oldest_kept);
        }
    }
}

fn load(
    path: &Path,
    file: &File,
    expected: Expected<'_>,
    bytes: u64,
    modified: Option<SystemTime>,
) -> Result<Footer, StoreError> {
    let table = expected.table;
    // The footer alone; its page index once that is known to fit.
    let metadata = guarded("read", path, || {
        ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip).parse_and_finish(file)
    })?;
    let entries = Entries::of(&metadata);
    let version = entries.get("revacnn.format");
    let known = |version: &str| (OLDEST_FORMAT_VERSION..=FORMAT_VERSION).find(|known| version == known.to_string());
    let version = match version.map(|version| (version, known(version))) {
        Some((_, Some(version))) => version,
        Some((version, None)) => {
            return Err(StoreError::UnknownFormat {
                path: path.to_owned(),
                found: version.chars().take(40).collect(),
                known: FORMAT_VERSION,
            });
        }
        None => {
            let expected = "a footer entry `revacnn.format`";
            return Err(StoreError::damaged(path, expected, "none"));
        }
    };
    let schema = table.schema_of(version);
    let damaged = |(expected, found): (String, String)| StoreError::damaged(path, expected, found);
    let other_columns = || damaged((format!("the columns of the table {table}"), "other columns".to_owned()));
    let of_one_column = |group: &RowGroupMetaData| group.num_columns() == schema.fields().len();
    if !metadata.row_groups().iter().all(of_one_column) {
        return Err(other_columns());
    }
    let limits = Limits::of(expected.shape, table, expected.span.steps());
    let starts = limits.check_rows(metadata.row_groups().iter().map(RowGroupMetaData::num_rows)).map_err(damaged)?;
    let chunks = guarded("read", path, || Ok(chunks(&metadata, file, bytes, &limits)))?.map_err(damaged)?;
    let arrow = guarded("read", path, || {
        let mut reader = ParquetMetaDataReader::new_with_metadata(metadata)
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Required);
        reader.read_page_indexes(file)?;
        ArrowReaderMetadata::try_new(Arc::new(reader.finish()?), ArrowReaderOptions::new())
    })?;
    if arrow.schema().fields() != schema.fields() {
        return Err(other_columns());
    }
    entries.check(&expected, version).map_err(damaged)?;
    let checksums = version >= CHECKSUMS_SINCE;
    if checksums {
        let found = index_checksum(arrow.metadata()).ok_or_else(other_columns)?;
        entries.check_one(INDEX_CHECKSUM, &found).map_err(damaged)?;
    }
    let header_checksum = entries.get(HEADER_CHECKSUM).map(str::to_owned).filter(|_| checksums);
    if checksums && header_checksum.is_none() {
        return Err(damaged((format!("a footer entry `{HEADER_CHECKSUM}`"), "none".to_owned())));
    }
    Ok(Footer { table, arrow, starts, limits, chunks, checksums, header_checksum, bytes, modified })
}

/// The texts that a footer carries.
struct Entries(Vec<(String, String)>);

impl Entries {
    fn of(metadata: &ParquetMetaData) -> Self {
        let entries = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        Self(entries.filter_map(|entry| Some((entry.key.clone(), entry.value.clone()?))).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The error says what was expected, and what was found.
    fn check_one(&self, key: &str, expected: &str) -> Result<(), (String, String)> {
        match self.get(key) {
            Some(found) if found == expected => Ok(()),
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.chars().take(40).collect());
                Err((format!("a footer entry `{key}` of {expected}"), found))
            }
        }
    }

    /// Checks that the file is where it belongs: in another's place, it would
    /// be read as that one.
    fn check(&self, expected: &Expected<'_>, version: u32) -> Result<(), (String, String)> {
        let format = expected.shape.format_version;
        if version != format {
            return Err((format!("a file of format version {format}, as its branch"), version.to_string()));
        }
        self.check_one("revacnn.branch", expected.branch.as_str())?;
        self.check_one("revacnn.table", expected.table.name())?;
        if expected.table == Table::Events {
            return Ok(());
        }
        self.check_one("revacnn.first_step", &expected.span.first.to_string())?;
        self.check_one("revacnn.last_step", &expected.span.last.to_string())
    }
}

/// The checksum of a file's offset indexes; `None` where one is lacking.
fn index_checksum(metadata: &ParquetMetaData) -> Option<String> {
    let mut checksum = FileChecksums::default();
    for (place, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        for (column, chunk) in group.columns().iter().enumerate() {
            checksum.add_pages(i64::try_from(chunk.byte_range().0).ok()?, &index.offset_index(column)?.page_locations);
        }
    }
    Some(checksum.index())
}

/// Where the chunks lie, each within the file, with as many values as the
/// topology gives at most and an index no longer than its bytes: the library
/// reserves what it claims. The error says what was expected, and what found.
fn chunks(
    metadata: &ParquetMetaData,
    file: &File,
    bytes: u64,
    limits: &Limits,
) -> Result<Vec<Chunk>, (String, String)> {
    let within = |start: u64, length: u64| start.checked_add(length).filter(|&end| end <= bytes);
    let mut chunks = Vec::new();
    for (place, group) in metadata.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        for (column, chunk) in group.columns().iter().enumerate() {
            limits.check_chunk(column, rows, chunk.num_values())?;
            let outside = || ("columns that lie in the file".to_owned(), "one that does not".to_owned());
            let (first_byte, length) = chunk.byte_range();
            let end_byte = within(first_byte, length).ok_or_else(outside)?;
            chunks.push(Chunk { group: place, column, rows, first_byte, end_byte });
            let index = chunk.offset_index_offset().zip(chunk.offset_index_length());
            let index =
                index.and_then(|(start, length)| Some((u64::try_from(start).ok()?, u64::try_from(length).ok()?)));
            let Some((start, length)) = index else {
                return Err(("an offset index of each column".to_owned(), "a column without one".to_owned()));
            };
            within(start, length).ok_or_else(outside)?;
            let header = file
                .get_bytes(start, length.min(16) as usize)
                .map_err(|error| ("an offset index of each column".to_owned(), error.to_string()))?;
            let claimed = page_locations(&header).unwrap_or(u64::MAX);
            if claimed > length {
                let expected = format!("an offset index of at most {length} pages");
                return Err((expected, format!("one of {claimed}")));
            }
        }
    }
    chunks.sort_by_key(|chunk| chunk.first_byte);
    Ok(chunks)
}

/// Runs a piece of the Parquet library on a file that may be damaged: an
/// error names the file, and a panic of the library becomes an error.
pub(crate) fn guarded<T>(
    operation: &'static str,
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| StoreError::parquet(operation, path, error)),
        Err(_) => {
            Err(StoreError::damaged(path, "a readable Parquet file", "content that its decoder cannot make sense of"))
        }
    }
}
