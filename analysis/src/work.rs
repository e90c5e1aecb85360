//! Threads for a finding that takes long, and whether it is still wanted.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use crate::AnalysisError;

/// More threads than any machine that this is for has cores.
const MOST_THREADS: usize = 256;

/// With what a finding of many points is made: how many threads changes no bit.
pub struct Work<'a> {
    /// Threads, the caller's own among them; fewer where the system gives fewer.
    pub threads: NonZeroUsize,
    /// Is told how many parts of the work are done, of how many, and says whether the
    /// rest is still wanted. It is called on the caller's thread.
    pub watch: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
}

impl Work<'_> {
    /// Says how much is done.
    pub(crate) fn progress(&mut self, done: usize, of: usize) -> Result<(), AnalysisError> {
        match (self.watch)(done, of) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(AnalysisError::Cancelled),
        }
    }
}

/// The caller's own thread and a pool for the others.
pub(crate) struct Workers {
    pool: Option<rayon::ThreadPool>,
}

impl Workers {
    /// So many threads in all, or as many as the system gives.
    pub(crate) fn new(threads: NonZeroUsize) -> Self {
        let pool = |others| {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(others);
            builder.thread_name(|index| format!("analysis-{index}")).build().ok()
        };
        // Half as many until they start; a pool that fails ends those that it has.
        let counts = std::iter::successors(Some(threads.get().min(MOST_THREADS)), |count| Some(count / 2));
        Self { pool: counts.take_while(|&count| count > 1).find_map(|count| pool(count - 1)) }
    }

    /// Calls `work` on every item. Items share nothing that changes, so that it is of no
    /// account to the result which thread does which.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let Some(pool) = self.pool.as_ref().filter(|_| items.len() > 1) else {
            items.iter_mut().enumerate().for_each(|(index, item)| work(index, item));
            return;
        };
        let others = pool.current_num_threads().min(items.len() - 1);
        let queue = Mutex::new(items.iter_mut().enumerate());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some((index, item)) = next() {
                work(index, item);
            }
        };
        let run = &run;
        pool.in_place_scope(|scope| {
            (0..others).for_each(|_| scope.spawn(move |_| run()));
            run();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_under_its_own_index() {
        for count in [1, 2, 3, 7, usize::MAX] {
            let workers = Workers::new(NonZeroUsize::new(count).unwrap());
            for length in [0, 1, 2, 6, 100] {
                let mut items = vec![Vec::new(); length];
                workers.for_each(&mut items, |index, seen| seen.push(index));
                let expected: Vec<Vec<usize>> = (0..length).map(|index| vec![index]).collect();
                assert_eq!(items, expected, "{length} items on {count} threads");
            }
        }
    }
}
