//! What happens in the window, and what is to be done about it outside of its
//! state.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use revacnn_notebook::{BranchSummary, Method, Show, Source, XAxis};
use revacnn_recorder::{Command, StepRow};
use revacnn_schemas::{Address, BranchName, FilterIdentity, ImageIndex, LayerName, Position, Step};

use crate::cells::{Drawn, FigureRequest, Slot};
use crate::prompt::Prompt;
use crate::run_form::{Field, RunPlan};
use crate::time::Move;

/// A filter of a layer, whatever the branch.
pub(crate) type FilterKey = (LayerName, FilterIdentity);

/// How branches lie beneath one another on the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// By their steps.
    Step,
    /// By how far each is from its fork.
    Fork,
}

impl Align {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Step => Self::Fork,
            Self::Fork => Self::Step,
        }
    }
}

/// A hyper-parameter of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hyper {
    LearningRate,
    Momentum,
    WeightDecay,
    BatchSize,
}

impl Hyper {
    pub(crate) const ALL: [Self; 4] = [Self::LearningRate, Self::Momentum, Self::WeightDecay, Self::BatchSize];

    /// Its name in an edit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LearningRate => "learning-rate",
            Self::Momentum => "momentum",
            Self::WeightDecay => "weight-decay",
            Self::BatchSize => "batch-size",
        }
    }

    /// Its value in a row of `steps`; `None` where the optimizer has none.
    pub(crate) fn of(self, row: &StepRow) -> Option<String> {
        let values = &row.hyper_parameters;
        match self {
            Self::LearningRate => Some(values.learning_rate.to_string()),
            Self::Momentum => values.momentum.map(|momentum| momentum.to_string()),
            Self::WeightDecay => Some(values.weight_decay.to_string()),
            Self::BatchSize => Some(values.batch_size.to_string()),
        }
    }
}

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Store(StoreEvent),
    Go(Move),
    /// To the next end of an epoch, or the one before.
    GoEpoch {
        forward: bool,
    },
    Zoom {
        factor: f64,
        fraction: f64,
    },
    Select(BranchName),
    /// The branch that many lines below the selected one.
    SelectBy(isize),
    /// Timeline of the timeline from that many further down.
    ScrollLanes(isize),
    ShowBranch(BranchName, bool),
    /// Shows a branch beside the selected one, or none.
    Beside(Option<BranchName>),
    /// Shows the next branch beside the selected one, or none again.
    ToggleBeside,
    Nodes(Show),
    LogScale(bool),
    X(XAxis),
    Align(Align),
    Hover(Option<FilterKey>),
    Pick(Option<FilterKey>),
    /// The filter that many places after the chosen one.
    PickBy(isize),
    Layer(LayerName),
    LayerNumber(usize),
    Of(Source),
    Method(Method),
    History(&'static str),
    Image(Option<ImageIndex>),
    ImageBy(i64),
    Dark(bool),
    Still(bool),
    Help(bool),
    Play(bool),
    Speed,
    Tick(Instant),
    Prompt(Prompt),
    PromptText(String),
    PromptEnter,
    /// Opens the form of a new run.
    NewRun,
    Form(Field, String),
    FormEnter,
    /// Fork with these edits.
    Edit(Vec<String>),
    /// What an edit under the pointer would do.
    Preview(Option<String>),
    Hyper(Hyper, String),
    HyperEnter,
    Steer(Command),
    Delete(BranchName),
    Undo,
    /// Opens a figure's menu.
    Menu(Slot),
    Save(Slot),
    Query(Slot),
    Copy(String),
    Escape,
}

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Request the workers.
    Request(Request),
    /// Put the text cursor into a field.
    Focus(&'static str),
    /// Copy a text.
    Copy(String),
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
    /// Change something.
    Change(Intent),
}

/// A change that is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Intent {
    /// Fork at a step with edits. Where a process trains the branch and the
    /// cursor is at its end (`live`), that process does it and goes on.
    Fork { branch: BranchName, step: Step, edits: Vec<String>, name: Option<BranchName>, live: bool },
    /// Pause, step, resume or stop a training.
    Steer { branch: BranchName, command: Command },
    /// Give a branch another name.
    Rename { from: BranchName, to: BranchName },
    /// Put a branch into the trash, and look at this step of another one.
    Delete { name: BranchName, then: Option<(BranchName, Step)> },
    /// Take it out again.
    TakeBack(BranchName),
    /// Start a run in this process.
    Train(RunPlan),
    /// Go on with a branch in this process.
    TrainOn { branch: BranchName, steps: u64 },
    /// Write a figure to a file.
    Save { drawn: Arc<Drawn>, path: PathBuf },
    /// Make a figure that depends on its cell alone, whatever was shown before,
    /// and write it to a file.
    SaveFresh { slot: Slot, wanted: FigureRequest, path: PathBuf },
}

impl PartialEq for Intent {
    fn eq(&self, other: &Self) -> bool {
        // Figures may hold what is not a number; the text is equal then.
        format!("{self:?}") == format!("{other:?}")
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

/// What workers tell the window.
#[derive(Debug, Clone)]
pub(crate) enum StoreEvent {
    /// The store cannot be read, and why.
    Unreadable(String),
    /// What there is.
    Listed(Listed),
    /// Figures, and the row of `steps` at the cursor if it was read.
    Figures { generation: u64, step: Step, figures: Vec<(Slot, Arc<Drawn>)>, row: Option<Box<StepRow>> },
    /// Where an address leads.
    Resolved { branch: BranchName, step: Step },
    /// The change that was asked for is made.
    Done(Done),
    /// It is not, and why.
    Refused(String),
    /// Something that no change was asked for.
    Noticed(Notice),
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
