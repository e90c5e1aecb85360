//! Images of a data set in a plane, a panel a step.

use serde::{Deserialize, Serialize};

use super::bits::equal_by_bits;
use super::{Hue, Image};
use crate::{ImageIndex, LayerName};

/// Images of a data set in a plane by their activations at a layer: a panel a step, with the same
/// images in all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EmbeddedImages {
    /// What stands above it.
    pub title: String,
    /// The layer.
    pub layer: LayerName,
    /// The classes by their numbers.
    pub classes: Vec<String>,
    /// The images.
    pub images: Vec<EmbeddedImage>,
    /// The planes.
    pub panels: Vec<EmbeddedPanel>,
    /// What some of the images look like: those that come first find room first.
    pub thumbnails: Vec<Thumbnail>,
    /// Whether the panels' planes have their extent in common, as those of t-SNE have.
    pub one_extent: bool,
    /// How it was made, and what it lacks: a line each.
    pub notes: Vec<String>,
}

/// One image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EmbeddedImage {
    /// Its index in its part of the data set.
    pub image: ImageIndex,
    /// Its class.
    pub class: u32,
}

/// What an image looks like.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Index into `images`.
    pub point: usize,
    /// It, or a smaller copy.
    pub image: Image,
}

impl EmbeddedImages {
    /// A class by its name, or by its number where nobody knows one.
    pub fn class_name(&self, class: u32) -> String {
        self.classes.get(class as usize).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}

/// The images in the plane of one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmbeddedPanel {
    /// Such as `wider@1512`.
    pub name: String,
    /// Its branch's colour.
    pub hue: Hue,
    /// Coordinates, without unit, `[image]`.
    pub positions: Vec<[f64; 2]>,
    /// The class that is predicted, `[image]`; none by a network without classes.
    pub predicted: Vec<Option<u32>>,
    /// How many images are predicted right, where classes are predicted.
    pub right: Option<u32>,
    /// Of how many nearest images the shares are.
    pub neighbours: u32,
    /// Share of an image's nearest by its activations that are of its class, 0 to 1: the mean over
    /// the images.
    pub purity: f64,
    /// The same of the nearest in the plane.
    pub purity_in_plane: f64,
    /// What the mean would be where classes were of no account.
    pub chance: f64,
    /// The same of each class that has images.
    pub by_class: Vec<ClassPurity>,
    /// How the plane was made and how well it fits: a line each.
    pub notes: Vec<String>,
}

equal_by_bits!(EmbeddedPanel {
    name, hue, predicted, right, neighbours, by_class, notes; positions, purity, purity_in_plane, chance
});

/// How far a class keeps to itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassPurity {
    /// The class.
    pub class: u32,
    /// How many images it has.
    pub images: u32,
    /// How many of them are predicted right, where classes are predicted.
    pub right: Option<u32>,
    /// Share of an image's nearest by its activations that are of its class, 0 to 1.
    pub purity: f64,
    /// The other class that most of the nearest are of; none where all are of the image's own.
    pub other: Option<u32>,
    /// The share of the nearest that are of that.
    pub of_other: f64,
}

equal_by_bits!(ClassPurity { class, images, right, other; purity, of_other });
