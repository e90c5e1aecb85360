//! Adadelta: `adadelta`, as in the ConvNetJS CIFAR-10 demo.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use crate::kernels::{Kernel, Simd};

/// Source: Zeiler 2012, as `torch.optim.Adadelta`: g ← g + decay·w;
/// s ← ρs + (1−ρ)g²; δ = g·√(a+ε)/√(s+ε); a ← ρa + (1−ρ)δ²; w ← w − rate·δ.
///
/// The defaults equal the ConvNetJS CIFAR-10 demo's: it divides its decay of
/// 1e-4 by its batch of 4. Its epsilon of 1e-8 is that of ConvNetJS's source;
/// with the 1e-6 of its npm build, and of PyTorch, the paper's network stops
/// learning CIFAR-10 after some epochs: far from the start, gradients are so
/// small that epsilon is most of what they are divided by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adadelta {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default = "rho")]
    rho: f64,
    #[serde(default = "epsilon")]
    epsilon: f64,
    #[serde(default = "weight_decay")]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    1.0
}

fn rho() -> f64 {
    0.95
}

fn epsilon() -> f64 {
    1e-8
}

fn weight_decay() -> f64 {
    2.5e-5
}

impl Configuration for Adadelta {
    const NAME: &'static str = "adadelta";
    // PyTorch's, and the default here before it was 1e-8.
    const LEFT_OUT: &'static [(&'static str, f64)] = &[("epsilon", 1e-6)];
    const SLOT_NAMES: &'static [&'static str] = &["square_avg", "acc_delta"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::share("rho", self.rho),
            Ranged::divisor("epsilon", self.epsilon),
        ]
    }
}

impl Optimizer for Adadelta {
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
        let [squares, deltas] = slots else { unreachable!("invariant: Adadelta has two slots") };
        let (rho, rest, epsilon) = (self.rho, self.rest, self.epsilon);
        for (((value, &gradient), square), delta_square) in
            values.iter_mut().zip(gradients).zip(squares.iter_mut()).zip(deltas.iter_mut())
        {
            let gradient = decay.mul_add(*value, gradient);
            *square = rho.mul_add(*square, rest * gradient * gradient);
            let delta = (*delta_square + epsilon).sqrt() / (*square + epsilon).sqrt() * gradient;
            *delta_square = rho.mul_add(*delta_square, rest * delta * delta);
            *value = (-self.rate).mul_add(delta, *value);
        }
    }
}
