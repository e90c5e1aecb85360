//! Stochastic gradient descent with momentum: `sgd`.

use revacnn_schemas::{OptimizerSpec, Parameters};
use serde::{Deserialize, Serialize};

use super::{Moment, Optimizer, OptimizerKind, Tensors, check, check_common, resolved};
use crate::TrainerError;
use crate::kernels::{Kernel, Simd};

pub(crate) const KIND: OptimizerKind = OptimizerKind { name: "sgd", build, left_out: &[] };

/// d = g + decay·w; v ← momentum·v + d; w ← w − rate·v (`torch.optim.SGD`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sgd {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default = "momentum")]
    momentum: f64,
    #[serde(default)]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

fn momentum() -> f64 {
    0.9
}

fn build(spec: &OptimizerSpec) -> Result<(Parameters, Box<dyn Optimizer>), TrainerError> {
    let config: Sgd = spec.config()?;
    check_common(config.learning_rate, config.weight_decay)?;
    check("momentum", config.momentum, "at least 0 and below 1", |value| (0.0..1.0).contains(&value))?;
    Ok((resolved(&config), Box::new(config)))
}

impl Optimizer for Sgd {
    fn slots(&self) -> usize {
        1
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.momentum)
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn update(&self, moment: Moment, tensors: Tensors<'_, '_>) {
        let rate = (self.learning_rate * moment.rate) as f32;
        moment.instructions.run(Update { rate, momentum: self.momentum as f32, tensors });
    }
}

struct Update<'a, 'b> {
    rate: f32,
    momentum: f32,
    tensors: Tensors<'a, 'b>,
}

impl Kernel for Update<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Tensors { values, gradients, slots, decay } = self.tensors;
        let [velocity] = slots else { unreachable!("invariant: SGD has one slot") };
        for ((value, &gradient), velocity) in values.iter_mut().zip(gradients).zip(velocity.iter_mut()) {
            let descent = decay.mul_add(*value, gradient);
            *velocity = self.momentum.mul_add(*velocity, descent);
            *value = (-self.rate).mul_add(*velocity, *value);
        }
    }
}
