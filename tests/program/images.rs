//! Forks that train on other images: wrong labels are found, dropped or put right, and trained without.

use std::fs;

use serde_json::Value;

use crate::samples::{TWO, mislabelled};
use crate::support::{Ran, Scratch, TRAIN};

/// Runs `fork` with edits, whose words have blanks.
#[track_caller]
fn fork(scratch: &Scratch, code: i32, arguments: &str, edits: &[&str]) -> Ran {
    let mut command = scratch.command(&format!("fork {arguments}"));
    for edit in edits {
        command.args(["--edit", edit]);
    }
    let ran = Ran::of(command.output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "{edits:?}: {ran:?}");
    ran
}

fn accuracy(scratch: &Scratch, address: &str) -> f64 {
    scratch.run(0, &format!("evaluate {address} --split test --json")).json()["accuracy"].as_f64().expect("a share")
}

#[test]
fn labels_that_are_wrong_are_found_dropped_and_put_right_in_forks() {
    let scratch = Scratch::new();
    let changed = mislabelled(&scratch);
    fs::write(scratch.path("two.toml"), TWO).expect("a file");
    scratch.run(0, "train main --dataset ./own --network two.toml --batch-size 16 --epochs 8");
    let count = changed.len();
    // What `samples` writes is what `drop-images` reads.
    let found = scratch.run(0, &format!("samples main --by mislabelled --count {count} --json"));
    fs::write(scratch.path("suspects.json"), &found.out).expect("a file");
    let dry = fork(&scratch, 0, "main@200 --dry-run", &["drop-images suspects.json"]);
    let dropped = format!("{count} images dropped; an epoch has ");
    assert!(dry.out.contains(&dropped), "{dry:?}");
    let told = fork(&scratch, 0, "main@200 clean --epochs 6 --json", &["drop-images suspects.json"]);
    assert!(told.out.contains(&format!("drop-images {count} images")), "{told:?}");
    fs::remove_file(scratch.path("suspects.json")).expect("a file");

    // The store has all of it: it is verified, shown, and made again from its history.
    scratch.run(0, "verify clean");
    let log = scratch.run(0, "log").out;
    assert!(log.contains(&format!("drop-images {count} images")), "{log}");
    let differs = scratch.run(0, "diff main clean").out;
    assert!(differs.contains(&format!(": drop-images {count} images")), "{differs}");
    let other = scratch.run(1, "train clean --dataset ./own --network two.toml --batch-size 16 --steps 999 --seed 5");
    assert!(other.err.contains("seed: 0 → 5") && !other.err.contains("dropped images"), "{other:?}");
    let history = scratch.run(0, "samples clean --count 1000 --json").out;
    let rows = |text: &str| -> Vec<(u32, u64)> {
        let table: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        let rows = table["table"]["rows"].as_array().or(table["rows"].as_array()).expect("rows").clone();
        let number = |row: &Value, at: usize| row[at].as_u64().expect("a number");
        rows.iter().map(|row| (number(row, 0) as u32, number(row, 2))).collect()
    };
    let suspects: Vec<u32> = rows(&found.out).into_iter().map(|(image, _)| image).collect();
    let (mut fewest, mut most) = (u64::MAX, 0);
    for (image, seen) in rows(&history) {
        let is_dropped = suspects.contains(&image);
        (fewest, most) =
            (if is_dropped { fewest } else { fewest.min(seen) }, if is_dropped { most.max(seen) } else { most });
    }
    assert!(fewest > most, "a dropped image was seen {most} times at most, another {fewest} times at least");

    // Right labels from a table; what was put right is no longer suspected, and the test part gains.
    let digits = revacnn_trainer::data::load("digits", None).expect("digits");
    let mut table = String::from("image,class\n");
    for image in &changed {
        let label = digits.train().label(revacnn_schemas::ImageIndex(*image)).expect("a label");
        table += &format!("{image},{label}\n");
    }
    fs::write(scratch.path("right.csv"), table).expect("a file");
    fork(&scratch, 0, "main@200 right --epochs 8", &["relabel right.csv"]);
    fork(&scratch, 0, "main@200 wrong --epochs 8", &[]);
    scratch.run(0, "verify right");
    let [right, wrong] = ["right@last", "wrong@last"].map(|address| accuracy(&scratch, address));
    println!("test accuracy {wrong:.4} with {count} wrong labels, {right:.4} with right ones from step 200 on");
    assert!(right > wrong, "{right} {wrong}");
    let again = scratch.run(0, &format!("samples right --by mislabelled --count {count} --json"));
    let still = rows(&again.out).into_iter().filter(|(image, _)| changed.contains(image)).count();
    assert!(still < count / 3, "{still} of {count}");

    scratch.run(0, "notebook from runs -o history.md");
    let text = fs::read_to_string(scratch.path("history.md")).expect("a notebook");
    assert!(text.contains("drop-images ") && text.contains("relabel "), "{text}");
    let planned = scratch.run(0, "notebook plan history.md --json").json();
    assert_eq!(planned["steps"].as_u64().or(planned["steps_to_train"].as_u64()), Some(0), "{planned}");
}

#[test]
fn a_fork_on_other_images_goes_on_after_a_stop_and_in_a_notebook() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --batch-size 32 --steps 30"));
    let edits = ["drop-images 3-500,640", "relabel 700-720 4 2 class:9", "weight-images 800-900 0.5 901 3"];
    fork(&scratch, 0, "main@20 other --steps 29", &edits);
    scratch.run(0, "resume other --steps 60");
    fork(&scratch, 0, "main@20 whole --steps 60", &edits);
    let digest = |address: &str| scratch.run(0, &format!("show {address} --json")).json()["digest"].clone();
    assert_eq!(digest("other@60"), digest("whole@60"));
    scratch.run(0, "verify other");

    // A notebook names the images by a file, and its plan counts epochs as the training does.
    fs::write(scratch.path("out.csv"), "image\n640\n3-500\n").expect("a file");
    let lines = "train base --dataset digits --network small.toml --batch-size 32 --steps 20\n\
                 fork base@20 less --edit 'drop-images out.csv' --epochs 3\n\
                 fork less@epoch:2 later --edit 'drop-images 501-600' --epochs 4\n";
    fs::write(scratch.path("n.md"), format!("```revacnn\n{lines}```\n")).expect("a file");
    scratch.run(0, "notebook check n.md");
    scratch.run(0, "notebook run n.md --yes --store made");
    let last = scratch.run(0, "show later@last --json --store made").json();
    let end = scratch.run(0, "show later@epoch:4 --json --store made").json();
    assert_eq!(last["step"], end["step"]);
    let again = scratch.run(0, "notebook run n.md --yes --json --store made").json();
    assert_eq!(again["steps_trained"], 0, "{again}");
    // The same images in other words are the same training.
    fs::write(scratch.path("out.csv"), "3-400\n401-500,640\n").expect("a file");
    let again = scratch.run(0, "notebook run n.md --yes --json --store made").json();
    assert_eq!(again["steps_trained"], 0, "{again}");
    fs::write(scratch.path("out.csv"), "9\n").expect("a file");
    let refused = scratch.run(2, "notebook check n.md");
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("image 9 is held out for validation"), "{said}");
}

#[test]
fn what_is_wrong_with_a_list_of_images_is_said() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 4"));
    fs::write(scratch.path("bad.csv"), "image,class\n3,1\n4,x y\nfive,2\n").expect("a file");
    fs::write(scratch.path("twice.csv"), "3,1\n4,2\n3,2\n").expect("a file");
    fs::write(scratch.path("negative.csv"), "image,weight\n3,-0.5\n").expect("a file");
    fs::write(scratch.path("bytes.csv"), [0xff, 0xfe, 0]).expect("a file");
    fs::write(scratch.path("empty.csv"), "").expect("a file");
    for (code, edit, says) in [
        (2, "drop-images nowhere.csv", "cannot read nowhere.csv"),
        (2, "drop-images .", "found a folder"),
        (
            2,
            "drop-images bad.csv",
            "bad.csv: line 4: expected an image's number, or a range such as 100-200, found `five`",
        ),
        (2, "drop-images empty.csv", "empty.csv: it names no image"),
        (2, "drop-images bytes.csv", "text in UTF-8"),
        (2, "relabel twice.csv", "twice.csv: line 3: expected one value for image 3, found `2`, where line 1 has `1`"),
        (2, "weight-images negative.csv", "line 2: expected a finite number of at least 0, found `-0.5`"),
        (2, "drop-images 3-", "`3-` is not a valid list of training images"),
        (2, "relabel 3", "the class of images 3 is missing"),
        (1, "drop-images 9", "image 9 is held out for validation"),
        (1, "drop-images 99999", "there is no image 99999: the data set's training part has images 0 to"),
        (1, "drop-images 0-4294967295", "there is no image 4294967295"),
        (1, "relabel 3 cat", "there is no class `cat`: there is 0, 1, 2"),
        (1, "weight-images 3 1", "the weight of each image is what is given already"),
    ] {
        let refused = fork(&scratch, code, "main@2", &[edit]);
        assert!(refused.err.contains(says), "{edit}: {refused:?}");
    }
    let refused = fork(&scratch, 1, "main@2", &["drop-images 3", "relabel 3 0"]);
    assert!(refused.err.contains("image 3 is dropped"), "{refused:?}");
    assert_eq!(fs::read_dir(scratch.path("runs/branches")).expect("branches").count(), 1, "nothing is made");
}

/// An epoch of a fork that drops images, or has another batch, ends elsewhere than one of a run of its own.
#[test]
fn epochs_of_a_fork_that_is_trained_on_are_its_own() {
    let scratch = Scratch::new();
    let network = "[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n";
    std::fs::write(scratch.path("small.toml"), network).expect("a network");
    scratch.run(0, "train main --dataset digits --batch-size 64 --epochs 1 --network small.toml");
    fork(&scratch, 0, "main@last fewer", &["drop-images 0-700"]);
    fork(&scratch, 0, "main@last finer", &["set batch-size 13"]);
    for name in ["fewer", "finer"] {
        scratch.run(0, &format!("train {name} --epochs 2"));
        let shown = scratch.run(0, &format!("show {name}@last")).out;
        assert!(shown.contains("epoch 2 done"), "{shown}");
        // Asked again, there is nothing to do.
        scratch.run(0, &format!("train {name} --epochs 2"));
        assert_eq!(scratch.run(0, &format!("show {name}@last")).out, shown);
    }
    fork(&scratch, 0, "fewer@last on --steps +3", &[]);
    let shown = scratch.run(0, "show on@last").out;
    assert!(shown.contains("epoch 3, up to place ") && shown.contains(" of its order"), "{shown}");
    // What is dropped is not suspected again.
    let told = scratch.run(0, "samples fewer --count 1000 --table").out;
    assert!(told.contains("images that an edit has dropped are left out"), "{told}");
}

#[test]
fn an_autoencoder_has_no_use_for_labels() {
    let scratch = Scratch::new();
    scratch.run(0, "train main --dataset digits --network autoencoder --steps 4");
    let refused = fork(&scratch, 1, "main@4 other", &["relabel 3 4"]).err;
    assert!(refused.contains("gives back the image and predicts no class"), "{refused}");
    fork(&scratch, 0, "main@4 other --steps +2", &["drop-images 3"]);
    scratch.run(0, "export other@last --as torch -o net.py");
    let script = std::fs::read_to_string(scratch.path("net.py")).expect("a script");
    assert!(script.contains("the images\nagain") && !script.contains("CLASSES"), "{script}");
}
