//! How strongly a layer's weights decay, against what the optimizer says.

use revacnn_schemas::{LayerSpec, Parameters, written};
use serde_json::Value;

use super::kind::refuse;
use crate::TrainerError;

const WEIGHT_DECAY_FACTOR: &str = "weight_decay_factor";
const L1_DECAY_FACTOR: &str = "l1_decay_factor";

/// Factors on the optimizer's decay. Layers of every kind may be written with them; at 1 they
/// are not written.
///
/// Source: ConvNetJS's `l2_decay_mul` and `l1_decay_mul`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DecayFactors {
    /// On weight decay.
    pub(crate) weight_decay: f64,
    /// On L1 decay.
    pub(crate) l1_decay: f64,
}

impl DecayFactors {
    /// As the optimizer says.
    pub(crate) const ONE: Self = Self { weight_decay: 1.0, l1_decay: 1.0 };

    /// Takes them out of a description; what is left is the kind's own.
    ///
    /// # Errors
    /// What is no number of at least 0.
    pub(super) fn take(spec: &LayerSpec) -> Result<(LayerSpec, Self), TrainerError> {
        let mut own = spec.clone();
        let mut factor = |name: &str| match own.parameters.remove(name) {
            None => Ok(1.0),
            Some(value) => {
                let used = value.as_f64().filter(|factor| *factor >= 0.0 && (*factor as f32).is_finite());
                used.ok_or_else(|| {
                    let found = match &value {
                        Value::Null => "not-a-number or an infinity".to_owned(),
                        Value::String(word) => format!("`{word}`"),
                        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), written),
                        other => other.to_string(),
                    };
                    let name = name.replace('_', "-");
                    refuse(spec, format!("{name} must be a finite number of at least 0, found {found}"))
                })
            }
        };
        let factors = Self { weight_decay: factor(WEIGHT_DECAY_FACTOR)?, l1_decay: factor(L1_DECAY_FACTOR)? };
        Ok((own, factors))
    }

    /// Writes out those that change something.
    pub(super) fn write(&self, parameters: &mut Parameters) {
        for (name, factor) in [(WEIGHT_DECAY_FACTOR, self.weight_decay), (L1_DECAY_FACTOR, self.l1_decay)] {
            if factor != 1.0 {
                parameters.insert(name.to_owned(), Value::from(factor));
            }
        }
    }

    /// Refuses factors of a layer that has nothing to decay.
    ///
    /// # Errors
    /// [`TrainerError::Layer`].
    pub(super) fn check(&self, spec: &LayerSpec, decays: bool) -> Result<(), TrainerError> {
        if decays || *self == Self::ONE {
            return Ok(());
        }
        Err(refuse(spec, "it has no weights that decay: leave weight-decay-factor and l1-decay-factor out"))
    }
}
