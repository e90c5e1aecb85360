//! A run on the screen: the loop behind `train`, `fork` and `resume`.

mod closing;
mod progress;
mod size;

use std::process::ExitCode;
use std::time::Instant;

use revacnn_recorder::{RecorderError, Session, Steered, Training, Turn};
use revacnn_schemas::{Advice, Place, Step};
use revacnn_store::BranchReader;
use revacnn_store::StoreError;
use revacnn_trainer::data::Split;
use revacnn_trainer::{Effect, StepOutcome, Trainer};
use serde_json::{Value, json};

use self::closing::Closing;
use self::progress::{Progress, Reporter};
pub(crate) use self::size::{Size, warn_of_budget};
use crate::error::Failure;
use crate::interrupt;
use crate::output::{self, say, warn};
use crate::text::{count, printable};

/// What trains.
pub(crate) enum Engine {
    /// With every step recorded, and open to steering.
    Recorded(Box<Training>),
    /// For its own sake.
    Free(Box<Trainer>),
}

impl Engine {
    /// An engine that records.
    pub(crate) fn recorded(session: Session) -> Result<Self, Failure> {
        Ok(Self::Recorded(Box::new(Training::new(session)?)))
    }

    fn trainer(&self) -> &Trainer {
        match self {
            Self::Recorded(training) => training.session().trainer(),
            Self::Free(trainer) => trainer,
        }
    }

    fn turn(&mut self, steered: &mut dyn FnMut(Steered)) -> Result<Turn, Failure> {
        match self {
            Self::Recorded(training) => Ok(training.turn(steered)?),
            Self::Free(trainer) => Ok(Turn::Stepped(trainer.step()?)),
        }
    }
}

/// Why training ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// There was nothing left to do.
    AlreadyDone,
    /// The last step was reached.
    Done,
    /// Ctrl-C, or a request to stop.
    Interrupted,
    /// A value is not finite.
    Diverged(StepOutcome),
}

/// A run on the screen.
pub(crate) struct Run {
    place: Place,
    json: bool,
    engine: Engine,
    until: Step,
    first: Step,
    started: Instant,
    cpu_at_start: f64,
    images_at_start: u64,
    last: Option<StepOutcome>,
    /// What a person was cautioned of already.
    cautions: Vec<String>,
}

impl Run {
    pub(crate) fn new(place: Place, json: bool, engine: Engine, until: Step) -> Self {
        let trainer = engine.trainer();
        Self {
            place,
            json,
            until,
            first: trainer.position(),
            images_at_start: trainer.cursor().images_seen,
            started: Instant::now(),
            cpu_at_start: revacnn_store::cpu_seconds(),
            last: None,
            cautions: Vec::new(),
            engine,
        }
    }

    /// Refuses to go on after a value that is not finite: nothing of use can
    /// come.
    fn check_finite(&self) -> Result<(), Failure> {
        let Engine::Recorded(training) = &self.engine else { return Ok(()) };
        let session = training.session();
        let (Some(resumed), record) = (session.resumed(), session.record()) else { return Ok(()) };
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let parameters = session.trainer().parameters();
        let row = BranchReader::of(session.store(), record.clone())?.step_row(resumed.from)?;
        if row.loss.is_none_or(f32::is_finite)
            && parameters.iter().all(|layer| finite(&layer.weights) && finite(&layer.biases))
        {
            return Ok(());
        }
        Err(Failure::Diverged(format!(
            "branch {} has diverged: at step {} a value is not finite, and training cannot go on from it; {}",
            record.name,
            resumed.from,
            closing::try_next(&record.name, resumed.from, session.trainer(), &self.place),
        )))
    }

    /// Trains to the end, sums up, and gives the exit code.
    pub(crate) fn go(mut self) -> Result<ExitCode, Failure> {
        self.check_finite()?;
        let ended = self.train();
        output::clear_bar();
        let branch = match &self.engine {
            Engine::Recorded(training) => Some(training.session().record().name.clone()),
            Engine::Free(_) => None,
        };
        self.close(ended).map_err(|failure| {
            let is_full = matches!(failure, Failure::Recorder(RecorderError::Store(StoreError::DiskFull { .. })));
            match branch.filter(|_| is_full) {
                Some(branch) => failure.advised(vec![Advice::Resume { branch, more: None }]),
                None => failure,
            }
        })
    }

    fn train(&mut self) -> Result<Ended, Failure> {
        output::training_begins();
        self.announce_resumption()?;
        if self.first >= self.until {
            return Ok(Ended::AlreadyDone);
        }
        let mut reporter = Reporter::new(self.json, self.first, self.until);
        self.caution()?;
        while self.engine.trainer().position() < self.until {
            if interrupt::asked() {
                return Ok(Ended::Interrupted);
            }
            let mut steered = Vec::new();
            let turn = self.engine.turn(&mut |event| steered.push(event))?;
            for event in &steered {
                self.tell(event);
            }
            if !steered.is_empty() {
                self.caution()?;
            }
            let outcome = match turn {
                Turn::Waited => continue,
                Turn::Stopped => {
                    return Ok(Ended::Interrupted);
                }
                Turn::Stepped(outcome) => outcome,
            };
            let diverged = outcome.divergence.is_some();
            self.last = Some(outcome);
            self.report(&mut reporter);
            if diverged {
                return Ok(Ended::Diverged(self.last.clone().expect("invariant: just stored")));
            }
        }
        Ok(Ended::Done)
    }

    /// Says what a person should know before the next step, once each.
    fn caution(&mut self) -> Result<(), Failure> {
        for caution in self.engine.trainer().cautions()? {
            if self.cautions.contains(&caution) {
                continue;
            }
            if self.json {
                say!("{}", json!({ "event": "warning", "message": caution }));
            } else {
                warn(&caution);
            }
            self.cautions.push(caution);
        }
        Ok(())
    }

    fn tell(&self, event: &Steered) {
        if self.json {
            let line = match event {
                Steered::Paused(step) => json!({ "event": "paused", "step": step }),
                Steered::Resumed(step) => json!({ "event": "resumed-by-request", "step": step }),
                Steered::Forked { from, to, step, effects, .. } => json!({
                    "event": "forked", "from": from, "to": to, "step": step, "effects": effects_json(effects),
                }),
                Steered::Refused(reason) => json!({ "event": "refused", "reason": reason }),
                Steered::Unreachable(reason) => json!({ "event": "unreachable", "reason": reason }),
                Steered::Unanswered(reason) => json!({ "event": "unanswered", "reason": reason }),
            };
            say!("{line}");
            return;
        }
        match event {
            Steered::Paused(step) => say!("paused at step {}, by request", count(step.0)),
            Steered::Resumed(step) => say!("goes on after step {}, by request", count(step.0)),
            Steered::Refused(reason) => say!("a request was refused: {}", printable(reason)),
            Steered::Unreachable(reason) => say!("nobody can steer this training: {}", printable(reason)),
            Steered::Unanswered(reason) => say!("a request could not be answered: {}", printable(reason)),
            Steered::Forked { from, to, step, effects, .. } => {
                say!("{from} forked at step {}: goes on in {to}", count(step.0));
                effects.iter().for_each(|effect| say!("  {}", effect_text(effect)));
            }
        }
    }

    fn report(&self, reporter: &mut Reporter) {
        let trainer = self.engine.trainer();
        let cursor = trainer.cursor();
        let finished_epoch = (cursor.offset == 0).then_some(cursor.epoch);
        if finished_epoch.is_none() && !reporter.is_due() {
            return;
        }
        let (validation, bytes) = match &self.engine {
            Engine::Recorded(training) => {
                let session = training.session();
                let newest = session.validation().filter(|(step, _)| *step == trainer.position());
                let bytes = revacnn_store::branch_bytes(&self.place.store, &session.record().id);
                (newest.map(|(_, result)| result), Some(bytes))
            }
            Engine::Free(_) => (None, None),
        };
        reporter.show(&Progress {
            step: trainer.position(),
            epoch: cursor.epoch,
            finished_epoch,
            loss: self.last.as_ref().map(|outcome| outcome.loss),
            live_accuracy: trainer.live_accuracy(),
            validation,
            images: cursor.images_seen - self.images_at_start,
            elapsed: self.started.elapsed(),
            bytes,
        });
    }

    fn announce_resumption(&self) -> Result<(), Failure> {
        let Engine::Recorded(training) = &self.engine else { return Ok(()) };
        let session = training.session();
        let Some(resumed) = session.resumed() else { return Ok(()) };
        BranchReader::of(session.store(), session.record().clone())?.gaps()?.iter().for_each(|gap| warn(&gap.error));
        if self.json {
            let line = json!({ "event": "resumed", "step": resumed.from, "recomputed": resumed.recomputed });
            say!("{line}");
        } else if resumed.from < self.until {
            say!(
                "branch {} goes on after step {} ({} steps brought forward from a keyframe, digests equal)",
                training.session().record().name,
                count(resumed.from.0),
                count(resumed.recomputed),
            );
        }
        Ok(())
    }

    /// Seals the log, sums up, and gives the exit code.
    fn close(self, ended: Result<Ended, Failure>) -> Result<ExitCode, Failure> {
        let seconds = self.started.elapsed().as_secs_f64();
        let (recorded, left) = match self.engine {
            Engine::Free(trainer) => (None, Ok((*trainer, None))),
            Engine::Recorded(training) => {
                let session = training.session();
                let recorded = (session.store().clone(), session.record().clone());
                let left = training.finish().map(|(trainer, summary)| (trainer, Some(summary)));
                (Some(recorded), left)
            }
        };
        // A failure of training is the one to report; what it left is sealed
        // all the same.
        let ended = ended?;
        let (trainer, summary) = left?;
        let validated = match &recorded {
            Some((store, record)) => BranchReader::of(store, record.clone())?.validations()?,
            None => Vec::new(),
        };
        let closing = Closing {
            place: self.place,
            branch: recorded.map(|(_, record)| record),
            // The closing evaluation is for the screen alone.
            validation: match ended {
                Ended::Diverged(_) => None,
                _ if interrupt::hurried() => None,
                _ => Some(trainer.evaluate(Split::Validation)?),
            },
            validated: validated.into_iter().map(|(step, _)| step).collect(),
            steps: trainer.position().0 - self.first.0,
            images: trainer.cursor().images_seen - self.images_at_start,
            seconds,
            total_seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: revacnn_store::cpu_seconds() - self.cpu_at_start,
            last: self.last,
            trainer,
            summary,
        };
        closing.print(self.json, &ended);
        match ended {
            Ended::AlreadyDone | Ended::Done => Ok(ExitCode::SUCCESS),
            Ended::Interrupted => Ok(ExitCode::from(130)),
            Ended::Diverged(outcome) => Err(closing.divergence(&outcome)),
        }
    }
}

/// What an edit did, for people.
pub(crate) fn effect_text(effect: &Effect) -> String {
    let Some(preserves) = effect.preserves else { return effect.summary.clone() };
    let change = |value: f32| if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") };
    let mut text =
        format!("{}; largest change of a class probability: {}", effect.summary, change(preserves.evaluation));
    if let Some(training) = preserves.training {
        text += &format!(", normalised by batch: {}", change(training));
    }
    text
}

/// What edits did, for programs.
pub(crate) fn effects_json(effects: &[Effect]) -> Vec<Value> {
    let value = |effect: &Effect| {
        json!({
            "summary": effect.summary,
            "change_in_evaluation": effect.preserves.map(|preserves| preserves.evaluation),
            "change_in_training": effect.preserves.and_then(|preserves| preserves.training),
        })
    };
    effects.iter().map(value).collect()
}
