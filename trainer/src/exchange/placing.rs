//! Arrays onto the layers of a network: which is whose, and every one that does not fit.

use std::collections::BTreeMap;

use revacnn_schemas::{LayerName, ParameterState};

use super::ExchangeError;
use super::arrays::{Array, Arrays, axes};

/// Parameters of a layer, as PyTorch calls them.
pub(super) const WEIGHT: &str = "weight";
pub(super) const BIAS: &str = "bias";
pub(super) const MEAN: &str = "running_mean";
pub(super) const VARIANCE: &str = "running_var";

/// How many mismatches are told.
const MOST_TOLD: usize = 24;

/// A layer with weights, where arrays may go.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) layer: &'a LayerName,
    /// Axes of its coefficients: `[filter]…`, as PyTorch has them.
    pub(crate) shape: Vec<usize>,
    /// Whether it has running statistics.
    pub(crate) normalises: bool,
}

/// What a layer gets.
#[derive(Debug, PartialEq)]
pub(crate) struct Placed<'a> {
    weights: &'a [f32],
    /// Zeros if `None`: another program's layer may have no bias.
    biases: Option<&'a [f32]>,
    running: Option<[&'a [f32]; 2]>,
}

impl Placed<'_> {
    /// Gives a layer its arrays. Its slots become zero; whether it is frozen stays as it is.
    pub(crate) fn put(&self, state: &mut ParameterState) {
        state.weights.copy_from_slice(self.weights);
        match self.biases {
            Some(biases) => state.biases.copy_from_slice(biases),
            None => state.biases.fill(0.0),
        }
        if let (Some(own), Some(new)) = (&mut state.running, &self.running) {
            for (own, new) in own.iter_mut().zip(new) {
                own.copy_from_slice(new);
            }
        }
        for slot in state.weight_slots.iter_mut().chain(&mut state.bias_slots) {
            slot.fill(0.0);
        }
    }
}

impl Place<'_> {
    /// Its arrays: the parameter's name, and its shape.
    fn parts(&self) -> Vec<(&'static str, Vec<usize>)> {
        let each = vec![self.shape[0]];
        let mut parts = vec![(WEIGHT, self.shape.clone()), (BIAS, each.clone())];
        if self.normalises {
            parts.extend([(MEAN, each.clone()), (VARIANCE, each)]);
        }
        parts
    }
}

/// What each place gets, `None` for those that are not `asked` for; all are where none is.
///
/// Arrays are found by the names of layers. Where all layers of the file are called by numbers,
/// as in an `nn.Sequential` without names and in ConvNetJS, they are taken in order.
///
/// # Errors
/// [`ExchangeError::Mismatch`] with every array that is lacking, is over or has another shape,
/// and values that are not finite.
pub(crate) fn place<'a>(
    arrays: &'a Arrays,
    places: &[Place<'_>],
    asked: &[LayerName],
) -> Result<Vec<Option<Placed<'a>>>, ExchangeError> {
    let mut wrong = Vec::new();
    for layer in asked.iter().filter(|layer| places.iter().all(|place| place.layer != *layer)) {
        let known: Vec<&str> = places.iter().map(|place| place.layer.as_str()).collect();
        wrong.push(format!("the network has no layer {layer} with weights; there are {}", known.join(", ")));
    }
    let is_asked = |layer: &LayerName| asked.is_empty() || asked.contains(layer);
    let mut layers = by_layer(arrays);
    if let Some(numbered) = numbered(&layers) {
        if numbered.len() != places.len() {
            wrong.push(format!(
                "its layers have numbers and are taken in order: expected {} with weights, found {}",
                places.len(),
                numbered.len()
            ));
        }
        layers = places.iter().map(|place| place.layer.as_str()).zip(numbered).collect();
    }
    let placed: Vec<Option<Placed<'a>>> = places
        .iter()
        .map(|place| {
            let found = layers.remove(place.layer.as_str());
            is_asked(place.layer).then(|| of_layer(place, found, &mut wrong)).flatten()
        })
        .collect();
    if asked.is_empty() {
        for (layer, parts) in layers {
            let parts: Vec<String> =
                parts.iter().map(|(part, array)| format!("{part} {}", axes(&array.shape))).collect();
            let named = if layer.is_empty() { "arrays of no layer".to_owned() } else { shown(layer) };
            wrong.push(format!("the network has no place for {named} ({})", parts.join(", ")));
        }
    }
    if wrong.is_empty() {
        return Ok(placed);
    }
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    Err(ExchangeError::Mismatch { mismatches: wrong.join("; ") })
}

/// Parameters of a layer by their names.
type Parts<'a> = BTreeMap<&'a str, &'a Array>;

/// A name of a stranger's, for a message.
fn shown(name: &str) -> String {
    name.escape_debug().take(80).collect()
}

fn by_layer(arrays: &Arrays) -> BTreeMap<&str, Parts<'_>> {
    let mut layers: BTreeMap<&str, Parts<'_>> = BTreeMap::new();
    for (name, array) in arrays.iter() {
        let (layer, part) = name.rsplit_once('.').unwrap_or(("", name));
        layers.entry(layer).or_default().insert(part, array);
    }
    layers
}

/// The layers in the order of their numbers, where all have one.
fn numbered<'a>(layers: &BTreeMap<&str, Parts<'a>>) -> Option<Vec<Parts<'a>>> {
    let numbers: Option<BTreeMap<u32, Parts<'a>>> =
        layers.iter().map(|(layer, parts)| Some((layer.parse().ok()?, parts.clone()))).collect();
    numbers.filter(|numbers| !numbers.is_empty()).map(|numbers| numbers.into_values().collect())
}

/// What a layer gets of its parts in the file; `None` where something is wrong.
fn of_layer<'a>(place: &Place<'_>, found: Option<Parts<'a>>, wrong: &mut Vec<String>) -> Option<Placed<'a>> {
    let layer = place.layer;
    let Some(mut found) = found else {
        wrong.push(format!("{layer} {} is not in the file", axes(&place.shape)));
        return None;
    };
    let before = wrong.len();
    let mut values = BTreeMap::new();
    for (part, shape) in place.parts() {
        let Some(array) = found.remove(part) else {
            if part != BIAS {
                wrong.push(format!("{layer}.{part}: expected {}, found none", axes(&shape)));
            }
            continue;
        };
        if !same_axes(&array.shape, &shape) {
            wrong.push(format!("{layer}.{part}: expected {}, found {}", axes(&shape), axes(&array.shape)));
            continue;
        }
        match array.values.iter().position(|value| !value.is_finite()) {
            Some(index) => {
                wrong
                    .push(format!("{layer}.{part}: expected finite numbers, found {} at {index}", array.values[index]));
            }
            None => drop(values.insert(part, &array.values[..])),
        }
    }
    for (part, array) in found {
        wrong.push(format!("{layer} takes no {} {}", shown(part), axes(&array.shape)));
    }
    let running = match (values.get(MEAN), values.get(VARIANCE)) {
        (Some(mean), Some(variance)) => Some([*mean, *variance]),
        _ => None,
    };
    (wrong.len() == before).then(|| Placed { weights: values[WEIGHT], biases: values.get(BIAS).copied(), running })
}

/// Whether two arrays have the same axes but for those of length 1 behind the first, which move
/// no value.
fn same_axes(left: &[usize], right: &[usize]) -> bool {
    let long = |shape: &[usize]| {
        let rest = shape.iter().skip(1).copied().filter(|&length| length != 1);
        shape.first().copied().into_iter().chain(rest).collect::<Vec<_>>()
    };
    long(left) == long(right)
}
