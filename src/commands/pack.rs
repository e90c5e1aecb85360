//! `revacnn pack`: a branch with its ancestors in one file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{BranchName, Place};
use revacnn_store::{PackContents, Packed, Store};
use serde_json::json;

use super::{Run, bar};
use crate::error::Failure;
use crate::options::{StoreOption, path};
use crate::output::say;
use crate::text::{bytes, printable, span};

/// Pack a branch and what it was forked from into one file, to be given to
/// somebody.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn pack main -o main.tar\n  revacnn pack main --thin -o thin.tar\n\n\
    The file is a tar archive: `tar -tvf main.tar` lists what is in it. `revacnn unpack` \
    checks it and puts it into a store.")]
pub(crate) struct PackArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch; it may be in training, and is packed up to its last committed step.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// The file to write.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: PathBuf,
    /// Leave out the tensors, which are recomputed from the keyframes: a small file, from which
    /// every step can be shown and forked, to the same bits.
    #[arg(long)]
    thin: bool,
}

impl Run for PackArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let contents = if self.thin { PackContents::Thin } else { PackContents::Whole };
        let progress = bar(0, json);
        let result = store.pack(&self.branch, contents, &self.output, &mut |done, all| {
            progress.set_length(all);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        let Packed { branches, bytes: size } = result?;
        if json {
            let branches: Vec<_> = branches
                .iter()
                .map(|(branch, steps)| {
                    json!({ "branch": branch.name, "id": branch.id, "first_step": steps.first, "last_step": steps.last })
                })
                .collect();
            let output = self.output.display().to_string();
            say!("{}", json!({ "output": output, "thin": self.thin, "bytes": size, "branches": branches }));
            return Ok(ExitCode::SUCCESS);
        }
        for (branch, steps) in &branches {
            say!("{}: steps {}", branch.name, span(*steps));
        }
        let thin = if self.thin { "; tensors are left out, and recomputed exactly on demand" } else { "" };
        say!("{} in {}{thin}", bytes(size), printable(&self.output.display()));
        Ok(ExitCode::SUCCESS)
    }
}
