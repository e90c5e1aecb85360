//! What the workers' answers do to the state.

use std::collections::HashMap;
use std::sync::Arc;

use revacnn_notebook::{BranchSummary, ChosenImage};
use revacnn_schemas::{Address, BranchId, BranchName, Position, Step};
use revacnn_store::StepRow;

use crate::cells::{Prepared, ViewId};
use crate::components::{dialog, figure_menu, header, status, tree};
use crate::context::Screen;
use crate::figure;
use crate::requests::{Effect, Intent, Request};
use crate::state::State;
use crate::store_events::{Done, Goal, Listed, Notice, StoreEvent, Undo};
use crate::time::{Move, Time};
use crate::views::View;

impl State {
    pub(crate) fn store_event(&mut self, event: StoreEvent) -> Vec<Effect> {
        match event {
            StoreEvent::Unreadable(reason) => {
                self.context.screen = Screen::Unreadable(reason);
                self.context.cells.clear();
                self.redraw();
                Vec::new()
            }
            StoreEvent::Listed(listed) => self.list(listed),
            StoreEvent::Figures { generation, step, figures, row } => self.take_figures(generation, step, figures, row),
            StoreEvent::Resolved { branch, step } => {
                let mut effects = self.select(branch);
                let shift = self.context.branch().map_or(0, |branch| self.context.shift(branch));
                effects.extend(self.go(Move::To(Step(step.0.saturating_add_signed(shift)))));
                effects
            }
            StoreEvent::Pictured(Ok(picture)) => {
                self.status.tell(format!("{picture} is shown; i and Enter: the probe image again"));
                self.show_image(Some(ChosenImage::Own(picture)))
            }
            StoreEvent::Pictured(Err(reason)) => {
                self.status.refuse(reason);
                Vec::new()
            }
            StoreEvent::Done(done) => self.done(done),
            StoreEvent::Refused(reason) => {
                match (self.context.changes.refused(&reason), &mut self.dialog) {
                    // What is typed is not lost.
                    (Some(Intent::Train(_)), Some(dialog::State::RunForm(form))) => form.problem = Some(reason),
                    (Some(Intent::Fork { .. }), Some(dialog::State::LayerForm(form))) => form.problem = Some(reason),
                    (Some(Intent::Save { .. } | Intent::SaveFresh { .. }), Some(dialog::State::Menu(menu)))
                        if menu.saving =>
                    {
                        menu.update(figure_menu::Message::Refused(reason), &[]);
                    }
                    (Some(_) | None, _) => self.status.refuse(reason),
                }
                self.change_on()
            }
            StoreEvent::Exists(path) => {
                let reason = format!("{} is there already: it was not replaced", path.display());
                self.context.changes.refused(&reason);
                match &mut self.dialog {
                    Some(dialog::State::Menu(menu)) if menu.saving => {
                        menu.update(figure_menu::Message::Exists, &[]);
                    }
                    Some(_) | None => self.status.refuse(reason),
                }
                self.change_on()
            }
            StoreEvent::Noticed(notice) => self.update(status::Message::Notice(notice)),
            StoreEvent::Notebook(event) => {
                let action = self.notebook.told(event);
                self.notebook_asks(action)
            }
        }
    }

    fn take_figures(
        &mut self,
        generation: u64,
        step: Step,
        figures: Vec<(ViewId, Arc<Prepared>)>,
        row: Option<Box<StepRow>>,
    ) -> Vec<Effect> {
        // While one drags, the figure of an older cursor is still better than
        // none; it never replaces a newer one, as answers come in order.
        if generation > self.generation {
            return Vec::new();
        }
        for (view, drawn) in figures {
            if view == ViewId::NETWORK && self.context.cells.shows(view) && drawn.figure.is_err() {
                // What was read of another step is none of this one's.
                self.context.cells.row = None;
            }
            if self.context.cells.set(view, step, drawn) {
                (View::of(view).redraw)(self);
            }
        }
        if row.is_some() {
            self.context.cells.row = row.map(|row| *row);
        }
        // The embedding and the filters are of a layer that there is.
        let layers = self.context.layers();
        if !layers.is_empty() && !self.context.marks.layer.as_ref().is_some_and(|layer| layers.contains(layer)) {
            self.context.marks.layer = layers.into_iter().next();
            return self.follow();
        }
        self.choose_first()
    }

    /// Chooses the filter that was asked for at the start.
    fn choose_first(&mut self) -> Vec<Effect> {
        let Some(Ok(diagram)) = self.context.cells.network(ViewId::NETWORK) else { return Vec::new() };
        let Some((layer, number)) = self.start.filter.take() else { return Vec::new() };
        let column = diagram.columns.iter().find(|column| column.layer == layer);
        let node = column.and_then(|column| column.nodes.iter().find(|node| node.filter.number == number));
        match node.map(|node| node.filter.clone()) {
            Some(filter) => self.figure(figure::Message::Pick(Some((layer, filter)))),
            None => {
                let layers: Vec<&str> = diagram.columns.iter().map(|column| column.layer.as_str()).collect();
                let known = layers.join(", ");
                self.status.refuse(format!("there is no filter {layer}/{number} at this step; its layers are {known}"));
                Vec::new()
            }
        }
    }

    fn done(&mut self, done: Done) -> Vec<Effect> {
        let made = self.context.changes.done(&done);
        let written = match (&made, &done.deed) {
            (_, Some(deed)) => self.notebook.record(deed),
            (Some(Intent::TakeBack(name)), None) => self.notebook.taken_back(name).map(Ok),
            (Some(_) | None, None) => None,
        };
        match (made, &self.dialog) {
            (Some(Intent::Train(_)), Some(dialog::State::RunForm(_)))
            | (Some(Intent::Fork { .. }), Some(dialog::State::LayerForm(_))) => self.dialog = None,
            (Some(Intent::Save { .. } | Intent::SaveFresh { .. }), Some(dialog::State::Menu(menu))) if menu.saving => {
                self.dialog = None;
            }
            (Some(_) | None, _) => {}
        }
        let is_written = matches!(written, Some(Ok(_)));
        if matches!(done.undo, Some(Undo::Fork { .. } | Undo::Rename { .. } | Undo::TakeBack(_))) && !is_written {
            self.notebook.done_outside();
        }
        if let Some((branch, waits)) = done.paused {
            let _ = if waits { self.context.paused.insert(branch) } else { self.context.paused.remove(&branch) };
        }
        let leaves = done.select.as_ref().filter(|(branch, _)| Some(branch) != self.context.selected.as_ref());
        let back = leaves.and(self.context.selected.clone()).map(Undo::Select);
        let told = match &written {
            Some(Ok(_)) => format!("{} · written to the notebook", done.text),
            Some(Err(_)) | None => done.text,
        };
        self.status.done(told, done.undo.or(back));
        self.status.leave_unsaid(written.as_ref().and_then(|written| written.clone().err()));
        if let Some(start) = done.select {
            self.inspector.forget_typed();
            // The list that has it comes soon.
            self.start.at = Some(start);
        }
        let mut effects = self.begin().unwrap_or_default();
        if written.is_some() {
            effects.extend(self.read_notebook());
        }
        effects.extend(self.change_on());
        effects
    }

    /// Goes to where the window is to begin, once its branch is listed.
    fn begin(&mut self) -> Option<Vec<Effect>> {
        let known = |name: &BranchName| self.context.branch_named(name).is_some_and(|branch| branch.steps.is_some());
        let (name, goal) = self.start.at.clone().filter(|(name, _)| known(name))?;
        self.start.at = None;
        if self.context.selected.as_ref() != Some(&name) {
            self.context.hidden.remove(&name);
            if self.context.beside.as_ref() == Some(&name) {
                self.context.beside = None;
            }
            self.context.select(name.clone());
            self.timeline.begin_anew();
            self.redraw();
        }
        self.context.fit_time();
        let branch = self.context.branch()?;
        let shift = self.context.shift(branch);
        match goal {
            Goal::Here => {}
            // The last step that is listed, so that a branch that grows is followed.
            Goal::At(Position::Last) => {
                let end = self.context.end_of(branch);
                self.context.time.go(Move::To(Step(end)));
            }
            Goal::At(Position::Step(step)) => self.context.time.go(Move::To(Step(step.0.saturating_add_signed(shift)))),
            Goal::At(position) => {
                let mut effects = self.follow();
                effects.push(Effect::Request(Request::Resolve(Address { branch: name, position })));
                return Some(effects);
            }
        }
        Some(self.follow())
    }

    fn list(&mut self, listed: Listed) -> Vec<Effect> {
        let opening = self.context.screen != Screen::Figures;
        let selected = self.context.branch().cloned();
        // Who watches the end of a branch goes on watching it, from its first step on.
        let at_end = selected
            .as_ref()
            .is_some_and(|branch| branch.steps.is_none_or(|steps| self.context.step_of(branch) >= steps.last));
        let before = std::mem::replace(&mut self.context.branches, listed.branches);
        self.mark_unwritten();
        self.context.ours = listed.ours;
        self.update(tree::Message::Problems(listed.problems));
        self.update(header::Message::Rates(listed.rates));
        self.follow_names(&before);
        self.context
            .paused
            .retain(|name| self.context.branches.iter().any(|branch| branch.name == *name && branch.training));
        self.timeline.redraw();
        self.loss.redraw();
        if self.context.branches.is_empty() {
            self.say_gone(selected.as_ref());
            self.context.screen = Screen::Empty;
            (self.context.selected, self.context.beside) = (None, None);
            self.context.cells.clear();
            return Vec::new();
        }
        self.context.screen = Screen::Figures;
        if opening {
            let last = self.context.branches.iter().map(|branch| self.context.end_of(branch)).max().unwrap_or(0);
            self.context.time = Time::new(0, last, Step(last));
        } else {
            self.context.fit_time();
        }
        if self.context.beside.as_ref().is_some_and(|name| self.context.branch_named(name).is_none()) {
            self.context.beside = None;
        }
        let gone = self.context.branch().is_none();
        if gone {
            let parent = selected.as_ref().and_then(|branch| branch.parent.as_ref());
            let parent = parent.and_then(|name| self.context.branch_named(name));
            self.context.selected = parent.or(self.context.branches.first()).map(|branch| branch.name.clone());
            self.context.beside =
                self.context.beside.take().filter(|name| Some(name) != self.context.selected.as_ref());
            self.redraw();
            self.say_gone(selected.as_ref());
            if let (true, Some(branch)) = (opening, self.context.branch()) {
                let step = branch.steps.map_or(branch.fork_step, |steps| steps.last);
                self.context.time.go(Move::To(step));
            }
        }
        if let Some(name) = self.start.beside.take() {
            if self.context.branch_named(&name).is_some() {
                self.context.beside = Some(name);
            } else {
                self.status.refuse(format!("there is no branch {name} to show beside"));
            }
        }
        if let Some(effects) = self.begin() {
            return effects;
        }
        let grows = |branch: &BranchSummary| {
            let then = selected.as_ref().filter(|then| then.id == branch.id);
            then.is_some_and(|then| branch.training || then.training || then.steps.is_none())
        };
        if at_end && let Some(branch) = self.context.branch().filter(|branch| grows(branch)) {
            let end = self.context.end_of(branch);
            let begun = selected.is_some_and(|then| then.steps.is_none()) && branch.steps.is_some();
            if end > self.context.time.cursor.0 || begun {
                self.context.time.go(Move::To(Step(end)));
                return self.follow();
            }
        }
        // A branch that came, went or grew within what is shown.
        let named: HashMap<&BranchName, &BranchSummary> = before.iter().map(|then| (&then.name, then)).collect();
        let moved = self.context.branches.iter().any(|branch| {
            let then = named.get(&branch.name);
            let last = |branch: &BranchSummary| branch.steps.map(|steps| steps.last);
            then.is_some_and(|then| match last(then) {
                Some(last) => self.context.step_of(branch) > last,
                None => branch.steps.is_some(),
            })
        });
        let others = before.len() != self.context.branches.len()
            || before.iter().zip(&self.context.branches).any(|(before, now)| before.name != now.name);
        if opening || gone || moved || others { self.follow() } else { Vec::new() }
    }

    /// Goes on with branches that have another name now.
    fn follow_names(&mut self, before: &[BranchSummary]) {
        let now: HashMap<&BranchId, &BranchSummary> = self.context.branches.iter().map(|now| (&now.id, now)).collect();
        let renamed: Vec<(BranchName, BranchName)> = before
            .iter()
            .filter_map(|then| {
                let now = now.get(&then.id).filter(|now| now.name != then.name)?;
                Some((then.name.clone(), now.name.clone()))
            })
            .collect();
        for (from, to) in renamed {
            self.context.changes.renamed(&from, &to);
            let is_told = |undo: &Undo| matches!(undo, Undo::Rename { to: told, .. } if *told == to);
            if self.context.selected.as_ref() == Some(&from) {
                self.context.selected = Some(to.clone());
                let told = matches!(&self.status.notice, Some(Notice::Done { undo: Some(undo), .. }) if is_told(undo));
                if !self.context.changes.is_running() && !told {
                    self.status.tell(format!("{from} is called {to} now"));
                }
            }
            if self.context.beside.as_ref() == Some(&from) {
                self.context.beside = Some(to.clone());
            }
            if self.context.hidden.remove(&from) {
                self.context.hidden.insert(to.clone());
            }
            if self.context.paused.remove(&from) {
                self.context.paused.insert(to);
            }
        }
    }

    /// Says that the branch that was looked at is gone, unless this window
    /// deleted it itself, and what is shown instead.
    fn say_gone(&mut self, gone: Option<&BranchSummary>) {
        let Some(name) = gone.map(|branch| &branch.name).filter(|name| self.context.branch_named(name).is_none())
        else {
            return;
        };
        let by_us = |notice: &Notice| match notice {
            Notice::Done { undo: Some(Undo::TakeBack(deleted)), .. } => deleted == name,
            Notice::Done { .. } | Notice::Refused(_) => false,
        };
        if self.context.changes.is_running() || self.status.notice.as_ref().is_some_and(by_us) {
            return;
        }
        let instead = self.context.selected.as_ref().filter(|selected| *selected != name);
        let instead =
            instead.map_or_else(|| "nothing else is recorded here".to_owned(), |name| format!("{name} is shown"));
        let text = format!("{name} was deleted elsewhere: {instead}");
        self.status.done(text, Some(Undo::TakeBack(name.clone())));
    }
}

#[cfg(test)]
mod tests;
