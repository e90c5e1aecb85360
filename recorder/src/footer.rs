//! Footers of table files: read once, checked, kept.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use revacnn_schemas::{FORMAT_VERSION, Table};

use crate::RecorderError;
use crate::disk::open_plain_file;

/// Footers that are kept; one takes some 10 KB.
const KEPT: usize = 1024;

/// The most steps of a row group in tables with constant rows a step, and the
/// most rows in others: the decoder reserves memory for what a footer claims.
const MOST_GROUP_STEPS: u64 = 1 << 18;
const MOST_GROUP_ROWS: u64 = 1 << 22;

/// What is known of a file before its footer is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) table: Table,
    /// Rows of the file, and rows that a row group has a multiple of; `None`
    /// in tables whose rows vary.
    pub(crate) rows: Option<(u64, u64)>,
}

/// A footer with the offset index.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) arrow: ArrowReaderMetadata,
    /// First row of each row group, and the number of all rows.
    pub(crate) starts: Vec<u64>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Footer {
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
    pub(crate) fn open(&self, path: &Path, expected: Expected) -> Result<OpenTable, RecorderError> {
        let file = open_plain_file(path).map_err(|error| {
            if error.is_missing_file() {
                let expected = format!("a part of the table {}", expected.table);
                RecorderError::Missing { path: path.to_owned(), expected }
            } else {
                error
            }
        })?;
        let status = file.metadata().map_err(|source| RecorderError::io("look at", path, source))?;
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
    expected: Expected,
    bytes: u64,
    modified: Option<SystemTime>,
) -> Result<Footer, RecorderError> {
    let table = expected.table;
    let arrow = guarded("read", path, || {
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Required);
        ArrowReaderMetadata::load(file, options)
    })?;
    let metadata = arrow.metadata();
    let entries = metadata.file_metadata().key_value_metadata();
    let version = entries
        .and_then(|entries| entries.iter().find(|entry| entry.key == "revacnn.format"))
        .and_then(|entry| entry.value.as_deref());
    match version {
        Some(version) if version == FORMAT_VERSION.to_string() => {}
        Some(version) => {
            return Err(RecorderError::UnknownFormat {
                path: path.to_owned(),
                found: version.chars().take(40).collect(),
                known: FORMAT_VERSION,
            });
        }
        None => {
            let expected = "a footer entry `revacnn.format`";
            return Err(RecorderError::damaged(path, expected, "none"));
        }
    }
    if arrow.schema().fields() != table.schema().fields() {
        return Err(RecorderError::damaged(path, format!("the columns of the table {table}"), "other columns"));
    }
    let mut starts = Vec::with_capacity(metadata.num_row_groups() + 1);
    let mut rows = 0_u64;
    starts.push(0);
    for group in metadata.row_groups() {
        let most = expected.rows.map_or(MOST_GROUP_ROWS, |(_, unit)| unit.max(1).saturating_mul(MOST_GROUP_STEPS));
        let group_rows = u64::try_from(group.num_rows()).ok().filter(|&rows| rows <= most).ok_or_else(|| {
            let found = format!("one of {}", group.num_rows());
            RecorderError::damaged(path, format!("row groups of at most {most} rows"), found)
        })?;
        if expected.rows.is_some_and(|(_, unit)| unit > 0 && group_rows % unit != 0) {
            return Err(RecorderError::damaged(path, "row groups of whole steps", format!("one of {group_rows} rows")));
        }
        rows = rows.saturating_add(group_rows);
        starts.push(rows);
    }
    if let Some((expected, _)) = expected.rows
        && expected != rows
    {
        return Err(RecorderError::damaged(path, format!("{expected} rows"), format!("{rows}")));
    }
    Ok(Footer { arrow, starts, bytes, modified })
}

/// Runs a piece of the Parquet library on a file that may be damaged: an
/// error names the file, and a panic of the library becomes an error.
pub(crate) fn guarded<T>(
    operation: &'static str,
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, RecorderError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| RecorderError::parquet(operation, path, error)),
        Err(_) => Err(RecorderError::damaged(
            path,
            "a readable Parquet file",
            "content that its decoder cannot make sense of",
        )),
    }
}
