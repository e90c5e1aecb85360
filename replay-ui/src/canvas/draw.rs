//! What every canvas draws with: labels and pieces of lines.

use iced::widget::canvas::{Frame, LineDash, Path, Stroke, Text};
use iced::{Color, Pixels, Point, Rectangle, Renderer, Size, alignment};
pub(crate) use revacnn_notebook::look::{axis_number, count, number, ticks};
use revacnn_schemas::Hue;

use crate::look::{FONT, Look, SMALL};

/// Where a label lies about its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
    Right,
}

/// Writes a line of small text, vertically about the point.
pub(crate) fn label(frame: &mut Frame<Renderer>, text: impl Into<String>, at: Point, color: Color, align: Align) {
    frame.fill_text(Text {
        content: text.into(),
        position: at,
        color,
        size: Pixels(SMALL),
        font: FONT,
        align_x: match align {
            Align::Left => alignment::Horizontal::Left.into(),
            Align::Middle => alignment::Horizontal::Center.into(),
            Align::Right => alignment::Horizontal::Right.into(),
        },
        align_y: alignment::Vertical::Center,
        ..Text::default()
    });
}

/// A dotted outline where a filter of another branch would be.
pub(crate) fn gap(frame: &mut Frame<Renderer>, at: Rectangle, look: &Look) {
    let line_dash = LineDash { segments: &[2.0, 3.0], offset: 0 };
    let dotted = Stroke { line_dash, ..Stroke::default().with_color(look.faint).with_width(1.0) };
    frame.stroke(&Path::rectangle(at.position(), at.size()), dotted);
}

/// A piece of a branch's line from a point to the right.
pub(crate) fn swatch(frame: &mut Frame<Renderer>, at: Point, hue: Hue, look: &Look) {
    for [from, to] in Look::strokes(hue) {
        frame.fill_rectangle(Point::new(at.x + from, at.y - 2.0), Size::new(to - from, 4.0), look.branch(hue));
    }
}

/// A thin line along the upper edge: what is shown here is being made anew.
pub(crate) fn under_way(frame: &mut Frame<Renderer>, look: &Look) {
    frame.fill_rectangle(Point::ORIGIN, Size::new(frame.width(), 2.0), look.accent);
}
