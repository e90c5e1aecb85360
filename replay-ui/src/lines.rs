//! What a figure shows, as a line of a notebook: names and numbers alone.

use revacnn_notebook::kinds::{
    Chart, Compare, Confusion, Embedding, Filter, Filters, Histogram, ImageEmbedding, Loss, Maximise, Network, Patches,
    Predictions, Saliency, Samples, Traced,
};
use revacnn_notebook::{
    Cell, ChosenImage, Distribution, ImageSplit, Inputs, Matching, Method, Rank, Show, Smoothing, Source, XAxis,
};
use revacnn_schemas::{Address, HistogramForm, Scale};

/// The line of a cell; `None` of one that no line shows. A picture of one's own is called by its
/// file's name alone.
pub(crate) fn line_of(cell: &Cell, inputs: &Inputs) -> Option<Vec<String>> {
    let mut line = Line::default();
    if let Some(Network { at, show, trace }) = cell.as_kind() {
        line.words(["plot", "network"]);
        line.at(at.as_ref());
        if *show != Show::default() {
            line.option("show", show.word().to_owned());
        }
        if let Some(Traced { layer, filter, .. }) = trace {
            line.option("trace", format!("{layer}/{filter}"));
        }
        line.image(inputs);
    } else if let Some(Filters { at, layer, of }) = cell.as_kind() {
        line.words(["plot", if of.is_of_image() { "activations" } else { "filters" }]);
        line.at(at);
        line.option("layer", layer.to_string());
        if ![Source::Weights, Source::Activations].contains(of) {
            line.option("of", of.word().to_owned());
        }
        if of.is_of_image() {
            line.image(inputs);
        }
    } else if let Some(Filter { at, layer, filter, .. }) = cell.as_kind() {
        line.words(["plot", "filter"]);
        line.at(at.as_ref());
        line.option("layer", layer.to_string());
        line.option("filter", filter.to_string());
        line.image(inputs);
    } else if let Some(Loss { x, scale, smoothing, .. }) = cell.as_kind() {
        line.words(["plot", "loss"]);
        line.curves(inputs, *x, *scale, *smoothing);
    } else if let Some(Chart { quantity, layer, filter, x, scale, smoothing, .. }) = cell.as_kind() {
        line.words(["plot", "chart"]);
        line.curves(inputs, *x, *scale, *smoothing);
        line.option("quantity", quantity.clone());
        layer.iter().for_each(|layer| line.option("layer", layer.to_string()));
        filter.iter().for_each(|filter| line.option("filter", filter.to_string()));
    } else if let Some(Embedding { at, layer, of, method, .. }) = cell.as_kind() {
        line.words(["embed"]);
        line.at(at);
        line.option("layer", layer.to_string());
        if *of != Source::Weights {
            line.option("of", of.word().to_owned());
        }
        if *method != Method::Tsne {
            line.option("method", method.word().to_owned());
        }
        if of.is_of_image() {
            line.image(inputs);
        }
    } else if let Some(ImageEmbedding { at, reference, layer, of, count, method, .. }) = cell.as_kind() {
        line.words(["embed"]);
        line.at(at);
        line.option("layer", layer.to_string());
        line.option("of", "images".to_owned());
        line.split(*of);
        line.option("count", count.to_string());
        reference.iter().for_each(|reference| line.option("reference", reference.to_string()));
        if *method != Method::Tsne {
            line.option("method", method.word().to_owned());
        }
    } else if let Some(Confusion { at, less, of }) = cell.as_kind() {
        line.words(["plot", "confusion"]);
        line.at(at.iter().chain(less));
        line.split(*of);
    } else if let Some(Predictions { at, of, wrong, class, predicted, count, .. }) = cell.as_kind() {
        line.words(["predictions"]);
        line.at(at.as_ref());
        line.split(*of);
        if *wrong {
            line.words(["--wrong"]);
        }
        class.iter().for_each(|class| line.option("class", class.clone()));
        predicted.iter().for_each(|class| line.option("predicted", class.clone()));
        line.option("count", count.to_string());
    } else if let Some(Samples { at, by, class, count, .. }) = cell.as_kind() {
        line.words(["samples"]);
        line.at(at.as_ref());
        if *by != Rank::default() {
            line.option("by", by.word().to_owned());
        }
        class.iter().for_each(|class| line.option("class", class.clone()));
        line.option("count", count.to_string());
    } else if let Some(Patches { at, layer, filter, of, count, whole }) = cell.as_kind() {
        line.words(["plot", "patches"]);
        line.at(at.as_ref());
        line.option("layer", layer.to_string());
        filter.iter().for_each(|filter| line.option("filter", filter.to_string()));
        line.split(*of);
        line.option("count", count.to_string());
        if *whole {
            line.words(["--whole"]);
        }
    } else if let Some(maximise) = cell.as_kind::<Maximise>() {
        let Maximise { at, layer, filter, count, iterations, decay, blur, clip, seed, whole } = maximise;
        line.words(["plot", "maximise"]);
        line.at(at.as_ref());
        line.option("layer", layer.to_string());
        filter.iter().for_each(|filter| line.option("filter", filter.to_string()));
        line.option("count", count.to_string());
        let usual = Maximise::usual(None, layer.clone(), *count);
        let mut unless = |name: &str, is_usual: bool, value: String| {
            if !is_usual {
                line.option(name, value);
            }
        };
        unless("iterations", *iterations == usual.iterations, iterations.to_string());
        unless("decay", *decay == usual.decay, decay.to_string());
        unless("blur", *blur == usual.blur, blur.to_string());
        unless("clip", *clip == usual.clip, clip.to_string());
        unless("seed", *seed == usual.seed, seed.to_string());
        if *whole {
            line.words(["--whole"]);
        }
    } else if let Some(Saliency { at, of, class }) = cell.as_kind() {
        line.words(["plot", "saliency"]);
        line.at(at.as_ref());
        line.image(inputs);
        if *of != ImageSplit::Train {
            line.option("split", of.word().to_owned());
        }
        class.iter().for_each(|class| line.option("class", class.clone()));
    } else if let Some(Histogram { layer, of, form, within, range, bins: _ }) = cell.as_kind() {
        line.words(["plot", "histogram"]);
        line.0.extend(inputs.branches.iter().map(ToString::to_string));
        line.option("layer", layer.to_string());
        if *of != Distribution::default() {
            line.option("of", of.word().to_owned());
        }
        if *form != HistogramForm::default() {
            line.option("form", form.word().to_owned());
        }
        within.iter().for_each(|[first, last]| line.option("steps", format!("{first}..{last}")));
        range.iter().for_each(|[low, high]| line.option("range", format!("{low}..{high}")));
        if of.is_of_image() {
            line.image(inputs);
        }
    } else if let Some(Compare { at, matching }) = cell.as_kind() {
        line.words(["compare"]);
        line.at(at);
        if *matching != Matching::default() {
            line.option("match", matching.word().to_owned());
        }
    } else {
        return None;
    }
    Some(line.0)
}

#[derive(Default)]
struct Line(Vec<String>);

impl Line {
    fn words<const N: usize>(&mut self, words: [&str; N]) {
        self.0.extend(words.map(str::to_owned));
    }

    fn at<'a>(&mut self, at: impl IntoIterator<Item = &'a Address>) {
        self.0.extend(at.into_iter().map(ToString::to_string));
    }

    fn option(&mut self, name: &str, value: String) {
        self.0.extend([format!("--{name}"), value]);
    }

    fn split(&mut self, of: ImageSplit) {
        if of != ImageSplit::default() {
            self.option("split", of.word().to_owned());
        }
    }

    fn image(&mut self, inputs: &Inputs) {
        match &inputs.image {
            Some(ChosenImage::Training(image)) => self.option("image", image.to_string()),
            Some(ChosenImage::Own(picture)) => self.option("image", picture.to_string()),
            None => {}
        }
    }

    fn curves(&mut self, inputs: &Inputs, x: XAxis, scale: Scale, smoothing: Smoothing) {
        self.0.extend(inputs.branches.iter().map(ToString::to_string));
        if x != XAxis::default() {
            self.option("x", x.word().to_owned());
        }
        if scale == Scale::Logarithmic {
            self.0.push("--log".to_owned());
        }
        if !smoothing.is_none() {
            self.option("smooth", smoothing.weight().to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use revacnn_notebook::CellKind;
    use revacnn_notebook::command::Command;
    use revacnn_schemas::{BranchName, FilterNumber, ImageIndex, Step};

    use super::*;

    /// What is kept shows what was looked at.
    #[test]
    fn the_line_of_a_cell_makes_that_cell() {
        let at = || vec!["main@30".parse::<Address>().unwrap(), "wider@40".parse().unwrap()];
        let one = || Some(at()[0].clone());
        let layer = || "conv1".parse().unwrap();
        let branches: Vec<BranchName> = vec!["main".parse().unwrap(), "wider".parse().unwrap()];
        let inputs = Inputs { branches, image: Some(ImageIndex(3).into()), ..Inputs::default() };
        let smoothing = "0.6".parse().unwrap();
        let (x, scale) = (XAxis::Epoch, Scale::Logarithmic);
        let start = revacnn_notebook::kinds::Start::Fresh;
        let cells: Vec<Cell> = vec![
            Network { at: one(), show: Show::Coefficients, trace: None }.into(),
            Filters { at: at(), layer: layer(), of: Source::Gradients }.into(),
            Filters { at: at(), layer: layer(), of: Source::ActivationGradients }.into(),
            Filter { at: one(), layer: layer(), filter: FilterNumber(2), born: None }.into(),
            Loss { x, scale, smoothing, ..Loss::default() }.into(),
            Chart { quantity: "weight_norm".to_owned(), layer: Some(layer()), x, scale, smoothing, ..Chart::default() }
                .into(),
            Embedding {
                at: at(),
                layer: layer(),
                of: Source::Activations,
                method: Method::Pca,
                perplexity: None,
                seed: 0,
                start,
            }
            .into(),
            ImageEmbedding {
                at: at(),
                reference: one(),
                layer: layer(),
                of: ImageSplit::Validation,
                count: 500,
                method: Method::Pca,
                perplexity: None,
                seed: 0,
            }
            .into(),
            Confusion { at: one(), less: Some(at()[1].clone()), of: ImageSplit::Test }.into(),
            Confusion { at: one(), less: None, of: ImageSplit::Validation }.into(),
            Predictions {
                at: one(),
                of: ImageSplit::Validation,
                wrong: true,
                class: Some("cat".to_owned()),
                predicted: Some("8".to_owned()),
                count: 60,
                table: false,
            }
            .into(),
            Samples { at: one(), by: Rank::Forgotten, class: Some("cat".to_owned()), count: 60, table: false }.into(),
            Patches { at: one(), layer: layer(), filter: None, of: ImageSplit::Test, count: 9, whole: true }.into(),
            Maximise { filter: Some(FilterNumber(2)), blur: 1.5, ..Maximise::usual(one(), layer(), 4) }.into(),
            Maximise { seed: 7, whole: true, ..Maximise::usual(one(), layer(), 4) }.into(),
            Saliency { at: one(), of: ImageSplit::Train, class: Some("cat".to_owned()) }.into(),
            Histogram {
                layer: layer(),
                of: Distribution::ActivationGradients,
                form: HistogramForm::Heat,
                within: Some([Step(3), Step(40)]),
                range: Some([-0.25, 1e-7]),
                bins: 80,
            }
            .into(),
            Compare { at: at(), matching: Matching::Identity }.into(),
        ];
        for cell in cells {
            let words = line_of(&cell, &inputs).unwrap();
            let command = Command::parse(&words).unwrap_or_else(|error| panic!("{words:?}: {error:?}"));
            let none = |_: &BranchName| panic!("nothing is looked up");
            let members = |_: &BranchName| panic!("nothing is looked up");
            let picture = |_: &std::path::Path| panic!("nothing is looked up");
            let lookup = revacnn_notebook::command::Lookup { record: &none, members: &members, picture: &picture };
            let (made, given) = command.cell(lookup).unwrap().unwrap();
            assert_eq!(made, cell, "{words:?}");
            let is_of_branches = [Loss::KIND, Chart::KIND, Histogram::KIND].contains(&cell.kind());
            if is_of_branches {
                assert_eq!(given.branches, inputs.branches, "{words:?}");
            }
        }
    }
}
