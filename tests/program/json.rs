//! `--json` is understood by every command, wherever it is written.

use serde_json::Value;

use crate::support::{Scratch, TRAIN};

/// The objects that a command writes, one a line.
fn objects(scratch: &Scratch, arguments: &str) -> Vec<Value> {
    let ran = scratch.run(0, arguments);
    assert!(!ran.out.is_empty(), "{arguments} says nothing");
    let object = |line: &str| -> Value {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments}: {error}: {line}"))
    };
    ran.out.lines().map(object).collect()
}

#[test]
fn every_command_answers_in_json() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 9"));
    for arguments in [
        "--json log",
        "show main --json",
        "evaluate main --json",
        "export main -o net.safetensors --json",
        "--json data list",
        "data --json check digits",
        "networks --json",
        "networks paper --json",
        "fork main@4 --name twin --json",
        "resume twin --steps +2 --json",
        "diff main twin --json",
        "embed main --layer conv1 --json",
        "predict main --image 17 --json",
        "compare main twin --json",
        "verify main --json",
        "notebook new n.md --json",
        "notebook check n.md --json",
        "notebook plan n.md --json",
        "--json notebook run n.md --yes --only base.0",
    ] {
        objects(&scratch, arguments);
    }
    let figure = &objects(&scratch, "plot loss main --json -o loss.svg")[0];
    assert!(figure.to_string().contains("main"), "{figure}");
    assert!(scratch.path("loss.svg").exists());
    if cfg!(feature = "sql") {
        let mut query = scratch.command("query --json");
        let output =
            query.arg("SELECT COUNT(*) AS steps FROM steps WHERE branch = 'main'").output().expect("it starts");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "{\"steps\":10}", "{output:?}");
        let mut both = scratch.command("query --json --format csv");
        let output = both.arg("SELECT step FROM steps").output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    if cfg!(feature = "view") {
        let drawn = objects(&scratch, "view --screenshot window.png --json");
        assert_eq!(drawn[0]["picture"], "window.png");
    }
    let compacted = &objects(&scratch, "compact main --json")[0];
    assert_eq!(compacted["steps"], 10, "{compacted}");
    assert!(compacted["bytes_freed"].as_u64() > Some(0), "{compacted}");
    let materialised = &objects(&scratch, "materialise main --json")[0];
    assert_eq!((&materialised["from"], &materialised["to"]), (&0.into(), &9.into()), "{materialised}");
    assert_eq!(objects(&scratch, "pack main -o main.tar --json")[0]["thin"], false);
    assert_eq!(objects(&scratch, "unpack main.tar --store theirs --json")[0]["arrival"], "added");
    let renamed = &objects(&scratch, "rename twin other --json")[0];
    assert_eq!((&renamed["branch"], &renamed["was"]), (&"other".into(), &"twin".into()));
    assert_eq!(objects(&scratch, "delete other --json")[0]["deleted"], true);
    assert_eq!(objects(&scratch, "delete other --undo --json")[0]["deleted"], false);
    scratch.run(0, "delete other");
    let listed = objects(&scratch, "gc --json");
    let (last, items) = listed.split_last().expect("a summary");
    assert_eq!(items.len(), 1, "{listed:?}");
    assert_eq!((&last["bytes"], &last["bytes_freed"]), (&items[0]["bytes"], &0.into()));
    let freed = objects(&scratch, "gc --yes --json");
    assert_eq!(freed.last().expect("a summary")["bytes_freed"], last["bytes"]);
    // Failures, too.
    for arguments in ["rename nobody other --json", "--json gc --store nowhere", "plot loss nobody -o a.svg --json"] {
        let ran = scratch.run(1, arguments);
        assert_eq!(ran.json()["event"], "error", "{arguments}: {ran:?}");
    }
}
