//! `plot maximise`: images that excite filters most.

use clap::Args;
use revacnn_schemas::{Address, FilterNumber, LayerName, number};
use revacnn_trainer::Ascent;

use super::super::print::{Print, Words};
use super::super::values::{from_one, whole};
use super::CommandError;
use crate::kinds::Maximise;

/// So many images of each filter unless another number is asked for, and at most.
const COUNT: u32 = 3;
const MOST: u32 = 20;
/// The most gradients that each image climbs.
const MOST_ITERATIONS: u32 = 10_000;

/// Images that excite filters most, found by gradient ascent.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct MaximisePlot {
    /// A step such as main@100.
    #[arg(value_name = "ADDRESS")]
    pub(super) at: Address,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub(super) layer: Option<LayerName>,
    /// One of its filters, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    pub(super) filter: Option<u32>,
    /// How many images of each filter, each from other noise.
    #[arg(long, value_name = "N", default_value_t = COUNT, value_parser = from_one::<u32>)]
    count: u32,
    /// How many gradients each climbs.
    #[arg(long, value_name = "N", default_value_t = Ascent::default().iterations, value_parser = from_one::<u32>)]
    iterations: u32,
    /// By which share of themselves values fall towards grey with each gradient.
    #[arg(long, value_name = "SHARE", default_value_t = Ascent::default().decay, value_parser = number)]
    decay: f64,
    /// The standard deviation of the blur after every fourth gradient, in pixels; 0 blurs nothing.
    #[arg(long, value_name = "PIXELS", default_value_t = Ascent::default().blur, value_parser = number)]
    blur: f64,
    /// The share of the pixels that become grey after every fourth gradient, those nearest to it.
    #[arg(long, value_name = "SHARE", default_value_t = Ascent::default().clip, value_parser = number)]
    clip: f64,
    /// The seed of the noise.
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = whole::<u64>)]
    seed: u64,
    /// Show whole images, and not what a filter sees of them.
    #[arg(long)]
    whole: bool,
}

impl MaximisePlot {
    /// Refuses what no store could make a figure of.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let refuse = |words: String| Err(CommandError::Value(words));
        if self.count > MOST {
            return refuse(format!("--count must be at most {MOST}, found {}", self.count));
        }
        if self.iterations > MOST_ITERATIONS {
            return refuse(format!("--iterations must be at most {MOST_ITERATIONS}, found {}", self.iterations));
        }
        let &Self { iterations, decay, blur, clip, seed, .. } = self;
        Ascent { iterations, decay, blur, clip, seed }.check().or_else(|words| refuse(format!("--{words}")))
    }

    /// The cell that makes the figure.
    pub(super) fn cell(&self, layer: LayerName) -> Maximise {
        let &Self { ref at, layer: _, filter, count, iterations, decay, blur, clip, seed, whole } = self;
        let (at, filter) = (Some(at.clone()), filter.map(FilterNumber));
        Maximise { at, layer, filter, count, iterations, decay, blur, clip, seed, whole }
    }
}

impl Print for MaximisePlot {
    fn print(&self, words: &mut Words) {
        let Self { at, layer, filter, count, iterations, decay, blur, clip, seed, whole } = self;
        let usual = Ascent::default();
        words.word(at);
        words.option("layer", layer.as_ref());
        words.option("filter", *filter);
        words.unless("count", count, &COUNT, count);
        words.unless("iterations", iterations, &usual.iterations, iterations);
        words.unless("decay", decay, &usual.decay, decay);
        words.unless("blur", blur, &usual.blur, blur);
        words.unless("clip", clip, &usual.clip, clip);
        words.unless("seed", seed, &usual.seed, seed);
        words.flag("whole", *whole);
    }
}
