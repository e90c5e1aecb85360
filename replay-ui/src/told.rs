//! What the workers' answers do to the state.

use std::sync::Arc;

use revacnn_recorder::StepRow;
use revacnn_schemas::{Address, Position, Step};

use crate::canvas::sheet::Cache;
use crate::cells::{Drawn, Slot};
use crate::message::{Done, Effect, Listed, Message, Notice, Told, Undo};
use crate::state::{Screen, State};
use crate::time::{Move, Time};

impl State {
    pub(crate) fn told(&mut self, told: Told) -> Vec<Effect> {
        match told {
            Told::Unreadable(reason) => {
                self.screen = Screen::Unreadable(reason);
                self.figures.clear();
                self.caches.clear();
                Vec::new()
            }
            Told::Listed(listed) => self.list(listed),
            Told::Figures { generation, step, figures, row } => self.figures(generation, step, figures, row),
            Told::Resolved { branch, step } => {
                let mut effects = self.select(branch);
                let shift = self.branch().map_or(0, |branch| self.shift(branch));
                effects.extend(self.go(Move::To(Step(step.0.saturating_add_signed(shift)))));
                effects
            }
            Told::Done(done) => self.done(done),
            Told::Refused(reason) => {
                self.changing = false;
                match &mut self.form {
                    Some(form) => form.problem = Some(reason),
                    None => self.notice = Some(Notice::Refused(reason)),
                }
                Vec::new()
            }
        }
    }

    fn figures(
        &mut self,
        generation: u64,
        step: Step,
        figures: Vec<(Slot, Arc<Drawn>)>,
        row: Option<Box<StepRow>>,
    ) -> Vec<Effect> {
        // While one drags, the figure of an older cursor is still better than
        // none; it never replaces a newer one, as answers come in order.
        if generation > self.generation {
            return Vec::new();
        }
        let wanted = self.wanted();
        for (slot, drawn) in figures {
            if !wanted.cells.iter().any(|(other, _)| *other == slot) {
                continue;
            }
            if !self.figures.set(slot, step, drawn) {
                continue;
            }
            match slot {
                Slot::Loss => [&self.caches.curves, &self.caches.lanes].into_iter().for_each(Cache::clear),
                Slot::Lanes => self.caches.lanes.clear(),
                Slot::History => self.caches.history.clear(),
                Slot::Filters => self.caches.filters.clear(),
                // Nothing of the others is kept from one figure to the next.
                Slot::Network | Slot::OtherNetwork | Slot::Filter | Slot::OtherFilter => {}
                Slot::Embedding | Slot::Differences => {}
            }
        }
        if row.is_some() {
            self.figures.row = row.map(|row| *row);
        }
        // The embedding and the filters are of a layer that there is.
        let layers = self.layers();
        if !layers.is_empty() && !self.layer.as_ref().is_some_and(|layer| layers.contains(layer)) {
            self.layer = layers.into_iter().next();
            return self.follow();
        }
        self.choose_first()
    }

    /// Chooses the filter that was asked for at the start.
    fn choose_first(&mut self) -> Vec<Effect> {
        let Some(Ok(diagram)) = self.figures.network(Slot::Network) else { return Vec::new() };
        let Some((layer, number)) = self.start_filter.take() else { return Vec::new() };
        let column = diagram.columns.iter().find(|column| column.layer == layer);
        let node = column.and_then(|column| column.nodes.iter().find(|node| node.filter.number == number));
        match node.map(|node| node.filter.clone()) {
            Some(filter) => self.update(Message::Pick(Some((layer, filter)))),
            None => {
                let layers: Vec<String> = self.layers().iter().map(ToString::to_string).collect();
                let known = layers.join(", ");
                self.notice = Some(Notice::Refused(format!(
                    "there is no filter {layer}/{number} at this step; its layers are {known}"
                )));
                Vec::new()
            }
        }
    }

    fn done(&mut self, done: Done) -> Vec<Effect> {
        (self.changing, self.form) = (false, None);
        if let Some((branch, waits)) = done.paused {
            let _ = if waits { self.paused.insert(branch) } else { self.paused.remove(&branch) };
        }
        let leaves = done.select.as_ref().filter(|(branch, _)| Some(branch) != self.selected.as_ref());
        let back = leaves.and(self.selected.clone()).map(Undo::Select);
        self.notice = Some(Notice::Done { text: done.text, undo: done.undo.or(back) });
        if let Some((branch, step)) = done.select {
            self.typed.clear();
            // The list that has it comes soon.
            self.start = Some(Address { branch, position: Position::Step(step) });
            return self.begin().unwrap_or_default();
        }
        Vec::new()
    }

    /// Goes to where the window is to begin, once its branch is listed.
    fn begin(&mut self) -> Option<Vec<Effect>> {
        let known = |start: &Address| self.branch_named(&start.branch).is_some_and(|branch| branch.steps.is_some());
        let start = self.start.clone().filter(known)?;
        self.start = None;
        if self.selected.as_ref() != Some(&start.branch) {
            self.hidden.remove(&start.branch);
            if self.beside.as_ref() == Some(&start.branch) {
                self.beside = None;
            }
            (self.selected, self.lanes_from) = (Some(start.branch.clone()), 0);
            self.caches.clear();
        }
        let Position::Step(step) = start.position else {
            let mut effects = self.follow();
            effects.push(Effect::Ask(crate::message::Ask::Resolve(start)));
            return Some(effects);
        };
        self.fit_time();
        let shift = self.branch().map_or(0, |branch| self.shift(branch));
        self.time.go(Move::To(Step(step.0.saturating_add_signed(shift))));
        Some(self.follow())
    }

    fn list(&mut self, listed: Listed) -> Vec<Effect> {
        let opening = self.screen != Screen::Figures;
        // Who watches the end of a branch that grows goes on watching it.
        let at_end = self.branch().is_some_and(|branch| {
            branch.training && branch.steps.is_some_and(|steps| self.step_of(branch) >= steps.last)
        });
        let before: Vec<_> = self.branches.iter().map(|branch| (branch.name.clone(), branch.steps)).collect();
        (self.branches, self.problems, self.rates) = (listed.branches, listed.problems, listed.rates);
        self.paused.retain(|name| self.branches.iter().any(|branch| branch.name == *name && branch.training));
        self.caches.lanes.clear();
        self.caches.curves.clear();
        if self.branches.is_empty() {
            self.screen = Screen::Empty;
            (self.selected, self.beside) = (None, None);
            self.figures.clear();
            return Vec::new();
        }
        self.screen = Screen::Figures;
        if opening {
            let last = self.branches.iter().map(|branch| self.end_of(branch)).max().unwrap_or(0);
            self.time = Time::new(0, last, Step(last));
        } else {
            self.fit_time();
        }
        if self.beside.as_ref().is_some_and(|name| self.branch_named(name).is_none()) {
            self.beside = None;
        }
        let gone = self.branch().is_none();
        if gone {
            self.selected = self.branches.first().map(|branch| branch.name.clone());
            if let (true, Some(branch)) = (opening, self.branch()) {
                let step = branch.steps.map_or(branch.fork_step, |steps| steps.last);
                self.time.go(Move::To(step));
            }
        }
        if let Some(name) = self.start_beside.take() {
            if self.branch_named(&name).is_some() {
                self.beside = Some(name);
            } else {
                self.notice = Some(Notice::Refused(format!("there is no branch {name} to show beside")));
            }
        }
        if let Some(effects) = self.begin() {
            return effects;
        }
        if at_end && let Some(branch) = self.branch() {
            let end = self.end_of(branch);
            if end > self.time.cursor.0 {
                self.time.go(Move::To(Step(end)));
                return self.follow();
            }
        }
        // A branch that came, went or grew within what is shown.
        let now: Vec<_> = self.branches.iter().map(|branch| (branch.name.clone(), branch.steps)).collect();
        let moved = self.branches.iter().any(|branch| {
            let then = before.iter().find(|(name, _)| *name == branch.name).and_then(|(_, steps)| *steps);
            self.step_of(branch).0 > then.map_or(0, |steps| steps.last.0) && then.is_some()
        });
        let others = before.len() != now.len() || before.iter().zip(&now).any(|(before, now)| before.0 != now.0);
        if opening || gone || moved || others { self.follow() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ViewOptions;
    use crate::cells::Wanted;
    use crate::message::{Ask, Intent};
    use crate::prompt::Question;
    use crate::state::tests::{branch, listed, opened, options};
    use revacnn_schemas::BranchName;

    fn wanted(effects: &[Effect]) -> &Wanted {
        let found = effects.iter().rev().find_map(|effect| match effect {
            Effect::Ask(Ask::Want(wanted)) => Some(wanted),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("expected figures to be asked for, found {effects:?}"))
    }

    fn name(text: &str) -> BranchName {
        text.parse().unwrap()
    }

    #[test]
    fn a_store_without_branches_is_empty_until_one_appears() {
        let mut state = State::new(&options());
        assert_eq!(state.screen, Screen::Opening);
        assert!(state.update(listed(Vec::new())).is_empty());
        assert_eq!(state.screen, Screen::Empty);
        let effects = state.update(listed(vec![branch("main", None, 0, 7)]));
        assert_eq!((&state.screen, wanted(&effects).step), (&Screen::Figures, Step(7)));
    }

    #[test]
    fn an_address_given_at_the_start_is_gone_to() {
        let mut state = State::new(&ViewOptions { address: Some("wider@60".parse().unwrap()), ..options() });
        let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "wider@60");
    }

    #[test]
    fn moving_the_cursor_asks_for_every_figure_at_one_step_and_not_moving_for_none() {
        let mut state = opened();
        let effects = state.update(Message::Go(Move::To(Step(42))));
        assert_eq!(wanted(&effects).step, Step(42));
        assert!(state.update(Message::Go(Move::To(Step(42)))).is_empty());
    }

    #[test]
    fn an_edit_forks_at_the_cursor_once_and_the_new_branch_is_selected_with_undo() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(30))));
        let edit = || Message::Edit(vec!["add-filter conv3".to_owned()]);
        let expected = Intent::Fork {
            branch: name("main"),
            step: Step(30),
            edits: vec!["add-filter conv3".to_owned()],
            name: None,
            live: false,
        };
        assert_eq!(state.update(edit()), [Effect::Ask(Ask::Do(expected))]);
        assert!(state.update(edit()).is_empty(), "one is under way");

        let done = Done { text: "forked".to_owned(), select: Some((name("main~2"), Step(30))), ..Done::default() };
        state.update(Message::Told(Told::Done(done)));
        let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("main~2", Some("main"), 30, 30)]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main~2@30");
        state.update(Message::Undo);
        assert_eq!(state.selected, Some(name("main")));
    }

    #[test]
    fn an_edit_at_the_end_of_a_branch_that_trains_is_the_trainings_to_make() {
        let mut state = opened();
        let training = |last| revacnn_notebook::BranchSummary { training: true, ..branch("main", None, 0, last) };
        state.update(listed(vec![training(100)]));
        state.update(Message::Go(Move::Last));
        let effects = state.update(listed(vec![training(110)]));
        assert_eq!(wanted(&effects).step, Step(110), "the cursor stays at the end");
        let effects = state.update(Message::Edit(vec!["freeze conv1".to_owned()]));
        assert!(matches!(&effects[..], [Effect::Ask(Ask::Do(Intent::Fork { live: true, step: Step(110), .. }))]));
    }

    #[test]
    fn who_looks_at_an_older_step_is_left_there_while_the_branch_grows() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(20))));
        let grown = revacnn_notebook::BranchSummary { training: true, ..branch("main", None, 0, 120) };
        state.update(listed(vec![grown, branch("wider", Some("main"), 50, 200)]));
        assert_eq!(state.time.cursor, Step(20));
    }

    #[test]
    fn a_vanished_store_says_so_and_comes_back() {
        let mut state = opened();
        state.update(Message::Told(Told::Unreadable("gone".to_owned())));
        assert_eq!(state.screen, Screen::Unreadable("gone".to_owned()));
        state.update(listed(vec![branch("main", None, 0, 100)]));
        assert_eq!(state.screen, Screen::Figures);
    }

    #[test]
    fn a_deleted_branch_is_not_looked_at_any_longer_and_can_be_taken_back() {
        let mut state = opened();
        state.update(Message::Select(name("wider")));
        let effects = state.update(Message::Delete(name("wider")));
        assert_eq!(effects, [Effect::Ask(Ask::Do(Intent::Delete(name("wider"))))]);
        let done =
            Done { text: "deleted wider".to_owned(), undo: Some(Undo::TakeBack(name("wider"))), ..Done::default() };
        state.update(Message::Told(Told::Done(done)));
        state.update(listed(vec![branch("main", None, 0, 100)]));
        assert_eq!(state.selected, Some(name("main")));
        assert_eq!(state.update(Message::Undo), [Effect::Ask(Ask::Do(Intent::TakeBack(name("wider"))))]);
    }

    #[test]
    fn a_wrong_answer_stays_in_its_question_with_what_was_expected() {
        let mut state = opened();
        let asked = state.update(state.question(Question::Edit));
        assert_eq!(asked, [Effect::Focus(crate::prompt::FIELD)]);
        state.update(Message::PromptText("widen conv3".to_owned()));
        assert!(state.update(Message::PromptEnter).is_empty());
        assert!(state.prompt.as_ref().unwrap().problem.as_ref().unwrap().contains("widen"));
        state.update(Message::PromptText("add-filter conv3".to_owned()));
        assert!(!state.update(Message::PromptEnter).is_empty());
        assert!(state.prompt.is_none());
    }

    #[test]
    fn a_run_that_is_refused_leaves_its_form_open_and_one_that_begins_closes_it() {
        let mut state = opened();
        state.update(Message::NewRun);
        assert!(matches!(&state.update(Message::FormEnter)[..], [Effect::Ask(Ask::Do(Intent::Train(_)))]));
        state.update(Message::Told(Told::Refused("no such data set".to_owned())));
        assert_eq!(state.form.as_ref().unwrap().problem.as_deref(), Some("no such data set"));
        state.update(Message::FormEnter);
        state.update(Message::Told(Told::Done(Done::default())));
        assert!(state.form.is_none());
    }

    #[test]
    fn beside_a_branch_first_its_parent_is_shown_then_others_then_none() {
        let mut state = opened();
        state.update(listed(vec![
            branch("main", None, 0, 100),
            branch("wider", Some("main"), 50, 200),
            branch("other", None, 0, 90),
        ]));
        state.update(Message::Select(name("wider")));
        let mut seen = Vec::new();
        for _ in 0..3 {
            state.update(Message::ToggleBeside);
            seen.push(state.beside.as_ref().map(ToString::to_string));
        }
        assert_eq!(seen, [Some("main".to_owned()), Some("other".to_owned()), None]);
    }

    #[test]
    fn playing_stops_at_the_end() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(198))));
        state.update(Message::Play(true));
        let start = std::time::Instant::now();
        let at = |tenths: u64| Message::Tick(start + std::time::Duration::from_millis(100 * tenths));
        state.update(at(0));
        assert!(state.playing.on && state.time.cursor == Step(199));
        state.update(Message::Tick(start + std::time::Duration::from_millis(20)));
        assert_eq!(state.time.cursor, Step(199), "not yet");
        state.update(at(1));
        assert!(!state.playing.on);
        assert!(state.update(at(2)).is_empty());
    }

    #[test]
    fn figures_of_a_future_that_was_not_asked_for_are_not_shown() {
        let mut state = opened();
        let figures = vec![(Slot::Loss, Drawn::of(Err("no curve".to_owned())))];
        let told = |generation| {
            Message::Told(Told::Figures { generation, step: Step(1), figures: figures.clone(), row: None })
        };
        state.update(told(state.generation + 1));
        assert!(state.figures.get(Slot::Loss).is_none());
        state.update(told(state.generation));
        assert!(matches!(state.figures.chart(Slot::Loss), Some(Err("no curve"))));
    }

    #[test]
    fn escape_closes_what_is_open_from_the_top() {
        let mut state = opened();
        state.update(Message::Beside(Some(name("wider"))));
        state.update(Message::Help(true));
        state.update(Message::Escape);
        assert!(!state.help && state.beside.is_some());
        state.update(Message::Escape);
        assert!(state.beside.is_none());
    }
}
