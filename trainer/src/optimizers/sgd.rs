//! Stochastic gradient descent with momentum: `sgd`.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use crate::kernels::{Kernel, Simd};

/// d = g + decay·w; v ← momentum·v + d; w ← w − rate·v (`torch.optim.SGD`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sgd {
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

impl Configuration for Sgd {
    const NAME: &'static str = "sgd";
    const SLOT_NAMES: &'static [&'static str] = &["momentum_buffer"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::share("momentum", self.momentum),
        ]
    }
}

impl Optimizer for Sgd {
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>) {
        let rate = (self.learning_rate * context.rate) as f32;
        context.instructions.run(Update { rate, momentum: self.momentum as f32, tensors });
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
