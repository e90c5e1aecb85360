//! `log`, `show`, `evaluate` and `data`, in text and as JSON.

use serde_json::Value;

use crate::support::{Ran, Scratch, TRAIN};

/// A store with two branches, the first one past its first epoch.
fn recorded() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 400 --probe 3,17 --validate-every 50"));
    scratch.run(0, &format!("{TRAIN} --steps 20 --branch sgd --optimizer sgd --momentum 0.5"));
    scratch
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn log_lists_every_branch() {
    let scratch = recorded();
    let rows = lines(&scratch.run(0, "log --json").out);
    let names: Vec<&str> = rows.iter().filter_map(|row| row["branch"].as_str()).collect();
    assert_eq!(names, ["main", "sgd"]);
    let expected = [("last_step", 400.into()), ("validation_step", 400.into()), ("network", "small".into())];
    for (column, value) in expected {
        let value: Value = value;
        assert_eq!(rows[0][column], value);
    }
    assert_eq!((&rows[0]["parent"], &rows[0]["dataset"]["name"]), (&Value::Null, &"digits".into()));
    assert_eq!(rows[1]["validation_step"], 0);

    let text = scratch.run(0, "log").out;
    let mut table = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(table.next().expect("a heading")[0], "branch");
    let main = table.next().expect("a row");
    let loss = format!("{:.4}", rows[0]["last_loss"].as_f64().expect("a number"));
    assert_eq!(main[0], "main");
    for cell in ["small", "digits", "400", &loss] {
        assert!(main.contains(&cell), "{cell} is not in {main:?}");
    }
    assert_eq!(table.next().expect("a row")[0], "sgd");
    assert_eq!(table.next(), None);
}

#[test]
fn show_resolves_every_form_of_an_address() {
    let scratch = recorded();
    let step = |address: &str| scratch.run(0, &format!("show {address} --json")).json()["step"].as_u64();
    for (address, expected) in
        [("main", 400), ("main@last", 400), ("main@fork", 0), ("main@123", 123), ("main@epoch:1", 169), ("sgd", 20)]
    {
        assert_eq!(step(address), Some(expected), "{address}");
    }
    // The best step is that of the lowest recorded validation loss.
    let losses = (0..=400).step_by(50).chain([169, 338]).map(|step| {
        let evaluated = scratch.run(0, &format!("evaluate main@{step} --json")).json();
        (evaluated["loss"].as_f64().expect("a loss"), step)
    });
    let best = losses.min_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, step)| step);
    assert_eq!(step("main@best"), best);
    assert!(!scratch.run(0, "show main@best").err.contains("validated"));
}

/// A run that is shorter than an epoch has its first step for its best one.
#[test]
fn the_best_of_one_validation_is_said_to_be_that() {
    let scratch = Scratch::new();
    scratch.run(0, "train main --dataset digits --network 20-20-20 --steps 5");
    let mut fork = scratch.command("fork main@best --dry-run");
    let forked = Ran::of(fork.args(["--edit", "reinitialise conv1"]).output().expect("the program starts"));
    assert!(forked.err.contains("`main@best` is step 0: none after step 0"), "{forked:?}");
    for command in [
        "show main@best",
        "evaluate main@best",
        "diff main@best main",
        "export main@best -o a.npz",
        "predictions main@best",
        "plot filters main@best --layer conv1 -o a.svg",
    ] {
        let said = scratch.run(0, command).err;
        assert_eq!(
            said.matches("`main@best` is step 0: none after step 0, which `main` begins with, is validated").count(),
            1,
            "{command}: {said}"
        );
        assert!(said.contains("`main@last` is step 5"), "{command}: {said}");
    }
    assert!(!scratch.run(0, "show main@0").err.contains("validated"));
    scratch.run(0, "train often --dataset digits --network 20-20-20 --steps 5 --validate-every 5");
    assert!(!scratch.run(0, "show often@best").err.contains("validated"));
    // What a fork inherits it has not trained.
    let mut fork = scratch.command("fork often@5 forked --steps +2");
    let forked = Ran::of(fork.args(["--edit", "add-filter conv1"]).output().expect("the program starts"));
    assert_eq!(forked.code, Some(0), "{forked:?}");
    let said = scratch.run(0, "show forked@best").err;
    assert!(said.contains("none after step 5, which `forked` begins with, is validated"), "{said}");
}

#[test]
fn show_has_shapes_that_fit_and_a_filter_of_a_layer_is_part_of_it() {
    let scratch = recorded();
    let whole = scratch.run(0, "show main@200 --json").json();
    let lengths = |layer: usize| {
        let filters = whole["layers"][layer]["filters"].as_array().expect("filters");
        let first = &filters[0];
        let length = |value: &Value| value.as_array().map(Vec::len);
        (filters.len(), length(&first["weights"]), length(&first["gradients"]), length(&first["maps"]))
    };
    assert_eq!(lengths(0), (4, Some(9), Some(9), Some(2)));
    assert_eq!(lengths(1), (4, Some(1), Some(1), None));
    assert_eq!(lengths(2), (8, Some(64), Some(64), Some(2)));
    assert_eq!(lengths(3), (10, Some(8), Some(8), Some(2)));
    assert_eq!(whole["layers"][0]["filters"][3]["maps"][1]["image"], 17);
    assert!(whole["layers"][1]["filters"][0]["running_mean"].is_f64());
    let probabilities = (0..10).map(|class| &whole["layers"][3]["filters"][class]["maps"][0]["activation"][0]);
    let sum: f64 = probabilities.filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");

    let one = scratch.run(0, "show main@200 --layer conv1 --filter 2 --json").json();
    assert_eq!(one["layers"][0]["filters"][0], whole["layers"][0]["filters"][2]);
    assert_eq!(one["layers"][0]["filters"].as_array().map(Vec::len), Some(1));

    let text = scratch.run(0, "show main@200 --layer conv1 --filter 2").out;
    assert!(text.contains(&format!("digest {}", whole["digest"].as_str().expect("a text"))), "{text}");
    let first = whole["layers"][0]["filters"][2]["weights"][0].as_f64().expect("a number");
    let printed = text.lines().last().and_then(|line| line.split_whitespace().next()).expect("coefficients");
    assert_eq!(printed, format!("{first:.5}"));
    let text = scratch.run(0, "show main").out;
    for row in ["conv1       conv                   4                  9", "softmax     softmax               10 "] {
        assert!(text.contains(row), "{text}");
    }
    let start = scratch.run(0, "show main@0").out;
    assert!(start.contains("before any update: no loss, no gradients"), "{start}");
    let start = scratch.run(0, "show main@0 --json").json();
    assert_eq!((&start["loss"], &start["layers"][0]["filters"][0]["gradients"]), (&Value::Null, &Value::Null));
    let momentum = scratch.run(0, "show sgd").out;
    assert!(momentum.contains("  sgd: learning rate ") && momentum.contains(", momentum 0.5, "), "{momentum}");
}

#[test]
fn evaluate_agrees_with_what_training_recorded() {
    let scratch = recorded();
    let log = lines(&scratch.run(0, "log --json").out).remove(0);
    let evaluated = scratch.run(0, "evaluate main --json").json();
    assert_eq!((&evaluated["split"], &evaluated["images"]), (&"validation".into(), &150.into()));
    assert_eq!((&evaluated["loss"], &evaluated["accuracy"]), (&log["validation_loss"], &log["validation_accuracy"]));
    let confusion = evaluated["confusion"].as_array().expect("rows");
    let sum = |row: &Value| row.as_array().expect("a row").iter().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(confusion.iter().map(sum).sum::<u64>(), 150);
    let right: u64 = (0..10).filter_map(|class| confusion[class][class].as_u64()).sum();
    assert_eq!(evaluated["correct"], right);

    let test = scratch.run(0, "evaluate main@best --split test --threads 2").out;
    assert!(test.contains(" on 297 test images of digits: loss "), "{test}");
    assert_eq!(test.lines().count(), 2 + 1 + 10, "{test}");
}

#[test]
fn data_lists_and_checks_what_is_embedded() {
    let scratch = Scratch::new();
    let rows = lines(&scratch.run(0, "data list --json").out);
    let known: Vec<_> = rows.iter().map(|row| (row["name"].as_str(), row["available"].as_bool())).collect();
    let in_files = ["cifar10", "cifar100", "mnist", "fashion-mnist"].map(|name| (Some(name), Some(false)));
    assert_eq!(known[..2], [(Some("digits"), Some(true)), (Some("shapes"), Some(true))]);
    assert_eq!(known[2..], in_files);
    let text = scratch.run(0, "data list").out;
    for part in ["1,500    297  embedded", "not found", "licence: CC BY 4.0", "REVACNN_DATA"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let checked = scratch.run(0, "data check digits --json").json();
    assert_eq!((&checked["digest_verified"], &checked["shape"]), (&true.into(), &serde_json::json!([1, 8, 8])));
    let text = scratch.run(0, "data check digits").out;
    assert!(text.contains("1,350 training, 150 validation, 297 test images"), "{text}");
    assert!(text.contains("(as expected)"), "{text}");
    assert_eq!(scratch.run(0, "data check").out.matches("digest ").count(), 2);
}

/// A branch whose `steps` cannot be read had no row, and with `--json` there was no word
/// of it on the output.
#[test]
fn log_shows_what_is_known_of_a_damaged_branch() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    scratch.run(0, &format!("{TRAIN} --steps 5 --branch other"));
    let id = scratch.run(0, "show main --json").json()["id"].as_str().expect("an id").to_owned();
    let folder = scratch.path(format!("runs/branches/branch={id}"));
    let steps = folder.join("steps/000000000000-000000000020.parquet");
    let whole = std::fs::read(&steps).expect("a file");
    std::fs::write(&steps, &whole[..whole.len() / 2]).expect("damage");
    let text = scratch.run(1, "log");
    let row = text.out.lines().find(|line| line.starts_with("main ")).expect("a row");
    for part in ["small", "digits", "adam", " 20 ", "damaged"] {
        assert!(row.contains(part), "{part} is not in {row}");
    }
    let file = steps.file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(text.err.matches(file).count(), 1, "{}", text.err);
    let rows = lines(&scratch.run(1, "log --json").out);
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["branch"], &rows[0]["last_step"], &rows[0]["last_loss"]),
        (&"main".into(), &20.into(), &Value::Null)
    );
    assert!(rows[0]["problems"][0].as_str().is_some_and(|problem| problem.contains(file)), "{rows:?}");
    assert_eq!(rows[1]["problems"], Value::Array(Vec::new()));
    // What has no row is an object of its own.
    std::fs::write(&steps, whole).expect("the file as it was");
    std::fs::write(folder.join("branch.json"), "{").expect("damage");
    let rows = lines(&scratch.run(1, "log --json").out);
    assert_eq!((&rows[0]["branch"], &rows[1]["event"]), (&"other".into(), &"error".into()));
    assert!(rows[1]["message"].as_str().is_some_and(|message| message.contains("branch.json is damaged")), "{rows:?}");
}

/// Its rows had 300 columns, most of which said the same of each branch.
#[test]
fn log_says_once_what_all_branches_have_alike() {
    let scratch = recorded();
    let wide = scratch.run(0, "log --wide").out;
    let (heading, alike) = (wide.lines().next().expect("a heading"), wide.lines().last().expect("a line"));
    assert!(alike.starts_with("in all branches: network small; parameters "), "{alike}");
    assert!(alike.contains("; data digits; batch 8; seed 0"), "{alike}");
    for (title, varies) in [("id", true), ("optimizer", true), ("other parameters", true), ("network", false)] {
        assert_eq!(heading.contains(title), varies, "{title}: {heading}");
    }
    assert!(heading.trim_end().ends_with("edits"), "{heading}");
    assert!(wide.contains("beta1=0.9,beta2=0.999"), "{wide}");
    scratch.run(0, "delete sgd");
    let one = scratch.run(0, "log --wide").out;
    assert!(one.contains("network") && !one.contains("in all branches"), "{one}");
}

/// The table of a step did not say which filters stand still.
#[test]
fn show_tells_what_is_frozen() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    assert!(!scratch.run(0, "show main").out.contains("frozen"));
    let fork = |name: &str, edits: &[&str]| {
        let mut command = scratch.command(&format!("fork main@10 --name {name} --steps 15 --json"));
        command.args(edits.iter().flat_map(|edit| ["--edit", *edit]));
        assert_eq!(crate::support::Ran::of(command.output().expect("it starts")).code, Some(0));
    };
    fork("some", &["freeze conv1/2", "freeze fc1"]);
    // Also at the first step, which has no gradients.
    for step in ["some@10", "some@15"] {
        let text = scratch.run(0, &format!("show {step}")).out;
        let row = |layer: &str| {
            let row = text.lines().find(|line| line.starts_with(layer)).unwrap_or_else(|| panic!("{layer}: {text}"));
            row.split_whitespace().last().expect("a cell").to_owned()
        };
        assert_eq!(["layer", "conv1", "fc1", "softmax"].map(row), ["frozen", "1", "all", "–"], "{step}: {text}");
        let shown = scratch.run(0, &format!("show {step} --json")).json();
        let filters = shown["layers"][0]["filters"].as_array().expect("filters");
        let frozen: Vec<&Value> = filters.iter().map(|filter| &filter["frozen"]).collect();
        assert_eq!(frozen, [false, false, true, false], "{step}");
        let text = scratch.run(0, &format!("show {step} --layer conv1")).out;
        let cells: Vec<&str> = text.lines().rev().take(4).filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(cells, ["no", "yes", "no", "no"], "{text}");
    }
}
