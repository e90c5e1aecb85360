//! The recorder: takes steps from training and writes them on a thread of
//! its own.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use revacnn_schemas::{
    BranchRecord, DataCursor, Observer, ObserverError, Producer, SEGMENT_STEPS, Step, StepView, Wanted,
};

use crate::disk::lock::FileLock;
use crate::disk::system::cores;
use crate::shape::BranchShape;
use crate::write::commit::LogWriter;
use crate::write::queue::{Message, Progress, Queue, Received, size};
use crate::write::recovery::recover;
use crate::write::side_by_side::Haste;
use crate::{BranchReader, Store, StoreError};

/// Tells the time, in microseconds since 1970 (UTC).
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a branch's writer works; none of it changes a row, but for wall times.
#[derive(Clone)]
pub struct RecorderOptions {
    /// Bytes of steps that may wait for the disk before training waits.
    pub queue_bytes: usize,
    /// How long after its first step a part is committed, as soon as the writer has done what
    /// it is at: under full load a little later.
    pub commit_interval: Duration,
    /// Steps of a segment; [`SEGMENT_STEPS`] but in tests.
    pub segment_steps: u64,
    /// Bytes that the branch may take; beyond, the oldest segments are
    /// thinned to keyframes.
    pub disk_budget: Option<u64>,
    /// Whether tensors are compressed in less time, to 3 to 8 % more bytes, while others wait for the
    /// log's core: training is faster then, and how large a log is depends on what else the machine does.
    pub spares_cores: bool,
    /// The clock behind the column `wall_time`.
    pub clock: Clock,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            queue_bytes: 64 << 20,
            commit_interval: Duration::from_secs(1),
            segment_steps: SEGMENT_STEPS,
            disk_budget: None,
            spares_cores: false,
            clock: Arc::new(|| {
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
            }),
        }
    }
}

impl fmt::Debug for RecorderOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RecorderOptions")
            .field("queue_bytes", &self.queue_bytes)
            .field("commit_interval", &self.commit_interval)
            .field("segment_steps", &self.segment_steps)
            .field("disk_budget", &self.disk_budget)
            .field("spares_cores", &self.spares_cores)
            .finish_non_exhaustive()
    }
}

/// What was recorded, for the closing line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The newest step, all sealed; `None` if the branch has no step.
    pub last_step: Option<Step>,
    /// Steps that this recorder was given.
    pub steps_recorded: u64,
    /// Steps of the branch whose tensors were thinned to keyframes.
    pub thinned_steps: u64,
    /// Bytes of all the branch's files.
    pub bytes: u64,
    /// How long training waited for the disk.
    pub waited: Duration,
}

/// The one writer of a branch.
///
/// Dropped without [`finish`](Self::finish), it commits what it was given and
/// leaves the tail for the next writer, as after a crash.
pub struct Recorder {
    record: BranchRecord,
    shape: BranchShape,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    /// What the thread starts with, until the first step.
    idle: Option<LogWriter>,
    commit_interval: Duration,
    spares_cores: bool,
    clock: Clock,
    next: Step,
    recorded: u64,
    needs_previous_weights: bool,
    _lock: Arc<FileLock>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recorder")
            .field("branch", &self.record.name)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Opens a branch for writing, removes what a kill left half-written, and
    /// goes on after the last committed step.
    ///
    /// # Errors
    /// [`StoreError::WriterBusy`] where the branch has a writer already;
    /// [`StoreError::Unrecordable`] for a disk budget of a branch whose steps
    /// cannot be computed again.
    pub fn open(store: &Store, branch: &BranchRecord, options: RecorderOptions) -> Result<Self, StoreError> {
        let lock = Arc::new(store.hold_to_write(branch)?);
        // Who held the lock before may have compacted the branch.
        Self::holding(store, &store.branch_by_id(&branch.id)?, options, lock)
    }

    /// [`open`](Self::open) for who holds the writer's lock already, and may
    /// go on to hold it.
    pub(crate) fn holding(
        store: &Store,
        branch: &BranchRecord,
        options: RecorderOptions,
        lock: Arc<FileLock>,
    ) -> Result<Self, StoreError> {
        Self::held(store, branch, options, lock, true)
    }

    /// [`holding`](Self::holding), to seal what a kill may have left and go no
    /// further: the weights of the last step, whose file may be lost, are not read.
    pub(crate) fn to_seal(store: &Store, branch: &BranchRecord, lock: Arc<FileLock>) -> Result<Self, StoreError> {
        Self::held(store, branch, RecorderOptions::default(), lock, false)
    }

    fn held(
        store: &Store,
        branch: &BranchRecord,
        options: RecorderOptions,
        lock: Arc<FileLock>,
        goes_on: bool,
    ) -> Result<Self, StoreError> {
        let paths = store.paths(&branch.id);
        let shape = BranchShape::of(branch)
            .map_err(|reason| StoreError::Unrecordable { branch: branch.name.clone(), reason })?;
        if let (Producer::Foreign(foreign), Some(budget)) = (&branch.producer, options.disk_budget) {
            let reason = format!(
                "{foreign} computes its steps, so that none can be thinned and computed again: expected no disk \
                 budget, found {budget} bytes"
            );
            return Err(StoreError::Unrecordable { branch: branch.name.clone(), reason });
        }
        let first = branch.first_step();
        let recovered = recover(store.disk(), &paths, branch)?;
        let committed = recovered.last_committed();
        let mut writer = LogWriter::new(
            branch,
            &shape,
            store.disk(),
            &paths,
            recovered,
            options.segment_steps,
            options.disk_budget,
        )?;
        writer.finish_interrupted_segment()?;
        let mut needs_previous_weights = !goes_on && committed.is_some();
        if let Some(step) = committed.filter(|_| goes_on) {
            let reader = BranchReader::of(store, branch.clone())?;
            match reader.weights(step)? {
                Some(weights) => writer.set_previous_weights(weights),
                None => needs_previous_weights = true,
            }
        }
        Ok(Self {
            record: branch.clone(),
            shape,
            queue: Arc::new(Queue::new(options.queue_bytes, branch.name.clone(), committed)),
            thread: None,
            idle: Some(writer),
            commit_interval: options.commit_interval,
            spares_cores: options.spares_cores,
            clock: options.clock,
            next: committed.map_or(first, Step::next),
            recorded: 0,
            needs_previous_weights,
            _lock: lock,
        })
    }

    /// The branch.
    pub fn branch(&self) -> &BranchRecord {
        &self.record
    }

    /// The newest committed step: resuming goes on after it.
    pub fn last_committed(&self) -> Option<Step> {
        self.queue.progress().committed
    }

    /// The step that [`append`](Self::append) expects.
    pub fn next_step(&self) -> Step {
        self.next
    }

    /// Whether the weights of the last committed step are not stored, so that
    /// [`set_previous_weights`](Self::set_previous_weights) must come first.
    pub fn needs_previous_weights(&self) -> bool {
        self.needs_previous_weights
    }

    /// Hands over the weights of the last committed step, a slice a layer in
    /// the order of the topology, for the first update ratio.
    ///
    /// # Errors
    /// [`StoreError::Shape`] where a layer has another number of weights.
    pub fn set_previous_weights(&mut self, layers: &[&[f32]]) -> Result<(), StoreError> {
        let plan = &self.shape.parameters;
        let expected = plan.layers.iter().map(|rows| rows.filters() * rows.values);
        let lengths: Vec<usize> = layers.iter().map(|layer| layer.len()).collect();
        if !expected.clone().eq(lengths.iter().copied()) {
            return Err(StoreError::Shape {
                branch: self.record.name.clone(),
                step: self.next,
                what: "the previous weights of all layers".to_owned(),
                expected: expected.sum(),
                found: lengths.iter().sum(),
            });
        }
        if let Some(writer) = &mut self.idle {
            writer.set_previous_weights(layers.concat());
            self.needs_previous_weights = false;
        }
        Ok(())
    }

    /// Records a step: copies it and returns, waiting only where the disk is
    /// behind by more than [`RecorderOptions::queue_bytes`].
    ///
    /// # Errors
    /// [`StoreError::OutOfSequence`] and [`StoreError::Shape`] for a
    /// step that does not fit, which leaves the recorder as it was; otherwise
    /// an error of the writer thread, after which nothing more is recorded.
    pub fn append(&mut self, view: &StepView<'_>) -> Result<(), StoreError> {
        if view.scalars.step != self.next {
            return Err(StoreError::OutOfSequence {
                branch: self.record.name.clone(),
                expected: self.next,
                found: view.scalars.step,
            });
        }
        if self.needs_previous_weights {
            return Err(StoreError::PreviousWeightsNeeded {
                branch: self.record.name.clone(),
                step: Step(self.next.0.saturating_sub(1)),
            });
        }
        let mut step = self.queue.record();
        step.fill(&self.record, &self.shape, view, (self.clock)())?;
        self.send(Message::Step(step))?;
        self.next = self.next.next();
        self.recorded += 1;
        Ok(())
    }

    /// Records an event, such as `diverged`, after all steps before it.
    ///
    /// # Errors
    /// An error of the writer thread.
    pub fn event(&mut self, step: Step, kind: &str, message: &str) -> Result<(), StoreError> {
        let wall_time_micros = (self.clock)();
        self.send(Message::Event { step, kind: kind.to_owned(), message: message.to_owned(), wall_time_micros })
            .map(drop)
    }

    /// Waits until every step given so far is committed.
    ///
    /// # Errors
    /// An error of the writer thread.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.send_and_wait(Message::Flush).map(drop)
    }

    /// Commits everything and leaves no tail: the newest steps become a
    /// segment.
    ///
    /// # Errors
    /// An error of the writer thread.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        self.send_and_wait(Message::Seal).map(drop)
    }

    /// [Seals](Self::seal), and sums up.
    ///
    /// # Errors
    /// An error of the writer thread.
    pub fn finish(mut self) -> Result<Summary, StoreError> {
        let progress = self.send_and_wait(Message::Seal)?;
        Ok(Summary {
            last_step: progress.committed,
            steps_recorded: self.recorded,
            thinned_steps: progress.thinned_steps,
            bytes: progress.bytes,
            waited: self.queue.waited(),
        })
    }

    fn send_and_wait(&mut self, message: Message) -> Result<Progress, StoreError> {
        let number = self.send(message)?;
        self.queue.wait_for(number)
    }

    fn send(&mut self, message: Message) -> Result<u64, StoreError> {
        if let Some(writer) = self.idle.take() {
            let (queue, queue_of_nobody) = (self.queue.clone(), self.queue.clone());
            let (interval, spares) = (self.commit_interval, self.spares_cores);
            let name = format!("record {}", self.record.name);
            let thread = std::thread::Builder::new()
                .name(name.chars().take(15).collect())
                .spawn(move || write(writer, &queue, interval, spares))
                .map_err(|source| {
                    // Nobody will take what is sent: later calls must not wait.
                    queue_of_nobody.stop(None);
                    let folder = std::path::Path::new("the writer thread");
                    StoreError::io("start", folder, source)
                })?;
            self.thread = Some(thread);
        }
        self.queue.send(message)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Observer for Recorder {
    fn wanted(&self, step: Step, cursor: DataCursor) -> Wanted {
        wanted(&self.record, step, cursor)
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        Ok(self.append(view)?)
    }
}

/// What a branch records of a step: a function of the step and of where it
/// stands in the data alone.
pub fn wanted(branch: &BranchRecord, step: Step, cursor: DataCursor) -> Wanted {
    let first = step == branch.first_step();
    let every = |interval: u64| interval > 0 && step.0.is_multiple_of(interval);
    let recording = &branch.recording;
    let keyframe = first || every(recording.keyframe_interval);
    Wanted {
        probes: !recording.probes.is_empty(),
        keyframe,
        state_digest: keyframe || (step.0 + 1).is_multiple_of(SEGMENT_STEPS),
        validation: first || cursor.offset == 0 || recording.validate_every.is_some_and(every),
    }
}

/// The writer thread.
fn write(mut writer: LogWriter, queue: &Queue, commit_interval: Duration, spares_cores: bool) {
    /// Tells training that nobody writes any more, whatever ended the thread.
    struct Ending<'a>(&'a Queue);
    impl Drop for Ending<'_> {
        fn drop(&mut self) {
            self.0.stop(None);
        }
    }
    let ending = Ending(queue);
    if let Err(error) = write_all(&mut writer, queue, commit_interval, spares_cores) {
        writer.abandon();
        ending.0.stop(Some(error));
    }
}

fn write_all(
    writer: &mut LogWriter,
    queue: &Queue,
    commit_interval: Duration,
    spares_cores: bool,
) -> Result<(), StoreError> {
    let cores = cores();
    let mut deadline = None;
    let mut bytes_on_disk = 0;
    loop {
        match queue.receive(deadline) {
            Received::Late => {
                writer.commit(Haste::NONE)?;
                deadline = None;
                queue.report(progress(writer, bytes_on_disk));
            }
            Received::Closed => return writer.commit(Haste::awaited(cores)),
            Received::Message(message) => {
                let bytes = size(&message);
                match message {
                    Message::Step(step) if queue.is_awaited() => writer.push(step, Haste::awaited(cores))?,
                    Message::Step(step) => writer.push(step, Haste::of(queue.backlog(), cores, spares_cores))?,
                    Message::Event { step, kind, message, wall_time_micros } => {
                        writer.event(step, &kind, &message, wall_time_micros)?
                    }
                    Message::Flush => writer.commit(Haste::awaited(cores))?,
                    Message::Seal => {
                        writer.seal(Haste::awaited(cores))?;
                        bytes_on_disk = writer.bytes();
                    }
                }
                if !writer.is_open() {
                    deadline = None;
                } else if deadline.is_none() {
                    deadline = Instant::now().checked_add(commit_interval);
                }
                let progress = progress(writer, bytes_on_disk);
                queue.finished(bytes, &mut writer.done, progress);
            }
        }
    }
}

fn progress(writer: &LogWriter, bytes: u64) -> Progress {
    Progress { committed: writer.committed(), thinned_steps: writer.thinned_steps(), bytes }
}
