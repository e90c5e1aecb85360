//! How the window is put together.

use iced::widget::{
    Space, button, canvas, center, checkbox, column, container, mouse_area, opaque, radio, row, rule, scrollable,
    stack, text, text_input,
};
use iced::{Alignment, Background, Border, Color, Element, Fill, Length, Padding, Theme, border};
use revacnn_notebook::{BranchSummary, Show, Source};
use revacnn_recorder::Command;
use revacnn_schemas::{BranchName, DiagramNode, Scale};

use crate::app::{Message, Notice, Screen, State};
use crate::curves::{Lanes, LossChart, hue_color};
use crate::diagram::{Diagram, Pictures};
use crate::draw::{count, number};
use crate::look::{LARGE, Look, NORMAL, SMALL};
use crate::plane::Plane;

/// The name of the field that `g` opens.
pub(crate) const GO_TO: &str = "go-to";

type Piece<'a> = Element<'a, Message>;

/// The whole window.
pub(crate) fn view<'a>(state: &'a State, pictures: &'a Pictures) -> Piece<'a> {
    let body = match &state.screen {
        Screen::Opening => said(&format!("Opening {}", state.store), &[]),
        Screen::Unreadable(reason) => said(
            "This store cannot be read",
            &[
                reason,
                "The window looks again every second, and goes on when it can.",
                "revacnn log --store DIR says what is wrong with each branch.",
            ],
        ),
        Screen::Empty => said(
            "Nothing is recorded here yet",
            &[
                "revacnn train   trains on embedded data; its branch appears here while it runs",
                "revacnn train --network small.toml --dataset digits   trains a network of yours",
                "revacnn view DIR   opens another store",
            ],
        ),
        Screen::Figures => figures(state, pictures),
    };
    let page = column![header(state), separator(), body];
    let page = container(page).width(Fill).height(Fill).style(|theme| ground(Look::of(theme).paper));
    let mut layers = stack![page];
    if let Some(text) = &state.go_to {
        layers = layers.push(go_to(text));
    }
    if state.help {
        layers = layers.push(help());
    }
    layers.into()
}

fn ground(color: Color) -> container::Style {
    container::Style { background: Some(Background::Color(color)), ..container::Style::default() }
}

fn separator<'a>() -> Piece<'a> {
    rule::horizontal(1).style(thin).into()
}

fn upright<'a>() -> Piece<'a> {
    rule::vertical(1).style(thin).into()
}

fn thin(theme: &Theme) -> rule::Style {
    rule::Style { color: Look::of(theme).line, radius: 0.0.into(), fill_mode: rule::FillMode::Full, snap: true }
}

fn faint<'a>(words: impl text::IntoFragment<'a>) -> text::Text<'a> {
    text(words).size(SMALL).style(|theme| text::Style { color: Some(Look::of(theme).faint) })
}

fn plain<'a>(words: impl text::IntoFragment<'a>) -> text::Text<'a> {
    text(words).size(SMALL)
}

/// A button without a box, that shows where the pointer is.
fn quiet<'a>(content: impl Into<Piece<'a>>, chosen: bool, message: Option<Message>) -> Piece<'a> {
    button(content)
        .padding(Padding::from([4, 8]))
        .on_press_maybe(message)
        .style(move |theme: &Theme, status| {
            let look = Look::of(theme);
            let over = matches!(status, button::Status::Hovered | button::Status::Pressed);
            let (background, text_color) = match status {
                button::Status::Disabled => (None, Color { a: 0.5, ..look.faint }),
                _ if chosen => (Some(look.raised), look.accent),
                _ if over => (Some(look.raised), look.ink),
                _ => (None, look.ink),
            };
            button::Style {
                background: background.map(Background::Color),
                text_color,
                border: border::rounded(4),
                ..button::Style::default()
            }
        })
        .into()
}

fn header(state: &State) -> Piece<'_> {
    let place = state
        .selected
        .as_ref()
        .filter(|_| state.screen == Screen::Figures)
        .map_or_else(String::new, |name| format!("{name}@{}", state.time.cursor));
    let live = state.branch().filter(|branch| branch.training).map(|_| {
        row![
            quiet(plain("pause"), false, Some(Message::Steer(Command::Pause))),
            quiet(plain("one step"), false, Some(Message::Steer(Command::Step))),
            quiet(plain("resume"), false, Some(Message::Steer(Command::Resume))),
            plain("● live").style(|theme| text::Style { color: Some(Look::of(theme).accent) }),
        ]
        .spacing(4)
        .align_y(Alignment::Center)
    });
    let store: String = state.store.chars().rev().take(36).collect::<Vec<_>>().into_iter().rev().collect();
    let bar = row![
        text("ReVACNN").size(NORMAL),
        faint(store),
        Space::new().width(Fill),
        text(place).size(NORMAL),
        Space::new().width(Fill),
    ]
    .push(live)
    .push(quiet(plain("go to"), false, Some(Message::GoTo(Some(String::new())))))
    .push(quiet(plain(if state.still { "still" } else { "motion" }), state.still, Some(Message::Still(!state.still))))
    .push(quiet(plain(if state.dark { "light" } else { "dark" }), false, Some(Message::Dark(!state.dark))))
    .push(quiet(plain("?"), state.help, Some(Message::Help(!state.help))));
    let bar = bar.spacing(8).align_y(Alignment::Center).padding([0, 12]);
    container(bar).center_y(40).width(Fill).style(|theme| ground(Look::of(theme).panel)).into()
}

/// A page of words, where there are no figures.
fn said<'a>(title: &str, lines: &[&str]) -> Piece<'a> {
    let mut page = column![text(title.to_owned()).size(LARGE)].spacing(12).max_width(720);
    for words in lines {
        page = page.push(
            text((*words).to_owned()).size(NORMAL).style(|theme| text::Style { color: Some(Look::of(theme).faint) }),
        );
    }
    center(page).padding(32).into()
}

fn figures<'a>(state: &'a State, pictures: &'a Pictures) -> Piece<'a> {
    let middle = column![
        container(loss(state)).height(Length::FillPortion(24)),
        separator(),
        container(network(state, pictures)).height(Length::FillPortion(44)),
        separator(),
        container(embedding(state)).height(Length::FillPortion(32)),
    ]
    .width(Fill);
    let page = row![tree(state), upright(), middle, upright(), inspector(state, pictures)].height(Fill);
    column![page, separator(), timeline(state)].push(notice(state)).into()
}

fn titled<'a>(title: &'a str, controls: impl Into<Piece<'a>>, body: Piece<'a>) -> Piece<'a> {
    let head = row![faint(title), Space::new().width(Fill), controls.into()].align_y(Alignment::Center).spacing(8);
    column![container(head).padding([0, 12]).center_y(28), body].into()
}

fn loss(state: &State) -> Piece<'_> {
    let body: Piece<'_> = match &state.loss {
        None => said("", &["reading the curves"]),
        Some(Err(reason)) => said("", &[reason]),
        Some(Ok(_)) => canvas(LossChart(state)).width(Fill).height(Fill).into(),
    };
    let log = checkbox(state.scale == Scale::Logarithmic)
        .label("logarithmic")
        .on_toggle(Message::LogScale)
        .size(14)
        .text_size(SMALL);
    titled("loss, nats · mean of each batch; dashed: validation", log, body)
}

fn network<'a>(state: &'a State, pictures: &'a Pictures) -> Piece<'a> {
    let choose = |show, words| quiet(plain(words), state.nodes == show, Some(Message::Nodes(show)));
    let late = state.network.as_ref().filter(|(step, _)| *step != state.time.cursor);
    let controls = row![]
        .push(late.map(|(step, _)| faint(format!("of step {step}"))))
        .push(choose(Show::Maps, "activation maps"))
        .push(choose(Show::Coefficients, "coefficients"))
        .align_y(Alignment::Center);
    let body: Piece<'a> = match &state.network {
        None => said("", &["reading the network"]),
        Some((_, Err(reason))) => said("", &[reason]),
        Some((_, Ok(diagram))) => canvas(Diagram { state, diagram, pictures }).width(Fill).height(Fill).into(),
    };
    titled("network", controls, body)
}

fn embedding(state: &State) -> Piece<'_> {
    let tabs = row(state.layers().into_iter().map(|layer| {
        let chosen = state.layer.as_ref() == Some(&layer);
        quiet(plain(layer.to_string()), chosen, Some(Message::Layer(layer)))
    }));
    let of = |source, words| radio(words, source, Some(state.of), Message::Of).size(14).text_size(SMALL).spacing(4);
    let sources = row![
        of(Source::Weights, "coefficients"),
        of(Source::Gradients, "gradients"),
        of(Source::Activations, "maps"),
        of(Source::ActivationGradients, "map gradients"),
    ]
    .spacing(12);
    let body: Piece<'_> = match &state.embedding {
        None => said("", &["embedding the filters"]),
        Some((_, Err(reason))) => said("", &[reason]),
        Some((step, Ok(scatter))) => {
            let plane = canvas(Plane { state, scatter }).width(Fill).height(Fill);
            let late = (*step != state.time.cursor).then(|| faint(format!("of step {step}")));
            let notes = column(scatter.notes.iter().map(|note| faint(note.as_str()).into()));
            let notes = notes.push(late).spacing(2);
            column![plane, container(notes).padding([2, 12])].into()
        }
    };
    let head = row![
        faint("embedding"),
        scrollable(tabs).direction(scrollable::Direction::Horizontal(scrollable::Scrollbar::hidden()))
    ]
    .spacing(8)
    .align_y(Alignment::Center);
    column![
        container(head).padding([0, 12]).center_y(28),
        container(sources).padding(Padding::from([0, 12]).bottom(2)),
        body,
    ]
    .into()
}

/// Branches in the order of a tree, with how deep each one lies.
pub(crate) fn order(branches: &[BranchSummary]) -> Vec<(usize, &BranchSummary)> {
    fn below<'a>(
        branches: &'a [BranchSummary],
        parent: Option<&BranchName>,
        depth: usize,
        out: &mut Vec<(usize, &'a BranchSummary)>,
    ) {
        // Parents that are not there leave their children at the root; a
        // cycle of parents is no part of any root and ends here.
        let here = |branch: &&BranchSummary| match (&branch.parent, parent) {
            (Some(of), Some(parent)) => of == parent,
            (Some(of), None) => !branches.iter().any(|other| other.name == *of),
            (None, parent) => parent.is_none(),
        };
        for branch in branches.iter().filter(here) {
            if out.len() >= branches.len() {
                return;
            }
            out.push((depth, branch));
            below(branches, Some(&branch.name), depth + 1, out);
        }
    }
    let mut out = Vec::new();
    below(branches, None, 0, &mut out);
    out
}

fn tree(state: &State) -> Piece<'_> {
    let lines = order(&state.branches).into_iter().map(|(depth, branch)| {
        let chosen = state.selected.as_ref() == Some(&branch.name);
        let hue = branch.hue;
        let mark = plain(if branch.parent.is_some() { "◆" } else { "●" });
        let mark = mark.style(move |theme| text::Style { color: Some(hue_color(theme, hue)) });
        let last = branch.steps.map_or_else(|| "–".to_owned(), |steps| count(steps.last.0));
        let name =
            row![mark, plain(branch.name.as_str()).width(Fill).wrapping(text::Wrapping::None), faint(last)].spacing(6);
        let details = match (&branch.problem, branch.edits.is_empty()) {
            (Some(problem), _) => {
                Some(faint(problem.as_str()).style(|theme| text::Style { color: Some(Look::of(theme).alarm) }))
            }
            (None, false) => Some(faint(format!("{} · {}", count(branch.fork_step.0), branch.edits.join("; ")))),
            (None, true) => None,
        };
        let words = column![name].push(details).spacing(2);
        let shown = !state.hidden.contains(&branch.name);
        let name = branch.name.clone();
        let eye = checkbox(shown || chosen)
            .on_toggle_maybe((!chosen).then_some(move |show| Message::ShowBranch(name.clone(), show)))
            .size(12);
        let pick = quiet(words.width(Fill), chosen, Some(Message::Select(branch.name.clone())));
        row![Space::new().width(8.0 + 12.0 * depth.min(5) as f32), container(pick).width(Fill), eye]
            .align_y(Alignment::Center)
            .spacing(2)
            .padding(Padding::ZERO.right(8))
            .into()
    });
    let problems = state.problems.iter().map(|problem| {
        container(faint(problem.as_str()).style(|theme| text::Style { color: Some(Look::of(theme).alarm) }))
            .padding([4, 12])
            .into()
    });
    let list = column(lines).extend(problems).spacing(2);
    let page = column![container(faint("branches")).padding([8, 12]), scrollable(list).height(Fill)];
    container(page).width(220).height(Fill).style(|theme| ground(Look::of(theme).panel)).into()
}

fn pair<'a>(name: &'a str, value: String) -> Piece<'a> {
    row![faint(name), Space::new().width(Fill), plain(value)].into()
}

fn inspector<'a>(state: &'a State, pictures: &'a Pictures) -> Piece<'a> {
    let key = state.picked.as_ref().or(state.hovered.as_ref());
    let found = match (key, &state.network) {
        (Some(key), Some((_, Ok(diagram)))) => diagram.columns.iter().enumerate().find_map(|(column, layer)| {
            let node = layer.nodes.iter().position(|node| layer.layer == key.0 && node.filter == key.1)?;
            Some((column, node, layer, &layer.nodes[node]))
        }),
        _ => None,
    };
    let page: Piece<'a> = match found {
        Some((column, place, layer, node)) => {
            let name = format!("{}/{}", layer.layer, node.filter.number);
            let born = node.filter.born.as_ref().and_then(|id| state.branches.iter().find(|branch| branch.id == *id));
            let picture = pictures.nodes.get(&(column, place)).map(|handle| {
                iced::widget::image(handle.clone())
                    .width(128)
                    .height(128)
                    .filter_method(iced::widget::image::FilterMethod::Nearest)
                    .content_fit(iced::ContentFit::Contain)
            });
            let range = node
                .image
                .as_ref()
                .map(|image| faint(format!("{} … {}", number(image.range[0].into()), number(image.range[1].into()))));
            column![text(name.clone()).size(NORMAL)]
                .push(born.map(|branch| faint(format!("born in {}", branch.name))))
                .push(picture)
                .push(range)
                .push(numbers(node))
                .push(separator())
                .push(edits(state, &name, node))
                .spacing(8)
                .into()
        }
        None => branch_numbers(state),
    };
    container(scrollable(container(page).padding(12)))
        .width(280)
        .height(Fill)
        .style(|theme| ground(Look::of(theme).panel))
        .into()
}

fn numbers<'a>(node: &DiagramNode) -> Piece<'a> {
    let or_none = |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |value| number(value.into()));
    column![
        pair("norm of the coefficients", number(node.weight_norm.into())),
        pair("mean |gradient|", or_none(node.mean_abs_gradient)),
        pair("update / weights", or_none(node.update_ratio)),
        pair("activation sum", or_none(node.activation_sum)),
        pair("share of zeros", or_none(node.zero_share)),
    ]
    .spacing(4)
    .into()
}

/// What can be done to a filter: each forks at the cursor.
fn edits<'a>(state: &State, name: &str, node: &DiagramNode) -> Piece<'a> {
    let action =
        |words: &'static str, edit: String| quiet(plain(words), false, (!state.editing).then_some(Message::Edit(edit)));
    let freeze =
        if node.frozen { ("unfreeze", format!("unfreeze {name}")) } else { ("freeze", format!("freeze {name}")) };
    column![
        faint(if state.is_live() { "edit the running training" } else { "fork here with an edit" }),
        row![action("duplicate", format!("duplicate-filter {name}")), action(freeze.0, freeze.1)],
        row![
            action("reinitialise", format!("reinitialise {name}")),
            action("− remove", format!("remove-filter {name}"))
        ],
    ]
    .spacing(4)
    .into()
}

fn branch_numbers(state: &State) -> Piece<'_> {
    let Some(branch) = state.branch() else { return Space::new().into() };
    let mut page = column![text(branch.name.as_str()).size(NORMAL)].spacing(4);
    if let Some(parent) = &branch.parent {
        page = page.push(pair("forked from", format!("{parent}@{}", branch.fork_step)));
    }
    let none = || "–".to_owned();
    let validation = branch.last_validation;
    page = page
        .push(pair("last step", branch.steps.map_or_else(none, |steps| count(steps.last.0))))
        .push(pair("last loss, nats", branch.last_loss.map_or_else(none, |loss| number(loss.into()))))
        .push(pair("validation accuracy", validation.map_or_else(none, |(_, share)| format!("{:.1} %", share * 100.0))))
        .push(pair("  at step", validation.map_or_else(none, |(step, _)| count(step.0))))
        .push(pair("on disk, MB", count(branch.bytes / 1_000_000)));
    for edit in &branch.edits {
        page = page.push(plain(edit.as_str()));
    }
    if let Some(layer) = &state.layer {
        let action = |words: &'static str, edit: String| {
            quiet(plain(words), false, (!state.editing).then_some(Message::Edit(edit)))
        };
        page = page.push(separator()).push(faint(format!("{layer}: fork here with an edit"))).push(row![
            action("+ filter", format!("add-filter {layer}")),
            action("freeze", format!("freeze {layer}")),
            action("unfreeze", format!("unfreeze {layer}")),
        ]);
    }
    page.push(faint("Point at a filter to see its numbers; click to keep them.")).into()
}

fn timeline(state: &State) -> Piece<'_> {
    let lanes = state.shown().len().clamp(1, 6) as f32;
    let step = format!("step {} / {}", count(state.time.cursor.0), count(state.time.all[1]));
    let go = |words: &'static str, by| quiet(plain(words), false, Some(Message::Go(by)));
    let controls = row![
        go("|<", crate::time::Move::First),
        go("<", crate::time::Move::By(-1)),
        quiet(plain(if state.playing { "stop" } else { "play" }), state.playing, Some(Message::Play(!state.playing))),
        go(">", crate::time::Move::By(1)),
        go(">|", crate::time::Move::Last),
        plain(step),
    ]
    .align_y(Alignment::Center)
    .spacing(4);
    let lanes = canvas(Lanes(state)).width(Fill).height((lanes * 26.0 + 18.0).max(84.0));
    let page = column![container(controls).padding([0, 8]).center_y(32), lanes];
    container(page).style(|theme| ground(Look::of(theme).panel)).into()
}

fn notice(state: &State) -> Option<Piece<'_>> {
    let words: Piece<'_> = match (&state.notice, state.editing) {
        (_, true) => plain("forking …").into(),
        (Some(Notice::Done { text, undo }), _) => row![plain(text.as_str()).width(Fill)]
            .push(
                undo.as_ref().map(|parent| quiet(plain(format!("undo: back to {parent}")), false, Some(Message::Undo))),
            )
            .align_y(Alignment::Center)
            .into(),
        (Some(Notice::Refused(reason)), _) => {
            plain(reason.as_str()).style(|theme| text::Style { color: Some(Look::of(theme).alarm) }).into()
        }
        (None, false) => return None,
    };
    Some(container(words).padding([6, 12]).width(Fill).style(|theme| ground(Look::of(theme).raised)).into())
}

fn dialog<'a>(content: impl Into<Piece<'a>>) -> Piece<'a> {
    let panel = container(content).padding(20).style(|theme: &Theme| {
        let look = Look::of(theme);
        let border = Border { color: look.line, width: 1.0, radius: 6.0.into() };
        container::Style { background: Some(Background::Color(look.panel)), border, ..container::Style::default() }
    });
    let shade = container(panel).center(Fill).style(|_| ground(Color { a: 0.35, ..Color::BLACK }));
    opaque(mouse_area(shade).on_press(Message::Escape))
}

fn go_to(words: &str) -> Piece<'_> {
    let field = text_input("main@1350, 1350, epoch:2, best, fork", words)
        .id(GO_TO)
        .on_input(|words| Message::GoTo(Some(words)))
        .on_submit(Message::GoToNow)
        .size(NORMAL)
        .width(340);
    dialog(column![text("go to").size(NORMAL), field].spacing(8))
}

fn help<'a>() -> Piece<'a> {
    const KEYS: [(&str, &str); 10] = [
        ("← →", "one step back or on; with Shift ten"),
        ("PgUp PgDn", "a twentieth of the history back or on"),
        ("Home End", "the first and the last step"),
        ("Space", "play, and stop"),
        ("g", "go to an address"),
        ("1 … 9", "the layer of the embedding"),
        ("wheel", "on the timeline: fewer or more steps"),
        ("Tab", "the next field"),
        ("Esc", "close what is open; let go of the filter"),
        ("?", "this list"),
    ];
    let lines = KEYS.map(|(key, what)| row![plain(key).width(96), faint(what)].into());
    dialog(column![text("keys").size(NORMAL)].extend(lines).spacing(8))
}
