//! Cells of branches whose networks differ, and of steps where branches begin.

#[path = "support/fork.rs"]
mod fork;
#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::{Chart, Compare, Embedding, Filters, Loss, Network, Start};
use revacnn_notebook::{Cell, Inputs, Matching, Method, Show, Source, Sources, XAxis};
use revacnn_schemas::{BranchName, Fidelity, Figure, FilterNumber, Panel, Scale, Step};
use revacnn_trainer::{Settings, data};

use fork::forked;
use record::recorded_with;

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
fn with_child(edits: &[&str]) -> tempfile::TempDir {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 20);
    forked(folder.path(), "child", 10, edits, 5);
    folder
}

fn inputs(cursor: u64) -> Inputs {
    Inputs { branches: vec![name("child"), name("main")], cursor: Step(cursor), ..Inputs::default() }
}

#[test]
fn a_point_is_the_mean_of_equally_many_steps_in_all_curves_of_a_chart() {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 510);
    forked(folder.path(), "child", 10, &["freeze conv1"], 5);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    let Figure::Chart(chart) = cell.figure(&mut sources, &inputs(0)).unwrap() else { panic!("a chart") };
    let trained: Vec<(&str, usize)> =
        chart.series.iter().filter(|series| !series.dashed).map(|it| (it.name.as_str(), it.points.len())).collect();
    assert_eq!(trained, [("child train, mean of 3 steps", 2), ("main train, mean of 3 steps", 170)]);
}

/// The parent lay there with its own step 0 over the fork of the child.
#[test]
fn on_an_axis_of_steps_since_the_fork_the_parent_begins_at_the_fork() {
    let folder = with_child(&["freeze conv1"]);
    let ends = |branches: &[&str]| -> Vec<(String, f64)> {
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let cell = Cell::from(Loss { x: XAxis::Fork, scale: Scale::Linear, ..Loss::default() });
        let inputs = Inputs { branches: branches.iter().map(|it| name(it)).collect(), ..inputs(0) };
        let Figure::Chart(chart) = cell.figure(&mut sources, &inputs).unwrap() else { panic!("a chart") };
        let trained = chart.series.into_iter().filter(|series| !series.dashed);
        trained.map(|series| (series.name, series.points.last().unwrap()[0])).collect()
    };
    let named = |name: &str, x: f64| (name.to_owned(), x);
    assert_eq!(ends(&["main", "child"]), [named("main train", 10.0), named("child train", 5.0)]);
    assert_eq!(ends(&["main"]), [named("main train (no fork: since its first step)", 20.0)]);
    forked(folder.path(), "other", 12, &["freeze conv1"], 2);
    let all = ends(&["main", "child", "other"]);
    assert_eq!(all[0], named("main train (no fork: since its first step)", 20.0));
    assert_eq!(all[2], named("other train", 2.0));
}

/// `21 → 20` stood there for the branch that had gained a filter.
#[test]
fn a_comparison_says_which_branch_has_what() {
    let folder = with_child(&["add-filter conv1"]);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    for (at, expected) in
        [(["child@12", "main@12"], "child@12: 5, main@12: 4"), (["main@12", "child@12"], "main@12: 4, child@12: 5")]
    {
        let at = at.map(|at| at.parse().unwrap()).to_vec();
        let cell = Cell::from(Compare { at, matching: Matching::Identity });
        let Figure::Comparison(found) = cell.figure(&mut sources, &inputs(12)).unwrap() else { panic!("two") };
        let Panel::Joint(facts) = &found.panels[0] else { panic!("a table of both") };
        let Figure::Table(facts) = facts.as_ref() else { panic!("a table") };
        let filters = facts.rows.iter().find(|row| row[0] == "conv1 filters").unwrap();
        assert_eq!(filters[1], expected);
    }
}

#[test]
fn a_branch_that_lacks_a_layer_is_left_out_and_named() {
    let folder = with_child(&["insert-layer conv after=conv1 filters=4 kernel=3 init=identity"]);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let layer: revacnn_schemas::LayerName = "conv2".parse().unwrap();
    let (of, method) = (Source::Weights, Method::Pca);
    let (at, start) = (Vec::new(), Start::Fresh);
    let cell = Cell::from(Embedding { at, layer: layer.clone(), of, method, perplexity: None, seed: 0, start });
    let Figure::Scatter(scatter) = cell.figure(&mut sources, &inputs(12)).unwrap() else { panic!("a scatter") };
    assert_eq!(scatter.points.len(), 4);
    assert!(scatter.notes.contains(&"left out: main@12 has no conv2".to_owned()), "{:?}", scatter.notes);

    let cell = Cell::from(Filters { at: Vec::new(), layer: layer.clone(), of });
    let Figure::Images(grid) = cell.figure(&mut sources, &inputs(12)).unwrap() else { panic!("images") };
    let labels: Vec<&str> = grid.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["child@12", "main@12 has no conv2"]);
    assert!(grid.rows[1].images.iter().all(Option::is_none));

    let only_main = Inputs { branches: vec![name("main")], ..inputs(12) };
    let error = cell.figure(&mut sources, &only_main).unwrap_err().to_string();
    assert!(error.contains("has no layer `conv2`") && error.contains("conv1"), "{error}");

    let (quantity, filter) = ("weight_norm".to_owned(), Some(FilterNumber(0)));
    let (layer, x, scale) = (Some(layer), XAxis::Step, Scale::Linear);
    let cell = Cell::from(Chart { quantity, layer, filter, x, scale, ..Chart::default() });
    let Figure::Chart(chart) = cell.figure(&mut sources, &inputs(12)).unwrap() else { panic!("a chart") };
    let finite = |series: &revacnn_schemas::Series| series.points.iter().any(|point| point[1].is_finite());
    assert!(finite(&chart.series[0]) && !finite(&chart.series[1]));
    assert_eq!(chart.series[1].name, "main (has none)");
    let error = cell.figure(&mut sources, &only_main).unwrap_err().to_string();
    assert!(error.contains("conv2") && error.contains("conv1"), "{error}");
}

#[test]
fn frozen_filters_are_told_at_the_fork_step_too_which_has_no_gradients() {
    let folder = with_child(&["freeze conv1/2"]);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
    for step in [10, 11, 15] {
        let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(step)).unwrap() else { panic!("a network") };
        let frozen: Vec<bool> = diagram.columns[0].nodes.iter().map(|node| node.frozen).collect();
        assert_eq!(frozen, [false, false, true, false], "step {step}");
    }
    let whole = with_child(&["freeze conv1"]);
    let mut sources = Sources::open(whole.path(), None, 1).unwrap();
    for step in [10, 13] {
        let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(step)).unwrap() else { panic!("a network") };
        assert!(diagram.columns[0].nodes.iter().all(|node| node.frozen), "step {step}");
    }
}

#[test]
fn the_ends_of_epochs_are_found_in_both_directions() {
    let epoch = data::load("digits", None).unwrap().train_indices().len().div_ceil(400) as u64;
    let settings = Settings { batch_size: 400, ..Settings::default() };
    let folder = recorded_with("digits", NETWORK, &settings, Fidelity::Keyframes, 2 * epoch + 1);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut end = |from: u64, forward| sources.epoch_end(&name("main"), Step(from), forward).unwrap().0;
    assert_eq!([end(0, true), end(epoch, true), end(2 * epoch, true)], [epoch, 2 * epoch, 2 * epoch + 1]);
    assert_eq!([end(2 * epoch + 1, false), end(2 * epoch, false), end(epoch, false)], [2 * epoch, epoch, 0]);
}
