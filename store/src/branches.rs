//! Keeping a store tidy: rename, delete, take back.

use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, BranchName, BranchRecord};

use crate::disk::json;
use crate::disk::lock::{Attempt, FileLock};
use crate::disk::paths::folder_name;
use crate::disk::plain_folder_exists;
use crate::disk::system::who_has_open;
use crate::read::listing::list_if_there;
use crate::store::{has_vanished, read_branch};
use crate::{Store, StoreError};

impl Store {
    /// Gives a branch another name; its id and its children stay.
    ///
    /// # Errors
    /// [`StoreError::UnknownBranch`], [`StoreError::NameTaken`].
    pub fn rename(&self, name: &BranchName, to: &BranchName) -> Result<BranchRecord, StoreError> {
        let _lock = self.lock()?;
        let mut record = self.branch(name)?;
        if self.branches()?.is_taken(to) {
            return Err(StoreError::NameTaken { name: to.clone(), store: self.root().to_owned() });
        }
        record.name = to.clone();
        self.write_record(&record)?;
        Ok(record)
    }

    pub(crate) fn write_record(&self, record: &BranchRecord) -> Result<(), StoreError> {
        json::write(self.disk(), &self.paths(&record.id).folder.join("branch.json"), record)
    }

    /// Deletes a branch: it goes to the trash, where [`take_back`](Self::take_back)
    /// finds it until the garbage is collected.
    ///
    /// # Errors
    /// [`StoreError::HasChildren`], [`StoreError::WriterBusy`],
    /// [`StoreError::InUse`] where somebody reads it now.
    pub fn delete(&self, name: &BranchName) -> Result<BranchRecord, StoreError> {
        let _lock = self.lock()?;
        let record = self.branch(name)?;
        let is_child = |other: &&BranchRecord| other.parent.as_ref().is_some_and(|parent| parent.branch == record.id);
        let branches = self.branches()?;
        let children: Vec<String> =
            branches.records.iter().filter(is_child).map(|child| format!("`{}`", child.name)).collect();
        if !children.is_empty() {
            return Err(StoreError::HasChildren { branch: name.clone(), children: children.join(", ") });
        }
        let _held = self.hold_alone(&record)?;
        self.disk().create_folder(&self.trash())?;
        self.disk().sync_folder(self.root())?;
        self.disk().rename(&self.paths(&record.id).folder, &self.in_trash(&record.id))?;
        // First where it is now: a power failure between the two may not lose it.
        self.disk().sync_folder(&self.trash())?;
        self.disk().sync_folder(&self.root().join("branches"))?;
        Ok(record)
    }

    /// Takes a deleted branch back.
    ///
    /// # Errors
    /// [`StoreError::NotDeleted`] listing what is in the trash;
    /// [`StoreError::NameTaken`]; [`StoreError::ParentMissing`].
    pub fn take_back(&self, name: &BranchName) -> Result<BranchRecord, StoreError> {
        self.take_back_as(name, name)
    }

    /// [`take_back`](Self::take_back), with another name where that differs.
    ///
    /// # Errors
    /// Those of [`take_back`](Self::take_back).
    pub fn take_back_as(&self, name: &BranchName, to: &BranchName) -> Result<BranchRecord, StoreError> {
        let _lock = self.lock()?;
        let deleted = self.deleted()?;
        // Deleted one after the other, several may have had the name.
        let mut meant: Vec<&BranchRecord> = deleted.iter().filter(|record| record.name == *name).collect();
        if meant.is_empty() {
            meant = deleted.iter().filter(|record| record.id.as_str() == name.as_str()).collect();
        }
        if meant.len() > 1 {
            let ids = meant.iter().map(|record| record.id.clone()).collect();
            return Err(StoreError::AmbiguousDeleted { name: name.clone(), ids });
        }
        let Some(&record) = meant.first() else {
            let names: Vec<String> = deleted.iter().map(|record| format!("`{}`", record.name)).collect();
            let known = if names.is_empty() {
                "nothing is in the trash".to_owned()
            } else {
                format!("in the trash: {}", names.join(", "))
            };
            return Err(StoreError::NotDeleted { name: name.clone(), store: self.root().to_owned(), known });
        };
        let branches = self.branches()?;
        // Who names a branch by its id does not ask for that as its name.
        let mut record = record.clone();
        let wanted = if to == name { record.name.clone() } else { to.clone() };
        if branches.is_taken(&wanted) {
            return Err(StoreError::NameTaken { name: wanted, store: self.root().to_owned() });
        }
        // A parent that cannot be read was none that could be read when its child
        // was deleted, either.
        if let Some(parent) = &record.parent
            && branches.get(&parent.branch).is_none()
            && has_vanished(&self.paths(&parent.branch).folder)
        {
            return Err(StoreError::ParentMissing {
                branch: name.clone(),
                parent: parent.branch.clone(),
                store: self.root().to_owned(),
            });
        }
        if record.name != wanted {
            // While it is in the trash: two branches of one name are never seen.
            record.name = wanted;
            json::write(self.disk(), &self.in_trash(&record.id).join("branch.json"), &record)?;
        }
        self.disk().rename(&self.in_trash(&record.id), &self.paths(&record.id).folder)?;
        self.disk().sync_folder(&self.root().join("branches"))?;
        self.disk().sync_folder(&self.trash())?;
        Ok(record)
    }

    /// Puts a folder in a branch's place, and what lies there in that folder's: at
    /// once, where the system can do that. Else the branch is in the trash for a
    /// moment, where a kill leaves it to be taken back. The caller holds the store's
    /// lock and the branch's.
    pub(crate) fn replace_branch(&self, id: &BranchId, with: &Path) -> Result<(), StoreError> {
        let (place, trash) = (self.paths(id).folder, self.in_trash(id));
        if self.disk().exchange(with, &place)? {
            return Ok(());
        }
        self.disk().create_folder(&self.trash())?;
        self.disk().rename(&place, &trash)?;
        self.disk().sync_folder(&self.trash())?;
        self.disk().rename(with, &place)?;
        self.disk().sync_folder(&self.root().join("branches"))?;
        self.disk().rename(&trash, with)
    }

    /// The branches in the trash that can be read, in the order of their ids.
    ///
    /// # Errors
    /// Where the trash cannot be listed.
    pub fn deleted(&self) -> Result<Vec<BranchRecord>, StoreError> {
        let trash = self.trash();
        let entries = list_plain(&trash)?;
        let read = |entry: &String| read_branch(&trash.join(entry), entry.strip_prefix("branch=")?).ok();
        Ok(entries.iter().filter_map(read).collect())
    }

    pub(crate) fn is_in_trash(&self, id: &BranchId) -> bool {
        fs::symlink_metadata(self.in_trash(id)).is_ok()
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.root().join("trash")
    }

    fn in_trash(&self, id: &BranchId) -> PathBuf {
        self.trash().join(folder_name(id))
    }

    /// Takes the lock of a branch's writer.
    pub(crate) fn hold_to_write(&self, record: &BranchRecord) -> Result<FileLock, StoreError> {
        match FileLock::attempt_for_a_moment(&self.paths(&record.id).lock())? {
            Attempt::Held(lock) => Ok(lock),
            Attempt::Busy(holder) => Err(StoreError::WriterBusy { branch: record.name.clone(), holder }),
        }
    }

    /// Takes the locks that say that nobody writes or reads a branch.
    pub(crate) fn hold_alone(&self, record: &BranchRecord) -> Result<[FileLock; 2], StoreError> {
        Ok([self.hold_to_write(record)?, self.hold_from_readers(record)?])
    }

    /// Takes the lock that says that nobody reads a branch.
    pub(crate) fn hold_from_readers(&self, record: &BranchRecord) -> Result<FileLock, StoreError> {
        let path = self.paths(&record.id).readers_lock();
        // Who only looks at a branch now and then, such as a window at rest,
        // holds it for milliseconds.
        match FileLock::attempt_for_a_moment(&path)? {
            Attempt::Held(readers) => Ok(readers),
            Attempt::Busy(_) => {
                let readers = who_has_open(&path);
                let readers = if readers.is_empty() { "another process".to_owned() } else { readers.join(", ") };
                Err(StoreError::InUse { branch: record.name.clone(), readers })
            }
        }
    }
}

/// Names in a folder that is no link: what lies behind one is not ours to
/// free.
pub(crate) fn list_plain(folder: &Path) -> Result<Vec<String>, StoreError> {
    if plain_folder_exists(folder)? { list_if_there(folder) } else { Ok(Vec::new()) }
}
