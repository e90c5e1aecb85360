//! A session that other processes can steer.

use std::time::Duration;

use revacnn_schemas::{BranchName, Edit, Step};
use revacnn_trainer::{Effect, StepOutcome, Trainer};

use crate::{RecorderError, Session};
use revacnn_store::{Answer, Command, Mailbox, Request};
use revacnn_store::{Summary, unix_seconds};

/// How long a waiting training sleeps before it looks into its inbox again.
const NAP: Duration = Duration::from_millis(10);

/// Training that reads its branch's inbox at the end of each step.
#[derive(Debug)]
pub(crate) struct Training {
    session: Session,
    mailbox: Mailbox,
    paused: bool,
    /// Who asked for a single step that is still to be made.
    single: Vec<String>,
}

/// What one turn of a [`Training`] did.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It made a step.
    Stepped(StepOutcome),
    /// It is paused, and waited a moment.
    Waited,
    /// It was asked to end.
    Stopped,
}

/// What steering did, for the screen.
#[derive(Debug)]
pub enum Steered {
    /// It waits from this step on.
    Paused(Step),
    /// It goes on from this step.
    Resumed(Step),
    /// It forked, and goes on in the new branch.
    Forked {
        /// The branch that was left, and sealed.
        from: BranchName,
        /// The new branch.
        to: BranchName,
        /// The fork step.
        step: Step,
        /// What each edit did.
        effects: Vec<Effect>,
        /// What sealing the branch that was left gave.
        summary: Summary,
    },
    /// A request was refused: nothing changed.
    Refused(String),
    /// The inbox cannot be looked into, for this reason: nobody can steer until
    /// it can.
    Unreachable(String),
    /// A request was done or refused, and its answer cannot be written: who
    /// asked waits in vain.
    Unanswered(String),
}

impl Training {
    /// Opens the inbox of the session's branch.
    ///
    /// # Errors
    /// [`Io`](revacnn_store::StoreError::Io) where the branch's folder cannot be written.
    pub(crate) fn new(session: Session) -> Result<Self, RecorderError> {
        let mailbox = Mailbox::open(session.store(), session.record())?;
        Ok(Self { session, mailbox, paused: false, single: Vec::new() })
    }

    /// The session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Does what came into the inbox, then one step, unless it is paused.
    ///
    /// # Errors
    /// The engine's and the recorder's; a request that cannot be fulfilled is
    /// answered and told to `steered` instead.
    pub(crate) fn turn(&mut self, steered: &mut dyn FnMut(Steered)) -> Result<Turn, RecorderError> {
        if self.read_inbox(steered)? {
            return Ok(Turn::Stopped);
        }
        if self.paused && self.single.is_empty() {
            std::thread::sleep(NAP);
            return Ok(Turn::Waited);
        }
        let outcome = self.session.advance()?;
        if !self.single.is_empty() {
            self.session.flush()?;
            for id in std::mem::take(&mut self.single) {
                let mut answer = self.answer();
                answer.done.push(format!("made step {}", answer.step));
                reply(&mut self.mailbox, &id, &answer, steered);
            }
        }
        Ok(Turn::Stepped(outcome))
    }

    fn answer(&self) -> Answer {
        Answer::new(self.session.record_by_now().name, self.session.trainer().position(), self.paused)
    }

    /// Whether training is to end.
    fn read_inbox(&mut self, steered: &mut dyn FnMut(Steered)) -> Result<bool, RecorderError> {
        let mut edits: Vec<Edit> = Vec::new();
        let (mut name, mut editors) = (None, Vec::new());
        let mut stop = false;
        let polled = self.mailbox.poll();
        if let Some(reason) = polled.closed {
            steered(Steered::Unreachable(reason));
        }
        for Request { id, command } in polled.requests {
            let step = self.session.trainer().position();
            let mut answer = None;
            match command {
                Err(reason) => {
                    let mut refusal = self.answer();
                    refusal.refused = Some(reason.clone());
                    answer = Some(refusal);
                    steered(Steered::Refused(reason));
                }
                // Edits that arrive within one step make one fork.
                Ok(Command::Edit { edits: more, name: wanted }) => {
                    edits.extend(more);
                    name = name.or(wanted);
                    editors.push(id.clone());
                }
                Ok(Command::Pause) => {
                    if !std::mem::replace(&mut self.paused, true) {
                        self.session.flush()?;
                        steered(Steered::Paused(step));
                    }
                    answer = Some(self.answer());
                }
                Ok(Command::Resume) => {
                    if std::mem::replace(&mut self.paused, false) {
                        steered(Steered::Resumed(step));
                    }
                    answer = Some(self.answer());
                }
                Ok(Command::Step) => {
                    if !std::mem::replace(&mut self.paused, true) {
                        steered(Steered::Paused(step));
                    }
                    self.single.push(id.clone());
                }
                Ok(Command::Stop) => {
                    stop = true;
                    answer = Some(self.answer());
                }
            }
            if let Some(answer) = answer {
                reply(&mut self.mailbox, &id, &answer, steered);
            }
        }
        if !editors.is_empty() {
            self.fork(name, &edits, &editors, steered)?;
        }
        Ok(stop)
    }

    fn fork(
        &mut self,
        name: Option<BranchName>,
        edits: &[Edit],
        editors: &[String],
        steered: &mut dyn FnMut(Steered),
    ) -> Result<(), RecorderError> {
        let fork = match self.session.fork(name, edits, unix_seconds()) {
            Ok(fork) => fork,
            // The edits are at fault, and nothing was changed.
            Err(error) if error.is_refusal() => {
                let mut answer = self.answer();
                answer.refused = Some(error.to_string());
                answer.miswritten = error.is_miswritten();
                steered(Steered::Refused(error.to_string()));
                editors.iter().for_each(|id| reply(&mut self.mailbox, id, &answer, steered));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (store, new) = (fork.session.store(), fork.session.record());
        // It is trained as far as what it leaves was to be; who asked reads it with the answer. Only a
        // hint: one that cannot be read ends no training.
        if let Ok(Some(until)) = store.target(self.session.record()) {
            store.set_target(new, until)?;
        }
        let mailbox = Mailbox::open(store, new)?;
        let mut old_mailbox = std::mem::replace(&mut self.mailbox, mailbox);
        let left = std::mem::replace(&mut self.session, fork.session);
        let mut answer = self.answer();
        answer.done = fork.effects.iter().map(|effect| effect.summary.clone()).collect();
        // Before the old branch's lock is let go: who waits for an answer
        // takes a free lock for a training that is gone.
        editors.iter().for_each(|id| reply(&mut old_mailbox, id, &answer, steered));
        let from = left.record_by_now().name;
        let (trainer, summary) = left.finish()?;
        let to = self.session.record().name.clone();
        steered(Steered::Forked { from, to, step: trainer.position(), effects: fork.effects, summary });
        Ok(())
    }

    /// Commits everything and seals the newest steps.
    ///
    /// # Errors
    /// Those of the recorder; what was committed stays.
    pub(crate) fn finish(self) -> Result<(Trainer, Summary), RecorderError> {
        self.session.finish()
    }
}

/// Answers a request. That the answer cannot be written (its name is too long,
/// or the outbox is not ours to write) is no reason for training to end.
fn reply(mailbox: &mut Mailbox, id: &str, answer: &Answer, steered: &mut dyn FnMut(Steered)) {
    if let Err(error) = mailbox.answer(id, answer) {
        steered(Steered::Unanswered(error.to_string()));
    }
}
