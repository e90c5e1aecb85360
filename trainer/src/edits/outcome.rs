//! What comes of edits: of all of a fork's, and of each.

use revacnn_schemas::{Change, ClassOutputs, Edit, RunDefinition, Topology, TrainingState};

use crate::TrainerError;

/// What a fork with edits trains.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The edits as they are to be recorded, with every seed, each default
    /// that has ever changed and every coefficient that was searched for filled
    /// in: applied again at the same step they give the same bits, also by a
    /// later program.
    pub edits: Vec<Edit>,
    /// What the branch trains.
    pub definition: RunDefinition,
    /// Its layers and filters. New filters are born nowhere yet: the store
    /// fills the branch in. Others keep where they were born.
    pub topology: Topology,
    /// Its whole state, at the step of the fork.
    pub state: TrainingState,
    /// What each edit did, in order.
    pub effects: Vec<Effect>,
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// In words and numbers: `conv3 gains filter 20; softmax reads 16 more
    /// inputs`.
    pub summary: String,
    /// For an edit that is meant to leave the network's outputs as they were:
    /// how far it does. Inserting a normalisation reports it as well.
    pub preserves: Option<Preservation>,
}

/// How far a network's outputs moved.
///
/// # Units
/// The largest change of a class probability, from 0 to 1, or of a class score
/// or value; an output that became not a number, or was one, counts as 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preservation {
    /// Over the first 64 validation images (all, if there are fewer), in
    /// evaluation mode.
    pub evaluation: f32,
    /// Over the next batch with the batch's own statistics and dropout off,
    /// where the network normalises by batch, before the edit or after it.
    pub training: Option<f32>,
    /// What the outputs are.
    pub outputs: ClassOutputs,
}

/// Where edits come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A person: what they leave open is drawn or searched for.
    Asked,
    /// A fork that exists: what they leave open is done as it was then.
    Recorded,
}

/// Why an edit is not made.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What was expected and what was found.
    Reason(String),
    /// A layer or an optimizer cannot be built.
    Error(TrainerError),
}

impl From<TrainerError> for Refusal {
    fn from(error: TrainerError) -> Self {
        Self::Error(error)
    }
}

/// An edit that was made.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) summary: String,
    /// Whether to measure how far the outputs moved.
    pub(super) measured: bool,
    /// What a fork keeps of the change, where it is not the change itself.
    pub(super) recorded: Option<Change>,
}

impl Done {
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), measured: false, recorded: None }
    }

    pub(super) fn measured(self, measured: bool) -> Self {
        Self { measured, ..self }
    }
}
