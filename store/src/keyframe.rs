//! Whole training states as rows of `keyframes`, and back, to the bit.
//!
//! A row is an array: `weights`, `biases`, `weight_slot_0`, `bias_slot_0`, …,
//! `running_mean`, `running_variance` and `frozen` of a layer; rows with an
//! empty layer name hold `cursor` (epoch, offset, images seen, optimizer updates) and `recent`. Integers are
//! cut into pieces of 16 bits, lowest first, which `f32` holds exactly.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType};
use revacnn_schemas::{DataCursor, Epoch, ParameterState, Step, Table, TrainingState, canonical_bits};

use crate::shape::BranchShape;

const PIECES_OF_LONG: usize = 4;
const PIECES_OF_INT: usize = 2;

/// Rows under construction: layer, quantity and values.
#[derive(Default)]
struct Rows<'a> {
    layers: Vec<&'a str>,
    quantities: Vec<String>,
    lengths: Vec<usize>,
    values: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, layer: &'a str, quantity: impl Into<String>, values: &[f32]) {
        self.layers.push(layer);
        self.quantities.push(quantity.into());
        self.lengths.push(values.len());
        let canonical = values.iter().map(|&value| f32::from_bits(canonical_bits(value)));
        self.values.extend(canonical);
    }
}

fn pieces(value: u64, count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(move |place| f32::from((value >> (16 * place)) as u16))
}

fn whole(pieces: &[f32]) -> Option<u64> {
    let mut value = 0;
    for (place, &piece) in pieces.iter().enumerate() {
        let bits = piece as u16;
        if f32::from(bits) != piece {
            return None;
        }
        value |= u64::from(bits) << (16 * place);
    }
    Some(value)
}

fn flags(values: &[bool]) -> Vec<f32> {
    values.iter().map(|&flag| f32::from(u8::from(flag))).collect()
}

/// The rows of one state.
pub(crate) fn encode(shape: &BranchShape, state: &TrainingState) -> Result<RecordBatch, ArrowError> {
    let mut rows = Rows::default();
    for (plan, layer) in shape.parameters.layers.iter().zip(&state.parameters) {
        let name = plan.layer.as_str();
        rows.push(name, "weights", &layer.weights);
        rows.push(name, "biases", &layer.biases);
        for (slot, values) in layer.weight_slots.iter().enumerate() {
            rows.push(name, format!("weight_slot_{slot}"), values);
        }
        for (slot, values) in layer.bias_slots.iter().enumerate() {
            rows.push(name, format!("bias_slot_{slot}"), values);
        }
        if let Some([mean, variance]) = &layer.running {
            rows.push(name, "running_mean", mean);
            rows.push(name, "running_variance", variance);
        }
        rows.push(name, "frozen", &flags(&layer.frozen));
    }
    let cursor: Vec<f32> = pieces(state.cursor.epoch.0, PIECES_OF_LONG)
        .chain(pieces(u64::from(state.cursor.offset), PIECES_OF_INT))
        .chain(pieces(state.cursor.images_seen, PIECES_OF_LONG))
        .chain(pieces(state.optimizer_updates, PIECES_OF_LONG))
        .collect();
    rows.push("", "cursor", &cursor);
    rows.push("", "recent", &flags(&state.recent));

    let schema = Table::Keyframes.schema();
    let steps = vec![state.step.0 as i64; rows.layers.len()];
    let values = float_lists(schema.field(3), rows.values, rows.lengths.into_iter())?;
    RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from(steps)),
            Arc::new(StringArray::from(rows.layers)),
            Arc::new(StringArray::from(rows.quantities)),
            values,
        ],
    )
}

/// Builds the state of a step from its rows: layer, quantity and values.
///
/// The error says what was expected of which row, and what was found.
pub(crate) fn decode(
    shape: &BranchShape,
    step: Step,
    rows: impl Iterator<Item = (String, String, Vec<f32>)>,
) -> Result<TrainingState, (String, String)> {
    let mut rows: HashMap<(String, String), Vec<f32>> =
        rows.map(|(layer, quantity, values)| ((layer, quantity), values)).collect();
    let mut take = |layer: &str, quantity: &str| rows.remove(&(layer.to_owned(), quantity.to_owned()));
    let mut parameters = Vec::with_capacity(shape.parameters.layers.len());
    for plan in &shape.parameters.layers {
        let name = plan.layer.as_str();
        let (filters, coefficients) = (plan.filters(), plan.filters() * plan.values);
        let mut required = |quantity: &str, length: usize| match take(name, quantity) {
            Some(values) if values.len() == length => Ok(values),
            Some(values) => {
                Err((format!("{length} {quantity} of layer {name} at step {step}"), values.len().to_string()))
            }
            None => Err((format!("a row `{quantity}` of layer {name} at step {step}"), "none".to_owned())),
        };
        let weights = required("weights", coefficients)?;
        let biases = required("biases", filters)?;
        let frozen = required("frozen", filters)?.iter().map(|&flag| flag != 0.0).collect();
        let slots = |take: &mut dyn FnMut(&str, &str) -> Option<Vec<f32>>, kind: &str, length| {
            let mut slots = Vec::new();
            while let Some(values) = take(name, &format!("{kind}_{}", slots.len())) {
                if values.len() != length {
                    return Err((
                        format!("{length} values of {kind}_{} of layer {name}", slots.len()),
                        values.len().to_string(),
                    ));
                }
                slots.push(values);
            }
            Ok(slots)
        };
        let weight_slots = slots(&mut take, "weight_slot", coefficients)?;
        let bias_slots = slots(&mut take, "bias_slot", filters)?;
        let running = match (take(name, "running_mean"), take(name, "running_variance")) {
            (Some(mean), Some(variance)) => Some([mean, variance]),
            (None, None) => None,
            _ => {
                return Err((
                    format!("running mean and variance of layer {name} at step {step}"),
                    "one of the two".to_owned(),
                ));
            }
        };
        parameters.push(ParameterState { weights, biases, weight_slots, bias_slots, running, frozen });
    }
    let cursor = take("", "cursor").and_then(|pieces| cursor(&pieces));
    let (cursor, optimizer_updates) = cursor
        .ok_or_else(|| (format!("a row `cursor` of 14 whole numbers below 65536 at step {step}"), "none".to_owned()))?;
    let recent = take("", "recent").ok_or_else(|| (format!("a row `recent` at step {step}"), "none".to_owned()))?;
    Ok(TrainingState {
        step,
        cursor,
        optimizer_updates,
        recent: recent.iter().map(|&flag| flag != 0.0).collect(),
        parameters,
    })
}

/// The cursor, and the number of optimizer updates.
fn cursor(pieces: &[f32]) -> Option<(DataCursor, u64)> {
    if pieces.len() != 3 * PIECES_OF_LONG + PIECES_OF_INT {
        return None;
    }
    let (epoch, rest) = pieces.split_at(PIECES_OF_LONG);
    let (offset, rest) = rest.split_at(PIECES_OF_INT);
    let (images, updates) = rest.split_at(PIECES_OF_LONG);
    let cursor = DataCursor {
        epoch: Epoch(whole(epoch)?),
        offset: u32::try_from(whole(offset)?).ok()?,
        images_seen: whole(images)?,
    };
    Some((cursor, whole(updates)?))
}

/// A column of lists of floats, from all values and the length of each list.
fn float_lists(
    schema_field: &arrow_schema::Field,
    values: Vec<f32>,
    lengths: impl Iterator<Item = usize>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::List(element) = schema_field.data_type() else {
        return Err(ArrowError::SchemaError(format!("{schema_field} is no list")));
    };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values = Arc::new(Float32Array::from(values));
    Ok(Arc::new(ListArray::try_new(element.clone(), offsets, values, None)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_being_cut_into_floats() {
        for value in [0, 1, 65_535, 65_536, u64::from(u32::MAX), u64::MAX, 1 << 47] {
            let cut: Vec<f32> = pieces(value, PIECES_OF_LONG).collect();
            assert_eq!(whole(&cut), Some(value));
        }
        assert_eq!(whole(&[0.5]), None);
        assert_eq!(whole(&[f32::NAN]), None);
    }
}
