//! Making a branch: all that belongs in it appears by one rename.

use std::fs;
use std::io::Write;
use std::path::Path;

use revacnn_schemas::{
    ArrayFile, BranchId, BranchName, BranchRecord, Digest, Digester, Edit, FORMAT_VERSION, Fidelity, MOST_ARRAY_BYTES,
    ParentRecord, Producer, RecordingSettings, Step, Table, Topology,
};

use crate::arrays::{file_name, separate};
use crate::disk::json;
use crate::disk::paths::BranchPaths;
use crate::disk::{Disk, DiskFile};
use crate::shape::BranchShape;
use crate::write::recovery::create_folders;
use crate::write::topology::write_topology;
use crate::{BranchList, Store, StoreError};

/// A branch that is to be made.
#[derive(Debug, Clone)]
pub struct NewBranch {
    /// Its name; the next free one of its parent's, such as `main~2`, if `None`.
    pub name: Option<BranchName>,
    /// Who computes it.
    pub producer: Producer,
    /// How it is recorded.
    pub recording: RecordingSettings,
    /// Its layers and filters; those whose `born` is `None` are born in it.
    pub topology: Topology,
    /// Where it is forked; `None` for a run of its own.
    pub parent: Option<ParentRecord>,
    /// What the fork changes, in order.
    pub edits: Vec<Edit>,
    /// The time of its creation, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
}

impl Store {
    /// Makes a branch: its folder, `branch.json`, topology and the arrays that its layers begin
    /// with appear at once.
    ///
    /// The content key is that of producer and topology for a root, and that of
    /// parent, fork step, producer and edits for a child.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::ForkBeforeParent`],
    /// [`StoreError::Unrecordable`] where settings or shapes make no sense.
    pub fn create_branch(&self, new: NewBranch) -> Result<BranchRecord, StoreError> {
        let NewBranch { name, mut producer, recording, mut topology, parent, mut edits, created_unix_seconds } = new;
        let arrays = separate(&mut producer, &mut edits, parent.is_some());
        let _lock = self.lock()?;
        let branches = self.branches()?;
        let parent_record = match &parent {
            None => None,
            Some(parent) => Some(self.forkable(parent, &branches)?),
        };
        let taken = |name: &BranchName| branches.is_taken(name);
        let name = match name {
            Some(name) if taken(&name) => return Err(StoreError::NameTaken { name, store: self.root().to_owned() }),
            Some(name) => name,
            None => free_name(parent_record, taken),
        };
        if let (Producer::Foreign(foreign), Fidelity::Keyframes) = (&producer, recording.fidelity) {
            let reason = format!(
                "{foreign} computes it, so that what is not stored cannot be computed again: expected fidelity every, \
                 found keyframes"
            );
            return Err(StoreError::Unrecordable { branch: name, reason });
        }
        let own = key_of(&producer, &topology);
        let key = match (&parent, parent_record) {
            (Some(parent), Some(record)) => fork_key(record, parent.step, own, &edits),
            _ => own,
        };
        let mut copy = 0;
        let mut id = BranchId::derive(key, copy);
        while fs::symlink_metadata(self.paths(&id).folder).is_ok() || self.is_in_trash(&id) {
            copy += 1;
            id = BranchId::derive(key, copy);
        }
        for filter in topology.layers.iter_mut().flat_map(|layer| &mut layer.filters) {
            filter.born.get_or_insert_with(|| id.clone());
        }
        let record = BranchRecord {
            format_version: FORMAT_VERSION,
            id,
            name,
            created_unix_seconds,
            key,
            parent,
            edits,
            producer,
            recording,
            topology,
        };
        BranchShape::of(&record).map_err(|reason| StoreError::Unrecordable { branch: record.name.clone(), reason })?;

        // The folder is made under a name that no reader and no glob looks
        // at, and appears with all that belongs in it by one rename.
        let temporary = self.root().join(format!(".new-{}", record.id));
        self.disk().remove_folder(&temporary)?;
        self.disk().create_folder(&temporary)?;
        let paths = BranchPaths { folder: temporary.clone() };
        create_folders(self.disk(), &paths)?;
        let topology = write_topology(self.disk(), &paths, &record)?;
        let description = json::write_new(self.disk(), &temporary.join("branch.json"), &record)?;
        let arrays = arrays.iter().map(|arrays| write_arrays(self.disk(), &record, &temporary, arrays));
        let arrays = arrays.collect::<Result<Vec<_>, StoreError>>()?;
        let files: Vec<&DiskFile> = [topology.disk_file(), &description].into_iter().chain(&arrays).collect();
        self.disk().sync_together(&files, &[&paths.table(Table::Topology), &temporary])?;
        let folder = self.root().join("branches");
        self.disk().create_folder(&folder)?;
        self.disk().rename(&temporary, &self.paths(&record.id).folder)?;
        self.disk().sync_folder(&folder)?;
        Ok(record)
    }

    /// A name like this one that no branch has: `main~2`, `main~3`, ….
    ///
    /// # Errors
    /// Those of [`branches`](Self::branches).
    pub fn unused_name(&self, like: &BranchName) -> Result<BranchName, StoreError> {
        let branches = self.branches()?;
        Ok(numbered_name(like.as_str(), |name| branches.is_taken(name)))
    }

    /// The parent of a fork, if it can be forked there.
    fn forkable<'a>(&self, parent: &ParentRecord, branches: &'a BranchList) -> Result<&'a BranchRecord, StoreError> {
        let Some(record) = branches.get(&parent.branch) else {
            return Err(self.unknown(parent.branch.as_str(), branches));
        };
        if parent.step < record.first_step() {
            return Err(StoreError::ForkBeforeParent {
                parent: record.name.clone(),
                step: parent.step,
                first: record.first_step(),
            });
        }
        branches.check_ancestry(&record.id, self.root())?;
        Ok(record)
    }
}

/// Writes arrays beside a record that nobody sees yet.
fn write_arrays(disk: &Disk, record: &BranchRecord, folder: &Path, arrays: &ArrayFile) -> Result<DiskFile, StoreError> {
    let Some(bytes) = arrays.bytes().filter(|bytes| bytes.len() as u64 <= MOST_ARRAY_BYTES) else {
        let found = arrays.bytes().map_or_else(|| "none at hand".to_owned(), |bytes| format!("{} bytes", bytes.len()));
        let reason = format!(
            "its layers begin with arrays of digest {:.12}: expected at most {MOST_ARRAY_BYTES} bytes of them, found \
             {found}",
            arrays.digest()
        );
        return Err(StoreError::Unrecordable { branch: record.name.clone(), reason });
    };
    let path = folder.join(file_name(arrays.digest()));
    let mut file = disk.create(&path)?;
    file.write_all(bytes).map_err(|source| StoreError::io("write", &path, source))?;
    Ok(file)
}

/// The content key of a run of its own. What a foreign program trains is known by
/// its description alone.
fn key_of(producer: &Producer, topology: &Topology) -> Digest {
    match producer {
        Producer::Engine { definition, .. } => definition.key(),
        Producer::Foreign(foreign) => {
            let topology = serde_json::to_string(topology)
                .expect("invariant: a topology holds only strings, numbers and lists of them");
            Digester::new("revacnn foreign")
                .text(&foreign.name)
                .text(&foreign.version)
                .text(&foreign.notes)
                .text(&topology)
                .finish()
        }
    }
}

/// The content key of a fork: equal for equal parent, step and edits.
fn fork_key(parent: &BranchRecord, step: Step, own: Digest, edits: &[Edit]) -> Digest {
    let edits = serde_json::to_string(edits).expect("invariant: an edit holds only strings, numbers and maps of them");
    Digester::new("revacnn fork").digest(parent.key).number(step.0).digest(own).text(&edits).finish()
}

/// `main~2`, `main~3`, …: the first that is free.
fn free_name(parent: Option<&BranchRecord>, taken: impl Fn(&BranchName) -> bool) -> BranchName {
    numbered_name(parent.map_or("main", |parent| parent.name.as_str()), taken)
}

/// A name with the first number that makes it free.
pub fn numbered_name(stem: &str, taken: impl Fn(&BranchName) -> bool) -> BranchName {
    // A fork of `main~2` is `main~3`, and long names keep room for the number.
    let stem = stem.rsplit_once('~').filter(|(_, number)| number.parse::<u32>().is_ok()).map_or(stem, |(stem, _)| stem);
    let stem = &stem[..stem.len().min(50)];
    (2_u32..)
        .filter_map(|number| format!("{stem}~{number}").parse().ok())
        .find(|name| !taken(name))
        .expect("invariant: there is always a free number")
}
