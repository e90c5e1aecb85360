//! Two runs that share no history: no distance where nothing is in common,
//! and pairs by assignment where they are asked for.

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

fn two_runs() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 8"));
    scratch.run(0, &format!("{TRAIN} --steps 8 --seed 9 --branch other"));
    scratch
}

fn layers(found: &Value) -> &Vec<Value> {
    found["layers"].as_array().expect("layers")
}

#[test]
fn what_has_nothing_in_common_has_no_distance() {
    let scratch = two_runs();
    let found = scratch.run(0, "diff main other --json").json();
    assert_eq!(found["match"], "identity");
    assert_eq!(layers(&found).len(), 4, "{found}");
    for layer in layers(&found) {
        for number in ["distance", "relative_distance", "unmatched_coefficients"] {
            assert_eq!(layer[number], Value::Null, "{layer}");
        }
    }
    let text = scratch.run(0, "diff main other").out;
    let line = text.lines().find(|line| line.starts_with("conv1 ")).expect("a line a layer");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["conv1", "0", "4", "4", "–", "–"]);
    assert!(text.contains("no filter is in both, so there is no distance; with --match assignment"), "{text}");
    let compared = scratch.run(0, "compare main other").out;
    let line = compared.lines().find(|line| line.starts_with("conv1 ")).expect("a line a layer");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["conv1", "0", "–", "–"]);
    let figure = scratch.run(0, "compare main other --json").json().to_string();
    assert!(!figure.contains("0.0000"), "{figure}");
    assert!(figure.contains("no filter is in both; matched by assignment"), "{figure}");
}

#[test]
fn separate_runs_are_matched_by_assignment() {
    let scratch = two_runs();
    let text = scratch.run(0, "diff main other --match assignment").out;
    assert!(text.contains("filters are matched by assignment: the pairs are those most alike, and no identity"));
    assert!(text.contains("filters matched") && !text.contains("filters in both"), "{text}");
    let found = scratch.run(0, "diff main other --match assignment --json").json();
    assert_eq!(found["match"], "assignment");
    for layer in layers(&found) {
        assert!(layer["distance"].as_f64().is_some_and(|distance| distance > 0.0), "{layer}");
        assert!(layer.get("in_both").is_none() && layer["matched"].is_array(), "{layer}");
    }
    // Each filter of the other run is taken once, in pairs of the least sum of squares.
    let [main, other] = ["main", "other"].map(|branch| scratch.run(0, &format!("show {branch} --json")).json());
    let filters = |shown: &Value| shown["layers"][0]["filters"].as_array().expect("filters").clone();
    let squares = |a: &Value, b: &Value| {
        let numbers = |filter: &Value| -> Vec<f64> {
            let weights = filter["weights"].as_array().expect("weights").iter();
            weights.chain([&filter["bias"]]).map(|value| value.as_f64().expect("a number")).collect()
        };
        numbers(a).iter().zip(numbers(b)).map(|(x, y)| (x - y).powi(2)).sum::<f64>()
    };
    let (ours, theirs) = (filters(&main), filters(&other));
    let mut least = f64::INFINITY;
    for order in (0..256_usize).map(|code| [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6]) {
        let mut taken = order;
        taken.sort_unstable();
        if taken == [0, 1, 2, 3] {
            least = least.min((0..4).map(|place| squares(&ours[place], &theirs[order[place]])).sum());
        }
    }
    let conv = &layers(&found)[0];
    let distance = conv["distance"].as_f64().expect("a distance");
    assert!((distance - least.sqrt()).abs() < 1e-9 * distance, "{distance} {least}");
    let mut pairs: Vec<u64> = conv["filters"]
        .as_array()
        .expect("filters")
        .iter()
        .map(|filter| filter["other"]["filter"].as_u64().expect("its partner"))
        .collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [0, 1, 2, 3]);
    // A run against itself is found again without its identities.
    let same = scratch.run(0, "diff main main --match assignment --json").json();
    assert!(layers(&same).iter().all(|layer| layer["distance"] == 0.0), "{same}");
}

#[test]
fn a_comparison_says_how_filters_are_matched() {
    let scratch = two_runs();
    let text = scratch.run(0, "compare main other --match assignment").out;
    assert!(text.contains("filters matched by assignment"), "{text}");
    assert!(text.contains(" → "), "the pairs are named: {text}");
    let figure = scratch.run(0, "compare main other --match assignment --json").json();
    let images = figure["panels"].as_array().expect("panels").iter().find_map(|panel| {
        panel["joint"].as_object().filter(|figure| figure["kind"] == "images").map(|figure| figure["rows"].clone())
    });
    let rows = images.expect("the filters of the layer that lies farthest apart");
    // Pairs lie above one another: no gap in either row, and own names.
    for row in rows.as_array().expect("two rows") {
        assert!(row["images"].as_array().expect("images").iter().all(|image| !image.is_null()), "{row}");
    }
    scratch.run(0, "compare main other --match assignment -o compared.png");
    let refused = scratch.run(2, "compare main other --match name");
    assert!(refused.err.contains("expected identity, assignment, found `name`"), "{refused:?}");
}

#[test]
fn coefficients_of_another_layers_filters_are_not_compared() {
    let scratch = Scratch::new();
    let network = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\n\
        [[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\n\
        [[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\npad = 1\n[[layer]]\nkind = \"softmax\"\n";
    std::fs::write(scratch.path("deep.toml"), network).expect("a file");
    scratch.run(0, "train --dataset digits --network deep.toml --steps 4 --json");
    let mut fork = scratch.command("fork main --name shallow --json --edit");
    assert!(fork.arg("remove-layer conv2").output().expect("the program starts").status.success());
    // conv3 reads conv1 there and conv2 here: filters of equal numbers, and others.
    let found = scratch.run(0, "diff main@4 shallow@4 --json").json();
    let conv3 = layers(&found).iter().find(|layer| layer["layer"] == "conv3").expect("the layer");
    assert_eq!(conv3["distance"], Value::Null, "{conv3}");
    assert_eq!(layers(&found)[0]["distance"], 0.0, "{found}");
}
