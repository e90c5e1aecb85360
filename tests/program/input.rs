//! Files and folders that a person names: what they may be, and that they are
//! found.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Ran, Scratch, TRAIN};

/// A run of colour images: conv1 reads three channels through 5×5.
const COLOUR: &str = "train --dataset cifar10 --data data --network colour.toml --steps 3 --json";

const NETWORK: &str = "
[[layer]]
kind = \"conv\"
filters = 2
kernel = 5
[[layer]]
kind = \"pool\"
kernel = 4
[[layer]]
kind = \"fully-connected\"
units = 3
[[layer]]
kind = \"batchnorm\"
[[layer]]
kind = \"softmax\"
";

/// Files of CIFAR-10's format with labels 0 to 9 in an order that every tenth
/// image has some of, or in turn.
pub(super) fn write_data(folder: &Path, seed: usize, in_turn: bool) {
    const RECORD: usize = 1 + 3 * 32 * 32;
    fs::create_dir_all(folder).expect("a folder");
    for (name, images) in [("data_batch_1.bin", 60), ("test_batch.bin", 20)] {
        let mut bytes = Vec::with_capacity(images * RECORD);
        for image in 0..images {
            let label = if in_turn { image } else { image + image / 10 };
            bytes.push((label % 10) as u8);
            bytes.extend((1..RECORD).map(|byte| ((byte * (image + seed)) % 251) as u8));
        }
        fs::write(folder.join(name), bytes).expect("a batch");
    }
}

fn colour() -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.path("colour.toml"), NETWORK).expect("a network");
    write_data(&scratch.path("data/cifar-10-batches-bin"), 3, false);
    scratch.run(0, COLOUR);
    scratch
}

/// An array as `numpy.save` writes it.
fn array(descriptor: &str, shape: &str, values: impl Iterator<Item = f32>) -> Vec<u8> {
    let header = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    match descriptor {
        ">f4" => bytes.extend(values.flat_map(f32::to_be_bytes)),
        _ => bytes.extend(values.flat_map(f32::to_le_bytes)),
    }
    bytes
}

fn set_weights(scratch: &Scratch, file: &str, name: &str) -> Ran {
    let mut command = scratch.command(&format!("fork main@2 --name {name} --edit"));
    command.arg(format!("set-weights conv1/0 {file}"));
    Ran::of(command.output().expect("the program starts"))
}

/// An image's own order, rows and columns before channels, was taken for that
/// of a filter, and every coefficient came to another place.
#[test]
fn coefficients_with_their_axes_in_another_order_are_refused() {
    let scratch = colour();
    let numbers = || (0..75).map(|value| value as f32);
    for (shape, says) in [
        ("(5, 5, 3)", "conv1/0 has [3][5][5] = 75 coefficients (input, row, column), found [5][5][3]"),
        ("(15, 5)", "found [15][5]: bring the axes into this order"),
        ("(3, 25)", "found [3][25]"),
    ] {
        fs::write(scratch.path("w.npy"), array("<f4", shape, numbers())).expect("a file");
        let ran = set_weights(&scratch, "w.npy", "wrong");
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(says), "{shape}: `{says}` is not in {}", ran.err);
    }
    fs::write(scratch.path("w.npy"), array("<f4", "(5, 5, 4)", (0..100).map(|value| value as f32))).expect("a file");
    let ran = set_weights(&scratch, "w.npy", "wrong");
    assert!(ran.err.contains("75 coefficients, found 100 in [5][5][4]"), "{ran:?}");
    fs::write(scratch.path("w.npy"), array("<f4", "(0, 5, 5)", std::iter::empty())).expect("a file");
    let ran = set_weights(&scratch, "w.npy", "wrong");
    assert!(ran.err.contains("75 coefficients, found 0 in [0][5][5]"), "{ran:?}");
    // The filter's own order, one with an axis of one filter, and the log's.
    let expected: Vec<f32> = numbers().collect();
    for (place, (descriptor, shape)) in
        [("<f4", "(3, 5, 5)"), (">f4", "(1, 3, 5, 5)"), ("<f4", "(75,)")].into_iter().enumerate()
    {
        fs::write(scratch.path("w.npy"), array(descriptor, shape, numbers())).expect("a file");
        let ran = set_weights(&scratch, "w.npy", &format!("right{place}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let shown = scratch.run(0, &format!("show right{place} --layer conv1 --filter 0 --json")).json();
        assert_eq!(shown["layers"][0]["filters"][0]["weights"], serde_json::json!(expected), "{shape}");
        let edits = fs::read_to_string(branch_file(&scratch, &format!("right{place}"))).expect("branch.json");
        assert!(!edits.contains("\"shape\""), "the fork keeps the coefficients alone: {edits}");
    }
}

/// A file whose name has a blank or a `=` could not be given.
#[test]
fn a_file_of_coefficients_is_quoted_as_in_a_shell() {
    let scratch = colour();
    for (place, (file, word)) in
        [("my files", "'my files/w.npy'"), ("my files", "\"my files/w.npy\""), ("lr=0.1", "lr=0.1/w.npy")]
            .into_iter()
            .enumerate()
    {
        fs::create_dir_all(scratch.path(file)).expect("a folder");
        let values = (0..75).map(|value| value as f32);
        fs::write(scratch.path(file).join("w.npy"), array("<f4", "(3, 5, 5)", values)).expect("a file");
        let ran = set_weights(&scratch, word, &format!("quoted{place}"));
        assert_eq!(ran.code, Some(0), "{word}: {ran:?}");
    }
}

fn branch_file(scratch: &Scratch, name: &str) -> std::path::PathBuf {
    let branches = fs::read_dir(scratch.path("runs/branches")).expect("branches");
    let files = branches.map(|entry| entry.expect("a branch").path().join("branch.json"));
    let wanted = format!("\"name\": \"{name}\"");
    files.into_iter().find(|file| fs::read_to_string(file).expect("branch.json").contains(&wanted)).expect("the branch")
}

/// Both waited for ever, or read until memory ended.
#[cfg(unix)]
#[test]
fn pipes_devices_and_endless_files_are_refused_at_once() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 2"));
    let made = std::process::Command::new("mkfifo").arg(scratch.path("pipe")).status().expect("mkfifo starts");
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", scratch.path("link.npy")).expect("a link");
    let long = fs::File::create(scratch.path("long")).expect("a file");
    long.set_len(1 << 40).expect("a sparse file");
    let edit =
        |file: &str| vec!["fork".to_owned(), "main".into(), "--edit".into(), format!("set-weights conv1/0 {file}")];
    let network =
        |file: &str| ["train", "--dataset", "digits", "--branch", "new", "--network", file].map(str::to_owned).to_vec();
    let data = |folder: &str| ["data", "check", folder].map(str::to_owned).to_vec();
    for name in ["data_batch_1.bin", "test_batch.bin"] {
        fs::create_dir_all(scratch.path("pipes")).expect("a folder");
        let made = std::process::Command::new("mkfifo").arg(scratch.path(format!("pipes/{name}"))).status();
        assert!(made.expect("mkfifo starts").success());
    }
    write_data(&scratch.path("names"), 0, false);
    std::os::unix::fs::symlink("/dev/zero", scratch.path("names/batches.meta.txt")).expect("a link");
    for (arguments, says) in [
        (
            edit("pipe"),
            "cannot read pipe: expected an array that numpy.save wrote in a plain file, found neither a file",
        ),
        (edit("/dev/zero"), "/dev/zero"),
        (edit("link.npy"), "cannot read link.npy"),
        (edit("long"), "of at most 16777216 bytes, found 1099511627776 bytes"),
        (edit("."), "found a folder"),
        (network("./pipe"), "cannot read ./pipe: expected a network in TOML in a plain file"),
        (network("pipe"), "cannot read pipe"),
        (network("/dev/zero"), "cannot read /dev/zero"),
        (network("./long"), "of at most 1048576 bytes"),
        (data("pipes/"), "data_batch_1.bin: expected a file of CIFAR-10 records, found neither a file"),
        (data("names/"), "batches.meta.txt: expected a text file, found neither a file"),
    ] {
        let mut command = scratch.command("");
        let mut child =
            command.args(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let started = Instant::now();
        while child.try_wait().expect("a process").is_none() {
            if started.elapsed() > Duration::from_secs(60) {
                child.kill().expect("a process");
                panic!("{arguments:?} did not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let ran = Ran::of(child.wait_with_output().expect("its output"));
        assert!(ran.code.is_some_and(|code| code == 1 || code == 2), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(says), "{arguments:?}: `{says}` is not in {}", ran.err);
    }
}

/// After a move, only the very folder that was named at first would do.
#[test]
fn a_data_set_that_was_moved_is_found_wherever_one_points() {
    let scratch = colour();
    let moved = scratch.path("elsewhere/mine/cifar-10-batches-bin");
    fs::create_dir_all(moved.parent().expect("a parent")).expect("folders");
    fs::rename(scratch.path("data/cifar-10-batches-bin"), &moved).expect("a move");
    write_data(&scratch.path("elsewhere/another"), 8, false);
    let ran = scratch.run(1, "evaluate main");
    for part in ["trained on data set cifar10 with digest", "data (a folder)", "found no data set", "--data DIR"] {
        assert!(ran.err.contains(part), "`{part}` is not in {}", ran.err);
    }
    let expected = scratch.run(0, "evaluate main --json --data elsewhere").out;
    for place in ["elsewhere/mine", "elsewhere/mine/cifar-10-batches-bin", "elsewhere/mine/../mine/"] {
        assert_eq!(scratch.run(0, &format!("evaluate main --json --data {place}")).out, expected, "{place}");
        scratch.run(0, &format!("verify main --data {place}"));
    }
    let mut by_variable = scratch.command("evaluate main --json");
    by_variable.env("REVACNN_DATA", scratch.path("elsewhere"));
    assert_eq!(Ran::of(by_variable.output().expect("the program starts")).out, expected);
    let ran = scratch.run(1, "evaluate main --data elsewhere/another");
    assert!(ran.err.contains("elsewhere/another") && ran.err.contains("with digest"), "{}", ran.err);
    assert!(ran.err.contains("(60 and 20 images)"), "{}", ran.err);
    // What resume and fork were told is remembered.
    scratch.run(0, "fork main@2 --name child --data elsewhere --steps +1");
    assert_eq!(scratch.run(0, "evaluate main --json").out, expected);
    scratch.run(0, "resume main --steps +1");
    // A new run may be pointed at the inner folder, too.
    for (branch, place) in [("inner", "elsewhere/mine/cifar-10-batches-bin"), ("outer", "elsewhere/mine")] {
        scratch.run(0, &format!("{} --branch {branch} --data {place}", COLOUR.replace(" --data data", "")));
    }
    // A folder of one's own, given by its path.
    let own = COLOUR.replace("cifar10 --data data", "./elsewhere/another");
    scratch.run(0, &format!("{own} --branch own"));
    fs::rename(scratch.path("elsewhere/another"), scratch.path("other name")).expect("a move");
    let ran = scratch.run(1, "verify own");
    assert!(ran.err.contains("another (nothing there)"), "{}", ran.err);
    for place in [scratch.path(""), scratch.path("other name")] {
        let mut verify = scratch.command("verify own --data");
        let ran = Ran::of(verify.arg(place).output().expect("the program starts"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

/// Labels in turn: every tenth image is of one class, validation was 0.0 %,
/// and nobody said a word.
#[test]
fn a_hold_out_of_a_single_class_is_told() {
    let scratch = colour();
    let says = "the images held out for validation (every 10th) do not stand for those that train: 1 of 10 classes";
    write_data(&scratch.path("turn"), 3, true);
    let train = "train --dataset ./turn --branch turn --network colour.toml --steps 3";
    let ran = scratch.run(0, train);
    assert!(ran.err.contains(&format!("warning: {says}")), "{ran:?}");
    let ran = scratch.run(0, "train --dataset ./turn --branch turn2 --network colour.toml --steps 3 --json");
    let warning = ran.out.lines().find(|line| line.contains("\"warning\"")).expect("a warning");
    assert!(warning.contains(says), "{warning}");
    assert!(scratch.run(0, "data check ./turn").out.contains(&format!("warning: {says}")));
    let checked = scratch.run(0, "data check ./turn --json").json();
    assert!(checked["warnings"][0].as_str().is_some_and(|warning| warning.contains(says)), "{checked}");
    let checked = scratch.run(0, "data check shapes digits");
    assert!(!checked.out.contains("warning"), "{checked:?}");
    // Its parts were written alike, and only that is told.
    let checked = scratch.run(0, "data check data/cifar-10-batches-bin");
    let warnings: Vec<&str> = checked.out.lines().filter(|line| line.contains("warning")).collect();
    assert!(!warnings.is_empty() && warnings.iter().all(|line| line.contains("images, too, such as")), "{checked:?}");
}

/// One image, one pixel: the value equals its mean, the gradient is 0.
#[test]
fn normalising_single_values_is_refused_or_told_beforehand() {
    let scratch = colour();
    let says = "layer batchnorm1 would normalise a single value a channel";
    for (code, arguments) in [
        (1, "train --dataset digits --network colour.toml --branch refused --batch-size 1 --steps 3"),
        (1, "train --dataset digits --network colour.toml --no-record --batch-size 1 --steps 3"),
    ] {
        let ran = scratch.run(code, arguments);
        assert!(ran.err.contains(says), "{ran:?}");
    }
    let edit = |edit: &str, rest: &str| {
        let mut command = scratch.command(&format!("fork main@2 {rest} --edit"));
        Ran::of(command.arg(edit).output().expect("the program starts"))
    };
    let ran = edit("set batch-size 1", "--name refused");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains(says), "{ran:?}");
    // 54 images train; the last batch of 53 is one.
    let ran = edit("set batch-size 53", "--name rest --steps +1");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("warning: the last batch of each epoch has a single image (54 images"), "{ran:?}");
    assert!(!scratch.run(0, "log").out.contains("refused"));
    // A normalisation of larger maps has more values than one.
    let network = NETWORK.replace("units = 3", "units = 3\nactivation = \"relu\"");
    let larger = network.replacen(
        "[[layer]]\nkind = \"pool\"",
        "[[layer]]\nkind = \"batchnorm\"\n[[layer]]\nkind = \"pool\"",
        1,
    );
    let (first, _) = larger.split_at(larger.find("[[layer]]\nkind = \"fully").expect("a layer"));
    fs::write(scratch.path("larger.toml"), format!("{first}[[layer]]\nkind = \"softmax\"\n")).expect("a network");
    scratch.run(0, "train --dataset digits --network larger.toml --branch larger --batch-size 1 --steps 3");
}
