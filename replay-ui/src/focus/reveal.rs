//! Scrolling to what has the focus.

use iced::advanced::widget::Id;
use iced::advanced::widget::operation::scrollable::AbsoluteOffset;
use iced::advanced::widget::operation::{self, Focusable, Operation, Outcome, Scrollable};
use iced::{Rectangle, Vector};

/// What is left above or beneath what has been scrolled to.
const ROOM: f32 = 12.0;

/// Scrolls so that what has the focus is seen.
pub(crate) fn reveal<T: Send + 'static>() -> impl Operation<T> {
    operation::then(Find::default(), |found| Reveal { found, place: 0 })
}

/// How far something that scrolls is to be scrolled, by its place among all such.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hidden {
    place: usize,
    by: f32,
}

/// Something that scrolls: its place among all such, its bounds, how far it is scrolled.
#[derive(Debug, Clone, Copy)]
struct Around {
    place: usize,
    bounds: Rectangle,
    translation: Vector,
}

/// Finds what has the focus, and what scrolls about it.
#[derive(Default)]
struct Find {
    next: usize,
    entered: Option<Around>,
    around: Vec<Around>,
    found: Option<Hidden>,
}

impl Operation<Option<Hidden>> for Find {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<Option<Hidden>>)) {
        let depth = self.around.len();
        self.around.extend(self.entered.take());
        operate(self);
        self.around.truncate(depth);
    }

    fn container(&mut self, _: Option<&Id>, _: Rectangle) {
        self.entered = None;
    }

    fn scrollable(
        &mut self,
        _: Option<&Id>,
        bounds: Rectangle,
        _: Rectangle,
        translation: Vector,
        _: &mut dyn Scrollable,
    ) {
        self.entered = Some(Around { place: self.next, bounds, translation });
        self.next += 1;
    }

    fn focusable(&mut self, _: Option<&Id>, bounds: Rectangle, state: &mut dyn Focusable) {
        if let (true, Some(around)) = (state.is_focused(), self.around.last()) {
            let by = beyond(bounds, *around);
            self.found = (by != 0.0).then_some(Hidden { place: around.place, by });
        }
    }

    fn finish(&self) -> Outcome<Option<Hidden>> {
        Outcome::Some(self.found)
    }
}

/// How far something is to be scrolled down for what is in it to be seen.
fn beyond(of: Rectangle, around: Around) -> f32 {
    let (top, bottom) = (of.y - around.translation.y, of.y + of.height - around.translation.y);
    let end = around.bounds.y + around.bounds.height;
    match () {
        () if top < around.bounds.y => top - around.bounds.y - ROOM,
        () if bottom > end => bottom - end + ROOM,
        () => 0.0,
    }
}

struct Reveal {
    found: Option<Hidden>,
    place: usize,
}

impl<T> Operation<T> for Reveal {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<T>)) {
        operate(self);
    }

    fn scrollable(
        &mut self,
        _: Option<&Id>,
        bounds: Rectangle,
        content: Rectangle,
        _: Vector,
        state: &mut dyn Scrollable,
    ) {
        if let Some(found) = self.found.filter(|found| found.place == self.place) {
            state.scroll_by(AbsoluteOffset { x: 0.0, y: found.by }, bounds, content);
        }
        self.place += 1;
    }
}

/// Where what has the focus is, as it is seen.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Focused {
    entered: Option<Vector>,
    moved: Vector,
    pub(crate) at: Option<Rectangle>,
}

#[cfg(test)]
impl Operation for Focused {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
        let before = self.moved;
        self.moved += self.entered.take().unwrap_or_default();
        operate(self);
        self.moved = before;
    }

    fn container(&mut self, _: Option<&Id>, _: Rectangle) {
        self.entered = None;
    }

    fn scrollable(&mut self, _: Option<&Id>, _: Rectangle, _: Rectangle, translation: Vector, _: &mut dyn Scrollable) {
        self.entered = Some(translation);
    }

    fn focusable(&mut self, _: Option<&Id>, bounds: Rectangle, state: &mut dyn Focusable) {
        if state.is_focused() {
            self.at = Some(bounds - self.moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_an_edge_is_scrolled_to_with_some_room() {
        let bounds = Rectangle { x: 0.0, y: 100.0, width: 200.0, height: 300.0 };
        let around = |down: f32| Around { place: 0, bounds, translation: Vector::new(0.0, down) };
        let at = |y: f32| Rectangle { x: 0.0, y, width: 50.0, height: 20.0 };
        assert_eq!(beyond(at(200.0), around(0.0)), 0.0);
        assert_eq!(beyond(at(390.0), around(0.0)), 10.0 + ROOM);
        assert_eq!(beyond(at(500.0), around(150.0)), 0.0);
        assert_eq!(beyond(at(200.0), around(150.0)), -50.0 - ROOM);
    }
}
