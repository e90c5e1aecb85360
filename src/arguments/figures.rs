//! What can be written for figures.

use std::fmt;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use revacnn_notebook::{Matching, Method, Show, Source, XAxis};
use revacnn_schemas::{Address, LayerName};

use super::{DataFolder, StoreArguments};

/// What `plot` draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlotKind {
    /// Loss of training and validation.
    Loss,
    /// Any recorded number, named by --quantity.
    Chart,
    /// The network with a node a filter.
    Network,
    /// A layer's coefficients or gradients.
    Filters,
    /// A layer's activation maps for an image.
    Activations,
    /// One filter: coefficients, gradients, map, and the filters most like it.
    Filter,
    /// How often each class was taken for each.
    Confusion,
}

impl fmt::Display for PlotKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", PossibleValue::get_name))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn plot loss main -o loss.svg
  revacnn plot chart main --quantity weight_norm --layer conv1 --x epoch -o norm.png
  revacnn plot network main@100 -o network.png
  revacnn plot filters main@0 main@last --layer conv1 -o filters.svg
  revacnn plot activations main --layer conv1 --image 17 -o maps.png
  revacnn plot filter main@100 --layer conv3 --filter 7 -o filter.png
  revacnn plot confusion main@epoch:1 -o confusion.svg

The ending of the file chooses SVG or PNG.")]
pub(crate) struct PlotArguments {
    /// What is drawn.
    #[arg(value_enum)]
    pub(crate) kind: PlotKind,
    /// Branches, of loss and chart; or steps such as main@100.
    #[arg(value_name = "BRANCH|ADDRESS", required = true)]
    pub(crate) at: Vec<Address>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The file to write, .svg or .png.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The horizontal axis of loss and chart: step, images, epoch or fork
    /// [default: step].
    #[arg(long, value_name = "AXIS")]
    pub(crate) x: Option<XAxis>,
    /// Lay the vertical axis of loss or chart out logarithmically.
    #[arg(long)]
    pub(crate) log: bool,
    /// The number that a chart shows.
    #[arg(long, value_name = "NAME")]
    pub(crate) quantity: Option<String>,
    /// The layer, of chart, filters, activations and filter.
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<LayerName>,
    /// One filter of that layer, by its number, for `filter` and `chart`.
    #[arg(long, value_name = "NUMBER", requires = "layer")]
    pub(crate) filter: Option<u32>,
    /// Of filters: weights or gradients; of activations: activations or
    /// activation-gradients.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) of: Option<Source>,
    /// What a network's nodes show: coefficients or maps [default: maps].
    #[arg(long, value_name = "PICTURE")]
    pub(crate) show: Option<Show>,
    /// The training image, of network, activations and filter [default: the
    /// first probe image].
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<u32>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn embed main@100 --layer conv1 -o filters.svg
  revacnn embed main@0 main@100 --layer conv1 --of gradients --method pca --json")]
pub(crate) struct EmbedArguments {
    /// Steps such as main@100: all in one embedding.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) at: Vec<Address>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: LayerName,
    /// What of its filters: weights, gradients, activations or
    /// activation-gradients.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    pub(crate) of: Source,
    /// The training image, for activations [default: the first probe image].
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<u32>,
    /// How points are placed: tsne or pca.
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    pub(crate) method: Method,
    /// Perplexity of t-SNE [default: fitted to the number of filters].
    #[arg(long, value_name = "P")]
    pub(crate) perplexity: Option<f64>,
    /// Seed of t-SNE.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The file to write, .svg or .png.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How filters of two steps are matched.
#[derive(Debug, Args)]
pub(crate) struct MatchingArgument {
    /// How filters are matched: by identity, which a run shares with its forks;
    /// or by assignment, for separate runs: layer by layer, the filters of one
    /// with those of the other, so that their squared distances have the least
    /// sum. That says which are alike, not that they are one.
    #[arg(long = "match", value_name = "HOW", default_value = "identity")]
    pub(crate) how: Matching,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn compare main@0 main@100
  revacnn compare main wider --at epoch:1 -o compare.svg")]
pub(crate) struct CompareArguments {
    /// One branch or step.
    #[arg(value_name = "A")]
    pub(crate) left: Address,
    /// The other one.
    #[arg(value_name = "B")]
    pub(crate) right: Address,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The step of both: a number, epoch:N, last, best or fork.
    #[arg(long, value_name = "STEP")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) matching: MatchingArgument,
    /// The file to write, .svg or .png.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
