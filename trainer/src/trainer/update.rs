//! An optimizer's update of every parameter that trains.

use revacnn_schemas::ParameterState;

use crate::engine::Gradients;
use crate::network::Network;
use crate::optimizers::{Built, Tensors, UpdateContext, sum};

/// Moves the parameters of every filter that trains by one update: gradients, which stay as
/// they are, are clipped, L1 decay is added, and the optimizer's formula follows.
pub(super) fn update(
    built: &Built,
    context: UpdateContext,
    network: &Network,
    parameters: &mut [ParameterState],
    gradients: &[Gradients],
) {
    let (optimizer, common) = (&*built.optimizer, built.common);
    let clip = common.clip(gradients.iter().flat_map(|(weights, biases)| [&weights[..], &biases[..]]));
    let mut adjusted = Vec::new();
    for ((layer, state), (weight_gradients, bias_gradients)) in network.weighted.iter().zip(parameters).zip(gradients) {
        let [decay, l1_decay] = match layer.shape.decays {
            true => [optimizer.weight_decay() * layer.decay.weight_decay, common.l1_decay * layer.decay.l1_decay],
            false => [0.0; 2],
        }
        .map(|decay| decay as f32);
        let coefficients = layer.shape.coefficients;
        for run in trained_runs(&state.frozen) {
            let weights = run.start * coefficients..run.end * coefficients;
            let mut slots: Vec<&mut [f32]> =
                state.weight_slots.iter_mut().map(|slot| &mut slot[weights.clone()]).collect();
            let values = &mut state.weights[weights.clone()];
            let gradients = adjust(&weight_gradients[weights], values, clip, l1_decay, &mut adjusted);
            optimizer.update(context, Tensors { values, gradients, slots: &mut slots, decay });
            let mut slots: Vec<&mut [f32]> = state.bias_slots.iter_mut().map(|slot| &mut slot[run.clone()]).collect();
            let values = &mut state.biases[run.clone()];
            let gradients = adjust(&bias_gradients[run], values, clip, 0.0, &mut adjusted);
            optimizer.update(context, Tensors { values, gradients, slots: &mut slots, decay: 0.0 });
        }
    }
}

/// clip·g + l1·sign(w), with sign(0) = 0; the gradients themselves where that changes nothing.
fn adjust<'a>(gradients: &'a [f32], values: &[f32], clip: f32, l1_decay: f32, room: &'a mut Vec<f32>) -> &'a [f32] {
    if clip == 1.0 && l1_decay == 0.0 {
        return gradients;
    }
    room.clear();
    room.extend(gradients.iter().zip(values).map(|(&gradient, &value)| {
        let pull = if value > 0.0 {
            l1_decay
        } else if value < 0.0 {
            -l1_decay
        } else {
            0.0
        };
        clip * gradient + pull
    }));
    room
}

/// ½·decay·Σw² + l1·Σ|w| over the coefficients that decay, each layer times its factors; those
/// of frozen filters do not. In `f64`, filters in order. Decay that is no loss's gradient is left out.
pub(super) fn decay_loss(built: &Built, network: &Network, parameters: &[ParameterState]) -> f32 {
    let (mut squares, mut magnitudes) = (0.0_f64, 0.0_f64);
    let l1_decay = built.common.l1_decay;
    for (layer, state) in network.weighted.iter().zip(parameters) {
        if layer.shape.decays {
            let coefficients = layer.shape.coefficients;
            for run in trained_runs(&state.frozen) {
                let weights = &state.weights[run.start * coefficients..run.end * coefficients];
                squares += layer.decay.weight_decay * sum(weights, |weight| weight * weight);
                if l1_decay > 0.0 {
                    magnitudes += layer.decay.l1_decay * sum(weights, f64::abs);
                }
            }
        }
    }
    let weight_decay = if built.optimizer.decays_loss() { built.optimizer.weight_decay() } else { 0.0 };
    let loss = 0.5 * weight_decay * squares;
    if l1_decay > 0.0 { (loss + l1_decay * magnitudes) as f32 } else { loss as f32 }
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
