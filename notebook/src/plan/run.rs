//! All trainings, side by side where none waits for another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use revacnn_recorder::{Ended, RecorderError, Resources, Run, Stop, Watcher};
use revacnn_schemas::{BranchId, BranchRecord, Step};
use revacnn_store::{BranchReader, Store, StoreError};
use revacnn_trainer::StepOutcome;

use super::lock::Locked;
use super::train::{Bench, Hears, Trained};
use super::{Node, Place, Plan, State};
use crate::NotebookError;
use crate::program::Program;

/// How often a training tells where it stands.
const TELLS: Duration = Duration::from_millis(100);

/// How often it is looked whether another process is done.
const LOOKS: Duration = Duration::from_millis(200);

/// What a run of a notebook is shared among.
#[derive(Debug, Clone, Copy)]
pub struct Share<'a> {
    /// Which trainings are wanted, by their places; what they fork is trained too.
    pub wanted: &'a [usize],
    /// How many are trained at once.
    pub jobs: usize,
    /// Ends all of them at the end of their step.
    pub stop: &'a Stop,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A training begins.
    Began {
        /// Its place.
        training: usize,
        /// Its branch.
        branch: &'a BranchRecord,
        /// Where it stands.
        at: Step,
        /// How far it is trained.
        until: Step,
    },
    /// A training goes on.
    Stepped {
        /// Its place.
        training: usize,
        /// Where it stands.
        at: Step,
        /// The mean loss of the step's batch.
        loss: f32,
    },
    /// Something that a person should know.
    Cautioned {
        /// The training's place.
        training: usize,
        /// What.
        caution: &'a str,
    },
    /// A training ended.
    Ended {
        /// Its place.
        training: usize,
        /// How.
        outcome: &'a Outcome,
    },
}

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is there, whole.
    Reached {
        /// Its branch.
        branch: Box<BranchRecord>,
        /// Steps that were trained for it just now.
        trained: u64,
        /// Its last step, with digest.
        last: Box<Locked>,
    },
    /// It was stopped, and can go on.
    Stopped {
        /// The step that it stands at.
        at: Step,
        /// Steps that were trained for it just now.
        trained: u64,
    },
    /// A value was not finite at a step, which is recorded.
    Diverged {
        /// The step.
        at: Step,
        /// Steps that were trained for it just now.
        trained: u64,
    },
    /// It could not be trained.
    Failed(NotebookError),
    /// It was not begun: what it forks is not there, or all was stopped.
    Waits,
    /// Nobody asked for it.
    Unwanted,
}

impl Outcome {
    /// Steps that were trained just now.
    pub fn trained(&self) -> u64 {
        match self {
            Self::Reached { trained, .. } | Self::Stopped { trained, .. } | Self::Diverged { trained, .. } => *trained,
            Self::Failed(_) | Self::Waits | Self::Unwanted => 0,
        }
    }
}

/// Where a training is.
#[derive(Debug)]
enum Status {
    Waiting,
    /// Its branch is that of an equal training, which goes first.
    Behind(BranchId),
    Running,
    Ended(Outcome),
}

struct Board {
    nodes: Vec<Node>,
    status: Vec<Status>,
    /// The branches that are trained now, each with its training.
    running: Vec<(usize, BranchId)>,
}

/// Trains all that is wanted, each after the one that it forks. What was trained
/// stays, however it ends; a second run goes on.
pub fn run(
    plan: Plan,
    program: &Program,
    place: Place<'_>,
    store: &Store,
    share: Share<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> Vec<Outcome> {
    let wanted = plan.needed(share.wanted);
    let Plan { nodes, inputs } = plan;
    let status = wanted.iter().map(|wanted| match wanted {
        true => Status::Waiting,
        false => Status::Ended(Outcome::Unwanted),
    });
    let board = Mutex::new(Board { status: status.collect(), nodes, running: Vec::new() });
    let changed = Condvar::new();
    let jobs = share.jobs.clamp(1, wanted.len().max(1));
    let resources = Resources { threads: (place.resources.threads / jobs).max(1), ..place.resources.clone() };
    let bench = Bench { inputs: &inputs, place, store, resources: &resources, stop: share.stop };
    let work = || {
        loop {
            let mut open = hold(&board);
            let next = loop {
                match open.next() {
                    Next::Ready(next) => break next,
                    Next::None => return,
                    Next::Later => open = changed.wait(open).unwrap_or_else(PoisonError::into_inner),
                }
            };
            open.status[next] = Status::Running;
            let training = &program.trainings[next];
            // What was open when it was planned may be known by now, and another process may
            // have trained it.
            let fresh = Plan { nodes: open.nodes.clone(), inputs: inputs.clone() };
            drop(open);
            let mut is_cautioned = false;
            let ended = loop {
                // From a look at the store until a branch is made: equal work is done once.
                let mut alone = match store.alone(|| !share.stop.is_asked()) {
                    Ok(Some(alone)) => Some(alone),
                    Ok(None) => break Some(Outcome::Waits),
                    Err(error) => break Some(Outcome::Failed(RecorderError::from(error).into())),
                };
                let node = bench.node(&fresh, training);
                if let Ok(Node { branch: Some(branch), .. }) = &node
                    && hold(&board).waits_behind(next, &branch.id)
                {
                    break None;
                }
                let outcome = node.and_then(|node| {
                    if share.stop.is_asked() && node.state() != State::There {
                        return Ok(Outcome::Waits);
                    }
                    let mut teller = Teller { training: next, tell, told: None };
                    let mut from = None;
                    let mut began = |branch: &BranchRecord, at, until| {
                        from = Some(at);
                        hold(&board).running.push((next, branch.id.clone()));
                        drop(alone.take());
                        tell(Event::Began { training: next, branch, at, until });
                    };
                    let hears = Hears { watcher: &mut teller, began: &mut began };
                    let parent = node.parent.and_then(|parent| fresh.nodes[parent].branch.as_ref());
                    let trained = bench.train(training, &node, parent, hears)?;
                    let outcome = outcome(store, training.name.as_str(), &node, &trained, from)?;
                    let reached = node.reached.max(Some(trained.at));
                    hold(&board).nodes[next] = Node { branch: Some(trained.record), reached, ..node };
                    Ok(outcome)
                });
                match outcome {
                    // Another process is at it: what that trains is looked at again.
                    Err(NotebookError::Recorder(RecorderError::Store(error))) if is_trained_elsewhere(&error) => {
                        drop(alone);
                        let is_busy = matches!(error, StoreError::WriterBusy { .. });
                        if is_busy && !std::mem::replace(&mut is_cautioned, true) {
                            let caution = &format!("{error}. It is waited for");
                            tell(Event::Cautioned { training: next, caution });
                        }
                        std::thread::sleep(LOOKS);
                    }
                    // What diverged before is told as it was then.
                    Err(NotebookError::Recorder(RecorderError::Diverged { diverged, .. })) => {
                        break Some(Outcome::Diverged { at: diverged.step, trained: 0 });
                    }
                    outcome => break Some(outcome.unwrap_or_else(Outcome::Failed)),
                }
            };
            let Some(outcome) = ended else { continue };
            tell(Event::Ended { training: next, outcome: &outcome });
            let mut open = hold(&board);
            open.status[next] = Status::Ended(outcome);
            open.running.retain(|(training, _)| *training != next);
            drop(open);
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            // Where the system has no thread to give, there are fewer.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ended = |status| match status {
        Status::Ended(outcome) => outcome,
        Status::Waiting | Status::Behind(_) | Status::Running => Outcome::Waits,
    };
    board.status.into_iter().map(ended).collect()
}

fn hold(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What there is to do.
enum Next {
    /// This one.
    Ready(usize),
    /// Something, when another one has ended.
    Later,
    /// Nothing any more.
    None,
}

impl Board {
    fn next(&mut self) -> Next {
        let mut later = false;
        for place in 0..self.status.len() {
            match &self.status[place] {
                Status::Waiting => {}
                Status::Behind(branch) if self.is_running(branch) => {
                    later = true;
                    continue;
                }
                Status::Behind(_) => {}
                Status::Running | Status::Ended(_) => continue,
            }
            match self.nodes[place].parent.map(|parent| &self.status[parent]) {
                // What is there waits for nobody.
                _ if self.nodes[place].state() == State::There => return Next::Ready(place),
                None | Some(Status::Ended(Outcome::Reached { .. })) => return Next::Ready(place),
                // A fork from before that is how one goes on.
                Some(Status::Ended(Outcome::Diverged { at, .. }))
                    if self.nodes[place].first.is_none_or(|first| first < *at) =>
                {
                    return Next::Ready(place);
                }
                Some(Status::Waiting | Status::Behind(_) | Status::Running) => later = true,
                // It is told of with the one that it waits for.
                Some(Status::Ended(_)) => self.status[place] = Status::Ended(Outcome::Waits),
            }
        }
        if later { Next::Later } else { Next::None }
    }

    fn is_running(&self, branch: &BranchId) -> bool {
        self.running.iter().any(|(_, running)| running == branch)
    }

    /// Whether a branch is trained now; the training that wanted it waits then.
    fn waits_behind(&mut self, training: usize, branch: &BranchId) -> bool {
        let is_running = self.is_running(branch);
        if is_running {
            self.status[training] = Status::Behind(branch.clone());
        }
        is_running
    }
}

/// Whether a store refuses a training because another process does the same.
fn is_trained_elsewhere(error: &StoreError) -> bool {
    // The name was free a moment ago.
    matches!(error, StoreError::WriterBusy { .. } | StoreError::NameTaken { .. })
}

/// How a training ended that was done.
fn outcome(
    store: &Store,
    name: &str,
    node: &Node,
    trained: &Trained,
    from: Option<Step>,
) -> Result<Outcome, NotebookError> {
    let (until, at) = (node.until.unwrap_or_default(), trained.at);
    let steps = from.map_or(0, |from| at.0.saturating_sub(from.0));
    Ok(match &trained.ended {
        Ended::Stopped if at < until => Outcome::Stopped { at, trained: steps },
        Ended::Diverged(diverged) if at < until => Outcome::Diverged { at: diverged.step, trained: steps },
        // What diverged at its last step is there, as it is the next time.
        Ended::Diverged(_) | Ended::Reached | Ended::Stopped => {
            let reader = BranchReader::of(store, trained.record.clone()).map_err(RecorderError::from)?;
            let row = reader.step_row(until).map_err(RecorderError::from)?;
            Outcome::Reached {
                trained: steps,
                last: Box::new(Locked {
                    name: name.to_owned(),
                    key: trained.record.key,
                    step: until,
                    digest: row.digest,
                }),
                branch: Box::new(trained.record.clone()),
            }
        }
    })
}

/// Tells of a training's steps, now and then.
struct Teller<'a> {
    training: usize,
    tell: &'a (dyn Fn(Event<'_>) + Sync),
    told: Option<Instant>,
}

impl Watcher for Teller<'_> {
    fn cautioned(&mut self, caution: &str) {
        (self.tell)(Event::Cautioned { training: self.training, caution });
    }

    fn stepped(&mut self, run: &Run, outcome: &StepOutcome) {
        if self.told.is_none_or(|told| told.elapsed() >= TELLS) {
            self.told = Some(Instant::now());
            (self.tell)(Event::Stepped { training: self.training, at: run.trainer().position(), loss: outcome.loss });
        }
    }
}
