//! `revacnn plot`: a figure into a file. What is drawn is a subcommand, with
//! the options that it has a use for.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Subcommand};
use revacnn_notebook::command::values::whole;
use revacnn_notebook::kinds::{Chart, Confusion, Filter, Filters, Loss, Network};
use revacnn_notebook::{Cell, Inputs, Show, Smoothing, Source, Sources, XAxis};
use revacnn_recorder::usual_threads;
use revacnn_schemas::{
    Address, BranchRecord, FilterNumber, ImageIndex, LayerName, Limits, Place, Position, Scale, Step, number,
};

use super::Run;
use super::figure::{check_ending, finish, must_see, warn_of_gaps};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};

/// Draw curves, a network, filters, maps or a confusion matrix.
#[derive(Debug, Args)]
#[command(subcommand_value_name = "KIND", subcommand_help_heading = "Kinds", disable_help_subcommand = true)]
#[command(after_help = "Examples:
  revacnn plot loss main -o loss.svg
  revacnn plot chart main --quantity weight_norm --layer conv1 --x epoch -o norm.png
  revacnn plot chart main wider --quantity accuracy --smooth 0.6 -o accuracy.pdf
  revacnn plot network main@100 -o network.png
  revacnn plot filters main@0 main@last --layer conv1 -o filters.svg
  revacnn plot activations main --layer conv1 --image 17 -o maps.png
  revacnn plot filter main@100 --layer conv3 --filter 7 -o filter.png
  revacnn plot confusion main@epoch:1 -o confusion.svg

The ending of the file chooses SVG, PNG or PDF. `revacnn plot KIND --help` lists the options of a kind.")]
pub(crate) struct PlotArguments {
    /// What is drawn.
    #[command(subcommand)]
    kind: Kind,
}

/// What is drawn.
#[derive(Debug, Subcommand)]
enum Kind {
    /// Loss of training and validation.
    Loss(LossKind),
    /// Any recorded number, named by --quantity.
    Chart(ChartKind),
    /// The network with a node a filter.
    Network(NetworkKind),
    /// A layer's coefficients or gradients.
    Filters(FiltersKind),
    /// A layer's activation maps for an image.
    Activations(ActivationsKind),
    /// One filter: coefficients, gradients, map, and the filters most like it.
    Filter(FilterKind),
    /// How often each class was taken for each.
    Confusion(ConfusionKind),
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

/// Histories of branches.
#[derive(Debug, Args)]
struct Curves {
    /// The branches.
    #[arg(value_name = "BRANCH", required = true)]
    at: Vec<Address>,
    #[command(flatten)]
    from_to: FromTo,
    /// The horizontal axis: step, images, epoch or fork.
    #[arg(long, value_name = "AXIS", default_value = "step")]
    x: XAxis,
    /// Lay the vertical axis out logarithmically.
    #[arg(long)]
    log: bool,
    /// The lower end of the vertical axis [default: that of the curves].
    #[arg(long, value_name = "VALUE", value_parser = number)]
    y_min: Option<f64>,
    /// The upper end of the vertical axis [default: that of the curves, but for some that lie
    /// far from the others].
    #[arg(long, value_name = "VALUE", value_parser = number)]
    y_max: Option<f64>,
    /// Smooth the curves by an exponential moving average, as TensorBoard does: from 0 to
    /// less than 1. What was recorded stays behind them; the validation of a training is
    /// never smoothed.
    #[arg(long, value_name = "WEIGHT", default_value = "0", hide_default_value = true)]
    smooth: Smoothing,
}

impl Curves {
    fn scale(&self) -> Scale {
        if self.log { Scale::Logarithmic } else { Scale::Linear }
    }

    /// A curve shows all steps: an address of one of them is refused.
    fn check(&self, kind: &str) -> Result<(), Failure> {
        match self.at.iter().find(|address| address.position != Position::Last) {
            Some(address) => Err(Failure::Usage(format!(
                "plot {kind} shows all steps of a branch: write `{}` instead of `{address}`",
                address.branch
            ))),
            None => self.check_limits(),
        }
    }

    /// Ends of an axis are numbers, the lower one first, and have a logarithm where
    /// one is drawn.
    fn check_limits(&self) -> Result<(), Failure> {
        let given = [("--y-min", self.y_min), ("--y-max", self.y_max)];
        for (option, value) in given.iter().filter_map(|(option, value)| Some((option, (*value)?))) {
            if !value.is_finite() {
                return Err(Failure::Usage(format!("{option} must be a finite number, found {value}")));
            }
            if self.log && value <= 0.0 {
                return Err(Failure::Usage(format!("{option} must be above 0 with --log, found {value}")));
            }
        }
        match (self.y_min, self.y_max) {
            (Some(low), Some(high)) if low >= high => {
                Err(Failure::Usage(format!("--y-max must be above --y-min, found {low} to {high}")))
            }
            (low, high) if !is_drawable(low, high) => Err(Failure::Usage(format!(
                "ends of an axis are numbers up to ±{FARTHEST:e}, apart by more than a millionth of the larger: found {} to {}",
                low.map_or_else(|| "the curves'".to_owned(), |low| low.to_string()),
                high.map_or_else(|| "the curves'".to_owned(), |high| high.to_string()),
            ))),
            _ => Ok(()),
        }
    }

    fn limits(&self) -> Limits {
        Limits { low: self.y_min, high: self.y_max }
    }
}

/// The largest end of an axis: what is recorded is of 32 bits.
const FARTHEST: f64 = 1e38;

/// Whether an axis with such ends can be drawn and has ticks that differ.
fn is_drawable(low: Option<f64>, high: Option<f64>) -> bool {
    let is_near = |end: Option<f64>| end.is_none_or(|end| end.abs() <= FARTHEST);
    let are_apart = low.zip(high).is_none_or(|(low, high)| high - low > 1e-6 * low.abs().max(high.abs()));
    is_near(low) && is_near(high) && are_apart
}

/// Steps of branches.
#[derive(Debug, Args)]
struct Steps {
    /// Steps such as main@100.
    #[arg(value_name = "ADDRESS", required = true)]
    at: Vec<Address>,
    #[command(flatten)]
    from_to: FromTo,
}

impl Steps {
    /// The one step that the figure is of.
    fn one(&self) -> Result<Option<Address>, Failure> {
        match &self.at[..] {
            [address] => Ok(Some(address.clone())),
            at => Err(Failure::Usage(format!("expected one address, found {}: plot them one by one", at.len()))),
        }
    }
}

#[derive(Debug, Args)]
struct LossKind {
    #[command(flatten)]
    curves: Curves,
}

#[derive(Debug, Args)]
struct ChartKind {
    #[command(flatten)]
    curves: Curves,
    /// The number that is shown, such as `accuracy` (live, and of validations) or any
    /// hyper-parameter by its name; an unknown one lists those that there are.
    #[arg(long, value_name = "NAME")]
    quantity: Option<String>,
    /// The layer, where the number is one of each layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// One filter of that layer, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    filter: Option<u32>,
}

#[derive(Debug, Args)]
struct NetworkKind {
    #[command(flatten)]
    steps: Steps,
    /// What nodes show: coefficients or maps.
    #[arg(long, value_name = "PICTURE", default_value = "maps")]
    show: Show,
    /// The training image [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = whole::<u32>)]
    image: Option<u32>,
}

#[derive(Debug, Args)]
struct FiltersKind {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// What of its filters: weights or gradients.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    of: Source,
}

#[derive(Debug, Args)]
struct ActivationsKind {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// Its activations or activation-gradients.
    #[arg(long, value_name = "SOURCE", default_value = "activations")]
    of: Source,
    /// The training image [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = whole::<u32>)]
    image: Option<u32>,
}

#[derive(Debug, Args)]
struct FilterKind {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// The filter, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    filter: Option<u32>,
    /// The training image [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = whole::<u32>)]
    image: Option<u32>,
}

#[derive(Debug, Args)]
struct ConfusionKind {
    #[command(flatten)]
    steps: Steps,
}

impl Kind {
    /// Branches or steps, and where the figure comes from and goes to.
    fn at(&self) -> (&[Address], &FromTo) {
        let steps = match self {
            Self::Loss(LossKind { curves }) | Self::Chart(ChartKind { curves, .. }) => {
                return (&curves.at, &curves.from_to);
            }
            Self::Network(kind) => &kind.steps,
            Self::Filters(kind) => &kind.steps,
            Self::Activations(kind) => &kind.steps,
            Self::Filter(kind) => &kind.steps,
            Self::Confusion(kind) => &kind.steps,
        };
        (&steps.at, &steps.from_to)
    }

    fn image(&self) -> Option<ImageIndex> {
        let image = match self {
            Self::Network(kind) => kind.image,
            Self::Activations(kind) => kind.image,
            Self::Filter(kind) => kind.image,
            Self::Loss(_) | Self::Chart(_) | Self::Filters(_) | Self::Confusion(_) => None,
        };
        image.map(ImageIndex)
    }

    /// Refuses what no store could make a figure of.
    fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Loss(kind) => kind.curves.check("loss"),
            Self::Chart(kind) => kind.curves.check("chart"),
            _ => Ok(()),
        }
    }

    /// The cell; `record` is the first branch, whose layers an error lists.
    fn cell(&self, record: &dyn Fn() -> Result<BranchRecord, Failure>) -> Result<Cell, Failure> {
        Ok(match self {
            Self::Loss(LossKind { curves }) => Loss {
                x: curves.x,
                scale: curves.scale(),
                limits: curves.limits(),
                smoothing: curves.smooth,
                within: None,
            }
            .into(),
            Self::Chart(ChartKind { curves, quantity, layer, filter }) => Chart {
                quantity: quantity.clone().unwrap_or_default(),
                layer: layer.clone(),
                filter: filter.map(FilterNumber),
                x: curves.x,
                scale: curves.scale(),
                limits: curves.limits(),
                smoothing: curves.smooth,
                within: None,
            }
            .into(),
            Self::Network(NetworkKind { steps, show, .. }) => Network { at: steps.one()?, show: *show }.into(),
            Self::Filters(FiltersKind { steps, layer, of }) => Filters {
                layer: layer_of(layer.as_ref(), record)?,
                of: source(*of, [Source::Weights, Source::Gradients])?,
                at: steps.at.clone(),
            }
            .into(),
            Self::Activations(ActivationsKind { steps, layer, of, .. }) => Filters {
                layer: layer_of(layer.as_ref(), record)?,
                of: source(*of, [Source::Activations, Source::ActivationGradients])?,
                at: steps.at.clone(),
            }
            .into(),
            Self::Filter(FilterKind { steps, layer, filter, .. }) => {
                let layer = layer_of(layer.as_ref(), record)?;
                let filter = filter_of(*filter, &layer, record)?;
                Filter { layer, filter, born: None, at: steps.one()? }.into()
            }
            Self::Confusion(ConfusionKind { steps }) => Confusion { at: steps.one()? }.into(),
        })
    }
}

impl Run for PlotArguments {
    fn place(&self) -> Place {
        let (_, from_to) = self.kind.at();
        from_to.store.place(Some(&from_to.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let (at, FromTo { store, output, data }) = self.kind.at();
        self.kind.check()?;
        check_ending(output)?;
        let mut sources = Sources::open(&store.store, data.folder(), usual_threads())?;
        let cell = self.kind.cell(&|| Ok(sources.store().branch(&at[0].branch)?))?;
        let image = self.kind.image();
        must_see(&mut sources, at, image)?;
        let branches = at.iter().map(|address| address.branch.clone()).collect();
        warn_of_gaps(&sources, at)?;
        let inputs = Inputs { branches, cursor: Step(0), image };
        finish(&cell.figure(&mut sources, &inputs)?, Some(output), json)
    }
}

/// The layer that was asked for; without one, an error that lists them.
fn layer_of(
    asked: Option<&LayerName>,
    record: &dyn Fn() -> Result<BranchRecord, Failure>,
) -> Result<LayerName, Failure> {
    match asked {
        Some(layer) => Ok(layer.clone()),
        None => Err(expected_layer(&record()?)),
    }
}

fn expected_layer(record: &BranchRecord) -> Failure {
    let known: Vec<&str> = record.topology.layers_with_filters().map(|layer| layer.layer.as_str()).collect();
    Failure::Usage(format!("expected --layer with one of {}", known.join(", ")))
}

/// The filter that was asked for; without one, an error that lists them.
fn filter_of(
    asked: Option<u32>,
    layer: &LayerName,
    record: &dyn Fn() -> Result<BranchRecord, Failure>,
) -> Result<FilterNumber, Failure> {
    if let Some(filter) = asked {
        return Ok(FilterNumber(filter));
    }
    let record = record()?;
    let mut layers = record.topology.layers_with_filters();
    let Some(layer) = layers.find(|with_filters| with_filters.layer == *layer) else {
        return Err(expected_layer(&record));
    };
    let known: Vec<String> = layer.filters.iter().map(|filter| filter.number.to_string()).collect();
    Err(Failure::Usage(format!("expected --filter with one of {}", known.join(", "))))
}

fn source(asked: Source, possible: [Source; 2]) -> Result<Source, Failure> {
    if possible.contains(&asked) {
        return Ok(asked);
    }
    Err(Failure::Usage(format!(
        "expected --of {} or {}, found {asked}",
        possible[0],
        possible[1].to_string().replace(' ', "-")
    )))
}

/// Which kinds of figure an option is for, where the one that was asked for
/// does not know it; the parser alone would call it unexpected.
pub(crate) fn other_kinds_option(error: &clap::Error) -> Option<String> {
    let option = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => option.split('=').next()?,
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
