//! The panel at the right: the chosen filter, else the branch, its
//! hyper-parameters and its layer.

use iced::widget::{Space, column, container, image, mouse_area, pick_list, row, scrollable, text};
use iced::{Alignment, Fill, Padding};
use revacnn_schemas::{DiagramColumn, DiagramNode, Figure, Panel, TableFigure};

use super::figures::lacking;
use super::parts::{Piece, chooser, edit, faint, field, ground, hinted, pair, plain, press, separator};
use crate::canvas::chart::ChartCanvas;
use crate::canvas::labels::{count, number};
use crate::canvas::layout::node_of;
use crate::cells::Slot;
use crate::keys::HISTORIES;
use crate::message::{FilterKey, Hyper, Message};
use crate::prompt::Question;
use crate::state::State;
use crate::theme::{Colours, NORMAL, SMALL};

pub(crate) fn inspector(state: &State) -> Piece<'_> {
    let found = state.told_filter().and_then(|key| {
        let Some(Ok(diagram)) = state.figures.network(Slot::Network) else { return None };
        node_of(diagram, &key.0, &key.1).map(|(_, node)| (key, node))
    });
    let page = match found {
        Some((key, node)) => filter(state, key, node),
        None => branch(state),
    };
    container(scrollable(container(page).padding(Padding::from(12).right(16))).height(Fill))
        .width(280)
        .height(Fill)
        .style(|theme| ground(Colours::of(theme).panel))
        .into()
}

fn filter<'a>(state: &'a State, key: &'a FilterKey, node: &'a DiagramNode) -> Piece<'a> {
    let name = format!("{}/{}", key.0, node.filter.number);
    let born = node.filter.born.as_ref().and_then(|id| state.branches.iter().find(|branch| branch.id == *id));
    let is_picked = state.picked.as_ref() == Some(key);
    let mut page = column![text(name.clone()).size(NORMAL)].spacing(6);
    if let Some(branch) = born {
        page = page.push(faint(format!("born in {}", branch.name)));
    }
    page = page.push(edits(state, &name, node)).push(separator()).push(numbers(state, key, node));
    if !is_picked {
        return page.push(faint("Click the filter to keep it here.")).into();
    }
    page = page.push(separator()).push(images(state, Slot::Filter));
    if let Some(at) = state.at_beside() {
        page = page.push(faint(at.to_string())).push(images(state, Slot::OtherFilter));
    }
    page.push(separator()).push(history(state)).into()
}

/// The rows of a filter's figure: coefficients an input channel, gradients,
/// maps, neighbours.
fn images(state: &State, slot: Slot) -> Piece<'_> {
    const SIDE: f32 = 26.0;
    let grid = match state.figures.images(slot) {
        None => return faint("reading the filter").into(),
        Some(Err(reason)) => return lacking(reason),
        Some(Ok(grid)) => grid,
    };
    let pictures = state.figures.pictures(slot);
    let mut page = column![].spacing(4);
    for (place, line) in grid.rows.iter().enumerate() {
        let ends = line.images.iter().flatten().map(|image| image.range);
        let ends = ends.reduce(|[low, high], [least, most]| [low.min(least), high.max(most)]);
        let range = ends.map(|[low, high]| format!("{} … {}", number(low.into()), number(high.into())));
        page = page.push(row![faint(line.label.as_str()), Space::new().width(Fill)].push(range.map(faint)));
        let side = if line.images.len() <= 3 { 2.0 * SIDE } else { SIDE };
        let shown = line.images.iter().enumerate().filter_map(|(column, found)| {
            let [columns, rows] = pictures?.size((place, column))?;
            // A unit's coefficients may be a line, which is no square.
            let wide = (side * columns as f32 / rows as f32).clamp(side / 4.0, 240.0).round();
            let handle = pictures?.get((place, column), wide, side)?;
            let picture = image(handle).width(wide).height(side);
            let found = found.as_ref()?;
            let picture: Piece<'_> = match &found.filter {
                Some(key) => mouse_area(picture).on_press(Message::Pick(Some(key.clone()))).into(),
                None => picture.into(),
            };
            Some(hinted(picture, found.label.as_str()))
        });
        page = page.push(row(shown).spacing(4).wrap());
    }
    page.into()
}

fn history(state: &State) -> Piece<'_> {
    let names = HISTORIES.map(|(_, name)| name);
    let place = HISTORIES.iter().position(|(quantity, _)| *quantity == state.settings.history);
    let now = place.map(|place| names[place]);
    let choose = pick_list(names, now, |chosen| {
        let found = HISTORIES.iter().find(|(_, name)| *name == chosen);
        Message::History(found.map_or(HISTORIES[0].0, |(quantity, _)| quantity))
    });
    let body: Piece<'_> = match state.figures.chart(Slot::History) {
        None => faint("reading its history").into(),
        Some(Err(reason)) => lacking(reason),
        Some(Ok(chart)) => container(ChartCanvas { state, chart, slot: Slot::History }.shown()).height(120).into(),
    };
    column![choose.text_size(SMALL).padding([2, 8]).style(chooser(place)), body].spacing(4).into()
}

fn numbers<'a>(state: &State, key: &FilterKey, node: &DiagramNode) -> Piece<'a> {
    let row = |name: &'static str, value: Option<f32>, unit: &str| {
        pair(name, value.map_or_else(|| "–".to_owned(), |value| format!("{}{unit}", number(value.into()))))
    };
    let mut page = column![
        row("norm of the coefficients", Some(node.weight_norm), ""),
        row("mean |gradient|", node.mean_abs_gradient, ""),
        row("update / coefficients", node.update_ratio, ""),
        row("activation sum", node.activation_sum, ""),
        row("share of zeros", node.zero_share.map(|share| share * 100.0), " %"),
    ]
    .spacing(4);
    if let Some(image) = &node.image {
        let range = format!("{} … {}", number(image.range[0].into()), number(image.range[1].into()));
        page = page.push(pair("image, from … to", range));
    }
    if let Some(Ok(other)) = state.figures.network(Slot::OtherNetwork) {
        let (name, value) = match node_of(other, &key.0, &key.1) {
            Some((_, twin)) => ("norm in the branch beside", number(twin.weight_norm.into())),
            None => ("in the branch beside", "lacking".to_owned()),
        };
        page = page.push(pair(name, value));
    }
    page.into()
}

/// What can be done to a filter: each forks at the cursor.
fn edits<'a>(state: &State, name: &str, node: &DiagramNode) -> Piece<'a> {
    let ready = !state.changes.is_running();
    let freeze = if node.frozen { "unfreeze" } else { "freeze" };
    column![
        row![
            edit("duplicate", format!("duplicate-filter {name}"), ready),
            edit(freeze, format!("{freeze} {name}"), ready),
            edit("reinitialise", format!("reinitialise {name}"), ready),
        ],
        row![edit("− remove", format!("remove-filter {name}"), ready)],
    ]
    .into()
}

fn branch(state: &State) -> Piece<'_> {
    let Some(branch) = state.branch() else { return Space::new().into() };
    let ready = !state.changes.is_running();
    let none = || "–".to_owned();
    let validation = branch.last_validation;
    let percent = |share: f32| format!("{:.1} %", share * 100.0);
    let mut page = column![text(branch.name.as_str()).size(NORMAL)].spacing(4);
    let train = if branch.training { None } else { Some(state.question(Question::TrainOn)) };
    page = page.push(
        row![
            press("fork here", ready.then(|| state.question(Question::Fork))),
            press("train on", train.filter(|_| ready)),
            press("rename", ready.then(|| state.question(Question::Rename))),
            press("delete", ready.then(|| Message::Delete(branch.name.clone()))),
        ]
        .wrap(),
    );
    if let Some(parent) = &branch.parent {
        page = page.push(pair("forked from", format!("{parent}@{}", branch.fork_step)));
    }
    for edit in &branch.edits {
        page = page.push(faint(edit.as_str()));
    }
    page = page
        .push(pair("last step", branch.steps.map_or_else(none, |steps| count(steps.last.0))))
        .push(pair("last loss, nats", branch.last_loss.map_or_else(none, |loss| number(loss.into()))))
        .push(pair("validation accuracy", validation.map_or_else(none, |(_, share)| percent(share))))
        .push(pair("validated at step", validation.map_or_else(none, |(step, _)| count(step.0))))
        .push(pair("on disk, MB", count(branch.bytes / 1_000_000)));
    if let Some(row) = &state.figures.row {
        let or = |value: Option<f32>| value.map_or_else(none, |value| number(value.into()));
        page = page
            .push(separator())
            .push(faint(format!("at step {}", count(row.step.0))))
            .push(pair("loss, nats", or(row.loss)))
            .push(pair("accuracy, last 200 images", row.live_accuracy.map_or_else(none, percent)))
            .push(pair("images seen", count(row.cursor.images_seen)));
    }
    page = page.push(separator()).push(hyper_parameters(state));
    if let Some(layer) = layer(state) {
        page = page.push(separator()).push(layer);
    }
    if state.beside.is_some() {
        page = page.push(separator()).push(differences(state));
    }
    page.push(faint("Point at a filter to see its numbers; click to keep them.")).into()
}

/// Typed and applied with Enter, together in one fork.
fn hyper_parameters(state: &State) -> Piece<'_> {
    let mut page = column![faint("hyper-parameters")].spacing(4);
    let Some(row) = &state.figures.row else { return page.into() };
    for name in Hyper::ALL {
        let Some(now) = name.of(row) else { continue };
        let typed = state.typed.get(&name);
        let text = typed.map_or(now.as_str(), String::as_str);
        let input = field("", text, 110.0)
            .id(name.name())
            .on_input(move |text| Message::Hyper(name, text))
            .on_submit(Message::HyperEnter);
        let line = iced::widget::row![faint(name.name()), Space::new().width(Fill), input];
        page = page.push(line.align_y(Alignment::Center));
    }
    if !state.typed.is_empty() {
        let apply = press("apply: fork here", (!state.changes.is_running()).then_some(Message::HyperEnter));
        page = page.push(iced::widget::row![apply, press("leave as it was", Some(Message::Escape))]);
    }
    page.into()
}

fn layer(state: &State) -> Option<Piece<'_>> {
    let Some(Ok(diagram)) = state.figures.network(Slot::Network) else { return None };
    let column = diagram.columns.iter().find(|column| Some(&column.layer) == state.layer.as_ref())?;
    let DiagramColumn { layer, description, nodes } = column;
    let ready = !state.changes.is_running();
    let kernel = if description.starts_with("conv") { " kernel=3" } else { "" };
    let mut page = column![plain(layer.as_str()), faint(description.as_str())].spacing(4);
    let all_frozen = nodes.iter().all(|node| node.frozen);
    let freeze = if all_frozen { "unfreeze" } else { "freeze" };
    page = page
        .push(
            row![
                edit("+ filter", format!("add-filter {layer}"), ready),
                edit("+ zero", format!("add-filter {layer} init=zero"), ready),
                edit("+ split", format!("add-filter {layer} init=split"), ready),
                edit("+ gradmax", format!("add-filter {layer} init=gradmax"), ready),
            ]
            .wrap(),
        )
        .push(
            row![
                edit("insert conv after", insert(layer.as_str(), nodes.len(), kernel), ready),
                edit("dropout after", format!("insert-layer dropout after={layer}"), ready),
                edit("batch norm after", format!("insert-layer batchnorm after={layer}"), ready),
            ]
            .wrap(),
        )
        .push(
            row![
                edit(freeze, format!("{freeze} {layer}"), ready),
                edit("remove layer", format!("remove-layer {layer}"), ready),
                edit("tanh", format!("set activation {layer} tanh"), ready),
                edit("relu", format!("set activation {layer} relu"), ready),
            ]
            .wrap(),
        );
    Some(page.into())
}

/// A layer that changes nothing at first, as wide as the one before it.
fn insert(layer: &str, filters: usize, kernel: &str) -> String {
    format!("insert-layer conv after={layer} filters={filters}{kernel} init=identity")
}

fn differences(state: &State) -> Piece<'_> {
    match state.figures.comparison(Slot::Differences) {
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

/// A table of a figure, a line a row: what it is, then its numbers.
fn table(found: &TableFigure) -> Piece<'_> {
    let mut page = column![plain(found.title.as_str())].spacing(2);
    for line in &found.rows {
        let mut cells = line.iter();
        let first = cells.next().map_or("", String::as_str);
        let rest: Vec<&str> = cells.map(String::as_str).filter(|cell| !cell.is_empty()).collect();
        page = page.push(row![faint(first), Space::new().width(8), plain(rest.join(" · "))].wrap());
    }
    page.into()
}
