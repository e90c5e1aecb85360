//! Every byte of every table's file is under a checksum, or compared with what
//! is known: one that is flipped is refused, or changes nothing that is read.

mod fake;

use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use fake::*;
use parquet::file::metadata::ParquetMetaDataReader;
use revacnn_schemas::{BranchRecord, Step, Table};
use revacnn_store::{BranchReader, Recorder, Selection, StepSpan, Store};
use tempfile::TempDir;

/// A store with a branch of 12 steps in segments of 8 and an event: its second
/// segment is joined from two parts.
fn recorded() -> (TempDir, Store, BranchRecord) {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(2));
    let mut recorder = Recorder::open(&store, &branch, options(8)).unwrap();
    record(&mut recorder, 9).unwrap();
    recorder.flush().unwrap();
    record(&mut recorder, 11).unwrap();
    recorder.event(Step(11), "diverged", "for a test").unwrap();
    recorder.finish().unwrap();
    (folder, store, branch)
}

fn files(store: &Store, branch: &BranchRecord, table: Table) -> Vec<PathBuf> {
    let folder = store.branch_folder(&branch.id).join(table.name());
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// All that a reader gives of a table: its rows, and what seeks find.
fn seen(store: &Store, table: Table) -> Result<(RecordBatch, String), String> {
    let said = |error: revacnn_store::StoreError| error.to_string();
    let reader = BranchReader::open(store, &name("main")).map_err(said)?;
    let rows = reader.read(table, StepSpan::new(Step(0), Step(11)), &Selection::all()).map_err(said)?;
    let mut found = String::new();
    for step in (0..12).map(Step) {
        found += &format!("{:?}", reader.seek(step).map_err(said)?);
        found += &format!("{:?}", reader.keyframe_at_or_before(step).map_err(said)?);
    }
    Ok((rows, found))
}

/// Where the pages of a file's columns lie: row group, first byte and length.
fn pages(path: &Path) -> Vec<(usize, usize, usize)> {
    let file = fs::File::open(path).unwrap();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    let mut pages = Vec::new();
    for (group, chunks) in metadata.row_groups().iter().enumerate() {
        for chunk in chunks.columns() {
            let (start, length) = chunk.byte_range();
            pages.push((group, start as usize, length as usize));
        }
    }
    pages
}

#[test]
fn a_flipped_byte_of_any_page_is_refused_with_table_and_row_group() {
    let (_folder, store, branch) = recorded();
    for table in Table::ALL {
        let good = seen(&store, table).unwrap().0;
        for path in files(&store, &branch, table) {
            let whole = fs::read(&path).unwrap();
            // Other readers look at the first bytes, which hold no row.
            let mut bytes = whole.clone();
            bytes[0] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let reader = BranchReader::open(&store, &name("main")).unwrap();
            let error = reader.check_files(StepSpan::new(Step(0), Step(11))).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains("begins with PAR1"), "{error}");
            for (group, start, length) in pages(&path) {
                // Headers, bodies and ends of pages, as they come.
                for place in (start..start + length).step_by(1 + length / 40) {
                    let mut bytes = whole.clone();
                    bytes[place] ^= 1 << (place % 8);
                    fs::write(&path, &bytes).unwrap();
                    let reader = BranchReader::open(&store, &name("main")).unwrap();
                    let what = format!("{} byte {place}", path.display());
                    let error = reader.check_files(StepSpan::new(Step(0), Step(11))).expect_err(&what).to_string();
                    let file = path.display().to_string();
                    // Headers have one checksum a file.
                    let of_headers = error.contains(&format!("{table}: expected headers of pages with checksum "));
                    let group = format!("{table} row group {group}, column ");
                    assert!(error.contains(&file) && (of_headers || error.contains(&group)), "{what}: {error}");
                    match reader.read(table, StepSpan::new(Step(0), Step(11)), &Selection::all()) {
                        Err(error) => assert!(error.to_string().contains(&file), "{what}: {error}"),
                        // What a reader makes nothing of.
                        Ok(rows) => assert!(of_headers && rows == good, "{what}"),
                    }
                }
            }
            fs::write(&path, &whole).unwrap();
        }
    }
    BranchReader::open(&store, &name("main")).unwrap().check_files(StepSpan::new(Step(0), Step(11))).unwrap();
}

/// Also in indexes and footers, which lead to the pages.
#[test]
fn a_flipped_byte_anywhere_never_changes_what_is_read() {
    let (_folder, store, branch) = recorded();
    let mut refused = 0;
    for table in Table::ALL {
        let good = seen(&store, table).unwrap();
        let path = &files(&store, &branch, table)[0];
        let whole = fs::read(path).unwrap();
        let end = whole.len();
        let first_of_footer = end - 8 - u32::from_le_bytes(whole[end - 8..end - 4].try_into().unwrap()) as usize;
        // The footer and the indexes before it more closely.
        let near = first_of_footer.saturating_sub(600);
        let places = (0..near).step_by(1 + near / 60).chain((near..end).step_by(7));
        for place in places {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << ((place / 7) % 8);
            fs::write(path, &bytes).unwrap();
            match seen(&store, table) {
                Err(_) => refused += 1,
                Ok(found) => assert!(found == good, "{} byte {place} of {end}", path.display()),
            }
        }
        fs::write(path, &whole).unwrap();
    }
    assert!(refused > 500, "{refused}");
}

/// A good file in the wrong place has good checksums.
#[test]
fn a_file_of_other_steps_or_of_another_branch_is_refused() {
    let (_folder, store, branch) = recorded();
    let mut other = definition();
    other.seed = 5;
    let second = new_branch(name("second"), other, recording(2), topology(&small()), None, 3);
    let second = store.create_branch(second).unwrap();
    record_all(&store, &second, 11, 8);
    let path = &files(&store, &branch, Table::Gradients)[0];
    let whole = fs::read(path).unwrap();
    fs::copy(&files(&store, &second, Table::Gradients)[0], path).unwrap();
    let error = BranchReader::open(&store, &name("main")).unwrap().seek(Step(3)).unwrap_err().to_string();
    assert!(error.contains("`revacnn.branch`") && error.contains(second.id.as_str()), "{error}");
    fs::write(path, whole).unwrap();

    // Segments of equal length, and rows that fit.
    let folder = tempdir().unwrap();
    let (store, branch) = fake::store(folder.path(), &small(), recording(2));
    record_all(&store, &branch, 15, 8);
    let [first, second] = &files(&store, &branch, Table::Gradients)[..] else { panic!("two segments") };
    fs::copy(second, first).unwrap();
    let error = BranchReader::open(&store, &name("main")).unwrap().seek(Step(3)).unwrap_err().to_string();
    assert!(error.contains("`revacnn.first_step` of 0") && error.contains("found 8"), "{error}");
}

/// A page without a checksum is no page of this format.
#[test]
fn a_checksum_that_was_taken_away_is_missed() {
    let (_folder, store, branch) = recorded();
    for table in [Table::Filters, Table::Steps] {
        let path = &files(&store, &branch, table)[0];
        let whole = fs::read(path).unwrap();
        unsealed(path);
        let error = BranchReader::open(&store, &name("main")).unwrap();
        let span = StepSpan::new(Step(0), Step(7));
        let error = error.read(table, span, &Selection::all()).unwrap_err().to_string();
        assert!(error.contains("revacnn.index_checksum") || error.contains("expected a checksum"), "{error}");
        fs::write(path, whole).unwrap();
    }
}

/// Writes a file anew by the Parquet library alone, which knows no checksums.
fn unsealed(path: &Path) {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let entries = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap();
    let entries = entries.into_iter().filter(|entry| entry.key != "ARROW:schema").collect();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries)).build();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(path).unwrap(), batches[0].schema(), Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
}

/// Damage that names and the ends of files show, told without reading a page;
/// the file put back heals it.
#[test]
fn what_is_missing_or_cut_off_is_told_from_names_and_ends() {
    let (_folder, store, branch) = recorded();
    let damage = || BranchReader::open(&store, &name("main")).unwrap().damage().unwrap();
    assert!(damage().is_empty(), "{:?}", damage());
    for table in Table::ALL {
        if matches!(table, Table::Events | Table::Topology) {
            continue;
        }
        let path = files(&store, &branch, table).remove(0);
        let whole = fs::read(&path).unwrap();
        let cut: &dyn Fn() = &|| fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let short: &dyn Fn() = &|| fs::write(&path, &whole[whole.len() - 40..]).unwrap();
        let empty: &dyn Fn() = &|| fs::write(&path, "").unwrap();
        let lost: &dyn Fn() = &|| fs::remove_file(&path).unwrap();
        for (harm, does) in [("cut", cut), ("short", short), ("empty", empty), ("lost", lost)] {
            if (table, harm) == (Table::Validation, "lost") {
                // Names do not tell which steps were validated.
                continue;
            }
            does();
            let found = damage();
            let [error] = &found[..] else { panic!("{table} {harm}: {found:?}") };
            assert!(error.to_string().contains(&path.display().to_string()), "{table} {harm}: {error}");
            fs::write(&path, &whole).unwrap();
        }
    }
    assert!(damage().is_empty());
}
