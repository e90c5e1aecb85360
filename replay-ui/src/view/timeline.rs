//! The timeline at the foot, and the line that says what was done.

use iced::widget::{Space, canvas, column, container, row};
use iced::{Alignment, Fill, Length};

use super::parts::{Piece, alarm, changing, faint, ground, hinted, plain, press, quiet};
use crate::canvas::labels::count;
use crate::canvas::timeline::{Timeline, height};
use crate::message::{Align, Message, Notice, Undo};
use crate::state::{Screen, State};
use crate::theme::Colours;
use crate::time::Move;

pub(crate) fn timeline(state: &State) -> Piece<'_> {
    let step = format!("step {} / {}", count(state.time.cursor.0), count(state.time.all[1]));
    let go = |words: &'static str, message, hint| hinted(press(words, Some(message)), hint);
    let playing = state.playing.on;
    let align = match state.settings.align {
        Align::Step => "align: step",
        Align::Fork => "align: fork",
    };
    let controls = row![
        go("|<", Message::Go(Move::First), "the first step: Home"),
        go("<", Message::Go(Move::By(-1)), "one step back: ←"),
        quiet(plain(if playing { "stop" } else { "play" }), playing, Some(Message::Play(!playing))),
        go(">", Message::Go(Move::By(1)), "one step on: →"),
        go(">|", Message::Go(Move::Last), "the last step: End"),
        hinted(press(format!("{}×", state.playing.speed), Some(Message::Speed)), "how fast it plays: x"),
        changing(plain(step.clone()), &step),
        Space::new().width(Fill),
        hinted(
            press(align, Some(Message::Align(state.settings.align.other()))),
            "lanes by their steps, or by distance from their forks: a",
        ),
    ]
    .align_y(Alignment::Center)
    .spacing(4);
    let lanes = canvas(Timeline(state)).width(Fill).height(height(state.shown().len()));
    let page = column![container(controls).padding([0, 8]).center_y(32), lanes];
    container(page).style(|theme| ground(Colours::of(theme).panel)).into()
}

/// The line at the window's foot: what is being done, was done, was refused,
/// or would be done.
pub(crate) fn status(state: &State) -> Piece<'_> {
    let words: Piece<'_> = match (&state.notice, &state.preview) {
        _ if state.changes.is_running() => match state.changes.waiting() {
            0 => plain("at work …").into(),
            waiting => {
                row![plain("at work …"), faint(format!("{waiting} more to do; Esc gives them up"))].spacing(8).into()
            }
        },
        (_, Some(preview)) => {
            let command = state.command(preview).unwrap_or_default();
            row![faint("a press does what this does:"), plain(command)].spacing(8).into()
        }
        (Some(Notice::Done { text, undo }), None) => {
            let words = match undo {
                Some(Undo::Select(parent)) => Some(format!("undo: back to {parent}")),
                Some(Undo::TakeBack(name)) => Some(format!("undo: take {name} back")),
                Some(Undo::Fork { name, .. }) => Some(format!("undo: delete {name}")),
                Some(Undo::Rename { from, .. }) => Some(format!("undo: call it {from} again")),
                None => None,
            };
            row![plain(text.as_str()).width(Fill)]
                .push(words.map(|words| press(words, Some(Message::Undo))))
                .align_y(Alignment::Center)
                .into()
        }
        (Some(Notice::Refused(reason)), None) => alarm(reason.as_str()).into(),
        (None, None) if state.screen != Screen::Figures => faint("? lists the keys").into(),
        (None, None) => faint("drag on the timeline to travel, wheel to zoom · ? lists the keys").into(),
    };
    // As high with words of a line as without; a long reason needs more.
    // What was refused while more waited is to be read, whatever came of that.
    let refused = state.changes.refusals().iter().map(|reason| alarm(reason.as_str()).into());
    let words = column(refused).push(words);
    let words = row![Space::new().height(26), words].align_y(Alignment::Center);
    container(words)
        .padding([0, 12])
        .width(Fill)
        .height(Length::Shrink)
        .style(|theme| ground(Colours::of(theme).panel))
        .into()
}
