//! Images by what came of them, and what a network says of images.

use std::fs;
use std::path::PathBuf;

use revacnn_schemas::ImageIndex;
use revacnn_test_support::files;
use revacnn_trainer::data::load;

use crate::support::{Scratch, TRAIN};

/// Digits of which each twentieth that is trained on has another label, as a person's own files; the
/// images that were changed.
pub(crate) fn mislabelled(scratch: &Scratch) -> Vec<u32> {
    let digits = load("digits", None).expect("digits");
    let mut changed = Vec::new();
    fs::create_dir(scratch.path("own")).expect("a folder");
    for (file, part, changes) in [("train.csv", digits.train(), true), ("test.csv", digits.test(), false)] {
        let mut rows = String::from("label");
        (0..64).for_each(|pixel| rows += &format!(",pixel{pixel}"));
        for image in 0..part.len() {
            let index = ImageIndex(image);
            let label = part.label(index).expect("a label");
            // Those held out, the tenth of ten, are not trained on.
            let is_changed = changes && image % 20 == 3;
            let label = if is_changed { (label + 1 + (image % 9) as u8) % 10 } else { label };
            changed.extend(is_changed.then_some(image));
            let pixels: Vec<String> = part.image(index).expect("an image").iter().map(ToString::to_string).collect();
            rows += &format!("\n{label},{}", pixels.join(","));
        }
        fs::write(scratch.path(format!("own/{file}")), rows).expect("a file");
    }
    changed
}

/// A network that learns digits.
pub(crate) const TWO: &str = "
[[layer]]
kind = \"conv\"
filters = 12
kernel = 3
pad = 1
activation = \"relu\"
[[layer]]
kind = \"pool\"
kernel = 2
[[layer]]
kind = \"conv\"
filters = 16
kernel = 3
pad = 1
activation = \"relu\"
[[layer]]
kind = \"softmax\"
";

#[test]
fn labels_that_are_wrong_are_found_by_what_the_network_says_against_them() {
    let scratch = Scratch::new();
    let changed = mislabelled(&scratch);
    fs::write(scratch.path("two.toml"), TWO).expect("a file");
    scratch.run(0, "train main --dataset ./own --network two.toml --batch-size 16 --epochs 8");
    let count = changed.len();
    let found = scratch.run(0, &format!("samples main --by mislabelled --count {count} --json")).json();
    let rows = found["table"]["rows"].as_array().or_else(|| found["rows"].as_array()).expect("rows").clone();
    let images: Vec<u32> = rows.iter().map(|row| row[0].as_u64().expect("a number") as u32).collect();
    let hits = images.iter().filter(|image| changed.contains(image)).count();
    println!("{hits} of {count} labels that were changed are among the first {count} of {}", found["title"]);
    assert!(10 * hits >= 8 * count, "{hits} of {count}");
}

#[test]
fn what_came_of_each_image_is_told_drawn_and_queried() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --epochs 2"));
    let told = scratch.run(0, "samples main --by hardest --count 5").out;
    assert!(told.contains("mean loss") && told.contains("the 5 hardest of "), "{told}");
    for by in ["hardest", "forgotten", "never-learned", "mislabelled"] {
        let drawn = scratch.run(0, &format!("samples main --by {by} -o {by}.svg"));
        assert!(drawn.out.contains("images"), "{drawn:?}");
        assert!(fs::metadata(scratch.path(format!("{by}.svg"))).expect("a picture").len() > 1000, "{by}");
    }
    let of_class = scratch.run(0, "samples main --class 7 --json").json().to_string();
    assert!(of_class.contains("of class 7"), "{of_class}");
    for (arguments, code, says) in [
        ("samples main --class seven", 2, "there is no class `seven`: there is 0, 1"),
        ("samples main --by worst", 2, "expected hardest, forgotten, never-learned, mislabelled"),
        ("samples main --count 5000", 2, "--count must be at most 1000, found 5000"),
        ("samples main@0", 1, "no update leads to it"),
        ("predictions main --split tests", 2, "expected train, validation, test"),
    ] {
        let refused = scratch.run(code, arguments);
        assert!(refused.err.contains(says), "{arguments}: {refused:?}");
    }

    let predictions = scratch.run(0, "predictions main@last --split test --count 4").out;
    assert!(predictions.contains("class 3") && predictions.contains("test images right"), "{predictions}");
    let wrong = scratch.run(0, "predictions main@last --wrong --count 3 -o wrong.png").out;
    assert!(wrong.contains("predicted wrong"), "{wrong}");
    // What is said there is what an evaluation counts.
    let evaluated = scratch.run(0, "evaluate main@last --json").json();
    let title = scratch.run(0, "predictions main@last --json").json().to_string();
    let share = 100.0 * evaluated["accuracy"].as_f64().expect("a share");
    assert!(title.contains(&format!("{share:.1} %")), "{title}");
    let [four, nine] = [4, 9].map(|class| evaluated["confusion"][class].clone());
    let cell = scratch.run(0, "predictions main@last --class 4 --predicted 9 --json").json().to_string();
    assert!(cell.contains(&format!("; {} of class 4, taken for 9", four[9])), "{cell} {nine}");

    // They are lines of a notebook as well.
    let lines = "train base --dataset digits --network small.toml --steps 8\nsamples base --count 6\n\
                 predictions base --count 6 --wrong\nplot patches base --layer conv1 --count 3\n";
    fs::write(scratch.path("n.md"), format!("```revacnn\n{lines}```\n")).expect("a file");
    scratch.run(0, "notebook run n.md --yes");
    scratch.run(0, "notebook export n.md -o n.html");
    let page = fs::read_to_string(scratch.path("n.html")).expect("a page");
    assert!(page.contains("predicted wrong") && page.contains("hardest"), "no figures in the page");
}

/// A patch is what the filter sees of the image, and its value that of the image's map.
#[test]
fn patches_are_of_the_images_that_excite_a_filter_most() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 30"));
    let plot = "plot patches main@30 --layer conv1 --filter 2 --split train --count 3 --json";
    let patches = scratch.run(0, &format!("{plot} -o patches.svg")).json();
    let row = &patches["rows"][0];
    let label = row["label"].as_str().expect("a label");
    let value: f64 = label.split_whitespace().last().expect("a number").parse().expect("a number");
    let image = row["images"][0]["label"].as_str().expect("an image");
    assert_eq!((&row["images"][0]["rows"], &row["images"][0]["columns"]), (&3.into(), &3.into()), "{row}");
    let maps = scratch.run(0, &format!("plot activations main@30 --layer conv1 --image {image} --json -o maps.svg"));
    let pixels = maps.json()["rows"][0]["images"][2]["pixels"].as_array().expect("pixels").clone();
    let largest = pixels.iter().filter_map(serde_json::Value::as_f64).fold(f64::NEG_INFINITY, f64::max);
    assert!((largest - value).abs() < 0.01 * value.abs().max(1.0), "{largest} for {label}");
    let whole = scratch.run(0, &format!("{plot} --whole -o whole.svg")).json();
    assert_eq!(whole["rows"][0]["images"][0]["rows"], 8);
    for (arguments, code, says) in [
        ("plot patches main -o a.svg", 2, "expected --layer with one of conv1"),
        ("plot patches main --layer pool1 -o a.svg", 1, "has no layer `pool1`"),
        ("plot patches main --layer conv1 --filter 99 -o a.svg", 1, "has no filter 99: there is 0, 1"),
        ("plot patches main --layer conv1 --count 1000 -o a.svg", 2, "--count must be at most 100"),
    ] {
        let refused = scratch.run(code, arguments);
        assert!(refused.err.contains(says), "{arguments}: {refused:?}");
    }
}

#[test]
fn where_a_network_looks_is_drawn_for_any_image_and_class() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 30"));
    let seen = scratch.run(0, "plot saliency main@30 --image 17 --class 4 --json -o seen.svg").json();
    let pictures = seen["pictures"].as_array().expect("pictures");
    let labels: Vec<&str> =
        pictures.iter().map(|picture| picture["captions"][0]["text"].as_str().expect("a name")).collect();
    assert_eq!(labels, ["image 17", "gradient", "guided", "occlusion", "Grad-CAM"]);
    assert!(seen["title"].as_str().is_some_and(|title| title.contains("image 17 (") && title.contains("for 4: ")));
    let of_test = scratch.run(0, "plot saliency main@20 --image 3 --split test -o test.png").out;
    assert!(of_test.contains("what main@20 sees in image 3"), "{of_test}");
    for (arguments, code, says) in [
        ("plot saliency main --class ten -o a.svg", 2, "there is no class `ten`"),
        ("plot saliency main --image 99999 -o a.svg", 1, "99999"),
    ] {
        let refused = scratch.run(code, arguments);
        assert!(refused.err.contains(says), "{arguments}: {refused:?}");
    }
}

#[cfg(feature = "sql")]
#[test]
fn sql_sees_a_row_for_each_image_of_each_batch() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 7"));
    let mut fork = scratch.command("fork main@5 wider --steps +2");
    assert!(fork.args(["--edit", "add-filter conv1"]).output().expect("it starts").status.success());
    let rows = |sql: &str| {
        let mut command = scratch.command("query --json");
        let output = command.arg(sql).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let counted = rows("SELECT branch, COUNT(*) AS n, MAX(step) AS last FROM samples GROUP BY branch ORDER BY branch");
    let first = counted.lines().next().expect("a row");
    assert!(first.contains("\"main\"") && first.contains("\"last\":7"), "{counted}");
    let loss = rows("SELECT step, AVG(loss) AS loss FROM samples WHERE branch = 'main' AND step = 6 GROUP BY step");
    let recorded = rows("SELECT step, loss FROM steps WHERE branch = 'main' AND step = 6");
    let number = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text.lines().next().expect("a row")).expect("JSON");
        value["loss"].as_f64().expect("a number")
    };
    assert!((number(&loss) - number(&recorded)).abs() < 1e-5, "{loss} {recorded}");
    // Seven batches lead to step 7, whichever branches hold them: also that before the fork.
    scratch.run(0, "fork wider@5 third --steps +2");
    let counts = rows("SELECT COUNT(*) AS n FROM samples GROUP BY branch ORDER BY branch");
    let seen = rows("SELECT SUM(batch_images) AS n FROM steps WHERE branch = 'main'");
    assert_eq!(counts, seen.repeat(3));
    let before = |branch: &str| {
        let sql = format!("SELECT image, loss, recorded_in FROM samples WHERE branch = '{branch}' AND step = 5");
        rows(&sql)
    };
    assert!(before("main").contains("main"), "{}", before("main"));
    for branch in ["wider", "third"] {
        assert_eq!(before(branch), before("main"));
        let title = |address: &str| scratch.run(0, &format!("samples {address} --json")).json()["title"].to_string();
        assert_eq!(title(&format!("{branch}@7")), title("main@7").replace("main", branch));
    }
}

/// Without keyframes nothing that a thin pack leaves out is computed again.
#[test]
fn a_branch_whose_keyframes_are_lost_is_not_packed() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 7"));
    let is_one = |path: &PathBuf| path.components().any(|name| name.as_os_str() == "keyframes");
    let all: Vec<PathBuf> = files(&scratch.path("runs")).into_iter().filter(is_one).collect();
    assert!(!all.is_empty());
    all.iter().for_each(|path| fs::remove_file(path).expect("a file"));
    for arguments in ["pack main -o more.tar", "pack main --thin -o more.tar"] {
        let refused = scratch.run(1, arguments);
        assert!(refused.err.contains("keyframes") && !scratch.path("more.tar").exists(), "{refused:?}");
    }
}

/// Without a word, `@best` was another step.
#[test]
fn a_validation_that_is_lost_is_told() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 7 --validate-every 3"));
    scratch.run(0, "log");
    let is_one = |path: &PathBuf| path.components().any(|name| name.as_os_str() == "validation");
    let all: Vec<PathBuf> = files(&scratch.path("runs")).into_iter().filter(is_one).collect();
    assert!(!all.is_empty());
    all.iter().for_each(|path| fs::remove_file(path).expect("a file"));
    let told = scratch.run(1, "log");
    assert!(told.out.contains("validation") || told.err.contains("validation"), "{told:?}");
}

/// As one whose weights are; and one of which a byte is another.
#[test]
fn a_branch_whose_samples_are_lost_or_damaged_is_not_packed() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 7"));
    scratch.run(0, "fork main@7 more --steps +2");
    let is_one = |path: &PathBuf| path.components().any(|name| name.as_os_str() == "samples");
    let all: Vec<PathBuf> = files(&scratch.path("runs")).into_iter().filter(is_one).collect();
    assert_eq!(all.len(), 2, "{all:?}");
    for path in &all {
        let bytes = fs::read(path).expect("a file");
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 4] ^= 1;
        for other in [None, Some(&damaged)] {
            fs::remove_file(path).expect("a file");
            if let Some(damaged) = other {
                fs::write(path, damaged).expect("a file");
            }
            for arguments in ["pack more -o more.tar", "pack more --thin -o more.tar"] {
                let refused = scratch.run(1, arguments);
                assert!(refused.err.contains("samples") && !scratch.path("more.tar").exists(), "{refused:?}");
            }
            fs::write(path, &bytes).expect("a file");
        }
    }
    scratch.run(0, "pack more -o more.tar");
}
