//! Addresses of steps: `NAME@STEP`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BranchName, Epoch, SchemaError, Step, whole_number};

/// A step of a branch as a person writes it: `main@1512`, `main@epoch:6`,
/// `wider@last`, `wider@best`, `wider@fork`. Without `@…` it means `last`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// The branch.
    pub branch: BranchName,
    /// The place within it.
    pub position: Position,
}

/// A place within a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// A step by its number.
    Step(Step),
    /// The step that finished this epoch (epochs counted from 1 here, as a
    /// person counts: `epoch:1` is the first whole pass).
    Epoch(Epoch),
    /// The newest recorded step.
    Last,
    /// The step with the lowest validation loss, the earlier one on a tie.
    Best,
    /// The branch's first own step: 0, or the step that it was forked at.
    Fork,
}

const EXPECTED: &str = "NAME@STEP, where STEP is a number, `epoch:N` with N from 1, `last`, `best` or `fork`";

impl FromStr for Address {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let malformed =
            || SchemaError::Malformed { what: "address", expected: EXPECTED, found: text.chars().take(80).collect() };
        let (name, place) = text.split_once('@').unwrap_or((text, "last"));
        let position = match place {
            "last" => Position::Last,
            "best" => Position::Best,
            "fork" => Position::Fork,
            _ => match place.strip_prefix("epoch:") {
                Some(number) => match whole_number(number) {
                    Ok(0) | Err(_) => return Err(malformed()),
                    Ok(epoch) => Position::Epoch(Epoch(epoch)),
                },
                None => Position::Step(Step(whole_number(place).map_err(|_| malformed())?)),
            },
        };
        if name.strip_suffix(".*").is_some_and(|family| family.parse::<BranchName>().is_ok()) {
            let expected = "a step of one branch, such as NAME.0@best, and not a whole family";
            return Err(SchemaError::Malformed { what: "address", expected, found: name.to_owned() });
        }
        let branch = name.parse()?;
        Ok(Self { branch, position })
    }
}

impl TryFrom<String> for Address {
    type Error = SchemaError;

    fn try_from(text: String) -> Result<Self, SchemaError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.branch, self.position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(formatter, "{step}"),
            Self::Epoch(epoch) => write!(formatter, "epoch:{epoch}"),
            Self::Last => formatter.write_str("last"),
            Self::Best => formatter.write_str("best"),
            Self::Fork => formatter.write_str("fork"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_survives_a_round_trip() {
        for text in ["main@0", "main@1512", "main@epoch:6", "main~2@last", "a@best", "b@fork"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("main".parse::<Address>().unwrap().to_string(), "main@last");
    }

    #[test]
    fn anything_else_is_refused_with_the_form_that_is_expected() {
        for text in ["", "@3", "main@", "main@x", "main@-1", "main@epoch:0", "main@epoch:", "a@b@3"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains("expected"), "{text}: {error}");
        }
        for family in ["base.*", "base.*@best"] {
            let error = family.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("`base.*`") && error.contains("not a whole family"), "{error}");
        }
    }
}
