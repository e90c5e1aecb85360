//! Networks in and out of other programs' files.

#[path = "../common/mod.rs"]
mod common;

mod fitting;
mod foreign;
mod formats;
mod round_trip;
mod support;
