//! A run on the screen: the loop behind `train`, `fork` and `resume`.

mod closing;
mod progress;
mod size;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use revacnn_recorder::{BranchReader, Session, Steered, Training, Turn};
use revacnn_schemas::{BranchName, Step};
use revacnn_trainer::data::Split;
use revacnn_trainer::{Effect, StepOutcome, Trainer};
use serde_json::{Value, json};

use self::closing::Closing;
use self::progress::{Progress, Reporter};
pub(crate) use self::size::{Size, warn_of_budget};
use crate::error::Failure;
use crate::interrupt;
use crate::text::{count, warn};

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

    fn branch(&self) -> Option<&BranchName> {
        match self {
            Self::Recorded(training) => Some(&training.session().record().name),
            Self::Free(_) => None,
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
    store: PathBuf,
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
    pub(crate) fn new(store: PathBuf, json: bool, engine: Engine, until: Step) -> Self {
        let trainer = engine.trainer();
        Self {
            store,
            json,
            until,
            first: trainer.position(),
            images_at_start: trainer.cursor().images_seen,
            started: Instant::now(),
            cpu_at_start: revacnn_recorder::cpu_seconds(),
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
            closing::try_next(&record.name, resumed.from, session.trainer()),
        )))
    }

    /// Trains to the end, sums up, and gives the exit code.
    pub(crate) fn go(mut self) -> Result<ExitCode, Failure> {
        self.check_finite()?;
        let ended = self.train();
        self.close(ended)
    }

    fn train(&mut self) -> Result<Ended, Failure> {
        self.announce_resumption()?;
        if self.first >= self.until {
            return Ok(Ended::AlreadyDone);
        }
        let mut reporter = Reporter::new(self.json, self.first, self.until);
        self.caution(&reporter)?;
        while self.engine.trainer().position() < self.until {
            if interrupt::asked() {
                reporter.clear();
                return Ok(Ended::Interrupted);
            }
            let mut steered = Vec::new();
            let turn = self.engine.turn(&mut |event| steered.push(event))?;
            for event in &steered {
                self.tell(&reporter, event)?;
            }
            if !steered.is_empty() {
                self.caution(&reporter)?;
            }
            let outcome = match turn {
                Turn::Waited => continue,
                Turn::Stopped => {
                    reporter.clear();
                    return Ok(Ended::Interrupted);
                }
                Turn::Stepped(outcome) => outcome,
            };
            let diverged = outcome.divergence.is_some();
            self.last = Some(outcome);
            self.report(&mut reporter)?;
            if diverged {
                reporter.clear();
                return Ok(Ended::Diverged(self.last.clone().expect("invariant: just stored")));
            }
        }
        reporter.clear();
        Ok(Ended::Done)
    }

    /// Says what a person should know before the next step, once each.
    fn caution(&mut self, reporter: &Reporter) -> Result<(), Failure> {
        for caution in self.engine.trainer().cautions()? {
            if self.cautions.contains(&caution) {
                continue;
            }
            if self.json {
                writeln!(std::io::stdout(), "{}", json!({ "event": "warning", "message": caution }))?;
            } else {
                reporter.say(&format!("warning: {caution}"))?;
            }
            self.cautions.push(caution);
        }
        Ok(())
    }

    fn tell(&self, reporter: &Reporter, event: &Steered) -> Result<(), Failure> {
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
            return Ok(writeln!(std::io::stdout(), "{line}")?);
        }
        match event {
            Steered::Paused(step) => reporter.say(&format!("paused at step {}, by request", count(step.0))),
            Steered::Resumed(step) => reporter.say(&format!("goes on after step {}, by request", count(step.0))),
            Steered::Refused(reason) => reporter.say(&format!("a request was refused: {reason}")),
            Steered::Unreachable(reason) => reporter.say(&format!("nobody can steer this training: {reason}")),
            Steered::Unanswered(reason) => reporter.say(&format!("a request could not be answered: {reason}")),
            Steered::Forked { from, to, step, effects, .. } => {
                reporter.say(&format!("{from} forked at step {}: goes on in {to}", count(step.0)))?;
                effects.iter().try_for_each(|effect| reporter.say(&format!("  {}", effect_text(effect))))
            }
        }
    }

    fn report(&self, reporter: &mut Reporter) -> Result<(), Failure> {
        let trainer = self.engine.trainer();
        let cursor = trainer.cursor();
        let finished_epoch = (cursor.offset == 0).then_some(cursor.epoch);
        if finished_epoch.is_none() && !reporter.is_due() {
            return Ok(());
        }
        let (validation, bytes) = match &self.engine {
            Engine::Recorded(training) => {
                let session = training.session();
                let newest = session.validation().filter(|(step, _)| *step == trainer.position());
                let bytes = revacnn_recorder::branch_bytes(&self.store, &session.record().id);
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
        })
    }

    fn announce_resumption(&self) -> Result<(), Failure> {
        let Engine::Recorded(training) = &self.engine else { return Ok(()) };
        let session = training.session();
        let Some(resumed) = session.resumed() else { return Ok(()) };
        BranchReader::of(session.store(), session.record().clone())?.gaps()?.iter().for_each(|gap| warn(&gap.error));
        if self.json {
            let line = json!({ "event": "resumed", "step": resumed.from, "recomputed": resumed.recomputed });
            writeln!(std::io::stdout(), "{line}")?;
        } else if resumed.from < self.until {
            writeln!(
                std::io::stdout(),
                "branch {} goes on after step {} ({} steps brought forward from a keyframe, digests equal)",
                training.session().record().name,
                count(resumed.from.0),
                count(resumed.recomputed),
            )?;
        }
        Ok(())
    }

    /// Seals the log, sums up, and gives the exit code.
    fn close(self, ended: Result<Ended, Failure>) -> Result<ExitCode, Failure> {
        let seconds = self.started.elapsed().as_secs_f64();
        let branch = self.engine.branch().cloned();
        let fidelity = match &self.engine {
            Engine::Recorded(training) => Some(training.session().record().recording.fidelity),
            Engine::Free(_) => None,
        };
        let (trainer, summary) = match self.engine {
            Engine::Free(trainer) => (*trainer, None),
            // A failure of training is the one to report; what it left is
            // sealed all the same.
            Engine::Recorded(training) => match (training.finish(), &ended) {
                (Ok((trainer, summary)), _) => (trainer, Some(summary)),
                (Err(error), Ok(_)) => return Err(error.into()),
                (Err(_), Err(_)) => return Err(ended.expect_err("invariant: training failed")),
            },
        };
        let ended = ended?;
        let closing = Closing {
            store: self.store,
            branch,
            fidelity,
            // The closing evaluation is for the screen alone.
            validation: match ended {
                Ended::Diverged(_) => None,
                _ => Some(trainer.evaluate(Split::Validation)?),
            },
            steps: trainer.position().0 - self.first.0,
            images: trainer.cursor().images_seen - self.images_at_start,
            seconds,
            total_seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: revacnn_recorder::cpu_seconds() - self.cpu_at_start,
            last: self.last,
            trainer,
            summary,
        };
        closing.print(self.json, &ended)?;
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
