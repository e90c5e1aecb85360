//! The one error type of the program.

use std::io;

use revacnn_notebook::NotebookError;
use revacnn_recorder::RecorderError;
use revacnn_schemas::SchemaError;
use revacnn_trainer::TrainerError;
use revacnn_trainer::data::DataError;

/// What ends a command early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument that says nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Training met a value that is not finite.
    #[error("{0}")]
    Diverged(String),
    /// A training process refused what it was asked to do.
    #[error("refused: {0}")]
    Refused(String),
    /// The store.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// A figure.
    #[error(transparent)]
    Figure(#[from] NotebookError),
    /// The window.
    #[cfg(feature = "view")]
    #[error(transparent)]
    View(#[from] revacnn_replay_ui::ViewError),
    /// The engine.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A name, an address or a description.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Failure {
    /// 2 for arguments, 3 for a run that diverged, 1 for all else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Schema(_) => 2,
            Self::Diverged(_) => 3,
            _ => 1,
        }
    }

    /// Whether who reads the output has gone, as `head` does: no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
