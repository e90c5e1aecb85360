//! The branches of a store as they were once listed: sources of several threads share one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Hue, ParentRecord};
use revacnn_store::{BranchList, Listed, Overview, Store, StoreError};

use crate::NotebookError;

/// A listed branch.
#[derive(Debug)]
pub(super) enum Described {
    /// By its description.
    Read(Arc<BranchRecord>),
    /// By its overview, until more of it is asked for.
    Seen(Arc<Overview>, OnceLock<Arc<BranchRecord>>),
}

impl Described {
    /// The description.
    ///
    /// # Errors
    /// Those of [`Store::branch_by_id`].
    pub(super) fn record(&self, store: &Store) -> Result<Arc<BranchRecord>, StoreError> {
        match self {
            Self::Read(record) => Ok(record.clone()),
            Self::Seen(overview, record) => match record.get() {
                Some(record) => Ok(record.clone()),
                None => {
                    let read = Arc::new(store.branch_by_id(overview.id())?);
                    Ok(record.get_or_init(|| read).clone())
                }
            },
        }
    }

    fn listed(&self) -> &dyn Listed {
        match self {
            Self::Read(record) => &**record,
            Self::Seen(overview, _) => &**overview,
        }
    }
}

impl Listed for Described {
    fn id(&self) -> &BranchId {
        self.listed().id()
    }

    fn name(&self) -> &BranchName {
        self.listed().name()
    }

    fn parent(&self) -> Option<&ParentRecord> {
        self.listed().parent()
    }

    fn created_unix_seconds(&self) -> u64 {
        self.listed().created_unix_seconds()
    }
}

/// What one look at a store found: its branches, what is wrong with those that cannot
/// be listed, and everyone's colour.
#[derive(Debug, Default)]
pub struct Listing {
    pub(super) list: BranchList<Arc<Described>>,
    pub(super) problems: Vec<String>,
    hues: HashMap<BranchId, Hue>,
}

impl Listing {
    /// Looks at the store's descriptions.
    pub(super) fn look(store: &Store) -> Result<Self, NotebookError> {
        let list = store.branches()?;
        Self::of(store, list.map(|record| Arc::new(Described::Read(Arc::new(record)))))
    }

    /// The listing of these overviews; what was read of a branch at which nothing has changed since
    /// the listing before is not read again.
    pub(super) fn seen(
        store: &Store,
        overviews: BranchList<Arc<Overview>>,
        before: Option<&Self>,
    ) -> Result<Self, NotebookError> {
        let known = |overview: &Arc<Overview>| {
            let known = before?.list.get(overview.id())?;
            matches!(&**known, Described::Seen(before, _) if Arc::ptr_eq(before, overview)).then(|| known.clone())
        };
        let described =
            |overview| known(&overview).unwrap_or_else(|| Arc::new(Described::Seen(overview, OnceLock::new())));
        Self::of(store, overviews.map(described))
    }

    fn of(store: &Store, list: BranchList<Arc<Described>>) -> Result<Self, NotebookError> {
        let problems = list.problems.iter().map(ToString::to_string).collect();
        let hues = hues(&list.records, &store.deleted()?);
        Ok(Self { list, problems, hues })
    }

    /// A branch's colour.
    pub(super) fn hue(&self, id: &BranchId) -> Hue {
        self.hues.get(id).copied().unwrap_or_default()
    }
}

/// Colours in the order in which branches were made. They follow from the store
/// alone, and so are the same in a window, however long it is open, and in a
/// file. What is in the trash keeps its colour until it is gone for good, so that
/// a deletion changes no other branch's.
fn hues(listed: &[Arc<Described>], deleted: &[BranchRecord]) -> HashMap<BranchId, Hue> {
    let deleted = deleted.iter().map(|record| record as &dyn Listed);
    let mut all: Vec<&dyn Listed> = listed.iter().map(|branch| branch.listed()).chain(deleted).collect();
    all.sort_by_key(|branch| (branch.created_unix_seconds(), branch.name(), branch.id()));
    // One that is just being deleted may be in both.
    all.dedup_by_key(|branch| branch.id());
    let hue = |place: usize| Hue(u16::try_from(place % usize::from(u16::MAX)).unwrap_or_default());
    all.into_iter().enumerate().map(|(place, branch)| (branch.id().clone(), hue(place))).collect()
}
