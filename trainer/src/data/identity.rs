//! What makes two data sets the same.

use std::fmt;

use rayon::prelude::*;

use super::dataset::{ImageShape, Part};

/// A data set's name and the digest of its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DatasetIdentity {
    /// The name, such as `cifar10`.
    pub name: String,
    /// The digest of shape, number of classes, images and labels.
    pub digest: [u8; 32],
}

impl fmt::Display for DatasetIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, hex(&self.digest))
    }
}

/// Lower-case hexadecimal, as digests are shown and compared by people.
pub fn hex(digest: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

/// The digest of a data set's content, whatever the order of its images.
///
/// BLAKE3 of: a version tag; channels, height, width, number of classes (u32 each);
/// then for the training and the test part its tag, the number of images (u64) and
/// the images' hashes sorted as bytes. An image's hash is BLAKE3 of its bytes
/// followed by its label. All numbers little-endian.
pub(super) fn digest(shape: ImageShape, classes: u32, train: &Part, test: &Part) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ReVACNN data set, version 1\n");
    for number in [shape.channels, shape.height, shape.width, classes] {
        hasher.update(&number.to_le_bytes());
    }
    for (tag, part) in [(b"training part\n", train), (b"test part....\n", test)] {
        hasher.update(tag);
        hasher.update(&u64::from(part.len()).to_le_bytes());
        for hash in sorted_hashes(part) {
            hasher.update(&hash);
        }
    }
    *hasher.finalize().as_bytes()
}

fn sorted_hashes(part: &Part) -> Vec<[u8; 32]> {
    let mut hashes: Vec<[u8; 32]> = part
        .par_iter()
        .map(|(image, label)| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(image);
            hasher.update(&[label]);
            *hasher.finalize().as_bytes()
        })
        .collect();
    hashes.par_sort_unstable();
    hashes
}
