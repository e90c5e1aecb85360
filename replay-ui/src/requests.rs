//! What the window asks of others: of its workers, and of the system.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use revacnn_notebook::{Cell, ChosenImage, Inputs};
use revacnn_schemas::{Address, AugmentationRequest, BranchName, Edit, Fidelity, OptimizerSpec, Reading, Step};
use revacnn_store::Command;

use crate::cells::{Prepared, ViewId};

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Ask the workers.
    Request(Request),
    /// Put the text cursor into a field.
    Focus(&'static str),
    /// Copy a text.
    Copy(String),
    /// Show the end of what scrolls.
    ScrollToEnd(&'static str),
}

/// What is asked of the workers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// The figures that are shown from now on.
    Figures(FigureRequest),
    /// Where an address leads.
    Resolve(Address),
    /// Where an epoch ends.
    Epoch { branch: BranchName, from: Step, forward: bool },
    /// The picture in a file.
    Picture(PathBuf),
    /// The views of a notebook.
    Notebook(NotebookRequest),
    /// Change something.
    Change(Intent),
}

/// What is shown of a notebook from now on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotebookRequest {
    /// Counts the texts, so that late answers are known.
    pub(crate) version: u64,
    /// Its text.
    pub(crate) text: Arc<str>,
    /// The folder of what it names by its path.
    pub(crate) folder: PathBuf,
    /// The values that were set by hand.
    pub(crate) values: BTreeMap<String, String>,
    /// Whether the theme is dark.
    pub(crate) dark: bool,
    /// How many pixels a logical one is wide.
    pub(crate) scale: f32,
    /// Whether its text is the store's history, which is to be told.
    pub(crate) is_history: bool,
    /// Whether the page is seen; else only its file is looked at.
    pub(crate) is_shown: bool,
}

/// Everything that is shown from now on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FigureRequest {
    /// Counts the requests, so that late figures are known.
    pub(crate) generation: u64,
    /// The step that the cursor is at.
    pub(crate) step: Step,
    /// The step whose losses and hyper-parameters are told.
    pub(crate) at: Option<Address>,
    /// The branches whose curves are shown.
    pub(crate) branches: Vec<BranchName>,
    /// The image that maps are of.
    pub(crate) image: Option<ChosenImage>,
    /// The cells. Those that follow the cursor have addresses of their own.
    pub(crate) cells: Vec<(ViewId, Cell)>,
    /// Whether points of an embedding may glide while the cursor moves.
    pub(crate) glides: bool,
}

impl FigureRequest {
    /// What cells without addresses look at.
    pub(crate) fn inputs(&self) -> Inputs {
        Inputs { branches: self.branches.clone(), cursor: self.step, image: self.image.clone(), ..Inputs::default() }
    }
}

/// What is to be trained.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunPlan {
    pub(crate) branch: BranchName,
    /// A data set's name, or a folder.
    pub(crate) dataset: String,
    /// How its files are read.
    pub(crate) reading: Reading,
    /// How training images are varied, where that is asked for.
    pub(crate) augmentation: AugmentationRequest,
    /// A preset's name, or a file.
    pub(crate) network: String,
    pub(crate) optimizer: OptimizerSpec,
    pub(crate) batch_size: u32,
    pub(crate) epochs: u64,
    pub(crate) seed: u64,
    pub(crate) fidelity: Fidelity,
}

/// A change that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Intent {
    /// Fork at a step with edits. Where a process trains the branch and the
    /// cursor is at its end (`live`), that process does it and goes on.
    Fork { branch: BranchName, step: Step, edits: Vec<Edit>, name: Option<BranchName>, live: bool },
    /// Pause, step, resume or stop a training.
    Steer { branch: BranchName, command: Command },
    /// Give a branch another name.
    Rename { from: BranchName, to: BranchName },
    /// Put a branch into the trash, and look at this step of another one.
    Delete { name: BranchName, then: Option<(BranchName, Step)> },
    /// Take it out again.
    TakeBack(BranchName),
    /// Start a run in this process.
    Train(Box<RunPlan>),
    /// Train what a notebook says and the store does not have, in this process.
    RunNotebook { text: Arc<str>, folder: PathBuf },
    /// Go on with a branch in this process.
    TrainOn { branch: BranchName, steps: u64 },
    /// Write a figure to a file; `over` one that is there.
    Save { drawn: Arc<Prepared>, path: PathBuf, over: bool },
    /// Make a figure that depends on its cell alone, whatever was shown before,
    /// and write it to a file.
    SaveFresh { view: ViewId, cell: Cell, inputs: Inputs, path: PathBuf, over: bool },
}
