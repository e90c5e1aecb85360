//! Sums in an order that vectors of any width keep: each lane has a part of the numbers.
//!
//! What is summed is computed first, a run at a time, number by number: a compiler makes
//! vectors of such loops, and not of those that compute and sum at once.

/// Numbers that are summed side by side.
pub(crate) const LANES: usize = 8;
/// Numbers that are computed before they are summed; a multiple of the lanes.
pub(crate) const RUN: usize = 128;

/// Adds as many numbers as are a multiple of the lanes, each to its lane.
pub(crate) fn add(sums: &mut [f32; LANES], numbers: &[f32]) {
    for numbers in numbers.chunks_exact(LANES) {
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
    }
}

/// The lanes' sum, in their order.
pub(crate) fn sum(lanes: [f32; LANES]) -> f64 {
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}
