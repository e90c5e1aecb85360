//! Stores of older formats, written by the programs of their time: read, verified,
//! trained on and forked today.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use std::path::Path;
use std::sync::Arc;

use fake::{copy_folder, name};
use revacnn_recorder::{ForkPlan, Replay, Session, VerifyPlan, fork, verify};
use revacnn_schemas::{CHECKSUMS_SINCE, Edit, FORMAT_VERSION, Position, SAMPLES_SINCE, Step, Table};
use revacnn_store::{BranchReader, Lineage, RecorderOptions, Selection, StepSpan, Store};
use revacnn_test_support::SmallRun;
use revacnn_trainer::data::{Dataset, load};

/// `main` of 9 steps with a normalisation, `wider`, forked from it at step 5 with
/// two edits, and `kf`, trained by Adadelta with fidelity `keyframes`. The stores of
/// formats 2 to 4 have validations besides, those of formats 3 and 4 checksums, and that of format 4 samples.
fn of_format(version: u32, folder: &Path) -> (Store, Arc<Dataset>) {
    let root = folder.join("runs");
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stores/format-{version}")), &root);
    (Store::open(&root).unwrap(), Arc::new(load("digits", None).unwrap()))
}

fn format_1(folder: &Path) -> (Store, Arc<Dataset>) {
    of_format(1, folder)
}

fn is_read_and_verified(version: u32, digest_of_kf: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (store, dataset) = of_format(version, folder.path());
    assert_eq!(store.record().format_version, version);
    let branches = store.branches().unwrap();
    assert!(branches.problems.is_empty(), "{:?}", branches.problems);
    for (branch, steps, digest) in [
        ("main", 10, "2357e3eeb68be38c74afdd7913d33f9dcca6cd113e8ce8470a669395366400ed"),
        ("wider", 4, "f370f46e0bbe65fc83a32a86e65f0cce63a0c7da73ba5897fa921b4f954e331b"),
        ("kf", 10, digest_of_kf),
    ] {
        let lineage = Lineage::open(&store, &name(branch)).unwrap();
        assert_eq!(lineage.branch().format_version, version);
        assert!(lineage.damage().unwrap().is_empty());
        for quick in [false, true] {
            let plan = VerifyPlan { span: None, threads: 1, quick };
            let verified = verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap();
            assert_eq!((verified.digests, verified.origin), (steps, true), "{branch}");
            let rows = if quick { 0 } else { steps };
            assert_eq!((verified.rows, verified.checksums), (rows, version >= CHECKSUMS_SINCE), "{branch}");
        }
        let last = lineage.resolve(Position::Last).unwrap();
        assert_eq!(lineage.own().step_row(last).unwrap().digest.to_string(), digest, "{branch}");
    }
}

#[test]
fn a_store_of_format_1_is_read_and_verified() {
    is_read_and_verified(1, "cb6e607f2647d5e13ffee1d9f9d938225bd158c8f9c5a71b88e329c402737659");
}

#[test]
fn a_store_of_format_2_is_read_and_verified() {
    is_read_and_verified(2, "2cbae21da3da76409c7ce7c4ad0ae7219509ae8bc0aeb80ff00be0b7cbb834e2");
}

#[test]
fn a_store_of_format_3_is_read_and_verified() {
    is_read_and_verified(3, "2cbae21da3da76409c7ce7c4ad0ae7219509ae8bc0aeb80ff00be0b7cbb834e2");
}

#[test]
fn a_store_of_format_4_is_read_and_verified() {
    is_read_and_verified(4, "2cbae21da3da76409c7ce7c4ad0ae7219509ae8bc0aeb80ff00be0b7cbb834e2");
    let folder = tempfile::tempdir().unwrap();
    let reader = BranchReader::open(&of_format(4, folder.path()).0, &name("main")).unwrap();
    let samples = reader.samples(reader.steps().unwrap()).unwrap();
    assert_eq!(samples.len(), 9 * 8);
    assert!(samples.iter().all(|(_, sample)| sample.predicted.is_some() && sample.output.is_some()));
    for (_, validated) in reader.validations().unwrap() {
        assert_eq!(validated.confusion.unwrap().iter().sum::<u32>(), validated.images);
        assert!(validated.correct.is_some());
    }
}

#[test]
fn a_branch_of_format_1_is_trained_on_in_its_own_format_to_the_bits_of_today() {
    is_trained_on(1);
}

#[test]
fn a_branch_of_format_2_is_trained_on_in_its_own_format_to_the_bits_of_today() {
    is_trained_on(2);
}

#[test]
fn a_branch_of_format_3_is_trained_on_in_its_own_format_to_the_bits_of_today() {
    is_trained_on(3);
}

#[test]
fn a_branch_of_format_4_is_trained_on_in_its_own_format_to_the_bits_of_today() {
    is_trained_on(4);
}

fn is_trained_on(version: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (store, dataset) = of_format(version, folder.path());
    for branch in ["main", "wider", "kf"] {
        let record = store.branch(&name(branch)).unwrap();
        let options = RecorderOptions::default();
        let mut session = Session::resume(&store, &record, 1, options.clone(), dataset.clone()).unwrap();
        for _ in 0..4 {
            session.advance().unwrap();
        }
        let (trainer, _) = session.finish().unwrap();
        // The same history anew, by a fork without edits, is of today's format.
        let lineage = Lineage::open(&store, &name(branch)).unwrap();
        let plan =
            ForkPlan { name: Some(name(&format!("{branch}-again"))), edits: Vec::new(), fidelity: None, stays: false };
        let at = Step(6);
        let mut again = fork(&store, lineage, at, plan, &SmallRun::default().resources()).unwrap().session;
        while again.trainer().position() < trainer.position() {
            again.advance().unwrap();
        }
        assert_eq!(again.trainer().digest(), trainer.digest(), "{branch}");
        assert_eq!(again.record().format_version, FORMAT_VERSION);
        let made = again.record().clone();
        again.finish().unwrap();
        // What came of each image is known from then on.
        let reader = BranchReader::of(&store, made).unwrap();
        let samples = reader.samples(reader.steps().unwrap()).unwrap();
        let batch = reader.branch().definition().unwrap().batch_size as u64;
        assert_eq!(samples.len() as u64, batch * (trainer.position().0 - at.0), "{branch}");

        let record = store.branch(&name(branch)).unwrap();
        assert_eq!(record.format_version, version);
        let steps = store.branch_folder(&record.id).join(Table::Steps.name());
        for file in std::fs::read_dir(steps).unwrap() {
            let file = std::fs::File::open(file.unwrap().path()).unwrap();
            let footer = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
            let entries = footer.file_metadata().key_value_metadata().unwrap();
            let format = entries.iter().find(|entry| entry.key == "revacnn.format").unwrap();
            assert_eq!(format.value.as_deref(), Some(version.to_string().as_str()), "{branch}");
        }
        // What was written now goes with what was written then.
        let lineage = Lineage::open(&store, &name(branch)).unwrap();
        let plan = VerifyPlan { span: None, threads: 1, quick: false };
        let verified = verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap();
        assert!(
            verified.checksums == (version >= CHECKSUMS_SINCE)
                && verified.rows == lineage.own().steps().unwrap().steps(),
            "{branch}"
        );
        let reader = BranchReader::open(&store, &name(branch)).unwrap();
        assert_eq!(reader.samples(reader.steps().unwrap()).unwrap().is_empty(), version < SAMPLES_SINCE);
        let mut replay = Replay::new(reader).with_data(dataset.clone(), 1);
        for step in [6, 8, 9, 12] {
            let tensors = replay.tensors(Step(step).min(trainer.position())).unwrap();
            assert!(!tensors.parameters.is_empty());
        }
    }
}

#[test]
fn a_branch_of_format_1_is_forked_with_edits() {
    let folder = tempfile::tempdir().unwrap();
    let (store, dataset) = format_1(folder.path());
    let edits: Vec<Edit> = vec!["remove-filter conv1/0".parse().unwrap(), "freeze conv1".parse().unwrap()];
    let plan = ForkPlan { name: Some(name("narrow")), edits, fidelity: None, stays: true };
    let lineage = Lineage::open(&store, &name("wider")).unwrap();
    fork(&store, lineage, Step(7), plan, &SmallRun::default().resources()).unwrap().session.finish().unwrap();
    let lineage = Lineage::open(&store, &name("narrow")).unwrap();
    let plan = VerifyPlan { span: None, threads: 1, quick: false };
    assert!(verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap().origin);
    assert_eq!(lineage.steps().unwrap().steps(), 8);
}

/// What the first format has no column for is lacking in its rows, and there in those of today, along one lineage.
#[test]
fn hyper_parameters_without_a_column_are_lacking_before_format_2() {
    let folder = tempfile::tempdir().unwrap();
    let (store, dataset) = format_1(folder.path());
    let plan = ForkPlan {
        name: Some(name("steered")),
        edits: vec!["set epsilon 0.0001".parse().unwrap()],
        fidelity: None,
        stays: false,
    };
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let mut session = fork(&store, lineage, Step(6), plan, &SmallRun::default().resources()).unwrap().session;
    session.advance().unwrap();
    session.finish().unwrap();
    let lineage = Lineage::open(&store, &name("steered")).unwrap();
    let epsilons: Vec<_> =
        (4..=7).map(|step| lineage.step_row(Step(step)).unwrap().hyper_parameters.get("epsilon")).collect();
    assert_eq!(epsilons, [None, None, Some(1e-4), Some(1e-4)]);
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let span = StepSpan::new(Step(2), Step(4));
    for columns in [&["hyper_parameters"][..], &["step", "hyper_parameters"]] {
        let batch = reader.read_columns(Table::Steps, span, &Selection::all(), columns).unwrap();
        let last = batch.num_columns() - 1;
        assert_eq!((last + 1, batch.num_rows(), batch.column(last).null_count()), (columns.len(), 3, 3));
    }
    let plan = VerifyPlan { span: None, threads: 1, quick: false };
    assert!(verify(&store, &lineage, plan, &dataset, &|_| {}).unwrap().origin);
}
