//! The 1,797 handwritten digits of 8×8 pixels, embedded in the program.

use std::io::Read;

use flate2::read::GzDecoder;

use super::dataset::Dataset;
use super::error::DataError;
use super::source::{Location, Source};
use revacnn_schemas::{AugmentationSpec, ImageShape};

const NAME: &str = "digits";
const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };
const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const TRAIN_IMAGES: u32 = 1_500;
const TEST_IMAGES: u32 = 297;

/// The largest pixel value in the file.
const INK: u16 = 16;

static FILE: &[u8] = include_bytes!("../../assets/digits.csv.gz");

pub(super) const SOURCE: Source = Source {
    name: NAME,
    shape: SHAPE,
    classes: &CLASSES,
    augmentation: AugmentationSpec::NONE,
    from: "UCI, Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998), its test part",
    licence: "CC BY 4.0",
    digest: Some("7d564616105589a991a409b2a56b55a3ef1300bd3f2219b4f499fba5632f0c5b"),
    location: Location::BuiltIn { train_images: TRAIN_IMAGES, test_images: TEST_IMAGES, load },
};

/// Decodes the embedded file: the first 1,500 rows train, the last 297 test.
fn load() -> Result<Dataset, DataError> {
    let mut text = String::new();
    GzDecoder::new(FILE).read_to_string(&mut text).map_err(|source| DataError::Io {
        path: "trainer/assets/digits.csv.gz (embedded)".into(),
        operation: "decompressed",
        source,
    })?;
    let mut images = Vec::with_capacity((TRAIN_IMAGES + TEST_IMAGES) as usize * SHAPE.len());
    let mut labels = Vec::with_capacity((TRAIN_IMAGES + TEST_IMAGES) as usize);
    for (row, line) in text.lines().enumerate() {
        labels.push(read_row(row, line, &mut images)?);
    }
    let wrong_count =
        || DataError::Row { name: NAME, row: labels.len(), expected: "1797 rows in all", found: "the end".to_owned() };
    if labels.len() != (TRAIN_IMAGES + TEST_IMAGES) as usize {
        return Err(wrong_count());
    }
    let test_images = images.split_off(TRAIN_IMAGES as usize * SHAPE.len());
    let test_labels = labels.split_off(TRAIN_IMAGES as usize);
    let names = CLASSES.map(str::to_owned).to_vec();
    let (train, test) = ((images, labels), (test_images, test_labels));
    Dataset::new(NAME, SHAPE, names, train, test, AugmentationSpec::NONE)
}

/// Appends a row's pixels, scaled from 0..=16 to bytes, and returns its label.
fn read_row(row: usize, line: &str, images: &mut Vec<u8>) -> Result<u8, DataError> {
    let wrong =
        |expected: &'static str, found: &str| DataError::Row { name: NAME, row, expected, found: found.to_owned() };
    let mut fields = line.trim_end().split(',');
    for _ in 0..SHAPE.len() {
        let field = fields.next().ok_or_else(|| wrong("64 pixels and a label", line))?;
        let ink = field.parse().ok().filter(|ink| *ink <= INK);
        let ink = ink.ok_or_else(|| wrong("a pixel 0..16", field))?;
        images.push(byte_of_ink(ink));
    }
    let field = fields.next().ok_or_else(|| wrong("64 pixels and a label", line))?;
    if fields.next().is_some() {
        return Err(wrong("64 pixels and a label", line));
    }
    field.parse().ok().filter(|label| *label <= 9).ok_or_else(|| wrong("a label 0..9", field))
}

/// `round(ink · 255 / 16)`, halves upwards.
fn byte_of_ink(ink: u16) -> u8 {
    ((ink * 255 + INK / 2) / INK).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_never_changes() {
        assert_eq!(load().unwrap().identity().digest.to_string(), SOURCE.digest.unwrap());
    }

    #[test]
    fn counts_and_first_image_are_those_of_the_file() {
        let digits = load().unwrap();
        assert_eq!((digits.train().len(), digits.test().len()), (1_500, 297));
        let mut counts = [0; 10];
        for label in digits.train().labels().iter().chain(digits.test().labels()) {
            counts[usize::from(*label)] += 1;
        }
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        // 0,0,5,13,9,1,0,0 of the file.
        assert_eq!(digits.train().images()[..8], [0, 0, 80, 207, 143, 16, 0, 0]);
        assert_eq!(digits.train().labels()[..5], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn ink_covers_the_bytes() {
        assert_eq!([0, 8, 16].map(byte_of_ink), [0, 128, 255]);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let good = format!("{}7", "0,".repeat(64));
        assert_eq!(read_row(0, &good, &mut Vec::new()).unwrap(), 7);
        for (line, expected) in [
            ("0,1,2".to_owned(), "64 pixels and a label"),
            (format!("{good},1"), "64 pixels and a label"),
            (good.replacen('0', "17", 1), "a pixel 0..16"),
            (good.replacen('0', "-1", 1), "a pixel 0..16"),
            (good.replace('7', "10"), "a label 0..9"),
        ] {
            let error = read_row(3, &line, &mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("row 3"), "{error}");
        }
    }
}
