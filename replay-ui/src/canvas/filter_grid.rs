//! A layer's filters in a grid: a row a branch, the same filters beneath one
//! another, and a gap with a dotted outline where a branch lacks one. Where there are
//! more than can be seen at once, the grid is higher than its room, and scrolls.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::GridLayout;
use revacnn_schemas::ImageGrid;

use super::atlas::Atlas;
use super::geometry_cache::{Cache, Kept, Last, size_key};
use super::labels::under_way;
use super::paint::{STYLE, paint, rectangle, room};
use super::{hover, put};
use crate::figure::{FilterKey, Highlights, Message};
use crate::pixels::Pictures;
use crate::theme::Colours;

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Over {
    filter: Option<FilterKey>,
    /// Where the images lie, of which figure and size.
    layout: Kept<(Option<u64>, [u32; 2]), GridLayout>,
    /// The line that says that other filters are on their way.
    line: Last,
}

/// The grid on the screen.
pub(crate) struct FilterGrid<'a> {
    pub(crate) grid: &'a ImageGrid,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    pub(crate) pictures: Option<&'a Pictures>,
    pub(crate) highlights: Highlights<'a>,
    /// Whether another figure is on its way.
    pub(crate) late: bool,
    pub(crate) cache: &'a Cache,
    /// The height that is seen of it.
    pub(crate) height: f32,
}

/// How high a grid is that is seen in some room.
pub(crate) fn height(grid: &ImageGrid, seen: Size) -> f32 {
    GridLayout::of(grid, room(seen), STYLE).height.ceil().max(seen.height)
}

impl FilterGrid<'_> {
    fn layout<'k>(&self, over: &'k Over, size: Size) -> Ref<'k, GridLayout> {
        let seen = Size::new(size.width, self.height);
        over.layout.of((self.number, size_key(seen)), || GridLayout::of(self.grid, room(seen), STYLE))
    }

    fn filter_at(&self, over: &Over, at: Point, size: Size) -> Option<FilterKey> {
        let (row, column) = self.layout(over, size).cell_at([at.x, at.y])?;
        self.grid.rows.get(row)?.images.get(column)?.as_ref()?.filter.clone()
    }
}

impl canvas::Program<Message> for FilterGrid<'_> {
    type State = Over;

    fn update(
        &self,
        over: &mut Over,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let at = cursor.position_in(bounds);
        match event {
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let now = at.and_then(|at| self.filter_at(over, at, bounds.size()));
                hover(&mut over.filter, now)
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = at?;
                Some(Action::publish(Message::Pick(self.filter_at(over, at, bounds.size()))).and_capture())
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
            let layout = self.layout(over, bounds.size());
            paint(frame, &layout.words(self.grid, STYLE), None, colours);
            let cells: Vec<Rectangle> = layout.cells.iter().flatten().copied().map(rectangle).collect();
            let Some(mut images) = Atlas::about(&cells, 2.0) else { return };
            let is_marked = |filter: &Option<FilterKey>| filter.as_ref().is_some_and(|key| self.highlights.has(key));
            images.paint(&layout.images(self.grid, |image| is_marked(&image.filter)), self.pictures, colours);
            put(frame, &images.into_handle());
        });
        // Also where it is empty: what is drawn after it would be drawn again
        // if it came and went.
        let mut line = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut line, colours);
        }
        vec![drawn, over.line.above(line)]
    }

    fn mouse_interaction(&self, over: &Over, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match cursor.position_in(bounds).and_then(|at| self.filter_at(over, at, bounds.size())) {
            Some(_) => mouse::Interaction::Pointer,
            None => mouse::Interaction::default(),
        }
    }
}
