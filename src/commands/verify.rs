//! `revacnn verify`: a recorded run is executed again and compared.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use revacnn_notebook::command::values::whole;
use revacnn_recorder::{VerifyPlan, find_data, verify};
use revacnn_schemas::{BranchName, CHECKSUMS_SINCE, Place};
use revacnn_store::{Lineage, NOT_COVERED, StepSpan, Store, cores};
use serde_json::json;

use super::{Run, asked_span, bar};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, threads};
use crate::output;
use crate::text::{self, count, counted, duration};

/// Execute a branch again and compare every step with the log.
#[derive(Debug, Args)]
#[command(
    long_about = about(),
    after_help = "Examples:
  revacnn verify main
  revacnn verify main --quick
  revacnn verify wider --from 1000 --to 2000"
)]
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
    /// Compare digests and checksums alone, and not every column.
    #[arg(long)]
    quick: bool,
    /// Threads, each on spans between keyframes of its own [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<u16>,
    #[command(flatten)]
    data: DataOption,
}

fn about() -> String {
    format!(
        "Execute a branch again and compare every step with the log.\n\nAll pages' checksums are checked, and then every \
         column of every table is computed again and compared, bit by bit; tensors where they are stored. Not covered, \
         for they do not follow from the run: {}.",
        not_covered()
    )
}

/// What is not compared: `steps (elapsed_nanos, wall_time), …`.
fn not_covered() -> String {
    let tables = NOT_COVERED.iter().map(|(table, columns)| format!("{table} ({})", columns.join(", ")));
    tables.collect::<Vec<_>>().join(", ")
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
        let plan = VerifyPlan { span: asked, threads: self.threads.map_or_else(cores, usize::from), quick: self.quick };
        let progress = bar(span.steps(), json);
        let started = Instant::now();
        let verified = verify(&store, &lineage, plan, &dataset, &|steps| progress.inc(steps));
        progress.finish_and_clear();
        let verified = verified?;
        let seconds = started.elapsed().as_secs_f64();
        let trained: f64 = lineage.step_rows(span)?.iter().map(|row| row.elapsed_nanos as f64 * 1e-9).sum();
        let mut out = output::out();
        if json {
            let not_covered: serde_json::Map<_, _> =
                NOT_COVERED.iter().map(|(table, columns)| (table.to_string(), json!(columns))).collect();
            let line = json!({
                "branch": self.branch,
                "from": span.first,
                "to": span.last,
                "digests": verified.digests,
                "state_digests": verified.state_digests,
                "rows": verified.rows,
                "tensors": verified.tensors,
                "files": verified.files,
                "checksums": verified.checksums,
                "not_covered": not_covered,
                "origin": verified.origin,
                "seconds": seconds,
                "training_seconds": trained,
            });
            writeln!(out, "{line}")?;
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(
            out,
            "{} {} {} what they say: {} of parameters and {} of whole states {} equal",
            self.branch,
            if span.steps() == 1 {
                format!("step {}", count(span.first.0))
            } else {
                format!("steps {}", text::span(span))
            },
            if span.steps() == 1 { "is" } else { "are" },
            counted(verified.digests, "digest"),
            count(verified.state_digests),
            if verified.digests + verified.state_digests == 1 { "is" } else { "are" },
        )?;
        if verified.origin {
            let branch = lineage.branch();
            let init = branch.definition().and_then(|definition| definition.init.as_ref());
            let origin = match init {
                _ if branch.parent.is_some() => "from its parent by its edits".to_owned(),
                Some(init) => format!("from its seed and the arrays {:.12}", init.arrays.digest()),
                None => "from its seed".to_owned(),
            };
            writeln!(out, "its first step follows {origin}")?;
        }
        let of = counted(verified.files, "file");
        if verified.checksums {
            writeln!(out, "the checksums of {of} are right")?;
        } else {
            writeln!(
                out,
                "the lengths of pages in {of} are right; branches of format {} and older are without checksums",
                CHECKSUMS_SINCE - 1
            )?;
        }
        if !self.quick {
            writeln!(
                out,
                "every column of {} was compared, bit by bit, with the tensors of {}",
                counted(verified.rows, "step"),
                count(verified.tensors),
            )?;
            writeln!(out, "not covered: {}", not_covered())?;
        }
        writeln!(out, "executed again in {}; training them took {}", duration(seconds), duration(trained))?;
        Ok(ExitCode::SUCCESS)
    }
}
