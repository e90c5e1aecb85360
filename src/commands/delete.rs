//! `revacnn delete`: deleting a branch, or taking it back.

use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{Advice, BranchName, Place};
use revacnn_store::Store;
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::say;

/// Delete a branch, or take a deleted one back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn delete wider\n  revacnn delete wider --undo")]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch; it must have no children.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// Take the deleted branch back, if `revacnn gc` has not freed it.
    #[arg(long)]
    undo: bool,
}

impl Run for DeleteArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let name = &self.branch;
        if self.undo {
            store.take_back(name)?;
        } else {
            store.delete(name)?;
        }
        if json {
            say!("{}", json!({ "branch": name, "deleted": !self.undo }));
        } else if self.undo {
            say!("{name} is back");
        } else {
            let place = self.place();
            say!(
                "{name} is deleted; `{}` takes it back, `{}` frees its space",
                Advice::TakeBack { branch: name.clone() }.command(&place),
                Advice::Free { unasked: false }.command(&place),
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
