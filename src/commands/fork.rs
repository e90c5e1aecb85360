//! `revacnn fork`: a branch from any recorded step, with edits.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use revacnn_recorder::{Fork, ForkPlan, find_data, fork};
use revacnn_schemas::{Address, Advice, BranchName, Fidelity, Place, Step};
use revacnn_store::{RecorderOptions, Store, branch_bytes, unix_seconds};
use serde_json::json;

use super::resume::until;
use super::train::disk_budget;
use super::{Run, edits, history, remember};
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions, UntilOptions, with_edits};
use crate::output::say;
use crate::run::{self, Engine, effect_text, effects_json, warn_of_budget};
use crate::text::{bytes, count, duration, next};

/// Fork a branch at any step, with edits, and train on if asked.
#[derive(Debug, Args)]
#[command(after_help = with_edits("Examples:
  revacnn fork main@1000 --name wider --edit 'add-filter conv3 init=split' --steps +1000
  revacnn fork main@epoch:1 --edit 'freeze conv1' --edit 'set learning-rate 0.1'
  revacnn fork main@best --name twin"))]
pub(crate) struct ForkArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The step to fork at, such as main@1000.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// The new branch's name [default: the parent's, numbered, such as main~2].
    #[arg(long, value_name = "NAME")]
    name: Option<BranchName>,
    /// What to change; may be given several times. Without any, the fork is a twin.
    #[arg(long, value_name = "EDIT")]
    edit: Vec<OsString>,
    #[command(flatten)]
    until: UntilOptions,
    /// What is written each step [default: as the parent].
    #[arg(long, value_name = "FIDELITY")]
    fidelity: Option<Fidelity>,
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
        let edits = edits(&self.edit)?;
        let store = Store::open(&self.store.store)?;
        let lineage = history(&store, &self.address.branch)?;
        let step = lineage.resolve(self.address.position)?;
        let record = lineage.holder(step)?.branch().clone();
        let dataset = find_data(&store, &record, self.data.folder().as_deref())?;
        let mut recording = record.recording.clone();
        recording.fidelity = self.fidelity.unwrap_or(recording.fidelity);
        let trains_on = self.until.is_asked();
        let budget = disk_budget(self.training.disk_budget, &self.store.store);
        let plan = ForkPlan {
            name: self.name.clone(),
            edits,
            recording: Some(recording),
            stays: !trains_on,
            threads: self.training.threads.number(),
            options: RecorderOptions { disk_budget: budget, ..RecorderOptions::default() },
            created_unix_seconds: unix_seconds(),
        };
        interrupt::listen();
        let fork = fork(&store, lineage, step, plan, dataset)?;
        remember(&store, &record, self.data.data.as_deref())?;
        self.tell(&fork, step, json);
        let place = self.place();
        let session = fork.session;
        if !trains_on {
            let name = session.record().name.clone();
            session.finish()?;
            if !json {
                say!("\n{}", next(&[Advice::Resume { branch: name, more: Some(1000) }], &place));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let until = until(&session, &self.until)?;
        warn_of_budget(session.record(), budget, until);
        store.set_target(session.record(), until)?;
        run::Run::new(place, json, Engine::recorded(session)?, until).go()
    }
}

impl ForkArguments {
    /// Says what came of it.
    fn tell(&self, fork: &Fork, step: Step, json: bool) {
        let record = fork.session.record();
        let written = branch_bytes(&self.store.store, &record.id);
        if json {
            let line = json!({
                "event": "forked",
                "from": self.address.branch,
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
        say!("forked {} at step {} into {}", self.address.branch, count(step.0), record.name);
        for effect in &fork.effects {
            say!("  {}", effect_text(effect));
        }
        say!(
            "{} steps brought forward from a keyframe in {}, forked in {}, validated in {}; {} written",
            count(fork.recomputed),
            duration(fork.bringing_forward.as_secs_f64()),
            duration(fork.forking.as_secs_f64()),
            duration(fork.parts.validating.as_secs_f64()),
            bytes(written),
        );
    }
}
