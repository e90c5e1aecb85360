//! Why arrays or networks do not go in or out.

use std::path::{Path, PathBuf};

use crate::files::FileError;

/// What can keep a network from being read from or written for another program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected of it.
        expected: String,
        /// What it has, on one line.
        found: String,
    },
    /// A file whose reading runs code that is in it.
    #[error("{} is a pickle of Python, which runs code when it is read, and is not read here: {remedy}", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What to do instead.
        remedy: &'static str,
    },
    /// Arrays that are not those of the network.
    #[error("the arrays do not fit the network: {mismatches}")]
    Mismatch {
        /// Every one, by layer and shape.
        mismatches: String,
    },
    /// The digest of arrays is known, and they are not at hand.
    #[error("the arrays {digest:.12} that layers begin with are not at hand: expected them beside the branch's record")]
    NotAtHand {
        /// Their digest.
        digest: revacnn_schemas::Digest,
    },
    /// A layer that another program has no form for.
    #[error(
        "{program} has no form for layer {layer} ({kind}){reason}; the arrays alone can be exported as safetensors or \
         npz"
    )]
    NoForm {
        /// The program.
        program: &'static str,
        /// The layer.
        layer: String,
        /// Its kind.
        kind: String,
        /// What it lacks, after a comma; or nothing.
        reason: String,
    },
    /// Values that a format cannot say.
    #[error("{program} cannot write {array}: {count} of its values are not finite, and JSON has no word for them")]
    NotFinite {
        /// The format.
        program: &'static str,
        /// The array.
        array: String,
        /// How many there are.
        count: usize,
    },
    /// The file could not be put together.
    #[error("cannot write {what}: {reason}")]
    Unwritable {
        /// The format.
        what: &'static str,
        /// The library's reason.
        reason: String,
    },
}

impl ExchangeError {
    pub(super) fn damaged(path: &Path, expected: impl Into<String>, found: impl std::fmt::Display) -> Self {
        // What a stranger's file says ends on a terminal.
        let found = found.to_string().escape_debug().take(200).collect();
        Self::Damaged { path: path.to_owned(), expected: expected.into(), found }
    }

    pub(super) fn unwritable(what: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |reason| Self::Unwritable { what, reason: reason.to_string() }
    }
}
