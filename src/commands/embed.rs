//! `revacnn embed`: a layer's filters in a plane, or images by its activations.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Embed;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{FromTo, in_store, must_see, warn_of_gaps};
use crate::error::Failure;

/// Place a layer's filters, or images by its activations, in a plane.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn embed main@100 --layer conv1 -o filters.svg
  revacnn embed main@0 main@100 --layer conv1 --of gradients --method pca --json
  revacnn embed main@best --layer conv3 --of images -o images.png
  revacnn embed main@0 main@best --layer softmax --of images --split test --reference main@best -o images.png")]
pub(crate) struct EmbedArguments {
    #[command(flatten)]
    embed: Embed,
    #[command(flatten)]
    from_to: FromTo,
}

impl Run for EmbedArguments {
    fn place(&self) -> Place {
        self.from_to.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.embed.check()?;
        let mut sources = self.from_to.sources()?;
        let inputs = in_store(sources.store(), |lookup| self.embed.inputs(lookup))?;
        let at = self.embed.addresses();
        must_see(&mut sources, &at, inputs.image.as_ref())?;
        warn_of_gaps(&sources, &at)?;
        self.from_to.show(&mut sources, &self.embed.cell(), &inputs, json)
    }
}
