//! One training, from where it stands.

use revacnn_recorder::{Ended, ForkPlan, RecorderError, Resources, Run, Stop, Watcher, fork, resume, start, train};
use revacnn_schemas::{BranchName, BranchRecord, Step};
use revacnn_store::{Lineage, Store};

use super::inputs::Inputs;
use super::{Node, Place, Plan, Refusal, State};
use crate::NotebookError;
use crate::program::{Training, What};

/// What came of a training.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) record: BranchRecord,
    pub(super) ended: Ended,
    /// The step that it stands at.
    pub(super) at: Step,
}

/// What a training is done with.
pub(super) struct Bench<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) place: Place<'a>,
    pub(super) store: &'a Store,
    pub(super) resources: &'a Resources,
    pub(super) stop: &'a Stop,
}

/// Who hears of a training.
pub(super) struct Hears<'a> {
    pub(super) watcher: &'a mut dyn Watcher,
    /// Of its branch, the step that it stands at, and the one that it is trained until.
    pub(super) began: &'a mut dyn FnMut(&BranchRecord, Step, Step),
}

impl Bench<'_> {
    /// A training as it is now, beside what is planned of those before it.
    pub(super) fn node(&self, plan: &Plan, training: &Training) -> Result<Node, NotebookError> {
        let list = self.store.branches().map_err(RecorderError::from)?;
        plan.node(training, self.place, Some(&list)).map_err(|refusal| {
            unplanned(refusal.map_or_else(|| "what it forks is not there".to_owned(), |refusal| refusal.message))
        })
    }

    /// Trains what a node lacks; what it forks, `parent`, is there.
    pub(super) fn train(
        &self,
        training: &Training,
        node: &Node,
        parent: Option<&BranchRecord>,
        hears: Hears<'_>,
    ) -> Result<Trained, NotebookError> {
        let store = self.store;
        let until = node.until.unwrap_or_default();
        let planned = |refusal: Refusal| unplanned(refusal.message);
        let run = match (node.state(), &node.branch, &training.what) {
            (State::There, Some(record), _) => {
                return Ok(Trained { record: record.clone(), ended: Ended::Reached, at: until });
            }
            (_, Some(record), _) => {
                // By its id: another branch may have its name by now.
                let id: BranchName =
                    record.id.as_str().parse().map_err(|_| unplanned("an id is no name".to_owned()))?;
                resume(store, &id, self.resources)?
            }
            (_, None, What::Train(line)) => {
                let mut plan = self.inputs.start(line).map_err(planned)?;
                plan.branch = free(store, &training.name)?;
                start(store, plan, self.resources)?
            }
            (_, None, What::Fork { fork: line, .. }) => {
                let (Some(parent), Some(step)) = (parent, node.first) else {
                    return Err(unplanned("what it forks is not there".to_owned()));
                };
                let plan = ForkPlan {
                    name: Some(free(store, &training.name)?),
                    edits: self.inputs.edits(line, self.place.read).map_err(planned)?,
                    fidelity: line.fidelity,
                    stays: until <= step,
                };
                let lineage = Lineage::of(store, parent).map_err(RecorderError::from)?;
                let forked = fork(store, lineage, step, plan, self.resources)?;
                if until <= step {
                    let record = forked.session.record().clone();
                    (hears.began)(&record, step, until);
                    forked.session.finish()?;
                    return Ok(Trained { record, ended: Ended::Reached, at: step });
                }
                Run::recorded(forked.session)?
            }
        };
        go(run, until, hears, self.stop)
    }
}

fn go(mut run: Run, until: Step, hears: Hears<'_>, stop: &Stop) -> Result<Trained, NotebookError> {
    let Some(record) = run.session().map(|session| session.record().clone()) else {
        return Err(unplanned("nothing of it is recorded".to_owned()));
    };
    (hears.began)(&record, run.trainer().position(), until);
    let ended = train(&mut run, until, hears.watcher, stop);
    let at = run.trainer().position();
    // What was trained is sealed, however it ended.
    let finished = run.finish();
    let ended = ended?;
    finished?;
    Ok(Trained { record, ended, at })
}

/// The name that a training has in the notebook if that is free, else a numbered one.
fn free(store: &Store, name: &BranchName) -> Result<BranchName, RecorderError> {
    Ok(if store.branches()?.is_taken(name) { store.unused_name(name)? } else { name.clone() })
}

/// What changed between the plan and the training.
fn unplanned(reason: String) -> NotebookError {
    NotebookError::Unplanned { reason }
}
