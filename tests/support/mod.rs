//! A folder of its own for every test, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A small network with a layer of every kind: quick, and with rows in every
/// table.
const SMALL: &str = r#"
name = "small"
[[layer]]
kind = "conv"
filters = 4
kernel = 3
pad = 1
activation = "tanh"
[[layer]]
kind = "batchnorm"
[[layer]]
kind = "pool"
method = "average"
kernel = 2
[[layer]]
kind = "fully-connected"
units = 8
activation = "relu"
[[layer]]
kind = "dropout"
rate = 0.25
[[layer]]
kind = "softmax"
"#;

/// Arguments that train the small network on the digits; branch, seed, steps
/// and the like follow.
pub(crate) const TRAIN: &str = "train --dataset digits --network small.toml --json";

/// A temporary folder in which the program runs: its store is `runs` there.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::write(folder.path().join("small.toml"), SMALL).expect("a file in it");
        Self(folder)
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program with arguments that have no spaces in them, not yet
    /// started. It knows of no data folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_revacnn"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path()).env_remove("REVACNN_DATA");
        // What the window remembers is this test's, and not of who runs it.
        command.env("XDG_CONFIG_HOME", self.0.path().join("config"));
        // So are data sets that were fetched.
        command.env("XDG_DATA_HOME", self.0.path().join("share"));
        command
    }

    /// Runs the program, which must end with this exit code.
    #[track_caller]
    pub(crate) fn run(&self, code: i32, arguments: &str) -> Ran {
        let ran = Ran::of(self.command(arguments).output().expect("the program starts"));
        assert_eq!(ran.code, Some(code), "revacnn {arguments}\n{ran:?}");
        ran
    }
}

/// What a run of the program said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// No run may panic, whatever else it is tested for.
    #[track_caller]
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!ran.err.contains("panicked"), "{ran:?}");
        ran
    }

    /// The last line, which is JSON: with `--json`, the summary or the answer.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
