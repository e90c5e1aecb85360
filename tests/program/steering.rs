//! `steer`: another process pauses a training, moves it step by step, forks
//! it, and ends it.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::process::wait_for;
use crate::support::{Ran, Scratch, TRAIN};

/// Steers with an edit that has spaces in it.
pub(super) fn edit(scratch: &Scratch, branch: &str, edit: &str) -> Ran {
    let output = scratch.command(&format!("steer {branch} --json")).args(["--edit", edit]).output();
    Ran::of(output.expect("the program starts"))
}

/// A process that trains `main` on and on, and what it writes from now on.
pub(super) fn training(scratch: &Scratch) -> (Child, BufReader<ChildStdout>) {
    let mut command = scratch.command("resume main --steps 1000000000 --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // Its first line comes after its inbox is open.
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    output.read_line(&mut said).expect("a line");
    assert!(said.contains("\"resumed\""), "{said}");
    (child, output)
}

/// A letter's name, how it is written, and what the training says of it.
type Letter<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn a_training_is_steered_from_another_process() {
    let scratch = Scratch::new();
    let idle = "no process trains branch `main` now";
    scratch.run(0, &format!("{TRAIN} --steps 10 --fidelity keyframes"));
    assert!(scratch.run(1, "steer main --pause").err.contains(idle));
    assert!(scratch.run(2, "steer main").err.contains("--pause"), "it must say what it can be asked");
    assert!(scratch.run(2, "steer main --pause --step").err.contains("cannot be used with"));

    let (child, mut output) = training(&scratch);
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
    // One rule for codes, whoever applies the edit.
    let absurd = "set beta1 0.99999999999";
    let steered = edit(&scratch, "main", absurd);
    let forked = scratch.command("fork main --name x --edit").arg(absurd).output().expect("the program starts");
    assert_eq!((steered.code, forked.status.code()), (Some(2), Some(2)), "{steered:?}");

    let forked = edit(&scratch, "main", "add-filter conv1");
    let answer = forked.json();
    assert_eq!((&answer["branch"], &answer["step"]), (&"main~2".into(), &(at + 2).into()), "{forked:?}");
    assert!(scratch.run(1, "steer main --resume").err.contains(idle), "the training is in the child now");
    let resumed = scratch.run(0, "steer main~2 --resume").out;
    assert!(resumed.starts_with("main~2 goes on after step "), "{resumed}");
    let stopped = scratch.run(0, "steer main~2 --stop").out;
    assert!(stopped.starts_with("main~2 ends at step "), "{stopped}");

    let mut said = String::new();
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

/// The next line that says what was refused or could not be answered.
fn refusal(output: &mut BufReader<ChildStdout>) -> Value {
    event(output, &["refused", "unanswered"])
}

/// The next line that is one of these events.
fn event(output: &mut BufReader<ChildStdout>, events: &[&str]) -> Value {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).expect("a line") > 0, "the training ended");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        if events.iter().any(|known| event["event"] == *known) {
            return event;
        }
    }
}

/// A folder in the inbox could not be removed, and ended the training.
#[test]
fn letters_that_nobody_can_read_are_refused_and_training_goes_on() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 10 --fidelity keyframes"));
    let branch = fs::read_dir(scratch.path("runs/branches")).expect("a folder").next().expect("a branch");
    let branch = branch.expect("a branch").path();
    let (inbox, outbox) = (branch.join("inbox"), branch.join("outbox"));
    // What lay there before is no reason not to start.
    fs::create_dir_all(inbox.join("old.json")).expect("a folder");
    fs::create_dir_all(outbox.join("old.json")).expect("a folder");
    let (mut child, mut output) = training(&scratch);
    assert!(refusal(&mut output)["reason"].as_str().is_some_and(|reason| reason.contains("old.json is a folder")));
    // Nor is a folder in the way of the answer.
    assert_eq!(refusal(&mut output)["event"], "unanswered");

    let secret = scratch.path("secret");
    fs::write(&secret, r#"{"format_version":1,"command":"stop"}"#).expect("a file");
    let letters: [Letter<'_>; 8] = [
        ("garbage", &|path| fs::write(path, b"\0\xff{").unwrap(), "expected a steering request in JSON"),
        ("empty", &|path| fs::write(path, "").unwrap(), "expected a steering request in JSON"),
        (
            "huge",
            &|path| fs::File::create(path).and_then(|file| file.set_len(65 << 20)).unwrap(),
            "expected a steering request of at most 64 MB, found a larger file",
        ),
        ("deep", &|path| fs::write(path, "[".repeat(1 << 20)).unwrap(), "recursion limit"),
        (
            "newer",
            &|path| fs::write(path, r#"{"format_version":99,"command":"stop"}"#).unwrap(),
            "expected format version 1 to 5, found 99",
        ),
        ("unknown", &|path| fs::write(path, r#"{"format_version":1,"command":"explode"}"#).unwrap(), "explode"),
        ("link", &|path| std::os::unix::fs::symlink(&secret, path).unwrap(), "a symbolic link, which is not followed"),
        ("folder", &|path| fs::create_dir_all(path.join("in it")).unwrap(), "is a folder: expected a request"),
    ];
    for (name, write, says) in &letters {
        // It appears by a rename, as a request does.
        let written = scratch.path("letter");
        write(&written);
        let letter = inbox.join(format!("{name}.json"));
        fs::rename(&written, &letter).expect("a move");
        let refused = refusal(&mut output);
        assert_eq!(refused["event"], "refused", "{name}: {refused}");
        let reason = refused["reason"].as_str().expect("a reason");
        assert!(reason.contains(says) && reason.contains(name), "{name}: `{says}` is not in {reason}");
        let answer = wait_for(&mut child, || fs::read(outbox.join(format!("{name}.json"))).ok());
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["refused"], *reason, "{name}");
        assert_eq!(fs::symlink_metadata(letter).is_ok(), *name == "folder", "{name} is left in the inbox");
    }
    assert!(secret.exists());
    // A request with a name too long for its answer's is done all the same.
    let long = format!("{}.json", "l".repeat(250));
    fs::rename(&secret, inbox.join(&long)).expect("a move");
    let unanswered = refusal(&mut output);
    assert!(unanswered["reason"].as_str().is_some_and(|reason| reason.contains("lllll")), "{unanswered}");

    let mut said = String::new();
    output.read_to_string(&mut said).expect("lines");
    let ran = Ran::of(child.wait_with_output().expect("the program"));
    assert_eq!(ran.code, Some(130), "{said}\n{ran:?}");
    assert!(!said.contains("folder"), "a folder is refused once: {said}");
    scratch.run(0, "verify main");
}

/// A link in the place of the inbox had every `*.json` behind it removed, and a
/// request to stop that lay there was obeyed.
#[test]
fn a_link_in_the_place_of_a_mailbox_is_not_followed_and_ends_no_training() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 10 --fidelity keyframes"));
    let branch = fs::read_dir(scratch.path("runs/branches")).expect("a folder").next().expect("a branch");
    let branch = branch.expect("a branch").path();
    let home = scratch.path("home");
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("thesis.json"), "mine").expect("a file");
    fs::write(home.join("stop.json"), r#"{"format_version":1,"command":"stop"}"#).expect("a file");
    let untouched = || {
        let mut names: Vec<_> =
            fs::read_dir(&home).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["stop.json", "thesis.json"]);
    };
    let (child, mut output) = training(&scratch);

    let (inbox, away) = (branch.join("inbox"), branch.join("away"));
    fs::rename(&inbox, &away).expect("a move");
    std::os::unix::fs::symlink(&home, &inbox).expect("a link");
    let told = event(&mut output, &["unreachable"]);
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("inbox") && reason.contains("a symbolic link, which is not followed"), "{reason}");
    let steered = scratch.run(1, "steer main --pause");
    assert!(steered.err.contains("a symbolic link, which is not followed"), "{steered:?}");
    untouched();
    // It is told once, and goes on; with the folder back it can be steered.
    fs::remove_file(&inbox).expect("a link");
    fs::rename(&away, &inbox).expect("a move");
    let paused = scratch.run(0, "steer main --pause --json").json();

    let (outbox, away) = (branch.join("outbox"), branch.join("away"));
    fs::rename(&outbox, &away).expect("a move");
    std::os::unix::fs::symlink(&home, &outbox).expect("a link");
    let steered = scratch.run(1, "steer main --step");
    assert!(steered.err.contains("outbox") && steered.err.contains("a symbolic link"), "{steered:?}");
    untouched();
    fs::remove_file(&outbox).expect("a link");
    fs::rename(&away, &outbox).expect("a move");
    let stopped = scratch.run(0, "steer main --stop --json").json();
    let (at, last) = (paused["step"].as_u64().expect("a step"), stopped["step"].as_u64().expect("a step"));
    // The request for a step may have been withdrawn in time, or not.
    assert!((at..=at + 1).contains(&last), "{at} {last}");

    let mut said = String::new();
    output.read_to_string(&mut said).expect("lines");
    let ran = Ran::of(child.wait_with_output().expect("the program"));
    assert_eq!(ran.code, Some(130), "{said}\n{ran:?}");
    assert!(!said.contains("unreachable"), "told once: {said}");
    untouched();
    scratch.run(0, "verify main");
}

/// A training that is given another name meanwhile advised the old one at its end.
#[test]
fn what_a_training_says_has_the_name_that_its_branch_has_by_then() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 10 --fidelity keyframes"));
    let mut command = scratch.command("resume main --steps 1000000000");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut String::new()).expect("a line");
    scratch.run(0, "rename main other");
    assert_eq!(scratch.run(0, "steer other --pause --json").json()["branch"], "other");
    scratch.run(0, "steer other --stop");
    let mut said = String::new();
    output.read_to_string(&mut said).expect("lines");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let next = said.split("next:").nth(1).expect("advice");
    assert!(next.contains("other@") && !next.contains("main"), "{said}");
}
