//! `revacnn regions`: how a network's classes share out what lies between images.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::Sources;
use revacnn_notebook::command::Regions;
use revacnn_recorder::usual_threads;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{check_ending, finish, warn_of_gaps};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

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
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for RegionsArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.regions.check()?;
        self.output.as_deref().map(check_ending).transpose()?;
        let mut sources = Sources::open(&self.store.store, self.data.folder(), usual_threads())?;
        warn_of_gaps(&sources, &self.regions.at)?;
        finish(&self.regions.cell().figure(&mut sources, &self.regions.inputs())?, self.output.as_deref(), json)
    }
}
