//! `revacnn fork`: a branch from any recorded step, with edits.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command;
use revacnn_recorder::{Fork, ForkPlan, Preview, PreviewImages, Run as Training, fork, preview};
use revacnn_schemas::{Advice, Place, Step};
use revacnn_store::{Store, branch_bytes};
use revacnn_trainer::data::Split;
use serde_json::json;

use super::{Run, edits, history, step_of};
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions, with_edits};
use crate::output::say;
use crate::run::{effect_text, effects_json, go, refused, warn_of_budget, warn_of_note};
use crate::text::{bytes, count, counted, duration, loss, next, percent};

/// Fork a branch at any step, with edits, and train on if asked.
#[derive(Debug, Args)]
#[command(after_help = with_edits("Examples:
  revacnn fork main@1000 wider --edit 'add-filter conv3 init=split' --steps +1000
  revacnn fork main@epoch:1 slower --edit 'freeze conv1' --edit 'set learning-rate 0.1'
  revacnn fork main@best twin
  revacnn fork main@last grown --edit 'add-filter conv3 init=gradmax' --dry-run"))]
pub(crate) struct ForkArguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    fork: command::Fork,
    /// Tell what would come of it, with loss and accuracy on the validation images before and after
    /// the edits, and make nothing.
    #[arg(long, conflicts_with_all = ["new", "name", "steps", "epochs", "fidelity", "disk_budget"])]
    dry_run: bool,
    #[command(flatten)]
    training: TrainingOptions,
    #[command(flatten)]
    data: DataOption,
}

impl Run for ForkArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let edits = edits(&self.fork.edit)?;
        let store = Store::open(&self.store.store)?;
        let lineage = history(&store, &self.fork.address.branch)?;
        let step = step_of(&lineage, self.fork.address.position)?;
        let resources = self.training.resources(&self.store, &self.data);
        if self.dry_run {
            let images = PreviewImages::Split(Split::Validation);
            let preview = preview(&store, lineage, step, &edits, images, &resources);
            let preview = preview.map_err(|error| refused(error, &self.place()))?;
            self.tell_preview(&preview, step, json);
            return Ok(ExitCode::SUCCESS);
        }
        let plan = ForkPlan {
            name: self.fork.name().cloned(),
            edits,
            fidelity: self.fork.fidelity,
            stays: !self.fork.until.is_asked(),
        };
        interrupt::listen();
        let fork = fork(&store, lineage, step, plan, &resources).map_err(|error| refused(error, &self.place()))?;
        self.tell(&fork, step, json);
        warn_of_note(fork.data_not_noted.as_ref());
        if !self.fork.until.is_asked() {
            let name = fork.session.record().name.clone();
            fork.session.finish()?;
            if !json {
                say!("\n{}", next(&[Advice::Resume { branch: name, more: Some(1000) }], &self.place()));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let run = Training::recorded(fork.session)?;
        let until = run.step_of(self.fork.until.goal())?;
        warn_of_budget(&run, resources.recorder.disk_budget, until);
        go(run, until, self.place(), json)
    }
}

impl ForkArguments {
    /// Says what would come of it.
    fn tell_preview(&self, preview: &Preview, step: Step, json: bool) {
        let Preview { before, after, effects, topology, .. } = preview;
        let finite = |loss: f32| Some(loss).filter(|loss| loss.is_finite());
        if json {
            let line = json!({
                "event": "preview",
                "from": self.fork.address.branch,
                "step": step,
                "effects": effects_json(effects),
                "parameters": topology.parameters(),
                "validation_loss_before": finite(before.loss),
                "validation_accuracy_before": before.accuracy(),
                "validation_loss_after": finite(after.loss),
                "validation_accuracy_after": after.accuracy(),
            });
            say!("{line}");
            return;
        }
        say!(
            "a fork of {} at step {} would have {}",
            self.fork.address.branch,
            count(step.0),
            counted(topology.parameters() as u64, "parameter")
        );
        for effect in effects {
            say!("  {}", effect_text(effect));
        }
        say!(
            "validation loss {} → {}{}; nothing was made",
            loss(Some(before.loss)),
            loss(Some(after.loss)),
            before.accuracy().zip(after.accuracy()).map_or_else(String::new, |(before, after)| {
                format!(", accuracy {} → {}", percent(before), percent(after))
            }),
        );
    }

    /// Says what came of it.
    fn tell(&self, fork: &Fork, step: Step, json: bool) {
        let record = fork.session.record();
        let written = branch_bytes(&self.store.store, &record.id);
        if json {
            let line = json!({
                "event": "forked",
                "from": self.fork.address.branch,
                "to": record.name,
                "id": record.id,
                "step": step,
                "edits": record.edits.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "effects": effects_json(&fork.effects),
                "recomputed": fork.recomputed,
                "bringing_forward_seconds": fork.bringing_forward.as_secs_f64(),
                "forking_seconds": fork.forking.as_secs_f64(),
                "whole_seconds": fork.whole.as_secs_f64(),
                "parts_seconds": {
                    "editing": fork.parts.editing.as_secs_f64(),
                    "creating": fork.parts.creating.as_secs_f64(),
                    "validating": fork.parts.validating.as_secs_f64(),
                    "committing": fork.parts.committing.as_secs_f64(),
                },
                "bytes": written,
            });
            say!("{line}");
            return;
        }
        say!("forked {} at step {} into {}", self.fork.address.branch, count(step.0), record.name);
        for effect in &fork.effects {
            say!("  {}", effect_text(effect));
        }
        say!(
            "{} brought forward from a keyframe in {}, forked in {}, validated in {}; {} written",
            counted(fork.recomputed, "step"),
            duration(fork.bringing_forward.as_secs_f64()),
            duration(fork.forking.as_secs_f64()),
            duration(fork.parts.validating.as_secs_f64()),
            bytes(written),
        );
    }
}
