//! The window's state: what is open, chosen and shown. [`update`](crate::update)
//! changes it, `view` draws it; nothing here reads the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::canvas::geometry_cache::Cache;
use revacnn_notebook::{BranchSummary, Cell, Matching, Method, Show, Source, XAxis};
use revacnn_schemas::{Address, Advice, BranchName, FilterNumber, ImageIndex, LayerName, Place, Position, Scale, Step};

use crate::ViewOptions;
use crate::cells::{FigureRequest, Figures, Slot};
use crate::changes::Changes;
use crate::message::{Align, FilterKey, Goal, Hyper, Notice};
use crate::prompt::Prompt;
use crate::run_form::RunForm;
use crate::time::Time;

/// Branches of which filters are shown together; curves are shown of all.
const MOST_TOGETHER: usize = 6;

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

/// How figures are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) nodes: Show,
    pub(crate) scale: Scale,
    pub(crate) x: XAxis,
    pub(crate) align: Align,
    pub(crate) of: Source,
    pub(crate) method: Method,
    /// The number of the chosen filter that is shown over time.
    pub(crate) history: &'static str,
    /// The image that maps are of; the first probe image if `None`.
    pub(crate) image: Option<ImageIndex>,
    pub(crate) dark: bool,
    /// Reduced motion.
    pub(crate) still: bool,
}

/// Playing along the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Playing {
    pub(crate) on: bool,
    /// How many times faster than the whole history in a minute.
    pub(crate) speed: f64,
    /// When the cursor was last moved.
    pub(crate) moved: Option<Instant>,
}

/// The window.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: String,
    /// Where the window works, for the commands that it shows.
    pub(crate) place: Place,
    pub(crate) screen: Screen,
    pub(crate) branches: Vec<BranchSummary>,
    pub(crate) problems: Vec<String>,
    /// Steps a second of branches that grow.
    pub(crate) rates: Vec<(BranchName, f64)>,
    /// Branches that are trained in this window.
    pub(crate) ours: Vec<BranchName>,
    /// Branches whose training was told to wait.
    pub(crate) paused: BTreeSet<BranchName>,
    pub(crate) selected: Option<BranchName>,
    /// The branch that is shown beside the selected one.
    pub(crate) beside: Option<BranchName>,
    pub(crate) hidden: BTreeSet<BranchName>,
    /// The lane of the timeline that is drawn first.
    pub(crate) lanes_from: usize,
    pub(crate) time: Time,
    pub(crate) playing: Playing,
    pub(crate) settings: Settings,
    pub(crate) figures: Figures,
    pub(crate) layer: Option<LayerName>,
    pub(crate) hovered: Option<FilterKey>,
    pub(crate) picked: Option<FilterKey>,
    /// Hyper-parameters that were typed and not yet applied.
    pub(crate) typed: BTreeMap<Hyper, String>,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) form: Option<RunForm>,
    pub(crate) help: bool,
    pub(crate) menu: Option<Slot>,
    pub(crate) preview: Option<String>,
    pub(crate) notice: Option<Notice>,
    /// The change that is under way, and what waits for it.
    pub(crate) changes: Changes,
    pub(crate) generation: u64,
    /// Where to go once the branch is known and has steps.
    pub(crate) start: Option<(BranchName, Goal)>,
    /// What to show beside once it is known.
    pub(crate) start_beside: Option<BranchName>,
    /// What to choose once the network is shown.
    pub(crate) start_filter: Option<(LayerName, FilterNumber)>,
    pub(crate) caches: Caches,
}

/// One cache a rate of change.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    /// Curves: they change when the log grows.
    pub(crate) curves: Cache,
    /// Timeline of the timeline: as the curves, and when it is zoomed.
    pub(crate) lanes: Cache,
    /// The curve of a filter.
    pub(crate) history: Cache,
    /// Filters of a layer.
    pub(crate) filters: Cache,
}

impl Caches {
    /// Draws everything again.
    pub(crate) fn clear(&self) {
        [&self.curves, &self.lanes, &self.history, &self.filters].into_iter().for_each(Cache::clear);
    }
}

impl State {
    /// A window whose store is still being opened.
    pub(crate) fn new(options: &ViewOptions) -> Self {
        let store = options.store.display().to_string();
        let settings = Settings {
            nodes: Show::Maps,
            scale: Scale::Linear,
            x: XAxis::Step,
            align: Align::Step,
            of: Source::Weights,
            method: Method::Tsne,
            history: "mean_abs_gradient",
            image: None,
            dark: options.dark,
            still: false,
        };
        Self {
            store,
            place: Place { store: options.store.clone(), data: options.data.clone() },
            screen: Screen::Opening,
            branches: Vec::new(),
            problems: Vec::new(),
            rates: Vec::new(),
            ours: Vec::new(),
            paused: BTreeSet::new(),
            selected: None,
            beside: None,
            hidden: BTreeSet::new(),
            lanes_from: 0,
            time: Time::new(0, 1, Step(0)),
            playing: Playing { on: false, speed: 1.0, moved: None },
            settings,
            figures: Figures::default(),
            layer: None,
            hovered: None,
            picked: None,
            typed: BTreeMap::new(),
            prompt: None,
            form: None,
            help: false,
            menu: None,
            preview: None,
            notice: None,
            changes: Changes::default(),
            generation: 0,
            start: options.address.clone().map(|address| (address.branch, Goal::At(address.position))),
            start_beside: options.beside.clone(),
            start_filter: options.filter.clone(),
            caches: Caches::default(),
        }
    }

    /// A branch by its name.
    pub(crate) fn branch_named(&self, name: &BranchName) -> Option<&BranchSummary> {
        self.branches.iter().find(|branch| branch.name == *name)
    }

    /// The selected branch.
    pub(crate) fn branch(&self) -> Option<&BranchSummary> {
        self.selected.as_ref().and_then(|name| self.branch_named(name))
    }

    /// The shown branches: the selected one first, then the one beside it, its
    /// parent, those that are trained now, and the others as they were made.
    pub(crate) fn shown(&self) -> Vec<BranchName> {
        let parent = self.branch().and_then(|branch| branch.parent.as_ref());
        let rank = |branch: &BranchSummary| match &branch.name {
            name if self.selected.as_ref() == Some(name) => 0,
            name if self.beside.as_ref() == Some(name) => 1,
            name if parent == Some(name) => 2,
            _ if branch.training => 3,
            _ => 4,
        };
        let mut shown: Vec<(u8, &BranchName)> = self
            .branches
            .iter()
            .map(|branch| (rank(branch), &branch.name))
            .filter(|(rank, name)| *rank < 2 || !self.hidden.contains(*name))
            .collect();
        shown.sort_by_key(|(rank, _)| *rank);
        shown.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Branches whose filters are shown together, and how many there would be
    /// with all that are shown.
    pub(crate) fn together(&self) -> (Vec<&BranchSummary>, usize) {
        let shown = self.shown();
        let most = if self.beside.is_some() { 2 } else { MOST_TOGETHER };
        let of = if self.beside.is_some() { 2 } else { shown.len() };
        (shown.iter().filter_map(|name| self.branch_named(name)).take(most).collect(), of)
    }

    /// Makes the timeline as long as the longest of the shown branches; returns
    /// whether it was not.
    pub(crate) fn fit_time(&mut self) -> bool {
        let shown = self.shown();
        let ends = shown.iter().filter_map(|name| self.branch_named(name)).map(|branch| self.end_of(branch));
        let (before, last) = (self.time, ends.max().unwrap_or(0));
        self.time.grow(0, last);
        self.time != before
    }

    /// The shown branches that figures of several can show: one whose steps
    /// cannot be read would keep the others from being seen.
    fn readable(&self) -> Vec<BranchName> {
        let is = |branch: &BranchSummary| branch.problem.is_none() && branch.steps.is_some();
        let looked_at = |name: &BranchName| self.selected.as_ref() == Some(name);
        let mut shown = self.shown();
        shown.retain(|name| looked_at(name) || self.branch_named(name).is_none_or(is));
        shown
    }

    /// How far a branch is moved along the timeline, in steps.
    pub(crate) fn shift(&self, branch: &BranchSummary) -> i64 {
        match (self.settings.align, self.branch()) {
            (Align::Fork, Some(selected)) => selected.fork_step.0 as i64 - branch.fork_step.0 as i64,
            _ => 0,
        }
    }

    /// Where a branch ends on the timeline.
    pub(crate) fn end_of(&self, branch: &BranchSummary) -> u64 {
        let last = branch.steps.map_or(branch.fork_step, |steps| steps.last);
        last.0.saturating_add_signed(self.shift(branch))
    }

    /// The step of a branch that the cursor is at: its nearest, where it has
    /// no such step.
    pub(crate) fn step_of(&self, branch: &BranchSummary) -> Step {
        let last = branch.steps.map_or(branch.fork_step, |steps| steps.last);
        Step(self.time.cursor.0.saturating_add_signed(-self.shift(branch)).min(last.0))
    }

    /// The selected branch at the cursor; `None` while it has no step yet.
    pub(crate) fn at(&self) -> Option<Address> {
        self.branch().filter(|branch| !is_unborn(branch)).map(|branch| self.address_of(branch))
    }

    /// Whether the selected branch is there and its first step is not.
    pub(crate) fn waits_for_steps(&self) -> bool {
        self.branch().is_some_and(is_unborn)
    }

    /// The command line that does what a press on an edit does.
    pub(crate) fn command(&self, edit: &str) -> Option<String> {
        let at = self.at()?;
        let advice = if self.is_live() {
            Advice::Steer { branch: at.branch, edit: edit.to_owned() }
        } else {
            Advice::Fork { at, edits: vec![edit.to_owned()], more: None }
        };
        Some(advice.command(&self.place))
    }

    /// A branch at the cursor.
    pub(crate) fn address_of(&self, branch: &BranchSummary) -> Address {
        Address { branch: branch.name.clone(), position: Position::Step(self.step_of(branch)) }
    }

    /// The branch beside, at the cursor.
    pub(crate) fn at_beside(&self) -> Option<Address> {
        let branch = self.beside.as_ref().and_then(|name| self.branch_named(name));
        branch.filter(|branch| !is_unborn(branch)).map(|branch| self.address_of(branch))
    }

    /// Whether a process trains the selected branch and the cursor is at its
    /// last step: an edit is then that process's to make.
    pub(crate) fn is_live(&self) -> bool {
        let at_end = |branch: &BranchSummary| branch.steps.is_some_and(|steps| self.step_of(branch) >= steps.last);
        self.branch().is_some_and(|branch| branch.training && at_end(branch))
    }

    /// The image that maps are of: the chosen one, else what the network shows.
    pub(crate) fn image(&self) -> Option<ImageIndex> {
        let Some(Ok(diagram)) = self.figures.network(Slot::Network) else { return self.settings.image };
        self.settings.image.or(diagram.input.as_ref().map(|(image, _)| *image))
    }

    /// The layers of the network that is shown.
    pub(crate) fn layers(&self) -> Vec<LayerName> {
        match self.figures.network(Slot::Network) {
            Some(Ok(diagram)) => diagram.columns.iter().map(|column| column.layer.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// The filter whose numbers are told: the one pointed at, else the chosen
    /// one.
    pub(crate) fn told_filter(&self) -> Option<&FilterKey> {
        self.hovered.as_ref().or(self.picked.as_ref())
    }

    /// Whether a filter is pointed at or chosen.
    pub(crate) fn is_marked(&self, key: &FilterKey) -> bool {
        self.hovered.as_ref() == Some(key) || self.picked.as_ref() == Some(key)
    }

    /// Everything that the window wants to show.
    pub(crate) fn wanted(&self) -> FigureRequest {
        let branches = self.readable();
        let Some(at) = self.at() else {
            return FigureRequest { generation: self.generation, ..FigureRequest::default() };
        };
        let together: Vec<Address> = self.together().0.into_iter().map(|branch| self.address_of(branch)).collect();
        let show = self.settings.nodes;
        let mut cells = vec![(Slot::Network, Cell::Network { at: Some(at.clone()), show })];
        if let Some(other) = self.at_beside() {
            cells.push((Slot::OtherNetwork, Cell::Network { at: Some(other.clone()), show }));
            cells
                .push((Slot::Differences, Cell::Compare { at: vec![at.clone(), other], matching: Matching::Identity }));
        }
        if let Some((layer, filter)) = &self.picked {
            let of = |at| Cell::Filter {
                at: Some(at),
                layer: layer.clone(),
                filter: filter.number,
                born: filter.born.clone(),
            };
            cells.push((Slot::Filter, of(at.clone())));
            cells.extend(self.at_beside().map(|other| (Slot::OtherFilter, of(other))));
        }
        cells.push((Slot::Loss, Cell::Loss { x: self.settings.x, scale: self.settings.scale }));
        if self.settings.x != XAxis::Step {
            cells.push((Slot::Timeline, Cell::Loss { x: XAxis::Step, scale: Scale::Linear }));
        }
        if let Some((layer, filter)) = &self.picked {
            cells.push((
                Slot::History,
                Cell::Chart {
                    quantity: self.settings.history.to_owned(),
                    layer: Some(layer.clone()),
                    filter: Some(filter.number),
                    x: XAxis::Step,
                    scale: Scale::Linear,
                },
            ));
        }
        if let Some(layer) = self.layer.clone() {
            let (of, method) = (self.settings.of, self.settings.method);
            cells.push((
                Slot::Embedding,
                Cell::Embedding { at: together.clone(), layer: layer.clone(), of, method, perplexity: None, seed: 0 },
            ));
            cells.push((Slot::Filters, Cell::Filters { at: together, layer, of }));
        }
        FigureRequest {
            generation: self.generation,
            step: self.time.cursor,
            at: Some(at),
            branches,
            image: self.settings.image,
            cells,
            glides: !self.settings.still,
        }
    }
}

/// Whether a branch has no step yet, as when its training has just begun.
fn is_unborn(branch: &BranchSummary) -> bool {
    branch.steps.is_none() && branch.problem.is_none()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::message::{Listed, Message, StoreEvent};
    use revacnn_recorder::StepSpan;
    use revacnn_schemas::{BranchId, Hue};

    /// The id of a branch that was first called so.
    pub(crate) fn id(name: &str) -> BranchId {
        let number = name.bytes().fold(7_u64, |number, byte| number * 31 + u64::from(byte));
        format!("b{:015x}", number % (1 << 60)).parse().unwrap()
    }

    /// A branch as the store would list it.
    pub(crate) fn branch(name: &str, parent: Option<&str>, fork_step: u64, last: u64) -> BranchSummary {
        BranchSummary {
            name: name.parse().unwrap(),
            id: id(name),
            parent: parent.map(|parent| parent.parse().unwrap()),
            fork_step: Step(fork_step),
            edits: Vec::new(),
            steps: Some(StepSpan::new(Step(fork_step), Step(last))),
            last_loss: Some(0.5),
            last_validation: None,
            bytes: 1_000_000,
            hue: Hue(name.len() as u16 % 7),
            events: Vec::new(),
            training: false,
            problem: None,
        }
    }

    /// What a worker tells of these branches.
    pub(crate) fn listed(branches: Vec<BranchSummary>) -> Message {
        Message::Store(StoreEvent::Listed(Listed { branches, ..Listed::default() }))
    }

    /// Nothing but a store.
    pub(crate) fn options() -> ViewOptions {
        ViewOptions {
            store: "runs".into(),
            data: None,
            address: None,
            beside: None,
            filter: None,
            size: [1440, 900],
            dark: false,
        }
    }

    /// A window on `main`, 100 steps, and `wider`, forked at 50 and 200 long.
    pub(crate) fn opened() -> State {
        let mut state = State::new(&options());
        state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 200)]));
        state
    }

    #[test]
    fn the_selected_branch_comes_first_and_hidden_ones_are_left_out() {
        let mut state = opened();
        let names = |state: &State| state.shown().iter().map(ToString::to_string).collect::<Vec<_>>();
        state.update(Message::Select("wider".parse().unwrap()));
        assert_eq!(names(&state), ["wider", "main"]);
        state.update(Message::ShowBranch("main".parse().unwrap(), false));
        assert_eq!(names(&state), ["wider"]);
    }

    #[test]
    fn the_selected_its_parent_and_live_branches_come_first_of_many() {
        let mut state = opened();
        let mut all: Vec<BranchSummary> = (0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect();
        all[30].parent = Some("b20".parse().unwrap());
        all[25].training = true;
        state.update(listed(all));
        state.update(Message::Select("b30".parse().unwrap()));
        let first = |state: &State| state.shown()[..4].iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(first(&state), ["b30", "b20", "b25", "b0"]);
        let (together, of) = state.together();
        assert_eq!((together.len(), of, together[2].name.as_str()), (6, 31, "b25"));
        // Who is shown beside comes before the parent; who hid the parent does not see it.
        state.update(Message::ShowBranch("b20".parse().unwrap(), false));
        state.update(Message::Beside(Some("b3".parse().unwrap())));
        assert_eq!(first(&state), ["b30", "b3", "b25", "b0"]);
        assert_eq!((state.together().0.len(), state.together().1), (2, 2));
    }

    #[test]
    fn lanes_scroll_to_the_last_branch_and_begin_anew_where_another_is_selected() {
        let mut state = opened();
        state.update(listed((0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect()));
        for (by, from) in [(1, 1), (3, 4), (-2, 2), (99, 25), (-1, 24), (-99, 0), (7, 7)] {
            state.update(Message::ScrollLanes(by));
            assert_eq!(state.lanes_from, from, "{by}");
        }
        state.update(Message::Select("b13".parse().unwrap()));
        assert_eq!(state.lanes_from, 0, "it has come first");
    }

    #[test]
    fn the_timeline_is_as_long_as_what_is_shown() {
        let mut state = opened();
        let long = || "wider".parse::<BranchName>().unwrap();
        assert_eq!(state.time.all, [0, 200]);
        state.update(Message::Go(crate::time::Move::Last));
        state.update(Message::ShowBranch(long(), false));
        assert_eq!((state.time.all, state.time.cursor, state.time.step_at(1.0)), ([0, 100], Step(100), Step(100)));
        // It stays hidden while the log is looked at again.
        state.update(listed(vec![branch("main", None, 0, 100), branch("wider", Some("main"), 50, 60_000)]));
        assert_eq!(state.time.all, [0, 100]);
        state.update(Message::ShowBranch(long(), true));
        assert_eq!((state.time.all, state.time.cursor), ([0, 60_000], Step(100)));
        // What is shown beside is shown, whatever was hidden.
        state.update(Message::ShowBranch(long(), false));
        state.update(Message::Beside(Some(long())));
        assert_eq!(state.time.all, [0, 60_000]);
        // And a hidden branch that is gone to is there as far as it goes.
        state.update(Message::Beside(None));
        state.update(Message::ShowBranch(long(), false));
        state.update(Message::Store(StoreEvent::Resolved { branch: long(), step: Step(59_000) }));
        assert_eq!((state.time.all, state.time.cursor), ([0, 60_000], Step(59_000)));
    }

    #[test]
    fn a_branch_that_ends_before_the_cursor_is_shown_at_its_last_step() {
        let mut state = opened();
        state.update(Message::Go(crate::time::Move::To(Step(150))));
        assert_eq!(state.at().unwrap().to_string(), "main@100");
        state.update(Message::Beside(Some("wider".parse().unwrap())));
        assert_eq!(state.at_beside().unwrap().to_string(), "wider@150");
    }

    #[test]
    fn the_timeline_has_curves_by_step_whatever_the_axis_of_the_chart() {
        let mut state = opened();
        let lanes = |state: &State| state.wanted().cells.iter().any(|(slot, _)| *slot == Slot::Timeline);
        assert!(!lanes(&state), "the chart's own serve");
        state.update(Message::X(XAxis::Images));
        assert!(lanes(&state));
    }

    #[test]
    fn aligned_by_their_forks_branches_are_shown_equally_far_from_them() {
        let mut state = opened();
        state.update(Message::Select("wider".parse().unwrap()));
        state.update(Message::Beside(Some("main".parse().unwrap())));
        state.update(Message::Go(crate::time::Move::To(Step(60))));
        assert_eq!(state.at_beside().unwrap().to_string(), "main@60");
        state.update(Message::Align(Align::Fork));
        assert_eq!(state.at().unwrap().to_string(), "wider@60");
        assert_eq!(state.at_beside().unwrap().to_string(), "main@10");
    }

    #[test]
    fn what_is_open_decides_which_cells_are_wanted() {
        let mut state = opened();
        let slots = |state: &State| state.wanted().cells.iter().map(|(slot, _)| *slot).collect::<Vec<_>>();
        assert_eq!(slots(&state), [Slot::Network, Slot::Loss]);
        state.update(Message::Layer("conv1".parse().unwrap()));
        assert_eq!(slots(&state), [Slot::Network, Slot::Loss, Slot::Embedding, Slot::Filters]);
        state.update(Message::Beside(Some("wider".parse().unwrap())));
        let both = [Slot::Network, Slot::OtherNetwork, Slot::Differences, Slot::Loss, Slot::Embedding, Slot::Filters];
        assert_eq!(slots(&state), both);
    }
}
