//! What is drawn on with the mouse.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::widget::image::Handle;
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse};

use super::put;
use crate::components::pad::Message;

/// The drawing, as large as it is shown.
pub(crate) struct Pad<'a> {
    pub(crate) picture: &'a Handle,
    pub(crate) size: [f32; 2],
}

impl Pad<'_> {
    /// A place as shares of the width and the height.
    fn share(at: Point, bounds: Rectangle) -> [f32; 2] {
        [at.x / bounds.width.max(1.0), at.y / bounds.height.max(1.0)]
    }
}

impl canvas::Program<Message> for Pad<'_> {
    /// Whether the button is held down.
    type State = bool;

    fn update(
        &self,
        held: &mut bool,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                *held = true;
                Some(Action::publish(Message::Press(Self::share(at, bounds))).and_capture())
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) if *held => {
                let at = cursor.position_from(bounds.position())?;
                Some(Action::publish(Message::Move(Self::share(at, bounds))).and_capture())
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) if *held => {
                *held = false;
                Some(Action::publish(Message::Release).and_capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    fn draw(&self, _: &bool, renderer: &Renderer, _: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let mut frame = Frame::new(renderer, bounds.size());
        let at = Rectangle::new(Point::ORIGIN, Size::new(self.size[0], self.size[1]));
        put(&mut frame, &(at, self.picture.clone()));
        vec![frame.into_geometry()]
    }

    fn mouse_interaction(&self, _: &bool, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match cursor.is_over(bounds) {
            true => mouse::Interaction::Crosshair,
            false => mouse::Interaction::default(),
        }
    }
}
