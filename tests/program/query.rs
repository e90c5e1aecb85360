//! `revacnn query`: the README's queries on a store with a fork, the formats,
//! and what is refused.

use std::collections::HashMap;
use std::fs::File;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{Ran, Scratch, TRAIN};

/// `main` with 1,400 steps, and `wider`, forked from it at 1,350: the steps
/// that the README's queries name.
fn forked() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 1400 --validate-every 100"));
    let mut fork = scratch.command("fork main@1350 --name wider --steps +50 --json");
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
    assert_eq!(answers.len(), 11, "{:?}", answers.keys());
    let show = |address: &str| scratch.run(0, &format!("show {address} --json")).json();

    let epochs = &answers["loss per epoch"];
    assert_eq!(numbers(epochs, "steps").iter().sum::<f64>(), 1400.0);
    // The steps 1 to 9 through `show`, the rest of the sum through the log.
    let losses = rows(&scratch, "SELECT step, loss FROM steps WHERE branch = 'main' AND step > 0 AND epoch = 0");
    for row in &losses[..9] {
        assert_eq!(single(&row["loss"]), single(&show(&format!("main@{}", row["step"]))["loss"]), "{row}");
    }
    let losses = numbers(&losses, "loss");
    let first = epochs[0]["loss"].as_f64().expect("a loss");
    assert!(near(first, losses.iter().sum::<f64>() / losses.len() as f64), "{first}");

    let best = &answers["the best validation of each branch"];
    assert_eq!(best.len(), 2);
    for row in best {
        let address = format!("{}@best", row["branch"].as_str().expect("a name"));
        let step = show(&address)["step"].clone();
        let branch = &row["branch"].as_str().expect("a name");
        let there = rows(&scratch, &format!("SELECT loss FROM validation WHERE branch = '{branch}' AND step = {step}"));
        assert_eq!(row["loss"], there[0]["loss"], "{address}");
    }

    let ratios = numbers(&answers["filters that changed most in one step"], "ratio");
    assert_eq!(ratios.len(), 5);
    assert!(ratios.is_sorted_by(|a, b| a >= b) && ratios[4] > 0.0, "{ratios:?}");

    let zeros = rows(&scratch, "SELECT layer, filter, zero_share FROM filters WHERE branch = 'main' AND step > 1000");
    let mut shares: HashMap<String, Vec<f64>> = HashMap::new();
    for row in zeros.iter().filter(|row| !row["zero_share"].is_null()) {
        let share = row["zero_share"].as_f64().expect("a share");
        shares.entry(format!("{}/{}", row["layer"], row["filter"])).or_default().push(share);
    }
    let mean = |shares: &Vec<f64>| shares.iter().sum::<f64>() / shares.len() as f64;
    let expected = shares.values().filter(|shares| mean(shares) > 0.8).count();
    let found = &answers["filters that are mostly zero on the probe images"];
    assert_eq!(found.len(), expected);
    for row in found {
        let shares = &shares[&format!("{}/{}", row["layer"], row["filter"])];
        assert!(near(row["zeros"].as_f64().expect("a share"), mean(shares)), "{row}");
    }

    let coefficients = &answers["a filter's coefficients, through a fork"];
    assert!(numbers(coefficients, "step").into_iter().eq((1340..=1360).map(f64::from)));
    for row in coefficients {
        let holder = if row["step"].as_u64() < Some(1350) { "main" } else { "wider" };
        assert_eq!(row["recorded_in"], holder, "{row}");
        let address = format!("wider@{} --layer conv1 --filter 2", row["step"]);
        let filter = show(&address)["layers"][0]["filters"][0].clone();
        assert_eq!(singles(&row["values"]), singles(&filter["weights"]), "{address}");
        let values = singles(&row["values"]);
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        assert!(near(row["mean"].as_f64().expect("a mean"), mean), "{address}");
    }

    let gradients = &answers["the gradient of each layer at a step"];
    let filters = rows(&scratch, "SELECT layer, gradient_norm FROM filters WHERE branch = 'main' AND step = 1350");
    for row in gradients {
        let of_layer = filters.iter().filter(|filter| filter["layer"] == row["layer"]);
        let squares: f64 = of_layer.map(|filter| filter["gradient_norm"].as_f64().expect("a norm").powi(2)).sum();
        assert!(near(row["norm"].as_f64().expect("a norm"), squares.sqrt()), "{row}");
    }
    assert!(gradients.len() >= 3, "{gradients:?}");

    let title = "images of class 3 that were taken for a 3, and for an 8 (10 classes, from 0; places from 1)";
    let confusion = &answers[title];
    let whole = rows(&scratch, "SELECT confusion FROM validation WHERE branch = 'main' ORDER BY step");
    assert!(confusion.len() >= 15, "{confusion:?}");
    for (row, whole) in confusion.iter().zip(&whole) {
        assert_eq!((&row["right_ones"], &row["taken_for_8"]), (&whole["confusion"][33], &whole["confusion"][38]));
    }

    let both = &answers["two branches side by side"];
    assert!(numbers(both, "step").into_iter().eq((1351..=1400).map(f64::from)));
    for name in ["main", "wider"] {
        assert_eq!(single(&both[49][name]), single(&show(&format!("{name}@1400"))["loss"]), "{name}");
    }
    assert_ne!(both[49]["main"], both[49]["wider"]);

    let speeds = &answers["steps a second"];
    assert_eq!(speeds.iter().map(|row| row["branch"].as_str()).collect::<Vec<_>>(), [Some("main"), Some("wider")]);
    assert!(numbers(speeds, "steps_a_second").iter().all(|speed| *speed > 0.0));

    let holders = &answers["who holds the history of a branch"];
    let spans: Vec<String> = holders
        .iter()
        .map(|row| format!("{} {} {}", row["recorded_in"], row["first_step"], row["last_step"]))
        .collect();
    assert_eq!(spans, ["\"main\" 0 1349", "\"wider\" 1350 1400"]);
    assert_eq!(numbers(holders, "steps"), [1350.0, 51.0]);
}

/// A number as the log has it.
#[track_caller]
fn single(value: &Value) -> f32 {
    value.as_f64().expect("a number") as f32
}

#[track_caller]
fn singles(value: &Value) -> Vec<f32> {
    value.as_array().expect("a list").iter().map(single).collect()
}

#[test]
fn tables_have_every_row_once_a_branch() {
    let scratch = forked();
    let count = |sql: &str| rows(&scratch, sql)[0]["n"].as_u64().expect("a count");
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps"), 2802);
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps WHERE branch = recorded_in"), 1452);
    assert_eq!(count("SELECT COUNT(branch) AS n FROM steps WHERE branch = 'wider'"), 1401);
    assert_eq!(count("SELECT COUNT(*) AS n FROM weights WHERE layer = 'conv1' AND step = 1380"), 9);
    assert_eq!(count("SELECT COUNT(*) AS n FROM weights WHERE layer = 'conv1' AND filter = 4 AND step = 1380"), 1);
    assert_eq!(count("SELECT COUNT(*) AS n FROM steps WHERE step > 1000000"), 0);
    let narrowed = ask(&scratch, 0, "SELECT COUNT(*) AS n FROM steps", "--branch wider --format json").json();
    assert_eq!(narrowed["n"], 1401);
    let branches = rows(&scratch, "SELECT * FROM branches ORDER BY branch");
    assert_eq!((&branches[1]["branch"], &branches[1]["parent"]), (&"wider".into(), &"main".into()));
    assert_eq!((&branches[1]["fork_step"], &branches[1]["last_step"]), (&1350.into(), &1400.into()));
    assert!(branches[1]["edits"].as_str().is_some_and(|edits| edits.contains("add-filter conv1")), "{branches:?}");
    // Literal columns in groups, lists unnested, and what is not finite.
    let groups = rows(&scratch, "SELECT branch, recorded_in, COUNT(*) AS n FROM steps GROUP BY branch, recorded_in");
    let mut groups: Vec<String> = groups.iter().map(Value::to_string).collect();
    groups.sort();
    assert_eq!(
        groups,
        [
            r#"{"branch":"main","n":1401,"recorded_in":"main"}"#,
            r#"{"branch":"wider","n":1350,"recorded_in":"main"}"#,
            r#"{"branch":"wider","n":51,"recorded_in":"wider"}"#,
        ]
    );
    let one = "FROM weights WHERE branch = 'main' AND step = 7 AND layer = 'conv1' AND filter = 1";
    let list = rows(&scratch, &format!("SELECT \"values\" {one}"));
    let flat = rows(&scratch, &format!("SELECT UNNEST(\"values\") AS value {one}"));
    let flat = Value::from(flat.iter().map(|row| row["value"].clone()).collect::<Vec<_>>());
    assert_eq!(singles(&flat), singles(&list[0]["values"]));
    let strange = rows(&scratch, "SELECT LN(-1.0) AS nothing, 1 AS one");
    assert_eq!((&strange[0]["nothing"], &strange[0]["one"]), (&Value::Null, &1.into()));
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
    let long = ask(&scratch, 0, "SELECT step, \"values\" FROM weights WHERE branch = 'main'", "");
    assert_eq!(long.out.lines().count(), 1001);
    assert!(long.err.contains("the first 1,000 rows"), "{}", long.err);
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
        ("SELECT nope FROM branches", "branches has branch, id, parent"),
        ("SHOW TABLES", "expected SELECT or WITH, found SHOW"),
    ] {
        let ran = ask(&scratch, 1, sql, "");
        assert!(ran.err.contains(says), "{sql}: `{says}` is not in {}", ran.err);
    }
    let ran = ask(&scratch, 1, "SELECT * FROM steps", "--branch nope");
    assert!(ran.err.contains("there is `main`"), "{}", ran.err);
    let sum = |terms: usize| format!("SELECT 1{} AS n", "+1".repeat(terms - 1));
    assert_eq!(rows(&scratch, &sum(100))[0]["n"], 100);
    let ran = ask(&scratch, 1, &sum(8_000), "");
    assert!(ran.err.contains("at most 200 operators within one another"), "{}", ran.err);
    let ran = ask(&scratch, 1, &format!("SELECT 1{}", "+1".repeat(9_000)), "");
    assert!(ran.err.contains("expected at most 16384 bytes"), "{}", ran.err);
}

#[test]
fn an_absurd_query_is_given_up() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 300"));
    let many = "SELECT a.step AS left_step, b.step AS right_step FROM filters a CROSS JOIN filters b";
    let ran = ask(&scratch, 1, many, "--memory 200MB --format csv");
    assert!(ran.err.contains("more than the 200 MB of memory"), "{}", ran.err);
}

#[test]
fn tensors_that_are_not_stored_are_named_and_never_left_out() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 1100 --fidelity keyframes"));
    let all = ask(&scratch, 1, "SELECT COUNT(*) AS n FROM weights", "");
    assert!(all.err.contains("revacnn materialise main --from 0 --to 1100"), "{}", all.err);
    assert_eq!(rows(&scratch, "SELECT COUNT(*) AS n FROM filters WHERE step = 3")[0]["n"], 26);
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
    let ran = ask(&scratch, 1, "SELECT step, filter, layer, \"values\", bias FROM weights", "");
    assert!(ran.err.contains("weights/000000000000-000000000020.parquet"), "{}", ran.err);
    ask(&scratch, 0, "SELECT COUNT(*) AS n FROM steps", "");
}
