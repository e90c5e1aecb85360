//! Cells of branches whose networks differ, and of steps where branches begin.

use std::sync::Arc;

use revacnn_notebook::{Cell, Evaluator, Inputs, Method, Show, Source, XAxis};
use revacnn_recorder::{ForkPlan, Lineage, RecorderOptions, Session, SessionPlan, Store, fork};
use revacnn_schemas::{
    BranchName, Fidelity, Figure, FilterNumber, ImageIndex, NetworkSpec, RecordingSettings, Scale, Step,
};
use revacnn_trainer::{Settings, data, define};

const NETWORK: &str = r#"
[[layer]]
kind = "conv"
filters = 4
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "softmax"
"#;

fn name(text: &str) -> BranchName {
    text.parse().unwrap()
}

/// `main` of 20 steps, and `child` of 5 more, forked at step 10 with edits.
fn forked(edits: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let store = Store::create(folder.path(), 0).unwrap();
    let plan = SessionPlan {
        definition: define(NetworkSpec::from_toml(NETWORK).unwrap(), &dataset, &Settings::default()).unwrap(),
        recording: RecordingSettings {
            fidelity: Fidelity::Every,
            keyframe_interval: 16,
            probes: vec![ImageIndex(0)],
            validate_every: None,
        },
        threads: 1,
        options: RecorderOptions::default(),
        created_unix_seconds: 0,
    };
    let mut session = Session::open(&store, &name("main"), plan, dataset.clone()).unwrap();
    (0..20).for_each(|_| drop(session.advance().unwrap()));
    session.finish().unwrap();
    let plan = ForkPlan {
        name: Some(name("child")),
        edits: edits.iter().map(|edit| edit.parse().unwrap()).collect(),
        recording: None,
        threads: 1,
        options: RecorderOptions::default(),
        created_unix_seconds: 0,
        stays: false,
    };
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let mut session = fork(&store, lineage, Step(10), plan, dataset).unwrap().session;
    (0..5).for_each(|_| drop(session.advance().unwrap()));
    session.finish().unwrap();
    folder
}

fn inputs(cursor: u64) -> Inputs {
    Inputs { branches: vec![name("child"), name("main")], cursor: Step(cursor), image: None }
}

#[test]
fn a_branch_that_lacks_a_layer_is_left_out_and_named() {
    let folder = forked(&["insert-layer conv after=conv1 filters=4 kernel=3 init=identity"]);
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let layer: revacnn_schemas::LayerName = "conv2".parse().unwrap();
    let (of, method) = (Source::Weights, Method::Pca);
    let cell = Cell::Embedding { at: Vec::new(), layer: layer.clone(), of, method, perplexity: None, seed: 0 };
    let Figure::Scatter(scatter) = evaluator.evaluate(&cell, &inputs(12)).unwrap() else { panic!("a scatter") };
    assert_eq!(scatter.points.len(), 4);
    assert!(scatter.notes.contains(&"left out: main@12 has no conv2".to_owned()), "{:?}", scatter.notes);

    let cell = Cell::Filters { at: Vec::new(), layer: layer.clone(), of };
    let Figure::Images(grid) = evaluator.evaluate(&cell, &inputs(12)).unwrap() else { panic!("images") };
    let labels: Vec<&str> = grid.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["child@12", "main@12 has no conv2"]);
    assert!(grid.rows[1].images.iter().all(Option::is_none));

    let only_main = Inputs { branches: vec![name("main")], ..inputs(12) };
    let error = evaluator.evaluate(&cell, &only_main).unwrap_err().to_string();
    assert!(error.contains("has no layer `conv2`") && error.contains("conv1"), "{error}");

    let (quantity, filter) = ("weight_norm".to_owned(), Some(FilterNumber(0)));
    let cell = Cell::Chart { quantity, layer: Some(layer), filter, x: XAxis::Step, scale: Scale::Linear };
    let Figure::Chart(chart) = evaluator.evaluate(&cell, &inputs(12)).unwrap() else { panic!("a chart") };
    let finite = |series: &revacnn_schemas::Series| series.points.iter().any(|point| point[1].is_finite());
    assert!(finite(&chart.series[0]) && !finite(&chart.series[1]));
    assert_eq!(chart.series[1].name, "main (has none)");
    let error = evaluator.evaluate(&cell, &only_main).unwrap_err().to_string();
    assert!(error.contains("conv2") && error.contains("conv1"), "{error}");
}

#[test]
fn frozen_filters_are_told_at_the_fork_step_too_which_has_no_gradients() {
    let folder = forked(&["freeze conv1/2"]);
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let cell = Cell::Network { at: None, show: Show::Maps };
    for step in [10, 11, 15] {
        let Figure::Network(diagram) = evaluator.evaluate(&cell, &inputs(step)).unwrap() else { panic!("a network") };
        let frozen: Vec<bool> = diagram.columns[0].nodes.iter().map(|node| node.frozen).collect();
        assert_eq!(frozen, [false, false, true, false], "step {step}");
    }
    let whole = forked(&["freeze conv1"]);
    let mut evaluator = Evaluator::open(whole.path(), None, 1).unwrap();
    for step in [10, 13] {
        let Figure::Network(diagram) = evaluator.evaluate(&cell, &inputs(step)).unwrap() else { panic!("a network") };
        assert!(diagram.columns[0].nodes.iter().all(|node| node.frozen), "step {step}");
    }
}

#[test]
fn the_ends_of_epochs_are_found_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let epoch = dataset.train_indices().len().div_ceil(400) as u64;
    let store = Store::create(folder.path(), 0).unwrap();
    let settings = Settings { batch_size: 400, ..Settings::default() };
    let plan = SessionPlan {
        definition: define(NetworkSpec::from_toml(NETWORK).unwrap(), &dataset, &settings).unwrap(),
        recording: RecordingSettings {
            fidelity: Fidelity::Keyframes,
            keyframe_interval: 2,
            probes: vec![ImageIndex(0)],
            validate_every: None,
        },
        threads: 1,
        options: RecorderOptions::default(),
        created_unix_seconds: 0,
    };
    let mut session = Session::open(&store, &name("main"), plan, dataset).unwrap();
    (0..2 * epoch + 1).for_each(|_| drop(session.advance().unwrap()));
    session.finish().unwrap();
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let mut end = |from: u64, forward| evaluator.epoch_end(&name("main"), Step(from), forward).unwrap().0;
    assert_eq!([end(0, true), end(epoch, true), end(2 * epoch, true)], [epoch, 2 * epoch, 2 * epoch + 1]);
    assert_eq!([end(2 * epoch + 1, false), end(2 * epoch, false), end(epoch, false)], [2 * epoch, epoch, 0]);
}
