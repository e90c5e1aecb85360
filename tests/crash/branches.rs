//! Kills of `fork`, `resume`, `compact`, `materialise`, and of short runs
//! that seal a segment each.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use revacnn_test_support::copy_folder;

use crate::support::{Ran, Scratch, TRAIN};
use crate::{Moments, TABLES, same_rows, tables, wanted_kills};

const SEED: u64 = 0xf04c;
const KILLS: u64 = 3;

/// A command that is killed, with how long it takes undisturbed.
struct Victim {
    arguments: String,
    edits: &'static [&'static str],
    takes: Duration,
    hit: u64,
    missed: u64,
}

impl Victim {
    /// Runs it once undisturbed.
    fn undisturbed(scratch: &Scratch, arguments: &str, edits: &'static [&'static str]) -> Self {
        let mut victim = Self { arguments: arguments.to_owned(), edits, takes: Duration::ZERO, hit: 0, missed: 0 };
        let started = Instant::now();
        victim.run(scratch);
        victim.takes = started.elapsed();
        victim
    }

    fn command(&self, scratch: &Scratch) -> Command {
        let mut command = scratch.command(&self.arguments);
        for edit in self.edits {
            command.args(["--edit", *edit]);
        }
        command
    }

    fn run(&self, scratch: &Scratch) {
        let ran = Ran::of(self.command(scratch).output().expect("the program starts"));
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", self.arguments);
    }

    /// Kills it at a random moment of the time that it takes, or soon after
    /// `moment` has come.
    fn kill(&mut self, scratch: &Scratch, moments: &mut Moments, moment: Option<&dyn Fn() -> bool>) {
        let mut command = self.command(scratch);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        match moment {
            None => std::thread::sleep(Duration::from_micros(moments.below(self.takes.as_micros() as u64))),
            Some(has_come) => {
                while !has_come() && child.try_wait().expect("the state of the program").is_none() {
                    std::thread::sleep(Duration::from_micros(50));
                }
                std::thread::sleep(Duration::from_micros(moments.below(2_000)));
            }
        }
        child.kill().expect("a process to kill");
        let output = child.wait_with_output().expect("the killed process");
        let status = output.status;
        let ran = Ran::of(output);
        if status.signal() == Some(9) {
            self.hit += 1;
        } else {
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", self.arguments);
            self.missed += 1;
        }
    }

    fn report(&self, what: &str) {
        println!("{what}: {} kills survived; {} more came when it had ended", self.hit, self.missed);
    }
}

/// A copy of a store, in a folder of its own.
fn copied(store: &Path) -> Scratch {
    let scratch = Scratch::new();
    copy_folder(store, &scratch.path("runs"));
    scratch
}

/// The folder of a branch, by its name; readers need no cleaning up.
fn branch(scratch: &Scratch, name: &str) -> Option<PathBuf> {
    let log = scratch.run(0, "log --json").out;
    let mut lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let id = lines.find(|line| line["branch"] == name)?["id"].as_str().expect("an id").to_owned();
    Some(scratch.path(format!("runs/branches/branch={id}")))
}

#[test]
fn a_fork_that_is_killed_and_whose_resumption_is_killed_is_that_of_an_undisturbed_one() {
    let origin = Scratch::new();
    // Fork steps far from a keyframe: bringing the state forward takes a while.
    origin.run(
        0,
        &format!("{TRAIN} --batch-size 64 --steps 450 --keyframe-interval 150 --validate-every 50 --probe 3,17"),
    );
    let undisturbed = copied(&origin.path("runs"));
    let edits: &[&str] = &["add-filter conv1 init=split", "set learning-rate 0.5"];
    let mut fork = Victim::undisturbed(&undisturbed, "fork main@440 --name child --steps 700 --json", edits);
    let mut resume = Victim { arguments: "resume child --steps 700 --json".into(), edits: &[], ..fork };
    let folder = |scratch: &Scratch, name: &str| branch(scratch, name).expect("a branch of this name");
    let mut moments = Moments(SEED);
    let (mut before, mut kills) = (0, 0);
    while fork.hit < wanted_kills(KILLS) {
        let scratch = copied(&origin.path("runs"));
        fork.kill(&scratch, &mut moments, None);
        kills += 1;
        before += u64::from(branch(&scratch, "child").is_none());
        if branch(&scratch, "child").is_some_and(|child| tables::no_row_twice(&child) != Some(700)) {
            resume.kill(&scratch, &mut moments, None);
            tables::no_row_twice(&folder(&scratch, "child"));
        }
        match branch(&scratch, "child") {
            Some(_) => resume.run(&scratch),
            None => fork.run(&scratch),
        }
        for name in ["child", "main"] {
            same_rows(&folder(&scratch, name), &folder(&undisturbed, name), &TABLES);
        }
        assert_eq!(tables::no_row_twice(&folder(&scratch, "child")), Some(700));
    }
    fork.report("fork");
    println!("  {before} of {kills} before the branch was there");
    resume.report("resume of the fork");
}

#[test]
fn compact_and_materialise_that_are_killed_lose_nothing() {
    let origin = Scratch::new();
    // A short segment a run, so that there are many files to remove.
    for last in (40..=480).step_by(40) {
        origin.run(0, &format!("{TRAIN} --batch-size 64 --steps {last} --probe 3"));
    }
    let whole = tables::only_branch(&origin.path("runs"));
    let undisturbed = copied(&origin.path("runs"));
    let mut compact = Victim::undisturbed(&undisturbed, "compact main", &[]);
    let mut materialise = Victim::undisturbed(&undisturbed, "materialise main", &[]);
    same_rows(&tables::only_branch(&undisturbed.path("runs")), &whole, &TABLES);
    let shown = |scratch: &Scratch, step: u64| {
        let mut answer = scratch.run(0, &format!("show main@{step} --json")).json();
        answer["recomputed"] = ().into();
        answer
    };
    let expected = [0, 200, 480].map(|step| shown(&origin, step));
    let mut moments = Moments(SEED);
    let (mut half_removed, mut rounds) = (0, 0_u64);
    while compact.hit < wanted_kills(KILLS) || materialise.hit < wanted_kills(KILLS) {
        let scratch = copied(&origin.path("runs"));
        let folder = tables::only_branch(&scratch.path("runs"));
        let noted = || fs::read_to_string(folder.join("branch.json")).is_ok_and(|text| text.contains("\"keyframes\""));
        // Verifying takes nearly all of the time: every second kill is while
        // tensors are being removed.
        let late: Option<&dyn Fn() -> bool> = if rounds.is_multiple_of(2) { None } else { Some(&noted) };
        compact.kill(&scratch, &mut moments, late);
        rounds += 1;
        let left = tables::listed(&folder.join("weights")).len() + tables::listed(&folder.join("gradients")).len();
        half_removed += u64::from((1..24).contains(&left));
        assert_eq!([0, 200, 480].map(|step| shown(&scratch, step)), expected);
        if moments.below(2) == 0 {
            compact.run(&scratch);
        }
        materialise.kill(&scratch, &mut moments, None);
        assert_eq!(shown(&scratch, 200), expected[1]);
        materialise.run(&scratch);
        same_rows(&folder, &whole, &TABLES);
    }
    compact.report("compact");
    println!("  {half_removed} of them with a part of the tensors removed");
    materialise.report("materialise");
}

#[test]
fn short_runs_that_are_killed_while_they_open_train_and_seal_make_one_log() {
    let (scratch, undisturbed) = (Scratch::new(), Scratch::new());
    let train = |last: u64| format!("{TRAIN} --batch-size 64 --validate-every 9 --probe 3 --steps {last}");
    scratch.run(0, &train(30));
    let mut last = 60;
    let mut run = Victim::undisturbed(&scratch, &train(last), &[]);
    let folder = tables::only_branch(&scratch.path("runs"));
    let mut moments = Moments(SEED);
    while run.hit < wanted_kills(KILLS) {
        last += 30;
        run.arguments = train(last);
        run.kill(&scratch, &mut moments, None);
        let committed = scratch.run(0, "log --json").json()["last_step"].as_u64().expect("a step");
        assert!((last - 30..=last).contains(&committed), "{committed} of {last}");
        assert!(tables::no_row_twice(&folder) <= Some(committed as i64));
        run.run(&scratch);
        assert_eq!(tables::no_row_twice(&folder), Some(last as i64));
    }
    undisturbed.run(0, &train(last));
    same_rows(&folder, &tables::only_branch(&undisturbed.path("runs")), &TABLES);
    run.report("train with a segment of 30 steps");
}
