//! A store from a stranger is data, never trusted: links that lead out of it,
//! numbers that no honest log has, files that promise more than they hold.

mod fake;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::Int64Array;
use fake::*;
use parquet::file::metadata::{
    FileMetaData, PageIndexPolicy, ParquetMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use parquet::file::writer::TrackedWrite;
use revacnn_schemas::{BranchRecord, Epoch, Position, Step, Table};
use revacnn_store::{BranchReader, Garbage, Lineage, Recorder, Selection, StepSpan, Store, StoreError};
use tempfile::TempDir;

/// A store with a branch of 40 steps in segments of 16.
fn recorded() -> (TempDir, Store, BranchRecord) {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, 39, 16);
    (folder, store, branch)
}

const SECOND: &str = "000000000016-000000000031";

fn says(error: &StoreError, path: &Path) {
    let (text, path) = (error.to_string(), path.display().to_string());
    assert!(text.contains(&path), "`{text}` does not name {path}");
}

/// Replaces a path of the store by a link to somewhere else.
#[cfg(unix)]
fn link(path: &Path, target: &Path) {
    let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_writer_removes_nothing_behind_a_linked_folder() {
    let home = tempdir().unwrap();
    let precious = [home.path().join(".profile"), home.path().join("000000000099-000000000120.parquet")];
    for linked in ["tail", "weights", "steps", "events", "topology"] {
        let (_folder, store, branch) = recorded();
        precious.iter().for_each(|path| fs::write(path, "mine").unwrap());
        let folder = store.branch_folder(&branch.id).join(linked);
        link(&folder, home.path());
        let outcome = Recorder::open(&store, &branch, options(16)).map(drop);
        assert!(precious.iter().all(|path| path.exists()), "{linked}");
        let error = outcome.unwrap_err();
        says(&error, &folder);
        assert!(error.to_string().contains("symbolic link"), "{error}");
        let error = BranchReader::open(&store, &name("main")).unwrap_err();
        says(&error, &folder);
    }
}

#[cfg(unix)]
#[test]
fn gc_frees_nothing_behind_a_linked_folder() {
    let home = tempdir().unwrap();
    for linked in ["trash", "inbox", "outbox"] {
        let (folder, store, branch) = recorded();
        let precious = home.path().join("thesis.json");
        fs::write(&precious, "mine").unwrap();
        let path = match linked {
            "trash" => folder.path().join(linked),
            _ => store.branch_folder(&branch.id).join(linked),
        };
        link(&path, home.path());
        let garbage = store.garbage().unwrap();
        store.collect(&garbage.items).unwrap();
        assert!(precious.exists(), "{linked}");
        let [error] = &garbage.problems[..] else { panic!("{garbage:?}") };
        says(error, &path);
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert_eq!(error.to_string().starts_with("nothing of branch `main` is freed: "), linked != "trash", "{error}");
        // Nor what was garbage when it was looked at.
        let asked = Garbage { path: path.join("thesis.json"), bytes: 4, reason: String::new() };
        assert_eq!(store.collect(&[asked]).unwrap(), 0);
        assert!(precious.exists(), "{linked}");
        BranchReader::open(&store, &name("main")).unwrap().seek(Step(20)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_lock_or_a_temporary_file_that_is_a_link_overwrites_nothing() {
    let home = tempdir().unwrap();
    let precious = home.path().join("profile");
    fs::write(&precious, "mine").unwrap();

    let (_folder, store, branch) = recorded();
    let lock = store.branch_folder(&branch.id).join("branch.lock");
    link(&lock, &precious);
    let outcome = Recorder::open(&store, &branch, options(16)).map(drop);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    says(&outcome.unwrap_err(), &lock);

    let empty = tempdir().unwrap();
    link(&empty.path().join(".store.json.new"), &precious);
    Store::create(empty.path(), 1).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    Store::open(empty.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_is_a_link_or_a_pipe_is_refused() {
    let (folder, store, branch) = recorded();
    let path = segment(&store, &branch, Table::Weights, SECOND);
    let elsewhere = folder.path().join("elsewhere.parquet");
    fs::rename(&path, &elsewhere).unwrap();
    link(&path, &elsewhere);
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(20)).unwrap_err();
    says(&error, &path);
    assert!(error.to_string().contains("symbolic link"), "{error}");
    reader.seek(Step(3)).unwrap();

    // Opening a pipe would wait for somebody to write into it.
    let thinned = store.branch_folder(&branch.id).join("thinned.json");
    fs::remove_file(&path).unwrap();
    for pipe in [&path, &thinned] {
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    says(&reader.seek(Step(20)).unwrap_err(), &path);
    says(&BranchReader::open(&store, &name("main")).unwrap_err(), &thinned);
}

#[test]
fn thinned_spans_beyond_what_is_sealed_are_refused_before_anything_is_removed() {
    for spans in [
        "[[0, 18446744073709551615]]",
        "[[0, 18446744073709551614]]",
        "[[0, 5000]]",
        "[[16, 31], [0, 15]]",
        "[[0, 15], [15, 31]]",
    ] {
        let (_folder, store, branch) = recorded();
        let path = store.branch_folder(&branch.id).join("thinned.json");
        fs::write(&path, format!("{{\"format_version\": 1, \"spans\": {spans}}}")).unwrap();
        let error = Recorder::open(&store, &branch, options(16)).map(drop).unwrap_err();
        says(&error, &path);
        assert!(segment(&store, &branch, Table::Weights, SECOND).exists(), "{spans}");
    }
}

#[test]
fn a_file_with_an_absurd_span_in_its_name_does_not_overflow() {
    for last in [u64::MAX - 1, u64::MAX / 2, 1 << 61] {
        let (_folder, store, branch) = recorded();
        for table in [Table::Steps, Table::Weights, Table::Filters, Table::Keyframes] {
            let absurd = format!("000000000032-{last:012}");
            let from = segment(&store, &branch, table, "000000000032-000000000039");
            fs::rename(from, segment(&store, &branch, table, &absurd)).unwrap();
        }
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        for step in [35, last] {
            assert!(reader.seek(Step(step)).is_err());
            assert!(reader.step_row(Step(step)).is_err());
            let lineage = Lineage::open(&store, &name("main")).unwrap();
            let _ = lineage.resolve(Position::Epoch(Epoch(3)));
            let all = StepSpan::new(Step(0), Step(step));
            assert!(reader.read(Table::Weights, all, &Selection::all()).is_err());
        }
        reader.seek(Step(20)).unwrap();
        let _ = Recorder::open(&store, &branch, options(16));
    }
}

#[test]
fn a_span_of_all_numbers_has_as_many_steps_as_can_be_counted() {
    assert_eq!(StepSpan::new(Step(0), Step(u64::MAX)).steps(), u64::MAX);
    assert_eq!(StepSpan::new(Step(3), Step(u64::MAX)).steps(), u64::MAX - 2);
    assert_eq!(StepSpan::new(Step(3), Step(4)).steps(), 2);
    assert_eq!(StepSpan::new(Step(4), Step(3)).steps(), 0);
}

#[test]
fn a_description_with_an_absurd_fork_step_is_refused() {
    let (_folder, store, branch) = recorded();
    let path = store.branch_folder(&branch.id).join("branch.json");
    let text = fs::read_to_string(&path).unwrap();
    let (from, to) =
        ("\n  \"definition\"", format!("\n  \"parent\": {{\"branch\": \"{}\", \"step\": {}}},", branch.id, u64::MAX));
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, &format!("{to}{from}"), 1)).unwrap();
    says(&store.branches().unwrap().problems[0], &path);
}

#[test]
fn filters_times_probe_images_are_bounded_also_where_maps_are_empty() {
    let folder = tempdir().unwrap();
    let store = Store::create(folder.path(), 1).unwrap();
    let layers = [layer(6000, Some(0), Some([0, 0]), false)];
    let outcome =
        store.create_branch(new_branch(name("main"), definition(), recording(6000), topology(&layers), None, 2));
    let error = outcome.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Unrecordable { .. }), "{error}");
    assert!(error.to_string().contains("36000000 rows"), "{error}");
}

#[test]
fn an_epoch_below_zero_does_not_overflow() {
    let (_folder, store, branch) = recorded();
    for span in ["000000000000-000000000015", SECOND, "000000000032-000000000039"] {
        let path = segment(&store, &branch, Table::Steps, span);
        rewrite(&path, "epoch", |batch| Arc::new(Int64Array::from(vec![-1; batch.num_rows()])));
    }
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let error = lineage.resolve(Position::Epoch(Epoch(2))).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchPosition { .. }), "{error}");
}

/// Rewrites a file's footer: every row group claims so many rows.
fn claim_rows(path: &Path, rows: i64) {
    let bytes = fs::read(path).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&File::open(path).unwrap())
        .unwrap();
    let file = metadata.file_metadata();
    let mut builder = ParquetMetaDataBuilder::new(FileMetaData::new(
        file.version(),
        rows.saturating_mul(metadata.num_row_groups() as i64),
        file.created_by().map(str::to_owned),
        file.key_value_metadata().cloned(),
        file.schema_descr_ptr(),
        None,
    ))
    .set_page_index(metadata.page_index().cloned());
    for group in metadata.row_groups() {
        builder = builder.add_row_group(group.clone().into_builder().set_num_rows(rows).build().unwrap());
    }
    let mut target = TrackedWrite::new(File::create(path).unwrap());
    std::io::Write::write_all(&mut target, &bytes).unwrap();
    ParquetMetaDataWriter::new_with_tracked(target, &builder.build()).finish().unwrap();
}

#[test]
fn a_footer_that_claims_absurd_numbers_of_rows_is_an_error() {
    for rows in [i64::MAX / 64, 1 << 42, 100_000, 0, -5] {
        for table in [Table::Keyframes, Table::Validation, Table::Topology, Table::Weights, Table::Steps] {
            let (_folder, store, branch) = recorded();
            let path = if table == Table::Topology {
                segment(&store, &branch, table, "000000000000-000000000000")
            } else {
                segment(&store, &branch, table, SECOND)
            };
            claim_rows(&path, rows);
            let reader = BranchReader::open(&store, &name("main")).unwrap();
            let span = StepSpan::new(Step(16), Step(31));
            let outcome = reader.read(table, span, &Selection::all()).map(drop);
            if rows > 0 || matches!(table, Table::Weights | Table::Steps) {
                says(&outcome.unwrap_err(), &path);
            }
            let _ = reader.keyframe_at_or_before(Step(24));
            let _ = reader.seek(Step(20));
            let _ = reader.step_row(Step(20));
            reader.step_row(Step(2)).unwrap();
        }
    }
}

#[test]
fn a_damaged_part_of_the_tail_is_not_sealed_into_a_segment() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    for last in [2, 4] {
        record(&mut recorder, last).unwrap();
        recorder.flush().unwrap();
    }
    drop(recorder);
    let tail = store.branch_folder(&branch.id).join("tail");
    let long = tail.join("000000000000-000000000002");
    let short = tail.join("000000000003-000000000004");
    for (table, from) in [(Table::Weights, &short), (Table::Gradients, &long)] {
        let path = long.join(format!("{table}.parquet"));
        let whole = fs::read(&path).unwrap();
        let foreign = if table == Table::Weights { "weights.parquet" } else { "filters.parquet" };
        fs::copy(from.join(foreign), &path).unwrap();
        // The second time, the merge is made up for as the writer opens.
        let merged = Recorder::open(&store, &branch, options(16))
            .and_then(|mut recorder| record(&mut recorder, 15).and_then(|()| recorder.flush()));
        let error = merged.unwrap_err();
        says(&error, &path);
        // The good parts are as they were, and the damaged one can be mended.
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        assert_eq!(reader.steps().unwrap().first, Step(0));
        reader.seek(Step(4)).unwrap();
        fs::write(&path, whole).unwrap();
        reader.seek(Step(1)).unwrap();
    }
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    record(&mut recorder, 15).unwrap();
    recorder.finish().unwrap();
}

#[test]
fn a_lost_steps_folder_does_not_make_the_writer_remove_the_log() {
    let (_folder, store, branch) = recorded();
    let steps = store.branch_folder(&branch.id).join("steps");
    fs::remove_dir_all(&steps).unwrap();
    let outcome = Recorder::open(&store, &branch, options(16)).map(drop);
    assert!(segment(&store, &branch, Table::Weights, SECOND).exists());
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    says(&error, &steps);
}
