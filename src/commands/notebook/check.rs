//! `revacnn notebook check`: all that is wrong with a notebook.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::plan::Plan;
use revacnn_recorder::Resources;
use revacnn_schemas::DEFAULT_STORE;
use serde_json::json;

use super::super::Run;
use super::file::FileArgument;
use crate::error::Failure;
use crate::options::DataOption;
use crate::output::say;
use crate::text::{counted, printable};

/// Tell all that is wrong with a notebook; nothing is trained or written.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    file: FileArgument,
    #[command(flatten)]
    data: DataOption,
}

impl Run for CheckArguments {
    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let notebook = self.file.read()?;
        let resources = Resources { data_folder: self.data.folder(), ..Resources::usual(DEFAULT_STORE.as_ref()) };
        let problems = Plan::of(&notebook.document, &notebook.program, notebook.place(None, &resources)).err();
        let problems = problems.unwrap_or_default();
        notebook.tell(&problems, json);
        let path = printable(&notebook.path.display());
        let number = problems.len();
        let (trainings, views) = (notebook.program.trainings.len(), notebook.program.views.len());
        if json {
            say!("{}", json!({ "event": "summary", "problems": number, "trainings": trainings, "views": views }));
        } else if number == 0 && notebook.document.lines().next().is_none() {
            say!("{path}: nothing is wrong, and no fence that begins with ```revacnn at the first column has a line");
        } else if number == 0 {
            let [trainings, views] =
                [(trainings, "training"), (views, "view")].map(|(number, one)| counted(number as u64, one));
            say!("{path}: nothing is wrong; {trainings} and {views}");
        } else {
            say!("{path}: {}", counted(number as u64, "problem"));
        }
        Ok(if number == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}
