//! Ctrl-C, and output that nobody reads any more.

#![cfg(unix)]

use std::process::{Command, Stdio};

use crate::process;
use crate::support::{Ran, Scratch, TRAIN};

#[test]
fn ctrl_c_stops_at_a_steps_end_with_everything_written() {
    for fidelity in ["every", "keyframes"] {
        let scratch = Scratch::new();
        let train = format!("{TRAIN} --batch-size 32 --fidelity {fidelity}");
        let mut command = scratch.command(&format!("{train} --steps 1000000000"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let branches = scratch.path("runs/branches");
        process::wait_for(&mut child, || {
            let branch = std::fs::read_dir(&branches).ok()?.next()?.ok()?.path();
            std::fs::read_dir(branch.join("steps")).ok()?.next().map(drop)
        });
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
        assert!(sent.expect("a shell").success());
        let ran = Ran::of(child.wait_with_output().expect("the program"));
        assert_eq!(ran.code, Some(130), "{ran:?}");
        let summary = ran.json();
        assert_eq!(summary["ended"], "interrupted");
        let step = summary["step"].as_u64().expect("a step");
        assert_eq!(scratch.run(0, "log --json").json()["last_step"], step);
        let shown = scratch.run(0, "show main@last --json").json();
        assert_eq!((&shown["step"], &shown["digest"]), (&summary["step"], &summary["digest"]));
        let branch = std::fs::read_dir(&branches).expect("branches").next().expect("one").expect("an entry").path();
        assert_eq!(std::fs::read_dir(branch.join("tail")).expect("a folder").count(), 0, "all is sealed");

        // The next run goes on to the digest of a run that was not stopped.
        let end = step + 40;
        let resumed = scratch.run(0, &format!("{train} --steps {end}"));
        assert!(resumed.out.starts_with("{\"event\":\"resumed\""), "{resumed:?}");
        let undisturbed = scratch.run(0, &format!("{train} --no-record --steps {end}")).json();
        assert_eq!(resumed.json()["digest"], undisturbed["digest"]);
    }
}

/// Runs the program with an output whose reader has gone.
fn unread(scratch: &Scratch, arguments: &str, output: fn(&mut Command, Stdio) -> &mut Command) -> Ran {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = scratch.command(arguments);
    output(&mut command, writer.into());
    Ran::of(command.output().expect("the program starts"))
}

#[test]
fn an_output_that_nobody_reads_is_no_panic() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    for arguments in [
        "log",
        "log --json",
        "show main",
        "show main --json",
        "show main --layer conv1 --filter 2",
        "evaluate main",
        "evaluate main --json",
        "data list",
        "data list --json",
        "data check digits",
        "--help",
        "train --help",
        "train --dataset digits --network small.toml --steps 30 --branch text",
        "train --dataset digits --network small.toml --steps 20",
        "train --dataset digits --network small.toml --steps 30 --branch json --json",
        "train --dataset digits --network small.toml --steps 30 --no-record",
    ] {
        let ran = unread(&scratch, arguments, Command::stdout);
        assert_eq!((ran.code, &ran.err[..]), (Some(0), ""), "{arguments}: {ran:?}");
    }
    for arguments in ["show main@99", "show nowhere", "log --store nowhere", "train --network nope"] {
        assert_eq!(unread(&scratch, arguments, Command::stderr).code, Some(1), "{arguments}");
        assert_eq!(unread(&scratch, &format!("{arguments} --json"), Command::stdout).code, Some(1), "{arguments}");
    }
    // Whatever was begun goes on.
    assert_eq!(scratch.run(0, &format!("{TRAIN} --branch text --steps 30")).json()["step"], 30);
}
