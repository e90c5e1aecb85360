//! Whether the log's thread has a core to itself.

use std::time::{Duration, Instant};

use crate::disk::system::thread_cpu;

/// Less work than this tells nothing, and there is nothing to be gained by doing less of it.
const LEAST: Duration = Duration::from_millis(4);

/// The share of its time that a thread worked, below which others have its core as well, and above which
/// they no longer do.
const SHARED: f64 = 0.85;
const ITS_OWN: f64 = 0.95;

/// What the log's thread found of its core lately.
#[derive(Debug, Default)]
pub(crate) struct Contention {
    is_shared: bool,
}

impl Contention {
    /// Whether training and other programs wait for what the log takes of its core.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Does work that waits for nothing but the processor, and looks how much of the time it had it.
    pub(crate) fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (began, before) = (Instant::now(), thread_cpu());
        let result = work();
        let took = began.elapsed();
        if let (Some(before), Some(after)) = (before, thread_cpu()) {
            self.note(after.saturating_sub(before), took);
        }
        result
    }

    fn note(&mut self, worked: Duration, took: Duration) {
        if worked >= LEAST {
            let share = worked.as_secs_f64() / took.as_secs_f64();
            self.is_shared = share < if self.is_shared { ITS_OWN } else { SHARED };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_shared_until_it_is_the_threads_own_by_far() {
        let mut contention = Contention::default();
        let mut note = |worked, took| {
            contention.note(Duration::from_micros(worked), Duration::from_micros(took));
            contention.is_shared()
        };
        assert!(!note(9_000, 10_000), "a little else is always there");
        assert!(note(8_000, 10_000));
        assert!(note(9_000, 10_000), "not twice for a little");
        assert!(!note(9_900, 10_000));
        assert!(!note(3_000, 9_000), "too little to tell");
    }

    #[test]
    fn a_thread_that_works_and_is_kept_waiting_shares_its_core() {
        let mut contention = Contention::default();
        contention.watch(|| {
            let work = Instant::now();
            while thread_cpu().is_some_and(|_| work.elapsed() < 3 * LEAST) {}
            std::thread::sleep(6 * LEAST);
        });
        assert_eq!(contention.is_shared(), thread_cpu().is_some());
    }
}
