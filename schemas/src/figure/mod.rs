//! Figures: what a cell shows, as plain data. A renderer or the viewer draws
//! them; nothing in them knows pixels of a screen, fonts or colours.

mod bits;
mod chart;
mod comparison;
mod embedded_images;
mod histograms;
mod image;
mod network;
mod scatter;
mod sheet;
mod table;

use serde::{Deserialize, Serialize};

pub use chart::{Axis, Chart, Limits, Mark, MarkKind, Scale, Series};
pub use comparison::{Comparison, DifferingFilter, Panel};
pub use embedded_images::{ClassPurity, EmbeddedImage, EmbeddedImages, EmbeddedPanel, Thumbnail};
pub use histograms::{HistogramForm, HistogramPanel, Histograms, StepHistogram};
pub use image::{Image, ImageGrid, ImageRow, Palette};
pub use network::{
    ClassOutput, DiagramColumn, DiagramEdge, DiagramEnd, DiagramFilter, DiagramJoint, DiagramLink, DiagramNode,
    DiagramPart, DiagramTrace, NetworkDiagram,
};
pub use scatter::{Scatter, ScatterGroup, ScatterPoint};
pub use sheet::{Caption, CaptionedImage, ContactSheet};
pub use table::{TableColumn, TableFigure};

/// What a cell shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Figure {
    /// Curves over the training.
    Chart(Chart),
    /// How values are spread, over the steps of branches.
    Histograms(Histograms),
    /// Points in a plane, such as an embedding of filters.
    Scatter(Scatter),
    /// Images of a data set in a plane, a panel a step.
    EmbeddedImages(EmbeddedImages),
    /// Rows of small images: coefficients or activation maps.
    Images(ImageGrid),
    /// Images of a data set, with what is said of each.
    Sheet(ContactSheet),
    /// The network with its filters as nodes.
    Network(NetworkDiagram),
    /// Rows of text and numbers.
    Table(TableFigure),
    /// Figures of two branches side by side.
    Comparison(Comparison),
}

impl Figure {
    /// What stands above it.
    pub fn title(&self) -> &str {
        match self {
            Self::Chart(figure) => &figure.title,
            Self::Histograms(figure) => &figure.title,
            Self::Scatter(figure) => &figure.title,
            Self::EmbeddedImages(figure) => &figure.title,
            Self::Images(figure) => &figure.title,
            Self::Sheet(figure) => &figure.title,
            Self::Network(figure) => &figure.title,
            Self::Table(figure) => &figure.title,
            Self::Comparison(figure) => &figure.title,
        }
    }

    /// What it lacks and how well it fits, a line each; those of a comparison
    /// are its panels'.
    pub fn notes(&self) -> Vec<&str> {
        let notes = match self {
            Self::Chart(figure) => &figure.notes,
            Self::Histograms(figure) => &figure.notes,
            Self::Scatter(figure) => &figure.notes,
            Self::EmbeddedImages(figure) => &figure.notes,
            Self::Images(figure) => &figure.notes,
            Self::Sheet(figure) => &figure.notes,
            Self::Network(figure) => &figure.notes,
            Self::Table(figure) => &figure.notes,
            Self::Comparison(figure) => {
                return figure.panels.iter().flat_map(Panel::notes).collect();
            }
        };
        notes.iter().map(String::as_str).collect()
    }
}

/// Which of the branch colours: a branch keeps its own in every figure. Where
/// there are more branches than colours, their lines are dashed in other ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hue(pub u16);
