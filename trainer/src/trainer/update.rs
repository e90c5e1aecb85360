//! An optimizer's update of every parameter that trains.

use revacnn_schemas::ParameterState;

use crate::engine::Gradients;
use crate::network::Network;
use crate::optimizers::{Optimizer, Tensors, UpdateContext};

/// Moves the parameters of every filter that trains by one update.
pub(super) fn update(
    optimizer: &dyn Optimizer,
    context: UpdateContext,
    network: &Network,
    parameters: &mut [ParameterState],
    gradients: &[Gradients],
) {
    let decay = optimizer.weight_decay() as f32;
    for ((layer, state), (weight_gradients, bias_gradients)) in network.weighted.iter().zip(parameters).zip(gradients) {
        let decay = if layer.shape.decays { decay } else { 0.0 };
        let coefficients = layer.shape.coefficients;
        for run in trained_runs(&state.frozen) {
            let weights = run.start * coefficients..run.end * coefficients;
            let mut slots: Vec<&mut [f32]> =
                state.weight_slots.iter_mut().map(|slot| &mut slot[weights.clone()]).collect();
            let tensors = Tensors {
                values: &mut state.weights[weights.clone()],
                gradients: &weight_gradients[weights],
                slots: &mut slots,
                decay,
            };
            optimizer.update(context, tensors);
            let mut slots: Vec<&mut [f32]> = state.bias_slots.iter_mut().map(|slot| &mut slot[run.clone()]).collect();
            let tensors = Tensors {
                values: &mut state.biases[run.clone()],
                gradients: &bias_gradients[run],
                slots: &mut slots,
                decay: 0.0,
            };
            optimizer.update(context, tensors);
        }
    }
}

/// ½·decay·Σw² over the coefficients that decay, which those of frozen
/// filters do not, in `f64`, filters in order.
pub(super) fn decay_loss(network: &Network, parameters: &[ParameterState], weight_decay: f64) -> f32 {
    let mut sum = 0.0_f64;
    for (layer, state) in network.weighted.iter().zip(parameters) {
        if layer.shape.decays {
            let coefficients = layer.shape.coefficients;
            for run in trained_runs(&state.frozen) {
                let mut lanes = [0.0_f64; 8];
                for part in state.weights[run.start * coefficients..run.end * coefficients].chunks(8) {
                    for (lane, &value) in lanes.iter_mut().zip(part) {
                        *lane += f64::from(value) * f64::from(value);
                    }
                }
                sum += lanes.iter().sum::<f64>();
            }
        }
    }
    (0.5 * weight_decay * sum) as f32
}

/// Runs of neighbouring filters that train.
fn trained_runs(frozen: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for group in frozen.chunk_by(|left, right| left == right) {
        if !group[0] {
            runs.push(start..start + group.len());
        }
        start += group.len();
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trains_is_the_runs_between_frozen_filters() {
        let (on, off) = (false, true);
        assert_eq!(trained_runs(&[on, on, off, off, on]), [0..2, 4..5]);
        assert_eq!(trained_runs(&[off, on, off]), vec![std::ops::Range { start: 1, end: 2 }]);
        assert_eq!(trained_runs(&[off, off]), []);
        assert_eq!(trained_runs(&[]), []);
    }
}
