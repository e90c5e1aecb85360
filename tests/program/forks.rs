//! Forks from the command line: `fork`, `resume`, `verify`, `diff`, `log` as a
//! tree, and what is refused, by name.

use revacnn_test_support::files;
use serde_json::{Value, json};

use crate::support::{Ran, Scratch, TRAIN};

/// A store with `main`, of 60 steps.
fn recorded() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 60 --keyframe-interval 25 --probe 3"));
    scratch
}

/// Forks with edits, which have spaces in them; `rest` has none.
#[track_caller]
fn fork(scratch: &Scratch, code: i32, address: &str, edits: &[&str], rest: &str) -> Ran {
    let mut command = scratch.command(&format!("fork {address} {rest}"));
    for edit in edits {
        command.args(["--edit", edit]);
    }
    let ran = Ran::of(command.output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "fork {address} {edits:?} {rest}\n{ran:?}");
    ran
}

fn first(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().next().expect("a line")).expect("a line of JSON")
}

fn digest(scratch: &Scratch, address: &str) -> Value {
    scratch.run(0, &format!("show {address} --json")).json()["digest"].clone()
}

#[test]
fn a_fork_says_what_its_edits_did_and_trains_on() {
    let scratch = recorded();
    let edits = ["add-filter fc1 init=zero", "set learning-rate 0.5"];
    let ran = fork(&scratch, 0, "main@30", &edits, "--name wider --steps +20 --json");
    let forked = first(&ran);
    assert_eq!((&forked["event"], &forked["from"], &forked["to"]), (&"forked".into(), &"main".into(), &"wider".into()));
    assert_eq!((&forked["step"], &forked["recomputed"]), (&30.into(), &5.into()));
    let effects = forked["effects"].as_array().expect("a list");
    assert_eq!(effects[0]["summary"], "fc1 gains filter 8; softmax reads 1 input more");
    assert_eq!((&effects[0]["change_in_evaluation"], &effects[1]["change_in_evaluation"]), (&0.0.into(), &Value::Null));
    assert_eq!(effects[1]["summary"], "learning-rate 0.001 → 0.5");
    assert!(forked["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{forked}");
    assert!(forked["forking_seconds"].is_f64() && forked["bringing_forward_seconds"].is_f64(), "{forked}");
    let seconds = |of: &Value| of.as_f64().unwrap_or_else(|| panic!("a number: {forked}"));
    let parts = &forked["parts_seconds"];
    let own: f64 = ["editing", "creating", "committing"].map(|part| seconds(&parts[part])).iter().sum();
    assert!((seconds(&forked["forking_seconds"]) - own).abs() < 1e-6, "{forked}");
    let whole = seconds(&forked["whole_seconds"]);
    assert!(own <= whole && seconds(&parts["validating"]) <= whole, "{forked}");
    let summary = ran.json();
    assert_eq!((&summary["ended"], &summary["step"], &summary["steps"]), (&"done".into(), &50.into(), &20.into()));

    let text = fork(&scratch, 0, "main@30", &["add-filter fc1 init=zero", "freeze conv1"], "").out;
    for line in [
        "forked main at step 30 into main~2\n",
        "  fc1 gains filter 8; softmax reads 1 input more; largest change of a class probability: 0, normalised by batch: 0\n",
        "  conv1 trains no more: 4 of 4 filters of conv1 are frozen (were 0)\n",
        "5 steps brought forward from a keyframe in ",
        "\nnext:\n  revacnn resume main~2 --steps +1000\n",
    ] {
        assert!(text.contains(line), "`{line}` is not in {text}");
    }
}

#[test]
fn a_twin_and_a_run_that_was_stopped_are_their_parent_to_the_bit() {
    let scratch = recorded();
    fork(&scratch, 0, "main@33", &[], "--name twin --steps 60 --json");
    assert_eq!(digest(&scratch, "twin@60"), digest(&scratch, "main@60"));

    // Without a number it goes on to where it was last asked to go, then to an epoch's end.
    fork(&scratch, 0, "main@40", &["add-filter conv1"], "--name whole --steps 80 --json");
    fork(&scratch, 0, "main@40", &["add-filter conv1"], "--name parts --steps 55 --json");
    let resumed = scratch.run(0, "resume parts --steps +25 --json");
    assert_eq!(first(&resumed), json!({ "event": "resumed", "step": 55, "recomputed": 5 }));
    assert_eq!(resumed.json()["step"], 80);
    assert_eq!(digest(&scratch, "parts@80"), digest(&scratch, "whole@80"));
    let text = scratch.run(0, "resume parts --steps 82").out;
    assert!(text.starts_with("branch parts goes on after step 80 ("), "{text}");
    let done = scratch.run(0, "resume parts --steps 82").out;
    assert!(done.contains("branch parts is at step 82 already: nothing to train"), "{done}");
    assert_eq!(scratch.run(0, "resume parts --json").json()["step"], 169);
}

#[test]
fn edits_are_refused_with_the_layer_or_filter_that_was_meant() {
    let scratch = recorded();
    let before = scratch.run(0, "log --json").out;
    for (code, edit, says) in [
        (1, "add-filter conv9", "there is no layer conv9; layers that have filters: conv1, fc1"),
        (1, "remove-filter conv1/77", "cannot remove-filter conv1/77: conv1 has no filter 77; it has 0–3"),
        (1, "add-filter softmax", "softmax"),
        (1, "remove-layer conv7", "conv7"),
        (2, "set activation conv1 swish", "swish"),
        (2, "set batch-size 100000", "batch-size"),
        (1, "insert-layer conv after=pool9 filters=2 kernel=3", "pool9"),
        (1, "insert-layer conv after=conv1 filters=2 kernel=3 init=identity", "conv"),
        (2, "grow conv1", "`grow` is no edit; expected add-filter, remove-filter"),
        (2, "remove-filter conv1", "the filter is missing: write `conv1/NUMBER`"),
        (2, "add-filter conv1/2", "`conv1/2` is a filter"),
        (2, "set-weights conv1/1 nowhere.npy", "cannot read nowhere.npy"),
    ] {
        let ran = fork(&scratch, code, "main@30", &["freeze conv1", edit], "--name child");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(says), "{edit}: `{says}` is not in {}", ran.err);
        let json = fork(&scratch, code, "main@30", &[edit], "--json").json();
        assert_eq!(json["event"], "error", "{edit}");
    }
    for (code, arguments, says) in [
        (1, "fork main@61", "no step 61"),
        (1, "fork nope@1", "no branch `nope`"),
        (1, "fork main@30 --name main", "already has a branch `main`"),
        (2, "fork main@30 --name ../up", "starting with a letter"),
        (1, "resume nope", "no branch `nope`"),
        (2, "resume main --steps x", "a step such as 3000, or +500"),
    ] {
        let ran = scratch.run(code, arguments);
        assert!(ran.err.contains(says), "{arguments}: `{says}` is not in {}", ran.err);
    }
    assert_eq!(scratch.run(0, "log --json").out, before, "what is refused leaves no branch behind");
}

#[test]
fn coefficients_come_from_a_file_of_numpy() {
    let scratch = recorded();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let padded = format!("{header:<117}\n");
    file.extend((padded.len() as u16).to_le_bytes());
    file.extend(padded.as_bytes());
    file.extend((0..9).flat_map(|value| (value as f32 * 0.5).to_le_bytes()));
    std::fs::write(scratch.path("w.npy"), &file).expect("a file");
    fork(&scratch, 0, "main@30", &["set-weights conv1/2 w.npy"], "--name set");
    let shown = scratch.run(0, "show set@30 --layer conv1 --filter 2 --json").json();
    let weights = &shown["layers"][0]["filters"][0]["weights"];
    assert_eq!(*weights, json!([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]));
    std::fs::remove_file(scratch.path("w.npy")).expect("a file");
    // The branch holds what the file said.
    assert!(scratch.run(0, "verify set --json").json()["origin"] == true);
    let ran = fork(&scratch, 1, "main@30", &["set-weights fc1/2 w2.npy"; 0], "--name set");
    assert!(ran.err.contains("already has a branch `set`"), "{ran:?}");
    std::fs::write(scratch.path("text.npy"), "1 2 3").expect("a file");
    let ran = fork(&scratch, 2, "main@30", &["set-weights conv1/2 text.npy"], "");
    assert!(ran.err.contains("text.npy is no .npy file"), "{ran:?}");
}

#[test]
fn log_draws_the_tree_and_answers_for_every_branch() {
    let scratch = recorded();
    fork(&scratch, 0, "main@30", &["add-filter conv1 count=2"], "--name wider --steps 40 --json");
    fork(&scratch, 0, "wider@35", &["set learning-rate 0.1"], "--name slower --json");
    fork(&scratch, 0, "main@50", &[], "--name twin --json");
    let text = scratch.run(0, "log").out;
    let starts = ["branch ", "main ", "├─ wider  ", "│  └─ slower  ", "└─ twin  "];
    assert_eq!(text.lines().count(), starts.len(), "{text}");
    for (line, start) in text.lines().zip(starts) {
        assert!(line.starts_with(start), "`{start}` does not begin `{line}`");
    }
    assert!(text.contains("add-filter conv1 count=2 ") && text.contains("set learning-rate 0.1"), "{text}");
    let rows: Vec<Value> =
        scratch.run(0, "log --json").out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let row = |name: &str| rows.iter().find(|row| row["branch"] == name).expect("a row");
    assert_eq!((&row("slower")["parent"], &row("slower")["first_step"]), (&"wider@35".into(), &35.into()));
    assert_eq!((&row("wider")["last_step"], &row("twin")["edits"]), (&40.into(), &json!([])));
}

#[test]
fn verify_compares_a_branch_with_its_past_and_names_the_span() {
    let scratch = recorded();
    fork(&scratch, 0, "main@30", &["add-filter conv1"], "--name wider --steps 60 --json");
    let verified = scratch.run(0, "verify wider --json").json();
    for (column, value) in [("from", 30), ("to", 60), ("digests", 31), ("tensors", 31)] {
        assert_eq!(verified[column], value, "{column}: {verified}");
    }
    assert_eq!(verified["origin"], true);
    let text = scratch.run(0, "verify wider --from 10 --to 45 --threads 2").out;
    assert!(text.contains("wider steps 10–45 are what they say: 36 digests of parameters"), "{text}");
    let text = scratch.run(0, "verify wider").out;
    assert!(text.contains("its first step follows from its parent by its edits"), "{text}");
    assert!(scratch.run(0, "verify main").out.contains("its first step follows from its seed"));
    for (code, arguments, says) in [
        (2, "verify wider --from 40 --to 35", "--from 40 is after --to 35"),
        (1, "verify wider --to 99", "99"),
        (2, "verify wider --from 99", "--from 99 is after the last step, 60"),
        (1, "verify nope", "no branch `nope`"),
    ] {
        let ran = scratch.run(code, arguments);
        assert!(ran.err.contains(says), "{arguments}: {ran:?}");
    }
}

#[test]
fn diff_answers_lineage_structure_and_distance_in_one_call() {
    let scratch = recorded();
    fork(&scratch, 0, "main@30", &["add-filter conv1", "set learning-rate 0.5"], "--name wider --steps 50 --json");
    fork(&scratch, 0, "main@20", &["remove-filter conv1/1"], "--name thinner --steps 50 --json");
    let found = scratch.run(0, "diff thinner@50 wider@50 --json").json();
    assert_eq!((&found["left"], &found["right"]), (&"thinner@50".into(), &"wider@50".into()));
    assert_eq!((&found["ancestor"], &found["shared_steps"]), (&"main".into(), &json!([0, 19])));
    assert_eq!(found["first_differing_step"], 20);
    let conv = &found["layers"][0];
    let numbers = |list: &Value| -> Vec<u64> {
        list.as_array().expect("a list").iter().filter_map(|filter| filter["filter"].as_u64()).collect()
    };
    assert_eq!(conv["layer"], "conv1");
    assert_eq!((numbers(&conv["in_both"]), numbers(&conv["only_left"])), (vec![0, 2, 3], vec![]));
    assert_eq!(numbers(&conv["only_right"]), [1, 4]);
    assert!(conv["distance"].as_f64().is_some_and(|distance| distance > 0.0), "{conv}");
    let text = scratch.run(0, "diff main wider").out;
    for line in [
        "main@60 against wider@50\n",
        "both come from main, and share steps 0–29\n",
        "the first step with other weights is 30\nedits of wider@50: add-filter conv1; set learning-rate 0.5\n",
        "conv1 filters: 4 → 5\n",
        "learning-rate",
    ] {
        assert!(text.contains(line), "`{line}` is not in {text}");
    }
    let same = scratch.run(0, "diff main main --json").json();
    assert_eq!((&same["first_differing_step"], &same["definition"]), (&Value::Null, &json!([])));
    scratch.run(0, &format!("{TRAIN} --steps 5 --seed 9 --branch other"));
    let strangers = scratch.run(0, "diff main other");
    assert!(strangers.out.contains("they have no common ancestor"), "{strangers:?}");
    assert!(scratch.run(1, "diff main wider@99").err.contains("no step 99"));
}

#[test]
fn a_dry_run_tells_what_would_come_of_a_fork_and_makes_none() {
    let scratch = recorded();
    let before = files(&scratch.path("runs"));
    let edits = ["add-filter conv1", "set learning-rate 0.01"];
    let told = first(&fork(&scratch, 0, "main@40", &edits, "--dry-run --json"));
    let said = fork(&scratch, 0, "main@40", &edits, "--dry-run").out;
    assert!(said.contains("a fork of main at step 40 would have ") && said.contains("conv1 gains filter 4"), "{said}");
    assert!(said.contains("nothing was made"), "{said}");
    fork(&scratch, 1, "main@40", &["remove-filter conv1/77"], "--dry-run");
    fork(&scratch, 2, "main@40", &edits, "--dry-run --name twin");
    assert_eq!(files(&scratch.path("runs")), before);
    // It is what the fork then is.
    let made = first(&fork(&scratch, 0, "main@40", &edits, "--name wider --json"));
    assert_eq!(told["effects"], made["effects"]);
    for (address, when) in [("main@40", "before"), ("wider@40", "after")] {
        let evaluated = scratch.run(0, &format!("evaluate {address} --json")).json();
        for what in ["loss", "accuracy"] {
            assert_eq!(told[format!("validation_{what}_{when}")], evaluated[what], "{what} {when}: {told}");
        }
    }
}
