//! The open store: what cells read, kept as long as it is of use.

mod activations;
pub(crate) mod curves;
mod extent;
mod kept;
mod listing;
mod place;
mod predictions;
mod summary;
mod tensors;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use revacnn_analysis::Embedding;
use revacnn_recorder::find_data;
use revacnn_schemas::{
    Address, BranchId, BranchName, BranchRecord, DatasetIdentity, Epoch, Hue, LayerName, Position, Step,
};
pub use revacnn_store::BranchEvent;
use revacnn_store::{Lineage, Listed, Overview, Overviews, StepRow, StepSpan, Store, StoreError};
use revacnn_trainer::data::Dataset;

pub(crate) use self::activations::{Activations, Fit, ImagesPlaced, PlacedImages};
pub use self::extent::{Extent, History};
pub(crate) use self::kept::Embedded;
use self::kept::Kept;
use self::listing::Described;
pub use self::listing::Listing;
pub use self::place::{At, Place};
pub use self::summary::BranchSummary;
use crate::NotebookError;

/// Which colours branches have that were given names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hues {
    /// Those of their order, so that equal notebooks give equal figures.
    InOrder,
    /// Those that they have in their store, as in the figures beside these.
    OfStore,
}

/// Everything that cells can read, of one store: histories, tensors, columns and
/// data sets. What was read or computed is kept in one place, and what was not
/// used longest goes first.
///
/// It is `Send`: keep it on a worker thread.
#[derive(Debug)]
pub struct Sources {
    store: Store,
    /// The histories that there are, under names of their own, where these are not the
    /// store's.
    names: Option<HashMap<BranchName, (History, Option<Hue>)>>,
    pub(crate) leaves_out: bool,
    data: Option<PathBuf>,
    threads: usize,
    /// The branches as they were last listed.
    listed: Option<Arc<Listing>>,
    /// What is known of the branches at which nothing has changed since.
    overviews: Option<Overviews>,
    /// The overview that a branch had last, and whether it was being trained.
    looked: HashMap<BranchId, (Arc<Overview>, bool)>,
    lineages: HashMap<History, Lineage>,
    datasets: HashMap<DatasetIdentity, Result<Arc<Dataset>, String>>,
    kept: Kept,
}

impl Sources {
    /// Opens a store. Data sets are looked for in `data` where given, else
    /// where the store remembers them.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] and the like.
    pub fn open(store: &Path, data: Option<PathBuf>, threads: usize) -> Result<Self, NotebookError> {
        Ok(Self {
            store: Store::open(store)?,
            names: None,
            leaves_out: false,
            data,
            threads,
            listed: None,
            overviews: None,
            looked: HashMap::new(),
            lineages: HashMap::new(),
            datasets: HashMap::new(),
            kept: Kept::default(),
        })
    }

    /// The same, for views of all that there is: an address that does not fit
    /// the others of a joint figure is left out, and the figure says so. Where
    /// a person named the addresses, such a figure is refused.
    #[must_use]
    pub fn leaving_out(mut self) -> Self {
        self.leaves_out = true;
        self
    }

    /// Gives histories other names than the store's; there are no others then. A notebook's
    /// figures have the notebook's names, and show what the notebook trains: a branch that goes
    /// on in the store ends there.
    pub fn set_names(&mut self, names: impl IntoIterator<Item = (BranchName, Option<History>)>, hues: Hues) {
        let hue = |place: usize| match hues {
            Hues::InOrder => Some(Hue(u16::try_from(place).unwrap_or_default())),
            Hues::OfStore => None,
        };
        let named = names.into_iter().enumerate();
        self.names = Some(named.filter_map(|(place, (name, history))| Some((name, (history?, hue(place))))).collect());
    }

    /// Whether branches have names of their own here.
    #[cfg(feature = "sql")]
    pub(crate) fn has_names(&self) -> bool {
        self.names.is_some()
    }

    /// Whether a branch is there, as far as names of their own tell: one that only they do not know
    /// is still to be trained.
    pub(crate) fn is_trained(&self, name: &BranchName) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains_key(name))
    }

    /// What a branch of the store is called here: its own name, unless it has another one.
    pub(crate) fn called(&mut self, name: &BranchName) -> BranchName {
        if self.listed.is_none() && self.look_again().is_err() {
            return name.clone();
        }
        let id = self.listed.as_ref().and_then(|listed| listed.list.named(name)).map(|branch| branch.id().clone());
        let own = self.names.iter().flatten().filter(|(_, (known, _))| Some(&known.id) == id.as_ref());
        own.map(|(own, _)| own).min().unwrap_or(name).clone()
    }

    /// All histories, in the order of their names, and the own steps of each.
    pub(crate) fn all_branches(&mut self) -> Result<Vec<(BranchName, History, Option<StepSpan>)>, NotebookError> {
        if self.listed.is_none() {
            self.look_again()?;
        }
        let mut named: Vec<(BranchName, History)> = match (&self.names, &self.listed) {
            (Some(names), _) => names.iter().map(|(name, (history, _))| (name.clone(), history.clone())).collect(),
            (None, Some(listed)) => {
                let whole = |id: &BranchId| History { id: id.clone(), until: None };
                listed.list.records.iter().map(|branch| (branch.name().clone(), whole(branch.id()))).collect()
            }
            (None, None) => Vec::new(),
        };
        named.sort();
        let with_steps = named.into_iter().map(|(name, history)| {
            let steps = self.lineage_of(&history)?.own_steps();
            Ok((name, history, steps))
        });
        with_steps.collect()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The description of a branch.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn record(&mut self, name: &BranchName) -> Result<BranchRecord, NotebookError> {
        let id = self.history_of(name)?.id;
        Ok(self.store.branch_by_id(&id)?)
    }

    /// What is wrong with branches that cannot be listed, a message each.
    pub fn problems(&self) -> &[String] {
        self.listed.as_ref().map(|listed| listed.problems.as_slice()).unwrap_or_default()
    }

    /// The branches as they were last listed, for other sources of the same store.
    pub fn listing(&self) -> Option<Arc<Listing>> {
        self.listed.clone()
    }

    /// The step that an address leads to.
    ///
    /// # Errors
    /// Those of [`Lineage::resolve`].
    pub fn resolve(&mut self, address: &Address) -> Result<Step, NotebookError> {
        Ok(self.lineage(&address.branch)?.resolve(address.position)?)
    }

    /// The row of `steps` of a branch's history.
    ///
    /// # Errors
    /// Those of [`Lineage::step_row`].
    pub fn row(&mut self, branch: &BranchName, step: Step) -> Result<StepRow, NotebookError> {
        Ok(self.lineage(branch)?.step_row(step)?)
    }

    /// The next end of an epoch after a step, or the one before it; the
    /// history's last or first step where there is none.
    ///
    /// # Errors
    /// Those of [`Lineage::step_row`].
    pub fn epoch_end(&mut self, branch: &BranchName, from: Step, forward: bool) -> Result<Step, NotebookError> {
        let lineage = self.lineage(branch)?;
        let Some(steps) = lineage.steps() else { return Ok(from) };
        let cursor = lineage.step_row(from)?.cursor;
        let epoch = match (forward, cursor.offset) {
            (true, _) => cursor.epoch.0 + 1,
            (false, 0) => cursor.epoch.0.saturating_sub(1),
            (false, _) => cursor.epoch.0,
        };
        let edge = if forward { steps.last } else { steps.first };
        if epoch == 0 {
            return Ok(edge);
        }
        match lineage.resolve(Position::Epoch(Epoch(epoch))) {
            Ok(step) => Ok(step),
            Err(StoreError::NoSuchPosition { .. }) => Ok(edge),
            Err(error) => Err(error.into()),
        }
    }

    /// A branch's data set.
    ///
    /// # Errors
    /// What loading says; it is tried again after a [`refresh`](Self::refresh).
    pub fn dataset(&mut self, record: &BranchRecord) -> Result<Arc<Dataset>, String> {
        let find = || find_data(&self.store, record, self.data.as_deref()).map_err(|error| error.to_string());
        match record.definition() {
            Some(definition) => self.datasets.entry(definition.dataset.clone()).or_insert_with(find).clone(),
            None => find(),
        }
    }

    /// [`dataset`](Self::dataset), or why it is not at hand in words for a note.
    pub(crate) fn data_at_hand(&mut self, record: &BranchRecord) -> Result<Arc<Dataset>, String> {
        self.dataset(record).map_err(|reason| match record.definition() {
            Some(definition) => format!("the data set {} is not at hand: {reason}", definition.dataset.name),
            None => reason,
        })
    }

    /// Lets others delete, compact and tidy what was read, until it is read
    /// again: sources at rest are in nobody's way.
    pub fn rest(&self) {
        self.lineages.values().for_each(Lineage::rest);
        self.kept.replays().for_each(|replay| replay.reader().rest());
    }

    /// Lists the branches anew, and adopts what was found.
    fn look_again(&mut self) -> Result<(), NotebookError> {
        let listed = Listing::look(&self.store)?;
        self.adopt(Arc::new(listed));
        Ok(())
    }

    /// Goes on with what others have found in the same store, instead of a look of its
    /// own: drops what renames, deletions, compactions and growth have made untrue.
    pub fn adopt(&mut self, listing: Arc<Listing>) {
        let listed = &listing.list;
        // What a compacted branch stores is said in its description.
        let record = |id: &BranchId| listed.get(id)?.record(&self.store).ok();
        let same = |known: &BranchRecord| record(&known.id).is_some_and(|record| *record == *known);
        // Of the same value no more is to be looked at.
        let is_same = |own: &Arc<BranchRecord>| {
            record(&own.id).is_some_and(|record| Arc::ptr_eq(&record, own) || *record == **own)
        };
        self.lineages.retain(|_, lineage| lineage.branches().iter().all(is_same) && lineage.refresh().is_ok());
        let known = |id: &BranchId| listed.get(id).is_some();
        self.kept.forget(&known, &same);
        for replay in self.kept.replays() {
            // One that cannot be listed says so when it is read.
            let _ = replay.reader().refresh();
        }
        self.datasets.retain(|_, found| found.is_ok());
        self.listed = Some(listing);
    }

    /// The history of a name or, where none has it, of an id.
    pub(crate) fn history_of(&mut self, name: &BranchName) -> Result<History, NotebookError> {
        if let Some(names) = &self.names {
            let none = || NotebookError::Untrained { branch: name.clone() };
            return names.get(name).map(|(history, _)| history.clone()).ok_or_else(none);
        }
        if self.listed.is_none() {
            self.look_again()?;
        }
        if let Some(listed) = &self.listed
            && !listed.list.is_ambiguous(name)
            && let Some(branch) = listed.list.named(name)
        {
            return Ok(History { id: branch.id().clone(), until: None });
        }
        // Made since, or there is none.
        let found = self.store.branch(name)?;
        self.look_again()?;
        Ok(History { id: found.id, until: None })
    }

    pub(crate) fn lineage(&mut self, name: &BranchName) -> Result<&Lineage, NotebookError> {
        let history = self.history_of(name)?;
        self.lineage_of(&history)
    }

    pub(crate) fn lineage_of(&mut self, history: &History) -> Result<&Lineage, NotebookError> {
        if !self.lineages.contains_key(history) {
            let id = &history.id;
            let record = self.store.branch_by_id(id)?;
            // A chain of branches has each ancestor many times: they share its record.
            let known = |branch: &Arc<Described>| branch.record(&self.store);
            let listed = self.listed.as_ref().map(|listed| &listed.list);
            let is_known = |branch: &Arc<Described>| known(branch).is_ok_and(|known| *known == record);
            let listed = listed.filter(|listed| listed.get(id).is_some_and(is_known));
            let lineage = match listed {
                Some(listed) => Lineage::listed(&self.store, listed, id, known)?,
                None => Lineage::of(&self.store, &record)?,
            };
            let lineage = match history.until {
                Some(last) => lineage.ending_at(last),
                None => lineage,
            };
            self.lineages.insert(history.clone(), lineage);
        }
        let lineage = &self.lineages[history];
        lineage.hold();
        Ok(lineage)
    }

    /// An embedding that was kept.
    pub(crate) fn kept_embedding(&mut self, embedded: &Embedded) -> Option<Arc<Embedding>> {
        self.kept.embedding(embedded)
    }

    /// Keeps an embedding.
    pub(crate) fn keep_embedding(&mut self, embedded: Embedded, found: Arc<Embedding>) {
        self.kept.keep_embedding(embedded, found);
    }

    /// Images in a plane that were kept.
    pub(crate) fn kept_images(&mut self, placed: &ImagesPlaced) -> Option<Arc<PlacedImages>> {
        self.kept.images(placed)
    }

    /// Keeps images in a plane.
    pub(crate) fn keep_images(&mut self, placed: ImagesPlaced, found: Arc<PlacedImages>) {
        self.kept.keep_images(placed, found);
    }

    /// Threads that compute.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// A branch's colour.
    pub(crate) fn hue(&self, id: &BranchId) -> Hue {
        let named = self.names.iter().flat_map(HashMap::values).find(|(known, _)| known.id == *id);
        if let Some((_, Some(hue))) = named {
            return *hue;
        }
        self.listed.as_ref().map(|listed| listed.hue(id)).unwrap_or_default()
    }
}

/// A layer that is not there, and those that are.
pub(crate) fn unknown_layer(layer: &LayerName, record: &BranchRecord) -> NotebookError {
    let known: Vec<&str> = record.topology.layers_with_filters().map(|layer| layer.layer.as_str()).collect();
    NotebookError::Unknown {
        what: format!("branch `{}` has no layer `{layer}` with filters", record.name),
        known: format!("there is {}", known.join(", ")),
    }
}
