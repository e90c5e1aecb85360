//! New filters that get the largest gradient (GradMax).
//!
//! A new filter that is read through coefficients V = 0 leaves every output
//! as it was, and its own coefficients w have no gradient; how fast it begins
//! to matter is decided by the gradient G(w) at V. So w is chosen to make
//! Φ(w) = ½‖G(w)‖² on the next batch large, with ‖w‖ the mean norm of the
//! layer's other filters.
//!
//! As V = 0, the gradient δ that comes back to the reading layer's output does
//! not depend on w, and G = Σ δ·h(w) over the batch, h being the filter's map
//! as it reaches the reader. So ∂Φ/∂w is what flows back to w when δ passes
//! through V := G: an ordinary backward pass, and the engine runs it, through
//! whatever lies between the filter and its reader.
//!
//! Source: Evci, van Merriënboer, Unterthiner, Vladymyrov and Pedregosa,
//! *GradMax: Growing Neural Networks using Gradient Information* (2022). There
//! incoming coefficients are zero and outgoing ones are found; this is the
//! dual, which suits ReLU, whose gradient at a filter of zeros is zero.

use super::Refusal;
use super::arrays;
use super::draft::Draft;
use crate::layers::Packed;
use crate::{Trainer, TrainerError};

/// Steps of the ascent.
const ITERATIONS: usize = 16;

/// Turns the incoming coefficients of the last `count` filters of a layer,
/// which are drawn and read through zeros, into those with the largest
/// gradient at the coefficients that read them.
///
/// Each filter begins from its own draw and is kept orthogonal to the new ones
/// before it. The ascent is w ← ρ·∇/‖∇‖ with ∇ projected; the best of all
/// points counts, the draw being the first, so that it is never worse.
///
/// Returns Φ over that of the draw, a filter.
///
/// # Errors
/// More filters than the orthogonal directions there are; a reader that is
/// frozen; what the trainer cannot be built from.
///
/// # Determinism
/// Gradients are the engine's, norms and projections run in `f64` in order.
pub(super) fn maximise(trainer: &Trainer, draft: &mut Draft, place: usize, count: usize) -> Result<Vec<f64>, Refusal> {
    let reader = draft.reader_after(place);
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
    let filters = draft.topology.layers[place].filters.len();
    let old = filters - count;
    let norm = mean_norm(draft, place, old);
    let mut ascent = Ascent::new(trainer, draft, place, reader)?;
    let mut directions: Vec<Vec<f64>> = Vec::with_capacity(count);
    let mut ratios = Vec::with_capacity(count);
    for position in old..filters {
        let state = draft.weights(place);
        let row = arrays::row(state, position);
        let mut values: Vec<f64> = state.weights[row.clone()].iter().map(|&weight| f64::from(weight)).collect();
        let norm = norm.unwrap_or_else(|| length(&values));
        project(&mut values, &directions, norm);
        let mut best = (Vec::new(), f64::NEG_INFINITY);
        let mut first = None;
        for _ in 0..=ITERATIONS {
            let candidate: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            let (objective, gradient) = ascent.measure(position, &candidate)?;
            first.get_or_insert(objective);
            if objective > best.1 {
                best = (candidate, objective);
            }
            values = gradient;
            if !project(&mut values, &directions, norm) {
                break;
            }
        }
        let (found, objective) = best;
        // A network that has diverged has no gradient to compare.
        if found.len() == row.len() {
            draft.weights(place).weights[row.clone()].copy_from_slice(&found);
        }
        let first = first.unwrap_or(0.0);
        ratios.push(if first > 0.0 { objective / first } else { 1.0 });
        let mut direction: Vec<f64> =
            draft.weights(place).weights[row].iter().map(|&weight| f64::from(weight)).collect();
        if project(&mut direction, &directions, 1.0) {
            directions.push(direction);
        }
    }
    Ok(ratios)
}

/// Mean norm of the first `count` filters, if it is not zero.
fn mean_norm(draft: &mut Draft, place: usize, count: usize) -> Option<f64> {
    let state = draft.weights(place);
    let norms = (0..count).map(|filter| {
        let row = arrays::row(state, filter);
        length(&state.weights[row].iter().map(|&weight| f64::from(weight)).collect::<Vec<_>>())
    });
    let mean = norms.sum::<f64>() / count as f64;
    (mean.is_finite() && mean > 0.0).then_some(mean)
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Makes `values` orthogonal to the directions, which have length 1 and are
/// orthogonal themselves, and gives it a length. Returns whether anything was
/// left of it.
fn project(values: &mut [f64], directions: &[Vec<f64>], norm: f64) -> bool {
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

/// The draft's next batch, in which one new filter at a time gets gradients.
struct Ascent {
    trainer: Trainer,
    layer: Located,
    reader: Located,
    /// Coefficients of one of the reader's filters for one channel.
    per_channel: usize,
    /// Filters of the reader that do not train: their gradient does not count.
    reader_frozen: Vec<bool>,
}

/// A layer's operation and its place among the layers with weights.
#[derive(Clone, Copy)]
struct Located {
    operation: usize,
    weights: usize,
}

impl Ascent {
    fn new(like: &Trainer, draft: &mut Draft, place: usize, reader: usize) -> Result<Self, TrainerError> {
        let mut trainer = draft.trainer(like, like.threads.count())?;
        let locate = |layer: usize| {
            let weights = draft.parameters[..layer].iter().flatten().count();
            let operation = trainer.network.operations.iter().position(|unit| unit.weights == Some(weights));
            Located { operation: operation.expect("invariant: every layer with weights has an operation"), weights }
        };
        let (layer, reader_at) = (locate(place), locate(reader));
        let reader_frozen = trainer.parameters[reader_at.weights].frozen.clone();
        // Nothing but these two needs gradients.
        for (weights, state) in trainer.parameters.iter_mut().enumerate() {
            if weights != reader_at.weights {
                state.frozen.fill(true);
            }
        }
        Ok(Self {
            trainer,
            layer,
            reader: reader_at,
            per_channel: draft.coefficients_per_channel(reader),
            reader_frozen,
        })
    }

    /// Φ and ∂Φ/∂w of the filter at `position` with coefficients `values`.
    fn measure(&mut self, position: usize, values: &[f32]) -> Result<(f64, Vec<f64>), TrainerError> {
        let layer = &mut self.trainer.parameters[self.layer.weights];
        let row = arrays::row(layer, position);
        layer.weights[row.clone()].copy_from_slice(values);
        layer.frozen[position] = false;
        self.trainer.pack();
        self.trainer.compute_gradients()?;
        let mut objective = 0.0;
        let reader = &mut self.trainer.parameters[self.reader.weights];
        let gradients = &self.trainer.gradients[self.reader.weights].0;
        let length = reader.weights.len() / reader.biases.len();
        for filter in (0..reader.biases.len()).filter(|&filter| !self.reader_frozen[filter]) {
            let channel = filter * length + position * self.per_channel..;
            for (weight, &gradient) in
                reader.weights[channel.clone()][..self.per_channel].iter_mut().zip(&gradients[channel])
            {
                *weight = gradient;
                objective += 0.5 * f64::from(gradient) * f64::from(gradient);
            }
        }
        // Forwards the reader stays as it was; backwards it reads the filter
        // through G.
        let unit = &self.trainer.network.operations[self.reader.operation];
        let mut packed = Packed::default();
        unit.operation.pack(&self.trainer.parameters[self.reader.weights], &mut packed);
        self.trainer.packed[self.reader.operation].backward = packed.backward;
        self.trainer.compute_gradients()?;
        let gradient =
            self.trainer.gradients[self.layer.weights].0[row].iter().map(|&value| f64::from(value)).collect();
        let reader = &mut self.trainer.parameters[self.reader.weights];
        for filter in 0..reader.biases.len() {
            reader.weights[filter * length + position * self.per_channel..][..self.per_channel].fill(0.0);
        }
        self.trainer.parameters[self.layer.weights].frozen[position] = true;
        Ok((objective, gradient))
    }
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
