//! Changes, one at a time: what is asked for while another one runs waits, and
//! is made after it.
//!
//! What waits keeps what it was asked of: the branch and the step that were
//! looked at then, under whatever name the branch has by then, and in whatever
//! branch its training has gone on.

use std::collections::VecDeque;

use revacnn_schemas::BranchName;
use revacnn_store::Command;

use crate::requests::Intent;
use crate::store_events::Done;

/// The most that waits: a key that is held down should not be at work long
/// after it is let go.
const MOST: usize = 16;

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// A change.
    Change(Intent),
    /// Taking back what was done last, once it is known what that was.
    Undo,
}

/// What becomes of something that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn {
    /// It is its turn: it runs from now on.
    Now(Asked),
    /// It waits.
    Later,
    /// It is under way already; asked for twice, it is made once.
    Already,
    /// Too much waits.
    Refused(String),
}

/// The change that runs, and what waits for it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    running: Option<Intent>,
    waiting: VecDeque<Asked>,
    /// Whether the change that runs takes another one back.
    takes_back: bool,
    /// Why changes that others waited for were refused: those who wait do not
    /// hide it.
    refusals: Vec<String>,
}

impl Changes {
    /// Whether a change runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How much waits.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Why changes were refused since the last one that had to wait for none.
    pub(crate) fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// Forgets why changes were refused.
    pub(crate) fn forget_refusals(&mut self) {
        self.refusals.clear();
    }

    /// Gives up what waits; returns how much it was.
    pub(crate) fn give_up_waiting(&mut self) -> usize {
        std::mem::take(&mut self.waiting).len()
    }

    /// Something is asked for.
    pub(crate) fn ask(&mut self, asked: Asked) -> Turn {
        let Some(running) = &self.running else {
            if self.waiting.is_empty() {
                self.refusals.clear();
            }
            return self.begin(asked);
        };
        let newest = self.waiting.back();
        let undone_already = newest == Some(&Asked::Undo) || newest.is_none() && self.takes_back;
        if asked == Asked::Undo && undone_already {
            return Turn::Already;
        }
        if let Asked::Change(intent) = &asked
            && !is_repeated(intent)
            && (newest.is_none() && intent == running || newest == Some(&asked))
        {
            return Turn::Already;
        }
        if self.waiting.len() >= MOST {
            return Turn::Refused(format!("{MOST} changes wait already: this one was not made"));
        }
        self.waiting.push_back(asked);
        Turn::Later
    }

    /// What is next, if nothing runs.
    pub(crate) fn next(&mut self) -> Option<Asked> {
        if self.running.is_some() {
            return None;
        }
        let Turn::Now(asked) = self.waiting.pop_front().map(|asked| self.begin(asked))? else { return None };
        Some(asked)
    }

    fn begin(&mut self, asked: Asked) -> Turn {
        if let Asked::Change(intent) = &asked {
            self.running = Some(intent.clone());
        }
        Turn::Now(asked)
    }

    /// A change that takes another one back runs from now on.
    pub(crate) fn take_back(&mut self, intent: Intent) {
        (self.running, self.takes_back) = (Some(intent), true);
    }

    /// The running change was made; returns it.
    pub(crate) fn done(&mut self, done: &Done) -> Option<Intent> {
        self.takes_back = false;
        let made = self.running.take()?;
        match &made {
            Intent::Rename { from, to } => self.renamed(from, to),
            // The training goes on in the new branch, and what was meant for it, too.
            Intent::Fork { branch, live: true, .. } => {
                if let Some((now, _)) = &done.paused {
                    for intent in self.waiting.iter_mut().filter_map(change) {
                        intent.follow_training(branch, now);
                    }
                }
            }
            Intent::Fork { .. }
            | Intent::Steer { .. }
            | Intent::Delete { .. }
            | Intent::TakeBack(_)
            | Intent::Train(_)
            | Intent::RunNotebook { .. }
            | Intent::TrainOn { .. }
            | Intent::Save { .. }
            | Intent::SaveFresh { .. } => {}
        }
        Some(made)
    }

    /// The running change was refused; returns it. What should have taken it
    /// back has nothing to take back.
    pub(crate) fn refused(&mut self, reason: &str) -> Option<Intent> {
        self.takes_back = false;
        let refused = self.running.take()?;
        if self.waiting.front() == Some(&Asked::Undo) {
            self.waiting.pop_front();
        }
        if !self.waiting.is_empty() {
            self.refusals.push(reason.to_owned());
        }
        Some(refused)
    }

    /// A branch has another name.
    pub(crate) fn renamed(&mut self, from: &BranchName, to: &BranchName) {
        for intent in self.waiting.iter_mut().filter_map(change) {
            intent.follow_name(from, to);
        }
    }
}

fn change(asked: &mut Asked) -> Option<&mut Intent> {
    match asked {
        Asked::Change(intent) => Some(intent),
        Asked::Undo => None,
    }
}

/// Whether a change that is asked for twice is meant twice.
fn is_repeated(intent: &Intent) -> bool {
    matches!(intent, Intent::Steer { command: Command::Step, .. })
}

impl Intent {
    /// The names in it of branches that there are.
    fn names(&mut self) -> Vec<&mut BranchName> {
        match self {
            Self::Fork { branch, .. } | Self::Steer { branch, .. } | Self::TrainOn { branch, .. } => vec![branch],
            Self::Rename { from, .. } => vec![from],
            Self::Delete { name, then } => {
                std::iter::once(name).chain(then.as_mut().map(|(parent, _)| parent)).collect()
            }
            Self::TakeBack(_)
            | Self::Train(_)
            | Self::RunNotebook { .. }
            | Self::Save { .. }
            | Self::SaveFresh { .. } => Vec::new(),
        }
    }

    fn follow_name(&mut self, from: &BranchName, to: &BranchName) {
        for name in self.names().into_iter().filter(|name| *name == from) {
            name.clone_from(to);
        }
    }

    fn follow_training(&mut self, from: &BranchName, to: &BranchName) {
        if let Self::Fork { branch, live: true, .. } | Self::Steer { branch, .. } = self
            && branch == from
        {
            branch.clone_from(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::Step;

    fn name(text: &str) -> BranchName {
        text.parse().unwrap()
    }

    fn fork(branch: &str, edit: &str, live: bool) -> Asked {
        let edits = vec![edit.parse().unwrap()];
        Asked::Change(Intent::Fork { branch: name(branch), step: Step(30), edits, name: None, live })
    }

    fn step() -> Asked {
        Asked::Change(Intent::Steer { branch: name("main"), command: Command::Step })
    }

    #[test]
    fn one_runs_and_the_others_follow_in_their_order() {
        let mut changes = Changes::default();
        let all = [fork("main", "freeze conv1", false), fork("main", "freeze conv2", false), Asked::Undo];
        assert_eq!(changes.ask(all[0].clone()), Turn::Now(all[0].clone()));
        assert_eq!([changes.ask(all[1].clone()), changes.ask(all[2].clone())], [Turn::Later, Turn::Later]);
        assert_eq!((changes.next(), changes.waiting()), (None, 2), "one runs");
        changes.done(&Done::default());
        assert_eq!(changes.next(), Some(all[1].clone()));
        changes.done(&Done::default());
        assert_eq!((changes.next(), changes.is_running()), (Some(Asked::Undo), false));
        assert_eq!(changes.next(), None);
    }

    #[test]
    fn what_is_asked_twice_at_once_is_made_once_but_every_single_step_is_made() {
        let mut changes = Changes::default();
        changes.ask(fork("main", "freeze conv1", false));
        assert_eq!(changes.ask(fork("main", "freeze conv1", false)), Turn::Already);
        assert_eq!(changes.ask(fork("main", "freeze conv2", false)), Turn::Later);
        assert_eq!(changes.ask(fork("main", "freeze conv2", false)), Turn::Already);
        assert_eq!([changes.ask(step()), changes.ask(step())], [Turn::Later, Turn::Later]);
    }

    #[test]
    fn undo_that_is_asked_for_twice_at_once_does_not_bring_back_what_it_undid() {
        let mut changes = Changes::default();
        changes.ask(fork("main", "freeze conv1", false));
        assert_eq!([changes.ask(Asked::Undo), changes.ask(Asked::Undo)], [Turn::Later, Turn::Already]);
        changes.done(&Done::default());
        assert_eq!(changes.next(), Some(Asked::Undo));
        changes.take_back(Intent::Delete { name: name("main~2"), then: None });
        assert_eq!(changes.ask(Asked::Undo), Turn::Already);
        changes.done(&Done::default());
        assert_eq!(changes.ask(Asked::Undo), Turn::Now(Asked::Undo));
    }

    #[test]
    fn too_much_is_refused_aloud() {
        let mut changes = Changes::default();
        let turns: Vec<Turn> = (0..MOST + 2).map(|_| changes.ask(step())).collect();
        assert_eq!(turns[MOST], Turn::Later);
        assert!(matches!(&turns[MOST + 1], Turn::Refused(reason) if reason.contains("wait already")));
        assert_eq!((changes.give_up_waiting(), changes.waiting()), (MOST, 0));
    }

    #[test]
    fn what_waits_follows_a_name_and_a_training() {
        let mut changes = Changes::default();
        changes.ask(Asked::Change(Intent::Rename { from: name("main"), to: name("first") }));
        changes.ask(fork("main", "freeze conv1", true));
        changes.ask(step());
        changes.ask(fork("main", "freeze conv2", false));
        changes.done(&Done::default());
        assert_eq!(changes.next(), Some(fork("first", "freeze conv1", true)));
        changes.done(&Done { paused: Some((name("first~2"), false)), ..Done::default() });
        let steer = Asked::Change(Intent::Steer { branch: name("first~2"), command: Command::Step });
        assert_eq!(changes.next(), Some(steer), "it is the training's");
        changes.done(&Done::default());
        assert_eq!(changes.next(), Some(fork("first", "freeze conv2", false)), "it is of the branch");
    }

    #[test]
    fn a_refusal_is_kept_while_others_follow_and_is_not_taken_back() {
        let mut changes = Changes::default();
        changes.ask(fork("main", "freeze conv9", false));
        changes.ask(Asked::Undo);
        changes.ask(step());
        changes.refused("there is no conv9");
        assert_eq!((changes.next(), changes.refusals()), (Some(step()), &["there is no conv9".to_owned()][..]));
        changes.done(&Done::default());
        assert_eq!(changes.refusals().len(), 1, "still to be read");
        changes.ask(step());
        assert!(changes.refusals().is_empty());
        changes.refused("nobody trains it");
        assert!(changes.refusals().is_empty(), "the notice says it");
    }
}
