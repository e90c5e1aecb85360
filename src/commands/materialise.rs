//! `revacnn materialise`: writing out tensors that only follow from keyframes.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::values::whole;
use revacnn_recorder::{find_data, materialise};
use revacnn_schemas::{BranchName, Place};
use revacnn_store::{BranchReader, StepSpan, Store};
use serde_json::json;

use super::{Run, asked_span, bar};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, ThreadsOption};
use crate::output::say;
use crate::text::{self, bytes, counted};

/// Write out tensors that only follow from keyframes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn materialise main --from 1000 --to 1511")]
pub(crate) struct MaterialiseArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// First step [default: the branch's first]; whole segments are written.
    #[arg(long, value_name = "STEP", value_parser = whole::<u64>)]
    from: Option<u64>,
    /// Last step [default: the newest].
    #[arg(long, value_name = "STEP", value_parser = whole::<u64>)]
    to: Option<u64>,
    #[command(flatten)]
    threads: ThreadsOption,
    #[command(flatten)]
    data: DataOption,
}

impl Run for MaterialiseArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let record = store.branch(&self.branch)?;
        let dataset = find_data(&store, &record, self.data.folder().as_deref())?;
        let own = BranchReader::of(&store, record.clone())?.steps().unwrap_or(StepSpan::of(record.first_step()));
        let span = asked_span(self.from, self.to, own)?;
        let progress = bar(span.steps(), json);
        let result = materialise(&store, &record, span, dataset, self.threads.number(), &mut |segment| {
            progress.inc(segment.steps());
        });
        progress.finish_and_clear();
        let (stored, written) = result?;
        if json {
            let line = json!({ "branch": self.branch, "from": stored.first, "to": stored.last, "bytes": written });
            say!("{line}");
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "the tensors of {} ({}) of {} are stored, in whole segments: {} written",
            counted(stored.steps(), "step"),
            text::span(stored),
            self.branch,
            bytes(written)
        );
        Ok(ExitCode::SUCCESS)
    }
}
