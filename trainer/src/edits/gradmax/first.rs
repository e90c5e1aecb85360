//! The first search, by which forks were made that do not hold the
//! coefficients that it found. They are executed again by it, so it stays as
//! it was, bit by bit.
//!
//! The ascent is w ← ρ·∇/‖∇‖ with ∇ projected; the best of all points counts,
//! the draw being the first. Where a normalisation follows, ∇ is orthogonal to
//! w, and the ascent jumps at right angles: what [`search`](super::search) is
//! there for.

use super::batch::Batch;
use super::sphere::{length, mean_norm, project, reader, values_of};
use crate::Trainer;
use crate::edits::arrays;
use crate::edits::draft::Draft;
use crate::edits::outcome::Refusal;

/// Steps of the ascent.
const ITERATIONS: usize = 16;

/// Turns the incoming coefficients of the last `count` filters of a layer,
/// which are drawn and read through zeros, into those that a fork without
/// coefficients began with.
///
/// # Errors
/// Those of [`search`](super::search).
///
/// # Determinism
/// Gradients are the engine's, norms and projections run in `f64` in order.
pub(crate) fn maximise(trainer: &Trainer, draft: &mut Draft, place: usize, count: usize) -> Result<(), Refusal> {
    let read_by = reader(draft, place, count)?;
    let filters = draft.topology.layers[place].filters.len();
    let old = filters - count;
    let norm = mean_norm(draft, place, old);
    let mut batch = Batch::new(trainer, draft, place, read_by)?;
    let mut directions: Vec<Vec<f64>> = Vec::with_capacity(count);
    for position in old..filters {
        let mut values = values_of(draft, place, position);
        let norm = norm.unwrap_or_else(|| length(&values));
        project(&mut values, &directions, norm);
        let mut best = (Vec::new(), f64::NEG_INFINITY);
        for _ in 0..=ITERATIONS {
            let candidate: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            let objective = batch.objective(position, &candidate)?;
            let gradient = batch.gradient(position)?;
            if objective > best.1 {
                best = (candidate, objective);
            }
            values = gradient;
            if !project(&mut values, &directions, norm) {
                break;
            }
        }
        let (found, _) = best;
        let row = arrays::row(draft.weights(place), position);
        // A network that has diverged has no gradient to compare.
        if found.len() == row.len() {
            draft.weights(place).weights[row].copy_from_slice(&found);
        }
        let mut direction = values_of(draft, place, position);
        if project(&mut direction, &directions, 1.0) {
            directions.push(direction);
        }
    }
    Ok(())
}
