//! The table of known data sets, and the way from a name or a path to one of them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::Dataset;
use super::error::DataError;
use super::own::Opened;
use super::source::{Counts, Location, Source};
use super::{cifar10, cifar100, digits, mnist, own, shapes};
use crate::files::{Found, look};
use revacnn_schemas::{AugmentationSpec, DataFormat, ImageShape, Published, Reading, is_path};

/// The known data sets, in the order they are listed.
pub(super) static SOURCES: &[Source] =
    &[digits::SOURCE, shapes::SOURCE, cifar10::SOURCE, cifar100::SOURCE, mnist::SOURCE, mnist::FASHION_SOURCE];

/// A known data set, for a list.
#[derive(Debug)]
pub struct CatalogueEntry {
    /// The name to ask for.
    pub name: &'static str,
    /// The shape of every image.
    pub shape: ImageShape,
    /// The classes' usual names, in label order.
    pub classes: &'static [&'static str],
    /// What its files are, if it is not in the program.
    pub format: Option<DataFormat>,
    /// The augmentation used unless the user says otherwise.
    pub augmentation: AugmentationSpec,
    /// Who made it, and how it is cited.
    pub from: &'static str,
    /// The licence of the images.
    pub licence: &'static str,
    /// Whether it can be loaded.
    pub availability: Availability,
    /// Where it is published, if it is not in the program.
    pub published: Option<&'static Published<'static>>,
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
            format: source.format(),
            augmentation: source.augmentation,
            from: source.from,
            licence: source.licence,
            availability: source.availability(data_folder).unwrap_or_else(Availability::Missing),
            published: source.published(),
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
        return source.load(data_folder, reading);
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

/// Where a data set of this name is published; nothing where there is none, or where it is in the
/// program.
pub fn published(name: &str) -> Option<&'static Published<'static>> {
    source(name).and_then(Source::published)
}

/// The known data set of a name.
pub(super) fn source(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

impl Source {
    fn published(&'static self) -> Option<&'static Published<'static>> {
        match &self.location {
            Location::BuiltIn { .. } => None,
            Location::Folder { published, .. } => Some(published),
        }
    }

    fn load(&self, data_folder: Option<&Path>, reading: &Reading) -> Result<Dataset, DataError> {
        // CIFAR-100 has two kinds of labels.
        let is_usual = Reading { format: None, ..reading.clone() }.is_usual();
        if !is_usual && self.format() != Some(DataFormat::Cifar100) {
            return Err(DataError::NamedOtherwise { name: self.name });
        }
        let (format, published) = match &self.location {
            Location::BuiltIn { load, .. } => return load(),
            Location::Folder { format, published } => (*format, published),
        };
        let path = self.folder(format, published, data_folder)?;
        let dataset = own::load(&Opened::known(format, path.clone(), self.name), reading)?;
        match (self.digest, dataset.identity().digest.to_string()) {
            (Some(expected), found) if found != expected => {
                Err(DataError::OtherData { name: self.name, path, expected, found })
            }
            _ => Ok(dataset),
        }
    }

    fn availability(&self, data_folder: Option<&Path>) -> Result<Availability, DataError> {
        match &self.location {
            &Location::BuiltIn { train_images, test_images, .. } => {
                Ok(Availability::Ready { folder: None, train_images, test_images })
            }
            Location::Folder { format, published } => {
                let folder = self.folder(*format, published, data_folder)?;
                let Counts { train_images, test_images } = own::count(*format, &folder)?;
                Ok(Availability::Ready { folder: Some(folder), train_images, test_images })
            }
        }
    }

    /// The data set's own folder: in the data folder, or the data folder
    /// itself where a person points at the former.
    fn folder(
        &self,
        format: DataFormat,
        published: &Published<'static>,
        data_folder: Option<&Path>,
    ) -> Result<PathBuf, DataError> {
        let (name, folder) = (self.name, published.folder);
        let Some(outer) = data_folder else { return Err(DataError::NoDataFolder { name, folder }) };
        let inner = outer.join(folder);
        if inner.is_dir() {
            return Ok(inner);
        }
        // MNIST and Fashion-MNIST differ in the folder's name alone.
        let is_called_so = || fs::canonicalize(outer).is_ok_and(|real| real.ends_with(folder));
        match own::has(format, outer)? && (format != DataFormat::Idx || is_called_so()) {
            true => Ok(outer.to_owned()),
            false if look(&inner)? == Found::Nothing => Err(DataError::NotThere { name, folder, path: inner }),
            false => Ok(inner),
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

    /// Files of other formats in the data folder are looked at by nobody who asks for a name.
    #[cfg(unix)]
    #[test]
    fn a_link_elsewhere_in_the_data_folder_is_no_reason() {
        let folder = tempfile::TempDir::new().unwrap();
        std::os::unix::fs::symlink("/nowhere/x_train.npy", folder.path().join("x_train.npy")).unwrap();
        for name in ["cifar10", "cifar100", "mnist", "fashion-mnist"] {
            let error = load(name, Some(folder.path())).unwrap_err();
            assert_eq!(error.lacking(), Some(name), "{error}");
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = load("cifar", None).unwrap_err().to_string();
        assert!(
            error.contains("\"cifar\"") && error.contains("digits, shapes, cifar10, cifar100, mnist, fashion-mnist"),
            "{error}"
        );
        for odd in ["", "\0", "\u{1b}[2J", &"a".repeat(5_000)] {
            let error = load(odd, None).unwrap_err().to_string();
            assert!(!error.contains('\u{1b}') && !error.contains('\0'), "{error}");
        }
    }

    #[test]
    fn a_data_set_in_files_says_how_to_name_its_folder() {
        for (name, folder) in [
            ("cifar10", "cifar-10-batches-bin"),
            ("cifar100", "cifar-100-binary"),
            ("mnist", "mnist"),
            ("fashion-mnist", "fashion-mnist"),
        ] {
            let empty = tempfile::tempdir().unwrap();
            for error in [load(name, None).unwrap_err(), load(name, Some(empty.path())).unwrap_err()] {
                assert_eq!(error.lacking(), Some(name));
                let error = error.to_string();
                for part in ["--data DIR", "REVACNN_DATA", folder] {
                    assert!(error.contains(part), "{error}");
                }
            }
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
        assert_eq!(names, ["digits", "shapes", "cifar10", "cifar100", "mnist", "fashion-mnist"]);
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
        for entry in &entries[2..] {
            assert!(matches!(entry.availability, Availability::Missing(_)));
            let published = entry.published.unwrap();
            assert_eq!(published.name, entry.name);
            assert!(published.files.iter().all(|file| file.sha256.len() == 64 && !file.contents.is_empty()));
        }
    }

    /// Folders as `data fetch` makes them, with few images.
    #[test]
    fn a_name_finds_its_folder_in_the_data_folder() {
        let data = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let path = data.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        let record = |coarse: u8, fine: u8| [vec![coarse, fine], vec![7; 3 * 32 * 32]].concat();
        write("cifar-100-binary/train.bin", &[record(3, 42), record(19, 99)].concat());
        write("cifar-100-binary/test.bin", &record(0, 1));
        let be = |number: u32| number.to_be_bytes();
        for (part, number) in [("train", 4_u32), ("t10k", 2)] {
            let header = [[0, 0, 8, 3], be(number), be(28), be(28)].concat();
            let images = [header, vec![9; number as usize * 28 * 28]].concat();
            let labels = [[0, 0, 8, 1].to_vec(), be(number).to_vec(), vec![9; number as usize]].concat();
            for folder in ["mnist", "fashion-mnist"] {
                write(&format!("{folder}/{part}-images-idx3-ubyte"), &images);
                write(&format!("{folder}/{part}-labels-idx1-ubyte"), &labels);
            }
        }
        let load = |name: &str, reading: &Reading| load_as(name, Some(data.path()), reading);
        let fashion = load("fashion-mnist", &Reading::default()).unwrap();
        assert_eq!((fashion.name(), &fashion.class_names()[9][..]), ("fashion-mnist", "Ankle boot"));
        // A name is one data set: other files of its form are told from it.
        let message = load("mnist", &Reading::default()).unwrap_err().to_string();
        assert!(
            message.contains("expected mnist, with digest 37749fdc078a") && message.contains("./mnist"),
            "{message}"
        );
        let own = load_as(data.path().join("mnist"), None, &Reading::default()).unwrap();
        assert_eq!((own.name(), own.identity().digest), ("mnist", fashion.identity().digest));

        let fine = load("cifar100", &Reading::default()).unwrap();
        assert_eq!((fine.name(), fine.class_names().len(), fine.train().labels()), ("cifar100", 100, &[42, 99][..]));
        let labels = Some(revacnn_schemas::LabelKind::Coarse);
        let coarse = load("cifar100", &Reading { labels, ..Reading::default() }).unwrap();
        assert_eq!((coarse.class_names().len(), coarse.train().labels()), (20, &[3, 19][..]));
        assert!(coarse.taken().unwrap().description.starts_with("cifar100: CIFAR-100, coarse labels"));
        // As a record says that it was read.
        for read in [&fine, &coarse, &fashion] {
            assert_eq!(load(read.name(), read.reading().unwrap()).unwrap(), *read);
        }
        let message = load("fashion-mnist", &Reading { labels, ..Reading::default() }).unwrap_err().to_string();
        assert!(message.contains("leave out the options"), "{message}");

        // Who points at the folder itself means it; the other one of its form is another.
        let inside = data.path().join("fashion-mnist");
        assert!(load_as("fashion-mnist", Some(&inside), &Reading::default()).is_ok());
        assert_eq!(load_as("mnist", Some(&inside), &Reading::default()).unwrap_err().lacking(), Some("mnist"));
        let found = catalogue(Some(data.path())).into_iter().skip(3).map(|entry| match entry.availability {
            Availability::Ready { train_images, test_images, .. } => (train_images, test_images),
            Availability::Missing(error) => panic!("{error}"),
        });
        assert_eq!(found.collect::<Vec<_>>(), [(2, 1), (4, 2), (4, 2)]);
    }

    /// The real files, where they are.
    #[test]
    fn real_mnist_has_its_name() {
        let Some(data_folder) = std::env::var_os("REVACNN_DATA").map(PathBuf::from) else { return };
        if data_folder.join("mnist").is_dir() {
            assert_eq!(load("mnist", Some(&data_folder)).unwrap().name(), "mnist");
        }
    }
}
