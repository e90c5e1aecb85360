//! Arrays of NumPy: `images.npy` and `labels.npy`, or one `.npz`.
//!
//! Images are `[n][c][h][w]`, `[n][h][w][c]` or `[n][h][w]`, as bytes or as `float32` or
//! `float64` of 0 to 1; labels are `[n]` or `[n][1]`, whole numbers of any width. What a header
//! says is compared with the file's length before anything is made for it.

use std::path::{Path, PathBuf};

use ndarray_npy::npy::header::{Header, Layout};

use super::Opened;
use super::files::{GET_AGAIN, Root, Stream, plain};
use super::records::{LARGEST, MOST_CLASSES, Raw, Records};
use crate::data::error::DataError;
use crate::npy::{HeaderError, read_header};
use revacnn_schemas::{AugmentationSpec, ImageShape};

/// How images and labels are called, those that train before those that test.
const NAMES: [([&str; 2], [&str; 2]); 4] = [
    (["images", "labels"], ["test_images", "test_labels"]),
    (["train_images", "train_labels"], ["test_images", "test_labels"]),
    (["x_train", "y_train"], ["x_test", "y_test"]),
    (["X_train", "y_train"], ["X_test", "y_test"]),
];

const MOST_IMAGES: usize = 10_000_000;
const MOST_BYTES: u64 = 1 << 36;

/// Whether a file has such arrays, as far as its name tells.
pub(super) fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"))
}

/// The only archive of a folder.
fn archive(root: &Root, folder: &Path) -> Result<Option<PathBuf>, DataError> {
    let archives = root.list(folder)?.into_iter().filter(|entry| !entry.is_folder && is_archive(&entry.path));
    let mut archives: Vec<PathBuf> = archives.map(|entry| entry.path).collect();
    Ok(archives.pop().filter(|_| archives.is_empty()))
}

/// Whether a folder has such files, as far as their names tell.
pub(super) fn is_there(root: &Root, folder: &Path) -> Result<bool, DataError> {
    let files = NAMES.iter().flat_map(|(train, _)| train).map(|name| format!("{name}.npy")).collect::<Vec<_>>();
    Ok(root.first(folder, &files)?.is_some() || archive(root, folder)?.is_some())
}

/// Where arrays lie.
enum Place {
    Folder(Root, PathBuf),
    Archive(PathBuf, zip::ZipArchive<std::fs::File>),
}

impl Place {
    fn of(opened: &Opened) -> Result<Self, DataError> {
        let path = &opened.path;
        let archive = match path.is_dir() {
            true => {
                let root = Root::of(path)?;
                let arrays = NAMES.iter().flat_map(|(train, _)| train).map(|name| format!("{name}.npy"));
                if root.first(path, &arrays.collect::<Vec<_>>())?.is_some() {
                    return Ok(Self::Folder(root, path.clone()));
                }
                archive(&root, path)?.unwrap_or_else(|| path.clone())
            }
            false => path.clone(),
        };
        let file = plain(&archive, "an archive of NumPy")?;
        let archive_of = zip::ZipArchive::new(file).map_err(|error| DataError::Damaged {
            path: archive.clone(),
            expected: "an archive that numpy.savez wrote".to_owned(),
            found: error.to_string(),
            remedy: GET_AGAIN,
        });
        Ok(Self::Archive(archive.clone(), archive_of?))
    }

    /// What there is, for a message.
    fn names(&self) -> String {
        match self {
            Self::Folder(..) => "other files".to_owned(),
            Self::Archive(_, archive) => {
                let names: Vec<&str> = archive.file_names().take(8).collect();
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Folder(_, path) | Self::Archive(path, _) => path,
        }
    }

    /// The array of this name, if there is one.
    fn array(&mut self, name: &'static str) -> Result<Option<Array<'_>>, DataError> {
        let file = format!("{name}.npy");
        match self {
            Self::Folder(root, folder) => match root.first(folder, &[file])? {
                Some(path) => Array::open(Stream::open(&path, "an array of NumPy")?, name).map(Some),
                None => Ok(None),
            },
            Self::Archive(path, archive) => {
                let Some(index) = archive.index_for_name(&file) else { return Ok(None) };
                let entry = archive.by_index(index).map_err(|error| DataError::Damaged {
                    path: path.clone(),
                    expected: format!("the array {name}"),
                    found: error.to_string(),
                    remedy: GET_AGAIN,
                })?;
                let length = entry.size();
                Array::open(Stream::of(path, entry, length), name).map(Some)
            }
        }
    }
}

/// An array whose values are still to be read.
struct Array<'a> {
    name: &'static str,
    file: Stream<'a>,
    kind: String,
    shape: Vec<usize>,
}

impl<'a> Array<'a> {
    fn open(mut file: Stream<'a>, name: &'static str) -> Result<Self, DataError> {
        let Header { type_descriptor, layout, shape } = header(&mut file)?;
        let kind = match type_descriptor.as_string() {
            Some(kind) => kind.clone(),
            None => type_descriptor.to_string().escape_debug().take(60).collect(),
        };
        if layout == Layout::Fortran && shape.len() > 1 {
            return Err(file.damaged(
                format!("{name} with its last axis fastest"),
                "Fortran's order: save numpy.ascontiguousarray(array)".to_owned(),
            ));
        }
        Ok(Self { name, file, kind, shape })
    }

    /// Refuses values of another number of bytes than the header promises.
    fn check_length(&self, width: usize) -> Result<(), DataError> {
        let values = self.shape.iter().try_fold(width, |product: usize, &length| product.checked_mul(length));
        let of_header = || format!("{}, as its header says", self.described());
        match values {
            Some(bytes) if bytes as u64 <= MOST_BYTES => self.file.check_rest(bytes as u64, &of_header),
            _ => Err(self.file.damaged(format!("at most {MOST_BYTES} bytes"), self.described())),
        }
    }

    fn described(&self) -> String {
        let axes: String = self.shape.iter().map(|length| format!("[{length}]")).collect();
        format!("{} {axes} of {}", self.name, self.kind)
    }

    /// The labels, which must be whole numbers below 256.
    fn labels(mut self) -> Result<Vec<u8>, DataError> {
        let number = match self.shape[..] {
            [number] | [number, 1] => number,
            _ => return Err(self.file.damaged("labels [n]".to_owned(), self.described())),
        };
        let (order, kind) = self.kind.split_at(self.kind.len().min(1));
        let width = match kind {
            "u1" | "i1" => 1,
            "u2" | "i2" => 2,
            "u4" | "i4" => 4,
            "u8" | "i8" => 8,
            _ => return Err(self.file.damaged("labels that are whole numbers".to_owned(), self.described())),
        };
        if number > MOST_IMAGES {
            return Err(self.file.damaged(format!("at most {MOST_IMAGES} labels"), self.described()));
        }
        self.check_length(width)?;
        let (is_big, is_signed) = (order == ">", kind.starts_with('i'));
        let (described, mut labels, mut value) = (self.described(), Vec::new(), vec![0; width]);
        for index in 0..number {
            self.file.fill(&mut value, &|| described.clone())?;
            if is_big {
                value.reverse();
            }
            let is_label = value[1..].iter().all(|&byte| byte == 0) && !(is_signed && width == 1 && value[0] > 127);
            if !is_label {
                let expected = format!("labels 0..{} in {}", MOST_CLASSES - 1, self.name);
                return Err(self.file.damaged(expected, format!("another number at {index}")));
            }
            labels.push(value[0]);
        }
        self.file.end(&|| described.clone())?;
        Ok(labels)
    }

    /// The images with these labels, channel after channel.
    fn images(mut self, labels: &[u8]) -> Result<(ImageShape, Records), DataError> {
        let is_side = |length: usize| (1..=LARGEST).contains(&length);
        let is_channels = |length: usize| length == 1 || length == 3;
        let (number, shape, is_last) = match self.shape[..] {
            [number, height, width] => (number, ImageShape { channels: 1, height, width }, false),
            [number, channels, height, width] if is_channels(channels) => {
                (number, ImageShape { channels, height, width }, false)
            }
            [number, height, width, channels] if is_channels(channels) => {
                (number, ImageShape { channels, height, width }, true)
            }
            _ => {
                let expected = "images [n][h][w], [n][c][h][w] or [n][h][w][c] of 1 or 3 channels".to_owned();
                return Err(self.file.damaged(expected, self.described()));
            }
        };
        if !is_side(shape.height) || !is_side(shape.width) {
            let expected = format!("images of 1 to {LARGEST} rows and columns");
            return Err(self.file.damaged(expected, self.described()));
        }
        if number != labels.len() {
            let expected = format!("an image for each of {} labels", labels.len());
            return Err(self.file.damaged(expected, self.described()));
        }
        let width = match &self.kind[..] {
            "|u1" | "<u1" | ">u1" => 1,
            "<f4" | ">f4" => 4,
            "<f8" | ">f8" => 8,
            _ => {
                let expected = "images of uint8, or of float32 from 0 to 1".to_owned();
                return Err(self.file.damaged(expected, self.described()));
            }
        };
        self.check_length(width)?;
        let (mut records, described) = (Records::of(shape), self.described());
        let (mut raw, mut image) = (vec![0; shape.len() * width], vec![0; shape.len()]);
        for (index, &label) in labels.iter().enumerate() {
            self.file.fill(&mut raw, &|| described.clone())?;
            for (place, value) in raw.chunks_exact(width).enumerate() {
                let byte = byte(value, self.kind.starts_with('>')).ok_or_else(|| {
                    let expected = format!("values from 0 to 1 in {}", self.name);
                    self.file
                        .damaged(expected, format!("another one in image {index}: divide the array by its largest"))
                })?;
                let at = match is_last {
                    true => place % shape.channels * (shape.height * shape.width) + place / shape.channels,
                    false => place,
                };
                image[at] = byte;
            }
            records.push(&image, label)?;
        }
        self.file.end(&|| described.clone())?;
        Ok((shape, records))
    }
}

/// A byte as it is, or a number from 0 to 1 as the nearest of 256 levels.
fn byte(value: &[u8], is_big: bool) -> Option<u8> {
    let number = match *value {
        [byte] => return Some(byte),
        [a, b, c, d] if is_big => f64::from(f32::from_be_bytes([a, b, c, d])),
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        _ => {
            let value = value.try_into().ok()?;
            if is_big { f64::from_be_bytes(value) } else { f64::from_le_bytes(value) }
        }
    };
    (0.0..=1.0).contains(&number).then(|| (number * 255.0).round() as u8)
}

/// What an array is, of which the values follow.
fn header(file: &mut Stream<'_>) -> Result<Header, DataError> {
    let expected = || "an array that numpy.save wrote".to_owned();
    read_header(&mut |bytes| file.fill(bytes, &expected)).map_err(|error| {
        let (expected, found) = match error {
            HeaderError::Bytes(error) => return error,
            HeaderError::Beginning => (expected(), "another beginning".to_owned()),
            HeaderError::Version(other) => ("version 1 to 3 of NumPy's format".to_owned(), format!("version {other}")),
            HeaderError::Strange => (expected(), "a header that is not one of an array of numbers".to_owned()),
            HeaderError::Words(found) => (expected(), found),
        };
        file.damaged(expected, found)
    })
}

pub(super) fn read(opened: &Opened) -> Result<Raw, DataError> {
    let mut place = Place::of(opened)?;
    let mut train = None;
    for (names, of_test) in NAMES {
        if let Some(found) = part(&mut place, names)? {
            train = Some((found, part(&mut place, of_test)?));
            break;
        }
    }
    let Some(((shape, train), test)) = train else {
        return Err(DataError::Damaged {
            path: place.path().to_owned(),
            expected: "arrays images and labels, or x_train and y_train".to_owned(),
            found: place.names(),
            remedy: "name them so: numpy.savez(file, images=…, labels=…)",
        });
    };
    let test = match test {
        Some((other, _)) if other != shape => {
            return Err(DataError::Damaged {
                path: place.path().to_owned(),
                expected: format!("test images of shape {shape} as those that train"),
                found: other.to_string(),
                remedy: GET_AGAIN,
            });
        }
        test => test.map(|(_, records)| records),
    };
    let classes = match &place {
        Place::Folder(root, folder) => root.class_names(folder)?,
        Place::Archive(..) => None,
    };
    let augmentation = AugmentationSpec::NONE;
    Ok(Raw { shape, classes, train, test, augmentation, format: "NumPy".to_owned(), notes: Vec::new() })
}

/// Images and labels of these names, if there are any.
fn part(place: &mut Place, [images, labels]: [&'static str; 2]) -> Result<Option<(ImageShape, Records)>, DataError> {
    let found = place.array(labels)?.map(Array::labels).transpose()?;
    let path = place.path().to_owned();
    let lacking = |kind: &str, other: &str| DataError::Damaged {
        path: path.clone(),
        expected: format!("an array {kind} beside {other}"),
        found: "none".to_owned(),
        remedy: "images and labels are two arrays",
    };
    match (place.array(images)?, found) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(lacking(labels, images)),
        (None, Some(_)) => Err(lacking(images, labels)),
        (Some(array), Some(found)) => array.images(&found).map(Some),
    }
}
