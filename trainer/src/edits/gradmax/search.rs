//! The search for the filter with the largest gradient, on the sphere ‖w‖ = ρ.
//!
//! Φ has many maxima there: a unit with ReLU sees other images, and other
//! pixels of them, in each direction. So several draws are tried, and the best
//! of them climb: along the great circle that the gradient's tangent points
//! to, by an angle that grows while that helps and is cut where it does not.
//! Where a normalisation follows, Φ does not depend on ‖w‖ and its gradient is
//! orthogonal to w; on the sphere that is no special case.

use super::batch::Batch;
use super::sphere::{length, mean_norm, project, reader, values_of};
use crate::Trainer;
use crate::edits::draft::Draft;
use crate::edits::outcome::Refusal;
use crate::edits::{arrays, draws};

/// Directions that are tried, the filter's own draw first.
const STARTS: usize = 16;

/// Directions that are tried while none has a gradient: half of all draws die
/// where a ReLU sees values of one sign alone.
const MOST_STARTS: usize = 64;

/// The best starts, which climb.
const CLIMBS: usize = 3;

/// Gradients of a climb.
const ITERATIONS: usize = 12;

/// Angles of a step in radians: the first one, the largest and the one below
/// which a climb has arrived.
const FIRST_ANGLE: f64 = 0.5;
const LARGEST_ANGLE: f64 = 1.5;
const SMALLEST_ANGLE: f64 = 1e-3;

/// What was found for new filters.
#[derive(Debug)]
pub(crate) struct Found {
    /// Their own coefficients, `[filter][input][row][column]`.
    pub(crate) coefficients: Vec<Vec<f32>>,
    /// What each gained.
    pub(crate) gains: Vec<Gain>,
}

/// What the search gained over the filter's own draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gain {
    /// Φ over that of the draw, at least 1.
    Times(f64),
    /// The draw has no gradient, and what was found has one.
    FromNothing,
    /// No direction that was tried has a gradient: the draw stays.
    Nothing,
}

/// A direction of length 1 and the Φ of the filter that points there.
struct Point {
    direction: Vec<f64>,
    objective: f64,
}

/// Searches for the coefficients of the last `count` filters of a layer, which
/// are drawn and read through zeros, and sets them. Each is kept orthogonal to
/// the new ones before it.
///
/// # Errors
/// More filters than the orthogonal directions there are; a reader that is
/// frozen; what the trainer cannot be built from.
///
/// # Determinism
/// A function of draft, batch and seed: gradients are the engine's, norms and
/// projections run in `f64` in order. Further draws are keyed (edit seed,
/// layer, filter number, attempt).
pub(crate) fn search(
    trainer: &Trainer,
    draft: &mut Draft,
    place: usize,
    count: usize,
    seed: u64,
) -> Result<Found, Refusal> {
    let mut found = Found { coefficients: Vec::with_capacity(count), gains: Vec::with_capacity(count) };
    let numbers = draft.numbers(place);
    let name = draft.name(place).clone();
    fill(trainer, draft, place, count, &mut |climber, own| {
        let number = numbers[climber.position];
        let length = own.len();
        let further = |attempt: usize| draws::start(seed, &name, number, attempt as u64, length);
        let (values, gain) = climber.best(own, further)?;
        found.coefficients.push(values.clone());
        found.gains.push(gain);
        Ok(values)
    })?;
    Ok(found)
}

/// Sets what was found before for the last filters of a layer, and measures
/// again what it gained.
///
/// # Errors
/// As [`search`].
pub(crate) fn set(
    trainer: &Trainer,
    draft: &mut Draft,
    place: usize,
    coefficients: &[Vec<f32>],
) -> Result<Vec<Gain>, Refusal> {
    let mut gains = Vec::with_capacity(coefficients.len());
    fill(trainer, draft, place, coefficients.len(), &mut |climber, own| {
        let values = coefficients[gains.len()].clone();
        gains.push(climber.gain(own, &values)?);
        Ok(values)
    })?;
    Ok(gains)
}

/// Makes a filter's coefficients of its draw.
type Choose<'a> = dyn FnMut(&mut Climber, Vec<f64>) -> Result<Vec<f32>, Refusal> + 'a;

/// Gives the last `count` filters of a layer, one after the other, the
/// coefficients that `choose` makes of their draws.
fn fill(
    trainer: &Trainer,
    draft: &mut Draft,
    place: usize,
    count: usize,
    choose: &mut Choose<'_>,
) -> Result<(), Refusal> {
    let read_by = reader(draft, place, count)?;
    let filters = draft.topology.layers[place].filters.len();
    let old = filters - count;
    let mean = mean_norm(draft, place, old);
    let batch = Batch::new(trainer, draft, place, read_by)?;
    let mut climber = Climber { batch, position: old, norm: 0.0, directions: Vec::with_capacity(count) };
    for position in old..filters {
        let own = values_of(draft, place, position);
        climber.position = position;
        climber.norm = mean.unwrap_or_else(|| length(&own));
        let values = choose(&mut climber, own)?;
        let state = draft.weights(place);
        let row = arrays::row(state, position);
        state.weights[row].copy_from_slice(&values);
        let mut direction: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        if project(&mut direction, &climber.directions, 1.0) {
            climber.directions.push(direction);
        }
    }
    Ok(())
}

/// One new filter on its sphere.
struct Climber {
    batch: Batch,
    position: usize,
    /// ρ
    norm: f64,
    /// Of the new filters before it, each of length 1.
    directions: Vec<Vec<f64>>,
}

impl Climber {
    /// The best filter from the own draw and further ones, and what it gained;
    /// the own draw where none has a gradient.
    fn best(&mut self, own: Vec<f64>, further: impl Fn(usize) -> Vec<f64>) -> Result<(Vec<f32>, Gain), Refusal> {
        let mut starts = Vec::new();
        for attempt in 0..MOST_STARTS {
            if attempt >= STARTS && !starts.is_empty() {
                break;
            }
            let direction = if attempt == 0 { own.clone() } else { further(attempt) };
            starts.extend(self.start(direction)?);
        }
        starts.sort_by(|left, right| right.objective.total_cmp(&left.objective));
        starts.truncate(CLIMBS);
        let mut best: Option<Point> = None;
        for start in starts {
            let top = self.climb(start)?;
            if best.as_ref().is_none_or(|best| top.objective > best.objective) {
                best = Some(top);
            }
        }
        let values = match best {
            Some(best) => self.filter(&best),
            None => own.iter().map(|&value| value as f32).collect(),
        };
        let gain = self.gain(own, &values)?;
        Ok((values, gain))
    }

    /// What a filter gained over the own draw, at the same length and as
    /// orthogonal to those before.
    fn gain(&mut self, own: Vec<f64>, values: &[f32]) -> Result<Gain, Refusal> {
        let draw = self.start(own)?.map(|point| point.objective);
        let objective = self.batch.objective(self.position, values)?;
        Ok(match draw {
            _ if !self.is_gradient(objective) => Gain::Nothing,
            Some(draw) => Gain::Times(objective / draw),
            None => Gain::FromNothing,
        })
    }

    /// The point in a direction, if there is one that the filters before it
    /// leave, and if it has a gradient.
    fn start(&mut self, mut direction: Vec<f64>) -> Result<Option<Point>, Refusal> {
        if !project(&mut direction, &self.directions, 1.0) {
            return Ok(None);
        }
        let point = self.measured(direction)?;
        Ok(self.is_gradient(point.objective).then_some(point))
    }

    /// Whether a Φ that was just measured is that of a gradient: a sum of
    /// roundings is none, and that of a network that has diverged can be
    /// compared with nothing.
    fn is_gradient(&self, objective: f64) -> bool {
        objective.is_finite() && objective > self.batch.rounding(self.position)
    }

    /// Climbs from a point; what comes is at least as high.
    fn climb(&mut self, start: Point) -> Result<Point, Refusal> {
        let mut at = self.measured(start.direction)?;
        let mut angle = FIRST_ANGLE;
        for _ in 0..ITERATIONS {
            // Of the point that was measured last, which is this one.
            let mut tangent = self.batch.gradient(self.position)?;
            let mut plane = self.directions.clone();
            plane.push(at.direction.clone());
            if !project(&mut tangent, &plane, 1.0) {
                break;
            }
            loop {
                let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
                let along = at.direction.iter().zip(&tangent).map(|(here, there)| cosine * here + sine * there);
                let next = self.measured(along.collect())?;
                if next.objective > at.objective {
                    at = next;
                    angle = (2.0 * angle).min(LARGEST_ANGLE);
                    break;
                }
                angle *= 0.25;
                if angle < SMALLEST_ANGLE {
                    return Ok(at);
                }
            }
        }
        Ok(at)
    }

    /// The Φ of a direction.
    fn measured(&mut self, mut direction: Vec<f64>) -> Result<Point, Refusal> {
        // Roundings of many steps would add up.
        project(&mut direction, &self.directions, 1.0);
        let mut point = Point { direction, objective: 0.0 };
        point.objective = self.batch.objective(self.position, &self.filter(&point))?;
        Ok(point)
    }

    /// The filter that points to a direction.
    fn filter(&self, point: &Point) -> Vec<f32> {
        point.direction.iter().map(|&value| (value * self.norm) as f32).collect()
    }
}
