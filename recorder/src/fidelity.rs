//! Changing what a branch stores: `compact` leaves keyframes alone,
//! `materialise` writes tensors out again. Neither changes a bit of what is
//! read.

use std::sync::Arc;

use revacnn_schemas::{BranchRecord, Observer, Step};
use revacnn_store::{BranchReader, Lineage, Rewrite, StepSpan, Store, StoreError};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Dataset;

use crate::RecorderError;
use crate::replay::{bring_forward, check_digest, check_producer, trainer_of};
use crate::verify::verify_kept;

/// Turns a branch into one of fidelity `keyframes`, after verifying all of
/// it; returns the bytes that were freed.
///
/// The writer's lock is held all the while, so that what is removed is what
/// was verified.
///
/// # Errors
/// [`RecorderError::ReplayDiffers`] where the log does not follow from its
/// keyframes, and [`Damaged`](StoreError::Damaged) or [`Missing`](StoreError::Missing)
/// for a file that would stay: nothing is removed then.
/// [`WriterBusy`](revacnn_store::StoreError::WriterBusy) and
/// [`InUse`](revacnn_store::StoreError::InUse) where somebody else has it open.
pub fn compact(
    store: &Store,
    record: &BranchRecord,
    dataset: &Arc<Dataset>,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64, RecorderError> {
    check_producer(record, "compact it")?;
    let rewrite = Rewrite::begin(store, record)?;
    // Who reads is known before all is verified in vain; the lock itself would
    // keep readers out, ours too, for as long as that takes.
    rewrite.check_unread()?;
    {
        let lineage = Lineage::of(store, rewrite.branch())?;
        if lineage.own().steps().is_some() {
            // What is removed may be damaged: it is computed again. What stays may not:
            // nobody would be told afterwards that it was wrong before.
            verify_kept(store, &lineage, threads, dataset, progress)?;
        }
    }
    rewrite.drop_tensors().map_err(|error| match error {
        // The note of what was done comes before what it is done to, or a kill
        // between them would leave a branch that lacks what it says it has.
        StoreError::DiskFull { source, .. } => {
            let note = store.branch_folder(&record.id).join("branch.json");
            let bytes = std::fs::metadata(note).map_or(0, |file| file.len());
            RecorderError::NoRoomForNote { branch: record.name.clone(), bytes: bytes.next_multiple_of(4096), source }
        }
        error => error.into(),
    })
}

/// Writes the tensors of the segments that hold a span, computed again from
/// their keyframes, every digest compared; returns the span that is stored
/// now and the bytes that were written. Tensors whose files are damaged or lost
/// are written again, too.
///
/// # Errors
/// Those of reading and computing;
/// [`WriterBusy`](revacnn_store::StoreError::WriterBusy) where the branch is being
/// trained, which it cannot be meanwhile. Segments written before an error stay.
pub fn materialise(
    store: &Store,
    record: &BranchRecord,
    span: StepSpan,
    dataset: Arc<Dataset>,
    threads: usize,
    progress: &mut dyn FnMut(StepSpan),
) -> Result<(StepSpan, u64), RecorderError> {
    let definition = check_producer(record, "materialise it")?;
    let rewrite = Rewrite::begin(store, record)?;
    let reader = BranchReader::of(store, rewrite.branch().clone())?;
    // Steps that are missing in between are no less asked for than the ends.
    reader.check_complete(span)?;
    let segments: Vec<StepSpan> =
        rewrite.segments()?.into_iter().filter(|segment| segment.intersection(&span).is_some()).collect();
    let whole = StepSpan::new(
        segments.first().map_or(span.first, |segment| segment.first),
        segments.last().map_or(span.last, |segment| segment.last),
    );
    let mut trainer = trainer_of(record, definition, dataset, threads)?;
    let mut bytes = 0;
    for segment in segments {
        if !reader.stores_tensors(segment.first)? || reader.check_tensor_files(segment).is_err() {
            bytes += rewrite.write_tensors(segment, |step, observer| show(&mut trainer, &reader, step, observer))?;
        }
        progress(segment);
    }
    Ok((whole, bytes))
}

/// Brings the trainer to a step, so that its gradients are at hand, and shows it.
fn show(
    trainer: &mut Trainer,
    reader: &BranchReader,
    step: Step,
    observer: &mut dyn Observer,
) -> Result<(), RecorderError> {
    if step == reader.branch().first_step() {
        bring_forward(trainer, reader, step)?;
    } else {
        let before = Step(step.0 - 1);
        if trainer.position() != before || trainer.cursor().images_seen == 0 {
            bring_forward(trainer, reader, before)?;
        }
        trainer.step()?;
        check_digest(trainer, reader)?;
    }
    trainer.show(&reader.branch().recording.probes, observer)?;
    Ok(())
}
