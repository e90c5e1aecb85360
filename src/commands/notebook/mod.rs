//! `revacnn notebook`: a Markdown file whose fences hold the program's command lines.
//!
//! | file | concept |
//! |---|---|
//! | `file` | reading a notebook, and what is wrong with it, for people and as JSON |
//! | `check` | all that is wrong |
//! | `plan` | what would be trained |
//! | `engine` | the plan as a file for programs that run it on other machines |
//! | `run` | training it |
//! | `screen` | where the trainings stand |
//! | `export` | a page or a report with its figures |
//! | `watch` | a page that follows what is written |
//! | `from` | a store's history as a notebook |
//! | `new` | a small notebook to begin with |

mod check;
mod engine;
mod export;
mod file;
mod from;
mod new;
mod plan;
mod run;
mod screen;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use revacnn_schemas::Place;

use super::Run;
use crate::error::Failure;

/// Run a Markdown file whose fences hold command lines.
#[derive(Debug, Args)]
#[command(subcommand_help_heading = "Commands", disable_help_subcommand = true)]
#[command(after_help = "Examples:
  revacnn notebook new tour.md
  revacnn notebook check tour.md
  revacnn notebook plan tour.md
  revacnn notebook run tour.md
  revacnn notebook export tour.md -o tour.html
  revacnn notebook plan tour.md --as snakemake
  revacnn notebook from runs -o session.md

A fence that begins with ```revacnn holds lines such as `train base --epochs 2`, `fork base@epoch:1 wider
--edit 'add-filter conv1'` and `plot loss base wider`. What is trained already is not trained again.")]
pub(crate) struct NotebookArguments {
    #[command(subcommand)]
    action: Action,
}

/// What is done with a notebook.
#[derive(Debug, Subcommand)]
enum Action {
    /// Write a small notebook to begin with.
    New(new::NewArguments),
    /// Write a store's history as a notebook.
    From(from::FromArguments),
    /// Tell all that is wrong with a notebook.
    Check(check::CheckArguments),
    /// Tell what would be trained, and what there is already.
    Plan(plan::PlanArguments),
    /// Train what a notebook says and the store does not have.
    Run(run::RunArguments),
    /// Write a notebook with its figures: a page or a report.
    Export(export::ExportArguments),
    /// Train what each saved change reaches, and write the page anew.
    Watch(watch::WatchArguments),
}

impl Action {
    fn as_run(&self) -> &dyn Run {
        match self {
            Self::New(arguments) => arguments,
            Self::From(arguments) => arguments,
            Self::Check(arguments) => arguments,
            Self::Plan(arguments) => arguments,
            Self::Run(arguments) => arguments,
            Self::Export(arguments) => arguments,
            Self::Watch(arguments) => arguments,
        }
    }
}

impl Run for NotebookArguments {
    fn place(&self) -> Place {
        self.action.as_run().place()
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.action.as_run().run(json)
    }
}
