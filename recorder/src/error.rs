//! The one error type of this crate. It carries facts; which option or button
//! helps is said by who talks to people.

use revacnn_schemas::{Advice, BranchName, Digest, ImageIndex, Step};
use revacnn_store::StoreError;
use revacnn_trainer::TrainerError;

use crate::divergence::Diverged;

/// What can go wrong with an experiment. Every variant says what was expected,
/// what was found, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is asked for must be computed, and another program's engine
    /// computed the branch.
    #[error(
        "branch `{branch}` was recorded by {producer}: this program cannot compute its steps again, and so cannot \
         {verb}. What is recorded can be shown, compared, drawn and queried"
    )]
    Foreign {
        /// The branch.
        branch: BranchName,
        /// The program that recorded it, with its version.
        producer: String,
        /// What was to be done, such as "fork it".
        verb: &'static str,
    },
    /// A branch of this name trains something else.
    #[error(
        "branch `{branch}` exists and is another run; what was recorded → what was asked for:\
         {differences}\nAsk for the same to go on, or choose another name"
    )]
    OtherDefinition {
        /// The branch.
        branch: BranchName,
        /// A line a difference.
        differences: String,
    },
    /// Another version of the engine computed the branch.
    #[error(
        "branch `{branch}` was computed with arithmetic {found}; this program computes with \
         arithmetic {expected}, which gives other bits. What was recorded stays readable; to go \
         on or recompute, use the program that wrote it"
    )]
    OtherArithmetic {
        /// The branch.
        branch: BranchName,
        /// This program's arithmetic.
        expected: u32,
        /// The branch's.
        found: u32,
    },
    /// What a branch's description says is none of a run.
    #[error(
        "branch `{branch}` cannot be computed: its branch.json was changed, for no run is recorded with this: {error}"
    )]
    Described {
        /// The branch.
        branch: BranchName,
        /// What is wrong with it.
        error: Box<TrainerError>,
    },
    /// Training cannot go on from a value that is not finite.
    #[error(
        "branch {branch} has diverged: at step {} a value is not finite, and training cannot go on from it",
        diverged.step
    )]
    Diverged {
        /// The branch.
        branch: BranchName,
        /// Where, and what is worth a try.
        diverged: Diverged,
    },
    /// A goal that is too far away to be counted.
    #[error("that is more steps than can be counted")]
    TooManySteps,
    /// What was computed again is not what was recorded.
    #[error(
        "replaying branch `{branch}`, step {step} has digest {found:.12}, but {expected:.12} was \
         recorded in the table steps, column {column}: the log or the keyframe before it was changed, or this \
         machine computes wrongly. Nothing was written"
    )]
    ReplayDiffers {
        /// The branch.
        branch: BranchName,
        /// The first step that differs.
        step: Step,
        /// The digest's column in the table `steps`.
        column: &'static str,
        /// The recorded digest.
        expected: Digest,
        /// The digest of the replay.
        found: Digest,
    },
    /// What is asked for must be computed, and the data are not at hand.
    #[error(
        "branch `{branch}` must be computed again for this, from data set {dataset} with digest \
         {digest:.12}: name the folder that holds it"
    )]
    DataNeeded {
        /// The branch.
        branch: BranchName,
        /// The data set's name.
        dataset: String,
        /// Its digest.
        digest: Digest,
    },
    /// The disk is so full that compacting cannot begin.
    #[error(
        "the disk is full: compacting branch `{branch}` frees space, but first writes its branch.json anew, which takes \
         {bytes} bytes beside the old one: {source}. No tensor was removed; free as much, and compact it again"
    )]
    NoRoomForNote {
        /// The branch.
        branch: BranchName,
        /// Bytes that the note takes.
        bytes: u64,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A probe image is not in the data set.
    #[error("there is no training image {image} to probe: the data set has {images}, numbered from 0")]
    NoSuchProbe {
        /// The image that was asked for.
        image: ImageIndex,
        /// How many there are.
        images: u32,
    },
    /// The engine.
    #[error(transparent)]
    Trainer(TrainerError),
}

impl RecorderError {
    /// What a person may do about it: whoever talks to people words it.
    pub fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Store(error) => error.advice(),
            Self::NoRoomForNote { branch, .. } => {
                vec![Advice::Free { unasked: false }, Advice::Compact { branch: branch.clone() }]
            }
            Self::Trainer(TrainerError::Data(error)) => error.advice(),
            _ => Vec::new(),
        }
    }

    /// Whether what was asked of the engine is wrong as it was written: what a branch
    /// does not have, or an edit of it does not change, is not.
    pub fn is_miswritten(&self) -> bool {
        matches!(
            self,
            Self::Trainer(
                TrainerError::Schema(_)
                    | TrainerError::UnknownKind { .. }
                    | TrainerError::OutOfRange { .. }
                    | TrainerError::Layer { .. }
                    | TrainerError::Network { .. }
            )
        )
    }

    /// Whether a request was refused for what it says, before anything was
    /// changed.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Store(StoreError::NameTaken { .. } | StoreError::Unrecordable { .. }) => true,
            Self::Trainer(error) => !matches!(
                error,
                TrainerError::Data(_) | TrainerError::StateMismatch { .. } | TrainerError::Threads { .. }
            ),
            _ => false,
        }
    }
}

impl From<TrainerError> for RecorderError {
    /// An error that the engine only passed on, from a recorder that watched
    /// it, is that error again.
    fn from(error: TrainerError) -> Self {
        match error {
            TrainerError::Observer(inner) => match inner.downcast::<StoreError>() {
                Ok(inner) => Self::Store(*inner),
                Err(inner) => Self::Trainer(TrainerError::Observer(inner)),
            },
            error => Self::Trainer(error),
        }
    }
}
