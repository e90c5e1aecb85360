//! Verifying: a recorded run is executed again and compared, on all cores.
//!
//! Each step is shown as to a recorder, and `revacnn-store` compares its rows,
//! column by column, with those that are stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use revacnn_schemas::{BranchId, Step, TrainingState};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Dataset;

use crate::RecorderError;
use crate::replay::{check_producer, check_row, trainer_at_first, trainer_of};
use revacnn_store::{BranchReader, Comparison, Lineage, StepSpan, Store, StoreError};

/// What is verified, and how.
#[derive(Debug, Clone, Copy)]
pub struct VerifyPlan {
    /// The steps, own or inherited; all of the branch's own if `None`.
    pub span: Option<StepSpan>,
    /// Workers: each executes spans between keyframes on one thread.
    pub threads: usize,
    /// Whether digests and checksums alone are compared, and not every column.
    pub quick: bool,
}

/// What was found to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The steps.
    pub span: StepSpan,
    /// Digests of parameters that were compared: one a step.
    pub digests: u64,
    /// Digests of whole states that were compared.
    pub state_digests: u64,
    /// Steps whose rows were compared, column by column.
    pub rows: u64,
    /// Steps of those whose tensors are stored, and were compared as well.
    pub tensors: u64,
    /// Files whose pages were checked.
    pub files: u64,
    /// Whether all of those have checksums; otherwise only their lengths were
    /// checked.
    pub checksums: bool,
    /// Whether the first step was derived anew: from the seed, or from the
    /// parent by the fork's edits.
    pub origin: bool,
}

/// A span between keyframes: restored at its start, executed to its end.
struct Job<'a> {
    reader: &'a BranchReader,
    keyframe: Step,
    last: Step,
}

/// Checks all files of a branch, executes it again and compares every step with
/// the log: each column of each table, but for
/// [those](revacnn_store::NOT_COVERED) that do not follow from the run.
///
/// `progress` is called after each span between keyframes with its steps.
///
/// # Errors
/// [`RowDiffers`](StoreError::RowDiffers) with the first table, step and column
/// that differ; [`RecorderError::ReplayDiffers`] where that is a digest;
/// [`Damaged`](StoreError::Damaged) for a file whose checksum is another;
/// [`Missing`](StoreError::Missing) where steps were recorded and their file was
/// lost; those of reading and computing.
pub fn verify(
    store: &Store,
    lineage: &Lineage,
    plan: VerifyPlan,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verified, RecorderError> {
    verify_all(store, lineage, plan, dataset, progress).map_err(|error| match error {
        RecorderError::Store(error) => lineage.lost_file(error).into(),
        error => error,
    })
}

fn verify_all(
    store: &Store,
    lineage: &Lineage,
    plan: VerifyPlan,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verified, RecorderError> {
    let span = verified_span(lineage, plan)?;
    let (mut files, mut checksums) = (0, true);
    for (reader, part) in lineage.parts() {
        if let Some(part) = part.intersection(&span) {
            check_producer(reader.branch(), "verify it")?;
            files += reader.check_files(part)?;
            checksums &= reader.branch().has_checksums();
        }
    }
    let found = execute(store, lineage, span, plan, dataset, progress)?;
    Ok(Verified { files, checksums, ..found })
}

/// [`verify`] of digests, and of the files that stay where tensors are dropped: it looks
/// at nothing that compacting removes.
///
/// # Errors
/// Those of [`verify`].
pub(crate) fn verify_kept(
    store: &Store,
    lineage: &Lineage,
    threads: usize,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), RecorderError> {
    let plan = VerifyPlan { span: None, threads, quick: true };
    let span = verified_span(lineage, plan)?;
    lineage.own().check_kept_files(span)?;
    lineage.own().compare_topology()?;
    execute(store, lineage, span, plan, dataset, progress).map(drop)
}

/// The steps that are verified, none of which is missing.
fn verified_span(lineage: &Lineage, plan: VerifyPlan) -> Result<StepSpan, RecorderError> {
    let own = lineage.own();
    let Some(span) = plan.span.or_else(|| own.steps()) else {
        if let Some(gap) = own.gaps()?.pop() {
            return Err(gap.error.into());
        }
        return Err(StoreError::UnknownStep {
            branch: own.branch().name.clone(),
            step: own.branch().first_step(),
            known: "it has no steps yet".to_owned(),
        }
        .into());
    };
    // Steps that were recorded and cannot be executed again are no less wrong
    // than such as come out otherwise; also those past the last one that there is.
    let asked = plan.span.unwrap_or(StepSpan::new(own.branch().first_step(), Step(u64::MAX)));
    if let Some(gap) = lineage.gaps()?.into_iter().find(|gap| gap.span.intersection(&asked).is_some()) {
        return Err(gap.error.into());
    }
    lineage.holder(span.first)?;
    lineage.holder(span.last)?;
    Ok(span)
}

fn execute(
    store: &Store,
    lineage: &Lineage,
    span: StepSpan,
    plan: VerifyPlan,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verified, RecorderError> {
    let mut jobs = Vec::new();
    let (mut origin, mut at_origin) = (false, Compared::default());
    for (reader, part) in lineage.parts() {
        let Some(part) = part.intersection(&span) else { continue };
        check_producer(reader.branch(), "verify it")?;
        if !plan.quick {
            reader.compare_topology()?;
        }
        if part.contains(reader.branch().first_step()) {
            at_origin.add(check_origin(store, reader, dataset, plan)?);
            progress(1);
            origin = true;
        }
        jobs.extend(spans_between_keyframes(reader, part)?);
    }
    let mut all = run(&jobs, span, plan, dataset, progress)?;
    all.add(at_origin);
    let Compared { digests, state_digests, rows, tensors } = all;
    Ok(Verified { span, digests, state_digests, rows, tensors, origin, files: 0, checksums: false })
}

/// How much was found to be equal.
#[derive(Debug, Clone, Copy, Default)]
struct Compared {
    digests: u64,
    state_digests: u64,
    rows: u64,
    tensors: u64,
}

impl Compared {
    fn add(&mut self, other: Self) {
        self.digests += other.digests;
        self.state_digests += other.state_digests;
        self.rows += other.rows;
        self.tensors += other.tensors;
    }
}

/// Compares the branch's first step with what seed or fork give.
fn check_origin(
    store: &Store,
    reader: &BranchReader,
    dataset: &Arc<Dataset>,
    plan: VerifyPlan,
) -> Result<Compared, RecorderError> {
    let record = reader.branch();
    let definition = check_producer(record, "verify it")?;
    let mut trainer = trainer_at_first(store, record, definition, dataset.clone(), plan.threads)?;
    let mut found = Compared::default();
    if !plan.quick {
        // Before the digests, which say less of what differs.
        let mut comparison = Comparison::after(reader, None);
        trainer.show(&record.recording.probes, &mut comparison)?;
        found.rows += 1;
        found.tensors += comparison.finish()?;
    }
    let whole = check_row(&trainer, reader, &reader.step_row(record.first_step())?)?;
    found.digests += 1;
    found.state_digests += u64::from(whole);
    Ok(found)
}

/// The spans from keyframe to keyframe; each one's last step is the next
/// keyframe, so that no keyframe is taken on trust.
fn spans_between_keyframes(reader: &BranchReader, part: StepSpan) -> Result<Vec<Job<'_>>, RecorderError> {
    let mut jobs = Vec::new();
    let mut last = part.last;
    let mut before = part.last;
    loop {
        let Some(keyframe) = reader.nearest_keyframe(before)? else {
            // Says where the keyframe should be.
            reader.keyframe_at_or_before(before)?;
            break;
        };
        jobs.push(Job { reader, keyframe, last });
        // A step that is a keyframe is reached from the one before it: read
        // alone, it would be compared with itself.
        if keyframe < part.first || keyframe == reader.branch().first_step() {
            break;
        }
        last = keyframe;
        before = Step(keyframe.0 - 1);
    }
    jobs.reverse();
    Ok(jobs)
}

fn run(
    jobs: &[Job<'_>],
    span: StepSpan,
    plan: VerifyPlan,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Compared, RecorderError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    // The failure of the earliest span, so that the answer does not depend on
    // which worker was quicker.
    let results = Mutex::new((Compared::default(), None::<(usize, RecorderError)>));
    let work = || {
        let mut worker = Worker { plan, span, dataset, trainer: None };
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(place).filter(|_| !failed.load(Ordering::Relaxed)) else { break };
            let result = worker.run(job);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(found) => {
                    results.0.add(found);
                    progress(found.digests);
                }
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    if results.1.as_ref().is_none_or(|(other, _)| place < *other) {
                        results.1 = Some((place, error));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..plan.threads.clamp(1, jobs.len().max(1)) {
            // This thread works too, so that all is done where the system has
            // no other to give.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    match results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (_, Some((_, error))) => Err(error),
        (found, None) => Ok(found),
    }
}

struct Worker<'a> {
    plan: VerifyPlan,
    span: StepSpan,
    dataset: &'a Arc<Dataset>,
    /// The engine, and the branch that it was built for.
    trainer: Option<(BranchId, Trainer)>,
}

impl Worker<'_> {
    fn run(&mut self, job: &Job<'_>) -> Result<Compared, RecorderError> {
        let (reader, record) = (job.reader, job.reader.branch());
        let trainer = match &mut self.trainer {
            Some((of, trainer)) if *of == record.id => trainer,
            none => {
                let definition = check_producer(record, "verify it")?;
                let trainer = trainer_of(record, definition, self.dataset.clone(), 1)?;
                &mut none.insert((record.id.clone(), trainer)).1
            }
        };
        let state: TrainingState = reader.keyframe_at_or_before(job.keyframe)?;
        trainer.restore(&state)?;
        let rows = reader.step_rows(StepSpan::new(job.keyframe, job.last))?;
        let mut found = Compared::default();
        let mut comparison: Option<Comparison<'_>> = None;
        for (step, row) in (job.keyframe.0..).map(Step).zip(&rows) {
            if step == job.keyframe {
                // It was compared where it was reached, or as the first step.
                check_row(trainer, reader, row)?;
                continue;
            }
            // Steps before the span are only on the way to it.
            let counts = self.span.contains(step);
            if counts && !self.plan.quick && comparison.is_none() {
                let weights: Vec<&[f32]> = trainer.parameters().iter().map(|layer| &layer.weights[..]).collect();
                comparison = Some(Comparison::after(reader, Some(&weights)));
            }
            trainer.step()?;
            let whole = match (check_row(trainer, reader, row), &mut comparison) {
                (Ok(whole), _) => whole,
                (Err(error), comparison) => {
                    // What differs before it says more, and what follows from it less.
                    return Err(comparison.take().and_then(|before| before.finish().err()).map_or(error, Into::into));
                }
            };
            if !counts {
                continue;
            }
            found.digests += 1;
            found.state_digests += u64::from(whole);
            if let Some(comparison) = &mut comparison {
                trainer.show(&record.recording.probes, comparison)?;
                found.rows += 1;
            }
        }
        if let Some(comparison) = comparison {
            found.tensors += comparison.finish()?;
        }
        Ok(found)
    }
}
