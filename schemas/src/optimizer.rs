//! Optimizers as a person writes them.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::network::parameters_as;
use crate::words::{one_line, plain, value};
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

impl FromStr for OptimizerSpec {
    type Err = SchemaError;

    /// Reads `KIND[,NAME=VALUE]…`.
    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let malformed = || SchemaError::Malformed {
            what: "optimizer",
            expected: "KIND[,NAME=VALUE]…, such as `adam,beta1=0.8`",
            found: text.chars().take(80).collect(),
        };
        let mut parts = text.split(',');
        let mut spec = Self::new(parts.next().filter(|kind| !kind.is_empty()).ok_or_else(malformed)?);
        for part in parts {
            let (name, number) = part.split_once('=').ok_or_else(malformed)?;
            if spec.parameters.insert(name.replace('-', "_"), value(number)).is_some() {
                let subject = format!("optimizer {}", one_line(&spec.kind));
                let reason = format!("expected each parameter once, found `{}` twice", one_line(name));
                return Err(SchemaError::Parameter { subject, reason });
            }
        }
        Ok(spec)
    }
}

impl fmt::Display for OptimizerSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)?;
        self.parameters.iter().try_for_each(|(name, number)| write!(formatter, ",{name}={}", plain(number)))
    }
}
