//! Training images by their numbers, and what of them a branch trains on otherwise than its data
//! set has them.
//!
//! | file | concept |
//! |---|---|
//! | `set` | a set of images, written as ranges |
//! | `changes` | images that a branch leaves out, labels and weights that it gives |

mod changes;
mod set;

pub use changes::{ImageChanges, LabelledImages, WeightedImages};
pub use set::ImageSet;
