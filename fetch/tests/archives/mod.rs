//! Archives that tests make, and what is known of them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use revacnn_schemas::{PackedFile, Packing, Published, PublishedFile};
use sha2::{Digest, Sha256};

/// The folder in an archive.
pub(crate) const FOLDER: &str = "set-bin";

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// An entry of a tar archive, as it is said to be: path, kind, link, length, content.
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: tar::EntryType,
    pub(crate) link: &'a str,
    pub(crate) length: u64,
    pub(crate) content: &'a [u8],
}

impl<'a> Entry<'a> {
    pub(crate) fn file(path: &'a str, content: &'a [u8]) -> Self {
        Self { path, kind: tar::EntryType::Regular, link: "", length: content.len() as u64, content }
    }

    pub(crate) fn other(path: &'a str, kind: tar::EntryType, link: &'a str) -> Self {
        Self { path, kind, link, length: 0, content: &[] }
    }
}

/// A tar archive of entries that no well-behaved program would write.
pub(crate) fn tar_gzip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(entry.kind);
        header.set_size(entry.length);
        header.set_mode(0o644);
        let bytes = header.as_mut_bytes();
        bytes[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        bytes[157..157 + entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(entry.content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    gzip(&archive)
}

/// The files of the data set of one archive.
pub(crate) fn contents() -> [(&'static str, Vec<u8>); 2] {
    [("train.bin", noise(40_000)), ("names.txt", b"cat\ndog\n".to_vec())]
}

pub(crate) const CONTENTS: [PackedFile<'static>; 2] =
    [PackedFile::of("train.bin", 40_000), PackedFile::up_to("names.txt", 100)];

/// That archive.
pub(crate) fn archive() -> Vec<u8> {
    let contents = contents();
    let paths = contents.each_ref().map(|(name, _)| format!("./{FOLDER}/{name}"));
    let mut entries = vec![Entry::other("set-bin/", tar::EntryType::Directory, "")];
    entries.extend(contents.iter().zip(&paths).map(|((_, content), path)| Entry::file(path, content)));
    entries.push(Entry::file("set-bin/readme.html", b"<html>"));
    tar_gzip(&entries)
}

/// What is known of an archive of that name, whose checksum is given.
pub(crate) fn file<'a>(bytes: &[u8], sha256: &'a str) -> PublishedFile<'a> {
    PublishedFile {
        name: "set.tar.gz",
        bytes: bytes.len() as u64,
        sha256,
        packing: Packing::TarGzip,
        contents: &CONTENTS,
    }
}

/// A data set of such files.
pub(crate) fn set<'a>(files: &'a [PublishedFile<'a>], address: &'a str) -> Published<'a> {
    Published { name: "set", folder: FOLDER, address, files }
}
