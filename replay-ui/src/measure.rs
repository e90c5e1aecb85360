//! What the tests and benches of the program ask of the window; nothing else
//! uses it.

mod writing;

use std::time::{Duration, Instant};

use iced::{Point, mouse};
use revacnn_schemas::{LayerName, Step};
use revacnn_store::StepRow;

use crate::cells::ViewId;
use crate::components::header::place;
use crate::components::{inspector, network, timeline, tree};
use crate::figure;
use crate::framebuffer::Framebuffer;
use crate::headless::Interface;
use crate::requests::Effect;
use crate::screenshot::settled;
use crate::state::State;
use crate::time::Move;
use crate::update::Message;
use crate::worker::Workers;
use crate::{ViewError, ViewOptions};

pub use self::writing::{Followed, Written, follow, write};

/// Points that far apart find every button.
const APART: usize = 10;
/// Frames are not drawn faster than this.
const BEAT: Duration = Duration::from_micros(16_667);
/// How long the figures may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// The point at which a press makes an edit, in logical pixels: the middle of
/// its button, once every figure is there. `None` where no button does it.
///
/// # Errors
/// Where the store cannot be read.
pub fn place_of(options: &ViewOptions, edit: &str) -> Result<Option<[f32; 2]>, ViewError> {
    let state = settled(options)?;
    let moved = mouse::Event::CursorMoved { position: Point::ORIGIN };
    let previews = |said: &Message| match said.of_figure() {
        Some(figure::Message::Preview(Some(previewed))) => previewed.to_string() == edit,
        _ => false,
    };
    let place = Interface::new(options.size())?.place(&state, &[moved], previews);
    Ok(place.map(|place| [place.x, place.y]))
}

/// A button of the window that a test presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Opens the form of a new run.
    NewRun,
    /// Shows another branch beside the selected one.
    Beside,
    /// Deletes the selected branch.
    Delete,
}

impl Button {
    /// Whether a message is what a press on it says.
    fn says(self, said: &Message) -> bool {
        match self {
            Self::NewRun => *said == Message::Tree(tree::Message::NewRun),
            Self::Beside => *said == Message::Network(network::Message::ToggleBeside),
            Self::Delete => matches!(said, Message::Inspector(inspector::Message::Delete(_))),
        }
    }
}

/// The point at which a press is one on a button, in logical pixels: its
/// middle, once every figure is there. `None` where there is no such button.
///
/// # Errors
/// Where the store cannot be read.
pub fn place_of_button(options: &ViewOptions, button: Button) -> Result<Option<[f32; 2]>, ViewError> {
    let state = settled(options)?;
    let click = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|event| event(mouse::Button::Left));
    let place = Interface::new(options.size())?.place(&state, &click, |said| button.says(said));
    Ok(place.map(|place| [place.x, place.y]))
}

/// The ends of the timeline, and how far down it is, in logical pixels.
///
/// # Errors
/// Where the store cannot be read, or there is no timeline.
pub fn place_of_timeline(options: &ViewOptions) -> Result<[f32; 3], ViewError> {
    let (left, right, y) = Interface::new(options.size())?.timeline(&settled(options)?)?;
    Ok([left, right, y])
}

/// What the window tells in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The words in its head.
    pub head: String,
    /// The row of `steps` that losses and hyper-parameters are of.
    pub row: Option<StepRow>,
    /// What the network says of each class.
    pub classes: Vec<f32>,
    /// The norm of the coefficients of each filter of each layer.
    pub norms: Vec<(LayerName, Vec<f32>)>,
}

/// The numbers that the window tells once every figure is there.
///
/// # Errors
/// Where the store cannot be read, or the network not shown.
pub fn numbers(options: &ViewOptions) -> Result<Numbers, ViewError> {
    let state = settled(options)?;
    let network = match state.context.cells.network(ViewId::NETWORK) {
        Some(Ok(network)) => network,
        Some(Err(reason)) => return Err(ViewError::NotThere(reason.to_owned())),
        None => return Err(ViewError::NotThere("expected a network, found none".to_owned())),
    };
    let norms = network.columns.iter().map(|column| {
        let norms = column.nodes.iter().map(|node| node.weight_norm);
        (column.layer.clone(), norms.collect())
    });
    Ok(Numbers {
        head: place(&state.context),
        row: state.context.cells.row.clone(),
        classes: network.classes.iter().map(|class| class.value).collect(),
        norms: norms.collect(),
    })
}

/// How the window went along while its cursor was dragged.
#[derive(Debug, Clone, Default)]
pub struct Dragged {
    /// From the start until network and loss were drawn.
    pub first_useful: Duration,
    /// What each frame took: the pointer's move and the threads' answers taken
    /// in, the interface laid out, and what has changed drawn into pixels.
    pub frames: Vec<Duration>,
    /// How many steps the network lay behind the cursor, a frame each.
    pub steps_behind: Vec<u64>,
    /// How long before a frame the cursor was where the network is.
    pub behind: Vec<Duration>,
    /// The steps that the cursor was dragged along.
    pub steps: u64,
}

/// Opens the window without a display and drags its cursor along the timeline
/// and back, one whole sweep in `sweep` frames, at most 60 frames a second.
/// `settled` is called once the first figures are there.
///
/// # Errors
/// Where nothing can be drawn, or no figure comes.
pub fn drag(options: &ViewOptions, frames: usize, sweep: usize, settled: impl FnOnce()) -> Result<Dragged, ViewError> {
    let started = Instant::now();
    let (tell, mut told) = iced::futures::channel::mpsc::unbounded();
    let workers = Workers::start(options.store.clone(), options.data.clone(), options.coefficients, tell);
    let (mut state, mut screen) = (State::new(options), Interface::new(options.size())?);
    let paper = Framebuffer::new(options.size());
    let mut paper = paper.ok_or_else(|| ViewError::NotThere(format!("expected a size, found {:?}", options.size())))?;
    let ask = |effects: Vec<Effect>| {
        for effect in effects {
            if let Effect::Request(ask) = effect {
                workers.ask(ask);
            }
        }
    };
    let mut take_in = |state: &mut State| {
        while let Ok(told) = told.try_recv() {
            ask(state.update(Message::Store(told)));
        }
    };
    let is_there = |state: &State, view| state.context.cells.get(view).is_some();
    while !(is_there(&state, ViewId::NETWORK) && is_there(&state, ViewId::LOSS)) {
        if started.elapsed() > PATIENCE {
            return Err(ViewError::NotThere("expected a network and its loss, found none in a minute".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
        take_in(&mut state);
    }
    screen.draw(&state, |renderer, ground| paper.draw(renderer, ground));
    let first_useful = started.elapsed();

    // What takes longer comes too, before the drag begins.
    while !is_there(&state, ViewId::EMBEDDING) && started.elapsed() < PATIENCE {
        std::thread::sleep(BEAT);
        take_in(&mut state);
    }
    settled();
    let [first, last] = state.context.time.all;
    let (left, right, y) = screen.timeline(&state)?;
    let mut dragged = Dragged { first_useful, steps: last - first, ..Dragged::default() };
    let mut been: Vec<(Step, Instant)> = Vec::new();
    for frame in 0..frames {
        let begin = Instant::now();
        take_in(&mut state);
        let turn = (frame % (2 * sweep)) as f32 / sweep as f32;
        let at = Point::new(left + (right - left) * (1.0 - (turn - 1.0).abs()), y);
        let pressed = (frame == 0).then_some(mouse::Event::ButtonPressed(mouse::Button::Left));
        let events: Vec<mouse::Event> =
            std::iter::once(mouse::Event::CursorMoved { position: at }).chain(pressed).collect();
        for message in screen.point(&state, at, &events) {
            ask(state.update(message));
        }
        screen.draw(&state, |renderer, ground| paper.draw(renderer, ground));
        let now = Instant::now();
        dragged.frames.push(now - begin);
        let cursor = state.context.time.cursor;
        been.push((cursor, begin));
        let shown = state.context.cells.get(ViewId::NETWORK).map(|shown| shown.step);
        if let Some((step, when)) = shown.and_then(|shown| been.iter().rev().find(|(step, _)| *step == shown)) {
            dragged.steps_behind.push(cursor.0.abs_diff(step.0));
            dragged.behind.push(if *step == cursor { Duration::ZERO } else { begin - *when });
        }
        std::thread::sleep(BEAT.saturating_sub(begin.elapsed()));
    }
    Ok(dragged)
}

impl Interface {
    /// The uppermost place at which the mouse makes the interface say
    /// something: its middle.
    pub(crate) fn place(
        &mut self,
        state: &State,
        events: &[mouse::Event],
        says: impl Fn(&Message) -> bool,
    ) -> Option<Point> {
        let mut found: Option<[f32; 4]> = None;
        for y in (0..self.size[1]).step_by(APART).map(|y| y as f32) {
            if found.is_some_and(|[.., bottom]| bottom < y - APART as f32) {
                break;
            }
            for x in (0..self.size[0]).step_by(APART) {
                let at = Point::new(x as f32, y);
                if self.point(state, at, events).iter().any(&says) {
                    let [left, top, right, bottom] = found.unwrap_or([at.x, at.y, at.x, at.y]);
                    found = Some([left.min(at.x), top.min(at.y), right.max(at.x), bottom.max(at.y)]);
                }
            }
        }
        found.map(|[left, top, right, bottom]| Point::new((left + right) / 2.0, (top + bottom) / 2.0))
    }

    /// The ends of the timeline, and a height at which it is: the lowest thing
    /// that moves the cursor where it is pressed.
    pub(crate) fn timeline(&mut self, state: &State) -> Result<(f32, f32, f32), ViewError> {
        let ([width, height], [first, last]) = (self.size, state.context.time.all);
        let click = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|event| event(mouse::Button::Left));
        for y in (0..height).rev().step_by(APART) {
            let y = y as f32;
            let leads_inside = |x: &f32| {
                self.point(state, Point::new(*x, y), &click).iter().any(|said| {
                    // Beyond its ends lie the first and the last step.
                    matches!(said, Message::Timeline(timeline::Message::Go(Move::To(step)))
                        if (first + 1..last).contains(&step.0))
                })
            };
            let places: Vec<f32> = (0..width).step_by(APART).map(|x| x as f32).filter(leads_inside).collect();
            if let [left, .., right] = places[..] {
                return Ok((left, right, y));
            }
        }
        Err(ViewError::NotThere("expected a timeline, found none".to_owned()))
    }
}
