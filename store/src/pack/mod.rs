//! A branch in one file, to be given to somebody: it and its ancestors, each up to
//! what its child shares.
//!
//! A pack is a plain `tar` archive, so that any program lists it and takes a table
//! out of it. It holds files as they lie in the store, in an order that lets it be
//! read in one go:
//!
//! ```text
//! manifest.json                              what follows: path, bytes and BLAKE3 digest of each file
//! branches/branch=ROOT/branch.json
//! branches/branch=ROOT/steps/FIRST-LAST.parquet …
//! branches/branch=CHILD/branch.json …
//! ```
//!
//! An ancestor has the whole files that reach to its child's fork step: it is a
//! branch like any other, with a shorter history. Its locks, its mailbox and the
//! step that it is meant to be trained to are not packed. A *thin* pack leaves the
//! branches as [`Fidelity::Keyframes`](revacnn_schemas::Fidelity::Keyframes) does.
//!
//! A pack is a stranger's. Nothing of it is put into a store but files that the
//! manifest names, at paths that the store itself makes, with the bytes that the
//! manifest promises; and nothing of it is seen before all of it was looked at.
//! A new branch appears whole, by one rename; one that goes on where the store's ends
//! changes places with it. Ancestors come first.

mod admit;
mod manifest;
mod read;
mod write;

pub use admit::{Arrival, Unpacked};
pub use read::Pack;
pub use write::{PackContents, Packed};
