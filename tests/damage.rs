//! Ways in which a store, a disk or a data set can be bad, met through the
//! program: a clear error that names the file, an exit code that is not zero,
//! no panic, and what was committed stays readable.

#![cfg(unix)]

#[path = "../store/tests/bomb/mod.rs"]
mod bomb;
#[path = "support/process.rs"]
mod process;
mod support;
#[path = "support/tables.rs"]
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{Float32Array, ListArray, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use revacnn_schemas::FORMAT_VERSION;
use support::{Ran, Scratch, TRAIN};

/// A store with one branch of steps 0 to 600, in two segments.
fn recorded() -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 511"));
    scratch.run(0, &format!("{TRAIN} --steps 600"));
    let branch = tables::only_branch(&scratch.path("runs"));
    assert_eq!(tables::no_row_twice(&branch), Some(600));
    assert_eq!(tables::listed(&branch.join("weights")).len(), 2);
    (scratch, branch)
}

/// Runs a command that must fail with code 1 and say all of this.
#[track_caller]
fn refused(scratch: &Scratch, arguments: &str, says: &[&str]) {
    let ran = scratch.run(1, arguments);
    for part in says {
        assert!(ran.err.contains(part), "{arguments}: `{part}` is not in {}", ran.err);
    }
}

/// The path as the program names it, which runs beside the store.
fn named<'a>(scratch: &Scratch, path: &'a Path) -> &'a str {
    path.strip_prefix(scratch.path("")).expect("a path in the folder").to_str().expect("Unicode")
}

#[test]
fn a_truncated_segment_is_named_and_the_other_steps_are_shown() {
    let (scratch, branch) = recorded();
    let whole = scratch.run(0, "show main@512 --json").out;
    let path = &tables::listed(&branch.join("weights"))[0];
    let length = fs::metadata(path).expect("a file").len();
    for length in [length - 1, length / 2, 3, 0] {
        fs::OpenOptions::new().write(true).open(path).expect("a file").set_len(length).expect("a shorter one");
        refused(&scratch, "show main@300", &[named(&scratch, path), "stays readable"]);
        refused(&scratch, "show main@300 --json", &[named(&scratch, path)]);
        assert_eq!(scratch.run(0, "show main@512 --json").out, whole);
        // A look at the ends of files tells.
        refused(&scratch, "log", &[named(&scratch, path), "one that was cut off"]);
    }
    // Going on needs the newest steps alone.
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 610")).json()["step"], 610);
}

#[test]
fn a_flipped_bit_is_no_panic_and_never_shown_as_a_weight() {
    let (scratch, branch) = recorded();
    let good = scratch.run(0, "show main@20 --json").out;
    let mut refused = 0;
    for table in ["weights", "steps", "gradients"] {
        let path = &tables::listed(&branch.join(table))[0];
        let whole = fs::read(path).expect("a file");
        for round in 0..24_usize {
            let mut bytes = whole.clone();
            // In the footer, and where the rows of the step are.
            let place = match round % 2 {
                0 => bytes.len() - 1 - round * 97 % 900,
                _ => bytes.len() * (20 + round * 3) / 1000,
            };
            bytes[place] ^= 1 << (round % 8);
            fs::write(path, &bytes).expect("a damaged file");
            let ran = Ran::of(scratch.command("show main@20 --json").output().expect("the program starts"));
            match ran.code {
                Some(1) => {
                    assert!(ran.err.contains(named(&scratch, &branch)), "{table} {place}: {}", ran.err);
                    refused += 1;
                }
                code => {
                    assert_eq!(code, Some(0), "{table} {place}: {ran:?}");
                    assert!(ran.out == good, "{table} {place}: a damaged value is shown");
                }
            }
        }
        fs::write(path, &whole).expect("the file as it was");
    }
    assert!(refused > 0, "no flip was noticed");
    assert_eq!(scratch.run(0, "show main@20 --json").out, good);
}

#[test]
fn weights_that_read_well_and_are_not_those_recorded_are_refused() {
    let (scratch, branch) = recorded();
    scratch.run(0, &format!("{TRAIN} --steps 511 --seed 1 --branch other"));
    // Another branch's weights: a whole file, with rows in the same places.
    let other = tables::listed(&scratch.path("runs/branches")).into_iter().find(|folder| *folder != branch);
    let from = &tables::listed(&other.expect("a second branch").join("weights"))[0];
    let to = &tables::listed(&branch.join("weights"))[0];
    fs::copy(from, to).expect("a copy");
    refused(&scratch, "show main@20", &[named(&scratch, &branch), "`revacnn.branch`"]);
    // It says that it is this one's.
    let id = branch.file_name().expect("a name").to_string_lossy().replace("branch=", "");
    bomb::sealed::seal(to, &[("revacnn.branch", &id)]);
    refused(
        &scratch,
        "show main@20",
        &[named(&scratch, &branch), "expected weights of step 20 with digest ", "found digest "],
    );
    scratch.run(0, "show main@600");
    scratch.run(0, "show other@20");
}

/// Writes a file of weights anew, with another value in one list of a step.
fn change_a_weight(path: &Path, step: i64) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).expect("a file")).expect("Parquet");
    let entries = builder.metadata().file_metadata().key_value_metadata().cloned();
    let entries = entries.map(|entries| entries.into_iter().filter(|entry| entry.key != "ARROW:schema").collect());
    let group = usize::try_from(builder.metadata().row_group(0).num_rows()).expect("a number");
    let batches: Vec<RecordBatch> = builder.build().expect("a reader").map(Result::unwrap).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(entries);
    let properties = properties.set_max_row_group_row_count(Some(group)).build();
    let schema = batches[0].schema();
    let file = fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).expect("a writer");
    let mut changed = 0;
    for batch in &batches {
        let mut columns = batch.columns().to_vec();
        let (field, offsets, values, nulls) = batch.column(4).as_list::<i32>().clone().into_parts();
        let mut values = values.as_primitive::<Float32Type>().values().to_vec();
        let steps = batch.column(0).as_primitive::<Int64Type>().values();
        if let Some(row) = steps.iter().position(|&known| known == step).filter(|_| changed == 0) {
            values[offsets[row] as usize] += 1.0;
            changed += 1;
        }
        columns[4] = Arc::new(ListArray::new(field, offsets, Arc::new(Float32Array::from(values)), nulls));
        writer.write(&RecordBatch::try_new(schema.clone(), columns).expect("a batch")).expect("written");
    }
    writer.close().expect("a footer");
    bomb::sealed::seal(path, &[]);
    assert_eq!(changed, 1);
}

#[test]
fn a_changed_weight_is_refused_by_every_command_that_reads_it() {
    let (scratch, branch) = recorded();
    let path = &tables::listed(&branch.join("weights"))[0];
    change_a_weight(path, 300);
    let says = [named(&scratch, path), "expected weights of step 300 with digest ", "found digest "];
    for command in [
        "show main@300",
        "show main@300 --layer conv1 --filter 0 --json",
        "diff main@300 main@299",
        "diff main@299 main@300 --json",
        "plot filters main@300 --layer conv1 -o a.svg",
        "plot filter main@300 --layer conv1 --filter 3 -o a.svg",
        "plot network main@300 -o a.svg",
        "plot network main@300 --image 7 -o a.svg",
        "plot activations main@300 --layer conv1 -o a.svg",
        "embed main@300 --layer conv1",
        "compare main@300 main@299",
        "verify main",
    ] {
        if command.starts_with("verify") {
            refused(&scratch, command, &[says[0]]);
        } else {
            refused(&scratch, command, &says);
        }
        assert!(!scratch.path("a.svg").exists(), "{command}");
    }
    if cfg!(feature = "sql") {
        let sql = "SELECT step, filter, \"values\", bias FROM weights WHERE step = 300";
        let ran = Ran::of(scratch.command("query").arg(sql).output().expect("the program starts"));
        assert!(ran.code == Some(1) && says.iter().all(|part| ran.err.contains(part)), "{ran:?}");
    }
    for command in ["show main@299", "show main@301", "diff main@299 main@301", "evaluate main@300"] {
        scratch.run(0, command);
    }
}

/// 2.6 kB of it took 2.4 GB of memory, and the program was aborted.
#[test]
fn a_small_file_that_stands_for_gigabytes_is_refused_in_little_memory() {
    let (scratch, branch) = recorded();
    let tables: [(&str, &str, &[&str]); 4] = [
        ("validation", "confusion", &["log", "show main@best", "plot loss main -o a.svg"]),
        ("weights", "values", &["show main@5", "diff main@5 main", "plot filters main@5 --layer conv1 -o a.svg"]),
        ("activations", "values", &["show main@5"]),
        ("keyframes", "values", &["verify main", "evaluate main@5"]),
    ];
    for (table, column, commands) in tables {
        let path = &tables::listed(&branch.join(table))[0];
        let good = fs::read(path).expect("a file");
        bomb::plant(path, column, bomb::Bomb::Values(300_000_000));
        // The last segment, too, is looked at by `log`.
        for command in commands {
            let program = env!("CARGO_BIN_EXE_revacnn");
            let limited = format!("ulimit -v 1500000; exec {program} {command}");
            let output = Command::new("sh").args(["-c", &limited]).current_dir(scratch.path("")).output();
            let ran = Ran::of(output.expect("a shell"));
            if *command == "log" && ran.code == Some(0) {
                // Its newest validation lies in another file.
                continue;
            }
            assert_eq!(ran.code, Some(1), "{command}: {ran:?}");
            let says = [named(&scratch, path), "as the topology gives"];
            assert!(says.iter().all(|part| ran.err.contains(part)), "{command}: {ran:?}");
        }
        fs::write(path, good).expect("the file as it was");
        scratch.run(0, commands[0]);
    }
}

#[test]
fn files_that_are_not_ours_do_no_harm() {
    let (scratch, branch) = recorded();
    for path in ["runs/notes.txt", "runs/branches/.DS_Store", "runs/branches/other", "runs/.trash"] {
        fs::write(scratch.path(path), "mine").expect("a file");
    }
    fs::write(branch.join("weights/mine.txt"), "mine").expect("a file");
    fs::write(branch.join("tail/readme"), "mine").expect("a file");
    scratch.run(0, "log");
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 620")).json()["step"], 620);
    assert_eq!(tables::no_row_twice(&branch), Some(620));
    for path in ["runs/notes.txt", "runs/branches/other", "runs/.trash"] {
        assert_eq!(fs::read(scratch.path(path)).expect("still there"), b"mine");
    }
    // A folder of other things is not made a store.
    fs::create_dir(scratch.path("thesis")).expect("a folder");
    fs::write(scratch.path("thesis/thesis.tex"), "mine").expect("a file");
    refused(&scratch, &format!("{TRAIN} --steps 3 --store thesis"), &["thesis.tex", "choose another folder"]);
    assert_eq!(tables::listed(&scratch.path("thesis")).len(), 1);
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let (scratch, branch) = recorded();
    scratch.run(0, &format!("{TRAIN} --steps 5 --seed 1 --branch second"));
    let train = format!("{TRAIN} --steps 620");
    let newer = |path: &Path| {
        let text = fs::read_to_string(path).expect("a description");
        let changed = text.replacen(&format!("\"format_version\": {FORMAT_VERSION}"), "\"format_version\": 97", 1);
        assert_ne!(text, changed);
        fs::write(path, changed).expect("a newer one");
        text
    };
    let path = branch.join("branch.json");
    let text = newer(&path);
    let says = [named(&scratch, &path), "format version 97", "knows versions 1 to 5"];
    refused(&scratch, "log", &says);
    refused(&scratch, &train, &says);
    let says = ["no branch `main`", "`second`, and 1 that cannot be read\n\nnext:\n  revacnn log\n"];
    refused(&scratch, "show main", &says);
    assert!(scratch.run(1, "log").out.contains("second"), "the other branch is still listed");
    scratch.run(0, "show second@5");
    fs::write(&path, text).expect("the old one");

    let path = scratch.path("runs/store.json");
    let text = newer(&path);
    for command in ["log", "show second", "evaluate second", &train] {
        refused(&scratch, command, &["store.json has format version 97", "knows versions 1 to 5"]);
    }
    fs::write(&path, text).expect("the old one");
    scratch.run(0, "log");
}

#[test]
fn a_damaged_description_is_named_and_no_second_branch_hides_it() {
    let (scratch, branch) = recorded();
    scratch.run(0, &format!("{TRAIN} --steps 5 --seed 1 --branch second"));
    let path = branch.join("branch.json");
    let whole = fs::read(&path).expect("a description");
    let half = &whole[..whole.len() / 2];
    for garbage in [&b""[..], b"{", b"[]", b"{\"format_version\": 1}", b"\0\xff\xfe", half] {
        fs::write(&path, garbage).expect("garbage");
        refused(&scratch, "log", &[named(&scratch, &path), "expected"]);
        refused(&scratch, "show main", &["`second`", "1 that cannot be read"]);
        refused(&scratch, &format!("{TRAIN} --steps 620"), &[named(&scratch, &path)]);
        assert_eq!(tables::listed(&scratch.path("runs/branches")).len(), 2);
        scratch.run(0, "show second");
    }
    fs::remove_file(&path).expect("a description");
    refused(&scratch, "log", &["branch.json is missing"]);
    refused(&scratch, &format!("{TRAIN} --steps 620"), &["branch.json is missing"]);
    fs::write(&path, whole).expect("the description");
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 620")).json()["step"], 620);
}

#[test]
fn a_symbolic_link_in_the_place_of_a_branch_is_not_followed() {
    let (scratch, branch) = recorded();
    let elsewhere = scratch.path("elsewhere");
    fs::rename(&branch, &elsewhere).expect("a move");
    std::os::unix::fs::symlink(&elsewhere, &branch).expect("a link");
    refused(&scratch, "log", &[named(&scratch, &branch), "a symbolic link, which is not followed"]);
    refused(&scratch, "show main", &["1 that cannot be read"]);
    refused(&scratch, &format!("{TRAIN} --steps 620"), &["a symbolic link, which is not followed"]);
    assert_eq!(tables::no_row_twice(&elsewhere), Some(600));
}

#[test]
fn a_second_writer_is_told_who_holds_the_branch() {
    let scratch = Scratch::new();
    let train = format!("{TRAIN} --batch-size 32 --steps 1000000000");
    let mut child = scratch.command(&train).stdout(Stdio::null()).spawn().expect("the program starts");
    let branches = scratch.path("runs/branches");
    process::wait_for(&mut child, || {
        let branch = tables::listed(&branches).pop()?;
        tables::listed(&branch.join("steps")).pop()
    });
    let holder = format!("process {}", child.id());
    refused(&scratch, &train, &["branch `main` is being recorded by", &holder, "one writer"]);
    // Readers are not in the way, and other branches neither.
    scratch.run(0, "log");
    scratch.run(0, "show main@100");
    scratch.run(0, &format!("{TRAIN} --steps 3 --branch other --seed 2"));
    child.kill().expect("a process to kill");
    child.wait().expect("the killed process");
    let last = scratch.run(0, "log --json").out.lines().next().map(|line| {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON")["last_step"].as_u64().expect("a step")
    });
    let train = format!("{TRAIN} --batch-size 32 --steps {}", last.expect("a branch") + 3);
    scratch.run(0, &train);
}

#[test]
fn a_full_disk_is_said_and_what_was_committed_goes_on_later() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 30"));
    // No file may grow beyond a few hundred kB: a segment's weights do.
    let program = env!("CARGO_BIN_EXE_revacnn");
    let command = format!("trap '' XFSZ; ulimit -f 400; exec {program} {TRAIN} --steps 3000");
    let limited = Command::new("sh").args(["-c", &command]).current_dir(scratch.path("")).output();
    let ran = Ran::of(limited.expect("a shell"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in ["the disk is full: cannot ", "runs/branches/branch=", "Free some space", "last committed step"] {
        assert!(ran.err.contains(part), "`{part}` is not in {}", ran.err);
    }
    let last = scratch.run(0, "log --json").json()["last_step"].as_u64().expect("a step");
    assert!(last >= 30, "{last}");
    scratch.run(0, &format!("show main@{last} --json"));
    // With space again it goes on, to the bits of a run that never lacked it.
    let resumed = scratch.run(0, &format!("{TRAIN} --steps 700")).json();
    let undisturbed = scratch.run(0, &format!("{TRAIN} --steps 700 --no-record")).json();
    assert_eq!(resumed["digest"], undisturbed["digest"]);
    let branch = tables::only_branch(&scratch.path("runs"));
    assert_eq!(tables::no_row_twice(&branch), Some(700));
    assert!(tables::listed(&branch.join("tail")).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (scratch, branch) = recorded();
    let lock = |mode| {
        for folder in [scratch.path("runs"), scratch.path("runs/branches"), branch.clone(), branch.join("tail")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("permissions");
        }
    };
    lock(0o555);
    if fs::write(branch.join("tail/probe"), "").is_ok() {
        lock(0o755);
        println!("skipped: this user may write everywhere");
        return;
    }
    let other = scratch.run(1, &format!("{TRAIN} --steps 3 --branch other --seed 1"));
    let more = scratch.run(1, &format!("{TRAIN} --steps 620"));
    for ran in [other, more] {
        assert!(ran.err.contains("runs") && ran.err.contains("Permission denied"), "{}", ran.err);
    }
    scratch.run(0, "log");
    scratch.run(0, "show main@600");
    lock(0o755);
    assert_eq!(scratch.run(0, &format!("{TRAIN} --steps 620")).json()["step"], 620);
}

#[test]
fn broken_files_of_cifar_10_are_named() {
    const RECORD: usize = 1 + 3 * 32 * 32;
    let scratch = Scratch::new();
    let folder = scratch.path("data/cifar-10-batches-bin");
    fs::create_dir_all(&folder).expect("a folder");
    let records = |count: usize| -> Vec<u8> {
        (0..count * RECORD).map(|byte| if byte % RECORD == 0 { byte / RECORD % 10 } else { byte % 251 } as u8).collect()
    };
    let (batch, test) = (folder.join("data_batch_1.bin"), folder.join("test_batch.bin"));
    let train = format!("{} --data data", TRAIN.replace("digits", "cifar10"));
    let train = format!("{train} --steps 3");
    fs::write(&batch, records(40)).expect("a batch");
    refused(&scratch, &train, &["test_batch.bin: expected a file of CIFAR-10 records, found"]);
    fs::write(&test, records(20)).expect("a batch");
    scratch.run(0, &train);
    let good = scratch.run(0, "show main --json").out;

    let mut wrong_label = records(40);
    wrong_label[7 * RECORD] = 10;
    for (content, says) in [
        (records(40)[..39 * RECORD + 5].to_vec(), "expected 1 to 100000 records of 3073 bytes"),
        (Vec::new(), "found 0 bytes"),
        (wrong_label, "record 7 (counted from 0): expected a label 0..9, found 10"),
    ] {
        fs::write(&batch, content).expect("a broken batch");
        for command in [&train[..], "data check cifar10 --data data", "evaluate main"] {
            refused(&scratch, command, &["data_batch_1.bin", says]);
        }
        // What was recorded needs no data.
        assert_eq!(scratch.run(0, "show main --json").out, good);
    }
    // Other images under the same name are another data set.
    fs::write(&batch, records(50)).expect("a batch");
    refused(&scratch, &train, &["branch `main` exists and is another run", "dataset: cifar10 ("]);
    refused(&scratch, "evaluate main", &["was trained on data set cifar10 with digest"]);
    fs::write(folder.join("batches.meta.txt"), "cat\ndog\n").expect("names");
    refused(&scratch, &train, &["batches.meta.txt: expected ten names, one a line, found 2 names"]);
}
