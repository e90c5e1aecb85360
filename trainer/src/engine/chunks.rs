//! How a batch is shared out to threads.

use std::ops::Range;

use super::workspace::Outcome;
use crate::kernels::{Instructions, add_to};

/// A fixed part of the batch: its images are reduced in order.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Gradients of the weights, summed over the images.
    pub(super) accumulator: Vec<f32>,
    pub(super) images: Range<usize>,
    /// What came of each image.
    pub(super) outcomes: Vec<Outcome>,
    /// What its last image left at the operation that is [kept](super::Engine::keep_remains): input
    /// map and gradient of the output.
    pub(super) remains: [Vec<f32>; 2],
}

impl Chunk {
    fn new(accumulator: usize) -> Self {
        Self { accumulator: vec![0.0; accumulator], images: 0..0, outcomes: Vec::new(), remains: Default::default() }
    }
}

/// Shares `images` out to chunks: at least four where there are as many
/// images, of at most eight images up to a batch of 128, at most sixteen.
/// A function of the batch alone, and part of the arithmetic.
///
/// `accumulator` is the length of a chunk's array.
pub(super) fn plan(chunks: &mut Vec<Chunk>, images: usize, accumulator: usize) {
    let size = size(images);
    chunks.resize_with(images.div_ceil(size), || Chunk::new(accumulator));
    for (index, chunk) in chunks.iter_mut().enumerate() {
        chunk.images = index * size..((index + 1) * size).min(images);
        chunk.outcomes.clear();
    }
}

/// Images of a chunk, but for the last one.
fn size(images: usize) -> usize {
    images.div_ceil(16).max(images.div_ceil(4).min(8)).max(1)
}

/// Into how many chunks so many images are shared out.
pub(crate) fn parts(images: usize) -> usize {
    images.div_ceil(size(images))
}

/// Adds the accumulators up in a fixed tree, neighbours first; the first
/// chunk's is then the sum.
pub(super) fn add_up(instructions: Instructions, chunks: &mut [Chunk]) {
    let mut distance = 1;
    while distance < chunks.len() {
        for group in chunks.chunks_mut(2 * distance) {
            if group.len() > distance {
                let (left, right) = group.split_at_mut(distance);
                add_to(instructions, &mut left[0].accumulator, &right[0].accumulator);
            }
        }
        distance *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_by_its_size_alone() {
        let cut = |images: usize| {
            let mut chunks = Vec::new();
            plan(&mut chunks, images, 0);
            chunks.iter().map(|chunk| chunk.images.len()).collect::<Vec<_>>()
        };
        assert_eq!(cut(1), [1]);
        assert_eq!(cut(8), [2; 4]);
        assert_eq!(cut(10), [3, 3, 3, 1]);
        assert_eq!(cut(128), [8; 16]);
        assert_eq!(cut(256), [16; 16]);
    }

    #[test]
    fn chunks_are_added_up_as_a_tree() {
        let mut chunks = Vec::new();
        plan(&mut chunks, 40, 1);
        for (chunk, value) in chunks.iter_mut().zip([1e8_f32, 1.0, -1e8, 1.0, 0.5]) {
            chunk.accumulator[0] = value;
        }
        assert_eq!(chunks.len(), 5);
        add_up(Instructions::widest(), &mut chunks);
        assert_eq!(chunks[0].accumulator, [((1e8_f32 + 1.0) + (-1e8 + 1.0)) + 0.5]);
    }
}
