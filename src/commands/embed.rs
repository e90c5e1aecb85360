//! `revacnn embed`: a layer's filters in a plane, or images by its activations.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::Sources;
use revacnn_notebook::command::Embed;
use revacnn_recorder::usual_threads;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{check_ending, finish, in_store, must_see, warn_of_gaps};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

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
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
}

impl Run for EmbedArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.embed.check()?;
        self.output.as_deref().map(check_ending).transpose()?;
        let mut sources = Sources::open(&self.store.store, self.data.folder(), usual_threads())?;
        let inputs = in_store(sources.store(), |lookup| self.embed.inputs(lookup))?;
        let at = self.embed.addresses();
        must_see(&mut sources, &at, inputs.image.as_ref())?;
        warn_of_gaps(&sources, &at)?;
        finish(&self.embed.cell().figure(&mut sources, &inputs)?, self.output.as_deref(), json)
    }
}
