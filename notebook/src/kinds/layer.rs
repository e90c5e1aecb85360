//! What is looked at in a layer, and filters as small images.

use std::collections::{BTreeSet, HashSet};

use revacnn_analysis::{Gradients, LayerValues};
use revacnn_schemas::{
    FilterIdentity, Image, ImageGrid, ImageRow, LayerName, LayerTopology, Palette, Topology, counted,
};
use revacnn_store::StepTensors;

use ndarray::ArrayView2;

use super::curve::outputs_of;
use super::pictured::{reconstructed, slopes};
use crate::sources::{Place, unknown_layer};
use crate::{ChosenImage, Context, NotebookError, Source};

/// What is looked at in a layer at one place, owned.
pub(crate) struct Values {
    pub(crate) layer: LayerTopology,
    /// `[filter][value]`; `None` where the step has no gradients.
    pub(crate) values: Option<Vec<f32>>,
    /// Filters without gradient, `[filter]`; empty for other sources.
    pub(crate) frozen: Vec<bool>,
    of: Source,
}

impl Values {
    /// The values of a filter at a position.
    pub(crate) fn of(&self, position: usize) -> Option<&[f32]> {
        let values = self.values.as_ref()?;
        let length = values.len() / self.layer.filters.len().max(1);
        if self.frozen.get(position) == Some(&true) {
            return None;
        }
        values.get(position * length..(position + 1) * length)
    }

    /// As the analysis takes them.
    pub(crate) fn layer_values(&self) -> Result<LayerValues<'_>, NotebookError> {
        let filters = self.layer.filters.len();
        let array = |values| {
            let length = <[f32]>::len(values) / filters.max(1);
            ArrayView2::from_shape((filters, length), values).map_err(|error| NotebookError::Unknown {
                what: format!("the values of `{}` are no rows of equal length", self.layer.layer),
                known: error.to_string(),
            })
        };
        Ok(match (self.of, &self.values) {
            (Source::Weights, Some(values)) => LayerValues::Weights(array(values)?),
            (Source::Gradients, Some(values)) => {
                LayerValues::Gradients(Some(Gradients { values: array(values)?, frozen: &self.frozen }))
            }
            (_, Some(values)) => LayerValues::Maps(array(values)?),
            (_, None) => LayerValues::Gradients(None),
        })
    }
}

/// A layer's values at a place.
pub(crate) fn values(
    context: &mut Context<'_>,
    place: &Place,
    layer: &LayerName,
    of: Source,
) -> Result<Values, NotebookError> {
    let topology = &place.holder.topology;
    let found = topology.layers_with_filters().find(|candidate| candidate.layer == *layer);
    let found = found.ok_or_else(|| unknown_layer(layer, &place.holder))?;
    let image = if of.is_of_image() { context.image() } else { None };
    let tensors = context.tensors(place, image.as_ref())?;
    let mut frozen = Vec::new();
    let values = match of {
        Source::Weights => Some(tensors.layer(layer).ok_or_else(|| missing(place, layer, of))?.weights.clone()),
        Source::Gradients => {
            let gradients = &tensors.layer(layer).ok_or_else(|| missing(place, layer, of))?.gradients;
            gradients.as_ref().map(|gradients| {
                frozen.clone_from(&gradients.frozen);
                gradients.weights.clone()
            })
        }
        Source::Activations | Source::ActivationGradients => {
            let block = block_of(&tensors, layer, image.as_ref()).ok_or_else(|| missing(place, layer, of))?;
            Some(if of == Source::Activations { block.activations.clone() } else { block.gradients.clone() })
        }
    };
    Ok(Values { layer: found.clone(), values, frozen, of })
}

/// What a layer does not have, and the layers that do.
pub(crate) fn missing(place: &Place, layer: &LayerName, of: Source) -> NotebookError {
    let topology = &place.holder.topology;
    let (what, layers): (_, Vec<&LayerTopology>) = match of.is_of_image() {
        true => ("activation maps of the image", topology.blocks().collect()),
        false => ("weights", topology.parameter_layers().collect()),
    };
    let names: Vec<&str> = layers.into_iter().map(|candidate| candidate.layer.as_str()).collect();
    NotebookError::Unknown {
        what: format!("layer `{layer}` of `{}` has no {what}", place.name),
        known: format!("there is {}", names.join(", ")),
    }
}

/// A layer's block for the image; the first image that there is for `None`.
pub(crate) fn block_of<'a>(
    tensors: &'a StepTensors,
    layer: &LayerName,
    image: Option<&ChosenImage>,
) -> Option<&'a revacnn_store::BlockTensors> {
    // Tensors with a picture of a person's own have maps of that alone.
    let index = image.and_then(ChosenImage::index);
    let place = index.map_or(Some(0), |image| tensors.probes.iter().position(|probe| *probe == image))?;
    tensors.block(layer).nth(place)
}

/// Small images of a layer at several places, a row a place; filters in one
/// order by identity, gaps where a place lacks one. Filters of the second place
/// have the identities of the topology `matched`, where there is one.
pub(crate) fn grid(
    places: &[Place],
    all: &[Values],
    layer: &LayerName,
    of: Source,
    matched: Option<&Topology>,
) -> Result<ImageGrid, NotebookError> {
    let matched = matched.and_then(|topology| topology.layers.iter().find(|found| found.layer == *layer));
    let identities: Vec<&[FilterIdentity]> = all
        .iter()
        .enumerate()
        .map(|(at, values)| {
            matched.filter(|_| at == 1).map_or(&values.layer.filters, |layer| &layer.filters).as_slice()
        })
        .collect();
    let orders = orders(&identities);
    let every = all.iter().filter_map(|values| values.values.as_ref()).flatten();
    let range = range(every, of);
    let rows = places.iter().zip(all).zip(&identities).zip(&orders).map(|(((place, values), identities), order)| {
        let picture = |filter: &&FilterIdentity| {
            let position = identities.iter().position(|own| own == *filter)?;
            Some(picture(place, &values.layer, position, values.of(position)?, of, range))
        };
        let images = match as_image(place, values, of) {
            Some(image) => vec![Some(image)],
            None => order.iter().map(picture).collect(),
        };
        ImageRow { label: place.label(), images }
    });
    let rows = rows.collect();
    let mut notes = without_gradients(places, all)?;
    let drawn = |values: &Values| (0..values.layer.filters.len()).find_map(|position| Some(values.of(position)?.len()));
    let means = places.iter().zip(all).filter_map(|(place, values)| mean_of(place, &values.layer, drawn(values)?, of));
    notes.extend(are_means(means));
    let is_matched = matched.is_some() && places.len() > 1;
    notes.extend(
        is_matched.then(|| "filters beneath one another are those most alike, matched by assignment".to_owned()),
    );
    Ok(ImageGrid { title: format!("{of} of {layer}"), rows, of_data: false, notes })
}

/// What the last layer of a network that gives back the image has of one, as that: the
/// reconstruction, or the gradient of its loss; `None` of any other layer and source.
fn as_image(place: &Place, values: &Values, of: Source) -> Option<Image> {
    let is_last = place.holder.topology.class_layer().is_some_and(|last| last.layer == values.layer.layer);
    let shape = place.holder.definition().filter(|_| is_last && !outputs_of(&place.holder).are_of_classes())?.input;
    let (found, label) = (values.values.as_ref()?, values.layer.layer.to_string());
    match of {
        Source::Activations => reconstructed(shape, found, label),
        Source::ActivationGradients => slopes(shape, found, label),
        Source::Weights | Source::Gradients => None,
    }
}

/// The order of filters in each row: one for all rows that have a filter in common, or each
/// one with a third. What separate runs have is of no one else's column.
fn orders<'a>(rows: &[&'a [FilterIdentity]]) -> Vec<Vec<&'a FilterIdentity>> {
    let mut kin: Vec<(Vec<usize>, IndexedSet<'a>)> = Vec::new();
    for (at, filters) in rows.iter().enumerate() {
        let (related, others) =
            kin.into_iter().partition::<Vec<_>, _>(|(_, known)| filters.iter().any(|filter| known.contains(filter)));
        kin = others;
        let (mut places, mut order) = (Vec::new(), IndexedSet::default());
        for (before, known) in related {
            places.extend(before);
            order.extend(known.order);
        }
        places.push(at);
        order.extend(filters.iter());
        kin.push((places, order));
    }
    let mut orders = vec![Vec::new(); rows.len()];
    for (places, order) in kin {
        places.into_iter().for_each(|place| orders[place].clone_from(&order.order));
    }
    orders
}

/// Filters, each once, in the order in which they came.
#[derive(Default)]
struct IndexedSet<'a> {
    order: Vec<&'a FilterIdentity>,
    known: HashSet<&'a FilterIdentity>,
}

impl<'a> IndexedSet<'a> {
    fn contains(&self, filter: &FilterIdentity) -> bool {
        self.known.contains(filter)
    }

    fn extend(&mut self, filters: impl IntoIterator<Item = &'a FilterIdentity>) {
        self.order.extend(filters.into_iter().filter(|filter| self.known.insert(*filter)));
    }
}

/// What says that pictures are means over so many inputs; `None` where none is.
pub(crate) fn are_means(inputs: impl Iterator<Item = usize>) -> Option<String> {
    let mut counts: BTreeSet<usize> = inputs.collect();
    let mut words = counted(counts.pop_last()? as u64, "input");
    if !counts.is_empty() {
        let fewer: Vec<String> = counts.iter().map(usize::to_string).collect();
        words = format!("{} and {words}", fewer.join(", "));
    }
    Some(format!("each picture is the mean of a filter's kernels for {words}"))
}

/// Over how many inputs a filter of so many values is averaged for its [`picture`]; `None`
/// where its picture shows all that it has.
pub(crate) fn mean_of(place: &Place, layer: &LayerTopology, values: usize, of: Source) -> Option<usize> {
    if of.is_of_image() {
        return None;
    }
    let inputs = place.holder.topology.inputs_of(&layer.layer);
    let channels = layer.read_by_each(inputs.map_or(place.channels(), <[_]>::len)).max(1);
    let (kernel, is_whole) = (values / channels, values.is_multiple_of(channels));
    let is_square = kernel > 1 && (layer.kernel.is_some() || layer.kernel_of(kernel)[0] > 1);
    let is_rgb = inputs.is_none() && channels == 3 && of == Source::Weights;
    (is_whole && is_square && channels > 1 && !is_rgb).then_some(channels)
}

/// What has no gradient, a note each.
///
/// # Errors
/// Where nothing has one.
fn without_gradients(places: &[Place], all: &[Values]) -> Result<Vec<String>, NotebookError> {
    let notes: Vec<String> = places
        .iter()
        .zip(all)
        .filter_map(|(place, values)| {
            if values.values.is_none() {
                return Some(format!("{} has no gradients: it is the first step of its branch", place.label()));
            }
            let frozen = values.layer.filters.iter().zip(&values.frozen).filter(|(_, frozen)| **frozen);
            let numbers: Vec<String> = frozen.map(|(filter, _)| filter.number.to_string()).collect();
            let layer = &values.layer.layer;
            let label = place.label();
            (!numbers.is_empty())
                .then(|| format!("frozen and without gradient in {label}: {layer}/{}", numbers.join(", ")))
        })
        .collect();
    let nothing = |values: &Values| (0..values.layer.filters.len()).all(|position| values.of(position).is_none());
    if !all.is_empty() && all.iter().all(nothing) {
        let what = "there is nothing to draw".to_owned();
        return Err(NotebookError::Unknown { what, known: notes.join("; ") });
    }
    Ok(notes)
}

/// The palette's ends for some values of a source.
pub(crate) fn range<'a>(values: impl Iterator<Item = &'a f32>, of: Source) -> [f32; 2] {
    let finite = values.filter(|value| value.is_finite());
    if of != Source::Activations {
        let most = finite.fold(0.0_f32, |most, value| most.max(value.abs()));
        return [-most, most];
    }
    let range =
        finite.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)]);
    if range[0] <= range[1] { [range[0].min(0.0), range[1]] } else { [0.0; 2] }
}

/// One filter's values as an image: of the first layer's coefficients in
/// colour, of others the mean over the input channels.
pub(crate) fn picture(
    place: &Place,
    layer: &LayerTopology,
    position: usize,
    values: &[f32],
    of: Source,
    range: [f32; 2],
) -> Image {
    let filter = layer.filters[position].clone();
    let label = format!("{}/{}", layer.layer, filter.number);
    let image = |rows, columns, pixels, palette, range| Image {
        label: label.clone(),
        filter: Some((layer.layer.clone(), filter.clone())),
        rows,
        columns,
        pixels,
        palette,
        range,
    };
    if of.is_of_image() {
        let [rows, columns] = layer.map.unwrap_or([1, values.len()]);
        let palette = if of == Source::Activations { Palette::Sequential } else { Palette::Diverging };
        return image(rows, columns, values.to_vec(), palette, range);
    }
    let inputs = place.holder.topology.inputs_of(&layer.layer);
    let channels = layer.read_by_each(inputs.map_or(place.channels(), <[_]>::len)).max(1);
    let kernel = values.len() / channels;
    let [rows, columns] = layer.kernel_of(kernel);
    let is_line = rows == 1 && columns > 1 && layer.kernel.is_none();
    if is_line || !values.len().is_multiple_of(channels) || kernel == 0 {
        // A fully connected unit on maps that are not square: one line.
        return image(1, values.len(), values.to_vec(), Palette::Diverging, range);
    }
    if kernel == 1 && channels > 1 {
        let columns = (1..=channels).rev().find(|side| side * side <= channels && channels.is_multiple_of(*side));
        let rows = columns.unwrap_or(1);
        return image(rows, channels / rows, values.to_vec(), Palette::Diverging, range);
    }
    if inputs.is_none() && channels == 3 && of == Source::Weights {
        let pixels = (0..kernel).flat_map(|pixel| (0..3).map(move |channel| values[channel * kernel + pixel]));
        return image(rows, columns, pixels.collect(), Palette::Rgb, range);
    }
    let mean =
        |pixel: usize| (0..channels).map(|channel| values[channel * kernel + pixel]).sum::<f32>() / channels as f32;
    let pixels: Vec<f32> = (0..kernel).map(mean).collect();
    let range = if channels == 1 { range } else { self::range(pixels.iter(), of) };
    image(rows, columns, pixels, Palette::Diverging, range)
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{BranchId, Digest, FilterNumber};

    use super::*;

    #[test]
    fn rows_of_kin_have_one_order_and_strangers_leave_no_gap() {
        let of = |born: u8, numbers: &[u32]| -> Vec<FilterIdentity> {
            let born = BranchId::derive(Digest([born; 32]), 0);
            numbers
                .iter()
                .map(|&number| FilterIdentity { number: FilterNumber(number), born: Some(born.clone()) })
                .collect()
        };
        let (base, stranger) = (of(1, &[0, 1, 2]), of(2, &[0, 1]));
        let wider = [of(1, &[0, 2]), of(3, &[3])].concat();
        let late = of(3, &[3, 4]);
        let found = orders(&[&base, &stranger, &wider, &late]);
        let numbers = |at: usize| found[at].iter().map(|filter| filter.number.0).collect::<Vec<_>>();
        assert_eq!([numbers(0), numbers(2), numbers(3)], [[0, 1, 2, 3, 4]; 3]);
        assert_eq!(numbers(1), [0, 1]);
    }
}
