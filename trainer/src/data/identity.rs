//! What makes two data sets the same.

use rayon::prelude::*;

use super::dataset::Part;
use revacnn_schemas::{Digest, ImageShape};

/// The digest of a data set's content, whatever the order of its images.
///
/// BLAKE3 of: a version tag; channels, height, width, number of classes (u32 each);
/// then for the training and the test part its tag, the number of images (u64) and
/// the images' hashes sorted as bytes. An image's hash is BLAKE3 of its bytes
/// followed by its label. All numbers little-endian.
pub(super) fn digest(shape: ImageShape, classes: u32, train: &Part, test: &Part) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ReVACNN data set, version 1\n");
    for number in [shape.channels as u32, shape.height as u32, shape.width as u32, classes] {
        hasher.update(&number.to_le_bytes());
    }
    for (tag, part) in [(b"training part\n", train), (b"test part....\n", test)] {
        hasher.update(tag);
        hasher.update(&u64::from(part.len()).to_le_bytes());
        for hash in sorted_hashes(part) {
            hasher.update(&hash);
        }
    }
    Digest(*hasher.finalize().as_bytes())
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
