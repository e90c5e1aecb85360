//! Where the system gives no more threads: a sentence or fewer of them, and
//! never a panic.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Ran, Scratch, TRAIN};

/// Runs the program as a user who may have so many threads in all. The limit
/// binds no administrator, so that one becomes somebody else first; `None`
/// where that is not possible.
fn limited(scratch: &Scratch, threads: usize, arguments: &str) -> Option<Ran> {
    let program = scratch.path("revacnn");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_revacnn"), &program).expect("a copy that anybody can start");
    }
    let shell = |command: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(scratch.path("")).env_remove("REVACNN_DATA");
        shell.output().expect("a shell")
    };
    let root = shell("id -u").stdout.starts_with(b"0\n");
    // Somebody who has no other process, so that the limit is for this one.
    let user = 60_000 + std::process::id() % 5_000;
    let other = if root { format!("setpriv --reuid {user} --regid {user} --clear-groups ") } else { String::new() };
    let opened = !root || shell("chmod -R a+rwX .").status.success();
    if !(opened && shell(&format!("{other}prlimit --nproc=64 true")).status.success()) {
        return None;
    }
    Some(Ran::of(shell(&format!("exec timeout 60 {other}prlimit --nproc={threads} ./revacnn {arguments}"))))
}

#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 40"));
    let Some(checked) = limited(&scratch, 1, "data check digits shapes") else {
        println!("skipped: no other user, or no limit, can be set here");
        return;
    };
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.out.contains("(as expected)"), "{checked:?}");
    let free = format!("{TRAIN} --steps 20 --no-record --threads 4");
    for (code, arguments, says) in [
        (0, free.as_str(), "\"step\":20"),
        (0, "verify main", "are what they say"),
        (0, "verify main --threads 8", "are what they say"),
        (0, "show main", "digest"),
        (0, "evaluate main", "validation"),
        (0, "plot loss main -o loss.png", ""),
        (1, "train --branch other --dataset digits --steps 20", "cannot start the writer thread"),
        (1, "fork main@20 --name child", "cannot start the writer thread"),
        #[cfg(feature = "sql")]
        (1, "query \"SELECT COUNT(*) FROM steps\"", "no thread can be started"),
    ] {
        let ran = limited(&scratch, 1, arguments).expect("as before");
        assert_eq!(ran.code, Some(code), "{arguments}: {ran:?}");
        assert!(ran.out.contains(says) || ran.err.contains(says), "{arguments}: `{says}` is not in {ran:?}");
    }
    // With some threads and not all, either everything is done or one is named.
    for threads in 2..6 {
        for arguments in [
            "verify main --threads 8",
            "fork main@20",
            #[cfg(feature = "sql")]
            "query \"SELECT COUNT(*) FROM steps\"",
        ] {
            let ran = limited(&scratch, threads, arguments).expect("as before");
            let named = ran.err.contains("thread") || ran.err.contains("query");
            assert!(ran.code == Some(0) || named, "{threads} threads, {arguments}: {ran:?}");
        }
    }
    assert!(Path::new(&scratch.path("runs")).exists());
}
