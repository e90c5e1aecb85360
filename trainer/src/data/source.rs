//! What is known about a data set before it is loaded.

use std::path::Path;

use super::dataset::Dataset;
use super::error::DataError;
use revacnn_schemas::{AugmentationSpec, ImageShape};

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

/// Where a data set's images come from.
pub(super) enum Location {
    /// In the program: embedded or computed.
    BuiltIn { train_images: u32, test_images: u32, load: fn() -> Result<Dataset, DataError> },
    /// In files, in this folder of the data folder.
    Folder {
        folder: &'static str,
        count: fn(&Path) -> Result<Counts, DataError>,
        load: fn(&Path) -> Result<Dataset, DataError>,
    },
}

/// How many images each part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) train_images: u32,
    pub(super) test_images: u32,
}
