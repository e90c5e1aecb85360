//! Norms and directions of filters.

use crate::edits::arrays;
use crate::edits::channels::Group;
use crate::edits::draft::Draft;
use crate::edits::outcome::Refusal;
use crate::layers::{Gather, Role};

/// The layer that reads new filters, and where their channels are among those that it reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) layer: usize,
    /// What comes before the channels of the filters' layer.
    pub(super) channels_before: usize,
}

/// The layer that reads `count` new filters at `place`, if they can be
/// searched for.
pub(super) fn reader(draft: &mut Draft, place: usize, count: usize) -> Result<Reader, Refusal> {
    let position = draft.topology.layers[place].filters.len() - 1;
    let spread = draft.spread_of_group(place, position)?;
    let has_several = |group: Group| group.reads > 1 || group.filters > 1;
    if let Some(grouped) = spread.within.keys().find(|layer| draft.group(**layer).is_some_and(has_several)) {
        return Err(Refusal::Reason(format!(
            "gradmax searches for one filter after the other, and those of {} come in groups; init=random and \
             init=zero are defined there",
            draft.name(*grouped)
        )));
    }
    if let Some(reduces) = spread.within.keys().find(|layer| draft.role(**layer) == Some(Role::Reduces)) {
        return Err(Refusal::Reason(format!(
            "gradmax looks at the gradient of the one layer that reads a filter, and {} makes one channel of several \
             filters; init=random and init=zero are defined there",
            draft.name(*reduces)
        )));
    }
    let adds = spread.within.keys().any(|&layer| draft.role(layer) == Some(Role::Gathers(Gather::Sum)));
    let mut readers = spread.readers.iter();
    let (Some((&reader, at)), None, false) = (readers.next(), readers.next(), adds) else {
        let names: Vec<&str> = spread.readers.keys().map(|&reader| draft.name(reader).as_str()).collect();
        return Err(Refusal::Reason(format!(
            "gradmax looks at the gradient of the one layer that reads a filter, and what {} gives is {}read by {}; \
             init=zero and init=split are defined there",
            draft.name(place),
            if adds { "added to others and " } else { "" },
            names.join(", ")
        )));
    };
    let at = at.first();
    let coefficients = draft.shape(place).coefficients;
    if count > coefficients {
        return Err(Refusal::Reason(format!(
            "filters that begin with gradmax are orthogonal to each other, and {} has {coefficients} coefficients a \
             filter: count must be at most {coefficients}, found {count}",
            draft.name(place)
        )));
    }
    if draft.weights(reader).frozen.iter().all(|&frozen| frozen) {
        return Err(Refusal::Reason(format!(
            "gradmax looks at the gradient of {}, which is frozen and has none",
            draft.name(reader)
        )));
    }
    Ok(Reader { layer: reader, channels_before: at - position })
}

/// The coefficients of a filter.
pub(super) fn values_of(draft: &mut Draft, place: usize, position: usize) -> Vec<f64> {
    let state = draft.weights(place);
    let row = arrays::row(state, position);
    state.weights[row].iter().map(|&weight| f64::from(weight)).collect()
}

/// Mean norm of the first `count` filters, if it is not zero.
pub(super) fn mean_norm(draft: &mut Draft, place: usize, count: usize) -> Option<f64> {
    let mean = (0..count).map(|filter| length(&values_of(draft, place, filter))).sum::<f64>() / count as f64;
    (mean.is_finite() && mean > 0.0).then_some(mean)
}

pub(super) fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Makes `values` orthogonal to the directions, which have length 1 and are
/// orthogonal themselves, and gives it a length. Returns whether anything was
/// left of it.
pub(super) fn project(values: &mut [f64], directions: &[Vec<f64>], norm: f64) -> bool {
    let before = length(values);
    // Twice: once leaves a rounding error where little remains.
    for direction in directions.iter().chain(directions) {
        let along: f64 = values.iter().zip(direction).map(|(value, direction)| value * direction).sum();
        for (value, direction) in values.iter_mut().zip(direction) {
            *value -= along * direction;
        }
    }
    let left = length(values);
    if !(left.is_finite() && left > before * 1e-9) {
        return false;
    }
    for value in values.iter_mut() {
        *value *= norm / left;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_is_orthogonal_and_has_the_length_that_was_asked_for() {
        let directions = [vec![1.0, 0.0, 0.0], vec![0.0, 0.6, 0.8]];
        let mut values = vec![3.0, 1.0, 2.0];
        assert!(project(&mut values, &directions, 5.0));
        assert!((length(&values) - 5.0).abs() < 1e-12, "{values:?}");
        for direction in &directions {
            let along: f64 = values.iter().zip(direction).map(|(value, direction)| value * direction).sum();
            assert!(along.abs() < 1e-12, "{values:?}");
        }
        assert!(!project(&mut [2.0, 3.0, 4.0], &directions, 1.0), "it lies in their plane");
        assert!(!project(&mut [0.0; 3], &directions, 1.0));
    }
}
