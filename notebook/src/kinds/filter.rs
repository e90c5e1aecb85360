//! One filter, looked into.

use ndarray::ArrayView2;
use revacnn_analysis::nearest_to;
use revacnn_schemas::{
    Address, BranchId, Figure, FilterIdentity, FilterNumber, Image, ImageGrid, ImageRow, LayerName, LayerTopology,
    Palette,
};
use serde::{Deserialize, Serialize};

use super::layer::{are_means, block_of, mean_of, missing, picture, range};
use crate::context::of_unlabelled;
use crate::sources::{Place, unknown_layer};
use crate::{CellKind, Context, NotebookError, Source};

/// How many of the filters most like it are shown.
const NEIGHBOURS: usize = 3;

/// One filter: its coefficients and their gradients for each input, its
/// map and the map's gradient for the image, and the filters of its layer
/// that are most like it. Of several branches the first one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// The layer.
    pub layer: LayerName,
    /// The filter's number.
    pub filter: FilterNumber,
    /// The branch that it was born in, so that another branch's filter of
    /// that number is not taken for it; any where `None`.
    pub born: Option<BranchId>,
}

impl CellKind for Filter {
    const KIND: &'static str = "filter";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        self.grid(context, &place).map(Figure::Images)
    }
}

impl Filter {
    /// Coefficients, gradients, map, map gradient and the nearest filters, a row
    /// each with a range of its own. What the step does not have, and what cannot
    /// be computed without the data, has no row and is noted.
    fn grid(&self, context: &mut Context<'_>, place: &Place) -> Result<ImageGrid, NotebookError> {
        let found = place.holder.topology.layers_with_filters().find(|candidate| candidate.layer == self.layer);
        let layer = found.ok_or_else(|| unknown_layer(&self.layer, &place.holder))?;
        let position = self.position(place, layer)?;
        let mut notes = Vec::new();
        let seen = if layer.map.is_some() { context.seen(place, &mut notes) } else { None };
        let tensors = context.tensors(place, seen.as_ref())?;
        let parameters = tensors.layer(&layer.layer);
        let parameters = parameters.ok_or_else(|| missing(place, &layer.layer, Source::Weights))?;
        let weights = &parameters.weights;
        let count = layer.filters.len();
        let of = |position: usize, values| -> &[f32] {
            let length = <[f32]>::len(values) / count;
            &values[position * length..(position + 1) * length]
        };

        let mut coefficients = by_input(place, layer, position, of(position, weights));
        let whole = picture(place, layer, position, of(position, weights), Source::Weights, [0.0; 2]);
        if whole.palette == Palette::Rgb {
            coefficients.insert(0, Image { label: "RGB".to_owned(), ..whole });
        }
        let mut rows = vec![row("coefficients", coefficients, Source::Weights)];
        match parameters.gradients.as_ref() {
            Some(gradients) if gradients.frozen[position] => {
                notes.push("no gradients: the filter is frozen".to_owned())
            }
            Some(gradients) => {
                let images = by_input(place, layer, position, of(position, &gradients.weights));
                rows.push(row("gradients", images, Source::Gradients));
            }
            None => notes.push(format!("no gradients: {} is the first step of its branch", place.label())),
        }
        if let Some(block) = seen.as_ref().and_then(|image| block_of(&tensors, &layer.layer, Some(image))) {
            let map = |values, source| vec![picture(place, layer, position, of(position, values), source, [0.0; 2])];
            rows.push(row("map", map(&block.activations, Source::Activations), Source::Activations));
            let gradient = map(&block.gradients, Source::ActivationGradients);
            rows.push(row("map gradient", gradient, Source::ActivationGradients));
            let is_own = seen.as_ref().is_some_and(|image| image.own().is_some());
            notes.extend(of_unlabelled(place).filter(|_| is_own));
        }
        // Where a filter of the layer is not finite, there are no angles.
        let vectors = ArrayView2::from_shape((count, weights.len() / count), weights);
        let nearest = vectors.ok().and_then(|vectors| nearest_to(vectors, position, NEIGHBOURS).ok());
        let nearest = nearest.into_iter().flatten().map(|other| {
            let image = picture(place, layer, other.filter, of(other.filter, weights), Source::Weights, [0.0; 2]);
            let similarity = format!("{:.2}", other.similarity).replace('-', "−");
            Image { label: format!("{} · {similarity}", image.label), ..image }
        });
        let nearest: Vec<Image> = nearest.collect();
        if !nearest.is_empty() {
            let mean = mean_of(place, layer, weights.len() / count, Source::Weights);
            notes.extend(are_means(mean.into_iter()).map(|what| format!("nearest: {what}")));
            rows.push(row("nearest", nearest, Source::Weights));
        }
        let seen = seen.map_or_else(String::new, |image| format!(", {image}"));
        let title = format!("filter {}/{} of {}{seen}", layer.layer, self.filter, place.label());
        Ok(ImageGrid { title, rows, of_data: false, notes })
    }

    /// Where the filter is in its layer; an error lists those that there are.
    fn position(&self, place: &Place, layer: &LayerTopology) -> Result<usize, NotebookError> {
        position_of(layer, self.filter, self.born.as_ref()).ok_or_else(|| {
            let born = self.born.as_ref().map_or_else(String::new, |born| format!(" born in {born}"));
            let known: Vec<String> = layer.filters.iter().map(|filter| filter.number.to_string()).collect();
            NotebookError::Unknown {
                what: format!("`{}` has no filter {}/{}{born}", place.label(), layer.layer, self.filter),
                known: format!("the filters of {} are {}", layer.layer, known.join(", ")),
            }
        })
    }
}

/// Where a filter is in its layer: the one of a number, and, where that is said, born in a branch.
pub(super) fn position_of(layer: &LayerTopology, filter: FilterNumber, born: Option<&BranchId>) -> Option<usize> {
    let is_wanted = |other: &FilterIdentity| other.number == filter && (born.is_none() || other.born.as_ref() == born);
    layer.filters.iter().position(is_wanted)
}

/// A filter's values as an image for each filter, or channel, that it reads.
fn by_input(place: &Place, layer: &LayerTopology, position: usize, values: &[f32]) -> Vec<Image> {
    let before = place.holder.topology.input_layer_of(&layer.layer);
    let all = before.map_or(place.channels(), |before| before.filters.len());
    let read = layer.read_by(position, all);
    let (first, channels) = (read.start, read.len());
    let kernel = values.len() / channels.max(1);
    if kernel == 0 || !values.len().is_multiple_of(channels) {
        // Of a layer that does not mix its inputs, such as a normalisation's.
        return vec![line(format!("{}/{}", layer.layer, layer.filters[position].number), values)];
    }
    let images = values.chunks_exact(kernel).enumerate().map(|(at, values)| {
        let input = first + at;
        let origin = before.and_then(|before| place.holder.topology.origin_of(&before.layer, input));
        let label = match (before, all) {
            (Some(before), _) => match origin {
                Some((layer, filter)) => format!("{}/{}", layer.layer, filter.number),
                None => format!("{}/{}", before.layer, before.filters[input].number),
            },
            (None, 1) => "grey".to_owned(),
            (None, 3) => ["red", "green", "blue"][input].to_owned(),
            (None, _) => format!("channel {input}"),
        };
        let image = line(label, values);
        // A fully connected unit on maps that are not square is left as a line.
        let [rows, columns] = layer.kernel_of(kernel);
        let filter = origin.map(|(layer, filter)| (layer.layer.clone(), filter.clone()));
        Image { filter, rows, columns, ..image }
    });
    images.collect()
}

fn line(label: String, values: &[f32]) -> Image {
    Image {
        label,
        filter: None,
        rows: 1,
        columns: values.len(),
        pixels: values.to_vec(),
        palette: Palette::Diverging,
        range: [0.0; 2],
    }
}

/// Images in one range.
fn row(label: &str, images: Vec<Image>, of: Source) -> ImageRow {
    let range = range(images.iter().flat_map(|image| &image.pixels), of);
    let images = images.into_iter().map(|image| Some(Image { range, ..image })).collect();
    ImageRow { label: label.to_owned(), images }
}
