//! What a person wants to know of a data set before trusting it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use super::catalogue::{load_as, source};
use super::dataset::{Dataset, Split, Taken};
use super::error::DataError;
use super::identity::hashes;
use super::part::Part;
use crate::threads::Threads;
use revacnn_schemas::{DatasetIdentity, ImageIndex, ImageShape, Reading};

/// A data set that loads, in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Name and digest.
    pub identity: DatasetIdentity,
    /// Whether the digest was compared with the one that everybody must get. Data
    /// sets that are excerpts or a user's own have none.
    pub digest_verified: bool,
    /// The shape of every image.
    pub shape: ImageShape,
    /// The classes, in label order.
    pub classes: Vec<ClassCount>,
    /// Each channel over the whole training part.
    pub channels: Vec<ChannelStatistics>,
    /// What files of a person's own were taken for.
    pub taken: Option<Taken>,
    /// Images that are in two splits.
    pub overlaps: Vec<Overlap>,
    /// That the hold-out does not stand for the images that train, if so.
    pub lopsided: Option<String>,
}

impl CheckReport {
    /// Images that train, images held out for validation, and test images.
    pub fn totals(&self) -> (u32, u32, u32) {
        self.classes.iter().fold((0, 0, 0), |(train, validation, test), class| {
            (train + class.train, validation + class.validation, test + class.test)
        })
    }
}

/// Images of one split that another one has, too, whatever their labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// The split whose images are counted.
    pub of: Split,
    /// The split that has them, too.
    pub within: Split,
    /// How many of `of` there are.
    pub images: u32,
    /// The first of them: its number in `of` and in `within`.
    pub first: (ImageIndex, ImageIndex),
}

/// How many images of a class there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Images that train.
    pub train: u32,
    /// Images of the training part that are held out for validation.
    pub validation: u32,
    /// Test images.
    pub test: u32,
}

/// Mean and spread of a channel, in units of the largest byte (0..=1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelStatistics {
    /// The mean of all pixels.
    pub mean: f64,
    /// The standard deviation of all pixels (the population's).
    pub standard_deviation: f64,
}

/// Loads a data set, verifies all that can be verified, and describes it.
///
/// # Errors
///
/// What [`load`](super::load) can say, and [`DataError::Digest`] when a data set that is the same
/// for everybody differs here.
pub fn check(name_or_path: impl AsRef<OsStr>, data_folder: Option<&Path>) -> Result<CheckReport, DataError> {
    check_as(name_or_path, data_folder, &Reading::default()).map(|(_, report)| report)
}

/// [`check`] of files that are read in a way that a person asks for, with the data set.
///
/// # Errors
///
/// As [`check`], and those of [`load_as`].
pub fn check_as(
    name_or_path: impl AsRef<OsStr>,
    data_folder: Option<&Path>,
    reading: &Reading,
) -> Result<(Dataset, CheckReport), DataError> {
    let dataset = load_as(&name_or_path, data_folder, reading)?;
    let reference =
        name_or_path.as_ref().to_str().and_then(source).and_then(|source| Some((source.name, source.digest?)));
    if let Some((name, expected)) = reference {
        let found = dataset.content()?.to_string();
        if found != expected {
            return Err(DataError::Digest { name, expected: expected.to_owned(), found });
        }
    }
    let report = CheckReport {
        identity: dataset.identity().clone(),
        digest_verified: reference.is_some(),
        shape: dataset.shape(),
        classes: count_classes(&dataset),
        channels: channel_statistics(dataset.train(), dataset.shape())?,
        taken: dataset.taken().cloned(),
        overlaps: overlaps(&dataset)?,
        lopsided: dataset.lopsided(),
    };
    Ok((dataset, report))
}

/// The splits that have images in common.
fn overlaps(dataset: &Dataset) -> Result<Vec<Overlap>, DataError> {
    let threads = Threads::of_all_cores();
    let (train, test) = (hashes(&threads, dataset.train(), false)?, hashes(&threads, dataset.test(), false)?);
    let of = |split: Split| if split == Split::Test { &test } else { &train };
    let mut overlaps = Vec::new();
    for (of_split, within) in
        [(Split::Validation, Split::Train), (Split::Test, Split::Train), (Split::Test, Split::Validation)]
    {
        let mut seen = HashMap::new();
        for index in dataset.indices(within) {
            seen.entry(of(within)[index.0 as usize]).or_insert(index);
        }
        let twice = |index: ImageIndex| Some((index, *seen.get(&of(of_split)[index.0 as usize])?));
        let twice: Vec<_> = dataset.indices(of_split).into_iter().filter_map(twice).collect();
        overlaps.extend(twice.first().map(|&first| Overlap {
            of: of_split,
            within,
            images: twice.len() as u32,
            first,
        }));
    }
    Ok(overlaps)
}

fn count_classes(dataset: &Dataset) -> Vec<ClassCount> {
    let counts = |split: Split| {
        let mut counts = vec![0u32; dataset.class_names().len()];
        let labels = dataset.part(split).labels();
        for index in dataset.indices(split) {
            counts[usize::from(labels[index.0 as usize])] += 1;
        }
        counts
    };
    let (train, validation) = (counts(Split::Train), counts(Split::Validation));
    let test = counts(Split::Test);
    let names = dataset.class_names().iter().cloned();
    names
        .zip(train)
        .zip(validation)
        .zip(test)
        .map(|(((name, train), validation), test)| ClassCount { name, train, validation, test })
        .collect()
}

/// Sums of bytes are whole numbers, hence exact; one division at the end.
fn channel_statistics(part: &Part, shape: ImageShape) -> Result<Vec<ChannelStatistics>, DataError> {
    let plane = shape.height * shape.width;
    let mut sums = vec![(0u64, 0u64); shape.channels];
    for image in part.iter() {
        let (image, _) = image?;
        for (plane, (sum, squares)) in image.chunks_exact(plane).zip(&mut sums) {
            for byte in plane {
                *sum += u64::from(*byte);
                *squares += u64::from(*byte) * u64::from(*byte);
            }
        }
    }
    let count = u128::from(part.len()) * plane as u128;
    let statistics = sums
        .into_iter()
        .map(|(sum, squares)| {
            let spread = count * u128::from(squares) - u128::from(sum) * u128::from(sum);
            ChannelStatistics {
                mean: sum as f64 / count as f64 / 255.0,
                standard_deviation: (spread as f64).sqrt() / count as f64 / 255.0,
            }
        })
        .collect();
    Ok(statistics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_their_published_statistics() {
        let report = check("digits", None).unwrap();
        assert!(report.digest_verified);
        assert_eq!(report.totals(), (1_350, 150, 297));
        // 4.8842 and 6.0168 of 16 over all rows; the training rows are near.
        let channel = report.channels[0];
        assert!((channel.mean - 4.8842 / 16.0).abs() < 0.01, "{channel:?}");
        assert!((channel.standard_deviation - 6.0168 / 16.0).abs() < 0.01, "{channel:?}");
    }

    #[test]
    fn shapes_are_verified_and_balanced() {
        let report = check("shapes", None).unwrap();
        assert!(report.digest_verified);
        assert_eq!(report.channels.len(), 3);
        for class in &report.classes {
            assert_eq!((class.train, class.validation, class.test), (540, 60, 100), "{class:?}");
        }
    }

    #[test]
    fn images_that_are_in_two_splits_are_told() {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let names = vec!["a".to_owned(), "b".to_owned()];
        let train: Vec<u8> = vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 40];
        let labels = vec![0; train.len()];
        let (test, test_labels) = (vec![40, 3, 99, 40], vec![0, 1, 1, 0]);
        let none = revacnn_schemas::AugmentationSpec::NONE;
        let all = Dataset::new("t", shape, names, (train, labels), (test, test_labels), none).unwrap();
        let told: Vec<_> =
            overlaps(&all).unwrap().iter().map(|o| (o.of, o.within, o.images, o.first.0.0, o.first.1.0)).collect();
        let expected = [
            (Split::Validation, Split::Train, 1, 9, 3),
            (Split::Test, Split::Train, 3, 0, 10),
            (Split::Test, Split::Validation, 1, 1, 9),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn statistics_are_those_of_the_definition() {
        let shape = ImageShape { channels: 2, height: 1, width: 2 };
        let images = vec![0, 255, 10, 10, 0, 255, 10, 10];
        let names = vec!["only".to_owned()];
        let none = revacnn_schemas::AugmentationSpec::NONE;
        let all = Dataset::new("t", shape, names, (images, vec![0, 0]), (vec![0; 4], vec![0]), none);
        let channels = channel_statistics(all.unwrap().train(), shape).unwrap();
        assert_eq!((channels[0].mean, channels[0].standard_deviation), (0.5, 0.5));
        assert_eq!((channels[1].mean, channels[1].standard_deviation), (10.0 / 255.0, 0.0));
    }
}
