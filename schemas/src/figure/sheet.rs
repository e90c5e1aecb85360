//! Images of a data set with what is said of each.

use serde::{Deserialize, Serialize};

use super::Image;
use crate::ImageIndex;

/// A contact sheet: images, each with some lines beneath it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContactSheet {
    /// What stands above it.
    pub title: String,
    /// The images, in order.
    pub pictures: Vec<CaptionedImage>,
    /// What it lacks, and why: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An image with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CaptionedImage {
    /// The image.
    pub image: Image,
    /// Its number in the data set's training part, where it is from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<ImageIndex>,
    /// What a network makes of it, to its right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Image>,
    /// Whether it is predicted wrong.
    pub wrong: bool,
    /// The lines beneath it.
    pub captions: Vec<Caption>,
}

/// A line beneath an image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caption {
    /// What it says.
    pub text: String,
    /// Whether it is of the image's own class.
    pub own: bool,
    /// How long the bar behind it is, in thousandths of the whole width; no bar where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bar: Option<u16>,
}

impl Caption {
    /// A line without a bar.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), own: false, bar: None }
    }
}
