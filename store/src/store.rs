//! A store: the directory that holds branches.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, FORMAT_VERSION, FilterNumber, StoreRecord};

use crate::disk::folder::Folder;
use crate::disk::json;
use crate::disk::lock::{Attempt, FileLock};
use crate::disk::paths::BranchPaths;
use crate::disk::{Disk, DiskHook, described, list, plain_folder_exists};
use crate::list::parent_missing;
use crate::shape::BranchShape;
use crate::{BranchList, StoreError};

/// Held while it is looked whether a branch is there, and made where it is not.
#[derive(Debug)]
pub struct Alone {
    _lock: FileLock,
}

/// Why none is made where there is one.
const IS_A_STORE: &str = "it is a store already: open it instead";

/// A directory of branches.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    record: StoreRecord,
    disk: Disk,
}

impl Store {
    /// Makes a store in a directory that is empty or does not exist yet.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the directory holds other files.
    pub fn create(root: impl Into<PathBuf>, created_unix_seconds: u64) -> Result<Self, StoreError> {
        let (root, disk) = (root.into(), Disk::default());
        if let Ok(entry) = fs::metadata(&root)
            && !entry.is_dir()
        {
            let found = described(entry.file_type());
            let reason = format!("expected a folder, or a path where one can be made, found {found}");
            return Err(StoreError::NotAStore { path: root, reason });
        }
        let made: Vec<PathBuf> = root.ancestors().take_while(|folder| !folder.exists()).map(PathBuf::from).collect();
        fs::create_dir_all(&root).map_err(|source| StoreError::io("create the store", &root, source))?;
        for folder in made {
            // A power failure may not lose the store with all that is in it. A folder
            // that may not be opened, as one of other people, is the system's to keep.
            let parent = folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
            let _ = disk.sync_folder(parent);
        }
        // The lock is what is left of a creation that was cut short.
        let ours = ["store.lock", ".store.json.new", "branches"];
        for entry in list(&root)? {
            // macOS keeps what its files have beside their bytes in `._NAME`.
            let is_no_obstacle = NOT_OURS.contains(&entry.as_str()) || entry.starts_with("._");
            if !ours.contains(&entry.as_str()) && !is_no_obstacle {
                let reason = if entry == "store.json" {
                    IS_A_STORE.to_owned()
                } else {
                    format!(
                        "expected an empty folder, found `{entry}` in it: choose another folder \
                         for the store"
                    )
                };
                return Err(StoreError::NotAStore { path: root, reason });
            }
        }
        // Of several processes one makes it.
        let _lock = FileLock::wait(&root.join("store.lock"))?;
        if root.join("store.json").exists() {
            return Err(StoreError::NotAStore { path: root, reason: IS_A_STORE.to_owned() });
        }
        let record = StoreRecord { format_version: FORMAT_VERSION, created_unix_seconds };
        disk.create_folder(&root.join("branches"))?;
        json::write(&disk, &root.join("store.json"), &record)?;
        Ok(Self { root, record, disk })
    }

    /// Opens a store.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where there is no `store.json`;
    /// [`StoreError::UnknownFormat`] where its version is not ours.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let record = json::read(&description(&root)?, "a store's description")?;
        Ok(Self { root, record, disk: Disk::default() })
    }

    /// Opens the store at `root`, or makes it where there is none.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(root: impl Into<PathBuf>, created_unix_seconds: u64) -> Result<Self, StoreError> {
        let root = root.into();
        let is_there = || root.join("store.json").exists();
        if is_there() {
            return Self::open(root);
        }
        match Self::create(root.clone(), created_unix_seconds) {
            // Another process has made it meanwhile.
            Err(StoreError::NotAStore { .. }) if is_there() => Self::open(root),
            made => made,
        }
    }

    /// The same store, with a hook before every change of the disk.
    #[must_use]
    pub fn with_disk_hook(mut self, hook: DiskHook) -> Self {
        self.disk = Disk::with_hook(hook);
        self
    }

    /// A folder in this store in which branches are put together before they are
    /// seen, as a store of its own.
    pub(crate) fn staged(&self, root: PathBuf) -> Self {
        Self { root, ..self.clone() }
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
    pub fn branches(&self) -> Result<BranchList, StoreError> {
        let (records, problems) = self.each_branch(|branches, folder, id| read_branch(&branches.path(folder), id))?;
        Ok(BranchList::of(records, problems, &self.root))
    }

    /// Reads something of each branch that lies there: given the folder of branches,
    /// the name of the branch's in it, and the id that this has.
    pub(crate) fn each_branch<T>(
        &self,
        mut read: impl FnMut(&Folder, &str, &str) -> Result<T, StoreError>,
    ) -> Result<(Vec<T>, Vec<StoreError>), StoreError> {
        let (mut records, mut problems) = (Vec::new(), Vec::new());
        let folder = self.root.join("branches");
        if !plain_folder_exists(&folder)? {
            // A store without branches, or one that has vanished since.
            description(&self.root)?;
            return Ok((records, problems));
        }
        let branches = Folder::open(&self.disk, &folder)?;
        // What somebody deletes meanwhile is no branch: the others are looked at
        // again, for they may have been deleted before it.
        for attempt in 0..LOOKS {
            records.clear();
            problems.clear();
            let mut vanished = false;
            for entry in branches.names()? {
                let Some(id) = entry.strip_prefix("branch=") else {
                    continue;
                };
                match read(&branches, &entry, id) {
                    Ok(record) => records.push(record),
                    Err(_) if has_vanished(&branches.path(&entry)) => vanished = true,
                    Err(error) => problems.push(error),
                }
            }
            if !vanished || attempt + 1 == LOOKS {
                break;
            }
        }
        Ok((records, problems))
    }

    /// The branch of this name or, where none has it, of this id.
    ///
    /// # Errors
    /// [`StoreError::UnknownBranch`] listing the branches that there are;
    /// [`StoreError::AmbiguousName`] where several have the name.
    pub fn branch(&self, name: &BranchName) -> Result<BranchRecord, StoreError> {
        self.find_branch(name)?.ok_or_else(|| match self.branches() {
            Ok(branches) => self.unknown(name.as_str(), &branches),
            Err(error) => error,
        })
    }

    /// [`branch`](Self::branch), or `None` where there is none.
    pub fn find_branch(&self, name: &BranchName) -> Result<Option<BranchRecord>, StoreError> {
        Ok(self.branches()?.find(name, &self.root)?.cloned())
    }

    /// The branch with this id.
    ///
    /// # Errors
    /// [`StoreError::UnknownBranch`] listing the branches that there are.
    pub fn branch_by_id(&self, id: &BranchId) -> Result<BranchRecord, StoreError> {
        let folder = self.paths(id).folder;
        if fs::symlink_metadata(&folder).is_err() {
            return Err(self.unknown(id.as_str(), &self.branches()?));
        }
        read_branch(&folder, id.as_str())
    }

    /// A branch and its ancestors, from the branch itself to the root. No other
    /// branch is read.
    ///
    /// # Errors
    /// [`StoreError::ParentMissing`] or [`StoreError::ParentCycle`].
    pub fn lineage(&self, branch: &BranchRecord) -> Result<Vec<BranchRecord>, StoreError> {
        let mut known = HashSet::from([branch.id.clone()]);
        let mut lineage = vec![branch.clone()];
        while let Some(child) = lineage.last()
            && let Some(parent) = &child.parent
        {
            if !known.insert(parent.branch.clone()) {
                let start = lineage.iter().position(|known| known.id == parent.branch).unwrap_or_default();
                let cycle = lineage[start..].iter().map(|record| record.name.clone()).collect();
                return Err(StoreError::ParentCycle { branch: branch.name.clone(), cycle });
            }
            // One that cannot be read is none to fork from.
            let next = read_branch(&self.paths(&parent.branch).folder, parent.branch.as_str());
            let next = next.map_err(|_| parent_missing(child, &self.root))?;
            lineage.push(next);
        }
        Ok(lineage)
    }

    /// What was met while a branch was worked with: where the branch has gone by now,
    /// that, and not which of its files could not be found.
    #[must_use]
    pub fn unless_gone(&self, record: &BranchRecord, error: StoreError) -> StoreError {
        if !has_vanished(&self.paths(&record.id).folder) {
            return error;
        }
        self.branches().map_or(error, |branches| self.unknown(record.name.as_str(), &branches))
    }

    /// Waits until nobody else, in this process or another one, looks whether a branch is there
    /// and makes it where it is not, so that equal work is done once; `None` where somebody does
    /// and it no longer `waits`.
    ///
    /// # Errors
    /// Where the lock's file is none, or the system has no locks there.
    pub fn alone(&self, waits: impl Fn() -> bool) -> Result<Option<Alone>, StoreError> {
        match FileLock::attempt_while(&self.root.join("making.lock"), waits)? {
            Attempt::Held(lock) => Ok(Some(Alone { _lock: lock })),
            Attempt::Busy(_) => Ok(None),
        }
    }

    /// Takes the lock that guards what changes the list of branches.
    pub(crate) fn lock(&self) -> Result<FileLock, StoreError> {
        FileLock::wait(&self.root.join("store.lock"))
    }

    pub(crate) fn unknown(&self, name: &str, branches: &BranchList) -> StoreError {
        let names: Vec<String> =
            branches.records.iter().take(MOST_NAMED).map(|record| format!("`{}`", record.name)).collect();
        let mut known = match branches.records.len().saturating_sub(MOST_NAMED) {
            0 if names.is_empty() => "the store has no branches yet".to_owned(),
            0 => format!("there is {}", names.join(", ")),
            more => format!("there is {}, and {more} more", names.join(", ")),
        };
        let unread = branches.unread();
        if unread > 0 {
            known.push_str(&format!(", and {unread} that cannot be read"));
        }
        StoreError::UnknownBranch { name: name.chars().take(80).collect(), store: self.root.clone(), known, unread }
    }
}

/// Whether nothing lies at a path any more.
pub(crate) fn has_vanished(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// So many branches are named where another one was asked for.
const MOST_NAMED: usize = 50;

/// How often the branches are looked at while others delete some.
const LOOKS: usize = 20;

/// What systems and people put into folders that are empty to them.
const NOT_OURS: [&str; 7] =
    [".gitkeep", ".gitignore", ".DS_Store", ".localized", "lost+found", "Thumbs.db", "desktop.ini"];

/// Where the description of the store at a folder lies, if it is a store.
fn description(root: &Path) -> Result<PathBuf, StoreError> {
    let path = root.join("store.json");
    if path.is_file() {
        return Ok(path);
    }
    let found = match fs::metadata(root) {
        Ok(entry) if entry.is_dir() => "expected a file store.json in it, found none".to_owned(),
        Ok(entry) => format!("expected a folder, found {}", described(entry.file_type())),
        Err(_) => "there is no such folder".to_owned(),
    };
    let reason = format!("{found}; give the folder that a run was recorded to");
    Err(StoreError::NotAStore { path: root.to_owned(), reason })
}

/// Reads and checks `branch.json` of the folder `branch=ID`.
pub(crate) fn read_branch(folder: &Path, id: &str) -> Result<BranchRecord, StoreError> {
    let kind = fs::symlink_metadata(folder).map_err(|source| StoreError::io("look at", folder, source))?.file_type();
    if !kind.is_dir() {
        return Err(StoreError::damaged(folder, "a branch's folder", described(kind)));
    }
    if id.parse::<BranchId>().is_err() {
        return Err(StoreError::damaged(
            folder,
            "a folder named branch=ID, where ID is `b` and 15 hexadecimal digits",
            format!("`{id}`"),
        ));
    }
    let path = folder.join("branch.json");
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(StoreError::damaged(&path, "a plain file", "something else")),
        Err(_) => {
            return Err(StoreError::Missing { path, expected: "a branch's description".to_owned() });
        }
    }
    let mut record: BranchRecord = json::read(&path, "a branch's description")?;
    // Branches from before there were forks say nothing of the next number.
    for layer in record.topology.layers.iter_mut().filter(|layer| layer.next_filter == FilterNumber(0)) {
        let numbers = layer.filters.iter().map(|filter| filter.number.0.saturating_add(1));
        layer.next_filter = FilterNumber(numbers.max().unwrap_or(0));
    }
    if record.id.as_str() != id {
        return Err(StoreError::damaged(
            &path,
            format!("the description of branch {id}, as the folder is named"),
            format!("that of {}", record.id),
        ));
    }
    if record.producer.arithmetic() == Some(0) {
        return Err(StoreError::damaged(&path, "arithmetic of at least 1", "0"));
    }
    BranchShape::of(&record).map_err(|reason| StoreError::damaged(&path, "a branch that can be recorded", reason))?;
    Ok(record)
}
