//! A command as words: what [`Command::parse`] reads as that command.
//!
//! Every struct is taken apart by all of its fields, so that an option that is new
//! cannot be left out.

use std::fmt::Display;

use clap::Args;
use revacnn_schemas::{Address, LayerName, Position, written};

use super::UntilOptions;
use super::branches::BranchOf;
use super::predict::TOP;
use super::regions::{LINES, POINTS};
use super::samples::USUAL;
use super::{
    Command, Compare, Cursor, Diff, Embed, Family, Fork, Input, MatchingOption, Over, Predict, Predictions, Regions,
    Samples, Show, Table, Train, Until,
};
use crate::{ImageSplit, Matching};

/// The words of a command, one after the other.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// A word that stands for itself.
    pub(super) fn word(&mut self, word: impl Display) {
        self.0.push(word.to_string());
    }

    /// An option with its value, where there is one.
    pub(super) fn option(&mut self, name: &str, value: Option<impl Display>) {
        let Some(value) = value.map(|value| value.to_string()) else { return };
        // What begins with a hyphen would be an option of its own.
        if value.starts_with('-') {
            self.0.push(format!("--{name}={value}"));
        } else {
            self.0.extend([format!("--{name}"), value]);
        }
    }

    /// An option that is a number with a fraction.
    pub(super) fn number(&mut self, name: &str, value: Option<f64>) {
        self.option(name, value.map(written));
    }

    /// An option whose value is left out where it is the usual one.
    pub(super) fn unless<T: PartialEq>(&mut self, name: &str, value: &T, usual: &T, word: impl Display) {
        self.option(name, (value != usual).then_some(word));
    }

    /// An option without a value.
    pub(super) fn flag(&mut self, name: &str, is_given: bool) {
        self.0.extend(is_given.then(|| format!("--{name}")));
    }

    pub(super) fn into_words(self) -> Vec<String> {
        self.0
    }
}

/// What can be written as words.
pub(super) trait Print {
    /// Adds its words.
    fn print(&self, words: &mut Words);
}

impl Command {
    /// Its words: reading them gives this command.
    pub fn words(&self) -> Vec<String> {
        let mut words = Words::default();
        let (name, rest): (&str, &dyn Print) = match self {
            Self::Train(family) => ("train", &**family),
            Self::Fork(family) => ("fork", &**family),
            Self::Cursor(cursor) => ("cursor", cursor),
            Self::Input(input) => ("input", input),
            Self::Plot(plot) => ("plot", plot),
            Self::Embed(embed) => ("embed", embed),
            Self::Compare(compare) => ("compare", compare),
            Self::Diff(diff) => ("diff", diff),
            Self::Show(show) => ("show", show),
            Self::Table(table) => ("table", table),
            Self::Samples(samples) => ("samples", samples),
            Self::Predictions(predictions) => ("predictions", predictions),
            Self::Predict(predict) => ("predict", predict),
            Self::Regions(regions) => ("regions", regions),
        };
        words.word(name);
        rest.print(&mut words);
        words.into_words()
    }
}

impl<L: Args + Print> Print for Family<L> {
    fn print(&self, words: &mut Words) {
        let Self { line, over } = self;
        line.print(words);
        words.option("over", over.as_ref());
    }
}

impl Display for Over {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { option, values } = self;
        let first: Option<u64> = values.first().and_then(|first| first.parse().ok());
        let is_next = |(place, value): (usize, &String)| {
            first.and_then(|first| first.checked_add(place as u64)).is_some_and(|number| *value == number.to_string())
        };
        match (&values[..], values.iter().enumerate().all(is_next)) {
            ([first, .., last], true) => write!(formatter, "{option}={first}..{last}"),
            _ => write!(formatter, "{option}={}", values.join(",")),
        }
    }
}

impl Print for Train {
    fn print(&self, words: &mut Words) {
        let Self {
            name,
            branch,
            dataset,
            reading,
            network,
            init_weights,
            init_biases,
            optimizer,
            learning_rate,
            momentum,
            weight_decay,
            clip_norm,
            schedule,
            batch_size,
            augmentation,
            init,
            init_layers,
            steps,
            epochs,
            seed,
            probe,
            fidelity,
            keyframe_interval,
            validate_every,
        } = self;
        name.iter().for_each(|name| words.word(name));
        words.option("branch", branch.as_ref());
        words.option("dataset", dataset.as_ref().map(|name| name.to_string_lossy()));
        reading.print(words);
        words.option("network", network.as_ref().map(|name| name.to_string_lossy()));
        words.option("init-weights", init_weights.as_ref());
        words.number("init-biases", *init_biases);
        words.option("optimizer", optimizer.as_ref());
        words.number("learning-rate", *learning_rate);
        words.number("momentum", *momentum);
        words.number("weight-decay", *weight_decay);
        words.number("clip-norm", *clip_norm);
        words.option("schedule", schedule.as_ref());
        words.option("batch-size", *batch_size);
        augmentation.print(words);
        words.option("seed", *seed);
        words.option("init", init.as_ref().map(|name| name.to_string_lossy()));
        let layers: Vec<&str> = init_layers.iter().map(LayerName::as_str).collect();
        words.option("init-layers", Some(layers.join(",")).filter(|layers| !layers.is_empty()));
        let probe: Vec<String> = probe.iter().map(u32::to_string).collect();
        words.option("probe", Some(probe.join(",")).filter(|probe| !probe.is_empty()));
        words.option("fidelity", *fidelity);
        words.option("keyframe-interval", *keyframe_interval);
        words.option("validate-every", *validate_every);
        words.option("steps", *steps);
        words.option("epochs", *epochs);
    }
}

impl Print for Fork {
    fn print(&self, words: &mut Words) {
        let Self { address, new, name, edit, until, fidelity } = self;
        words.word(address);
        new.iter().for_each(|new| words.word(new));
        words.option("name", name.as_ref());
        edit.iter().for_each(|edit| words.option("edit", Some(edit.to_string_lossy())));
        words.option("fidelity", *fidelity);
        until.print(words);
    }
}

impl Print for UntilOptions {
    fn print(&self, words: &mut Words) {
        let Self { steps, epochs } = self;
        words.option("steps", *steps);
        words.option("epochs", *epochs);
    }
}

impl Display for Until {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step(step) => write!(formatter, "{step}"),
            Self::More(more) => write!(formatter, "+{more}"),
        }
    }
}

impl Print for Cursor {
    fn print(&self, words: &mut Words) {
        let Self { name, at } = self;
        words.word(name);
        words.word(at);
    }
}

impl Print for Input {
    fn print(&self, words: &mut Words) {
        let Self { name, value, range, choices, toggle } = self;
        words.word(name);
        words.word(value);
        words.option("range", range.as_ref());
        words.option("choices", (!choices.is_empty()).then(|| choices.join(",")));
        words.flag("toggle", *toggle);
    }
}

impl Print for Embed {
    fn print(&self, words: &mut Words) {
        let Self { at, layer, of, image, split, count, reference, method, perplexity, seed } = self;
        at.iter().for_each(|address| words.word(address));
        words.option("layer", Some(layer));
        words.unless("of", of, &Default::default(), of.word());
        words.option("image", image.as_ref());
        words.option("split", split.map(ImageSplit::word));
        words.option("count", *count);
        words.option("reference", reference.as_ref());
        words.unless("method", method, &Default::default(), method.word());
        words.number("perplexity", *perplexity);
        words.unless("seed", seed, &0, seed);
    }
}

impl Print for Samples {
    fn print(&self, words: &mut Words) {
        let Self { at, by, class, count, table } = self;
        words.word(at);
        words.unless("by", by, &Default::default(), by.word());
        words.option("class", class.as_ref());
        words.unless("count", count, &USUAL, count);
        words.flag("table", *table);
    }
}

impl Print for Predictions {
    fn print(&self, words: &mut Words) {
        let Self { at, split, wrong, class, predicted, count, table } = self;
        words.word(at);
        words.unless("split", split, &Default::default(), split.word());
        words.flag("wrong", *wrong);
        words.option("class", class.as_ref());
        words.option("predicted", predicted.as_ref());
        words.unless("count", count, &USUAL, count);
        words.flag("table", *table);
    }
}

impl Print for Predict {
    fn print(&self, words: &mut Words) {
        let Self { at, image, top, table } = self;
        at.iter().for_each(|address| words.word(address));
        image.iter().for_each(|image| words.option("image", Some(image)));
        words.unless("top", top, &TOP, top);
        words.flag("table", *table);
    }
}

impl Print for Regions {
    fn print(&self, words: &mut Words) {
        let Self { at, split, lines, points, seed } = self;
        at.iter().for_each(|address| words.word(address));
        words.unless("split", split, &Default::default(), split.word());
        words.unless("lines", lines, &LINES, lines);
        words.unless("points", points, &POINTS, points);
        words.unless("seed", seed, &0, seed);
    }
}

impl Print for Compare {
    fn print(&self, words: &mut Words) {
        let Self { left, right, at, matching } = self;
        words.word(left);
        words.word(right);
        words.option("at", at.as_ref());
        matching.print(words);
    }
}

impl Print for Diff {
    fn print(&self, words: &mut Words) {
        let Self { left, right, matching } = self;
        words.word(left);
        words.word(right);
        matching.print(words);
    }
}

impl Print for MatchingOption {
    fn print(&self, words: &mut Words) {
        let Self { how } = self;
        words.unless("match", how, &Matching::default(), how);
    }
}

impl Print for Table {
    fn print(&self, words: &mut Words) {
        let Self { of, layer } = self;
        of.iter().for_each(|of| of.print(words));
        words.option("layer", layer.as_ref());
    }
}

impl Print for BranchOf {
    fn print(&self, words: &mut Words) {
        match self {
            // What is of all steps says so by the branch alone.
            Self::Branch(Address { branch, position: Position::Last }) => words.word(branch),
            of => words.word(of),
        }
    }
}

impl Print for Show {
    fn print(&self, words: &mut Words) {
        let Self { address, layer, filter } = self;
        words.word(address);
        words.option("layer", layer.as_ref());
        words.option("filter", *filter);
    }
}
