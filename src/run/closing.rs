//! What is said at the end of a run.

use std::io::Write;
use std::path::{Path, PathBuf};

use revacnn_recorder::Summary;
use revacnn_schemas::{BranchName, Fidelity, Step, ValidationResult};
use revacnn_trainer::{StepOutcome, Trainer};
use serde_json::json;

use super::Ended;
use crate::error::Failure;
use crate::text::{bytes, count, duration, loss, percent};

/// Steps back from a divergence to the fork that is worth a try.
const STEPS_BEFORE_DIVERGENCE: u64 = 10;

/// What is said at the end.
pub(super) struct Closing {
    pub(super) store: PathBuf,
    /// The branch, if there was one.
    pub(super) branch: Option<BranchName>,
    pub(super) fidelity: Option<Fidelity>,
    pub(super) trainer: Trainer,
    pub(super) summary: Option<Summary>,
    pub(super) validation: Option<ValidationResult>,
    pub(super) last: Option<StepOutcome>,
    pub(super) steps: u64,
    pub(super) images: u64,
    pub(super) seconds: f64,
    pub(super) total_seconds: f64,
    pub(super) cpu_seconds: f64,
}

impl Closing {
    pub(super) fn print(&self, json: bool, ended: &Ended) -> Result<(), Failure> {
        if json { self.print_json(ended) } else { self.print_text(ended) }
    }

    fn print_json(&self, ended: &Ended) -> Result<(), Failure> {
        let validation = self.validation.as_ref();
        let line = json!({
            "event": "summary",
            "ended": match ended {
                Ended::AlreadyDone => "already-done",
                Ended::Done => "done",
                Ended::Interrupted => "interrupted",
                Ended::Diverged(_) => "diverged",
            },
            "step": self.trainer.position(),
            "digest": self.trainer.digest(),
            "steps": self.steps,
            "images": self.images,
            "training_seconds": self.seconds,
            "total_seconds": self.total_seconds,
            "cpu_seconds": self.cpu_seconds,
            "images_per_second": self.images as f64 / self.seconds.max(1e-9),
            "loss": self.last.as_ref().map(|outcome| outcome.loss).filter(|loss| loss.is_finite()),
            "live_accuracy": self.trainer.live_accuracy(),
            "validation_loss": validation.map(|result| result.loss).filter(|loss| loss.is_finite()),
            "validation_accuracy": validation.map(ValidationResult::accuracy),
            "bytes_written": self.summary.map(|summary| summary.bytes),
            "thinned_steps": self.summary.map(|summary| summary.thinned_steps),
            "waited_for_disk_seconds": self.summary.map(|summary| summary.waited.as_secs_f64()),
        });
        Ok(writeln!(std::io::stdout(), "{line}")?)
    }

    fn print_text(&self, ended: &Ended) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let branch = self.branch.as_ref().map_or("main", BranchName::as_str);
        let last = self.trainer.position();
        match ended {
            Ended::AlreadyDone => {
                writeln!(
                    out,
                    "branch {branch} is at step {} already: nothing to train (ask for more --steps or --epochs)",
                    count(last.0)
                )?;
            }
            _ => writeln!(
                out,
                "{} {} steps, {} images in {} ({} images/s)",
                if *ended == Ended::Interrupted { "stopped after" } else { "trained" },
                count(self.steps),
                count(self.images),
                duration(self.seconds),
                count((self.images as f64 / self.seconds.max(1e-9)) as u64),
            )?,
        }
        if let Some(result) = &self.validation {
            writeln!(
                out,
                "step {}: validation loss {}, accuracy {} ({} of {} images)",
                count(last.0),
                loss(Some(result.loss)),
                percent(result.accuracy()),
                count(result.correct.into()),
                count(result.images.into()),
            )?;
        }
        let Some(summary) = self.summary else {
            writeln!(out, "nothing was recorded (--no-record)")?;
            return Ok(());
        };
        let store = self.store.display();
        let what = match self.fidelity {
            Some(Fidelity::Keyframes) => "every step's scalars, and keyframes that give its tensors back,",
            _ => "every step",
        };
        writeln!(out, "recorded {what} in {store}: {}", bytes(summary.bytes))?;
        if summary.thinned_steps > 0 {
            writeln!(
                out,
                "{} of the oldest steps are thinned to keyframes: their tensors are recomputed exactly on demand",
                count(summary.thinned_steps)
            )?;
        }
        if matches!(ended, Ended::Diverged(_)) {
            return Ok(());
        }
        let option = if self.store == Path::new("runs") { String::new() } else { format!(" --store {store}") };
        let layer = self
            .trainer
            .topology()
            .parameter_layers()
            .next()
            .map_or_else(String::new, |layer| format!(" --layer {}", layer.layer));
        writeln!(out, "\nnext:")?;
        writeln!(out, "  revacnn log{option}")?;
        writeln!(out, "  revacnn show {branch}@{}{layer}{option}", last.0 / 2)?;
        let blocks: Vec<_> = self.trainer.topology().blocks().collect();
        if let [.., layer, _] = &blocks[..] {
            let layer = &layer.layer;
            writeln!(out, "  revacnn fork {branch}@{} --edit 'add-filter {layer}' --steps +500{option}", last.0 / 2)?;
        }
        writeln!(out, "  revacnn evaluate {branch}@best --split test{option}")?;
        Ok(())
    }

    pub(super) fn divergence(&self, outcome: &StepOutcome) -> Failure {
        let step = self.trainer.position();
        let what = outcome.divergence.as_ref().map_or_else(String::new, ToString::to_string);
        let try_next = match (&self.summary, &self.branch) {
            (Some(_), Some(branch)) => try_next(branch, self.trainer.position(), &self.trainer),
            _ => "train again with a smaller --learning-rate".to_owned(),
        };
        Failure::Diverged(format!("training diverged: {what} is not finite at step {step}; {try_next}"))
    }
}

/// What to try after a divergence that was recorded.
pub(super) fn try_next(branch: &BranchName, diverged: Step, trainer: &Trainer) -> String {
    let back = diverged.0.min(STEPS_BEFORE_DIVERGENCE);
    format!(
        "everything up to it is recorded. Try `revacnn fork {branch}@{} --edit 'set learning-rate {}' --steps +500`: \
         {back} steps before it, with a tenth of the learning rate",
        diverged.0 - back,
        trainer.hyper_parameters().learning_rate / 10.0,
    )
}
