//! The branches of a store as they were once listed: sources of several threads share one.

use std::collections::HashMap;
use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchRecord, Hue};
use revacnn_store::{BranchList, Store};

use crate::NotebookError;

/// What one look at a store found: its branches, what is wrong with those that cannot
/// be listed, and everyone's colour.
#[derive(Debug, Default)]
pub struct Listing {
    pub(super) list: BranchList<Arc<BranchRecord>>,
    pub(super) problems: Vec<String>,
    hues: HashMap<BranchId, Hue>,
}

impl Listing {
    /// Looks at the store. Descriptions at which nothing has changed since the look
    /// before are not read again.
    pub(super) fn look(store: &Store, before: Option<&Self>) -> Result<Self, NotebookError> {
        let none = BranchList::default();
        let list = store.branches_again(before.map_or(&none, |before| &before.list))?;
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
fn hues(records: &[Arc<BranchRecord>], deleted: &[BranchRecord]) -> HashMap<BranchId, Hue> {
    let mut all: Vec<&BranchRecord> = records.iter().map(|record| &**record).chain(deleted).collect();
    all.sort_by_key(|record| (record.created_unix_seconds, &record.name, &record.id));
    // One that is just being deleted may be in both.
    all.dedup_by_key(|record| &record.id);
    let hue = |place: usize| Hue(u16::try_from(place % usize::from(u16::MAX)).unwrap_or_default());
    all.into_iter().enumerate().map(|(place, record)| (record.id.clone(), hue(place))).collect()
}
