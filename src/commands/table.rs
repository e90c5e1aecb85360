//! `revacnn table`: branches as rows, their settings beside their results.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::Sources;
use revacnn_notebook::command::Table;
use revacnn_recorder::usual_threads;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{check_ending, finish, in_store, warn_of_gaps, whole};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

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
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for TableArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.table.check()?;
        self.output.as_deref().map(check_ending).transpose()?;
        let mut sources = Sources::open(&self.store.store, self.data.folder(), usual_threads())?;
        let (cell, inputs) = in_store(sources.store(), |lookup| self.table.cell(lookup))?;
        warn_of_gaps(&sources, &whole(&inputs.branches))?;
        finish(&cell.figure(&mut sources, &inputs)?, self.output.as_deref(), json)
    }
}
