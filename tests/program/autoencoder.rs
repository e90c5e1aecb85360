//! A network whose target is the image: trained, recorded, forked, replayed, shown and refused.

use serde_json::Value;

use crate::support::{Ran, Scratch};

const TRAIN: &str = "train main --dataset digits --network autoencoder --steps 60 --validate-every 20";

fn edited(scratch: &Scratch, code: i32, arguments: &str, edit: &str) -> Ran {
    let mut command = scratch.command(arguments);
    let ran = Ran::of(command.args(["--edit", edit]).output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "{arguments}: {ran:?}");
    ran
}

/// What the program says of a run is its loss, and no accuracy.
#[test]
fn an_autoencoder_is_trained_and_shown_without_classes() {
    let scratch = Scratch::new();
    let trained = scratch.run(0, TRAIN).out;
    assert!(trained.contains("step 60: validation loss") && !trained.contains("accuracy"), "{trained}");
    let first = scratch.run(0, "evaluate main@0 --json").json();
    let last = scratch.run(0, "evaluate main@60 --json").json();
    let loss = |of: &Value| of["loss"].as_f64().expect("a loss");
    assert!(loss(&last) < 0.7 * loss(&first), "{first} {last}");
    for name in ["accuracy", "correct", "confusion"] {
        assert_eq!(last[name], Value::Null, "{last}");
    }
    let evaluated = scratch.run(0, "evaluate main@best --split test").out;
    assert!(evaluated.contains("test images of digits: loss") && !evaluated.contains('%'), "{evaluated}");
    let shown = scratch.run(0, "show main@60").out;
    assert!(shown.contains("regression") && !shown.contains("accuracy"), "{shown}");
    let row = scratch.run(0, "show main@60 --json").json();
    assert!(row.to_string().contains("\"live_accuracy\":null"), "{row}");
    let listed = scratch.run(0, "log").out;
    assert!(listed.contains("loss ") && !listed.contains('%'), "{listed}");
    let listed = scratch.run(0, "log --json").json();
    assert_eq!(listed["validation_accuracy"], Value::Null, "{listed}");
    assert_eq!(listed["format_version"], 5, "{listed}");
    let preview = edited(&scratch, 0, "fork main@40 --dry-run", "add-filter code").out;
    assert!(preview.contains("validation loss") && !preview.contains("accuracy"), "{preview}");
    let networks = scratch.run(0, "networks autoencoder --input 1x8x8").out;
    assert!(networks.contains("regression, gives back the image") && networks.contains("64×1×1"), "{networks}");
    scratch.run(0, "networks autoencoder -o network.svg");
}

#[test]
fn its_steps_are_forked_replayed_and_verified_to_the_bit() {
    let scratch = Scratch::new();
    scratch.run(0, TRAIN);
    let wider = edited(&scratch, 0, "fork main@40 --name wider --steps +10", "add-filter code init=zero").out;
    assert!(wider.contains("largest change of a reconstructed value: 0"), "{wider}");
    edited(&scratch, 0, "fork main@40 --name narrow --steps +10", "remove-filter conv2/3");
    let refused = edited(&scratch, 1, "fork main@40 --name none", "remove-layer regression").err;
    assert!(refused.contains("is the class layer, which a network needs"), "{refused}");
    scratch.run(0, "train kf --dataset digits --network autoencoder --steps 30 --fidelity keyframes");
    for name in ["main", "wider", "narrow", "kf"] {
        scratch.run(0, &format!("verify {name}"));
    }
    scratch.run(0, "compact narrow");
    scratch.run(0, "show narrow@44");
    scratch.run(0, "materialise narrow");
    scratch.run(0, "verify narrow");
    // The same command goes on where it stopped.
    scratch.run(0, &TRAIN.replace("--steps 60", "--steps 70"));
    scratch.run(0, "verify main");
    scratch.run(0, "diff main wider");
    scratch.run(0, "compare main wider -o compare.svg");
    scratch.run(0, "plot loss main wider -o loss.svg");
}

#[test]
fn what_comes_out_is_seen_beside_what_goes_in() {
    let scratch = Scratch::new();
    scratch.run(0, TRAIN);
    let sheet = scratch.run(0, "predictions main@60 --count 6 --json -o sheet.svg").json();
    let pictures = sheet["pictures"].as_array().expect("pictures");
    assert_eq!(pictures.len(), 6, "{sheet}");
    for picture in pictures {
        let [own, beside] = [&picture["image"], &picture["beside"]].map(|image| image["pixels"].as_array());
        assert_eq!(own.map(Vec::len), Some(64), "{picture}");
        assert_eq!(beside.map(Vec::len), Some(64), "{picture}");
        assert_eq!(picture["wrong"], false, "{picture}");
    }
    let title = sheet["title"].as_str().expect("a title");
    assert!(title.starts_with("reconstructions by main@60 of 150 validation images: mean loss "), "{title}");
    // The mean loss is that of the evaluation, whatever images are shown.
    let loss = scratch.run(0, "evaluate main@60 --json").json()["loss"].as_f64().expect("a loss");
    assert!(title.ends_with(&format!("{loss:.4}")), "{title} {loss}");
    let table = scratch.run(0, "predictions main@60 --class 3 --count 4").out;
    assert!(table.contains("of class 3") && table.contains("loss") && !table.contains("predicted"), "{table}");
    let network = scratch.run(0, "plot network main@60 --json -o network.svg").json();
    assert_eq!(network["reconstruction"]["pixels"].as_array().map(Vec::len), Some(64), "{network}");
    assert_eq!(network["outputs"], "image");
    let columns = network["columns"].as_array().expect("columns");
    assert_eq!(columns.len(), 3, "the last layer is no column of nodes");
    let svg = std::fs::read_to_string(scratch.path("network.svg")).expect("a picture");
    assert!(svg.contains("network of main@60"));
    for (what, range) in [("activations", true), ("activation-gradients", false)] {
        let figure = format!("plot activations main@60 --layer regression --of {what} --json -o maps.svg");
        let maps = scratch.run(0, &figure).json();
        let images = maps["rows"][0]["images"].as_array().expect("images");
        assert_eq!(images.len(), 1, "{what}: one picture");
        assert_eq!(images[0]["range"] == serde_json::json!([-0.5, 0.5]), range, "{what}");
    }
    let hardest = scratch.run(0, "samples main").out;
    assert!(hardest.contains("mean loss") && !hardest.contains("right"), "{hardest}");
    scratch.run(0, "samples main --by hardest -o hardest.svg");
}

/// What needs classes says which layer has none, and what there is.
#[test]
fn what_needs_classes_is_refused_with_the_reason() {
    let scratch = Scratch::new();
    scratch.run(0, TRAIN);
    for (arguments, instead) in [
        ("plot confusion main@60 -o confusion.svg", "predictions shows"),
        ("plot saliency main@60 -o saliency.svg", "predictions shows"),
        ("plot chart main --quantity accuracy -o accuracy.svg", "there is loss"),
        ("plot chart main --quantity validation_accuracy -o accuracy.svg", "there is loss"),
        ("samples main --by forgotten", "hardest"),
        ("samples main --by never-learned", "hardest"),
        ("samples main --by mislabelled", "hardest"),
        ("predictions main@60 --wrong", "leave --wrong"),
        ("predictions main@60 --predicted 3", "leave --wrong"),
    ] {
        let refused = Ran::of(scratch.command(arguments).output().expect("the program starts"));
        assert!(matches!(refused.code, Some(1 | 2)), "{arguments}: {refused:?}");
        let reason = "layer regression gives back the image and predicts no class: there is no ";
        assert!(refused.err.contains(reason) && refused.err.contains(instead), "{arguments}: {}", refused.err);
    }
    let both = "[[layer]]\nkind = \"regression\"\ntarget = \"image\"\nclasses = 10\n";
    std::fs::write(scratch.path("both.toml"), both).expect("a network");
    let refused = scratch.run(2, "train both --dataset digits --network both.toml").err;
    assert!(refused.contains("target = \"image\" has no `classes`"), "{refused}");
    #[cfg(feature = "sql")]
    {
        let sql = "SELECT step, accuracy, correct FROM validation WHERE step = 60";
        let mut command = scratch.command("query --format json");
        let found = Ran::of(command.arg(sql).output().expect("the program starts"));
        assert!(found.out.contains("\"accuracy\":null") && found.out.contains("\"correct\":null"), "{found:?}");
        let sql = "SELECT COUNT(*) AS all_rows, COUNT(predicted) AS with_class FROM samples";
        let found = Ran::of(scratch.command("query --format json").arg(sql).output().expect("the program starts"));
        assert!(found.out.contains("\"all_rows\":480") && found.out.contains("\"with_class\":0"), "{found:?}");
    }
}

#[test]
fn its_arrays_go_out_and_come_in_again() {
    let scratch = Scratch::new();
    scratch.run(0, TRAIN);
    for file in ["out.safetensors", "out.npz", "out.onnx", "out.json", "out.py"] {
        scratch.run(0, &format!("export main@60 -o {file}"));
    }
    let digest = |at: &str| scratch.run(0, &format!("show {at} --json")).json()["digest"].clone();
    for (branch, file) in [("a", "out.safetensors"), ("b", "out.npz"), ("c", "out.json")] {
        let train = format!("train {branch} --dataset digits --network autoencoder --init {file} --steps 1");
        scratch.run(0, &train);
        assert_eq!(digest(&format!("{branch}@0")), digest("main@60"), "{file}");
    }
}
