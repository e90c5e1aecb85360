//! Networks that go out in other programs' formats, are read there, and come in again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

/// What ConvNetJS has a form for.
const PLAIN: &str = "
[[layer]]
kind = \"conv\"
filters = 4
kernel = 3
activation = \"relu\"
[[layer]]
kind = \"pool\"
kernel = 2
[[layer]]
kind = \"fully-connected\"
units = 6
activation = \"tanh\"
[[layer]]
kind = \"softmax\"
";

/// A network with skips.
const JOINED: &str = "
[[layer]]
kind = \"conv\"
filters = 3
kernel = 3
pad = 1
activation = \"relu\"
[[layer]]
kind = \"conv\"
filters = 3
kernel = 3
pad = 1
[[layer]]
kind = \"add\"
reads = [\"conv2\", \"conv1\"]
[[layer]]
kind = \"activation\"
function = \"relu\"
[[layer]]
kind = \"concat\"
reads = [\"activation1\", \"conv2\"]
[[layer]]
kind = \"pool\"
kernel = 2
[[layer]]
kind = \"softmax\"
";

/// Kinds of layers that PyTorch and ONNX have under other names.
const KINDS: &str = "
[[layer]]
kind = \"conv\"
filters = 6
kernel = [2, 3]
stride = [1, 2]
pad = [1, 0, 2, 1]
activation = \"leaky-relu\"
[[layer]]
kind = \"local-response-norm\"
size = 3
alpha = 0.5
[[layer]]
kind = \"conv\"
filters = 6
kernel = 3
pad = 2
dilation = 2
groups = 3
activation = \"sigmoid\"
[[layer]]
kind = \"global-average-pool\"
[[layer]]
kind = \"softmax\"
";

/// Maxout of maps and of units, which ConvNetJS has as well.
const PIECES: &str = "
[[layer]]
kind = \"conv\"
filters = 6
kernel = 3
[[layer]]
kind = \"maxout\"
pieces = 3
[[layer]]
kind = \"pool\"
kernel = 2
[[layer]]
kind = \"fully-connected\"
units = 10
[[layer]]
kind = \"maxout\"
[[layer]]
kind = \"softmax\"
";

/// Those that ONNX has no operator for.
const OTHERS: &str = "
[[layer]]
kind = \"conv\"
filters = 6
kernel = 3
activation = \"gelu\"
[[layer]]
kind = \"layernorm\"
[[layer]]
kind = \"fully-connected\"
units = 7
activation = \"none\"
[[layer]]
kind = \"layernorm\"
[[layer]]
kind = \"softmax\"
";

const PLAIN_TRAIN: &str = "train --dataset digits --network plain.toml --json";

fn digest(scratch: &Scratch, address: &str) -> Value {
    scratch.run(0, &format!("show {address} --json")).json()["digest"].clone()
}

#[test]
fn what_goes_out_comes_in_again_as_the_same_network() {
    let scratch = Scratch::new();
    fs::write(scratch.path("plain.toml"), PLAIN).expect("a file");
    for (branch, train, formats) in
        [("small", TRAIN, &["safetensors", "npz"][..]), ("plain", PLAIN_TRAIN, &["safetensors", "npz", "json"][..])]
    {
        // Step 7 has to be computed again.
        scratch.run(0, &format!("{train} --branch {branch} --steps 12 --fidelity keyframes"));
        let expected = digest(&scratch, &format!("{branch}@7"));
        for format in formats {
            let name = format!("{branch}.{format}");
            let told = scratch.run(0, &format!("export {branch}@7 -o {name} --json")).json();
            assert_eq!((&told["digest"], &told["recomputed"]), (&expected, &true.into()), "{told}");
            let bytes = fs::read(scratch.path(&name)).expect("a file");
            scratch.run(0, &format!("export {branch}@7 -o again.{format}"));
            assert!(bytes == fs::read(scratch.path(format!("again.{format}"))).expect("a file"), "{name}");

            // A new run, and a fork, of which the file is then gone.
            let (run, fork) = (format!("{branch}-{format}"), format!("{branch}-{format}-fork"));
            scratch.run(0, &format!("{train} --branch {run} --seed 5 --steps 2 --init {name}"));
            assert_eq!(digest(&scratch, &format!("{run}@0")), expected, "{name}");
            let mut command = scratch.command(&format!("fork {branch}@3 {fork} --steps +2"));
            command.arg("--edit").arg(format!("load-weights {name}"));
            assert!(command.output().expect("it starts").status.success());
            assert_eq!(digest(&scratch, &format!("{fork}@fork")), expected, "{name}");
            fs::remove_file(scratch.path(&name)).expect("a file");
            for branch in [run, fork] {
                let verified = scratch.run(0, &format!("verify {branch}"));
                assert!(verified.out.contains("its first step follows from"), "{verified:?}");
            }
        }
    }
    // A branch goes on as it is, and is another one where it begins otherwise.
    scratch.run(0, &format!("{PLAIN_TRAIN} --branch plain-npz --steps 4"));
    scratch.run(0, "export plain@9 -o other.npz");
    let refused = scratch.run(1, &format!("{PLAIN_TRAIN} --branch plain-npz --init other.npz --steps 5"));
    assert!(refused.json()["message"].to_string().contains("init: "), "{refused:?}");
}

#[test]
fn what_does_not_fit_is_told_at_once_and_nothing_is_made() {
    let scratch = Scratch::new();
    fs::write(scratch.path("plain.toml"), PLAIN).expect("a file");
    scratch.run(0, &format!("{TRAIN} --steps 2"));
    scratch.run(0, "export main -o my=net.npz --optimizer-state");
    let refused = scratch.run(1, "train other --dataset digits --network plain.toml --init my=net.npz");
    for part in ["fc1.weight: expected [6][36], found [8][64]", "the network has no place for batchnorm1"] {
        assert!(refused.err.contains(part), "{part}: {refused:?}");
    }
    scratch.run(1, "show other");
    let fork = |edit: &str, code: i32| {
        let mut command = scratch.command("fork main@1 --dry-run");
        let output = command.arg("--edit").arg(edit).output().expect("it starts");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = fork("load-weights my=net.npz layer=conv1", 0);
    assert!(told.contains("of an optimizer, or counters, left aside"), "{told}");
    assert!(fork("load-weights my=net.npz layer=pool1", 1).contains("pool1 is of kind pool and has no weights"));
    assert!(fork("load-weights nowhere.npz", 2).contains("nowhere.npz"));
    fs::write(scratch.path("model.pt"), b"\x80\x02}q\x00.").expect("a file");
    assert!(fork("load-weights model.pt", 2).contains("safetensors.torch.save_file"));
    for (arguments, says) in [
        ("export main -o net.bin", "expected a file that ends in .safetensors, .npz, .onnx, .json, .py, or --as"),
        ("export main -o net.onnx --optimizer-state", "safetensors and npz alone"),
        ("export main --as torch -o net.safetensors", "expected a script, such as net.py"),
    ] {
        let refused = scratch.run(2, arguments);
        assert!(refused.err.contains(says), "{arguments}: {refused:?}");
    }
    let refused = scratch.run(1, "export main -o net.json");
    assert!(refused.err.contains("ConvNetJS has no form for layer batchnorm1 (batchnorm)"), "{refused:?}");
}

#[test]
fn a_notebook_reads_arrays_below_its_own_folder() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 5"));
    fs::create_dir(scratch.path("my files")).expect("a folder");
    scratch.run(0, "export main@5 -o w.npz");
    fs::rename(scratch.path("w.npz"), scratch.path("my files/w=5.npz")).expect("a move");
    let lines = "train base --dataset digits --network small.toml --steps 4 --init 'my files/w=5.npz'\n\
                 train part --dataset digits --network small.toml --steps 4 --init 'my files/w=5.npz' --init-layers \
                 conv1,fc1\n\
                 fork base@2 back --steps +1 --edit 'load-weights \"my files/w=5.npz\" layer=conv1'\n";
    fs::write(scratch.path("n.md"), format!("```revacnn\n{lines}```\n")).expect("a file");
    scratch.run(0, "notebook run n.md --yes");
    assert_eq!(digest(&scratch, "base@0"), digest(&scratch, "main@5"));
    assert_ne!(digest(&scratch, "part@0"), digest(&scratch, "main@5"));
    let again = scratch.run(0, "notebook run n.md --yes --json").json();
    assert_eq!(again["steps_trained"], 0, "{again}");
    scratch.run(0, "notebook from runs -o history.md");
    let written = fs::read_to_string(scratch.path("history.md")).expect("a notebook");
    assert!(written.contains("it begins with arrays of digest"), "{written}");
    fs::write(scratch.path("n.md"), format!("```revacnn\n{}```\n", lines.replace("my files", "../my files")))
        .expect("a file");
    let refused = scratch.run(2, "notebook check n.md");
    assert!(refused.err.contains("below the notebook's folder") || refused.out.contains("below"), "{refused:?}");
}

/// A python that has all of these, or why a test is skipped.
fn python(modules: &str) -> Option<PathBuf> {
    let python = std::env::var_os("REVACNN_PYTHON").filter(|path| !path.is_empty());
    let Some(python) = python.map(PathBuf::from) else {
        println!("skipped: REVACNN_PYTHON names no python, in which {modules} would read what is written");
        return None;
    };
    let has_them = Command::new(&python).args(["-c", &format!("import {modules}")]).stderr(Stdio::null()).status();
    if !has_them.is_ok_and(|status| status.success()) {
        println!("skipped: {} lacks one of {modules}; `pip install` them there", python.display());
        return None;
    }
    Some(python)
}

/// An array of numpy.save.
fn npy(path: &Path, shape: &str, bytes: &[u8]) {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    fs::write(path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()).expect("a file");
}

/// Forty images of three channels that are not square, the probe among them.
fn images(scratch: &Scratch) -> String {
    let folder = scratch.path("images");
    fs::create_dir(&folder).expect("a folder");
    let pixels: Vec<u8> =
        (0..44_u32 * 3 * 10 * 9).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (train, test) = pixels.split_at(40 * 270);
    npy(&folder.join("x_train.npy"), "(40, 3, 10, 9)", train);
    npy(&folder.join("x_test.npy"), "(4, 3, 10, 9)", test);
    npy(&folder.join("y_train.npy"), "(40,)", &(0..40).map(|image| image % 4).collect::<Vec<u8>>());
    npy(&folder.join("y_test.npy"), "(4,)", &[0, 1, 2, 3]);
    "./images".to_owned()
}

/// The class probabilities of the probe image, as the log has them.
fn probabilities(scratch: &Scratch, address: &str) -> Vec<f64> {
    let shown = scratch.run(0, &format!("show {address} --json")).json();
    let class_layer = shown["layers"].as_array().and_then(|layers| layers.last()).expect("layers")["layer"].clone();
    let layer = class_layer.as_str().expect("a name");
    let shown = scratch.run(0, &format!("show {address} --layer {layer} --json")).json();
    let filters = shown["layers"][0]["filters"].as_array().expect("filters").clone();
    filters.iter().map(|filter| filter["maps"][0]["activation"][0].as_f64().expect("a number")).collect()
}

const CHECK: &str = r#"
import json, sys
import numpy
expected = numpy.array(json.loads(sys.argv[1]))
image = numpy.load("images/x_train.npy")[3:4].astype("float32") / 255 - 0.5
def far(found):
    return float(numpy.abs(numpy.asarray(found)[0] - expected).max())
"#;

const TORCH: &str = r#"
import torch, safetensors.torch
import net
model = net.load()
found = model(torch.from_numpy(image)).softmax(1).detach()
state = safetensors.torch.load_file("net.safetensors")
shapes = all(state[name].shape == value.shape for name, value in model.state_dict().items() if "tracked" not in name)
safetensors.torch.save_file(model.state_dict(), "back.safetensors")
print(json.dumps({"far": far(found), "shapes": shapes, "classes": net.CLASSES, "arrays": len(state)}))
"#;

const ONNX: &str = r#"
import onnx, onnxruntime
onnx.checker.check_model("net.onnx", full_check=True)
session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
both = session.run(None, {"images": numpy.concatenate([image, image])})[0]
about = json.loads({entry.key: entry.value for entry in onnx.load("net.onnx").metadata_props}["revacnn"])
print(json.dumps({"far": far(both[1:]), "classes": about["class_names"]}))
"#;

/// Trains on these images and gives what a python says of what was exported.
fn checked(scratch: &Scratch, python: &Path, network: &str, output: &str, script: &str) -> Value {
    let data = images(scratch);
    let train = format!("train --dataset {data} --network {network} --batch-size 9 --steps 12 --probe 3");
    scratch.run(0, &train);
    scratch.run(0, &format!("export main@11 {output}"));
    let expected = serde_json::to_string(&probabilities(scratch, "main@11")).expect("JSON");
    let mut command = Command::new(python);
    command.args(["-c", &format!("{CHECK}{script}"), &expected]).current_dir(scratch.path(""));
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("a python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    println!("largest difference of a class probability from what was recorded: {}", told["far"]);
    assert!(told["far"].as_f64().expect("a number") < 1e-5, "{told}");
    assert_eq!(told["classes"].as_array().expect("classes").len(), 4, "{told}");
    told
}

#[test]
fn pytorch_loads_what_was_exported_and_what_it_saves_is_the_network_again() {
    let Some(python) = python("numpy, torch, safetensors") else { return };
    for network in ["small.toml", "joined.toml", "kinds.toml", "others.toml", "pieces.toml", "paper"] {
        let scratch = Scratch::new();
        fs::write(scratch.path("joined.toml"), JOINED).expect("a file");
        fs::write(scratch.path("kinds.toml"), KINDS).expect("a file");
        fs::write(scratch.path("others.toml"), OTHERS).expect("a file");
        fs::write(scratch.path("pieces.toml"), PIECES).expect("a file");
        let told = checked(&scratch, &python, network, "--as torch -o net.py", TORCH);
        assert_eq!(told["shapes"], true, "{told}");
        let train = format!("train back --dataset ./images --network {network} --batch-size 9 --steps 1");
        scratch.run(0, &format!("{train} --init back.safetensors"));
        assert_eq!(digest(&scratch, "back@0"), digest(&scratch, "main@11"));
    }
}

#[test]
fn onnx_is_checked_and_onnxruntime_computes_the_same_probabilities() {
    let Some(python) = python("numpy, onnx, onnxruntime") else { return };
    for network in ["small.toml", "joined.toml", "kinds.toml", "others.toml", "pieces.toml", "paper"] {
        let scratch = Scratch::new();
        fs::write(scratch.path("joined.toml"), JOINED).expect("a file");
        fs::write(scratch.path("kinds.toml"), KINDS).expect("a file");
        fs::write(scratch.path("others.toml"), OTHERS).expect("a file");
        fs::write(scratch.path("pieces.toml"), PIECES).expect("a file");
        checked(&scratch, &python, network, "-o net.onnx", ONNX);
    }
}

const CONVNETJS: &str = r#"
const { Net, Vol } = require("convnetjs");
const fs = require("fs");
const net = new Net();
net.fromJSON(JSON.parse(fs.readFileSync("net.json")));
const pixels = fs.readFileSync("images/x_train.npy").subarray(-40 * 270).subarray(3 * 270, 4 * 270);
const image = new Vol(9, 10, 3);
for (let channel = 0; channel < 3; channel++)
    for (let row = 0; row < 10; row++)
        for (let column = 0; column < 9; column++)
            image.set(column, row, channel, pixels[(channel * 10 + row) * 9 + column] / 255 - 0.5);
fs.writeFileSync("back.json", JSON.stringify(net.toJSON()));
console.log(JSON.stringify(Array.from(net.forward(image).w)));
"#;

/// Kinds of layers that ConvNetJS has besides those of a plain network.
const NORMALISED: &str = "
[[layer]]
kind = \"conv\"
filters = 6
kernel = 3
activation = \"sigmoid\"
[[layer]]
kind = \"local-response-norm\"
size = 3
alpha = 0.5
[[layer]]
kind = \"svm\"
";

/// A node that finds ConvNetJS, by its variable NODE_PATH.
#[test]
fn convnetjs_reads_what_was_exported_and_what_it_writes_is_the_network_again() {
    let has_it = Command::new("node").args(["-e", "require('convnetjs')"]).stderr(Stdio::null()).status();
    if !has_it.is_ok_and(|status| status.success()) {
        println!("skipped: node does not find ConvNetJS; `npm install convnetjs`, and name its folder in NODE_PATH");
        return;
    }
    let scratch = Scratch::new();
    fs::write(scratch.path("plain.toml"), PLAIN).expect("a file");
    fs::write(scratch.path("normalised.toml"), NORMALISED).expect("a file");
    fs::write(scratch.path("pieces.toml"), PIECES).expect("a file");
    let data = images(&scratch);
    for network in ["plain.toml", "normalised.toml", "pieces.toml", "paper"] {
        let train = |branch: &str| format!("train {branch} --dataset {data} --network {network} --batch-size 9");
        scratch.run(0, &format!("{} --steps 12 --probe 3", train("main")));
        scratch.run(0, "export main@11 -o net.json");
        let output = Command::new("node").args(["-e", CONVNETJS]).current_dir(scratch.path("")).output().expect("node");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Vec<f64> = serde_json::from_slice(&output.stdout).expect("JSON");
        let far = found.iter().zip(probabilities(&scratch, "main@11")).map(|(found, own)| (found - own).abs());
        let far = far.fold(0.0, f64::max);
        println!("{network}: largest difference of a class probability from what was recorded: {far}");
        assert!(found.len() == 4 && far < 1e-5, "{found:?}");
        // A browser's arrays of floats are objects of indices.
        scratch.run(0, &format!("{} --steps 1 --init back.json", train("back")));
        assert_eq!(digest(&scratch, "back@0"), digest(&scratch, "main@11"));
        scratch.run(0, "delete back");
        scratch.run(0, "delete main");
    }
}
