//! Verifying: a recorded run is executed again and compared, on all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use revacnn_schemas::{BranchId, Step, TrainingState};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Dataset;

use crate::RecorderError;
use crate::replay::{capture, check_producer, check_row, state_of_fork};
use revacnn_store::{BranchReader, Lineage, StepSpan, Store, StoreError};

/// What is verified, and how.
#[derive(Debug, Clone, Copy)]
pub struct VerifyPlan {
    /// The steps, own or inherited; all of the branch's own if `None`.
    pub span: Option<StepSpan>,
    /// Workers: each executes spans between keyframes on one thread.
    pub threads: usize,
    /// Whether every stored tensor is compared as well, bit by bit.
    pub tensors: bool,
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
    /// Steps whose stored tensors were compared.
    pub tensors: u64,
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

/// Executes a branch again and compares every step with the log.
///
/// `progress` is called after each span between keyframes with its steps.
///
/// # Errors
/// [`RecorderError::ReplayDiffers`] with the first step that differs;
/// [`RecorderError::TensorsDiffer`]; [`Missing`](StoreError::Missing) where steps
/// were recorded and their file was lost; those of reading and computing.
pub fn verify(
    store: &Store,
    lineage: &Lineage,
    plan: VerifyPlan,
    dataset: &Arc<Dataset>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verified, RecorderError> {
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
    let mut jobs = Vec::new();
    let mut origin = false;
    for (reader, part) in lineage.parts() {
        let Some(part) = part.intersection(&span) else { continue };
        check_producer(reader.branch(), "verify it")?;
        if part.contains(reader.branch().first_step()) {
            check_origin(store, reader, dataset, plan.threads)?;
            origin = true;
        }
        jobs.extend(spans_between_keyframes(reader, part)?);
    }
    let found = run(&jobs, span, plan, dataset, progress)?;
    Ok(Verified { origin, ..found })
}

/// Compares the branch's first step with what seed or fork give.
fn check_origin(
    store: &Store,
    reader: &BranchReader,
    dataset: &Arc<Dataset>,
    threads: usize,
) -> Result<(), RecorderError> {
    let record = reader.branch();
    let mut trainer =
        Trainer::of_branch(check_producer(record, "verify it")?, &record.topology, dataset.clone(), threads)?;
    if record.parent.is_some() {
        trainer.restore(&state_of_fork(store, record, dataset.clone(), threads)?)?;
    }
    check_row(&trainer, reader, &reader.step_row(record.first_step())?).map(drop)
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
) -> Result<Verified, RecorderError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let nothing = Verified { span, digests: 0, state_digests: 0, tensors: 0, origin: false };
    // The failure of the earliest span, so that the answer does not depend on
    // which worker was quicker.
    let results = Mutex::new((nothing, None::<(usize, RecorderError)>));
    let work = || {
        let mut worker = Worker { plan, span, dataset, trainer: None };
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(place).filter(|_| !failed.load(Ordering::Relaxed)) else { break };
            let result = worker.run(job);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(found) => {
                    results.0.digests += found.digests;
                    results.0.state_digests += found.state_digests;
                    results.0.tensors += found.tensors;
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
    fn run(&mut self, job: &Job<'_>) -> Result<Verified, RecorderError> {
        let record = job.reader.branch();
        let trainer = match &mut self.trainer {
            Some((of, trainer)) if *of == record.id => trainer,
            none => {
                let trainer = Trainer::of_branch(
                    check_producer(record, "verify it")?,
                    &record.topology,
                    self.dataset.clone(),
                    1,
                )?;
                &mut none.insert((record.id.clone(), trainer)).1
            }
        };
        let state: TrainingState = job.reader.keyframe_at_or_before(job.keyframe)?;
        trainer.restore(&state)?;
        let rows = job.reader.step_rows(StepSpan::new(job.keyframe, job.last))?;
        let mut found = Verified { span: self.span, digests: 0, state_digests: 0, tensors: 0, origin: false };
        for row in &rows {
            let at_keyframe = row.step == job.keyframe;
            if !at_keyframe {
                trainer.step()?;
            }
            let whole = check_row(trainer, job.reader, row)?;
            // The keyframe counts where it is reached, not where it is read,
            // and steps before the span are only on the way to it.
            if self.span.contains(row.step) && (!at_keyframe || job.keyframe == record.first_step()) {
                found.digests += 1;
                found.state_digests += u64::from(whole);
                if self.plan.tensors && job.reader.stores_tensors(row.step)? {
                    check_tensors(trainer, job.reader, row.step)?;
                    found.tensors += 1;
                }
            }
        }
        Ok(found)
    }
}

fn check_tensors(trainer: &mut Trainer, reader: &BranchReader, step: Step) -> Result<(), RecorderError> {
    let (computed, stored) = (capture(trainer, reader.branch())?, reader.seek(step)?);
    match stored.first_difference(&computed) {
        None => Ok(()),
        Some(what) => Err(RecorderError::TensorsDiffer { branch: reader.branch().name.clone(), step, what }),
    }
}
