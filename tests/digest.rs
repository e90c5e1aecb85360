//! Anybody can compute a step's digest from the rows of `weights`: BLAKE3 of
//! the parameters as little-endian numbers, layers in network order, filters
//! by number, each filter's coefficients and then its bias.

mod support;
#[path = "support/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, RecordBatch};
use support::{Scratch, TRAIN};

/// A column of numbers without nulls.
fn floats(rows: &RecordBatch, column: &str) -> Vec<f32> {
    let column = rows.column_by_name(column).expect("a column of this name");
    assert_eq!(column.null_count(), 0);
    column.as_primitive::<Float32Type>().values().to_vec()
}

/// The lists of numbers of a column without nulls.
fn lists(rows: &RecordBatch, column: &str) -> Vec<Vec<f32>> {
    let column = rows.column_by_name(column).expect("a column of this name").as_list::<i32>();
    assert_eq!(column.null_count(), 0);
    column.iter().flatten().map(|list| list.as_primitive::<Float32Type>().values().to_vec()).collect()
}

/// The digest of every step: as recorded, and as computed here.
fn digests(branch: &Path) -> Vec<(String, String)> {
    let topology = tables::rows(branch, "topology", None).expect("a topology");
    let layers = tables::texts(&topology, "layer");
    let positions: BTreeMap<&str, i64> =
        layers.iter().map(String::as_str).zip(tables::integers(&topology, "layer_position")).collect();

    let weights = tables::rows(branch, "weights", None).expect("weights");
    let (steps, filters) = (tables::integers(&weights, "step"), tables::integers(&weights, "filter"));
    let (layers, biases) = (tables::texts(&weights, "layer"), floats(&weights, "bias"));
    let mut parameters = BTreeMap::new();
    for (row, mut values) in lists(&weights, "values").into_iter().enumerate() {
        values.push(biases[row]);
        parameters.insert((steps[row], positions[&layers[row][..]], filters[row]), values);
    }
    let mut hashers: BTreeMap<i64, blake3::Hasher> = BTreeMap::new();
    for ((step, _, _), values) in parameters {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        hashers.entry(step).or_default().update(&bytes);
    }

    let steps = tables::rows(branch, "steps", None).expect("steps");
    let recorded = tables::integers(&steps, "step").into_iter().zip(tables::texts(&steps, "digest"));
    let computed = |step| hashers[&step].finalize().to_hex().to_string();
    recorded.map(|(step, digest)| (digest, computed(step))).collect()
}

#[test]
fn every_steps_digest_follows_from_the_rows_of_weights() {
    let scratch = Scratch::new();
    let digest = scratch.run(0, &format!("{TRAIN} --steps 600")).json()["digest"].clone();
    let digests = digests(&tables::only_branch(&scratch.path("runs")));
    assert_eq!(digests.len(), 601);
    assert_eq!(digest, digests[600].0);
    for (step, (recorded, computed)) in digests.iter().enumerate() {
        assert_eq!(recorded, computed, "step {step}");
    }
    assert_eq!(tables::no_row_twice(&tables::only_branch(&scratch.path("runs"))), Some(600));
}

#[test]
fn not_a_number_is_canonical_in_the_rows_too() {
    let scratch = Scratch::new();
    scratch.run(3, &format!("{TRAIN} --steps 40 --optimizer sgd --learning-rate 1e30"));
    let branch = tables::only_branch(&scratch.path("runs"));
    for (step, (recorded, computed)) in digests(&branch).iter().enumerate() {
        assert_eq!(recorded, computed, "step {step}");
    }
    let weights = tables::rows(&branch, "weights", None).expect("weights");
    let mut values = lists(&weights, "values").concat();
    values.retain(|value| value.is_nan());
    assert!(!values.is_empty(), "the run diverged without a trace");
    assert!(values.iter().all(|value| value.to_bits() == 0x7fc0_0000));
}
