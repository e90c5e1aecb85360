//! What every component of the window reads: the store's branches, which of
//! them and which step are looked at, and the figures. The root alone changes
//! it.

use std::collections::BTreeSet;

use revacnn_notebook::{BranchSummary, ChosenImage};
use revacnn_schemas::{Address, Advice, BranchName, Edit, LayerName, Place, Position, Step};

use crate::ViewOptions;
use crate::cells::{Cells, ViewId};
use crate::changes::Changes;
use crate::family;
use crate::figure::Marks;
use crate::sizes::{Panel, Sizes};
use crate::time::{Align, Time};

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

/// What every component reads.
#[derive(Debug)]
pub(crate) struct Context {
    /// The store, as its name is shown.
    pub(crate) store: String,
    /// Where the window works, for the commands that it shows.
    pub(crate) place: Place,
    pub(crate) screen: Screen,
    pub(crate) branches: Vec<BranchSummary>,
    /// Branches that are trained in this window.
    pub(crate) ours: Vec<BranchName>,
    /// Branches whose training was told to wait.
    pub(crate) paused: BTreeSet<BranchName>,
    pub(crate) selected: Option<BranchName>,
    /// The branch that is shown beside the selected one.
    pub(crate) beside: Option<BranchName>,
    pub(crate) hidden: BTreeSet<BranchName>,
    pub(crate) time: Time,
    pub(crate) align: Align,
    pub(crate) cells: Cells,
    /// The filters and the layer that figures mark.
    pub(crate) marks: Marks,
    /// The image that maps are of; the first probe image if `None`.
    pub(crate) chosen_image: Option<ChosenImage>,
    pub(crate) dark: bool,
    pub(crate) reduced_motion: bool,
    /// How many steps more were trained last: so many are offered.
    pub(crate) train_on: u64,
    pub(crate) sizes: Sizes,
    /// The figure that is shown alone, if one is.
    pub(crate) alone: Option<Panel>,
    /// Whether the notebook is shown in place of the figures.
    pub(crate) notebook: bool,
    /// The branches that no line of the notebook trains, as far as that is known.
    pub(crate) unwritten: BTreeSet<BranchName>,
    /// How many pixels a logical one is wide.
    pub(crate) scale: f32,
    /// The change that is under way, and what waits for it.
    pub(crate) changes: Changes,
}

impl Context {
    /// Nothing is known of the store yet.
    pub(crate) fn new(options: &ViewOptions) -> Self {
        Self {
            store: options.store.display().to_string(),
            place: Place { store: options.store.clone(), data: options.data.clone() },
            screen: Screen::Opening,
            branches: Vec::new(),
            ours: Vec::new(),
            paused: BTreeSet::new(),
            selected: None,
            beside: None,
            hidden: BTreeSet::new(),
            time: Time::new(0, 1, Step(0)),
            align: Align::Step,
            cells: Cells::default(),
            marks: Marks::default(),
            chosen_image: None,
            dark: options.dark.unwrap_or_default(),
            reduced_motion: false,
            train_on: 1000,
            sizes: Sizes::default(),
            alone: None,
            notebook: options.notebook.is_some(),
            unwritten: BTreeSet::new(),
            scale: 1.0,
            changes: Changes::default(),
        }
    }

    /// Whether a change is under way: what is pressed then would be of what is
    /// shown no longer.
    pub(crate) fn is_busy(&self) -> bool {
        self.changes.is_running()
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
    pub(crate) fn shown(&self) -> Vec<&BranchSummary> {
        let parent = self.branch().and_then(|branch| branch.parent.as_ref());
        let rank = |branch: &BranchSummary| match &branch.name {
            name if self.selected.as_ref() == Some(name) => 0,
            name if self.beside.as_ref() == Some(name) => 1,
            name if parent == Some(name) => 2,
            _ if branch.training => 3,
            _ => 4,
        };
        let mut shown: Vec<(u8, &BranchSummary)> = self
            .branches
            .iter()
            .map(|branch| (rank(branch), branch))
            .filter(|(rank, branch)| *rank < 2 || !self.hidden.contains(&branch.name))
            .collect();
        shown.sort_by_key(|(rank, _)| *rank);
        shown.into_iter().map(|(_, branch)| branch).collect()
    }

    /// The names of the [shown](Self::shown) branches.
    pub(crate) fn shown_branches(&self) -> Vec<BranchName> {
        self.shown().into_iter().map(|branch| branch.name.clone()).collect()
    }

    /// Branches whose filters are shown together, and how many there would be
    /// with all that are shown.
    pub(crate) fn together(&self) -> (Vec<&BranchSummary>, usize) {
        let shown = self.shown();
        let most = if self.beside.is_some() { 2 } else { MOST_TOGETHER };
        let of = if self.beside.is_some() { 2 } else { shown.len() };
        (shown.into_iter().take(most).collect(), of)
    }

    /// Makes the timeline as long as the longest of the shown branches; returns
    /// whether it was not.
    pub(crate) fn fit_time(&mut self) -> bool {
        let ends = self.shown().into_iter().map(|branch| self.end_of(branch));
        let (before, last) = (self.time, ends.max().unwrap_or(0));
        self.time.grow(0, last);
        self.time != before
    }

    /// The shown branches that figures of several can show: one whose steps
    /// cannot be read would keep the others from being seen.
    pub(crate) fn readable(&self) -> Vec<BranchName> {
        let is = |branch: &BranchSummary| branch.problem.is_none() && branch.steps.is_some();
        let shown = self.shown().into_iter();
        let readable = shown.filter(|branch| self.selected.as_ref() == Some(&branch.name) || is(branch));
        readable.map(|branch| branch.name.clone()).collect()
    }

    /// How far a branch is moved along the timeline, in steps.
    pub(crate) fn shift(&self, branch: &BranchSummary) -> i64 {
        match (self.align, self.branch()) {
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
    pub(crate) fn command(&self, edit: &Edit) -> Option<String> {
        let (at, edit) = (self.at()?, edit.in_full());
        let advice = if self.is_live() {
            Advice::Steer { branch: at.branch, edit }
        } else {
            Advice::Fork { at, edits: vec![edit], more: None }
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

    /// Selects a branch. An image of a data set is none of another one.
    pub(crate) fn select(&mut self, name: BranchName) {
        let data = |name: Option<&BranchName>| name.and_then(|name| self.branch_named(name)).map(|branch| branch.data);
        let (before, now) = (data(self.selected.as_ref()), data(Some(&name)));
        if before.is_some() && before != now && self.chosen_image.as_ref().is_some_and(|image| image.own().is_none()) {
            self.chosen_image = None;
        }
        self.selected = Some(name);
    }

    /// The image that maps are of: the chosen one, else what the network shows.
    pub(crate) fn image(&self) -> Option<ChosenImage> {
        let shown = || match self.cells.network(ViewId::NETWORK) {
            Some(Ok(diagram)) => diagram.input.as_ref().and_then(|(image, _)| *image).map(ChosenImage::Training),
            _ => None,
        };
        self.chosen_image.clone().or_else(shown)
    }

    /// The layers of the network that is shown, the one of the classes last.
    pub(crate) fn layers(&self) -> Vec<LayerName> {
        match self.cells.network(ViewId::NETWORK) {
            Some(Ok(diagram)) => {
                let columns = diagram.columns.iter().map(|column| &column.layer);
                columns.chain(&diagram.class_layer).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// All layers of the network that is shown, but for the class layer, in order.
    pub(crate) fn layers_in_order(&self) -> Vec<LayerName> {
        match self.cells.network(ViewId::NETWORK) {
            Some(Ok(diagram)) => diagram.layers_in_order(),
            _ => Vec::new(),
        }
    }

    /// The step of the branch that the cursor is at.
    pub(crate) fn step(&self) -> Step {
        self.branch().map_or(self.time.cursor, |branch| self.step_of(branch))
    }

    /// The branch that many lines below the selected one in the tree.
    pub(crate) fn branch_below(&self, lines: isize) -> Option<BranchName> {
        let order: Vec<&BranchName> =
            family::order(&self.branches).into_iter().map(|(_, branch)| &branch.name).collect();
        let here = order.iter().position(|name| Some(*name) == self.selected.as_ref()).unwrap_or(0);
        let there = here.saturating_add_signed(lines).min(order.len().saturating_sub(1));
        order.get(there).map(|name| (*name).clone())
    }

    /// The branch that is shown beside the selected one after the one that is
    /// now: first its parent, then the others, then none.
    pub(crate) fn next_beside(&self) -> Option<BranchName> {
        let parent = self.branch().and_then(|branch| branch.parent.clone());
        let others = self.branches.iter().map(|branch| branch.name.clone());
        let others = others.filter(|name| Some(name) != self.selected.as_ref() && Some(name) != parent.as_ref());
        let order: Vec<BranchName> = parent.clone().into_iter().chain(others).collect();
        match &self.beside {
            None => order.first(),
            Some(now) => order.iter().position(|name| name == now).and_then(|place| order.get(place + 1)),
        }
        .cloned()
    }
}

/// Whether a branch has no step yet, as when its training has just begun.
fn is_unborn(branch: &BranchSummary) -> bool {
    branch.steps.is_none() && branch.problem.is_none()
}
