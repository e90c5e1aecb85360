//! The interface without a display: for pictures, tests and benches.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use iced::advanced::graphics::text::font_system;
use iced::advanced::renderer::{Headless, Style};
use iced::advanced::widget::Id;
use iced::advanced::widget::operation::focusable;
use iced::theme::Base;
use iced::{Color, Event, Pixels, Point, Size, mouse, window};
use iced_runtime::user_interface::{Cache, UserInterface};

use crate::state::State;
use crate::theme::{FONT, FONT_BYTES, NORMAL};
use crate::update::Message;
use crate::{ViewError, theme, view};

/// An interface of some size, which remembers what its canvases remember.
pub(crate) struct Interface {
    renderer: iced::Renderer,
    cache: Cache,
    /// Width and height in pixels.
    pub(crate) size: [u32; 2],
    cursor: mouse::Cursor,
}

impl Interface {
    /// A screen on which nothing is drawn yet.
    pub(crate) fn new(size: [u32; 2]) -> Result<Self, ViewError> {
        Ok(Self { renderer: renderer()?, cache: Cache::new(), size, cursor: mouse::Cursor::Unavailable })
    }

    /// What the interface says to events of the mouse at a point.
    pub(crate) fn point(&mut self, state: &State, at: Point, events: &[mouse::Event]) -> Vec<Message> {
        self.cursor = mouse::Cursor::Available(at);
        let events: Vec<Event> = events.iter().map(|event| Event::Mouse(*event)).collect();
        self.interface(state, &events, |_, _| {})
    }

    /// Moves the focus as Tab does, or as Shift+Tab; where it is then.
    #[cfg(test)]
    pub(crate) fn tab(&mut self, state: &State, back: bool) -> Option<iced::Rectangle> {
        let mut found = None;
        self.interface(state, &[], |interface, renderer| {
            crate::focus::move_focus(back, |operation| interface.operate(renderer, operation));
            let mut focused = crate::focus::Focused::default();
            interface.operate(renderer, &mut focused);
            found = focused.at;
        });
        found
    }

    /// What the interface says to a key, and whether a control took it.
    #[cfg(test)]
    pub(crate) fn key(&mut self, state: &State, key: iced::keyboard::Key) -> (Vec<Message>, bool) {
        use iced::keyboard::key::{NativeCode, Physical};
        use iced::keyboard::{Event as Keyboard, Location, Modifiers};
        let pressed = Event::Keyboard(Keyboard::KeyPressed {
            modified_key: key.clone(),
            physical_key: Physical::Unidentified(NativeCode::Unidentified),
            location: Location::Standard,
            modifiers: Modifiers::empty(),
            text: None,
            repeat: false,
            key,
        });
        let bounds = Size::new(self.size[0] as f32, self.size[1] as f32);
        let cache = std::mem::take(&mut self.cache);
        let mut interface = UserInterface::build(view::view(state), bounds, cache, &mut self.renderer);
        let mut said = Vec::new();
        let clipboard = &mut iced::advanced::clipboard::Null;
        let (_, taken) = interface.update(&[pressed], self.cursor, &mut self.renderer, clipboard, &mut said);
        self.cache = interface.into_cache();
        (said, taken.contains(&iced::event::Status::Captured))
    }

    /// Draws the interface, and has what was drawn put on a ground of a colour.
    pub(crate) fn draw(&mut self, state: &State, put: impl FnOnce(&mut iced::Renderer, Color)) {
        let cursor = self.cursor;
        let theme = theme::theme(state.context.dark);
        let redraw = Event::Window(window::Event::RedrawRequested(Instant::now()));
        self.interface(state, &[redraw], |interface, renderer| {
            let base = theme.base();
            interface.draw(renderer, &theme, &Style { text_color: base.text_color }, cursor);
            put(renderer, base.background_color);
        });
    }

    /// Puts the text cursor into a field.
    pub(crate) fn focus(&mut self, state: &State, field: &'static str) {
        self.interface(state, &[], |interface, renderer| {
            interface.operate(renderer, &mut focusable::focus::<()>(Id::new(field)));
        });
    }

    /// Has something happen at a point, and draws what comes of it, as the window's loop does: the
    /// interface is built anew only where it says something. Returns how long that took.
    pub(crate) fn frame(
        &mut self,
        state: &mut State,
        at: Point,
        event: Event,
        says: &mut dyn FnMut(&mut State, Message),
        put: impl FnOnce(&mut iced::Renderer, Color),
    ) -> Duration {
        self.cursor = mouse::Cursor::Available(at);
        let bounds = Size::new(self.size[0] as f32, self.size[1] as f32);
        let theme = theme::theme(state.context.dark);
        let clipboard = &mut iced::advanced::clipboard::Null;
        let cache = std::mem::take(&mut self.cache);
        // What the frame before has left.
        let mut interface = UserInterface::build(view::view(state), bounds, cache, &mut self.renderer);
        let begin = Instant::now();
        let mut said = Vec::new();
        let _ = interface.update(&[event], self.cursor, &mut self.renderer, clipboard, &mut said);
        if !said.is_empty() {
            let cache = interface.into_cache();
            said.drain(..).for_each(|message| says(state, message));
            interface = UserInterface::build(view::view(state), bounds, cache, &mut self.renderer);
        }
        let redraw = Event::Window(window::Event::RedrawRequested(Instant::now()));
        let _ = interface.update(&[redraw], self.cursor, &mut self.renderer, clipboard, &mut said);
        let base = theme.base();
        interface.draw(&mut self.renderer, &theme, &Style { text_color: base.text_color }, self.cursor);
        put(&mut self.renderer, base.background_color);
        let took = begin.elapsed();
        self.cache = interface.into_cache();
        took
    }

    fn interface(
        &mut self,
        state: &State,
        events: &[Event],
        then: impl FnOnce(&mut UserInterface<'_, Message, iced::Theme, iced::Renderer>, &mut iced::Renderer),
    ) -> Vec<Message> {
        let bounds = Size::new(self.size[0] as f32, self.size[1] as f32);
        let cache = std::mem::take(&mut self.cache);
        let mut interface = UserInterface::build(view::view(state), bounds, cache, &mut self.renderer);
        let mut said = Vec::new();
        let clipboard = &mut iced::advanced::clipboard::Null;
        let _ = interface.update(events, self.cursor, &mut self.renderer, clipboard, &mut said);
        then(&mut interface, &mut self.renderer);
        self.cache = interface.into_cache();
        said
    }
}

/// The renderer that draws without a display.
pub(crate) fn renderer() -> Result<iced::Renderer, ViewError> {
    font_system().write().unwrap_or_else(PoisonError::into_inner).load_font(FONT_BYTES.into());
    let renderer = <iced::Renderer as Headless>::new(FONT, Pixels(NORMAL), Some("tiny-skia"));
    let renderer = iced::futures::executor::block_on(renderer);
    renderer.ok_or_else(|| ViewError::Window("the software renderer cannot be made".to_owned()))
}
