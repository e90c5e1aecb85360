//! Images and labels as a format gives them, and the data set that becomes of them.

use std::path::Path;

use super::Opened;
use crate::data::dataset::{Dataset, Taken};
use crate::data::error::DataError;
use crate::data::part::Part;
use crate::data::pixels::PixelsWriter;
use revacnn_schemas::{AugmentationSpec, DataFormat, ImageShape, Reading, count, counted};

/// Labels are bytes.
pub(super) const MOST_CLASSES: usize = 256;

/// The longest side and the most channels of an image.
pub(super) const LARGEST: usize = 1024;

/// Images of one shape with their labels, in order.
pub(super) struct Records {
    images: PixelsWriter,
    labels: Vec<u8>,
}

impl Records {
    pub(super) fn of(shape: ImageShape) -> Self {
        Self { images: PixelsWriter::new(shape.len()), labels: Vec::new() }
    }

    pub(super) fn push(&mut self, image: &[u8], label: u8) -> Result<(), DataError> {
        self.labels.push(label);
        self.images.push(image)
    }

    pub(super) fn labels(&self) -> &[u8] {
        &self.labels
    }
}

/// All that a format says of a data set.
pub(super) struct Raw {
    pub(super) shape: ImageShape,
    /// The names; by the numbers of the labels where there are none.
    pub(super) classes: Option<Vec<String>>,
    pub(super) train: Records,
    pub(super) test: Option<Records>,
    pub(super) augmentation: AugmentationSpec,
    /// The format, with how much of it is there.
    pub(super) format: String,
    pub(super) notes: Vec<String>,
}

/// Whether an image of a class, by its number in that class, is held out for the test part: they
/// are spread evenly.
pub(super) fn is_held_out(number: u64, share: u8) -> bool {
    let share = u64::from(share);
    (number + 1) * share / 100 > number * share / 100
}

/// Divides records without a test part.
pub(super) fn divided(all: Records, shape: ImageShape, share: u8) -> Result<(Records, Records), DataError> {
    let (mut train, mut test) = (Records::of(shape), Records::of(shape));
    let mut seen = [0_u64; MOST_CLASSES];
    let images = all.images.finish()?;
    for (index, label) in all.labels.into_iter().enumerate() {
        let seen = &mut seen[usize::from(label)];
        let part = if is_held_out(*seen, share) { &mut test } else { &mut train };
        *seen += 1;
        part.push(&images.image(index)?, label)?;
    }
    Ok((train, test))
}

impl Raw {
    /// The data set, and what it was taken for.
    pub(super) fn finish(self, opened: &Opened, mut reading: Reading) -> Result<Dataset, DataError> {
        let Self { shape, classes, train, test, augmentation, mut format, mut notes } = self;
        let path = &opened.path;
        let (train, test) = match test {
            Some(_) if reading.test_share.is_some() && reading.format != Some(DataFormat::Pictures) => {
                return Err(no_share(path));
            }
            Some(test) => (train, test),
            None => {
                let share = *reading.test_share.get_or_insert(Reading::USUAL_TEST_SHARE);
                format += &format!(", {share} % of each class held out for test");
                divided(train, shape, share)?
            }
        };
        if let (true, Some(share)) = (test.labels.is_empty(), reading.test_share) {
            return Err(DataError::Damaged {
                path: path.clone(),
                expected: "a test part, or enough images to hold some out".to_owned(),
                found: format!("{} and a test share of {share} %", counted(train.labels.len() as u64, "image")),
                remedy: "add images, or hold more out with `--test-share`",
            });
        }
        let classes = named(path, classes, &[&train.labels, &test.labels])?;
        notes.extend(lacking(&classes, &train.labels, "training"));
        notes.extend(lacking(&classes, &test.labels, "test"));
        let name = opened.name();
        let form = (shape, classes.len());
        let train = Part::kept((train.images.finish()?, train.labels), (&name, "training"), form)?;
        let test = Part::kept((test.images.finish()?, test.labels), (&name, "test"), form)?;
        let description = description(&name, &format, [&train, &test], form);
        let dataset = Dataset::of(&name, shape, classes, [train, test], augmentation)?;
        Ok(dataset.taken_for(Taken { reading, description, notes }))
    }
}

/// That a share is asked for where the files have a test part.
pub(super) fn no_share(path: &Path) -> DataError {
    DataError::NoChoice { path: path.to_owned(), option: "--test-share", format: "files that have a test part" }
}

/// What a data set is, in a line.
pub(in crate::data) fn description(
    name: &str,
    format: &str,
    [train, test]: [&Part; 2],
    (shape, classes): (ImageShape, usize),
) -> String {
    let colours = match shape.channels {
        1 => "grey".to_owned(),
        3 => "RGB".to_owned(),
        channels => counted(channels as u64, "channel"),
    };
    format!(
        "{name}: {format}, {} training and {} test images, {}×{} {colours}, {classes} classes",
        count(train.len().into()),
        count(test.len().into()),
        shape.width,
        shape.height,
    )
}

/// The names of all classes: those of the file, which must be enough, or the labels' numbers.
fn named(path: &Path, classes: Option<Vec<String>>, labels: &[&[u8]]) -> Result<Vec<String>, DataError> {
    let most = labels.iter().flat_map(|labels| labels.iter()).max().map_or(0, |&most| usize::from(most) + 1);
    match classes {
        Some(names) if names.len() < most || names.len() > MOST_CLASSES => Err(DataError::ClassNames {
            path: path.to_owned(),
            expected: format!("a name for each of {most} classes, and {MOST_CLASSES} at most"),
            found: counted(names.len() as u64, "name"),
        }),
        Some(names) => Ok(names),
        None => Ok((0..most).map(|class| class.to_string()).collect()),
    }
}

/// That classes have no image in a part, if so.
fn lacking(classes: &[String], labels: &[u8], part: &str) -> Option<String> {
    let mut there = [false; MOST_CLASSES];
    labels.iter().for_each(|label| there[usize::from(*label)] = true);
    let lacking: Vec<&str> = classes.iter().zip(there).filter(|(_, there)| !there).map(|(name, _)| &name[..]).collect();
    let few = lacking.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    match lacking.len() {
        0 => None,
        1 => Some(format!("no {part} image is of class {few}")),
        many => {
            let more = if many > 5 { ", …" } else { "" };
            Some(format!("no {part} image is of {many} of {} classes: {few}{more}", classes.len()))
        }
    }
}
