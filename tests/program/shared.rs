//! Stores that are damaged, that others change meanwhile, or that lie where others
//! leave files, and forks that were cut short.

use std::fs;
use std::path::PathBuf;

use revacnn_schemas::{ForeignProducer, Producer};
use revacnn_store::{NewBranch, Store};
use serde_json::Value;

use crate::support::{Ran, Scratch, TRAIN};

fn id(scratch: &Scratch, name: &str) -> String {
    let log = Ran::of(scratch.command("log --json").output().expect("the program starts")).out;
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.find(|line| line["branch"] == name).expect("the branch")["id"].as_str().expect("an id").to_owned()
}

fn folder(scratch: &Scratch, name: &str) -> PathBuf {
    scratch.path(format!("runs/branches/branch={}", id(scratch, name)))
}

/// Takes a fork's own steps away, as a kill before the first one leaves it.
fn cut_short(scratch: &Scratch, name: &str) {
    let folder = folder(scratch, name);
    for entry in fs::read_dir(&folder).expect("the branch") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("topology") {
            fs::remove_dir_all(&path).expect("a table");
            fs::create_dir(&path).expect("an empty one");
        }
    }
}

/// It was told as its parent's, all steps shared, without a word of its edit.
#[test]
fn a_fork_that_ended_before_its_first_step_is_said_to_be_unfinished() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    let mut fork = scratch.command("fork main@9 --name cut --edit");
    assert!(fork.arg("add-filter fc1").output().expect("it starts").status.success());
    cut_short(&scratch, "cut");
    let unfinished = "branch `cut` is unfinished: its fork ended before its first step, 9, was recorded";
    for command in ["diff main cut", "diff cut main --json", "compare main cut", "compact cut"] {
        let ran = scratch.run(1, command);
        assert!(ran.err.contains(unfinished), "{command}: {ran:?}");
        assert!(ran.err.contains("revacnn resume cut"), "{command}: {ran:?}");
    }
    for command in ["show cut", "evaluate cut", "diff main@3 cut@3"] {
        let ran = scratch.run(0, command);
        assert!(ran.err.contains(unfinished), "{command}: {ran:?}");
    }
    let log = scratch.run(0, "log").out;
    assert!(log.contains("unfinished: resume it"), "{log}");
    scratch.run(0, "resume cut --steps 12 --json");
    assert_eq!(scratch.run(0, "diff main cut --json").json()["shared_steps"], serde_json::json!([0, 8]));
    assert!(scratch.run(0, "log").out.lines().all(|line| !line.contains("unfinished")));
}

/// It exited with 0, and advised a resume that was refused.
#[test]
fn a_fork_of_what_is_not_finite_is_refused_with_a_step_before_it() {
    let scratch = Scratch::new();
    scratch.run(3, &format!("{TRAIN} --optimizer sgd --learning-rate 1e30 --steps 30"));
    let last = scratch.run(0, "log --json").json()["last_step"].as_u64().expect("a step");
    for command in [format!("fork main@{last} --name twin"), format!("fork main@{last} --dry-run")] {
        let ran = scratch.run(3, &command);
        assert!(ran.err.contains(&format!("at step {last} a value is not finite")), "{ran:?}");
        assert!(ran.err.contains("Try `revacnn fork main@"), "{ran:?}");
    }
    assert_eq!(scratch.run(0, "log --json").out.lines().count(), 1);
}

#[test]
fn one_unreadable_branch_stands_in_nobody_elses_way() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    scratch.run(0, "fork main@9 --name child --steps 12 --json");
    scratch.run(0, &format!("{TRAIN} --seed 9 --branch other --steps 5"));
    let description = folder(&scratch, "main").join("branch.json");
    fs::write(&description, "{").expect("damage");
    let unknown = scratch.run(1, "show main").err;
    assert!(unknown.contains("and 1 that cannot be read"), "{unknown}");
    scratch.run(0, "delete child");
    scratch.run(0, "delete child --undo");
    scratch.run(0, "delete child");
    let gc = scratch.run(1, "gc").err;
    assert!(gc.contains("1 of the store's branches cannot be read, and may have been forked from it"), "{gc}");
    if cfg!(feature = "sql") {
        let query = |sql: &str| Ran::of(scratch.command("query").arg(sql).output().expect("it starts"));
        let other = query("SELECT COUNT(*) AS steps FROM steps WHERE branch = 'other'");
        assert_eq!(other.code, Some(0), "{other:?}");
        for partial in ["SELECT COUNT(*) FROM steps", "SELECT COUNT(*) FROM steps WHERE branch IN ('other', 'main')"] {
            assert_eq!(query(partial).code, Some(1), "{partial}");
        }
    }
}

/// What is refused by the parser is repeated by it.
#[test]
fn arguments_that_are_refused_are_on_one_line_and_run_in_one_direction() {
    let scratch = Scratch::new();
    let evil = "x\u{202e}\nmain steps 0–600 are what they say";
    for arguments in [
        vec!["train", "--store", &format!("~/{evil}")],
        vec!["log", &format!("--foo{evil}")],
        vec![evil],
        vec!["show", &format!("main@1{evil}")],
        vec!["plot", "loss", evil, "-o", "x.png"],
    ] {
        let ran = Ran::of(scratch.command("").args(&arguments).output().expect("it starts"));
        let misleads =
            |text: &str| text.contains('\u{202e}') || text.lines().any(|line| line.starts_with("main steps"));
        assert!(!misleads(&ran.out) && !misleads(&ran.err), "{arguments:?}: {ran:?}");
        assert!(ran.code != Some(0) && ran.err.contains("are what they say"), "{arguments:?}: {ran:?}");
    }
}

/// A kind of a layer that is a line of ours, turned round.
#[test]
fn what_a_stranger_wrote_is_on_one_line_and_runs_in_one_direction() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 5"));
    let path = folder(&scratch, "main").join("branch.json");
    let text = fs::read_to_string(&path).expect("a description");
    let evil = "x\\u202e\\nmain steps 0–600 are what they say";
    let misleads =
        |text: &str| text.contains('\u{202e}') || text.lines().any(|line| line.starts_with("main steps 0–600"));
    for place in [
        "\"kind\": \"conv\"",
        "\"kind\": \"adam\"",
        "\"name\": \"small\"",
        "\"name\": \"digits\"",
        "\"fidelity\": \"every\"",
    ] {
        let (key, _) = place.split_once(": ").expect("a member");
        assert!(text.contains(place), "{place} is not in {text}");
        fs::write(&path, text.replace(place, &format!("{key}: \"{evil}\""))).expect("a stranger's description");
        for command in [
            "log",
            "log --json",
            "show main",
            "show main --json",
            "verify main",
            "gc",
            "diff main main",
            "evaluate main",
        ] {
            let ran = Ran::of(scratch.command(command).output().expect("it starts"));
            assert!(!misleads(&ran.out) && !misleads(&ran.err), "{place}, {command}: {ran:?}");
        }
    }
    fs::write(&path, text).expect("the own description");
    let named = Ran::of(scratch.command("log --store").arg("x\u{202e}\nmain steps 0–600").output().expect("it starts"));
    assert!(!misleads(&named.err) && named.code == Some(1), "{named:?}");
}

#[test]
fn what_systems_leave_in_a_folder_is_no_obstacle_to_a_store() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("runs/lost+found")).expect("a folder");
    for name in [".gitkeep", ".DS_Store", "._.DS_Store"] {
        fs::write(scratch.path("runs").join(name), "").expect("a file");
    }
    scratch.run(0, &format!("{TRAIN} --steps 2"));
    fs::create_dir_all(scratch.path("other")).expect("a folder");
    fs::write(scratch.path("other/thesis.tex"), "").expect("a file");
    assert!(scratch.run(1, &format!("{TRAIN} --steps 2 --store other")).err.contains("thesis.tex"));
}

#[test]
fn a_tilde_that_the_shell_left_is_told() {
    let scratch = Scratch::new();
    let ran = scratch.run(2, &format!("{TRAIN} --steps 2 --store=~/x"));
    assert!(ran.err.contains("the shell has left the `~`"), "{ran:?}");
    assert!(!scratch.path("~").exists());
    scratch.run(0, &format!("{TRAIN} --steps 2 --store=./~/x"));
}

/// What is deleted while one looks is no error.
#[test]
fn looking_beside_a_delete_is_no_failure() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 3"));
    for name in ["a", "b", "c"] {
        scratch.run(0, &format!("fork main@2 --name {name} --json"));
    }
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for name in ["a", "b", "c"] {
                    let _ = scratch.command(&format!("delete {name}")).output();
                }
                for name in ["a", "b", "c"] {
                    let _ = scratch.command(&format!("delete {name} --undo")).output();
                }
            }
        });
        let ran: Vec<Ran> = (0..200)
            .map(|place| if place % 2 == 0 { "log --json" } else { "gc --json" })
            .map(|command| Ran::of(scratch.command(command).output().expect("it starts")))
            .collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let failed: Vec<&Ran> = ran.iter().filter(|ran| ran.code != Some(0)).collect();
        assert!(failed.is_empty(), "{} of {}: {:?}", failed.len(), ran.len(), failed[0]);
    });
}

#[test]
fn gc_says_why_it_did_not_ask() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 3"));
    scratch.run(0, "fork main@2 --name twin --json");
    scratch.run(0, "delete twin");
    let said = scratch.run(0, "gc").out;
    assert!(said.contains("nothing was freed: it asks on a terminal alone"), "{said}");
}

/// `show` counted from 0 where `epoch:N` counts from 1.
#[test]
fn epochs_are_counted_from_one() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --batch-size 500 --steps 10 --fidelity keyframes"));
    let end = scratch.run(0, "show main@epoch:1 --json").json()["step"].as_u64().expect("a step");
    for (step, says) in [
        (0, "main@0  before epoch 1, 0 images seen".to_owned()),
        (1, "main@1  epoch 1, 500 images of it, 500 images seen".to_owned()),
        (end, format!("main@{end}  epoch 1 done")),
        (end + 1, format!("main@{}  epoch 2, 500 images of it", end + 1)),
    ] {
        let shown = scratch.run(0, &format!("show main@{step}")).out;
        assert!(shown.starts_with(&says), "{says}: {shown}");
    }
}

#[test]
fn log_tells_what_a_run_was_trained_with() {
    let scratch = Scratch::new();
    scratch.run(
        0,
        &format!("{TRAIN} --steps 3 --seed 7 --batch-size 16 --optimizer sgd,momentum=0.5 --learning-rate 0.02"),
    );
    let log = scratch.run(0, "log").out;
    let words: Vec<&str> = log.lines().next().expect("a heading").split_whitespace().collect();
    for title in ["optimizer", "rate", "batch", "seed"] {
        assert!(words.contains(&title), "{title}: {log}");
    }
    for cell in [" sgd ", " 0.02 ", " 16 ", " 7 "] {
        assert!(log.contains(cell), "{cell}: {log}");
    }
    assert!(!log.contains("momentum"), "{log}");
    let wide = scratch.run(0, "log --wide").out;
    assert!(wide.contains("momentum=0.5,weight-decay=0") && wide.contains(&id(&scratch, "main")), "{wide}");
    let json = scratch.run(0, "log --json").json();
    assert_eq!((&json["optimizer"]["momentum"], &json["batch_size"]), (&0.5.into(), &16.into()));
}

/// `log` had the program in the column of the data, the table `branches` had none,
/// and a fork was advised that is refused.
#[test]
fn a_branch_of_another_program_is_told_as_such() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 3"));
    let store = Store::open(scratch.path("runs")).expect("the store");
    let main = store.branch(&"main".parse().expect("a name")).expect("the branch");
    let theirs = NewBranch {
        name: Some("theirs".parse().expect("a name")),
        producer: Producer::Foreign(ForeignProducer {
            name: "pytorch".to_owned(),
            version: "2.5".to_owned(),
            notes: String::new(),
        }),
        recording: main.recording,
        topology: main.topology,
        parent: None,
        edits: Vec::new(),
        created_unix_seconds: 1,
    };
    store.create_branch(theirs).expect("a branch");
    let log = scratch.run(0, "log").out;
    let line = log.lines().find(|line| line.starts_with("theirs")).expect("a line");
    assert!(line.trim_end().ends_with("by pytorch 2.5") && line.matches("pytorch").count() == 1, "{log}");
    let refused = scratch.run(1, "steer theirs --pause").err;
    assert!(refused.contains("recorded by pytorch 2.5") && refused.contains("cannot steer it"), "{refused}");
    assert!(!refused.contains("next:"), "{refused}");
    if cfg!(feature = "sql") {
        let sql = "SELECT branch, producer, optimizer, learning_rate, batch_size, seed FROM branches ORDER BY branch";
        let ran = Ran::of(scratch.command("query --format csv").arg(sql).output().expect("it starts"));
        let rows: Vec<&str> = ran.out.lines().skip(1).collect();
        assert_eq!(rows, ["main,revacnn,adam,0.001,8,0", "theirs,pytorch 2.5,,,,"], "{ran:?}");
    }
}
