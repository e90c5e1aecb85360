//! `plot`: what is drawn, of which branches or steps.

mod filters_over_time;
mod histogram;
mod maximise;
mod print;

use clap::{Args, Subcommand};
use revacnn_schemas::{
    Address, BranchName, BranchRecord, FilterNumber, LayerName, LayerTopology, Limits, Position, Scale, Step, number,
};

use super::CommandError;
use super::branches::{BranchOf, Lookup, members_of, name_families, resolved, single};
use super::image::ImageOption;
use super::values::{from_one, whole};
use crate::kinds::{
    Chart, Confusion, Filter, Filters, FiltersOverTime, Histogram, Loss, Network, Patches, QUANTITIES, Saliency,
    Traced, check_layer, outputs_of, unknown_quantity,
};
use crate::{Cell, ImageSplit, Inputs, NotebookError, Show, Smoothing, Source, XAxis};
pub use filters_over_time::FiltersOverTimePlot;
pub use histogram::HistogramPlot;
pub use maximise::MaximisePlot;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Plot {
    /// Loss of training and validation.
    Loss(LossPlot),
    /// Any recorded number, named by --quantity.
    Chart(ChartPlot),
    /// How a layer's values are spread, over the steps.
    Histogram(HistogramPlot),
    /// How distinct, alike, coloured or dead a layer's filters are, over the steps.
    FiltersOverTime(FiltersOverTimePlot),
    /// The network with a node a filter.
    Network(NetworkPlot),
    /// A layer's coefficients or gradients.
    Filters(FiltersPlot),
    /// A layer's activation maps for an image.
    Activations(ActivationsPlot),
    /// One filter: coefficients, gradients, map, and the filters most like it.
    Filter(FilterPlot),
    /// How often each class was taken for each.
    Confusion(ConfusionPlot),
    /// What excites a layer's filters: patches of images.
    Patches(PatchesPlot),
    /// What would excite a layer's filters most: images found by gradient ascent.
    Maximise(MaximisePlot),
    /// Where the network looks: what of an image its output depends on.
    Saliency(SaliencyPlot),
}

/// Histories of branches.
#[derive(Debug, Clone, PartialEq, Args)]
struct Curves {
    /// The branches; `NAME.*` is the family of NAME.0, NAME.1 and so on, drawn as their mean,
    /// and about it the lowest and the highest of them.
    #[arg(value_name = "BRANCH", required = true)]
    of: Vec<BranchOf>,
    /// Draw every member of a family for itself.
    #[arg(long)]
    members: bool,
    /// The horizontal axis: step, images, epoch or fork.
    #[arg(long, value_name = "AXIS", default_value = "step")]
    x: XAxis,
    /// Lay the vertical axis out logarithmically.
    #[arg(long)]
    log: bool,
    /// The lower end of the vertical axis [default: that of the curves].
    #[arg(long, value_name = "VALUE", value_parser = number, allow_negative_numbers = true)]
    y_min: Option<f64>,
    /// The upper end of the vertical axis [default: that of the curves, but for some that lie
    /// far from the others].
    #[arg(long, value_name = "VALUE", value_parser = number, allow_negative_numbers = true)]
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
    fn check(&self, kind: &str) -> Result<(), CommandError> {
        check_all_steps(&self.of, kind)?;
        self.check_limits()
    }

    /// Ends of an axis are numbers, the lower one first, and have a logarithm where
    /// one is drawn.
    fn check_limits(&self) -> Result<(), CommandError> {
        let given = [("--y-min", self.y_min), ("--y-max", self.y_max)];
        for (option, value) in given.iter().filter_map(|(option, value)| Some((option, (*value)?))) {
            if !value.is_finite() {
                return Err(CommandError::Value(format!("{option} must be a finite number, found {value}")));
            }
            if self.log && value <= 0.0 {
                return Err(CommandError::Value(format!("{option} must be above 0 with --log, found {value}")));
            }
        }
        match (self.y_min, self.y_max) {
            (Some(low), Some(high)) if low >= high => {
                Err(CommandError::Value(format!("--y-max must be above --y-min, found {low} to {high}")))
            }
            (low, high) if !is_drawable(low, high) => Err(CommandError::Value(format!(
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

/// Refuses a step where all steps of a branch are shown.
fn check_all_steps(of: &[BranchOf], kind: &str) -> Result<(), CommandError> {
    let is_step = |of: &&BranchOf| matches!(of, BranchOf::Branch(address) if address.position != Position::Last);
    match of.iter().find(is_step) {
        Some(of) => Err(CommandError::Value(format!(
            "plot {kind} shows all steps of a branch: write `{}` instead of `{of}`",
            of.name()
        ))),
        None => Ok(()),
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
#[derive(Debug, Clone, PartialEq, Args)]
struct Steps {
    /// Steps such as main@100.
    #[arg(value_name = "ADDRESS", required = true)]
    at: Vec<Address>,
}

impl Steps {
    /// The one step that the figure is of.
    fn one(&self) -> Result<Option<Address>, CommandError> {
        match &self.at[..] {
            [address] => Ok(Some(address.clone())),
            at => Err(CommandError::Value(format!("expected one address, found {}: plot them one by one", at.len()))),
        }
    }
}

/// Loss of training and validation.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct LossPlot {
    #[command(flatten)]
    curves: Curves,
}

/// A recorded number.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ChartPlot {
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

/// A network.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct NetworkPlot {
    #[command(flatten)]
    steps: Steps,
    /// What nodes show: coefficients or maps.
    #[arg(long, value_name = "PICTURE", default_value = "maps")]
    show: Show,
    /// A filter whose strongest chain stands out, from the image to the classes, such as conv2/5; of the
    /// class layer it is a class.
    #[arg(long, value_name = "LAYER/FILTER", value_parser = filter_name)]
    trace: Option<(LayerName, FilterNumber)>,
    /// The training image by its number, or the file of a picture of your own, such as ./7.png
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    image: Option<ImageOption>,
}

/// A layer's coefficients or gradients.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FiltersPlot {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// What of its filters: weights or gradients.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    of: Source,
}

/// A layer's maps.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ActivationsPlot {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// Its activations or activation-gradients.
    #[arg(long, value_name = "SOURCE", default_value = "activations")]
    of: Source,
    /// The training image by its number, or the file of a picture of your own, such as ./7.png
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    image: Option<ImageOption>,
}

/// One filter.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FilterPlot {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// The filter, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    filter: Option<u32>,
    /// The training image by its number, or the file of a picture of your own, such as ./7.png
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    image: Option<ImageOption>,
}

/// A confusion matrix, or the difference of two.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ConfusionPlot {
    /// A step such as main@100.
    #[arg(value_name = "ADDRESS")]
    at: Address,
    /// A step that is subtracted: by how many images more the first takes each class for each.
    #[arg(value_name = "LESS")]
    less: Option<Address>,
    /// The images: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    split: ImageSplit,
}

/// What excites filters.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct PatchesPlot {
    #[command(flatten)]
    steps: Steps,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    layer: Option<LayerName>,
    /// One of its filters, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    filter: Option<u32>,
    /// The images: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    split: ImageSplit,
    /// How many images of each filter.
    #[arg(long, value_name = "N", default_value_t = PATCHES, value_parser = from_one::<u32>)]
    count: u32,
    /// Show whole images, and not what a filter sees of them.
    #[arg(long)]
    whole: bool,
}

/// Where a network looks.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SaliencyPlot {
    #[command(flatten)]
    steps: Steps,
    /// The image by its number, or the file of a picture of your own, such as ./7.png [default: the
    /// first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    image: Option<ImageOption>,
    /// Where the image is from: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    split: ImageSplit,
    /// The class, by its name or its number from 0 [default: the one that is predicted].
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
}

/// So many patches of each filter unless another number is asked for, and at most.
const PATCHES: u32 = 9;
const MOST_PATCHES: u32 = 100;

/// The recorded number that a chart shows.
#[derive(Debug, Clone, Copy)]
pub struct Quantity<'a> {
    /// Its name as it was asked for.
    pub asked: &'a str,
    /// Whether a layer was named beside it.
    pub has_layer: bool,
}

impl Quantity<'_> {
    /// Refuses a number that no branch can have whose optimizer has these
    /// hyper-parameters, and one that needs a layer, or none.
    ///
    /// # Errors
    /// What there is.
    pub fn check<'k>(&self, hyper_parameters: impl Iterator<Item = &'k str> + Clone) -> Result<(), NotebookError> {
        let asked = self.asked.replace('-', "_");
        let is_known =
            QUANTITIES.iter().map(|(name, _)| *name).chain(hyper_parameters.clone()).any(|name| name == asked);
        if !is_known {
            return Err(unknown_quantity(self.asked, hyper_parameters));
        }
        check_layer(&asked, self.has_layer)
    }
}

impl Plot {
    /// Its branches or steps; of a family it is none.
    pub fn at(&self) -> Vec<Address> {
        match self {
            Self::Loss(LossPlot { curves }) | Self::Chart(ChartPlot { curves, .. }) => single(&curves.of),
            Self::Histogram(plot) => single(&plot.branches),
            Self::FiltersOverTime(plot) => single(&plot.branches),
            Self::Maximise(plot) => vec![plot.at.clone()],
            Self::Confusion(ConfusionPlot { at, less, .. }) => std::iter::once(at).chain(less).cloned().collect(),
            Self::Network(NetworkPlot { steps, .. })
            | Self::Filters(FiltersPlot { steps, .. })
            | Self::Activations(ActivationsPlot { steps, .. })
            | Self::Filter(FilterPlot { steps, .. })
            | Self::Patches(PatchesPlot { steps, .. })
            | Self::Saliency(SaliencyPlot { steps, .. }) => steps.at.clone(),
        }
    }

    /// The families whose members it is of.
    pub fn families(&self) -> Vec<BranchName> {
        match self {
            Self::Loss(LossPlot { curves }) | Self::Chart(ChartPlot { curves, .. }) => members_of(&curves.of),
            Self::Histogram(plot) => members_of(&plot.branches),
            Self::FiltersOverTime(plot) => members_of(&plot.branches),
            _ => Vec::new(),
        }
    }

    /// Has the bare names of families stand for their members, as they do in a notebook.
    pub fn name_families(&mut self, is_family: impl Fn(&BranchName) -> bool) {
        match self {
            Self::Loss(LossPlot { curves }) | Self::Chart(ChartPlot { curves, .. }) => {
                name_families(&mut curves.of, is_family);
            }
            Self::Histogram(plot) => name_families(&mut plot.branches, is_family),
            Self::FiltersOverTime(plot) => name_families(&mut plot.branches, is_family),
            _ => {}
        }
    }

    /// The layer that it names, and one of its filters where it names one.
    pub fn layer(&self) -> Option<(&LayerName, Option<FilterNumber>)> {
        let (layer, filter) = match self {
            Self::Chart(kind) => (&kind.layer, kind.filter),
            Self::Histogram(kind) => (&kind.layer, None),
            Self::FiltersOverTime(kind) => (&kind.layer, None),
            Self::Filters(kind) => (&kind.layer, None),
            Self::Activations(kind) => (&kind.layer, None),
            Self::Filter(kind) => (&kind.layer, kind.filter),
            Self::Patches(kind) => (&kind.layer, kind.filter),
            Self::Maximise(kind) => (&kind.layer, kind.filter),
            Self::Network(kind) => {
                let traced = kind.trace.as_ref();
                return traced.map(|(layer, filter)| (layer, Some(*filter)));
            }
            Self::Loss(_) | Self::Confusion(_) | Self::Saliency(_) => return None,
        };
        Some((layer.as_ref()?, filter.map(FilterNumber)))
    }

    /// Whether it is of a layer, which it has to name.
    pub fn needs_layer(&self) -> bool {
        match self {
            Self::Histogram(_)
            | Self::FiltersOverTime(_)
            | Self::Filters(_)
            | Self::Activations(_)
            | Self::Filter(_)
            | Self::Patches(_)
            | Self::Maximise(_) => true,
            Self::Loss(_) | Self::Chart(_) | Self::Network(_) | Self::Confusion(_) | Self::Saliency(_) => false,
        }
    }

    /// The recorded number that it shows.
    pub fn quantity(&self) -> Option<Quantity<'_>> {
        match self {
            Self::Chart(kind) => {
                Some(Quantity { asked: kind.quantity.as_deref().unwrap_or_default(), has_layer: kind.layer.is_some() })
            }
            _ => None,
        }
    }

    /// The image, where one was asked for.
    pub fn image(&self) -> Option<&ImageOption> {
        match self {
            Self::Network(kind) => kind.image.as_ref(),
            Self::Activations(kind) => kind.image.as_ref(),
            Self::Filter(kind) => kind.image.as_ref(),
            Self::Saliency(kind) => kind.image.as_ref(),
            Self::Histogram(kind) => kind.image(),
            Self::Loss(_)
            | Self::Chart(_)
            | Self::FiltersOverTime(_)
            | Self::Filters(_)
            | Self::Confusion(_)
            | Self::Patches(_)
            | Self::Maximise(_) => None,
        }
    }

    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        match self {
            Self::Loss(kind) => kind.curves.check("loss"),
            Self::Chart(kind) => kind.curves.check("chart"),
            Self::Histogram(kind) => kind.check(),
            Self::FiltersOverTime(kind) => kind.check(),
            Self::Maximise(kind) => kind.check(),
            Self::Patches(PatchesPlot { count, .. }) if *count > MOST_PATCHES => {
                Err(CommandError::Value(format!("--count must be at most {MOST_PATCHES}, found {count}")))
            }
            Self::Saliency(SaliencyPlot { image: Some(ImageOption::File(_)), split, .. })
                if *split != ImageSplit::Train =>
            {
                let words = "a picture of your own is of no split: leave --split out, or name an image by its number";
                Err(CommandError::Value(words.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The cell that makes the figure, and what it is given. The first branch is looked
    /// up where a layer or a filter is lacking, to say which there are.
    ///
    /// # Errors
    /// [`CommandError::Value`], and those of the store.
    pub fn cell(&self, lookup: Lookup<'_>) -> Result<(Cell, Inputs), CommandError> {
        let at = self.at();
        let record = || match at.first() {
            Some(address) => (lookup.record)(&address.branch),
            None => Err(CommandError::Value("expected a branch".to_owned())),
        };
        let record: &dyn Fn() -> Result<BranchRecord, CommandError> = &record;
        let filters = |layer: &Option<LayerName>, of: Result<Source, CommandError>, steps: &Steps| {
            let layer = layer_of(layer.as_ref(), record)?;
            Ok::<Cell, CommandError>(Filters { layer, of: of?, at: steps.at.clone() }.into())
        };
        let mut branches: Vec<BranchName> = at.iter().map(|address| address.branch.clone()).collect();
        let cell = match self {
            Self::Loss(LossPlot { curves }) => {
                let (shown, families) = resolved(&curves.of, lookup, curves.members)?;
                branches = shown;
                Loss {
                    x: curves.x,
                    scale: curves.scale(),
                    limits: curves.limits(),
                    smoothing: curves.smooth,
                    within: None,
                    families,
                }
                .into()
            }
            Self::Chart(ChartPlot { curves, quantity, layer, filter }) => {
                let (shown, families) = resolved(&curves.of, lookup, curves.members)?;
                branches = shown;
                Chart {
                    quantity: quantity.clone().unwrap_or_default(),
                    layer: layer.clone(),
                    filter: filter.map(FilterNumber),
                    x: curves.x,
                    scale: curves.scale(),
                    limits: curves.limits(),
                    smoothing: curves.smooth,
                    within: None,
                    families,
                }
                .into()
            }
            Self::Histogram(plot) => {
                (branches, _) = resolved(&plot.branches, lookup, true)?;
                Histogram {
                    layer: layer_of(plot.layer.as_ref(), &|| first_of(&branches, lookup, record))?,
                    of: plot.of,
                    form: plot.form,
                    within: plot.steps,
                    range: plot.range,
                    bins: plot.bins,
                }
                .into()
            }
            Self::Network(NetworkPlot { steps, show, trace, .. }) => {
                let traced = |(layer, filter): &(LayerName, FilterNumber)| {
                    there_is(layer, *filter, record)?;
                    Ok::<_, CommandError>(Traced { layer: layer.clone(), filter: *filter, born: None })
                };
                Network { at: steps.one()?, show: *show, trace: trace.as_ref().map(traced).transpose()? }.into()
            }
            Self::FiltersOverTime(plot) => {
                (branches, _) = resolved(&plot.branches, lookup, true)?;
                FiltersOverTime {
                    layer: layer_of(plot.layer.as_ref(), &|| first_of(&branches, lookup, record))?,
                    of: plot.of,
                    x: plot.x,
                    within: plot.steps,
                }
                .into()
            }
            Self::Filters(FiltersPlot { steps, layer, of }) => {
                filters(layer, source(*of, [Source::Weights, Source::Gradients]), steps)?
            }
            Self::Activations(ActivationsPlot { steps, layer, of, .. }) => {
                filters(layer, source(*of, [Source::Activations, Source::ActivationGradients]), steps)?
            }
            Self::Filter(FilterPlot { steps, layer, filter, .. }) => {
                let layer = layer_of(layer.as_ref(), record)?;
                let filter = filter_of(*filter, &layer, record)?;
                Filter { layer, filter, born: None, at: steps.one()? }.into()
            }
            Self::Confusion(ConfusionPlot { at, less, split }) => {
                Confusion { at: Some(at.clone()), less: less.clone(), of: *split }.into()
            }
            Self::Maximise(plot) => plot.cell(layer_of(plot.layer.as_ref(), record)?).into(),
            Self::Saliency(SaliencyPlot { steps, split, class, .. }) => {
                Saliency { at: steps.one()?, of: *split, class: class.clone() }.into()
            }
            Self::Patches(PatchesPlot { steps, layer, filter, split, count, whole }) => Patches {
                at: steps.one()?,
                layer: layer_of(layer.as_ref(), record)?,
                filter: filter.map(FilterNumber),
                of: *split,
                count: *count,
                whole: *whole,
            }
            .into(),
        };
        let image = self.image().map(|image| image.chosen(lookup)).transpose()?;
        Ok((cell, Inputs { branches, cursor: Step(0), image, ..Inputs::default() }))
    }
}

/// The first of some branches, such as the members of a family.
fn first_of(
    branches: &[BranchName],
    lookup: Lookup<'_>,
    otherwise: &dyn Fn() -> Result<BranchRecord, CommandError>,
) -> Result<BranchRecord, CommandError> {
    branches.first().map_or_else(otherwise, |branch| (lookup.record)(branch))
}

/// The layer that was asked for; without one, an error that lists them.
fn layer_of(
    asked: Option<&LayerName>,
    record: &dyn Fn() -> Result<BranchRecord, CommandError>,
) -> Result<LayerName, CommandError> {
    match asked {
        Some(layer) => Ok(layer.clone()),
        None => Err(expected_layer(&record()?)),
    }
}

fn expected_layer(record: &BranchRecord) -> CommandError {
    let known: Vec<&str> = record.topology.layers_with_filters().map(|layer| layer.layer.as_str()).collect();
    CommandError::Value(format!("expected --layer with one of {}", known.join(", ")))
}

/// The filter that was asked for; without one, an error that lists them.
fn filter_of(
    asked: Option<u32>,
    layer: &LayerName,
    record: &dyn Fn() -> Result<BranchRecord, CommandError>,
) -> Result<FilterNumber, CommandError> {
    if let Some(filter) = asked {
        return Ok(FilterNumber(filter));
    }
    let record = record()?;
    let mut layers = record.topology.layers_with_filters();
    let Some(layer) = layers.find(|with_filters| with_filters.layer == *layer) else {
        return Err(expected_layer(&record));
    };
    Err(CommandError::Value(format!("expected --filter with one of {}", numbers(layer))))
}

/// The numbers of a layer's filters, as a message lists them.
fn numbers(layer: &LayerTopology) -> String {
    layer.filters.iter().map(|filter| filter.number.to_string()).collect::<Vec<_>>().join(", ")
}

/// Refuses a filter that cannot be traced: it has no layer with maps of its own, or is none of its filters. Of the
/// class layer the filters are the classes.
fn there_is(
    layer: &LayerName,
    filter: FilterNumber,
    record: &dyn Fn() -> Result<BranchRecord, CommandError>,
) -> Result<(), CommandError> {
    let record = record()?;
    let has_classes = outputs_of(&record).are_of_classes();
    let last = record.topology.class_layer().filter(|_| !has_classes).map(|last| &last.layer);
    let blocks = record.topology.blocks().filter(|block| block.coefficients.is_some() && Some(&block.layer) != last);
    let blocks: Vec<_> = blocks.collect();
    let Some(found) = blocks.iter().find(|block| block.layer == *layer) else {
        let known: Vec<&str> = blocks.iter().map(|block| block.layer.as_str()).collect();
        let words = match known.is_empty() {
            true => "--trace needs a layer of filters before the last one, and this network has none".to_owned(),
            false => format!("expected --trace with a filter of {}, found {layer}/{filter}", known.join(", ")),
        };
        return Err(CommandError::Value(words));
    };
    if found.filters.iter().any(|other| other.number == filter) {
        return Ok(());
    }
    let known = numbers(found);
    Err(CommandError::Value(format!("expected --trace with one of {layer}'s filters {known}, found {filter}")))
}

/// A filter by its layer, such as `conv3/7`.
///
/// # Errors
/// What was expected, and what was found.
pub fn filter_name(text: &str) -> Result<(LayerName, FilterNumber), String> {
    let expected = || format!("expected LAYER/FILTER, such as conv3/7, found `{text}`");
    let (layer, number) = text.split_once('/').ok_or_else(expected)?;
    Ok((layer.parse().map_err(|_| expected())?, FilterNumber(whole(number).map_err(|_| expected())?)))
}

fn source(asked: Source, possible: [Source; 2]) -> Result<Source, CommandError> {
    if possible.contains(&asked) {
        return Ok(asked);
    }
    Err(CommandError::Value(format!(
        "expected --of {} or {}, found {asked}",
        possible[0],
        possible[1].to_string().replace(' ', "-")
    )))
}
