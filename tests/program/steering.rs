//! `steer`: another process pauses a training, moves it step by step, forks
//! it, and ends it.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::{Ran, Scratch, TRAIN};

/// Steers with an edit that has spaces in it.
fn edit(scratch: &Scratch, branch: &str, edit: &str) -> Ran {
    let output = scratch.command(&format!("steer {branch} --json")).args(["--edit", edit]).output();
    Ran::of(output.expect("the program starts"))
}

#[test]
fn a_training_is_steered_from_another_process() {
    let scratch = Scratch::new();
    let idle = "no process trains branch `main` now";
    scratch.run(0, &format!("{TRAIN} --steps 10 --fidelity keyframes"));
    assert!(scratch.run(1, "steer main --pause").err.contains(idle));
    assert!(scratch.run(2, "steer main").err.contains("--pause"), "it must say what it can be asked");
    assert!(scratch.run(2, "steer main --pause --step").err.contains("cannot be used with"));

    let mut command = scratch.command("resume main --steps 1000000000 --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // Its first line comes after its inbox is open.
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    output.read_line(&mut said).expect("a line");
    assert!(said.contains("\"resumed\""), "{said}");
    let paused = scratch.run(0, "steer main --pause --json").json();
    assert_eq!((&paused["branch"], &paused["paused"]), (&"main".into(), &true.into()));
    let at = paused["step"].as_u64().expect("a step");
    let stepped = scratch.run(0, "steer main --step --json").json();
    assert_eq!((&stepped["step"], &stepped["paused"]), (&(at + 1).into(), &true.into()));
    let text = scratch.run(0, "steer main --step").out;
    assert_eq!(text.replace(',', ""), format!("main made step {} and waits\n", at + 2));

    let refused = edit(&scratch, "main", "remove-filter conv1/9");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("refused: cannot remove-filter conv1/9: conv1 has no filter 9"), "{refused:?}");
    let unread = edit(&scratch, "main", "grow conv1");
    assert_eq!(unread.code, Some(2), "{unread:?}");

    let forked = edit(&scratch, "main", "add-filter conv1");
    let answer = forked.json();
    assert_eq!((&answer["branch"], &answer["step"]), (&"main~2".into(), &(at + 2).into()), "{forked:?}");
    assert!(scratch.run(1, "steer main --resume").err.contains(idle), "the training is in the child now");
    let resumed = scratch.run(0, "steer main~2 --resume").out;
    assert!(resumed.starts_with("main~2 goes on after step "), "{resumed}");
    let stopped = scratch.run(0, "steer main~2 --stop").out;
    assert!(stopped.starts_with("main~2 ends at step "), "{stopped}");

    output.read_to_string(&mut said).expect("lines");
    let ran = Ran::of(child.wait_with_output().expect("the program"));
    assert_eq!(ran.code, Some(130), "{said}\n{ran:?}");
    for event in ["\"paused\"", "\"refused\"", "\"forked\"", "\"resumed-by-request\""] {
        assert!(said.contains(&format!("\"event\":{event}")), "{event} is not in {said}");
    }
    // Both are whole, and the steered child is a fork like any other.
    assert_eq!(scratch.run(0, "show main --json").json()["step"], at + 2);
    let verified = scratch.run(0, "verify main~2 --json").json();
    assert_eq!((&verified["from"], &verified["origin"]), (&(at + 2).into(), &true.into()));
}
