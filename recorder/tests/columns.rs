//! One value changed in a file whose checksums are right, column by column: by a
//! hostile or a buggy writer. `verify` names table, step and column.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Float32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::DataType;
use fake::{name, rewrite};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use revacnn_recorder::{RecorderError, Verified, VerifyPlan, compact, materialise, verify};
use revacnn_schemas::{Fidelity, NetworkSpec, OptimizerSpec, Step, Table};
use revacnn_store::{Lineage, NOT_COVERED, StepSpan, Store, is_covered};
use revacnn_test_support::SmallRun;
use revacnn_trainer::Settings;

/// With a normalisation, so that every table has rows.
const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n[[layer]]\nkind = \"batchnorm\"\n[[layer]]\n\
                       kind = \"softmax\"\n";

fn run() -> SmallRun {
    SmallRun {
        network: NetworkSpec::from_toml(NETWORK).unwrap(),
        keyframe_interval: 5,
        validate_every: Some(4),
        ..SmallRun::default()
    }
}

fn verified(store: &Store, branch: &str, quick: bool) -> Result<Verified, RecorderError> {
    let lineage = Lineage::open(store, &name(branch)).unwrap();
    verify(store, &lineage, VerifyPlan { span: None, threads: 2, quick }, &run().data(), &|_| {})
}

/// A text of the same length.
fn other_text(text: &str) -> String {
    let place = text.rfind(|letter: char| letter.is_ascii_alphanumeric()).unwrap();
    let other = if &text[place..=place] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &text[..place], &text[place + 1..])
}

/// The column with another value in one row.
fn changed(values: &ArrayRef, row: usize) -> ArrayRef {
    let at = |place: usize| place == row;
    match values.data_type() {
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>().values();
            Arc::new(Int64Array::from_iter_values(
                values.iter().zip(0..).map(|(value, place)| value + i64::from(at(place))),
            ))
        }
        DataType::Int32 => {
            let values = values.as_primitive::<Int32Type>().values();
            Arc::new(Int32Array::from_iter_values(
                values.iter().zip(0..).map(|(value, place)| value + i32::from(at(place))),
            ))
        }
        DataType::Timestamp(..) => {
            let values = values.as_primitive::<TimestampMicrosecondType>().values();
            let values = values.iter().zip(0..).map(|(value, place)| value + i64::from(at(place)));
            Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
        }
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>().iter().enumerate();
            let flip = |(place, value): (usize, Option<f32>)| {
                value.map(|value| f32::from_bits(value.to_bits() ^ u32::from(at(place))))
            };
            Arc::new(values.map(flip).collect::<Float32Array>())
        }
        DataType::Utf8 => {
            let values = values.as_string::<i32>().iter().enumerate();
            let other = |(place, text): (usize, Option<&str>)| {
                text.map(|text| if at(place) { other_text(text) } else { text.to_owned() })
            };
            Arc::new(values.map(other).collect::<StringArray>())
        }
        DataType::List(_) => {
            let (field, offsets, items, nulls) = values.as_list::<i32>().clone().into_parts();
            let items = changed(&items, offsets[row] as usize);
            Arc::new(ListArray::new(field, offsets, items, nulls))
        }
        other => panic!("no table has {other}"),
    }
}

/// The first row of a step that has a value in the column; of all rows where
/// there are no steps.
fn row_of(batch: &RecordBatch, column: &str, step: u64) -> Option<usize> {
    let values = batch.column_by_name(column)?;
    let steps = batch.column_by_name("step").map(|steps| steps.as_primitive::<Int64Type>().values());
    let is_there = |row: usize| match values.data_type() {
        DataType::List(_) => values.is_valid(row) && values.as_list::<i32>().value_length(row) > 0,
        DataType::Utf8 => values.is_valid(row) && !values.as_string::<i32>().value(row).is_empty(),
        _ => values.is_valid(row),
    };
    (0..batch.num_rows()).find(|&row| is_there(row) && steps.is_none_or(|steps| steps[row] == step as i64))
}

fn batches(path: &PathBuf) -> Vec<RecordBatch> {
    let open = || ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let groups = open().metadata().num_row_groups();
    let batch = |group| open().with_row_groups(vec![group]).build().unwrap().next().unwrap().unwrap();
    (0..groups).map(batch).collect()
}

/// Changes a value of every column that has one at a step, and verifies; returns
/// the columns that were changed.
fn change_each(store: &Store, branch: &str, steps: &[u64]) -> Vec<(Table, String)> {
    let folder = store.branch_folder(&store.branch(&name(branch)).unwrap().id);
    let mut seen = Vec::new();
    for table in Table::ALL {
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder.join(table.name())) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => Vec::new(),
        };
        paths.sort();
        for path in paths {
            let (whole, batches) = (fs::read(&path).unwrap(), batches(&path));
            for field in table.schema().fields() {
                let column = field.name();
                for &step in steps {
                    let rows: Vec<_> = batches.iter().map(|batch| row_of(batch, column, step)).collect();
                    let Some(group) = rows.iter().position(Option::is_some) else { continue };
                    rewrite(&path, column, |batch| {
                        let values = batch.column_by_name(column).unwrap();
                        if *batch == batches[group] { changed(values, rows[group].unwrap()) } else { values.clone() }
                    });
                    let outcome = verified(store, branch, false);
                    fs::write(&path, &whole).unwrap();
                    let what = format!("{branch}: {table}.{column} at step {step}");
                    if !is_covered(table, column) {
                        outcome.unwrap_or_else(|error| panic!("{what} is not covered: {error}"));
                    } else {
                        let error = outcome.expect_err(&what).to_string();
                        let step = format!("step {step}");
                        // One text more than there are is refused before any row is looked at.
                        let of_step = table == Table::Topology || error.contains(&step) || column == "step";
                        let of_step =
                            of_step || error.contains("row group") && error.contains("a dictionary of at most");
                        let names = error.contains(&format!("table {table}")) || error.contains(&format!("/{table}/"));
                        assert!(of_step && names && error.contains(&format!("column {column}")), "{what}: {error}");
                    }
                    if !seen.contains(&(table, column.clone())) {
                        seen.push((table, column.clone()));
                    }
                }
            }
        }
    }
    verified(store, branch, false).unwrap();
    seen
}

/// From the list of the tables' columns: a new one cannot be forgotten.
#[test]
fn a_value_changed_in_any_column_of_any_table_is_found() {
    let folder = fake::tempdir().unwrap();
    let run = run();
    let store = run.recorded(folder.path(), 12);
    let mut seen = change_each(&store, "main", &[0, 5, 7, 12]);
    // Adam has no momentum of that name.
    let sgd = Settings { optimizer: OptimizerSpec::new("sgd"), ..Settings::default() };
    SmallRun { settings: sgd, ..run }.record(&store, "sgd", 6);
    seen.extend(change_each(&store, "sgd", &[5]));
    seen.extend(
        NOT_COVERED.iter().flat_map(|(table, columns)| columns.iter().map(|column| (*table, (*column).to_owned()))),
    );
    let mut lacking = Vec::new();
    for table in Table::ALL {
        let names = table.schema().fields().iter().map(|field| (table, field.name().clone())).collect::<Vec<_>>();
        lacking.extend(names.into_iter().filter(|column| !seen.contains(column)));
    }
    assert!(lacking.is_empty(), "no value of these columns was changed: {lacking:?}");
}

#[test]
fn so_it_is_in_forks_and_where_tensors_are_not_stored() {
    let folder = fake::tempdir().unwrap();
    let run = run();
    let store = run.recorded(folder.path(), 9);
    run.fork(&store, ("main", 6), "wider", &["add-filter conv1 count=2", "freeze conv1/0"], 9);
    change_each(&store, "wider", &[6, 8]);

    let keyframes = SmallRun { fidelity: Fidelity::Keyframes, ..run.clone() };
    keyframes.record(&store, "kf", 9);
    change_each(&store, "kf", &[0, 8]);
    // What is written out again is compared again.
    let record = store.branch(&name("kf")).unwrap();
    let span = StepSpan::new(Step(0), Step(9));
    materialise(&store, &record, span, run.data(), 1, &mut |_| {}).unwrap();
    assert_eq!(verified(&store, "kf", false).unwrap().tensors, 10);
    let seen = change_each(&store, "kf", &[3]);
    assert!(seen.contains(&(Table::Gradients, "values".to_owned())));
    compact(&store, &record, &run.data(), 1, &|_| {}).unwrap();
    assert_eq!(verified(&store, "kf", false).unwrap().tensors, 0);
}

#[test]
fn what_is_not_covered_is_of_the_tables() {
    for (table, columns) in NOT_COVERED {
        for column in columns {
            assert!(table.schema().field_with_name(column).is_ok(), "{table} has no {column}");
            assert!(!is_covered(table, column));
        }
    }
    assert!(is_covered(Table::Steps, "loss") && is_covered(Table::Validation, "step"));
}

/// Digests alone: a loss is taken on trust, a weight's file is checked by its sum.
#[test]
fn quick_compares_digests_and_checksums_alone() {
    let folder = fake::tempdir().unwrap();
    let store = run().recorded(folder.path(), 12);
    let path = |table: Table| {
        let folder = store.branch_folder(&store.branch(&name("main")).unwrap().id).join(table.name());
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    };
    let steps = path(Table::Steps);
    let whole = fs::read(&steps).unwrap();
    rewrite(&steps, "loss", |batch| changed(batch.column_by_name("loss").unwrap(), 7));
    let found = verified(&store, "main", true).unwrap();
    assert_eq!((found.digests, found.rows, found.tensors, found.checksums), (13, 0, 0, true));
    verified(&store, "main", false).unwrap_err();
    fs::write(&steps, &whole).unwrap();
    rewrite(&steps, "digest", |batch| changed(batch.column_by_name("digest").unwrap(), 7));
    let error = verified(&store, "main", true).unwrap_err().to_string();
    assert!(error.contains("step 7") && error.contains("table steps, column digest"), "{error}");
    fs::write(&steps, &whole).unwrap();

    let gradients = path(Table::Gradients);
    let mut bytes = fs::read(&gradients).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&gradients, bytes).unwrap();
    for quick in [true, false] {
        let error = verified(&store, "main", quick).unwrap_err().to_string();
        let path = gradients.display().to_string();
        assert!(error.contains(&path) && error.contains("gradients row group 0, column "), "{error}");
    }
}
