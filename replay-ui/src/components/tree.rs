//! The branches as a tree.

use std::collections::BTreeSet;
use std::ops::Range;

use iced::widget::{Space, checkbox, column, container, mouse_area, row, scrollable, text};
use iced::{Alignment, Fill, Padding};
use revacnn_notebook::BranchSummary;
use revacnn_schemas::{BranchName, Hue};

use super::pieces::{Piece, alarm, faint, field, filled, ground, hinted_above, hinted_beside, plain, press, quiet};
use crate::canvas::labels::count;
use crate::canvas::text::{fitted, width};
use crate::context::Context;
use crate::family::{family, order};
use crate::focus::Stop;
use crate::theme::{Colours, SWATCH};

/// The name of the field that filters the tree.
pub(crate) const FILTER: &str = "branches-filter";

/// Which branches are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The selected one alone.
    This,
    /// The selected one, what it descends from, and what descends from it.
    Family,
    /// All that are listed, besides what is shown.
    All,
    /// None of those that are listed, but for the selected one.
    None,
}

/// What is typed, and what is wrong with branches that cannot be listed.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) problems: Vec<String>,
    /// A part of the names of the branches that are listed.
    pub(crate) filter: String,
    /// Where the list is scrolled to, and how much of it is in sight.
    sight: Option<Sight>,
}

/// A part of a list's height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sight {
    top: f32,
    height: f32,
}

/// What happens in the tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Select a branch.
    Select(BranchName),
    /// Show a branch, or hide it.
    Show(BranchName, bool),
    /// Show a branch beside the selected one, or none.
    Beside(Option<BranchName>),
    /// Show these branches and hide the others.
    Which(Which),
    /// Begin to type what is listed.
    Find,
    /// List the branches that have this in their names.
    Filter(String),
    /// The list is scrolled.
    Scrolled(Sight),
    /// Open the form of a new run.
    NewRun,
    /// The workers have told what is wrong with branches.
    Problems(Vec<String>),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    Select(BranchName),
    Show(BranchName, bool),
    Beside(Option<BranchName>),
    /// Put the text cursor into the field of what is listed.
    Find,
    /// Hide exactly these.
    Hide(BTreeSet<BranchName>),
    NewRun,
}

impl State {
    /// The branches that are listed, in the order of the tree.
    fn listed<'a>(&self, context: &'a Context) -> Vec<(usize, &'a BranchSummary)> {
        let wanted = self.filter.trim().to_lowercase();
        let is_listed =
            |branch: &BranchSummary| wanted.is_empty() || branch.name.as_str().to_lowercase().contains(&wanted);
        order(&context.branches).into_iter().filter(|(_, branch)| is_listed(branch)).collect()
    }

    /// The branches that are hidden where these are shown.
    fn hidden(&self, which: Which, context: &Context) -> BTreeSet<BranchName> {
        let selected = context.selected.as_ref();
        let listed = || self.listed(context).into_iter().map(|(_, branch)| branch.name.clone());
        let all = || context.branches.iter().map(|branch| branch.name.clone());
        let mut hidden: BTreeSet<BranchName> = match which {
            Which::This => all().collect(),
            Which::Family => {
                let family = selected.map(|name| family(&context.branches, name)).unwrap_or_default();
                all().filter(|name| !family.contains(name)).collect()
            }
            Which::All => {
                let listed: BTreeSet<BranchName> = listed().collect();
                context.hidden.difference(&listed).cloned().collect()
            }
            Which::None => context.hidden.iter().cloned().chain(listed()).collect(),
        };
        let looked_at = |name: &BranchName| Some(name) == selected || Some(name) == context.beside.as_ref();
        let known: BTreeSet<&BranchName> = context.branches.iter().map(|branch| &branch.name).collect();
        hidden.retain(|name| known.contains(name) && !looked_at(name));
        hidden
    }

    /// What comes after what is shown now: all, the family, the selected one.
    pub(crate) fn next(&self, context: &Context) -> Which {
        if context.hidden.is_empty() {
            return Which::Family;
        }
        let is_family = context.hidden == self.hidden(Which::Family, context);
        if is_family && context.hidden != self.hidden(Which::This, context) { Which::This } else { Which::All }
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Select(name) => Action::Select(name),
            Message::Show(name, shows) => Action::Show(name, shows),
            Message::Beside(name) => Action::Beside(name),
            Message::Which(which) => Action::Hide(self.hidden(which, context)),
            Message::Find => Action::Find,
            Message::Filter(text) => {
                self.filter = text;
                Action::None
            }
            Message::Scrolled(sight) => {
                self.sight = Some(sight);
                Action::None
            }
            Message::NewRun => Action::NewRun,
            Message::Problems(problems) => {
                self.problems = problems;
                Action::None
            }
        }
    }

    /// The tree, so wide.
    pub(crate) fn view<'a>(&'a self, context: &'a Context, wide: f32) -> Piece<'a, Message> {
        let listed = self.listed(context);
        let none = listed.is_empty().then(|| faint("no branch has this in its name").into());
        let heights: Vec<f32> = listed.iter().map(|(_, branch)| height(context, branch)).collect();
        let Drawn { lines, above, below } = match listed.len() {
            few if few <= FEW => Drawn { lines: 0..few, above: 0.0, below: 0.0 },
            _ => Drawn::of(&heights, self.sight.unwrap_or(Sight { top: 0.0, height: TALL })),
        };
        let are_few = listed.len() <= FEW;
        let room = |height: f32| (height > 0.0).then(|| Space::new().height(height).into());
        let drawn = lines.map(|place| {
            let (depth, branch) = listed[place];
            let line = line(context, depth, branch, wide, are_few);
            if are_few { line } else { container(line).height(heights[place]).clip(true).into() }
        });
        let lines: Vec<Piece<'a, Message>> =
            room(above).into_iter().chain(drawn).chain(room(below)).chain(none).collect();
        let problems = self.problems.iter().map(|problem| container(alarm(problem.as_str())).padding([4, 12]).into());
        let list = column(lines).extend(problems).spacing(2);
        let new = filled("+ new run", (!context.is_busy()).then_some(Message::NewRun));
        let filter = field("filter branches (Ctrl+F)", &self.filter, wide - 16.0).id(FILTER).on_input(Message::Filter);
        let shows = |words, which, hint| hinted_above(press(words, Some(Message::Which(which))), hint);
        let shown = row![
            shows("this", Which::This, "show the selected branch alone"),
            shows("family", Which::Family, "show what it descends from, and what descends from it"),
            shows("all", Which::All, "show all that are listed here"),
            shows("none", Which::None, "hide all that are listed here, but for the selected one"),
        ];
        let page = column![
            container(column![filter, shown.spacing(4).wrap()].spacing(6)).padding(8),
            // The bar beside the check boxes, and not over them.
            scrollable(list).spacing(BAR).height(Fill).on_scroll(|seen| {
                Message::Scrolled(Sight { top: seen.absolute_offset().y, height: seen.bounds().height })
            }),
            container(new).padding(8),
        ];
        container(page).width(wide).height(Fill).style(|theme| ground(Colours::of(theme).panel)).into()
    }
}

/// How far a branch lies to the right of its parent.
const INDENT: f32 = 12.0;
/// How far the scroll bar is from the branches.
const BAR: f32 = 2.0;
/// What of the width is no room for words: the edges (8, 16 and 8), the check box (12, and
/// 2 before it), and the scroll bar (10 and [`BAR`]).
const BESIDE_WORDS: f32 = 59.0;
/// Heights of lines, in whole pixels: the ground of the chosen branch then ends
/// between two of them, and iced's software renderer draws all of it again.
const NAME_LINE: f32 = 18.0;
const DETAIL_LINE: f32 = 17.0;

/// A piece of a branch's line, as its curves are drawn.
fn swatch<'a>(hue: Hue) -> Piece<'a, Message> {
    let mut line = row![];
    let mut end = 0.0;
    for [from, to] in Colours::strokes(hue) {
        let stroke = container(Space::new().width(to - from).height(4.0));
        line = line.push(Space::new().width(from - end));
        line = line.push(stroke.style(move |theme| ground(Colours::of(theme).branch(hue))));
        end = to;
    }
    line.width(SWATCH).into()
}

/// So many branches are all drawn; of more, those in sight.
const FEW: usize = 200;
/// How much of a list is drawn before its height is known, and beyond what is in
/// sight.
const TALL: f32 = 2400.0;
const BEYOND: f32 = 400.0;
/// What a line has above and below its words.
const EDGE: f32 = 4.0;
/// What lies between two lines.
const BETWEEN: f32 = 2.0;

/// Which lines of a long list are drawn, and the room of the others.
#[derive(Debug, PartialEq)]
struct Drawn {
    lines: Range<usize>,
    above: f32,
    below: f32,
}

impl Drawn {
    /// The lines, of these heights, that are in sight or close to it.
    fn of(heights: &[f32], sight: Sight) -> Self {
        let (from, to) = (sight.top - BEYOND, sight.top + sight.height + BEYOND);
        // Where each line begins, and where the last one ends.
        let mut begins = Vec::with_capacity(heights.len() + 1);
        let mut end = 0.0;
        for height in heights {
            begins.push(end);
            end += height + BETWEEN;
        }
        begins.push(end);
        let last = heights.len().saturating_sub(1);
        let first = begins[1..].partition_point(|&ends| ends < from).min(last);
        let after = begins[..heights.len()].partition_point(|&begins| begins < to).max(first + 1).min(heights.len());
        // The list has its own distance after each piece.
        let room = |height: f32| (height - BETWEEN).max(0.0);
        Self { lines: first..after, above: room(begins[first]), below: room(end - begins[after]) }
    }
}

/// How high the line of a branch is among very many.
fn height(context: &Context, branch: &BranchSummary) -> f32 {
    let small = [
        branch.problem.is_some() || !branch.edits.is_empty(),
        context.unwritten.contains(&branch.name),
        context.beside.as_ref() == Some(&branch.name),
    ];
    NAME_LINE + small.into_iter().filter(|has| *has).count() as f32 * (DETAIL_LINE + BETWEEN) + 2.0 * EDGE
}

fn line<'a>(
    context: &'a Context,
    depth: usize,
    branch: &'a BranchSummary,
    wide: f32,
    in_full: bool,
) -> Piece<'a, Message> {
    let chosen = context.selected.as_ref() == Some(&branch.name);
    let beside = context.beside.as_ref() == Some(&branch.name);
    let hue = branch.hue;
    let mark = swatch(hue);
    let last = branch.steps.map_or_else(|| "–".to_owned(), |steps| count(steps.last.0));
    let room = wide - BESIDE_WORDS - INDENT * depth.min(5) as f32;
    let dot = if branch.training { width("●") + 6.0 } else { 0.0 };
    let name = fitted(branch.name.as_str(), room - SWATCH - 12.0 - width(&last) - dot);
    let is_cut = name != branch.name.as_str();
    let name = plain(name).width(Fill).wrapping(text::Wrapping::None);
    let live =
        branch.training.then(|| plain("●").style(|theme| text::Style { color: Some(Colours::of(theme).accent) }));
    let name = row![mark, name].push(live).push(faint(last)).spacing(6).align_y(Alignment::Center).height(NAME_LINE);
    let details: Option<Piece<'a, Message>> = match (&branch.problem, branch.edits.is_empty()) {
        (Some(problem), _) if in_full => Some(alarm(problem.as_str()).into()),
        (Some(problem), _) => {
            let first = fitted(problem.lines().next().unwrap_or_default(), room);
            let short = alarm(first).height(DETAIL_LINE).wrapping(text::Wrapping::None);
            Some(hinted_beside(short.into(), problem.as_str()))
        }
        (None, false) => {
            let edits = format!("{} · {}", count(branch.fork_step.0), branch.edits.join("; "));
            let edits = fitted(&edits, room);
            Some(faint(edits).height(DETAIL_LINE).wrapping(text::Wrapping::None).into())
        }
        (None, true) => None,
    };
    let unwritten = context.unwritten.contains(&branch.name);
    let unwritten = unwritten.then(|| faint("in no notebook").height(DETAIL_LINE));
    let words = column![name]
        .push(details)
        .push(unwritten)
        .push(beside.then(|| faint("shown beside").height(DETAIL_LINE)))
        .spacing(2);
    let shown = !context.hidden.contains(&branch.name);
    let of = branch.name.clone();
    let eye = checkbox(shown || chosen)
        .on_toggle_maybe((!chosen && !beside).then_some(move |show| Message::Show(of.clone(), show)))
        .size(12);
    let eye = Stop::of(eye).enabled(!chosen && !beside).filled(shown);
    let pick = quiet(words.width(Fill), chosen, Some(Message::Select(branch.name.clone())));
    let other = (!beside).then(|| branch.name.clone());
    let pick = mouse_area(pick).on_right_press(Message::Beside(other));
    let hint = "click to select, right click to show it beside the selected one";
    let hint = if is_cut { format!("{}\n{hint}", branch.name) } else { hint.to_owned() };
    let pick = hinted_beside(pick.into(), hint);
    row![Space::new().width(8.0 + INDENT * depth.min(5) as f32), container(pick).width(Fill), eye]
        .align_y(Alignment::Center)
        .spacing(2)
        .padding(Padding::ZERO.right(8))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_lines_those_in_sight_are_drawn_where_they_lie() {
        let heights: Vec<f32> = (0..10_000).map(|place| if place % 3 == 0 { 37.0 } else { 18.0 }).collect();
        let whole: f32 = heights.iter().map(|height| height + BETWEEN).sum();
        for top in [0.0, 1.0, 5_000.0, 123_456.0, whole - 700.0, whole + 5_000.0] {
            let Drawn { lines, above, below } = Drawn::of(&heights, Sight { top, height: 700.0 });
            assert!(!lines.is_empty() && lines.len() < 120, "{} lines at {top}", lines.len());
            let drawn: f32 = heights[lines.clone()].iter().map(|height| height + BETWEEN).sum();
            let room = |height: f32| if height > 0.0 { height + BETWEEN } else { 0.0 };
            let begins = room(above);
            assert!((begins + drawn + room(below) - whole).abs() < 8.0, "the list's height is not kept at {top}");
            if top < whole - 700.0 {
                assert!(begins <= top && begins + drawn >= top + 700.0, "what is in sight at {top} is not drawn");
            }
        }
    }
}
