//! Histories, and how far they go: what a curve of one depends on.

use revacnn_schemas::{BranchId, BranchName, Step};
use revacnn_store::StepSpan;

use crate::{NotebookError, Sources};

/// A branch with its past, until its last step or an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct History {
    /// The branch.
    pub id: BranchId,
    /// The step that it ends at here; `None` for the last one that there is.
    pub until: Option<Step>,
}

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
        let id = |record: &revacnn_schemas::BranchRecord| record.id.clone();
        let mut branches: Vec<_> =
            lineage.readers().iter().map(|reader| (id(reader.branch()), reader.steps())).collect();
        branches[0].1 = lineage.own_steps();
        let missing = lineage.gaps()?.into_iter().map(|gap| gap.span).collect();
        Ok(Extent { branches, missing })
    }
}
