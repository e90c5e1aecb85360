//! Reading while the writer commits, merges and thins.

mod fake;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake::*;
use revacnn_schemas::{Step, Table};
use revacnn_store::{BranchReader, Recorder, Selection, StepSpan, StoreError};

#[test]
fn readers_see_every_committed_step_while_the_writer_works() {
    const LAST: u64 = 400;
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut settings = options(8);
    settings.commit_interval = Duration::ZERO;
    settings.disk_budget = Some(150_000);
    let mut recorder = Recorder::open(&store, &branch, settings).unwrap();
    record(&mut recorder, 0).unwrap();
    recorder.flush().unwrap();
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader_number in 0..3_u64 {
            let (store, branch, finished) = (&store, &branch, &finished);
            scope.spawn(move || {
                let reader = BranchReader::of(store, branch.clone()).unwrap();
                let (mut newest, mut round, mut found) = (0, reader_number, 0);
                while !finished.load(Ordering::SeqCst) {
                    round += 1;
                    if round % 3 == 0 {
                        let last = reader.refresh().unwrap().unwrap().last.0;
                        assert!(last >= newest, "step {newest} was there, now the last is {last}");
                        newest = last;
                    }
                    // Mostly the newest steps: those that move.
                    let step = newest.saturating_sub(round * 7 % 24);
                    match reader.seek(Step(step)) {
                        Ok(tensors) => {
                            found += 1;
                            let shown = FakeStep::new(branch, step).tensors(branch);
                            assert_eq!(format!("{tensors:?}"), format!("{shown:?}"));
                        }
                        Err(StoreError::TensorsNotStored { .. }) => {}
                        Err(error) => panic!("step {step} of {newest}: {error}"),
                    }
                    let span = StepSpan::new(Step(newest.saturating_sub(30)), Step(newest));
                    assert_eq!(reader.step_rows(span).unwrap().len() as u64, span.steps());
                    let filters = reader.read(Table::Filters, span, &Selection::all()).unwrap();
                    assert_eq!(filters.num_rows() as u64, 12 * span.steps());
                    let keyframe = reader.keyframe_at_or_before(Step(newest)).unwrap().step;
                    assert_eq!(keyframe, Step(newest / 5 * 5), "keyframe before {newest}");
                    reader.validations().unwrap();
                }
                assert!(found > 0);
            });
        }
        for last in 1..=LAST {
            record(&mut recorder, last).unwrap();
            std::thread::sleep(Duration::from_micros(300));
        }
        recorder.finish().unwrap();
        finished.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_was_moved_in_between_the_listing_of_a_table_and_of_steps_is_read() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, 23, 8);
    let reader = BranchReader::of(&store, branch.clone()).unwrap();
    let read = |table| reader.read(table, StepSpan::new(Step(0), Step(23)), &Selection::all());
    let newest_keyframe = reader.keyframe_at_or_before(Step(23)).unwrap();
    assert_eq!(newest_keyframe.step, Step(20));
    for table in [Table::Keyframes, Table::Validation, Table::Samples] {
        let whole = read(table).unwrap();
        // The table is seen without its newest segments, and `steps` with them.
        let newest = ["000000000008-000000000015.parquet", "000000000016-000000000023.parquet"];
        let files = newest.map(|name| store.branch_folder(&branch.id).join(table.name()).join(name));
        let away = newest.map(|name| folder.path().join(name));
        files.iter().zip(&away).for_each(|(file, away)| std::fs::rename(file, away).unwrap());
        reader.refresh().unwrap();
        files.iter().zip(&away).for_each(|(file, away)| std::fs::rename(away, file).unwrap());
        assert_eq!(read(table).unwrap(), whole, "{table}");
        assert_eq!(reader.keyframe_at_or_before(Step(23)).unwrap(), newest_keyframe, "{table}");
    }
}
