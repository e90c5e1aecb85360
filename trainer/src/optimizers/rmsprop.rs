//! RMSprop: `rmsprop`.

use serde::{Deserialize, Serialize};

use super::kind::{Configuration, Optimizer, Ranged, Tensors, UpdateContext};
use crate::kernels::{Kernel, Simd};

/// Source: Hinton's lecture 6e of 2012, as `torch.optim.RMSprop` (not centred): g ← g + decay·w;
/// s ← αs + (1−α)g²; v ← momentum·v + g/(√s + ε); w ← w − rate·v.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RmsProp {
    #[serde(default = "learning_rate")]
    learning_rate: f64,
    #[serde(default = "alpha")]
    alpha: f64,
    #[serde(default = "epsilon")]
    epsilon: f64,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

fn alpha() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-8
}

impl Configuration for RmsProp {
    const NAME: &'static str = "rmsprop";
    /// The velocity also where the momentum is 0: it can be steered.
    const SLOT_NAMES: &'static [&'static str] = &["square_avg", "momentum_buffer"];

    fn ranged(&self) -> Vec<Ranged> {
        vec![
            Ranged::from_zero("learning-rate", self.learning_rate),
            Ranged::from_zero("weight-decay", self.weight_decay),
            Ranged::share("alpha", self.alpha),
            Ranged::divisor("epsilon", self.epsilon),
            Ranged::share("momentum", self.momentum),
        ]
    }
}

impl Optimizer for RmsProp {
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>) {
        context.instructions.run(Update {
            rate: (self.learning_rate * context.rate) as f32,
            alpha: self.alpha as f32,
            rest: (1.0 - self.alpha) as f32,
            epsilon: self.epsilon as f32,
            momentum: self.momentum as f32,
            tensors,
        });
    }
}

struct Update<'a, 'b> {
    rate: f32,
    alpha: f32,
    rest: f32,
    epsilon: f32,
    momentum: f32,
    tensors: Tensors<'a, 'b>,
}

impl Kernel for Update<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Tensors { values, gradients, slots, decay } = self.tensors;
        let [squares, velocities] = slots else { unreachable!("invariant: RMSprop has two slots") };
        for (((value, &gradient), square), velocity) in
            values.iter_mut().zip(gradients).zip(squares.iter_mut()).zip(velocities.iter_mut())
        {
            let gradient = decay.mul_add(*value, gradient);
            *square = self.alpha.mul_add(*square, self.rest * gradient * gradient);
            *velocity = self.momentum.mul_add(*velocity, gradient / (square.sqrt() + self.epsilon));
            *value = (-self.rate).mul_add(*velocity, *value);
        }
    }
}
