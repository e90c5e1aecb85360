//! The open store: lineages, replays and data sets, kept as long as they are
//! of use.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use revacnn_analysis::Embedding;
use revacnn_recorder::{RecorderError, Replay, check_producer, find_data};
use revacnn_schemas::{
    Address, BranchId, BranchName, BranchRecord, DatasetIdentity, Epoch, Figure, Hue, ImageIndex, LayerName, Position,
    Step,
};
use revacnn_store::{BranchReader, Lineage, StepRow, StepTensors, Store, StoreError};
use revacnn_trainer::data::Dataset;

use crate::curves::Curves;
use crate::{Cell, Inputs, NotebookError, cells};

/// Replays that are kept: each holds a network and some steps' tensors.
const MOST_REPLAYS: usize = 8;

/// Steps whose tensors are kept: the cells of one cursor look at the same
/// ones, those of two branches side by side with and without an image.
const MOST_STEPS: usize = 4;

/// A step that was looked at, and the image whose maps were computed.
type Looked = (BranchId, Step, Option<ImageIndex>);

/// Evaluates cells over one store.
#[derive(Debug)]
pub struct Evaluator {
    pub(crate) store: Store,
    pub(crate) problems: Vec<String>,
    pub(crate) curves: Curves,
    /// The last embedding of each cell, where the next one starts from while
    /// one [glides](Self::glide).
    pub(crate) embeddings: HashMap<String, Embedding>,
    pub(crate) glides: bool,
    leaves_out: bool,
    /// Whether the last figure lacks what could not be read.
    pub(crate) partial: bool,
    data: Option<PathBuf>,
    threads: usize,
    hues: Vec<BranchId>,
    lineages: HashMap<BranchName, Lineage>,
    replays: Vec<(BranchId, Replay)>,
    /// The tensors read last; what is recorded of a step never changes.
    steps: VecDeque<(Looked, Arc<StepTensors>)>,
    datasets: HashMap<DatasetIdentity, Result<Arc<Dataset>, String>>,
}

/// A step of a branch's history.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The branch that was asked for.
    pub(crate) name: BranchName,
    /// Its colour.
    pub(crate) hue: Hue,
    /// The branch that holds the step: that one, or an ancestor.
    pub(crate) holder: BranchRecord,
    pub(crate) step: Step,
}

impl Place {
    /// The data set of the branch that holds it; `None` where another program
    /// computes that.
    pub(crate) fn dataset(&self) -> Option<&DatasetIdentity> {
        self.holder.definition().map(|definition| &definition.dataset)
    }

    /// Channels of the images; 1 where nobody says.
    pub(crate) fn channels(&self) -> usize {
        self.holder.definition().map_or(1, |definition| definition.input.channels)
    }

    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.name, self.step)
    }

    /// The chosen image, or else the first probe image, if there is one.
    pub(crate) fn image(&self, chosen: Option<ImageIndex>) -> Option<ImageIndex> {
        chosen.or_else(|| self.holder.recording.probes.first().copied())
    }
}

impl Evaluator {
    /// Opens a store. Data sets are looked for in `data` where given, else
    /// where the store remembers them.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] and the like.
    pub fn open(store: &Path, data: Option<PathBuf>, threads: usize) -> Result<Self, NotebookError> {
        Ok(Self {
            store: Store::open(store)?,
            problems: Vec::new(),
            curves: Curves::default(),
            embeddings: HashMap::new(),
            glides: false,
            leaves_out: false,
            partial: false,
            data,
            threads,
            hues: Vec::new(),
            lineages: HashMap::new(),
            replays: Vec::new(),
            steps: VecDeque::new(),
            datasets: HashMap::new(),
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

    /// Whether an embedding starts from the one before of the same branches, so
    /// that points move and do not jump while one travels along the steps. What
    /// it looks like depends on where one came from then; otherwise, as at
    /// first, on the addresses alone.
    pub fn glide(&mut self, glides: bool) {
        self.glides = glides;
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is wrong with branches that cannot be listed, a message each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// A cell's figure.
    ///
    /// # Errors
    /// What keeps it from having one: [`NotebookError`] lists what there is
    /// instead.
    pub fn evaluate(&mut self, cell: &Cell, inputs: &Inputs) -> Result<Figure, NotebookError> {
        self.partial = false;
        cells::evaluate(self, cell, inputs)
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
    /// What loading says, once for each data set.
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

    /// A branch's colour: given in the order in which branches were made, and
    /// kept as long as the store is open.
    pub(crate) fn hue(&mut self, id: &BranchId) -> Hue {
        let place = self.hues.iter().position(|known| known == id).unwrap_or_else(|| {
            self.hues.push(id.clone());
            self.hues.len() - 1
        });
        Hue(u16::try_from(place % usize::from(u16::MAX)).unwrap_or_default())
    }

    /// Gives colours in the order in which the store's branches were made.
    fn name_hues(&mut self) -> Result<(), NotebookError> {
        if self.hues.is_empty() {
            for record in self.store.branches()?.records {
                self.hue(&record.id);
            }
        }
        Ok(())
    }

    /// Lets others delete, compact and tidy what was read, until it is read
    /// again: an evaluator at rest is in nobody's way.
    pub fn rest(&self) {
        self.lineages.values().for_each(Lineage::rest);
        self.replays.iter().for_each(|(_, replay)| replay.reader().rest());
    }

    /// Drops what renames, deletions, compactions and growth have made untrue.
    pub(crate) fn forget_what_moved(&mut self, records: &[BranchRecord]) {
        for record in records {
            self.hue(&record.id);
        }
        let known = |id: &BranchId| records.iter().any(|record| record.id == *id);
        // What a compacted branch stores is said in its description.
        let same = |known: &BranchRecord| records.iter().any(|record| record == known);
        self.replays.retain(|(_, replay)| same(replay.reader().branch()));
        self.steps.retain(|((id, ..), _)| known(id));
        self.lineages.retain(|name, lineage| {
            let own = lineage.branch();
            let is_called = own.name == *name || own.id.as_str() == name.as_str();
            is_called && lineage.readers().iter().all(|own| same(own.branch())) && lineage.refresh().is_ok()
        });
        for (_, replay) in &self.replays {
            // One that cannot be listed says so when it is read.
            let _ = replay.reader().refresh();
        }
        self.datasets.retain(|_, found| found.is_ok());
    }

    pub(crate) fn lineage(&mut self, name: &BranchName) -> Result<&Lineage, NotebookError> {
        self.name_hues()?;
        if !self.lineages.contains_key(name) {
            let lineage = Lineage::open(&self.store, name)?;
            self.lineages.insert(name.clone(), lineage);
        }
        let lineage = &self.lineages[name];
        lineage.hold();
        Ok(lineage)
    }

    /// The curves and a branch's readers, at once.
    pub(crate) fn curves_of(&mut self, name: &BranchName) -> Result<(&mut Curves, &Lineage), NotebookError> {
        self.lineage(name)?;
        Ok((&mut self.curves, &self.lineages[name]))
    }

    /// The place of an address.
    pub(crate) fn place(&mut self, address: &Address) -> Result<Place, NotebookError> {
        let lineage = self.lineage(&address.branch)?;
        let step = lineage.resolve(address.position)?;
        let (holder, id) = (lineage.holder(step)?.branch().clone(), lineage.branch().id.clone());
        Ok(Place { name: address.branch.clone(), hue: self.hue(&id), holder, step })
    }

    /// The places of a cell: its own addresses, or the shown branches at the
    /// cursor. A branch without that step is shown at its nearest.
    pub(crate) fn places(&mut self, at: &[Address], inputs: &Inputs, most: usize) -> Result<Vec<Place>, NotebookError> {
        let found = self.each_place(at, inputs, most);
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// [`places`](Self::places), each with what it is called or why there is
    /// none; there is at least one.
    pub(crate) fn each_place(
        &mut self,
        at: &[Address],
        inputs: &Inputs,
        most: usize,
    ) -> Vec<(String, Result<Place, NotebookError>)> {
        let mut places = Vec::new();
        for address in at.iter().take(most) {
            places.push((address.to_string(), self.place(address)));
        }
        let shown = if at.is_empty() { inputs.branches.as_slice() } else { &[] };
        for name in shown.iter().take(most) {
            places.push((name.to_string(), self.at_cursor(name, inputs.cursor)));
        }
        if places.is_empty() {
            places.push((String::new(), Err(NotebookError::TooFewBranches { needed: 1, found: 0 })));
        }
        places
    }

    fn at_cursor(&mut self, name: &BranchName, cursor: Step) -> Result<Place, NotebookError> {
        let step = match self.lineage(name)?.steps() {
            Some(steps) => cursor.clamp(steps.first, steps.last),
            None => cursor,
        };
        self.place(&Address { branch: name.clone(), position: Position::Step(step) })
    }

    /// Whether what does not fit these addresses of a joint figure is left out.
    pub(crate) fn leaves_out_of(&self, at: &[Address]) -> bool {
        self.leaves_out || at.is_empty()
    }

    /// A step's tensors; with an image that is no probe image, its maps are
    /// computed. With `None` the maps are those of the probe images.
    pub(crate) fn tensors(
        &mut self,
        place: &Place,
        image: Option<ImageIndex>,
    ) -> Result<Arc<StepTensors>, NotebookError> {
        let record = &place.holder;
        let look = image.filter(|image| !record.recording.probes.contains(image));
        let key = (record.id.clone(), place.step, look);
        if let Some((_, kept)) = self.steps.iter().find(|(known, _)| *known == key) {
            return Ok(kept.clone());
        }
        let read = |replay: &mut Replay| match look {
            Some(image) => replay.look(place.step, &[image]),
            None => replay.tensors(place.step),
        };
        let mut replay = self.take_replay(record)?;
        let mut result = read(&mut replay);
        if matches!(result, Err(RecorderError::Store(StoreError::UnknownStep { .. }))) {
            // Committed since the replay looked at its folder.
            replay.reader().refresh()?;
            result = read(&mut replay);
        }
        // Loading a data set takes longer than a seek: only what must be
        // computed waits for it.
        let mut lacking = None;
        let not_stored = |error: &RecorderError| {
            matches!(
                error,
                RecorderError::Store(StoreError::TensorsNotStored { .. }) | RecorderError::DataNeeded { .. }
            )
        };
        if result.as_ref().is_err_and(not_stored) {
            match self.dataset(record) {
                Ok(dataset) => {
                    replay = replay.with_data(dataset, self.threads);
                    result = read(&mut replay);
                }
                Err(reason) => lacking = Some(reason),
            }
        }
        self.keep_replay(record, replay);
        if let (Err(error), Some(reason)) = (&result, lacking) {
            return Err(NotebookError::DataLacking { needed: error.to_string(), reason });
        }
        let tensors = Arc::new(result?);
        if self.steps.len() >= MOST_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back((key, tensors.clone()));
        Ok(tensors)
    }

    /// Which filters are frozen at a step, by layers with weights; `None`
    /// where the state of training cannot be had.
    pub(crate) fn frozen(&mut self, place: &Place) -> Option<Vec<Vec<bool>>> {
        let record = &place.holder;
        let dataset = self.dataset(record).ok()?;
        let mut replay = self.take_replay(record).ok()?.with_data(dataset, self.threads);
        let trainer = replay.trainer_at(place.step).ok();
        let frozen = trainer.map(|trainer| trainer.parameters().iter().map(|layer| layer.frozen.clone()).collect());
        self.keep_replay(record, replay);
        frozen
    }

    /// The replay of a branch, to be given back.
    fn take_replay(&mut self, record: &BranchRecord) -> Result<Replay, NotebookError> {
        match self.replays.iter().position(|(id, _)| *id == record.id) {
            Some(index) => {
                let (_, replay) = self.replays.remove(index);
                replay.reader().hold();
                Ok(replay)
            }
            None => Ok(Replay::new(BranchReader::of(&self.store, record.clone())?)),
        }
    }

    /// Keeps a replay that was taken, and drops the one that was not used
    /// longest.
    fn keep_replay(&mut self, record: &BranchRecord, replay: Replay) {
        if self.replays.len() >= MOST_REPLAYS {
            self.replays.remove(0);
        }
        self.replays.push((record.id.clone(), replay));
    }

    /// Makes sure that an image's maps at an address are recorded, or can be
    /// computed.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve), and [`NotebookError::NotSeen`] with
    /// the reason.
    pub fn must_see(&mut self, address: &Address, image: ImageIndex) -> Result<(), NotebookError> {
        let place = self.place(address)?;
        self.sees(&place, image).map_err(|reason| NotebookError::NotSeen { address: place.label(), image, reason })
    }

    /// Whether an image's maps are recorded, or can be computed; or else why
    /// not.
    pub(crate) fn sees(&mut self, place: &Place, image: ImageIndex) -> Result<(), String> {
        let record = &place.holder;
        if record.recording.probes.contains(&image) {
            return Ok(());
        }
        check_producer(record, "show maps of other images").map_err(|error| error.to_string())?;
        self.data_at_hand(record).map(drop)
    }

    /// The maps of an image that a figure shows at a place: the chosen image,
    /// or else the first probe image, if they can be had. What then cannot be
    /// shown is noted.
    pub(crate) fn seen(
        &mut self,
        place: &Place,
        chosen: Option<ImageIndex>,
        notes: &mut Vec<String>,
    ) -> Option<ImageIndex> {
        let Some(image) = place.image(chosen) else {
            notes.push("no maps: no image is chosen, and the run recorded none".to_owned());
            return None;
        };
        match self.sees(place, image) {
            Ok(()) => Some(image),
            Err(reason) => {
                notes.push(format!("no maps of image {image}: {reason}"));
                None
            }
        }
    }

    /// The reader of the branch that holds a place.
    pub(crate) fn holder(&mut self, place: &Place) -> Result<&BranchReader, NotebookError> {
        Ok(self.lineage(&place.name)?.holder(place.step)?)
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
