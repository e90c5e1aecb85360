//! A table of numbers, as Kaggle has MNIST: a row an image, its label and its pixels.
//!
//! A heading, if there is one, says whether `label` is the first or the last column; without one
//! it is the first. The pixels, 0 to 255, are those of a square grey image, row by row.

use std::path::{Path, PathBuf};

use super::Opened;
use super::files::{Root, Stream};
use super::records::{LARGEST, Raw, Records};
use crate::data::error::DataError;
use revacnn_schemas::{AugmentationSpec, ImageShape};

/// Four letters a pixel, and some for what else there is.
const MOST_LINE: u64 = 4 * (LARGEST * LARGEST) as u64 + 4_096;

/// Whether a file is such a table, as far as its name tells.
pub(super) fn is_table(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.ends_with(".csv") || name.ends_with(".csv.gz")
}

/// The tables of a folder that train and that test.
pub(super) fn files(root: &Root, folder: &Path) -> Result<(Option<PathBuf>, Option<PathBuf>), DataError> {
    let tables = root.list(folder)?.into_iter().filter(|entry| !entry.is_folder && is_table(&entry.path));
    let tables: Vec<PathBuf> = tables.map(|entry| entry.path).collect();
    let of = |part: &str| {
        let is_of =
            |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(part));
        tables.iter().find(is_of).cloned()
    };
    Ok(match &tables[..] {
        [only] => (Some(only.clone()), None),
        _ => (of("train"), of("test")),
    })
}

pub(super) fn read(opened: &Opened) -> Result<Raw, DataError> {
    let (train, test) = match opened.path.is_dir() {
        true => files(&Root::of(&opened.path)?, &opened.path)?,
        false => (Some(opened.path.clone()), None),
    };
    let train = train.ok_or_else(|| DataError::NoFile {
        path: opened.path.join("train.csv"),
        expected: "the table that trains".to_owned(),
        found: "nothing there",
        remedy: "name it so, or name the file itself",
    })?;
    let (mut notes, format) = (Vec::new(), "CSV".to_owned());
    let (shape, train_records) = table(&train, None)?;
    let test_records = match test {
        Some(path) => match table(&path, Some(shape)) {
            Ok((_, records)) => Some(records),
            Err(Unusable::NoLabels { pixels }) => {
                notes.push(format!("{} is not read: its rows have {pixels} pixels and no label", path.display()));
                None
            }
            Err(Unusable::Wrong(error)) => return Err(error),
        },
        None => None,
    };
    let root = opened.path.is_dir().then(|| Root::of(&opened.path)).transpose()?;
    let classes = root.map(|root| root.class_names(&opened.path)).transpose()?.flatten();
    let augmentation = AugmentationSpec::NONE;
    Ok(Raw { shape, classes, train: train_records, test: test_records, augmentation, format, notes })
}

/// Why a table is not taken.
enum Unusable {
    /// It has the images' pixels and no labels, as Kaggle's test files.
    NoLabels {
        pixels: usize,
    },
    Wrong(DataError),
}

impl From<DataError> for Unusable {
    fn from(error: DataError) -> Self {
        Self::Wrong(error)
    }
}

impl From<Unusable> for DataError {
    fn from(reason: Unusable) -> Self {
        match reason {
            Unusable::Wrong(error) => error,
            // Asked of a table whose shape nothing else says.
            Unusable::NoLabels { pixels } => Self::Inconsistent {
                name: "CSV".to_owned(),
                part: "training",
                expected: "labels".to_owned(),
                found: format!("{pixels} pixels and none"),
            },
        }
    }
}

/// The images of a table; of this shape, where another table says it.
fn table(path: &Path, shape: Option<ImageShape>) -> Result<(ImageShape, Records), Unusable> {
    let mut file = Stream::open(path, "a table of pixels")?;
    let expected = || "rows of a label and pixels".to_owned();
    let (mut records, mut form): (Option<Records>, Option<(ImageShape, usize)>) = (None, None);
    let (mut row, mut is_last) = (0_u64, false);
    let mut values = Vec::new();
    while let Some(line) = file.line(MOST_LINE, &expected)? {
        row += 1;
        if line.is_empty() {
            continue;
        }
        let fields = || line.split(|&byte| byte == b',');
        if row == 1 && fields().any(|field| field.iter().any(u8::is_ascii_alphabetic)) {
            let is_label = |field: Option<&[u8]>| {
                field.is_some_and(|field| matches!(trimmed(field).to_ascii_lowercase().as_slice(), b"label" | b"class"))
            };
            is_last = is_label(fields().next_back()) && !is_label(fields().next());
            if let (Some(shape), false, false) = (shape, is_last, is_label(fields().next()))
                && fields().count() == shape.len()
            {
                return Err(Unusable::NoLabels { pixels: shape.len() });
            }
            continue;
        }
        values.clear();
        for field in fields() {
            let value = std::str::from_utf8(trimmed(field)).ok().and_then(|text| text.parse::<u8>().ok());
            let Some(value) = value else {
                let found: String = String::from_utf8_lossy(field).chars().take(20).collect();
                let expected = format!("whole numbers 0..255 in row {row} (counted from 1)");
                return Err(file.damaged(expected, format!("{found:?}")).into());
            };
            values.push(value);
        }
        let (shape, columns) = match form {
            Some(form) => form,
            None => {
                if let Some(shape) = shape.filter(|shape| shape.len() == values.len()) {
                    return Err(Unusable::NoLabels { pixels: shape.len() });
                }
                let pixels = values.len() - 1;
                let side = pixels.isqrt();
                if side * side != pixels || !(1..=LARGEST).contains(&side) {
                    let expected = format!("a label and the pixels of a square grey image of at most {LARGEST} rows");
                    return Err(file.damaged(expected, format!("{} columns", values.len())).into());
                }
                let found = ImageShape { channels: 1, height: side, width: side };
                if let Some(shape) = shape.filter(|shape| *shape != found) {
                    let expected = format!("{} pixels a row, as those that train", shape.len());
                    return Err(file.damaged(expected, format!("{pixels}")).into());
                }
                (found, values.len())
            }
        };
        form = Some((shape, columns));
        if values.len() != columns {
            let expected = format!("{columns} columns in row {row} (counted from 1)");
            return Err(file.damaged(expected, format!("{}", values.len())).into());
        }
        let (label, pixels) = match is_last {
            true => (values[columns - 1], &values[..columns - 1]),
            false => (values[0], &values[1..]),
        };
        records.get_or_insert_with(|| Records::of(shape)).push(pixels, label)?;
    }
    match (form, records) {
        (Some((shape, _)), Some(records)) => Ok((shape, records)),
        _ => Err(file.damaged(expected(), "none".to_owned()).into()),
    }
}

fn trimmed(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}
