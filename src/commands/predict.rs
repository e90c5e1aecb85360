//! `revacnn predict`: what networks take pictures for.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Predict;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{FromTo, in_store, must_see, warn_of_gaps};
use crate::error::Failure;

/// Show what networks take pictures of your own for.
///
/// A picture (PNG, JPEG, WebP, BMP or GIF) is brought to the shape of the network's images as a
/// folder of pictures is: scaled to cover it and cut, unless the branch was trained on pictures
/// that were brought there otherwise, and in grey where they are. No colour is inverted: where the
/// data are light on dark, so should it be. What was done is said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn predict main@best --image ./7.png
  revacnn predict main@0 main@best --image ./7.png --image ./cat.jpg -o taken.png
  revacnn predict main --image ./7.png --top 10 --json

Without --output numbers are printed.")]
pub(crate) struct PredictArguments {
    #[command(flatten)]
    predict: Predict,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for PredictArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.predict.check()?;
        let predict = Predict { table: self.predict.table || self.from_to.is_printed(), ..self.predict.clone() };
        let mut sources = self.from_to.sources()?;
        let inputs = in_store(sources.store(), |lookup| predict.inputs(lookup))?;
        inputs.asked.iter().try_for_each(|image| must_see(&mut sources, &predict.at, Some(image)))?;
        warn_of_gaps(&sources, &predict.at)?;
        self.from_to.show(&mut sources, &predict.cell(), &inputs, json)
    }
}
