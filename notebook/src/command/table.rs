//! `table`: branches as rows.

use clap::Args;
use revacnn_schemas::{Address, BranchName, LayerName, Position};

use super::CommandError;
use super::branches::{BranchOf, Lookup, members_of, name_families, resolved, single};
use crate::kinds::Results;
use crate::{Cell, Inputs};

/// Branches as rows: the settings in which they differ, beside their results.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Table {
    /// The branches; `NAME.*` is the family of NAME.0, NAME.1 and so on, whose mean is said as
    /// well.
    #[arg(value_name = "BRANCH", required = true)]
    pub(super) of: Vec<BranchOf>,
    /// Tell of this layer's filters at the last step, instead of validations: how many are dead
    /// (a norm below 0.05), how many distinct ones the others amount to (the Vendi score), the
    /// mean cosine to the nearest other one, and, of the first layer, the colours of their energy.
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<LayerName>,
}

impl Table {
    /// Its branches; of a family it is none.
    pub fn at(&self) -> Vec<Address> {
        single(&self.of)
    }

    /// The families whose members are rows.
    pub fn families(&self) -> Vec<BranchName> {
        members_of(&self.of)
    }

    /// Has the bare names of families stand for their members, as they do in a notebook.
    pub fn name_families(&mut self, is_family: impl Fn(&BranchName) -> bool) {
        name_families(&mut self.of, is_family);
    }

    /// A row is of a whole branch: an address of one step is refused.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        match self.at().iter().find(|address| address.position != Position::Last) {
            Some(address) => Err(CommandError::Value(format!(
                "table has a row a branch: write `{}` instead of `{address}`",
                address.branch
            ))),
            None => Ok(()),
        }
    }

    /// The cell that makes the figure, and what it is given.
    ///
    /// # Errors
    /// Where a family has no member.
    pub fn cell(&self, lookup: Lookup<'_>) -> Result<(Cell, Inputs), CommandError> {
        let (branches, families) = resolved(&self.of, lookup, false)?;
        Ok((Results { families, layer: self.layer.clone() }.into(), Inputs { branches, ..Inputs::default() }))
    }
}
