//! AdamW: `adamw`.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use super::power::power;
use crate::kernels::{Kernel, Simd};

/// Source: Loshchilov and Hutter 2019, as `torch.optim.AdamW` (decay is not of the gradient):
/// w ← w − rate·decay·w; m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
/// w ← w − rate/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdamW {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default = "beta1")]
    beta1: f64,
    #[serde(default = "beta2")]
    beta2: f64,
    #[serde(default = "epsilon")]
    epsilon: f64,
    #[serde(default = "weight_decay")]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    1e-3
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

fn weight_decay() -> f64 {
    1e-2
}

impl Configuration for AdamW {
    const NAME: &'static str = "adamw";
    const SLOT_NAMES: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::share("beta1", self.beta1),
            Ranged::share("beta2", self.beta2),
            Ranged::divisor("epsilon", self.epsilon),
        ]
    }
}

impl Optimizer for AdamW {
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn decays_loss(&self) -> bool {
        false
    }

    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>) {
        let rate = self.learning_rate * context.rate;
        context.instructions.run(Update {
            rate: rate as f32,
            step_size: (rate / (1.0 - power(self.beta1, context.update))) as f32,
            correction: (1.0 - power(self.beta2, context.update)).sqrt() as f32,
            beta: (self.beta1 as f32, self.beta2 as f32),
            rest: ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32),
            epsilon: self.epsilon as f32,
            tensors,
        });
    }
}

struct Update<'a, 'b> {
    rate: f32,
    step_size: f32,
    correction: f32,
    beta: (f32, f32),
    rest: (f32, f32),
    epsilon: f32,
    tensors: Tensors<'a, 'b>,
}

impl Kernel for Update<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Tensors { values, gradients, slots, decay } = self.tensors;
        let [firsts, seconds] = slots else { unreachable!("invariant: AdamW has two slots") };
        let shrink = -self.rate * decay;
        for (((value, &gradient), first), second) in
            values.iter_mut().zip(gradients).zip(firsts.iter_mut()).zip(seconds.iter_mut())
        {
            *first = self.beta.0.mul_add(*first, self.rest.0 * gradient);
            *second = self.beta.1.mul_add(*second, self.rest.1 * gradient * gradient);
            let denominator = second.sqrt() / self.correction + self.epsilon;
            let decayed = shrink.mul_add(*value, *value);
            *value = (-self.step_size).mul_add(*first / denominator, decayed);
        }
    }
}
