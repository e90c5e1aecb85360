//! What can go wrong between an address and a data set's files.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data set was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// What is no address of a folder of files.
    #[error("{address:?}: expected an address that begins with http:// or https:// and a host")]
    Address {
        /// What was given.
        address: String,
    },
    /// A server that has not what is asked for.
    #[error("{url}: expected the file, found the answer {status}; name another server that has it with its address")]
    Status {
        /// The file's address.
        url: String,
        /// The status and its usual words.
        status: String,
    },
    /// No server, or one that breaks off again and again.
    #[error("{url}: {reason}{}; {kept} of {bytes} bytes are kept, and the same command goes on there", in_vain(*.tries))]
    Connection {
        /// The file's address.
        url: String,
        /// The last reason.
        reason: String,
        /// How often nothing came.
        tries: u32,
        /// Bytes that came so far.
        kept: u64,
        /// The file's length.
        bytes: u64,
    },
    /// A server whose file has another length.
    #[error("{url}: expected a file of {expected} bytes, found one that is said to have {found}; it is another file")]
    Length {
        /// The file's address.
        url: String,
        /// The length that is known.
        expected: u64,
        /// The length that the server gives.
        found: u64,
    },
    /// A file that is not the one that was published.
    #[error("{url}: expected a file with SHA-256 {expected}, found {found}; what came was removed")]
    Checksum {
        /// The file's address.
        url: String,
        /// The checksum that is known.
        expected: String,
        /// That of what came.
        found: String,
    },
    /// An archive that is not what it should be; nothing of it is put in place.
    #[error("{archive}: expected {expected}, found {found}; nothing of it was put in place")]
    Archive {
        /// The archive's name.
        archive: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A file that is there and is another one.
    #[error("{}: expected {expected}, found {found}; move it away, or fetch into another folder", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The operating system refused.
    #[error("{}: could not be {operation}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, in the past participle.
        operation: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Who asked for it wanted it no more.
    #[error("stopped; what came is kept, and the same command goes on there")]
    Stopped,
}

fn in_vain(tries: u32) -> String {
    if tries > 1 { format!(", {tries} times in a row") } else { String::new() }
}

/// Says of an error which file it was about, and what was tried.
pub(crate) fn io<'a>(path: &'a Path, operation: &'static str) -> impl FnOnce(io::Error) -> FetchError + 'a {
    move |source| FetchError::Io { path: path.to_owned(), operation, source }
}
