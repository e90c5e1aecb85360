//! The images of one part of a data set.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::error::DataError;
use super::pixels::Pixels;
use revacnn_schemas::{ImageIndex, ImageShape};

/// Images and labels, in a fixed order.
#[derive(Debug, Clone)]
pub struct Part {
    /// Set once somebody looks at an image, where they are computed.
    images: Arc<OnceLock<Pixels>>,
    /// Computes the images.
    draw: fn() -> Vec<u8>,
    labels: Vec<u8>,
    values: usize,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
            && self.labels == other.labels
            && (0..self.labels.len())
                .all(|image| matches!((self.at(image), other.at(image)), (Ok(ours), Ok(theirs)) if ours == theirs))
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
        if Some(images.len()) != labels.len().checked_mul(values) || values == 0 {
            let (expected, found) =
                (format!("{} images of shape {shape}", labels.len()), format!("{} bytes", images.len()));
            return Err(DataError::Inconsistent { name: name.to_owned(), part, expected, found });
        }
        Self::kept((Pixels::of(images, values), labels), (name, part), (shape, classes))
    }

    /// Images that are kept already, as many as labels.
    pub(super) fn kept(
        (images, labels): (Pixels, Vec<u8>),
        (name, part): (&str, &'static str),
        (shape, classes): (ImageShape, usize),
    ) -> Result<Self, DataError> {
        let inconsistent =
            |expected: String, found: String| DataError::Inconsistent { name: name.to_owned(), part, expected, found };
        if labels.is_empty() || u32::try_from(labels.len()).is_err() {
            let expected = format!("1 to {} images", u32::MAX);
            return Err(inconsistent(expected, format!("{}", labels.len())));
        }
        if let Some(at) = labels.iter().position(|label| usize::from(*label) >= classes) {
            let expected = format!("labels below {classes}");
            return Err(inconsistent(expected, format!("{} at image {at}", labels[at])));
        }
        Ok(Self { images: Arc::new(OnceLock::from(images)), draw: Vec::new, labels, values: shape.len() })
    }

    /// Images of this shape that are computed when somebody looks at one: so many as labels.
    pub(super) fn drawn(labels: Vec<u8>, shape: ImageShape, draw: fn() -> Vec<u8>) -> Self {
        Self { images: Arc::default(), draw, labels, values: shape.len() }
    }

    /// The same images with other labels, one each, below the number of classes.
    pub(crate) fn relabelled(self, labels: Vec<u8>) -> Self {
        assert_eq!(labels.len(), self.labels.len(), "an image has one label");
        Self { labels, ..self }
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
    /// [`DataError::NoSuchImage`] past the end; [`DataError::Kept`] where the image is kept on disk
    /// and cannot be read.
    pub fn image(&self, index: ImageIndex) -> Result<Cow<'_, [u8]>, DataError> {
        if index.0 >= self.len() {
            return Err(DataError::NoSuchImage { index: index.0, count: self.len() });
        }
        self.at(index.0 as usize)
    }

    fn at(&self, index: usize) -> Result<Cow<'_, [u8]>, DataError> {
        self.pixels().image(index)
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

    fn pixels(&self) -> &Pixels {
        self.images.get_or_init(|| Pixels::of((self.draw)(), self.values))
    }

    /// All images' bytes, `[image][channel][row][column]`, which must be in memory.
    #[cfg(test)]
    pub(super) fn images(&self) -> &[u8] {
        self.pixels().in_memory().expect("the images of a test are in memory")
    }

    /// Images and labels in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<(Cow<'_, [u8]>, u8), DataError>> {
        self.labels.iter().enumerate().map(|(index, label)| Ok((self.at(index)?, *label)))
    }
}
