//! Decoded images: in memory up to a bound, and in a file beyond.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::error::DataError;

/// The most bytes of a part's images that are kept in memory.
const MOST_IN_MEMORY: usize = 1 << 29;

/// Images of one shape, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Pixels {
    values: usize,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    Memory(Vec<u8>),
    /// A file without a name: the system deletes it with its last user.
    File(Arc<File>),
}

impl Pixels {
    /// Images of `values` bytes each that are in memory.
    pub(super) fn of(images: Vec<u8>, values: usize) -> Self {
        Self { values, kept: Kept::Memory(images) }
    }

    /// An image by its number, which must be below that of the images.
    pub(super) fn image(&self, index: usize) -> Result<Cow<'_, [u8]>, DataError> {
        match &self.kept {
            Kept::Memory(images) => Ok(Cow::Borrowed(&images[index * self.values..][..self.values])),
            Kept::File(file) => {
                let mut image = vec![0; self.values];
                read_at(file, &mut image, index as u64 * self.values as u64)
                    .map_err(|source| DataError::Kept { operation: "read", source })?;
                Ok(Cow::Owned(image))
            }
        }
    }

    /// The bytes that are in memory.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> Option<&[u8]> {
        match &self.kept {
            Kept::Memory(images) => Some(images),
            Kept::File(_) => None,
        }
    }
}

/// Takes images in, in their order.
#[derive(Debug)]
pub(super) struct PixelsWriter {
    values: usize,
    most: usize,
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
}

impl PixelsWriter {
    /// For images of `values` bytes each.
    pub(super) fn new(values: usize) -> Self {
        Self::bounded(values, MOST_IN_MEMORY)
    }

    fn bounded(values: usize, most: usize) -> Self {
        Self { values, most, memory: Vec::new(), file: None }
    }

    /// Takes an image in.
    pub(super) fn push(&mut self, image: &[u8]) -> Result<(), DataError> {
        let wrong = |source| DataError::Kept { operation: "written", source };
        if let Some(file) = &mut self.file {
            return file.write_all(image).map_err(wrong);
        }
        if self.memory.len() + image.len() <= self.most {
            self.memory.extend_from_slice(image);
            return Ok(());
        }
        let mut file = BufWriter::with_capacity(1 << 20, temporary().map_err(wrong)?);
        file.write_all(&std::mem::take(&mut self.memory)).map_err(wrong)?;
        file.write_all(image).map_err(wrong)?;
        self.file = Some(file);
        Ok(())
    }

    /// All that was taken in.
    pub(super) fn finish(self) -> Result<Pixels, DataError> {
        let kept = match self.file {
            None => Kept::Memory(self.memory),
            Some(file) => {
                let file = file.into_inner().map_err(|error| error.into_error());
                Kept::File(Arc::new(file.map_err(|source| DataError::Kept { operation: "written", source })?))
            }
        };
        Ok(Pixels { values: self.values, kept })
    }
}

/// A file without a name, on a disk: the usual folder of such files may be memory.
fn temporary() -> io::Result<File> {
    let on_disk = Path::new("/var/tmp");
    if std::env::var_os("TMPDIR").is_none() && on_disk.is_dir() {
        return tempfile::tempfile_in(on_disk).or_else(|_| tempfile::tempfile());
    }
    tempfile::tempfile()
}

#[cfg(unix)]
fn read_at(file: &File, image: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, image, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut image: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !image.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, image, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                image = &mut image[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_the_same_in_memory_and_in_a_file() {
        let all: Vec<[u8; 3]> = (0..50).map(|image| [image, image + 1, image + 2]).collect();
        for most in [0, 2, 3, 30, 149, 150, 1000] {
            let mut writer = PixelsWriter::bounded(3, most);
            all.iter().for_each(|image| writer.push(image).unwrap());
            let pixels = writer.finish().unwrap();
            assert_eq!(pixels.in_memory().is_some(), most >= 150, "{most}");
            for (index, image) in all.iter().enumerate().rev() {
                assert_eq!(*pixels.image(index).unwrap(), image[..], "{most}");
            }
        }
    }
}
