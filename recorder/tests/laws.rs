//! The law of what is stored: a branch that was compacted and written out again has
//! every row that it had, whatever was written out in between.

#[path = "../../store/tests/fake/mod.rs"]
mod fake;

use arrow_array::RecordBatch;
use fake::tempdir;
use proptest::prelude::*;
use revacnn_recorder::{RecorderError, compact, materialise};
use revacnn_schemas::{ACTIVATION_TABLES, Fidelity, PARAMETER_TABLES, Step, Table};
use revacnn_store::{BranchReader, RecorderOptions, Selection, StepSpan, Store, StoreError};
use revacnn_test_support::{SmallRun, name, network};

/// A convolution with normalisation, so that every table has rows.
const NETWORK: &str = r#"
[[layer]]
kind = "conv"
filters = 2
kernel = 3
[[layer]]
kind = "batchnorm"
[[layer]]
kind = "pool"
kernel = 2
[[layer]]
kind = "softmax"
"#;

/// A small run, and what is done to what it stores.
#[derive(Debug, Clone)]
struct History {
    fidelity: Fidelity,
    keyframe_interval: u64,
    segment_steps: u64,
    last: u64,
    /// The branch is a fork from here, where there is one.
    forked_at: Option<u64>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Compact,
    /// Writes the segments out that hold these steps, shares of the branch.
    Materialise([f64; 2]),
}

fn history() -> impl Strategy<Value = History> {
    let fidelity = prop_oneof![Just(Fidelity::Every), Just(Fidelity::Keyframes)];
    let change = prop_oneof![
        1 => Just(Change::Compact),
        3 => [0.0..1.0, 0.0..1.0].prop_map(Change::Materialise),
    ];
    let run = (fidelity, 1..9_u64, 3..12_u64, 2..24_u64, proptest::option::of(0.0..1.0));
    (run, proptest::collection::vec(change, 0..4)).prop_map(|(run, changes)| {
        let (fidelity, keyframe_interval, segment_steps, last, forked_at) = run;
        let forked_at = forked_at.map(|share: f64| (share * last as f64) as u64);
        History { fidelity, keyframe_interval, segment_steps, last, forked_at, changes }
    })
}

/// Records the run in a fidelity; the branch is `main`, or `child`.
fn recorded(history: &History, fidelity: Fidelity, folder: &std::path::Path) -> Store {
    let small = SmallRun {
        network: network(NETWORK),
        fidelity,
        keyframe_interval: history.keyframe_interval,
        validate_every: Some(5),
        options: RecorderOptions { segment_steps: history.segment_steps, ..RecorderOptions::default() },
        ..SmallRun::default()
    };
    let store = small.recorded(folder, history.forked_at.unwrap_or(history.last));
    if let Some(step) = history.forked_at {
        small.fork(&store, ("main", step), "child", &["add-filter conv1", "freeze conv1/0"], history.last);
    }
    store
}

fn is_of_tensors(table: Table) -> bool {
    PARAMETER_TABLES.contains(&table) || ACTIVATION_TABLES.contains(&table)
}

/// The rows of a span, but for what differs between two equal runs.
fn rows(reader: &BranchReader, table: Table, span: StepSpan) -> Result<RecordBatch, StoreError> {
    let mut rows = reader.read(table, span, &Selection::all())?;
    for column in ["elapsed_nanos", "wall_time"] {
        if let Ok(place) = rows.schema().index_of(column) {
            rows.remove_column(place);
        }
    }
    Ok(rows)
}

/// The tables that are always stored are as they were; tensors are refused where they
/// are not stored, and as they were where they are.
fn check(store: &Store, branch: &str, whole: &BranchReader, stored: &[StepSpan]) -> Result<(), TestCaseError> {
    let reader = BranchReader::open(store, &name(branch)).unwrap();
    let span = whole.steps().unwrap();
    prop_assert_eq!(reader.steps(), Some(span));
    for table in Table::ALL {
        if !is_of_tensors(table) {
            if table != Table::Events {
                prop_assert_eq!(rows(&reader, table, span).unwrap(), rows(whole, table, span).unwrap(), "{}", table);
            }
            continue;
        }
        for step in span.first.0..=span.last.0 {
            let step = StepSpan::of(Step(step));
            let is_stored = stored.iter().any(|span| span.intersection(&step).is_some());
            match rows(&reader, table, step) {
                Ok(found) => {
                    prop_assert!(is_stored, "{} at {}", table, step);
                    prop_assert_eq!(found, rows(whole, table, step).unwrap(), "{} at {}", table, step);
                }
                Err(error) => {
                    prop_assert!(!is_stored, "{} at {}: {}", table, step, error);
                    prop_assert!(matches!(error, StoreError::TensorsNotStored { .. }), "{}", error);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn to_compact_and_then_materialise_changes_no_row(history in history()) {
        let folder = tempdir().unwrap();
        // Another recording, of every tensor: what is written out must be that.
        let whole = recorded(&history, Fidelity::Every, &folder.path().join("whole"));
        let store = recorded(&history, history.fidelity, &folder.path().join("runs"));
        let branch = if history.forked_at.is_some() { "child" } else { "main" };
        let whole = BranchReader::open(&whole, &name(branch)).unwrap();
        let span = whole.steps().unwrap();
        let data = SmallRun::default().data();
        let record = || store.branch(&name(branch)).unwrap();
        let materialised = |span| -> Result<StepSpan, RecorderError> {
            Ok(materialise(&store, &record(), span, data.clone(), 1, &mut |_| {})?.0)
        };

        let mut stored = if history.fidelity == Fidelity::Every { vec![span] } else { Vec::new() };
        check(&store, branch, &whole, &stored)?;
        for change in [Change::Compact].iter().chain(&history.changes) {
            match change {
                Change::Compact => {
                    compact(&store, &record(), &data, 1, &|_| {}).unwrap();
                    stored.clear();
                }
                Change::Materialise(shares) => {
                    let mut ends = shares.map(|share| Step(span.first.0 + (share * span.steps() as f64) as u64));
                    ends.sort();
                    let asked = StepSpan::new(ends[0], ends[1]);
                    let found = materialised(asked).unwrap();
                    prop_assert!(found.first <= asked.first && asked.last <= found.last, "{} of {}", found, asked);
                    stored.push(found);
                }
            }
            check(&store, branch, &whole, &stored)?;
        }
        prop_assert_eq!(materialised(span).unwrap(), span);
        check(&store, branch, &whole, &[span])?;
        let reader = BranchReader::open(&store, &name(branch)).unwrap();
        for table in Table::ALL {
            if table != Table::Events {
                prop_assert_eq!(rows(&reader, table, span).unwrap(), rows(&whole, table, span).unwrap(), "{}", table);
            }
        }
    }
}
