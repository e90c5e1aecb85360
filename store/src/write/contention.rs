//! Whether others want the core that the log's thread works on.

use std::time::{Duration, Instant};

use crate::disk::system::{cores, cpu_seconds, thread_cpu};

/// Less work than this tells nothing, and there is nothing to be gained by doing less of it.
const LEAST: Duration = Duration::from_millis(4);

/// The share of its time that a thread worked, below which others have its core as well, and above which
/// they no longer do.
const SHARED: f64 = 0.85;
const ITS_OWN: f64 = 0.95;

/// How long it is looked how much of the cores' time the process takes.
const WINDOW: Duration = Duration::from_millis(200);

/// The share of all cores' time above which the process has none to spare, and below which it has.
const FULL: f64 = 0.8;
const ROOM: f64 = 0.7;

/// What the log's thread found of the cores lately.
#[derive(Debug)]
pub(crate) struct Contention {
    cores: usize,
    /// Whether the thread had to wait for its core.
    waits: bool,
    /// Whether the process works on all cores, and would do other work on the log's.
    is_full: bool,
    /// When the window began, and the processor time of the process then, in seconds.
    window: (Instant, f64),
}

impl Default for Contention {
    fn default() -> Self {
        Self { cores: cores(), waits: false, is_full: false, window: (Instant::now(), cpu_seconds()) }
    }
}

impl Contention {
    /// Whether training and other programs wait for what the log takes of its core.
    pub(crate) fn is_shared(&self) -> bool {
        self.waits || self.is_full
    }

    /// Does work that waits for nothing but the processor, and looks how much of the time it had it.
    pub(crate) fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (began, before) = (Instant::now(), thread_cpu());
        let result = work();
        let took = began.elapsed();
        if let (Some(before), Some(after)) = (before, thread_cpu()) {
            self.note(after.saturating_sub(before), took);
        }
        let (since, used) = self.window;
        let (now, took) = (cpu_seconds(), since.elapsed());
        if took >= WINDOW {
            self.note_process(now - used, took);
            self.window = (Instant::now(), now);
        }
        result
    }

    fn note(&mut self, worked: Duration, took: Duration) {
        if worked >= LEAST {
            let share = worked.as_secs_f64() / took.as_secs_f64();
            self.waits = share < if self.waits { ITS_OWN } else { SHARED };
        }
    }

    /// The process took so many seconds of processor time in a time.
    fn note_process(&mut self, used: f64, took: Duration) {
        let share = used / (took.as_secs_f64() * self.cores as f64);
        self.is_full = share > if self.is_full { ROOM } else { FULL };
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
        // The process may be busy besides.
        let mut contention = Contention { cores: 1 << 20, ..Contention::default() };
        contention.watch(|| {
            // However long it takes to be given that much.
            let began = thread_cpu();
            while thread_cpu().zip(began).is_some_and(|(now, began)| now.saturating_sub(began) < 2 * LEAST) {}
            std::thread::sleep(8 * LEAST);
        });
        assert_eq!(contention.is_shared(), thread_cpu().is_some());
    }

    #[test]
    fn a_process_that_works_on_all_cores_has_none_to_spare_until_it_leaves_room() {
        let mut contention = Contention { cores: 4, ..Contention::default() };
        let mut note = |used| {
            contention.note_process(used, Duration::from_secs(1));
            contention.is_shared()
        };
        assert!(!note(3.0), "a core is left to the log");
        assert!(note(3.4));
        assert!(note(3.0), "not twice for a little");
        assert!(!note(2.7));
    }
}
