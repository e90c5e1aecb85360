//! Work shared out to threads, always in the same portions.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Threads that stay: the caller's own and a pool for the others.
#[derive(Debug)]
pub(crate) struct Threads {
    count: usize,
    /// Those that work; the others sleep.
    active: AtomicUsize,
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
            .find_map(|count| Some(Self::of(count, Some(pool(count - 1)?))))
            .unwrap_or_else(|| Self::of(1, None))
    }

    fn of(count: usize, pool: Option<rayon::ThreadPool>) -> Self {
        Self { count, active: AtomicUsize::new(count), pool }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many of them work.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Lets so many of them work, at least one and at most all: how many
    /// changes no bit.
    pub(crate) fn set_active(&self, active: usize) {
        self.active.store(active.clamp(1, self.count), Ordering::Relaxed);
    }

    /// Calls `work` on every item; which thread does which is of no account
    /// to the result, because items share nothing that changes.
    ///
    /// Each thread has a share of its own, the same at every call, whose data
    /// lie in its core's cache. When it is done with that it takes what is left
    /// of the others', so that a core that has other work too holds nobody up.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        self.for_each_on(self.active(), items, work);
    }

    /// [`for_each`](Self::for_each) on all threads, however many train.
    pub(crate) fn for_each_on_all<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        self.for_each_on(self.count, items, work);
    }

    /// [`for_each`](Self::for_each) with a room for each of the [active](Self::active) threads, in which it does
    /// one item after another: what it leaves there is of no account to the next one.
    pub(crate) fn for_each_in<T: Send, R: Send>(
        &self,
        rooms: &mut [R],
        items: &mut [T],
        work: impl Fn(usize, &mut T, &mut R) + Sync,
    ) {
        self.for_each_in_on(self.active().min(rooms.len()), rooms, items, work);
    }

    fn for_each_on<T: Send>(&self, threads: usize, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        self.for_each_in_on(threads, &mut vec![(); threads], items, |index, item, _| work(index, item));
    }

    fn for_each_in_on<T: Send, R: Send>(
        &self,
        threads: usize,
        rooms: &mut [R],
        items: &mut [T],
        work: impl Fn(usize, &mut T, &mut R) + Sync,
    ) {
        let active = threads.min(items.len());
        let Some((room, rooms)) = rooms.split_first_mut() else { return };
        let Some(pool) = self.pool.as_ref().filter(|_| active > 1) else {
            for (index, item) in items.iter_mut().enumerate() {
                work(index, item, room);
            }
            return;
        };
        let share = items.len().div_ceil(active);
        let shares: Vec<_> = items
            .chunks_mut(share)
            .enumerate()
            .map(|(number, items)| Mutex::new((number * share..).zip(items.iter_mut())))
            .collect();
        let next = |share: &Mutex<_>| -> Option<(usize, &mut T)> {
            let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
            Iterator::next(&mut *share)
        };
        let run = |own: usize, room: &mut R| {
            let (before, after) = shares.split_at(own);
            for share in after.iter().chain(before) {
                while let Some((index, item)) = next(share) {
                    work(index, item, room);
                }
            }
        };
        let run = &run;
        pool.in_place_scope(|scope| {
            for (own, room) in (1..shares.len()).zip(rooms) {
                scope.spawn(move |_| run(own, room));
            }
            run(0, room);
        });
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
                threads.set_active(count - 1);
                let mut items = vec![Vec::new(); length];
                threads.for_each(&mut items, |index, seen| seen.push(index));
                assert_eq!(items, expected, "{length} items on {} of {count} threads", threads.active());
                let mut items = vec![Vec::new(); length];
                threads.for_each_on_all(&mut items, |index, seen| seen.push(index));
                assert_eq!(items, expected, "{length} items on all of {count} threads");
                threads.set_active(usize::MAX);
                let (mut rooms, mut items) = (vec![0; count], vec![Vec::new(); length]);
                threads.for_each_in(&mut rooms, &mut items, |index, seen, room| {
                    seen.push(index);
                    *room += 1;
                });
                assert_eq!(items, expected, "{length} items in {count} rooms");
                assert_eq!(rooms.iter().sum::<usize>(), length);
            }
        }
    }
}
