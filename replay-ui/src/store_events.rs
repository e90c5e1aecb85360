//! What the workers tell the window.

use std::path::PathBuf;
use std::sync::Arc;

use revacnn_notebook::BranchSummary;
use revacnn_schemas::{BranchName, Position, Step};
use revacnn_store::StepRow;

use crate::cells::{Prepared, ViewId};

/// What workers tell the window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StoreEvent {
    /// The store cannot be read, and why.
    Unreadable(String),
    /// What there is.
    Listed(Listed),
    /// Figures, and the row of `steps` at the cursor if it was read.
    Figures { generation: u64, step: Step, figures: Vec<(ViewId, Arc<Prepared>)>, row: Option<Box<StepRow>> },
    /// Where an address leads.
    Resolved { branch: BranchName, step: Step },
    /// The change that was asked for is made.
    Done(Done),
    /// It is not, and why.
    Refused(String),
    /// It is not: there is such a file already.
    Exists(PathBuf),
    /// Something that no change was asked for.
    Noticed(Notice),
}

/// What there is in the store.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Listed {
    /// The branches.
    pub(crate) branches: Vec<BranchSummary>,
    /// What is wrong with branches that cannot be listed.
    pub(crate) problems: Vec<String>,
    /// Steps a second of branches that grow.
    pub(crate) rates: Vec<(BranchName, f64)>,
    /// The branches that this process trains.
    pub(crate) ours: Vec<BranchName>,
}

/// What of a branch is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// What it has at the cursor.
    Here,
    /// A step; its last one is followed while it grows.
    At(Position),
}

/// What a worker did.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Done {
    /// What, in a line.
    pub(crate) text: String,
    /// What to look at from now on.
    pub(crate) select: Option<(BranchName, Goal)>,
    /// What takes it back.
    pub(crate) undo: Option<Undo>,
    /// Whether a training waits from now on.
    pub(crate) paused: Option<(BranchName, bool)>,
}

/// What takes something back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Undo {
    /// Looking at the branch from before.
    Select(BranchName),
    /// Deleting a fork that was made, and looking at where it was forked.
    Fork { name: BranchName, parent: BranchName, step: Step },
    /// Giving a branch the name back that it had.
    Rename { from: BranchName, to: BranchName },
    /// Taking a branch out of the trash.
    TakeBack(BranchName),
}

/// A line at the window's foot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notice {
    /// What was done, and what takes it back.
    Done { text: String, undo: Option<Undo> },
    /// What was refused.
    Refused(String),
}
