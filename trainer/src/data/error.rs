//! Everything that can go wrong between a data set's name and its images.

use std::path::PathBuf;

use revacnn_schemas::Advice;

use crate::files::FileError;

/// What makes a folder or a file a data set.
const LOOKED_FOR: &str = "\
a folder with a folder a class, each with PNG, JPEG, WebP, BMP or GIF pictures (all of it in `train` and `test`, \
if it is divided); train-images-idx3-ubyte and train-labels-idx1-ubyte, also .gz (MNIST, Fashion-MNIST); \
data_batch_1.bin (CIFAR-10); train.bin (CIFAR-100); images.npy and labels.npy, or x_train.npy and y_train.npy, or one \
.npz with such arrays; a .csv or .csv.gz with a label and the pixels of a square grey image in each row";

/// Why a data set could not be found, read or used.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name is no known data set and no folder.
    #[error(
        "no data set is called {name:?}: expected {known}, or the path of a folder or file with images of \
         your own, such as ./photos"
    )]
    UnknownName {
        /// What was asked for.
        name: String,
        /// The known names, for the message.
        known: String,
    },
    /// A data set that lives in files was named without a data folder.
    #[error(
        "the data set {name} is read from files and no data folder is given: pass `--data DIR`, or \
         set REVACNN_DATA, where DIR contains {folder}"
    )]
    NoDataFolder {
        /// The data set.
        name: &'static str,
        /// The folder that is looked for inside the data folder.
        folder: &'static str,
    },
    /// A data set that lives in files is not in the data folder.
    #[error(
        "the data set {name} is not there: expected its files in {}, found nothing there; pass the folder that \
         contains {folder} with `--data DIR` or REVACNN_DATA", path.display()
    )]
    NotThere {
        /// The data set.
        name: &'static str,
        /// The folder that is looked for inside the data folder.
        folder: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Files in the place of a data set that has a name are others.
    #[error(
        "{}: expected {name}, with digest {expected:.12}, found files with digest {found:.12}; to train on them, name \
         their path: ./{name}", path.display()
    )]
    OtherData {
        /// The data set.
        name: &'static str,
        /// The folder.
        path: PathBuf,
        /// The digest of the data set.
        expected: &'static str,
        /// The digest of what is there.
        found: String,
    },
    /// The data set of a recorded run is not where it was looked for.
    #[error(
        "this run was trained on data set {name} with digest {digest}, which was looked for {looked}; found \
         {instead}. Pass the folder that holds its files, or one around it, with `--data DIR` or REVACNN_DATA"
    )]
    NotFound {
        /// The data set.
        name: String,
        /// The beginning of its digest.
        digest: String,
        /// Where it was looked for.
        looked: String,
        /// What was found there instead.
        instead: String,
    },
    /// A folder does not exist, or is something else than a folder.
    #[error("{}: expected a folder with {expected}, found {found}; {remedy}", path.display())]
    NoFolder {
        /// The path looked at.
        path: PathBuf,
        /// What should be in the folder.
        expected: String,
        /// What is there.
        found: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A file that must be there is not, or is not a regular file.
    #[error("{}: expected {expected}, found {found}; {remedy}", path.display())]
    NoFile {
        /// The path looked at.
        path: PathBuf,
        /// What the file should be.
        expected: String,
        /// What is there.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The operating system refused a read.
    #[error("{}: could not be {operation}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, in the past participle.
        operation: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A path cannot be looked at, or leads to no plain file any more.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file's length does not fit its format.
    #[error("{}: expected {expected}, found {found} bytes; the file is damaged or of another format, get it again", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// What lengths are valid.
        expected: String,
        /// The length found.
        found: u64,
    },
    /// A record's label is no class.
    #[error("{}: record {record} (counted from 0): expected a label 0..{last}, found {found}; the file is damaged or of another format, get it again", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The record, counted from 0.
        record: u64,
        /// The last valid label.
        last: u8,
        /// The label found.
        found: u8,
    },
    /// The file of class names is not what it should be.
    #[error("{}: expected {expected}, found {found}; correct the file, or remove it to use the standard names", path.display())]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A row of a table of numbers is not what it should be.
    #[error("{name}: row {row} (counted from 0): expected {expected}, found {found:?}")]
    Row {
        /// The data set.
        name: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// Images, labels and shape do not fit together.
    #[error("data set {name:?}, {part} part: expected {expected}, found {found}")]
    Inconsistent {
        /// The data set.
        name: String,
        /// "training" or "test".
        part: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// An image number past the end.
    #[error("image {index}: expected a number below {count}, the images of this part")]
    NoSuchImage {
        /// The number asked for.
        index: u32,
        /// How many images there are.
        count: u32,
    },
    /// There is no data set at a path, as far as its files' names tell.
    #[error("{}: found no data set ({found}). Looked for: {LOOKED_FOR}", path.display())]
    NotRecognised {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// A file of a person's own data is not what its format says.
    #[error("{}: expected {expected}, found {found}; {remedy}", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// An option that the files do not leave open.
    #[error("{}: `{option}` says nothing of {format}: leave it out", path.display())]
    NoChoice {
        /// What was asked for.
        path: PathBuf,
        /// The option.
        option: &'static str,
        /// What the files are.
        format: &'static str,
    },
    /// A data set that has a name is read in one way.
    #[error(
        "the data set {name} is read in one way: leave out the options that say how files are read, or name a path"
    )]
    NamedOtherwise {
        /// The data set.
        name: &'static str,
    },
    /// Decoded images cannot be kept on disk.
    #[error(
        "decoded images that memory has no room for could not be {operation} in a temporary file: {source}; free space on the disk, or set TMPDIR"
    )]
    Kept {
        /// What was tried, in the past participle.
        operation: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A data set that should be the same everywhere is not.
    #[error(
        "data set {name}: expected digest {expected}, found {found}; this build or machine does not \
         make the images that every other one makes, please report it"
    )]
    Digest {
        /// The data set.
        name: &'static str,
        /// The digest on every other machine.
        expected: String,
        /// The digest here.
        found: String,
    },
}

impl DataError {
    /// The name of the data set that is lacking, where it is one that is published.
    pub fn lacking(&self) -> Option<&'static str> {
        match self {
            Self::NoDataFolder { name, .. } | Self::NotThere { name, .. } => Some(name),
            Self::NotFound { name, .. } => super::published(name).map(|published| published.name),
            _ => None,
        }
    }

    /// What helps: to fetch what is [`lacking`](Self::lacking).
    pub fn advice(&self) -> Vec<Advice> {
        self.lacking().map(|name| Advice::FetchData { name: name.to_owned() }).into_iter().collect()
    }
}
