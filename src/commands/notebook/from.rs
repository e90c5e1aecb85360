//! `revacnn notebook from`: a store's history as a notebook.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::history::{History, history};
use revacnn_notebook::plan::Place as Planned;
use revacnn_recorder::Resources;
use revacnn_schemas::{BranchName, Place, lines};
use revacnn_store::Store;
use serde_json::json;

use super::super::Run;
use super::file::folder_of;
use crate::error::Failure;
use crate::npy;
use crate::options::{DataOption, path};
use crate::output::{say, warn};
use crate::text::{counted, printable};

/// Write a store's history as a notebook, with a line for every branch.
///
/// Run in the same store the notebook trains nothing; in an empty one it trains all of it again, to
/// the same bits. A branch that no line can make again is told of in the notebook, with the reason.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn notebook from runs -o session.md
  revacnn notebook from runs wider -o wider.md")]
pub(super) struct FromArguments {
    /// The store: a folder that holds branches.
    #[arg(value_name = "STORE", value_parser = path())]
    store: PathBuf,
    /// Only these branches, and what they were forked from [default: all].
    #[arg(value_name = "BRANCH")]
    branches: Vec<BranchName>,
    /// The notebook to write; it is not there yet.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: PathBuf,
    #[command(flatten)]
    data: DataOption,
}

impl Run for FromArguments {
    fn place(&self) -> Place {
        Place { store: self.store.clone(), data: self.data.data.clone() }
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let shown = printable(&self.output.display());
        if self.output.symlink_metadata().is_ok() {
            return Err(is_there(&self.output));
        }
        let store = Store::open(&self.store)?;
        let resources = Resources { data_folder: self.data.folder(), ..Resources::usual(&self.store) };
        let folder = folder_of(&self.output);
        let place = Planned { folder, store: Some(&store), resources: &resources, read: &npy::coefficients };
        let History { text, lines: told, untold } = history(&store, &self.branches, place)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&self.output);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => is_there(&self.output),
            _ => Failure::Usage(format!("{shown} cannot be written: {error}")),
        })?;
        if json {
            let untold: Vec<_> =
                untold.iter().map(|untold| json!({ "branch": untold.branch, "reason": untold.reason })).collect();
            let file = self.output.display().to_string();
            say!("{}", json!({ "event": "written", "file": file, "branches": told, "untold": untold }));
            return Ok(ExitCode::SUCCESS);
        }
        for untold in &untold {
            warn(&format!("`{}` is no line of it: {}", untold.branch, lines(&untold.reason)));
        }
        say!("{shown} is written, with {}", counted(told as u64, "branch"));
        Ok(ExitCode::SUCCESS)
    }
}

fn is_there(path: &Path) -> Failure {
    Failure::Usage(format!("{} is there already: name a new file", printable(&path.display())))
}
