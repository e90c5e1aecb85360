//! What `branch.json` and `store.json` say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BranchId, BranchName, Digest, Edit, ImageIndex, RunDefinition, SchemaError, Step, Topology};

/// `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreRecord {
    /// [`FORMAT_VERSION`](crate::FORMAT_VERSION) of the store.
    pub format_version: u32,
    /// When it was made, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
}

/// `branch.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchRecord {
    /// [`FORMAT_VERSION`](crate::FORMAT_VERSION) of the branch.
    pub format_version: u32,
    /// [`ARITHMETIC`](crate::ARITHMETIC) that computed it.
    pub arithmetic: u32,
    /// Its id, which never changes.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// When it was made, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
    /// Its content key.
    pub key: Digest,
    /// Where it was forked; `None` for a run of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentRecord>,
    /// What the fork changed, in order; empty for a run of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// What it trains.
    pub definition: RunDefinition,
    /// How it is recorded.
    pub recording: RecordingSettings,
    /// Its layers and filters.
    pub topology: Topology,
}

impl BranchRecord {
    /// The branch's first own step: 0, or the step that it was forked at.
    pub fn first_step(&self) -> Step {
        self.parent.as_ref().map_or(Step(0), |parent| parent.step)
    }
}

/// The parent of a branch and the step that it was forked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentRecord {
    /// The parent.
    pub branch: BranchId,
    /// The fork step.
    pub step: Step,
}

/// How a branch is recorded; no part of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingSettings {
    /// What is written each step.
    pub fidelity: Fidelity,
    /// Steps from one keyframe to the next.
    pub keyframe_interval: u64,
    /// Images whose maps are written each step.
    pub probes: Vec<ImageIndex>,
    /// Steps from one full validation to the next, besides those at step 0,
    /// fork steps and the ends of epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<u64>,
}

impl RecordingSettings {
    /// Steps from one keyframe to the next where nobody says: those of 400
    /// images.
    pub fn default_keyframe_interval(batch_size: u32) -> u64 {
        (400 / u64::from(batch_size.max(1))).max(1)
    }
}

/// What is written each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fidelity {
    /// Every step's tensors.
    Every,
    /// Every step's scalars; tensors are recomputed from keyframes.
    Keyframes,
}

impl fmt::Display for Fidelity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Every => "every",
            Self::Keyframes => "keyframes",
        })
    }
}

impl FromStr for Fidelity {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        match text {
            "every" => Ok(Self::Every),
            "keyframes" => Ok(Self::Keyframes),
            _ => Err(SchemaError::Malformed {
                what: "fidelity",
                expected: "`every` or `keyframes`",
                found: text.to_owned(),
            }),
        }
    }
}
