//! A store: the directory that holds branches.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{
    ARITHMETIC, BranchId, BranchName, BranchRecord, Digest, Digester, Edit, FORMAT_VERSION, FilterNumber, ParentRecord,
    RecordingSettings, RunDefinition, Step, StoreRecord, Table, Topology,
};

use crate::RecorderError;
use crate::disk::{Disk, DiskHook, described, plain_folder_exists};
use crate::json;
use crate::lock::FileLock;
use crate::paths::BranchPaths;
use crate::recovery::create_folders;
use crate::shape::BranchShape;
use crate::topology::write_topology;

/// A directory of branches.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    record: StoreRecord,
    disk: Disk,
}

/// All branches of a store, and what is wrong with those that cannot be used.
#[derive(Debug, Default)]
pub struct BranchList {
    /// The branches that can be read, oldest first.
    pub records: Vec<BranchRecord>,
    /// One error, with its path, a branch that is damaged or lost its parent,
    /// and one a name that several branches have.
    pub problems: Vec<RecorderError>,
    /// Names that several branches have.
    ambiguous: BTreeSet<BranchName>,
}

impl BranchList {
    /// The branch that a person means: by its name, or else by its id. `None`
    /// where there is none.
    ///
    /// # Errors
    /// [`RecorderError::AmbiguousName`] where several have the name.
    pub(crate) fn find(&self, name: &BranchName, store: &Path) -> Result<Option<&BranchRecord>, RecorderError> {
        let mut named = self.records.iter().filter(|record| record.name == *name);
        match (named.next(), named.next()) {
            (Some(_), Some(_)) => Err(self.ambiguity(name, store)),
            (Some(record), None) => Ok(Some(record)),
            (None, _) => Ok(self.records.iter().find(|record| record.id.as_str() == name.as_str())),
        }
    }

    /// Whether several branches have this name.
    pub fn is_ambiguous(&self, name: &BranchName) -> bool {
        self.ambiguous.contains(name)
    }

    /// The error for a name that several branches have.
    fn ambiguity(&self, name: &BranchName, store: &Path) -> RecorderError {
        let ids = self.records.iter().filter(|record| record.name == *name).map(|record| record.id.clone());
        RecorderError::AmbiguousName { name: name.clone(), ids: ids.collect(), folder: store.join("branches") }
    }
}

impl Store {
    /// Makes a store in a directory that is empty or does not exist yet.
    ///
    /// # Errors
    /// [`RecorderError::NotAStore`] where the directory holds other files.
    pub fn create(root: impl Into<PathBuf>, created_unix_seconds: u64) -> Result<Self, RecorderError> {
        let (root, disk) = (root.into(), Disk::default());
        fs::create_dir_all(&root).map_err(|source| RecorderError::io("create the store", &root, source))?;
        // The lock is what is left of a creation that was cut short.
        let ours = ["store.lock", ".store.json.new", "branches"];
        for entry in list(&root)? {
            if !ours.contains(&entry.as_str()) {
                let reason = if entry == "store.json" {
                    "it is a store already: open it instead".to_owned()
                } else {
                    format!(
                        "expected an empty folder, found `{entry}` in it: choose another folder \
                         for the store"
                    )
                };
                return Err(RecorderError::NotAStore { path: root, reason });
            }
        }
        let record = StoreRecord { format_version: FORMAT_VERSION, created_unix_seconds };
        disk.create_folder(&root.join("branches"))?;
        json::write(&disk, &root.join("store.json"), &record)?;
        Ok(Self { root, record, disk })
    }

    /// Opens a store.
    ///
    /// # Errors
    /// [`RecorderError::NotAStore`] where there is no `store.json`;
    /// [`RecorderError::UnknownFormat`] where its version is not ours.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, RecorderError> {
        let root = root.into();
        let record = json::read(&description(&root)?, "a store's description")?;
        Ok(Self { root, record, disk: Disk::default() })
    }

    /// Opens the store at `root`, or makes it where there is none.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(root: impl Into<PathBuf>, created_unix_seconds: u64) -> Result<Self, RecorderError> {
        let root = root.into();
        if root.join("store.json").exists() { Self::open(root) } else { Self::create(root, created_unix_seconds) }
    }

    /// The same store, with a hook before every change of the disk.
    #[must_use]
    pub fn with_disk_hook(mut self, hook: DiskHook) -> Self {
        self.disk = Disk::with_hook(hook);
        self
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `store.json` says.
    pub fn record(&self) -> &StoreRecord {
        &self.record
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn paths(&self, branch: &BranchId) -> BranchPaths {
        BranchPaths::new(&self.root, branch)
    }

    /// The folder of a branch.
    pub fn branch_folder(&self, branch: &BranchId) -> PathBuf {
        self.paths(branch).folder
    }

    /// All branches. Files that are not ours are left alone.
    ///
    /// # Errors
    /// Only where the folder itself cannot be listed, or is gone; what is
    /// wrong with one branch is in [`BranchList::problems`].
    pub fn branches(&self) -> Result<BranchList, RecorderError> {
        let mut branches = BranchList::default();
        let folder = self.root.join("branches");
        if !plain_folder_exists(&folder)? {
            // A store without branches, or one that has vanished since.
            description(&self.root)?;
            return Ok(branches);
        }
        for entry in list(&folder)? {
            let Some(id) = entry.strip_prefix("branch=") else {
                continue;
            };
            match read_branch(&folder.join(&entry), id) {
                Ok(record) => branches.records.push(record),
                Err(error) => branches.problems.push(error),
            }
        }
        branches.records.sort_by(|a, b| (a.created_unix_seconds, &a.name).cmp(&(b.created_unix_seconds, &b.name)));
        let problems: Vec<_> =
            branches.records.iter().filter_map(|record| self.ancestors(record, &branches.records).err()).collect();
        branches.problems.extend(problems);
        let mut names = BTreeSet::new();
        let twice = branches.records.iter().filter(|record| !names.insert(&record.name));
        let twice: BTreeSet<BranchName> = twice.map(|record| record.name.clone()).collect();
        branches.ambiguous = twice;
        let ambiguous: Vec<_> = branches.ambiguous.iter().map(|name| branches.ambiguity(name, &self.root)).collect();
        branches.problems.extend(ambiguous);
        Ok(branches)
    }

    /// The branch of this name or, where none has it, of this id.
    ///
    /// # Errors
    /// [`RecorderError::UnknownBranch`] listing the branches that there are;
    /// [`RecorderError::AmbiguousName`] where several have the name.
    pub fn branch(&self, name: &BranchName) -> Result<BranchRecord, RecorderError> {
        self.find_branch(name)?.ok_or_else(|| match self.branches() {
            Ok(branches) => self.unknown(name.as_str(), &branches),
            Err(error) => error,
        })
    }

    /// [`branch`](Self::branch), or `None` where there is none.
    pub(crate) fn find_branch(&self, name: &BranchName) -> Result<Option<BranchRecord>, RecorderError> {
        Ok(self.branches()?.find(name, &self.root)?.cloned())
    }

    /// The branch with this id.
    ///
    /// # Errors
    /// [`RecorderError::UnknownBranch`] listing the branches that there are.
    pub fn branch_by_id(&self, id: &BranchId) -> Result<BranchRecord, RecorderError> {
        let folder = self.paths(id).folder;
        if fs::symlink_metadata(&folder).is_err() {
            return Err(self.unknown(id.as_str(), &self.branches()?));
        }
        read_branch(&folder, id.as_str())
    }

    /// A branch and its ancestors, from the branch itself to the root.
    ///
    /// # Errors
    /// [`RecorderError::ParentMissing`] or [`RecorderError::ParentCycle`].
    pub fn lineage(&self, branch: &BranchRecord) -> Result<Vec<BranchRecord>, RecorderError> {
        self.ancestors(branch, &self.branches()?.records)
    }

    fn ancestors(&self, branch: &BranchRecord, records: &[BranchRecord]) -> Result<Vec<BranchRecord>, RecorderError> {
        let mut lineage = vec![branch.clone()];
        let mut current = branch;
        while let Some(parent) = &current.parent {
            let found = records.iter().find(|record| record.id == parent.branch);
            let Some(next) = found else {
                return Err(RecorderError::ParentMissing {
                    branch: current.name.clone(),
                    parent: parent.branch.clone(),
                    store: self.root.clone(),
                });
            };
            if let Some(start) = lineage.iter().position(|known| known.id == next.id) {
                let cycle = lineage[start..].iter().map(|record| record.name.clone()).collect();
                return Err(RecorderError::ParentCycle { branch: branch.name.clone(), cycle });
            }
            lineage.push(next.clone());
            current = next;
        }
        Ok(lineage)
    }

    /// Makes a branch: its folder, `branch.json` and topology appear at once.
    ///
    /// Filters whose `born` is `None` are born in the new branch. The content
    /// key is the definition's for a root, and that of parent, fork step,
    /// definition and edits for a child.
    ///
    /// # Errors
    /// [`RecorderError::NameTaken`], [`RecorderError::ForkBeforeParent`],
    /// [`RecorderError::Unrecordable`] where settings or shapes make no sense.
    pub fn create_branch(
        &self,
        name: BranchName,
        definition: RunDefinition,
        recording: RecordingSettings,
        topology: Topology,
        parent: Option<ParentRecord>,
        created_unix_seconds: u64,
    ) -> Result<BranchRecord, RecorderError> {
        self.make(NewBranch {
            name: Some(name),
            definition,
            recording,
            topology,
            parent,
            edits: Vec::new(),
            created_unix_seconds,
        })
    }

    /// [`create_branch`](Self::create_branch) for any branch; without a name
    /// it gets the next free one of its parent's, such as `main~2`.
    pub(crate) fn make(&self, new: NewBranch) -> Result<BranchRecord, RecorderError> {
        let NewBranch { name, definition, recording, mut topology, parent, edits, created_unix_seconds } = new;
        let _lock = self.lock()?;
        let branches = self.branches()?;
        let parent_record = match &parent {
            None => None,
            Some(parent) => Some(self.forkable(parent, &branches)?),
        };
        let taken = |name: &BranchName| branches.records.iter().any(|record| record.name == *name);
        let name = match name {
            Some(name) if taken(&name) => return Err(RecorderError::NameTaken { name, store: self.root.clone() }),
            Some(name) => name,
            None => free_name(parent_record, taken),
        };
        let key = match (&parent, parent_record) {
            (Some(parent), Some(record)) => fork_key(record, parent.step, &definition, &edits),
            _ => definition.key(),
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
            arithmetic: ARITHMETIC,
            id,
            name,
            created_unix_seconds,
            key,
            parent,
            edits,
            definition,
            recording,
            topology,
        };
        BranchShape::of(&record)
            .map_err(|reason| RecorderError::Unrecordable { branch: record.name.clone(), reason })?;

        // The folder is made under a name that no reader and no glob looks
        // at, and appears with all that belongs in it by one rename.
        let temporary = self.root.join(format!(".new-{}", record.id));
        self.disk.remove_folder(&temporary)?;
        self.disk.create_folder(&temporary)?;
        let paths = BranchPaths { folder: temporary.clone() };
        create_folders(&self.disk, &paths)?;
        let topology = write_topology(&self.disk, &paths, &record)?;
        let description = json::write_new(&self.disk, &temporary.join("branch.json"), &record)?;
        let files = [topology.disk_file(), &description];
        self.disk.sync_together(&files, &[&paths.table(Table::Topology), &temporary])?;
        let folder = self.root.join("branches");
        self.disk.create_folder(&folder)?;
        self.disk.rename(&temporary, &self.paths(&record.id).folder)?;
        self.disk.sync_folder(&folder)?;
        Ok(record)
    }

    /// Takes the lock that guards what changes the list of branches.
    pub(crate) fn lock(&self) -> Result<FileLock, RecorderError> {
        FileLock::wait(&self.root.join("store.lock"))
    }

    /// The parent of a fork, if it can be forked there.
    fn forkable<'a>(&self, parent: &ParentRecord, branches: &'a BranchList) -> Result<&'a BranchRecord, RecorderError> {
        let Some(record) = branches.records.iter().find(|record| record.id == parent.branch) else {
            return Err(self.unknown(parent.branch.as_str(), branches));
        };
        if parent.step < record.first_step() {
            return Err(RecorderError::ForkBeforeParent {
                parent: record.name.clone(),
                step: parent.step,
                first: record.first_step(),
            });
        }
        self.ancestors(record, &branches.records)?;
        Ok(record)
    }

    fn unknown(&self, name: &str, branches: &BranchList) -> RecorderError {
        let names: Vec<String> = branches.records.iter().map(|record| format!("`{}`", record.name)).collect();
        let mut known = if names.is_empty() {
            "the store has no branches yet".to_owned()
        } else {
            format!("there is {}", names.join(", "))
        };
        // Two branches of one name are among those that can be read.
        let unread = branches.problems.iter().filter(|problem| !matches!(problem, RecorderError::AmbiguousName { .. }));
        let unread = unread.count();
        if unread > 0 {
            known.push_str(&format!(", and {unread} that cannot be read"));
        }
        RecorderError::UnknownBranch { name: name.chars().take(80).collect(), store: self.root.clone(), known, unread }
    }
}

/// A branch that is to be made.
pub(crate) struct NewBranch {
    pub(crate) name: Option<BranchName>,
    pub(crate) definition: RunDefinition,
    pub(crate) recording: RecordingSettings,
    pub(crate) topology: Topology,
    pub(crate) parent: Option<ParentRecord>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) created_unix_seconds: u64,
}

/// Where the description of the store at a folder lies, if it is a store.
fn description(root: &Path) -> Result<PathBuf, RecorderError> {
    let path = root.join("store.json");
    if path.is_file() {
        return Ok(path);
    }
    let found = if root.is_dir() { "expected a file store.json in it, found none" } else { "there is no such folder" };
    let reason = format!("{found}; give the folder that a run was recorded to");
    Err(RecorderError::NotAStore { path: root.to_owned(), reason })
}

/// The content key of a fork: equal for equal parent, step and edits.
fn fork_key(parent: &BranchRecord, step: Step, definition: &RunDefinition, edits: &[Edit]) -> Digest {
    let edits = serde_json::to_string(edits).expect("invariant: an edit holds only strings, numbers and maps of them");
    Digester::new("revacnn fork").digest(parent.key).number(step.0).digest(definition.key()).text(&edits).finish()
}

/// `main~2`, `main~3`, …: the first that is free.
fn free_name(parent: Option<&BranchRecord>, taken: impl Fn(&BranchName) -> bool) -> BranchName {
    let stem = parent.map_or("main", |parent| parent.name.as_str());
    // A fork of `main~2` is `main~3`, and long names keep room for the number.
    let stem = stem.rsplit_once('~').filter(|(_, number)| number.parse::<u32>().is_ok()).map_or(stem, |(stem, _)| stem);
    let stem = &stem[..stem.len().min(50)];
    (2_u32..)
        .filter_map(|number| format!("{stem}~{number}").parse().ok())
        .find(|name| !taken(name))
        .expect("invariant: there is always a free number")
}

/// Names in a folder, sorted; those that are not Unicode cannot be ours.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>, RecorderError> {
    let io = |source| RecorderError::io("list", folder, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        if let Ok(name) = entry.map_err(io)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Reads and checks `branch.json` of the folder `branch=ID`.
pub(crate) fn read_branch(folder: &Path, id: &str) -> Result<BranchRecord, RecorderError> {
    let kind = fs::symlink_metadata(folder).map_err(|source| RecorderError::io("look at", folder, source))?.file_type();
    if !kind.is_dir() {
        return Err(RecorderError::damaged(folder, "a branch's folder", described(kind)));
    }
    if id.parse::<BranchId>().is_err() {
        return Err(RecorderError::damaged(
            folder,
            "a folder named branch=ID, where ID is `b` and 15 hexadecimal digits",
            format!("`{id}`"),
        ));
    }
    let path = folder.join("branch.json");
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(RecorderError::damaged(&path, "a plain file", "something else")),
        Err(_) => {
            return Err(RecorderError::Missing { path, expected: "a branch's description".to_owned() });
        }
    }
    let mut record: BranchRecord = json::read(&path, "a branch's description")?;
    // Branches from before there were forks say nothing of the next number.
    for layer in record.topology.layers.iter_mut().filter(|layer| layer.next_filter == FilterNumber(0)) {
        let numbers = layer.filters.iter().map(|filter| filter.number.0.saturating_add(1));
        layer.next_filter = FilterNumber(numbers.max().unwrap_or(0));
    }
    if record.id.as_str() != id {
        return Err(RecorderError::damaged(
            &path,
            format!("the description of branch {id}, as the folder is named"),
            format!("that of {}", record.id),
        ));
    }
    if record.arithmetic == 0 {
        return Err(RecorderError::damaged(&path, "arithmetic of at least 1", "0"));
    }
    BranchShape::of(&record)
        .map_err(|reason| RecorderError::damaged(&path, "a branch that can be recorded", reason))?;
    Ok(record)
}
