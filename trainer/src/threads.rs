//! Work shared out to threads, always in the same portions.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// Threads that stay: the caller's own and a pool for the others.
#[derive(Debug)]
pub(crate) struct Threads {
    count: usize,
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// `count` threads in all, or as many as the system gives: how many there
    /// are changes no bit.
    ///
    /// `None` for a count out of 1 to 1,024.
    pub(crate) fn new(count: usize) -> Option<Self> {
        (1..=1024).contains(&count).then(|| Self::at_most(count))
    }

    /// A thread a core, or as many as the system gives.
    pub(crate) fn of_all_cores() -> Self {
        Self::at_most(std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// The caller's own thread alone where the system gives no other.
    fn at_most(count: usize) -> Self {
        let pool = |others: usize| {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(others);
            builder.thread_name(|index| format!("train-{index}")).build().ok()
        };
        // Half as many until they start; a pool that fails ends those that it has.
        std::iter::successors(Some(count), |count| Some(count / 2))
            .take_while(|&count| count > 1)
            .find_map(|count| Some(Self { count, pool: Some(pool(count - 1)?) }))
            .unwrap_or(Self { count: 1, pool: None })
    }

    /// Calls `work` on every item; which thread does which is of no account
    /// to the result, because items share nothing that changes.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let share = items.len().div_ceil(self.count).max(1);
        let Some(pool) = self.pool.as_ref().filter(|_| items.len() > 1) else {
            for (index, item) in items.iter_mut().enumerate() {
                work(index, item);
            }
            return;
        };
        let work = &work;
        let run = move |first: usize, portion: &mut [T]| {
            for (index, item) in portion.iter_mut().enumerate() {
                work(first + index, item);
            }
        };
        pool.in_place_scope(|scope| {
            let mut portions = items.chunks_mut(share).enumerate();
            let own = portions.next();
            for (number, portion) in portions {
                scope.spawn(move |_| run(number * share, portion));
            }
            if let Some((_, portion)) = own {
                run(0, portion);
            }
        });
    }

    /// [`for_each`](Self::for_each) where a thread takes the next item when it
    /// is done with one: for few large items, on a machine that has other
    /// work too.
    pub(crate) fn for_each_in_turn<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let helpers = self.count.min(items.len()).saturating_sub(1);
        let waiting = Mutex::new(items.iter_mut().enumerate());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some((index, item)) = next() {
                work(index, item);
            }
        };
        match &self.pool {
            Some(pool) => pool.in_place_scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|_| run());
                }
                run();
            }),
            None => run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_under_its_own_index() {
        for count in [1, 2, 3, 7] {
            let threads = Threads::new(count).unwrap();
            for length in [0, 1, 2, 3, 6, 7, 8, 100] {
                let mut items = vec![Vec::new(); length];
                threads.for_each(&mut items, |index, seen| seen.push(index));
                let expected: Vec<Vec<usize>> = (0..length).map(|index| vec![index]).collect();
                assert_eq!(items, expected, "{length} items on {count} threads");
                let mut items = vec![Vec::new(); length];
                threads.for_each_in_turn(&mut items, |index, seen| seen.push(index));
                assert_eq!(items, expected, "{length} items in turn on {count} threads");
            }
        }
    }
}
