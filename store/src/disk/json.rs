//! Small descriptions in JSON, read with care: a store may come from a stranger.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use revacnn_schemas::{FORMAT_VERSION, OLDEST_FORMAT_VERSION};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::disk::{Disk, DiskFile, open_plain_file};

/// Largest description that is read; the biggest honest ones, with the
/// coefficients of edits in them, are well below.
pub(crate) const LARGEST: u64 = 64 << 20;

/// Reads a description of `what`, whose format version must be known.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<T, StoreError> {
    read_from(open_plain_file(path)?, path, what)
}

/// [`read`] of a file that is open.
pub(crate) fn read_from<T: DeserializeOwned>(file: File, path: &Path, what: &'static str) -> Result<T, StoreError> {
    #[cfg(test)]
    READ.set(READ.get() + 1);
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(|source| StoreError::io("read", path, source))?;
    if text.len() as u64 > LARGEST {
        return Err(StoreError::damaged(path, format!("{what} of at most {} MB", LARGEST >> 20), "a larger file"));
    }
    parse(&text, path, what)
}

/// [`read`] of a text that is at hand.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8], path: &Path, what: &'static str) -> Result<T, StoreError> {
    let known = u64::from(OLDEST_FORMAT_VERSION)..=u64::from(FORMAT_VERSION);
    // Nearly all are of a known version; what is wrong with the others is looked
    // at closely.
    if !serde_json::from_slice::<Version>(text).is_ok_and(|found| known.contains(&found.format_version)) {
        refuse_version(path, what, text, known)?;
    }
    // From the text again, not a value: numbers keep their exact form.
    serde_json::from_slice(text).map_err(|error| StoreError::damaged(path, what, error.to_string()))
}

#[cfg(test)]
thread_local! {
    /// How many descriptions this thread read, for tests of what a look costs.
    pub(crate) static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What is looked at before anything else of a description.
#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

/// The error for a description that is no JSON or of no known version.
fn refuse_version(
    path: &Path,
    what: &'static str,
    text: &[u8],
    known: std::ops::RangeInclusive<u64>,
) -> Result<(), StoreError> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| StoreError::damaged(path, format!("{what} in JSON"), error.to_string()))?;
    match value.get("format_version") {
        Some(version) if version.as_u64().is_some_and(|version| known.contains(&version)) => Ok(()),
        Some(version) => Err(StoreError::UnknownFormat {
            path: path.to_owned(),
            found: version.to_string().chars().take(40).collect(),
            known: FORMAT_VERSION,
        }),
        None => Err(StoreError::damaged(path, format!("{what} with a format_version"), "none")),
    }
}

/// Writes a description so that a reader sees the old or the new one.
pub(crate) fn write<T: Serialize>(disk: &Disk, path: &Path, description: &T) -> Result<(), StoreError> {
    disk.write_atomically(path, &text(path, description)?)
}

/// Writes a description where nobody looks yet; it is yet to be synced.
pub(crate) fn write_new<T: Serialize>(disk: &Disk, path: &Path, description: &T) -> Result<DiskFile, StoreError> {
    let mut file = disk.create(path)?;
    file.write_all(&text(path, description)?).map_err(|source| StoreError::io("write", path, source))?;
    Ok(file)
}

/// A description as it is written.
pub(crate) fn text<T: Serialize>(path: &Path, description: &T) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec_pretty(description)
        .map_err(|error| StoreError::io("describe", path, std::io::Error::other(error.to_string())))?;
    text.push(b'\n');
    Ok(text)
}
