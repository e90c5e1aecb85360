//! Coefficients of filters that are there already: drawn anew, set, frozen.

use revacnn_schemas::{FilterNumber, LayerName, Target};

use super::arrays::{self, NewFilter};
use super::draft::Draft;
use super::{Done, Refusal, draws};
use crate::layers::Role;

/// Draws the coefficients of a filter, or of all filters of a layer, anew:
/// N(0, 1/fan-in) with bias 0 and slots of zeros; its channels in layers that
/// normalise begin again. The coefficients that read it stay.
pub(super) fn reinitialise(draft: &mut Draft, target: &Target, seed: u64) -> Result<Done, Refusal> {
    let (layer, positions) = find(draft, target)?;
    // A normalisation's channels are its own alone; filters take theirs along.
    let joined = if draft.kind(layer)?.role == Role::Opens { draft.joined(layer) } else { Vec::new() };
    let numbers = draft.numbers(layer);
    for &place in std::iter::once(&layer).chain(&joined) {
        let (name, shape) = (draft.name(place).clone(), draft.shape(place));
        for &position in &positions {
            let filter = NewFilter::drawn(draws::incoming(seed, &name, numbers[position], &shape));
            arrays::replace_filter(draft.weights(place), position, &filter);
        }
    }
    let filters = if target.filter.is_none() { format!(": {} filters", positions.len()) } else { String::new() };
    Ok(Done::new(format!("{target} begins anew{filters}")))
}

/// Gives a filter other coefficients; its bias stays, its slots become zero.
///
/// # Shapes
/// `values`: `[input][row][column]`.
pub(super) fn set_weights(
    draft: &mut Draft,
    layer: &LayerName,
    filter: FilterNumber,
    values: &[f32],
) -> Result<Done, Refusal> {
    let place = draft.layer_with_weights(layer)?;
    let position = draft.position(place, filter)?;
    let expected = draft.shape(place).coefficients;
    if values.len() != expected {
        let [inputs, rows, columns] = coefficient_shape(draft, place);
        return Err(Refusal::Reason(format!(
            "{layer}/{filter} has [{inputs}][{rows}][{columns}] = {expected} coefficients, found {}",
            values.len()
        )));
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let value = values[index];
        return Err(Refusal::Reason(format!("coefficients must be finite numbers, found {value} at index {index}")));
    }
    let state = draft.weights(place);
    let row = arrays::row(state, position);
    state.weights[row].copy_from_slice(values);
    arrays::clear_slots(state, position);
    Ok(Done::new(format!("{layer}/{filter} has the {expected} coefficients that were given")))
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
    Ok(Done::new(format!("{target} {what}: {} of {all} filters of {} are frozen (were {before})", after, target.layer)))
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

/// Inputs, rows and columns of a filter's coefficients.
fn coefficient_shape(draft: &Draft, layer: usize) -> [usize; 3] {
    if draft.kind(layer).is_ok_and(|kind| kind.role == Role::Joins) {
        return [draft.shape(layer).coefficients, 1, 1];
    }
    let input = draft.inputs[layer];
    let per_channel = draft.coefficients_per_channel(layer);
    let kernel = draft.definition.network.layers[layer].parameters.get("kernel").and_then(serde_json::Value::as_u64);
    match kernel {
        Some(kernel) if (kernel * kernel) as usize == per_channel => [input.channels, kernel as usize, kernel as usize],
        _ => [input.channels, input.height, input.width],
    }
}
