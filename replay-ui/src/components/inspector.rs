//! The panel at the right: the chosen filter, else the branch, its
//! hyper-parameters and its layer.

use iced::widget::{Space, column, container, image, mouse_area, row, scrollable, text};
use iced::{Alignment, Fill, Padding};
use revacnn_schemas::{
    BranchName, DiagramColumn, DiagramNode, Edit, Figure, FilterInit, Palette, Panel, SCALARS, ScalarKind, TableFigure,
    bytes,
};

use super::frame::{edit_button, lacking, noted_below};
use super::pieces::{Piece, colour_bar, faint, filled, ground, hinted_above, pair, plain, press, removes, separator};
use super::{history, hyper_parameters};
use crate::canvas::labels::{count, number};
use crate::canvas::layout::node_of;
use crate::cells::ViewId;
use crate::context::Context;
use crate::edits;
use crate::figure::{self, FilterKey};
use crate::question::Question;
use crate::theme::{Colours, NORMAL};

/// The parts of the panel that remember something.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) hyper_parameters: hyper_parameters::State,
    pub(crate) history: history::State,
}

/// What happens in the panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    HyperParameters(hyper_parameters::Message),
    History(history::Message),
    Copy(String),
    Ask(Question),
    Delete(BranchName),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
    /// Fork at the cursor with these edits.
    Edit(Vec<Edit>),
    Refuse(String),
    Copy(String),
    Ask(Question),
    Delete(BranchName),
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self { hyper_parameters: hyper_parameters::State::default(), history: history::State::new() }
    }

    /// Draws the history anew.
    pub(crate) fn redraw(&self) {
        self.history.redraw();
    }

    /// Forgets what was typed.
    pub(crate) fn forget_typed(&mut self) {
        self.hyper_parameters.forget();
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Figure(message) => Action::Figure(message),
            Message::HyperParameters(message) => match self.hyper_parameters.update(message, context) {
                hyper_parameters::Action::None => Action::None,
                hyper_parameters::Action::Edit(edits) => Action::Edit(edits),
                hyper_parameters::Action::Refuse(reason) => Action::Refuse(reason),
            },
            Message::History(message) => match self.history.update(message) {
                history::Action::Figure(message) => Action::Figure(message),
                history::Action::Follow => Action::Follow,
            },
            Message::Copy(text) => Action::Copy(text),
            Message::Ask(question) => Action::Ask(question),
            Message::Delete(name) => Action::Delete(name),
        }
    }

    /// The panel, so wide.
    pub(crate) fn view<'a>(&'a self, context: &'a Context, width: f32) -> Piece<'a, Message> {
        let found = context.marks.inspected().and_then(|key| {
            let Some(Ok(diagram)) = context.cells.network(ViewId::NETWORK) else { return None };
            node_of(diagram, &key.0, &key.1).map(|(_, node)| (key, node))
        });
        let page = match found {
            Some((key, node)) => self.filter(context, key, node),
            None => self.branch(context),
        };
        container(scrollable(container(page).padding(Padding::from(12).right(16))).height(Fill))
            .width(width)
            .height(Fill)
            .style(|theme| ground(Colours::of(theme).panel))
            .into()
    }

    fn filter<'a>(&'a self, context: &'a Context, key: &'a FilterKey, node: &'a DiagramNode) -> Piece<'a, Message> {
        let name = format!("{}/{}", key.0, node.filter.number);
        let born = node.filter.born.as_ref().and_then(|id| context.branches.iter().find(|branch| branch.id == *id));
        let is_picked = context.marks.picked.as_ref() == Some(key);
        let mut page = column![text(name).size(NORMAL)].spacing(6);
        if let Some(branch) = born {
            page = page.push(faint(format!("born in {}", branch.name)));
        }
        page = page.push(filter_edits(context, key, node)).push(separator()).push(numbers(context, key, node));
        if !is_picked {
            return page.push(faint("Click the filter to keep it here.")).into();
        }
        page = page.push(separator()).push(images(context, ViewId::FILTER));
        if let Some(at) = context.at_beside() {
            page = page.push(faint(at.to_string())).push(images(context, ViewId::OTHER_FILTER));
        }
        page.push(separator()).push(self.history.view_filter(context).map(Message::History)).into()
    }

    fn branch<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let Some(branch) = context.branch() else { return Space::new().into() };
        let ready = !context.is_busy();
        let none = || "–".to_owned();
        let validation = branch.last_validation;
        let percent = |share: f32| format!("{:.1} %", share * 100.0);
        let mut page =
            column![text(branch.name.as_str()).size(NORMAL).wrapping(text::Wrapping::WordOrGlyph)].spacing(4);
        let train = if branch.training { None } else { Some(Message::Ask(Question::TrainOn)) };
        let on = [
            filled("continue training", train.filter(|_| ready)),
            press("fork here", ready.then_some(Message::Ask(Question::Fork))),
            press("rename", ready.then_some(Message::Ask(Question::Rename))),
        ];
        let delete = removes("delete", ready.then(|| Message::Delete(branch.name.clone())));
        page = page.push(row(on).spacing(4).wrap()).push(row![Space::new().width(Fill), delete]);
        if let Some(parent) = &branch.parent {
            page = page.push(line("forked from", format!("{parent}@{}", branch.fork_step)));
        }
        for edit in &branch.edits {
            page = page.push(faint(edit.as_str()));
        }
        page = page
            .push(line("last step", branch.steps.map_or_else(none, |steps| count(steps.last.0))))
            .push(line("last loss", branch.last_loss.map_or_else(none, |loss| number(loss.into()))))
            .push(line("validation accuracy", validation.and_then(|(_, share)| share).map_or_else(none, percent)))
            .push(line("validated at step", validation.map_or_else(none, |(step, _)| count(step.0))))
            .push(line("on disk", bytes(branch.bytes)));
        if let Some(row) = &context.cells.row {
            page = page.push(separator()).push(faint(format!("at step {}", count(row.step.0))));
            // What is measured first, then what is counted.
            let inspected = || SCALARS.iter().filter(|column| column.inspected);
            for column in inspected() {
                if let ScalarKind::Float(get, _) = column.kind {
                    let words = |value: f32| if column.share { percent(value) } else { number(value.into()) };
                    page = page.push(line(column.label, get(row).map_or_else(none, words)));
                }
            }
            for column in inspected() {
                let counted = match column.kind {
                    ScalarKind::Long(get, _) => Some(get(row)),
                    ScalarKind::Int(get, _) => Some(u64::from(get(row))),
                    ScalarKind::Float(..)
                    | ScalarKind::RequiredFloat(..)
                    | ScalarKind::Text(..)
                    | ScalarKind::RequiredText(..)
                    | ScalarKind::Time(..) => None,
                };
                page = page.push(counted.map(|value| line(column.label, count(value))));
            }
        }
        page = page
            .push(separator())
            .push(self.hyper_parameters.view(context).map(Message::HyperParameters))
            .push(self.history.view_branch(context).map(Message::History));
        if let Some(layer) = layer_edits(context) {
            page = page.push(separator()).push(layer);
        }
        if context.beside.is_some() {
            page = page.push(separator()).push(differences(context));
        }
        page.push(faint("Point at a filter to see its numbers; click to keep them.")).into()
    }
}

/// A name and its value; a click copies the value.
fn line<'a>(name: &'a str, value: String) -> Piece<'a, Message> {
    pair(name, value, Message::Copy)
}

/// The rows of a filter's figure: coefficients an input channel, gradients,
/// maps, neighbours.
fn images(context: &Context, view: ViewId) -> Piece<'_, Message> {
    const SIDE: f32 = 26.0;
    let grid = match context.cells.images(view) {
        None => return faint("reading the filter").into(),
        Some(Err(reason)) => return lacking(reason),
        Some(Ok(grid)) => grid,
    };
    let pictures = context.cells.pictures(view);
    let mut page = column![].spacing(4);
    for (place, line) in grid.rows.iter().enumerate() {
        let ends = line.images.iter().flatten().map(|image| image.range);
        let ends = ends.reduce(|[low, high], [least, most]| [low.min(least), high.max(most)]);
        let range = ends.map(|ends| ends.map(|end| number(end.into())));
        let palette = line.images.iter().flatten().map(|image| image.palette).find(|palette| *palette != Palette::Rgb);
        let colours = range.zip(palette).map(|([low, high], palette)| {
            // About zero one number says both ends: there is little room.
            let is_even = ends.is_some_and(|[low, high]| low < 0.0 && low == -high);
            let (low, high) = if is_even { (None, format!("±{high}")) } else { (Some(faint(low)), high) };
            row![].push(low).push(colour_bar(palette)).push(faint(high)).spacing(4).align_y(Alignment::Center)
        });
        page = page
            .push(row![faint(line.label.as_str()), Space::new().width(Fill)].push(colours).align_y(Alignment::Center));
        let side = if line.images.len() <= 3 { 2.0 * SIDE } else { SIDE };
        let shown = line.images.iter().enumerate().filter_map(|(column, found)| {
            let [columns, rows] = pictures?.size((place, column))?;
            // A unit's coefficients may be a line, which is no square.
            let wide = (side * columns as f32 / rows as f32).clamp(side / 4.0, 240.0).round();
            let handle = pictures?.get((place, column), wide, side)?;
            let picture = image(handle).width(wide).height(side);
            let found = found.as_ref()?;
            let picture: Piece<'_, Message> = match &found.filter {
                Some(key) => mouse_area(picture).on_press(figure::Message::Pick(Some(key.clone())).into()).into(),
                None => picture.into(),
            };
            Some(hinted_above(picture, found.label.as_str()))
        });
        page = page.push(row(shown).spacing(4).wrap());
    }
    page.push(noted_below(&grid.notes)).into()
}

fn numbers<'a>(context: &Context, key: &FilterKey, node: &DiagramNode) -> Piece<'a, Message> {
    let row = |name: &'static str, value: Option<f32>, unit: &str| {
        line(name, value.map_or_else(|| "–".to_owned(), |value| format!("{}{unit}", number(value.into()))))
    };
    let mut page = column![
        row("weight norm", Some(node.weight_norm), ""),
        row("mean |gradient|", node.mean_abs_gradient, ""),
        row("update ratio", node.update_ratio, ""),
        row("activation sum", node.activation_sum, ""),
        row("share of zeros", node.zero_share.map(|share| share * 100.0), " %"),
    ]
    .spacing(4);
    if let Some(image) = &node.image {
        let range = format!("{} … {}", number(image.range[0].into()), number(image.range[1].into()));
        page = page.push(line("image, from … to", range));
    }
    if let Some(Ok(other)) = context.cells.network(ViewId::OTHER_NETWORK) {
        let (name, value) = match node_of(other, &key.0, &key.1) {
            Some((_, twin)) => ("norm in the branch beside", number(twin.weight_norm.into())),
            None => ("in the branch beside", "missing".to_owned()),
        };
        page = page.push(line(name, value));
    }
    page.into()
}

/// What can be done to a filter: each forks at the cursor.
fn filter_edits<'a>(context: &Context, (layer, filter): &FilterKey, node: &DiagramNode) -> Piece<'a, Message> {
    let (ready, number) = (!context.is_busy(), filter.number);
    let freeze = if node.frozen { "unfreeze" } else { "freeze" };
    column![
        row![
            edit_button("duplicate", edits::duplicate_filter(layer, number), ready),
            edit_button(freeze, edits::freeze(layer, Some(number), node.frozen), ready),
            edit_button("reinitialise", edits::reinitialise(layer, number), ready),
        ]
        .spacing(4)
        .wrap(),
        row![edit_button("− remove", edits::remove_filter(layer, number), ready)],
    ]
    .spacing(4)
    .into()
}

/// What can be done to the layer of the embedding: each forks at the cursor.
fn layer_edits(context: &Context) -> Option<Piece<'_, Message>> {
    let Some(Ok(diagram)) = context.cells.network(ViewId::NETWORK) else { return None };
    let column = diagram.columns.iter().find(|column| Some(&column.layer) == context.marks.layer.as_ref())?;
    let DiagramColumn { layer, description, layers, nodes, groups: _ } = column;
    let ready = !context.is_busy();
    let all_frozen = nodes.iter().all(|node| node.frozen);
    let freeze = if all_frozen { "unfreeze" } else { "freeze" };
    let add = |words, init| edit_button(words, edits::add_filter(layer, init), ready);
    let insert = |words, kind, rest: &str| edit_button(words, edits::insert_layer(kind, layer, rest), ready);
    let page = column![plain(layer.as_str()), faint(description.as_str())].spacing(4);
    let page = page
        .push(
            row![
                add("+ filter", FilterInit::Random),
                add("+ zero", FilterInit::Zero),
                add("+ split", FilterInit::Split),
                add("+ gradmax", FilterInit::Gradmax),
            ]
            .spacing(4)
            .wrap(),
        )
        .push(
            row![
                // One that changes nothing at first; its kind knows how wide it is.
                insert("insert conv after", "conv", "init=identity"),
                insert("dropout after", "dropout", ""),
                insert("batch norm after", "batchnorm", ""),
                press(
                    "insert another …",
                    ready.then(|| figure::Message::InsertLayer(layers.last().or(Some(layer)).cloned()).into()),
                ),
            ]
            .spacing(4)
            .wrap(),
        )
        .push(
            row![
                edit_button(freeze, edits::freeze(layer, None, all_frozen), ready),
                edit_button("remove layer", edits::remove_layer(layer), ready),
                edit_button("tanh", edits::set_activation(layer, "tanh"), ready),
                edit_button("relu", edits::set_activation(layer, "relu"), ready),
            ]
            .spacing(4)
            .wrap(),
        );
    Some(page.into())
}

fn differences(context: &Context) -> Piece<'_, Message> {
    match context.cells.comparison(ViewId::DIFFERENCES) {
        None => faint("comparing").into(),
        Some(Err(reason)) => lacking(reason),
        Some(Ok(comparison)) => {
            let mut page = column![faint(comparison.title.as_str())].spacing(4);
            for panel in &comparison.panels {
                if let Panel::Joint(figure) = panel
                    && let Figure::Table(found) = figure.as_ref()
                {
                    page = page.push(table(found));
                }
            }
            page.into()
        }
    }
}

/// A table of a figure, a line a row: what it is, then its numbers; what they are
/// is above them.
fn table(found: &TableFigure) -> Piece<'_, Message> {
    let mut page = column![plain(found.title.as_str())].spacing(2);
    let heads: Vec<&str> =
        found.columns.iter().map(|column| column.name.as_str()).filter(|name| !name.is_empty()).collect();
    page = page.push((!heads.is_empty()).then(|| faint(heads.join(" · "))));
    for line in &found.rows {
        let mut cells = line.iter();
        let first = cells.next().map_or("", String::as_str);
        let rest: Vec<&str> = cells.map(String::as_str).filter(|cell| !cell.is_empty()).collect();
        page = page.push(row![faint(first), Space::new().width(8), plain(rest.join(" · "))].wrap());
    }
    page.push(noted_below(&found.notes)).into()
}
