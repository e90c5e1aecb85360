//! How files of a person's own were read as a data set.
//!
//! A data set's digest is that of its decoded images, so that how they were decoded follows from
//! it. It is recorded all the same: without it, the files could not be found again by their digest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

/// A kind of files that a data set is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataFormat {
    /// CIFAR-10's binary version.
    Cifar10,
    /// CIFAR-100's binary version.
    Cifar100,
    /// Images and labels as MNIST and Fashion-MNIST come.
    Idx,
    /// Arrays of NumPy.
    Numpy,
    /// A row an image: its label and its pixels.
    Csv,
    /// Pictures, in one folder a class.
    Pictures,
}

/// How a picture is brought to the size of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Scaled until it covers the size; what is over is cut off on both sides.
    Crop,
    /// Scaled to both lengths, whatever becomes of its proportions.
    Fit,
    /// Scaled until it lies within the size; the rest is grey.
    Pad,
}

/// What of a picture's colours is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// One channel: the luminance of ITU-R BT.709.
    Grey,
    /// Three channels.
    Rgb,
}

/// Which of the two labels of CIFAR-100 is the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// One of 100 classes.
    Fine,
    /// One of 20 classes.
    Coarse,
}

/// Columns and rows of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSize {
    /// Columns, 1 to [`LARGEST`](Self::LARGEST).
    pub width: u32,
    /// Rows, 1 to [`LARGEST`](Self::LARGEST).
    pub height: u32,
}

impl PictureSize {
    /// The most columns or rows that a picture is brought to.
    pub const LARGEST: u32 = 1024;
}

/// How files are read as a data set: what is asked for, or, in a record, what was done. What is
/// left out is decided by the files, or is no question of their format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// What the files are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DataFormat>,
    /// The size that pictures are brought to; that of the pictures, where they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<PictureSize>,
    /// How they are brought to that size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Grey, or in colours; grey where all pictures are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Which labels of CIFAR-100 are the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelKind>,
    /// Of each class, how many of a hundred images are the test part, where the files have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_share: Option<u8>,
    /// Whether pictures that cannot be read are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_unreadable: bool,
}

impl Reading {
    /// Of each class, how many of a hundred images are the test part unless something else is asked for.
    pub const USUAL_TEST_SHARE: u8 = 10;

    /// Whether nothing is asked for.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// One word for each value of an enum, both ways.
macro_rules! words {
    ($kind:ty, $what:literal, $expected:literal, $($word:literal => $value:ident),+) => {
        impl fmt::Display for $kind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self { $(Self::$value => $word),+ })
            }
        }

        impl FromStr for $kind {
            type Err = SchemaError;

            fn from_str(text: &str) -> Result<Self, SchemaError> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(SchemaError::Malformed { what: $what, expected: $expected, found: text.to_owned() }),
                }
            }
        }
    };
}

words!(Fit, "fit", "`crop`, `fit` or `pad`", "crop" => Crop, "fit" => Fit, "pad" => Pad);
words!(Colour, "colour", "`grey` or `rgb`", "grey" => Grey, "rgb" => Rgb);
words!(LabelKind, "kind of labels", "`fine` or `coarse`", "fine" => Fine, "coarse" => Coarse);

impl fmt::Display for PictureSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

impl FromStr for PictureSize {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let length = |text: &str| text.parse().ok().filter(|length| (1..=Self::LARGEST).contains(length));
        let both = text.split_once(['x', '×']).and_then(|(width, height)| Some((length(width)?, length(height)?)));
        let (width, height) = both.ok_or_else(|| SchemaError::Malformed {
            what: "size",
            expected: "columns and rows of 1 to 1024 pixels, such as `32x32`",
            found: text.to_owned(),
        })?;
        Ok(Self { width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_words_are_read_as_they_are_written() {
        let size = PictureSize { width: 40, height: 30 };
        assert_eq!("40x30".parse::<PictureSize>().unwrap(), size);
        assert_eq!(size.to_string(), "40x30");
        for wrong in ["", "32", "0x3", "3x1025", "x", "-1x3", "3x3x3"] {
            let message = wrong.parse::<PictureSize>().unwrap_err().to_string();
            assert!(message.contains("32x32"), "{message}");
        }
        for fit in [Fit::Crop, Fit::Fit, Fit::Pad] {
            assert_eq!(fit.to_string().parse::<Fit>().unwrap(), fit);
        }
        assert!("green".parse::<Colour>().unwrap_err().to_string().contains("grey"));
        assert_eq!("coarse".parse::<LabelKind>().unwrap(), LabelKind::Coarse);
    }

    #[test]
    fn what_is_not_said_is_not_written() {
        assert_eq!(serde_json::to_string(&Reading::default()).unwrap(), "{}");
        let reading = Reading {
            format: Some(DataFormat::Pictures),
            size: Some(PictureSize { width: 3, height: 2 }),
            skip_unreadable: true,
            ..Reading::default()
        };
        let text = serde_json::to_string(&reading).unwrap();
        assert_eq!(text, r#"{"format":"pictures","size":{"width":3,"height":2},"skip_unreadable":true}"#);
        assert_eq!(serde_json::from_str::<Reading>(&text).unwrap(), reading);
    }
}
