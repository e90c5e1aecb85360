//! A run on the screen: who watches it train, for `train`, `fork` and `resume`.

mod closing;
mod progress;
mod size;

use std::process::ExitCode;
use std::time::Instant;

use revacnn_recorder::{Diverged, Ended, RecorderError, Run, Steered, Watcher, train};
use revacnn_schemas::{Address, Advice, BranchName, Place, Position, Step, written};
use revacnn_store::{BranchReader, StoreError, Summary, branch_bytes, cpu_seconds};
use revacnn_trainer::data::Split;
use revacnn_trainer::{Effect, StepOutcome};
use serde_json::{Value, json};

use self::closing::Closing;
use self::progress::{Progress, Reporter};
pub(crate) use self::size::{Size, warn_of_budget};
use crate::error::Failure;
use crate::interrupt;
use crate::output::{self, say, warn};
use crate::text::{count, counted, printable};

/// Trains to the end, sums up, and gives the exit code.
pub(crate) fn go(mut run: Run, until: Step, place: Place, json: bool) -> Result<ExitCode, Failure> {
    warn_of_note(run.data_not_noted());
    let mut screen = Screen::new(&run, until, place, json);
    output::training_begins();
    screen.announce_resumption(&run)?;
    let ended = train(&mut run, until, &mut screen, interrupt::stop());
    output::clear_live();
    let branch = run.session().map(|session| session.record_by_now().name);
    screen.close(run, ended).map_err(|failure| {
        let is_full = matches!(failure, Failure::Recorder(RecorderError::Store(StoreError::DiskFull { .. })));
        match branch.filter(|_| is_full) {
            Some(branch) => failure.advised(vec![Advice::Resume { branch, more: None }]),
            None => failure,
        }
    })
}

/// Says why the folder that was named has to be named again.
pub(crate) fn warn_of_note(error: Option<&StoreError>) {
    if let Some(error) = error {
        warn(&format!("{error}; where the images lie is not noted, so that later commands need --data"));
    }
}

/// Watches a run, and says what comes of it.
struct Screen {
    place: Place,
    json: bool,
    until: Step,
    first: Step,
    started: Instant,
    cpu_at_start: f64,
    images_at_start: u64,
    last: Option<StepOutcome>,
    /// Where there is something to train.
    reporter: Option<Reporter>,
    /// The branches that were left for forks while it ran, and what of them was
    /// written.
    left: Vec<(BranchName, Summary)>,
}

impl Screen {
    fn new(run: &Run, until: Step, place: Place, json: bool) -> Self {
        let trainer = run.trainer();
        let first = trainer.position();
        Self {
            place,
            json,
            until,
            first,
            images_at_start: trainer.cursor().images_seen,
            started: Instant::now(),
            cpu_at_start: cpu_seconds(),
            last: None,
            reporter: (first < until).then(|| Reporter::new(json, first, until)),
            left: Vec::new(),
        }
    }

    fn announce_resumption(&self, run: &Run) -> Result<(), Failure> {
        let Some(session) = run.session() else { return Ok(()) };
        let Some(resumed) = session.resumed() else { return Ok(()) };
        BranchReader::of(session.store(), session.record().clone())?.damage()?.iter().for_each(warn);
        if self.json {
            let line = json!({ "event": "resumed", "step": resumed.from, "recomputed": resumed.recomputed });
            say!("{line}");
        } else if resumed.from < self.until {
            say!(
                "branch {} goes on after step {} ({} brought forward from a keyframe, digests equal)",
                session.record().name,
                count(resumed.from.0),
                counted(resumed.recomputed, "step"),
            );
        }
        Ok(())
    }

    /// Seals the log, sums up, and gives the exit code.
    fn close(self, run: Run, ended: Result<Ended, RecorderError>) -> Result<ExitCode, Failure> {
        let seconds = self.started.elapsed().as_secs_f64();
        let recorded = run.session().map(|session| (session.store().clone(), session.record_by_now()));
        let left = run.finish();
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
            was_done: self.first >= self.until,
            steps: trainer.position().0 - self.first.0,
            images: trainer.cursor().images_seen - self.images_at_start,
            seconds,
            total_seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu_at_start,
            last: self.last,
            trainer,
            summary,
            left: self.left,
        };
        closing.print(self.json, &ended);
        match ended {
            Ended::Reached => Ok(ExitCode::SUCCESS),
            Ended::Stopped => Ok(ExitCode::from(130)),
            Ended::Diverged(diverged) => Err(closing.divergence(&diverged)),
        }
    }
}

impl Watcher for Screen {
    fn cautioned(&mut self, caution: &str) {
        if self.json {
            say!("{}", json!({ "event": "warning", "message": caution }));
        } else {
            warn(&caution);
        }
    }

    fn steered(&mut self, _run: &Run, event: &Steered) {
        if let Steered::Forked { from, summary, .. } = event {
            self.left.push((from.clone(), *summary));
        }
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

    fn stepped(&mut self, run: &Run, outcome: &StepOutcome) {
        self.last = Some(outcome.clone());
        let trainer = run.trainer();
        let cursor = trainer.cursor();
        let finished_epoch = (cursor.offset == 0).then_some(cursor.epoch);
        let Some(reporter) = self.reporter.as_mut().filter(|reporter| finished_epoch.is_some() || reporter.is_due())
        else {
            return;
        };
        let validation = run.session().and_then(|session| session.validation());
        let validation = validation.filter(|(step, _)| *step == trainer.position()).map(|(_, result)| result);
        reporter.show(&Progress {
            step: trainer.position(),
            epoch: cursor.epoch,
            finished_epoch,
            loss: Some(outcome.loss),
            live_accuracy: trainer.live_accuracy(),
            validation,
            images: cursor.images_seen - self.images_at_start,
            elapsed: self.started.elapsed(),
            bytes: run.session().map(|session| branch_bytes(&self.place.store, &session.record().id)),
        });
    }
}

/// A verb's refusal; for a branch that diverged, with the fork that is worth a
/// try.
pub(crate) fn refused(error: RecorderError, place: &Place) -> Failure {
    match &error {
        RecorderError::Diverged { branch, diverged } => {
            Failure::Diverged(format!("{error}; {}", try_next(branch, diverged, place)))
        }
        _ => error.into(),
    }
}

/// What to try after a divergence that was recorded.
fn try_next(branch: &BranchName, diverged: &Diverged, place: &Place) -> String {
    let fork = Advice::Fork {
        at: Address { branch: branch.clone(), position: Position::Step(diverged.fork_at) },
        edits: vec![format!("set learning-rate {}", written(diverged.learning_rate))],
        more: Some(500),
    };
    format!(
        "everything up to it is recorded. Try `{}`: {} before it, with a tenth of the learning rate",
        fork.command(place),
        counted(diverged.step.0 - diverged.fork_at.0, "step"),
    )
}

/// What an edit did, for people.
pub(crate) fn effect_text(effect: &Effect) -> String {
    let Some(preserves) = effect.preserves else { return effect.summary.clone() };
    let change = |value: f32| if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") };
    let mut text = format!(
        "{}; largest change of a {}: {}",
        effect.summary,
        preserves.outputs.one(),
        change(preserves.evaluation)
    );
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
