//! What edits promise: functions that are preserved, bits that are kept,
//! identities that are never used twice, draws that siblings share, and
//! training that goes on.

#[path = "../common/mod.rs"]
mod common;

mod asked;
mod gradmax;
mod groups;
mod identities;
mod images;
mod kept;
mod laws;
mod maxout;
mod preserving;
mod refusals;
mod settings;
mod skips;
mod structure;
mod support;
mod training;
mod undoing;
