//! The branches of a store together: in order, found by name or id, each with its
//! parents, and what is wrong among them.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchName, BranchRecord, ParentRecord, Step};

use crate::StoreError;

/// What a list needs to know of a branch.
pub trait Listed {
    /// Its id.
    fn id(&self) -> &BranchId;
    /// Its name.
    fn name(&self) -> &BranchName;
    /// Where it was forked; `None` for a run of its own.
    fn parent(&self) -> Option<&ParentRecord>;
    /// When it was made, in seconds since 1970 (UTC).
    fn created_unix_seconds(&self) -> u64;
    /// Its first own step: 0, or the step that it was forked at.
    fn first_step(&self) -> Step {
        self.parent().map_or(Step(0), |parent| parent.step)
    }
}

impl Listed for BranchRecord {
    fn id(&self) -> &BranchId {
        &self.id
    }

    fn name(&self) -> &BranchName {
        &self.name
    }

    fn parent(&self) -> Option<&ParentRecord> {
        self.parent.as_ref()
    }

    fn created_unix_seconds(&self) -> u64 {
        self.created_unix_seconds
    }
}

impl<T: Listed> Listed for Arc<T> {
    fn id(&self) -> &BranchId {
        (**self).id()
    }

    fn name(&self) -> &BranchName {
        (**self).name()
    }

    fn parent(&self) -> Option<&ParentRecord> {
        (**self).parent()
    }

    fn created_unix_seconds(&self) -> u64 {
        (**self).created_unix_seconds()
    }
}

/// All branches of a store, by their records or by what else tells of them, and
/// what is wrong with those that cannot be used.
#[derive(Debug)]
pub struct BranchList<T = BranchRecord> {
    /// The branches that can be read, oldest first.
    pub records: Vec<T>,
    /// One error, with its path, a branch that is damaged or lost its parent,
    /// and one a name that several branches have.
    pub problems: Vec<StoreError>,
    /// Names that several branches have.
    ambiguous: BTreeSet<BranchName>,
    /// Where in `records` each id is.
    places: HashMap<BranchId, usize>,
    /// Where in `records` the first branch of each name is.
    names: HashMap<BranchName, usize>,
}

impl<T> Default for BranchList<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            problems: Vec::new(),
            ambiguous: BTreeSet::new(),
            places: HashMap::new(),
            names: HashMap::new(),
        }
    }
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

impl<T: Listed> BranchList<T> {
    /// The branches that could be read, put in order and looked over.
    pub(crate) fn of(mut records: Vec<T>, problems: Vec<StoreError>, store: &Path) -> Self {
        records.sort_by(|a, b| (a.created_unix_seconds(), a.name()).cmp(&(b.created_unix_seconds(), b.name())));
        let places = records.iter().enumerate().map(|(place, record)| (record.id().clone(), place)).collect();
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
            ids.entry(record.name()).or_default().push(record.id());
        }
        let mut several: Vec<_> = ids.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        several.sort();
        let ambiguous = several.iter().map(|(name, _)| (*name).clone()).collect();
        let errors: Vec<_> = several.into_iter().map(|(name, ids)| ambiguity(name, ids, store)).collect();
        list.ambiguous = ambiguous;
        let names = list.records.iter().enumerate().rev();
        list.names = names.map(|(place, record)| (record.name().clone(), place)).collect();
        list.problems.extend(errors);
        list
    }

    /// The same list of what is made of each branch, which keeps its id, name, parent and age.
    pub fn map<U: Listed>(self, of: impl FnMut(T) -> U) -> BranchList<U> {
        let Self { records, problems, ambiguous, places, names } = self;
        let records = records.into_iter().map(of).collect();
        BranchList { records, problems, ambiguous, places, names }
    }

    /// The branch with this id.
    pub fn get(&self, id: &BranchId) -> Option<&T> {
        self.place(id).map(|place| &self.records[place])
    }

    /// A branch's parent, where it has one that can be read.
    pub fn parent(&self, record: &T) -> Option<&T> {
        self.get(&record.parent()?.branch)
    }

    /// Where in [`records`](Self::records) the branch with this id is.
    pub fn place(&self, id: &BranchId) -> Option<usize> {
        self.places.get(id).copied().filter(|&place| self.records.get(place).is_some_and(|record| record.id() == id))
    }

    /// The branch of this name, or else of this id; the first where several have the
    /// name.
    pub fn named(&self, name: &BranchName) -> Option<&T> {
        match self.names.get(name) {
            Some(&place) => self.records.get(place),
            None => self.get(&name.as_str().parse().ok()?),
        }
    }

    /// Whether a branch is addressed so: a new one can have neither its name nor its id as
    /// its own name.
    pub fn is_taken(&self, name: &BranchName) -> bool {
        self.named(name).is_some()
    }

    /// The branch that a person means: by its name, or else by its id. `None`
    /// where there is none.
    ///
    /// # Errors
    /// [`StoreError::AmbiguousName`] where several have the name.
    pub(crate) fn find(&self, name: &BranchName, store: &Path) -> Result<Option<&T>, StoreError> {
        if !self.is_ambiguous(name) {
            return Ok(self.named(name));
        }
        let named = self.records.iter().filter(|record| record.name() == name);
        Err(ambiguity(name, named.map(Listed::id).collect(), store))
    }

    /// Checks that a branch's ancestors are in the list, up to a root.
    pub(crate) fn check_ancestry(&self, id: &BranchId, store: &Path) -> Result<(), StoreError> {
        let ancestry = self.place(id).map(|place| (place, self.ancestries()[place]));
        let problem = ancestry.and_then(|(place, ancestry)| self.ancestry_problem(place, ancestry, store));
        problem.map_or(Ok(()), Err)
    }

    /// A branch of the list and its ancestors, from the branch itself to the root.
    pub(crate) fn lineage(&self, id: &BranchId, store: &Path) -> Result<Vec<T>, StoreError>
    where
        T: Clone,
    {
        let mut lineage: Vec<T> = Vec::new();
        let mut next = Some(id);
        while let Some(wanted) = next {
            let Some(record) = self.get(wanted) else {
                let (name, root, known) = (id.to_string(), store.to_owned(), "it is not in the list".to_owned());
                let unknown = StoreError::UnknownBranch { name, store: root, known, unread: 0 };
                return Err(lineage.last().map_or(unknown, |child| parent_missing(child, store)));
            };
            // Longer than the list is a circle's way alone.
            if lineage.len() > self.records.len() {
                self.check_ancestry(id, store)?;
                break;
            }
            next = record.parent().map(|parent| &parent.branch);
            lineage.push(record.clone());
        }
        Ok(lineage)
    }

    /// Whether several branches have this name.
    pub fn is_ambiguous(&self, name: &BranchName) -> bool {
        self.ambiguous.contains(name)
    }

    /// Whether some name is that of several branches.
    #[cfg(feature = "sql")]
    pub(crate) fn has_ambiguous_names(&self) -> bool {
        !self.ambiguous.is_empty()
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
                match self.records[current].parent() {
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
                let next = |place: &usize| self.place(&self.records[*place].parent()?.branch);
                let circle = std::iter::successors(Some(entry), next).take(length);
                let cycle = circle.map(|place| self.records[place].name().clone()).collect();
                Some(StoreError::ParentCycle { branch: self.records[place].name().clone(), cycle })
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
pub(crate) fn parent_missing(child: &impl Listed, store: &Path) -> StoreError {
    let parent = child.parent().map_or_else(|| child.id().clone(), |parent| parent.branch.clone());
    StoreError::ParentMissing { branch: child.name().clone(), parent, store: store.to_owned() }
}
