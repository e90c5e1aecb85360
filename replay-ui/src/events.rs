//! What the workers' answers do to the state.

use std::sync::Arc;

use revacnn_notebook::BranchSummary;
use revacnn_recorder::StepRow;
use revacnn_schemas::{Address, BranchName, Position, Step};

use crate::canvas::geometry_cache::Cache;
use crate::cells::{Drawn, Slot};
use crate::message::{Done, Effect, Goal, Intent, Listed, Message, Notice, Request, StoreEvent, Undo};
use crate::state::{Screen, State};
use crate::time::{Move, Time};

impl State {
    pub(crate) fn told(&mut self, told: StoreEvent) -> Vec<Effect> {
        match told {
            StoreEvent::Unreadable(reason) => {
                self.screen = Screen::Unreadable(reason);
                self.figures.clear();
                self.caches.clear();
                Vec::new()
            }
            StoreEvent::Listed(listed) => self.list(listed),
            StoreEvent::Figures { generation, step, figures, row } => self.figures(generation, step, figures, row),
            StoreEvent::Resolved { branch, step } => {
                let mut effects = self.select(branch);
                let shift = self.branch().map_or(0, |branch| self.shift(branch));
                effects.extend(self.go(Move::To(Step(step.0.saturating_add_signed(shift)))));
                effects
            }
            StoreEvent::Done(done) => self.done(done),
            StoreEvent::Refused(reason) => {
                match (&mut self.form, self.changes.refused(&reason)) {
                    // What is typed is not lost.
                    (Some(form), Some(Intent::Train(_))) => form.problem = Some(reason),
                    _ => self.notice = Some(Notice::Refused(reason)),
                }
                self.change_on()
            }
            StoreEvent::Noticed(notice) => {
                self.notice = Some(notice);
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
            if slot == Slot::Network && drawn.figure.is_err() {
                // What was read of another step is none of this one's.
                self.figures.row = None;
            }
            if !self.figures.set(slot, step, drawn) {
                continue;
            }
            match slot {
                Slot::Loss => [&self.caches.curves, &self.caches.lanes].into_iter().for_each(Cache::clear),
                Slot::Timeline => self.caches.lanes.clear(),
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
        if let Some(Intent::Train(_)) = self.changes.done(&done) {
            self.form = None;
        }
        if let Some((branch, waits)) = done.paused {
            let _ = if waits { self.paused.insert(branch) } else { self.paused.remove(&branch) };
        }
        let leaves = done.select.as_ref().filter(|(branch, _)| Some(branch) != self.selected.as_ref());
        let back = leaves.and(self.selected.clone()).map(Undo::Select);
        self.notice = Some(Notice::Done { text: done.text, undo: done.undo.or(back) });
        if let Some(start) = done.select {
            self.typed.clear();
            // The list that has it comes soon.
            self.start = Some(start);
        }
        let mut effects = self.begin().unwrap_or_default();
        effects.extend(self.change_on());
        effects
    }

    /// Goes to where the window is to begin, once its branch is listed.
    fn begin(&mut self) -> Option<Vec<Effect>> {
        let known = |name: &BranchName| self.branch_named(name).is_some_and(|branch| branch.steps.is_some());
        let (name, goal) = self.start.clone().filter(|(name, _)| known(name))?;
        self.start = None;
        if self.selected.as_ref() != Some(&name) {
            self.hidden.remove(&name);
            if self.beside.as_ref() == Some(&name) {
                self.beside = None;
            }
            (self.selected, self.lanes_from) = (Some(name.clone()), 0);
            self.caches.clear();
        }
        self.fit_time();
        let branch = self.branch()?;
        let shift = self.shift(branch);
        match goal {
            Goal::Here => {}
            // The last step that is listed, so that a branch that grows is followed.
            Goal::At(Position::Last) => {
                let end = self.end_of(branch);
                self.time.go(Move::To(Step(end)));
            }
            Goal::At(Position::Step(step)) => self.time.go(Move::To(Step(step.0.saturating_add_signed(shift)))),
            Goal::At(position) => {
                let mut effects = self.follow();
                effects.push(Effect::Request(Request::Resolve(Address { branch: name, position })));
                return Some(effects);
            }
        }
        Some(self.follow())
    }

    fn list(&mut self, listed: Listed) -> Vec<Effect> {
        let opening = self.screen != Screen::Figures;
        let selected = self.branch().cloned();
        // Who watches the end of a branch goes on watching it, from its first step on.
        let at_end =
            selected.as_ref().is_some_and(|branch| branch.steps.is_none_or(|steps| self.step_of(branch) >= steps.last));
        let before = std::mem::replace(&mut self.branches, listed.branches);
        (self.problems, self.rates, self.ours) = (listed.problems, listed.rates, listed.ours);
        self.follow_names(&before);
        self.paused.retain(|name| self.branches.iter().any(|branch| branch.name == *name && branch.training));
        self.caches.lanes.clear();
        self.caches.curves.clear();
        if self.branches.is_empty() {
            self.say_gone(selected.as_ref());
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
            let parent = selected.as_ref().and_then(|branch| branch.parent.as_ref());
            let parent = parent.and_then(|name| self.branch_named(name));
            self.selected = parent.or(self.branches.first()).map(|branch| branch.name.clone());
            self.beside = self.beside.take().filter(|name| Some(name) != self.selected.as_ref());
            self.caches.clear();
            self.say_gone(selected.as_ref());
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
        let grows = |branch: &BranchSummary| {
            let then = selected.as_ref().filter(|then| then.id == branch.id);
            then.is_some_and(|then| branch.training || then.training || then.steps.is_none())
        };
        if at_end && let Some(branch) = self.branch().filter(|branch| grows(branch)) {
            let end = self.end_of(branch);
            let begun = selected.is_some_and(|then| then.steps.is_none()) && branch.steps.is_some();
            if end > self.time.cursor.0 || begun {
                self.time.go(Move::To(Step(end)));
                return self.follow();
            }
        }
        // A branch that came, went or grew within what is shown.
        let moved = self.branches.iter().any(|branch| {
            let then = before.iter().find(|then| then.name == branch.name);
            let last = |branch: &BranchSummary| branch.steps.map(|steps| steps.last);
            then.is_some_and(|then| match last(then) {
                Some(last) => self.step_of(branch) > last,
                None => branch.steps.is_some(),
            })
        });
        let others = before.len() != self.branches.len()
            || before.iter().zip(&self.branches).any(|(before, now)| before.name != now.name);
        if opening || gone || moved || others { self.follow() } else { Vec::new() }
    }

    /// Goes on with branches that have another name now.
    fn follow_names(&mut self, before: &[BranchSummary]) {
        let renamed: Vec<(BranchName, BranchName)> = before
            .iter()
            .filter_map(|then| {
                let now = self.branches.iter().find(|now| now.id == then.id && now.name != then.name)?;
                Some((then.name.clone(), now.name.clone()))
            })
            .collect();
        for (from, to) in renamed {
            self.changes.renamed(&from, &to);
            let is_told = |undo: &Undo| matches!(undo, Undo::Rename { to: told, .. } if *told == to);
            if self.selected.as_ref() == Some(&from) {
                self.selected = Some(to.clone());
                let told = matches!(&self.notice, Some(Notice::Done { undo: Some(undo), .. }) if is_told(undo));
                if !self.changes.is_running() && !told {
                    self.notice = Some(Notice::Done { text: format!("{from} is called {to} now"), undo: None });
                }
            }
            if self.beside.as_ref() == Some(&from) {
                self.beside = Some(to.clone());
            }
            if self.hidden.remove(&from) {
                self.hidden.insert(to.clone());
            }
            if self.paused.remove(&from) {
                self.paused.insert(to);
            }
        }
    }

    /// Says that the branch that was looked at is gone, unless this window
    /// deleted it itself, and what is shown instead.
    fn say_gone(&mut self, gone: Option<&BranchSummary>) {
        let Some(name) = gone.map(|branch| &branch.name).filter(|name| self.branch_named(name).is_none()) else {
            return;
        };
        let by_us = |notice: &Notice| match notice {
            Notice::Done { undo: Some(Undo::TakeBack(deleted)), .. } => deleted == name,
            _ => false,
        };
        if self.changes.is_running() || self.notice.as_ref().is_some_and(by_us) {
            return;
        }
        let instead = self.selected.as_ref().filter(|selected| *selected != name);
        let instead =
            instead.map_or_else(|| "nothing else is recorded here".to_owned(), |name| format!("{name} is shown"));
        let text = format!("{name} was deleted elsewhere: {instead}");
        self.notice = Some(Notice::Done { text, undo: Some(Undo::TakeBack(name.clone())) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ViewOptions;
    use crate::cells::FigureRequest;
    use crate::prompt::Question;
    use crate::run_form::Field;
    use crate::state::tests::{branch, listed, opened, options};
    use revacnn_schemas::BranchName;

    fn wanted(effects: &[Effect]) -> &FigureRequest {
        let found = effects.iter().rev().find_map(|effect| match effect {
            Effect::Request(Request::Figures(wanted)) => Some(wanted),
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
        assert_eq!(state.update(edit()), [Effect::Request(Request::Change(expected))]);
        assert!(state.update(edit()).is_empty(), "one is under way");

        let select = Some((name("main~2"), Goal::At(Position::Step(Step(30)))));
        let done = Done { text: "forked".to_owned(), select, ..Done::default() };
        state.update(Message::Store(StoreEvent::Done(done)));
        let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("main~2", Some("main"), 30, 30)]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main~2@30");
        state.update(Message::Undo);
        assert_eq!(state.selected, Some(name("main")));
    }

    /// It was lost, and nothing said so.
    #[test]
    fn an_edit_that_is_typed_while_another_change_runs_is_made_after_it() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(30))));
        state.update(Message::Edit(vec!["add-filter conv3".to_owned()]));
        state.update(state.question(Question::Edit));
        state.update(Message::PromptText("freeze conv1".to_owned()));
        assert!(state.update(Message::PromptEnter).is_empty(), "one change at a time");
        let effects = state.update(Message::Store(StoreEvent::Done(Done::default())));
        let expected = Intent::Fork {
            branch: name("main"),
            step: Step(30),
            edits: vec!["freeze conv1".to_owned()],
            name: None,
            live: false,
        };
        assert_eq!(effects, [Effect::Request(Request::Change(expected))]);
    }

    fn done() -> Message {
        Message::Store(StoreEvent::Done(Done::default()))
    }

    /// The changes among effects.
    fn changes(effects: Vec<Effect>) -> Vec<Intent> {
        let change = |effect| match effect {
            Effect::Request(Request::Change(intent)) => Some(intent),
            Effect::Request(Request::Figures(_) | Request::Resolve(_) | Request::Epoch { .. })
            | Effect::Focus(_)
            | Effect::Copy(_) => None,
        };
        effects.into_iter().filter_map(change).collect()
    }

    /// Answers a question.
    fn typed(state: &mut State, question: Question, text: &str) -> Vec<Effect> {
        state.update(state.question(question));
        state.update(Message::PromptText(text.to_owned()));
        state.update(Message::PromptEnter)
    }

    #[test]
    fn every_kind_of_change_waits_for_the_one_that_runs() {
        let at = |branch: &str, edits: &[&str], fork: Option<&str>| Intent::Fork {
            branch: name(branch),
            step: Step(30),
            edits: edits.iter().map(|edit| (*edit).to_owned()).collect(),
            name: fork.map(name),
            live: false,
        };
        type Asks = fn(&mut State) -> Vec<Effect>;
        let kinds: [(Asks, Intent); 8] = [
            (|state| typed(state, Question::Edit, "freeze conv1"), at("main", &["freeze conv1"], None)),
            (|state| typed(state, Question::Fork, "twin"), at("main", &[], Some("twin"))),
            (|state| typed(state, Question::Rename, "first"), Intent::Rename { from: name("main"), to: name("first") }),
            (|state| typed(state, Question::TrainOn, "7"), Intent::TrainOn { branch: name("main"), steps: 7 }),
            (|state| state.update(Message::Delete(name("wider"))), Intent::Delete { name: name("wider"), then: None }),
            (
                |state| state.update(Message::Steer(revacnn_recorder::Command::Pause)),
                Intent::Steer { branch: name("main"), command: revacnn_recorder::Command::Pause },
            ),
            (
                |state| {
                    state.update(Message::NewRun);
                    state.update(Message::Form(Field::Epochs, "3".to_owned()));
                    state.update(Message::FormEnter)
                },
                Intent::Train(crate::run_form::RunPlan {
                    epochs: 3,
                    ..crate::run_form::RunForm::new(&["main", "wider"].map(name)).plan().unwrap()
                }),
            ),
            (
                |state| {
                    state.figures.set(Slot::Loss, Step(30), Drawn::of(Err("none".to_owned())));
                    state.update(Message::Save(Slot::Loss))
                },
                Intent::Save { drawn: Drawn::of(Err("none".to_owned())), path: "loss-main-30.svg".into() },
            ),
        ];
        for (asks, expected) in kinds {
            let mut state = opened();
            state.update(Message::Go(Move::To(Step(30))));
            state.update(Message::Edit(vec!["add-filter conv3".to_owned()]));
            assert_eq!(changes(asks(&mut state)), [], "{expected:?} waits");
            // Figures and trainings that end are no answer.
            let text = "wider is trained until step 200".to_owned();
            let ended = Message::Store(StoreEvent::Noticed(Notice::Done { text, undo: None }));
            assert_eq!(changes(state.update(ended)), [], "{expected:?} waits still");
            assert_eq!(changes(state.update(done())), [expected.clone()]);
            assert!(state.changes.is_running() && changes(state.update(done())).is_empty());
            assert!(!state.changes.is_running(), "{expected:?}");
        }
    }

    #[test]
    fn undo_waits_for_the_change_that_runs_and_takes_it_back() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(30))));
        state.update(Message::Edit(vec!["add-filter conv3".to_owned()]));
        assert!(state.update(Message::Undo).is_empty());
        let undo = Some(Undo::Fork { name: name("main~2"), parent: name("main"), step: Step(30) });
        let effects = state.update(Message::Store(StoreEvent::Done(Done { undo, ..Done::default() })));
        let expected = Intent::Delete { name: name("main~2"), then: Some((name("main"), Step(30))) };
        assert_eq!(changes(effects), [expected]);
    }

    #[test]
    fn escape_gives_up_what_waits_and_a_refusal_is_read_whatever_follows() {
        let mut state = opened();
        state.update(Message::Edit(vec!["freeze conv9".to_owned()]));
        state.update(Message::Delete(name("wider")));
        assert_eq!(state.changes.waiting(), 1);
        state.update(Message::Escape);
        assert_eq!(state.changes.waiting(), 0);
        state.update(Message::Delete(name("wider")));
        let effects = state.update(Message::Store(StoreEvent::Refused("there is no conv9".to_owned())));
        assert_eq!(changes(effects), [Intent::Delete { name: name("wider"), then: None }]);
        state.update(done());
        assert_eq!(state.changes.refusals(), ["there is no conv9"]);
        state.update(Message::Escape);
        assert!(state.changes.refusals().is_empty() && state.notice.is_none());
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
        assert!(matches!(
            &effects[..],
            [Effect::Request(Request::Change(Intent::Fork { live: true, step: Step(110), .. }))]
        ));
    }

    #[test]
    fn who_looks_at_an_older_step_is_left_there_while_the_branch_grows() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(20))));
        let grown = revacnn_notebook::BranchSummary { training: true, ..branch("main", None, 0, 120) };
        state.update(listed(vec![grown, branch("wider", Some("main"), 50, 200)]));
        assert_eq!(state.time.cursor, Step(20));
    }

    fn training(mut branch: BranchSummary) -> BranchSummary {
        branch.training = true;
        branch
    }

    fn unborn(name: &str) -> BranchSummary {
        training(BranchSummary { steps: None, ..branch(name, None, 0, 0) })
    }

    /// It stood at step 0 for ever, with an error in place of its figures.
    #[test]
    fn a_first_run_is_followed_from_its_first_step_on_wherever_it_was_started() {
        for here in [false, true] {
            let mut state = State::new(&options());
            state.update(listed(Vec::new()));
            let select = Some((name("main"), Goal::At(Position::Last)));
            let begun = Done { text: "training main".to_owned(), select, ..Done::default() };
            if here {
                state.update(Message::Store(StoreEvent::Done(begun)));
            }
            let effects = state.update(listed(vec![unborn("main")]));
            assert!(wanted(&effects).cells.is_empty(), "there is nothing to read yet");
            assert!(state.at().is_none() && state.waits_for_steps());
            // The first steps, of which the first is not the last.
            let effects = state.update(listed(vec![training(branch("main", None, 0, 57))]));
            assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main@57", "here: {here}");
            let effects = state.update(listed(vec![training(branch("main", None, 0, 90))]));
            assert_eq!(wanted(&effects).step, Step(90));
            // Its last steps come when it is trained no more.
            let effects = state.update(listed(vec![branch("main", None, 0, 99)]));
            assert_eq!(wanted(&effects).step, Step(99));
        }
        // A run so short that no look sees it grow, of which step 0 comes first.
        let mut state = State::new(&options());
        state.update(listed(vec![BranchSummary { training: false, ..unborn("main") }]));
        let effects = state.update(listed(vec![branch("main", None, 0, 0)]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "main@0");
    }

    #[test]
    fn a_run_beside_others_is_followed_once_it_has_steps() {
        let mut state = opened();
        let others = [branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)];
        let select = Some((name("run-2"), Goal::At(Position::Last)));
        state.update(Message::Store(StoreEvent::Done(Done { select, ..Done::default() })));
        let list = |last: BranchSummary| listed(others.iter().cloned().chain([last]).collect());
        state.update(list(unborn("run-2")));
        assert_eq!(state.selected, Some(name("main")), "nothing of it can be shown yet");
        assert!(!state.wanted().branches.contains(&name("run-2")), "nor together with others");
        let effects = state.update(list(training(branch("run-2", None, 0, 12))));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "run-2@12");
        let effects = state.update(list(training(branch("run-2", None, 0, 30))));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "run-2@30");
    }

    #[test]
    fn a_branch_whose_steps_cannot_be_read_keeps_no_other_from_being_shown() {
        let mut state = opened();
        let problem = Some("a file of it is damaged".to_owned());
        let damaged = BranchSummary { steps: None, problem, ..branch("damaged", None, 0, 9) };
        let effects = state.update(listed(vec![branch("main", None, 0, 100), damaged.clone()]));
        assert_eq!(wanted(&effects).branches, [name("main")]);
        // Who looks at it is told why.
        let effects = state.update(Message::Select(name("damaged")));
        assert_eq!(wanted(&effects).branches, [name("damaged"), name("main")]);
    }

    #[test]
    fn a_branch_that_is_deleted_elsewhere_is_named_and_its_parent_is_shown() {
        let mut state = opened();
        state.update(Message::Select(name("wider")));
        let effects = state.update(listed(vec![branch("main", None, 0, 100), branch("other", None, 0, 5)]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().branch, name("main"));
        let Some(Notice::Done { text, undo }) = &state.notice else { panic!("a notice") };
        assert_eq!(
            (text.as_str(), undo),
            ("wider was deleted elsewhere: main is shown", &Some(Undo::TakeBack(name("wider"))))
        );
        // The last one, too.
        state.update(listed(vec![branch("other", None, 0, 5)]));
        state.update(listed(Vec::new()));
        let Some(Notice::Done { text, .. }) = &state.notice else { panic!("a notice") };
        assert_eq!(text, "other was deleted elsewhere: nothing else is recorded here");
    }

    #[test]
    fn a_branch_that_is_renamed_elsewhere_is_looked_at_under_its_new_name() {
        let mut state = opened();
        state.update(Message::Select(name("wider")));
        state.update(Message::Beside(Some(name("main"))));
        state.update(Message::Go(Move::To(Step(70))));
        let renamed = |from: &str, to: &str, parent: Option<&str>, steps: (u64, u64)| BranchSummary {
            name: name(to),
            ..branch(from, parent, steps.0, steps.1)
        };
        let effects = state.update(listed(vec![
            renamed("main", "first", None, (0, 100)),
            renamed("wider", "second", Some("first"), (50, 200)),
        ]));
        assert_eq!(wanted(&effects).at.as_ref().unwrap().to_string(), "second@70");
        assert_eq!(state.beside, Some(name("first")));
        assert!(
            matches!(&state.notice, Some(Notice::Done { text, undo: None }) if text == "wider is called second now")
        );
    }

    #[test]
    fn a_vanished_store_says_so_and_comes_back() {
        let mut state = opened();
        state.update(Message::Store(StoreEvent::Unreadable("gone".to_owned())));
        assert_eq!(state.screen, Screen::Unreadable("gone".to_owned()));
        state.update(listed(vec![branch("main", None, 0, 100)]));
        assert_eq!(state.screen, Screen::Figures);
    }

    #[test]
    fn a_deleted_branch_is_not_looked_at_any_longer_and_can_be_taken_back() {
        let mut state = opened();
        state.update(Message::Select(name("wider")));
        let effects = state.update(Message::Delete(name("wider")));
        let expected = Intent::Delete { name: name("wider"), then: None };
        assert_eq!(effects, [Effect::Request(Request::Change(expected))]);
        let done =
            Done { text: "deleted wider".to_owned(), undo: Some(Undo::TakeBack(name("wider"))), ..Done::default() };
        state.update(Message::Store(StoreEvent::Done(done)));
        state.update(listed(vec![branch("main", None, 0, 100)]));
        assert_eq!(state.selected, Some(name("main")));
        assert_eq!(state.update(Message::Undo), [Effect::Request(Request::Change(Intent::TakeBack(name("wider"))))]);
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
        assert!(matches!(&state.update(Message::FormEnter)[..], [Effect::Request(Request::Change(Intent::Train(_)))]));
        state.update(Message::Store(StoreEvent::Refused("no such data set".to_owned())));
        assert_eq!(state.form.as_ref().unwrap().problem.as_deref(), Some("no such data set"));
        state.update(Message::FormEnter);
        state.update(Message::Store(StoreEvent::Done(Done::default())));
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
            Message::Store(StoreEvent::Figures { generation, step: Step(1), figures: figures.clone(), row: None })
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
