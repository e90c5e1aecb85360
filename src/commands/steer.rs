//! `revacnn steer`: asking a training in another process to do something.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use revacnn_schemas::{Address, Advice, Position};
use revacnn_store::{Command, Store, StoreError, steer};
use serde_json::json;

use super::edits;
use crate::arguments::SteerArguments;
use crate::error::Failure;
use crate::text::count;

pub(crate) fn run(arguments: &SteerArguments) -> Result<ExitCode, Failure> {
    let command = if arguments.pause {
        Command::Pause
    } else if arguments.resume {
        Command::Resume
    } else if arguments.step {
        Command::Step
    } else if arguments.stop {
        Command::Stop
    } else {
        Command::Edit { edits: edits(&arguments.edit)?, name: arguments.name.clone() }
    };
    let store = Store::open(&arguments.store.store)?;
    let record = store.branch(&arguments.branch)?;
    let forks = matches!(command, Command::Edit { .. });
    let answer = steer(&store, &record, command.clone(), Duration::from_secs(arguments.patience));
    let answer = answer.map_err(|error| match error {
        // What was to happen to the run can happen to the branch.
        StoreError::NotTraining { .. } if forks => Failure::from(error).advised(vec![Advice::Fork {
            at: Address { branch: arguments.branch.clone(), position: Position::Last },
            edits: arguments.edit.iter().filter_map(|edit| edit.to_str().map(str::to_owned)).collect(),
            more: None,
        }]),
        error => error.into(),
    })?;
    if let Some(reason) = answer.refused {
        return Err(Failure::Refused(reason));
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
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
            writeln!(out, "{} forked at step {step}: it goes on in {}", arguments.branch, answer.branch)?;
        }
    }
    if forks {
        for line in &answer.done {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
