//! What is said at the end of a run.

use std::iter::Sum;

use revacnn_recorder::{Diverged, Ended};
use revacnn_schemas::{Address, Advice, BranchName, BranchRecord, Fidelity, Place, Position, Step, ValidationResult};
use revacnn_store::Summary;
use revacnn_trainer::{StepOutcome, Trainer};
use serde_json::json;

use super::try_next;
use crate::error::Failure;
use crate::output::say;
use crate::text::{bytes, count, counted, duration, loss, next, percent, printable};

/// What is said at the end.
pub(super) struct Closing {
    pub(super) place: Place,
    /// The branch, if there was one.
    pub(super) branch: Option<BranchRecord>,
    pub(super) trainer: Trainer,
    pub(super) summary: Option<Summary>,
    /// The branches that were left for forks while it ran.
    pub(super) left: Vec<(BranchName, Summary)>,
    /// The closing evaluation, which is no row of the log.
    pub(super) validation: Option<ValidationResult>,
    /// The branch's own steps whose full validation is in the log.
    pub(super) validated: Vec<Step>,
    pub(super) last: Option<StepOutcome>,
    /// Whether there was nothing to train.
    pub(super) was_done: bool,
    pub(super) steps: u64,
    pub(super) images: u64,
    pub(super) seconds: f64,
    pub(super) total_seconds: f64,
    pub(super) cpu_seconds: f64,
}

impl Closing {
    pub(super) fn print(&self, json: bool, ended: &Ended) {
        if json { self.print_json(ended) } else { self.print_text(ended) }
    }

    /// Whether the log holds what the closing evaluation found.
    fn is_recorded(&self) -> bool {
        self.validated.contains(&self.trainer.position())
    }

    /// What was written of all branches of the run.
    fn of_all<T: Sum>(&self, value: impl Fn(&Summary) -> T) -> Option<T> {
        let last = self.summary.as_ref()?;
        Some(self.left.iter().map(|(_, summary)| summary).chain([last]).map(value).sum())
    }

    fn print_json(&self, ended: &Ended) {
        let validation = self.validation.as_ref();
        let line = json!({
            "event": "summary",
            "ended": match ended {
                Ended::Reached if self.was_done => "already-done",
                Ended::Reached => "done",
                Ended::Stopped => "interrupted",
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
            "validation_accuracy": validation.and_then(ValidationResult::accuracy),
            "validation_recorded": validation.map(|_| self.is_recorded()),
            "bytes_written": self.of_all(|summary| summary.bytes),
            "thinned_steps": self.of_all(|summary| summary.thinned_steps),
            "waited_for_disk_seconds": self.of_all(|summary| summary.waited).map(|waited| waited.as_secs_f64()),
        });
        say!("{line}");
    }

    fn print_text(&self, ended: &Ended) {
        let last = self.trainer.position();
        match (ended, &self.branch) {
            (Ended::Reached, Some(branch)) if self.was_done => say!(
                "branch {} is at step {} already: nothing to train (ask for more --steps or --epochs)",
                branch.name,
                count(last.0)
            ),
            _ => say!(
                "{} {}, {} in {} ({} images/s)",
                if *ended == Ended::Stopped { "stopped after" } else { "trained" },
                counted(self.steps, "step"),
                counted(self.images, "image"),
                duration(self.seconds),
                count((self.images as f64 / self.seconds.max(1e-9)) as u64),
            ),
        }
        if let Some(result) = &self.validation {
            // Rows are a function of the step: a run that ends within an epoch
            // adds none.
            let outside = if self.summary.is_some() && !self.is_recorded() { "; not recorded" } else { "" };
            let images = counted(result.images.into(), "image");
            let rest = match (result.accuracy(), result.correct) {
                (Some(share), Some(correct)) => {
                    format!(", accuracy {} ({} of {images}{outside})", percent(share), count(correct.into()))
                }
                _ => format!(" ({images}{outside})"),
            };
            say!("step {}: validation loss {}{rest}", count(last.0), loss(Some(result.loss)));
        }
        let (Some(summary), Some(branch)) = (self.summary, &self.branch) else {
            say!("nothing was recorded (--no-record)");
            return;
        };
        let what = match branch.recording.fidelity {
            Fidelity::Keyframes => "every step's scalars, and keyframes that give its tensors back,",
            Fidelity::Every => "every step",
        };
        let written = self.of_all(|summary| summary.bytes).unwrap_or_default();
        let mut recorded = format!("recorded {what} in {}: {}", printable(&self.place.store.display()), bytes(written));
        if !self.left.is_empty() {
            let parts = self.left.iter().map(|(name, summary)| (name, summary)).chain([(&branch.name, &summary)]);
            let parts: Vec<String> = parts.map(|(name, summary)| format!("{name} {}", bytes(summary.bytes))).collect();
            recorded += &format!(" ({})", parts.join(", "));
        }
        say!("{recorded}");
        let thinned = self.of_all(|summary| summary.thinned_steps).unwrap_or_default();
        if thinned > 0 {
            say!(
                "{} of the oldest steps are thinned to keyframes: their tensors are recomputed exactly on demand",
                count(thinned)
            );
        }
        if !matches!(ended, Ended::Diverged(_)) {
            say!("\n{}", next(&self.advice(branch), &self.place));
        }
    }

    /// What to look at and to try after a run that did not diverge.
    fn advice(&self, branch: &BranchRecord) -> Vec<Advice> {
        let topology = self.trainer.topology();
        let at = |position| Address { branch: branch.name.clone(), position };
        // Half-way along the branch's own steps: before them, it is its parent.
        let (first, last) = (branch.first_step().0, self.trainer.position().0);
        let middle = at(Position::Step(Step(first + last.saturating_sub(first) / 2)));
        let layer = topology.parameter_layers().next().map(|layer| layer.layer.clone());
        let mut advice = vec![Advice::ListBranches, Advice::Show { at: middle.clone(), layer }];
        // A layer that reads several has no filters of its own.
        let blocks: Vec<_> = topology.blocks().filter(|layer| layer.coefficients.is_some()).collect();
        let edits = blocks.iter().rev().skip(1).map(|layer| format!("add-filter {}", layer.layer));
        // What reads a layer may not take one filter more.
        let is_possible = |edit: &String| edit.parse().is_ok_and(|edit| self.trainer.edited(&[edit]).is_ok());
        if let Some(edit) = edits.into_iter().find(is_possible) {
            advice.push(Advice::Fork { at: middle, edits: vec![edit], more: Some(500) });
        }
        // The best of the validations that are recorded: where training is in
        // none of them yet, that is what it began with.
        let has_best = self.validated.iter().any(|step| *step > branch.first_step());
        advice.push(Advice::Evaluate { at: at(if has_best { Position::Best } else { Position::Last }) });
        advice
    }

    pub(super) fn divergence(&self, diverged: &Diverged) -> Failure {
        let what = diverged.value.as_ref().map_or_else(String::new, ToString::to_string);
        let try_next = match (&self.summary, &self.branch) {
            (Some(_), Some(branch)) => try_next(&branch.name, diverged, &self.place),
            _ => "train again with a smaller --learning-rate".to_owned(),
        };
        Failure::Diverged(format!("training diverged: {what} is not finite at step {}; {try_next}", diverged.step))
    }
}
