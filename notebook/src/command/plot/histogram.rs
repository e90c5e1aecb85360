//! `plot histogram`: how a layer's values are spread, over the steps of branches.

use clap::Args;
use revacnn_schemas::{HistogramForm, LayerName, Step, number, whole_number, written};

use super::super::branches::BranchOf;
use super::super::image::ImageOption;
use super::super::print::{Print, Words};
use super::super::values::from_one;
use super::{CommandError, check_all_steps, is_drawable};
use crate::Distribution;
use crate::kinds::Histogram;

/// The most bins.
const MOST_BINS: u32 = 400;

/// How a layer's values are spread over the steps.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct HistogramPlot {
    /// The branches, a panel each; `NAME.*` are the members of a family.
    #[arg(value_name = "BRANCH", required = true)]
    pub(super) branches: Vec<BranchOf>,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<LayerName>,
    /// Its values: weights, gradients, updates, activations or activation-gradients.
    #[arg(long, value_name = "VALUES", default_value = "weights")]
    pub(super) of: Distribution,
    /// A line a step, or a column: ridges or heat.
    #[arg(long, value_name = "FORM", default_value = "ridges")]
    pub(super) form: HistogramForm,
    /// The steps, such as 100..200 [default: all; where there are too many, some that are evenly
    /// spread].
    #[arg(long, value_name = "FIRST..LAST", value_parser = within)]
    pub(super) steps: Option<[Step; 2]>,
    /// The values, such as -0.2..0.2 [default: all].
    #[arg(long, value_name = "LOW..HIGH", value_parser = ends, allow_hyphen_values = true)]
    pub(super) range: Option<[f64; 2]>,
    /// How many equally wide bins.
    #[arg(long, value_name = "N", default_value_t = Histogram::BINS, value_parser = from_one::<u32>)]
    pub(super) bins: u32,
    /// The training image by its number, or the file of a picture of your own, for activations
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    pub(super) image: Option<ImageOption>,
}

impl HistogramPlot {
    /// Refuses what no store could make a figure of.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        check_all_steps(&self.branches, "histogram")?;
        if self.bins > MOST_BINS {
            return Err(CommandError::Value(format!("--bins must be at most {MOST_BINS}, found {}", self.bins)));
        }
        if self.image.is_some() && !self.of.source().is_of_image() {
            return Err(CommandError::Value(format!(
                "the {} are of no image: --image is for --of activations, activation-gradients",
                self.of
            )));
        }
        Ok(())
    }

    /// The image that was asked for.
    pub(super) fn image(&self) -> Option<&ImageOption> {
        self.image.as_ref()
    }
}

/// Two steps, the first one first.
pub(super) fn within(text: &str) -> Result<[Step; 2], String> {
    let refused = || format!("expected two steps, the first one first, such as 100..200, found `{text}`");
    let (first, last) = text.split_once("..").ok_or_else(refused)?;
    match [first, last].map(whole_number) {
        [Ok(first), Ok(last)] if first <= last => Ok([Step(first), Step(last)]),
        _ => Err(refused()),
    }
}

/// Two numbers, the lower one first, apart by enough that bins between them differ.
fn ends(text: &str) -> Result<[f64; 2], String> {
    let refused = || {
        format!("expected two finite numbers that are apart, the lower one first, such as -0.2..0.2, found `{text}`")
    };
    let (low, high) = text.split_once("..").ok_or_else(refused)?;
    match [low, high].map(number) {
        [Ok(low), Ok(high)] if low < high && is_drawable(Some(low), Some(high)) => Ok([low, high]),
        _ => Err(refused()),
    }
}

impl Print for HistogramPlot {
    fn print(&self, words: &mut Words) {
        let Self { branches, layer, of, form, steps, range, bins, image } = self;
        branches.iter().for_each(|branch| branch.print(words));
        words.option("layer", layer.as_ref());
        words.unless("of", of, &Distribution::default(), of.word());
        words.unless("form", form, &HistogramForm::default(), form.word());
        words.option("steps", steps.map(|[first, last]| format!("{first}..{last}")));
        words.option("range", range.map(|[low, high]| format!("{}..{}", written(low), written(high))));
        words.unless("bins", bins, &Histogram::BINS, bins);
        words.option("image", image.as_ref());
    }
}
