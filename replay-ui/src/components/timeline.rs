//! The timeline at the foot: the cursor, playing, and a lane a branch.

use std::cell::Cell;
use std::time::{Duration, Instant};

use iced::widget::{Space, canvas, column, container, row};
use iced::{Alignment, Fill};
use revacnn_schemas::BranchName;

use super::frame::show_all;
use super::pieces::{Piece, changing, ground, hinted_above, plain, press, quiet};
use crate::canvas::along::Along;
use crate::canvas::geometry_cache::Cache;
use crate::canvas::labels::count;
use crate::canvas::timeline::{self as canvas_timeline, Lane, Timeline, first};
use crate::cells::ViewId;
use crate::context::Context;
use crate::theme::Colours;
use crate::time::{Align, Move, Time};

/// How high what stands above the lanes is.
pub(crate) const CONTROLS: f32 = 32.0;
/// How often the cursor moves while it plays.
const BEAT: Duration = Duration::from_millis(100);
/// How often in a minute.
const BEATS_A_MINUTE: f64 = 600.0;
/// Speeds of playing.
const SPEEDS: [f64; 4] = [0.25, 1.0, 4.0, 16.0];

/// Playing along the timeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Playing {
    pub(crate) on: bool,
    /// How many times faster than the whole history in a minute.
    pub(crate) speed: f64,
    /// When the cursor was last moved.
    moved: Option<Instant>,
}

/// How one travels, and where the lanes are.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) playing: Playing,
    /// The lane that is drawn first.
    pub(crate) from: usize,
    /// How high the lanes were drawn last: a low window has less room than was chosen.
    drawn: Cell<Option<f32>>,
    cache: Cache,
}

/// What happens on the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Go(Move),
    /// To the next end of an epoch, or the one before.
    GoEpoch {
        forward: bool,
    },
    Along(Along),
    /// Lanes from that many further down.
    Scroll(isize),
    Align(Align),
    Play(bool),
    Speed,
    Tick(Instant),
    /// A lane's name was pressed.
    Select(BranchName),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    Go(Move),
    GoEpoch { forward: bool },
    Along(Along),
    Align(Align),
    Select(BranchName),
}

impl From<canvas_timeline::Message> for Message {
    fn from(said: canvas_timeline::Message) -> Self {
        match said {
            canvas_timeline::Message::Along(Along::Go(step)) => Self::Go(Move::To(step)),
            canvas_timeline::Message::Along(along) => Self::Along(along),
            canvas_timeline::Message::Scroll(lanes) => Self::Scroll(lanes),
            canvas_timeline::Message::Select(name) => Self::Select(name),
            canvas_timeline::Message::Tick(now) => Self::Tick(now),
        }
    }
}

/// The lanes of the shown branches.
pub(crate) fn lanes(context: &Context) -> Vec<Lane<'_>> {
    let lane = |branch| Lane {
        branch,
        shift: context.shift(branch),
        selected: context.selected.as_ref() == Some(&branch.name),
    };
    context.shown().into_iter().map(lane).collect()
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            playing: Playing { on: false, speed: 1.0, moved: None },
            from: 0,
            drawn: Cell::default(),
            cache: Cache::default(),
        }
    }

    /// Draws the lanes anew.
    pub(crate) fn redraw(&self) {
        self.cache.clear();
    }

    #[cfg(test)]
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Another branch comes first.
    pub(crate) fn begin_anew(&mut self) {
        self.from = 0;
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Go(by) => return Action::Go(by),
            Message::GoEpoch { forward } => return Action::GoEpoch { forward },
            Message::Along(along) => return Action::Along(along),
            Message::Align(align) => return Action::Align(align),
            Message::Select(name) => return Action::Select(name),
            Message::Scroll(lanes) => {
                let shown = context.shown().len();
                let height = self.drawn.get().unwrap_or_else(|| context.sizes.lanes(context.branches.len()));
                self.from = first(first(self.from, shown, height).saturating_add_signed(lanes), shown, height);
                self.redraw();
            }
            Message::Play(on) => {
                (self.playing.on, self.playing.moved) = (on, None);
                if on && context.time.cursor.0 >= context.time.all[1] {
                    return Action::Go(Move::First);
                }
            }
            Message::Speed => {
                let faster = SPEEDS.into_iter().find(|speed| *speed > self.playing.speed);
                self.playing.speed = faster.unwrap_or(SPEEDS[0]);
            }
            Message::Tick(now) => return self.tick(now, &context.time),
        }
        Action::None
    }

    /// Moves the cursor on where it is time, until the end.
    fn tick(&mut self, now: Instant, time: &Time) -> Action {
        let due = self.playing.moved.is_none_or(|moved| now.saturating_duration_since(moved) >= BEAT);
        if !self.playing.on || !due {
            return Action::None;
        }
        self.playing.moved = Some(now);
        let [first, last] = time.all;
        let stride = ((last - first) as f64 / BEATS_A_MINUTE * self.playing.speed).round().max(1.0) as u64;
        self.playing.on = time.cursor.0.saturating_add(stride) < last;
        Action::Go(Move::By(stride as i64))
    }

    /// The timeline, with lanes so high, of the losses of a view.
    pub(crate) fn view<'a>(&'a self, context: &'a Context, losses: ViewId, high: f32) -> Piece<'a, Message> {
        self.drawn.set(Some(high));
        let step = format!("step {} / {}", count(context.time.cursor.0), count(context.time.all[1]));
        let go = |words: &'static str, message, hint| hinted_above(press(words, Some(message)), hint);
        let playing = self.playing.on;
        let align = match context.align {
            Align::Step => "align: step",
            Align::Fork => "align: fork",
        };
        let controls = row![
            go("|<", Message::Go(Move::First), "the first step: Home"),
            go("<", Message::Go(Move::By(-1)), "one step back: ←"),
            quiet(plain(if playing { "stop" } else { "play" }), playing, Some(Message::Play(!playing))),
            go(">", Message::Go(Move::By(1)), "one step on: →"),
            go(">|", Message::Go(Move::Last), "the last step: End"),
            hinted_above(press(format!("{}×", self.playing.speed), Some(Message::Speed)), "how fast it plays: x"),
            changing(plain(step.clone()), &step),
            show_all(context)
                .map(|all| all.map(|()| Message::Along(Along::All(None))))
                .unwrap_or_else(|| Space::new().into()),
            Space::new().width(Fill),
            hinted_above(
                press(align, Some(Message::Align(context.align.other()))),
                "lanes by their steps, or by distance from their forks: a",
            ),
        ]
        .align_y(Alignment::Center)
        .spacing(4);
        let lanes = lanes(context);
        let chart = context.cells.chart(losses).and_then(Result::ok);
        let timeline = Timeline { lanes, from: self.from, time: &context.time, playing, chart, cache: &self.cache };
        let page = column![
            container(controls).padding([0, 8]).center_y(CONTROLS),
            Piece::from(canvas(timeline).width(Fill).height(high)).map(Message::from)
        ];
        container(page).style(|theme| ground(Colours::of(theme).panel)).into()
    }
}
