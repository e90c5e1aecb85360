//! Coefficients of filters that are there already: drawn anew, set, frozen.

use revacnn_schemas::{ArrayFile, FilterNumber, LayerName, Target, counted};

use super::arrays::{self, NewFilter};
use super::draft::Draft;
use super::draws;
use super::outcome::{Done, Refusal};
use crate::TrainerError;
use crate::exchange::{Arrays, Place, axes, place};
use crate::layers::Role;

/// Draws the coefficients of a filter, or of all filters of a layer, anew:
/// as the layer begins, with slots of zeros; its channels in layers that
/// normalise begin again. The coefficients that read it stay.
pub(super) fn reinitialise(draft: &mut Draft, target: &Target, seed: u64) -> Result<Done, Refusal> {
    let (layer, positions) = find(draft, target)?;
    // A normalisation's channels are its own alone; filters take theirs along.
    let joined = if draft.kind(layer)?.role == Role::Opens { draft.joined(layer) } else { Vec::new() };
    let numbers = draft.numbers(layer);
    for &place in std::iter::once(&layer).chain(&joined) {
        let (name, shape) = (draft.name(place).clone(), draft.shape(place));
        let drawn: Vec<u32> = positions.iter().map(|&position| numbers[position]).collect();
        let drawn = draws::all_incoming(seed, &name, &drawn, &shape);
        for (&position, weights) in positions.iter().zip(drawn.chunks_exact(shape.coefficients.max(1))) {
            arrays::replace_filter(draft.weights(place), position, &NewFilter::drawn(weights.to_vec(), &shape));
        }
    }
    let filters = if target.filter.is_none() {
        format!(": {}", counted(positions.len() as u64, "filter"))
    } else {
        String::new()
    };
    Ok(Done::new(format!("{target} begins anew{filters}")))
}

/// Gives a filter other coefficients, and another bias where there is one; its slots become zero.
///
/// # Shapes
/// `values`: `[input][row][column]`. `shape`, if it is known, are the lengths
/// of the axes that they come with: those three, axes of length 1 left out or
/// not, or a single one, as in the log.
pub(super) fn set_weights(
    draft: &mut Draft,
    layer: &LayerName,
    filter: FilterNumber,
    values: &[f32],
    shape: Option<&[usize]>,
    bias: Option<f32>,
) -> Result<Done, Refusal> {
    let place = draft.layer_with_weights(layer)?;
    let position = draft.position(place, filter)?;
    let expected = draft.shape(place).coefficients;
    let spec = &draft.definition.network.layers[place];
    let own = (draft.kind(place)?.coefficient_axes)(spec, draft.inputs[place])?;
    let [inputs, rows, columns] = own;
    if values.len() != expected {
        let found =
            shape.filter(|shape| shape.len() > 1).map_or_else(String::new, |shape| format!(" in {}", axes(shape)));
        return Err(Refusal::Reason(format!(
            "{layer}/{filter} has [{inputs}][{rows}][{columns}] = {expected} coefficients, found {}{found}",
            values.len()
        )));
    }
    if let Some(shape) = shape.filter(|shape| shape.len() > 1 && !same_axes(shape, &own)) {
        return Err(Refusal::Reason(format!(
            "{layer}/{filter} has [{inputs}][{rows}][{columns}] = {expected} coefficients (input, row, column), found \
             {}: bring the axes into this order (numpy.transpose), or give the {expected} values in this order \
             along a single axis, as the log has them",
            axes(shape)
        )));
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let value = values[index];
        return Err(Refusal::Reason(format!("coefficients must be finite numbers, found {value} at index {index}")));
    }
    if let Some(bias) = bias.filter(|bias| !bias.is_finite()) {
        return Err(Refusal::Reason(format!("a bias must be a finite number, found {bias}")));
    }
    let state = draft.weights(place);
    let row = arrays::row(state, position);
    state.weights[row].copy_from_slice(values);
    if let Some(bias) = bias {
        state.biases[position] = bias;
    }
    arrays::clear_slots(state, position);
    let and = bias.map_or_else(String::new, |bias| format!(" and the bias {bias}"));
    Ok(Done::new(format!("{layer}/{filter} has the {expected} coefficients{and} that were given")))
}

/// Gives layers, or one of them, the arrays of a file: coefficients, biases and running
/// statistics. Slots become zero; what is frozen stays so.
pub(super) fn load(draft: &mut Draft, file: &ArrayFile, layer: Option<&LayerName>) -> Result<Done, Refusal> {
    let asked: Vec<LayerName> = match layer {
        Some(layer) => {
            draft.layer_with_weights(layer)?;
            vec![layer.clone()]
        }
        None => Vec::new(),
    };
    let with_weights: Vec<usize> =
        (0..draft.parameters.len()).filter(|&place| draft.parameters[place].is_some()).collect();
    let places = with_weights.iter().map(|&place| {
        let (spec, shape) = (&draft.definition.network.layers[place], draft.shape(place));
        let axes = (draft.kind(place)?.array_axes)(spec, draft.inputs[place])?;
        let shape_of_array = std::iter::once(shape.filters).chain(axes).collect();
        Ok(Place { layer: draft.name(place), shape: shape_of_array, normalises: shape.normalises })
    });
    let places = places.collect::<Result<Vec<_>, TrainerError>>()?;
    let arrays = Arrays::of(file).map_err(TrainerError::from)?;
    let placed = place(&arrays, &places, &asked).map_err(|error| Refusal::Reason(error.to_string()))?;
    let mut names = Vec::new();
    for (place, placed) in with_weights.iter().zip(&placed) {
        if let Some(placed) = placed {
            placed.put(draft.weights(*place));
            names.push(draft.name(*place).to_string());
        }
    }
    let verb = if names.len() == 1 { "has" } else { "have" };
    let names = names.join(", ");
    Ok(Done::new(format!("{names} {verb} the arrays of digest {:.12}", file.digest())))
}

/// Whether two arrays have the same axes but for those of length 1, which move
/// no value.
fn same_axes(left: &[usize], right: &[usize]) -> bool {
    let long = |shape: &[usize]| shape.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
    long(left) == long(right)
}

/// Freezes a filter or a layer, or lets it train again. Its slots stay.
pub(super) fn freeze(draft: &mut Draft, target: &Target, frozen: bool) -> Result<Done, Refusal> {
    let (layer, positions) = find(draft, target)?;
    let state = draft.weights(layer);
    let before = state.frozen.iter().filter(|&&frozen| frozen).count();
    if positions.iter().all(|&position| state.frozen[position] == frozen) {
        let reason = if frozen { "is frozen already" } else { "is not frozen" };
        return Err(Refusal::Reason(format!("{target} {reason}")));
    }
    for position in positions {
        state.frozen[position] = frozen;
    }
    let (after, all) = (state.frozen.iter().filter(|&&frozen| frozen).count(), state.frozen.len());
    let what = if frozen { "trains no more" } else { "trains again" };
    Ok(Done::new(format!(
        "{target} {what}: {after} of {} of {} {} frozen (were {before})",
        counted(all as u64, "filter"),
        target.layer,
        if after == 1 { "is" } else { "are" },
    )))
}

/// The layer that is meant, and positions of the filters that are.
fn find(draft: &Draft, target: &Target) -> Result<(usize, Vec<usize>), Refusal> {
    let layer = draft.layer_with_weights(&target.layer)?;
    let positions = match target.filter {
        Some(filter) => vec![draft.position(layer, filter)?],
        None => (0..draft.topology.layers[layer].filters.len()).collect(),
    };
    Ok((layer, positions))
}
