//! The line at the window's head: where one is, and what runs.

use iced::widget::{container, row, text};
use iced::{Alignment, Fill};
use revacnn_schemas::BranchName;
use revacnn_store::Command;

use super::notebook::turn;
use super::pieces::{Piece, changing, faint, ground, hinted, plain, press, quiet};
use crate::canvas::chart::epoch;
use crate::canvas::labels::{count, number};
use crate::context::{Context, Screen};
use crate::question::Question;
use crate::theme::{Colours, NORMAL};

/// Steps a second of branches that grow.
#[derive(Debug, Default)]
pub(crate) struct State {
    rates: Vec<(BranchName, f64)>,
}

/// What happens in the head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Ask for an address to go to.
    GoTo,
    /// Pause, step, resume or stop the training of the selected branch.
    Steer(Command),
    /// Less motion, or as much as before.
    ReducedMotion(bool),
    /// The dark theme, or the light one.
    Dark(bool),
    /// Open the list of keys, or close it.
    Help,
    /// Show the notebook, or the figures.
    Page(bool),
    /// The workers have told how fast branches grow.
    Rates(Vec<(BranchName, f64)>),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    Ask(Question),
    Steer(Command),
    ReducedMotion(bool),
    Dark(bool),
    Help,
    Page(bool),
}

/// `wider@1512 · epoch 6.1 · loss 0.412`; `wider@1512 · …` until that step is read.
pub(crate) fn place(context: &Context) -> String {
    let Some(branch) = context.branch().filter(|_| context.screen == Screen::Figures) else { return String::new() };
    if context.waits_for_steps() {
        return branch.name.to_string();
    }
    let mut place = format!("{}@{}", branch.name, context.step());
    if let Some(row) = &context.cells.row {
        if row.step != context.step() {
            // It is still being read, and what was read is of another step.
            return place + " · …";
        }
        if let Some(epoch) = epoch(row) {
            place.push_str(&format!(" · epoch {epoch:.1}"));
        }
        if let Some(loss) = row.loss {
            place.push_str(&format!(" · loss {}", number(loss.into())));
        }
    }
    place
}

/// What a button says of a running training.
fn steering(command: &Command) -> &'static str {
    match command {
        Command::Pause => "pause",
        Command::Resume => "resume",
        Command::Step => "one step",
        Command::Stop => "stop",
        Command::Edit { .. } => "edit",
    }
}

impl State {
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::GoTo => Action::Ask(Question::GoTo),
            Message::Steer(command) => Action::Steer(command),
            Message::ReducedMotion(reduced) => Action::ReducedMotion(reduced),
            Message::Dark(dark) => Action::Dark(dark),
            Message::Help => Action::Help,
            Message::Page(notebook) => Action::Page(notebook),
            Message::Rates(rates) => {
                self.rates = rates;
                Action::None
            }
        }
    }

    fn live(&self, context: &Context) -> Option<Piece<'_, Message>> {
        let branch = context.branch().filter(|branch| branch.training)?;
        let paused = context.paused.contains(&branch.name);
        let steer =
            |command: Command| press(steering(&command), (!context.is_busy()).then_some(Message::Steer(command)));
        let images = context.cells.row.as_ref().map_or(1, |row| row.hyper_parameters.batch_size);
        let rate = self.rates.iter().find(|(name, _)| *name == branch.name);
        let words = match rate {
            _ if paused => "● paused".to_owned(),
            Some((_, steps)) => format!("● live · {} images/s", count((steps * f64::from(images)) as u64)),
            None => "● live".to_owned(),
        };
        let words = plain(words).style(|theme| text::Style { color: Some(Colours::of(theme).accent) });
        let turn = steer(if paused { Command::Resume } else { Command::Pause });
        // The words grow to the left, and no button moves under the pointer.
        Some(row![words, turn, steer(Command::Step), steer(Command::Stop)].spacing(4).align_y(Alignment::Center).into())
    }

    /// The head, while the list of keys is open or not.
    pub(crate) fn view(&self, context: &Context, help: bool) -> Piece<'_, Message> {
        let store: String = context.store.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
        let here = place(context);
        let (dark, still) = (context.dark, context.reduced_motion);
        let bar = row![
            text("ReVACNN").size(NORMAL),
            faint(store).wrapping(text::Wrapping::None),
            // Cut where there is no room, and never over what stands beside it.
            container(changing(text(here.clone()).size(NORMAL).wrapping(text::Wrapping::None), &here))
                .center_x(Fill)
                .clip(true),
        ]
        .push(self.live(context))
        .push(turn(context.notebook, Message::Page(!context.notebook)))
        .push(hinted(press("go to", Some(Message::GoTo)), "an address: g"))
        .push(hinted(
            quiet(plain(if still { "still" } else { "motion" }), still, Some(Message::ReducedMotion(!still))),
            "whether nodes jitter and points glide: m",
        ))
        .push(hinted(press(if dark { "light" } else { "dark" }, Some(Message::Dark(!dark))), "the theme: d"))
        .push(hinted(quiet(plain("?"), help, Some(Message::Help)), "all keys"));
        let bar = bar.spacing(8).align_y(Alignment::Center).padding([0, 12]);
        container(bar).center_y(40).width(Fill).style(|theme| ground(Colours::of(theme).panel)).into()
    }
}
