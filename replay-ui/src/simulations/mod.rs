//! The window as it is used, without a display: found, pressed and typed into
//! by `iced_test`, on figures of a run that was really recorded.

mod branches;
mod classes;
mod editing;
mod keys;
mod layout;
mod looking;
mod notebook;
mod page;
mod pictures;
mod repaints;
mod snapshots;

use std::path::Path;

use iced::keyboard::key::{NativeCode, Physical};
use iced::keyboard::{Key, Modifiers};
use iced::{Event, Point, Size, mouse};
use iced_test::Simulator;
use iced_test::core::widget::Id;
use iced_test::selector::Candidate;
use revacnn_schemas::{BranchName, ImageIndex};
use revacnn_store::Store;
use revacnn_test_support::{SmallRun, network};
use revacnn_trainer::Settings;
use tempfile::TempDir;

use crate::headless::Interface;
use crate::requests::Effect;
use crate::screenshot::SyncReader;
use crate::state::State;
use crate::theme::{FONT, FONT_BYTES, NORMAL};
use crate::update::Message;
use crate::{ViewOptions, keymap, view};

/// What most of these tests speak of.
mod prelude {
    pub(super) use crate::cells::{Prepared, ViewId};
    pub(super) use crate::components::augmentation_form::{self, Way};
    pub(super) use crate::components::hyper_parameters::{self, Steered};
    pub(super) use crate::components::reading_form::Choice;
    pub(super) use crate::components::run_form::Field;
    pub(super) use crate::components::{
        filters, header, history, inspector, loss, network, prompt, reading_form, run_form, timeline, tree,
    };
    pub(super) use crate::context::Screen;
    pub(super) use crate::figure;
    pub(super) use crate::requests::{Effect, Intent, Request};
    pub(super) use crate::state::tests::edits;
    pub(super) use crate::store_events::{Done, Goal, Listed, Notice, StoreEvent, Undo};
    pub(super) use crate::time::{Align, Move};
    pub(super) use crate::update::Message;
}

const NETWORK: &str = r#"
name = "small"
[[layer]]
kind = "conv"
filters = 8
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "pool"
kernel = 2
[[layer]]
kind = "conv"
filters = 6
kernel = 3
pad = 1
activation = "tanh"
[[layer]]
kind = "softmax"
"#;

/// The last step of `main`.
const LAST: u64 = 60;
/// Where `wider` forks, with another filter, and its last step.
const WIDER: (u64, u64) = (30, 50);

fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

/// How the branches are recorded.
fn small() -> SmallRun {
    SmallRun {
        network: network(NETWORK),
        // What the pictures in `snapshots` show was trained with these.
        settings: Settings {
            optimizer: "adadelta,epsilon=1e-6".parse().unwrap(),
            batch_size: 4,
            ..Settings::default()
        },
        keyframe_interval: 16,
        probe: ImageIndex(0),
        validate_every: Some(20),
        ..SmallRun::default()
    }
}

/// Records `main`, and `wider` with another filter in its first layer.
fn record(folder: &Path) {
    let store = small().recorded(folder, LAST);
    small().fork(&store, ("main", WIDER.0), "wider", &["add-filter conv1"], WIDER.1);
}

/// Records `main`, and so many forks of it, each a little later and longer than
/// the one before.
fn record_many(folder: &Path, forks: u64) {
    record(folder);
    let store = Store::open(folder).unwrap();
    for place in 1..=forks {
        let edit = format!("set learning-rate 0.{place:02}");
        let small = SmallRun { forked_unix_seconds: 1 + place, ..small() };
        small.fork(&store, ("main", 10 + place), &format!("fork-{place}"), &[&edit], 20 + 2 * place);
    }
}

/// Someone at the window.
struct Person {
    state: State,
    /// What reads the store, where there is one.
    still: Option<SyncReader>,
    /// What the window wanted of others since it was last asked.
    wanted: Vec<Effect>,
    size: [u32; 2],
    _folder: Option<TempDir>,
}

impl Person {
    /// In front of a window whose store is still being opened.
    fn waiting() -> Self {
        // Words are measured before they are first drawn: in the window's font.
        let _ = crate::headless::renderer().unwrap();
        let options = crate::state::tests::options();
        Self { state: State::new(&options), still: None, wanted: Vec::new(), size: options.size(), _folder: None }
    }

    /// In front of a recorded run, at the end of `main`.
    fn at_a_run() -> Self {
        Self::before_store(record)
    }

    /// In front of what is recorded into a folder, at the end of `main`.
    fn before_store(record: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path());
        let options = ViewOptions { store: folder.path().to_owned(), ..crate::state::tests::options() };
        let mut person =
            Self { still: Some(SyncReader::open(&options).unwrap()), _folder: Some(folder), ..Self::waiting() };
        person.state.context.reduced_motion = true;
        let listed = person.still.as_mut().unwrap().list().unwrap();
        person.tell(listed);
        person
    }

    /// Lets something happen, and every figure that is wanted be made.
    fn tell(&mut self, message: impl Into<Message>) {
        let effects = self.state.update(message);
        self.wanted.extend(match &mut self.still {
            Some(still) => still.settle(&mut self.state, effects).unwrap(),
            None => effects,
        });
    }

    /// What the window wanted of others since it was last asked.
    fn wanted(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.wanted)
    }

    fn simulator(&self) -> Simulator<'_, Message> {
        let settings = iced::Settings {
            fonts: vec![FONT_BYTES.into()],
            default_font: FONT,
            default_text_size: NORMAL.into(),
            ..iced::Settings::default()
        };
        let size = Size::new(self.size[0] as f32, self.size[1] as f32);
        Simulator::with_size(settings, size, view::view(&self.state))
    }

    /// Does something with the mouse or in a field.
    fn act(&mut self, act: impl FnOnce(&mut Simulator<'_, Message>)) {
        let mut simulator = self.simulator();
        act(&mut simulator);
        let messages: Vec<Message> = simulator.into_messages().collect();
        messages.into_iter().for_each(|message| self.tell(message));
    }

    /// Presses what these words are on.
    #[track_caller]
    fn press(&mut self, words: &str) {
        assert!(self.reads(words), "there is no `{words}` to press");
        self.act(|simulator| drop(simulator.click(words).unwrap()));
    }

    /// Moves the mouse to a point, and does something there.
    fn at(&mut self, at: Point, events: impl IntoIterator<Item = mouse::Event>) {
        self.act(|simulator| {
            simulator.point_at(at);
            let moved = mouse::Event::CursorMoved { position: at };
            simulator.simulate(std::iter::once(moved).chain(events).map(Event::Mouse));
        });
    }

    /// Presses a key of the window.
    #[track_caller]
    fn key(&mut self, key: &str) {
        let place = Physical::Unidentified(NativeCode::Unidentified);
        let message = keymap::message(&Key::Character(key.into()), place, Modifiers::empty(), &self.state);
        self.tell(message.unwrap_or_else(|| panic!("the key {key} does nothing")));
    }

    /// Types into a field, and Enter.
    fn enter(&mut self, field: &'static str, text: &str) {
        self.act(|simulator| {
            simulator.click(Id::new(field)).unwrap();
            simulator.typewrite(text);
            simulator.tap_key(Key::Named(iced::keyboard::key::Named::Enter));
        });
    }

    /// Whether these words are somewhere in the window.
    fn reads(&self, words: &str) -> bool {
        self.simulator().find(words).is_ok()
    }

    /// Whether there is a text that has these words in it.
    fn reads_of(&self, words: &str) -> bool {
        let words = words.to_owned();
        let with = move |candidate: Candidate<'_>| {
            let Candidate::Text { content, .. } = candidate else { return None };
            content.contains(&words).then_some(())
        };
        self.simulator().find(with).is_ok()
    }

    /// Where words are.
    #[track_caller]
    fn place(&self, words: &str) -> iced::Rectangle {
        self.simulator().find(words).unwrap().visible_bounds().unwrap()
    }

    /// A point at which the mouse makes the window say something.
    fn point_where(&self, events: &[mouse::Event], says: impl Fn(&Message) -> bool) -> Option<Point> {
        Interface::new(self.size).unwrap().place(&self.state, events, says)
    }
}
