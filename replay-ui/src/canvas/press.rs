//! The left button of the mouse: which press is a second one, and which a drag.

use iced::advanced::mouse::click::{Click, Kind};
use iced::{Point, mouse};

/// A pointer that moves less far presses, and does not drag.
const STILL: f32 = 3.0;

/// The last press, by which a second one is known.
#[derive(Debug, Default)]
pub(crate) struct Presses(Option<Click>);

impl Presses {
    /// Whether a press here and now is the second of two.
    pub(crate) fn is_second(&mut self, at: Point) -> bool {
        let click = Click::new(at, mouse::Button::Left, self.0);
        self.0 = Some(click);
        click.kind() == Kind::Double
    }
}

/// The button, held down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drag {
    from: Point,
    /// Where the pointer was last.
    last: Point,
    /// Whether it has moved what is seen.
    pub(crate) moved: bool,
}

impl Drag {
    /// Pressed here.
    pub(crate) fn at(at: Point) -> Self {
        Self { from: at, last: at, moved: false }
    }

    /// How far what is seen moves with the pointer; `None` while it has hardly moved.
    pub(crate) fn follow(&mut self, to: Point) -> Option<[f32; 2]> {
        self.moved |= self.from.distance(to) > STILL;
        let by = self.moved.then_some([to.x - self.last.x, to.y - self.last.y])?;
        self.last = to;
        Some(by)
    }
}
