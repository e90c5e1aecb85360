//! One pass over a branch's folders: what they hold, told from names alone, and
//! how large it is where that is asked.

use revacnn_schemas::Table;

use crate::StoreError;
use crate::disk::Disk;
use crate::disk::folder::{Entry, Folder};
use crate::disk::paths::{BranchPaths, StepSpan, parse_span};
use crate::read::glance::Glancing;

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
    /// What all of it looked like, where that was asked for.
    pub(crate) glancing: Option<Glancing>,
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
        match Folder::open(&Disk::default(), &paths.folder) {
            Ok(folder) => Self::default().pass(&folder),
            Err(error) if error.is_missing_file() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// [`look`](Self::look), with the bytes of all files and what they look like.
    pub(crate) fn measure(folder: &Folder) -> Result<Self, StoreError> {
        Self { glancing: Some(Glancing::begin(folder)), ..Self::default() }.pass(folder)
    }

    fn pass(mut self, folder: &Folder) -> Result<Self, StoreError> {
        let measures = self.glancing.is_some();
        let own = folder.entries(measures)?;
        self.note(&[], &own);
        self.own = own;
        for (place, table) in Table::ALL.iter().enumerate().filter(|(_, table)| **table != Table::Steps) {
            self.tables[place] = self.spans_in(folder, table.name())?;
        }
        for name in ["inbox", "outbox"] {
            if measures && self.has(name) {
                // What a stranger put there is no part of the branch's listing.
                self.note(&[name], &folder.entries_inside(name, true).unwrap_or_default());
            }
        }
        let tail = folder.entries_inside("tail", measures)?;
        self.note(&["tail"], &tail);
        if measures && let Some(held) = folder.inside("tail")?.filter(|_| !tail.is_empty()) {
            for Entry { name, .. } in tail.iter().filter(|entry| entry.is_folder) {
                if let Some(glancing) = &mut self.glancing {
                    glancing.add(&["tail", name], held.stamp(name));
                }
                self.note(&["tail", name], &held.entries_inside(name, true).unwrap_or_default());
            }
        }
        self.tail = tail;
        let steps = Self::place(Table::Steps);
        self.tables[steps] = self.spans_in(folder, Table::Steps.name())?;
        Ok(self)
    }

    /// Notes bytes and looks of what is in a folder.
    fn note(&mut self, folder: &[&str], entries: &[Entry]) {
        let Some(glancing) = &mut self.glancing else { return };
        for entry in entries {
            self.bytes += entry.bytes;
            if entry.stamp.is_some() {
                glancing.add(&[folder, &[&entry.name]].concat(), entry.stamp);
            }
        }
    }

    /// Spans of the files `FIRST-LAST.parquet` in a folder of the branch, sorted.
    fn spans_in(&mut self, folder: &Folder, name: &str) -> Result<Vec<StepSpan>, StoreError> {
        let entries = folder.entries_inside(name, self.glancing.is_some())?;
        self.note(&[name], &entries);
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
