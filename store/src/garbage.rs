//! Freeing what is left over: the trash, and what kills left behind.
//!
//! Nothing goes that is not proved to be of no use: while something is removed,
//! whoever could need it is kept out. A branch that cannot be read says nothing
//! of what it needs, and is spared, as is what it may have been forked from.

use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchRecord, Table};

use crate::branches::list_plain;
use crate::disk::is_folder;
use crate::disk::lock::FileLock;
use crate::disk::paths::BranchPaths;
use crate::disk::system::{file_bytes, folder_bytes};
use crate::read::listing::{Listing, list_if_there};
use crate::read::seen::Seen;
use crate::read::strays::Strays;
use crate::shape::TENSOR_TABLES;
use crate::steering::is_letter;
use crate::store::{has_vanished, read_branch};
use crate::thinning::{Materialised, Thinned, stores_tensors};
use crate::{BranchList, StepSpan, Store, StoreError};

/// Something that can be freed without losing a recorded step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// The file or folder.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Why it can go.
    pub reason: String,
}

/// What can be freed, and what is spared although nobody uses it.
#[derive(Debug, Default)]
pub struct GarbageList {
    /// What can be freed.
    pub items: Vec<Garbage>,
    /// A reason for each branch of which it cannot be told.
    pub problems: Vec<StoreError>,
}

impl Store {
    /// What can be freed: the trash, and what kills left behind. What a live
    /// writer or reader holds is not in it.
    ///
    /// # Errors
    /// Where the store itself cannot be listed; what is wrong with one branch
    /// is in [`GarbageList::problems`].
    pub fn garbage(&self) -> Result<GarbageList, StoreError> {
        let branches = self.branches()?;
        let mut garbage = GarbageList::default();
        let trash = list_plain(&self.trash()).unwrap_or_else(|error| {
            garbage.problems.push(error);
            Vec::new()
        });
        for entry in trash {
            let path = self.trash().join(&entry);
            let name =
                entry.strip_prefix("branch=").and_then(|id| read_branch(&path, id).ok()).map(|record| record.name);
            // Taken back, or freed, since the trash was listed.
            if has_vanished(&path) {
                continue;
            }
            if let Some(Needed { reason, by_child }) = needed(&entry, &branches) {
                let what = path.display().to_string();
                let needed = name.filter(|_| by_child);
                garbage.problems.push(StoreError::Spared { what, reason, needed });
                continue;
            }
            let reason = name.map_or_else(|| "in the trash".to_owned(), |name| format!("deleted branch {name}"));
            garbage.items.push(Garbage { bytes: folder_bytes(&path, 3), path, reason });
        }
        {
            // What is being made right now is not left over.
            let _lock = self.lock()?;
            garbage.items.extend(self.half_made()?.into_iter().map(|path| left_over(path, "left by a kill")));
        }
        for record in &branches.records {
            // A branch that somebody writes or reads is spared.
            let found = match self.hold_alone(record) {
                Ok(_held) => of_branch(record, &self.paths(&record.id)),
                Err(StoreError::WriterBusy { .. } | StoreError::InUse { .. }) => continue,
                Err(error) => Err(error),
            };
            // Deleted since the branches were listed: it is in the trash by now.
            if has_vanished(&self.paths(&record.id).folder) {
                continue;
            }
            match found {
                Ok((found, lost)) => {
                    garbage.items.extend(found);
                    garbage.problems.extend(lost.into_iter().map(|segment| {
                        let what = format!("steps {segment} of branch `{}`", record.name);
                        let path = self.paths(&record.id).segment(Table::Steps, segment);
                        let reason = format!(
                            "{} is missing, and with it put back from a copy they can be read again",
                            path.display()
                        );
                        StoreError::Spared { what, reason, needed: None }
                    }));
                }
                Err(error) => {
                    let what = format!("branch `{}`", record.name);
                    garbage.problems.push(StoreError::Spared { what, reason: error.to_string(), needed: None });
                }
            }
        }
        garbage.problems.extend(branches.problems);
        Ok(garbage)
    }

    /// Frees what [`garbage`](Self::garbage) found, as far as it still is
    /// garbage; returns the bytes that were freed.
    ///
    /// What is looked at again and removed is locked from the one to the other.
    ///
    /// # Errors
    /// A file that cannot be removed; what was freed before stays so.
    pub fn collect(&self, garbage: &[Garbage]) -> Result<u64, StoreError> {
        let mut freed = 0;
        for (path, bytes) in self.put_out_of_reach(garbage)? {
            self.remove(&path)?;
            freed += bytes;
        }
        for record in self.branches()?.records {
            let paths = self.paths(&record.id);
            let asked: Vec<&Garbage> = garbage.iter().filter(|item| item.path.starts_with(&paths.folder)).collect();
            if asked.is_empty() {
                continue;
            }
            let Ok(_held) = self.hold_alone(&record) else { continue };
            let Ok((now, _)) = of_branch(&record, &paths) else { continue };
            for item in asked.into_iter().filter(|item| now.iter().any(|other| other.path == item.path)) {
                // A description is written by who holds the store's lock.
                let _lock = if item.path.parent() == Some(&paths.folder) { Some(self.lock()?) } else { None };
                self.remove(&item.path)?;
                freed += item.bytes;
            }
        }
        Ok(freed)
    }

    /// Renames what is garbage in the store itself while the store is locked:
    /// nobody can take it back or go on with it then, nor a kill amid its
    /// removal leave half a branch, and removing takes longer than the lock is
    /// held. Returns where it is now, with its bytes.
    fn put_out_of_reach(&self, garbage: &[Garbage]) -> Result<Vec<(PathBuf, u64)>, StoreError> {
        let _lock = self.lock()?;
        let branches = self.branches()?;
        let mut now = self.half_made()?;
        // What cannot be listed is no folder of ours.
        let trash = list_plain(&self.trash()).unwrap_or_default();
        now.extend(
            trash.iter().filter(|entry| needed(entry, &branches).is_none()).map(|entry| self.trash().join(entry)),
        );
        let mut moved = Vec::new();
        let mut folders: Vec<&Path> = Vec::new();
        for item in garbage.iter().filter(|item| now.contains(&item.path)) {
            let (Some(folder), Some(name)) = (item.path.parent(), item.path.file_name().and_then(|name| name.to_str()))
            else {
                continue;
            };
            if name.starts_with(FREED) || !is_folder(&item.path) {
                moved.push((item.path.clone(), item.bytes));
                continue;
            }
            let freed = folder.join(format!("{FREED}{name}"));
            self.disk().remove_folder(&freed)?;
            self.disk().rename(&item.path, &freed)?;
            moved.push((freed, item.bytes));
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        self.disk().sync_together(&[], &folders)?;
        Ok(moved)
    }

    /// What a kill left of branches and descriptions that were being made; the
    /// caller holds the store's lock.
    fn half_made(&self) -> Result<Vec<PathBuf>, StoreError> {
        let is_left = |entry: &String| {
            entry.starts_with(".new-")
                || entry.starts_with(FREED)
                || (entry.starts_with('.') && entry.ends_with(".json.new"))
        };
        let left = list_if_there(self.root())?.into_iter().filter(is_left).map(|entry| self.root().join(entry));
        let mut half_made = Vec::new();
        for path in left {
            // A pack is put together for longer than the store's lock may be held.
            if !FileLock::is_held(&path.join(STAGING_LOCK))? {
                half_made.push(path);
            }
        }
        Ok(half_made)
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        if is_folder(path) { self.disk().remove_folder(path) } else { self.disk().remove_file(path) }
    }
}

/// The lock of who puts branches together in a folder of the store.
pub(crate) const STAGING_LOCK: &str = "staging.lock";

/// How the name of what is being removed begins.
const FREED: &str = ".freed-";

/// Why an entry of the trash may be needed.
struct Needed {
    reason: String,
    /// Whether a branch of the store was forked from it.
    by_child: bool,
}

/// Why an entry of the trash may be needed, if it may.
fn needed(entry: &str, branches: &BranchList) -> Option<Needed> {
    let id = entry.strip_prefix("branch=")?;
    let is_child = |record: &&BranchRecord| record.parent.as_ref().is_some_and(|parent| parent.branch.as_str() == id);
    if let Some(child) = branches.records.iter().find(is_child) {
        let reason = format!("branch `{}` was forked from it; take it back", child.name);
        return Some(Needed { reason, by_child: true });
    }
    let unread = branches.unread();
    let says = "of the store's branches cannot be read, and may have been forked from it: restore its branch.json from a \
                copy, or remove its folder";
    (unread > 0).then(|| Needed { reason: format!("{unread} {says}"), by_child: false })
}

fn left_over(path: PathBuf, reason: &str) -> Garbage {
    let bytes = if is_folder(&path) { folder_bytes(&path, 3) } else { file_bytes(&path) };
    Garbage { path, bytes, reason: reason.to_owned() }
}

/// What a branch that nobody uses has left over, and its segments that lost their file
/// of `steps`.
fn of_branch(record: &BranchRecord, paths: &BranchPaths) -> Result<(Vec<Garbage>, Vec<StepSpan>), StoreError> {
    let mut garbage = Vec::new();
    let seen = Seen::look(paths)?;
    let listing = Listing::of(paths, &seen)?;
    for &part in &listing.merged {
        garbage.push(left_over(paths.part(part), "a part of the tail that a segment holds"));
    }
    let strays = Strays::of(paths, &seen, &listing);
    for (span, table) in strays.uncommitted {
        garbage.push(left_over(paths.segment(table, span), "of a segment that was not committed"));
    }
    let (thinned, materialised) = (Thinned::read(paths)?, Materialised::read(paths)?);
    for table in Table::ALL {
        if matches!(table, Table::Steps | Table::Events | Table::Topology) {
            continue;
        }
        for &span in seen.spans(table) {
            if !listing.segments.contains(&span) {
                continue;
            }
            let path = paths.segment(table, span);
            let stored = stores_tensors(record.recording.fidelity, [&thinned, &materialised], span);
            if TENSOR_TABLES.contains(&table) && !stored {
                garbage.push(left_over(path, "tensors of a span that is thinned to keyframes"));
            }
        }
    }
    for folder in ["inbox", "outbox"] {
        let folder = paths.folder.join(folder);
        for entry in list_plain(&folder)?.into_iter().filter(|entry| is_letter(entry)) {
            garbage.push(left_over(folder.join(entry), "steering that nobody fetched"));
        }
    }
    // Last, and removed last: what is in the tail tells what was not committed.
    let hidden = |folder: &Path, garbage: &mut Vec<Garbage>| -> Result<(), StoreError> {
        for entry in list_if_there(folder)?.into_iter().filter(|entry| entry.starts_with('.')) {
            garbage.push(left_over(folder.join(entry), "left by a kill"));
        }
        Ok(())
    };
    hidden(&paths.tail(), &mut garbage)?;
    hidden(&paths.folder, &mut garbage)?;
    Ok((garbage, strays.lost))
}
