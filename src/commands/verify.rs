//! `revacnn verify`: a recorded run is executed again and compared.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use revacnn_recorder::{VerifyPlan, find_data, verify};
use revacnn_store::{Lineage, StepSpan, Store};
use serde_json::json;

use super::{asked_span, bar, threads};
use crate::arguments::VerifyArguments;
use crate::error::Failure;
use crate::text::{self, count, duration};

pub(crate) fn run(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let lineage = Lineage::open(&store, &arguments.branch)?;
    let record = lineage.branch();
    let dataset = find_data(&store, &record, arguments.data.folder().as_deref())?;
    let all = lineage.own().steps().unwrap_or(StepSpan::of(record.first_step()));
    let span = asked_span(arguments.from, arguments.to, all)?;
    let asked = (arguments.from.is_some() || arguments.to.is_some()).then_some(span);
    let plan = VerifyPlan { span: asked, threads: threads(arguments.threads), tensors: arguments.tensors };
    let progress = bar(span.steps(), arguments.json);
    let started = Instant::now();
    let verified = verify(&store, &lineage, plan, &dataset, &|steps| progress.inc(steps));
    progress.finish_and_clear();
    let verified = verified?;
    let seconds = started.elapsed().as_secs_f64();
    let trained: f64 = lineage.step_rows(span)?.iter().map(|row| row.elapsed_nanos as f64 * 1e-9).sum();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let line = json!({
            "branch": arguments.branch,
            "from": span.first,
            "to": span.last,
            "digests": verified.digests,
            "state_digests": verified.state_digests,
            "tensors": verified.tensors,
            "origin": verified.origin,
            "seconds": seconds,
            "training_seconds": trained,
        });
        writeln!(out, "{line}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} steps {} are what they say: {} digests of parameters and {} of whole states are equal",
        arguments.branch,
        text::span(span),
        count(verified.digests),
        count(verified.state_digests),
    )?;
    if verified.origin {
        let origin = if lineage.branch().parent.is_some() { "from its parent by its edits" } else { "from its seed" };
        writeln!(out, "its first step follows {origin}")?;
    }
    if arguments.tensors {
        writeln!(out, "the tensors of {} steps were compared, bit by bit", count(verified.tensors))?;
    }
    writeln!(out, "executed again in {}; training them took {}", duration(seconds), duration(trained))?;
    Ok(ExitCode::SUCCESS)
}
