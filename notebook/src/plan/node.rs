//! One training, and how much of it a store has.

use std::sync::Arc;

use revacnn_recorder::{Clock, DIVERGED};
use revacnn_schemas::{
    BranchRecord, Digest, Digester, Edit, Epoch, Fidelity, Position, RecordingSettings, RunDefinition, Step, Topology,
};
use revacnn_store::{BranchList, BranchReader, Lineage, StepSpan, StoreError};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{Trainer, TrainerError, of_dataset};

use super::{Place, Plan, Refusal, find};
use crate::History;
use crate::command::Fork;
use crate::program::{Training, What};

/// The most steps of one training: more is a slip of the pen.
const MOST_STEPS: u64 = 100_000_000;

/// How much of a training there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All of it.
    There,
    /// A part, until this step.
    Begun(Step),
    /// Nothing.
    New,
    /// A value was not finite at this step, from which no training goes on.
    Diverged(Step),
}

/// One training.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The place of what it forks.
    pub parent: Option<usize>,
    /// The branch of the store that is this training, where there is one.
    pub branch: Option<BranchRecord>,
    /// Its content key, where it is known before it is trained.
    pub key: Option<Digest>,
    /// The digest of what is trained, of the branch, the step and the edits as they are
    /// asked for, and of how it is recorded: known before it is trained, where the steps
    /// are. Equal ones train the same.
    pub work: Option<Digest>,
    /// Its first step; `None` where only what its parent records can tell.
    pub first: Option<Step>,
    /// The step that it is trained until; `None` as before.
    pub until: Option<Step>,
    /// The last step that there is.
    pub reached: Option<Step>,
    /// Whether a value was not finite there.
    pub diverged: bool,
    /// What is trained, as far as it is known.
    pub shape: Option<Arc<Shape>>,
    pub(super) clock: Option<Clock>,
}

/// What is trained, and how it is recorded.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Network, data and hyper-parameters.
    pub definition: RunDefinition,
    /// Layers and filters.
    pub topology: Topology,
    /// How it is recorded.
    pub recording: RecordingSettings,
    pub(super) dataset: Arc<Dataset>,
}

impl Node {
    /// How much of it there is.
    pub fn state(&self) -> State {
        match (self.reached, self.until) {
            (Some(reached), Some(until)) if reached >= until => State::There,
            (Some(reached), _) if self.diverged => State::Diverged(reached),
            (Some(reached), _) => State::Begun(reached),
            (None, _) => State::New,
        }
    }

    /// What the store has of it.
    pub fn history(&self) -> Option<History> {
        let branch = self.branch.as_ref()?;
        Some(History { id: branch.id.clone(), until: self.until })
    }

    /// Steps that are to be trained; `None` where that is not known yet.
    pub fn steps(&self) -> Option<u64> {
        if let State::Diverged(_) = self.state() {
            return Some(0);
        }
        let from = self.reached.or(self.first)?;
        Some(self.until?.0.saturating_sub(from.0))
    }
}

impl Plan {
    /// A training's node. `Err(None)` where its parent has none.
    pub(super) fn node(
        &self,
        training: &Training,
        place: Place<'_>,
        list: Option<&BranchList>,
    ) -> Result<Node, Option<Refusal>> {
        let node = match &training.what {
            What::Train(train) => {
                let plan = self.inputs.start(train).map_err(Some)?;
                let key = plan.definition.key();
                let found = found(list, place, |list| find::run(list, key, &plan.recording))?;
                Node {
                    parent: None,
                    key: Some(key),
                    work: Some(work_of(key, &plan.recording)),
                    first: Some(Step(0)),
                    until: Some(plan.until),
                    reached: found.as_ref().and_then(|found| found.reached),
                    diverged: found.as_ref().is_some_and(|found| found.diverged),
                    branch: found.map(|found| found.record),
                    clock: Some(plan.clock),
                    shape: Some(Arc::new(Shape {
                        definition: plan.definition,
                        topology: plan.topology,
                        recording: plan.recording,
                        dataset: plan.dataset,
                    })),
                }
            }
            What::Fork { fork, parent } => {
                let edits = self.inputs.edits(fork, place.read).map_err(Some)?;
                let held = self.held(place, *parent, fork.address.position).map_err(|refusal| {
                    let branch = fork.address.branch.as_str();
                    let word = training.words.get(1).filter(|word| word.starts_with(branch));
                    refusal.map(|message| Refusal::new(word.map(String::as_str), message))
                })?;
                let (parent, step) = held;
                let above = &self.nodes[parent];
                let Some(shape) = &above.shape else { return Err(None) };
                let edits = of_dataset(&edits, &shape.dataset).map_err(|error| refused(error, &edits, fork))?;
                let found = match (list, step, &above.branch) {
                    (Some(_), Some(step), Some(branch)) => {
                        found(list, place, |list| find::fork(list, branch, step, &edits))?
                    }
                    _ => None,
                };
                let shape = match &found {
                    Some(found) => of_record(&found.record, shape),
                    None => edited(shape, &edits, fork)?,
                };
                let recording = RecordingSettings {
                    fidelity: fork.fidelity.unwrap_or(shape.recording.fidelity),
                    ..shape.recording
                };
                let shape = Shape { recording, ..shape };
                let clock = above.clock.zip(step).zip(above.shape.as_ref()).map(|((clock, step), above)| {
                    clock.forked_onto(step, &above.definition, &shape.definition, &shape.dataset)
                });
                let until = clock.map(|clock| until(clock, fork).ok_or_else(too_long)).transpose()?;
                Node {
                    parent: Some(parent),
                    key: found.as_ref().map(|found| found.record.key),
                    work: above.work.zip(step).map(|(work, step)| work_of_fork(work, step, &edits, fork.fidelity)),
                    first: clock.map(|clock| clock.first()),
                    until,
                    reached: found.as_ref().and_then(|found| found.reached),
                    diverged: found.as_ref().is_some_and(|found| found.diverged),
                    branch: found.map(|found| found.record),
                    clock,
                    shape: Some(Arc::new(shape)),
                }
            }
        };
        if node.steps().is_some_and(|steps| steps > MOST_STEPS) {
            return Err(too_long());
        }
        Ok(node)
    }
}

/// The digest of a run of its own with this key.
fn work_of(key: Digest, recording: &RecordingSettings) -> Digest {
    Digester::new("revacnn planned run").digest(key).text(&as_text(recording)).finish()
}

/// The digest of a fork: of what its parent trains, of the step and of the edits as they
/// are asked for. Its content key has what they become, such as the coefficients that a
/// search finds, which only the parent's state can tell.
fn work_of_fork(parent: Digest, step: Step, edits: &[Edit], fidelity: Option<Fidelity>) -> Digest {
    let mut digester = Digester::new("revacnn planned fork");
    digester.digest(parent).number(step.0).text(&as_text(&edits)).text(&as_text(&fidelity)).finish()
}

fn as_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("invariant: edits and settings hold only words, numbers and lists of them")
}

fn too_long() -> Option<Refusal> {
    Some(Refusal::new(None, format!("expected at most {MOST_STEPS} steps of one line, found more")))
}

impl Plan {
    /// The step of a place within a training's history, and the training that holds it:
    /// this one, or that it was forked from if the step was before. No step where that is
    /// not known yet; `Err(None)` where a training has no node.
    pub(super) fn held(&self, place: Place<'_>, training: usize, position: Position) -> Result<Held, Option<String>> {
        let node = &self.nodes[training];
        if node.shape.is_none() {
            return Err(None);
        }
        let (Some(clock), Some(until)) = (node.clock, node.until) else { return Ok((training, None)) };
        let step = match (position, place.store, &node.branch) {
            (Position::Step(step), ..) => Some(step),
            (Position::Epoch(epoch), ..) => self.end_of_epoch(training, epoch),
            (Position::Last, ..) => Some(until),
            (Position::Fork, ..) => Some(clock.first()),
            // The best of what the notebook trains, also where the branch is longer.
            (Position::Best, Some(store), Some(branch)) if node.state() == State::There => {
                let best = Lineage::of(store, branch).and_then(|lineage| lineage.best(until));
                best.map_err(|error| Some(error.to_string()))?
            }
            (Position::Best, ..) => return Ok((training, None)),
        };
        match step {
            Some(step) if step > until => {
                Err(Some(format!("expected a step until {until}, where it ends, found {step}")))
            }
            Some(step) => Ok((self.holder(training, step), Some(step))),
            None => Err(Some(format!("its history has no {position}: it ends at step {until}"))),
        }
    }

    /// The training that holds a step of another one's history.
    pub(super) fn holder(&self, training: usize, step: Step) -> usize {
        let mut at = training;
        while let (Some(parent), true) = (self.nodes[at].parent, self.nodes[at].first > Some(step)) {
            at = parent;
        }
        at
    }

    /// The step of a training's history that finished an epoch.
    fn end_of_epoch(&self, training: usize, epoch: Epoch) -> Option<Step> {
        let mut at = Some(training);
        while let Some(node) = at.map(|at| &self.nodes[at]) {
            // What was finished before its first step was so in what it forks.
            if let Some(step) = node.clock?.end_of(epoch.0) {
                return Some(step);
            }
            at = node.parent;
        }
        None
    }
}

/// A training, and its step where that is known.
type Held = (usize, Option<Step>);

/// A branch of the store that is a training.
struct Found {
    record: BranchRecord,
    /// Its last step.
    reached: Option<Step>,
    /// Whether a value was not finite there.
    diverged: bool,
}

/// The longest of the branches that are a training.
fn found(
    list: Option<&BranchList>,
    place: Place<'_>,
    which: impl FnOnce(&BranchList) -> Vec<BranchRecord>,
) -> Result<Option<Found>, Option<Refusal>> {
    let (Some(list), Some(store)) = (list, place.store) else { return Ok(None) };
    let refused = |error: StoreError| Some(Refusal::new(None, error.to_string()));
    let mut longest: Option<Found> = None;
    for record in which(list) {
        let reader = BranchReader::of(store, record.clone()).map_err(refused)?;
        let reached = reader.steps().map(|span| span.last);
        if longest.as_ref().is_none_or(|before| reached > before.reached) {
            let events = reached.map(|last| reader.events(StepSpan::of(last))).transpose().map_err(refused)?;
            let diverged = events.is_some_and(|events| events.iter().any(|event| event.kind == DIVERGED));
            longest = Some(Found { record, reached, diverged });
        }
    }
    Ok(longest)
}

fn of_record(record: &BranchRecord, parent: &Shape) -> Shape {
    Shape {
        definition: record.definition().cloned().unwrap_or_else(|| parent.definition.clone()),
        topology: record.topology.clone(),
        recording: record.recording.clone(),
        dataset: parent.dataset.clone(),
    }
}

/// How far a fork is trained: to its first step at least, and no farther unless that is
/// asked for.
fn until(clock: Clock, fork: &Fork) -> Option<Step> {
    match fork.until.is_asked() {
        true => clock.step_of(fork.until.goal()).map(|step| step.max(clock.first())),
        false => Some(clock.first()),
    }
}

/// Why an edit of a fork is refused, at the edit that is.
fn refused(error: TrainerError, edits: &[Edit], fork: &Fork) -> Option<Refusal> {
    let place = match &error {
        TrainerError::Edit { edit, .. } => edits.iter().position(|known| known.to_string() == *edit),
        _ => None,
    };
    let word = fork.edit.get(place.unwrap_or_default()).map(|word| word.to_string_lossy());
    Some(Refusal::new(word.as_deref(), error.to_string()))
}

/// What edits make of a network, tried on one that is not trained: layers, filters
/// and settings are those that it will have.
fn edited(parent: &Shape, edits: &[Edit], fork: &Fork) -> Result<Shape, Option<Refusal>> {
    if edits.is_empty() {
        return Ok(parent.clone());
    }
    let refused = |error: TrainerError| refused(error, edits, fork);
    let trainer =
        Trainer::of_branch(&parent.definition, &parent.topology, parent.dataset.clone(), 1).map_err(refused)?;
    let edited = trainer.edited(edits).map_err(refused)?;
    Ok(Shape { definition: edited.definition, topology: edited.topology, ..parent.clone() })
}
