//! The log's tables through their Parquet files alone, as a stranger reads
//! them: none of the program's own reading is used.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The folder of the only branch of a store.
pub(crate) fn only_branch(store: &Path) -> PathBuf {
    let mut folders = listed(&store.join("branches"));
    assert_eq!(folders.len(), 1, "one branch in {}", store.display());
    folders.remove(0)
}

/// What is in a folder, sorted; nothing where there is none.
pub(crate) fn listed(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a listing").path()).collect();
    paths.sort();
    paths
}

/// All rows of `BRANCH/TABLE/*.parquet`, of the columns named or of all;
/// `None` where there is no file.
pub(crate) fn rows(branch: &Path, table: &str, columns: Option<&[&str]>) -> Option<RecordBatch> {
    let mut batches = Vec::new();
    for path in listed(&branch.join(table)) {
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let file = File::open(&path).expect("a file of the table");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap_or_else(|error| panic!("{} is no whole Parquet file: {error}", path.display()));
        let mask = match columns {
            Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
            None => ProjectionMask::all(),
        };
        let reader = builder.with_batch_size(1 << 16).with_projection(mask).build().expect("a reader");
        for batch in reader {
            batches.push(batch.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    let schema = batches.first()?.schema();
    Some(concat_batches(&schema, &batches).expect("files of one schema"))
}

/// A column of whole numbers.
pub(crate) fn integers(rows: &RecordBatch, column: &str) -> Vec<i64> {
    let column = rows.column_by_name(column).expect("a column of this name");
    match column.as_primitive_opt::<Int64Type>() {
        Some(values) => values.values().to_vec(),
        None => column.as_primitive::<Int32Type>().values().iter().map(|&value| i64::from(value)).collect(),
    }
}

/// A column of texts.
pub(crate) fn texts(rows: &RecordBatch, column: &str) -> Vec<String> {
    let column = rows.column_by_name(column).expect("a column of this name").as_string::<i32>();
    (0..column.len()).map(|row| column.value(row).to_owned()).collect()
}

/// Checks that no row of any table is there twice, and that steps have no
/// gap; returns the last step that is in `steps`.
pub(crate) fn no_row_twice(branch: &Path) -> Option<i64> {
    let keys: [(&str, &[&str]); 8] = [
        ("weights", &["step", "layer", "filter"]),
        ("gradients", &["step", "layer", "filter"]),
        ("activations", &["step", "layer", "filter", "image"]),
        ("activation_gradients", &["step", "layer", "filter", "image"]),
        ("filters", &["step", "layer", "filter"]),
        ("normalisation", &["step", "layer", "filter"]),
        ("keyframes", &["step", "layer", "quantity"]),
        ("validation", &["step"]),
    ];
    for (table, columns) in keys {
        let Some(rows) = rows(branch, table, Some(columns)) else { continue };
        let key: Vec<Vec<String>> = columns
            .iter()
            .map(|column| match *column {
                "layer" | "quantity" => texts(&rows, column),
                column => integers(&rows, column).iter().map(ToString::to_string).collect(),
            })
            .collect();
        let mut seen = HashSet::new();
        for row in 0..rows.num_rows() {
            let key: Vec<&str> = key.iter().map(|column| &column[row][..]).collect();
            assert!(seen.insert(key.join(" ")), "{table}: {columns:?} {key:?} is there twice");
        }
    }
    let steps = integers(&rows(branch, "steps", Some(&["step"]))?, "step");
    let first = first_step(branch);
    let expected = first..first + steps.len() as i64;
    assert!(steps.iter().copied().eq(expected), "steps have gaps, or come twice: {steps:?}");
    steps.last().copied()
}

/// The first step of a branch: its fork step, or 0.
fn first_step(branch: &Path) -> i64 {
    let text = fs::read_to_string(branch.join("branch.json")).expect("a description");
    let description: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    description["parent"]["step"].as_i64().unwrap_or(0)
}
