//! Data sets as their makers publish them: files behind an address, and what is packed in them.

/// A data set that is published over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published<'a> {
    /// The data set's name, such as `cifar10`.
    pub name: &'a str,
    /// The folder of the data folder that its files are put in.
    pub folder: &'a str,
    /// The address below which the files are, `http://` or `https://`.
    pub address: &'a str,
    /// The files.
    pub files: &'a [PublishedFile<'a>],
}

/// A published file: what it must be to be taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedFile<'a> {
    /// Its name behind the address.
    pub name: &'a str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: &'a str,
    /// How its contents are packed.
    pub packing: Packing,
    /// The files in it that are unpacked; what else is there is passed over.
    pub contents: &'a [PackedFile<'a>],
}

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// One file, compressed by gzip.
    Gzip,
    /// A tar archive compressed by gzip, in which the files lie in a folder of the data set's
    /// [`folder`](Published::folder)'s name.
    TarGzip,
}

/// A file that is packed in another, with its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedFile<'a> {
    /// Its name in the data set's folder.
    pub name: &'a str,
    /// The shortest that it may be.
    pub least: u64,
    /// The longest that it may be.
    pub most: u64,
}

impl<'a> PackedFile<'a> {
    /// A file of a known length.
    pub const fn of(name: &'a str, bytes: u64) -> Self {
        Self { name, least: bytes, most: bytes }
    }

    /// A text of some length.
    pub const fn up_to(name: &'a str, most: u64) -> Self {
        Self { name, least: 1, most }
    }

    /// Whether it may be so long.
    pub fn may_have(&self, bytes: u64) -> bool {
        (self.least..=self.most).contains(&bytes)
    }
}
