//! Kills at random moments lose nothing that was committed and show nothing
//! twice, and the log in the end is that of a run that was never killed.
//!
//! `REVACNN_KILLS` sets the number of kills of each test.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tables.rs"]
mod tables;

mod branches;
mod train;

use std::path::Path;
use std::time::Duration;

use arrow_array::{Array, RecordBatch};

/// Every table but `events`, which may differ between equal runs.
pub(crate) const TABLES: [&str; 10] = [
    "steps",
    "weights",
    "gradients",
    "activations",
    "activation_gradients",
    "filters",
    "normalisation",
    "keyframes",
    "validation",
    "topology",
];

/// Draws the moments of the kills: splitmix64.
pub(crate) struct Moments(pub(crate) u64);

impl Moments {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % end
    }

    pub(crate) fn wait(&mut self, milliseconds: std::ops::Range<u64>) {
        let length = milliseconds.end - milliseconds.start;
        std::thread::sleep(Duration::from_millis(milliseconds.start + self.below(length)));
    }
}

/// A table without the columns that may differ between equal runs.
fn comparable(branch: &Path, table: &str) -> RecordBatch {
    let mut rows = tables::rows(branch, table, None).unwrap_or_else(|| panic!("no rows in {table}"));
    for column in ["wall_time", "elapsed_nanos"] {
        if let Ok(place) = rows.schema().index_of(column) {
            rows.remove_column(place);
        }
    }
    rows
}

/// Compares two branches' tables, bit by bit.
pub(crate) fn same_rows(killed: &Path, undisturbed: &Path, tables: &[&str]) {
    assert_eq!(killed.file_name(), undisturbed.file_name(), "the ids are equal in equal runs");
    for table in tables {
        let (left, right) = (comparable(killed, table), comparable(undisturbed, table));
        assert_eq!(left.schema(), right.schema(), "{table}");
        assert_eq!(left.num_rows(), right.num_rows(), "{table}");
        for (field, (left, right)) in left.schema().fields().iter().zip(left.columns().iter().zip(right.columns())) {
            // Arrays compare their bits, so that not-a-number equals itself.
            if left != right {
                let row = (0..left.len()).find(|&row| left.slice(row, 1) != right.slice(row, 1));
                panic!("{table}.{} differs, first in row {row:?}", field.name());
            }
        }
    }
}

/// The number of kills that was asked for, or this one.
pub(crate) fn wanted_kills(default: u64) -> u64 {
    let asked = std::env::var("REVACNN_KILLS").ok();
    asked.map_or(default, |kills| kills.parse().expect("REVACNN_KILLS is a number"))
}
