//! Data sets that are fetched from a server on this machine, and used by their names.

#[expect(dead_code, reason = "the tests of the crate use all of it")]
#[path = "../../fetch/tests/server/mod.rs"]
mod server;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Ran, Scratch};
use server::{Answer, Server, Then};

const MNIST: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// MNIST as it is published, where there is a copy.
fn mnist() -> Option<PathBuf> {
    let folder = std::env::var_os("REVACNN_DATA").map(|data| PathBuf::from(data).join("mnist"));
    let folder = folder.filter(|folder| MNIST.iter().all(|name| folder.join(name).is_file()));
    if folder.is_none() {
        println!("skipped: REVACNN_DATA names no folder with mnist in it");
    }
    folder
}

/// A fetch that is killed in the middle of the largest file, one that goes on there, and a training
/// that needs no word of where the data are.
#[test]
fn mnist_is_fetched_killed_gone_on_with_and_trained_on() {
    let Some(folder) = mnist() else { return };
    const STOPS_AT: usize = 3_000_000;
    let server = Server::new(move |request, number| {
        let file = fs::read(folder.join(request.path.trim_start_matches("/copy/"))).expect("a published file");
        let answer = Answer::part(&file, request.from);
        if number == 0 { Answer { then: Then::Silence, ..answer.cut(STOPS_AT) } } else { answer }
    });
    let scratch = Scratch::new();
    let fetch = format!("data fetch mnist --mirror {}/copy/ --json", server.address);
    let mut killed = scratch.command(&fetch).stdout(Stdio::null()).spawn().expect("the program starts");
    let place = scratch.path("share/revacnn/data");
    let has_stopped = || {
        let parts = fs::read_dir(place.join(".fetch")).into_iter().flatten().flatten();
        parts.filter_map(|part| part.metadata().ok()).any(|part| part.len() == STOPS_AT as u64)
    };
    let begun = Instant::now();
    while !has_stopped() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().expect("it runs");
    killed.wait().expect("it ends");
    assert!(!place.join("mnist").exists());
    let listed = scratch.run(0, "data list").out;
    assert!(listed.contains("to fetch it: revacnn data fetch mnist\n"), "{listed}");

    let fetched = scratch.run(0, &fetch).json();
    assert_eq!((&fetched["event"], &fetched["digest_verified"]), (&"fetched".into(), &true.into()), "{fetched}");
    assert_eq!((&fetched["train_images"], &fetched["test_images"]), (&60_000.into(), &10_000.into()));
    assert_eq!(fetched["downloaded_bytes"], 9_912_422 + 28_881 + 1_648_877 + 4_542 - STOPS_AT as u64);
    let requests = server.requests();
    assert_eq!((requests.len(), requests[1].from), (5, Some(STOPS_AT)), "{requests:?}");

    let again = scratch.run(0, &format!("data fetch mnist --mirror {}/copy", server.address)).out;
    assert!(again.contains("there already, nothing fetched: 60,000 training and 10,000 test images"), "{again}");
    assert_eq!(server.requests().len(), 5);
    let trained = scratch.run(0, "train --dataset mnist --network 20-20-20 --steps 2 --fidelity keyframes");
    assert!(trained.out.contains("mnist: IDX, 60,000 training"), "{trained:?}");
    // The run finds its data by what they are.
    scratch.run(0, "verify main");
}

#[test]
fn what_is_no_data_set_is_told_and_leaves_nothing() {
    let server = Server::new(|_, _| Answer::whole(&vec![7; 9_912_422]));
    let scratch = Scratch::new();
    let ran = scratch.run(1, &format!("data fetch mnist -o here --mirror {}", server.address));
    for part in ["train-images-idx3-ubyte.gz", "440fcabf73cc546f", "removed"] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    assert!(!scratch.path("here/mnist").exists());
    assert_eq!(server.requests().len(), 1);
    let missing = Server::new(|_, _| Answer::new("404 Not Found\r\nContent-Length: 0", b""));
    let json = scratch.run(1, &format!("data fetch cifar10 -o here --json --mirror {}", missing.address)).json();
    assert!(json["message"].as_str().is_some_and(|message| message.contains("404 Not Found")), "{json}");
    let listed = scratch.run(0, "data list --data here --json").out;
    let is_there = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["available"] == true;
    assert_eq!(listed.lines().filter(|line| is_there(line)).count(), 2, "{listed}");
}

#[test]
fn what_cannot_be_fetched_is_refused_by_name() {
    let scratch = Scratch::new();
    for (arguments, parts) in [
        ("data fetch", &["expected a data set to fetch: cifar10, cifar100"][..]),
        ("data fetch imagenet", &["\"imagenet\"", "cifar10, cifar100, mnist, fashion-mnist"]),
        ("data fetch shapes", &["\"shapes\"", "cifar10"]),
        ("data fetch mnist --mirror here", &["\"here\"", "http:// or https://"]),
        ("data fetch mnist --mirror file:///data", &["file:///data", "http:// or https://"]),
    ] {
        let ran = scratch.run(2, arguments);
        for part in parts {
            assert!(ran.err.contains(part), "{arguments}: {part}: {ran:?}");
        }
    }
    let Ran { err, .. } = scratch.run(1, "train --dataset fashion-mnist");
    assert!(err.contains("next:\n  revacnn data fetch fashion-mnist\n"), "{err}");
    let json = scratch.run(1, "data check cifar100 --data . --json").json();
    assert_eq!(json["next"], serde_json::json!(["revacnn data fetch cifar100 --data ."]));
}
