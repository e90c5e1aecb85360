//! Everything that can go wrong between a data set's name and its images.

use std::path::PathBuf;

use crate::files::FileError;

/// Why a data set could not be found, read or used.
///
/// Every message says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name is no known data set and no folder.
    #[error(
        "no data set is called {name:?}: expected {known}, or the path of a folder with CIFAR-10's \
         binary files, such as ./cifar-10-batches-bin"
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
