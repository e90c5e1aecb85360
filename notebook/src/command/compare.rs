//! `compare` and `diff`: two branches or steps.

use clap::Args;
use revacnn_schemas::{Address, SchemaError};

use crate::{Cell, Matching, kinds};

/// How filters of two steps are matched.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct MatchingOption {
    /// How filters are matched: by identity, which a run shares with its forks;
    /// or by assignment, for separate runs: layer by layer, the filters of one
    /// with those of the other, so that their squared distances have the least
    /// sum. That says which are alike, not that they are one.
    #[arg(long = "match", value_name = "HOW", default_value = "identity")]
    pub how: Matching,
}

/// Two branches or steps in one figure.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Compare {
    /// One branch or step.
    #[arg(value_name = "A")]
    pub(super) left: Address,
    /// The other one.
    #[arg(value_name = "B")]
    pub(super) right: Address,
    /// The step of both: a number, epoch:N, last, best or fork.
    #[arg(long, value_name = "STEP")]
    pub(super) at: Option<String>,
    #[command(flatten)]
    pub(super) matching: MatchingOption,
}

impl Compare {
    /// The two steps.
    ///
    /// # Errors
    /// Where `--at` is no place within a branch.
    pub fn at(&self) -> Result<Vec<Address>, SchemaError> {
        let of = |address: &Address| match &self.at {
            Some(step) => format!("{}@{step}", address.branch).parse(),
            None => Ok(address.clone()),
        };
        [&self.left, &self.right].into_iter().map(of).collect()
    }

    /// The cell that makes the figure.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn cell(&self) -> Result<Cell, SchemaError> {
        Ok(Cell::from(kinds::Compare { at: self.at()?, matching: self.matching.how }))
    }
}

/// What differs between two steps.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Diff {
    /// One step, such as main@1000.
    #[arg(value_name = "A")]
    pub left: Address,
    /// The other one.
    #[arg(value_name = "B")]
    pub right: Address,
    /// How their filters are matched.
    #[command(flatten)]
    pub matching: MatchingOption,
}

impl Diff {
    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        kinds::Differences { at: [self.left.clone(), self.right.clone()], matching: self.matching.how }.into()
    }
}
