//! `plot` as words.

use super::{
    ActivationsPlot, ChartPlot, ConfusionPlot, Curves, FilterPlot, FiltersPlot, LossPlot, NetworkPlot, PATCHES,
    PatchesPlot, Plot, SaliencyPlot, Steps, XAxis,
};
use crate::command::print::{Print, Words};
use crate::{ImageSplit, Show, Source};

impl Print for Plot {
    fn print(&self, words: &mut Words) {
        let (name, rest): (&str, &dyn Print) = match self {
            Self::Loss(plot) => ("loss", plot),
            Self::Chart(plot) => ("chart", plot),
            Self::Histogram(plot) => ("histogram", plot),
            Self::FiltersOverTime(plot) => ("filters-over-time", plot),
            Self::Network(plot) => ("network", plot),
            Self::Filters(plot) => ("filters", plot),
            Self::Activations(plot) => ("activations", plot),
            Self::Filter(plot) => ("filter", plot),
            Self::Confusion(plot) => ("confusion", plot),
            Self::Patches(plot) => ("patches", plot),
            Self::Maximise(plot) => ("maximise", plot),
            Self::Saliency(plot) => ("saliency", plot),
        };
        words.word(name);
        rest.print(words);
    }
}

impl Print for Curves {
    fn print(&self, words: &mut Words) {
        let Self { of, members, x, log, y_min, y_max, smooth } = self;
        of.iter().for_each(|of| of.print(words));
        words.flag("members", *members);
        words.unless("x", x, &XAxis::Step, x.word());
        words.flag("log", *log);
        words.number("y-min", *y_min);
        words.number("y-max", *y_max);
        words.unless("smooth", smooth, &Default::default(), smooth.weight());
    }
}

impl Print for Steps {
    fn print(&self, words: &mut Words) {
        let Self { at } = self;
        at.iter().for_each(|address| words.word(address));
    }
}

impl Print for LossPlot {
    fn print(&self, words: &mut Words) {
        let Self { curves } = self;
        curves.print(words);
    }
}

impl Print for ChartPlot {
    fn print(&self, words: &mut Words) {
        let Self { curves, quantity, layer, filter } = self;
        curves.print(words);
        words.option("quantity", quantity.as_ref());
        words.option("layer", layer.as_ref());
        words.option("filter", *filter);
    }
}

impl Print for NetworkPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, show, trace, image } = self;
        steps.print(words);
        words.unless("show", show, &Show::Maps, show.word());
        words.option("trace", trace.as_ref().map(|(layer, filter)| format!("{layer}/{filter}")));
        words.option("image", image.as_ref());
    }
}

impl Print for FiltersPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, layer, of } = self;
        steps.print(words);
        words.option("layer", layer.as_ref());
        print_source(*of, Source::Weights, words);
    }
}

impl Print for ActivationsPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, layer, of, image } = self;
        steps.print(words);
        words.option("layer", layer.as_ref());
        print_source(*of, Source::Activations, words);
        words.option("image", image.as_ref());
    }
}

impl Print for FilterPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, layer, filter, image } = self;
        steps.print(words);
        words.option("layer", layer.as_ref());
        words.option("filter", *filter);
        words.option("image", image.as_ref());
    }
}

impl Print for PatchesPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, layer, filter, split, count, whole } = self;
        steps.print(words);
        words.option("layer", layer.as_ref());
        words.option("filter", *filter);
        words.unless("split", split, &Default::default(), split.word());
        words.unless("count", count, &PATCHES, count);
        words.flag("whole", *whole);
    }
}

impl Print for SaliencyPlot {
    fn print(&self, words: &mut Words) {
        let Self { steps, image, split, class } = self;
        steps.print(words);
        words.option("image", image.as_ref());
        words.unless("split", split, &ImageSplit::Train, split.word());
        words.option("class", class.as_ref());
    }
}

impl Print for ConfusionPlot {
    fn print(&self, words: &mut Words) {
        let Self { at, less, split } = self;
        words.word(at);
        less.iter().for_each(|less| words.word(less));
        words.unless("split", split, &Default::default(), split.word());
    }
}

fn print_source(of: Source, usual: Source, words: &mut Words) {
    words.unless("of", &of, &usual, of.word());
}
