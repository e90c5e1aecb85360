//! What of a data set is there and whole, and how what was unpacked comes to be there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use revacnn_schemas::{PackedFile, Packing, PublishedFile};
use sha2::{Digest, Sha256};

use crate::error::{FetchError, io};
use crate::fetching::{Event, Watch, proceed};

/// What was unpacked, a line a file.
const SUMS_FILE: &str = "SHA256SUMS";

/// The longest file of checksums that is read.
const MOST_SUM_BYTES: u64 = 65_536;

/// The checksums of what was unpacked, by the files' names.
pub(crate) struct Sums(BTreeMap<String, String>);

impl Sums {
    /// Those beside a data set's files; none where nobody wrote them.
    pub(crate) fn read(folder: &Path) -> Result<Self, FetchError> {
        let path = folder.join(SUMS_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self(BTreeMap::new())),
            Err(error) => return Err(io(&path, "opened")(error)),
        };
        let mut text = Vec::new();
        file.take(MOST_SUM_BYTES).read_to_end(&mut text).map_err(io(&path, "read"))?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        Ok(Self(lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()))
    }

    fn to_text(&self) -> String {
        self.0.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
    }
}

/// Whether all that a published file holds is in a folder: unpacked, or, of a file that holds one
/// alone, as it is published, which is read as well.
///
/// # Errors
/// [`FetchError::InTheWay`] where another file is there.
pub(crate) fn is_there(file: &PublishedFile<'_>, folder: &Path, sums: &Sums) -> Result<bool, FetchError> {
    let published = folder.join(file.name);
    if file.packing == Packing::Gzip && length(&published)?.is_some() {
        let found = sha256_of(&published)?;
        return match found == file.sha256 {
            true => Ok(true),
            false => Err(in_the_way(&published, format!("SHA-256 {}", file.sha256), found)),
        };
    }
    let mut all = true;
    for packed in file.contents {
        all &= is_whole(packed, folder, sums)?;
    }
    Ok(all)
}

fn is_whole(packed: &PackedFile<'_>, folder: &Path, sums: &Sums) -> Result<bool, FetchError> {
    let path = folder.join(packed.name);
    let Some(bytes) = length(&path)? else { return Ok(false) };
    if !packed.may_have(bytes) {
        let expected = match packed.least == packed.most {
            true => format!("a file of {} bytes", packed.most),
            false => format!("a file of {} to {} bytes", packed.least, packed.most),
        };
        return Err(in_the_way(&path, expected, format!("{bytes} bytes")));
    }
    match sums.0.get(packed.name) {
        None => Ok(true),
        Some(sum) => match sha256_of(&path)? {
            found if found == *sum => Ok(true),
            found => Err(in_the_way(&path, format!("SHA-256 {sum}, as {SUMS_FILE} beside it says"), found)),
        },
    }
}

fn in_the_way(path: &Path, expected: String, found: String) -> FetchError {
    FetchError::InTheWay { path: path.to_owned(), expected, found }
}

/// A plain file's length; nothing where there is nothing.
pub(crate) fn length(path: &Path) -> Result<Option<u64>, FetchError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found.len())),
        Ok(_) => Err(in_the_way(path, "a plain file".to_owned(), "something else".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path, "looked at")(error)),
    }
}

/// A file's SHA-256 in hexadecimal.
pub(crate) fn sha256_of(path: &Path) -> Result<String, FetchError> {
    let mut file = File::open(path).map_err(io(path, "opened"))?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(io(path, "read"))? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// Is the one that fetches, from now until the file is dropped: who comes second waits.
pub(crate) fn lock(path: &Path, watch: Watch<'_>) -> Result<File, FetchError> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open.map_err(io(path, "opened"))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => proceed(watch(Event::Waiting))?,
        Err(TryLockError::Error(error)) => return Err(io(path, "locked")(error)),
    }
    file.lock().map_err(io(path, "locked"))?;
    Ok(file)
}

/// Moves what was unpacked to where it belongs: the folder as a whole by one rename, or, where there
/// is one, the files that it lacks.
pub(crate) fn place(
    files: &[&PublishedFile<'_>],
    staging: &Path,
    folder: &Path,
    mut sums: Sums,
) -> Result<(), FetchError> {
    let names: Vec<&str> = files.iter().flat_map(|file| file.contents).map(|packed| packed.name).collect();
    for name in &names {
        sums.0.insert((*name).to_owned(), sha256_of(&staging.join(name))?);
    }
    let written = staging.join(SUMS_FILE);
    let write = |file: &mut File| file.write_all(sums.to_text().as_bytes()).and_then(|()| file.sync_all());
    File::create(&written).and_then(|mut file| write(&mut file)).map_err(io(&written, "written"))?;
    if !folder.exists() {
        return fs::rename(staging, folder).map_err(io(folder, "moved to its place"));
    }
    for name in names.iter().chain(&[SUMS_FILE]) {
        let target = folder.join(name);
        // Of an archive some files may be there: they are the same, or would have been refused.
        if *name == SUMS_FILE || length(&target)?.is_none() {
            fs::rename(staging.join(name), &target).map_err(io(&target, "moved to its place"))?;
        } else if sha256_of(&target)? != sums.0[*name] {
            let found = sha256_of(&target)?;
            return Err(in_the_way(&target, format!("SHA-256 {}", sums.0[*name]), found));
        }
    }
    Ok(())
}
