//! A border between two parts of the window: dragged it makes one larger, and a double
//! click gives it the size back that it has by default.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Color, Element, Fill, Point, Rectangle, Renderer, Size, Theme, mouse};

use super::geometry_cache::Last;
use super::press::Presses;
use crate::sizes::{Border, Message, WIDE};
use crate::theme::Colours;

/// What lies at either side of a border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Figures.
    Paper,
    /// Panels.
    Panel,
}

impl Ground {
    fn colour(self, colours: &Colours) -> Color {
        match self {
            Self::Paper => colours.paper,
            Self::Panel => colours.panel,
        }
    }
}

/// A border.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) border: Border,
    /// How large the part is that it belongs to.
    pub(crate) now: f32,
    /// All the room that its part has a share of.
    pub(crate) room: f32,
    /// What lies before and after it.
    pub(crate) grounds: [Ground; 2],
}

/// What a border remembers.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// How far from its upper or left edge it is held.
    at: Option<f32>,
    over: bool,
    presses: Presses,
    drawn: Last,
}

impl Edge {
    /// The border on the screen.
    pub(crate) fn shown<'a>(self) -> Element<'a, Message> {
        let drawn = iced::widget::canvas(self);
        match self.border.is_upright() {
            true => drawn.width(WIDE).height(Fill).into(),
            false => drawn.width(Fill).height(WIDE).into(),
        }
    }

    fn along(self, at: Point) -> f32 {
        if self.border.is_upright() { at.x } else { at.y }
    }
}

impl canvas::Program<Message> for Edge {
    type State = Held;

    fn update(
        &self,
        held: &mut Held,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                // By where it lies on the screen: the border itself moves.
                if held.presses.is_second(cursor.position()?) {
                    held.at = None;
                    return Some(Action::publish(Message::Reset(self.border)).and_capture());
                }
                held.at = Some(self.along(at));
                Some(Action::request_redraw().and_capture())
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                if let Some(from) = held.at {
                    let moved = self.along(cursor.position_from(bounds.position())?) - from;
                    let size = self.now + moved * self.border.direction();
                    let message = Message::Drag { border: self.border, size, room: self.room };
                    return Some(Action::publish(message).and_capture());
                }
                let over = cursor.is_over(bounds);
                (std::mem::replace(&mut held.over, over) != over).then(Action::request_redraw)
            }
            Event::Mouse(mouse::Event::CursorLeft) => std::mem::take(&mut held.over).then(Action::request_redraw),
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                held.at.take()?;
                held.over = cursor.is_over(bounds);
                Some(Action::request_redraw().and_capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    fn draw(
        &self,
        held: &Held,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let size = bounds.size();
        let mut frame = Frame::new(renderer, size);
        let mut fill = |from: f32, wide: f32, colour: Color| {
            let (at, size) = match self.border.is_upright() {
                true => (Point::new(from, 0.0), Size::new(wide, size.height)),
                false => (Point::new(0.0, from), Size::new(size.width, wide)),
            };
            frame.fill_rectangle(at, size, colour);
        };
        let half = (WIDE / 2.0).floor();
        fill(0.0, half, self.grounds[0].colour(colours));
        fill(half + 1.0, half, self.grounds[1].colour(colours));
        match held.over || held.at.is_some() {
            true => fill(half - 1.0, 3.0, colours.accent),
            false => fill(half, 1.0, colours.line),
        }
        vec![held.drawn.ground(frame)]
    }

    fn mouse_interaction(&self, held: &Held, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match (held.at.is_some() || cursor.is_over(bounds), self.border.is_upright()) {
            (false, _) => mouse::Interaction::default(),
            (true, true) => mouse::Interaction::ResizingHorizontally,
            (true, false) => mouse::Interaction::ResizingVertically,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_says_how_large_a_part_becomes_and_a_double_click_gives_the_default_back() {
        for (border, direction) in [(Border::Tree, 1.0), (Border::Inspector, -1.0), (Border::Timeline, -1.0)] {
            let edge = Edge { border, now: 200.0, room: 1000.0, grounds: [Ground::Panel, Ground::Paper] };
            let (mut held, bounds) = (Held::default(), Rectangle { x: 300.0, y: 300.0, width: 5.0, height: 5.0 });
            let mut said = |event: mouse::Event, at: f32| {
                let cursor = mouse::Cursor::Available(Point::new(at, at));
                let action = canvas::Program::update(&edge, &mut held, &Event::Mouse(event), bounds, cursor);
                action.and_then(|action| action.into_inner().0)
            };
            let [down, up] =
                [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
            let moved = mouse::Event::CursorMoved { position: Point::ORIGIN };
            assert_eq!(said(moved, 301.0), None, "it is not held");
            assert_eq!(said(down, 301.0), None);
            for by in [10.0, 40.0, -400.0] {
                let size = 200.0 + direction * by;
                assert_eq!(said(moved, 301.0 + by), Some(Message::Drag { border, size, room: 1000.0 }), "{border:?}");
            }
            assert_eq!((said(up, 350.0), said(moved, 360.0)), (None, None), "it is let go");
            assert_eq!(said(down, 301.0), Some(Message::Reset(border)));
            assert_eq!(said(moved, 330.0), None, "it is not held");
        }
    }
}
