//! `revacnn samples` and `revacnn predictions`: images of the data.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::{Predictions, Samples};
use revacnn_schemas::Place;

use super::Run;
use super::figure::{FromTo, warn_of_gaps};
use crate::error::Failure;

/// Show the images of a training that are hard, forgotten or mislabelled.
///
/// Every update records what came of each image of its batch: the class that was
/// predicted and its output, and the loss, before the update. `--by` says which
/// images come first:
///
///   hardest        the largest mean loss
///   forgotten      predicted right and then wrong, most often first
///   never-learned  never predicted right
///   mislabelled    another class is predicted, most often and most surely
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "Examples:
  revacnn samples main
  revacnn samples main@100 --by mislabelled -o suspects.png
  revacnn samples main --by forgotten --class 7 --count 50 --json

Without --output numbers are printed. SQL sees all of it in the table `samples`.")]
pub(crate) struct SamplesArguments {
    #[command(flatten)]
    samples: Samples,
    #[command(flatten)]
    from_to: FromTo,
}

/// Show what the network of a step says of images.
///
/// Each image comes with the three classes that the network says most for. Images come in the
/// order of the data set, with --wrong by their loss. Of a network that gives back the image,
/// what comes out is beside each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn predictions main@best -o predictions.png
  revacnn predictions main@best --split test --wrong -o mistakes.svg
  revacnn predictions main --class 4 --predicted 9

Without --output numbers are printed.")]
pub(crate) struct PredictionsArguments {
    #[command(flatten)]
    predictions: Predictions,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for SamplesArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.samples.check()?;
        let samples = Samples { table: self.samples.table || self.from_to.is_printed(), ..self.samples.clone() };
        let mut sources = self.from_to.sources()?;
        warn_of_gaps(&sources, std::slice::from_ref(&samples.at))?;
        self.from_to.show(&mut sources, &samples.cell(), &samples.inputs(), json)
    }
}

impl Run for PredictionsArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.predictions.check()?;
        let table = self.predictions.table || self.from_to.is_printed();
        let predictions = Predictions { table, ..self.predictions.clone() };
        let mut sources = self.from_to.sources()?;
        warn_of_gaps(&sources, std::slice::from_ref(&predictions.at))?;
        self.from_to.show(&mut sources, &predictions.cell(), &predictions.inputs(), json)
    }
}
