//! Everything that reads or changes the store, off the window's thread.
//!
//! Three threads read, each with an evaluator of its own: one makes the
//! figures that follow the cursor, one the curves, one what takes longer. Of
//! what was wanted only the newest is made. A fourth changes the store, and
//! each run that was started here trains on a thread of its own.

mod hand;
pub(crate) mod reader;
mod run;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use iced::futures::channel::mpsc::UnboundedSender;
use revacnn_schemas::{Address, BranchId, BranchName, Step};

use self::hand::Hand;
use self::reader::Reader;
use crate::cells::{Pace, Slot, Wanted};
use crate::message::{Ask, Intent, Told};

/// What waits to be done by one thread.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) wanted: Option<Wanted>,
    pub(crate) resolve: Option<Address>,
    pub(crate) epoch: Option<(BranchName, Step, bool)>,
    pub(crate) intents: Vec<Intent>,
    /// Figures to make afresh and to write to files.
    pub(crate) saves: Vec<(Slot, Wanted, PathBuf)>,
    /// Whether the store is to be looked at again.
    pub(crate) look: bool,
    pub(crate) closed: bool,
}

impl Desk {
    pub(crate) fn is_empty(&self) -> bool {
        let nothing = self.wanted.is_none() && self.resolve.is_none() && self.epoch.is_none();
        nothing && self.intents.is_empty() && self.saves.is_empty() && !self.look && !self.closed
    }
}

/// A thread's desk, and the bell that wakes it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    desk: Mutex<Desk>,
    bell: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut Desk)) {
        put(&mut self.lock());
        self.bell.notify_one();
    }

    /// What waits, after at most `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Desk {
        let waited = self.bell.wait_timeout_while(self.lock(), patience, |desk| desk.is_empty());
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let closed = desk.closed;
        Desk { closed, ..std::mem::replace(&mut *desk, Desk { closed, ..Desk::default() }) }
    }

    /// Whether something newer is wanted, or nothing at all any more.
    pub(crate) fn is_overtaken(&self) -> bool {
        let desk = self.lock();
        desk.wanted.is_some() || desk.closed
    }
}

/// What the threads share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) store: PathBuf,
    pub(crate) data: Option<PathBuf>,
    tell: UnboundedSender<Told>,
    quick: Arc<Inbox>,
    curves: Arc<Inbox>,
    slow: Arc<Inbox>,
    /// Counts the changes of the log that were seen.
    log: Arc<AtomicU64>,
    /// Held, shared, by a reading thread while it has branches open.
    reading: Arc<RwLock<()>>,
    /// The branches that this process trains.
    ours: Arc<Mutex<BTreeSet<BranchId>>>,
}

impl Shared {
    /// Tells the window something.
    pub(crate) fn tell(&self, told: Told) {
        // Nobody listens any more only when the window has closed.
        let _ = self.tell.unbounded_send(told);
    }

    /// The version of the log that was last seen.
    pub(crate) fn log(&self) -> u64 {
        self.log.load(Ordering::Acquire)
    }

    /// Tells the other readers that the log has changed.
    pub(crate) fn log_changed(&self) {
        self.log.fetch_add(1, Ordering::AcqRel);
        for inbox in [&self.curves, &self.slow] {
            inbox.put(|desk| desk.look = true);
        }
    }

    /// Says that a reading thread has branches open, until it is let go.
    pub(crate) fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no reading thread has a branch open, and keeps it so.
    pub(crate) fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.reading.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The branches that this process trains.
    pub(crate) fn ours(&self) -> MutexGuard<'_, BTreeSet<BranchId>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the store now rather than in a second.
    pub(crate) fn look(&self) {
        self.quick.put(|desk| desk.look = true);
    }
}

/// The threads; they end when this is dropped, runs at the end of their step.
#[derive(Debug)]
pub(crate) struct Workers {
    shared: Shared,
    hand: Arc<Inbox>,
    hand_thread: Option<std::thread::JoinHandle<()>>,
}

impl Workers {
    /// Starts them.
    pub(crate) fn start(store: PathBuf, data: Option<PathBuf>, tell: UnboundedSender<Told>) -> Self {
        let (quick, curves, slow) = (Arc::default(), Arc::default(), Arc::default());
        let (log, reading, ours) = Default::default();
        let shared = Shared { store, data, tell, quick, curves, slow, log, reading, ours };
        for (pace, inbox) in [(Pace::Quick, &shared.quick), (Pace::Curves, &shared.curves), (Pace::Slow, &shared.slow)]
        {
            let reader = Reader::new(pace, inbox.clone(), shared.clone());
            std::thread::spawn(move || reader.run());
        }
        let hand: Arc<Inbox> = Arc::default();
        let worker = Hand::new(hand.clone(), shared.clone());
        let hand_thread = Some(std::thread::spawn(move || worker.run()));
        Self { shared, hand, hand_thread }
    }

    /// Asks for something. What is newly wanted takes the place of what waits.
    pub(crate) fn ask(&self, ask: Ask) {
        match ask {
            Ask::Want(wanted) => {
                for inbox in [&self.shared.quick, &self.shared.curves, &self.shared.slow] {
                    inbox.put(|desk| desk.wanted = Some(wanted.clone()));
                }
            }
            Ask::Resolve(address) => self.shared.quick.put(|desk| desk.resolve = Some(address)),
            Ask::Epoch { branch, from, forward } => {
                self.shared.quick.put(|desk| desk.epoch = Some((branch, from, forward)));
            }
            Ask::Do(Intent::SaveFresh { slot, wanted, path }) => {
                let inbox = match slot.pace() {
                    Pace::Quick => &self.shared.quick,
                    Pace::Curves => &self.shared.curves,
                    Pace::Slow => &self.shared.slow,
                };
                inbox.put(|desk| desk.saves.push((slot, wanted, path)));
            }
            Ask::Do(intent) => self.hand.put(|desk| desk.intents.push(intent)),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for inbox in [&self.shared.quick, &self.shared.curves, &self.shared.slow, &self.hand] {
            inbox.put(|desk| desk.closed = true);
        }
        // Runs of this window seal their logs before it is gone.
        if let Some(thread) = self.hand_thread.take() {
            let _ = thread.join();
        }
    }
}
