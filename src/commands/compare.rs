//! `revacnn compare`: two branches or steps in one figure.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Compare;
use revacnn_notebook::{Inputs, Sources};
use revacnn_recorder::usual_threads;
use revacnn_schemas::Place;
use revacnn_store::Lineage;

use super::figure::{check_ending, finish, warn_of_gaps};
use super::{Run, refuse_unfinished};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

/// Lay two branches or steps side by side in one figure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn compare main@0 main@100
  revacnn compare main wider --at epoch:1 -o compare.svg")]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    compare: Compare,
    #[command(flatten)]
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for CompareArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.output.as_deref().map(check_ending).transpose()?;
        let mut sources = Sources::open(&self.store.store, self.data.folder(), usual_threads())?;
        let at = self.compare.at()?;
        for address in &at {
            refuse_unfinished(&Lineage::open(sources.store(), &address.branch)?, address)?;
        }
        warn_of_gaps(&sources, &at)?;
        let figure = self.compare.cell()?.figure(&mut sources, &Inputs::default())?;
        finish(&figure, self.output.as_deref(), json)
    }
}
