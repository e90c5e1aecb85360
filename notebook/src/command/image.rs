//! An image as a command names it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use revacnn_schemas::ImageIndex;

use super::values::whole;
use super::{CommandError, Lookup};
use crate::ChosenImage;

/// A training image by its number, or a picture of a person's own by its path: a bare number is an
/// image, and `./17` a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOption {
    /// A training image.
    Number(u32),
    /// A picture's file.
    File(PathBuf),
}

impl ImageOption {
    /// What a word says.
    ///
    /// # Errors
    /// What was expected, and what was found.
    pub fn of(word: OsString) -> Result<Self, String> {
        let is_number = |text: &&str| text.starts_with(|first: char| first.is_ascii_digit()) && is_number(text);
        if word.is_empty() {
            return Err("expected the number of a training image or the file of a picture, found nothing".to_owned());
        }
        match word.to_str().filter(is_number) {
            Some(number) => whole(number).map(Self::Number),
            None => Ok(Self::File(word.into())),
        }
    }

    /// Reads it from the command line.
    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(Self::of)
    }

    /// The image itself: a picture is read.
    ///
    /// # Errors
    /// What is no picture.
    pub(super) fn chosen(&self, lookup: Lookup<'_>) -> Result<ChosenImage, CommandError> {
        match self {
            Self::Number(number) => Ok(ImageIndex(*number).into()),
            Self::File(path) => (lookup.picture)(path).map(ChosenImage::Own),
        }
    }
}

/// Whether a text is a whole number in any of the ways in which people write one, and no file's name.
fn is_number(text: &str) -> bool {
    let digits = text.strip_suffix(['k', 'M']).unwrap_or(text);
    digits.chars().all(|letter| letter.is_ascii_digit() || letter == ',')
}

impl fmt::Display for ImageOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_an_image_and_all_else_a_file() {
        for (word, number) in [("0", 0), ("17", 17), ("2,700", 2_700), ("3k", 3_000)] {
            assert_eq!(ImageOption::of(word.into()), Ok(ImageOption::Number(number)));
        }
        for word in ["./17", "7.png", "cat", "-3", "my pictures/7.png", "1e3", "17.0"] {
            let found = ImageOption::of(word.into()).unwrap();
            assert_eq!(found, ImageOption::File(word.into()));
            assert_eq!(found.to_string(), word);
        }
        assert!(ImageOption::of("".into()).is_err() && ImageOption::of("99999999999".into()).is_err());
    }
}
