//! What makes two data sets the same.

use super::error::DataError;
use super::part::Part;
use crate::threads::Threads;
use revacnn_schemas::{Digest, ImageIndex, ImageShape};

/// The digest of a data set's content, whatever the order of its images.
///
/// BLAKE3 of: a version tag; channels, height, width, number of classes (u32 each);
/// then for the training and the test part its tag, the number of images (u64) and
/// the images' hashes sorted as bytes. An image's hash is BLAKE3 of its bytes
/// followed by its label. All numbers little-endian.
pub(super) fn digest(shape: ImageShape, classes: u32, train: &Part, test: &Part) -> Result<Digest, DataError> {
    let threads = Threads::of_all_cores();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ReVACNN data set, version 1\n");
    for number in [shape.channels as u32, shape.height as u32, shape.width as u32, classes] {
        hasher.update(&number.to_le_bytes());
    }
    for (tag, part) in [(b"training part\n", train), (b"test part....\n", test)] {
        hasher.update(tag);
        hasher.update(&u64::from(part.len()).to_le_bytes());
        for hash in sorted_hashes(&threads, part)? {
            hasher.update(&hash);
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn sorted_hashes(threads: &Threads, part: &Part) -> Result<Vec<[u8; 32]>, DataError> {
    let mut hashes = hashes(threads, part, true)?;
    hashes.sort_unstable();
    Ok(hashes)
}

/// The hash of each image, with its label or without, in their order.
pub(super) fn hashes(threads: &Threads, part: &Part, with_label: bool) -> Result<Vec<[u8; 32]>, DataError> {
    let mut hashes: Vec<Result<[u8; 32], DataError>> = (0..part.len()).map(|_| Ok([0; 32])).collect();
    threads.for_each(&mut hashes, |index, hash| {
        let index = ImageIndex(index as u32);
        *hash = part.image(index).and_then(|image| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&image);
            if with_label {
                hasher.update(&[part.label(index)?]);
            }
            Ok(*hasher.finalize().as_bytes())
        });
    });
    hashes.into_iter().collect()
}
