//! `fork`: a branch from any recorded step.

use std::ffi::OsString;

use clap::Args;
use revacnn_schemas::{Address, BranchName, Fidelity};

use super::UntilOptions;

/// From where a branch is forked, with which edits, and how far it is trained.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Fork {
    /// The step to fork at, such as main@1000.
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// The new branch's name [default: the parent's, numbered, such as main~2].
    #[arg(value_name = "NAME", conflicts_with = "name")]
    pub(crate) new: Option<BranchName>,
    /// The same as NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<BranchName>,
    /// What to change; may be given several times. Without any, the fork is a twin.
    #[arg(long, value_name = "EDIT")]
    pub edit: Vec<OsString>,
    /// How far it is trained on, if at all.
    #[command(flatten)]
    pub until: UntilOptions,
    /// What is written each step [default: as the parent].
    #[arg(long, value_name = "FIDELITY")]
    pub fidelity: Option<Fidelity>,
}

impl Fork {
    /// The same from another branch, under another name.
    pub fn of(&self, branch: BranchName, name: BranchName) -> Self {
        let address = Address { branch, position: self.address.position };
        Self { address, new: Some(name), name: None, ..self.clone() }
    }

    /// The new branch's name, where one was given.
    pub fn name(&self) -> Option<&BranchName> {
        self.new.as_ref().or(self.name.as_ref())
    }
}
