//! Windowgrad: `windowgrad`, as ConvNetJS has it.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use crate::kernels::{Kernel, Simd};

/// Adagrad over a moving window: g ← g + decay·w; s ← ρs + (1−ρ)g²; w ← w − rate·g/√(s+ε).
///
/// Source: `windowgrad` of ConvNetJS (`convnetjs_trainers.js`), idea 1 of Zeiler's *ADADELTA*
/// (2012), with the defaults there. PyTorch has no such optimizer; its RMSprop adds ε to the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Windowgrad {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default = "rho")]
    rho: f64,
    #[serde(default = "epsilon")]
    epsilon: f64,
    #[serde(default)]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

fn rho() -> f64 {
    0.95
}

fn epsilon() -> f64 {
    1e-8
}

impl Configuration for Windowgrad {
    const NAME: &'static str = "windowgrad";
    const SLOT_NAMES: &'static [&'static str] = &["square_avg"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::share("rho", self.rho),
            Ranged::divisor("epsilon", self.epsilon),
        ]
    }
}

impl Optimizer for Windowgrad {
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>) {
        context.instructions.run(Update {
            rate: (self.learning_rate * context.rate) as f32,
            rho: self.rho as f32,
            rest: (1.0 - self.rho) as f32,
            epsilon: self.epsilon as f32,
            tensors,
        });
    }
}

struct Update<'a, 'b> {
    rate: f32,
    rho: f32,
    rest: f32,
    epsilon: f32,
    tensors: Tensors<'a, 'b>,
}

impl Kernel for Update<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Tensors { values, gradients, slots, decay } = self.tensors;
        let [squares] = slots else { unreachable!("invariant: windowgrad has one slot") };
        for ((value, &gradient), square) in values.iter_mut().zip(gradients).zip(squares.iter_mut()) {
            let gradient = decay.mul_add(*value, gradient);
            *square = self.rho.mul_add(*square, self.rest * gradient * gradient);
            *value = (-self.rate).mul_add(gradient / (*square + self.epsilon).sqrt(), *value);
        }
    }
}
