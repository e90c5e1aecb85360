//! Questions that are answered with a line of text, or with a press.

use std::path::PathBuf;

use revacnn_schemas::{BranchName, Step};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// An address to go to.
    GoTo,
    /// The name of a fork.
    Fork,
    /// Edits.
    Edit,
    /// Another name for the selected branch.
    Rename,
    /// The image that maps are of.
    Image,
    /// How many steps to train on.
    TrainOn,
    /// The branch to hide, or to show again.
    Hide,
    /// Whether the training of a branch in another process is to be stopped.
    Stop(BranchName),
    /// Whether a fork that has steps of its own by now is to be deleted, and
    /// its parent looked at again.
    Unfork { name: BranchName, parent: BranchName, step: Step },
    /// The file of a notebook that has none; the first one that is free.
    NameNotebook(PathBuf),
    /// Whether a file that is there is replaced by the notebook.
    ReplaceByNotebook(PathBuf),
}

impl Question {
    /// Whether it is about the selected branch, or where one looks at it.
    pub(crate) fn is_of_a_branch(&self) -> bool {
        !matches!(self, Question::NameNotebook(_) | Question::ReplaceByNotebook(_))
    }

    /// Its heading.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Question::GoTo => "Go to",
            Question::Fork => "Fork here",
            Question::Edit => "Fork here with edits",
            Question::Rename => "Rename",
            Question::Image => "Image",
            Question::TrainOn => "Continue training",
            Question::Hide => "Hide, or show again",
            Question::Stop(_) => "Stop",
            Question::Unfork { .. } => "Undo the fork",
            Question::NameNotebook(_) => "Save the notebook",
            Question::ReplaceByNotebook(_) => "Replace",
        }
    }

    /// What the button says that answers it.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Question::GoTo => "go",
            Question::Fork | Question::Edit => "fork",
            Question::Rename => "rename",
            Question::Image => "show",
            Question::TrainOn => "train",
            Question::Hide => "hide or show",
            Question::NameNotebook(_) => "save",
            Question::Stop(_) => "stop it",
            Question::Unfork { .. } => "delete it",
            Question::ReplaceByNotebook(_) => "replace it",
        }
    }

    /// What may be typed.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Question::Stop(_) | Question::Unfork { .. } | Question::ReplaceByNotebook(_) => "",
            Question::NameNotebook(_) => "a file that ends in .md",
            Question::GoTo => "main@1350, 1350, epoch:2, best, fork, last",
            Question::Fork => "a name for the new branch; empty for the next free one",
            Question::Edit => "add-filter conv3; set learning-rate 0.05; freeze conv1",
            Question::Rename => "the branch's new name",
            Question::Image => {
                "number of a training image, or a picture's file, as ./7.png; empty for the first probe image"
            }
            Question::TrainOn => "how many more steps",
            Question::Hide => "the name of a branch",
        }
    }
}
