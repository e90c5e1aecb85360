//! `train`: new branches, existing ones, divergence, equal digests.

use serde_json::json;

use crate::support::{Ran, Scratch, TRAIN};

/// Everything in a store, by path and content.
fn contents(scratch: &Scratch) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![scratch.path("runs")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
            }
        }
    }
    // Who holds a lock is a note for others, no part of the log.
    files.retain(|(path, _)| !path.ends_with(".lock"));
    files.sort();
    files
}

/// Runs a command that the program says to try, with quotes as in a shell.
fn tried(scratch: &Scratch, line: &str) -> Ran {
    let line = line.strip_prefix("revacnn ").expect("a command of the program");
    let mut command = scratch.command("");
    for (place, part) in line.split('\'').enumerate() {
        // Every other part is between quotes: one argument.
        if place % 2 == 0 {
            command.args(part.split_whitespace());
        } else {
            command.arg(part);
        }
    }
    Ran::of(command.output().expect("the program starts"))
}

#[test]
fn training_says_what_it_does_and_what_to_try_next() {
    let scratch = Scratch::new();
    let train = "train --dataset digits --network small.toml --steps 400";
    let ran = scratch.run(0, train);
    for part in [
        "small on digits: 658 parameters, batch 8, until step 400 — about ",
        "epoch 1 done at step 169: validation loss ",
        "epoch 2 done at step 338: validation loss ",
        "trained 400 steps, 3,196 images in ",
        "step 400: validation loss ",
        " of 150 images; not recorded)",
        "recorded every step in runs: ",
        "\nnext:\n  revacnn log\n  revacnn show main@200 --layer conv1\n  revacnn fork main@200 --edit '",
        "\n  revacnn evaluate main@best --split test\n",
    ] {
        assert!(ran.out.contains(part), "`{part}` is not in\n{}", ran.out);
    }
    assert_eq!(ran.err, "");
    // What it says to try works.
    for line in ran.out.split("next:\n").nth(1).expect("commands").lines() {
        assert_eq!(tried(&scratch, line.trim()).code, Some(0), "{line}");
    }
}

#[test]
fn the_same_definition_goes_on_and_a_finished_one_says_so() {
    let scratch = Scratch::new();
    let text = "train --dataset digits --network small.toml";
    scratch.run(0, &format!("{text} --steps 30"));
    let finished = scratch.run(0, &format!("{text} --steps 30")).out;
    assert!(finished.contains("branch main is at step 30 already: nothing to train"), "{finished}");
    let shorter = scratch.run(0, &format!("{TRAIN} --steps 12")).json();
    assert_eq!(
        (&shorter["ended"], &shorter["step"], &shorter["steps"]),
        (&"already-done".into(), &30.into(), &0.into())
    );
    let ran = scratch.run(0, &format!("{text} --steps 45")).out;
    assert!(ran.contains("branch main goes on after step 30"), "{ran}");
    let resumed = scratch.run(0, &format!("{TRAIN} --steps 60"));
    let event: serde_json::Value = serde_json::from_str(resumed.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&event["event"], &event["step"]), (&"resumed".into(), &45.into()));

    let other = Scratch::new();
    let undisturbed = other.run(0, &format!("{TRAIN} --steps 60")).json();
    assert_eq!(resumed.json()["digest"], undisturbed["digest"]);
}

/// The defaults are those of a new branch: one that exists has its own.
#[test]
fn a_branch_goes_on_as_it_is_where_nothing_else_is_asked_for() {
    let made = "train --dataset digits --network small.toml --optimizer adadelta,epsilon=1e-6,rho=0.9 --batch-size 3 \
                --seed 4 --schedule step,every=5,factor=0.5 --weight-decay 0.001 --validate-every 5 --probe 2 \
                --fidelity keyframes --keyframe-interval 7 --steps 10";
    let scratch = Scratch::new();
    scratch.run(0, made);
    for (steps, asked) in [
        (15, ""),
        (16, "--optimizer adadelta"),
        (17, "--dataset digits --network small.toml --seed 4"),
        (18, "--schedule step,every=5,factor=0.5 --batch-size 3"),
    ] {
        let ran = scratch.run(0, &format!("train --steps {steps} {asked}")).out;
        assert!(ran.contains("branch main goes on after step 1"), "{ran}");
    }
    let digest = |scratch: &Scratch| scratch.run(0, "show main@18 --json").json()["digest"].clone();
    let undisturbed = Scratch::new();
    undisturbed.run(0, &made.replace("--steps 10", "--steps 18"));
    assert_eq!(digest(&scratch), digest(&undisturbed));
    for (asked, difference) in [
        ("--optimizer adadelta,epsilon=1e-8", "\n  epsilon: 1e-6 → 1e-8\n"),
        ("--learning-rate 0.5", "\n  learning-rate: 1.0 → 0.5\n"),
        ("--schedule constant", "\n  schedule: step,every=5,factor=0.5 from step 0 → constant\n"),
        ("--dataset shapes", "\n  dataset: digits (7d5646161055) → shapes ("),
        ("--network paper", "\n  conv1 filters: 4 → 16\n"),
    ] {
        let refused = scratch.run(1, &format!("train --steps 30 {asked}"));
        assert!(refused.err.contains(difference), "`{difference}` is not in {}", refused.err);
    }
    // A fork goes on with what its edits made of it.
    let mut fork = scratch.command("fork main@17 --name child --edit");
    assert_eq!(Ran::of(fork.arg("set schedule cosine,over=9").output().expect("it starts")).code, Some(0));
    let ran = scratch.run(0, "train --branch child --steps 20").out;
    assert!(ran.contains("branch child goes on after step 17"), "{ran}");
}

/// An edit that leaves a parameter out means the default of when it was made.
#[test]
fn an_edit_of_an_older_program_keeps_its_default() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --optimizer sgd --learning-rate 0.01 --steps 6"));
    let fork = |name: &str, optimizer: &str| {
        let mut command = scratch.command(&format!("fork main@4 --name {name} --steps 8 --edit"));
        assert_eq!(
            Ran::of(command.arg(format!("set optimizer {optimizer}")).output().expect("it starts")).code,
            Some(0)
        );
        let branches = std::fs::read_dir(scratch.path("runs/branches")).expect("branches");
        let files = branches.map(|branch| branch.expect("a branch").path().join("branch.json"));
        let records = files.map(|file| {
            let text = std::fs::read(&file).expect("a record");
            (file, serde_json::from_slice::<serde_json::Value>(&text).expect("JSON"))
        });
        records.into_iter().find(|(_, record)| record["name"] == name).expect("the branch's record")
    };
    let (file, mut record) = fork("old", "adadelta,epsilon=1e-6,rho=0.9");
    // As programs wrote it whose default that was.
    let edit = &mut record["edits"][0]["change"]["set"]["optimizer"];
    assert_eq!(edit.as_object_mut().expect("an optimizer").remove("epsilon"), Some(json!(1e-6)));
    std::fs::write(file, record.to_string()).expect("written");
    assert!(scratch.run(0, "log").out.contains("set optimizer adadelta,rho=0.9"));
    scratch.run(0, "verify old");
    // A new edit says what its default was.
    let (_, record) = fork("new", "adadelta");
    assert_eq!(record["definition"]["optimizer"]["epsilon"], json!(1e-8));
    assert!(scratch.run(0, "log").out.contains("set optimizer adadelta,epsilon=1e-8"));
    scratch.run(0, "verify new");
}

#[test]
fn another_definition_shows_the_difference_and_changes_nothing() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 10 --validate-every 5"));
    let before = contents(&scratch);
    let train = "train --network small.toml --dataset digits --steps 20";
    for (arguments, difference) in [
        ("--validate-every 5 --seed 3 --batch-size 4", "\n  batch-size: 8 → 4\n  seed: 0 → 3\n"),
        ("--validate-every 5 --learning-rate 0.5", "\n  learning-rate: 0.001 → 0.5\n"),
        ("--validate-every 5 --optimizer sgd", "\n  optimizer: adam → sgd\n"),
        ("--validate-every 5 --probe 3,17", "\n  probe: 0 → 3,17\n"),
        ("--validate-every 5 --fidelity keyframes", "\n  fidelity: every → keyframes\n"),
        ("--validate-every 7", "\n  validate-every: 5 → 7\n"),
    ] {
        let ran = scratch.run(1, &format!("{train} {arguments}"));
        assert!(ran.err.contains("branch `main` exists and is another run"), "{}", ran.err);
        assert!(ran.err.contains(difference), "`{difference}` is not in {}", ran.err);
        assert!(ran.err.contains("--branch"), "{}", ran.err);
    }
    for (arguments, difference) in [
        ("--network 20-20-20 --dataset digits", "\n  conv1 filters: 4 → 20\n"),
        ("--network small.toml --dataset shapes", "\n  dataset: digits (7d5646161055) → shapes ("),
    ] {
        let ran = scratch.run(1, &format!("train --steps 20 --validate-every 5 {arguments}"));
        assert!(ran.err.contains(difference), "`{difference}` is not in {}", ran.err);
    }
    assert_eq!(contents(&scratch), before);
    scratch.run(0, &format!("{TRAIN} --steps 11 --validate-every 5"));
}

#[test]
fn equal_runs_have_equal_digests_with_any_threads_recorded_or_not() {
    let scratch = Scratch::new();
    let train = format!("{TRAIN} --batch-size 12 --steps 60");
    let mut digests = Vec::new();
    for options in
        ["--threads 1", "--threads 2", "--threads 3", "--fidelity keyframes", "--probe 3,17 --validate-every 7"]
    {
        let branch = format!("b{}", digests.len());
        digests.push(scratch.run(0, &format!("{train} --branch {branch} {options}")).json()["digest"].clone());
    }
    for threads in 1..=3 {
        let ran = scratch.run(0, &format!("{train} --no-record --store nowhere --threads {threads}"));
        digests.push(ran.json()["digest"].clone());
        assert!(!scratch.path("nowhere").exists());
    }
    assert!(digests[0].is_string() && digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    let other = scratch.run(0, &format!("{train} --no-record --seed 1")).json();
    assert_ne!(other["digest"], digests[0]);
}

#[test]
fn a_divergence_ends_with_code_3_and_everything_up_to_it_is_there() {
    let scratch = Scratch::new();
    let train =
        "train --dataset digits --network small.toml --steps 900 --optimizer sgd --learning-rate 3 --batch-size 4";
    let ran = scratch.run(3, train);
    let step = scratch.run(0, "log --json").json()["last_step"].as_u64().expect("a step");
    assert!(ran.err.contains(&format!("training diverged: the loss is not finite at step {step};")), "{}", ran.err);
    let from = step.saturating_sub(10);
    let advice = ran.err.split('`').nth(1).expect("a command to try");
    assert!(advice.starts_with(&format!("revacnn fork main@{from} --edit 'set learning-rate 0.3'")), "{}", ran.err);
    for at in [0, from, step - 1, step] {
        assert_eq!(scratch.run(0, &format!("show main@{at} --json")).json()["step"], at);
    }
    assert!(scratch.run(0, &format!("show main@{} --json", step - 1)).json()["loss"].is_f64());
    assert!(scratch.run(0, &format!("show main@{step} --json")).json()["loss"].is_null());
    // Sealed, with the event.
    let branch = std::fs::read_dir(scratch.path("runs/branches")).expect("branches").next().expect("one").expect("it");
    let files = |table: &str| std::fs::read_dir(branch.path().join(table)).map_or(0, Iterator::count);
    assert_eq!((files("tail"), files("steps"), files("events")), (0, 1, 1));

    // Going on leads nowhere, and says so.
    let again = scratch.run(3, train);
    assert!(again.err.contains(&format!("branch main has diverged: at step {step}")), "{}", again.err);
    assert!(again.err.contains(advice), "{}", again.err);
    assert_eq!(scratch.run(0, "log --json").json()["last_step"], step);
    // What it says to try makes a fork before it, whether a tenth is enough or not.
    let fork = tried(&scratch, advice);
    assert!(matches!(fork.code, Some(0 | 3)), "{advice}: {fork:?}");
    assert_eq!(scratch.run(0, "log --json").out.lines().count(), 2);
}

#[test]
fn a_divergence_of_the_weights_names_their_layer() {
    let scratch = Scratch::new();
    let ran = scratch
        .run(3, &format!("{TRAIN} --no-record --steps 9 --optimizer sgd --learning-rate 1e20 --weight-decay 1e30"));
    assert!(ran.err.contains("a parameter of layer ") && ran.err.contains(" is not finite at step 1;"), "{}", ran.err);
    let event = ran.json();
    assert_eq!(event["event"], "error");
    assert!(ran.err.contains(event["message"].as_str().expect("a text")), "{}", ran.err);
    let summary: serde_json::Value =
        ran.out.lines().rev().nth(1).map(|line| serde_json::from_str(line).unwrap()).unwrap();
    assert_eq!((&summary["ended"], &summary["step"]), (&json!("diverged"), &json!(1)));
}

#[test]
fn a_branch_is_named_by_its_place_or_by_an_option() {
    let scratch = Scratch::new();
    let train = TRAIN.replacen("train", "train small", 1);
    scratch.run(0, &format!("{train} --steps 6"));
    scratch.run(0, &format!("{TRAIN} --branch other --steps 2"));
    scratch.run(0, "fork small@3 wider");
    scratch.run(0, "fork small@3 --name twin");
    let listed = scratch.run(0, "log --json").out;
    for name in ["small", "other", "wider", "twin"] {
        assert!(listed.contains(&format!("\"branch\":\"{name}\"")), "{name}: {listed}");
    }
    // A name that is another branch's id would take its place.
    let id = scratch.run(0, "log --json").json()["id"].as_str().expect("an id").to_owned();
    for command in [format!("fork small@3 {id}"), format!("rename twin {id}")] {
        assert!(scratch.run(1, &command).err.contains(&format!("already has a branch `{id}`")), "{command}");
    }
    // Both at once would hide one of them.
    assert!(scratch.run(2, &format!("{train} --branch other --steps 6")).err.contains("cannot be used with"));
    assert!(scratch.run(2, "fork small@3 one --name two").err.contains("cannot be used with"));
    assert!(scratch.run(2, "fork small@3 one --dry-run").err.contains("cannot be used with"));
}
