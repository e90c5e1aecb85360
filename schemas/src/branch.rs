//! What `branch.json` and `store.json` say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    BranchId, BranchName, Digest, Edit, FieldDifference, ImageIndex, RunDefinition, SchemaError, Step, Topology,
};

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
#[serde(try_from = "BranchFile", into = "BranchFile")]
pub struct BranchRecord {
    /// [`FORMAT_VERSION`](crate::FORMAT_VERSION) of the branch, which it keeps.
    pub format_version: u32,
    /// Its id, which never changes.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// When it was made, in seconds since 1970 (UTC).
    pub created_unix_seconds: u64,
    /// Its content key.
    pub key: Digest,
    /// Where it was forked; `None` for a run of its own.
    pub parent: Option<ParentRecord>,
    /// What the fork changed, in order; empty for a run of its own.
    pub edits: Vec<Edit>,
    /// Who computes it.
    pub producer: Producer,
    /// How it is recorded.
    pub recording: RecordingSettings,
    /// Its layers and filters.
    pub topology: Topology,
}

impl BranchRecord {
    /// Whether the branch's files have checksums: it was made with a format
    /// that has them.
    pub fn has_checksums(&self) -> bool {
        self.format_version >= crate::CHECKSUMS_SINCE
    }

    /// Whether the branch's format has the table `samples`.
    pub fn has_samples(&self) -> bool {
        self.format_version >= crate::SAMPLES_SINCE
    }

    /// The branch's first own step: 0, or the step that it was forked at.
    pub fn first_step(&self) -> Step {
        self.parent.as_ref().map_or(Step(0), |parent| parent.step)
    }

    /// What it trains, of a branch that this program's engine computes.
    pub fn definition(&self) -> Option<&RunDefinition> {
        self.producer.definition()
    }
}

/// Who computes the steps of a branch, and so whether they can be computed again.
#[derive(Debug, Clone, PartialEq)]
pub enum Producer {
    /// This program's engine.
    Engine {
        /// [`ARITHMETIC`](crate::ARITHMETIC) that computed it.
        arithmetic: u32,
        /// What it trains.
        definition: Box<RunDefinition>,
    },
    /// Another program, whose steps are recorded and cannot be computed again.
    Foreign(ForeignProducer),
}

impl Producer {
    /// What a branch trains, where this program's engine computes it.
    pub fn definition(&self) -> Option<&RunDefinition> {
        match self {
            Self::Engine { definition, .. } => Some(definition),
            Self::Foreign(_) => None,
        }
    }

    /// What differs in another's, a line each, such as `seed: 0 → 1`.
    pub fn differences(&self, other: &Self) -> Vec<FieldDifference> {
        match (self.definition(), other.definition()) {
            (Some(ours), Some(theirs)) => ours.differences(theirs),
            _ if self == other => Vec::new(),
            _ => vec![FieldDifference::new("producer", self.to_string(), other.to_string())],
        }
    }

    /// The arithmetic of this program's engine that computed a branch.
    pub fn arithmetic(&self) -> Option<u32> {
        match self {
            Self::Engine { arithmetic, .. } => Some(*arithmetic),
            Self::Foreign(_) => None,
        }
    }
}

impl fmt::Display for Producer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine { arithmetic, .. } => write!(formatter, "this engine, arithmetic {arithmetic}"),
            Self::Foreign(foreign) => foreign.fmt(formatter),
        }
    }
}

/// Another program that records its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignProducer {
    /// Its name, such as `pytorch`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What a person should know of the run: data, optimizer, where it ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

impl fmt::Display for ForeignProducer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// `branch.json` as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BranchFile {
    format_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arithmetic: Option<u32>,
    id: BranchId,
    name: BranchName,
    created_unix_seconds: u64,
    key: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<ParentRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<Edit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<Box<RunDefinition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    producer: Option<ForeignProducer>,
    recording: RecordingSettings,
    topology: Topology,
}

impl TryFrom<BranchFile> for BranchRecord {
    type Error = String;

    fn try_from(file: BranchFile) -> Result<Self, String> {
        let producer = match (file.arithmetic, file.definition, file.producer) {
            (Some(arithmetic), Some(definition), None) => Producer::Engine { arithmetic, definition },
            (None, None, Some(foreign)) => {
                let is_word = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
                if !is_word(&foreign.name) || !is_word(&foreign.version) {
                    return Err(format!(
                        "expected a producer whose name and version can be printed, found {:?} and {:?}",
                        foreign.name, foreign.version
                    ));
                }
                Producer::Foreign(foreign)
            }
            (arithmetic, definition, foreign) => {
                let found =
                    [arithmetic.map(|_| "arithmetic"), definition.map(|_| "definition"), foreign.map(|_| "producer")];
                let found: Vec<&str> = found.into_iter().flatten().collect();
                return Err(format!(
                    "expected arithmetic and definition, of a branch of this program's engine, or producer, of \
                     another one's; found {}",
                    if found.is_empty() { "none of them".to_owned() } else { found.join(" and ") }
                ));
            }
        };
        Ok(Self {
            format_version: file.format_version,
            id: file.id,
            name: file.name,
            created_unix_seconds: file.created_unix_seconds,
            key: file.key,
            parent: file.parent,
            edits: file.edits,
            producer,
            recording: file.recording,
            topology: file.topology,
        })
    }
}

impl From<BranchRecord> for BranchFile {
    fn from(record: BranchRecord) -> Self {
        let (arithmetic, definition, producer) = match record.producer {
            Producer::Engine { arithmetic, definition } => (Some(arithmetic), Some(definition), None),
            Producer::Foreign(foreign) => (None, None, Some(foreign)),
        };
        Self {
            format_version: record.format_version,
            arithmetic,
            id: record.id,
            name: record.name,
            created_unix_seconds: record.created_unix_seconds,
            key: record.key,
            parent: record.parent,
            edits: record.edits,
            definition,
            producer,
            recording: record.recording,
            topology: record.topology,
        }
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
    /// images. The keys of what a notebook plans hold it: another number changes them.
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
