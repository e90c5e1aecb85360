//! A store from a stranger: what each command says of a branch that was
//! tampered with, word for word, while the other branches work as before.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Ran, Scratch, TRAIN};

const RESTORE: &str = "Everything else in the store stays readable; restore this file from a copy, or delete the \
                       branch and train it again";

/// A branch whose description cannot be read cannot be deleted by its name.
const RESTORE_DESCRIPTION: &str = "Everything else in the store stays readable; restore this file from a copy";

/// Commands on the branch `child`, in the order of the answers below.
const COMMANDS: [&str; 5] =
    ["log", "show child@25", "resume child --steps 42 --json", "fork child@25 --name twin", "verify child"];

/// `main`, its fork `child`, and `other`, which nobody touches.
struct Stores {
    scratch: Scratch,
    main: String,
    child: String,
}

impl Stores {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.run(0, &format!("{TRAIN} --steps 30"));
        scratch.run(0, "fork main@20 --name child --steps 40 --json");
        scratch.run(0, &format!("{TRAIN} --seed 9 --branch other --steps 5"));
        let log = scratch.run(0, "log --json").out;
        let id = |name: &str| {
            let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            lines.find(|line| line["branch"] == name).expect("the branch")["id"].as_str().expect("an id").to_owned()
        };
        Self { main: id("main"), child: id("child"), scratch }
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.scratch.path(format!("runs/branches/branch={id}"))
    }

    /// A path in the child's folder, as the program names it.
    fn named(&self, path: &str) -> String {
        format!("runs/branches/branch={}/{path}", self.child)
    }

    fn describe(&self, id: &str, change: impl Fn(&mut Value)) {
        let path = self.folder(id).join("branch.json");
        let mut description = serde_json::from_slice(&fs::read(&path).expect("a description")).expect("JSON");
        change(&mut description);
        fs::write(path, description.to_string()).expect("a changed description");
    }

    /// Checks what each command says on its error output; nothing, where it
    /// works all the same.
    #[track_caller]
    fn say(&self, answers: [&str; 5]) {
        for (command, expected) in COMMANDS.iter().zip(answers) {
            let ran = self.scratch.run(i32::from(!expected.is_empty()), command);
            assert_eq!(ran.err.trim_end(), expected, "{command}");
        }
        self.scratch.run(0, "show other@3");
        self.scratch.run(0, "verify other");
    }
}

const UNREADABLE: &str = "error: there is no branch `child` in runs; there is `main`, `other`, and 1 that cannot be \
                          read\n\nnext:\n  revacnn log";

#[test]
fn a_cycle_of_parents_is_named_and_drawn_once() {
    let stores = Stores::new();
    stores.describe(&stores.main, |main| main["parent"] = json!({ "branch": stores.child, "step": 3 }));
    let cycle = |name: &str| {
        let other = if name == "main" { "child" } else { "main" };
        format!(
            "branch `{name}` comes from no first one: its parents lead round in a circle, `{name}`, forked from \
             `{other}`, forked from `{name}`. branch.json of one of them was changed; restore it from a copy"
        )
    };
    let child = format!("error: {}", cycle("child"));
    let mut log: Vec<&str> = Vec::new();
    let ran = stores.scratch.run(1, "log");
    log.extend(ran.err.lines());
    log.sort_unstable();
    assert_eq!(log, [format!("warning: {}", cycle("child")), format!("warning: {}", cycle("main"))]);
    assert_eq!(ran.out.matches("child").count(), 1, "{}", ran.out);
    // Its own keyframes are all that going on needs.
    stores.say([ran.err.trim_end(), &child, "", &child, &child]);
}

#[test]
fn a_missing_parent_is_named_by_its_id() {
    let stores = Stores::new();
    fs::rename(stores.folder(&stores.main), stores.scratch.path("away")).expect("a move");
    let missing = format!("branch `child` was forked from {}, which is not in runs: restore its folder", stores.main);
    let error = format!("error: {missing}");
    stores.say([&format!("warning: {missing}"), &error, "", &error, &error]);
}

#[test]
fn a_name_that_leads_out_of_the_store_is_no_name() {
    let stores = Stores::new();
    stores.describe(&stores.child, |child| child["name"] = json!("../x"));
    let ran = stores.scratch.run(1, "log");
    let begin = format!(
        "warning: {} is damaged: expected a branch's description, found `../x` is not a valid branch name: expected 1 \
         to 64 letters, digits, `-`, `_`, `.` or `~`, starting with a letter, and none of `last`, `best`, `fork`, \
         `epoch` at line 1 column ",
        stores.named("branch.json")
    );
    assert!(ran.err.starts_with(&begin), "{}", ran.err);
    stores.say([ran.err.trim_end(), UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE]);
    // Nor on the command line.
    for arguments in ["rename main ../x", "fork main@3 --name ../x", "show ../x@3"] {
        let ran = stores.scratch.run(2, arguments);
        assert!(ran.err.contains("`../x` is not a valid branch name"), "{arguments}: {}", ran.err);
    }
    assert!(!stores.scratch.path("x").exists());
}

#[test]
fn a_segment_that_is_a_link_is_not_followed() {
    let stores = Stores::new();
    let segment = "weights/000000000020-000000000040.parquet";
    let path = stores.folder(&stores.child).join(segment);
    let elsewhere = stores.scratch.path("elsewhere");
    fs::rename(&path, &elsewhere).expect("a move");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    let linked = format!(
        "{} is damaged: expected a plain file, found a symbolic link, which is not followed. {RESTORE}",
        stores.named(segment)
    );
    let (warning, error) = (format!("warning: {linked}"), format!("error: {linked}"));
    // The state of a fork comes from keyframes, and no weights are read.
    let both = format!("{warning}\n{error}");
    let answers = [(1, &warning), (1, &both), (1, &error), (0, &warning), (1, &error)];
    for (command, (code, expected)) in COMMANDS.iter().zip(answers) {
        assert_eq!(stores.scratch.run(code, command).err.trim_end(), expected, "{command}");
    }
    stores.scratch.run(0, "show other@3");
    stores.scratch.run(0, "verify other");
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    let stores = Stores::new();
    stores.describe(&stores.child, |child| child["topology"]["layers"][0]["coefficients"] = json!(u64::MAX));
    let absurd = format!(
        "warning: {} is damaged: expected a branch that can be recorded, found layer conv1: expected at most 268435456 \
         values a step, found 4 filters of 18446744073709551615. \
         {RESTORE_DESCRIPTION}",
        stores.named("branch.json")
    );
    stores.say([&absurd, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE]);
}

/// Truncates and flips bytes of a file, round after round, and runs commands
/// on its branch: they work, or name a file of the branch.
fn damaged(stores: &Stores, path: &Path, commands: &[&str]) -> u64 {
    let whole = fs::read(path).expect("a file");
    let branch = format!("branch={}", stores.child);
    let mut refused = 0;
    for round in 0..12_usize {
        let mut bytes = whole.clone();
        if round % 3 == 0 {
            bytes.truncate(whole.len() * round / 12);
        } else {
            bytes[round * 7919 % whole.len()] ^= 1 << (round % 8);
        }
        fs::write(path, &bytes).expect("a damaged file");
        for command in commands {
            // `Ran::of` fails on a panic.
            let ran = Ran::of(stores.scratch.command(command).output().expect("the program starts"));
            assert!(matches!(ran.code, Some(0 | 1)), "{command}, round {round}: {ran:?}");
            if ran.code == Some(1) {
                refused += 1;
                let named = ran.err.contains(&branch) || ran.err.contains("child");
                assert!(named, "{command}, round {round}: {ran:?}");
            }
        }
        stores.scratch.run(0, "show other@3");
    }
    fs::write(path, whole).expect("the file as it was");
    refused
}

#[test]
fn damage_in_what_forks_add_is_named_and_the_other_branches_stay_readable() {
    let stores = Stores::new();
    stores.scratch.run(0, "compact child");
    stores.scratch.run(0, "materialise child");
    let folder = stores.folder(&stores.child);
    let read = ["log", "show child@25 --json", "verify child", "diff main child"];
    let keyframes = "keyframes/000000000020-000000000040.parquet";
    for (file, must_notice) in [("branch.json", true), ("materialised.json", true), (keyframes, true)] {
        let refused = damaged(&stores, &folder.join(file), &read);
        assert!(!must_notice || refused > 3, "{file}: {refused} refusals");
    }
    // What only reads has no need of the target.
    damaged(&stores, &folder.join("target.json"), &["log", "show child@25", "verify child"]);
    let list = folder.join("materialised.json");
    let honest = fs::read(&list).expect("a list");
    fs::write(&list, "x").expect("a damaged list");
    let ran = stores.scratch.run(1, "gc");
    let begin = format!("warning: nothing of branch `child` is freed: {} is", stores.named("materialised.json"));
    assert!(ran.err.starts_with(&begin) && ran.out == "nothing to free\n", "{ran:?}");
    fs::write(&list, honest).expect("the list as it was");
    // Letters that nobody reads now are gone with the next training.
    fs::create_dir_all(folder.join("inbox")).expect("a folder");
    fs::write(folder.join("inbox/1.json"), b"\0\xff{").expect("a letter");
    stores.scratch.run(0, "log");

    // In the trash: what cannot be read cannot come back, and can be freed.
    stores.scratch.run(0, "delete child");
    let trashed = stores.scratch.path(format!("runs/trash/branch={}", stores.child));
    let description = fs::read(trashed.join("branch.json")).expect("a description");
    fs::write(trashed.join("branch.json"), &description[..description.len() / 2]).expect("half a description");
    let ran = stores.scratch.run(1, "delete child --undo");
    assert!(ran.err.contains("no deleted branch `child`"), "{ran:?}");
    stores.scratch.run(0, "show other@3");
    stores.scratch.run(0, "gc --yes");
    assert!(!trashed.exists());
}

#[test]
fn a_damaged_target_is_named_and_written_anew_by_who_says_how_far() {
    let stores = Stores::new();
    let target = stores.folder(&stores.child).join("target.json");
    let advice = "The file only notes how far branch `child` is to be trained: say so again, and it is written anew \
                  (--steps N or --epochs N)";
    for (step, (text, finding)) in (41..).zip([
        ("{\"format_version\": 1, \"unt", "expected the step to train to in JSON, found EOF while parsing a string"),
        ("{\"format_version\": 1, \"until\": -4}", "expected the step to train to, found invalid value: integer `-4`"),
        ("{\"format_version\": 9, \"until\": 50}", "expected format version 1 to 5, found 9"),
        ("{\"until\": 50}", "expected the step to train to with a format_version, found none"),
    ]) {
        fs::write(&target, text).expect("a damaged target");
        let ran = stores.scratch.run(1, "resume child");
        let begin = format!("error: {} cannot be read: {finding}", stores.named("target.json"));
        assert!(ran.err.starts_with(&begin) && ran.err.trim_end().ends_with(advice), "{}", ran.err);
        stores.scratch.run(0, &format!("resume child --steps {step}"));
        let noted: Value = serde_json::from_slice(&fs::read(&target).expect("a target")).expect("JSON");
        assert_eq!(noted["until"], step);
    }
    fs::write(&target, "{\"format_version\": 1, \"until\": 50}").expect("a target");
    assert_eq!(stores.scratch.run(0, "resume child --json").json()["step"], 50);
}
