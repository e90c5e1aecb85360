//! The line at the window's head: where one is, and what runs.

use iced::widget::{Space, container, row, text};
use iced::{Alignment, Fill};
use revacnn_recorder::Command;

use super::parts::{Piece, changing, faint, ground, hinted, plain, press, quiet};
use crate::canvas::chart::epoch;
use crate::canvas::labels::{count, number};
use crate::message::Message;
use crate::prompt::{Question, told};
use crate::state::{Screen, State};
use crate::theme::{Colours, NORMAL};

/// `wider@1512 · epoch 6.1 · loss 0.412`.
pub(crate) fn place(state: &State) -> String {
    let Some(branch) = state.branch().filter(|_| state.screen == Screen::Figures) else { return String::new() };
    if state.waits_for_steps() {
        return branch.name.to_string();
    }
    let mut place = format!("{}@{}", branch.name, state.step());
    if let Some(row) = &state.figures.row {
        if let Some(epoch) = epoch(row) {
            place.push_str(&format!(" · epoch {epoch:.1}"));
        }
        if let Some(loss) = row.loss {
            place.push_str(&format!(" · loss {} nats", number(loss.into())));
        }
    }
    place
}

fn live(state: &State) -> Option<Piece<'_>> {
    let branch = state.branch().filter(|branch| branch.training)?;
    let paused = state.paused.contains(&branch.name);
    let steer =
        |command: Command| press(told(&command), (!state.changes.is_running()).then_some(Message::Steer(command)));
    let images = state.figures.row.as_ref().map_or(1, |row| row.hyper_parameters.batch_size);
    let rate = state.rates.iter().find(|(name, _)| *name == branch.name);
    let words = match rate {
        _ if paused => "● paused".to_owned(),
        Some((_, steps)) => format!("● live · {} images/s", count((steps * f64::from(images)) as u64)),
        None => "● live".to_owned(),
    };
    let words = plain(words).style(|theme| text::Style { color: Some(Colours::of(theme).accent) });
    let turn = steer(if paused { Command::Resume } else { Command::Pause });
    Some(row![turn, steer(Command::Step), steer(Command::Stop), words].spacing(4).align_y(Alignment::Center).into())
}

pub(crate) fn header(state: &State) -> Piece<'_> {
    let store: String = state.store.chars().rev().take(36).collect::<Vec<_>>().into_iter().rev().collect();
    let here = place(state);
    let (dark, still) = (state.settings.dark, state.settings.still);
    let bar = row![
        text("ReVACNN").size(NORMAL),
        faint(store),
        Space::new().width(Fill),
        changing(text(here.clone()).size(NORMAL), &here),
        Space::new().width(Fill),
    ]
    .push(live(state))
    .push(hinted(press("go to", Some(state.question(Question::GoTo))), "an address: g"))
    .push(hinted(
        quiet(plain(if still { "still" } else { "motion" }), still, Some(Message::Still(!still))),
        "whether nodes jitter and points glide: m",
    ))
    .push(hinted(press(if dark { "light" } else { "dark" }, Some(Message::Dark(!dark))), "the theme: d"))
    .push(hinted(quiet(plain("?"), state.help, Some(Message::Help(!state.help))), "all keys"));
    let bar = bar.spacing(8).align_y(Alignment::Center).padding([0, 12]);
    container(bar).center_y(40).width(Fill).style(|theme| ground(Colours::of(theme).panel)).into()
}
