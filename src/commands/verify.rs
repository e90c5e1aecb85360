//! `revacnn verify`: a recorded run is executed again and compared.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use revacnn_recorder::{VerifyPlan, all_cores, find_data, verify};
use revacnn_schemas::{BranchName, Place};
use revacnn_store::{Lineage, StepSpan, Store};
use serde_json::json;

use super::{Run, asked_span, bar};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, threads, whole};
use crate::output;
use crate::text::{self, count, duration};

/// Execute a branch again and compare every step with the log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn verify main
  revacnn verify wider --from 1000 --to 2000 --tensors")]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// First step, also an inherited one [default: the branch's first].
    #[arg(long, value_name = "STEP", value_parser = whole::<u64>)]
    from: Option<u64>,
    /// Last step [default: the newest].
    #[arg(long, value_name = "STEP", value_parser = whole::<u64>)]
    to: Option<u64>,
    /// Compare every stored tensor as well, bit by bit.
    #[arg(long)]
    tensors: bool,
    /// Threads, each on spans between keyframes of its own [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<u16>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for VerifyArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let lineage = Lineage::open(&store, &self.branch)?;
        let record = lineage.branch();
        let dataset = find_data(&store, record, self.data.folder().as_deref())?;
        let all = lineage.own().steps().unwrap_or(StepSpan::of(record.first_step()));
        let span = asked_span(self.from, self.to, all)?;
        let asked = (self.from.is_some() || self.to.is_some()).then_some(span);
        let plan = VerifyPlan {
            span: asked,
            threads: self.threads.map_or_else(all_cores, usize::from),
            tensors: self.tensors,
        };
        let progress = bar(span.steps(), json);
        let started = Instant::now();
        let verified = verify(&store, &lineage, plan, &dataset, &|steps| progress.inc(steps));
        progress.finish_and_clear();
        let verified = verified?;
        let seconds = started.elapsed().as_secs_f64();
        let trained: f64 = lineage.step_rows(span)?.iter().map(|row| row.elapsed_nanos as f64 * 1e-9).sum();
        let mut out = output::out();
        if json {
            let line = json!({
                "branch": self.branch,
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
            self.branch,
            text::span(span),
            count(verified.digests),
            count(verified.state_digests),
        )?;
        if verified.origin {
            let origin =
                if lineage.branch().parent.is_some() { "from its parent by its edits" } else { "from its seed" };
            writeln!(out, "its first step follows {origin}")?;
        }
        if self.tensors {
            writeln!(out, "the tensors of {} steps were compared, bit by bit", count(verified.tensors))?;
        }
        writeln!(out, "executed again in {}; training them took {}", duration(seconds), duration(trained))?;
        Ok(ExitCode::SUCCESS)
    }
}
