//! The thread that changes the store: forks, steering, names, runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use revacnn_notebook::render;
use revacnn_notebook::session::Deed;
use revacnn_recorder::{ForkPlan, fork};
use revacnn_schemas::{Advice, BranchName, Edit, Position, Step};
use revacnn_store::{Command, Lineage, Store, steer};

use super::run::{Runs, words};
use super::{RequestQueue, Shared};
use crate::canvas::labels::count;
use crate::cells::Prepared;
use crate::requests::Intent;
use crate::store_events::{Done, Goal, StoreEvent, Undo};

/// How long a training process may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the thread sleeps when nothing is asked.
const LONG: Duration = Duration::from_secs(3600);

/// The thread.
#[derive(Debug)]
pub(crate) struct Actions {
    inbox: Arc<RequestQueue>,
    shared: Shared,
    runs: Runs,
}

impl Actions {
    pub(crate) fn new(inbox: Arc<RequestQueue>, shared: Shared) -> Self {
        let runs = Runs::new(shared.clone());
        Self { inbox, shared, runs }
    }

    pub(crate) fn run(mut self) {
        loop {
            let queued = self.inbox.take(LONG);
            for intent in queued.intents {
                if let Intent::Save { path, over, .. } = &intent
                    && is_in_the_way(path, *over)
                {
                    self.shared.tell(StoreEvent::Exists(path.clone()));
                    continue;
                }
                let told = self.fulfil(intent).map_or_else(StoreEvent::Refused, StoreEvent::Done);
                // The list first: what was made is then known.
                self.shared.refresh();
                self.shared.tell(told);
            }
            if queued.closed {
                self.runs.end();
                return;
            }
        }
    }

    fn fulfil(&mut self, intent: Intent) -> Result<Done, String> {
        if let Intent::Train(plan) = intent {
            return self.runs.start(*plan);
        }
        if let Intent::RunNotebook { text, folder } = intent {
            return self.runs.notebook(&text, &folder);
        }
        if let Intent::Save { drawn, path, .. } = intent {
            return save(&drawn, &path);
        }
        let store = Store::open(&self.shared.store).map_err(words)?;
        match intent {
            Intent::Fork { branch, step, edits, name, live } => {
                if live {
                    return self.fork_live(&store, &branch, edits, name);
                }
                self.fork(&store, &branch, step, edits, name)
            }
            Intent::Steer { branch, command } => {
                let record = store.branch(&branch).map_err(words)?;
                let answer = steer(&store, &record, command.clone(), PATIENCE).map_err(words)?;
                if let Some(reason) = answer.refused {
                    return Err(reason);
                }
                let (name, step) = (&answer.branch, count(answer.step.0));
                let text = match command {
                    Command::Stop => format!("{name} stopped at step {step}"),
                    Command::Step => format!("{name} made step {step} and waits"),
                    _ if answer.paused => format!("{name} is paused at step {step}"),
                    Command::Edit { .. } | Command::Pause | Command::Resume => {
                        format!("{name} continues after step {step}")
                    }
                };
                let select = answer.paused.then(|| (name.clone(), Goal::At(Position::Step(answer.step))));
                Ok(Done { text, select, paused: Some((answer.branch, answer.paused)), ..Done::default() })
            }
            Intent::Rename { from, to } => {
                store.rename(&from, &to).map_err(words)?;
                let undo = Some(Undo::Rename { from: from.clone(), to: to.clone() });
                let text = format!("{from} is called {to} now");
                Ok(Done { text, undo, deed: Some(Deed::Renamed { from, to }), ..Done::default() })
            }
            Intent::Delete { name, then } => {
                let is_ours = store.branch(&name).is_ok_and(|record| self.shared.ours().contains(&record.id));
                if is_ours {
                    return Err(format!("{name} is being trained here: stop it first (u), then delete it"));
                }
                {
                    // The window's own readers are in nobody's way, least of all its own.
                    let _alone = self.shared.alone();
                    store.delete(&name).map_err(words)?;
                }
                let free = self.shared.command(&Advice::Free { unasked: false });
                let text = format!("deleted {name}: z takes it back, until `{free}` frees its space");
                let select = then.map(|(parent, step)| (parent, Goal::At(Position::Step(step))));
                let deed = Some(Deed::Deleted(name.clone()));
                Ok(Done { text, select, undo: Some(Undo::TakeBack(name)), deed, ..Done::default() })
            }
            Intent::TakeBack(name) => {
                store.take_back(&name).map_err(words)?;
                let select = Some((name.clone(), Goal::Here));
                Ok(Done { text: format!("took {name} back"), select, ..Done::default() })
            }
            Intent::TrainOn { branch, steps } => self.runs.go_on(&store, &branch, steps),
            Intent::Train(_) | Intent::RunNotebook { .. } | Intent::Save { .. } | Intent::SaveFresh { .. } => {
                Err("nothing is left to do".to_owned())
            }
        }
    }

    /// The training process forks at the end of its step, and goes on in the
    /// new branch.
    fn fork_live(
        &self,
        store: &Store,
        branch: &BranchName,
        edits: Vec<Edit>,
        name: Option<BranchName>,
    ) -> Result<Done, String> {
        let record = store.branch(branch).map_err(words)?;
        let written: Vec<String> = edits.iter().map(Edit::in_full).collect();
        let answer = steer(store, &record, Command::Edit { edits, name }, PATIENCE).map_err(words)?;
        if let Some(reason) = answer.refused {
            return Err(reason);
        }
        let text =
            format!("{branch} forked at step {} into {}: {}", answer.step, answer.branch, answer.done.join("; "));
        let paused = Some((answer.branch.clone(), answer.paused));
        // Its end, so that it is followed.
        let mut line = fork_line(branch, answer.step, &answer.branch, &written);
        // It goes on in the fork as far as it would have gone.
        let target = store.branch(&answer.branch).and_then(|record| store.target(&record));
        if let Some(until) = target.ok().flatten().filter(|until| *until > answer.step) {
            line.extend(["--steps".to_owned(), until.to_string()]);
        }
        let deed = Some(Deed::Left { parent: branch.clone(), at: answer.step, line });
        let select = Some((answer.branch, Goal::At(Position::Last)));
        Ok(Done { text, select, paused, deed, ..Done::default() })
    }

    fn fork(
        &self,
        store: &Store,
        branch: &BranchName,
        step: Step,
        edits: Vec<Edit>,
        name: Option<BranchName>,
    ) -> Result<Done, String> {
        let lineage = Lineage::open(store, branch).map_err(words)?;
        let written: Vec<String> = edits.iter().map(Edit::in_full).collect();
        let plan = ForkPlan { name, edits, fidelity: None, stays: true };
        let forked = fork(store, lineage, step, plan, &self.shared.resources()).map_err(words)?;
        let name = forked.session.record().name.clone();
        let effects: Vec<&str> = forked.effects.iter().map(|effect| effect.summary.as_str()).collect();
        let what = if effects.is_empty() { "as it is".to_owned() } else { effects.join("; ") };
        let text = format!("forked {branch} at step {step} into {name}: {what} — t continues its training");
        forked.session.finish().map_err(words)?;
        let undo = Some(Undo::Fork { name: name.clone(), parent: branch.clone(), step });
        let deed = Some(Deed::Line(fork_line(branch, step, &name, &written)));
        Ok(Done { text, select: Some((name, Goal::At(Position::Step(step)))), undo, deed, ..Done::default() })
    }
}

/// The line that makes a fork, as a notebook has it: names and numbers alone.
fn fork_line(parent: &BranchName, step: Step, name: &BranchName, edits: &[String]) -> Vec<String> {
    let mut words = vec!["fork".to_owned(), format!("{parent}@{step}"), name.to_string()];
    words.extend(edits.iter().flat_map(|edit| ["--edit".to_owned(), edit.clone()]));
    words
}

/// Whether there is a file at a place that nobody agreed to write over. What is no plain
/// file is written into.
pub(super) fn is_in_the_way(path: &Path, over: bool) -> bool {
    !over && path.metadata().is_ok_and(|found| found.is_file())
}

/// Writes a figure to a file.
pub(super) fn save(drawn: &Prepared, path: &Path) -> Result<Done, String> {
    let figure = drawn.figure.as_ref().map_err(Clone::clone)?;
    let undrawn = render(figure, path).map_err(words)?;
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut text = format!("saved {}", whole.display());
    if !undrawn.is_empty() {
        text += &format!("; no font of this machine has {}", undrawn.iter().collect::<String>());
    }
    Ok(Done { text, ..Done::default() })
}
