//! Files that a person names: plain ones only, and never more of them than a
//! bound.
//!
//! A path may lead to a pipe that nobody writes into, or to a device that
//! never ends, or change into one between a look and a read. So a file is
//! looked at, opened in a way that waits for nobody, and looked at again
//! before its first byte is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Why a file that was named is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no plain file at the path.
    #[error("cannot read {}: expected {expected} in a plain file, found {found}", path.display())]
    NotPlain {
        /// The path.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The file is longer than anything that it can be.
    #[error("cannot read {}: expected {expected} of at most {most} bytes, found {found}", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
        /// The bound.
        most: u64,
        /// Its length, or that it grows.
        found: String,
    },
    /// The file is no text.
    #[error("cannot read {}: expected {expected}, which is text in UTF-8, found other bytes", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
    },
    /// The operating system refused.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Reads a whole file that a person named.
///
/// # Errors
/// [`FileError`], where it is no plain file or longer than `most` bytes.
pub fn read_file(path: &Path, expected: &'static str, most: u64) -> Result<Vec<u8>, FileError> {
    let too_long = |found: String| FileError::TooLong { path: path.to_owned(), expected, most, found };
    let (file, bytes) = open(path, expected)?;
    if bytes > most {
        return Err(too_long(format!("{bytes} bytes")));
    }
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut content).map_err(io(path))?;
    if content.len() as u64 > most {
        return Err(too_long("more".to_owned()));
    }
    Ok(content)
}

/// [`read_file`] where the file is text.
///
/// # Errors
/// As [`read_file`], and text that is not in UTF-8.
pub fn read_text(path: &Path, expected: &'static str, most: u64) -> Result<String, FileError> {
    let bytes = read_file(path, expected, most)?;
    String::from_utf8(bytes).map_err(|_| FileError::NotText { path: path.to_owned(), expected })
}

/// Opens a plain file, and says how long it is.
pub(crate) fn open(path: &Path, expected: &'static str) -> Result<(File, u64), FileError> {
    let refused = |found: Found| FileError::NotPlain { path: path.to_owned(), expected, found: found.describe() };
    // Opening a device may already do something, so it is looked at before.
    match look(path)? {
        // The system says best why there is nothing.
        Found::File { .. } | Found::Nothing => {}
        found => return Err(refused(found)),
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path).map_err(io(path))?;
    let metadata = file.metadata().map_err(io(path))?;
    if !metadata.is_file() {
        return Err(refused(if metadata.is_dir() { Found::Folder } else { Found::Other }));
    }
    Ok((file, metadata.len()))
}

/// What is at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File { bytes: u64 },
    Folder,
    BrokenLink,
    Other,
}

impl Found {
    /// For error messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing there",
            Self::File { .. } => "a file",
            Self::Folder => "a folder",
            Self::BrokenLink => "a symbolic link that leads nowhere",
            Self::Other => "neither a file nor a folder, but a pipe or a device",
        }
    }
}

/// Looks at a path without opening it.
pub(crate) fn look(path: &Path) -> Result<Found, FileError> {
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
            _ => Err(io(path)(error)),
        },
    }
}

pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, most: u64) -> String {
        read_file(path, "an array", most).expect_err("a refusal").to_string()
    }

    #[test]
    fn a_plain_file_is_read_up_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read_file(&path, "an array", 5).unwrap(), b"12345");
        let message = refused(&path, 4);
        assert!(message.ends_with("a: expected an array of at most 4 bytes, found 5 bytes"), "{message}");
        fs::write(&path, b"").unwrap();
        assert_eq!(read_file(&path, "an array", 0).unwrap(), b"");
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read_text(&path, "a network", 9).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn what_is_no_plain_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refused(folder.path(), 9).ends_with("expected an array in a plain file, found a folder"));
        assert!(refused(&folder.path().join("none"), 9).contains("No such file"));
    }

    /// Both made a program wait or read for ever.
    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_writes_into_and_a_device_without_an_end_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, Path::new("/dev/zero"), Path::new("/dev/stdin")] {
            let message = refused(path, 9);
            assert!(message.contains("a pipe or a device") || path.ends_with("stdin"), "{message}");
        }
    }

    /// A look before is not enough: what is opened is looked at again.
    #[cfg(unix)]
    #[test]
    fn opening_a_pipe_waits_for_nobody() {
        use std::os::unix::fs::OpenOptionsExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&pipe).unwrap();
        assert!(!opened.metadata().unwrap().is_file());
    }
}
