//! One pass over a branch's folders: what they hold, told from names alone, and
//! how large it is where that is asked.

use revacnn_schemas::Table;

use crate::StoreError;
use crate::disk::Disk;
use crate::disk::folder::{Entry, Folder};
use crate::disk::paths::{BranchPaths, StepSpan, parse_span};

/// What one pass saw. Every folder is opened and listed once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Names in the branch's folder.
    own: Vec<Entry>,
    /// Spans of the files of each table, in the order of [`Table::ALL`], sorted.
    tables: [Vec<StepSpan>; Table::ALL.len()],
    /// Names in the tail.
    pub(crate) tail: Vec<Entry>,
    /// Bytes of all files, where they were asked for.
    pub(crate) bytes: u64,
}

impl Seen {
    /// Looks at the folders.
    ///
    /// Their order is of use while a writer works. The tail comes before `steps`:
    /// a part that is merged in between is then in the segments, so that no step
    /// is missed. The other tables come before both: what a writer moves in
    /// meanwhile is in `steps` by the time that is looked at, or else in the tail
    /// when that is.
    pub(crate) fn look(paths: &BranchPaths) -> Result<Self, StoreError> {
        Self::pass(paths, false)
    }

    /// [`look`](Self::look), and the bytes of all files.
    pub(crate) fn measure(paths: &BranchPaths) -> Result<Self, StoreError> {
        Self::pass(paths, true)
    }

    fn pass(paths: &BranchPaths, measures: bool) -> Result<Self, StoreError> {
        let folder = match Folder::open(&Disk::default(), &paths.folder) {
            Ok(folder) => folder,
            Err(error) if error.is_missing_file() => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut seen = Self { own: folder.entries(measures)?, ..Self::default() };
        seen.bytes = bytes_of(&seen.own);
        for (place, table) in Table::ALL.iter().enumerate().filter(|(_, table)| **table != Table::Steps) {
            seen.tables[place] = seen.spans_in(&folder, table.name(), measures)?;
        }
        for name in ["inbox", "outbox"] {
            if measures && seen.has(name) {
                // What a stranger put there is no part of the branch's listing.
                seen.bytes += bytes_of(&folder.entries_inside(name, true).unwrap_or_default());
            }
        }
        seen.tail = folder.entries_inside("tail", measures)?;
        seen.bytes += bytes_of(&seen.tail);
        if measures && !seen.tail.is_empty() {
            let tail = folder.inside("tail")?;
            for part in seen.tail.iter().filter(|entry| entry.is_folder) {
                let inside = tail.as_ref().map(|tail| tail.entries_inside(&part.name, true));
                seen.bytes += inside.and_then(Result::ok).map_or(0, |entries| bytes_of(&entries));
            }
        }
        let steps = Self::place(Table::Steps);
        seen.tables[steps] = seen.spans_in(&folder, Table::Steps.name(), measures)?;
        Ok(seen)
    }

    /// Spans of the files `FIRST-LAST.parquet` in a folder of the branch, sorted.
    fn spans_in(&mut self, folder: &Folder, name: &str, measures: bool) -> Result<Vec<StepSpan>, StoreError> {
        let entries = folder.entries_inside(name, measures)?;
        self.bytes += bytes_of(&entries);
        let spans = entries.iter().filter_map(|entry| parse_span(entry.name.strip_suffix(".parquet")?));
        let mut spans: Vec<StepSpan> = spans.collect();
        spans.sort();
        Ok(spans)
    }

    fn place(table: Table) -> usize {
        Table::ALL.iter().position(|other| *other == table).expect("invariant: all tables are in the list of all")
    }

    /// Spans of the files of a table, sorted.
    pub(crate) fn spans(&self, table: Table) -> &[StepSpan] {
        &self.tables[Self::place(table)]
    }

    /// Whether something of this name lies in the branch's folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.own.iter().any(|entry| entry.name == name)
    }
}

fn bytes_of(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.bytes).sum()
}
