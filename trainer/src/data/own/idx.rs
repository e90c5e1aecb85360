//! IDX files, as MNIST and Fashion-MNIST come.
//!
//! ```text
//! 00 00 08 03  count  rows  columns   then the images' bytes, row by row
//! 00 00 08 01  count                  then a label for each
//! ```
//!
//! All numbers are of 32 bits, the highest byte first.
//!
//! Source: Y. LeCun, C. Cortes and C. Burges, *The MNIST database of handwritten digits*.

use std::path::{Path, PathBuf};

use super::Opened;
use super::files::{GET_AGAIN, Root, Stream};
use super::records::{LARGEST, Raw, Records};
use crate::data::error::DataError;
use crate::data::mnist::FASHION;
use crate::data::source::Counts;
use revacnn_schemas::{AugmentationSpec, ImageShape};

const IMAGES: [u8; 4] = [0, 0, 8, 3];
const LABELS: [u8; 4] = [0, 0, 8, 1];
const MOST_IMAGES: u32 = 10_000_000;

/// The files of one part.
fn files(root: &Root, folder: &Path, part: &str) -> Result<(Option<PathBuf>, Option<PathBuf>), DataError> {
    let names = |kind: &str, axes: u8| {
        let names = [format!("{part}-{kind}-idx{axes}-ubyte"), format!("{part}-{kind}.idx{axes}-ubyte")];
        names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]).collect::<Vec<_>>()
    };
    Ok((root.first(folder, &names("images", 3))?, root.first(folder, &names("labels", 1))?))
}

/// Whether a folder has such files, as far as their names tell.
pub(super) fn is_there(root: &Root, folder: &Path) -> Result<bool, DataError> {
    Ok(!matches!(files(root, folder, "train")?, (None, None)))
}

pub(super) fn read(opened: &Opened) -> Result<Raw, DataError> {
    let (root, folder) = (Root::of(&opened.path)?, &opened.path);
    let train = part(&root, folder, "train")?.ok_or_else(|| lacking(folder, "train", "images"))?;
    let test = match part(&root, folder, "t10k")? {
        Some(test) => Some(test),
        None => part(&root, folder, "test")?,
    };
    let (shape, train) = train;
    let test = match test {
        Some((other, _)) if other != shape => {
            return Err(DataError::Damaged {
                path: folder.clone(),
                expected: format!("test images of {}×{} as those that train", shape.width, shape.height),
                found: format!("{}×{}", other.width, other.height),
                remedy: GET_AGAIN,
            });
        }
        test => test.map(|(_, test)| test),
    };
    let classes = match root.class_names(folder)? {
        // The files say nothing of it.
        None if is_fashion(opened) => Some(FASHION.map(str::to_owned).to_vec()),
        names => names,
    };
    let augmentation = AugmentationSpec::NONE;
    Ok(Raw { shape, classes, train, test, augmentation, format: "IDX".to_owned(), notes: Vec::new() })
}

/// How many images each part has, by the headers alone.
pub(super) fn count(folder: &Path) -> Result<Counts, DataError> {
    let root = Root::of(folder)?;
    let of_part = |part: &str| -> Result<Option<u32>, DataError> {
        match files(&root, folder, part)? {
            (None, None) => Ok(None),
            (None, _) => Err(lacking(folder, part, "images")),
            (_, None) => Err(lacking(folder, part, "labels")),
            (Some(images), Some(_)) => {
                let [number, _, _] = header(&mut Stream::open(&images, "images in IDX")?, IMAGES, "images")?;
                Ok(Some(number))
            }
        }
    };
    let train_images = of_part("train")?.ok_or_else(|| lacking(folder, "train", "images"))?;
    let test_images = match of_part("t10k")? {
        Some(number) => number,
        None => of_part("test")?.ok_or_else(|| lacking(folder, "t10k", "images"))?,
    };
    Ok(Counts { train_images, test_images })
}

/// Whether a folder, or the one around it, is called as Fashion-MNIST is.
fn is_fashion(opened: &Opened) -> bool {
    opened
        .path
        .components()
        .rev()
        .take(2)
        .any(|name| name.as_os_str().to_string_lossy().to_lowercase().contains("fashion"))
}

fn lacking(folder: &Path, part: &str, kind: &str) -> DataError {
    let axes = if kind == "images" { 3 } else { 1 };
    DataError::NoFile {
        path: folder.join(format!("{part}-{kind}-idx{axes}-ubyte")),
        expected: format!("the {kind} of the others' part, plain or .gz"),
        found: "nothing there",
        remedy: "images and labels come in two files",
    }
}

/// The images and labels of a part, if there are any.
fn part(root: &Root, folder: &Path, part: &str) -> Result<Option<(ImageShape, Records)>, DataError> {
    let (images, labels) = match files(root, folder, part)? {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(lacking(folder, part, "labels")),
        (None, Some(_)) => return Err(lacking(folder, part, "images")),
        (Some(images), Some(labels)) => (images, labels),
    };
    let mut images = Stream::open(&images, "images in IDX")?;
    let mut labels = Stream::open(&labels, "labels in IDX")?;
    let [number, rows, columns] = header(&mut images, IMAGES, "images")?;
    let [labelled] = header(&mut labels, LABELS, "labels")?;
    let is_side = |length: u32| (1..=LARGEST as u32).contains(&length);
    if number == 0 || number > MOST_IMAGES || !is_side(rows) || !is_side(columns) {
        let expected = format!("1 to {MOST_IMAGES} images of 1 to {LARGEST} rows and columns");
        return Err(images.damaged(expected, format!("{number} of {rows} rows and {columns} columns")));
    }
    if labelled != number {
        let expected = format!("a label for each of {} images", revacnn_schemas::count(number.into()));
        return Err(labels.damaged(expected, format!("{} labels", revacnn_schemas::count(labelled.into()))));
    }
    let shape = ImageShape { channels: 1, height: rows as usize, width: columns as usize };
    let of_images = || format!("{number} images of {} bytes behind its header", shape.len());
    let of_labels = || format!("{number} labels behind its header");
    images.check_rest(u64::from(number) * shape.len() as u64, &of_images)?;
    labels.check_rest(u64::from(number), &of_labels)?;
    let mut records = Records::of(shape);
    let (mut image, mut label) = (vec![0; shape.len()], [0]);
    for _ in 0..number {
        images.fill(&mut image, &of_images)?;
        labels.fill(&mut label, &of_labels)?;
        records.push(&image, label[0])?;
    }
    images.end(&of_images)?;
    labels.end(&of_labels)?;
    Ok(Some((shape, records)))
}

/// The lengths of a file's axes.
fn header<const AXES: usize>(file: &mut Stream<'_>, magic: [u8; 4], of: &str) -> Result<[u32; AXES], DataError> {
    let mut found = [0; 4];
    let expected = || format!("IDX {of}, which begin with {}", hexadecimal(magic));
    file.fill(&mut found, &expected)?;
    if found != magic {
        return Err(file.damaged(expected(), hexadecimal(found)));
    }
    let mut axes = [0; AXES];
    for axis in &mut axes {
        let mut bytes = [0; 4];
        file.fill(&mut bytes, &expected)?;
        *axis = u32::from_be_bytes(bytes);
    }
    Ok(axes)
}

fn hexadecimal(bytes: [u8; 4]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(" ")
}
