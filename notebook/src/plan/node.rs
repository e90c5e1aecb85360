//! One training, and how much of it a store has.

use std::sync::Arc;

use revacnn_schemas::{BranchRecord, Change, Digest, Edit, RecordingSettings, RunDefinition, Setting, Step, Topology};
use revacnn_store::{BranchList, BranchReader, Lineage};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Dataset;

use super::clock::Clock;
use super::{Place, Plan, Refusal, find};
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
}

/// One training.
#[derive(Debug)]
pub struct Node {
    /// The place of what it forks.
    pub parent: Option<usize>,
    /// The branch of the store that is this training, where there is one.
    pub branch: Option<BranchRecord>,
    /// Its content key, where it is known before it is trained.
    pub key: Option<Digest>,
    /// Its first step; `None` where only what its parent records can tell.
    pub first: Option<Step>,
    /// The step that it is trained until; `None` as before.
    pub until: Option<Step>,
    /// The last step that there is.
    pub reached: Option<Step>,
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
    /// One that something is wrong with.
    pub(super) fn unplanned() -> Self {
        Self {
            parent: None,
            branch: None,
            key: None,
            first: None,
            until: None,
            reached: None,
            shape: None,
            clock: None,
        }
    }

    /// How much of it there is.
    pub fn state(&self) -> State {
        match (self.reached, self.until) {
            (Some(reached), Some(until)) if reached >= until => State::There,
            (Some(reached), _) => State::Begun(reached),
            (None, _) => State::New,
        }
    }

    /// Steps that are to be trained; `None` where that is not known yet.
    pub fn steps(&self) -> Option<u64> {
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
                let clock = Clock::of_run(plan.dataset.train_indices().len() as u64, plan.definition.batch_size);
                let key = plan.definition.key();
                let found = found(list, place, |list| find::run(list, key))?;
                Node {
                    parent: None,
                    key: Some(key),
                    first: Some(Step(0)),
                    until: Some(plan.until),
                    reached: found.as_ref().and_then(|(_, reached)| *reached),
                    branch: found.map(|(record, _)| record),
                    clock: Some(clock),
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
                let above = &self.nodes[*parent];
                let (Some(shape), address) = (&above.shape, &fork.address) else { return Err(None) };
                let step = above.place(place, address.position).map_err(|message| {
                    let word = training.words.get(1).filter(|word| word.starts_with(address.branch.as_str()));
                    Some(Refusal::new(word.map(String::as_str), message))
                })?;
                let found = match (list, step, &above.branch) {
                    (Some(_), Some(step), Some(branch)) => {
                        found(list, place, |list| find::fork(list, branch, step, &edits))?
                    }
                    _ => None,
                };
                let shape = match &found {
                    Some((record, _)) => of_record(record, shape),
                    None => edited(shape, &edits, training)?,
                };
                let recording = RecordingSettings {
                    fidelity: fork.fidelity.unwrap_or(shape.recording.fidelity),
                    ..shape.recording
                };
                let shape = Shape { recording, ..shape };
                let clock = above.clock.zip(step).map(|(clock, step)| clock.forked(step, shape.definition.batch_size));
                let until = match clock {
                    Some(clock) => Some(clock.until(&fork.until).ok_or_else(too_long)?),
                    None => None,
                };
                Node {
                    parent: Some(*parent),
                    key: found.as_ref().map(|(record, _)| record.key),
                    first: clock.map(|clock| clock.first()),
                    until,
                    reached: found.as_ref().and_then(|(_, reached)| *reached),
                    branch: found.map(|(record, _)| record),
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

fn too_long() -> Option<Refusal> {
    Some(Refusal::new(None, format!("expected at most {MOST_STEPS} steps of one line, found more")))
}

impl Node {
    /// The step of a place within it; `None` where that is not known yet.
    pub(super) fn place(&self, place: Place<'_>, position: revacnn_schemas::Position) -> Result<Option<Step>, String> {
        let (Some(clock), Some(until)) = (self.clock, self.until) else { return Ok(None) };
        if let Some(step) = clock.place(position, until) {
            if step < clock.first() || step > until {
                return Err(format!("expected a step from {} to {until}, where it ends, found {step}", clock.first()));
            }
            return Ok(Some(step));
        }
        if position != revacnn_schemas::Position::Best {
            return Err(format!("it has no {position}: it goes from step {} to {until}", clock.first()));
        }
        // The best of what the notebook trains, also where the branch is longer.
        let (Some(store), Some(branch), State::There) = (place.store, &self.branch, self.state()) else {
            return Ok(None);
        };
        let says = |error: revacnn_store::StoreError| error.to_string();
        let validations = Lineage::of(store, branch).and_then(|lineage| lineage.validations()).map_err(says)?;
        let own = validations.into_iter().filter(|(step, _)| (clock.first()..=until).contains(step));
        let best = own
            .filter(|(_, result)| result.loss.is_finite())
            .min_by(|(_, one), (_, other)| one.loss.total_cmp(&other.loss));
        best.map(|(step, _)| Some(step)).ok_or_else(|| "no validation with a finite loss is recorded".to_owned())
    }
}

type Found = Option<(BranchRecord, Option<Step>)>;

/// The longest of the branches that are a training, and its last step.
fn found(
    list: Option<&BranchList>,
    place: Place<'_>,
    which: impl FnOnce(&BranchList) -> Vec<BranchRecord>,
) -> Result<Found, Option<Refusal>> {
    let (Some(list), Some(store)) = (list, place.store) else { return Ok(None) };
    let mut longest: Found = None;
    for record in which(list) {
        let reader = BranchReader::of(store, record.clone());
        let reached =
            reader.map_err(|error| Some(Refusal::new(None, error.to_string())))?.steps().map(|span| span.last);
        if longest.as_ref().is_none_or(|(_, before)| reached > *before) {
            longest = Some((record, reached));
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

/// What edits make of a network, tried on one that is not trained: layers, filters
/// and settings are those that it will have.
fn edited(parent: &Shape, edits: &[Edit], training: &Training) -> Result<Shape, Option<Refusal>> {
    let plain = |edit: &Edit| matches!(edit.change, Change::Set(Setting::HyperParameter { .. } | Setting::Schedule(_)));
    if edits.iter().all(plain) && edits.is_empty() {
        return Ok(parent.clone());
    }
    let refused = |error: revacnn_trainer::TrainerError| {
        let word = training.words.iter().skip_while(|word| *word != "--edit").nth(1);
        Some(Refusal::new(word.map(String::as_str), error.to_string()))
    };
    let trainer =
        Trainer::of_branch(&parent.definition, &parent.topology, parent.dataset.clone(), 1).map_err(refused)?;
    let edited = trainer.edited(edits).map_err(refused)?;
    Ok(Shape { definition: edited.definition, topology: edited.topology, ..parent.clone() })
}
