//! `revacnn regions`: how a network's classes share out what lies between images.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Regions;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{FromTo, warn_of_gaps};
use crate::error::Failure;

/// Tell how the classes of a network share out what lies between images.
///
/// Along straight lines between two images, pixel by pixel, the class is asked that the network
/// predicts. Between two images of one class it tells whether its region holds what lies between
/// them; between images of two classes how much of the space each class takes. The lines are the
/// same for all steps and branches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn regions main@best
  revacnn regions main@epoch:1 main@best --split test
  revacnn regions main --lines 200 --points 50 -o regions.svg

Without --output the table is printed.")]
pub(crate) struct RegionsArguments {
    #[command(flatten)]
    regions: Regions,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for RegionsArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.regions.check()?;
        let mut sources = self.from_to.sources()?;
        warn_of_gaps(&sources, &self.regions.at)?;
        self.from_to.show(&mut sources, &self.regions.cell(), &self.regions.inputs(), json)
    }
}
