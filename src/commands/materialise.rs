//! `revacnn materialise`: writing out tensors that only follow from keyframes.

use std::process::ExitCode;

use revacnn_recorder::{find_data, materialise};
use revacnn_store::{BranchReader, StepSpan, Store};

use super::{asked_span, bar, threads};
use crate::arguments::MaterialiseArguments;
use crate::error::Failure;
use crate::output::say;
use crate::text::{self, bytes, count};

pub(crate) fn run(arguments: &MaterialiseArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let record = store.branch(&arguments.branch)?;
    let dataset = find_data(&store, &record, arguments.data.folder().as_deref())?;
    let own = BranchReader::of(&store, record.clone())?.steps().unwrap_or(StepSpan::of(record.first_step()));
    let span = asked_span(arguments.from, arguments.to, own)?;
    let progress = bar(span.steps(), false);
    let result = materialise(&store, &record, span, dataset, threads(arguments.threads), &mut |segment| {
        progress.inc(segment.steps());
    });
    progress.finish_and_clear();
    let (stored, written) = result?;
    say!(
        "the tensors of {} steps ({}) of {} are stored, in whole segments: {} written",
        count(stored.steps()),
        text::span(stored),
        arguments.branch,
        bytes(written)
    );
    Ok(ExitCode::SUCCESS)
}
