//! Adagrad: `adagrad`.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use crate::kernels::{Kernel, Simd};

/// Source: Duchi, Hazan and Singer 2011, as `torch.optim.Adagrad`: g ← g + decay·w;
/// s ← s + g²; w ← w − rate/(1 + (t−1)·rate decay) · g / (√s + ε) in the t-th update.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adagrad {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default)]
    rate_decay: f64,
    #[serde(default = "epsilon")]
    epsilon: f64,
    #[serde(default)]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

fn epsilon() -> f64 {
    1e-10
}

impl Configuration for Adagrad {
    const NAME: &'static str = "adagrad";
    const SLOT_NAMES: &'static [&'static str] = &["sum"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("rate-decay", self.rate_decay),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::divisor("epsilon", self.epsilon),
        ]
    }
}

impl Optimizer for Adagrad {
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>) {
        let done = context.update.saturating_sub(1) as f64;
        context.instructions.run(Update {
            rate: (self.learning_rate * context.rate / (1.0 + done * self.rate_decay)) as f32,
            epsilon: self.epsilon as f32,
            tensors,
        });
    }
}

struct Update<'a, 'b> {
    rate: f32,
    epsilon: f32,
    tensors: Tensors<'a, 'b>,
}

impl Kernel for Update<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Tensors { values, gradients, slots, decay } = self.tensors;
        let [sums] = slots else { unreachable!("invariant: Adagrad has one slot") };
        for ((value, &gradient), sum) in values.iter_mut().zip(gradients).zip(sums.iter_mut()) {
            let gradient = decay.mul_add(*value, gradient);
            *sum = gradient.mul_add(gradient, *sum);
            *value = (-self.rate).mul_add(gradient / (sum.sqrt() + self.epsilon), *value);
        }
    }
}
