//! Training to a step: the one loop, whoever watches it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use revacnn_schemas::Step;
use revacnn_store::{StoreError, Summary};
use revacnn_trainer::{StepOutcome, Trainer};

use crate::pace::Pace;
use crate::training::{Steered, Training, Turn};
use crate::{Diverged, RecorderError, Session};

/// A training that [`train`] takes on.
#[derive(Debug)]
pub struct Run {
    engine: Engine,
    data_not_noted: Option<StoreError>,
    /// What was cautioned of already.
    cautions: Vec<String>,
}

#[derive(Debug)]
enum Engine {
    /// With every step recorded, and open to steering.
    Recorded(Box<Training>),
    /// For its own sake.
    Free(Box<Trainer>),
}

impl Run {
    /// A training that is recorded, and that other processes can steer.
    ///
    /// # Errors
    /// [`Io`](StoreError::Io) where the branch's folder cannot be written.
    pub fn recorded(session: Session) -> Result<Self, RecorderError> {
        Ok(Self::of(Engine::Recorded(Box::new(Training::new(session)?))))
    }

    /// A training of which nothing is recorded.
    pub(crate) fn unrecorded(trainer: Trainer) -> Self {
        Self::of(Engine::Free(Box::new(trainer)))
    }

    fn of(engine: Engine) -> Self {
        Self { engine, data_not_noted: None, cautions: Vec::new() }
    }

    pub(crate) fn with_note(self, data_not_noted: Option<StoreError>) -> Self {
        Self { data_not_noted, ..self }
    }

    /// The engine, to look at.
    pub fn trainer(&self) -> &Trainer {
        match &self.engine {
            Engine::Recorded(training) => training.session().trainer(),
            Engine::Free(trainer) => trainer,
        }
    }

    /// The session, where it is recorded: of the newest branch, if it was forked
    /// while it ran.
    pub fn session(&self) -> Option<&Session> {
        match &self.engine {
            Engine::Recorded(training) => Some(training.session()),
            Engine::Free(_) => None,
        }
    }

    /// Why it could not be noted where the data lie, so that they have to be
    /// named again the next time.
    pub fn data_not_noted(&self) -> Option<&StoreError> {
        self.data_not_noted.as_ref()
    }

    /// Commits everything and seals the newest steps; there is no summary of what
    /// was not recorded.
    ///
    /// # Errors
    /// Those of the recorder; what was committed stays.
    pub fn finish(self) -> Result<(Trainer, Option<Summary>), RecorderError> {
        match self.engine {
            Engine::Recorded(training) => training.finish().map(|(trainer, summary)| (trainer, Some(summary))),
            Engine::Free(trainer) => Ok((*trainer, None)),
        }
    }

    /// Whether the step that it is at was validated.
    fn has_validated(&self) -> bool {
        let validation = self.session().and_then(Session::validation);
        validation.is_some_and(|(step, _)| *step == self.trainer().position())
    }

    /// One turn, and what steering did before it.
    fn turn(&mut self) -> (Result<Turn, RecorderError>, Vec<Steered>) {
        let mut steered = Vec::new();
        let turn = match &mut self.engine {
            Engine::Recorded(training) => training.turn(&mut |event| steered.push(event)),
            Engine::Free(trainer) => trainer.step().map(Turn::Stepped).map_err(RecorderError::from),
        };
        (turn, steered)
    }

    /// Tells what a person should know before the next step, once each.
    fn caution(&mut self, watcher: &mut dyn Watcher) -> Result<(), RecorderError> {
        for caution in self.trainer().cautions()? {
            if !self.cautions.contains(&caution) {
                watcher.cautioned(&caution);
                self.cautions.push(caution);
            }
        }
        Ok(())
    }
}

/// Who looks on while [`train`] works: a command line prints, a window sends
/// events to itself.
pub trait Watcher {
    /// Something that a person should know before the next step.
    fn cautioned(&mut self, caution: &str) {
        let _ = caution;
    }

    /// What steering did.
    fn steered(&mut self, run: &Run, event: &Steered) {
        let _ = (run, event);
    }

    /// A step was made.
    fn stepped(&mut self, run: &Run, outcome: &StepOutcome) {
        let _ = (run, outcome);
    }
}

/// Nobody looks on.
impl Watcher for () {}

/// Asks a training to end at the end of its step.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Not asked for yet.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Asks for it.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why training ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The step was reached.
    Reached,
    /// It was asked to end: through [`Stop`], or by steering.
    Stopped,
    /// A value is not finite; the step that has it is recorded.
    Diverged(Diverged),
}

/// Trains until a step, which is noted for [`resume`](crate::resume()), and does what is asked
/// through the branch's inbox. Everything that was trained stays recorded, however
/// it ends; [`Run::finish`] seals it.
///
/// # Errors
/// The engine's and the recorder's; what was committed stays.
pub fn train(run: &mut Run, until: Step, watcher: &mut dyn Watcher, stop: &Stop) -> Result<Ended, RecorderError> {
    if let Some(session) = run.session() {
        session.store().set_target(session.record(), until)?;
    }
    if run.trainer().position() >= until {
        return Ok(Ended::Reached);
    }
    run.caution(watcher)?;
    let mut pace = Pace::new(run.trainer().threads(), Instant::now());
    // An earlier call may have ended while another number was tried.
    run.trainer().set_active_threads(pace.interrupted(Instant::now()));
    while run.trainer().position() < until {
        if stop.is_asked() {
            return Ok(Ended::Stopped);
        }
        let (turn, steered) = run.turn();
        for event in &steered {
            watcher.steered(run, event);
        }
        if !steered.is_empty() {
            run.caution(watcher)?;
            run.trainer().set_active_threads(pace.interrupted(Instant::now()));
        }
        match turn? {
            Turn::Waited => {
                pace.interrupted(Instant::now());
            }
            Turn::Stopped => return Ok(Ended::Stopped),
            Turn::Stepped(outcome) => {
                watcher.stepped(run, &outcome);
                // A validation takes its own time, on all threads.
                let now = Instant::now();
                let threads = if run.has_validated() { Some(pace.interrupted(now)) } else { pace.stepped(now) };
                if let Some(threads) = threads {
                    run.trainer().set_active_threads(threads);
                }
                if let Some(value) = outcome.divergence {
                    let first = run.session().map_or(Step(0), |session| session.record().first_step());
                    return Ok(Ended::Diverged(Diverged::at(run.trainer(), first, Some(value))));
                }
            }
        }
    }
    Ok(Ended::Reached)
}
