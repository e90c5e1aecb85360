//! How files of a person's own are read as a data set.

use clap::Args;
use revacnn_schemas::{Colour, Fit, LabelKind, PictureSize, Reading};

use super::print::{Print, Words};
use super::values::whole;

/// What a person says of files that leave it open.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ReadingOptions {
    /// Of pictures: the size that all are brought to, in pixels [default: theirs, if they have one].
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub(crate) size: Option<PictureSize>,
    /// Of pictures: how they are brought to it; `crop` cuts what is over, `fit` stretches, `pad` adds
    /// grey [default: crop].
    #[arg(long, value_name = "crop|fit|pad")]
    pub(crate) fit: Option<Fit>,
    /// Of pictures: `grey` or `rgb` [default: grey if all are].
    #[arg(long, value_name = "grey|rgb")]
    pub(crate) colour: Option<Colour>,
    /// Of pictures: leave out those that cannot be read, and say how many they are.
    #[arg(long)]
    pub(crate) skip_unreadable: bool,
    /// Of CIFAR-100: the classes, 100 `fine` or 20 `coarse` ones [default: fine].
    #[arg(long, value_name = "fine|coarse")]
    pub(crate) labels: Option<LabelKind>,
    /// Of files without a test part: how many of a hundred images of each class are held out for it
    /// [default: 10].
    #[arg(long, value_name = "PERCENT", value_parser = share_of_test)]
    pub(crate) test_share: Option<u8>,
}

/// How many of a hundred images are held out for the test part.
///
/// # Errors
/// What is no number from 1 to 90.
pub fn share_of_test(text: &str) -> Result<u8, String> {
    match whole(text)? {
        share @ 1..=90 => Ok(share),
        share => Err(format!("expected 1 to 90 of a hundred images, found {share}")),
    }
}

impl ReadingOptions {
    /// What is asked for, or nothing.
    pub fn reading(&self) -> Reading {
        let Self { size, fit, colour, skip_unreadable, labels, test_share } = self.clone();
        Reading { format: None, size, fit, colour, labels, test_share, skip_unreadable }
    }

    /// The words of a command that ask for a reading.
    pub fn words(reading: &Reading) -> Vec<String> {
        let mut words = Words::default();
        Self::of(reading).print(&mut words);
        words.into_words()
    }

    /// The options that ask for what a record says, as far as it is not the usual.
    pub(crate) fn of(reading: &Reading) -> Self {
        let Reading { format: _, size, fit, colour, labels, test_share, skip_unreadable } = reading.clone();
        Self {
            size,
            fit: fit.filter(|fit| *fit != Fit::Crop),
            colour,
            skip_unreadable,
            labels: labels.filter(|labels| *labels != LabelKind::Fine),
            test_share: test_share.filter(|share| *share != Reading::USUAL_TEST_SHARE),
        }
    }
}

impl Print for ReadingOptions {
    fn print(&self, words: &mut Words) {
        let Self { size, fit, colour, skip_unreadable, labels, test_share } = self;
        words.option("size", *size);
        words.option("fit", *fit);
        words.option("colour", *colour);
        words.flag("skip-unreadable", *skip_unreadable);
        words.option("labels", *labels);
        words.option("test-share", *test_share);
    }
}
