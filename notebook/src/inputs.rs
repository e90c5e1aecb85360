//! What all cells of a graph look at.

use std::fmt;

use revacnn_schemas::{BranchName, ImageIndex, Step};
use revacnn_trainer::data::OwnPicture;

/// An image that networks look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChosenImage {
    /// A training image.
    Training(ImageIndex),
    /// A picture of a person's own, as it was read.
    Own(OwnPicture),
}

impl ChosenImage {
    /// The training image that it is.
    pub fn index(&self) -> Option<ImageIndex> {
        match self {
            Self::Training(image) => Some(*image),
            Self::Own(_) => None,
        }
    }

    /// The picture of a person's own that it is.
    pub fn own(&self) -> Option<&OwnPicture> {
        match self {
            Self::Training(_) => None,
            Self::Own(picture) => Some(picture),
        }
    }
}

impl From<ImageIndex> for ChosenImage {
    fn from(image: ImageIndex) -> Self {
        Self::Training(image)
    }
}

impl fmt::Display for ChosenImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Training(image) => write!(formatter, "image {image}"),
            Self::Own(picture) => write!(formatter, "picture {picture}"),
        }
    }
}

/// What cells without addresses of their own look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The branches that are shown, the selected one first.
    pub branches: Vec<BranchName>,
    /// The step that is looked at; of a branch that has no such step, its
    /// first or last one is.
    pub cursor: Step,
    /// The image; the first probe image where `None`.
    pub image: Option<ChosenImage>,
    /// The images whose classes are asked for.
    pub asked: Vec<ChosenImage>,
}
