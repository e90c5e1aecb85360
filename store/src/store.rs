//! A store: the directory that holds branches.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, FORMAT_VERSION, FilterNumber, StoreRecord};

use crate::StoreError;
use crate::disk::json;
use crate::disk::lock::FileLock;
use crate::disk::paths::BranchPaths;
use crate::disk::{Disk, DiskHook, described, list, plain_folder_exists};
use crate::shape::BranchShape;

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
    pub problems: Vec<StoreError>,
    /// Names that several branches have.
    ambiguous: BTreeSet<BranchName>,
}

impl BranchList {
    /// The branch that a person means: by its name, or else by its id. `None`
    /// where there is none.
    ///
    /// # Errors
    /// [`StoreError::AmbiguousName`] where several have the name.
    pub(crate) fn find(&self, name: &BranchName, store: &Path) -> Result<Option<&BranchRecord>, StoreError> {
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

    /// How many branches' descriptions cannot be read; their children, whose own
    /// can be, and names that several have are other problems.
    pub(crate) fn unread(&self) -> usize {
        let can_be_read = |problem: &&StoreError| {
            matches!(
                problem,
                StoreError::ParentMissing { .. } | StoreError::ParentCycle { .. } | StoreError::AmbiguousName { .. }
            )
        };
        self.problems.iter().filter(|problem| !can_be_read(problem)).count()
    }

    /// The error for a name that several branches have.
    fn ambiguity(&self, name: &BranchName, store: &Path) -> StoreError {
        let ids = self.records.iter().filter(|record| record.name == *name).map(|record| record.id.clone());
        StoreError::AmbiguousName { name: name.clone(), ids: ids.collect(), folder: store.join("branches") }
    }
}

impl Store {
    /// Makes a store in a directory that is empty or does not exist yet.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the directory holds other files.
    pub fn create(root: impl Into<PathBuf>, created_unix_seconds: u64) -> Result<Self, StoreError> {
        let (root, disk) = (root.into(), Disk::default());
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
                    "it is a store already: open it instead".to_owned()
                } else {
                    format!(
                        "expected an empty folder, found `{entry}` in it: choose another folder \
                         for the store"
                    )
                };
                return Err(StoreError::NotAStore { path: root, reason });
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
        if root.join("store.json").exists() { Self::open(root) } else { Self::create(root, created_unix_seconds) }
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
        let mut branches = BranchList::default();
        let folder = self.root.join("branches");
        if !plain_folder_exists(&folder)? {
            // A store without branches, or one that has vanished since.
            description(&self.root)?;
            return Ok(branches);
        }
        // What somebody deletes meanwhile is no branch: the others are looked at
        // again, for they may have been deleted before it.
        for attempt in 0..LOOKS {
            branches = BranchList::default();
            let mut vanished = false;
            for entry in list(&folder)? {
                let Some(id) = entry.strip_prefix("branch=") else {
                    continue;
                };
                let path = folder.join(&entry);
                match read_branch(&path, id) {
                    Ok(record) => branches.records.push(record),
                    Err(_) if has_vanished(&path) => vanished = true,
                    Err(error) => branches.problems.push(error),
                }
            }
            if !vanished || attempt + 1 == LOOKS {
                break;
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

    /// A branch and its ancestors, from the branch itself to the root.
    ///
    /// # Errors
    /// [`StoreError::ParentMissing`] or [`StoreError::ParentCycle`].
    pub fn lineage(&self, branch: &BranchRecord) -> Result<Vec<BranchRecord>, StoreError> {
        self.ancestors(branch, &self.branches()?.records)
    }

    pub(crate) fn ancestors(
        &self,
        branch: &BranchRecord,
        records: &[BranchRecord],
    ) -> Result<Vec<BranchRecord>, StoreError> {
        let mut lineage = vec![branch.clone()];
        let mut current = branch;
        while let Some(parent) = &current.parent {
            let found = records.iter().find(|record| record.id == parent.branch);
            let Some(next) = found else {
                return Err(StoreError::ParentMissing {
                    branch: current.name.clone(),
                    parent: parent.branch.clone(),
                    store: self.root.clone(),
                });
            };
            if let Some(start) = lineage.iter().position(|known| known.id == next.id) {
                let cycle = lineage[start..].iter().map(|record| record.name.clone()).collect();
                return Err(StoreError::ParentCycle { branch: branch.name.clone(), cycle });
            }
            lineage.push(next.clone());
            current = next;
        }
        Ok(lineage)
    }

    /// Takes the lock that guards what changes the list of branches.
    pub(crate) fn lock(&self) -> Result<FileLock, StoreError> {
        FileLock::wait(&self.root.join("store.lock"))
    }

    pub(crate) fn unknown(&self, name: &str, branches: &BranchList) -> StoreError {
        let names: Vec<String> = branches.records.iter().map(|record| format!("`{}`", record.name)).collect();
        let mut known = if names.is_empty() {
            "the store has no branches yet".to_owned()
        } else {
            format!("there is {}", names.join(", "))
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
    let found = if root.is_dir() { "expected a file store.json in it, found none" } else { "there is no such folder" };
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
