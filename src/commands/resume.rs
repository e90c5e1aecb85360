//! `revacnn resume`: going on with a branch where it stopped.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::UntilOptions;
use revacnn_recorder::resume;
use revacnn_schemas::{BranchName, Place};
use revacnn_store::Store;

use super::Run;
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions};
use crate::run::{go, refused, warn_of_budget};

/// Go on with a branch where it stopped, also after a crash.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn resume main
  revacnn resume wider --steps +500

Without --steps or --epochs it goes on to where it was last asked to go, or, if it is there
already, to the end of the next epoch.")]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    #[command(flatten)]
    until: UntilOptions,
    #[command(flatten)]
    training: TrainingOptions,
    #[command(flatten)]
    data: DataOption,
}

impl Run for ResumeArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let place = self.place();
        let store = Store::open(&self.store.store)?;
        let resources = self.training.resources(&self.store, &self.data);
        interrupt::listen();
        let run = resume(&store, &self.branch, &resources).map_err(|error| refused(error, &place))?;
        let until = run.step_of(self.until.goal())?;
        warn_of_budget(&run, resources.recorder.disk_budget, until);
        go(run, until, place, json)
    }
}
