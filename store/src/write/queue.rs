//! The queue between the training thread and the writer thread, bounded in
//! bytes: where the disk is slower, training waits, and nothing is dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use revacnn_schemas::{BranchName, Step};

use crate::StoreError;
use crate::write::record::{Records, StepRecord};

/// What the writer thread is asked to do, in order.
pub(crate) enum Message {
    Step(Box<StepRecord>),
    Event {
        step: Step,
        kind: String,
        message: String,
        wall_time_micros: i64,
    },
    /// Commit everything before this.
    Flush,
    /// Commit everything before this and seal the tail.
    Seal,
}

/// What the writer thread says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) committed: Option<Step>,
    pub(crate) thinned_steps: u64,
    pub(crate) bytes: u64,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    /// Messages sent, and messages done.
    sent: u64,
    done: u64,
    pool: Records,
    progress: Progress,
    closed: bool,
    error: Option<StoreError>,
    stopped: Option<Arc<str>>,
    waited: Duration,
}

/// The queue, shared by both threads.
pub(crate) struct Queue {
    state: Mutex<State>,
    for_writer: Condvar,
    for_training: Condvar,
    limit: usize,
    branch: BranchName,
}

/// What the writer thread got from the queue.
pub(crate) enum Received {
    Message(Message),
    /// The deadline passed.
    Late,
    /// No message is left and none will come.
    Closed,
}

impl Queue {
    pub(crate) fn new(limit: usize, branch: BranchName, committed: Option<Step>) -> Self {
        let state = State { progress: Progress { committed, ..Progress::default() }, ..State::default() };
        Self { state: Mutex::new(state), for_writer: Condvar::new(), for_training: Condvar::new(), limit, branch }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, state: &mut State) -> Option<StoreError> {
        let reason = state.stopped.clone()?;
        Some(state.error.take().unwrap_or(StoreError::Stopped { branch: self.branch.clone(), reason }))
    }

    // The training thread's side.

    /// A record to fill, used before if there is one.
    pub(crate) fn record(&self) -> Box<StepRecord> {
        self.lock().pool.pop().unwrap_or_default()
    }

    /// Sends a message, waiting for room; returns its number.
    pub(crate) fn send(&self, message: Message) -> Result<u64, StoreError> {
        let bytes = size(&message);
        let mut state = self.lock();
        let mut since = None;
        while state.stopped.is_none() && state.bytes > 0 && state.bytes + bytes > self.limit {
            since.get_or_insert_with(Instant::now);
            state = self.for_training.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(since) = since {
            state.waited += since.elapsed();
        }
        if let Some(error) = self.failure(&mut state) {
            return Err(error);
        }
        state.bytes += bytes;
        state.sent += 1;
        state.messages.push_back(message);
        let number = state.sent;
        drop(state);
        self.for_writer.notify_one();
        Ok(number)
    }

    /// Waits until the message of this number is done.
    pub(crate) fn wait_for(&self, number: u64) -> Result<Progress, StoreError> {
        let mut state = self.lock();
        while state.stopped.is_none() && state.done < number {
            state = self.for_training.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match self.failure(&mut state) {
            Some(error) => Err(error),
            None => Ok(state.progress),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// How long training waited for the disk.
    pub(crate) fn waited(&self) -> Duration {
        self.lock().waited
    }

    /// No message will follow.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.for_writer.notify_one();
    }

    // The writer thread's side.

    /// The share of the queue that is full.
    pub(crate) fn backlog(&self) -> f64 {
        self.lock().bytes as f64 / self.limit.max(1) as f64
    }

    /// Whether training waits until all is done: it sends nothing more meanwhile.
    pub(crate) fn is_awaited(&self) -> bool {
        let state = self.lock();
        state.closed || matches!(state.messages.back(), Some(Message::Flush | Message::Seal))
    }

    /// The next message, or word that the deadline passed or the end came.
    pub(crate) fn receive(&self, deadline: Option<Instant>) -> Received {
        let mut state = self.lock();
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Received::Late;
            }
            if let Some(message) = state.messages.pop_front() {
                return Received::Message(message);
            }
            if state.closed {
                return Received::Closed;
            }
            state = match left {
                None => self.for_writer.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.for_writer.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A message of that size is done; its records come back for reuse.
    pub(crate) fn finished(&self, bytes: usize, records: &mut Records, progress: Progress) {
        let mut state = self.lock();
        state.bytes -= bytes.min(state.bytes);
        state.done += 1;
        state.pool.append(records);
        state.progress = progress;
        drop(state);
        self.for_training.notify_all();
    }

    /// The writer did something without being asked.
    pub(crate) fn report(&self, progress: Progress) {
        self.lock().progress = progress;
    }

    /// The writer thread ends; with an error, training is told of it.
    pub(crate) fn stop(&self, error: Option<StoreError>) {
        let mut state = self.lock();
        if state.stopped.is_none() {
            let reason = error
                .as_ref()
                .map_or_else(|| "its writer has ended".to_owned(), |error| format!("an error came before: {error}"));
            state.stopped = Some(reason.into());
            state.error = error;
        }
        state.messages.clear();
        state.bytes = 0;
        drop(state);
        self.for_training.notify_all();
    }
}

/// Bytes that a message occupies in the queue.
pub(crate) fn size(message: &Message) -> usize {
    match message {
        Message::Step(step) => step.bytes(),
        Message::Event { kind, message, .. } => 256 + kind.len() + message.len(),
        Message::Flush | Message::Seal => 0,
    }
}
