//! Histograms over the steps: a drag looks closer at what it spans, and a second click shows all.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::HistogramsLayout;
use revacnn_schemas::Histograms;

use super::geometry_cache::{Cache, Kept, Last, size_key};
use super::labels::under_way;
use super::paint::{STYLE, paint, rectangle};
use super::press::Presses;
use crate::components::histograms::Message;
use crate::theme::Colours;

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Dragged {
    presses: Presses,
    /// Where the button was pressed, and where the pointer is.
    drag: Option<[Point; 2]>,
    layout: Kept<(Option<u64>, [u32; 2]), HistogramsLayout>,
    above: Last,
}

/// The histograms on the screen.
pub(crate) struct HistogramsPlot<'a> {
    pub(crate) figure: &'a Histograms,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    pub(crate) cache: &'a Cache,
    /// Whether another figure is on its way.
    pub(crate) late: bool,
}

/// How high histograms are that are so wide.
pub(crate) fn height(figure: &Histograms, seen: Size) -> f32 {
    HistogramsLayout::drawn(figure, seen.width, STYLE).1.height.max(seen.height)
}

impl HistogramsPlot<'_> {
    fn layout<'k>(&self, dragged: &'k Dragged, size: Size) -> Ref<'k, HistogramsLayout> {
        let make = || HistogramsLayout::drawn(self.figure, size.width, STYLE).1;
        dragged.layout.of((self.number, size_key(size)), make)
    }
}

fn place(at: Point) -> [f32; 2] {
    [at.x, at.y]
}

impl canvas::Program<Message> for HistogramsPlot<'_> {
    type State = Dragged;

    fn update(
        &self,
        dragged: &mut Dragged,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                if dragged.presses.is_second(at) {
                    dragged.drag = None;
                    return Some(Action::publish(Message::All).and_capture());
                }
                dragged.drag = Some([at; 2]);
                Some(Action::capture())
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let to = cursor.position_from(bounds.position())?;
                dragged.drag.as_mut()?[1] = to;
                Some(Action::request_redraw().and_capture())
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                let [from, to] = dragged.drag.take()?.map(place);
                let closer = self.layout(dragged, bounds.size()).closer(self.figure, from, to);
                Some(match closer {
                    Some(closer) => Action::publish(Message::Closer(closer)).and_capture(),
                    None => Action::request_redraw().and_capture(),
                })
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    fn draw(
        &self,
        dragged: &Dragged,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let drawn = self.cache.draw(renderer, bounds.size(), |frame: &mut Frame<Renderer>| {
            paint(frame, &HistogramsLayout::drawn(self.figure, bounds.width, STYLE).0, None, colours);
        });
        let mut above = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut above, colours);
        }
        let layout = self.layout(dragged, bounds.size());
        let span = dragged.drag.and_then(|drag| {
            let [from, to] = drag.map(place);
            layout.closer(self.figure, from, to)?;
            layout.span(from, to)
        });
        if let Some(span) = span {
            let at = rectangle(span);
            above.fill_rectangle(at.position(), at.size(), Color { a: 0.2, ..colours.accent });
        }
        vec![drawn, dragged.above.above(above)]
    }

    fn mouse_interaction(&self, _: &Dragged, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        if cursor.is_over(bounds) { mouse::Interaction::Crosshair } else { mouse::Interaction::default() }
    }
}
