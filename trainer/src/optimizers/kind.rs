//! What a kind of optimizer decides.

use std::fmt;

use revacnn_schemas::{OptimizerSpec, Parameters, written};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::TrainerError;
use crate::kernels::Instructions;

/// The configuration that optimizers of one kind are written with: its fields
/// are the kind's hyper-parameters, each recorded and steered by its name.
pub(super) trait Configuration: Optimizer + Serialize + DeserializeOwned + 'static {
    /// The word on the command line.
    const NAME: &'static str;
    /// Parameters whose default has changed, with the first default: what a
    /// recorded edit means that leaves one out. Later edits write them out.
    const LEFT_OUT: &'static [(&'static str, f64)] = &[];
    /// The arrays that it remembers for every parameter, in the order of the slots, as PyTorch calls
    /// them.
    const SLOT_NAMES: &'static [&'static str];

    /// Every hyper-parameter with its range.
    fn ranged(&self) -> Vec<Ranged>;
}

/// A hyper-parameter's value and its range.
pub(super) struct Ranged {
    /// The name as people write it, such as `learning-rate`.
    pub(super) name: &'static str,
    /// The value.
    pub(super) value: f64,
    /// The range in words.
    pub(super) expected: &'static str,
    /// The range.
    pub(super) valid: fn(f64) -> bool,
}

impl Ranged {
    /// A number of at least 0.
    pub(super) fn from_zero(name: &'static str, value: f64) -> Self {
        Self { name, value, expected: "a finite number of at least 0", valid: |value| value >= 0.0 }
    }

    /// A share that is not the whole.
    pub(super) fn share(name: &'static str, value: f64) -> Self {
        Self { name, value, expected: "at least 0 and below 1", valid: |value| (0.0..1.0).contains(&value) }
    }

    /// A number that is divided by.
    pub(super) fn divisor(name: &'static str, value: f64) -> Self {
        Self { name, value, expected: "above 0 as a 32-bit number", valid: |value| value as f32 > 0.0 }
    }

    /// Checks what a branch may have been recorded with: until values were checked
    /// as they are used, only what was written was compared with the range.
    pub(super) fn check(&self) -> Result<(), TrainerError> {
        if (self.value as f32).is_finite() && (self.valid)(self.value) { Ok(()) } else { Err(self.refuse()) }
    }

    /// Checks what a person asks for: the 32-bit number that is computed with.
    pub(super) fn check_as_used(&self) -> Result<(), TrainerError> {
        let used = f64::from(self.value as f32);
        let vanishes = self.value != 0.0 && used == 0.0;
        let is_negative_zero = used == 0.0 && used.is_sign_negative();
        if !vanishes && !is_negative_zero && (self.valid)(used) { self.check() } else { Err(self.refuse()) }
    }

    fn refuse(&self) -> TrainerError {
        let (value, used) = (self.value, self.value as f32);
        let mut found = written(value);
        // Only where that is why: the number itself would do.
        if value != 0.0 && value.is_finite() && (self.valid)(value) {
            found += &match used {
                0.0 => ", which is 0 as the 32-bit number that is computed with".to_owned(),
                used if used.is_infinite() => ", which no 32-bit number can hold".to_owned(),
                used => format!(", which is {used} as the 32-bit number that is computed with"),
            };
        }
        TrainerError::OutOfRange { name: self.name.to_owned(), expected: self.expected, found }
    }
}

/// An optimizer with its hyper-parameters; its memory is in the slots.
pub(crate) trait Optimizer: fmt::Debug + Send + Sync {
    /// Weight decay.
    fn weight_decay(&self) -> f64;

    /// Whether weight decay is the gradient of a loss, which is descended with the data's.
    fn decays_loss(&self) -> bool {
        true
    }

    /// Moves `values` by one update, element by element.
    ///
    /// # Shapes
    /// `values`, `gradients` and each of `slots` have one length.
    fn update(&self, context: UpdateContext, tensors: Tensors<'_, '_>);
}

/// Where an update stands, and what it runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpdateContext {
    /// The number of this update, from 1, since the slots were zero.
    pub(crate) update: u64,
    /// What the schedule multiplies the learning rate by.
    pub(crate) rate: f64,
    /// Instructions of the kernels.
    pub(crate) instructions: Instructions,
}

/// The arrays of one update.
pub(crate) struct Tensors<'a, 'b> {
    pub(crate) values: &'a mut [f32],
    pub(crate) gradients: &'a [f32],
    pub(crate) slots: &'a mut [&'b mut [f32]],
    /// Weight decay of these values; 0 for biases.
    pub(crate) decay: f32,
}

/// An optimizer and its parameters with every default written out.
pub(crate) type Resolved = (Parameters, Box<dyn Optimizer>);

/// A kind of optimizer: its [`Configuration`], without the type.
pub(crate) struct OptimizerKind {
    /// [`Configuration::NAME`]
    pub(crate) name: &'static str,
    /// [`Configuration::LEFT_OUT`]
    pub(crate) left_out: &'static [(&'static str, f64)],
    /// [`Configuration::SLOT_NAMES`]
    pub(crate) slot_names: &'static [&'static str],
    /// Builds it; also writes every default out.
    pub(crate) build: fn(&OptimizerSpec) -> Result<Resolved, TrainerError>,
    /// Checks its hyper-parameters as they are used.
    pub(crate) check_as_used: fn(&OptimizerSpec) -> Result<(), TrainerError>,
}

impl OptimizerKind {
    /// The kind whose optimizers are configured by `C`.
    pub(super) const fn of<C: Configuration>() -> Self {
        Self {
            name: C::NAME,
            left_out: C::LEFT_OUT,
            slot_names: C::SLOT_NAMES,
            build: |spec| {
                let config: C = spec.config()?;
                config.ranged().iter().try_for_each(Ranged::check)?;
                let parameters = match serde_json::to_value(&config) {
                    Ok(serde_json::Value::Object(map)) => map,
                    _ => unreachable!("invariant: an optimizer's configuration is a struct of plain numbers"),
                };
                Ok((parameters, Box::new(config)))
            },
            check_as_used: |spec| spec.config::<C>()?.ranged().iter().try_for_each(Ranged::check_as_used),
        }
    }
}
