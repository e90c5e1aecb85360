//! The revacnn program.
fn main() {}
