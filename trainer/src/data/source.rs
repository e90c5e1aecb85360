//! What is known about a data set before it is loaded.

use super::dataset::Dataset;
use super::error::DataError;
use revacnn_schemas::{AugmentationSpec, DataFormat, ImageShape, Published};

/// A data set that has a name.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) shape: ImageShape,
    pub(super) classes: &'static [&'static str],
    pub(super) augmentation: AugmentationSpec,
    pub(super) from: &'static str,
    pub(super) licence: &'static str,
    /// The digest in hexadecimal, where the content is the same for everybody.
    pub(super) digest: Option<&'static str>,
    pub(super) location: Location,
}

impl Source {
    /// What its files are, where it comes in files.
    pub(super) fn format(&self) -> Option<DataFormat> {
        match self.location {
            Location::Folder { format, .. } => Some(format),
            Location::BuiltIn { .. } => None,
        }
    }
}

/// Where a data set's images come from.
pub(super) enum Location {
    /// In the program: embedded or computed.
    BuiltIn { train_images: u32, test_images: u32, load: fn() -> Result<Dataset, DataError> },
    /// In files of this format, in a folder of the data folder.
    Folder { format: DataFormat, published: Published<'static> },
}

/// How many images each part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) train_images: u32,
    pub(super) test_images: u32,
}
