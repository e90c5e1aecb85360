//! A matrix of classes: pointing at a place tells how many images it has, and a press chooses them.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::MatrixLayout;
use revacnn_schemas::TableFigure;

use super::geometry_cache::{Cache, Kept, Last, size_key};
use super::labels::{TextAlign, label, under_way};
use super::outline;
use super::paint::{STYLE, paint, rectangle};
use crate::components::classes::{Message, Taken};
use crate::theme::Colours;

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Over {
    /// The row and column that are pointed at.
    place: Option<[usize; 2]>,
    layout: Kept<(Option<u64>, [u32; 2], u32), MatrixLayout>,
    /// What marks places, and the line that says that other numbers are on their way.
    above: Last,
}

/// The matrix on the screen.
pub(crate) struct MatrixPlot<'a> {
    pub(crate) table: &'a TableFigure,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    /// The place that is chosen.
    pub(crate) chosen: Option<&'a Taken>,
    /// Whether another figure is on its way.
    pub(crate) late: bool,
    pub(crate) cache: &'a Cache,
    /// The height that is seen of it.
    pub(crate) height: f32,
}

/// The line beneath the matrix that tells of the place that is pointed at.
const LINE: f32 = 18.0;

/// How high a matrix is that is seen in some room.
pub(crate) fn height(table: &TableFigure, seen: Size) -> f32 {
    let matrix = MatrixLayout::of(table, seen.width, Some(seen.height - LINE), STYLE);
    (matrix.height + LINE).ceil().max(seen.height)
}

impl MatrixPlot<'_> {
    fn layout<'k>(&self, over: &'k Over, size: Size) -> Ref<'k, MatrixLayout> {
        let make = || MatrixLayout::of(self.table, size.width, Some(self.height - LINE), STYLE);
        over.layout.of((self.number, size_key(size), self.height.to_bits()), make)
    }

    /// The classes of a place.
    fn taken(&self, [row, column]: [usize; 2]) -> Option<Taken> {
        let actual = self.table.rows.get(row)?.first()?.clone();
        let predicted = self.table.columns.get(column + 1)?.name.clone();
        Some(Taken { actual, predicted })
    }

    /// Where the chosen place is.
    fn place_of(&self, taken: &Taken) -> Option<[usize; 2]> {
        let row = self.table.rows.iter().position(|row| row.first() == Some(&taken.actual))?;
        let column = self.table.columns.iter().skip(1).position(|column| column.name == taken.predicted)?;
        Some([row, column])
    }

    /// What is told of a place.
    fn says(&self, place: [usize; 2]) -> Option<String> {
        let [row, column] = place;
        let count = self.table.rows.get(row)?.get(column + 1)?;
        Some(format!("{}: {count}", self.taken(place)?))
    }
}

impl canvas::Program<Message> for MatrixPlot<'_> {
    type State = Over;

    fn update(
        &self,
        over: &mut Over,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let at = cursor.position_in(bounds);
        let place = |over: &Over| at.and_then(|at| self.layout(over, bounds.size()).place_at([at.x, at.y]));
        match event {
            Event::Mouse(mouse::Event::CursorMoved { .. } | mouse::Event::CursorLeft) => {
                let now = place(over);
                (std::mem::replace(&mut over.place, now) != now).then(Action::request_redraw)
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let pressed = self.taken(place(over)?)?;
                // A second press on it shows all again.
                let chosen = (self.chosen != Some(&pressed)).then_some(pressed);
                Some(Action::publish(Message::Choose(chosen)).and_capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    fn draw(
        &self,
        over: &Over,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let drawn = self.cache.draw(renderer, bounds.size(), |frame: &mut Frame<Renderer>| {
            paint(frame, &self.layout(over, bounds.size()).scene(self.table, STYLE), None, colours);
        });
        let layout = self.layout(over, bounds.size());
        let mut above = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut above, colours);
        }
        let chosen = self.chosen.and_then(|taken| self.place_of(taken));
        for (place, stroke) in [(chosen, 3.0), (over.place, 1.5)] {
            let Some([row, column]) = place else { continue };
            outline(&mut above, rectangle(layout.area(row, column)), stroke, colours);
        }
        if let Some(words) = over.place.and_then(|place| self.says(place)) {
            let foot = Point::new(16.0, layout.height);
            label(&mut above, words, foot, colours.ink, TextAlign::Left);
        }
        vec![drawn, over.above.above(above)]
    }

    fn mouse_interaction(&self, over: &Over, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let at = cursor.position_in(bounds).and_then(|at| self.layout(over, bounds.size()).place_at([at.x, at.y]));
        if at.is_some() { mouse::Interaction::Pointer } else { mouse::Interaction::default() }
    }
}
