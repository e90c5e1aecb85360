//! Files that a person names: links are followed, pipes and devices written
//! into, and where a disk is full the older file stays.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Ran, Scratch, TRAIN};

/// Every command that writes a file, with the ending of the file; its name
/// follows.
fn commands() -> Vec<(&'static str, &'static str)> {
    let mut commands = vec![
        ("svg", "plot loss main -o"),
        ("png", "plot network main -o"),
        ("svg", "embed main --layer conv1 --method pca -o"),
        ("png", "compare main@0 main -o"),
    ];
    if cfg!(feature = "sql") {
        commands.extend([
            ("csv", "query SELECT/**/*/**/FROM/**/filters --format csv -o"),
            ("json", "query SELECT/**/*/**/FROM/**/filters --format json -o"),
            ("parquet", "query SELECT/**/*/**/FROM/**/filters --format parquet -o"),
            ("txt", "query SELECT/**/*/**/FROM/**/filters -o"),
        ]);
    }
    if cfg!(feature = "view") {
        commands.push(("png", "view --size 1024x700 --screenshot"));
    }
    commands
}

fn recorded() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 300"));
    fs::create_dir(scratch.path("out")).expect("a folder");
    scratch
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_written() {
    let scratch = recorded();
    for (ending, command) in commands() {
        let (file, link) = (format!("out/file.{ending}"), format!("link.{ending}"));
        fs::write(scratch.path(&file), "older").expect("a file");
        symlink(&file, scratch.path(&link)).expect("a link");
        scratch.run(0, &format!("{command} {link}"));
        assert!(scratch.path(&link).is_symlink(), "{command}");
        let through = fs::read(scratch.path(&file)).expect("the file");
        assert!(through.len() > 500, "{command} wrote {} bytes", through.len());
        // What is written is what is written without a link, and nothing is left.
        scratch.run(0, &format!("{command} plain.{ending}"));
        assert!(fs::read(scratch.path(format!("plain.{ending}"))).expect("the file") == through, "{command}");
        assert_eq!(names(&scratch.path("out")), [format!("file.{ending}")], "{command}");
        fs::remove_file(scratch.path(&file)).expect("removed");
        fs::remove_file(scratch.path(&link)).expect("removed");
    }
}

#[test]
fn a_pipe_is_written_into_and_a_full_device_is_an_error() {
    let scratch = recorded();
    for (place, (ending, command)) in commands().into_iter().enumerate() {
        let pipe = scratch.path(format!("out/pipe{place}.{ending}"));
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let read = pipe.clone();
        let reader = std::thread::spawn(move || fs::read(read).expect("the pipe's content"));
        scratch.run(0, &format!("{command} out/pipe{place}.{ending}"));
        let through = reader.join().expect("no panic");
        scratch.run(0, &format!("{command} plain.{ending}"));
        assert!(fs::read(scratch.path(format!("plain.{ending}"))).expect("the file") == through, "{command}");
        if cfg!(target_os = "linux") {
            let full = format!("out/full{place}.{ending}");
            symlink("/dev/full", scratch.path(&full)).expect("a link");
            let refused = scratch.run(1, &format!("{command} {full}"));
            assert!(refused.err.contains(&format!("cannot write {full}: No space left")), "{command}: {refused:?}");
            assert!(scratch.path(&full).is_symlink() && !fs::metadata("/dev/full").expect("it").is_file());
        }
    }
    assert!(names(&scratch.path("out")).iter().all(|name| name.starts_with("pipe") || name.starts_with("full")));
}

/// A limit on the size of files stands for a full disk: it needs no
/// superuser, and the system refuses in the same place.
#[test]
fn where_no_more_can_be_written_the_older_file_stays_and_nothing_is_left() {
    let scratch = recorded();
    for (ending, command) in commands() {
        let file = format!("out/file.{ending}");
        fs::write(scratch.path(&file), "older").expect("a file");
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_revacnn")]);
        limited.args(command.split_whitespace()).arg(&file).current_dir(scratch.path("."));
        let output = limited.env_remove("REVACNN_DATA").stdin(Stdio::null()).output().expect("sh starts");
        let refused = Ran::of(output);
        assert_eq!(refused.code, Some(1), "{command}: {refused:?}");
        assert!(refused.err.contains(&format!("cannot write {file}: File too large")), "{command}: {refused:?}");
        assert_eq!(fs::read_to_string(scratch.path(&file)).expect("the file"), "older", "{command}");
        assert_eq!(names(&scratch.path("out")), [format!("file.{ending}")], "{command}");
        fs::remove_file(scratch.path(&file)).expect("removed");
    }
}

#[test]
fn a_folder_is_no_file_to_write() {
    let scratch = recorded();
    for (ending, command) in commands() {
        let name = format!("out/folder.{ending}");
        fs::create_dir_all(scratch.path(&name)).expect("a folder");
        let refused = scratch.run(1, &format!("{command} {name}"));
        assert!(refused.err.contains("expected a file, found a folder"), "{command}: {refused:?}");
        let refused = scratch.run(1, &format!("{command} none/file.{ending}"));
        assert!(refused.err.contains(&format!("cannot write none/file.{ending}: No such file")), "{refused:?}");
    }
}

#[test]
#[cfg(feature = "sql")]
fn the_standard_output_can_be_named() {
    let scratch = recorded();
    let query =
        "query SELECT/**/step/**/FROM/**/steps/**/WHERE/**/step<3/**/ORDER/**/BY/**/step --format csv -o /dev/stdout";
    assert_eq!(scratch.run(0, query).out, "step\n0\n1\n2\n");
    // Also where it is a file that has content already.
    let file = scratch.path("rows.csv");
    let mut output = fs::File::create(&file).expect("a file");
    std::io::Write::write_all(&mut output, b"before\n").expect("written");
    assert!(scratch.command(query).stdout(output).status().expect("it starts").success());
    assert_eq!(fs::read_to_string(&file).expect("the file"), "before\nstep\n0\n1\n2\n");
}
