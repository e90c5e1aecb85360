//! One filter's figure against values of the log.

#[path = "support/fork.rs"]
mod fork;
mod support;

use revacnn_notebook::kinds::Filter;
use revacnn_notebook::{Cell, Graph, Inputs, Sources, StoreRead};
use revacnn_recorder::Replay;
use revacnn_schemas::{Address, BranchId, Fidelity, Figure, FilterNumber, Image, ImageGrid, ImageIndex, Palette, Step};
use revacnn_store::{Lineage, StepTensors, Store};

use fork::forked;
use support::{inputs, recorded, recorded_on};

/// Two convolutions and a fully connected layer on maps of 2×2, in colour.
const COLOURED: &str = r#"
[[layer]]
kind = "conv"
filters = 3
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "pool"
kernel = 4
stride = 4
[[layer]]
kind = "conv"
filters = 4
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "pool"
kernel = 4
stride = 4
[[layer]]
kind = "softmax"
"#;

fn cell(at: Option<&str>, layer: &str, filter: u32) -> Cell {
    let at = at.map(|at| at.parse().unwrap());
    Filter { at, layer: layer.parse().unwrap(), filter: FilterNumber(filter), born: None }.into()
}

fn shown(sources: &mut Sources, cell: &Cell, inputs: &Inputs) -> ImageGrid {
    let Figure::Images(grid) = cell.figure(sources, inputs).unwrap() else { panic!("images") };
    for row in &grid.rows {
        assert!(
            row.images.iter().flatten().all(|image| image.range == images(row)[0].range),
            "{}: one range",
            row.label
        );
    }
    grid
}

fn images(row: &revacnn_schemas::ImageRow) -> Vec<&Image> {
    row.images.iter().map(|image| image.as_ref().unwrap()).collect()
}

fn row<'a>(grid: &'a ImageGrid, label: &str) -> Vec<&'a Image> {
    images(grid.rows.iter().find(|row| row.label == label).unwrap_or_else(|| panic!("a row {label}")))
}

fn labels(grid: &ImageGrid) -> Vec<&str> {
    grid.rows.iter().map(|row| row.label.as_str()).collect()
}

fn pixels(images: &[&Image]) -> Vec<f32> {
    images.iter().flat_map(|image| image.pixels.clone()).collect()
}

fn tensors(store: &Store, step: u64) -> StepTensors {
    let lineage = Lineage::open(store, &"main".parse().unwrap()).unwrap();
    Replay::new(lineage.into_holder(Step(step)).unwrap()).tensors(Step(step)).unwrap()
}

const ALL: [&str; 5] = ["coefficients", "gradients", "map", "map gradient", "nearest"];

#[test]
fn a_filters_rows_are_the_recorded_values_one_image_an_input() {
    let folder = recorded_on("shapes", COLOURED, Fidelity::Every, 6);
    let expected = tensors(&Store::open(folder.path()).unwrap(), 5);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    // Of each layer a filter, its coefficients an input, and the inputs' names.
    for (place, layer, filter, inputs_, side) in [
        (0, "conv1", 2, ["red", "green", "blue"].map(str::to_owned).to_vec(), 3),
        (1, "conv2", 3, (0..3).map(|input| format!("conv1/{input}")).collect(), 3),
        (2, "softmax", 1, (0..4).map(|input| format!("conv2/{input}")).collect(), 2),
    ] {
        let grid = shown(&mut sources, &cell(None, layer, filter), &inputs(5));
        assert_eq!(labels(&grid), ALL);
        assert_eq!(grid.title, format!("filter {layer}/{filter} of main@5, image 7"));
        let length = inputs_.len() * side * side;
        let own = filter as usize * length..(filter as usize + 1) * length;
        let mut coefficients = row(&grid, "coefficients");
        if place == 0 {
            let whole = coefficients.remove(0);
            assert_eq!((whole.palette, whole.label.as_str()), (Palette::Rgb, "RGB"));
            assert_eq!(whole.filter.as_ref().unwrap().1.number, FilterNumber(filter));
        } else {
            let inputs_ = coefficients.iter().map(|image| image.filter.as_ref().unwrap());
            let inputs_: Vec<String> = inputs_.map(|(layer, filter)| format!("{layer}/{}", filter.number)).collect();
            assert_eq!(inputs_, coefficients.iter().map(|image| image.label.clone()).collect::<Vec<_>>());
        }
        assert_eq!(coefficients.iter().map(|image| image.label.clone()).collect::<Vec<_>>(), inputs_);
        assert!(coefficients.iter().all(|image| (image.rows, image.columns) == (side, side)));
        assert_eq!(pixels(&coefficients), expected.parameters[place].weights[own.clone()]);
        let gradients = row(&grid, "gradients");
        assert_eq!(gradients.iter().map(|image| image.label.clone()).collect::<Vec<_>>(), inputs_);
        assert!(gradients.iter().all(|image| image.palette == Palette::Diverging));
        let recorded = &expected.parameters[place].gradients.as_ref().unwrap().weights[own];
        assert_eq!(pixels(&gradients), recorded);
        let most = recorded.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert_eq!(gradients[0].range, [-most, most]);
        let block = &expected.blocks[place];
        for (label, values, palette) in
            [("map", &block.activations, Palette::Sequential), ("map gradient", &block.gradients, Palette::Diverging)]
        {
            let [map] = row(&grid, label)[..] else { panic!("one map") };
            let each = map.rows * map.columns;
            assert_eq!(map.pixels, values[filter as usize * each..(filter as usize + 1) * each]);
            assert_eq!(map.palette, palette);
        }
    }
}

#[test]
fn the_nearest_are_those_of_smallest_angle_with_their_cosine() {
    let folder = recorded(Fidelity::Every);
    let weights = tensors(&Store::open(folder.path()).unwrap(), 40).parameters[0].weights.clone();
    let filters: Vec<&[f32]> = weights.chunks_exact(9).collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = |a, b| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let mut expected: Vec<(f64, usize)> =
        [0, 2, 3, 4].map(|other| (cosine(filters[1], filters[other]), other)).to_vec();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let grid = shown(&mut sources, &cell(Some("main@40"), "conv1", 1), &inputs(0));
    let found = row(&grid, "nearest");
    assert_eq!(found.len(), 3);
    for ((similarity, other), image) in expected.into_iter().zip(found) {
        assert_eq!(image.label, format!("conv1/{other} · {similarity:.2}").replace('-', "−"));
        assert_eq!(image.filter.as_ref().unwrap().1.number, FilterNumber(other as u32));
        assert_eq!(image.pixels, filters[other]);
    }
}

#[test]
fn a_step_without_gradients_and_a_frozen_layer_have_no_row_of_them() {
    let folder = recorded(Fidelity::Every);
    forked(folder.path(), "still", 20, &["freeze conv1/1"], 4);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let without = ["coefficients", "map", "map gradient", "nearest"];
    for (at, filter, rows) in [
        ("main@0", 1, &without[..]),
        ("still@fork", 0, &without),
        ("still@22", 1, &without),
        ("still@22", 0, &ALL),
        ("main@22", 1, &ALL),
    ] {
        let grid = shown(&mut sources, &cell(Some(at), "conv1", filter), &inputs(0));
        assert_eq!(labels(&grid), rows, "{at} {filter}");
    }
}

#[test]
fn another_image_is_computed_and_without_the_data_its_rows_are_left_out() {
    let folder = recorded(Fidelity::Every);
    let chosen = Inputs { image: Some(ImageIndex(8).into()), ..inputs(30) };
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = cell(None, "conv1", 4);
    let [probe, other] = [&inputs(30), &chosen].map(|inputs| shown(&mut sources, &cell, inputs));
    assert_eq!(labels(&other), ALL);
    assert_ne!(row(&other, "map"), row(&probe, "map"));
    assert_eq!(row(&other, "coefficients"), row(&probe, "coefficients"));
    // A data set that is not to be had: its digest is another one.
    for entry in std::fs::read_dir(folder.path().join("branches")).unwrap() {
        let path = entry.unwrap().path().join("branch.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"digits\"", "\"fingers\"")).unwrap();
    }
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let grid = shown(&mut sources, &cell, &chosen);
    assert_eq!(labels(&grid), ["coefficients", "gradients", "nearest"]);
    assert_eq!(grid.title, "filter conv1/4 of main@30");
    assert_eq!(shown(&mut sources, &cell, &inputs(30)), probe, "what is recorded needs no data");
}

#[test]
fn a_filter_that_is_not_there_is_an_error_that_lists_those_that_are() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut error = |cell: &Cell| cell.figure(&mut sources, &inputs(3)).unwrap_err().to_string();
    assert_eq!(
        error(&cell(None, "conv1", 9)),
        "`main@3` has no filter conv1/9: the filters of conv1 are 0, 1, 2, 3, 4"
    );
    assert!(error(&cell(None, "conv2", 0)).contains("there is conv1, softmax"));
    // Another branch's filter of that number is not this one.
    let elsewhere: BranchId = "b0123456789abcde".parse().unwrap();
    let asked = Filter { at: None, layer: "conv1".parse().unwrap(), filter: FilterNumber(2), born: Some(elsewhere) };
    let said = error(&asked.into());
    assert!(said.contains("conv1/2 born in b0123") && said.contains("0, 1, 2, 3, 4"), "{said}");
}

#[test]
fn it_depends_on_what_it_shows_and_is_written_like_the_other_cells() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut graph = Graph::new(inputs(3));
    for (name, at) in [("shown", None), ("fixed", Some("main@7")), ("last", Some("main@last"))] {
        graph.set_cell(name, cell(at, "conv1", 1));
    }
    graph.run(&mut sources);
    let reads = |name: &str| {
        let reads = graph.reads(name).unwrap();
        (reads.branches.is_some(), reads.cursor.is_some(), reads.image.is_some())
    };
    assert_eq!([reads("shown"), reads("fixed")], [(true, true, true), (false, false, true)]);
    let step = |name: &str| match &graph.reads(name).unwrap().store[..] {
        [StoreRead::Hue(..), StoreRead::Place { step, .. }] => *step,
        other => panic!("expected one place, found {other:?}"),
    };
    assert_eq!(["shown", "fixed", "last"].map(step), [Step(3), Step(7), Step(40)]);
    let text = serde_json::to_value(cell(Some("main@7"), "conv3", 5)).unwrap();
    let expected = r#"{"kind":"filter","at":"main@7","layer":"conv3","filter":5,"born":null}"#;
    assert_eq!(text, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    let short = r#"{"kind":"filter","layer":"conv3","filter":5}"#;
    assert_eq!(serde_json::from_str::<Cell>(short).unwrap(), cell(None, "conv3", 5));
    let at: Address = "main@7".parse().unwrap();
    assert_eq!(serde_json::from_value::<Cell>(text).unwrap(), cell(Some(&at.to_string()), "conv3", 5));
}
