//! `revacnn resume`: going on with a branch where it stopped.

use std::process::ExitCode;

use revacnn_recorder::{Session, find_data};
use revacnn_schemas::Step;
use revacnn_store::{RecorderOptions, Store};

use super::train::disk_budget;
use super::{remember, threads};
use crate::arguments::{ResumeArguments, Until};
use crate::error::Failure;
use crate::interrupt;
use crate::run::{Engine, Run, warn_of_budget};

pub(crate) fn run(arguments: &ResumeArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let record = store.branch(&arguments.branch)?;
    let dataset = find_data(&store, &record, arguments.data.folder().as_deref())?;
    let budget = disk_budget(arguments.how.disk_budget, &arguments.store.store);
    let options = RecorderOptions { disk_budget: budget, ..RecorderOptions::default() };
    interrupt::listen();
    let session = Session::resume(&store, &record, threads(arguments.how.threads), options, dataset)?;
    let until = until(&session, arguments.steps, arguments.epochs)?;
    warn_of_budget(session.record(), budget, until);
    store.set_target(session.record(), until)?;
    remember(&store, &record, arguments.data.data.as_deref())?;
    Run::new(arguments.store.place(Some(&arguments.data)), arguments.json, Engine::recorded(session)?, until).go()
}

/// The step to train to: what was asked for now, or before, or else the end
/// of the next epoch.
pub(super) fn until(session: &Session, steps: Option<Until>, epochs: Option<u64>) -> Result<Step, Failure> {
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
    match (steps, epochs) {
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
