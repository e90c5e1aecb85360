//! A flipped byte in a table's pages: every command that reads the table refuses
//! it, with file, table and row group.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

use crate::support::{Ran, Scratch, TRAIN};

/// The only file of a table.
fn file(branch: &Path, table: &str) -> PathBuf {
    let mut entries = fs::read_dir(branch.join(table)).expect("a table");
    entries.next().expect("a file").expect("an entry").path()
}

/// The file with the last byte of every page flipped.
fn flipped(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).expect("a file");
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&fs::File::open(path).expect("a file"))
        .expect("a footer");
    for (place, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        for column in 0..group.num_columns() {
            for page in index.offset_index(column).expect("an index").page_locations() {
                bytes[page.offset as usize + page.compressed_page_size as usize - 1] ^= 0x10;
            }
        }
    }
    bytes
}

#[test]
fn a_flipped_byte_is_refused_by_every_command_that_reads_its_table() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 40 --keyframe-interval 10 --validate-every 10"));
    scratch.run(0, &format!("{TRAIN} --steps 40 --seed 1 --branch other --validate-every 10"));
    let log = scratch.run(0, "log --json").out;
    let line = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let id = line.into_iter().find(|line| line["branch"] == "main").expect("main")["id"].as_str().map(str::to_owned);
    let branch = scratch.path(format!("runs/branches/branch={}", id.expect("an id")));
    let tables: [(&str, &[&str]); 9] = [
        ("steps", &["log", "show main@20", "plot loss main -o a.svg", "diff main@20 main@30", "evaluate main@20"]),
        (
            "weights",
            &[
                "show main@20",
                "diff main@20 other@20",
                "compare main@20 other@20",
                "embed main@20 --layer conv1",
                "plot filters main@20 --layer conv1 -o a.svg",
                "plot filter main@20 --layer conv1 --filter 1 -o a.svg",
                "plot network main@20 -o a.svg",
            ],
        ),
        ("gradients", &["show main@20", "plot network main@20 -o a.svg"]),
        ("activations", &["show main@20", "plot activations main@20 --layer conv1 -o a.svg"]),
        ("activation_gradients", &["show main@20"]),
        ("filters", &[]),
        ("normalisation", &["show main@20"]),
        ("keyframes", &["evaluate main@20", "fork main@20 --name twin --steps 25"]),
        ("validation", &["log", "show main@best", "plot loss main -o a.svg"]),
    ];
    for (table, commands) in tables {
        let path = file(&branch, table);
        let whole = fs::read(&path).expect("a file");
        fs::write(&path, flipped(&path)).expect("a damaged file");
        let named = path.strip_prefix(scratch.path("")).expect("in the folder").to_str().expect("Unicode");
        let refused = |ran: &Ran, command: &str| {
            assert_eq!(ran.code, Some(1), "{table}: {command}: {ran:?}");
            // The one that the command reads first.
            let group = format!("{table} row group ");
            for part in [named, &group, ", column ", "expected checksum "] {
                assert!(ran.err.contains(part), "{table}: {command}: `{part}` is not in {}", ran.err);
            }
            assert!(!scratch.path("a.svg").exists(), "{table}: {command}");
        };
        for command in commands.iter().chain(&["verify main", "verify main --quick"]) {
            refused(&scratch.run(1, command), command);
        }
        if cfg!(feature = "sql") {
            let sql = format!("SELECT * FROM {table} WHERE step = 20 AND branch = 'main'");
            refused(&Ran::of(scratch.command("query").arg(&sql).output().expect("the program starts")), &sql);
        }
        fs::write(&path, whole).expect("the file as it was");
        scratch.run(0, "show other@20");
    }
    let path = file(&branch, "topology");
    let whole = fs::read(&path).expect("a file");
    fs::write(&path, flipped(&path)).expect("a damaged file");
    assert!(scratch.run(1, "verify main --quick").err.contains("topology row group 0, column "));
    fs::write(&path, whole).expect("the file as it was");

    let verified = scratch.run(0, "verify main");
    for part in
        ["the checksums of ", "every column of 41 steps", "not covered: steps (elapsed_nanos, wall_time), events ("]
    {
        assert!(verified.out.contains(part), "`{part}` is not in {}", verified.out);
    }
    let json = scratch.run(0, "verify main --json").json();
    assert_eq!(
        (json["rows"].as_u64(), json["tensors"].as_u64(), json["checksums"].as_bool()),
        (Some(41), Some(41), Some(true))
    );
    assert_eq!(json["not_covered"]["steps"], serde_json::json!(["elapsed_nanos", "wall_time"]));
    let quick = scratch.run(0, "verify main --quick").out;
    assert!(quick.contains("the checksums of ") && !quick.contains("every column"), "{quick}");
    assert!(scratch.run(0, "verify --help").out.contains("Not covered"), "the help names what is not covered");
}
