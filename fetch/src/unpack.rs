//! An archive's files: those of known names and lengths alone. Whatever an archive says of paths,
//! links and lengths is looked at before the file is written.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

use flate2::read::{GzDecoder, MultiGzDecoder};
use revacnn_schemas::{PackedFile, Packing, PublishedFile};

use crate::error::{FetchError, io as io_error};

/// The most entries of an archive.
const MOST_ENTRIES: usize = 1_000;

/// What an archive may have beside the files that are looked for: headers, texts, padding.
const BESIDE: u64 = 1 << 20;

/// Unpacks a published file's contents into a folder that is empty of them.
pub(crate) fn unpack(file: &PublishedFile<'_>, inner: &str, archive: &Path, into: &Path) -> Result<(), FetchError> {
    let packed = BufReader::with_capacity(1 << 16, File::open(archive).map_err(io_error(archive, "opened"))?);
    let refuse =
        |expected: String, found: String| FetchError::Archive { archive: file.name.to_owned(), expected, found };
    match (file.packing, file.contents) {
        (Packing::Gzip, [only]) => write(only, MultiGzDecoder::new(packed), into, &refuse),
        (Packing::Gzip, contents) => {
            Err(refuse("one file in it".to_owned(), format!("{} that are looked for", contents.len())))
        }
        (Packing::TarGzip, contents) => {
            let most = contents.iter().map(|packed| packed.most).sum::<u64>() + BESIDE;
            let bounded = Bounded { reader: GzDecoder::new(packed), left: most, most };
            unpack_tar(tar::Archive::new(bounded), contents, inner, into, &refuse)
        }
    }
}

fn unpack_tar(
    mut archive: tar::Archive<impl Read>,
    contents: &[PackedFile<'_>],
    inner: &str,
    into: &Path,
    refuse: &dyn Fn(String, String) -> FetchError,
) -> Result<(), FetchError> {
    let unreadable = |error: io::Error| refuse("a tar archive".to_owned(), error.to_string());
    let mut came = BTreeSet::new();
    for (number, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        let entry = entry.map_err(unreadable)?;
        if number >= MOST_ENTRIES {
            return Err(refuse(format!("at most {MOST_ENTRIES} entries"), "more".to_owned()));
        }
        let path = entry.path().map_err(unreadable)?.into_owned();
        let shown = format!("{path:?}");
        let kind = entry.header().entry_type();
        // Notes of the archiver, which say nothing of a file.
        if kind.is_pax_global_extensions() {
            continue;
        }
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => names.push(name),
                Component::CurDir => {}
                _ => return Err(refuse(format!("files below {inner}"), format!("the path {shown}"))),
            }
        }
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            let found = if kind.is_symlink() || kind.is_hard_link() { "a link" } else { "neither of them" };
            return Err(refuse("plain files and folders".to_owned(), format!("{found}, {shown}")));
        }
        let [folder, name] = names[..] else { continue };
        let Some(packed) = contents.iter().find(|packed| folder == inner && name == packed.name) else { continue };
        if !came.insert(packed.name) {
            return Err(refuse("each file once".to_owned(), format!("{shown} twice")));
        }
        if !packed.may_have(entry.size()) {
            return Err(other_length(packed, format!("one of {} bytes", entry.size()), refuse));
        }
        write(packed, entry, into, refuse)?;
    }
    // What follows the last entry has the checksum of it all.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    match contents.iter().find(|packed| !came.contains(packed.name)) {
        None => Ok(()),
        Some(lacking) => Err(refuse(format!("{inner}/{} in it", lacking.name), "no such file".to_owned())),
    }
}

/// Writes a file, up to the longest that it may be.
fn write(
    packed: &PackedFile<'_>,
    reader: impl Read,
    into: &Path,
    refuse: &dyn Fn(String, String) -> FetchError,
) -> Result<(), FetchError> {
    let path = into.join(packed.name);
    let mut file = File::create_new(&path).map_err(io_error(&path, "made"))?;
    let (mut reader, mut written, mut buffer) = (reader.take(packed.most + 1), 0, vec![0; 1 << 16]);
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(refuse(format!("{} in gzip's format", packed.name), error.to_string())),
        };
        written += read as u64;
        if written > packed.most {
            return Err(other_length(packed, "a longer one".to_owned(), refuse));
        }
        io::Write::write_all(&mut file, &buffer[..read]).map_err(io_error(&path, "written"))?;
    }
    if !packed.may_have(written) {
        return Err(other_length(packed, format!("one of {written} bytes"), refuse));
    }
    file.sync_all().map_err(io_error(&path, "written"))
}

fn other_length(packed: &PackedFile<'_>, found: String, refuse: &dyn Fn(String, String) -> FetchError) -> FetchError {
    let PackedFile { name, least, most } = packed;
    let length = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    refuse(format!("{name} of {length} bytes"), found)
}

/// What is unpacked, up to a length.
struct Bounded<R> {
    reader: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(format!("one that unpacks to more than {} bytes", self.most)))?;
        Ok(read)
    }
}
