//! How far a branch is meant to be trained: a note beside it, no part of it.

use revacnn_schemas::{BranchRecord, FORMAT_VERSION, Step};
use serde::{Deserialize, Serialize};

use crate::{RecorderError, Store, json};

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
    /// [`RecorderError::Io`] where the branch's folder cannot be written.
    pub fn set_target(&self, branch: &BranchRecord, until: Step) -> Result<(), RecorderError> {
        let path = self.branch_folder(&branch.id).join(FILE);
        if self.target(branch) == Some(until) {
            return Ok(());
        }
        json::write(self.disk(), &path, &Target { format_version: FORMAT_VERSION, until })
    }

    /// The step that a branch is to be trained to; `None` where nothing (or
    /// nothing readable) is noted.
    pub fn target(&self, branch: &BranchRecord) -> Option<Step> {
        let path = self.branch_folder(&branch.id).join(FILE);
        json::read::<Target>(&path, "a branch's target").ok().map(|target| target.until)
    }
}
