//! The statistics of the table `filters`: what the viewer draws of a filter
//! without reading its tensors. What each of them is says
//! [`statistics`](revacnn_schemas::statistics).

use revacnn_schemas::statistics::{mean_absolute, norm, sum, update_ratio, zero_share};

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
                all.weight_norm.push(norm(weights) as f32);
                if step.null_gradients[rows.first_row + filter] {
                    all.mean_abs_gradient.push(None);
                    all.gradient_norm.push(None);
                } else {
                    let gradients = &step.gradients[range.clone()];
                    all.mean_abs_gradient.push(Some(mean_absolute(gradients) as f32));
                    all.gradient_norm.push(Some(norm(gradients) as f32));
                }
                let ratio = previous.and_then(|previous| update_ratio(weights, &previous[range]));
                all.update_ratio.push(ratio.map(|ratio| ratio as f32));
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
        total += sum(map);
        zeros += zero_share(map);
    }
    (Some((total / images as f64) as f32), Some((zeros / images as f64) as f32))
}
