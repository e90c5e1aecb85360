//! What the window shows, as cells: a figure's place, and the cell that
//! stands there.

use std::collections::BTreeMap;
use std::sync::Arc;

use revacnn_notebook::{Cell, Inputs};
use revacnn_recorder::StepRow;
use revacnn_schemas::{
    Address, BranchName, Chart, Comparison, Figure, ImageGrid, ImageIndex, NetworkDiagram, Scatter, Step,
};

use crate::pixels::Pictures;

/// A place in the window that shows a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// The network of the selected branch.
    Network,
    /// The network of the branch beside it.
    OtherNetwork,
    /// The chosen filter.
    Filter,
    /// The same filter of the branch beside.
    OtherFilter,
    /// Loss of the shown branches.
    Loss,
    /// Loss by step, for the timeline, where the chart has another axis.
    Timeline,
    /// A number of the chosen filter, or of its layer, over time.
    History,
    /// A layer's filters, a row a branch.
    Filters,
    /// A layer's filters in one plane.
    Embedding,
    /// What differs between the two branches.
    Differences,
}

/// How soon a figure must follow, and thus which thread makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// With every move of the cursor; all of them show one and the same step.
    Quick,
    /// When the log grows.
    Curves,
    /// As soon as there is time.
    Slow,
}

impl Slot {
    /// The cell's name in the graph.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::OtherNetwork => "other network",
            Self::Filter => "filter",
            Self::OtherFilter => "other filter",
            Self::Loss => "loss",
            Self::Timeline => "lanes",
            Self::History => "history",
            Self::Filters => "filters",
            Self::Embedding => "embedding",
            Self::Differences => "differences",
        }
    }

    /// Which thread makes its figure.
    pub(crate) fn pace(self) -> Pace {
        match self {
            Self::Network | Self::OtherNetwork | Self::Filter | Self::OtherFilter => Pace::Quick,
            Self::Loss | Self::Timeline | Self::History => Pace::Curves,
            Self::Filters | Self::Embedding | Self::Differences => Pace::Slow,
        }
    }
}

/// Everything that the window wants to show.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FigureRequest {
    /// Counts what was wanted, so that late answers are known.
    pub(crate) generation: u64,
    /// The step that the cursor is at.
    pub(crate) step: Step,
    /// The step whose losses and hyper-parameters are told.
    pub(crate) at: Option<Address>,
    /// The branches whose curves are shown.
    pub(crate) branches: Vec<BranchName>,
    /// The image that maps are of.
    pub(crate) image: Option<ImageIndex>,
    /// The cells. Those that follow the cursor have addresses of their own.
    pub(crate) cells: Vec<(Slot, Cell)>,
    /// Whether points of an embedding may glide while the cursor moves.
    pub(crate) glides: bool,
}

impl FigureRequest {
    /// What cells without addresses look at.
    pub(crate) fn inputs(&self) -> Inputs {
        Inputs { branches: self.branches.clone(), cursor: self.step, image: self.image }
    }
}

/// A figure with what the screen needs to draw it.
#[derive(Debug)]
pub(crate) struct Drawn {
    /// The figure, or why there is none.
    pub(crate) figure: Result<Figure, String>,
    /// Its images.
    pub(crate) pictures: Pictures,
}

impl Drawn {
    /// A figure with its images made.
    pub(crate) fn of(figure: Result<Figure, String>) -> Arc<Self> {
        let pictures = figure.as_ref().map(Pictures::of).unwrap_or_default();
        Arc::new(Self { figure, pictures })
    }
}

/// A figure, and the step that it shows.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) step: Step,
    pub(crate) drawn: Arc<Drawn>,
    /// Another number for every figure that was ever shown.
    pub(crate) number: u64,
}

/// The figures of the window, and the row of `steps` at the cursor.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    shown: BTreeMap<Slot, Shown>,
    numbers: u64,
    /// Losses and hyper-parameters of the step that the network shows.
    pub(crate) row: Option<StepRow>,
}

macro_rules! figure_of {
    ($name:ident, $kind:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        pub(crate) fn $name(&self, slot: Slot) -> Option<Result<&$type, &str>> {
            self.get(slot).map(|shown| match &shown.drawn.figure {
                Ok(Figure::$kind(figure)) => Ok(figure),
                // Each slot has one kind of cell, and a cell one kind of figure.
                Ok(_) => Err("another figure was expected here"),
                Err(reason) => Err(reason.as_str()),
            })
        }
    };
}

impl Figures {
    /// What a slot shows.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Shown> {
        self.shown.get(&slot)
    }

    /// The slots that show a figure which can be saved, in order.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let has_menu = |slot: &Slot, shown: &Shown| *slot != Slot::Timeline && shown.drawn.figure.is_ok();
        self.shown.iter().filter(|(slot, shown)| has_menu(slot, shown)).map(|(slot, _)| *slot).collect()
    }

    /// The images of a slot's figure.
    pub(crate) fn pictures(&self, slot: Slot) -> Option<&Pictures> {
        self.get(slot).map(|shown| &shown.drawn.pictures)
    }

    /// The step that a slot shows, if it is another one than the cursor's.
    pub(crate) fn late(&self, slot: Slot, cursor: Step) -> Option<Step> {
        self.get(slot).map(|shown| shown.step).filter(|step| *step != cursor)
    }

    /// Shows a figure; returns whether it looks other than the one before:
    /// what is told again, of another step, looks as it did.
    pub(crate) fn set(&mut self, slot: Slot, step: Step, drawn: Arc<Drawn>) -> bool {
        if let Some(shown) = self.shown.get_mut(&slot).filter(|shown| Arc::ptr_eq(&shown.drawn, &drawn)) {
            shown.step = step;
            return false;
        }
        self.numbers += 1;
        self.shown.insert(slot, Shown { step, drawn, number: self.numbers });
        true
    }

    /// Keeps the figures of these slots alone.
    pub(crate) fn keep(&mut self, wanted: impl Fn(Slot) -> bool) {
        self.shown.retain(|slot, _| wanted(*slot));
    }

    /// Forgets everything but the numbers that were given.
    pub(crate) fn clear(&mut self) {
        *self = Self { numbers: self.numbers, ..Self::default() };
    }

    figure_of!(network, Network, NetworkDiagram, "A slot's network.");
    figure_of!(chart, Chart, Chart, "A slot's chart.");
    figure_of!(scatter, Scatter, Scatter, "A slot's embedding.");
    figure_of!(images, Images, ImageGrid, "A slot's images.");
    figure_of!(comparison, Comparison, Comparison, "A slot's comparison.");
}
