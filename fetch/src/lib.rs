//! Published data sets over HTTP: bounded, resumed, checked, unpacked. It knows how files come, and
//! nothing of what is in them.
//!
//! | file | concept |
//! |---|---|
//! | `fetching` | [`fetch`]: what is lacking is downloaded, unpacked and put in its place |
//! | `download` | one file over HTTP, taken up where it was cut off |
//! | `unpack` | an archive's files, of known names and lengths alone |
//! | `place` | what is there and whole; the one writer; checksums beside the files |
//! | `error` | what can go wrong |
//!
//! ```text
//! DATA/
//!   cifar-10-batches-bin/           the data set, which appears whole by one rename
//!     data_batch_1.bin …
//!     SHA256SUMS                    what was unpacked, as `sha256sum --check` reads it
//!   .fetch/
//!     cifar10.lock                  held by the one process that fetches it
//!     cifar-10-binary.tar.gz.c4a38c50.part      what has come so far
//!     cifar10.unpacked/             until it is moved
//! ```

mod download;
mod error;
mod fetching;
mod place;
mod unpack;

pub use error::FetchError;
pub use fetching::{Event, Fetched, Patience, fetch};
