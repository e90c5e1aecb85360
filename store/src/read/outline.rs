//! What a listing says of a branch's description.

use revacnn_schemas::{
    AugmentationSpec, BranchId, BranchName, BranchRecord, DatasetIdentity, Edit, Fidelity, OptimizerSpec, Parameters,
    ParentRecord, RunDefinition, ScheduleSpec,
};
use serde::{Deserialize, Serialize};

use crate::list::Listed;

/// A branch's description without what grows with its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outline {
    /// The format that it was made with.
    pub format_version: u32,
    /// Its id.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// When it was made, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
    /// Where it was forked; `None` for a run of its own.
    pub parent: Option<ParentRecord>,
    /// What the fork changed, a text an edit.
    pub edits: Vec<String>,
    /// The same without the edits' seeds.
    pub changes: Vec<String>,
    /// Who computes it.
    pub producer: String,
    /// What it trains, where this program's engine computes it.
    pub run: Option<RunOutline>,
    /// What is written each step.
    pub fidelity: Fidelity,
    /// How many parameters its network has.
    pub parameters: u64,
}

/// What a branch trains, without the network's layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOutline {
    /// The network's name; empty where it has none.
    pub network: String,
    /// The data set.
    pub dataset: DatasetIdentity,
    /// The optimizer's kind.
    pub optimizer: String,
    /// The optimizer's hyper-parameters by name.
    pub hyper_parameters: Parameters,
    /// How the learning rate changes; constant if `None`.
    pub schedule: Option<ScheduleSpec>,
    /// Images of a full batch.
    pub batch_size: u32,
    /// How training images are varied.
    pub augmentation: AugmentationSpec,
    /// The seed of all randomness.
    pub seed: u64,
}

impl Outline {
    /// The outline of a branch.
    pub(crate) fn of(record: &BranchRecord) -> Self {
        let seedless = |edit: &Edit| Edit { seed: None, ..edit.clone() }.to_string();
        Self {
            format_version: record.format_version,
            id: record.id.clone(),
            name: record.name.clone(),
            created_unix_seconds: record.created_unix_seconds,
            parent: record.parent.clone(),
            edits: record.edits.iter().map(ToString::to_string).collect(),
            changes: record.edits.iter().map(seedless).collect(),
            producer: record.producer.to_string(),
            run: record.definition().map(RunOutline::of),
            fidelity: record.recording.fidelity,
            parameters: record.topology.parameters() as u64,
        }
    }

    /// Whether the branch's files have checksums.
    pub fn has_checksums(&self) -> bool {
        self.format_version >= revacnn_schemas::CHECKSUMS_SINCE
    }
}

impl RunOutline {
    fn of(definition: &RunDefinition) -> Self {
        Self {
            network: definition.network.name.clone(),
            dataset: definition.dataset.clone(),
            optimizer: definition.optimizer.kind.clone(),
            hyper_parameters: definition.optimizer.parameters.clone(),
            schedule: definition.schedule.clone(),
            batch_size: definition.batch_size,
            augmentation: definition.augmentation,
            seed: definition.seed,
        }
    }

    /// The optimizer with its hyper-parameters.
    pub fn optimizer(&self) -> OptimizerSpec {
        OptimizerSpec { kind: self.optimizer.clone(), parameters: self.hyper_parameters.clone() }
    }
}

impl Listed for Outline {
    fn id(&self) -> &BranchId {
        &self.id
    }

    fn name(&self) -> &BranchName {
        &self.name
    }

    fn parent(&self) -> Option<&ParentRecord> {
        self.parent.as_ref()
    }

    fn created_unix_seconds(&self) -> u64 {
        self.created_unix_seconds
    }
}
