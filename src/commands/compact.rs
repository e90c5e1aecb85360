//! `revacnn compact`: leaving a branch its keyframes alone.

use std::process::ExitCode;

use clap::Args;
use revacnn_recorder::{compact, find_data};
use revacnn_schemas::{Address, Advice, BranchName, Fidelity, Place, Position};
use revacnn_store::{BranchReader, Lineage, Store, branch_bytes, cores};
use serde_json::json;

use super::{Run, bar, refuse_unfinished};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, threads};
use crate::output::say;
use crate::text::{bytes, counted};

/// Leave a branch its keyframes alone, after verifying it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn compact main --fidelity keyframes")]
pub(crate) struct CompactArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// What is left: `keyframes`; `materialise` goes the other way.
    #[arg(long, value_name = "FIDELITY", default_value_t = Fidelity::Keyframes)]
    fidelity: Fidelity,
    /// Threads of verifying [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<u16>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for CompactArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let name = &self.branch;
        if self.fidelity == Fidelity::Every {
            let reason = "compact leaves keyframes alone; materialise stores every step's tensors".to_owned();
            return Err(Failure::Usage(reason).advised(vec![Advice::Materialise { branch: name.clone(), steps: None }]));
        }
        let store = Store::open(&self.store.store)?;
        let record = store.branch(name)?;
        refuse_unfinished(&Lineage::of(&store, &record)?, &Address { branch: name.clone(), position: Position::Last })?;
        let dataset = find_data(&store, &record, self.data.folder().as_deref())?;
        let steps = BranchReader::of(&store, record.clone())?.steps().map_or(0, |span| span.steps());
        let progress = bar(steps, json);
        let result = compact(&store, &record, &dataset, self.threads.map_or_else(cores, usize::from), &|steps| {
            progress.inc(steps)
        });
        progress.finish_and_clear();
        let freed = result?;
        let left = branch_bytes(&self.store.store, &record.id);
        if json {
            say!("{}", json!({ "branch": name, "steps": steps, "bytes_freed": freed, "bytes_left": left }));
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "{name}: {} verified, {} freed, {} left; tensors are recomputed exactly on demand",
            counted(steps, "step"),
            bytes(freed),
            bytes(left),
        );
        Ok(ExitCode::SUCCESS)
    }
}
