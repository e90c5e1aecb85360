//! `revacnn notebook run`: training what a notebook says.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::values::from_one;
use revacnn_notebook::plan::{Lock, Locked, Outcome, Share, run};
use revacnn_schemas::{BranchName, Place};
use revacnn_store::{Store, unix_seconds, write_output};
use revacnn_trainer::read_file;
use serde_json::json;

use super::super::Run;
use super::file::{FileArgument, Notebook};
use super::plan::{as_text, costs, existing, summary};
use super::screen::Screen;
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions};
use crate::output::{self, say, warn};
use crate::text::{counted, printable};

/// Train what a notebook says and the store does not have.
///
/// The plan is shown first, and nothing is trained before it is agreed to. Ctrl-C ends
/// every training at the end of its step; the same command goes on from there.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) file: FileArgument,
    /// Train only this branch or family, and those that it is forked from; may be given several
    /// times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Fail where a digest is another than that of the lock file, which stays as it is.
    #[arg(long)]
    locked: bool,
    /// How many trainings go on side by side, each on its share of the threads [default: as many as
    /// there are threads and independent trainings].
    #[arg(long, value_name = "N", value_parser = from_one::<u16>)]
    jobs: Option<u16>,
    /// Train without asking.
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) store: StoreOption,
    #[command(flatten)]
    pub(super) data: DataOption,
    #[command(flatten)]
    training: TrainingOptions,
}

impl Run for RunArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        self.train(&self.file.read()?, json)
    }
}

impl RunArguments {
    /// Trains what a notebook says and the store does not have.
    pub(super) fn train(&self, notebook: &Notebook, json: bool) -> Result<ExitCode, Failure> {
        let lock_path = notebook.path.with_extension("lock");
        let lock = read_lock(&lock_path, self.locked)?;
        let wanted = self.wanted(notebook)?;
        let resources = self.training.resources(&self.store, &self.data);
        let known = existing(&self.store)?;
        let plan = notebook.plan(notebook.place(known.as_ref(), &resources), json)?;
        if plan.nodes.is_empty() {
            return self.close(notebook, &[], &[], json);
        }
        if self.locked {
            let known = lock.differences_of(wanted.iter().map(|place| {
                let node = &plan.nodes[*place];
                (notebook.program.trainings[*place].name.as_str(), node.key, node.until)
            }));
            if !known.is_empty() {
                known.iter().for_each(warn);
                let differ = counted(known.len() as u64, "training");
                return Err(Failure::OtherBits(format!(
                    "{differ} of {} differ from the lock file by what the notebook says: nothing was trained",
                    wanted.len()
                )));
            }
        }
        let left = plan.left(&wanted);
        if !left.is_empty() && !self.yes {
            let costs = costs(&plan, known.as_ref());
            if json || !io::stdin().is_terminal() {
                return Err(Failure::Usage(format!(
                    "--yes trains what the plan has: {}",
                    summary(&plan, &costs, &wanted)
                )));
            }
            say!("{}", as_text(notebook, &plan, &costs, &left));
            if !output::confirmed("train it?") {
                say!("nothing was trained");
                return Ok(ExitCode::SUCCESS);
            }
        }
        let store = match known {
            Some(store) => store,
            None => Store::open_or_create(&self.store.store, unix_seconds())?,
        };
        interrupt::listen();
        let jobs = self.jobs.map_or(plan.width(&left).min(resources.threads), usize::from).max(1);
        let names: Vec<String> = notebook.program.trainings.iter().map(|training| training.name.to_string()).collect();
        let screen = Screen::new(names.clone(), json);
        output::training_begins();
        let place = notebook.place(Some(&store), &resources);
        let share = Share { wanted: &wanted, jobs, stop: interrupt::stop() };
        let outcomes = run(plan, &notebook.program, place, &store, share, &|event| screen.tell(&event));
        output::clear_live();
        let reached: Vec<Locked> = outcomes.iter().filter_map(locked).collect();
        let differences = if self.locked { lock.differences(&reached) } else { Vec::new() };
        if !self.locked && !reached.is_empty() {
            let order = |locked: &Locked| names.iter().position(|name| *name == locked.name);
            let mut now = lock.with(reached, |name| names.iter().any(|known| known == name));
            now.all.sort_by_key(order);
            write_lock(&lock_path, &lock, &now);
        }
        self.close(notebook, &outcomes, &differences, json)
    }

    /// The places of the trainings that are wanted.
    fn wanted(&self, notebook: &Notebook) -> Result<Vec<usize>, Failure> {
        let trainings = &notebook.program.trainings;
        let mut wanted = Vec::new();
        for name in &self.only {
            let members = notebook.program.members(name);
            if members.is_empty() {
                let mut known: Vec<&str> = trainings
                    .iter()
                    .flat_map(|training| training.family.iter().chain([&training.name]))
                    .map(BranchName::as_str)
                    .collect();
                known.sort_unstable();
                known.dedup();
                return Err(Failure::Usage(format!("--only: no line trains `{name}`; there are {}", known.join(", "))));
            }
            wanted.extend(members);
        }
        if self.only.is_empty() {
            wanted.extend(0..trainings.len());
        }
        Ok(wanted)
    }

    /// Sums up, and gives the exit code.
    fn close(
        &self,
        notebook: &Notebook,
        outcomes: &[Outcome],
        differences: &[String],
        json: bool,
    ) -> Result<ExitCode, Failure> {
        let trained: u64 = outcomes.iter().map(Outcome::trained).sum();
        let number = |is_it: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is_it(outcome)).count();
        let failed = number(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Diverged { .. }));
        let stopped = number(|outcome| matches!(outcome, Outcome::Stopped { .. }));
        let waits = number(|outcome| matches!(outcome, Outcome::Waits));
        let there = number(|outcome| matches!(outcome, Outcome::Reached { .. }));
        let was_asked_to_stop = interrupt::stop().is_asked();
        if json {
            say!(
                "{}",
                json!({
                    "event": "summary", "there": there, "failed": failed, "stopped": stopped, "waiting": waits,
                    "steps_trained": trained, "differences": differences,
                })
            );
        } else {
            let there = counted(there as u64, "training");
            let is_whole = failed + stopped + waits == 0;
            let steps = match trained {
                0 if is_whole => "nothing had to be trained".to_owned(),
                0 => "nothing was trained".to_owned(),
                1 => "1 step was trained".to_owned(),
                steps => format!("{} were trained", counted(steps, "step")),
            };
            let mut text = format!("{there} of {} there: {steps}", printable(&notebook.path.display()));
            for (number, what) in [(failed, "failed"), (stopped, "stopped"), (waits, "not begun")] {
                if number > 0 {
                    text += &format!("; {number} {what}");
                }
            }
            if waits > 0 && !was_asked_to_stop {
                let names = notebook.program.trainings.iter().zip(outcomes);
                let names = names.filter(|(_, outcome)| matches!(outcome, Outcome::Waits));
                let names: Vec<&str> = names.map(|(training, _)| training.name.as_str()).collect();
                text += &format!(", for what they fork is not there: {}", names.join(", "));
            }
            if was_asked_to_stop && !is_whole {
                text += "; the same command goes on";
            }
            say!("{text}");
            differences.iter().for_each(warn);
        }
        if !differences.is_empty() {
            let [differ, all] = [differences.len(), outcomes.len()].map(|number| number as u64);
            return Err(Failure::OtherBits(format!(
                "{} of {all} differ from the lock file",
                counted(differ, "training")
            )));
        }
        let diverged = number(|outcome| matches!(outcome, Outcome::Diverged { .. }));
        Ok(match (failed, diverged) {
            (0, _) if was_asked_to_stop && stopped + waits > 0 => ExitCode::from(130),
            (0, _) => ExitCode::SUCCESS,
            (failed, diverged) if failed == diverged => ExitCode::from(3),
            _ => ExitCode::FAILURE,
        })
    }
}

fn locked(outcome: &Outcome) -> Option<Locked> {
    match outcome {
        Outcome::Reached { last, .. } => Some(Locked::clone(last)),
        _ => None,
    }
}

/// The longest lock file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 22;

/// The lock file; an empty one where there is none and none is needed. It came with the
/// notebook, perhaps from a stranger: it is a file itself, and no link to one.
fn read_lock(path: &Path, needed: bool) -> Result<Lock, Failure> {
    let shown = printable(&path.display());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => return Ok(Lock::default()),
        Ok(found) if !found.is_file() => {
            return Err(Failure::Usage(format!(
                "expected {shown} to be a file of its own, found a folder, a link or a device"
            )));
        }
        Ok(_) | Err(_) => {}
    }
    let bytes = read_file(path, "a lock file", MOST_BYTES).map_err(|error| {
        Failure::Usage(match needed {
            true => format!("--locked compares with {shown}, which cannot be read: {error}"),
            false => error.to_string(),
        })
    })?;
    let text = String::from_utf8_lossy(&bytes);
    Lock::parse(&text).map_err(|reason| {
        let next = "mend it, or delete it: a run writes it anew, of the digests that it comes to";
        Failure::Usage(format!("{shown}, {reason}; {next}"))
    })
}

/// Writes what is otherwise; a run stays good without it.
fn write_lock(path: &Path, before: &Lock, now: &Lock) {
    if before == now && path.exists() {
        return;
    }
    let written = write_output::<Failure>(path, |output| Ok(output.write_all(now.text().as_bytes())?));
    if let Err(error) = written {
        warn(&format!("{} cannot be written: {error}", path.display()));
    }
}
