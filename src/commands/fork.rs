//! `revacnn fork`: a branch from any recorded step, with edits.

use std::process::ExitCode;

use revacnn_recorder::{Fork, ForkPlan, find_data, fork};
use revacnn_schemas::{Advice, Step};
use revacnn_store::{RecorderOptions, Store, branch_bytes, unix_seconds};
use serde_json::json;

use super::resume::until;
use super::train::disk_budget;
use super::{edits, history, remember, threads};
use crate::arguments::ForkArguments;
use crate::error::Failure;
use crate::interrupt;
use crate::output::say;
use crate::run::{Engine, Run, effect_text, effects_json, warn_of_budget};
use crate::text::{bytes, count, duration, next};

pub(crate) fn run(arguments: &ForkArguments) -> Result<ExitCode, Failure> {
    let edits = edits(&arguments.edit)?;
    let store = Store::open(&arguments.store.store)?;
    let lineage = history(&store, &arguments.address.branch)?;
    let step = lineage.resolve(arguments.address.position)?;
    let record = lineage.holder(step)?.branch().clone();
    let dataset = find_data(&store, &record, arguments.data.folder().as_deref())?;
    let mut recording = record.recording.clone();
    recording.fidelity = arguments.fidelity.unwrap_or(recording.fidelity);
    let trains_on = arguments.steps.is_some() || arguments.epochs.is_some();
    let budget = disk_budget(arguments.how.disk_budget, &arguments.store.store);
    let plan = ForkPlan {
        name: arguments.name.clone(),
        edits,
        recording: Some(recording),
        stays: !trains_on,
        threads: threads(arguments.how.threads),
        options: RecorderOptions { disk_budget: budget, ..RecorderOptions::default() },
        created_unix_seconds: unix_seconds(),
    };
    interrupt::listen();
    let fork = fork(&store, lineage, step, plan, dataset)?;
    remember(&store, &record, arguments.data.data.as_deref())?;
    tell(arguments, &fork, step);
    let place = arguments.store.place(Some(&arguments.data));
    let session = fork.session;
    if !trains_on {
        let name = session.record().name.clone();
        session.finish()?;
        if !arguments.json {
            say!("\n{}", next(&[Advice::Resume { branch: name, more: Some(1000) }], &place));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let until = until(&session, arguments.steps, arguments.epochs)?;
    warn_of_budget(session.record(), budget, until);
    store.set_target(session.record(), until)?;
    Run::new(place, arguments.json, Engine::recorded(session)?, until).go()
}

fn tell(arguments: &ForkArguments, fork: &Fork, step: Step) {
    let record = fork.session.record();
    let written = branch_bytes(&arguments.store.store, &record.id);
    if arguments.json {
        let line = json!({
            "event": "forked",
            "from": arguments.address.branch,
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
    say!("forked {} at step {} into {}", arguments.address.branch, count(step.0), record.name);
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
