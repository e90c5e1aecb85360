//! `revacnn rename`: giving a branch another name.

use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{BranchName, Place};
use revacnn_store::Store;
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::say;

/// Give a branch another name.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn rename main~2 wider")]
pub(crate) struct RenameArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// Its new name.
    #[arg(value_name = "NAME")]
    to: BranchName,
}

impl Run for RenameArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let record = store.rename(&self.branch, &self.to)?;
        if json {
            say!("{}", json!({ "branch": record.name, "id": record.id, "was": self.branch }));
        } else {
            say!("{} is called {} now", self.branch, record.name);
        }
        Ok(ExitCode::SUCCESS)
    }
}
