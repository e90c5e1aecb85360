//! `revacnn delete`: deleting a branch, or taking it back.

use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{Advice, BranchName, Place};
use revacnn_store::{Store, StoreError};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::say;

/// Delete a branch, or take a deleted one back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn delete wider\n  revacnn delete wider --undo\n  \
                        revacnn delete wider --undo --name wider-before")]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch; it must have no children.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// Take the deleted branch back, if `revacnn gc` has not freed it.
    #[arg(long)]
    undo: bool,
    /// The name that the branch taken back gets [default: the one that it had].
    #[arg(long, value_name = "NAME", requires = "undo")]
    name: Option<BranchName>,
}

impl Run for DeleteArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let name = &self.branch;
        let record = if self.undo {
            store
                .take_back_as(name, self.name.as_ref().unwrap_or(name))
                .map_err(|error| other_name(&store, name, error))?
        } else {
            store.delete(name)?
        };
        if json {
            say!("{}", json!({ "branch": record.name, "deleted": !self.undo }));
        } else if self.undo && record.name != *name {
            say!("{name} is back as {}", record.name);
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

/// A refusal, with a name that is free where that was the reason.
fn other_name(store: &Store, branch: &BranchName, error: StoreError) -> Failure {
    let free = match &error {
        StoreError::NameTaken { name, .. } => store.unused_name(name).ok(),
        _ => None,
    };
    let advice = free.map(|name| Advice::TakeBackAs { branch: branch.clone(), name });
    Failure::from(error).advised(advice.into_iter().collect())
}
