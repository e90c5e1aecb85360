//! `revacnn compare`: two branches or steps in one figure.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::Inputs;
use revacnn_notebook::command::Compare;
use revacnn_schemas::Place;
use revacnn_store::Lineage;

use super::figure::{FromTo, warn_of_gaps};
use super::{Run, refuse_unfinished};
use crate::error::Failure;

/// Lay two branches or steps side by side in one figure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn compare main@0 main@100
  revacnn compare main wider --at epoch:1 -o compare.svg")]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    compare: Compare,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for CompareArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let mut sources = self.from_to.sources()?;
        let at = self.compare.at()?;
        for address in &at {
            refuse_unfinished(&Lineage::open(sources.store(), &address.branch)?, address)?;
        }
        warn_of_gaps(&sources, &at)?;
        self.from_to.show(&mut sources, &self.compare.cell()?, &Inputs::default(), json)
    }
}
