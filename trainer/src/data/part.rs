//! The images of one part of a data set.

use std::sync::OnceLock;

use super::error::DataError;
use revacnn_schemas::{ImageIndex, ImageShape};

/// Images and labels, in a fixed order.
#[derive(Debug, Clone)]
pub struct Part {
    /// Set once somebody looks at an image, where they are computed.
    images: OnceLock<Vec<u8>>,
    /// Computes the images.
    draw: fn() -> Vec<u8>,
    labels: Vec<u8>,
    values: usize,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values && self.labels == other.labels && self.images() == other.images()
    }
}

impl Eq for Part {}

impl Part {
    pub(super) fn new(
        (images, labels): (Vec<u8>, Vec<u8>),
        (name, part): (&str, &'static str),
        (shape, classes): (ImageShape, usize),
    ) -> Result<Self, DataError> {
        let values = shape.len();
        let inconsistent =
            |expected: String, found: String| DataError::Inconsistent { name: name.to_owned(), part, expected, found };
        if labels.is_empty() || u32::try_from(labels.len()).is_err() {
            let expected = format!("1 to {} images", u32::MAX);
            return Err(inconsistent(expected, format!("{}", labels.len())));
        }
        if Some(images.len()) != labels.len().checked_mul(values) || values == 0 {
            let expected = format!("{} images of shape {shape}", labels.len());
            return Err(inconsistent(expected, format!("{} bytes", images.len())));
        }
        if let Some(at) = labels.iter().position(|label| usize::from(*label) >= classes) {
            let expected = format!("labels below {classes}");
            return Err(inconsistent(expected, format!("{} at image {at}", labels[at])));
        }
        Ok(Self { images: OnceLock::from(images), draw: Vec::new, labels, values })
    }

    /// Images of this shape that are computed when somebody looks at one: so many as labels.
    pub(super) fn drawn(labels: Vec<u8>, shape: ImageShape, draw: fn() -> Vec<u8>) -> Self {
        Self { images: OnceLock::new(), draw, labels, values: shape.len() }
    }

    /// The number of images.
    pub fn len(&self) -> u32 {
        u32::try_from(self.labels.len()).expect("invariant: checked in new")
    }

    /// Whether there are no images; never true of a data set's parts.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of an image, `[channel][row][column]`.
    ///
    /// # Errors
    ///
    /// [`DataError::NoSuchImage`] past the end.
    pub fn image(&self, index: ImageIndex) -> Result<&[u8], DataError> {
        self.images()
            .chunks_exact(self.values)
            .nth(index.0 as usize)
            .ok_or(DataError::NoSuchImage { index: index.0, count: self.len() })
    }

    /// The class of an image.
    ///
    /// # Errors
    ///
    /// [`DataError::NoSuchImage`] past the end.
    pub fn label(&self, index: ImageIndex) -> Result<u8, DataError> {
        self.labels.get(index.0 as usize).copied().ok_or(DataError::NoSuchImage { index: index.0, count: self.len() })
    }

    /// All labels, in order.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// All images' bytes, `[image][channel][row][column]`.
    pub fn images(&self) -> &[u8] {
        self.images.get_or_init(self.draw)
    }

    /// Images and labels in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], u8)> {
        self.images().chunks_exact(self.values).zip(self.labels.iter().copied())
    }
}
