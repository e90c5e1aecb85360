//! `revacnn notebook new`: a small notebook to begin with.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::Run;
use crate::error::Failure;
use crate::options::path;
use crate::output::say;
use crate::text::printable;

/// A notebook that trains for a few seconds on embedded data.
pub(super) const EXAMPLE: &str = "\
# One filter more

Does a fifth filter, added after an epoch, beat the same network left alone? Both draw the
same images. The network:

```toml revacnn small
[[layer]]
kind = \"conv\"
filters = 4
kernel = 3
pad = 1
activation = \"relu\"

[[layer]]
kind = \"pool\"
kernel = 2
stride = 2

[[layer]]
kind = \"softmax\"
```

Three seeds of each:

```revacnn
train base --dataset digits --network small --epochs 4 --over seed=0..2
fork base@epoch:1 wider --edit 'add-filter conv1 init=split' --epochs 4
```

```revacnn
plot loss base wider --x epoch
```

Two of the networks at the end:

```revacnn
compare base.0 wider.0
```
";

/// Write a small notebook to begin with.
#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The file to write; it is not there yet.
    #[arg(value_name = "FILE", value_parser = path())]
    file: PathBuf,
}

impl Run for NewArguments {
    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let shown = printable(&self.file.display());
        let file = OpenOptions::new().write(true).create_new(true).open(&self.file);
        file.and_then(|mut file| file.write_all(EXAMPLE.as_bytes())).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::Usage(format!("{shown} is there already: name a new file")),
            _ => Failure::Usage(format!("{shown} cannot be written: {error}")),
        })?;
        if json {
            say!("{}", serde_json::json!({ "event": "written", "file": self.file.display().to_string() }));
        } else {
            say!("{shown} is written\n\nnext:\n  revacnn notebook run {shown}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
