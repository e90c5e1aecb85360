//! Why a cell has no figure.

use std::path::PathBuf;

use revacnn_analysis::AnalysisError;
use revacnn_recorder::RecorderError;
use revacnn_schemas::{BranchName, counted};
use revacnn_store::StoreError;
use revacnn_trainer::TrainerError;
use revacnn_trainer::data::DataError;
use thiserror::Error;

use crate::ChosenImage;

/// Why a cell has no figure, or a figure no picture.
#[derive(Debug, Error)]
pub enum NotebookError {
    /// The store.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The engine.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The arrays do not fit what is asked of them.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A cell that asks for something that is not there.
    #[error("{what}: {known}")]
    Unknown {
        /// What was asked for.
        what: String,
        /// What there is.
        known: String,
    },
    /// A cell that asks for what no store can have.
    #[error("{what}: {known}")]
    Misasked {
        /// What was asked for.
        what: String,
        /// What can be.
        known: String,
    },
    /// An image whose maps are not recorded and cannot be computed.
    #[error("{address} has no maps of {image}, and they cannot be computed: {reason}")]
    NotSeen {
        /// The step.
        address: String,
        /// The image.
        image: ChosenImage,
        /// Why.
        reason: String,
    },
    /// A training that is no longer what was planned.
    #[error("{reason}: the store or the files changed since the notebook was planned")]
    Unplanned {
        /// What is otherwise.
        reason: String,
    },
    /// A branch that a notebook trains, and has not yet.
    #[error("`{branch}` is not trained yet")]
    Untrained {
        /// Its name in the notebook.
        branch: BranchName,
    },
    /// What must be computed from a data set that is not at hand.
    #[error("{needed}; the data set is not at hand: {reason}")]
    DataLacking {
        /// What is needed.
        needed: String,
        /// What loading said.
        reason: String,
    },
    /// A cell that names no branch, where no branch is shown either.
    #[error("this cell needs {}, found {found}: name an address such as main@100, or show a branch", counted(*needed as u64, "branch"))]
    TooFewBranches {
        /// How many.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A cell that reads another cell, which has no figure.
    #[error("the cell `{cell}` has no figure: evaluate it first, or mend its error")]
    NoFigure {
        /// The cell that is read.
        cell: String,
    },
    /// A figure that nobody waits for any more.
    #[error("the figure is not wanted any more")]
    Cancelled,
    /// A picture that cannot be drawn or written.
    #[error("cannot draw {}: {reason}", path.display())]
    Draw {
        /// The picture's file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What there is, as a message lists it: once each, in their order.
pub(crate) fn once_each(all: impl IntoIterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen.join(", ")
}

impl From<StoreError> for NotebookError {
    fn from(error: StoreError) -> Self {
        Self::Recorder(error.into())
    }
}
