//! `revacnn compact`: leaving a branch its keyframes alone.

use std::process::ExitCode;

use revacnn_recorder::{compact, find_data};
use revacnn_schemas::{Advice, Fidelity};
use revacnn_store::{BranchReader, Store, branch_bytes};

use super::{bar, threads};
use crate::arguments::CompactArguments;
use crate::error::Failure;
use crate::output::say;
use crate::text::{bytes, count};

pub(crate) fn run(arguments: &CompactArguments) -> Result<ExitCode, Failure> {
    let name = &arguments.branch;
    if arguments.fidelity == Fidelity::Every {
        let reason = "compact leaves keyframes alone; materialise stores every step's tensors".to_owned();
        return Err(Failure::Usage(reason).advised(vec![Advice::Materialise { branch: name.clone(), steps: None }]));
    }
    let store = Store::open(&arguments.store.store)?;
    let record = store.branch(name)?;
    let dataset = find_data(&store, &record, arguments.data.folder().as_deref())?;
    let steps = BranchReader::of(&store, record.clone())?.steps().map_or(0, |span| span.steps());
    let progress = bar(steps, false);
    let result = compact(&store, &record, &dataset, threads(arguments.threads), &|steps| progress.inc(steps));
    progress.finish_and_clear();
    let freed = result?;
    say!(
        "{name}: {} steps verified, {} freed, {} left; tensors are recomputed exactly on demand",
        count(steps),
        bytes(freed),
        bytes(branch_bytes(&arguments.store.store, &record.id)),
    );
    Ok(ExitCode::SUCCESS)
}
