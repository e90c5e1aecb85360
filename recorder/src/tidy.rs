//! Keeping a store tidy: rename, delete, take back, and free what is left
//! over.

use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Fidelity, Table};

use crate::disk::plain_folder_exists;
use crate::listing::{Listing, list_if_there, spans};
use crate::lock::{Attempt, FileLock};
use crate::paths::BranchPaths;
use crate::shape::TENSOR_TABLES;
use crate::store::read_branch;
use crate::thinning::{Materialised, Thinned, file_bytes};
use crate::writes::folder_bytes;
use crate::{RecorderError, Store, json};

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

impl Store {
    /// Gives a branch another name; its id and its children stay.
    ///
    /// # Errors
    /// [`RecorderError::UnknownBranch`], [`RecorderError::NameTaken`].
    pub fn rename(&self, name: &BranchName, to: &BranchName) -> Result<BranchRecord, RecorderError> {
        let _lock = self.lock()?;
        let mut record = self.branch(name)?;
        if self.branches()?.records.iter().any(|other| other.name == *to) {
            return Err(RecorderError::NameTaken { name: to.clone(), store: self.root().to_owned() });
        }
        record.name = to.clone();
        self.write_record(&record)?;
        Ok(record)
    }

    pub(crate) fn write_record(&self, record: &BranchRecord) -> Result<(), RecorderError> {
        json::write(self.disk(), &self.paths(&record.id).folder.join("branch.json"), record)
    }

    /// Deletes a branch: it goes to the trash, where [`take_back`](Self::take_back)
    /// finds it until the garbage is collected.
    ///
    /// # Errors
    /// [`RecorderError::HasChildren`], [`RecorderError::WriterBusy`],
    /// [`RecorderError::InUse`] where another process reads it.
    pub fn delete(&self, name: &BranchName) -> Result<BranchRecord, RecorderError> {
        let _lock = self.lock()?;
        let record = self.branch(name)?;
        let is_child = |other: &&BranchRecord| other.parent.as_ref().is_some_and(|parent| parent.branch == record.id);
        let branches = self.branches()?;
        let children: Vec<String> =
            branches.records.iter().filter(is_child).map(|child| format!("`{}`", child.name)).collect();
        if !children.is_empty() {
            return Err(RecorderError::HasChildren { branch: name.clone(), children: children.join(", ") });
        }
        let _held = self.hold_alone(&record)?;
        self.disk().create_folder(&self.trash())?;
        self.disk().rename(&self.paths(&record.id).folder, &self.in_trash(&record.id))?;
        self.disk().sync_folder(&self.root().join("branches"))?;
        self.disk().sync_folder(&self.trash())?;
        Ok(record)
    }

    /// Takes a deleted branch back.
    ///
    /// # Errors
    /// [`RecorderError::NotDeleted`] listing what is in the trash;
    /// [`RecorderError::NameTaken`]; [`RecorderError::ParentMissing`].
    pub fn take_back(&self, name: &BranchName) -> Result<BranchRecord, RecorderError> {
        let _lock = self.lock()?;
        let deleted = self.deleted()?;
        let Some(record) = deleted.iter().rev().find(|record| record.name == *name) else {
            let names: Vec<String> = deleted.iter().map(|record| format!("`{}`", record.name)).collect();
            let known = if names.is_empty() {
                "nothing is in the trash".to_owned()
            } else {
                format!("in the trash: {}", names.join(", "))
            };
            return Err(RecorderError::NotDeleted { name: name.clone(), store: self.root().to_owned(), known });
        };
        let branches = self.branches()?;
        if branches.records.iter().any(|other| other.name == *name) {
            return Err(RecorderError::NameTaken { name: name.clone(), store: self.root().to_owned() });
        }
        if let Some(parent) = &record.parent
            && !branches.records.iter().any(|other| other.id == parent.branch)
        {
            return Err(RecorderError::ParentMissing {
                branch: name.clone(),
                parent: parent.branch.clone(),
                store: self.root().to_owned(),
            });
        }
        self.disk().rename(&self.in_trash(&record.id), &self.paths(&record.id).folder)?;
        self.disk().sync_folder(&self.root().join("branches"))?;
        self.disk().sync_folder(&self.trash())?;
        Ok(record.clone())
    }

    /// The branches in the trash that can be read, in the order of their ids.
    fn deleted(&self) -> Result<Vec<BranchRecord>, RecorderError> {
        let trash = self.trash();
        let entries = list_plain(&trash)?;
        let read = |entry: &String| read_branch(&trash.join(entry), entry.strip_prefix("branch=")?).ok();
        Ok(entries.iter().filter_map(read).collect())
    }

    pub(crate) fn is_in_trash(&self, id: &BranchId) -> bool {
        fs::symlink_metadata(self.in_trash(id)).is_ok()
    }

    fn trash(&self) -> PathBuf {
        self.root().join("trash")
    }

    fn in_trash(&self, id: &BranchId) -> PathBuf {
        self.trash().join(format!("branch={id}"))
    }

    /// Takes the lock of a branch's writer.
    pub(crate) fn hold_to_write(&self, record: &BranchRecord) -> Result<FileLock, RecorderError> {
        match FileLock::attempt_for_a_moment(&self.paths(&record.id).lock())? {
            Attempt::Held(lock) => Ok(lock),
            Attempt::Busy(holder) => Err(RecorderError::WriterBusy { branch: record.name.clone(), holder }),
        }
    }

    /// Takes the locks that say that nobody writes or reads a branch.
    pub(crate) fn hold_alone(&self, record: &BranchRecord) -> Result<[FileLock; 2], RecorderError> {
        let writer = self.hold_to_write(record)?;
        match FileLock::attempt(&self.paths(&record.id).readers_lock())? {
            Attempt::Held(readers) => Ok([writer, readers]),
            Attempt::Busy(_) => Err(RecorderError::InUse { branch: record.name.clone() }),
        }
    }

    /// What can be freed: the trash, and what kills left behind. What a live
    /// writer or reader holds is not in it.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn garbage(&self) -> Result<Vec<Garbage>, RecorderError> {
        let mut garbage = Vec::new();
        for entry in list_plain(&self.trash())? {
            let path = self.trash().join(&entry);
            let name = entry.strip_prefix("branch=").and_then(|id| read_branch(&path, id).ok());
            let reason =
                name.map_or_else(|| "in the trash".to_owned(), |record| format!("deleted branch {}", record.name));
            garbage.push(Garbage { bytes: folder_bytes(&path, 3), path, reason });
        }
        {
            // What is being made right now is not left over.
            let _lock = self.lock()?;
            for entry in list_if_there(self.root())? {
                if entry.starts_with(".new-") || (entry.starts_with('.') && entry.ends_with(".json.new")) {
                    garbage.push(left_over(self.root().join(entry), "left by a kill"));
                }
            }
        }
        for record in self.branches()?.records {
            // A branch that somebody writes or reads is spared.
            if let Ok(_held) = self.hold_alone(&record) {
                garbage.extend(of_branch(&record, &self.paths(&record.id))?);
            }
        }
        Ok(garbage)
    }

    /// Frees what [`garbage`](Self::garbage) found, as far as it still is
    /// garbage; returns the bytes that were freed.
    ///
    /// # Errors
    /// A file that cannot be removed; what was freed before stays so.
    pub fn collect(&self, garbage: &[Garbage]) -> Result<u64, RecorderError> {
        let now = self.garbage()?;
        let mut freed = 0;
        for item in garbage.iter().filter(|item| now.iter().any(|other| other.path == item.path)) {
            let is_folder = fs::symlink_metadata(&item.path).is_ok_and(|entry| entry.is_dir());
            if is_folder {
                self.disk().remove_folder(&self.out_of_reach(&item.path)?)?;
            } else {
                self.disk().remove_file(&item.path)?;
            }
            freed += item.bytes;
        }
        Ok(freed)
    }

    /// Renames a deleted branch, so that a kill amid its removal leaves none
    /// that could be taken back without its steps.
    fn out_of_reach(&self, path: &Path) -> Result<PathBuf, RecorderError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.parent() != Some(&self.trash()) || !name.starts_with("branch=") {
            return Ok(path.to_owned());
        }
        let freed = self.trash().join(format!(".freed-{name}"));
        self.disk().remove_folder(&freed)?;
        self.disk().rename(path, &freed)?;
        self.disk().sync_folder(&self.trash())?;
        Ok(freed)
    }
}

/// Names in a folder that is no link: what lies behind one is not ours to
/// free.
fn list_plain(folder: &Path) -> Result<Vec<String>, RecorderError> {
    if plain_folder_exists(folder)? { list_if_there(folder) } else { Ok(Vec::new()) }
}

fn left_over(path: PathBuf, reason: &str) -> Garbage {
    let is_folder = fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_dir());
    let bytes = if is_folder { folder_bytes(&path, 3) } else { file_bytes(&path) };
    Garbage { path, bytes, reason: reason.to_owned() }
}

/// What a branch that nobody uses has left over.
fn of_branch(record: &BranchRecord, paths: &BranchPaths) -> Result<Vec<Garbage>, RecorderError> {
    let mut garbage = Vec::new();
    let hidden = |folder: &Path, garbage: &mut Vec<Garbage>| -> Result<(), RecorderError> {
        for entry in list_if_there(folder)?.into_iter().filter(|entry| entry.starts_with('.')) {
            garbage.push(left_over(folder.join(entry), "left by a kill"));
        }
        Ok(())
    };
    hidden(&paths.tail(), &mut garbage)?;
    hidden(&paths.folder, &mut garbage)?;
    let listing = Listing::read(paths)?;
    for &part in &listing.merged {
        garbage.push(left_over(paths.part(part), "a part of the tail that a segment holds"));
    }
    let (thinned, materialised) = (Thinned::read(paths)?, Materialised::read(paths)?);
    for table in Table::ALL {
        if matches!(table, Table::Steps | Table::Events | Table::Topology) {
            continue;
        }
        for span in spans(&paths.table(table))? {
            let path = paths.segment(table, span);
            let within = |list: &[crate::StepSpan]| list.iter().any(|other| other.covers(&span));
            let stored = match record.recording.fidelity {
                Fidelity::Every => !within(&thinned),
                Fidelity::Keyframes => within(&materialised),
            };
            if !listing.segments.contains(&span) {
                garbage.push(left_over(path, "of a segment that was not committed"));
            } else if TENSOR_TABLES.contains(&table) && !stored {
                garbage.push(left_over(path, "tensors of a span that is thinned to keyframes"));
            }
        }
    }
    for folder in ["inbox", "outbox"] {
        let folder = paths.folder.join(folder);
        for entry in list_plain(&folder)? {
            garbage.push(left_over(folder.join(entry), "steering that nobody fetched"));
        }
    }
    Ok(garbage)
}
