//! `revacnn resume`: going on with a branch where it stopped.

use std::process::ExitCode;

use clap::Args;
use revacnn_recorder::{Session, find_data};
use revacnn_schemas::{BranchName, Place, Step};
use revacnn_store::{RecorderOptions, Store};

use super::train::disk_budget;
use super::{Run, remember};
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions, Until, UntilOptions};
use crate::run::{self, Engine, warn_of_budget};

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
        let store = Store::open(&self.store.store)?;
        let record = store.branch(&self.branch)?;
        let dataset = find_data(&store, &record, self.data.folder().as_deref())?;
        let budget = disk_budget(self.training.disk_budget, &self.store.store);
        let options = RecorderOptions { disk_budget: budget, ..RecorderOptions::default() };
        interrupt::listen();
        let session = Session::resume(&store, &record, self.training.threads.number(), options, dataset)?;
        let until = until(&session, &self.until)?;
        warn_of_budget(session.record(), budget, until);
        store.set_target(session.record(), until)?;
        remember(&store, &record, self.data.data.as_deref())?;
        run::Run::new(self.store.place(Some(&self.data)), json, Engine::recorded(session)?, until).go()
    }
}

/// The step to train to: what was asked for now, or before, or else the end
/// of the next epoch.
pub(super) fn until(session: &Session, asked: &UntilOptions) -> Result<Step, Failure> {
    let trainer = session.trainer();
    let (position, cursor) = (trainer.position(), trainer.cursor());
    let too_large = || Failure::Usage("that is more steps than can be counted".to_owned());
    let batch = u64::from(trainer.definition().batch_size);
    let images = u64::from(trainer.epoch_images());
    // From here to the end of an epoch, batches of this branch's size.
    let end_of = |epoch: u64| {
        let whole = epoch.checked_sub(cursor.epoch.0)?.checked_sub(1)?;
        let rest = (images - u64::from(cursor.offset)).div_ceil(batch);
        whole.checked_mul(images.div_ceil(batch))?.checked_add(rest)?.checked_add(position.0).map(Step)
    };
    match (asked.steps, asked.epochs) {
        (Some(Until::Step(step)), _) => Ok(Step(step)),
        (Some(Until::More(more)), _) => position.0.checked_add(more).map(Step).ok_or_else(too_large),
        (None, Some(epochs)) if epochs <= cursor.epoch.0 => Ok(position),
        (None, Some(epochs)) => end_of(epochs).ok_or_else(too_large),
        (None, None) => match session.store().target(session.record())? {
            Some(target) if target > position => Ok(target),
            _ => end_of(cursor.epoch.0 + 1).ok_or_else(too_large),
        },
    }
}
