//! A branch with its past: the steps before a fork are the parent's.

use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Epoch, Position, Sample, Step, ValidationResult};

use crate::{BranchList, BranchReader, Listed, StepRow, StepSpan, Store, StoreError};

/// Readers of a branch and its ancestors, which hold its history together.
///
/// A child forked at F holds step F itself (the state after the edits) and
/// what comes after; every step before F is its parent's.
#[derive(Debug)]
pub struct Lineage {
    /// From the branch itself to the root; never empty.
    branches: Vec<Arc<BranchRecord>>,
    /// Those of them that can hold something of the history, in the same order.
    readers: Vec<BranchReader>,
    /// The last step that is looked at; `None` where that is the last one there is.
    until: Option<Step>,
}

/// So many readers of one history keep others from tidying; an open file each is
/// what a process has not many of.
const MOST_HELD: usize = 128;

impl Lineage {
    /// Opens the branch of this name with its ancestors.
    ///
    /// # Errors
    /// [`StoreError::UnknownBranch`], [`StoreError::ParentMissing`] or
    /// [`StoreError::ParentCycle`].
    pub fn open(store: &Store, name: &BranchName) -> Result<Self, StoreError> {
        let list = store.branches()?;
        match list.find(name, store.root())?.map(|record| record.id.clone()) {
            Some(id) => Self::along(store, list.lineage(&id, store.root())?),
            None => Err(store.unknown(name.as_str(), &list)),
        }
    }

    /// Opens a branch whose record is at hand, with its ancestors.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn of(store: &Store, record: &BranchRecord) -> Result<Self, StoreError> {
        Self::along(store, store.lineage(record)?)
    }

    /// Opens a branch of a list with its ancestors; `record` gives the record of each of them,
    /// which the lineages of one list share.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and of `record`.
    pub fn listed<T: Listed + Clone>(
        store: &Store,
        list: &BranchList<T>,
        id: &BranchId,
        record: impl FnMut(&T) -> Result<Arc<BranchRecord>, StoreError>,
    ) -> Result<Self, StoreError> {
        let lineage = list.lineage(id, store.root())?;
        Self::along(store, lineage.iter().map(record).collect::<Result<Vec<_>, _>>()?)
    }

    /// Opens a branch and its ancestors, whose records are at hand, from the branch itself
    /// to the root.
    pub(crate) fn along<T: Into<Arc<BranchRecord>>>(store: &Store, branches: Vec<T>) -> Result<Self, StoreError> {
        let branches: Vec<Arc<BranchRecord>> = branches.into_iter().map(Into::into).collect();
        let mut readers: Vec<BranchReader> = Vec::new();
        for record in &branches {
            // What begins where a nearer one does, or later, has nothing before it.
            let reaches = readers.last().is_none_or(|nearer| record.first_step() < nearer.branch().first_step());
            if reaches {
                readers.push(BranchReader::at_rest(store, record.clone())?);
            }
        }
        let lineage = Self { branches, readers, until: None };
        lineage.hold();
        lineage.refresh()?;
        Ok(lineage)
    }

    /// The same history, as far as a step: what was recorded after it is not there.
    #[must_use]
    pub fn ending_at(mut self, last: Step) -> Self {
        self.until = Some(last);
        self
    }

    /// Where the history was told to end.
    pub fn until(&self) -> Option<Step> {
        self.until
    }

    /// The branch.
    pub fn branch(&self) -> &BranchRecord {
        self.own().branch()
    }

    /// The branch and its ancestors, to the root.
    pub fn branches(&self) -> &[Arc<BranchRecord>] {
        &self.branches
    }

    /// The branch's own steps; `None` before the first.
    pub fn own_steps(&self) -> Option<StepSpan> {
        self.own().steps().and_then(|span| self.clipped(span))
    }

    /// What of a span is looked at.
    pub(crate) fn clipped(&self, span: StepSpan) -> Option<StepSpan> {
        match self.until {
            Some(until) if until < span.first => None,
            Some(until) => Some(StepSpan::new(span.first, span.last.min(until))),
            None => Some(span),
        }
    }

    /// The reader of the branch's own steps.
    pub fn own(&self) -> &BranchReader {
        &self.readers[0]
    }

    /// The readers of the branch itself and of the ancestors that have something
    /// of its history, to the root: each begins before the one before it.
    pub fn readers(&self) -> &[BranchReader] {
        &self.readers
    }

    /// Looks for steps committed since.
    ///
    /// # Errors
    /// Where a branch's folder cannot be listed.
    pub fn refresh(&self) -> Result<(), StoreError> {
        self.readers.iter().try_for_each(|reader| reader.refresh().map(drop))
    }

    /// [`BranchReader::rest`] for every reader.
    pub fn rest(&self) {
        self.readers.iter().for_each(BranchReader::rest);
    }

    /// [`BranchReader::hold`] for the readers, the nearest of very many.
    pub fn hold(&self) {
        self.readers.iter().take(MOST_HELD).for_each(BranchReader::hold);
    }

    /// All steps of the history, own and inherited; `None` before the first.
    pub fn steps(&self) -> Option<StepSpan> {
        self.parts().into_iter().map(|(_, span)| span).reduce(|all, span| StepSpan::new(span.first, all.last))
    }

    /// The readers and what of the history each one holds, newest first.
    pub fn parts(&self) -> Vec<(&BranchReader, StepSpan)> {
        self.parts_until(|fork| Step(fork.0.saturating_sub(1)))
    }

    /// The readers and of which steps of the history each one holds the updates that led there,
    /// newest first: to a branch's first step an ancestor's led.
    pub(crate) fn parts_by_update(&self) -> Vec<(&BranchReader, StepSpan)> {
        self.parts_until(|fork| fork)
    }

    /// The readers and what each one holds where `last` tells its last step from that at which a
    /// nearer one begins.
    fn parts_until(&self, last: impl Fn(Step) -> Step) -> Vec<(&BranchReader, StepSpan)> {
        let mut parts = Vec::new();
        // What the branches nearer to us hold begins here.
        let mut end: Option<Step> = None;
        for reader in &self.readers {
            let first = reader.branch().first_step();
            let within = StepSpan::new(first, end.map_or(Step(u64::MAX), &last));
            let span = reader.steps().and_then(|span| self.clipped(span)?.intersection(&within));
            parts.extend(span.map(|span| (reader, span)));
            end = Some(first);
        }
        parts
    }

    /// The reader of the branch that holds a step.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`], which says what there is; what is
    /// wrong where the step is missing from the history.
    pub fn holder(&self, step: Step) -> Result<&BranchReader, StoreError> {
        if let Some(until) = self.until.filter(|until| step > *until) {
            let known = format!("its history is looked at until step {until}");
            return Err(StoreError::UnknownStep { branch: self.branch().name.clone(), step, known });
        }
        let place = self.place(step);
        let reader = &self.readers[place];
        match reader.piece(step) {
            Ok(_) => Ok(reader),
            Err(StoreError::UnknownStep { step, known, .. }) => {
                if let Some(gap) = self.gaps()?.into_iter().find(|gap| gap.span.contains(step)) {
                    return Err(gap.error);
                }
                let known = match (place, self.steps()) {
                    (0, Some(steps)) => format!("its history has steps {steps}"),
                    _ => known,
                };
                Err(StoreError::UnknownStep { branch: self.branch().name.clone(), step, known })
            }
            Err(error) => Err(error),
        }
    }

    /// [`holder`](Self::holder), taken out.
    ///
    /// # Errors
    /// Those of [`holder`](Self::holder).
    pub fn into_holder(mut self, step: Step) -> Result<BranchReader, StoreError> {
        self.holder(step)?;
        let place = self.place(step);
        Ok(self.readers.swap_remove(place))
    }

    fn place(&self, step: Step) -> usize {
        let after = self.readers.partition_point(|reader| reader.branch().first_step() > step);
        after.min(self.readers.len() - 1)
    }

    /// The row of `steps` of a step, own or inherited.
    ///
    /// # Errors
    /// Those of [`holder`](Self::holder), and of a damaged file.
    pub fn step_row(&self, step: Step) -> Result<StepRow, StoreError> {
        self.holder(step)?.step_row(step)
    }

    /// All rows of `steps` of the history within a span, in order.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn step_rows(&self, span: StepSpan) -> Result<Vec<StepRow>, StoreError> {
        let mut rows = Vec::new();
        for (reader, part) in self.parts().into_iter().rev() {
            if let Some(part) = part.intersection(&span) {
                rows.extend(reader.step_rows(part)?);
            }
        }
        Ok(rows)
    }

    /// All full validations of the history, in order.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn validations(&self) -> Result<Vec<(Step, ValidationResult)>, StoreError> {
        let mut all = Vec::new();
        for (reader, part) in self.parts().into_iter().rev() {
            all.extend(reader.validations()?.into_iter().filter(|(step, _)| part.contains(*step)));
        }
        Ok(all)
    }

    /// What came of each image of each batch of the history up to a step, in order, also of
    /// the batch before each fork. What ancestors of older formats trained is not among it.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn samples(&self, until: Step) -> Result<Vec<(Step, Sample)>, StoreError> {
        let mut all = Vec::new();
        for (reader, part) in self.parts_by_update().into_iter().rev() {
            if let Some(part) = part.intersection(&StepSpan::new(Step(0), until)) {
                all.extend(reader.samples(part)?);
            }
        }
        Ok(all)
    }

    /// The step that a position leads to.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`] or [`StoreError::NoSuchPosition`],
    /// which say what there is.
    pub fn resolve(&self, position: Position) -> Result<Step, StoreError> {
        let nowhere =
            |known: String| StoreError::NoSuchPosition { branch: self.branch().name.clone(), position, known };
        if let Position::Step(step) = position {
            return self.holder(step).map(|_| step);
        }
        let Some(steps) = self.steps() else {
            return Err(nowhere("the branch has no steps yet".to_owned()));
        };
        match position {
            Position::Step(step) => Ok(step),
            Position::Last => Ok(steps.last),
            Position::Fork => Ok(self.branch().first_step()),
            Position::Best => {
                let none = "no validation with a finite loss is recorded yet";
                self.best(steps.last)?.ok_or_else(|| nowhere(none.to_owned()))
            }
            Position::Epoch(epoch) => self.end_of_epoch(epoch, steps)?.map_err(nowhere),
        }
    }

    /// The step with the lowest validation loss, of those until one, the earlier on a
    /// tie; `None` where no validation has a loss.
    ///
    /// # Errors
    /// As [`validations`](Self::validations).
    pub fn best(&self, until: Step) -> Result<Option<Step>, StoreError> {
        let mut best: Option<(Step, f32)> = None;
        for (step, result) in self.validations()?.into_iter().filter(|(step, _)| *step <= until) {
            if best.is_none_or(|(_, loss)| result.loss < loss) && !result.loss.is_nan() {
                best = Some((step, result.loss));
            }
        }
        Ok(best.map(|(step, _)| step))
    }

    /// The step that finished an epoch, or what there is instead.
    fn end_of_epoch(&self, epoch: Epoch, steps: StepSpan) -> Result<Result<Step, String>, StoreError> {
        // The cursor grows from step to step: the first step at or past the
        // epoch's end is found by halving.
        let (mut low, mut high) = (steps.first.0, steps.last.0 + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.step_row(Step(middle))?.cursor.epoch < epoch {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low <= steps.last.0 {
            let cursor = self.step_row(Step(low))?.cursor;
            if cursor.epoch == epoch && cursor.offset == 0 {
                return Ok(Ok(Step(low)));
            }
        }
        let (first, last) = (self.step_row(steps.first)?, self.step_row(steps.last)?);
        Ok(Err(format!(
            "steps {steps} go from epoch {}, image {}, to epoch {}, image {} (`epoch:N` is the \
             step that finished the N-th pass)",
            first.cursor.epoch.0.saturating_add(1),
            first.cursor.offset,
            last.cursor.epoch.0.saturating_add(1),
            last.cursor.offset
        )))
    }
}
