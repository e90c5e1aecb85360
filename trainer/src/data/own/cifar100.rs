//! CIFAR-100 in its binary version.
//!
//! ```text
//! train.bin, test.bin                             records of 3074 bytes without a header
//!
//!   0        1      2           1026        2050        3074
//!   ├ coarse ┼ fine ┼ red bytes ┼ green …   ┼ blue …    ┤ next record
//!
//! coarse_label_names.txt, fine_label_names.txt    20 and 100 names, one a line
//! ```
//!
//! Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009).

use std::path::{Path, PathBuf};

use super::Opened;
use super::files::{Root, Stream};
use super::records::{Raw, Records};
use crate::data::error::DataError;
use crate::data::source::Counts;
use crate::files::{Found, look};
use revacnn_schemas::{AugmentationSpec, ImageShape, LabelKind};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const RECORD: usize = 2 + SHAPE.len();

/// Ten times the official file; a longer one is not CIFAR-100.
const MOST_RECORDS: u64 = 500_000;

/// Whether a folder has such files, as far as their names and lengths tell.
pub(super) fn is_there(folder: &Path) -> Result<bool, DataError> {
    Ok(matches!(look(&folder.join("train.bin"))?, Found::File { .. }))
}

pub(super) fn read(opened: &Opened, kind: LabelKind) -> Result<Raw, DataError> {
    let (root, folder) = (Root::of(&opened.path)?, &opened.path);
    let (file, number) = match kind {
        LabelKind::Fine => ("fine_label_names.txt", 100),
        LabelKind::Coarse => ("coarse_label_names.txt", 20),
    };
    let classes = match root.names(folder, file)? {
        Some(names) if names.len() != number => {
            return Err(DataError::ClassNames {
                path: folder.join(file),
                expected: format!("{number} names, one a line"),
                found: format!("{} names", names.len()),
            });
        }
        Some(names) => names,
        None => (0..number).map(|class| class.to_string()).collect(),
    };
    let part = |name: &str| part(&root, folder.join(name), kind);
    Ok(Raw {
        shape: SHAPE,
        classes: Some(classes),
        train: part("train.bin")?,
        test: Some(part("test.bin")?),
        augmentation: AugmentationSpec::SHIFT_AND_FLIP,
        format: format!("CIFAR-100, {kind} labels"),
        notes: Vec::new(),
    })
}

/// How many images each part has, by the files' lengths alone.
pub(super) fn count(folder: &Path) -> Result<Counts, DataError> {
    let root = Root::of(folder)?;
    let of_part = |name: &str| Ok::<u32, DataError>(records(&root, &folder.join(name))? as u32);
    Ok(Counts { train_images: of_part("train.bin")?, test_images: of_part("test.bin")? })
}

/// The number of a file's records.
fn records(root: &Root, path: &Path) -> Result<u64, DataError> {
    let Found::File { bytes } = look(path)? else {
        return Err(DataError::NoFile {
            path: path.to_owned(),
            expected: "a file of CIFAR-100's records".to_owned(),
            found: "nothing there",
            remedy: "CIFAR-100's binary version has train.bin and test.bin",
        });
    };
    root.check(path)?;
    let number = bytes / RECORD as u64;
    if number == 0 || number > MOST_RECORDS || bytes % RECORD as u64 != 0 {
        let expected = format!("1 to {MOST_RECORDS} records of {RECORD} bytes");
        return Err(DataError::Length { path: path.to_owned(), expected, found: bytes });
    }
    Ok(number)
}

fn part(root: &Root, path: PathBuf, kind: LabelKind) -> Result<Records, DataError> {
    let number = records(root, &path)?;
    let mut file = Stream::open(&path, "CIFAR-100's data")?;
    let (mut records, mut record) = (Records::of(SHAPE), vec![0; RECORD]);
    for index in 0..number {
        file.fill(&mut record, &|| format!("{number} records of {RECORD} bytes"))?;
        let [coarse, fine] = [record[0], record[1]];
        let (label, last) = match kind {
            LabelKind::Fine => (fine, 99),
            LabelKind::Coarse => (coarse, 19),
        };
        if label > last {
            return Err(DataError::Label { path, record: index, last, found: label });
        }
        records.push(&record[2..], label)?;
    }
    Ok(records)
}
