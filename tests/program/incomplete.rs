//! A store of which a copy broke off, or into which a folder was copied: what
//! each command says of the steps that are missing, and of two branches of one
//! name.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use revacnn_test_support::files;
use serde_json::{Value, json};

use crate::support::{Ran, Scratch, TRAIN};

/// The folder of a branch.
fn folder(scratch: &Scratch, store: &str, branch: &str) -> PathBuf {
    let log = scratch.run(0, &format!("log --json --store {store}")).out;
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let line = lines.find(|line| line["branch"] == branch).expect("the branch");
    scratch.path(format!("{store}/branches/branch={}", line["id"].as_str().expect("an id")))
}

/// Runs a command with a query, or whatever else has blanks in it.
fn ask(scratch: &Scratch, command: &str, sql: &str) -> Ran {
    Ran::of(scratch.command(command).arg(sql).output().expect("the program starts"))
}

#[test]
fn a_lost_file_of_steps_is_named_by_all_and_costs_nothing_else() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 511"));
    scratch.run(0, &format!("{TRAIN} --steps 600"));
    let branch = folder(&scratch, "runs", "main");
    let verified = scratch.run(0, "verify main --json").json()["digests"].clone();
    for (file, inside, outside) in [("000000000000-000000000511", 300, 550), ("000000000512-000000000600", 550, 300)] {
        let path = branch.join(format!("steps/{file}.parquet"));
        let named = format!("steps/{file}.parquet is missing");
        let away = scratch.path("away");
        fs::rename(&path, &away).expect("a move");
        let before = files(&branch);

        let log = scratch.run(1, "log");
        assert!(log.out.contains("main") && log.err.contains(&named), "{log:?}");
        let log = scratch.run(1, "log --json").json();
        let span = if inside == 300 { json!([[0, 511]]) } else { json!([[512, 600]]) };
        assert_eq!(log["missing_steps"], span);
        for command in [
            "verify main".to_owned(),
            "verify main --json".to_owned(),
            format!("show main@{inside}"),
            format!("fork main@{inside} --name twin"),
            format!("evaluate main@{inside}"),
            "compact main".to_owned(),
        ] {
            let ran = scratch.run(1, &command);
            assert!(ran.err.contains(&named), "{command}: {}", ran.err);
        }
        let shown = scratch.run(0, &format!("show main@{outside}"));
        assert!(shown.err.starts_with("warning: ") && shown.err.contains(&named), "{shown:?}");
        // What is there can still be verified by itself, unless the keyframe
        // that it follows from is what was lost.
        let (from, to) = if inside == 300 { (512, 600) } else { (0, 511) };
        let rest = scratch.run(i32::from(inside == 300), &format!("verify main --from {from} --to {to}"));
        assert!(inside == 550 || rest.err.contains(&named), "{rest:?}");
        if cfg!(feature = "sql") {
            let all = ask(&scratch, "query", "SELECT COUNT(*) FROM steps");
            assert!(all.code == Some(1) && all.err.contains(&named), "{all:?}");
            let sql = format!("SELECT COUNT(*) AS n FROM steps WHERE step BETWEEN {from} AND {to}");
            assert_eq!(ask(&scratch, "query --format json", &sql).json()["n"], to - from + 1);
        }
        let gc = scratch.run(1, "gc --yes");
        assert_eq!(gc.out, "nothing to free\n");
        assert!(gc.err.contains("nothing of steps") && gc.err.contains(&named), "{gc:?}");
        if inside == 550 {
            let train = scratch.run(1, &format!("{TRAIN} --steps 620"));
            assert!(train.err.contains(&named), "{train:?}");
        }
        assert_eq!(files(&branch), before, "{file}");

        fs::rename(&away, &path).expect("a move");
        assert_eq!(scratch.run(0, "log").err, "");
        assert_eq!(scratch.run(0, "verify main --json").json()["digests"], verified);
    }
    assert_eq!(scratch.run(0, "gc").out, "nothing to free\n");
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 620")).json()["step"], 620);
    scratch.run(0, "verify main");
}

#[test]
fn the_steps_that_a_short_parent_lacks_are_named() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 30"));
    scratch.run(0, "fork main@20 --name child --steps 40 --json");
    // The same run, stopped at step 12, in the parent's place.
    scratch.run(0, &format!("{TRAIN} --steps 12 --store other"));
    let main = folder(&scratch, "runs", "main");
    fs::remove_dir_all(&main).expect("a folder");
    fs::rename(folder(&scratch, "other", "main"), &main).expect("a move");
    let said = "the history of branch `child` lacks steps 13–19: it was forked from `main` at step 20";

    let log = scratch.run(1, "log");
    assert!(log.out.contains("child") && log.err.contains(said), "{log:?}");
    for (command, code) in [
        ("show child@5", 0),
        ("show child@15", 1),
        ("show child@30", 0),
        ("diff main child", 0),
        ("plot loss child -o loss.svg", 0),
        ("plot filters child@25 --layer conv1 -o filters.svg", 0),
        ("verify child --from 0 --to 40", 1),
        ("fork child@30 --name twin", 0),
    ] {
        let ran = scratch.run(code, command);
        assert!(ran.err.contains(said), "{command}: {ran:?}");
        scratch.run(0, "show main@5");
    }
    let figure = fs::read_to_string(scratch.path("loss.svg")).expect("a figure");
    assert!(figure.contains("lacks steps 13–19"), "the legend says so");
    // Its first step follows from a step that is gone.
    let verify = scratch.run(1, "verify child");
    assert!(verify.err.contains("branch `main` has no step 20"), "{verify:?}");
    if cfg!(feature = "sql") {
        let all = ask(&scratch, "query", "SELECT COUNT(*) FROM steps WHERE branch = 'child'");
        assert!(all.code == Some(1) && all.err.contains(said), "{all:?}");
        let sql = "SELECT COUNT(*) AS n FROM steps WHERE branch = 'child' AND step > 19";
        assert_eq!(ask(&scratch, "query --format json", sql).json()["n"], 21);
        let sql = "SELECT COUNT(*) AS n FROM steps WHERE branch = 'main'";
        assert_eq!(ask(&scratch, "query --format json", sql).json()["n"], 13);
    }
}

#[test]
fn two_branches_of_one_name_are_told_apart_by_their_ids() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 8"));
    scratch.run(0, &format!("{TRAIN} --steps 5 --seed 3 --store other"));
    let (first, second) = (folder(&scratch, "runs", "main"), folder(&scratch, "other", "main"));
    let name = second.file_name().expect("a name").to_owned();
    fs::rename(&second, scratch.path("runs/branches").join(&name)).expect("a move");
    let id = |path: &Path| path.to_str().and_then(|path| path.rsplit_once("branch=")).expect("an id").1.to_owned();
    let (first, second) = (id(&first), id(&second));
    let named = |ran: &Ran| {
        ran.err.contains("2 branches are named `main`")
            && [&first, &second].iter().all(|id| ran.err.contains(id.as_str()))
    };

    let log = scratch.run(1, "log");
    assert!(named(&log) && log.out.contains(&format!("main ({first})")), "{log:?}");
    assert!(log.out.contains(&format!("main ({second})")), "{log:?}");
    for command in [
        "show main",
        "diff main main",
        "plot loss main -o loss.svg",
        "evaluate main",
        "verify main",
        "fork main@3 --name twin",
        "resume main",
        "delete main",
        "rename main other",
        "steer main --pause",
        "compact main",
        &format!("{TRAIN} --steps 20"),
    ] {
        let ran = scratch.run(1, command);
        assert!(named(&ran), "{command}: {ran:?}");
    }
    for (id, last) in [(&first, 8), (&second, 5)] {
        assert_eq!(scratch.run(0, &format!("show {id}@last --json")).json()["step"], last);
        scratch.run(0, &format!("verify {id}"));
    }
    if cfg!(feature = "sql") {
        let all = ask(&scratch, "query", "SELECT COUNT(*) FROM steps");
        assert!(all.code == Some(1) && named(&all), "{all:?}");
        let one = ask(&scratch, &format!("query --format json --branch {second}"), "SELECT COUNT(*) AS n FROM steps");
        assert_eq!(one.json()["n"], 6, "{one:?}");
    }
    scratch.run(0, &format!("rename {second} other"));
    assert_eq!(scratch.run(0, "log").err, "");
    assert_eq!(scratch.run(0, "show main --json").json()["step"], 8);
    assert_eq!(scratch.run(0, "show other --json").json()["step"], 5);
}
