//! CIFAR-10, where `REVACNN_DATA` says that it lies.

use crate::support::{Ran, Scratch};

#[test]
fn a_few_steps_on_cifar_10_are_recorded_and_found_again() {
    let Some(folder) = std::env::var_os("REVACNN_DATA").filter(|folder| !folder.is_empty()) else {
        println!("skipped: REVACNN_DATA names no folder with cifar-10-batches-bin");
        return;
    };
    let folder = std::path::absolute(folder).expect("a path");
    if !folder.join("cifar-10-batches-bin").is_dir() {
        println!("skipped: no cifar-10-batches-bin in {}", folder.display());
        return;
    }
    let scratch = Scratch::new();
    let mut train = scratch.command("train --dataset cifar10 --steps 12 --fidelity keyframes --json");
    let trained = Ran::of(train.env("REVACNN_DATA", &folder).output().expect("the program starts"));
    assert_eq!(trained.code, Some(0), "{trained:?}");
    // Where the data lay is remembered: no variable, no option.
    let shown = scratch.run(0, "show main --json").json();
    assert_eq!((&shown["digest"], &shown["recomputed"]), (&trained.json()["digest"], &true.into()));
    let kinds: Vec<_> = shown["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|layer| layer["filters"][0]["weights"].as_array().map(Vec::len))
        .collect();
    assert_eq!(kinds, [Some(75), Some(400), Some(500), Some(320)]);

    let mut checked = scratch.command("data check cifar10 --json --data");
    let checked = Ran::of(checked.arg(&folder).output().expect("the program starts")).json();
    assert_eq!(checked["shape"], serde_json::json!([3, 32, 32]));
    assert_eq!(checked["classes"].as_array().map(Vec::len), Some(10));
}
