//! Write, then read, is the identity.

mod fake;

use fake::*;
use proptest::prelude::*;
use revacnn_schemas::{Fidelity, FilterNumber, Observer, Position, Step, Table, Wanted};
use revacnn_store::{BranchReader, Lineage, Recorder, Selection, StepSpan, Store, StoreError};

/// Checks every step's tensors and keyframe against what was shown. Arrays
/// are compared as text, which tells signed zeros apart and holds every
/// not-a-number for the same.
fn check(store: &Store, last: u64) {
    let reader = BranchReader::open(store, &name("main")).unwrap();
    assert_eq!(reader.steps(), Some(StepSpan::new(Step(0), Step(last))));
    let mut keyframe = None;
    for number in 0..=last {
        let shown = FakeStep::new(reader.branch(), number);
        let expected = shown.tensors(reader.branch());
        let found = reader.seek(Step(number)).unwrap();
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        keyframe = shown.keyframe().cloned().or(keyframe);
        let found = reader.keyframe_at_or_before(Step(number)).unwrap();
        assert_eq!(format!("{:?}", Some(found)), format!("{keyframe:?}"));
        let row = reader.step_row(Step(number)).unwrap();
        assert_eq!((row.step, row.cursor), (Step(number), cursor(number)));
        assert_eq!(row.loss.is_none(), number == 0);
    }
}

#[test]
fn every_step_is_read_back_to_the_bit_wherever_commits_fell() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(2));
    let mut recorder = Recorder::open(&store, &branch, options(32)).unwrap();
    for last in [0, 1, 5, 30, 31, 32, 70, 95, 99] {
        record(&mut recorder, last).unwrap();
        recorder.flush().unwrap();
        assert_eq!(recorder.last_committed(), Some(Step(last)));
        check(&store, last);
    }
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.last_step, summary.steps_recorded), (Some(Step(99)), 100));
    check(&store, 99);
}

#[test]
fn commits_and_resumes_change_no_row() {
    let (one, many) = (tempdir().unwrap(), tempdir().unwrap());
    let (store_one, branch) = store(one.path(), &small(), recording(1));
    record_all(&store_one, &branch, 80, 32);
    let (store_many, branch) = store(many.path(), &small(), recording(1));
    for last in [0, 3, 31, 40, 41, 80] {
        let mut recorder = Recorder::open(&store_many, &branch, options(32)).unwrap();
        record(&mut recorder, last).unwrap();
        if last % 2 == 0 {
            recorder.finish().unwrap();
        }
    }
    let of = |store| rows(&BranchReader::open(store, &name("main")).unwrap(), Step(80));
    assert_eq!(of(&store_one), of(&store_many));
}

#[test]
fn a_layer_and_a_filter_are_read_alone() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(2));
    record_all(&store, &branch, 40, 16);
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    for number in [0, 4, 17, 40] {
        let whole = reader.seek(Step(number)).unwrap();
        for layer in &whole.parameters {
            let alone = reader.seek_layer(Step(number), &layer.layer).unwrap();
            assert_eq!(format!("{alone:?}"), format!("{layer:?}"));
        }
        // Position 2 of the first layer carries number 3.
        let layer = "layer0".parse().unwrap();
        let filter = reader.seek_filter(Step(number), &layer, FilterNumber(3)).unwrap();
        let (weights, bias) = filter.weights.unwrap();
        assert_eq!(format!("{weights:?}"), format!("{:?}", &whole.parameters[0].weights[10..]));
        assert_eq!(format!("{bias:?}"), format!("{:?}", whole.parameters[0].biases[2]));
        let maps: Vec<_> = whole.block(&layer).map(|block| block.activations[12..].to_vec()).collect();
        assert_eq!(format!("{:?}", filter.activations), format!("{maps:?}"));
        let error = reader.seek_filter(Step(number), &layer, FilterNumber(1)).unwrap_err();
        assert!(error.to_string().contains("there is 0, 2, 3"), "{error}");
    }
    let span = StepSpan::new(Step(10), Step(37));
    let all = reader.read(Table::Activations, span, &Selection::all()).unwrap();
    assert_eq!(all.num_rows(), 28 * 2 * 9);
    let one = reader.filter_over_time(Table::Activations, &"layer3".parse().unwrap(), FilterNumber(2), span).unwrap();
    assert_eq!(one.num_rows(), 28 * 2);
    assert_eq!(one.slice(0, 1), all.slice(4, 1));
    assert_eq!(one.slice(1, 1), all.slice(13, 1));
    assert_eq!(one.slice(55, 1), all.slice(27 * 18 + 13, 1));
}

#[test]
fn positions_lead_to_steps_and_say_what_there_is_otherwise() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let empty = Lineage::open(&store, &name("main")).unwrap();
    assert!(empty.resolve(Position::Last).unwrap_err().to_string().contains("no steps yet"));
    record_all(&store, &branch, 42, 16);
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let resolve = |text: &str| {
        let address: revacnn_schemas::Address = format!("main@{text}").parse().unwrap();
        lineage.resolve(address.position)
    };
    assert_eq!(resolve("last").unwrap(), Step(42));
    assert_eq!(resolve("fork").unwrap(), Step(0));
    assert_eq!(resolve("7").unwrap(), Step(7));
    assert_eq!(resolve("epoch:1").unwrap(), Step(4));
    assert_eq!(resolve("epoch:10").unwrap(), Step(40));
    // Validated at 0, at 4, 8, … and at 7, 14, …: steps 8 and 16 share the lowest loss.
    assert_eq!(resolve("best").unwrap(), Step(8));
    for (nowhere, word) in [("epoch:11", "epoch 11"), ("43", "0–42"), ("9999", "0–42")] {
        let error = resolve(nowhere).unwrap_err().to_string();
        assert!(error.contains(word), "{nowhere}: {error}");
    }
}

#[test]
fn keyframe_fidelity_writes_no_tensors_and_names_the_keyframe() {
    let folder = tempdir().unwrap();
    let mut settings = recording(1);
    settings.fidelity = Fidelity::Keyframes;
    let (store, branch) = store(folder.path(), &small(), settings);
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    record(&mut recorder, 23).unwrap();
    recorder.finish().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(23)).unwrap_err();
    assert!(matches!(error, StoreError::TensorsNotStored { nearest_keyframe: Some(Step(20)), .. }), "{error}");
    assert!(!store.branch_folder(&branch.id).join("weights").read_dir().unwrap().any(|_| true));
    let span = StepSpan::new(Step(0), Step(23));
    let filters = reader.read(Table::Filters, span, &Selection::all()).unwrap();
    assert_eq!(filters.num_rows(), 24 * 12);

    // The next step's update ratio needs weights that only the engine has.
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    assert!(recorder.needs_previous_weights());
    let error = record(&mut recorder, 30).unwrap_err();
    assert!(matches!(error, StoreError::PreviousWeightsNeeded { .. }), "{error}");
    let before = FakeStep::new(&branch, 23).tensors(&branch);
    let layers: Vec<&[f32]> = before.parameters.iter().map(|layer| layer.weights.as_slice()).collect();
    recorder.set_previous_weights(&layers).unwrap();
    record(&mut recorder, 30).unwrap();
    recorder.finish().unwrap();

    let other = tempdir().unwrap();
    let mut settings = recording_of_keyframes();
    settings.probes = branch.recording.probes.clone();
    let (store_one, branch_one) = fake::store(other.path(), &small(), settings);
    record_all(&store_one, &branch_one, 30, 16);
    let of = |store| rows_but_tensors(store);
    assert_eq!(of(&store), of(&store_one));
}

fn recording_of_keyframes() -> revacnn_schemas::RecordingSettings {
    revacnn_schemas::RecordingSettings { fidelity: Fidelity::Keyframes, ..recording(1) }
}

fn rows_but_tensors(store: &Store) -> Vec<arrow_array::RecordBatch> {
    let reader = BranchReader::open(store, &name("main")).unwrap();
    let span = reader.steps().unwrap();
    [Table::Steps, Table::Filters, Table::Normalisation, Table::Keyframes, Table::Validation]
        .into_iter()
        .map(|table| reader.read(table, span, &Selection::all()).unwrap())
        .collect()
}

#[test]
fn past_the_budget_the_oldest_segments_are_thinned_to_keyframes() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(2));
    let mut settings = options(16);
    settings.disk_budget = Some(250_000);
    let mut recorder = Recorder::open(&store, &branch, settings.clone()).unwrap();
    record(&mut recorder, 99).unwrap();
    let summary = recorder.finish().unwrap();
    assert!(summary.thinned_steps >= 16 && summary.thinned_steps < 90, "{summary:?}");
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let thinned = reader.thinned();
    assert_eq!(thinned, [StepSpan::new(Step(0), Step(summary.thinned_steps - 1))]);
    let error = reader.seek(Step(7)).unwrap_err();
    assert!(matches!(error, StoreError::TensorsNotStored { nearest_keyframe: Some(Step(5)), .. }), "{error}");
    let span = StepSpan::new(Step(0), Step(99));
    let error = reader.read(Table::Weights, span, &Selection::all()).unwrap_err();
    assert!(matches!(error, StoreError::TensorsNotStored { step: Step(0), .. }), "{error}");
    assert_eq!(reader.step_rows(span).unwrap().len(), 100);
    let shown = FakeStep::new(&branch, 99).tensors(&branch);
    assert_eq!(format!("{:?}", reader.seek(Step(99)).unwrap()), format!("{shown:?}"));
}

#[test]
fn a_reader_follows_a_branch_that_grows_and_is_merged_under_it() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &branch, options(32)).unwrap();
    record(&mut recorder, 9).unwrap();
    recorder.flush().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    assert_eq!(reader.refresh().unwrap(), Some(StepSpan::new(Step(0), Step(9))));
    record(&mut recorder, 35).unwrap();
    recorder.flush().unwrap();
    // The part that the reader knows is gone: it looks again by itself.
    let shown = FakeStep::new(&branch, 5).tensors(&branch);
    assert_eq!(format!("{:?}", reader.seek(Step(5)).unwrap()), format!("{shown:?}"));
    assert_eq!(reader.steps(), Some(StepSpan::new(Step(0), Step(35))));
}

#[test]
fn what_is_wanted_follows_from_the_step_alone() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let recorder = Recorder::open(&store, &branch, options(32)).unwrap();
    let at = |step| recorder.wanted(Step(step), cursor(step));
    let nothing = Wanted { probes: true, ..Wanted::default() };
    assert_eq!(at(1), nothing);
    let all = Wanted { probes: true, keyframe: true, state_digest: true, validation: true };
    assert_eq!(at(0), all);
    assert_eq!(at(4), Wanted { validation: true, ..nothing });
    assert_eq!(at(7), Wanted { validation: true, ..nothing });
    assert_eq!(at(5), Wanted { keyframe: true, state_digest: true, ..nothing });
    assert_eq!(at(1023), Wanted { state_digest: true, ..nothing });
}

#[test]
fn events_are_rows_of_their_own() {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &branch, options(32)).unwrap();
    record(&mut recorder, 9).unwrap();
    recorder.event(Step(9), "diverged", "layer0 is not finite").unwrap();
    recorder.event(Step(9), "paused", "by hand").unwrap();
    recorder.finish().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let span = StepSpan::new(Step(0), Step(9));
    let events = reader.read(Table::Events, span, &Selection::all()).unwrap();
    assert_eq!(events.num_rows(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn odd_shapes_are_read_back_to_the_bit(
        layers in proptest::collection::vec(
            (0_usize..4, proptest::option::of(0_usize..6), proptest::option::of((0_usize..3, 1_usize..3)), any::<bool>()),
            0..5,
        ),
        probes in 0_usize..3,
        last in 0_u64..40,
        cuts in proptest::collection::vec(0_u64..40, 0..3),
    ) {
        let layers: Vec<FakeLayer> = layers
            .into_iter()
            .map(|(filters, coefficients, map, normalises)| {
                layer(filters, coefficients, map.map(|(rows, columns)| [rows, columns]), normalises)
            })
            .collect();
        let folder = tempdir().unwrap();
        let (store, branch) = store(folder.path(), &layers, recording(probes));
        let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
        let mut cuts = cuts;
        cuts.sort_unstable();
        for cut in cuts.into_iter().filter(|cut| *cut < last) {
            record(&mut recorder, cut).unwrap();
            recorder.flush().unwrap();
        }
        record(&mut recorder, last).unwrap();
        recorder.finish().unwrap();
        check(&store, last);
    }
}
