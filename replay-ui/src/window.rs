//! The window: iced's loop about the state.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use iced::futures::channel::mpsc;
use iced::{Event, Size, Subscription, Task, clipboard, event, keyboard, widget, window};

use crate::context::Screen;
use crate::options::is_size;
use crate::requests::Effect;
use crate::settings::{Keeper, Settings};
use crate::state::State;
use crate::store_events::{Notice, StoreEvent};
use crate::theme::{FONT, FONT_BYTES, NORMAL};
use crate::update::Message;
use crate::worker::Workers;
use crate::{ViewError, ViewOptions, keymap, theme, view};

/// The smallest window, in logical pixels: a screen of 1920×1080 at scale 2 has
/// room for it and for what frames it.
const LEAST: Size = Size::new(800.0, 480.0);

struct Window {
    state: State,
    workers: Workers,
    /// Remembers what is chosen.
    keeper: Option<Keeper>,
    /// Its width and height, in logical pixels.
    size: [u32; 2],
}

#[derive(Debug, Clone)]
enum Happened {
    Message(Message),
    /// What a key writes, where it lies, and what is held with it.
    Key(keyboard::Key, keyboard::key::Physical, keyboard::Modifiers),
    /// The window has another size.
    Resized(Size),
    /// The window is there.
    Opened(window::Id),
}

/// Opens the window, and returns when it is closed.
///
/// # Errors
/// [`ViewError::Window`] where there is no display.
pub fn run(options: ViewOptions) -> Result<(), ViewError> {
    let (settings, problem) = options.settings.as_deref().map(Settings::read).unwrap_or_default();
    let before = settings.window.filter(|size| is_size(*size)).unwrap_or_else(|| options.size());
    let opened_at = options.size.unwrap_or(before);
    let size = Size::new(opened_at[0] as f32, opened_at[1] as f32);
    let quiet = Quiet::new();
    let opened = quiet.clone();
    let boot = move || {
        opened.end();
        let (tell, told) = mpsc::unbounded();
        let refused = tell.clone();
        let workers = Workers::start(options.store.clone(), options.data.clone(), options.coefficients, tell);
        let mut state = State::new(&options);
        let keeper = options.settings.clone().map(|path| {
            settings.apply(&mut state);
            let remembered = Settings::of(&state, before);
            // What is asked for now is as it was last the next time.
            state.context.dark = options.dark.unwrap_or(state.context.dark);
            Keeper::new(path, remembered, move |reason| {
                // Nobody listens any more only when the window has closed.
                let _ = refused.unbounded_send(StoreEvent::Noticed(Notice::Refused(reason)));
            })
        });
        if let Some(problem) = problem.clone() {
            state.status.refuse(problem);
        }
        let size = opened_at;
        if let Some(Effect::Request(ask)) = state.read_notebook().pop() {
            workers.ask(ask);
        }
        (Window { state, workers, keeper, size }, Task::run(told, |told| Happened::Message(Message::Store(told))))
    };
    let application = iced::application(boot, Window::update, Window::view)
        .title(|window: &Window| title(&window.state))
        .theme(|window: &Window| theme::theme(window.state.context.dark))
        .subscription(Window::listen)
        .settings(iced::Settings {
            fonts: vec![FONT_BYTES.into()],
            default_font: FONT,
            default_text_size: NORMAL.into(),
            ..iced::Settings::default()
        })
        .window(window::Settings { size, min_size: Some(LEAST), ..window::Settings::default() });
    match catch_unwind(AssertUnwindSafe(|| application.run())) {
        Ok(ended) => ended.map_err(|error| ViewError::Window(error.to_string())),
        Err(_) if quiet.end() => {
            let found = "neither DISPLAY nor WAYLAND_DISPLAY names a display that answers";
            Err(ViewError::Window(found.to_owned()))
        }
        Err(panic) => resume_unwind(panic),
    }
}

/// Panics are silent until this ends. iced panics where there is no display,
/// which is no fault of the program; whatever comes later is one.
#[derive(Clone)]
struct Quiet(Arc<Mutex<Option<Hook>>>);

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

impl Quiet {
    fn new() -> Self {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        Self(Arc::new(Mutex::new(Some(hook))))
    }

    /// Ends it; returns whether it had not ended yet.
    fn end(&self) -> bool {
        let hook = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        hook.map(panic::set_hook).is_some()
    }
}

/// A size that is worth to be remembered: none that a window has while it is hidden.
fn remembered_size(size: Size) -> Option<[u32; 2]> {
    let large = size.width >= LEAST.width && size.height >= LEAST.height;
    large.then(|| [size.width.round() as u32, size.height.round() as u32])
}

/// Where one is, or that one is nowhere.
fn title(state: &State) -> String {
    match (&state.context.screen, state.context.at()) {
        (Screen::Unreadable(_), _) => format!("cannot read {} · ReVACNN", state.context.store),
        (Screen::Figures, Some(at)) => format!("{at} · ReVACNN"),
        _ => "ReVACNN".to_owned(),
    }
}

impl Window {
    fn update(&mut self, happened: Happened) -> Task<Happened> {
        let message = match happened {
            Happened::Message(message) => message,
            Happened::Key(key, place, modifiers) => match keymap::message(&key, place, modifiers, &self.state) {
                Some(message) => message,
                None => return Task::none(),
            },
            Happened::Resized(size) => {
                self.size = remembered_size(size).unwrap_or(self.size);
                self.remember();
                return Task::none();
            }
            Happened::Opened(id) => {
                return window::scale_factor(id).map(|scale| Happened::Message(Message::Scale(scale)));
            }
        };
        let effects = self.state.update(message);
        self.remember();
        Task::batch(effects.into_iter().map(|effect| match effect {
            Effect::Request(ask) => {
                self.workers.ask(ask);
                Task::none()
            }
            Effect::Focus(field) => widget::operation::focus(field),
            Effect::Copy(text) => clipboard::write(text),
            Effect::ScrollToEnd(scrolled) => widget::operation::snap_to_end(scrolled),
        }))
    }

    fn remember(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(Settings::of(&self.state, self.size));
        }
    }

    fn view(&self) -> iced::Element<'_, Happened> {
        view::view(&self.state).map(Happened::Message)
    }

    fn listen(&self) -> Subscription<Happened> {
        // Keys that no field took; Escape whether one took it or not.
        event::listen_with(|event, status, id| match event {
            Event::Keyboard(keyboard::Event::KeyPressed { modified_key, physical_key, modifiers, .. }) => {
                let escape = modified_key == keyboard::Key::Named(keyboard::key::Named::Escape);
                (status == event::Status::Ignored || escape).then_some(Happened::Key(
                    modified_key,
                    physical_key,
                    modifiers,
                ))
            }
            Event::Window(window::Event::Resized(size)) => Some(Happened::Resized(size)),
            Event::Window(window::Event::Opened { .. }) => Some(Happened::Opened(id)),
            Event::Window(window::Event::Rescaled(scale)) => Some(Happened::Message(Message::Scale(scale))),
            Event::Window(window::Event::FileDropped(path)) => Some(Happened::Message(Message::Dropped(path))),
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::{opened, options};

    #[test]
    fn the_title_says_where_one_is() {
        let mut state = State::new(&options());
        assert_eq!(title(&state), "ReVACNN");
        state = opened();
        assert_eq!(title(&state), "main@100 · ReVACNN");
        state.update(Message::Store(StoreEvent::Unreadable("gone".to_owned())));
        assert_eq!(title(&state), "cannot read runs · ReVACNN");
    }
}
