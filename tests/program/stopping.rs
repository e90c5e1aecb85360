//! Ctrl-C, and output that nobody reads any more.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process;
use crate::support::{Ran, Scratch, TRAIN};

#[test]
fn ctrl_c_stops_at_a_steps_end_with_everything_written() {
    for fidelity in ["every", "keyframes"] {
        let scratch = Scratch::new();
        let train = format!("{TRAIN} --batch-size 32 --fidelity {fidelity}");
        let mut command = heard(&scratch.command(&format!("{train} --steps 1000000000")));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let branches = scratch.path("runs/branches");
        process::wait_for(&mut child, || {
            let branch = std::fs::read_dir(&branches).ok()?.next()?.ok()?.path();
            std::fs::read_dir(branch.join("steps")).ok()?.next().map(drop)
        });
        send("INT", &child);
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

/// The command where no signal is ignored from the start, as it is in what a
/// script runs in the background.
fn heard(command: &Command) -> Command {
    let mut heard = Command::new("env");
    heard.arg("--default-signal=INT,TERM,HUP").arg(command.get_program()).args(command.get_args());
    heard.current_dir(command.get_current_dir().expect("a folder")).env_remove("REVACNN_DATA");
    heard
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
    assert!(sent.expect("a shell").success());
}

/// A training whose step takes a second or more, in its first step, with its
/// error output.
fn long_step(scratch: &Scratch) -> (Child, BufReader<ChildStderr>) {
    let train = "train --steps 1000 --batch-size 600 --threads 1 --fidelity keyframes --json";
    let mut command = heard(&scratch.command(train));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let branches = scratch.path("runs/branches");
    // It looks into its inbox before its first step.
    process::wait_for(&mut child, || {
        let branch = std::fs::read_dir(&branches).ok()?.next()?.ok()?.path();
        branch.join("inbox").is_dir().then_some(())
    });
    std::thread::sleep(Duration::from_millis(100));
    let error = BufReader::new(child.stderr.take().expect("a pipe"));
    (child, error)
}

/// Sends Ctrl-C, and waits for what is said to it.
#[track_caller]
fn interrupt(child: &Child, error: &mut BufReader<ChildStderr>, says: &str) {
    send("INT", child);
    let mut line = String::new();
    error.read_line(&mut line).expect("a line");
    assert!(line.starts_with(says), "{line}");
}

#[test]
fn a_second_ctrl_c_waits_for_a_committed_step_and_a_third_ends_at_once() {
    let scratch = Scratch::new();
    let (mut child, mut error) = long_step(&scratch);
    interrupt(&child, &mut error, "stopping at the end of this step; again: without the closing evaluation");
    interrupt(&child, &mut error, "still stopping: what was trained is being written; once more ends at once");
    let mut said = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{said}");
    let summary: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&summary["ended"], &summary["step"]), (&"interrupted".into(), &1.into()), "{said}");
    assert_eq!(summary["validation_accuracy"], Value::Null, "{said}");
    let shown = scratch.run(0, "show main@last --json").json();
    assert_eq!((&shown["step"], &shown["digest"]), (&1.into(), &summary["digest"]));

    let scratch = Scratch::new();
    let (mut child, mut error) = long_step(&scratch);
    interrupt(&child, &mut error, "stopping");
    interrupt(&child, &mut error, "still stopping");
    interrupt(&child, &mut error, "ended at once");
    let mut said = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), &said[..]), (Some(130), ""));
    // The step is made again, to the same bits.
    let train = "train --steps 1 --batch-size 600 --fidelity keyframes --json";
    assert_eq!(scratch.run(0, train).json()["digest"], summary["digest"]);
}

/// What `nohup` ignores ended the training, and so did Ctrl-C in a script that
/// had put it into the background.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored() {
    let scratch = Scratch::new();
    let train = format!("{TRAIN} --steps 1000000000 --fidelity keyframes");
    let script = format!("trap '' HUP INT; exec {} {train}", env!("CARGO_BIN_EXE_revacnn"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(scratch.path(".")).env_remove("REVACNN_DATA");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let last_step = |scratch: &Scratch| {
        let log = Ran::of(scratch.command("log --json").output().expect("the program starts"));
        log.out.lines().last().and_then(|_| log.json()["last_step"].as_u64())
    };
    let before = process::wait_for(&mut child, || last_step(&scratch));
    for signal in ["HUP", "INT", "HUP", "INT", "INT"] {
        send(signal, &child);
    }
    process::wait_for(&mut child, || last_step(&scratch).filter(|&step| step > before + 100));
    send("TERM", &child);
    let ran = Ran::of(child.wait_with_output().expect("the program"));
    assert_eq!((ran.code, &ran.json()["ended"]), (Some(130), &"interrupted".into()), "{ran:?}");
}

/// `head -1` ended a training at step 1,014, with exit code 0 and no word.
#[test]
fn training_goes_on_without_who_read_its_output() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20 --branch first"));
    let warning = "warning: nobody reads the output any more: training goes on without it\n";
    for (arguments, branch, last) in [
        ("train --dataset digits --network small.toml --steps 700", "main", 700),
        ("train --dataset digits --network small.toml --steps 700 --branch json --json", "json", 700),
        ("fork first@10 --name forked --steps 700", "forked", 700),
        ("resume first --steps 700", "first", 700),
    ] {
        let mut command = scratch.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "{arguments}");
        let ran = Ran::of(child.wait_with_output().expect("the program"));
        assert_eq!((ran.code, &ran.err[..]), (Some(0), warning), "{arguments}: {ran:?}");
        let shown = scratch.run(0, &format!("show {branch} --json")).json();
        assert_eq!(shown["step"], last, "{arguments}");
    }
    // The end code is still that of what was done.
    let diverges = "train --dataset digits --network small.toml --branch far --steps 900 --batch-size 4 --optimizer sgd \
                    --learning-rate 3";
    assert_eq!(unread(&scratch, diverges, Command::stdout).code, Some(3));
    // What is to be freed is freed, whoever reads the list of it.
    assert_eq!(unread(&scratch, "delete forked", Command::stdout).code, Some(0));
    assert_eq!(unread(&scratch, "gc --yes", Command::stdout).code, Some(0));
    assert!(scratch.run(1, "delete forked --undo").err.contains("nothing is in the trash"));
}

/// A full disk beneath the output.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_told_and_training_goes_on() {
    let scratch = Scratch::new();
    let onto_full = |arguments: &str| {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
        Ran::of(scratch.command(arguments).stdout(full).output().expect("the program starts"))
    };
    let error = "error: cannot write the output: No space left on device (os error 28)\n";
    let ran = onto_full(&format!("{TRAIN} --steps 400"));
    let warning =
        "warning: cannot write the output: No space left on device (os error 28); training goes on without it\n";
    assert_eq!((ran.code, ran.err), (Some(1), format!("{warning}{error}")));
    assert_eq!(scratch.run(0, "show main --json").json()["step"], 400);
    for arguments in ["log", "show main", "rename main trunk", "data list", "--help", "log --help", "--version"] {
        let ran = onto_full(arguments);
        assert_eq!((ran.code, &ran.err[..]), (Some(1), error), "{arguments}");
    }
    assert_eq!(scratch.run(0, "show trunk --json").json()["step"], 400, "it was renamed");
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
        "rename main trunk",
        "rename trunk main",
        "verify main",
        "compact main",
        "materialise main",
    ] {
        let ran = unread(&scratch, arguments, Command::stdout);
        assert_eq!((ran.code, &ran.err[..]), (Some(0), ""), "{arguments}: {ran:?}");
    }
    for arguments in [
        "train --dataset digits --network small.toml --steps 30 --branch text",
        "train --dataset digits --network small.toml --steps 20 --fidelity keyframes",
        "train --dataset digits --network small.toml --steps 30 --branch json --json",
        "train --dataset digits --network small.toml --steps 30 --no-record",
    ] {
        let ran = unread(&scratch, arguments, Command::stdout);
        let warning = "warning: nobody reads the output any more: training goes on without it\n";
        assert_eq!((ran.code, &ran.err[..]), (Some(0), warning), "{arguments}: {ran:?}");
    }
    for (code, arguments) in
        [(1, "show main@99"), (1, "show nowhere"), (1, "log --store nowhere"), (2, "train --network nope")]
    {
        assert_eq!(unread(&scratch, arguments, Command::stderr).code, Some(code), "{arguments}");
        assert_eq!(unread(&scratch, &format!("{arguments} --json"), Command::stdout).code, Some(code), "{arguments}");
    }
    // Whatever was begun goes on.
    assert_eq!(scratch.run(0, &format!("{TRAIN} --branch text --steps 30")).json()["step"], 30);
}
