//! The one error type of the program.

use std::io;

#[cfg(feature = "fetch")]
use revacnn_fetch::FetchError;
use revacnn_notebook::NotebookError;
use revacnn_notebook::command::CommandError;
use revacnn_recorder::RecorderError;
#[cfg(feature = "view")]
use revacnn_replay_ui::ViewError;
use revacnn_schemas::{Advice, SchemaError};
use revacnn_store::StoreError;
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
    /// A failure with more advice than it carries itself.
    #[error("{failure}")]
    Advised {
        /// The failure.
        failure: Box<Failure>,
        /// What else to try.
        advice: Vec<Advice>,
    },
    /// Training met a value that is not finite.
    #[error("{0}")]
    Diverged(String),
    /// A notebook was trained to other bits than before.
    #[error("{0}")]
    OtherBits(String),
    /// A training process refused what it was asked to do.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// Whether that is how the request was written.
        miswritten: bool,
    },
    /// The store.
    #[error("{failure}{option}", failure = .0, option = option_for(.0))]
    Recorder(#[from] RecorderError),
    /// A figure.
    #[error("{failure}{option}", failure = .0, option = option_for_figure(.0))]
    Figure(#[from] NotebookError),
    /// The window.
    #[cfg(feature = "view")]
    #[error(transparent)]
    View(#[from] ViewError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Fetching data sets.
    #[cfg(feature = "fetch")]
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A name, an address or a description.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Value(words) => Self::Usage(words),
            CommandError::Schema(error) => error.into(),
            CommandError::Engine(error) => error.into(),
            CommandError::Store(error) => error.into(),
        }
    }
}

impl Failure {
    /// 2 for what is wrong as it was written, whatever the store holds: words,
    /// numbers and ranges of arguments, edits and descriptions. 3 for a run that
    /// diverged, 1 for all else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Advised { failure, .. } => failure.exit_code(),
            Self::Usage(_)
            | Self::Schema(_)
            | Self::Refused { miswritten: true, .. }
            | Self::Recorder(RecorderError::TooManySteps) => 2,
            Self::Figure(NotebookError::Misasked { .. }) => 2,
            #[cfg(feature = "fetch")]
            Self::Fetch(FetchError::Address { .. }) => 2,
            Self::Recorder(error) if error.is_miswritten() => 2,
            Self::Diverged(_) | Self::Recorder(RecorderError::Diverged { .. }) => 3,
            _ => 1,
        }
    }

    /// Whether it is told in lines of its own: a list of differences, or a place in
    /// a person's own file. A new line in any other is a stranger's.
    pub(crate) fn has_lines(&self) -> bool {
        match self {
            Self::Advised { failure, .. } => failure.has_lines(),
            Self::Recorder(RecorderError::OtherDefinition { .. }) => true,
            #[cfg(feature = "sql")]
            Self::Recorder(RecorderError::Store(StoreError::Query { .. })) => true,
            Self::Schema(SchemaError::Unreadable { .. })
            | Self::Recorder(RecorderError::Trainer(TrainerError::Schema(SchemaError::Unreadable { .. }))) => true,
            _ => false,
        }
    }

    /// What to try, in the order of its use.
    pub(crate) fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Recorder(error) | Self::Figure(NotebookError::Recorder(error)) => error.advice(),
            #[cfg(feature = "view")]
            Self::View(ViewError::Notebook(NotebookError::Recorder(error))) => error.advice(),
            Self::Advised { failure, advice } => [failure.advice(), advice.clone()].concat(),
            Self::Data(error) => error.advice(),
            _ => Vec::new(),
        }
    }

    /// The failure, with advice that it does not carry itself.
    pub(crate) fn advised(self, advice: Vec<Advice>) -> Self {
        Self::Advised { failure: Box::new(self), advice }
    }

    /// Whether who reads the output has gone, as `head` does: no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<TrainerError> for Failure {
    fn from(error: TrainerError) -> Self {
        Self::Recorder(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Recorder(error.into())
    }
}

/// The option with which what an error asks for is said here: the library does
/// not know that there is a command line.
fn option_for(error: &RecorderError) -> &'static str {
    match error {
        RecorderError::Store(StoreError::DiskFull { .. }) => " (--disk-budget SIZE)",
        RecorderError::Store(StoreError::TargetUnreadable { .. }) => " (--steps N or --epochs N)",
        RecorderError::OtherDefinition { .. } => " (--branch NAME)",
        RecorderError::DataNeeded { .. } => " (--data DIR)",
        _ => "",
    }
}

fn option_for_figure(error: &NotebookError) -> &'static str {
    match error {
        NotebookError::Recorder(error) => option_for(error),
        _ => "",
    }
}
