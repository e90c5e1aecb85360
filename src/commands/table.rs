//! `revacnn table`: branches as rows, their settings beside their results.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Table;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{FromTo, in_store, warn_of_gaps, whole};
use crate::error::Failure;

/// Lay branches out as rows: the settings in which they differ, beside their results.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn table main wider
  revacnn table 'base.*' 'wider.*' --json

The settings are the newest ones of each branch; what all have alike is said once, below.")]
pub(crate) struct TableArguments {
    #[command(flatten)]
    table: Table,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for TableArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.table.check()?;
        let mut sources = self.from_to.sources()?;
        let (cell, inputs) = in_store(sources.store(), |lookup| self.table.cell(lookup))?;
        warn_of_gaps(&sources, &whole(&inputs.branches))?;
        self.from_to.show(&mut sources, &cell, &inputs, json)
    }
}
