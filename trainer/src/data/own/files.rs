//! Files of a folder that a stranger may have made: listed up to a bound, plain ones alone, and
//! none that a link leads to outside of the folder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::data::error::DataError;
use crate::files::{FileError, Found, io, look, open, read_file};

/// The most entries of one folder.
const MOST_ENTRIES: usize = 2_000_000;

/// The most class names, and the bytes of their file.
const MOST_NAME_BYTES: u64 = 65_536;

/// A damaged file is not mended here.
pub(super) const GET_AGAIN: &str = "the file is damaged or of another format, get it again";

/// The folder that was named: what lies outside of it is not read.
#[derive(Debug, Clone)]
pub(super) struct Root {
    real: PathBuf,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
}

impl Root {
    pub(super) fn of(folder: &Path) -> Result<Self, DataError> {
        Ok(Self { real: fs::canonicalize(folder).map_err(io(folder))? })
    }

    /// Refuses a path that a link leads out of the folder.
    pub(super) fn check(&self, path: &Path) -> Result<(), DataError> {
        let leads_out = || DataError::Damaged {
            path: path.to_owned(),
            expected: format!("a file below {}", self.real.display()),
            found: "a link that leads out of that folder".to_owned(),
            remedy: "name the folder that it leads to, or put a copy in its place",
        };
        match fs::canonicalize(path) {
            Ok(real) if real.starts_with(&self.real) => Ok(()),
            Ok(_) => Err(leads_out()),
            Err(source) => Err(FileError::Io { path: path.to_owned(), source }.into()),
        }
    }

    /// The entries of a folder below, by name; hidden ones are left out.
    pub(super) fn list(&self, folder: &Path) -> Result<Vec<Entry>, DataError> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(io(folder))? {
            let entry = entry.map_err(io(folder))?;
            let (name, path) = (entry.file_name(), entry.path());
            if name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX" {
                continue;
            }
            let kind = entry.file_type().map_err(io(&path))?;
            if kind.is_symlink() {
                self.check(&path)?;
            }
            let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
            entries.push(Entry { name, path, is_folder });
            if entries.len() > MOST_ENTRIES {
                return Err(DataError::Damaged {
                    path: folder.to_owned(),
                    expected: format!("at most {MOST_ENTRIES} entries"),
                    found: "more".to_owned(),
                    remedy: "divide the folder",
                });
            }
        }
        entries.sort();
        Ok(entries)
    }

    /// A file of the folder, the first of these names that there is.
    pub(super) fn first(&self, folder: &Path, names: &[String]) -> Result<Option<PathBuf>, DataError> {
        for path in names.iter().map(|name| folder.join(name)) {
            if let Found::File { .. } = look(&path)? {
                self.check(&path)?;
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The class names of `classes.txt`, one a line, if there is such a file.
    pub(super) fn class_names(&self, folder: &Path) -> Result<Option<Vec<String>>, DataError> {
        self.names(folder, "classes.txt")
    }

    /// The lines of a file of names, if there is one.
    pub(super) fn names(&self, folder: &Path, file: &str) -> Result<Option<Vec<String>>, DataError> {
        let Some(path) = self.first(folder, &[file.to_owned()])? else { return Ok(None) };
        let wrong = |expected: &str, found: String| DataError::ClassNames {
            path: path.clone(),
            expected: expected.to_owned(),
            found,
        };
        let text = String::from_utf8(read_file(&path, "class names", MOST_NAME_BYTES)?)
            .map_err(|error| wrong("text in UTF-8", format!("other bytes ({error})")))?;
        let names: Vec<String> =
            text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        // Names reach terminals and file names.
        match names.iter().find(|name| name.chars().any(char::is_control)) {
            Some(name) => Err(wrong("names without control characters", format!("{name:?}"))),
            None => Ok(Some(names)),
        }
    }
}

/// A file that is read from its beginning to its end, unpacked where its name ends in `.gz`.
pub(super) struct Stream<'a> {
    path: PathBuf,
    reader: Box<dyn BufRead + 'a>,
    /// The length, where the file is not packed.
    length: Option<u64>,
    read: u64,
}

impl<'a> Stream<'a> {
    pub(super) fn open(path: &Path, expected: &'static str) -> Result<Self, DataError> {
        let (file, bytes) = open(path, expected)?;
        let is_packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self {
            path: path.to_owned(),
            reader: if is_packed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) },
            length: (!is_packed).then_some(bytes),
            read: 0,
        })
    }

    /// What is read from an archive, under the archive's name.
    pub(super) fn of(path: &Path, reader: impl Read + 'a, length: u64) -> Self {
        Self { path: path.to_owned(), reader: Box::new(BufReader::new(reader)), length: Some(length), read: 0 }
    }

    /// Fills the buffer. `expected` says of what the file was to be.
    pub(super) fn fill(&mut self, buffer: &mut [u8], expected: &dyn Fn() -> String) -> Result<(), DataError> {
        self.reader.read_exact(buffer).map_err(|source| self.wrong(source, expected))?;
        self.read += buffer.len() as u64;
        Ok(())
    }

    /// The next line without its end, at most `most` bytes long; `None` at the end.
    pub(super) fn line(&mut self, most: u64, expected: &dyn Fn() -> String) -> Result<Option<Vec<u8>>, DataError> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(most + 1).read_until(b'\n', &mut line);
        if read.map_err(|source| self.wrong(source, expected))? == 0 {
            return Ok(None);
        }
        if line.len() as u64 > most {
            return Err(self.damaged(expected(), format!("a line of more than {most} bytes")));
        }
        while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            line.pop();
        }
        Ok(Some(line))
    }

    /// Refuses a file that goes on.
    pub(super) fn end(&mut self, expected: &dyn Fn() -> String) -> Result<(), DataError> {
        match self.reader.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(self.damaged(expected(), "more".to_owned())),
            Err(source) => Err(self.wrong(source, expected)),
        }
    }

    /// Refuses a plain file in which other than so many bytes are left, before anything is made
    /// for what its header promises.
    pub(super) fn check_rest(&self, promised: u64, expected: &dyn Fn() -> String) -> Result<(), DataError> {
        match self.length.map(|length| length.saturating_sub(self.read)) {
            Some(rest) if rest != promised => {
                Err(self.damaged(format!("{}, {promised} bytes", expected()), format!("{rest} bytes")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn damaged(&self, expected: String, found: String) -> DataError {
        DataError::Damaged { path: self.path.clone(), expected, found, remedy: GET_AGAIN }
    }

    fn wrong(&self, source: std::io::Error, expected: &dyn Fn() -> String) -> DataError {
        match source.kind() {
            ErrorKind::UnexpectedEof => self.damaged(expected(), "the end before: it is cut off".to_owned()),
            ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                self.damaged(expected(), format!("a damaged archive ({source})"))
            }
            _ => FileError::Io { path: self.path.clone(), source }.into(),
        }
    }
}

/// A file of pictures or arrays for reading at any place.
pub(super) fn plain(path: &Path, expected: &'static str) -> Result<File, DataError> {
    Ok(open(path, expected)?.0)
}

/// A class's name from that of its folder.
pub(super) fn class_name(entry: &Entry) -> Result<String, DataError> {
    match entry.name.to_str() {
        Some(name) if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => Err(DataError::ClassNames {
            path: entry.path.clone(),
            expected: "a class's name in UTF-8 without control characters".to_owned(),
            found: format!("{:?}", entry.name),
        }),
    }
}
