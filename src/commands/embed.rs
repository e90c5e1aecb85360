//! `revacnn embed`: a layer's filters in a plane.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::values::whole;
use revacnn_notebook::kinds::{Embedding, Start};
use revacnn_notebook::{Cell, Inputs, Method, Source, Sources};
use revacnn_recorder::usual_threads;
use revacnn_schemas::{Address, ImageIndex, LayerName, Place, number};

use super::Run;
use super::figure::{check_ending, finish, must_see, warn_of_gaps};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

/// Place a layer's filters in a plane, at one address or several.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn embed main@100 --layer conv1 -o filters.svg
  revacnn embed main@0 main@100 --layer conv1 --of gradients --method pca --json")]
pub(crate) struct EmbedArguments {
    /// Steps such as main@100: all in one embedding.
    #[arg(value_name = "ADDRESS", required = true)]
    at: Vec<Address>,
    #[command(flatten)]
    store: StoreOption,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: LayerName,
    /// What of its filters: weights, gradients, activations or
    /// activation-gradients.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    of: Source,
    /// The training image, for activations [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = whole::<u32>)]
    image: Option<u32>,
    /// How points are placed: tsne or pca.
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    method: Method,
    /// Perplexity of t-SNE [default: fitted to the number of filters].
    #[arg(long, value_name = "P", value_parser = number)]
    perplexity: Option<f64>,
    /// Seed of t-SNE.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    seed: u64,
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
        if self.image.is_some() && !self.of.is_of_image() {
            return Err(Failure::Usage(format!(
                "the {} of filters are of no image: --image is for --of activations, activation-gradients",
                self.of
            )));
        }
        if self.perplexity.is_some() && self.method == Method::Pca {
            return Err(Failure::Usage("--method pca has no perplexity: that is for tsne".to_owned()));
        }
        self.output.as_deref().map(check_ending).transpose()?;
        let mut sources = Sources::open(&self.store.store, self.data.folder(), usual_threads())?;
        let cell = Cell::from(Embedding {
            at: self.at.clone(),
            layer: self.layer.clone(),
            of: self.of,
            method: self.method,
            perplexity: self.perplexity,
            seed: self.seed,
            start: Start::Fresh,
        });
        let image = self.image.map(ImageIndex);
        must_see(&mut sources, &self.at, image)?;
        warn_of_gaps(&sources, &self.at)?;
        let inputs = Inputs { image, ..Inputs::default() };
        finish(&cell.figure(&mut sources, &inputs)?, self.output.as_deref(), json)
    }
}
