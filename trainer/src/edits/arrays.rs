//! Surgery on a layer's arrays: filters come and go, and so do the channels
//! that each filter reads. Whatever is not named keeps its bits.

use std::ops::Range;

use revacnn_schemas::ParameterState;

use crate::layers::ParameterShape;

/// A filter that joins a layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewFilter {
    /// `[coefficient]`
    pub(super) weights: Vec<f32>,
    pub(super) bias: f32,
    /// Running mean and variance, for layers that normalise.
    pub(super) running: [f32; 2],
}

impl NewFilter {
    /// A filter with these coefficients that begins as at step 0.
    pub(super) fn drawn(weights: Vec<f32>, shape: &ParameterShape) -> Self {
        Self { weights, bias: shape.bias, running: [0.0, 1.0] }
    }

    /// A copy of the filter at `position`.
    pub(super) fn copy(state: &ParameterState, position: usize) -> Self {
        Self {
            weights: state.weights[row(state, position)].to_vec(),
            bias: state.biases[position],
            running: state.running.as_ref().map_or([0.0, 1.0], |[mean, variance]| [mean[position], variance[position]]),
        }
    }
}

/// Where the coefficients of the filter at `position` lie.
pub(super) fn row(state: &ParameterState, position: usize) -> Range<usize> {
    let length = state.weights.len() / state.biases.len().max(1);
    position * length..(position + 1) * length
}

/// Puts a filter before the one at `position`, or at the end. Its slots are zero, and it trains.
pub(super) fn insert_filter(state: &mut ParameterState, position: usize, filter: NewFilter) {
    let start = row(state, position).start;
    for slot in &mut state.weight_slots {
        slot.splice(start..start, std::iter::repeat_n(0.0, filter.weights.len()));
    }
    for slot in &mut state.bias_slots {
        slot.insert(position, 0.0);
    }
    state.weights.splice(start..start, filter.weights);
    state.biases.insert(position, filter.bias);
    if let Some(running) = &mut state.running {
        for (values, value) in running.iter_mut().zip(filter.running) {
            values.insert(position, value);
        }
    }
    state.frozen.insert(position, false);
}

/// Takes the filter at `position` out of every array.
pub(super) fn remove_filter(state: &mut ParameterState, position: usize) {
    let coefficients = row(state, position);
    for values in std::iter::once(&mut state.weights).chain(&mut state.weight_slots) {
        values.drain(coefficients.clone());
    }
    let single = std::iter::once(&mut state.biases).chain(&mut state.bias_slots);
    for values in single.chain(state.running.iter_mut().flatten()) {
        values.remove(position);
    }
    state.frozen.remove(position);
}

/// Sets a filter that is there already. Its slots become zero; whether it is
/// frozen stays as it is.
pub(super) fn replace_filter(state: &mut ParameterState, position: usize, filter: &NewFilter) {
    let coefficients = row(state, position);
    state.weights[coefficients.clone()].copy_from_slice(&filter.weights);
    state.biases[position] = filter.bias;
    if let Some(running) = &mut state.running {
        for (values, value) in running.iter_mut().zip(filter.running) {
            values[position] = value;
        }
    }
    clear_slots(state, position);
}

/// Makes the optimizer forget the filter at `position`.
pub(super) fn clear_slots(state: &mut ParameterState, position: usize) {
    let coefficients = row(state, position);
    for slot in &mut state.weight_slots {
        slot[coefficients.clone()].fill(0.0);
    }
    for slot in &mut state.bias_slots {
        slot[position] = 0.0;
    }
}

/// Every filter reads one more channel, before the one at `position` or behind the others:
/// `values(filter)` are its `length` coefficients for it. Their slots are zero.
pub(super) fn insert_channel(
    state: &mut ParameterState,
    length: usize,
    position: usize,
    mut values: impl FnMut(usize) -> Vec<f32>,
) {
    let filters = state.biases.len();
    let old = state.weights.len() / filters.max(1);
    let before = position * length;
    let mut weights = Vec::with_capacity(filters * (old + length));
    for filter in 0..filters {
        let (left, right) = state.weights[filter * old..][..old].split_at(before);
        let new = values(filter);
        assert_eq!(new.len(), length, "invariant: a channel has as many coefficients as its length");
        weights.extend_from_slice(left);
        weights.extend(new);
        weights.extend_from_slice(right);
    }
    state.weights = weights;
    for slot in &mut state.weight_slots {
        let mut values = Vec::with_capacity(filters * (old + length));
        for filter in 0..filters {
            let (left, right) = slot[filter * old..][..old].split_at(before);
            values.extend_from_slice(left);
            values.resize(values.len() + length, 0.0);
            values.extend_from_slice(right);
        }
        *slot = values;
    }
}

/// No filter reads channel `channel` of `length` coefficients any more.
pub(super) fn remove_channel(state: &mut ParameterState, length: usize, channel: usize) {
    let old = state.weights.len() / state.biases.len().max(1);
    let gone = channel * length..(channel + 1) * length;
    for values in std::iter::once(&mut state.weights).chain(&mut state.weight_slots) {
        let mut place = 0;
        values.retain(|_| {
            let kept = !gone.contains(&(place % old));
            place += 1;
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two filters of three channels with two coefficients each; every value
    /// says where it is from.
    fn state() -> ParameterState {
        let weights: Vec<f32> = (0..12).map(|place| place as f32).collect();
        ParameterState {
            weight_slots: vec![weights.iter().map(|value| value + 100.0).collect()],
            weights,
            biases: vec![0.5, 1.5],
            bias_slots: vec![vec![7.0, 8.0]],
            running: Some([vec![3.0, 4.0], vec![5.0, 6.0]]),
            frozen: vec![true, false],
        }
    }

    #[test]
    fn a_filter_that_comes_and_goes_leaves_no_trace() {
        let mut edited = state();
        insert_filter(&mut edited, 2, NewFilter::copy(&state(), 0));
        assert_eq!(edited.weights[12..], state().weights[..6]);
        assert_eq!((edited.weight_slots[0][12..].to_vec(), edited.bias_slots[0][2]), (vec![0.0; 6], 0.0));
        assert_eq!((edited.biases[2], edited.frozen[2]), (0.5, false));
        assert_eq!(edited.running.as_ref().unwrap()[1], [5.0, 6.0, 5.0]);
        remove_filter(&mut edited, 2);
        assert_eq!(edited, state());
    }

    #[test]
    fn a_channel_that_comes_and_goes_leaves_no_trace() {
        let mut edited = state();
        insert_channel(&mut edited, 2, 3, |filter| vec![-(filter as f32); 2]);
        assert_eq!(edited.weights[6..], [-0.0, -0.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, -1.0, -1.0]);
        assert_eq!(edited.weight_slots[0][4..8], [104.0, 105.0, 0.0, 0.0]);
        remove_channel(&mut edited, 2, 3);
        assert_eq!(edited, state());
        insert_channel(&mut edited, 2, 1, |filter| vec![0.5 + filter as f32; 2]);
        assert_eq!(edited.weights[..4], [0.0, 1.0, 0.5, 0.5]);
        assert_eq!(edited.weights[8..12], [6.0, 7.0, 1.5, 1.5]);
        assert_eq!(edited.weight_slots[0][8..12], [106.0, 107.0, 0.0, 0.0]);
        remove_channel(&mut edited, 2, 1);
        assert_eq!(edited, state());
        remove_channel(&mut edited, 2, 1);
        assert_eq!(edited.weights, [0.0, 1.0, 4.0, 5.0, 6.0, 7.0, 10.0, 11.0]);
        assert_eq!(edited.weight_slots[0][..4], [100.0, 101.0, 104.0, 105.0]);
    }

    #[test]
    fn a_filter_that_comes_between_others_leaves_them_as_they_are() {
        let mut edited = state();
        let shape = ParameterShape::weights(2, 6, crate::layers::Initial::Normal { fan_in: 6 });
        insert_filter(&mut edited, 1, NewFilter::drawn(vec![9.0; 6], &shape));
        assert_eq!(edited.weights[..7], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0]);
        assert_eq!((edited.biases.clone(), edited.frozen.clone()), (vec![0.5, 0.0, 1.5], vec![true, false, false]));
        assert_eq!(edited.running.clone().unwrap(), [vec![3.0, 0.0, 4.0], vec![5.0, 1.0, 6.0]]);
        remove_filter(&mut edited, 1);
        assert_eq!(edited, state());
    }

    #[test]
    fn what_remains_after_a_removal_is_the_other_filter() {
        let mut edited = state();
        remove_filter(&mut edited, 0);
        assert_eq!(edited.weights, state().weights[6..]);
        assert_eq!((edited.biases, edited.bias_slots, edited.frozen), (vec![1.5], vec![vec![8.0]], vec![false]));
        assert_eq!(edited.running, Some([vec![4.0], vec![6.0]]));
    }

    #[test]
    fn a_filter_that_is_replaced_is_forgotten_by_the_optimizer_and_stays_frozen() {
        let mut edited = state();
        let shape = ParameterShape::weights(2, 6, crate::layers::Initial::Normal { fan_in: 6 });
        replace_filter(&mut edited, 0, &NewFilter::drawn(vec![9.0; 6], &shape));
        assert_eq!(edited.weights[..7], [9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 6.0]);
        assert_eq!(edited.weight_slots[0][..7], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 106.0]);
        assert_eq!((edited.biases[0], edited.bias_slots[0][0], edited.frozen[0]), (0.0, 0.0, true));
        assert_eq!(edited.running, Some([vec![0.0, 4.0], vec![1.0, 6.0]]));
    }
}
