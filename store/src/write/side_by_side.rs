//! Work on several threads at once.

use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// How much speed the log needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Haste {
    /// Threads that encode tables.
    pub(crate) threads: usize,
    /// Whether tensors are compressed in less time, to 3 to 8 % more bytes.
    pub(crate) fast: bool,
    /// Whether they are where others wait for the log's core.
    pub(crate) spares_cores: bool,
}

/// The share of the queue at which all cores encode: far from full, so that training
/// waits for none of it.
const ALL_CORES_AT: f64 = 0.25;

impl Haste {
    /// The log keeps up: one thread, which leaves the other cores to the training, and
    /// the fewest bytes.
    pub(crate) const NONE: Self = Self { threads: 1, fast: false, spares_cores: false };

    /// For a log that training waits for, and leaves the cores to: all of so many, and the fewest bytes.
    pub(crate) fn awaited(cores: usize) -> Self {
        Self { threads: cores, ..Self::NONE }
    }

    /// For a log of whose queue that share waits, on a machine of so many cores.
    pub(crate) fn of(backlog: f64, cores: usize, spares_cores: bool) -> Self {
        let share = (backlog / ALL_CORES_AT).min(1.0);
        let threads = 1 + (share * cores.saturating_sub(1) as f64).round() as usize;
        Self { threads, fast: share == 1.0, spares_cores }
    }
}

/// Calls `work` on every item, on so many threads at most, of which the caller's is one.
/// Where the system gives no thread, the others do its part.
pub(crate) fn side_by_side<T: Send>(items: &mut [T], threads: usize, work: impl Fn(&mut T) + Sync) {
    let helpers = threads.min(items.len()).saturating_sub(1);
    let waiting = Mutex::new(items.iter_mut());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    if helpers == 0 {
        return run();
    }
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            if Builder::new().name("record".to_owned()).spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_falls_behind_makes_haste() {
        for spares_cores in [false, true] {
            let of = |backlog, cores| Haste::of(backlog, cores, spares_cores);
            assert_eq!(of(0.0, 8), Haste { threads: 1, fast: false, spares_cores });
            assert_eq!(of(0.125, 9), Haste { threads: 5, fast: false, spares_cores });
            assert_eq!(of(0.25, 8), Haste { threads: 8, fast: true, spares_cores });
            assert_eq!(of(1.0, 1), Haste { threads: 1, fast: true, spares_cores });
        }
    }

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in [0, 1, 2, 5] {
            let mut items = vec![0; 4];
            side_by_side(&mut items, threads, |item| *item += 1);
            assert_eq!(items, [1; 4], "{threads} threads");
        }
    }
}
