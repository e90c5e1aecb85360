//! The notebooks that come with the program: each runs from nothing, trains nothing the
//! second time, and is a page that lacks no figure.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::support::Scratch;

/// The largest page that is worth sending, in bytes.
const MOST_BYTES: u64 = 15_000_000;

#[test]
fn every_notebook_runs_from_nothing_and_is_a_page_that_lacks_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let entries = fs::read_dir(&folder).expect("the notebooks").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    paths.sort();
    // One store for all: what several of them train is trained once.
    let scratch = Scratch::new();
    assert!(!paths.is_empty(), "no notebook in {}", folder.display());
    for path in paths {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        fs::copy(&path, scratch.path(format!("{name}.md"))).expect("a copy");
        let begun = Instant::now();
        let ran = scratch.run(0, &format!("notebook run {name}.md --yes --json"));
        let took = begun.elapsed();
        let summary: serde_json::Value =
            serde_json::from_str(ran.out.lines().last().expect("a summary")).expect("JSON");
        let begun = Instant::now();
        let again = scratch.run(0, &format!("notebook run {name}.md --yes --json")).json();
        assert_eq!(again["steps_trained"], 0, "{name}");
        let without_change = begun.elapsed();
        let exported = scratch.run(0, &format!("notebook export {name}.md -o {name}.html --json")).json();
        let bytes = exported["bytes"].as_u64().expect("a size");
        assert!(bytes < MOST_BYTES && exported["lacks"].as_array().is_some_and(Vec::is_empty), "{name}: {exported}");
        scratch.run(0, &format!("notebook export {name}.md -o report.md"));
        println!(
            "{name}: {} steps in {:.0} s, without a change {:.2} s, a page of {:.1} MB",
            summary["steps_trained"],
            took.as_secs_f64(),
            without_change.as_secs_f64(),
            bytes as f64 / 1e6
        );
    }
}
