//! `show` answers the same whether tensors are on disk or recomputed.

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

/// Steps in thinned segments, at their borders, and in the last one.
const STEPS: [u64; 8] = [0, 1, 17, 99, 100, 511, 512, 1100];

fn answers(scratch: &Scratch) -> (Vec<Value>, u64) {
    let mut recomputed = 0;
    let mut answer = |step| {
        let mut answer = scratch.run(0, &format!("show main@{step} --json")).json();
        recomputed += u64::from(answer["recomputed"] == true);
        for column in ["elapsed_nanos", "recomputed"] {
            answer[column] = Value::Null;
        }
        answer
    };
    let answers = STEPS.map(&mut answer).into();
    (answers, recomputed)
}

#[test]
fn every_keyframes_and_thinned_stores_show_the_same() {
    let [every, keyframes, thinned] = [(); 3].map(|()| Scratch::new());
    let train = format!("{TRAIN} --steps 1100 --probe 3,17");
    let full = every.run(0, &train).json();
    let sparse = keyframes.run(0, &format!("{train} --fidelity keyframes")).json();
    let thin = thinned.run(0, &format!("{train} --disk-budget 1kB")).json();
    assert_eq!((&full["thinned_steps"], &thin["thinned_steps"]), (&0.into(), &1024.into()));
    let bytes = |summary: &Value| summary["bytes_written"].as_u64().expect("a number");
    assert!(bytes(&sparse) * 5 < bytes(&full), "{} and {} bytes", bytes(&sparse), bytes(&full));
    assert!(bytes(&thin) * 2 < bytes(&full), "{} and {} bytes", bytes(&thin), bytes(&full));

    let (stored, none) = answers(&every);
    assert_eq!(none, 0);
    assert!(stored[3]["layers"][0]["filters"][1]["maps"][1]["activation"].is_array());
    for (scratch, expected) in [(&keyframes, STEPS.len() as u64), (&thinned, 7)] {
        let (answers, recomputed) = answers(scratch);
        assert_eq!(recomputed, expected);
        for ((stored, recomputed), step) in stored.iter().zip(&answers).zip(STEPS) {
            assert!(stored == recomputed, "step {step} differs");
        }
    }
    let text = thinned.run(0, "show main@17 --layer conv1 --filter 2").out;
    assert!(text.contains("tensors recomputed from a keyframe, digest equal"), "{text}");
    let log = thinned.run(0, "log").out;
    assert!(log.contains("1,024 steps thinned"), "{log}");
}

#[test]
fn a_branch_of_keyframes_goes_on_to_the_same_digest() {
    let [stopped, undisturbed] = [(); 2].map(|()| Scratch::new());
    let train = format!("{TRAIN} --fidelity keyframes");
    for steps in [1, 99, 100, 130, 513] {
        stopped.run(0, &format!("{train} --steps {steps}"));
    }
    let expected = undisturbed.run(0, &format!("{train} --steps 513")).json();
    assert_eq!(stopped.run(0, &format!("{train} --steps 513")).json()["digest"], expected["digest"]);
    let (mut left, mut right) =
        (stopped.run(0, "show main@512 --json").json(), undisturbed.run(0, "show main@512 --json").json());
    (left["elapsed_nanos"], right["elapsed_nanos"]) = (Value::Null, Value::Null);
    assert_eq!(left, right);
}

/// 56 MB were written with a budget of 5 MB, without a word.
#[test]
fn a_budget_that_cannot_be_kept_is_told_before_the_first_step() {
    let scratch = Scratch::new();
    let ran = scratch.run(0, &format!("{TRAIN} --steps 2500 --disk-budget 1MB --branch small"));
    let said = ran.err.trim_end();
    let begin = "warning: the disk budget of 1.0 MB cannot be kept: 2,500 steps take about ";
    let rest = said.strip_prefix(begin).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(rest.contains(" at least") && rest.contains("of scalars and keyframes, which are never thinned"), "{said}");
    // What it says is what it takes, within the error of a prediction.
    let least: f64 = rest.split(" MB").next().expect("a size").parse().expect("a number");
    let took = ran.json()["bytes_written"].as_f64().expect("a number") / 1e6;
    assert!(took < 1.5 * least && least < 3.0 * took, "{least} MB told, {took} MB taken");
    // Also where the branch is taken up or forked, and not where there is room.
    let resumed = scratch.run(0, "resume small --steps 2510 --disk-budget 1MB");
    assert!(resumed.err.contains("the disk budget of 1.0 MB cannot be kept: 2,510 steps"), "{resumed:?}");
    let forked = scratch.run(0, "fork small@100 --name other --steps +3 --disk-budget 5kB");
    assert!(forked.err.contains("the disk budget of 5.0 kB cannot be kept: 3 steps"), "{forked:?}");
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 20 --branch third --disk-budget 1GB")).err, "");
    let help = scratch.run(0, "train --help").out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("a bound for each branch, not for the store"), "{help}");
}
