//! The one error type of this crate.

/// What can be wrong with a description, an id or an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// An id, a name or an address does not have the form that it needs.
    #[error("`{found}` is not a valid {what}: expected {expected}")]
    Malformed {
        /// What was being read, such as "branch name".
        what: &'static str,
        /// The form that was expected.
        expected: &'static str,
        /// The text that was found.
        found: String,
    },
    /// A description in TOML or JSON could not be read.
    #[error("cannot read the {what}: {reason}")]
    Unreadable {
        /// What was being read, such as "network".
        what: &'static str,
        /// The parser's reason, with the line.
        reason: String,
    },
    /// A layer or optimizer was given a parameter that it does not take, or a
    /// value out of its range.
    #[error("{subject}: {reason}")]
    Parameter {
        /// The layer or optimizer, by name.
        subject: String,
        /// What is wrong, what was expected and what was found.
        reason: String,
    },
    /// An edit could not be read.
    #[error("cannot read the edit `{text}`: {reason}; expected {expected}")]
    Edit {
        /// The edit as it was written.
        text: String,
        /// What is not understood.
        reason: String,
        /// The form of this edit, or the edits there are.
        expected: String,
    },
}
