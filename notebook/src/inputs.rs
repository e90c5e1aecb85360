//! What all cells of a graph look at.

use revacnn_schemas::{BranchName, ImageIndex, Step};

/// What cells without addresses of their own look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The branches that are shown, the selected one first.
    pub branches: Vec<BranchName>,
    /// The step that is looked at; of a branch that has no such step, its
    /// first or last one is.
    pub cursor: Step,
    /// The training image; the first probe image where `None`.
    pub image: Option<ImageIndex>,
}
