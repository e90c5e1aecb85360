//! Optimizers as a person writes them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::network::parameters_as;
use crate::{Parameters, SchemaError};

/// An optimizer: its kind (`sgd`, `adadelta`, `adam`, …) and the parameters
/// of that kind, such as `learning_rate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimizerSpec {
    /// The kind; the trainer's list of optimizers says which exist.
    pub kind: String,
    /// Its hyper-parameters by name.
    #[serde(flatten)]
    pub parameters: Parameters,
}

impl OptimizerSpec {
    /// An optimizer of this kind with all its defaults.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), parameters: Parameters::new() }
    }

    /// The parameters as the configuration type of the kind.
    ///
    /// # Errors
    /// [`SchemaError::Parameter`] naming the optimizer and the parameter.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C, SchemaError> {
        parameters_as(&self.parameters, || format!("optimizer {}", self.kind))
    }
}
