//! The state before the first update.

use revacnn_schemas::{InitialArrays, NetworkSpec, ParameterState};

use crate::TrainerError;
use crate::data::Stream;
use crate::exchange::{Arrays, Place, place};
use crate::layers::{Initial, ParameterShape};
use crate::network::{Network, Weighted, array_shape, stream_key};

/// The weights of a layer at step 0.
///
/// # Determinism
/// Coefficients are drawn from one stream per filter, keyed (seed, layer, filter number),
/// so that a filter's draw does not depend on how many others there are.
pub(crate) fn initial_state(layer: &Weighted, seed: u64, slots: usize) -> ParameterState {
    let stream = |number: u32| Stream::new("init", &[seed, stream_key(&layer.layer), u64::from(number)]);
    ParameterState { weights: coefficients(&layer.shape, &layer.numbers, stream), ..zero_state(&layer.shape, slots) }
}

/// Gives layers the arrays that a run begins with, in the place of what was drawn.
///
/// # Errors
/// Arrays that do not fit the network, or are not at hand.
pub(crate) fn begin_with(
    resolved: &NetworkSpec,
    network: &Network,
    parameters: &mut [ParameterState],
    init: &InitialArrays,
) -> Result<(), TrainerError> {
    let places = network.weighted.iter().map(|layer| {
        let shape = array_shape(network, resolved, layer)?;
        Ok(Place { layer: &layer.layer, shape, normalises: layer.shape.normalises })
    });
    let places = places.collect::<Result<Vec<_>, TrainerError>>()?;
    let arrays = Arrays::of(&init.arrays)?;
    for (placed, state) in place(&arrays, &places, &init.layers)?.iter().zip(parameters) {
        if let Some(placed) = placed {
            placed.put(state);
        }
    }
    Ok(())
}

/// The coefficients that filters of these numbers begin with, each drawn from its stream:
/// `[filter][coefficient]`.
pub(crate) fn coefficients(shape: &ParameterShape, numbers: &[u32], stream: impl Fn(u32) -> Stream) -> Vec<f32> {
    let mut weights = Vec::with_capacity(numbers.len() * shape.coefficients);
    for &number in numbers {
        weights.extend(shape.initial.draw(&mut stream(number), shape.coefficients));
    }
    if matches!(shape.initial, Initial::Orthogonal { .. }) {
        orthonormalise(&mut weights, numbers.len(), shape.coefficients);
    }
    weights
}

impl Initial {
    /// `count` coefficients of one filter, before filters are made orthogonal to one another.
    pub(crate) fn draw(self, stream: &mut Stream, count: usize) -> Vec<f32> {
        let deviation = match self {
            Self::Constant(value) => return vec![value; count],
            Self::Glorot { fan_in, fan_out } => {
                let bound = (6.0 / (fan_in + fan_out) as f32).sqrt();
                return (0..count).map(|_| (2.0 * stream.uniform_f32() - 1.0) * bound).collect();
            }
            Self::Normal { fan_in } | Self::Orthogonal { fan_in } => (1.0 / fan_in as f32).sqrt(),
            Self::He { fan_in } => (2.0 / fan_in as f32).sqrt(),
        };
        (0..count).map(|_| stream.normal_f32() * deviation).collect()
    }
}

/// Makes the rows of a matrix orthonormal, or its columns where it has more rows: each loses its part along those
/// before it, twice, for rounding leaves some of it.
///
/// # Determinism
/// Sums are in `f64`, in order.
fn orthonormalise(matrix: &mut [f32], rows: usize, columns: usize) {
    let by_rows = rows <= columns;
    let (count, length) = if by_rows { (rows, columns) } else { (columns, rows) };
    let at = |vector: usize, place: usize| if by_rows { vector * columns + place } else { place * columns + vector };
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for vector in 0..count {
        let mut own: Vec<f64> = (0..length).map(|place| f64::from(matrix[at(vector, place)])).collect();
        for _ in 0..2 {
            for other in &vectors {
                let along: f64 = own.iter().zip(other).map(|(value, other)| value * other).sum();
                own.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let norm = own.iter().map(|value| value * value).sum::<f64>().sqrt();
        own.iter_mut().for_each(|value| *value /= norm);
        vectors.push(own);
    }
    for (vector, values) in vectors.iter().enumerate() {
        for (place, &value) in values.iter().enumerate() {
            matrix[at(vector, place)] = value as f32;
        }
    }
}

/// Weights of a shape before they are drawn: coefficients of zero, nothing frozen, running
/// statistics that change nothing.
pub(crate) fn zero_state(shape: &ParameterShape, slots: usize) -> ParameterState {
    let weights = vec![0.0; shape.filters * shape.coefficients];
    ParameterState {
        weight_slots: vec![weights.clone(); slots],
        weights,
        biases: vec![shape.bias; shape.filters],
        bias_slots: vec![vec![0.0; shape.filters]; slots],
        running: shape.normalises.then(|| [vec![0.0; shape.filters], vec![1.0; shape.filters]]),
        frozen: vec![false; shape.filters],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::DecayFactors;

    fn layer(numbers: Vec<u32>, initial: Initial) -> Weighted {
        let shape = ParameterShape {
            normalises: initial == Initial::Constant(1.0),
            ..ParameterShape::weights(numbers.len(), 400, initial)
        };
        Weighted { layer: "conv1".parse().unwrap(), numbers, shape, decay: DecayFactors::ONE }
    }

    #[test]
    fn coefficients_have_variance_1_over_fan_in_and_biases_are_0() {
        let state = initial_state(&layer((0..50).collect(), Initial::Normal { fan_in: 25 }), 3, 2);
        let count = state.weights.len() as f64;
        let mean = state.weights.iter().map(|&weight| f64::from(weight)).sum::<f64>() / count;
        let variance = state.weights.iter().map(|&weight| f64::from(weight).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance * 25.0 - 1.0).abs() < 0.05, "{variance}");
        assert_eq!(state.biases, [0.0; 50]);
        assert_eq!(state.weight_slots, [vec![0.0; 20_000], vec![0.0; 20_000]]);
        assert_eq!((state.bias_slots.len(), &state.frozen), (2, &vec![false; 50]));
    }

    #[test]
    fn a_filters_draw_follows_its_number_and_not_its_place() {
        let initial = Initial::Normal { fan_in: 25 };
        let [before, after] =
            [vec![0, 1, 2], vec![0, 2, 9]].map(|numbers| initial_state(&layer(numbers, initial), 3, 0).weights);
        assert_eq!(before[..400], after[..400]);
        assert_eq!(before[800..], after[400..800]);
        assert_ne!(before[400..800], before[800..]);
    }

    #[test]
    fn normalisation_begins_as_what_changes_nothing() {
        let state = initial_state(&layer(vec![0, 1], Initial::Constant(1.0)), 3, 0);
        assert_eq!(state.weights, [1.0; 800]);
        assert_eq!(state.running, Some([vec![0.0; 2], vec![1.0; 2]]));
    }

    #[test]
    fn he_and_glorot_have_the_variance_of_their_papers() {
        for (initial, expected) in
            [(Initial::He { fan_in: 25 }, 2.0 / 25.0), (Initial::Glorot { fan_in: 25, fan_out: 50 }, 2.0 / 75.0)]
        {
            let state = initial_state(&layer((0..50).collect(), initial), 3, 0);
            let squares = state.weights.iter().map(|&weight| f64::from(weight).powi(2)).sum::<f64>();
            let variance = squares / state.weights.len() as f64;
            assert!((variance / expected - 1.0).abs() < 0.05, "{initial:?}: {variance}");
        }
        let bound = (6.0_f32 / 75.0).sqrt();
        let glorot = initial_state(&layer((0..50).collect(), Initial::Glorot { fan_in: 25, fan_out: 50 }), 3, 0);
        assert!(glorot.weights.iter().all(|weight| weight.abs() <= bound));
    }

    #[test]
    fn orthogonal_filters_are_orthonormal_and_so_are_coefficients_of_many() {
        for (rows, columns) in [(30, 50), (50, 30), (1, 7), (7, 1), (20, 20)] {
            let mut stream = Stream::new("test orthogonal", &[rows as u64, columns as u64]);
            let mut matrix: Vec<f32> = (0..rows * columns).map(|_| stream.normal_f32()).collect();
            orthonormalise(&mut matrix, rows, columns);
            let (count, length) = if rows <= columns { (rows, columns) } else { (columns, rows) };
            let at = |vector: usize, place: usize| {
                f64::from(matrix[if rows <= columns { vector * columns + place } else { place * columns + vector }])
            };
            for one in 0..count {
                for other in 0..=one {
                    let product: f64 = (0..length).map(|place| at(one, place) * at(other, place)).sum();
                    let expected = if one == other { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-6, "{rows}×{columns}: {one}·{other} = {product}");
                }
            }
        }
    }

    #[test]
    fn biases_begin_with_what_they_are_given() {
        let mut layer = layer(vec![0, 1], Initial::Normal { fan_in: 25 });
        let before = initial_state(&layer, 3, 0);
        layer.shape.bias = 0.1;
        let state = initial_state(&layer, 3, 0);
        assert_eq!((state.biases, state.weights), (vec![0.1; 2], before.weights));
    }
}
