//! Small descriptions in JSON, read with care: a store may come from a stranger.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use revacnn_schemas::FORMAT_VERSION;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RecorderError;
use crate::disk::{Disk, DiskFile, open_plain_file};

/// Largest description that is read; the biggest honest ones, with the
/// coefficients of edits in them, are well below.
const LARGEST: u64 = 64 << 20;

/// Reads a description of `what`, whose format version must be ours.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<T, RecorderError> {
    read_from(open_plain_file(path)?, path, what)
}

/// [`read`] of a file that is open.
pub(crate) fn read_from<T: DeserializeOwned>(file: File, path: &Path, what: &'static str) -> Result<T, RecorderError> {
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(|source| RecorderError::io("read", path, source))?;
    if text.len() as u64 > LARGEST {
        return Err(RecorderError::damaged(path, format!("{what} of at most {} MB", LARGEST >> 20), "a larger file"));
    }
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| RecorderError::damaged(path, format!("{what} in JSON"), error.to_string()))?;
    match value.get("format_version") {
        Some(version) if version.as_u64() == Some(u64::from(FORMAT_VERSION)) => {}
        Some(version) => {
            return Err(RecorderError::UnknownFormat {
                path: path.to_owned(),
                found: version.to_string().chars().take(40).collect(),
                known: FORMAT_VERSION,
            });
        }
        None => {
            return Err(RecorderError::damaged(path, format!("{what} with a format_version"), "none"));
        }
    }
    // From the text again, not the value: numbers keep their exact form.
    serde_json::from_slice(&text).map_err(|error| RecorderError::damaged(path, what, error.to_string()))
}

/// Writes a description so that a reader sees the old or the new one.
pub(crate) fn write<T: Serialize>(disk: &Disk, path: &Path, description: &T) -> Result<(), RecorderError> {
    disk.write_atomically(path, &text(path, description)?)
}

/// Writes a description where nobody looks yet; it is yet to be synced.
pub(crate) fn write_new<T: Serialize>(disk: &Disk, path: &Path, description: &T) -> Result<DiskFile, RecorderError> {
    let mut file = disk.create(path)?;
    file.write_all(&text(path, description)?).map_err(|source| RecorderError::io("write", path, source))?;
    Ok(file)
}

/// A description as it is written.
pub(crate) fn text<T: Serialize>(path: &Path, description: &T) -> Result<Vec<u8>, RecorderError> {
    let mut text = serde_json::to_vec_pretty(description)
        .map_err(|error| RecorderError::io("describe", path, std::io::Error::other(error.to_string())))?;
    text.push(b'\n');
    Ok(text)
}
