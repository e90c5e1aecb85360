//! Data sets of a person's own: what lies at a path is found out by names, and read.
//!
//! | file | concept |
//! |---|---|
//! | `idx`, `cifar100`, `numpy`, `csv`, `pictures` | one format each |
//! | `picture` | one picture, decoded and brought to a shape |
//! | [`own_picture`](OwnPicture) | a picture that is in no data set |
//! | `records` | images and labels of a format; the test part; the description |
//! | `files` | listing and reading within bounds, and within the folder |
//!
//! # Adding a format
//!
//! Write a file with a function that says whether it is there, by names alone, and one that reads
//! it into a [`Raw`](records::Raw); name it in `DataFormat` of `revacnn-schemas` and in
//! [`is_there`], [`IN_ORDER`], [`count`], [`load`] and [`Opened::format_name`] here.

mod cifar100;
mod csv;
mod files;
mod idx;
mod numpy;
mod own_picture;
mod picture;
mod pictures;
mod records;

use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::source;
use super::cifar10;
use super::dataset::Dataset;
use super::error::DataError;
use super::source::Counts;
use crate::files::{Found, look};
use files::Root;
use revacnn_schemas::{DataFormat, LabelKind, PictureSize, Reading};

pub use own_picture::OwnPicture;
pub(super) use records::description;

/// A path at which there is a data set, as far as names tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) format: DataFormat,
    /// The folder with the files, or the file.
    pub(super) path: PathBuf,
    /// What a person named, that or a folder around it.
    asked: PathBuf,
    /// The name of the data set that this is, where a person named that.
    known_as: Option<&'static str>,
}

impl Opened {
    /// The files of a data set that has a name.
    pub(super) fn known(format: DataFormat, path: PathBuf, name: &'static str) -> Self {
        Self { format, asked: path.clone(), path, known_as: Some(name) }
    }

    /// The data set's name: that of what was named.
    pub(super) fn name(&self) -> String {
        if let Some(name) = self.known_as {
            return name.to_owned();
        }
        let real = fs::canonicalize(&self.asked).unwrap_or_else(|_| self.asked.clone());
        let name = real.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
        let stem = match real.is_dir() {
            true => &*name,
            false => name.split_once('.').map_or(&*name, |(stem, _)| stem),
        };
        let name: String = stem.chars().filter(|letter| !letter.is_control()).collect();
        // A name that is known means what is known by it.
        let is_another = source(&name).is_some_and(|source| source.format() != Some(self.format));
        if is_another || name.is_empty() { format!("own-{name}") } else { name }
    }

    fn format_name(&self) -> &'static str {
        match self.format {
            DataFormat::Cifar10 => "CIFAR-10",
            DataFormat::Cifar100 => "CIFAR-100",
            DataFormat::Idx => "IDX",
            DataFormat::Numpy => "NumPy",
            DataFormat::Csv => "CSV",
            DataFormat::Pictures => "pictures",
        }
    }
}

/// The formats of a folder in the order in which they are looked for. Beside pictures there may be
/// a table of other things.
const IN_ORDER: [DataFormat; 6] = [
    DataFormat::Cifar10,
    DataFormat::Cifar100,
    DataFormat::Idx,
    DataFormat::Numpy,
    DataFormat::Pictures,
    DataFormat::Csv,
];

/// Whether files of a format are in a folder, by names alone.
fn is_there(format: DataFormat, root: &Root, folder: &Path) -> Result<bool, DataError> {
    match format {
        DataFormat::Cifar10 => Ok(cifar10::is_there(folder)),
        DataFormat::Cifar100 => cifar100::is_there(folder),
        DataFormat::Idx => idx::is_there(root, folder),
        DataFormat::Numpy => numpy::is_there(root, folder),
        DataFormat::Pictures => pictures::is_there(root, folder),
        DataFormat::Csv => Ok(csv::files(root, folder)?.0.is_some()),
    }
}

/// Whether a path is a folder with files of a format, by names alone; no other format is looked for.
pub(super) fn has(format: DataFormat, path: &Path) -> Result<bool, DataError> {
    Ok(look(path)? == Found::Folder && is_there(format, &Root::of(path)?, path)?)
}

/// What lies at a path itself, by names alone.
pub(super) fn recognise(path: &Path) -> Result<Option<Opened>, DataError> {
    let opened = |format| Ok(Some(Opened { format, path: path.to_owned(), asked: path.to_owned(), known_as: None }));
    match look(path)? {
        Found::Folder => {}
        Found::File { .. } if numpy::is_archive(path) => return opened(DataFormat::Numpy),
        Found::File { .. } if csv::is_table(path) => return opened(DataFormat::Csv),
        _ => return Ok(None),
    }
    let root = Root::of(path)?;
    for format in IN_ORDER {
        if is_there(format, &root, path)? {
            return opened(format);
        }
    }
    Ok(None)
}

/// How many images files of a data set that has a name hold, without decoding any.
pub(super) fn count(format: DataFormat, folder: &Path) -> Result<Counts, DataError> {
    match format {
        DataFormat::Cifar100 => cifar100::count(folder),
        DataFormat::Idx => idx::count(folder),
        DataFormat::Cifar10 => cifar10::count(folder),
        DataFormat::Numpy | DataFormat::Pictures | DataFormat::Csv => {
            unreachable!("invariant: no data set that has a name comes in this format")
        }
    }
}

/// What a person means by a path: what lies there, in the only folder below that has a data set,
/// or in the folder of a file.
fn open(path: &Path) -> Result<Opened, DataError> {
    if let Some(opened) = recognise(path)? {
        return Ok(opened);
    }
    let not_recognised = |found: String| DataError::NotRecognised { path: path.to_owned(), found };
    match look(path)? {
        Found::Folder => {
            let mut below = Vec::new();
            let entries = Root::of(path)?.list(path)?;
            for entry in entries.iter().filter(|entry| entry.is_folder) {
                below.extend(recognise(&entry.path)?);
            }
            match below.len() {
                0 if entries.is_empty() => Err(not_recognised("an empty folder".to_owned())),
                0 => {
                    let names: Vec<String> =
                        entries.iter().take(5).map(|entry| entry.name.to_string_lossy().into_owned()).collect();
                    let more = if entries.len() > 5 { ", …" } else { "" };
                    Err(not_recognised(format!("a folder with {}{more}", names.join(", "))))
                }
                1 => Ok(Opened { asked: path.to_owned(), ..below.remove(0) }),
                _ => {
                    let names: Vec<String> =
                        below.iter().take(5).map(|opened| opened.path.display().to_string()).collect();
                    Err(not_recognised(format!("several below it; name one: {}", names.join(", "))))
                }
            }
        }
        found @ Found::File { .. } => {
            let around = path.parent().filter(|around| !around.as_os_str().is_empty()).unwrap_or(Path::new("."));
            match recognise(around)? {
                // One file of those that belong together.
                Some(opened) if matches!(opened.format, DataFormat::Cifar100 | DataFormat::Idx | DataFormat::Numpy) => {
                    Ok(opened)
                }
                _ => Err(not_recognised(found.describe().to_owned())),
            }
        }
        found => Err(not_recognised(found.describe().to_owned())),
    }
}

/// Reads what lies at a path, as a person asks for it.
pub(super) fn load_path(path: &Path, reading: &Reading) -> Result<Dataset, DataError> {
    load(&open(path)?, reading)
}

/// Reads a data set that was recognised.
pub(super) fn load(opened: &Opened, reading: &Reading) -> Result<Dataset, DataError> {
    let format = opened.format;
    let is_pictures = format == DataFormat::Pictures;
    let asked = [
        ("--size", reading.size.is_some(), is_pictures),
        ("--fit", reading.fit.is_some(), is_pictures),
        ("--colour", reading.colour.is_some(), is_pictures),
        ("--skip-unreadable", reading.skip_unreadable, is_pictures),
        ("--labels", reading.labels.is_some(), format == DataFormat::Cifar100),
        ("--test-share", reading.test_share.is_some(), !matches!(format, DataFormat::Cifar10 | DataFormat::Cifar100)),
    ];
    if let Some((option, ..)) = asked.into_iter().find(|(_, is_asked, is_open)| *is_asked && !is_open) {
        return Err(DataError::NoChoice { path: opened.path.clone(), option, format: opened.format_name() });
    }
    // A record may come from a stranger.
    let side = 1..=PictureSize::LARGEST;
    if let Some(size) = reading.size.filter(|size| !side.contains(&size.width) || !side.contains(&size.height)) {
        return Err(DataError::Damaged {
            path: opened.path.clone(),
            expected: format!("a size of 1 to {} pixels a side", PictureSize::LARGEST),
            found: format!("a record of {size}"),
            remedy: "the branch's record is damaged",
        });
    }
    let mut reading = Reading { format: Some(format), ..reading.clone() };
    let raw = match format {
        DataFormat::Cifar10 => return cifar10::load(&opened.path),
        DataFormat::Cifar100 => {
            let labels = *reading.labels.get_or_insert(LabelKind::Fine);
            cifar100::read(opened, labels)?
        }
        DataFormat::Idx => idx::read(opened)?,
        DataFormat::Numpy => numpy::read(opened)?,
        DataFormat::Csv => csv::read(opened)?,
        DataFormat::Pictures => pictures::read(opened, &mut reading)?,
    };
    raw.finish(opened, reading)
}

#[cfg(test)]
mod tests;
