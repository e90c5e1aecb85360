//! A store: the directory that holds branches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, FORMAT_VERSION, FilterNumber, StoreRecord};

use crate::disk::json;
use crate::disk::lock::FileLock;
use crate::disk::paths::BranchPaths;
use crate::disk::{Disk, DiskHook, described, list, plain_folder_exists};
use crate::shape::BranchShape;
use crate::{Glance, StoreError};

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
    /// Where in `records` each id is.
    places: HashMap<BranchId, usize>,
    /// What a glance at a branch showed before its description was read.
    glances: HashMap<BranchId, Glance>,
}

/// What comes of following a branch's parents.
#[derive(Debug, Clone, Copy)]
enum Ancestry {
    /// They lead to a run of its own.
    Whole,
    /// They lead to this branch, whose parent is not there.
    Lost(usize),
    /// They lead into a circle of so many branches, first to `entry`; `first`
    /// is the first of them in the list.
    Circle { entry: usize, first: usize, length: usize },
}

impl BranchList {
    /// The branches that could be read, put in order and looked over.
    fn of(mut records: Vec<BranchRecord>, problems: Vec<StoreError>, store: &Path) -> Self {
        records.sort_by(|a, b| (a.created_unix_seconds, &a.name).cmp(&(b.created_unix_seconds, &b.name)));
        let places = records.iter().enumerate().map(|(place, record)| (record.id.clone(), place)).collect();
        let mut list = Self { records, problems, places, ..Self::default() };
        let ancestries = list.ancestries();
        for (place, ancestry) in ancestries.into_iter().enumerate() {
            // All of a large circle would be named once for each of them.
            let is_told = !matches!(ancestry, Ancestry::Circle { first, length, .. } if length > MOST_TOLD_EACH && first != place);
            let problem = is_told.then(|| list.ancestry_problem(place, ancestry, store));
            list.problems.extend(problem.flatten());
        }
        let mut ids: HashMap<&BranchName, Vec<&BranchId>> = HashMap::new();
        for record in &list.records {
            ids.entry(&record.name).or_default().push(&record.id);
        }
        let mut several: Vec<_> = ids.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        several.sort();
        let ambiguous = several.iter().map(|(name, _)| (*name).clone()).collect();
        let errors: Vec<_> = several.into_iter().map(|(name, ids)| ambiguity(name, ids, store)).collect();
        list.ambiguous = ambiguous;
        list.problems.extend(errors);
        list
    }

    /// The branch with this id.
    pub fn get(&self, id: &BranchId) -> Option<&BranchRecord> {
        self.place(id).map(|place| &self.records[place])
    }

    /// A branch's parent, where it has one that can be read.
    pub fn parent(&self, record: &BranchRecord) -> Option<&BranchRecord> {
        self.get(&record.parent.as_ref()?.branch)
    }

    /// Where in [`records`](Self::records) the branch with this id is.
    pub fn place(&self, id: &BranchId) -> Option<usize> {
        self.places.get(id).copied().filter(|&place| self.records.get(place).is_some_and(|record| record.id == *id))
    }

    /// What a glance at a branch showed before its description was read: of
    /// branches that were [listed again](Store::branches_again) alone.
    pub fn glance(&self, id: &BranchId) -> Option<Glance> {
        self.glances.get(id).copied()
    }

    /// The branch that a person means: by its name, or else by its id. `None`
    /// where there is none.
    ///
    /// # Errors
    /// [`StoreError::AmbiguousName`] where several have the name.
    pub(crate) fn find(&self, name: &BranchName, store: &Path) -> Result<Option<&BranchRecord>, StoreError> {
        let named: Vec<&BranchRecord> = self.records.iter().filter(|record| record.name == *name).collect();
        match named[..] {
            [] => Ok(self.records.iter().find(|record| record.id.as_str() == name.as_str())),
            [record] => Ok(Some(record)),
            _ => Err(ambiguity(name, named.into_iter().map(|record| &record.id).collect(), store)),
        }
    }

    /// Checks that a branch's ancestors are in the list, up to a root.
    pub(crate) fn check_ancestry(&self, id: &BranchId, store: &Path) -> Result<(), StoreError> {
        let ancestry = self.place(id).map(|place| (place, self.ancestries()[place]));
        let problem = ancestry.and_then(|(place, ancestry)| self.ancestry_problem(place, ancestry, store));
        problem.map_or(Ok(()), Err)
    }

    /// A branch of the list and its ancestors, from the branch itself to the root.
    pub(crate) fn into_lineage(self, id: &BranchId, store: &Path) -> Result<Vec<BranchRecord>, StoreError> {
        self.check_ancestry(id, store)?;
        let Self { records, places, .. } = self;
        let mut records: Vec<Option<BranchRecord>> = records.into_iter().map(Some).collect();
        let mut next = Some(id.clone());
        let mut lineage = Vec::new();
        while let Some(record) = next.and_then(|id| records[*places.get(&id)?].take()) {
            next = record.parent.as_ref().map(|parent| parent.branch.clone());
            lineage.push(record);
        }
        Ok(lineage)
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

    /// What comes of following each branch's parents: no branch is followed
    /// twice.
    fn ancestries(&self) -> Vec<Ancestry> {
        let mut known: Vec<Option<Ancestry>> = vec![None; self.records.len()];
        let mut walk = Vec::new();
        // Where in the walk a branch is.
        let mut walked: HashMap<usize, usize> = HashMap::new();
        for start in 0..self.records.len() {
            let mut current = start;
            let end = loop {
                if let Some(ancestry) = known[current] {
                    break ancestry;
                }
                if let Some(&entry) = walked.get(&current) {
                    // Each branch of the circle leads first to itself.
                    let circle = &walk[entry..];
                    let (first, length) = (circle.iter().copied().min().unwrap_or(current), circle.len());
                    for &entry in circle {
                        known[entry] = Some(Ancestry::Circle { entry, first, length });
                    }
                    break Ancestry::Circle { entry: current, first, length };
                }
                walked.insert(current, walk.len());
                walk.push(current);
                match &self.records[current].parent {
                    None => break Ancestry::Whole,
                    Some(parent) => match self.place(&parent.branch) {
                        Some(place) => current = place,
                        None => break Ancestry::Lost(current),
                    },
                }
            };
            for place in walk.drain(..) {
                known[place].get_or_insert(end);
            }
            walked.clear();
        }
        known.into_iter().map(|ancestry| ancestry.unwrap_or(Ancestry::Whole)).collect()
    }

    fn ancestry_problem(&self, place: usize, ancestry: Ancestry, store: &Path) -> Option<StoreError> {
        match ancestry {
            Ancestry::Whole => None,
            Ancestry::Lost(child) => Some(parent_missing(&self.records[child], store)),
            Ancestry::Circle { entry, length, .. } => {
                let next = |place: &usize| self.place(&self.records[*place].parent.as_ref()?.branch);
                let circle = std::iter::successors(Some(entry), next).take(length);
                let cycle = circle.map(|place| self.records[place].name.clone()).collect();
                Some(StoreError::ParentCycle { branch: self.records[place].name.clone(), cycle })
            }
        }
    }
}

/// A circle of at most so many branches is told of each branch that leads to it.
const MOST_TOLD_EACH: usize = 20;

/// The error for a name that several branches have.
fn ambiguity(name: &BranchName, ids: Vec<&BranchId>, store: &Path) -> StoreError {
    let ids = ids.into_iter().cloned().collect();
    StoreError::AmbiguousName { name: name.clone(), ids, folder: store.join("branches") }
}

/// The error for a branch whose parent is not there.
fn parent_missing(child: &BranchRecord, store: &Path) -> StoreError {
    let parent = child.parent.as_ref().map_or_else(|| child.id.clone(), |parent| parent.branch.clone());
    StoreError::ParentMissing { branch: child.name.clone(), parent, store: store.to_owned() }
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
        let (records, problems) = self.each_branch(read_branch)?;
        Ok(BranchList::of(records, problems, &self.root))
    }

    /// All branches, once more: of those at which nothing has changed no more is
    /// read than a glance shows.
    ///
    /// # Errors
    /// Those of [`branches`](Self::branches).
    pub fn branches_again(&self, before: BranchList) -> Result<BranchList, StoreError> {
        let mut known: HashMap<BranchId, BranchRecord> =
            before.records.into_iter().map(|record| (record.id.clone(), record)).collect();
        let mut glances = HashMap::new();
        let (records, problems) = self.each_branch(|path, id| {
            let glance = id.parse().ok().and_then(|id: BranchId| Some((self.glance(&id)?, id)));
            let Some((glance, id)) = glance else { return read_branch(path, id) };
            let same = before.glances.get(&id) == Some(&glance);
            let record = match known.remove(&id).filter(|_| same) {
                Some(record) => record,
                None => read_branch(path, id.as_str())?,
            };
            glances.insert(id, glance);
            Ok(record)
        })?;
        Ok(BranchList { glances, ..BranchList::of(records, problems, &self.root) })
    }

    /// Reads the description of each branch that lies there.
    fn each_branch(
        &self,
        mut read: impl FnMut(&Path, &str) -> Result<BranchRecord, StoreError>,
    ) -> Result<(Vec<BranchRecord>, Vec<StoreError>), StoreError> {
        let (mut records, mut problems) = (Vec::new(), Vec::new());
        let folder = self.root.join("branches");
        if !plain_folder_exists(&folder)? {
            // A store without branches, or one that has vanished since.
            description(&self.root)?;
            return Ok((records, problems));
        }
        // What somebody deletes meanwhile is no branch: the others are looked at
        // again, for they may have been deleted before it.
        for attempt in 0..LOOKS {
            records.clear();
            problems.clear();
            let mut vanished = false;
            for entry in list(&folder)? {
                let Some(id) = entry.strip_prefix("branch=") else {
                    continue;
                };
                let path = folder.join(&entry);
                match read(&path, id) {
                    Ok(record) => records.push(record),
                    Err(_) if has_vanished(&path) => vanished = true,
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
