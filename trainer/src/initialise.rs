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
/// Coefficients are N(0, 1/fan-in) from one stream per filter, keyed
/// (seed, layer, filter number), so that a filter's draw does not depend on
/// how many others there are.
pub(crate) fn initial_state(layer: &Weighted, seed: u64, slots: usize) -> ParameterState {
    let shape = layer.shape;
    let mut weights = Vec::with_capacity(shape.filters * shape.coefficients);
    for &number in &layer.numbers {
        match shape.initial {
            Initial::Constant(value) => weights.extend(std::iter::repeat_n(value, shape.coefficients)),
            Initial::Normal { fan_in } => {
                let deviation = (1.0 / fan_in as f32).sqrt();
                let mut stream = Stream::new("init", &[seed, stream_key(&layer.layer), u64::from(number)]);
                weights.extend((0..shape.coefficients).map(|_| stream.normal_f32() * deviation));
            }
        }
    }
    ParameterState { weights, ..zero_state(&shape, slots) }
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

/// Weights of a shape before they are drawn: zeros, nothing frozen, running
/// statistics that change nothing.
pub(crate) fn zero_state(shape: &ParameterShape, slots: usize) -> ParameterState {
    let weights = vec![0.0; shape.filters * shape.coefficients];
    ParameterState {
        weight_slots: vec![weights.clone(); slots],
        weights,
        biases: vec![0.0; shape.filters],
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
            filters: numbers.len(),
            coefficients: 400,
            initial,
            decays: true,
            normalises: initial == Initial::Constant(1.0),
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
}
