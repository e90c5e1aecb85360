//! The checksums of a file beside those of its pages: over its offset indexes,
//! which say where each page lies and with which row it begins, and over the
//! pages' headers. A damaged index would lead to the wrong page, whose checksum
//! is right, and a page's own checksum leaves out its header.

use crc32fast::Hasher;
use parquet::file::page_index::offset_index::PageLocation;

/// The footer's entry with the checksum of the offset indexes, which every
/// reader compares.
pub(crate) const INDEX_CHECKSUM: &str = "revacnn.index_checksum";

/// The footer's entry with the checksum of all pages' headers, which is compared
/// where all pages are read.
pub(crate) const HEADER_CHECKSUM: &str = "revacnn.header_checksum";

/// The checksums of a file that is written, chunk by chunk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileChecksums {
    index: Hasher,
    /// Of the pages' headers, in the order of the file.
    pub(crate) headers: Hasher,
}

impl FileChecksums {
    /// Adds the pages of a chunk that begins at this byte. Only distances
    /// count: a chunk may be copied to another place.
    pub(crate) fn add_pages(&mut self, start: i64, pages: &[PageLocation]) {
        for page in pages {
            self.index.update(&page.offset.wrapping_sub(start).to_le_bytes());
            self.index.update(&page.compressed_page_size.to_le_bytes());
            self.index.update(&page.first_row_index.to_le_bytes());
        }
    }

    /// The footer's entries: keys and values.
    pub(crate) fn entries(self) -> [(&'static str, String); 2] {
        let text = |sum: Hasher| format!("{:08x}", sum.finalize());
        [(INDEX_CHECKSUM, text(self.index)), (HEADER_CHECKSUM, text(self.headers))]
    }

    /// The checksum of the indexes, as the footer has it.
    pub(crate) fn index(self) -> String {
        format!("{:08x}", self.index.finalize())
    }
}
