//! Paths that are no text: whatever the system takes for a name is one.

#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use ndarray::Array3;
use ndarray_npy::WriteNpyExt;

use crate::support::{Ran, Scratch, TRAIN};

/// `caf\xe9`, as an old disk names a folder, with an ending.
fn name(ending: &str) -> OsString {
    OsString::from_vec([b"caf\xe9", ending.as_bytes()].concat())
}

/// Runs the program with words of which some are no text.
#[track_caller]
fn run(scratch: &Scratch, code: i32, arguments: &str, paths: &[&OsStr]) -> Ran {
    let ran = Ran::of(scratch.command(arguments).args(paths).output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "{arguments} {paths:?}: {ran:?}");
    ran
}

/// The program panicked after it had made a branch.
#[test]
fn a_data_folder_that_is_no_text_is_remembered() {
    let scratch = Scratch::new();
    let folder = scratch.path(name(""));
    let batches = folder.join("cifar-10-batches-bin");
    std::fs::create_dir_all(&batches).expect("a folder");
    // A hundred images of ten classes, no two alike.
    let byte = |record: u32, place: u32| if place == 0 { record % 10 } else { (record * 7 + place) % 256 };
    let records: Vec<u8> = (0..100).flat_map(|record| (0..3073).map(move |place| byte(record, place) as u8)).collect();
    for file in ["data_batch_1.bin", "test_batch.bin"] {
        std::fs::write(batches.join(file), &records).expect("a file");
    }
    let train = "train --dataset cifar10 --steps 3 --fidelity keyframes --json";
    let mut command = scratch.command(&format!("{train} --branch variable"));
    let trained = Ran::of(command.env("REVACNN_DATA", &folder).output().expect("the program starts"));
    assert_eq!((trained.code, &trained.err[..]), (Some(0), ""), "{trained:?}");
    // Found again where it was, with neither variable nor option.
    assert_eq!(scratch.run(0, "evaluate variable --json").json()["images"], 10);

    let option = Scratch::new();
    run(&option, 0, &format!("{train} --data"), &[folder.as_os_str()]);
    assert_eq!(option.run(0, "evaluate main --json").json()["images"], 10);
    let path = Scratch::new();
    let train = "train --steps 3 --fidelity keyframes --json --dataset";
    run(&path, 0, train, &[batches.as_os_str()]);
    assert_eq!(path.run(0, "evaluate main --json").json()["images"], 10);
    run(&path, 0, "data check --json", &[batches.as_os_str()]);
    let listed = run(&path, 0, "data list --json --data", &[folder.as_os_str()]);
    assert!(listed.out.contains("caf\u{fffd}"), "{listed:?}");

    // With data in the program the variable names nothing that is needed.
    let built_in = Scratch::new();
    let mut command = built_in.command(&format!("{TRAIN} --steps 5"));
    let trained = Ran::of(command.env("REVACNN_DATA", &folder).output().expect("the program starts"));
    assert_eq!((trained.code, &trained.err[..]), (Some(0), ""), "{trained:?}");
    let mut command = built_in.command("evaluate main --json");
    let evaluated = Ran::of(command.env("REVACNN_DATA", name("-gone")).output().expect("the program starts"));
    assert_eq!(evaluated.code, Some(0), "{evaluated:?}");
}

#[test]
fn store_network_figures_and_coefficients_may_have_names_that_are_no_text() {
    let scratch = Scratch::new();
    let (store, network) = (name(""), name(".toml"));
    std::fs::rename(scratch.path("small.toml"), scratch.path(&network)).expect("a move");
    let in_store = |code: i32, arguments: &str, path: &OsStr| {
        run(&scratch, code, &format!("{arguments} --store"), &[store.as_os_str(), path])
    };
    let train = "train --dataset digits --steps 20";
    let ran = run(&scratch, 0, &format!("{train} --network"), &[&network, OsStr::new("--store"), &store]);
    assert!(scratch.path(&store).join("store.json").is_file() && !scratch.path("runs").exists());
    // Commands that are advised lead there, and hold nothing but text.
    let next = ran.out.lines().find(|line| line.starts_with("  revacnn show")).expect("a command");
    assert_eq!(next, r#"  revacnn show main@10 --layer conv1 --store "$(printf 'caf\351')""#);
    in_store(0, "log", OsStr::new("--json"));
    let refused = in_store(1, "show nope", OsStr::new("--json"));
    assert!(refused.err.contains("caf\u{fffd}"), "{refused:?}");

    let values = Array3::from_elem((1, 3, 3), 0.5_f32);
    values.write_npy(std::fs::File::create(scratch.path(name(".npy"))).expect("a file")).expect("an array");
    let edit = OsString::from_vec([b"set-weights conv1/2  ", name(".npy").as_bytes(), b" seed=4"].concat());
    let words = [OsStr::new("--store"), &store, OsStr::new("--edit"), &edit];
    run(&scratch, 0, "fork main@10 --name set", &words);
    let shown = in_store(0, "show set@fork --layer conv1 --filter 2", OsStr::new("--json"));
    assert_eq!(shown.json()["layers"][0]["filters"][0]["weights"], serde_json::json!(vec![0.5; 9]));
    let edit = OsString::from_vec([b"set-weights conv1/2 ", name("-gone.npy").as_bytes()].concat());
    let words = [OsStr::new("--store"), &store, OsStr::new("--edit"), &edit];
    let refused = run(&scratch, 2, "fork main@10 --name other", &words);
    assert!(refused.err.contains("cannot read caf\u{fffd}-gone.npy: No such file"), "{refused:?}");

    for (arguments, ending) in [("plot loss main", ".svg"), ("plot network main", ".png")] {
        let words = [OsStr::new("-o"), &name(ending), OsStr::new("--store"), &store];
        run(&scratch, 0, arguments, &words);
        assert!(scratch.path(name(ending)).is_file(), "{arguments}");
    }
    #[cfg(feature = "sql")]
    {
        let words =
            [OsStr::new("SELECT step FROM steps"), OsStr::new("-o"), &name(".csv"), OsStr::new("--store"), &store];
        run(&scratch, 0, "query --format csv", &words);
        assert!(scratch.path(name(".csv")).is_file());
    }
    #[cfg(feature = "view")]
    {
        run(&scratch, 0, "view --screenshot", &[&name(".png"), &store].map(OsStr::new));
        let refused = run(&scratch, 2, "view --screenshot window.png", &[&name("-gone")]);
        assert!(refused.err.contains("is not a valid branch name"), "{refused:?}");
    }
}

/// Everything works in a folder whose own name is no text.
#[test]
fn the_folder_that_one_is_in_may_have_a_name_that_is_no_text() {
    let scratch = Scratch::new();
    let folder = scratch.path(name(""));
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(scratch.path("small.toml"), folder.join("small.toml")).expect("a copy");
    for arguments in [
        &format!("{TRAIN} --steps 40 --data data"),
        "fork main@20 --name other --steps 30",
        "verify main",
        "compact main",
        "materialise main",
        "compare main other -o compare.svg",
        "delete other",
        "gc --yes",
    ] {
        let ran = Ran::of(scratch.command(arguments).current_dir(&folder).output().expect("the program starts"));
        assert_eq!((ran.code, &ran.err[..]), (Some(0), ""), "{arguments}: {ran:?}");
    }
    assert!(!PathBuf::from("runs/store.json").exists());
}
