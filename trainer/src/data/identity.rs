//! What makes two data sets the same.

use super::part::Part;
use crate::threads::Threads;
use revacnn_schemas::{Digest, ImageShape};

/// The digest of a data set's content, whatever the order of its images.
///
/// BLAKE3 of: a version tag; channels, height, width, number of classes (u32 each);
/// then for the training and the test part its tag, the number of images (u64) and
/// the images' hashes sorted as bytes. An image's hash is BLAKE3 of its bytes
/// followed by its label. All numbers little-endian.
pub(super) fn digest(shape: ImageShape, classes: u32, train: &Part, test: &Part) -> Digest {
    let threads = Threads::of_all_cores();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ReVACNN data set, version 1\n");
    for number in [shape.channels as u32, shape.height as u32, shape.width as u32, classes] {
        hasher.update(&number.to_le_bytes());
    }
    for (tag, part) in [(b"training part\n", train), (b"test part....\n", test)] {
        hasher.update(tag);
        hasher.update(&u64::from(part.len()).to_le_bytes());
        for hash in sorted_hashes(&threads, part) {
            hasher.update(&hash);
        }
    }
    Digest(*hasher.finalize().as_bytes())
}

fn sorted_hashes(threads: &Threads, part: &Part) -> Vec<[u8; 32]> {
    let mut hashes: Vec<(&[u8], u8, [u8; 32])> = part.iter().map(|(image, label)| (image, label, [0; 32])).collect();
    threads.for_each(&mut hashes, |_, (image, label, hash)| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(image);
        hasher.update(&[*label]);
        *hash = *hasher.finalize().as_bytes();
    });
    let mut hashes: Vec<[u8; 32]> = hashes.into_iter().map(|(_, _, hash)| hash).collect();
    hashes.sort_unstable();
    hashes
}
