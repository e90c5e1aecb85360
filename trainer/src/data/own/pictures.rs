//! A folder of pictures with one folder a class, all of it in `train` and `test` if it is divided.
//!
//! Classes and pictures are taken in the order of their names' bytes. Pictures are decoded on all
//! cores, a portion at a time, so that no more of them are in memory than that portion.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Opened;
use super::files::{Entry, Root, class_name};
use super::picture::{Form, Target, decode, form, is_picture};
use super::records::{MOST_CLASSES, Raw, Records, is_held_out, no_share};
use crate::data::error::DataError;
use crate::threads::Threads;
use revacnn_schemas::{AugmentationSpec, Colour, Fit, PictureSize, Reading, count, counted};

const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 2] = ["test", "testing"];
const VALIDATION: [&str; 3] = ["validation", "valid", "val"];

/// The most bytes of decoded pictures in one portion, and the most pictures.
const PORTION_BYTES: usize = 1 << 26;
const PORTION: usize = 256;

/// A picture that is not decoded yet.
struct Picture {
    path: PathBuf,
    label: u8,
}

/// Whether a folder is one of pictures, as far as names tell.
pub(super) fn is_there(root: &Root, folder: &Path) -> Result<bool, DataError> {
    let of_classes = |entries: &[Entry]| -> Result<bool, DataError> {
        for class in entries.iter().filter(|entry| entry.is_folder) {
            if root.list(&class.path)?.iter().any(|entry| !entry.is_folder && is_picture(&entry.path)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let entries = root.list(folder)?;
    match called(&entries, &TRAIN) {
        Some(train) => of_classes(&root.list(&train.path)?),
        None => of_classes(&entries),
    }
}

fn called<'a>(entries: &'a [Entry], names: &[&str]) -> Option<&'a Entry> {
    let is_called = |entry: &&Entry| names.iter().any(|name| entry.name.eq_ignore_ascii_case(name));
    entries.iter().filter(|entry| entry.is_folder).find(is_called)
}

/// The pictures of all parts, and what was passed over.
struct Found {
    classes: Vec<String>,
    train: Vec<Picture>,
    /// `None` where the folder is not divided.
    test: Option<Vec<Picture>>,
    notes: Vec<String>,
}

fn find(folder: &Path) -> Result<Found, DataError> {
    let root = Root::of(folder)?;
    let entries = root.list(folder)?;
    let mut notes = Vec::new();
    let Some(train) = called(&entries, &TRAIN) else {
        let mut others = Others::default();
        let classes = classes(folder, &entries, &mut others)?;
        let train = pictures(&root, &classes, &classes, &mut others)?;
        notes.extend(others.note());
        return Ok(Found { classes: classes.into_keys().collect(), train, test: None, notes });
    };
    let mut others = Others::default();
    let of_train = classes(&train.path, &root.list(&train.path)?, &mut others)?;
    let train = pictures(&root, &of_train, &of_train, &mut others)?;
    let (test, validation) = (called(&entries, &TEST), called(&entries, &VALIDATION));
    if let (Some(_), Some(validation)) = (test, validation) {
        notes.push(format!(
            "{} is not read: every tenth image that trains is held out for validation",
            validation.path.display()
        ));
    }
    let test = match test.or(validation) {
        None => None,
        Some(test) => {
            if TEST.iter().all(|name| !test.name.eq_ignore_ascii_case(name)) {
                notes.push(format!(
                    "{} is the test part: every tenth image that trains is held out for validation",
                    test.path.display()
                ));
            }
            let of_test = classes(&test.path, &root.list(&test.path)?, &mut others)?;
            if let Some((_, path)) = of_test.iter().find(|(name, _)| !of_train.contains_key(*name)) {
                return Err(DataError::Damaged {
                    path: path.clone(),
                    expected: "the classes that train".to_owned(),
                    found: "one that is in the test part alone".to_owned(),
                    remedy: "give it pictures that train, or remove it",
                });
            }
            Some(pictures(&root, &of_test, &of_train, &mut others)?)
        }
    };
    notes.extend(others.note());
    Ok(Found { classes: of_train.into_keys().collect(), train, test, notes })
}

/// Files that are no pictures, and folders within those of classes.
#[derive(Default)]
struct Others {
    number: u64,
    first: Vec<String>,
}

impl Others {
    fn add(&mut self, entry: &Entry) {
        self.number += 1;
        if self.first.len() < 3 {
            self.first.push(entry.path.display().to_string());
        }
    }

    fn note(self) -> Option<String> {
        let more = if self.number > 3 { ", …" } else { "" };
        let entries = match self.number {
            1 => "1 entry that is no picture was".to_owned(),
            number => format!("{} entries that are no pictures were", count(number)),
        };
        (self.number > 0).then(|| format!("{entries} passed over: {}{more}", self.first.join(", ")))
    }
}

/// The folders of the classes by their names, in the order of their bytes.
fn classes(folder: &Path, entries: &[Entry], others: &mut Others) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let mut classes = BTreeMap::new();
    for entry in entries {
        match entry.is_folder {
            true => drop(classes.insert(class_name(entry)?, entry.path.clone())),
            false => others.add(entry),
        }
    }
    if classes.is_empty() || classes.len() > MOST_CLASSES {
        return Err(DataError::Damaged {
            path: folder.to_owned(),
            expected: format!("a folder for each of 1 to {MOST_CLASSES} classes"),
            found: counted(classes.len() as u64, "folder"),
            remedy: "put the pictures of each class in a folder of its own",
        });
    }
    Ok(classes)
}

/// The pictures of classes, labelled by their places among all.
fn pictures(
    root: &Root,
    classes: &BTreeMap<String, PathBuf>,
    all: &BTreeMap<String, PathBuf>,
    others: &mut Others,
) -> Result<Vec<Picture>, DataError> {
    let mut pictures = Vec::new();
    for (label, (name, _)) in all.iter().enumerate() {
        let Some(folder) = classes.get(name) else { continue };
        let before = pictures.len();
        for entry in root.list(folder)? {
            match !entry.is_folder && is_picture(&entry.path) {
                true => pictures.push(Picture { path: entry.path, label: label as u8 }),
                false => others.add(&entry),
            }
        }
        if pictures.len() == before {
            return Err(DataError::Damaged {
                path: folder.clone(),
                expected: "at least one picture of the class".to_owned(),
                found: "none".to_owned(),
                remedy: "put pictures there, or remove the folder",
            });
        }
    }
    Ok(pictures)
}

/// Reads a folder of pictures; what `reading` leaves open is filled in.
pub(super) fn read(opened: &Opened, reading: &mut Reading) -> Result<Raw, DataError> {
    let folder = &opened.path;
    let Found { classes, train, test, mut notes } = find(folder)?;
    let (train, test, share) = match test {
        Some(_) if reading.test_share.is_some() => return Err(no_share(folder)),
        Some(test) => (train, test, None),
        None => {
            let share = *reading.test_share.get_or_insert(Reading::USUAL_TEST_SHARE);
            let (train, test) = divided(train, share);
            (train, test, Some(share))
        }
    };
    let threads = Threads::of_all_cores();
    let target = target(folder, [&train, &test], reading, &threads)?;
    let mut skipped = Skipped { allowed: reading.skip_unreadable, number: 0, first: Vec::new() };
    let train = decoded(&train, target, &threads, &mut skipped)?;
    let test = decoded(&test, target, &threads, &mut skipped)?;
    let whole = classes.len();
    let there = |class: &usize| train.labels().iter().chain(test.labels()).any(|label| usize::from(*label) == *class);
    if let Some(class) = (0..whole).find(|class| !there(class)) {
        return Err(DataError::Damaged {
            path: folder.join(&classes[class]),
            expected: "at least one picture of the class".to_owned(),
            found: "none that can be read".to_owned(),
            remedy: "replace the pictures, or remove the folder",
        });
    }
    notes.extend(skipped.note());
    let mut format = "pictures".to_owned();
    if let Some(share) = share {
        format += &format!(", {share} % of each class held out for test");
    }
    Ok(Raw {
        shape: target.shape(),
        classes: Some(classes),
        train,
        test: Some(test),
        augmentation: AugmentationSpec::NONE,
        format,
        notes,
    })
}

/// Pictures without a test part, divided.
fn divided(all: Vec<Picture>, share: u8) -> (Vec<Picture>, Vec<Picture>) {
    let mut seen = [0_u64; MOST_CLASSES];
    all.into_iter().partition(|picture| {
        let seen = &mut seen[usize::from(picture.label)];
        *seen += 1;
        !is_held_out(*seen - 1, share)
    })
}

/// The shape that all pictures are brought to: what was asked for, and what they have in common.
fn target(
    folder: &Path,
    parts: [&Vec<Picture>; 2],
    reading: &mut Reading,
    threads: &Threads,
) -> Result<Target, DataError> {
    let fit = *reading.fit.get_or_insert(Fit::Crop);
    if let (Some(size), Some(colour)) = (reading.size, reading.colour) {
        return Ok(Target { size, fit, colour });
    }
    let mut forms: Vec<(&Picture, Option<Result<Form, DataError>>)> =
        parts.into_iter().flatten().map(|picture| (picture, None)).collect();
    threads.for_each(&mut forms, |_, (picture, found)| *found = Some(form(&picture.path)));
    let mut readable = Vec::new();
    for (picture, found) in forms {
        match found {
            Some(Ok(form)) => readable.push((picture, form)),
            Some(Err(error)) if !reading.skip_unreadable => return Err(error),
            _ => {}
        }
    }
    let Some((first, usual)) = readable.first() else {
        return Err(DataError::Damaged {
            path: folder.to_owned(),
            expected: "pictures that can be read".to_owned(),
            found: "none".to_owned(),
            remedy: "replace them",
        });
    };
    let is_like = |form: &Form| (form.width, form.height) == (usual.width, usual.height);
    let size = match reading.size {
        Some(size) => size,
        None => {
            let side = 1..=PictureSize::LARGEST;
            let other = readable.iter().find(|(_, form)| !is_like(form));
            let found = match other {
                Some((other, form)) => format!(
                    "{} of {}×{} and {} of {}×{}",
                    first.path.display(),
                    usual.width,
                    usual.height,
                    other.path.display(),
                    form.width,
                    form.height
                ),
                None if side.contains(&usual.width) && side.contains(&usual.height) => String::new(),
                None => format!("{}×{} pixels, more than {} a side", usual.width, usual.height, PictureSize::LARGEST),
            };
            if !found.is_empty() {
                return Err(DataError::Damaged {
                    path: folder.to_owned(),
                    expected: "pictures of one size".to_owned(),
                    found,
                    remedy: "choose one with `--size`, such as `--size 32x32`",
                });
            }
            PictureSize { width: usual.width, height: usual.height }
        }
    };
    let all_grey = readable.iter().all(|(_, form)| form.is_grey);
    let colour = reading.colour.unwrap_or(if all_grey { Colour::Grey } else { Colour::Rgb });
    (reading.size, reading.colour) = (Some(size), Some(colour));
    Ok(Target { size, fit, colour })
}

/// Pictures that could not be read.
struct Skipped {
    allowed: bool,
    number: u64,
    first: Vec<String>,
}

impl Skipped {
    fn note(self) -> Option<String> {
        let more = if self.number > 3 { "; …" } else { "" };
        let pictures = match self.number {
            1 => "1 picture that cannot be read is".to_owned(),
            number => format!("{} pictures that cannot be read are", count(number)),
        };
        (self.number > 0).then(|| format!("{pictures} left out: {}{more}", self.first.join("; ")))
    }
}

/// The pictures, in order.
fn decoded(
    pictures: &[Picture],
    target: Target,
    threads: &Threads,
    skipped: &mut Skipped,
) -> Result<Records, DataError> {
    let shape = target.shape();
    let mut records = Records::of(shape);
    for portion in pictures.chunks((PORTION_BYTES / shape.len()).clamp(1, PORTION)) {
        let mut images: Vec<Option<Result<Vec<u8>, DataError>>> = portion.iter().map(|_| None).collect();
        threads.for_each(&mut images, |index, image| *image = Some(decode(&portion[index].path, target)));
        for (picture, image) in portion.iter().zip(images.into_iter().flatten()) {
            match image {
                Ok(image) => records.push(&image, picture.label)?,
                Err(_) if skipped.allowed => {
                    skipped.number += 1;
                    if skipped.first.len() < 3 {
                        skipped.first.push(picture.path.display().to_string());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(records)
}
