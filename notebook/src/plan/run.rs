//! All trainings, side by side where none waits for another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use revacnn_recorder::{Ended, Resources, Run, Stop, Watcher};
use revacnn_schemas::{BranchRecord, Step};
use revacnn_store::{BranchReader, Store};
use revacnn_trainer::StepOutcome;

use super::lock::Locked;
use super::train::{Bench, Hears, Trained};
use super::{Node, Place, Plan};
use crate::NotebookError;
use crate::program::{Program, What};

/// How often a training tells where it stands.
const TELLS: Duration = Duration::from_millis(100);

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
    /// It was stopped at a step, from which it can go on.
    Stopped(Step),
    /// A value was not finite at a step, which is recorded.
    Diverged(Step),
    /// It could not be trained.
    Failed(NotebookError),
    /// What it forks is not there.
    Waits,
    /// Nobody asked for it.
    Unwanted,
}

/// Where a training is.
#[derive(Debug)]
enum Status {
    Waiting,
    Running,
    Ended(Outcome),
}

struct Board {
    nodes: Vec<Node>,
    status: Vec<Status>,
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
    let board = Mutex::new(Board { status: status.collect(), nodes });
    let changed = Condvar::new();
    let jobs = share.jobs.clamp(1, wanted.len().max(1));
    let resources = Resources { threads: (place.resources.threads / jobs).max(1), ..place.resources.clone() };
    let bench = Bench { inputs: &inputs, place, store, resources: &resources, stop: share.stop };
    let again = |board: &Board| Plan { nodes: board.nodes.clone(), inputs: inputs.clone() };
    let work = || {
        loop {
            let mut open = hold(&board);
            let next = loop {
                match open.next(program) {
                    Next::Ready(next) => break next,
                    Next::None => return,
                    Next::Later => open = changed.wait(open).unwrap_or_else(PoisonError::into_inner),
                }
            };
            open.status[next] = Status::Running;
            let training = &program.trainings[next];
            let outcome = if share.stop.is_asked() {
                drop(open);
                Outcome::Waits
            } else {
                // What was open when it was planned may be known by now, and another
                // process may have trained it.
                let fresh = again(&open);
                let parent = fresh.nodes[next].parent.and_then(|parent| fresh.nodes[parent].branch.clone());
                drop(open);
                let list = store.branches().map_err(revacnn_recorder::RecorderError::from).map_err(NotebookError::from);
                let node = list.and_then(|list| {
                    fresh.node(training, place, Some(&list)).map_err(|refusal| NotebookError::Unplanned {
                        reason: refusal
                            .map_or_else(|| "what it forks is not there".to_owned(), |refusal| refusal.message),
                    })
                });
                node.and_then(|node| {
                    let mut teller = Teller { training: next, tell, told: None };
                    let mut from = None;
                    let mut began = |branch: &BranchRecord, at, until| {
                        from = Some(at);
                        tell(Event::Began { training: next, branch, at, until });
                    };
                    let hears = Hears { watcher: &mut teller, began: &mut began };
                    let trained = bench.train(training, &node, parent.as_ref(), hears)?;
                    let outcome = outcome(store, training.name.as_str(), &node, &trained, from)?;
                    let mut open = hold(&board);
                    let done =
                        Node { branch: Some(trained.record), reached: node.reached.max(Some(trained.at)), ..node };
                    open.nodes[next] = done;
                    Ok(outcome)
                })
                .unwrap_or_else(Outcome::Failed)
            };
            tell(Event::Ended { training: next, outcome: &outcome });
            hold(&board).status[next] = Status::Ended(outcome);
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
        Status::Waiting | Status::Running => Outcome::Waits,
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
    fn next(&mut self, program: &Program) -> Next {
        let mut later = false;
        for place in 0..self.status.len() {
            if !matches!(self.status[place], Status::Waiting) {
                continue;
            }
            let parent = self.nodes[place].parent.map(|parent| &self.status[parent]);
            match parent {
                None | Some(Status::Ended(Outcome::Reached { .. })) => {}
                Some(Status::Waiting | Status::Running) => {
                    later = true;
                    continue;
                }
                // It is told of with the one that it waits for.
                Some(Status::Ended(_)) => {
                    self.status[place] = Status::Ended(Outcome::Waits);
                    continue;
                }
            }
            // Equal work is done once: the second one finds it.
            let is_done_now =
                |other: usize| matches!(self.status[other], Status::Running) && self.are_equal(program, place, other);
            if (0..self.status.len()).any(is_done_now) {
                later = true;
                continue;
            }
            return Next::Ready(place);
        }
        if later { Next::Later } else { Next::None }
    }

    /// Whether two trainings have the same content.
    fn are_equal(&self, program: &Program, one: usize, other: usize) -> bool {
        let parent_key =
            |node: &Node| node.parent.and_then(|parent| self.nodes[parent].branch.as_ref()).map(|record| record.key);
        match (&program.trainings[one].what, &program.trainings[other].what) {
            (What::Train(_), What::Train(_)) => self.nodes[one].key == self.nodes[other].key,
            (What::Fork { fork, .. }, What::Fork { fork: its, .. }) => {
                parent_key(&self.nodes[one]) == parent_key(&self.nodes[other])
                    && fork.address.position == its.address.position
                    && fork.edit == its.edit
            }
            _ => false,
        }
    }
}

/// How a training ended that was done.
fn outcome(
    store: &Store,
    name: &str,
    node: &Node,
    trained: &Trained,
    from: Option<Step>,
) -> Result<Outcome, NotebookError> {
    let until = node.until.unwrap_or_default();
    Ok(match &trained.ended {
        Ended::Stopped if trained.at < until => Outcome::Stopped(trained.at),
        Ended::Diverged(diverged) => Outcome::Diverged(diverged.step),
        Ended::Reached | Ended::Stopped => {
            let reader =
                BranchReader::of(store, trained.record.clone()).map_err(revacnn_recorder::RecorderError::from)?;
            let row = reader.step_row(until).map_err(revacnn_recorder::RecorderError::from)?;
            Outcome::Reached {
                trained: from.map_or(0, |from| trained.at.0.saturating_sub(from.0)),
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
