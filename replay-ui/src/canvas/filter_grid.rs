//! A layer's filters in a grid: a row a branch, the same filters beneath one
//! another, and a gap with a dotted outline where a branch lacks one.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_schemas::ImageGrid;

use super::atlas::Atlas;
use super::geometry_cache::{Cache, Last};
use super::labels::{TextAlign, gap, label, under_way};
use super::text::fitted;
use super::{hover, put};
use crate::figure::{FilterKey, Highlights, Message};
use crate::pixels::Pictures;
use crate::theme::Colours;

/// The height of a branch's name above its row.
const HEAD: f32 = 20.0;
/// The width of a branch's name before its row, where there are many.
const NAME: f32 = 96.0;
/// So many branches have their names before their rows.
const MANY: usize = 3;
const GAP: f32 = 4.0;
const LARGEST: f32 = 40.0;

/// The cells of one row of the grid, wrapped where it is too long.
pub(crate) fn cells(rows: usize, columns: usize, size: Size) -> Vec<Vec<Rectangle>> {
    let (name, head) = if rows < MANY { (0.0, HEAD) } else { (NAME, 2.0) };
    let width = (size.width - 24.0 - name).max(1.0);
    let fits = |lines: usize| {
        let across = columns.max(1).div_ceil(lines);
        let high = (size.height / rows.max(1) as f32 - head - GAP) / lines as f32 - GAP;
        let side = ((width + GAP) / across as f32 - GAP).min(high).clamp(4.0, LARGEST);
        (across, side)
    };
    let mut best = (fits(1), 1);
    for lines in 2..=4 {
        let next = fits(lines);
        if next.1 > best.0.1 {
            best = (next, lines);
        }
    }
    let ((across, side), lines) = best;
    let row_height = head + lines as f32 * (side + GAP) + GAP;
    (0..rows)
        .map(|row| {
            let top = row as f32 * row_height + head;
            let cell = |column: usize| Rectangle {
                x: (12.0 + name + (column % across) as f32 * (side + GAP)).round(),
                y: (top + (column / across) as f32 * (side + GAP)).round(),
                width: side.floor(),
                height: side.floor(),
            };
            (0..columns).map(cell).collect()
        })
        .collect()
}

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Over {
    filter: Option<FilterKey>,
    /// The line that says that other filters are on their way.
    line: Last,
}

/// The grid on the screen.
pub(crate) struct FilterGrid<'a> {
    pub(crate) grid: &'a ImageGrid,
    pub(crate) pictures: Option<&'a Pictures>,
    pub(crate) highlights: Highlights<'a>,
    /// Whether it is of another step than the cursor's.
    pub(crate) late: bool,
    pub(crate) cache: &'a Cache,
}

impl FilterGrid<'_> {
    fn columns(&self) -> usize {
        self.grid.rows.iter().map(|row| row.images.len()).max().unwrap_or(0)
    }

    fn filter_at(&self, at: Point, size: Size) -> Option<FilterKey> {
        let cells = cells(self.grid.rows.len(), self.columns(), size);
        let (row, column) = cells
            .iter()
            .enumerate()
            .find_map(|(row, cells)| cells.iter().position(|cell| cell.contains(at)).map(|column| (row, column)))?;
        self.grid.rows[row].images.get(column)?.as_ref()?.filter.clone()
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
                hover(&mut over.filter, at.and_then(|at| self.filter_at(at, bounds.size())))
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = at?;
                Some(Action::publish(Message::Pick(self.filter_at(at, bounds.size()))).and_capture())
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
            let cells = cells(self.grid.rows.len(), self.columns(), bounds.size());
            let mut images = Atlas::about(&cells.concat(), 2.0);
            for (row, line) in self.grid.rows.iter().enumerate() {
                if let Some(first) = cells[row].first() {
                    let many = self.grid.rows.len() >= MANY;
                    let room = if many { NAME - 8.0 } else { bounds.width - 24.0 };
                    let y = if many { first.center_y() } else { first.y - HEAD / 2.0 - 1.0 };
                    let name = fitted(&line.label, room);
                    label(frame, name, Point::new(12.0, y), colours.faint, TextAlign::Left);
                }
                for (column, image) in line.images.iter().enumerate() {
                    let at = cells[row][column];
                    let Some(image) = image else {
                        gap(frame, at, colours);
                        continue;
                    };
                    let Some(images) = &mut images else { continue };
                    if image.filter.as_ref().is_some_and(|key| self.highlights.has(key)) {
                        images.fill(at.expand(2.0), colours.accent);
                    }
                    images.put(self.pictures, (row, column), at);
                }
            }
            if let Some(images) = images {
                put(frame, &images.into_handle());
            }
        });
        // Also where it is empty: what is drawn after it would be drawn again
        // if it came and went.
        let mut line = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut line, colours);
        }
        vec![drawn, over.line.above(line)]
    }

    fn mouse_interaction(&self, _: &Over, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match cursor.position_in(bounds).and_then(|at| self.filter_at(at, bounds.size())) {
            Some(_) => mouse::Interaction::Pointer,
            None => mouse::Interaction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_beneath_one_another_within_the_width() {
        let size = Size::new(420.0, 200.0);
        for (rows, columns) in [(1, 20), (2, 21), (3, 40), (1, 0)] {
            let cells = cells(rows, columns, size);
            assert_eq!(cells.len(), rows);
            let all: Vec<&Rectangle> = cells.iter().flatten().collect();
            for (place, cell) in all.iter().enumerate() {
                assert!(cell.x + cell.width <= size.width);
                assert!(all[place + 1..].iter().all(|other| cell.intersection(other).is_none()));
            }
        }
    }
}
