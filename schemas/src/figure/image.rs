//! Small images: coefficients, activation maps and their gradients.

use serde::{Deserialize, Serialize};

use super::bits::equal_by_bits;

use crate::{FilterIdentity, LayerName};

/// Rows of small images.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageGrid {
    /// What stands above it.
    pub title: String,
    /// The rows, from top to bottom.
    pub rows: Vec<ImageRow>,
    /// Whether the images are of a data set, so that their colours need no words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_data: bool,
    /// What it lacks, and why: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Images that share a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageRow {
    /// What the row shows, such as `conv1` or `input 3`.
    pub label: String,
    /// From left to right; `None` is a gap: a filter that the other branch
    /// has and this one lacks.
    pub images: Vec<Option<Image>>,
}

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Palette {
    /// Signed values about zero: coefficients and gradients.
    Diverging,
    /// Values from small to large: activations.
    Sequential,
    /// Red, green and blue of each pixel.
    Rgb,
}

/// One small image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// What it is, such as `conv1/3`.
    pub label: String,
    /// The filter that it is of, if it is of one.
    pub filter: Option<(LayerName, FilterIdentity)>,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// `[row][column]`, with [`Palette::Rgb`] `[row][column][channel]`; what
    /// is not a number is drawn as a gap.
    pub pixels: Vec<f32>,
    /// How values become colours.
    pub palette: Palette,
    /// The values at the palette's ends. Of [`Palette::Diverging`] they are
    /// one another's negatives.
    pub range: [f32; 2],
}

equal_by_bits!(Image { label, filter, rows, columns, palette; pixels, range });

impl Image {
    /// The value at a pixel, of one channel; `None` outside.
    pub fn value(&self, row: usize, column: usize, channel: usize) -> Option<f32> {
        let channels = if self.palette == Palette::Rgb { 3 } else { 1 };
        if row >= self.rows || column >= self.columns || channel >= channels {
            return None;
        }
        self.pixels.get((row * self.columns + column) * channels + channel).copied()
    }

    /// Where a value lies between the palette's ends, from 0 to 1; what is
    /// not a number lies nowhere. In a range of no width it is the middle, or
    /// of [`Palette::Sequential`], such as a map of zeros, the low end.
    pub fn fraction(&self, value: f32) -> Option<f32> {
        let [low, high] = self.range;
        if !value.is_finite() {
            return None;
        }
        let fraction = (value - low) / (high - low);
        let flat = if self.palette == Palette::Sequential { 0.0 } else { 0.5 };
        Some(if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { flat })
    }
}
