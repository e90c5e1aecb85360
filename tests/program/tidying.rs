//! `compact` and `materialise`, `rename`, `delete` and `gc`.

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

/// What `show` says of a step, without what may differ between stored and
/// recomputed.
fn shown(scratch: &Scratch, address: &str) -> (bool, Value) {
    let mut answer = scratch.run(0, &format!("show {address} --json")).json();
    let recomputed = answer["recomputed"] == true;
    answer["recomputed"] = Value::Null;
    (recomputed, answer)
}

#[test]
fn compact_and_materialise_change_what_is_stored_and_not_what_is_shown() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 1100 --probe 3"));
    let steps = ["main@0", "main@17", "main@600", "main@1100"];
    let stored = steps.map(|address| shown(&scratch, address));
    assert!(stored.iter().all(|(recomputed, _)| !recomputed));
    let bytes = |scratch: &Scratch| scratch.run(0, "log --json").json()["bytes"].as_u64().expect("a number");
    let before = bytes(&scratch);
    let ending = |scratch: &Scratch, end: &str| {
        let log = scratch.run(0, "log").out;
        assert!(log.trim_end().ends_with(end), "`{end}` does not end {log}");
    };
    ending(&scratch, " MB");

    let text = scratch.run(0, "compact main --fidelity keyframes").out;
    assert!(
        text.starts_with("main: 1,101 steps verified, ") && text.contains("recomputed exactly on demand"),
        "{text}"
    );
    assert!(bytes(&scratch) * 4 < before, "{} of {before} bytes are left", bytes(&scratch));
    ending(&scratch, "B  keyframes");
    for (address, (_, expected)) in steps.iter().zip(&stored) {
        assert_eq!(shown(&scratch, address), (true, expected.clone()), "{address}");
    }
    let text = scratch.run(0, "materialise main --from 600 --to 700").out;
    assert!(text.contains("the tensors of 512 steps (512–1,023) of main are stored, in whole segments: "), "{text}");
    for (address, (_, expected)) in steps.iter().zip(&stored) {
        assert_eq!(shown(&scratch, address), (*address != "main@600", expected.clone()), "{address}");
    }
    ending(&scratch, "keyframes, 512 steps materialised");
    assert_eq!(scratch.run(0, "log --json").json()["materialised_steps"], 512);
    assert_eq!(scratch.run(0, "verify main --json").json()["tensors"], 512);
    let verified = scratch.run(0, "verify main").out;
    assert!(verified.starts_with("main steps 0–1,100 are what they say: 1,101 digests"), "{verified}");
    assert!(scratch.run(0, "materialise main --from 600 --to 700").out.contains("0 B written"));
    // It goes on as what it is now, to the same bits.
    assert_eq!(scratch.run(0, "resume main --steps 1110 --json").json()["step"], 1110);
    assert!(shown(&scratch, "main@1105").0);
    scratch.run(0, "verify main");

    for (code, arguments, says) in [
        (2, "compact main --fidelity every", "revacnn materialise main"),
        (1, "compact nope", "no branch `nope`"),
        (2, "materialise main --from 5000", "--from 5000 is after the last step, 1110"),
        (2, "materialise main --from 5 --to 0", "--from 5 is after --to 0"),
        (2, "materialise main --from 9 --to 8", "--from 9 is after --to 8"),
    ] {
        let ran = scratch.run(code, arguments);
        assert!(ran.err.contains(says), "{arguments}: `{says}` is not in {ran:?}");
    }
}

#[test]
fn a_branch_is_renamed_deleted_taken_back_and_freed() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    scratch.run(0, "fork main@10 --name child --steps 15 --json");
    let names = |scratch: &Scratch| -> Vec<String> {
        let out = scratch.run(0, "log --json").out;
        let row = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["branch"].as_str().map(str::to_owned);
        out.lines().filter_map(row).collect()
    };
    assert_eq!(scratch.run(0, "rename main trunk").out, "main is called trunk now\n");
    assert_eq!(names(&scratch), ["trunk", "child"]);
    assert_eq!(scratch.run(0, "show child@5 --json").json()["step"], 5, "the child finds its parent");
    assert!(scratch.run(1, "rename trunk child").err.contains("already has a branch `child`"));
    assert!(scratch.run(2, "rename trunk a/b").err.contains("a/b"));
    assert!(scratch.run(1, "rename main other").err.contains("no branch `main`"));

    let refused = scratch.run(1, "delete trunk").err;
    assert!(refused.contains("branch `trunk` cannot be deleted: `child` forked from it"), "{refused}");
    assert!(scratch.run(0, "gc").out.contains("nothing to free"));
    assert!(scratch.run(0, "delete child").out.contains("`revacnn delete child --undo` takes it back"));
    assert_eq!(names(&scratch), ["trunk"]);
    assert_eq!(scratch.run(0, "delete child --undo").out, "child is back\n");
    assert_eq!(names(&scratch), ["trunk", "child"]);
    scratch.run(0, "delete child");
    // No terminal to ask on: nothing is freed.
    let asked = scratch.run(0, "gc").out;
    assert!(asked.contains("deleted branch child") && asked.contains("nothing was freed"), "{asked}");
    let freed = scratch.run(0, "gc --yes").out;
    assert!(freed.trim_end().ends_with(" freed"), "{freed}");
    let gone = scratch.run(1, "delete child --undo").err;
    assert!(gone.contains("no deleted branch `child`") && gone.contains("nothing is in the trash"), "{gone}");
    scratch.run(0, "delete trunk");
    assert!(scratch.run(0, "log").out.contains("has no branch yet"));
}

/// The folder of a branch.
fn folder(scratch: &Scratch, branch: &str) -> std::path::PathBuf {
    let id = scratch.run(0, &format!("show {branch} --json")).json()["id"].as_str().expect("an id").to_owned();
    scratch.path(format!("runs/branches/branch={id}"))
}

/// It needed the newest weights before it could compute any.
#[test]
fn materialise_writes_the_newest_weights_again_where_they_are_lost() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 600"));
    let file = folder(&scratch, "main").join("weights/000000000512-000000000600.parquet");
    let whole = std::fs::read(&file).expect("a file");
    std::fs::remove_file(&file).expect("a loss");
    scratch.run(0, "materialise main");
    assert!(std::fs::read(&file).expect("the file again") == whole);
    scratch.run(0, "verify main");
    std::fs::remove_file(&file).expect("a loss");
    scratch.run(0, "compact main");
    scratch.run(0, "verify main");
}

/// Files of these tables that were lost were told as rows that somebody had changed.
#[test]
fn verify_tells_a_lost_file_as_lost() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 600 --validate-every 100"));
    let main = folder(&scratch, "main");
    for table in ["keyframes", "validation"] {
        for segment in ["000000000000-000000000511", "000000000512-000000000600"] {
            let name = format!("{table}/{segment}.parquet");
            let away = scratch.path("away");
            std::fs::rename(main.join(&name), &away).expect("a loss");
            let ran = scratch.run(1, "verify main");
            let path = format!("{name} is missing: expected ");
            assert!(ran.err.contains(&path) && !ran.err.contains("was changed"), "{name}: {}", ran.err);
            std::fs::rename(&away, main.join(&name)).expect("the file back");
        }
    }
    scratch.run(0, "verify main");
}

/// What is advised of a damaged file was refused when somebody did it.
#[test]
fn a_damaged_branch_can_be_deleted_and_trained_again() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    let steps = folder(&scratch, "main").join("steps/000000000000-000000000020.parquet");
    std::fs::write(&steps, "PAR1").expect("damage");
    let ran = scratch.run(1, "show main");
    assert!(ran.err.contains("or delete the branch and train it again"), "{}", ran.err);
    scratch.run(0, "delete main");
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 20")).json()["step"], 20);
    scratch.run(0, "verify main");
}
