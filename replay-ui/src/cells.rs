//! The cells that the window shows: of each its figure, or why there is none.

use std::sync::Arc;

use revacnn_notebook::Cell;
use revacnn_schemas::{
    Chart, Comparison, ContactSheet, EmbeddedImages, Figure, Histograms, ImageGrid, NetworkDiagram, Scatter, Step,
    TableFigure,
};
use revacnn_store::StepRow;

use crate::pixels::Pictures;

/// The name of a view, which is that of its cell in the graph, and in its menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ViewId(pub(crate) &'static str);

impl ViewId {
    /// The network of the selected branch.
    pub(crate) const NETWORK: Self = Self("network");
    /// The network of the branch beside it.
    pub(crate) const OTHER_NETWORK: Self = Self("other network");
    /// The chosen filter.
    pub(crate) const FILTER: Self = Self("filter");
    /// The same filter of the branch beside.
    pub(crate) const OTHER_FILTER: Self = Self("other filter");
    /// Loss of the shown branches.
    pub(crate) const LOSS: Self = Self("loss");
    /// Loss by step, for the timeline, where the chart has another axis.
    pub(crate) const TIMELINE: Self = Self("timeline");
    /// A number of the chosen filter, or of the branch, over time.
    pub(crate) const HISTORY: Self = Self("history");
    /// A layer's filters, a row a branch.
    pub(crate) const FILTERS: Self = Self("filters");
    /// A layer's filters in one plane.
    pub(crate) const EMBEDDING: Self = Self("embedding");
    /// Images in a plane, by their activations at a layer.
    pub(crate) const IMAGES: Self = Self("images");
    /// How often each class was taken for each.
    pub(crate) const CONFUSION: Self = Self("confusion");
    /// The images behind it.
    pub(crate) const PREDICTIONS: Self = Self("predictions");
    /// What excites a layer's filters.
    pub(crate) const SEEN: Self = Self("what filters see");
    /// The same in the branch beside.
    pub(crate) const OTHER_SEEN: Self = Self("what filters see beside");
    /// Where the network looks in the image.
    pub(crate) const SALIENCY: Self = Self("where the network looks");
    /// How a layer's values are spread over the steps.
    pub(crate) const HISTOGRAMS: Self = Self("histograms");
    /// What differs between the two branches.
    pub(crate) const DIFFERENCES: Self = Self("differences");
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

/// A figure with what the screen needs to draw it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The figure, or why there is none.
    pub(crate) figure: Result<Figure, String>,
    /// Its images.
    pub(crate) pictures: Pictures,
}

impl PartialEq for Prepared {
    /// The images follow from the figure, whose numbers are equal by their bits.
    fn eq(&self, other: &Self) -> bool {
        self.figure == other.figure
    }
}

impl Prepared {
    /// A figure with its images made.
    pub(crate) fn of(figure: Result<Figure, String>) -> Arc<Self> {
        let pictures = figure.as_ref().map(Pictures::of).unwrap_or_default();
        Arc::new(Self { figure, pictures })
    }
}

/// A figure, and the step that it shows.
#[derive(Debug, Clone)]
pub(crate) struct ShownFigure {
    pub(crate) step: Step,
    pub(crate) drawn: Arc<Prepared>,
    /// Another number for every figure that was ever shown.
    pub(crate) number: u64,
}

/// A cell that is shown.
#[derive(Debug)]
struct Shown {
    view: ViewId,
    cell: Cell,
    /// Its figure, or its error, once it is there.
    figure: Option<ShownFigure>,
    /// Whether that is one of what was shown there before.
    is_old: bool,
}

/// The cells that are shown, and the row of `steps` at the cursor.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    shown: Vec<Shown>,
    numbers: u64,
    /// Losses and hyper-parameters of the step that the network shows.
    pub(crate) row: Option<StepRow>,
}

macro_rules! figure_of {
    ($name:ident, $kind:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        pub(crate) fn $name(&self, view: ViewId) -> Option<Result<&$type, &str>> {
            self.get(view).map(|shown| match &shown.drawn.figure {
                Ok(Figure::$kind(figure)) => Ok(figure),
                // Each view has one kind of cell, and a cell one kind of figure.
                Ok(_) => Err("another figure was expected here"),
                Err(reason) => Err(reason.as_str()),
            })
        }
    };
}

impl Cells {
    /// Shows these cells and no others; what is shown of one stays until there
    /// is something newer.
    pub(crate) fn show(&mut self, cells: &[(ViewId, Cell)]) {
        let mut before = std::mem::take(&mut self.shown);
        for (view, cell) in cells {
            let before = before.iter_mut().find(|shown| shown.view == *view);
            let is_old = before.as_ref().is_some_and(|shown| shown.is_old || shown.cell != *cell);
            let figure = before.and_then(|shown| shown.figure.take());
            self.shown.push(Shown { view: *view, cell: cell.clone(), figure, is_old });
        }
    }

    /// Whether a view is shown.
    pub(crate) fn shows(&self, view: ViewId) -> bool {
        self.shown.iter().any(|shown| shown.view == view)
    }

    /// What a view shows.
    pub(crate) fn get(&self, view: ViewId) -> Option<&ShownFigure> {
        self.shown.iter().find(|shown| shown.view == view)?.figure.as_ref()
    }

    /// The cell of a view.
    pub(crate) fn cell(&self, view: ViewId) -> Option<&Cell> {
        self.shown.iter().find(|shown| shown.view == view).map(|shown| &shown.cell)
    }

    /// The views with a figure, in order.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = ViewId> {
        let has_figure = |shown: &&Shown| shown.figure.as_ref().is_some_and(|figure| figure.drawn.figure.is_ok());
        self.shown.iter().filter(has_figure).map(|shown| shown.view)
    }

    /// The number of a view's figure, by which one is told from the next.
    pub(crate) fn number(&self, view: ViewId) -> Option<u64> {
        self.get(view).map(|shown| shown.number)
    }

    /// The images of a view's figure.
    pub(crate) fn pictures(&self, view: ViewId) -> Option<&Pictures> {
        self.get(view).map(|shown| &shown.drawn.pictures)
    }

    /// The step of a figure that is stale: it is of another one than the
    /// cursor's.
    pub(crate) fn stale(&self, view: ViewId, cursor: Step) -> Option<Step> {
        self.get(view).map(|shown| shown.step).filter(|step| *step != cursor)
    }

    /// Whether what a view shows is still what was shown there before.
    pub(crate) fn awaits(&self, view: ViewId) -> bool {
        self.shown.iter().any(|shown| shown.view == view && shown.is_old)
    }

    /// Shows a figure of a view; returns whether it looks other than the one
    /// before: what is told again, of another step, looks as it did.
    pub(crate) fn set(&mut self, view: ViewId, step: Step, drawn: Arc<Prepared>) -> bool {
        let Some(shown) = self.shown.iter_mut().find(|shown| shown.view == view) else { return false };
        shown.is_old = false;
        if let Some(figure) = shown.figure.as_mut().filter(|figure| Arc::ptr_eq(&figure.drawn, &drawn)) {
            figure.step = step;
            return false;
        }
        self.numbers += 1;
        shown.figure = Some(ShownFigure { step, drawn, number: self.numbers });
        true
    }

    /// Forgets everything but the numbers that were given.
    pub(crate) fn clear(&mut self) {
        *self = Self { numbers: self.numbers, ..Self::default() };
    }

    figure_of!(network, Network, NetworkDiagram, "A view's network.");
    figure_of!(chart, Chart, Chart, "A view's chart.");
    figure_of!(scatter, Scatter, Scatter, "A view's embedding.");
    figure_of!(embedded_images, EmbeddedImages, EmbeddedImages, "A view's images in a plane.");
    figure_of!(images, Images, ImageGrid, "A view's images.");
    figure_of!(table, Table, TableFigure, "A view's table.");
    figure_of!(sheet, Sheet, ContactSheet, "A view's contact sheet.");
    figure_of!(histograms, Histograms, Histograms, "A view's histograms.");
    figure_of!(comparison, Comparison, Comparison, "A view's comparison.");
}
