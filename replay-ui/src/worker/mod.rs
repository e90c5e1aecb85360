//! Everything that reads or changes the store, off the window's thread.
//!
//! Four threads read, each with sources of its own: one makes the
//! figures that follow the cursor, one the curves, one what takes longer, one the views of
//! a notebook. Of what was wanted only the newest is made. A fifth changes the store, and
//! each run that was started here trains on a thread of its own.

mod actions;
pub(crate) mod notebook;
pub(crate) mod reader;
mod run;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use iced::futures::channel::mpsc::UnboundedSender;
use revacnn_notebook::{Cell, Inputs, Listing};
use revacnn_recorder::Resources;
use revacnn_schemas::{Address, Advice, BranchId, BranchName, Place, Step};

use self::actions::Actions;
use self::notebook::NotebookReader;
use self::reader::Reader;
use crate::cells::Pace;
use crate::options::Coefficients;
use crate::requests::{FigureRequest, Intent, NotebookRequest, Request};
use crate::store_events::{Notice, StoreEvent};
use crate::views::View;

/// What waits to be done by one thread.
#[derive(Debug, Default)]
pub(crate) struct Queued {
    pub(crate) wanted: Option<FigureRequest>,
    pub(crate) notebook: Option<NotebookRequest>,
    pub(crate) resolve: Option<Address>,
    pub(crate) epoch: Option<(BranchName, Step, bool)>,
    /// A picture that is to be shown.
    pub(crate) picture: Option<PathBuf>,
    pub(crate) intents: Vec<Intent>,
    /// Figures to make afresh and to write to files, over one that is there or not.
    pub(crate) saves: Vec<(Cell, Inputs, PathBuf, bool)>,
    /// Whether the store is to be looked at again.
    pub(crate) refresh: bool,
    pub(crate) closed: bool,
}

impl Queued {
    pub(crate) fn is_empty(&self) -> bool {
        let nothing = self.wanted.is_none() && self.resolve.is_none() && self.epoch.is_none();
        nothing
            && self.notebook.is_none()
            && self.picture.is_none()
            && self.intents.is_empty()
            && self.saves.is_empty()
            && !self.refresh
            && !self.closed
    }
}

/// A thread's queued, and the bell that wakes it.
#[derive(Debug, Default)]
pub(crate) struct RequestQueue {
    queued: Mutex<Queued>,
    bell: Condvar,
}

impl RequestQueue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut Queued)) {
        put(&mut self.lock());
        self.bell.notify_one();
    }

    /// What waits, after at most `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Queued {
        let waited = self.bell.wait_timeout_while(self.lock(), patience, |queued| queued.is_empty());
        let (mut queued, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let closed = queued.closed;
        Queued { closed, ..std::mem::replace(&mut *queued, Queued { closed, ..Queued::default() }) }
    }

    /// Whether something newer is wanted, or nothing at all any more.
    pub(crate) fn is_overtaken(&self) -> bool {
        let queued = self.lock();
        queued.wanted.is_some() || queued.notebook.is_some() || queued.closed
    }
}

/// What the threads share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) store: PathBuf,
    pub(crate) data: Option<PathBuf>,
    tell: UnboundedSender<StoreEvent>,
    quick: Arc<RequestQueue>,
    curves: Arc<RequestQueue>,
    slow: Arc<RequestQueue>,
    notebook: Arc<RequestQueue>,
    /// Reads the coefficients that an edit of a notebook names.
    pub(crate) coefficients: Coefficients,
    /// Counts the changes of the log that were seen.
    log: Arc<AtomicU64>,
    /// What the newest look at the store found; `None` before the first, and while the
    /// store cannot be read.
    listing: Arc<Mutex<Option<Arc<Listing>>>>,
    /// Held, shared, by a reading thread while it has branches open.
    reading: Arc<RwLock<()>>,
    /// The branches that this process trains.
    ours: Arc<Mutex<BTreeSet<BranchId>>>,
}

impl Shared {
    /// Tells the window something.
    pub(crate) fn tell(&self, told: StoreEvent) {
        // Nobody listens any more only when the window has closed.
        let _ = self.tell.unbounded_send(told);
    }

    /// Where the window works.
    pub(crate) fn place(&self) -> Place {
        Place { store: self.store.clone(), data: self.data.clone() }
    }

    /// The command that does what is advised, here.
    pub(crate) fn command(&self, advice: &Advice) -> String {
        advice.command(&Place { store: self.store.clone(), data: self.data.clone() })
    }

    /// The version of the log that was last seen.
    pub(crate) fn log(&self) -> u64 {
        self.log.load(Ordering::Acquire)
    }

    /// What the newest look at the store found.
    pub(crate) fn listing(&self) -> Option<Arc<Listing>> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the other readers go on with what a look at the store found.
    pub(crate) fn publish(&self, listing: Option<Arc<Listing>>) {
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = listing;
    }

    /// Tells the other readers that the log has changed.
    pub(crate) fn log_changed(&self) {
        self.log.fetch_add(1, Ordering::AcqRel);
        for inbox in [&self.curves, &self.slow, &self.notebook] {
            inbox.put(|queued| queued.refresh = true);
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

    /// With what a verb works here.
    pub(crate) fn resources(&self) -> Resources {
        Resources { data_folder: self.data.clone(), ..Resources::usual(&self.store) }
    }

    /// Looks at the store now rather than in a second.
    pub(crate) fn refresh(&self) {
        self.quick.put(|queued| queued.refresh = true);
    }
}

/// The threads; they end when this is dropped, runs at the end of their step.
#[derive(Debug)]
pub(crate) struct Workers {
    shared: Shared,
    /// Whether all threads that read could be started.
    reads: bool,
    actions: Arc<RequestQueue>,
    actions_thread: Option<std::thread::JoinHandle<()>>,
}

impl Workers {
    /// Starts them.
    pub(crate) fn start(
        store: PathBuf,
        data: Option<PathBuf>,
        coefficients: Coefficients,
        tell: UnboundedSender<StoreEvent>,
    ) -> Self {
        let (quick, curves, slow, notebook) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
        let (log, listing, reading, ours) = Default::default();
        let shared =
            Shared { store, data, tell, quick, curves, slow, notebook, coefficients, log, listing, reading, ours };
        let mut reads = true;
        for (pace, inbox) in [(Pace::Quick, &shared.quick), (Pace::Curves, &shared.curves), (Pace::Slow, &shared.slow)]
        {
            let reader = Reader::new(pace, inbox.clone(), shared.clone());
            if let Err(error) = start("reads the store", move || reader.run()) {
                shared.tell(StoreEvent::Noticed(Notice::Refused(error)));
                reads = false;
            }
        }
        let reader = NotebookReader::new(shared.notebook.clone(), shared.clone());
        if let Err(error) = start("reads the notebook", move || reader.run()) {
            shared.tell(StoreEvent::Noticed(Notice::Refused(error)));
        }
        let actions: Arc<RequestQueue> = Arc::default();
        let worker = Actions::new(actions.clone(), shared.clone());
        let actions_thread = match start("changes the store", move || worker.run()) {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.tell(StoreEvent::Noticed(Notice::Refused(error)));
                None
            }
        };
        Self { shared, reads, actions, actions_thread }
    }

    /// Asks for something. What is newly wanted takes the place of what waits.
    pub(crate) fn ask(&self, ask: Request) {
        match ask {
            Request::Figures(wanted) => {
                for inbox in [&self.shared.quick, &self.shared.curves, &self.shared.slow] {
                    inbox.put(|queued| queued.wanted = Some(wanted.clone()));
                }
            }
            Request::Notebook(wanted) => self.shared.notebook.put(|queued| queued.notebook = Some(wanted)),
            Request::Resolve(address) => self.shared.quick.put(|queued| queued.resolve = Some(address)),
            Request::Picture(path) => self.shared.quick.put(|queued| queued.picture = Some(path)),
            Request::Epoch { branch, from, forward } => {
                self.shared.quick.put(|queued| queued.epoch = Some((branch, from, forward)));
            }
            Request::Change(Intent::SaveFresh { .. }) if !self.reads => self.refuse("reads"),
            Request::Change(Intent::SaveFresh { view, cell, inputs, path, over }) => {
                let inbox = match View::of(view).pace {
                    Pace::Quick => &self.shared.quick,
                    Pace::Curves => &self.shared.curves,
                    Pace::Slow => &self.shared.slow,
                };
                inbox.put(|queued| queued.saves.push((cell, inputs, path, over)));
            }
            Request::Change(_) if self.actions_thread.is_none() => self.refuse("changes"),
            Request::Change(intent) => self.actions.put(|queued| queued.intents.push(intent)),
        }
    }
}

impl Workers {
    /// Refuses a change that nobody is there to make.
    fn refuse(&self, does: &str) {
        let reason = format!("the thread that {does} the store could not be started: open the window again");
        self.shared.tell(StoreEvent::Refused(reason));
    }
}

/// Starts a thread; the system may have none to give.
fn start(what: &str, run: impl FnOnce() + Send + 'static) -> Result<std::thread::JoinHandle<()>, String> {
    let started = std::thread::Builder::new().spawn(run);
    started.map_err(|error| format!("the thread that {what} cannot be started: {error}; open the window again"))
}

impl Drop for Workers {
    fn drop(&mut self) {
        let readers = [&self.shared.quick, &self.shared.curves, &self.shared.slow, &self.shared.notebook];
        for inbox in readers.into_iter().chain([&self.actions]) {
            inbox.put(|queued| queued.closed = true);
        }
        // Runs of this window seal their logs before it is gone.
        if let Some(thread) = self.actions_thread.take() {
            let _ = thread.join();
        }
    }
}
