//! `revacnn plot`: a figure into a file. What is drawn is a subcommand, with
//! the options that it has a use for.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Subcommand};
use revacnn_notebook::Sources;
use revacnn_notebook::command::{
    ActivationsPlot, ChartPlot, ConfusionPlot, FilterPlot, FiltersOverTimePlot, FiltersPlot, HistogramPlot, LossPlot,
    MaximisePlot, NetworkPlot, PatchesPlot, Plot, SaliencyPlot,
};
use revacnn_recorder::usual_threads;
use revacnn_schemas::Place;

use super::Run;
use super::figure::{check_ending, finish, in_store, made, must_see, warn_of_gaps, whole};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

/// Draw curves, histograms, a network, filters, maps, patches or a confusion matrix.
#[derive(Debug, Args)]
#[command(subcommand_value_name = "KIND", subcommand_help_heading = "Kinds", disable_help_subcommand = true)]
#[command(after_help = "Examples:
  revacnn plot loss main -o loss.svg
  revacnn plot chart main --quantity weight_norm --layer conv1 --x epoch -o norm.png
  revacnn plot loss 'base.*' -o mean.svg
  revacnn plot chart main wider --quantity accuracy --smooth 0.6 -o accuracy.pdf
  revacnn plot histogram main --layer conv1 --of gradients --form heat -o spread.png
  revacnn plot filters-over-time main wider --layer conv1 --of dead -o dead.png
  revacnn plot network main@100 -o network.png
  revacnn plot filters main@0 main@last --layer conv1 -o filters.svg
  revacnn plot activations main --layer conv1 --image 17 -o maps.png
  revacnn plot network main@best --image ./7.png -o own.png
  revacnn plot filter main@100 --layer conv3 --filter 7 -o filter.png
  revacnn plot confusion main@epoch:1 -o confusion.svg
  revacnn plot confusion main@last main@0 --split test -o difference.svg
  revacnn plot patches main@best --layer conv3 -o patches.png
  revacnn plot maximise main@best --layer conv3 -o wanted.png
  revacnn plot saliency main@best --image 17 -o seen.png

The ending of the file chooses SVG, PNG or PDF. `revacnn plot KIND --help` lists the options of a kind.")]
pub(crate) struct PlotArguments {
    /// What is drawn.
    #[command(subcommand)]
    kind: Kind,
}

/// What is drawn, as in a notebook, with where it comes from and goes to.
#[derive(Debug, Subcommand)]
enum Kind {
    /// Loss of training and validation.
    Loss(Drawn<LossPlot>),
    /// Any recorded number, named by --quantity.
    Chart(Drawn<ChartPlot>),
    /// How a layer's values are spread, over the steps.
    Histogram(Drawn<HistogramPlot>),
    /// How distinct, alike, coloured or dead a layer's filters are, over the steps.
    FiltersOverTime(Drawn<FiltersOverTimePlot>),
    /// The network with a node a filter.
    Network(Drawn<NetworkPlot>),
    /// A layer's coefficients or gradients.
    Filters(Drawn<FiltersPlot>),
    /// A layer's activation maps for an image.
    Activations(Drawn<ActivationsPlot>),
    /// One filter: coefficients, gradients, map, and the filters most like it.
    Filter(Drawn<FilterPlot>),
    /// How often each class was taken for each.
    Confusion(Drawn<ConfusionPlot>),
    /// What excites a layer's filters: patches of images.
    Patches(Drawn<PatchesPlot>),
    /// What would excite a layer's filters most: images found by gradient ascent.
    Maximise(Drawn<MaximisePlot>),
    /// Where the network looks: what of an image its output depends on.
    Saliency(Drawn<SaliencyPlot>),
}

/// A kind's own options, and where a figure comes from and goes to.
#[derive(Debug, Args)]
struct Drawn<K: Args> {
    #[command(flatten)]
    kind: K,
    #[command(flatten)]
    from_to: FromTo,
}

/// Where a figure comes from, and goes to.
#[derive(Debug, Args)]
struct FromTo {
    #[command(flatten)]
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    data: DataOption,
}

impl Kind {
    fn parts(&self) -> (Plot, &FromTo) {
        match self {
            Self::Loss(drawn) => (Plot::Loss(drawn.kind.clone()), &drawn.from_to),
            Self::Chart(drawn) => (Plot::Chart(drawn.kind.clone()), &drawn.from_to),
            Self::Histogram(drawn) => (Plot::Histogram(drawn.kind.clone()), &drawn.from_to),
            Self::FiltersOverTime(drawn) => (Plot::FiltersOverTime(drawn.kind.clone()), &drawn.from_to),
            Self::Network(drawn) => (Plot::Network(drawn.kind.clone()), &drawn.from_to),
            Self::Filters(drawn) => (Plot::Filters(drawn.kind.clone()), &drawn.from_to),
            Self::Activations(drawn) => (Plot::Activations(drawn.kind.clone()), &drawn.from_to),
            Self::Filter(drawn) => (Plot::Filter(drawn.kind.clone()), &drawn.from_to),
            Self::Confusion(drawn) => (Plot::Confusion(drawn.kind.clone()), &drawn.from_to),
            Self::Patches(drawn) => (Plot::Patches(drawn.kind.clone()), &drawn.from_to),
            Self::Maximise(drawn) => (Plot::Maximise(drawn.kind.clone()), &drawn.from_to),
            Self::Saliency(drawn) => (Plot::Saliency(drawn.kind.clone()), &drawn.from_to),
        }
    }
}

impl Run for PlotArguments {
    fn place(&self) -> Place {
        let (_, from_to) = self.kind.parts();
        from_to.store.place(Some(&from_to.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let (plot, FromTo { store, output, data }) = self.kind.parts();
        plot.check()?;
        check_ending(output)?;
        let mut sources = Sources::open(&store.store, data.folder(), usual_threads())?;
        let (cell, inputs) = in_store(sources.store(), |lookup| plot.cell(lookup))?;
        let at = plot.at();
        must_see(&mut sources, &at, inputs.image.as_ref())?;
        warn_of_gaps(&sources, &[at, whole(&inputs.branches)].concat())?;
        finish(&made(&cell, &mut sources, &inputs, json)?, Some(output), json)
    }
}

/// Which kinds of figure an option is for, where the one that was asked for
/// does not know it; the parser alone would call it unexpected.
pub(crate) fn other_kinds_option(error: &clap::Error) -> Option<String> {
    let option = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        // What is no option is an address too many.
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) if option.starts_with('-') => {
            option.split('=').next()?
        }
        _ => return None,
    };
    let program = super::Arguments::command();
    let plot = program.find_subcommand("plot")?;
    let words: Vec<String> = std::env::args().skip_while(|word| word != "plot").skip(1).collect();
    let asked = words.iter().find_map(|word| plot.find_subcommand(word))?;
    let knows = |kind: &&clap::Command| kind.get_arguments().any(|known| known.get_long() == option.strip_prefix("--"));
    let kinds: Vec<&str> = plot.get_subcommands().filter(knows).map(clap::Command::get_name).collect();
    let known = !kinds.is_empty();
    known.then(|| format!("plot {} takes no {option}: that is for {}", asked.get_name(), kinds.join(", ")))
}
