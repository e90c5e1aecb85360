//! The log is read without this project: pyarrow and DuckDB find in it, bit
//! for bit, what `revacnn show --json` says.
//!
//! `REVACNN_PYTHON` names a python that has both, as `tests/run.sh` sets it
//! up. Without it the test is skipped, but not where `CI=true`.

#![cfg(unix)]

mod support;
#[path = "support/tables.rs"]
mod tables;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Ran, Scratch, TRAIN};

/// Slow enough for commits to the tail, with two probe images.
const SLOW: &str = "--batch-size 128 --probe 3,17";

/// The interpreter, or why the test is skipped.
fn python() -> Option<String> {
    let python = std::env::var("REVACNN_PYTHON").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        let continuous_integration = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!continuous_integration, "CI=true, and REVACNN_PYTHON names no python with pyarrow and DuckDB");
        println!("skipped: REVACNN_PYTHON names no python with pyarrow and DuckDB; tests/run.sh sets one up");
    }
    python
}

/// Compares a store with answers of `show` in the other language.
fn compared(python: &str, store: &Path, answers: &str) -> Ran {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/strangers.py");
    let mut command = Command::new(python);
    command.arg(path).arg(store).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("REVACNN_PYTHON={python} does not start: {error}"));
    // A script that ended early says why on its error output.
    let _ = child.stdin.take().expect("a pipe").write_all(answers.as_bytes());
    Ran::of(child.wait_with_output().expect("the script"))
}

/// Steps of committed parts of the tail that are not in a segment yet.
fn tail(branch: &Path) -> Option<(u64, u64)> {
    let sealed = sealed(branch)?;
    let mut parts = tables::listed(&branch.join("tail")).into_iter().filter_map(|part| span(&part));
    parts.rfind(|(first, _)| *first > sealed)
}

/// The last step in a segment.
fn sealed(branch: &Path) -> Option<u64> {
    tables::listed(&branch.join("steps"))
        .iter()
        .filter_map(|path| span(&path.with_extension("")))
        .map(|span| span.1)
        .max()
}

/// The steps of a path that ends in `FIRST-LAST`.
fn span(path: &Path) -> Option<(u64, u64)> {
    let (first, last) = path.file_name()?.to_str()?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn signal(child: &Child, signal: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
    assert!(status.expect("a shell").success(), "no process to send {signal} to");
}

/// Trains until a segment is sealed and steps after it are in the tail, and
/// kills the run then, which leaves them there; returns the segment's last
/// step and the tail's.
fn killed_with_a_tail(scratch: &Scratch) -> (u64, u64) {
    scratch.run(0, &format!("{TRAIN} {SLOW} --steps 513"));
    let branch = tables::only_branch(&scratch.path("runs"));
    for _ in 0..20 {
        let mut command = scratch.command(&format!("{TRAIN} {SLOW} --steps 1000000000"));
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        // Held for longer than a commit may take, however quick the machine:
        // a commit, to the tail, is the first thing it then does.
        std::thread::sleep(Duration::from_millis(200));
        signal(&child, "STOP");
        std::thread::sleep(Duration::from_millis(1_050));
        signal(&child, "CONT");
        let patience = Instant::now();
        while tail(&branch).is_none() && patience.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("a process to kill");
        child.wait().expect("the killed process");
        // Else the segment was filled just before the kill: once more.
        if let (Some(sealed), Some((_, last))) = (sealed(&branch), tail(&branch)) {
            return (sealed, last);
        }
    }
    panic!("no kill left a tail behind");
}

#[test]
fn pyarrow_and_duckdb_read_what_show_says_to_the_bit() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    let (sealed, last) = killed_with_a_tail(&scratch);
    // A second branch: the README's glob goes over both.
    scratch.run(0, &format!("{TRAIN} --branch other --seed 1 --steps 20"));
    let steps = [0, 1, 300, 511, 512, 513, sealed, sealed + 1, last];
    let mut answers = String::new();
    for address in steps.map(|step| format!("main@{step}")).iter().chain(&["other@20".to_owned()]) {
        answers += &scratch.run(0, &format!("show {address} --json")).out;
    }

    let ran = compared(&python, &scratch.path("runs"), &answers);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let totals = ran.json();
    let place = |step: u64| if step > sealed { "tail" } else { "segment" };
    let mut compared = Vec::new();
    for (step, place) in steps.map(|step| (step, place(step))).into_iter().chain([(20, "segment")]) {
        compared.push(serde_json::json!(["pyarrow", place, step]));
        compared.push(serde_json::json!(["duckdb", place, step]));
    }
    assert_eq!(totals["compared"], Value::Array(compared));
    // 8×8 images: 4 filters of 9, 8 units of 64, 10 classes of 8, and as many
    // biases; 4 scales and shifts of the batch normalisation.
    let parameters = 4 * 10 + 4 * 2 + 8 * 65 + 10 * 9;
    let readings = 2 * 10;
    assert_eq!(totals["values"]["weights"], readings * parameters);
    // Step 0 has none: a null for a filter's, and one for its bias's.
    assert_eq!(totals["values"]["gradients"], 2 * (9 * parameters + 2 * (4 + 4 + 8 + 10)));
    // Maps of 8×8, one value a unit and class; two probe images, `other` has one.
    let maps = 4 * 64 + 8 + 10;
    assert_eq!(totals["values"]["activations"], 2 * (2 * 9 + 1) * maps);
    assert_eq!(totals["values"]["activation_gradients"], totals["values"]["activations"]);
    assert_eq!(totals["values"]["normalisation"], readings * 4 * 2);
    // Every table of each branch ends with the same sealed step.
    let spans = totals["spans"].as_object().expect("an object");
    let mut ends: Vec<u64> = Vec::new();
    for spans in spans.values() {
        let spans = spans.as_array().expect("a list");
        assert_eq!(spans.len(), 5, "{spans:?}");
        assert!(spans.iter().all(|span| span[0] == spans[0][0]), "{spans:?}");
        ends.extend(spans[0][0].as_u64());
    }
    ends.sort_unstable();
    assert_eq!(ends, [20, sealed]);
}

/// The README's query follows a branch back to step 0, over two forks.
#[test]
fn duckdb_follows_a_lineage_by_the_readmes_query() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    for (from, name, edit) in [("main@10", "middle", "add-filter conv1"), ("middle@15", "wider", "freeze conv1")] {
        let mut fork = scratch.command(&format!("fork {from} --name {name} --steps +10 --json"));
        let ran = Ran::of(fork.args(["--edit", edit]).output().expect("the program starts"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let blocks = include_str!("../README.md").split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    let query = blocks.into_iter().find(|block| block.contains("RECURSIVE")).expect("the README's query").trim();
    let script = format!("import duckdb\nprint(*[f'{{r[0]}} {{r[3]}}' for r in {query}.fetchall()], sep='\\n')");
    // Where a folder above is named as a branch's are, and with what macOS keeps
    // beside each file of some volumes.
    let above = scratch.path("x=1/branch=other");
    std::fs::create_dir_all(&above).expect("folders");
    std::os::unix::fs::symlink(scratch.path("runs"), above.join("runs")).expect("a link");
    for branch in std::fs::read_dir(scratch.path("runs/branches")).expect("branches") {
        let branch = branch.expect("a branch").path();
        for name in ["steps/._0-9.parquet", "weights/._0-9.parquet", "._branch.json"] {
            std::fs::write(branch.join(name), "not ours").expect("a file");
        }
    }
    let mut command = Command::new(&python);
    command.args(["-c", &script]).current_dir(&above);
    let ran = Ran::of(command.output().expect("the interpreter starts"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let expected: Vec<String> = (0..=25)
        .map(|step| {
            let digest = scratch.run(0, &format!("show wider@{step} --json")).json()["digest"].clone();
            format!("{step} {}", digest.as_str().expect("a digest"))
        })
        .collect();
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected);
    let blocks = include_str!("../README.md").split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    let query = blocks.into_iter().find(|block| block.contains("weights")).expect("the README's query").trim();
    let query = query.replace("import duckdb\n", "").replace("step = 1000", "step = 7");
    let script = format!("import duckdb\nprint(*{{r[0] for r in {query}.fetchall()}}, sep='\\n')");
    let ran = Command::new(python).args(["-c", &script]).current_dir(&above).output().expect("the interpreter starts");
    let main = scratch.run(0, "show main@7 --json").json()["id"].clone();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), main.as_str().expect("an id"), "{ran:?}");
}

#[test]
fn a_single_bit_of_difference_is_noticed() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 3"));
    let mut answer = scratch.run(0, "show main@3 --json").json();
    let weight = &mut answer["layers"][0]["filters"][2]["weights"][4];
    let value = weight.as_f64().expect("a number") as f32;
    *weight = f32::from_bits(value.to_bits() ^ 1).into();
    let ran = compared(&python, &scratch.path("runs"), &answer.to_string());
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("pyarrow: weights ('conv1', 2, "), "{}", ran.err);
}

#[test]
fn what_is_in_the_tail_is_in_no_glob_and_in_no_row_twice() {
    let scratch = Scratch::new();
    let (sealed, last) = killed_with_a_tail(&scratch);
    let branch = tables::only_branch(&scratch.path("runs"));
    assert_eq!(tables::no_row_twice(&branch), Some(sealed as i64));
    assert_eq!(scratch.run(0, "log --json").json()["last_step"], last);
    // The next run moves the tail into a segment.
    let ends = last + 1;
    scratch.run(0, &format!("{TRAIN} {SLOW} --steps {ends}"));
    assert_eq!(tables::no_row_twice(&branch), Some(ends as i64));
    assert_eq!(tail(&branch), None);
}
