//! Looking at paths that a stranger may have prepared: regular files and folders
//! only, never a device or a pipe, and never more bytes than a limit.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::DataError;

/// What is at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    File { bytes: u64 },
    Folder,
    BrokenLink,
    Other,
}

impl Found {
    /// For error messages.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing there",
            Self::File { .. } => "a file",
            Self::Folder => "a folder",
            Self::BrokenLink => "a symbolic link that leads nowhere",
            Self::Other => "neither a file nor a folder",
        }
    }
}

/// Looks at a path without opening it.
pub(super) fn look(path: &Path) -> Result<Found, DataError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Found::File { bytes: metadata.len() }),
        Ok(metadata) if metadata.is_dir() => Ok(Found::Folder),
        Ok(_) => Ok(Found::Other),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink()) => Ok(Found::BrokenLink),
        // A name of 300 letters or with a zero byte is no file either.
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
                Ok(Found::Nothing)
            }
            _ => Err(io(path, "looked at")(error)),
        },
    }
}

/// Reads a file that [`look`] has found to have `bytes` bytes.
pub(super) fn read(path: &Path, bytes: u64) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(io(path, "opened"))?;
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    file.take(bytes + 1).read_to_end(&mut content).map_err(io(path, "read"))?;
    if content.len() as u64 != bytes {
        return Err(DataError::Length {
            path: path.to_owned(),
            expected: format!("{bytes} bytes, its length a moment ago"),
            found: content.len() as u64,
        });
    }
    Ok(content)
}

fn io(path: &Path, operation: &'static str) -> impl FnOnce(std::io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io { path, operation, source }
}
