//! The window: iced's loop about the state.

use iced::futures::channel::mpsc;
use iced::{Event, Size, Subscription, Task, event, keyboard, widget, window};

use crate::app::{Action, Message, State};
use crate::curves::key;
use crate::diagram::Pictures;
use crate::look::{FONT, FONT_BYTES, NORMAL};
use crate::worker::Workers;
use crate::{ViewError, ViewOptions, look, view};

/// The smallest window.
const LEAST: Size = Size::new(1024.0, 700.0);

struct Window {
    state: State,
    pictures: Pictures,
    workers: Workers,
}

#[derive(Debug, Clone)]
enum Happened {
    Message(Message),
    Key(keyboard::Key, keyboard::Modifiers),
}

/// Opens the window, and returns when it is closed.
///
/// # Errors
/// [`ViewError::Window`] where there is no display.
pub fn run(options: ViewOptions) -> Result<(), ViewError> {
    let size = Size::new(options.size[0] as f32, options.size[1] as f32);
    let boot = move || {
        let (tell, told) = mpsc::unbounded();
        let workers = Workers::start(options.store.clone(), options.data.clone(), tell);
        let state = State::new(options.store.display().to_string(), options.address.clone(), options.dark);
        let window = Window { state, pictures: Pictures::default(), workers };
        (window, Task::run(told, |told| Happened::Message(Message::Told(told))))
    };
    iced::application(boot, Window::update, Window::view)
        .title(|window: &Window| match &window.state.selected {
            Some(branch) => format!("{branch}@{} · ReVACNN", window.state.time.cursor),
            None => "ReVACNN".to_owned(),
        })
        .theme(|window: &Window| look::theme(window.state.dark))
        .subscription(Window::listen)
        .font(FONT_BYTES)
        .default_font(FONT)
        .settings(iced::Settings {
            fonts: vec![FONT_BYTES.into()],
            default_font: FONT,
            default_text_size: NORMAL.into(),
            ..iced::Settings::default()
        })
        .window(window::Settings { size, min_size: Some(LEAST), ..window::Settings::default() })
        .run()
        .map_err(|error| ViewError::Window(error.to_string()))
}

impl Window {
    fn update(&mut self, happened: Happened) -> Task<Happened> {
        let message = match happened {
            Happened::Message(message) => message,
            Happened::Key(pressed, modifiers) => {
                if pressed == keyboard::Key::Named(keyboard::key::Named::Tab) {
                    return if modifiers.shift() {
                        widget::operation::focus_previous()
                    } else {
                        widget::operation::focus_next()
                    };
                }
                if pressed == keyboard::Key::Named(keyboard::key::Named::Space) {
                    Message::Play(!self.state.playing)
                } else {
                    match key(&pressed, modifiers, self.state.page_steps()) {
                        Some(message) => message,
                        None => return Task::none(),
                    }
                }
            }
        };
        let redrawn = matches!(&message, Message::Told(crate::worker::Told::Network { .. }));
        let action = self.state.update(message);
        if redrawn {
            self.pictures = match &self.state.network {
                Some((_, Ok(diagram))) => Pictures::of(diagram),
                _ => Pictures::default(),
            };
        }
        match action {
            Action::None => Task::none(),
            Action::Ask(asks) => {
                asks.into_iter().for_each(|ask| self.workers.ask(ask));
                Task::none()
            }
            Action::FocusGoTo => widget::operation::focus(view::GO_TO),
        }
    }

    fn view(&self) -> iced::Element<'_, Happened> {
        view::view(&self.state, &self.pictures).map(Happened::Message)
    }

    fn listen(&self) -> Subscription<Happened> {
        // Keys that no field took.
        event::listen_with(|event, status, _| match (event, status) {
            (Event::Keyboard(keyboard::Event::KeyPressed { modified_key, modifiers, .. }), event::Status::Ignored) => {
                Some(Happened::Key(modified_key, modifiers))
            }
            (
                Event::Keyboard(keyboard::Event::KeyPressed {
                    key: keyboard::Key::Named(keyboard::key::Named::Escape),
                    ..
                }),
                _,
            ) => Some(Happened::Message(Message::Escape)),
            _ => None,
        })
    }
}
