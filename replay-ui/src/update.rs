//! What each message does to the state.

use std::time::{Duration, Instant};

use revacnn_recorder::Command;
use revacnn_schemas::{Address, BranchName, FilterIdentity, ImageIndex, LayerName, Position, Scale, Step};

use crate::canvas::timeline;
use crate::cells::Slot;
use crate::changes::{Asked, Turn};
use crate::message::{Effect, FilterKey, Hyper, Intent, Message, Notice, Request, Undo};
use crate::prompt::{self, Answer, Prompt, Question};
use crate::run_form::{Field, RunForm};
use crate::state::State;
use crate::time::Move;
use crate::view::tree;

/// How often the cursor moves while it plays.
const BEAT: Duration = Duration::from_millis(100);
/// How often in a minute.
const BEATS_A_MINUTE: f64 = 600.0;
/// Speeds of playing.
const SPEEDS: [f64; 4] = [0.25, 1.0, 4.0, 16.0];

impl State {
    /// Does what a message says; what is to be done elsewhere is returned.
    pub(crate) fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Store(told) => return self.told(told),
            Message::Go(by) => return self.go(by),
            Message::GoEpoch { forward } => {
                let Some(Address { branch, position: Position::Step(from) }) = self.at() else { return Vec::new() };
                return vec![Effect::Request(Request::Epoch { branch, from, forward })];
            }
            Message::Zoom { factor, fraction } => {
                self.time.zoom(factor, fraction);
                self.caches.lanes.clear();
            }
            Message::Select(name) => return self.select(name),
            Message::SelectBy(lines) => {
                let order: Vec<BranchName> =
                    tree::order(&self.branches).into_iter().map(|(_, branch)| branch.name.clone()).collect();
                let here = order.iter().position(|name| Some(name) == self.selected.as_ref()).unwrap_or(0);
                let there = here.saturating_add_signed(lines).min(order.len().saturating_sub(1));
                return order.get(there).cloned().map_or_else(Vec::new, |name| self.select(name));
            }
            Message::ScrollLanes(lanes) => {
                let shown = self.shown().len();
                let now = timeline::first(self.lanes_from, shown);
                self.lanes_from = timeline::first(now.saturating_add_signed(lanes), shown);
                self.caches.lanes.clear();
            }
            Message::ShowBranch(name, show) => {
                let _ = if show { self.hidden.remove(&name) } else { self.hidden.insert(name) };
                self.caches.lanes.clear();
                return self.follow();
            }
            Message::Beside(other) => return self.show_beside(other),
            Message::ToggleBeside => return self.toggle_beside(),
            Message::Prompt(prompt) => {
                if self.selected.is_some() {
                    (self.prompt, self.menu) = (Some(prompt), None);
                    return vec![Effect::Focus(prompt::FIELD)];
                }
            }
            Message::PromptText(text) => {
                if let Some(prompt) = &mut self.prompt {
                    (prompt.text, prompt.problem) = (text, None);
                }
            }
            Message::PromptEnter => return self.answer(),
            Message::NewRun => {
                let taken: Vec<BranchName> = self.branches.iter().map(|branch| branch.name.clone()).collect();
                self.form = Some(RunForm::new(&taken));
                return vec![Effect::Focus(Field::Branch.id())];
            }
            Message::Form(field, text) => {
                if let Some(form) = &mut self.form {
                    form.set(field, text);
                }
            }
            Message::FormEnter => return self.start_run(),
            Message::Edit(edits) => return self.edit(edits, None),
            Message::Preview(text) => self.preview = text,
            Message::Hyper(name, text) => {
                self.typed.insert(name, text);
            }
            Message::HyperEnter => return self.apply_typed(),
            Message::Steer(command) => return self.steer(command),
            Message::Delete(name) => return self.change(Intent::Delete { name, then: None }),
            Message::Undo => return self.ask(Asked::Undo),
            Message::Save(slot) => return self.save(slot),
            Message::Query(slot) => {
                self.menu = None;
                if let Some(query) = self.query(slot) {
                    self.notice = Some(Notice::Done { text: format!("copied: {query}"), undo: None });
                    return vec![Effect::Copy(query)];
                }
            }
            Message::Copy(text) => {
                self.notice = Some(Notice::Done { text: format!("copied {text}"), undo: None });
                return vec![Effect::Copy(text)];
            }
            Message::Tick(now) => return self.tick(now),
            shown => return self.show(shown),
        }
        Vec::new()
    }

    /// Messages that change what is shown, and how.
    fn show(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Nodes(show) => {
                self.settings.nodes = show;
                return self.follow();
            }
            Message::LogScale(log) => {
                self.settings.scale = if log { Scale::Logarithmic } else { Scale::Linear };
                return self.follow();
            }
            Message::X(x) => {
                self.settings.x = x;
                return self.follow();
            }
            Message::Align(align) => {
                self.settings.align = align;
                self.caches.lanes.clear();
                return self.follow();
            }
            Message::Hover(filter) => {
                self.caches.filters.clear();
                self.hovered = filter;
            }
            Message::Pick(filter) => return self.pick(filter),
            Message::PickBy(places) => return self.pick_by(places),
            Message::Layer(layer) => {
                let layers = self.layers();
                // What the branch beside has alone has no place among the tabs.
                if layers.is_empty() || layers.contains(&layer) {
                    self.layer = Some(layer);
                    return self.follow();
                }
            }
            Message::LayerNumber(number) => {
                if let Some(layer) = self.layers().get(number) {
                    return self.update(Message::Layer(layer.clone()));
                }
            }
            Message::Of(of) => {
                self.settings.of = of;
                return self.follow();
            }
            Message::Method(method) => {
                self.settings.method = method;
                return self.follow();
            }
            Message::History(quantity) => {
                self.settings.history = quantity;
                return self.follow();
            }
            Message::Image(image) => {
                self.settings.image = image;
                return self.follow();
            }
            Message::ImageBy(by) => {
                let now = self.image().map_or(0, |image| image.0);
                let next = u32::try_from(i64::from(now).saturating_add(by).max(0)).unwrap_or(u32::MAX);
                return self.update(Message::Image(Some(ImageIndex(next))));
            }
            Message::Dark(dark) => {
                self.settings.dark = dark;
                self.caches.clear();
            }
            Message::Still(still) => self.settings.still = still,
            Message::Help(help) => self.help = help,
            Message::Play(on) => {
                (self.playing.on, self.playing.moved) = (on, None);
                if on && self.time.cursor.0 >= self.time.all[1] {
                    return self.go(Move::First);
                }
            }
            Message::Speed => {
                let faster = SPEEDS.into_iter().find(|speed| *speed > self.playing.speed);
                self.playing.speed = faster.unwrap_or(SPEEDS[0]);
            }
            Message::Menu(slot) => self.menu = Some(slot),
            Message::Escape => self.escape(),
            _ => {}
        }
        Vec::new()
    }

    /// Asks for every figure that is shown.
    pub(crate) fn follow(&mut self) -> Vec<Effect> {
        if self.selected.is_none() {
            return Vec::new();
        }
        if self.fit_time() {
            self.caches.clear();
        }
        self.generation += 1;
        let wanted = self.wanted();
        self.figures.keep(|slot| wanted.cells.iter().any(|(other, _)| *other == slot));
        vec![Effect::Request(Request::Figures(wanted))]
    }

    /// Moves the cursor.
    pub(crate) fn go(&mut self, by: Move) -> Vec<Effect> {
        let before = self.time;
        self.time.go(by);
        if self.time == before {
            return Vec::new();
        }
        if self.time.shows_other_steps_than(&before) {
            self.caches.lanes.clear();
        }
        self.typed.clear();
        self.follow()
    }

    /// Selects a branch.
    pub(crate) fn select(&mut self, name: BranchName) -> Vec<Effect> {
        if self.branch_named(&name).is_none() || self.selected.as_ref() == Some(&name) {
            return Vec::new();
        }
        self.hidden.remove(&name);
        if self.beside.as_ref() == Some(&name) {
            // The two change places.
            self.beside.clone_from(&self.selected);
        }
        (self.selected, self.lanes_from) = (Some(name), 0);
        self.typed.clear();
        self.caches.clear();
        self.follow()
    }

    fn show_beside(&mut self, other: Option<BranchName>) -> Vec<Effect> {
        self.beside = other.filter(|name| Some(name) != self.selected.as_ref() && self.branch_named(name).is_some());
        if let Some(name) = &self.beside {
            self.hidden.remove(name);
        }
        self.caches.clear();
        self.follow()
    }

    /// Beside a branch first its parent, then the others, then none.
    fn toggle_beside(&mut self) -> Vec<Effect> {
        let parent = self.branch().and_then(|branch| branch.parent.clone());
        let others = self.branches.iter().map(|branch| branch.name.clone());
        let others = others.filter(|name| Some(name) != self.selected.as_ref() && Some(name) != parent.as_ref());
        let order: Vec<BranchName> = parent.clone().into_iter().chain(others).collect();
        let next = match &self.beside {
            None => order.first(),
            Some(now) => order.iter().position(|name| name == now).and_then(|place| order.get(place + 1)),
        };
        if order.is_empty() {
            let text = "there is no other branch to compare with: fork one first (f)".to_owned();
            self.notice = Some(Notice::Refused(text));
        }
        self.show_beside(next.cloned())
    }

    fn pick(&mut self, filter: Option<FilterKey>) -> Vec<Effect> {
        self.caches.filters.clear();
        self.caches.history.clear();
        self.picked = filter;
        if let Some((layer, _)) = &self.picked {
            self.layer = Some(layer.clone());
        }
        self.follow()
    }

    fn pick_by(&mut self, places: isize) -> Vec<Effect> {
        let Some(Ok(diagram)) = self.figures.network(Slot::Network) else { return Vec::new() };
        let all: Vec<(&LayerName, &FilterIdentity)> = diagram
            .columns
            .iter()
            .flat_map(|column| column.nodes.iter().map(move |node| (&column.layer, &node.filter)))
            .collect();
        let chosen = self.picked.as_ref();
        let here =
            all.iter().position(|(layer, filter)| chosen.is_some_and(|key| key.0 == **layer && key.1 == **filter));
        let in_layer = all.iter().position(|(layer, _)| Some(*layer) == self.layer.as_ref());
        let there = match here {
            Some(here) => here.saturating_add_signed(places).min(all.len().saturating_sub(1)),
            None => in_layer.unwrap_or(0),
        };
        let found = all.get(there).map(|(layer, filter)| ((*layer).clone(), (*filter).clone()));
        found.map_or_else(Vec::new, |key| self.pick(Some(key)))
    }

    fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let due = self.playing.moved.is_none_or(|moved| now.saturating_duration_since(moved) >= BEAT);
        if !self.playing.on || !due {
            return Vec::new();
        }
        self.playing.moved = Some(now);
        let whole = (self.time.all[1] - self.time.all[0]) as f64;
        let stride = (whole / BEATS_A_MINUTE * self.playing.speed).round().max(1.0);
        let effects = self.go(Move::By(stride as i64));
        self.playing.on = self.time.cursor.0 < self.time.all[1];
        effects
    }

    fn escape(&mut self) {
        let open = self.help || self.prompt.is_some() || self.form.is_some() || self.menu.is_some();
        if open {
            (self.help, self.prompt, self.form, self.menu) = (false, None, None, None);
        } else if self.changes.waiting() > 0 {
            self.changes.give_up_waiting();
        } else if self.notice.is_some() || !self.changes.refusals().is_empty() || !self.typed.is_empty() {
            self.notice = None;
            self.changes.forget_refusals();
            self.typed.clear();
        } else if self.picked.is_some() {
            self.picked = None;
            self.caches.filters.clear();
            self.figures.keep(|slot| !matches!(slot, Slot::Filter | Slot::OtherFilter | Slot::History));
        } else {
            self.beside = None;
            self.caches.clear();
            self.figures.keep(|slot| !matches!(slot, Slot::OtherNetwork | Slot::Differences));
        }
    }

    /// Asks for a change: one at a time, the others wait.
    fn change(&mut self, intent: Intent) -> Vec<Effect> {
        self.preview = None;
        self.ask(Asked::Change(intent))
    }

    fn ask(&mut self, asked: Asked) -> Vec<Effect> {
        match self.changes.ask(asked) {
            Turn::Now(asked) => self.begin_change(asked),
            Turn::Later | Turn::Already => Vec::new(),
            Turn::Refused(reason) => {
                self.notice = Some(Notice::Refused(reason));
                Vec::new()
            }
        }
    }

    fn begin_change(&mut self, asked: Asked) -> Vec<Effect> {
        match asked {
            Asked::Change(intent) => vec![Effect::Request(Request::Change(intent))],
            Asked::Undo => self.undo(),
        }
    }

    /// Goes on with what waits for its turn.
    pub(crate) fn change_on(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(asked) = self.changes.next() {
            effects.extend(self.begin_change(asked));
        }
        effects
    }

    fn edit(&mut self, edits: Vec<String>, name: Option<BranchName>) -> Vec<Effect> {
        let Some(Address { branch, position: Position::Step(step) }) = self.at() else { return Vec::new() };
        // A plain fork leaves a running training alone.
        let live = self.is_live() && !edits.is_empty();
        self.change(Intent::Fork { branch, step, edits, name, live })
    }

    /// Asks first where another process would be stopped: nobody here can start
    /// it again as it was.
    fn steer(&mut self, command: Command) -> Vec<Effect> {
        let Some(branch) = self.selected.clone() else { return Vec::new() };
        let is_others = self.branch().is_some_and(|branch| branch.training) && !self.ours.contains(&branch);
        if command == Command::Stop && is_others {
            return self.update(Message::Prompt(Prompt::new(Question::Stop(branch), "")));
        }
        self.change(Intent::Steer { branch, command })
    }

    fn undo(&mut self) -> Vec<Effect> {
        let Some(Notice::Done { undo: Some(undo), .. }) = self.notice.clone() else { return Vec::new() };
        if let Undo::Fork { name, parent, step } = &undo
            && self.branch_named(name).is_some_and(|fork| fork.steps.is_some_and(|steps| steps.last > fork.fork_step))
        {
            // Steps that were trained since are worth a question.
            let (name, parent, step) = (name.clone(), parent.clone(), *step);
            return self.update(Message::Prompt(Prompt::new(Question::Unfork { name, parent, step }, "")));
        }
        self.notice = None;
        match undo {
            Undo::Select(before) => self.select(before),
            Undo::TakeBack(name) => self.take_back(Intent::TakeBack(name)),
            Undo::Rename { from, to } => self.take_back(Intent::Rename { from: to, to: from }),
            Undo::Fork { name, parent, step } => self.take_back(Intent::Delete { name, then: Some((parent, step)) }),
        }
    }

    fn take_back(&mut self, intent: Intent) -> Vec<Effect> {
        self.preview = None;
        self.changes.take_back(intent.clone());
        vec![Effect::Request(Request::Change(intent))]
    }

    fn apply_typed(&mut self) -> Vec<Effect> {
        let Some(row) = &self.figures.row else { return Vec::new() };
        let changed = Hyper::ALL.into_iter().filter_map(|name| {
            let typed = self.typed.get(&name)?.trim();
            (!typed.is_empty() && Some(typed) != name.of(row).as_deref())
                .then(|| format!("set {} {typed}", name.name()))
        });
        let edits: Vec<String> = changed.collect();
        if edits.is_empty() {
            self.typed.clear();
            return Vec::new();
        }
        self.edit(edits, None)
    }

    fn answer(&mut self) -> Vec<Effect> {
        let Some(prompt) = self.prompt.clone() else { return Vec::new() };
        match prompt.answer(self) {
            Err(problem) => {
                self.prompt = Some(Prompt { problem: Some(problem), ..prompt });
                Vec::new()
            }
            Ok(answer) => {
                self.prompt = None;
                match answer {
                    Answer::Nothing => Vec::new(),
                    Answer::Image(image) => self.update(Message::Image(image)),
                    Answer::Show(branch, show) => self.update(Message::ShowBranch(branch, show)),
                    Answer::Edit(edits, name) => self.edit(edits, name),
                    Answer::Request(Request::Change(intent)) => self.change(intent),
                    Answer::Request(ask) => vec![Effect::Request(ask)],
                }
            }
        }
    }

    fn start_run(&mut self) -> Vec<Effect> {
        let Some(form) = &mut self.form else { return Vec::new() };
        match form.plan() {
            // It stays open until the run has begun: what is typed is not lost.
            Ok(plan) => self.change(Intent::Train(plan)),
            Err(problem) => {
                form.problem = Some(problem);
                Vec::new()
            }
        }
    }

    fn save(&mut self, slot: Slot) -> Vec<Effect> {
        self.menu = None;
        let (Some(shown), Some(at)) = (self.figures.get(slot), self.at_of(slot)) else { return Vec::new() };
        let name = slot.name().replace(' ', "-");
        let path = format!("{name}-{}.svg", at.to_string().replace(['@', '/'], "-")).into();
        if slot == Slot::Embedding {
            // Its points may still lie where those of other steps left them.
            return self.change(Intent::SaveFresh { slot, wanted: self.wanted(), path });
        }
        let drawn = shown.drawn.clone();
        self.change(Intent::Save { drawn, path })
    }

    /// What a slot shows.
    fn at_of(&self, slot: Slot) -> Option<Address> {
        if matches!(slot, Slot::OtherNetwork | Slot::OtherFilter) { self.at_beside() } else { self.at() }
    }

    /// What `revacnn query` answers a figure with.
    pub(crate) fn query(&self, slot: Slot) -> Option<String> {
        let at = self.at_of(slot)?;
        let Position::Step(step) = at.position else { return None };
        let of_layer = |layer: &LayerName| format!("branch = '{}' AND step = {step} AND layer = '{layer}'", at.branch);
        let names: Vec<String> = self.shown().iter().map(|name| format!("'{name}'")).collect();
        Some(match slot {
            Slot::Loss | Slot::Timeline => format!(
                "SELECT branch, step, loss FROM steps WHERE branch IN ({}) AND step > 0 ORDER BY branch, step",
                names.join(", ")
            ),
            Slot::Network | Slot::OtherNetwork => format!(
                "SELECT layer, filter, mean_abs_gradient, activation_sum, weight_norm FROM filters \
                 WHERE branch = '{}' AND step = {step} ORDER BY layer, filter",
                at.branch
            ),
            Slot::Filter | Slot::OtherFilter => {
                let (layer, filter) = self.picked.as_ref()?;
                format!("SELECT bias, \"values\" FROM weights WHERE {} AND filter = {}", of_layer(layer), filter.number)
            }
            Slot::History => {
                let (layer, filter) = self.picked.as_ref()?;
                format!(
                    "SELECT step, {} FROM filters WHERE branch = '{}' AND layer = '{layer}' AND filter = {} ORDER BY step",
                    self.settings.history, at.branch, filter.number
                )
            }
            Slot::Filters | Slot::Embedding => {
                let of = self.settings.of;
                let table = of.to_string().replace(' ', "_");
                let of_image = match self.image().filter(|_| of.is_of_image()) {
                    Some(image) => format!(" AND image = {image}"),
                    None => String::new(),
                };
                let rows = of_layer(self.layer.as_ref()?);
                format!("SELECT filter, \"values\" FROM {table} WHERE {rows}{of_image} ORDER BY filter")
            }
            Slot::Differences => format!(
                "SELECT a.step, b.loss - a.loss AS difference FROM steps a JOIN steps b ON a.step = b.step \
                 WHERE a.branch = '{}' AND b.branch = '{}' ORDER BY a.step",
                at.branch,
                self.beside.as_ref()?
            ),
        })
    }

    /// Opens a question, with the text that it starts from.
    pub(crate) fn question(&self, question: Question) -> Message {
        let text = match question {
            Question::Rename => self.selected.as_ref().map(ToString::to_string).unwrap_or_default(),
            Question::TrainOn => "1000".to_owned(),
            _ => String::new(),
        };
        Message::Prompt(Prompt::new(question, text))
    }

    /// The step of the branch that the cursor is at, for the header.
    pub(crate) fn step(&self) -> Step {
        self.branch().map_or(self.time.cursor, |branch| self.step_of(branch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Done;
    use crate::message::StoreEvent;
    use crate::state::tests::opened;
    use crate::state::tests::{branch, listed};
    use revacnn_notebook::{BranchSummary, Source};

    fn live(ours: &[&str]) -> State {
        let mut state = opened();
        let branches = vec![BranchSummary { training: true, ..branch("main", None, 0, 100) }];
        let ours = ours.iter().map(|name| name.parse().unwrap()).collect();
        let told = crate::message::Listed { branches, ours, ..crate::message::Listed::default() };
        state.update(Message::Store(StoreEvent::Listed(told)));
        state
    }

    /// A key ended what another process had trained for days.
    #[test]
    fn a_run_of_another_process_is_stopped_only_when_asked_twice_and_one_of_ours_at_once() {
        let stop = || Intent::Steer { branch: "main".parse().unwrap(), command: Command::Stop };
        let mut state = live(&["main"]);
        assert_eq!(state.update(Message::Steer(Command::Stop)), [Effect::Request(Request::Change(stop()))]);

        let mut state = live(&[]);
        let asked = state.update(Message::Steer(Command::Stop));
        assert!(!asked.iter().any(|effect| matches!(effect, Effect::Request(_))), "{asked:?}");
        assert!(state.prompt.as_ref().unwrap().consent(&state).unwrap().0.contains("another process"));
        state.update(Message::Escape);
        assert!(state.prompt.is_none() && !state.changes.is_running());
        state.update(Message::Steer(Command::Stop));
        assert_eq!(state.update(Message::PromptEnter), [Effect::Request(Request::Change(stop()))]);
        // What can be taken back needs no question.
        let mut state = live(&[]);
        assert!(matches!(&state.update(Message::Steer(Command::Pause))[..], [Effect::Request(Request::Change(_))]));
    }

    #[test]
    fn undo_of_a_fork_without_steps_deletes_it_and_leads_back_to_its_parent() {
        let mut state = opened();
        let (fork, parent): (BranchName, BranchName) = ("main~2".parse().unwrap(), "main".parse().unwrap());
        let undo = Some(Undo::Fork { name: fork.clone(), parent: parent.clone(), step: Step(30) });
        let text = "forked".to_owned();
        state.update(Message::Store(StoreEvent::Done(Done { text, undo, ..Done::default() })));
        let main = branch("main", None, 0, 100);
        state.update(listed(vec![main.clone(), branch("main~2", Some("main"), 30, 30)]));
        let expected = Intent::Delete { name: fork.clone(), then: Some((parent.clone(), Step(30))) };
        assert_eq!(state.update(Message::Undo), [Effect::Request(Request::Change(expected))]);
        assert!(state.update(Message::Undo).is_empty(), "it is undone once");
        // What undid it can be undone.
        let undo = Some(Undo::TakeBack(fork.clone()));
        state.update(Message::Store(StoreEvent::Done(Done { undo, ..Done::default() })));
        assert_eq!(state.update(Message::Undo), [Effect::Request(Request::Change(Intent::TakeBack(fork)))]);
    }

    /// A saved embedding was that of the steps that one had come by.
    #[test]
    fn an_embedding_is_made_afresh_when_it_is_saved() {
        let mut state = opened();
        state.update(Message::Layer("conv1".parse().unwrap()));
        let figures = vec![(Slot::Embedding, crate::cells::Drawn::of(Err("none".to_owned())))];
        let (generation, step) = (state.generation, state.time.cursor);
        state.update(Message::Store(StoreEvent::Figures { generation, step, figures, row: None }));
        let asked = state.update(Message::Save(Slot::Embedding));
        let [Effect::Request(Request::Change(Intent::SaveFresh { slot: Slot::Embedding, wanted, path }))] = &asked[..]
        else {
            panic!("a fresh embedding, not {asked:?}")
        };
        assert_eq!((wanted.step, path.to_str()), (Step(100), Some("embedding-main-100.svg")));
    }

    #[test]
    fn a_query_about_the_network_beside_is_of_its_branch() {
        let mut state = opened();
        state.update(Message::Beside(Some("wider".parse().unwrap())));
        state.update(Message::Go(Move::To(Step(60))));
        for (slot, branch) in [(Slot::Network, "main"), (Slot::OtherNetwork, "wider")] {
            let query = state.query(slot).unwrap();
            assert!(query.contains(&format!("branch = '{branch}' AND step = 60")), "{query}");
        }
    }

    #[test]
    fn a_query_reads_the_table_of_what_is_shown() {
        let mut state = opened();
        state.update(Message::Layer("conv1".parse().unwrap()));
        state.update(Message::Image(Some(ImageIndex(17))));
        for (of, table, image) in [
            (Source::Weights, "weights", ""),
            (Source::Gradients, "gradients", ""),
            (Source::Activations, "activations", " AND image = 17"),
            (Source::ActivationGradients, "activation_gradients", " AND image = 17"),
        ] {
            state.update(Message::Of(of));
            let expected = format!(
                "SELECT filter, \"values\" FROM {table} WHERE branch = 'main' AND step = 100 AND layer = 'conv1'{image} \
                 ORDER BY filter"
            );
            assert_eq!(state.query(Slot::Filters), Some(expected));
        }
    }
}
