//! Small files that stand for gigabytes: each is refused by its name before
//! anything of it is decoded, whoever reads it.

mod bomb;
mod fake;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bomb::{Bomb, plant};
use fake::*;
use revacnn_schemas::{BranchRecord, Step, Table};
use revacnn_store::{BranchReader, Recorder, Selection, StepSpan, Store, StoreError};
use tempfile::TempDir;

const ALL: StepSpan = StepSpan { first: Step(0), last: Step(39) };

fn recorded() -> (TempDir, Store, BranchRecord) {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, 39, 16);
    (folder, store, branch)
}

/// The first file of a table.
fn first(store: &Store, branch: &BranchRecord, table: Table) -> PathBuf {
    let folder = store.branch_folder(&branch.id).join(table.name());
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.remove(0)
}

/// Checks that a reading is refused, by what the topology gives, and at once.
#[track_caller]
fn refused(path: &std::path::Path, read: impl FnOnce() -> Result<(), StoreError>) {
    let begin = Instant::now();
    let error = read().unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    assert!(error.contains("as the topology gives"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn a_list_longer_than_the_topology_gives_is_not_decoded() {
    let lists = [
        (Table::Weights, "values"),
        (Table::Gradients, "values"),
        (Table::Activations, "values"),
        (Table::ActivationGradients, "values"),
        (Table::Keyframes, "values"),
        (Table::Validation, "confusion"),
    ];
    for (table, column) in lists {
        let (_folder, store, branch) = recorded();
        let path = first(&store, &branch, table);
        plant(&path, column, Bomb::Values(300_000_000));
        assert!(fs::metadata(&path).unwrap().len() < 40_000);
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        refused(&path, || reader.read(table, ALL, &Selection::all()).map(drop));
        match table {
            Table::Keyframes => refused(&path, || reader.keyframe_at_or_before(Step(3)).map(drop)),
            Table::Validation => refused(&path, || reader.validations().map(drop)),
            _ => refused(&path, || reader.seek(Step(3)).map(drop)),
        }
        reader.step_row(Step(3)).unwrap();
        reader.seek(Step(35)).unwrap();
    }
}

#[test]
fn every_column_of_every_table_is_bounded() {
    for table in Table::ALL {
        let columns = table.schema();
        for field in columns.fields() {
            let (_folder, store, branch) = recorded();
            if table == Table::Events {
                let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
                recorder.event(Step(7), "diverged", "a value is not finite").unwrap();
                recorder.flush().unwrap();
            }
            let path = first(&store, &branch, table);
            let bytes = fs::read(&path).unwrap();
            let reader = || BranchReader::open(&store, &name("main")).unwrap();
            let read = || reader().read_columns(table, ALL, &Selection::all(), &[field.name()]).map(drop);
            read().unwrap();
            let mut bombs = vec![Bomb::Bytes(i32::MAX)];
            if matches!(field.data_type(), arrow_schema::DataType::Utf8) {
                bombs.push(Bomb::Text(1 << 20));
            }
            for bomb in bombs {
                fs::write(&path, &bytes).unwrap();
                plant(&path, field.name(), bomb);
                let error = read().unwrap_err().to_string();
                let (named, bounded) = (path.display().to_string(), "as the topology gives");
                assert!(error.contains(&named) && error.contains(bounded), "{table} {field} {bomb:?}: {error}");
            }
        }
    }
}

#[test]
fn pages_that_fit_one_by_one_are_counted_together() {
    for table in [Table::Weights, Table::Gradients, Table::Activations] {
        let (_folder, store, branch) = recorded();
        let path = first(&store, &branch, table);
        plant(&path, "values", Bomb::Again(300, 192));
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        refused(&path, || reader.read(table, ALL, &Selection::all()).map(drop));
    }
}

#[test]
fn a_part_of_the_tail_is_bounded_as_it_is_read_and_as_it_is_joined() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    record(&mut recorder, 4).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    let part = store.branch_folder(&branch.id).join("tail/000000000000-000000000004");
    let path = part.join("weights.parquet");
    let good = fs::read(&path).unwrap();
    plant(&path, "values", Bomb::Values(300_000_000));
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    refused(&path, || reader.seek(Step(3)).map(drop));
    refused(&path, || {
        let mut recorder = Recorder::open(&store, &branch, options(16))?;
        record(&mut recorder, 15).and_then(|()| recorder.flush())
    });
    // Nothing of it came into a segment, and the good file heals the branch.
    assert!(!store.branch_folder(&branch.id).join("steps/000000000000-000000000015.parquet").exists());
    fs::write(&path, good).unwrap();
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    record(&mut recorder, 15).unwrap();
    recorder.finish().unwrap();
    BranchReader::open(&store, &name("main")).unwrap().seek(Step(3)).unwrap();
}
