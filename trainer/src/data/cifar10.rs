//! CIFAR-10 in its binary version.
//!
//! ```text
//! data_batch_1.bin … data_batch_5.bin, test_batch.bin     records without a header
//!
//!   0       1                1025              2049            3073
//!   ├ label ┼ 32×32 red bytes ┼ 32×32 green bytes ┼ 32×32 blue bytes ┤ next record
//!
//! batches.meta.txt                                        ten class names, one per line
//! ```
//!
//! The number of records comes from a file's length, and the training part is
//! whichever of the five batches are there, in order: excerpts work like the whole.
//!
//! Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*
//! (2009).

use std::io::Read;
use std::path::{Path, PathBuf};

use super::dataset::{Dataset, Taken};
use super::error::DataError;
use super::own::description;
use super::source::{Counts, Location, Source};
use crate::files::{Found, io, look, open};
use revacnn_schemas::{
    AugmentationSpec, DataFormat, ImageShape, PackedFile, Packing, Published, PublishedFile, Reading,
};

const NAME: &str = "cifar10";
const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const RECORD: usize = 1 + SHAPE.len();

/// Ten times an official batch; a longer file is not CIFAR-10.
const MOST_RECORDS: u64 = 100_000;
const MOST_NAME_BYTES: u64 = 65_536;

/// The length of each published file of images, 10,000 records.
const BATCH: u64 = 10_000 * RECORD as u64;

const TEST_FILE: &str = "test_batch.bin";
const NAMES_FILE: &str = "batches.meta.txt";
const GET_IT: &str = "get CIFAR-10's binary version from https://www.cs.toronto.edu/~kriz/cifar.html";

pub(super) const SOURCE: Source = Source {
    name: NAME,
    shape: SHAPE,
    classes: &CLASSES,
    augmentation: AugmentationSpec::SHIFT_AND_FLIP,
    from: "Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009), binary version",
    licence: "none stated; the authors ask to be cited",
    digest: None,
    location: Location::Folder {
        format: DataFormat::Cifar10,
        published: Published {
            name: NAME,
            folder: "cifar-10-batches-bin",
            address: "https://www.cs.toronto.edu/~kriz",
            files: &[PublishedFile {
                name: "cifar-10-binary.tar.gz",
                bytes: 170_052_171,
                // As TensorFlow Datasets has it of the same file.
                sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                packing: Packing::TarGzip,
                contents: &[
                    PackedFile::of("data_batch_1.bin", BATCH),
                    PackedFile::of("data_batch_2.bin", BATCH),
                    PackedFile::of("data_batch_3.bin", BATCH),
                    PackedFile::of("data_batch_4.bin", BATCH),
                    PackedFile::of("data_batch_5.bin", BATCH),
                    PackedFile::of(TEST_FILE, BATCH),
                    PackedFile::up_to(NAMES_FILE, MOST_NAME_BYTES),
                ],
            }],
        },
    },
};

/// Reads the data set from a folder.
pub(super) fn load(folder: &Path) -> Result<Dataset, DataError> {
    let (batches, test) = find(folder)?;
    let names = class_names(&folder.join(NAMES_FILE))?;
    let records = batches.iter().map(|batch| batch.records).sum::<u64>() as usize;
    let mut train = (Vec::with_capacity(records * SHAPE.len()), Vec::with_capacity(records));
    for batch in &batches {
        batch.read_into(&mut train)?;
    }
    let mut test_part = (Vec::new(), Vec::new());
    test.read_into(&mut test_part)?;
    let dataset = Dataset::new(NAME, SHAPE, names, train, test_part, SOURCE.augmentation)?;
    let format = match batches.len() {
        5 => "binary".to_owned(),
        some => format!("binary, {some} of 5 training files"),
    };
    let parts = [dataset.train(), dataset.test()];
    let description = description(NAME, &format, parts, (SHAPE, dataset.class_names().len()));
    let reading = Reading { format: Some(DataFormat::Cifar10), ..Reading::default() };
    Ok(dataset.taken_for(Taken { reading, description, notes: Vec::new() }))
}

/// Whether a folder has files of this format, as far as their names tell.
pub(super) fn is_there(folder: &Path) -> bool {
    let batches = (1..=5).map(|number| format!("data_batch_{number}.bin"));
    batches.into_iter().any(|name| folder.join(name).exists())
}

/// The numbers of images, from the files' lengths alone.
pub(super) fn count(folder: &Path) -> Result<Counts, DataError> {
    let (batches, test) = find(folder)?;
    let train_images = batches.iter().map(|batch| batch.records).sum::<u64>();
    Ok(Counts { train_images: train_images as u32, test_images: test.records as u32 })
}

/// A file of records whose length has been checked.
struct Batch {
    path: PathBuf,
    records: u64,
}

/// The training batches that are there, in order, and the test batch.
fn find(folder: &Path) -> Result<(Vec<Batch>, Batch), DataError> {
    match look(folder)? {
        Found::Folder => {}
        other => {
            return Err(DataError::NoFolder {
                path: folder.to_owned(),
                expected: format!("CIFAR-10's binary files (data_batch_1.bin, {TEST_FILE}, …)"),
                found: other.describe(),
                remedy: format!("check the path, or {GET_IT}"),
            });
        }
    }
    let mut batches = Vec::new();
    for number in 1..=5 {
        let path = folder.join(format!("data_batch_{number}.bin"));
        match look(&path)? {
            Found::Nothing => {}
            found => batches.push(Batch::new(path, found)?),
        }
    }
    if batches.is_empty() {
        return Err(DataError::NoFile {
            path: folder.join("data_batch_1.bin"),
            expected: "at least one of data_batch_1.bin to data_batch_5.bin".to_owned(),
            found: Found::Nothing.describe(),
            remedy: GET_IT,
        });
    }
    let path = folder.join(TEST_FILE);
    let found = look(&path)?;
    Ok((batches, Batch::new(path, found)?))
}

impl Batch {
    fn new(path: PathBuf, found: Found) -> Result<Self, DataError> {
        let Found::File { bytes } = found else {
            return Err(DataError::NoFile {
                path,
                expected: "a file of CIFAR-10 records".to_owned(),
                found: found.describe(),
                remedy: GET_IT,
            });
        };
        let records = bytes / RECORD as u64;
        if records == 0 || records > MOST_RECORDS || bytes % RECORD as u64 != 0 {
            let expected = format!("1 to {MOST_RECORDS} records of {RECORD} bytes");
            return Err(DataError::Length { path, expected, found: bytes });
        }
        Ok(Self { path, records })
    }

    /// Appends the batch's images and labels.
    fn read_into(&self, (images, labels): &mut (Vec<u8>, Vec<u8>)) -> Result<(), DataError> {
        let content = read(&self.path, self.records * RECORD as u64)?;
        for (record, bytes) in content.chunks_exact(RECORD).enumerate() {
            if usize::from(bytes[0]) >= CLASSES.len() {
                return Err(DataError::Label {
                    path: self.path.clone(),
                    record: record as u64,
                    last: CLASSES.len() as u8 - 1,
                    found: bytes[0],
                });
            }
            labels.push(bytes[0]);
            images.extend_from_slice(&bytes[1..]);
        }
        Ok(())
    }
}

/// Reads a file that [`look`] has found to have `bytes` bytes.
fn read(path: &Path, bytes: u64) -> Result<Vec<u8>, DataError> {
    let (file, _) = open(path, "CIFAR-10's data")?;
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    file.take(bytes + 1).read_to_end(&mut content).map_err(io(path))?;
    if content.len() as u64 != bytes {
        return Err(DataError::Length {
            path: path.to_owned(),
            expected: format!("{bytes} bytes, its length a moment ago"),
            found: content.len() as u64,
        });
    }
    Ok(content)
}

/// The class names of the file, or the standard ones where there is no file.
fn class_names(path: &Path) -> Result<Vec<String>, DataError> {
    let wrong = |expected: &str, found: String| DataError::ClassNames {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let bytes = match look(path)? {
        Found::Nothing => return Ok(CLASSES.map(str::to_owned).to_vec()),
        Found::File { bytes } if bytes <= MOST_NAME_BYTES => bytes,
        Found::File { bytes } => return Err(wrong("ten short lines", format!("{bytes} bytes"))),
        other => return Err(wrong("a text file", other.describe().to_owned())),
    };
    let text = String::from_utf8(read(path, bytes)?)
        .map_err(|error| wrong("text in UTF-8", format!("other bytes ({error})")))?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // Names reach terminals and file names.
    if let Some(name) = names.iter().find(|name| name.chars().any(char::is_control)) {
        return Err(wrong("names without control characters", format!("{name:?}")));
    }
    if names.len() != CLASSES.len() {
        return Err(wrong("ten names, one a line", format!("{} names", names.len())));
    }
    Ok(names)
}

#[cfg(test)]
#[path = "cifar10_tests.rs"]
mod tests;
