//! On a terminal: what is drawn there, and what is kept.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::support::Scratch;

/// Runs a command line with a terminal on its standard streams, as far as it
/// does not lead them elsewhere; returns what the terminal saw.
fn on_a_terminal(scratch: &Scratch, line: &str) -> Option<String> {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).env_remove("REVACNN_DATA").env("TERM", "xterm");
    let output = command.current_dir(scratch.path(".")).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        println!("skipped: there is no `script`, which makes a terminal");
        return None;
    };
    assert!(output.status.success(), "{line}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Epoch lines went to the terminal, and the file had none.
#[test]
fn lines_to_keep_go_to_the_standard_output_wherever_the_bar_goes() {
    let scratch = Scratch::new();
    let program = env!("CARGO_BIN_EXE_revacnn");
    let train = format!("{program} train --dataset digits --network small.toml --batch-size 4 --steps 700");
    let epochs = ["epoch 1 done at step 338: ", "epoch 2 done at step 676: "];
    let kept = |text: &str, what: &str| {
        for start in epochs {
            let lines = text.split(['\n', '\r']).filter(|line| line.starts_with(start)).count();
            assert_eq!(lines, 1, "{what}: `{start}` in {text}");
        }
        assert!(text.contains("\nnext:"), "{what}: {text}");
    };
    // The bar on the terminal, lines in a file.
    let Some(screen) = on_a_terminal(&scratch, &format!("{train} > log.txt")) else { return };
    let log = std::fs::read_to_string(scratch.path("log.txt")).expect("a file");
    kept(&log, "the file");
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(screen.contains('━') && screen.contains("images/s") && !screen.contains("done at step"), "{screen}");
    // Both on the terminal: the bar is out of the way of each line.
    let screen = on_a_terminal(&scratch, &format!("{train} --branch both")).expect("a terminal");
    let plain = screen.replace("\u{1b}[2K", "").replace("\u{1b}[1A", "");
    kept(&plain.replace("\r\n", "\n"), "the terminal");
    assert!(screen.contains('━'), "{screen}");
    // No bar where the error output is no terminal.
    let screen = on_a_terminal(&scratch, &format!("{train} --branch lines 2> errors.txt")).expect("a terminal");
    kept(&screen.replace("\r\n", "\n"), "the terminal without a bar");
    assert!(!screen.contains('━'), "{screen}");
    assert_eq!(std::fs::read_to_string(scratch.path("errors.txt")).expect("a file"), "");
    // Neither on the terminal.
    on_a_terminal(&scratch, &format!("{train} --branch files > all.txt 2>&1")).expect("a terminal");
    let all = std::fs::read_to_string(scratch.path("all.txt")).expect("a file");
    kept(&all, "both in a file");
    assert!(!all.contains('━'), "{all}");
}
