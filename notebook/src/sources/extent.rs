//! How far histories go: what a curve of one depends on.

use revacnn_schemas::{BranchId, BranchName};
use revacnn_store::StepSpan;

use crate::{NotebookError, Sources};

/// How far a history goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The branch and its ancestors, each with its steps.
    pub branches: Vec<(BranchId, Option<StepSpan>)>,
    /// Steps that are missing from it.
    pub missing: Vec<StepSpan>,
}

impl Sources {
    /// How far a branch's history goes.
    pub(crate) fn extent(&mut self, name: &BranchName) -> Result<Extent, NotebookError> {
        let lineage = self.lineage(name)?;
        let branches = lineage.readers().iter().map(|reader| (reader.branch().id.clone(), reader.steps())).collect();
        let missing = lineage.gaps()?.into_iter().map(|gap| gap.span).collect();
        Ok(Extent { branches, missing })
    }
}
