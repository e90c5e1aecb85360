//! The window's state, and what each message does to it. Nothing here reads
//! the store or draws: what is to be read leaves as an [`Action`].

use std::collections::BTreeSet;

use iced::widget::canvas::Cache;
use revacnn_notebook::{BranchSummary, Inputs, Show, Source};
use revacnn_recorder::Command;
use revacnn_schemas::{
    Address, BranchName, Chart, FilterIdentity, LayerName, NetworkDiagram, Position, Scale, Scatter, Step,
};

use crate::time::{Move, Time};
use crate::worker::{Ask, Embed, Intent, Told, View};

/// A filter of a layer.
pub(crate) type FilterKey = (LayerName, FilterIdentity);

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Told(Told),
    Go(Move),
    Zoom { factor: f64, fraction: f64 },
    Select(BranchName),
    ShowBranch(BranchName, bool),
    Nodes(Show),
    LogScale(bool),
    Hover(Option<FilterKey>),
    Pick(Option<FilterKey>),
    Layer(LayerName),
    LayerNumber(usize),
    Of(Source),
    Dark(bool),
    Still(bool),
    Help(bool),
    Play(bool),
    Tick,
    GoTo(Option<String>),
    GoToNow,
    Edit(String),
    Steer(Command),
    Undo,
    Escape,
}

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Ask the workers.
    Ask(Vec<Ask>),
    /// Put the text cursor into the field `go to`.
    FocusGoTo,
}

/// What stands where the figures would.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Screen {
    /// The store is being opened.
    Opening,
    /// It has no branch yet.
    Empty,
    /// It cannot be read, and why.
    Unreadable(String),
    /// The figures.
    Figures,
}

/// A line at the window's foot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notice {
    /// What was done, and the branch that undo selects.
    Done { text: String, undo: Option<BranchName> },
    /// What was refused.
    Refused(String),
}

/// The window.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: String,
    pub(crate) screen: Screen,
    pub(crate) branches: Vec<BranchSummary>,
    pub(crate) problems: Vec<String>,
    pub(crate) selected: Option<BranchName>,
    pub(crate) hidden: BTreeSet<BranchName>,
    pub(crate) time: Time,
    pub(crate) loss: Option<Result<Chart, String>>,
    /// The network and the step it is of.
    pub(crate) network: Option<(Step, Result<NetworkDiagram, String>)>,
    pub(crate) embedding: Option<(Step, Result<Scatter, String>)>,
    pub(crate) nodes: Show,
    pub(crate) scale: Scale,
    pub(crate) hovered: Option<FilterKey>,
    pub(crate) picked: Option<FilterKey>,
    pub(crate) layer: Option<LayerName>,
    pub(crate) of: Source,
    pub(crate) dark: bool,
    /// Reduced motion.
    pub(crate) still: bool,
    pub(crate) help: bool,
    pub(crate) playing: bool,
    pub(crate) go_to: Option<String>,
    pub(crate) notice: Option<Notice>,
    /// Whether an edit is under way.
    pub(crate) editing: bool,
    generation: u64,
    /// Where to go once the branches are known.
    start: Option<Address>,
    pub(crate) caches: Caches,
}

/// One cache a rate of change.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    /// Curves: they change when the log grows.
    pub(crate) curves: Cache,
    /// Lanes of the timeline: as the curves, and when it is zoomed.
    pub(crate) lanes: Cache,
    /// Paths of the network: when the cursor moves.
    pub(crate) paths: Cache,
    /// The embedding.
    pub(crate) embedding: Cache,
}

impl Caches {
    fn clear(&self) {
        for cache in [&self.curves, &self.lanes, &self.paths, &self.embedding] {
            cache.clear();
        }
    }
}

impl State {
    /// A window whose store is still being opened.
    pub(crate) fn new(store: String, start: Option<Address>, dark: bool) -> Self {
        Self {
            store,
            screen: Screen::Opening,
            branches: Vec::new(),
            problems: Vec::new(),
            selected: None,
            hidden: BTreeSet::new(),
            time: Time::new(0, 1, Step(0)),
            loss: None,
            network: None,
            embedding: None,
            nodes: Show::Maps,
            scale: Scale::Linear,
            hovered: None,
            picked: None,
            layer: None,
            of: Source::Weights,
            dark,
            still: false,
            help: false,
            playing: false,
            go_to: None,
            notice: None,
            editing: false,
            generation: 0,
            start,
            caches: Caches::default(),
        }
    }

    /// The selected branch.
    pub(crate) fn branch(&self) -> Option<&BranchSummary> {
        self.branches.iter().find(|branch| Some(&branch.name) == self.selected.as_ref())
    }

    /// The shown branches, the selected one first.
    pub(crate) fn shown(&self) -> Vec<BranchName> {
        let others = self.branches.iter().map(|branch| &branch.name);
        let others = others.filter(|name| Some(*name) != self.selected.as_ref() && !self.hidden.contains(*name));
        self.selected.iter().chain(others).cloned().collect()
    }

    fn inputs(&self) -> Inputs {
        Inputs { branches: self.shown(), cursor: self.time.cursor, image: None }
    }

    /// Asks for every figure that follows the cursor.
    fn follow(&mut self) -> Action {
        if self.selected.is_none() {
            return Action::None;
        }
        self.generation += 1;
        let view = View { generation: self.generation, inputs: self.inputs(), show: self.nodes, scale: self.scale };
        let mut asks = vec![Ask::View(view)];
        asks.extend(self.embed());
        Action::Ask(asks)
    }

    fn embed(&self) -> Option<Ask> {
        let layer = self.layer.clone()?;
        Some(Ask::Embed(Embed { inputs: self.inputs(), layer, of: self.of }))
    }

    /// How far PgUp and PgDn go: a twentieth of the history.
    pub(crate) fn page_steps(&self) -> u64 {
        ((self.time.all[1] - self.time.all[0]) / 20).max(1)
    }

    /// Whether a process trains the selected branch and the cursor is at its
    /// last step: an edit is then that process's to make.
    pub(crate) fn is_live(&self) -> bool {
        self.branch()
            .is_some_and(|branch| branch.training && branch.steps.is_some_and(|steps| self.time.cursor >= steps.last))
    }

    /// Does what a message says.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Told(told) => return self.told(told),
            Message::Go(by) => return self.go(by),
            Message::Zoom { factor, fraction } => {
                self.time.zoom(factor, fraction);
                self.caches.lanes.clear();
            }
            Message::Select(name) => return self.select(name),
            Message::ShowBranch(name, show) => {
                let _ = if show { self.hidden.remove(&name) } else { self.hidden.insert(name) };
                return self.follow();
            }
            Message::Nodes(show) => {
                self.nodes = show;
                return self.follow();
            }
            Message::LogScale(log) => {
                self.scale = if log { Scale::Logarithmic } else { Scale::Linear };
                return self.follow();
            }
            Message::Hover(filter) => {
                if self.hovered != filter {
                    self.hovered = filter;
                    self.caches.embedding.clear();
                }
            }
            Message::Pick(filter) => {
                self.caches.embedding.clear();
                self.picked = filter;
                if let Some((layer, _)) = &self.picked {
                    return self.update(Message::Layer(layer.clone()));
                }
            }
            Message::Layer(layer) => {
                if self.layer.as_ref() != Some(&layer) {
                    self.layer = Some(layer);
                    return self.embed().map_or(Action::None, |ask| Action::Ask(vec![ask]));
                }
            }
            Message::LayerNumber(number) => {
                if let Some(layer) = self.layers().get(number) {
                    return self.update(Message::Layer(layer.clone()));
                }
            }
            Message::Of(of) => {
                self.of = of;
                return self.embed().map_or(Action::None, |ask| Action::Ask(vec![ask]));
            }
            Message::Dark(dark) => {
                self.dark = dark;
                self.caches.clear();
            }
            Message::Still(still) => self.still = still,
            Message::Help(help) => self.help = help,
            Message::Play(playing) => {
                if playing && self.time.cursor.0 >= self.time.all[1] {
                    self.playing = true;
                    return self.go(Move::First);
                }
                self.playing = playing;
            }
            Message::Tick => {
                if self.playing {
                    // The whole history in about a minute, a step at least.
                    let stride = ((self.time.all[1] - self.time.all[0]) / 600).max(1);
                    let action = self.go(Move::By(stride as i64));
                    self.playing = self.time.cursor.0 < self.time.all[1];
                    return action;
                }
            }
            Message::GoTo(text) => {
                let opens = self.go_to.is_none() && text.is_some();
                self.go_to = text;
                return if opens { Action::FocusGoTo } else { Action::None };
            }
            Message::GoToNow => return self.go_to_now(),
            Message::Edit(edit) => return self.edit(edit),
            Message::Steer(command) => {
                if let Some(branch) = self.selected.clone() {
                    return Action::Ask(vec![Ask::Intent(Intent::Steer { branch, command })]);
                }
            }
            Message::Undo => {
                if let Some(Notice::Done { undo: Some(parent), .. }) = self.notice.take() {
                    return self.select(parent);
                }
            }
            Message::Escape => {
                let open = self.help || self.go_to.is_some() || self.notice.is_some();
                (self.help, self.go_to, self.notice) = (false, None, None);
                if !open {
                    self.picked = None;
                    self.caches.embedding.clear();
                }
            }
        }
        Action::None
    }

    /// The layers of the network that is shown.
    pub(crate) fn layers(&self) -> Vec<LayerName> {
        match &self.network {
            Some((_, Ok(diagram))) => diagram.columns.iter().map(|column| column.layer.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn go(&mut self, by: Move) -> Action {
        let before = self.time;
        self.time.go(by);
        if self.time == before {
            return Action::None;
        }
        if self.time.shows_other_steps_than(&before) {
            self.caches.lanes.clear();
        }
        self.follow()
    }

    fn select(&mut self, name: BranchName) -> Action {
        if !self.branches.iter().any(|branch| branch.name == name) || self.selected.as_ref() == Some(&name) {
            return Action::None;
        }
        self.hidden.remove(&name);
        self.selected = Some(name);
        self.caches.curves.clear();
        self.caches.lanes.clear();
        self.follow()
    }

    fn go_to_now(&mut self) -> Action {
        let Some(text) = self.go_to.take() else { return Action::None };
        let text = text.trim();
        if text.is_empty() {
            return Action::None;
        }
        // A bare number, or a position, is of the selected branch.
        let of_selected = self.selected.as_ref().and_then(|name| format!("{name}@{text}").parse().ok());
        let whole = text
            .parse::<Address>()
            .ok()
            .filter(|address| text.contains('@') || self.branches.iter().any(|branch| branch.name == address.branch));
        match whole.or(of_selected) {
            Some(address) => Action::Ask(vec![Ask::Resolve(address)]),
            None => {
                let expected = "expected NAME@STEP, a step, `epoch:N`, `last`, `best` or `fork`";
                self.notice = Some(Notice::Refused(format!("`{text}` is no address: {expected}")));
                Action::None
            }
        }
    }

    fn edit(&mut self, edit: String) -> Action {
        let Some(branch) = self.selected.clone().filter(|_| !self.editing) else { return Action::None };
        self.editing = true;
        let intent = Intent::Edit { branch, step: self.time.cursor, edit, live: self.is_live() };
        Action::Ask(vec![Ask::Intent(intent)])
    }

    fn told(&mut self, told: Told) -> Action {
        match told {
            Told::Unreadable(reason) => {
                self.screen = Screen::Unreadable(reason);
                (self.network, self.embedding, self.loss) = (None, None, None);
            }
            Told::Branches { branches, problems } => return self.list(branches, problems),
            Told::Loss(chart) => {
                self.loss = Some(chart);
                self.caches.curves.clear();
                self.caches.lanes.clear();
            }
            Told::Network { generation, step, figure } => {
                // While one drags, an older answer is still better than none;
                // it never replaces a newer one, as answers come in order.
                if generation <= self.generation {
                    let first = self.layers().is_empty();
                    self.network = Some((step, figure));
                    self.caches.paths.clear();
                    if first && self.layer.is_none() {
                        self.layer = self.layers().into_iter().next();
                        return self.embed().map_or(Action::None, |ask| Action::Ask(vec![ask]));
                    }
                }
            }
            Told::Embedding { step, figure } => {
                self.embedding = Some((step, figure));
                self.caches.embedding.clear();
            }
            Told::Resolved { branch, step } => {
                let selected = self.select(branch);
                let moved = self.go(Move::To(step));
                return if moved == Action::None { selected } else { moved };
            }
            Told::Done { text, select } => {
                self.editing = false;
                let undo = select.as_ref().and(self.selected.clone());
                self.notice = Some(Notice::Done { text, undo });
                if let Some((branch, step)) = select {
                    // The list that has it comes within a second.
                    self.start = Some(Address { branch, position: Position::Step(step) });
                }
            }
            Told::Refused(reason) => {
                self.editing = false;
                self.notice = Some(Notice::Refused(reason));
            }
        }
        Action::None
    }

    fn list(&mut self, branches: Vec<BranchSummary>, problems: Vec<String>) -> Action {
        let opening = self.screen != Screen::Figures;
        let followed = self.time.cursor.0 >= self.time.all[1] && !opening && self.branch().is_some_and(|b| b.training);
        (self.branches, self.problems) = (branches, problems);
        self.caches.lanes.clear();
        if self.branches.is_empty() {
            self.screen = Screen::Empty;
            self.selected = None;
            return Action::None;
        }
        self.screen = Screen::Figures;
        let last = self.branches.iter().filter_map(|branch| branch.steps).map(|steps| steps.last.0).max().unwrap_or(0);
        if opening {
            self.time = Time::new(0, last, Step(last));
        } else {
            self.time.grow(0, last);
        }
        let gone = self.branch().is_none();
        if gone {
            self.selected = self.branches.first().map(|branch| branch.name.clone());
        }
        if let Some(start) = self.start.take_if(|start| self.branches.iter().any(|b| b.name == start.branch)) {
            self.selected = Some(start.branch.clone());
            return match start.position {
                Position::Step(step) => {
                    self.time.go(Move::To(step));
                    self.follow()
                }
                _ => Action::Ask(vec![Ask::Resolve(start)]),
            };
        }
        if followed {
            self.time.go(Move::Last);
        }
        if opening || gone || followed { self.follow() } else { Action::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_recorder::StepSpan;
    use revacnn_schemas::Hue;

    fn branch(name: &str, parent: Option<&str>, fork_step: u64, last: u64) -> BranchSummary {
        BranchSummary {
            name: name.parse().unwrap(),
            id: format!("b{:015x}", name.len() as u64 + last).parse().unwrap(),
            parent: parent.map(|parent| parent.parse().unwrap()),
            fork_step: Step(fork_step),
            edits: Vec::new(),
            steps: Some(StepSpan::new(Step(fork_step), Step(last))),
            last_loss: None,
            last_validation: None,
            bytes: 0,
            hue: Hue(0),
            events: Vec::new(),
            training: false,
            problem: None,
        }
    }

    fn listed(branches: Vec<BranchSummary>) -> Message {
        Message::Told(Told::Branches { branches, problems: Vec::new() })
    }

    fn opened() -> State {
        let mut state = State::new("runs".to_owned(), None, false);
        state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
        state
    }

    fn view(action: &Action) -> &View {
        let Action::Ask(asks) = action else { panic!("expected a view to be asked for, found {action:?}") };
        let view = asks.iter().find_map(|ask| if let Ask::View(view) = ask { Some(view) } else { None });
        view.expect("a view is asked for")
    }

    #[test]
    fn a_store_without_branches_is_empty_until_one_appears() {
        let mut state = State::new("runs".to_owned(), None, false);
        assert_eq!(state.screen, Screen::Opening);
        assert_eq!(state.update(listed(Vec::new())), Action::None);
        assert_eq!(state.screen, Screen::Empty);
        let action = state.update(listed(vec![branch("main", None, 0, 7)]));
        assert_eq!((&state.screen, view(&action).inputs.cursor), (&Screen::Figures, Step(7)));
    }

    #[test]
    fn an_address_given_at_the_start_is_gone_to() {
        let start: Address = "wider@60".parse().unwrap();
        let mut state = State::new("runs".to_owned(), Some(start), false);
        let action = state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
        assert_eq!(view(&action).inputs.cursor, Step(60));
        assert_eq!(view(&action).inputs.branches[0].as_str(), "wider");
    }

    #[test]
    fn moving_the_cursor_asks_for_every_figure_at_one_step() {
        let mut state = opened();
        let action = state.update(Message::Go(Move::To(Step(42))));
        assert_eq!(view(&action).inputs.cursor, Step(42));
        assert_eq!(state.update(Message::Go(Move::To(Step(42)))), Action::None, "nothing moved");
    }

    #[test]
    fn the_selected_branch_comes_first_and_hidden_ones_are_left_out() {
        let mut state = opened();
        state.update(Message::Select("wider".parse().unwrap()));
        assert_eq!(state.shown().iter().map(BranchName::as_str).collect::<Vec<_>>(), ["wider", "main"]);
        let action = state.update(Message::ShowBranch("main".parse().unwrap(), false));
        assert_eq!(view(&action).inputs.branches.len(), 1);
    }

    #[test]
    fn an_edit_forks_at_the_cursor_once_and_the_new_branch_is_selected_with_undo() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(30))));
        let edit = || Message::Edit("add-filter conv3".to_owned());
        let Action::Ask(asks) = state.update(edit()) else { panic!("nothing was asked for") };
        let main: BranchName = "main".parse().unwrap();
        let expected =
            Intent::Edit { branch: main.clone(), step: Step(30), edit: "add-filter conv3".to_owned(), live: false };
        assert_eq!(asks, [Ask::Intent(expected)]);
        assert_eq!(state.update(edit()), Action::None, "one is under way");

        let child: BranchName = "main~2".parse().unwrap();
        state.update(Message::Told(Told::Done { text: "forked".to_owned(), select: Some((child.clone(), Step(30))) }));
        state.update(listed(vec![branch("main", None, 0, 100), branch("main~2", Some("main"), 30, 30)]));
        assert_eq!((state.selected.as_ref(), state.time.cursor), (Some(&child), Step(30)));
        state.update(Message::Undo);
        assert_eq!(state.selected, Some(main));
    }

    #[test]
    fn what_is_no_address_is_said_and_a_bare_step_is_of_the_selected_branch() {
        let mut state = opened();
        assert_eq!(state.update(Message::GoTo(Some(String::new()))), Action::FocusGoTo);
        state.update(Message::GoTo(Some("77".to_owned())));
        assert_eq!(state.update(Message::GoToNow), Action::Ask(vec![Ask::Resolve("main@77".parse().unwrap())]));
        state.update(Message::GoTo(Some("no such".to_owned())));
        assert_eq!(state.update(Message::GoToNow), Action::None);
        assert!(matches!(&state.notice, Some(Notice::Refused(reason)) if reason.contains("expected NAME@STEP")));
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
    fn playing_stops_at_the_end() {
        let mut state = opened();
        state.update(Message::Go(Move::To(Step(198))));
        state.update(Message::Play(true));
        state.update(Message::Tick);
        assert!(state.playing);
        state.update(Message::Tick);
        assert!(!state.playing);
        assert_eq!(state.update(Message::Tick), Action::None);
    }
}
