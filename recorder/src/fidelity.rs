//! Changing what a branch stores: `compact` leaves keyframes alone,
//! `materialise` writes tensors out again. Neither changes a bit of what is
//! read.

use std::path::PathBuf;
use std::sync::Arc;

use revacnn_schemas::{BranchRecord, DataCursor, Fidelity, Observer, ObserverError, Step, StepView, Wanted};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Dataset;

use crate::listing::Listing;
use crate::lock::FileLock;
use crate::part::PartWriter;
use crate::paths::table_file;
use crate::record::StepRecord;
use crate::replay::{bring_forward, check_digest};
use crate::session::check_arithmetic;
use crate::shape::{BranchShape, TENSOR_TABLES};
use crate::statistics::FilterStatistics;
use crate::thinning::{Materialised, Thinned, file_bytes, remove_tensors, tensor_bytes};
use crate::verify::{VerifyPlan, verify};
use crate::{BranchReader, Lineage, Recorder, RecorderError, RecorderOptions, StepSpan, Store};

/// Turns a branch into one of fidelity `keyframes`, after verifying all of
/// it; returns the bytes that were freed.
///
/// The writer's lock is held all the while, so that what is removed is what
/// was verified.
///
/// # Errors
/// [`RecorderError::ReplayDiffers`] where the log does not follow from its
/// keyframes: nothing is removed then. [`RecorderError::WriterBusy`] and
/// [`RecorderError::InUse`] where somebody else has it open.
pub fn compact(
    store: &Store,
    record: &BranchRecord,
    dataset: &Arc<Dataset>,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64, RecorderError> {
    let (lock, record) = seal(store, record)?;
    // Who reads is known before all is verified in vain; the lock itself would
    // keep readers out, ours too, for as long as that takes.
    drop(store.hold_from_readers(&record)?);
    {
        let lineage = Lineage::of(store, &record)?;
        if lineage.own().steps().is_some() {
            verify(store, &lineage, VerifyPlan { span: None, threads, tensors: false }, dataset, progress)?;
        }
    }
    let _held = (lock, store.hold_from_readers(&record)?);
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

/// Writes the tensors of the segments that hold a span, computed again from
/// their keyframes, every digest compared; returns the span that is stored
/// now and the bytes that were written.
///
/// # Errors
/// Those of reading and computing; [`RecorderError::WriterBusy`] where the
/// branch is being trained, which it cannot be meanwhile. Segments written
/// before an error stay.
pub fn materialise(
    store: &Store,
    record: &BranchRecord,
    span: StepSpan,
    dataset: Arc<Dataset>,
    threads: usize,
    progress: &mut dyn FnMut(StepSpan),
) -> Result<(StepSpan, u64), RecorderError> {
    check_arithmetic(record)?;
    let (_lock, record) = seal(store, record)?;
    let reader = BranchReader::of(store, record.clone())?;
    // Steps that are missing in between are no less asked for than the ends.
    reader.pieces_of(span)?;
    let paths = store.paths(&record.id);
    let segments: Vec<StepSpan> =
        Listing::read(&paths)?.segments.into_iter().filter(|segment| segment.intersection(&span).is_some()).collect();
    let whole = StepSpan::new(
        segments.first().map_or(span.first, |segment| segment.first),
        segments.last().map_or(span.last, |segment| segment.last),
    );
    let mut writer = Rewriter::new(store, &record, dataset, threads)?;
    let mut bytes = 0;
    for segment in segments {
        if !reader.stores_tensors(segment.first)? {
            bytes += writer.write(store, &reader, segment)?;
        }
        progress(segment);
    }
    Ok((whole, bytes))
}

/// Seals the tail that a kill may have left, as the branch's writer, which
/// the caller is from then on; returns what the branch is by now.
fn seal(store: &Store, record: &BranchRecord) -> Result<(Arc<FileLock>, BranchRecord), RecorderError> {
    let lock = Arc::new(store.hold_to_write(record)?);
    // Who held the lock before may have compacted it.
    let record = store.branch_by_id(&record.id)?;
    Recorder::holding(store, &record, RecorderOptions::default(), lock.clone())?.finish()?;
    Ok((lock, record))
}

/// Computes a segment's steps and writes their tensors.
struct Rewriter {
    /// The branch as one that stores every step.
    every: BranchRecord,
    shape: BranchShape,
    trainer: Trainer,
    fidelity: Fidelity,
}

impl Rewriter {
    fn new(store: &Store, record: &BranchRecord, dataset: Arc<Dataset>, threads: usize) -> Result<Self, RecorderError> {
        let record = store.branch_by_id(&record.id)?;
        let mut every = record.clone();
        every.recording.fidelity = Fidelity::Every;
        let shape = BranchShape::of(&every)
            .map_err(|reason| RecorderError::Unrecordable { branch: every.name.clone(), reason })?;
        let trainer = Trainer::of_branch(&record.definition, &record.topology, dataset, threads)?;
        Ok(Self { every, shape, trainer, fidelity: record.recording.fidelity })
    }

    fn write(&mut self, store: &Store, reader: &BranchReader, segment: StepSpan) -> Result<u64, RecorderError> {
        let (disk, paths) = (store.disk(), store.paths(&self.every.id));
        let mut parts = PartWriter::new(&self.every, &self.shape, disk, &paths);
        let mut part = parts.open(segment.first)?;
        let mut done = Vec::new();
        for step in segment.first.0..=segment.last.0 {
            let mut record: Box<StepRecord> = done.pop().unwrap_or_default();
            self.compute(reader, Step(step), &mut record)?;
            let statistics = FilterStatistics::of(&self.shape, &record, None);
            parts.push(&mut part, record, statistics, &mut done)?;
        }
        let part = parts.close(part, &mut done)?;
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
        match self.fidelity {
            Fidelity::Every => Thinned::take_back(disk, &paths, segment)?,
            Fidelity::Keyframes => Materialised::add(disk, &paths, segment)?,
        }
        Ok(bytes)
    }

    /// Brings the trainer to a step, so that its gradients are at hand, and
    /// copies what it shows.
    fn compute(&mut self, reader: &BranchReader, step: Step, record: &mut StepRecord) -> Result<(), RecorderError> {
        let trainer = &mut self.trainer;
        if step == self.every.first_step() {
            bring_forward(trainer, reader, step)?;
        } else {
            let before = Step(step.0 - 1);
            if trainer.position() != before || trainer.cursor().images_seen == 0 {
                bring_forward(trainer, reader, before)?;
            }
            trainer.step()?;
            check_digest(trainer, reader)?;
        }
        let mut copy = Copy { every: &self.every, shape: &self.shape, record };
        trainer.show(&self.every.recording.probes, &mut copy)?;
        Ok(())
    }
}

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
