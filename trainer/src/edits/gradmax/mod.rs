//! New filters that get the largest gradient (GradMax).
//!
//! A new filter that is read through coefficients V = 0 leaves every output
//! as it was, and its own coefficients w have no gradient; how fast it begins
//! to matter is decided by the gradient G(w) at V. So w is chosen to make
//! Φ(w) = ½‖G(w)‖² on the next batch large, with ‖w‖ the mean norm of the
//! layer's other filters.
//!
//! As V = 0, the gradient δ that comes back to the reading layer's output does
//! not depend on w, and G = Σ δ·h(w) over the batch, h being the filter's map
//! as it reaches the reader. So ∂Φ/∂w is what flows back to w when δ passes
//! through V := G: an ordinary backward pass, and the engine runs it, through
//! whatever lies between the filter and its reader.
//!
//! | file | concept |
//! |---|---|
//! | `batch` | Φ and its gradient on the next batch |
//! | `search` | the ascent on the sphere ‖w‖ = ρ |
//! | `sphere` | norms and directions of filters |
//! | `first` | the search of forks that do not hold what it found |
//!
//! A fork keeps the coefficients that were found, so that a better search
//! changes none that exists.
//!
//! Source: Evci, van Merriënboer, Unterthiner, Vladymyrov and Pedregosa,
//! *GradMax: Growing Neural Networks using Gradient Information* (2022). There
//! incoming coefficients are zero and outgoing ones are found; this is the
//! dual, which suits ReLU, whose gradient at a filter of zeros is zero.

mod batch;
mod first;
mod search;
mod sphere;

pub(super) use first::maximise as maximise_as_first;
pub(super) use search::{Found, Gain, search, set};
