//! The statistics of the table `filters`: what the viewer draws of a filter
//! without reading its tensors.
//!
//! Sums run in `f64`, in eight lanes that are added in a fixed order, so that
//! they are the same on every machine.

use crate::shape::BranchShape;
use crate::write::record::StepRecord;

/// The columns of `filters`, for the filters of one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterStatistics {
    /// Mean of |gradient| over the filter's coefficients.
    pub(crate) mean_abs_gradient: Vec<Option<f32>>,
    /// L2 norm of the gradient of the coefficients.
    pub(crate) gradient_norm: Vec<Option<f32>>,
    /// L2 norm of the coefficients.
    pub(crate) weight_norm: Vec<f32>,
    /// ‖w_s − w_{s−1}‖ / ‖w_{s−1}‖; null where the weights before were all
    /// zero, as those of a filter that an edit adds may be.
    pub(crate) update_ratio: Vec<Option<f32>>,
    /// Mean over the probe images of the sum of the activation map.
    pub(crate) activation_sum: Vec<Option<f32>>,
    /// Mean over the probe images of the share of zeros in the map.
    pub(crate) zero_share: Vec<Option<f32>>,
}

impl FilterStatistics {
    /// The statistics of a step; `previous` are the weights of the step
    /// before, or none at the branch's first step.
    pub(crate) fn of(shape: &BranchShape, step: &StepRecord, previous: Option<&[f32]>) -> Self {
        let mut all = Self::default();
        for (rows, block) in shape.parameters.layers.iter().zip(&shape.block_of) {
            for filter in 0..rows.filters() {
                let start = rows.first_value + filter * rows.values;
                let range = start..start + rows.values;
                let weights = &step.weights[range.clone()];
                all.weight_norm.push(norm(weights));
                if step.null_gradients[rows.first_row + filter] {
                    all.mean_abs_gradient.push(None);
                    all.gradient_norm.push(None);
                } else {
                    let gradients = &step.gradients[range.clone()];
                    let mean = sum(gradients, f64::abs) / rows.values.max(1) as f64;
                    all.mean_abs_gradient.push(Some(mean as f32));
                    all.gradient_norm.push(Some(norm(gradients)));
                }
                all.update_ratio.push(previous.and_then(|previous| update_ratio(weights, &previous[range])));
                let (activation, zeros) = match block {
                    Some(block) => activation(shape, step, *block, filter),
                    None => (None, None),
                };
                all.activation_sum.push(activation);
                all.zero_share.push(zeros);
            }
        }
        all
    }
}

fn activation(shape: &BranchShape, step: &StepRecord, block: usize, filter: usize) -> (Option<f32>, Option<f32>) {
    let plan = &shape.blocks;
    let images = plan.images.len();
    if images == 0 {
        return (None, None);
    }
    let rows = &plan.layers[block];
    let (mut total, mut zeros) = (0.0, 0.0);
    for image in 0..images {
        let start = image * plan.values_an_image + rows.first_value + filter * rows.values;
        let map = &step.activations[start..start + rows.values];
        total += sum(map, |value| value);
        zeros += sum(map, |value| f64::from(u8::from(value == 0.0))) / rows.values.max(1) as f64;
    }
    (Some((total / images as f64) as f32), Some((zeros / images as f64) as f32))
}

const LANES: usize = 8;

fn add(lanes: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Sum of `term` over the values.
#[inline]
fn sum(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += term(f64::from(value));
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += term(f64::from(value));
    }
    add(lanes)
}

fn norm(values: &[f32]) -> f32 {
    sum(values, |value| value * value).sqrt() as f32
}

/// `None` where nothing was there that the update could be compared with.
fn update_ratio(now: &[f32], before: &[f32]) -> Option<f32> {
    let mut lanes = [0.0; LANES];
    for (now, before) in now.chunks(LANES).zip(before.chunks(LANES)) {
        for (lane, (&now, &before)) in lanes.iter_mut().zip(now.iter().zip(before)) {
            let change = f64::from(now) - f64::from(before);
            *lane += change * change;
        }
    }
    let norm = sum(before, |value| value * value).sqrt();
    (norm != 0.0).then(|| (add(lanes).sqrt() / norm) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_plain_ones_at_every_length() {
        for length in [0, 1, 7, 8, 9, 31, 64] {
            let values: Vec<f32> = (0..length).map(|place| place as f32 - 3.5).collect();
            let plain: f64 = values.iter().map(|&value| f64::from(value).abs()).sum();
            assert_eq!(sum(&values, f64::abs), plain);
        }
    }

    #[test]
    fn the_update_ratio_is_relative_to_the_weights_before() {
        assert_eq!(update_ratio(&[3.0, 5.0], &[3.0, 4.0]), Some(0.2));
        assert!(update_ratio(&[f32::NAN], &[1.0]).is_some_and(f32::is_nan));
        // Infinite, it drowned every other ratio in a query's maximum.
        assert_eq!(update_ratio(&[1.0], &[0.0]), None);
        assert_eq!(update_ratio(&[0.0], &[0.0]), None);
    }
}
