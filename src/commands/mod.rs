//! One command a file.

pub(crate) mod data;
pub(crate) mod evaluate;
pub(crate) mod log;
pub(crate) mod show;
pub(crate) mod train;

use std::num::NonZeroUsize;

/// The number of threads that was asked for, or the machine's cores: four
/// at most, because a batch of four has no more parts.
fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(4), usize::from)
}
