//! Kills of `train`, with commits to the tail, and with thinning.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ran, Scratch, TRAIN};
use crate::{Moments, TABLES, same_rows, tables, wanted_kills};

/// Kills in one history; more kills than that take more histories.
const KILLS_A_HISTORY: u64 = 24;

const SEED: u64 = 0x5eed_2024;

fn signal(child: &Child, signal: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
    assert!(status.expect("a shell").success(), "no process to send {signal} to");
}

/// Holds a process for longer than a commit may take.
fn hold(child: &Child) {
    signal(child, "STOP");
    std::thread::sleep(Duration::from_millis(1_050));
    signal(child, "CONT");
}

/// Whether something comes true in time.
fn comes(patience: Duration, mut is_there: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !is_there() {
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Whether committed steps lie in the tail of the one branch.
fn tail_has_steps(scratch: &Scratch) -> bool {
    let branches = tables::listed(&scratch.path("runs/branches"));
    let parts = branches.first().map(|branch| tables::listed(&branch.join("tail"))).unwrap_or_default();
    parts.iter().any(|part| part.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
}

/// Starts training without an end, kills it at a random moment, and checks
/// what it left behind; returns the last step in `steps`.
fn killed_once(scratch: &Scratch, train: &str, moments: &mut Moments, round: u64) -> Option<i64> {
    let mut command = scratch.command(&format!("{train} --steps 1000000000"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    match round % 4 {
        // While it opens the branch and cleans up after the last kill.
        0 => moments.wait(1..60),
        // Held for longer than a commit may take, so that the commit, to the
        // tail, is the first thing it does.
        1 => {
            moments.wait(100..500);
            hold(&child);
            // Every other time right after it: on a busy machine chance alone
            // may find no commit.
            let mut tries = 0;
            while round % 8 == 1 && tries < 5 && !comes(Duration::from_secs(1), || tail_has_steps(scratch)) {
                hold(&child);
                tries += 1;
            }
            moments.wait(if round % 8 == 1 { 0..5 } else { 1..120 });
        }
        _ => moments.wait(50..1_500),
    }
    child.kill().expect("a process to kill");
    let output = child.wait_with_output().expect("the killed process");
    let signal = output.status.signal();
    let ran = Ran::of(output);
    assert_eq!(signal, Some(9), "round {round}: it ended before the kill: {ran:?}");
    let branches = tables::listed(&scratch.path("runs/branches"));
    tables::no_row_twice(branches.first()?)
}

/// Kills a run so many times, lets it end, and returns its last step.
fn killed(scratch: &Scratch, train: &str, kills: u64, seed: u64) -> u64 {
    println!("{kills} kills, seed {seed:#x}");
    let mut moments = Moments(seed);
    let (mut sealed, mut with_tail, mut round) = (None, 0, 0);
    // A kill before the branch is there says nothing: it is not counted.
    let mut counted = 0;
    while counted < kills {
        let now = killed_once(scratch, train, &mut moments, round);
        round += 1;
        assert!(now >= sealed, "steps up to {sealed:?} were sealed, and now up to {now:?}");
        sealed = now;
        if tables::listed(&scratch.path("runs/branches")).is_empty() {
            continue;
        }
        counted += 1;
        with_tail += u64::from(tail_has_steps(scratch));
        // Readers need no cleaning up.
        let log = scratch.run(0, "log --json").json();
        println!("kill {counted}: sealed until {sealed:?}, committed until {}", log["last_step"]);
        if let Some(step) = log["last_step"].as_u64() {
            scratch.run(0, &format!("show main@{step} --json"));
        }
    }
    assert!(with_tail > 0, "no kill found steps in the tail: the test says less than it should");
    // Far enough for two seals, wherever the last kill came.
    let last = scratch.run(0, "log --json").json()["last_step"].as_u64().unwrap_or(0) + 1_100;
    let summary = scratch.run(0, &format!("{train} --steps {last}")).json();
    assert_eq!((&summary["ended"], &summary["step"]), (&"done".into(), &last.into()));
    assert_eq!(tables::no_row_twice(&tables::only_branch(&scratch.path("runs"))), Some(last as i64));
    last
}

#[test]
fn a_run_killed_at_random_moments_leaves_the_log_of_an_undisturbed_one() {
    // Slow enough for commits to the tail.
    let train = format!("{TRAIN} --batch-size 64 --validate-every 1 --probe 3,17 --threads 2");
    let mut left = wanted_kills(12);
    let mut history = 0;
    while left > 0 {
        let kills = left.min(KILLS_A_HISTORY);
        let scratch = Scratch::new();
        let last = killed(&scratch, &train, kills, SEED + history);
        let undisturbed = Scratch::new();
        undisturbed.run(0, &format!("{train} --steps {last}"));
        let branch = |scratch: &Scratch| tables::only_branch(&scratch.path("runs"));
        same_rows(&branch(&scratch), &branch(&undisturbed), &TABLES);
        println!("{kills} kills survived, {last} steps");
        left -= kills;
        history += 1;
    }
}

#[test]
fn a_run_that_is_thinned_and_killed_recomputes_what_an_undisturbed_one_stores() {
    let train = format!("{TRAIN} --batch-size 64 --disk-budget 5MB");
    let scratch = Scratch::new();
    let last = killed(&scratch, &train, wanted_kills(12).min(KILLS_A_HISTORY).div_ceil(2), SEED);
    let undisturbed = Scratch::new();
    undisturbed.run(0, &format!("{TRAIN} --batch-size 64 --steps {last}"));
    let branch = |scratch: &Scratch| tables::only_branch(&scratch.path("runs"));
    let tables = ["steps", "filters", "normalisation", "keyframes", "validation", "topology"];
    same_rows(&branch(&scratch), &branch(&undisturbed), &tables);
    let mut recomputed = 0;
    for step in [0, 1, 130, 511, 512, last] {
        let show = |scratch: &Scratch| scratch.run(0, &format!("show main@{step} --json")).json();
        let (mut left, mut right) = (show(&scratch), show(&undisturbed));
        recomputed += u64::from(left["recomputed"] == true);
        for column in ["elapsed_nanos", "recomputed"] {
            (left[column], right[column]) = (().into(), ().into());
        }
        assert_eq!(left, right, "step {step}");
    }
    assert!(recomputed > 0, "nothing was thinned in {last} steps");
}
