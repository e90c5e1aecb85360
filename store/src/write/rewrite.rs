//! Changing what a branch stores of steps that it has: its tensors dropped, or
//! written again. No bit of what is read changes.

use std::path::PathBuf;
use std::sync::Arc;

use revacnn_schemas::{BranchRecord, DataCursor, Fidelity, Observer, ObserverError, Producer, Step, StepView, Wanted};

use crate::disk::lock::FileLock;
use crate::disk::paths::{StepSpan, table_file};
use crate::disk::system::cores;
use crate::disk::system::file_bytes;
use crate::read::listing::Listing;
use crate::shape::{BranchShape, TENSOR_TABLES};
use crate::thinning::{Materialised, Thinned, remove_tensors, tensor_bytes};
use crate::write::part::PartWriter;
use crate::write::record::StepRecord;
use crate::write::side_by_side::Haste;
use crate::write::statistics::FilterStatistics;
use crate::{Recorder, Store, StoreError};

/// A branch whose one writer the holder is, its tail sealed, and whose stored
/// tensors may be dropped or written again.
///
/// The writer's lock is held all the while, so that what is changed is what was
/// looked at.
#[derive(Debug)]
pub struct Rewrite {
    store: Store,
    record: BranchRecord,
    lock: Arc<FileLock>,
}

impl Rewrite {
    /// Takes the writer's lock, and seals the tail that a kill may have left.
    ///
    /// # Errors
    /// [`StoreError::WriterBusy`] where the branch is being recorded;
    /// [`StoreError::Unrecordable`] where its steps are another program's, and
    /// cannot be computed again.
    pub fn begin(store: &Store, record: &BranchRecord) -> Result<Self, StoreError> {
        if let Producer::Foreign(foreign) = &record.producer {
            let reason = format!("{foreign} computed its steps, and they cannot be computed again");
            return Err(StoreError::Unrecordable { branch: record.name.clone(), reason });
        }
        let lock = Arc::new(store.hold_to_write(record)?);
        // Who held the lock before may have changed it.
        let record = store.branch_by_id(&record.id)?;
        Recorder::to_seal(store, &record, lock.clone())?.finish()?;
        Ok(Self { store: store.clone(), record, lock })
    }

    /// The branch, as it is by now.
    pub fn branch(&self) -> &BranchRecord {
        &self.record
    }

    /// The segments, oldest first: what is written again, one at a time.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn segments(&self) -> Result<Vec<StepSpan>, StoreError> {
        Ok(Listing::read(&self.store.paths(&self.record.id))?.segments)
    }

    /// Checks that nobody reads the branch now.
    ///
    /// # Errors
    /// [`StoreError::InUse`] with who does.
    pub fn check_unread(&self) -> Result<(), StoreError> {
        self.store.hold_from_readers(&self.record).map(drop)
    }

    /// Turns the branch into one of fidelity `keyframes` and removes its tensors;
    /// returns the bytes that were freed.
    ///
    /// Who calls this has shown that they follow from the keyframes.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where somebody reads it; those of the disk.
    pub fn drop_tensors(self) -> Result<u64, StoreError> {
        let (store, record) = (&self.store, &self.record);
        let _held = (&self.lock, store.hold_from_readers(record)?);
        let paths = store.paths(&record.id);
        Materialised::clear(store.disk(), &paths)?;
        {
            let _lock = store.lock()?;
            // From the disk: the name may have changed meanwhile.
            let mut record = store.branch_by_id(&record.id)?;
            record.recording.fidelity = Fidelity::Keyframes;
            store.write_record(&record)?;
        }
        let mut freed = 0;
        for segment in Listing::read(&paths)?.segments {
            freed += tensor_bytes(&paths, segment);
            remove_tensors(store.disk(), &paths, segment)?;
        }
        store.disk().remove_file(&paths.thinned())?;
        Ok(freed)
    }

    /// Writes the tensors of a segment, each step as `show` shows it; returns the
    /// bytes that were written. The segment counts as stored once all of it is on
    /// the medium.
    ///
    /// # Errors
    /// Those of `show` and of the disk; what was there before stays.
    pub fn write_tensors<E: From<StoreError>>(
        &self,
        segment: StepSpan,
        mut show: impl FnMut(Step, &mut dyn Observer) -> Result<(), E>,
    ) -> Result<u64, E> {
        // As one that stores every step.
        let mut every = self.record.clone();
        every.recording.fidelity = Fidelity::Every;
        let shape = BranchShape::of(&every)
            .map_err(|reason| StoreError::Unrecordable { branch: every.name.clone(), reason })?;
        let (disk, paths) = (self.store.disk(), self.store.paths(&every.id));
        let mut parts = PartWriter::new(&every, &shape, disk, &paths)?;
        let mut part = parts.open(segment.first)?;
        let mut done = Vec::new();
        // The steps are computed by whoever waits for this: no core has anything else to do.
        let haste = Haste::awaited(cores());
        for step in segment.first.0..=segment.last.0 {
            let mut record: Box<StepRecord> = done.pop().unwrap_or_default();
            show(Step(step), &mut Copy { every: &every, shape: &shape, record: &mut record })?;
            let statistics = FilterStatistics::of(&shape, &record, None);
            parts.push(&mut part, record, statistics, haste, &mut done)?;
        }
        let part = parts.close(part, haste, &mut done)?;
        let mut bytes = 0;
        let mut folders = Vec::new();
        for &table in part.tables.iter().filter(|table| TENSOR_TABLES.contains(table)) {
            let target = paths.segment(table, segment);
            disk.rename(&table_file(&part.folder, table), &target)?;
            bytes += file_bytes(&target);
            folders.push(paths.table(table));
        }
        disk.sync_together(&[], &folders.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        disk.remove_folder(&part.folder)?;
        match self.record.recording.fidelity {
            Fidelity::Every => Thinned::restore(disk, &paths, segment)?,
            Fidelity::Keyframes => Materialised::add(disk, &paths, segment)?,
        }
        Ok(bytes)
    }
}

/// Copies a step that is shown.
struct Copy<'a> {
    every: &'a BranchRecord,
    shape: &'a BranchShape,
    record: &'a mut StepRecord,
}

impl Observer for Copy<'_> {
    fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
        Wanted { probes: !self.every.recording.probes.is_empty(), ..Wanted::default() }
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        Ok(self.record.fill(self.every, self.shape, view, 0)?)
    }
}
