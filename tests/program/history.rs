//! `notebook from`: a store's history as a notebook, which makes it again.

use std::fs;
#[cfg(unix)]
use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;

use crate::input::write_data;
use crate::support::{Scratch, TRAIN};

/// Trains what a notebook says in a store; gives the steps, and the lock file.
#[track_caller]
fn trained(scratch: &Scratch, notebook: &str, store: &str) -> (u64, String) {
    let ran = scratch.run(0, &format!("notebook run {notebook} --yes --json --store {store}")).json();
    let lock = fs::read_to_string(scratch.path(notebook).with_extension("lock")).expect("a lock file");
    (ran["steps_trained"].as_u64().expect("a number"), lock)
}

/// Two data sets, a network of a file, a family, forks of forks, and a training that was
/// steered while it went on.
#[cfg(unix)]
#[test]
fn a_session_is_a_notebook_afterwards_also_one_that_was_steered() {
    use crate::steering::{edit, training};

    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --batch-size 32 --steps 10 --validate-every 4"));
    scratch.run(0, "train tiny --dataset shapes --network 20-20-20 --steps 2 --json");
    let (child, mut output) = training(&scratch);
    scratch.run(0, "steer main --pause --json");
    let asked = edit(&scratch, "main", "add-filter conv1 init=split");
    assert_eq!(asked.code, Some(0), "{asked:?}");
    scratch.run(0, "steer main~2 --step --json");
    assert_eq!(edit(&scratch, "main~2", "set learning-rate 0.5").code, Some(0));
    scratch.run(0, "steer main~3 --step --json");
    scratch.run(0, "steer main~3 --stop --json");
    output.read_to_string(&mut String::new()).expect("lines");
    child.wait_with_output().expect("the program");
    let family = "```revacnn\ntrain many --dataset digits --network small.toml --batch-size 64 --steps 4 --over seed=3..4\n\
                  fork many@2 less --edit 'remove-filter conv1/2' --steps 4\n```\n";
    fs::write(scratch.path("family.md"), family).expect("a file");
    scratch.run(0, "notebook run family.md --yes --json");

    let written = scratch.run(0, "notebook from runs -o session.md --json").json();
    assert_eq!((&written["branches"], &written["untold"]), (&8.into(), &Value::Array(vec![])), "{written}");
    let text = fs::read_to_string(scratch.path("session.md")).expect("a notebook");
    assert!(text.contains("--network small") && text.contains("```toml revacnn small\n"), "{text}");
    scratch.run(0, "notebook check session.md");
    let (steps, lock) = trained(&scratch, "session.md", "runs");
    assert_eq!(steps, 0, "{text}");
    fs::remove_file(scratch.path("session.lock")).expect("a file");
    let (steps, again) = trained(&scratch, "session.md", "empty");
    assert!(steps > 20, "{steps}");
    assert_eq!(again, lock, "{text}");

    // A part of it, with what that was forked from.
    let some = scratch.run(0, "notebook from runs main~3 less.1 -o some.md --json").json();
    assert_eq!(some["branches"], 5, "{some}");
}

#[test]
fn what_is_there_is_not_written_over_and_what_is_left_out_is_said() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 2"));
    fs::write(scratch.path("mine.md"), "mine").expect("a file");
    let ran = scratch.run(2, "notebook from runs -o mine.md");
    assert!(ran.err.contains("mine.md is there already"), "{ran:?}");
    assert_eq!(fs::read_to_string(scratch.path("mine.md")).expect("a file"), "mine");
    scratch.run(1, "notebook from runs nothing -o n.md");
    scratch.run(1, "notebook from nowhere -o n.md");

    let ran = scratch.run(0, "fork main@1 twin --json");
    assert!(ran.out.contains("\"forked\""), "{ran:?}");
    let folders = fs::read_dir(scratch.path("runs/branches")).expect("a store");
    let mut folders = folders.map(|entry| entry.expect("an entry").path());
    let is_root = |folder: &PathBuf| {
        let record = fs::read(folder.join("branch.json")).expect("a record");
        serde_json::from_slice::<Value>(&record).expect("JSON")["parent"].is_null()
    };
    fs::remove_dir_all(folders.find(is_root).expect("a run of its own")).expect("a branch");
    let ran = scratch.run(0, "notebook from runs -o n.md");
    assert!(ran.err.contains("`twin` is no line of it: the branch that it was forked from"), "{ran:?}");
    assert!(ran.out.contains("n.md is written, with 0 branches"), "{ran:?}");
    scratch.run(0, "notebook check n.md");
}

/// A data set that has no name is found where the notebook may read, and told of where not.
#[test]
fn images_of_a_folder_are_named_from_where_the_notebook_reads() {
    let scratch = Scratch::new();
    write_data(&scratch.path("own-images"), 3, false);
    scratch.run(0, "train main --dataset ./own-images --network small.toml --batch-size 8 --steps 3 --json");
    scratch.run(0, "fork main@2 twin --json --steps 4");
    let written = scratch.run(0, "notebook from runs -o beside.md --json").json();
    assert_eq!(written["branches"], 2, "{written}");
    let text = fs::read_to_string(scratch.path("beside.md")).expect("a notebook");
    assert!(text.contains("train main --dataset own-images --network small --steps 3"), "{text}");
    let (steps, lock) = trained(&scratch, "beside.md", "runs");
    assert_eq!(steps, 0);
    assert_eq!(trained(&scratch, "beside.md", "empty"), (5, lock));

    fs::create_dir(scratch.path("below")).expect("a folder");
    let told = scratch.run(0, "notebook from runs -o below/n.md");
    assert!(told.err.contains("a notebook reads only in its own folder and in the one of --data"), "{told:?}");
    let told = scratch.run(0, "notebook from runs -o below/other.md --data . --json").json();
    assert_eq!(told["branches"], 2, "{told}");
    let ran = scratch.run(0, "notebook run below/other.md --yes --json --data . --store again").json();
    assert_eq!(ran["steps_trained"], 5, "{ran}");
}
