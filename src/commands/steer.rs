//! `revacnn steer`: asking a training in another process to do something.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use revacnn_notebook::command::values::whole;
use revacnn_recorder::check_producer;
use revacnn_schemas::{Address, Advice, BranchName, BranchRecord, Place, Position};
use revacnn_store::{Command, Store, StoreError, is_training, steer};
use serde_json::json;

use super::{Run, edits};
use crate::error::Failure;
use crate::options::{StoreOption, with_edits};
use crate::output;
use crate::text::count;

/// Steer a training that runs in another process.
#[derive(Debug, Args)]
#[command(after_help = with_edits("Examples, while another terminal trains main:
  revacnn steer main --edit 'add-filter conv3'
  revacnn steer main --pause
  revacnn steer main --step
  revacnn steer main --resume"))]
#[command(group = clap::ArgGroup::new("request").required(true))]
pub(crate) struct SteerArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The branch that is being trained.
    #[arg(value_name = "BRANCH")]
    branch: BranchName,
    /// Fork at the step's end with this edit, and go on in the new branch; may be given several times.
    #[arg(long, value_name = "EDIT", group = "request")]
    edit: Vec<OsString>,
    /// The new branch's name [default: the parent's, numbered].
    #[arg(long, value_name = "NAME", requires = "edit")]
    name: Option<BranchName>,
    /// Wait at the step's end.
    #[arg(long, group = "request")]
    pause: bool,
    /// Go on.
    #[arg(long, group = "request")]
    resume: bool,
    /// Make one step, and wait.
    #[arg(long, group = "request")]
    step: bool,
    /// End at the step's end, with everything written.
    #[arg(long, group = "request")]
    stop: bool,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole::<u64>)]
    patience: u64,
}

impl Run for SteerArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let command = if self.pause {
            Command::Pause
        } else if self.resume {
            Command::Resume
        } else if self.step {
            Command::Step
        } else if self.stop {
            Command::Stop
        } else {
            Command::Edit { edits: edits(&self.edit)?, name: self.name.clone() }
        };
        let store = Store::open(&self.store.store)?;
        let record = store.branch(&self.branch)?;
        check_producer(&record, "steer it")?;
        let forks = matches!(command, Command::Edit { .. });
        let answer = steer(&store, &record, command.clone(), Duration::from_secs(self.patience));
        let went_on = matches!(answer, Err(StoreError::NotTraining { .. })).then(|| goes_on(&store, &record)).flatten();
        if let Some(now) = went_on {
            let reason = format!(
                "no process trains branch `{}` now: it forked, and its training goes on in `{now}`. Steer that one",
                self.branch
            );
            return Err(Failure::Refused { reason, miswritten: false });
        }
        let answer = answer.map_err(|error| match error {
            // What was to happen to the run can happen to the branch.
            StoreError::NotTraining { .. } if forks => Failure::from(error).advised(vec![Advice::Fork {
                at: Address { branch: self.branch.clone(), position: Position::Last },
                edits: self.edit.iter().filter_map(|edit| edit.to_str().map(str::to_owned)).collect(),
                more: None,
            }]),
            error => error.into(),
        })?;
        if let Some(reason) = answer.refused {
            return Err(Failure::Refused { reason, miswritten: answer.miswritten });
        }
        let mut out = output::out();
        if json {
            let line = json!({
                "branch": answer.branch,
                "step": answer.step,
                "paused": answer.paused,
                "done": answer.done,
            });
            writeln!(out, "{line}")?;
            return Ok(ExitCode::SUCCESS);
        }
        let step = count(answer.step.0);
        match command {
            Command::Pause => writeln!(out, "{} is paused at step {step}", answer.branch)?,
            Command::Resume => writeln!(out, "{} goes on after step {step}", answer.branch)?,
            Command::Step => writeln!(out, "{} made step {step} and waits", answer.branch)?,
            Command::Stop => writeln!(out, "{} ends at step {step}", answer.branch)?,
            Command::Edit { .. } => {
                writeln!(out, "{} forked at step {step}: it goes on in {}", self.branch, answer.branch)?;
            }
        }
        if forks {
            for line in &answer.done {
                writeln!(out, "  {line}")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The branch in which a training that forked goes on, if it does.
fn goes_on(store: &Store, left: &BranchRecord) -> Option<BranchName> {
    let records = store.branches().ok()?.records;
    // From child to child: it may have forked more than once. None is looked at
    // twice, for a stranger's store may lead round in a circle.
    let mut met = vec![left.id.clone()];
    let mut place = 0;
    while let Some(id) = met.get(place).cloned() {
        place += 1;
        let is_child = |record: &&BranchRecord| record.parent.as_ref().is_some_and(|parent| parent.branch == id);
        for child in records.iter().filter(is_child) {
            if is_training(store, &child.id).is_ok_and(|training| training) {
                return Some(child.name.clone());
            }
            if !met.contains(&child.id) {
                met.push(child.id.clone());
            }
        }
    }
    None
}
