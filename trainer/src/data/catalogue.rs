//! The table of known data sets, and the way from a name or a path to one of them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::dataset::Dataset;
use super::error::DataError;
use super::source::{Counts, Location, Source};
use super::{cifar10, digits, own, shapes};
use crate::files::{Found, look};
use revacnn_schemas::{AugmentationSpec, ImageShape, Reading, is_path};

/// The known data sets, in the order they are listed.
pub(super) static SOURCES: &[Source] = &[digits::SOURCE, shapes::SOURCE, cifar10::SOURCE];

/// A known data set, for a list.
#[derive(Debug)]
pub struct CatalogueEntry {
    /// The name to ask for.
    pub name: &'static str,
    /// The shape of every image.
    pub shape: ImageShape,
    /// The classes' usual names, in label order.
    pub classes: &'static [&'static str],
    /// The augmentation used unless the user says otherwise.
    pub augmentation: AugmentationSpec,
    /// Who made it, and how it is cited.
    pub from: &'static str,
    /// The licence of the images.
    pub licence: &'static str,
    /// Whether it can be loaded.
    pub availability: Availability,
}

/// Whether a data set can be loaded.
#[derive(Debug)]
pub enum Availability {
    /// It is there, as far as a look at the files' lengths can tell.
    Ready {
        /// The folder, or nothing for a data set that is in the program.
        folder: Option<PathBuf>,
        /// Images of the training part, with those held out for validation.
        train_images: u32,
        /// Images of the test part.
        test_images: u32,
    },
    /// It is not, and the error says what to do.
    Missing(DataError),
}

/// The known data sets, and which of them are there.
///
/// `data_folder` is the folder that holds one folder for each data set read from
/// files. Nothing is decoded; [`check`](super::check) does that.
pub fn catalogue(data_folder: Option<&Path>) -> Vec<CatalogueEntry> {
    SOURCES
        .iter()
        .map(|source| CatalogueEntry {
            name: source.name,
            shape: source.shape,
            classes: source.classes,
            augmentation: source.augmentation,
            from: source.from,
            licence: source.licence,
            availability: source.availability(data_folder).unwrap_or_else(Availability::Missing),
        })
        .collect()
}

/// Loads a data set by name, or from the path of a folder or file with images of one's own.
///
/// A known name is always that data set. Anything else is a path if it exists or contains a
/// separator, as in `./digits`. The environment is not looked at: who calls passes the data folder.
///
/// # Errors
///
/// [`DataError::UnknownName`], [`DataError::NoDataFolder`] for a data set that is
/// read from files when no folder is given, and what reading the files can say.
pub fn load(name_or_path: impl AsRef<OsStr>, data_folder: Option<&Path>) -> Result<Dataset, DataError> {
    load_as(name_or_path, data_folder, &Reading::default())
}

/// [`load`] of files that are read in a way that a person asks for.
///
/// # Errors
///
/// As [`load`]; [`DataError::NoChoice`] where the files leave no such choice.
pub fn load_as(
    name_or_path: impl AsRef<OsStr>,
    data_folder: Option<&Path>,
    reading: &Reading,
) -> Result<Dataset, DataError> {
    let name_or_path = name_or_path.as_ref();
    if let Some(source) = name_or_path.to_str().and_then(source) {
        return match reading.is_usual() {
            true => source.load(data_folder),
            false => Err(DataError::NamedOtherwise { name: source.name }),
        };
    }
    let path = Path::new(name_or_path);
    if is_path(name_or_path) || look(path)? != Found::Nothing {
        return match look(path)? {
            Found::Nothing => Err(DataError::NoFolder {
                path: path.to_owned(),
                expected: "images of your own".to_owned(),
                found: Found::Nothing.describe(),
                remedy: "check the path".to_owned(),
            }),
            _ => own::load_path(path, reading),
        };
    }
    let known: Vec<&str> = SOURCES.iter().map(|source| source.name).collect();
    Err(DataError::UnknownName { name: name_or_path.to_string_lossy().into_owned(), known: known.join(", ") })
}

/// The folder of this name within another, unless only that one has the files.
fn inner(outer: &Path, name: &str) -> PathBuf {
    let inner = outer.join(name);
    if !inner.is_dir() && cifar10::is_there(outer) { outer.to_owned() } else { inner }
}

/// The known data set of a name.
pub(super) fn source(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

impl Source {
    fn load(&self, data_folder: Option<&Path>) -> Result<Dataset, DataError> {
        match &self.location {
            Location::BuiltIn { load, .. } => load(),
            Location::Folder { folder, load, .. } => load(&self.folder(folder, data_folder)?),
        }
    }

    fn availability(&self, data_folder: Option<&Path>) -> Result<Availability, DataError> {
        match self.location {
            Location::BuiltIn { train_images, test_images, .. } => {
                Ok(Availability::Ready { folder: None, train_images, test_images })
            }
            Location::Folder { folder, count, .. } => {
                let folder = self.folder(folder, data_folder)?;
                let Counts { train_images, test_images } = count(&folder)?;
                Ok(Availability::Ready { folder: Some(folder), train_images, test_images })
            }
        }
    }

    /// The data set's own folder: in the data folder, or the data folder
    /// itself where a person points at the former.
    fn folder(&self, folder: &'static str, data_folder: Option<&Path>) -> Result<PathBuf, DataError> {
        match data_folder {
            Some(data_folder) => Ok(inner(data_folder, folder)),
            None => Err(DataError::NoDataFolder { name: self.name, folder }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_what_is_built_in() {
        for (name, count) in [("digits", 1_500), ("shapes", 6_000)] {
            let dataset = load(name, None).unwrap();
            assert_eq!((dataset.name(), dataset.train().len()), (name, count));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = load("cifar", None).unwrap_err().to_string();
        assert!(error.contains("\"cifar\"") && error.contains("digits, shapes, cifar10"), "{error}");
        for odd in ["", "\0", "\u{1b}[2J", &"a".repeat(5_000)] {
            let error = load(odd, None).unwrap_err().to_string();
            assert!(!error.contains('\u{1b}') && !error.contains('\0'), "{error}");
        }
    }

    #[test]
    fn a_data_set_in_files_says_how_to_name_its_folder() {
        let error = load("cifar10", None).unwrap_err().to_string();
        for part in ["--data DIR", "REVACNN_DATA", "cifar-10-batches-bin"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_separator_makes_a_path() {
        let error = load("./digits", None).unwrap_err();
        assert!(matches!(error, DataError::NoFolder { .. }), "{error}");
    }

    #[test]
    fn the_catalogue_says_what_is_there() {
        let entries = catalogue(None);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["digits", "shapes", "cifar10"]);
        for entry in &entries[..2] {
            let dataset = load(entry.name, None).unwrap();
            assert_eq!((entry.shape, entry.augmentation), (dataset.shape(), dataset.augmentation()));
            assert_eq!(entry.classes, dataset.class_names());
            let Availability::Ready { folder: None, train_images, test_images } = entry.availability else {
                panic!("{:?}", entry.availability);
            };
            assert_eq!(train_images, dataset.train().len());
            assert_eq!(test_images, dataset.test().len());
        }
        assert!(matches!(entries[2].availability, Availability::Missing(_)));
    }
}
