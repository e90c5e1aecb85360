//! `pack` and `unpack`: a run given to somebody in one file.

use std::fs;

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

#[test]
fn a_run_is_given_to_somebody_in_one_file() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 700 --probe 3"));
    let mut fork = scratch.command("fork main@650 --name wider --steps 660 --json --edit");
    assert!(fork.arg("add-filter fc1").output().expect("it starts").status.success());
    let said = scratch.run(0, "pack wider -o wider.tar").out;
    assert!(said.starts_with("main: steps 0–700\nwider: steps 650–660\n") && said.contains("in wider.tar"), "{said}");
    let thin = scratch.run(0, "pack wider --thin -o thin.tar --json").json();
    assert_eq!((&thin["thin"], &thin["branches"][1]["branch"]), (&true.into(), &"wider".into()), "{thin}");
    let size = |file: &str| fs::metadata(scratch.path(file)).expect("a pack").len();
    assert!(size("thin.tar") * 3 < size("wider.tar"), "{} of {}", size("thin.tar"), size("wider.tar"));

    let said = scratch.run(0, "unpack wider.tar --store theirs").out;
    assert_eq!(said, "main: steps 0–700 added\nwider: steps 650–660 added\n");
    let show = |store: &str| scratch.run(0, &format!("show wider@655 --json --store {store}")).json();
    assert_eq!(show("theirs"), show("runs"));
    let said = scratch.run(0, "unpack wider.tar --store theirs").out;
    assert!(said.contains("wider: kept as it is"), "{said}");

    // What is left out of the small one is recomputed.
    scratch.run(0, "unpack thin.tar --store small --json");
    let mut recomputed = show("small");
    assert_eq!(recomputed["recomputed"], true);
    recomputed["recomputed"] = false.into();
    assert_eq!(recomputed, show("runs"));
    scratch.run(0, "verify wider --store small");
    scratch.run(0, "plot loss wider -o loss.svg --store small");
    for store in ["small", "runs"] {
        scratch.run(0, &format!("fork wider@655 --name child --steps 665 --json --store {store}"));
    }
    let digests =
        |store: &str| scratch.run(0, &format!("show child@665 --json --store {store}")).json()["digest"].clone();
    assert!(digests("small").is_string() && digests("small") == digests("runs"));

    // It was trained on: the longer history comes over the shorter one.
    scratch.run(0, "resume wider --steps 670 --json");
    scratch.run(0, "pack wider -o longer.tar --json");
    let extended = scratch.run(0, "unpack longer.tar --store theirs --json");
    let last = extended.json();
    assert_eq!((&last["arrival"], &last["last_step"]), (&"extended".into(), &670.into()), "{last}");
    assert_eq!(last["steps_before"], serde_json::json!([650, 660]));
    let objects: Vec<Value> = extended.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects[0]["arrival"], "kept");
}

#[test]
fn what_cannot_be_packed_or_unpacked_is_told_and_leaves_nothing() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 12"));
    assert!(scratch.run(1, "pack nobody -o x.tar").err.contains("no branch `nobody`"));
    assert!(!scratch.path("x.tar").exists());
    scratch.run(2, "pack main");
    scratch.run(0, "pack main -o main.tar");
    // A name that is taken by another run gets a number.
    scratch.run(0, &format!("{TRAIN} --steps 3 --seed 8 --store other"));
    let said = scratch.run(0, "unpack main.tar --store other").out;
    assert_eq!(said, "main~2: steps 0–12 added; in the pack it is `main`, which is taken here\n");

    fs::write(scratch.path("evil.tar"), "x\u{1b}[2J\n".repeat(200)).expect("a file");
    for (file, says) in
        [("evil.tar", "evil.tar cannot be unpacked"), ("small.toml", "cannot be unpacked"), ("none", "none")]
    {
        let ran = scratch.run(1, &format!("unpack {file} --store new"));
        assert!(ran.err.contains(says) && !ran.err.contains('\u{1b}'), "{ran:?}");
        assert!(!scratch.path("new").exists());
    }
    let mut bytes = fs::read(scratch.path("main.tar")).expect("a pack");
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(scratch.path("main.tar"), bytes).expect("damage");
    let ran = scratch.run(1, "unpack main.tar --store new");
    assert!(ran.err.contains("main.tar cannot be unpacked"), "{ran:?}");
    assert!(scratch.run(0, "log --store new").out.contains("has no branch yet"));
}
