//! How far a branch is meant to be trained: a note beside it, no part of it.

use revacnn_schemas::{BranchRecord, FORMAT_VERSION, Step};
use serde::{Deserialize, Serialize};

use crate::disk::json;
use crate::{Store, StoreError};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    format_version: u32,
    until: Step,
}

const FILE: &str = "target.json";

impl Store {
    /// Notes the step that a branch is to be trained to, so that it can be
    /// taken up after a crash without saying so again.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the branch's folder cannot be written.
    pub fn set_target(&self, branch: &BranchRecord, until: Step) -> Result<(), StoreError> {
        let path = self.branch_folder(&branch.id).join(FILE);
        if matches!(self.target(branch), Ok(Some(noted)) if noted == until) {
            return Ok(());
        }
        json::write(self.disk(), &path, &Target { format_version: FORMAT_VERSION, until })
    }

    /// The step that a branch is to be trained to; `None` where nothing is
    /// noted.
    ///
    /// # Errors
    /// [`StoreError::TargetUnreadable`].
    pub fn target(&self, branch: &BranchRecord) -> Result<Option<Step>, StoreError> {
        let path = self.branch_folder(&branch.id).join(FILE);
        match json::read::<Target>(&path, "the step to train to") {
            Ok(target) => Ok(Some(target.until)),
            Err(error) if error.is_missing_file() => Ok(None),
            Err(error) => Err(StoreError::TargetUnreadable { branch: branch.name.clone(), finding: error.finding() }),
        }
    }
}
