//! Newtypes of every id, so that a step is never mistaken for a filter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

number! {
    /// One optimizer update. Step 0 is the state before any update.
    Step(u64)
}
number! {
    /// One pass over the training images, counted from 0.
    Epoch(u64)
}
number! {
    /// Number of a filter within its layer; never reused in a lineage.
    FilterNumber(u32)
}
number! {
    /// Index of an image in the data set's training part.
    ImageIndex(u32)
}

impl Step {
    /// The step after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SchemaError;

            fn from_str(text: &str) -> Result<Self, SchemaError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(SchemaError::Malformed {
                        what: $what,
                        expected: $expected,
                        found: text.chars().take(80).collect(),
                    })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = SchemaError;

            fn try_from(text: String) -> Result<Self, SchemaError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

text! {
    /// Id of a branch: `b` and 15 hexadecimal digits, derived from what the
    /// branch trains. It never changes and names the branch's folder.
    BranchId, "branch id", "`b` and 15 hexadecimal digits", |text| {
        text.len() == 16
            && text.starts_with('b')
            && text[1..].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}
text! {
    /// Name of a branch, chosen by a person and free to change.
    BranchName, "branch name",
    "1 to 64 letters, digits, `-`, `_`, `.` or `~`, starting with a letter, and none of \
     `last`, `best`, `fork`, `epoch`",
    |text| {
        (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
            && !["last", "best", "fork", "epoch"].contains(&text)
    }
}
text! {
    /// Name of a layer: its identity within a lineage.
    LayerName, "layer name",
    "1 to 32 lower-case letters, digits, `-` or `_`, starting with a letter",
    |text| {
        (1..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    }
}

impl BranchId {
    /// The id of the `copy`-th branch of a store that trains the content `key`.
    ///
    /// Equal runs thus have equal ids in two stores; a second branch with the
    /// same content in one store has `copy` = 1 and an id of its own.
    pub fn derive(key: crate::Digest, copy: u32) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("revacnn 2026 branch id");
        hasher.update(&key.0);
        hasher.update(&copy.to_le_bytes());
        Self(format!("b{}", &hasher.finalize().to_hex()[..15]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_store_or_hide_an_address_are_refused() {
        for bad in ["", "../x", "a/b", "last", "fork", "best", "epoch", "a@b", "1main", ".x", "a b"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?} was accepted");
        }
        for good in ["main", "main~2", "wider-3.1", "A_b"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn a_branch_id_is_a_function_of_content_and_copy() {
        let key = crate::Digest([7; 32]);
        assert_eq!(BranchId::derive(key, 0), BranchId::derive(key, 0));
        assert_ne!(BranchId::derive(key, 0), BranchId::derive(key, 1));
        let id = BranchId::derive(key, 0);
        assert_eq!(id.as_str().parse::<BranchId>(), Ok(id));
    }
}
