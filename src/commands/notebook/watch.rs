//! `revacnn notebook watch`: a page that follows a notebook while it is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use clap::Args;
use revacnn_schemas::Place;

use super::super::Run;
use super::export::{Form, check_output, write};
use super::run::RunArguments;
use crate::error::Failure;
use crate::interrupt;
use crate::options::path;
use crate::output::{say, warn};
use crate::text::{bytes, printable};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// Train what each saved change of a notebook reaches, and write its page anew.
///
/// Every training is agreed to as by `run`, or with --yes beforehand. What is wrong with a
/// notebook is told, and mended by the next save. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    #[command(flatten)]
    run: RunArguments,
    /// The page or report to write [default: the notebook's name with .html].
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: Option<PathBuf>,
}

/// What a glance at a file shows: another one is read.
type Glance = Option<(u64, Option<SystemTime>)>;

impl WatchArguments {
    fn glance(&self) -> Glance {
        fs::metadata(&self.run.file.file).ok().map(|found| (found.len(), found.modified().ok()))
    }

    /// Trains and writes once; what is wrong with the notebook is told, and waited for.
    fn once(&self, output: &Path, form: Form, json: bool) -> Result<(), Failure> {
        let notebook = self.run.file.read()?;
        self.run.train(&notebook, json)?;
        if interrupt::stop().is_asked() {
            return Ok(());
        }
        let exported = write(&notebook, output, form, (&self.run.store, &self.run.data), json)?;
        let (shown, size) = (printable(&output.display()), exported.text.len() as u64);
        if json {
            let event = serde_json::json!({
                "event": "written", "file": output.display().to_string(), "bytes": size, "lacks": exported.lacks,
            });
            say!("{event}");
        } else {
            say!("{shown}: {}", bytes(size));
            exported.lacks.iter().for_each(warn);
        }
        Ok(())
    }
}

impl Run for WatchArguments {
    fn place(&self) -> Place {
        self.run.place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let file = &self.run.file.file;
        let output = self.output.clone().unwrap_or_else(|| file.with_extension("html"));
        let form = Form::of(&output)?;
        check_output(&output, file)?;
        interrupt::listen();
        let mut seen = self.glance();
        // A first one that cannot be read is no notebook to watch.
        self.once(&output, form, json)?;
        while !interrupt::stop().is_asked() {
            sleep(EVERY);
            let now = self.glance();
            // An editor may take the file away before it writes it anew.
            if now == seen || now.is_none() {
                continue;
            }
            seen = now;
            if let Err(error) = self.once(&output, form, json) {
                warn(&error);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
