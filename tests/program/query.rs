//! `revacnn query`: the README's queries on a store with a fork, the formats,
//! and what is refused.

use std::collections::HashMap;
use std::fs::File;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{Ran, Scratch, TRAIN};

/// `main` with 400 steps, and `wider`, forked from it at 300.
fn forked() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 400 --validate-every 100"));
    let mut fork = scratch.command("fork main@300 --name wider --steps +100 --json");
    let output = fork.args(["--edit", "add-filter conv1"]).output().expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    scratch
}

#[track_caller]
fn ask(scratch: &Scratch, code: i32, sql: &str, more: &str) -> Ran {
    let mut command = scratch.command("query");
    command.arg(sql).args(more.split_whitespace());
    let ran = Ran::of(command.output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "{sql}\n{ran:?}");
    ran
}

#[track_caller]
fn rows(scratch: &Scratch, sql: &str) -> Vec<Value> {
    let out = ask(scratch, 0, sql, "--format json").out;
    out.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

fn numbers(rows: &[Value], column: &str) -> Vec<f64> {
    rows.iter().map(|row| row[column].as_f64().unwrap_or_else(|| panic!("{column} of {row}"))).collect()
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-4 * right.abs().max(1e-3)
}

#[test]
fn the_readmes_queries_answer() {
    let scratch = forked();
    let readme = include_str!("../../README.md");
    let section = readme.split("## Ask it in SQL").nth(1).expect("the section");
    let block = section.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("its queries");
    let answers: HashMap<&str, Vec<Value>> = block
        .split("-- ")
        .filter_map(|part| part.split_once('\n'))
        .map(|(title, sql)| (title, rows(&scratch, sql.trim().trim_end_matches(';'))))
        .collect();
    assert_eq!(answers.len(), 10, "{:?}", answers.keys());
    let show = |address: &str| scratch.run(0, &format!("show {address} --json")).json();

    let epochs = &answers["loss per epoch"];
    assert_eq!(numbers(epochs, "epoch").len(), 2);
    assert_eq!(numbers(epochs, "steps").iter().sum::<f64>(), 401.0);
    let losses = rows(&scratch, "SELECT loss FROM steps WHERE branch = 'main' AND epoch = 1 AND loss IS NOT NULL");
    let losses = numbers(&losses, "loss");
    assert!(near(epochs[1]["loss"].as_f64().expect("a loss"), losses.iter().sum::<f64>() / losses.len() as f64));

    let log = scratch.run(0, "log --json").out;
    let last: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let best = &answers["the best validation of all branches"][0];
    let least = last.iter().filter_map(|line| line["validation_loss"].as_f64()).fold(f64::MAX, f64::min);
    assert!(best["loss"].as_f64().expect("a loss") <= least + 1e-6, "{best} {least}");

    let ratios = numbers(&answers["filters that changed most in one step"], "ratio");
    assert_eq!(ratios.len(), 5);
    assert!(ratios.is_sorted_by(|a, b| a >= b) && ratios[4] > 0.0, "{ratios:?}");

    for dead in &answers["dead filters: mostly zeros"] {
        assert!(dead["zeros"].as_f64().is_some_and(|share| share > 0.4 && share <= 1.0), "{dead}");
    }

    let norms = &answers["a filter's weights over time, through a fork"];
    assert!(numbers(norms, "step").into_iter().eq((0..=400).map(f64::from)));
    assert!(
        norms.iter().all(|row| row["recorded_in"] == if row["step"].as_u64() < Some(300) { "main" } else { "wider" })
    );
    assert!(norms[0]["weight_norm"] != norms[400]["weight_norm"]);

    let gradients = &answers["the gradient of each layer at a step"];
    let filters = rows(&scratch, "SELECT layer, gradient_norm FROM filters WHERE branch = 'main' AND step = 300");
    for row in gradients {
        let of_layer = filters.iter().filter(|filter| filter["layer"] == row["layer"]);
        let squares: f64 = of_layer.map(|filter| filter["gradient_norm"].as_f64().expect("a norm").powi(2)).sum();
        assert!(near(row["norm"].as_f64().expect("a norm"), squares.sqrt()), "{row}");
    }
    assert!(gradients.len() >= 3, "{gradients:?}");

    let confusion = &answers["images of class 3 that were taken for 3, and for 8"];
    let whole = rows(&scratch, "SELECT confusion FROM validation WHERE branch = 'main' ORDER BY step");
    assert!(confusion.len() >= 5, "{confusion:?}");
    for (row, whole) in confusion.iter().zip(&whole) {
        assert_eq!((&row["right_ones"], &row["taken_for_8"]), (&whole["confusion"][33], &whole["confusion"][38]));
    }

    let both = &answers["two branches side by side"];
    assert!(numbers(both, "step").into_iter().eq((300..=400).map(f64::from)));
    assert_ne!(both[100]["main"], both[100]["wider"]);
    for name in ["main", "wider"] {
        let shown = show(&format!("{name}@400"))["loss"].as_f64().expect("a loss");
        assert!(near(both[100][name].as_f64().expect("a loss"), shown), "{name}");
    }

    let speeds = &answers["steps a second"];
    assert_eq!(speeds.iter().map(|row| row["branch"].as_str()).collect::<Vec<_>>(), [Some("main"), Some("wider")]);
    assert!(numbers(speeds, "steps_a_second").iter().all(|speed| *speed > 1.0));

    let holders = &answers["who holds the history of a branch"];
    let spans: Vec<String> = holders
        .iter()
        .map(|row| format!("{} {} {}", row["recorded_in"], row["first_step"], row["last_step"]))
        .collect();
    assert_eq!(spans, ["\"main\" 0 299", "\"wider\" 300 400"]);
    assert_eq!(numbers(holders, "steps"), [300.0, 101.0]);
}

#[test]
fn tables_have_every_row_once_a_branch() {
    let scratch = forked();
    let count = |sql: &str| rows(&scratch, sql)[0]["n"].as_u64().expect("a count");
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps"), 802);
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps WHERE branch = recorded_in"), 502);
    assert_eq!(count("SELECT COUNT(*) AS n FROM weights WHERE layer = 'conv1' AND step = 350"), 9);
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps WHERE step > 1000000"), 0);
    let narrowed = ask(&scratch, 0, "SELECT COUNT(*) AS n FROM steps", "--branch wider --format json").json();
    assert_eq!(narrowed["n"], 401);
    let branches = rows(&scratch, "SELECT * FROM branches ORDER BY name");
    assert_eq!((&branches[1]["name"], &branches[1]["parent"]), (&"wider".into(), &"main".into()));
    assert_eq!((&branches[1]["fork_step"], &branches[1]["last_step"]), (&300.into(), &400.into()));
    assert!(branches[1]["edits"].as_str().is_some_and(|edits| edits.contains("add-filter conv1")), "{branches:?}");
    let weights = rows(
        &scratch,
        "SELECT values FROM weights WHERE branch = 'wider' AND step = 123 AND layer = 'conv1' AND filter = 1",
    );
    let shown = scratch.run(0, "show main@123 --layer conv1 --filter 1 --json").json();
    let singles = |value: &Value| -> Vec<f32> {
        value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number") as f32).collect()
    };
    let shown = &shown["layers"][0]["filters"][0]["weights"];
    assert_eq!(singles(&weights[0]["values"]), singles(shown));
}

#[test]
fn the_helps_examples_run() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 6"));
    let help = scratch.run(0, "query --help").out;
    let examples: Vec<(&str, &str)> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  revacnn query '"))
        .map(|line| line.split_once('\'').expect("a closing quote"))
        .collect();
    assert_eq!(examples.len(), 2, "{help}");
    for (sql, more) in examples {
        assert!(!ask(&scratch, 0, sql, more).out.is_empty(), "{sql}");
    }
}

#[test]
fn every_format_writes_the_same_rows() {
    let scratch = forked();
    let sql = "SELECT step, branch, loss, wall_time FROM steps WHERE branch = 'main' AND step < 2 ORDER BY step";
    let text = ask(&scratch, 0, sql, "").out;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().nth(1).is_some_and(|line| line.contains('–')), "{text}");
    let csv = ask(&scratch, 0, sql, "--format csv").out;
    assert!(csv.starts_with("step,branch,loss,wall_time\n0,main,,20"), "{csv}");
    let json = rows(&scratch, sql);
    assert_eq!((&json[0]["loss"], &json[1]["step"]), (&Value::Null, &1.into()));
    ask(&scratch, 0, sql, "--format parquet -o rows.parquet");
    let file = File::open(scratch.path("rows.parquet")).expect("the file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    assert_eq!(builder.metadata().file_metadata().num_rows(), 2);
    let refused = ask(&scratch, 2, sql, "--format parquet");
    assert!(refused.err.contains("--output FILE"), "{refused:?}");
    let long = ask(&scratch, 0, "SELECT step, values FROM weights WHERE branch = 'main'", "");
    assert_eq!(long.out.lines().count(), 1001);
    assert!(long.err.contains("the first 1,000 of "), "{}", long.err);
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    for (sql, says) in [
        ("SELEC 1", "Expected: an SQL statement"),
        ("SELECT * FROM read_parquet('runs/store.json')", "table function `read_parquet` is refused"),
        ("DROP TABLE steps", "found DROP"),
        ("CREATE TABLE x AS SELECT 1", "found CREATE"),
        ("SELECT * FROM nope", "there is steps, weights"),
        ("SELECT nope FROM validation", "validation has branch, recorded_in, step, loss, accuracy"),
    ] {
        let ran = ask(&scratch, 1, sql, "");
        assert!(ran.err.contains(says), "{sql}: `{says}` is not in {}", ran.err);
    }
    let ran = ask(&scratch, 1, "SELECT * FROM steps", "--branch nope");
    assert!(ran.err.contains("there is `main`"), "{}", ran.err);
}

#[test]
fn tensors_that_are_not_stored_are_named_and_never_left_out() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 1100 --fidelity keyframes"));
    let all = ask(&scratch, 1, "SELECT COUNT(*) AS n FROM weights", "");
    assert!(all.err.contains("revacnn materialise main --from 0 --to 1100"), "{}", all.err);
    assert_eq!(rows(&scratch, "SELECT COUNT(*) AS n FROM filters WHERE step = 3")[0]["n"], 22);
    let one = "SELECT COUNT(*) AS n FROM weights WHERE step BETWEEN 520 AND 521 AND layer = 'conv1'";
    let asked = ask(&scratch, 1, one, "");
    assert!(asked.err.contains("revacnn materialise main --from 520 --to 521"), "{}", asked.err);
    scratch.run(0, "materialise main --from 520 --to 521");
    assert_eq!(rows(&scratch, one)[0]["n"], 8);
    let past = ask(&scratch, 1, "SELECT COUNT(*) AS n FROM weights WHERE step >= 1000", "");
    assert!(past.err.contains("revacnn materialise main --from 1024 --to 1100"), "{}", past.err);
}

#[test]
fn a_damaged_file_is_named() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    let branch = std::fs::read_dir(scratch.path("runs/branches")).expect("branches").next().expect("one").expect("one");
    let path = branch.path().join("weights/000000000000-000000000020.parquet");
    let mut bytes = std::fs::read(&path).expect("the segment");
    bytes[40..600].fill(0xa5);
    std::fs::write(&path, bytes).expect("a damaged file");
    let ran = ask(&scratch, 1, "SELECT SUM(bias) AS b, MAX(filter) AS f, COUNT(layer) AS l FROM weights", "");
    assert!(ran.err.contains("weights/000000000000-000000000020.parquet"), "{}", ran.err);
    ask(&scratch, 0, "SELECT COUNT(*) AS n FROM steps", "");
}
