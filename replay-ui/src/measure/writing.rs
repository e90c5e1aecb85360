//! How the page of a long notebook goes along while one scrolls and types.

use std::time::{Duration, Instant};

use iced::keyboard::key::{NativeCode, Physical};
use iced::keyboard::{self, Key, Location, Modifiers, key};
use iced::{Event, Point, mouse};

use super::{PATIENCE, ViewError, ViewOptions};
use crate::components::notebook;
use crate::framebuffer::Framebuffer;
use crate::headless::Interface;
use crate::requests::Effect;
use crate::state::State;
use crate::store_events::{NotebookEvent, StoreEvent};
use crate::update::Message;
use crate::worker::Workers;

/// How far a turn of the wheel goes, in lines.
const TURN: f32 = 3.0;
/// How long a training of the notebook may take.
const LONG: Duration = Duration::from_secs(1_800);
/// What is typed, again and again.
const WORDS: &str = "What is seen here is one filter more. ";

/// What each frame of a page took: from the event to the pixels.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Until the notebook was planned, its trainings were there and its figures drawn.
    pub settled: Duration,
    /// A turn of the wheel.
    pub scrolled: Vec<Duration>,
    /// A key typed in a paragraph.
    pub prose: Vec<Duration>,
    /// A key typed in a line of commands, with what is wrong with it.
    pub lines: Vec<Duration>,
    /// A key typed where the whole text is a field.
    pub whole: Vec<Duration>,
    /// The key that ends typing.
    pub ended: Vec<Duration>,
}

/// Opens a notebook without a display, trains what it says, and scrolls and types in it, each so
/// often.
///
/// # Errors
/// Where nothing can be drawn, or the notebook cannot be planned or trained.
pub fn write(options: &ViewOptions, frames: usize) -> Result<Written, ViewError> {
    let mut hand = Hand::open(options)?;
    let started = Instant::now();
    hand.train()?;
    let mut written = Written { settled: started.elapsed(), ..Written::default() };
    let middle = Point::new(hand.screen.size[0] as f32 / 2.0, hand.screen.size[1] as f32 / 2.0);
    for place in 0..frames {
        // Down the page and up again.
        let turn = if place < frames / 2 { -TURN } else { TURN };
        let delta = mouse::ScrollDelta::Lines { x: 0.0, y: turn };
        written.scrolled.push(hand.frame(middle, Event::Mouse(mouse::Event::WheelScrolled { delta })));
    }
    let parts = hand.state.notebook.first_parts();
    let [prose, lines] = parts.ok_or_else(|| ViewError::NotThere("expected prose and lines, found none".to_owned()))?;
    let whole = hand.state.notebook.whole();
    for (range, times) in [(prose, &mut written.prose), (lines, &mut written.lines), (whole, &mut written.whole)] {
        hand.say(notebook::Message::Type(range));
        hand.screen.focus(&hand.state, notebook::FIELD);
        for letter in WORDS.chars().cycle().take(frames) {
            times.push(hand.frame(middle, typed(letter)));
        }
        let end = Instant::now();
        hand.say(Message::Escape);
        written.ended.push(end.elapsed() + hand.frame(middle, typed_key(Key::Named(key::Named::Shift), None)));
        hand.say(notebook::Message::Undo);
    }
    Ok(written)
}

/// How long figures took that follow a cursor.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// From the move of the cursor to the first of them.
    pub first: Vec<Duration>,
    /// To the last of them.
    pub all: Vec<Duration>,
    /// From the one before to each, by its line.
    pub each: Vec<(String, Vec<Duration>)>,
}

/// Opens a notebook without a display, trains what it says, and moves its cursor `t` so often
/// through the steps of its branch, each time until every figure has followed.
///
/// # Errors
/// Where the notebook cannot be planned or trained, or a figure does not come.
pub fn follow(options: &ViewOptions, moves: u64) -> Result<Followed, ViewError> {
    let mut hand = Hand::open(options)?;
    hand.train()?;
    let views = hand.state.notebook.views();
    let steps = hand.state.notebook.steps_of_all();
    let mut followed =
        Followed { each: views.into_iter().map(|view| (view, Vec::new())).collect(), ..Followed::default() };
    for place in 0..moves {
        // Far apart, and never one twice.
        let to = steps.start + (place * 7_919 + 101) % (steps.end - steps.start).max(1);
        let begun = Instant::now();
        let mut before = begun;
        let mut came = vec![false; followed.each.len()];
        hand.say(notebook::Message::Set("t".to_owned(), to.to_string()));
        while came.contains(&false) {
            if begun.elapsed() > PATIENCE {
                let lacks = came.iter().position(|came| !came).map(|place| followed.each[place].0.clone());
                return Err(ViewError::NotThere(format!("expected a figure at step {to}, found none of {lacks:?}")));
            }
            let Ok(told) = hand.told.try_recv() else {
                std::thread::sleep(Duration::from_micros(100));
                continue;
            };
            if let StoreEvent::Notebook(NotebookEvent::Figure { view, .. }) = &told
                && !std::mem::replace(&mut came[*view], true)
            {
                let now = Instant::now();
                followed.each[*view].1.push(now - before);
                if came.iter().filter(|came| **came).count() == 1 {
                    followed.first.push(now - begun);
                }
                before = now;
            }
            hand.say(Message::Store(told));
        }
        followed.all.push(begun.elapsed());
    }
    Ok(followed)
}

/// Someone at the page.
struct Hand {
    state: State,
    screen: Interface,
    paper: Framebuffer,
    workers: Workers,
    told: iced::futures::channel::mpsc::UnboundedReceiver<StoreEvent>,
}

impl Hand {
    fn open(options: &ViewOptions) -> Result<Self, ViewError> {
        let (tell, told) = iced::futures::channel::mpsc::unbounded();
        let workers = Workers::start(options.store.clone(), options.data.clone(), options.coefficients, tell);
        let (mut state, screen) = (State::new(options), Interface::new(options.size())?);
        let paper = Framebuffer::new(options.size())
            .ok_or_else(|| ViewError::NotThere(format!("expected a size, found {:?}", options.size())))?;
        ask(&workers, state.read_notebook());
        Ok(Self { state, screen, paper, workers, told })
    }

    fn say(&mut self, message: impl Into<Message>) {
        ask(&self.workers, self.state.update(message));
    }

    /// Trains what the notebook says, and waits for its figures.
    fn train(&mut self) -> Result<(), ViewError> {
        self.until("a plan", PATIENCE, |page| page.is_planned())?;
        if self.state.notebook.can_run() {
            self.say(notebook::Message::Run);
            self.until("trainings that end", LONG, |page| page.is_planned() && page.is_there())?;
        }
        self.until("figures", LONG, |page| page.is_drawn())
    }

    fn hear(&mut self) {
        while let Ok(told) = self.told.try_recv() {
            self.say(Message::Store(told));
        }
    }

    fn until(
        &mut self,
        what: &str,
        patience: Duration,
        holds: impl Fn(&notebook::State) -> bool,
    ) -> Result<(), ViewError> {
        let begun = Instant::now();
        while !holds(&self.state.notebook) {
            if begun.elapsed() > patience {
                let told = &self.state.status.notice;
                return Err(ViewError::NotThere(format!("expected {what}, found none in {patience:?}: {told:?}")));
            }
            std::thread::sleep(Duration::from_millis(1));
            self.hear();
        }
        Ok(())
    }

    /// Has something happen; what the workers told meanwhile is taken in before.
    fn frame(&mut self, at: Point, event: Event) -> Duration {
        self.hear();
        let (workers, paper) = (&self.workers, &mut self.paper);
        self.screen.frame(
            &mut self.state,
            at,
            event,
            &mut |state, message| ask(workers, state.update(message)),
            |renderer, ground| paper.draw(renderer, ground),
        )
    }
}

fn ask(workers: &Workers, effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Request(ask) = effect {
            workers.ask(ask);
        }
    }
}

fn typed(letter: char) -> Event {
    let text = letter.to_string();
    typed_key(Key::Character(text.as_str().into()), Some(text.as_str()))
}

fn typed_key(key: Key, text: Option<&str>) -> Event {
    Event::Keyboard(keyboard::Event::KeyPressed {
        modified_key: key.clone(),
        physical_key: Physical::Unidentified(NativeCode::Unidentified),
        location: Location::Standard,
        modifiers: Modifiers::empty(),
        text: text.map(Into::into),
        repeat: false,
        key,
    })
}
