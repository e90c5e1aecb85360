//! The branches as a tree.

use iced::widget::{Space, checkbox, column, container, mouse_area, row, scrollable, text};
use iced::{Alignment, Fill, Padding};
use revacnn_notebook::BranchSummary;
use revacnn_schemas::{BranchName, Hue};

use super::pieces::{Piece, alarm, faint, ground, hinted, plain, press, quiet};
use crate::canvas::labels::count;
use crate::canvas::text::fitted;
use crate::context::Context;
use crate::family::order;
use crate::theme::{Colours, SWATCH};

/// What is wrong with branches that cannot be listed.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) problems: Vec<String>,
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
    NewRun,
}

impl State {
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Select(name) => Action::Select(name),
            Message::Show(name, shows) => Action::Show(name, shows),
            Message::Beside(name) => Action::Beside(name),
            Message::NewRun => Action::NewRun,
            Message::Problems(problems) => {
                self.problems = problems;
                Action::None
            }
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let lines = order(&context.branches).into_iter().map(|(depth, branch)| line(context, depth, branch));
        let problems = self.problems.iter().map(|problem| container(alarm(problem.as_str())).padding([4, 12]).into());
        let list = column(lines).extend(problems).spacing(2);
        let new = press("+ new run", (!context.is_busy()).then_some(Message::NewRun));
        let page = column![
            container(faint("branches").height(SMALL_LINE)).padding([8, 12]),
            scrollable(list).height(Fill),
            container(new).padding([8, 4]),
        ];
        container(page).width(220).height(Fill).style(|theme| ground(Colours::of(theme).panel)).into()
    }
}

/// How far a branch lies to the right of its parent.
const INDENT: f32 = 12.0;
/// The room for the name of a branch without a parent, beside its last step.
const NAME: f32 = 96.0;
/// The room for its edits.
const EDITS: f32 = 164.0;
/// Heights of lines, in whole pixels: the ground of the chosen branch then ends
/// between two of them, and iced's software renderer draws all of it again.
const NAME_LINE: f32 = 18.0;
const SMALL_LINE: f32 = 17.0;

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

fn line<'a>(context: &'a Context, depth: usize, branch: &'a BranchSummary) -> Piece<'a, Message> {
    let chosen = context.selected.as_ref() == Some(&branch.name);
    let beside = context.beside.as_ref() == Some(&branch.name);
    let hue = branch.hue;
    let mark = swatch(hue);
    let last = branch.steps.map_or_else(|| "–".to_owned(), |steps| count(steps.last.0));
    let name = fitted(branch.name.as_str(), NAME - INDENT * depth.min(5) as f32);
    let name = plain(name).width(Fill).wrapping(text::Wrapping::None);
    let live =
        branch.training.then(|| plain("●").style(|theme| text::Style { color: Some(Colours::of(theme).accent) }));
    let name = row![mark, name].push(live).push(faint(last)).spacing(6).align_y(Alignment::Center).height(NAME_LINE);
    let details: Option<Piece<'a, Message>> = match (&branch.problem, branch.edits.is_empty()) {
        (Some(problem), _) => Some(alarm(problem.as_str()).into()),
        (None, false) => {
            let edits = format!("{} · {}", count(branch.fork_step.0), branch.edits.join("; "));
            let edits = fitted(&edits, EDITS - INDENT * depth.min(5) as f32);
            Some(faint(edits).height(SMALL_LINE).wrapping(text::Wrapping::None).into())
        }
        (None, true) => None,
    };
    let words = column![name].push(details).push(beside.then(|| faint("shown beside").height(SMALL_LINE))).spacing(2);
    let shown = !context.hidden.contains(&branch.name);
    let of = branch.name.clone();
    let eye = checkbox(shown || chosen)
        .on_toggle_maybe((!chosen && !beside).then_some(move |show| Message::Show(of.clone(), show)))
        .size(12);
    let pick = quiet(words.width(Fill), chosen, Some(Message::Select(branch.name.clone())));
    let other = (!beside).then(|| branch.name.clone());
    let pick = mouse_area(pick).on_right_press(Message::Beside(other));
    let hint = "click to select, right click to show it beside the selected one";
    let pick = hinted(pick.into(), hint);
    row![Space::new().width(8.0 + INDENT * depth.min(5) as f32), container(pick).width(Fill), eye]
        .align_y(Alignment::Center)
        .spacing(2)
        .padding(Padding::ZERO.right(8))
        .into()
}
