//! What the workers tell the window.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use iced::widget::image::Handle;
use revacnn_notebook::BranchSummary;
use revacnn_notebook::document::Problem;
use revacnn_notebook::session::Deed;
use revacnn_schemas::{BranchName, Position, Step};
use revacnn_store::{StepRow, StepSpan};
use revacnn_trainer::data::OwnPicture;

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
    /// A picture that was read, or why it is none.
    Pictured(Result<OwnPicture, String>),
    /// The change that was asked for is made.
    Done(Done),
    /// It is not, and why.
    Refused(String),
    /// It is not: there is such a file already.
    Exists(PathBuf),
    /// Something that no change was asked for.
    Noticed(Notice),
    /// Something of the notebook.
    Notebook(NotebookEvent),
}

/// What the workers tell of the notebook.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NotebookEvent {
    /// The text of a notebook that has no file: the store's history.
    History(String),
    /// What of a text is there, and what is wrong with it.
    Planned(Arc<Planned>),
    /// The figure of a view.
    Figure { version: u64, view: usize, shown: Arc<ShownView> },
    /// A training of the notebook begins at a step, and goes on until another one.
    Began { training: BranchName, at: Step, until: Step },
    /// It is at a step, whose batch had a mean loss.
    Stepped { training: BranchName, at: Step, loss: f32 },
    /// It ended, and how it did where that is to be told.
    Ended { training: BranchName, words: Option<String> },
    /// All ended.
    Ran(String),
    /// Some time has passed.
    Tick,
}

/// What of a notebook is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Planned {
    /// Of which text.
    pub(crate) version: u64,
    /// How much of each training there is.
    pub(crate) trainings: Vec<Standing>,
    /// All that is wrong.
    pub(crate) problems: Vec<Problem>,
    /// Whether something of that is in the way of training.
    pub(crate) is_blocked: bool,
    /// The steps of each branch that is there, by the notebook's names.
    pub(crate) spans: BTreeMap<BranchName, StepSpan>,
    /// Where cursors stand at first.
    pub(crate) cursors: BTreeMap<String, Step>,
    /// Trainings that are left, and their steps.
    pub(crate) left: (usize, u64),
}

/// How much of a training there is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// Its name in the notebook.
    pub(crate) name: BranchName,
    /// Its branch in the store.
    pub(crate) branch: Option<BranchName>,
    /// Where it stands, and until where it is to be trained; `None` where that is not known
    /// yet.
    pub(crate) at: Option<Step>,
    pub(crate) until: Option<Step>,
    /// Whether nothing is left to train.
    pub(crate) there: bool,
}

/// A view of a notebook as the window shows it.
#[derive(Debug, Clone)]
pub(crate) struct ShownView {
    /// What stands above it.
    pub(crate) title: String,
    /// What it lacks.
    pub(crate) notes: Vec<String>,
    /// Whether it is for dark paper.
    pub(crate) dark: bool,
    /// Its picture, and its size in logical pixels; or why there is none.
    pub(crate) picture: Result<(Handle, [f32; 2]), String>,
}

impl Default for ShownView {
    fn default() -> Self {
        Self { title: String::new(), notes: Vec::new(), dark: false, picture: Err(String::new()) }
    }
}

impl PartialEq for ShownView {
    /// Each picture is made once.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
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
    /// What the notebook says of it.
    pub(crate) deed: Option<Deed>,
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
