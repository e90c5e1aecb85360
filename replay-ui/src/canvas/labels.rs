//! What every canvas draws with: labels and pieces of lines.

use iced::widget::canvas::{Frame, Text};
use iced::{Color, Pixels, Point, Renderer, Size, alignment};
pub(crate) use revacnn_notebook::look::{count, number, ticks};
pub(crate) use revacnn_notebook::scene::Align as TextAlign;
use revacnn_schemas::Hue;

use crate::theme::{Colours, FONT, SMALL};

/// Writes a line of small text, vertically about the point.
pub(crate) fn label(frame: &mut Frame<Renderer>, text: impl Into<String>, at: Point, color: Color, align: TextAlign) {
    write(frame, text, (at, align), (SMALL, color));
}

/// Writes a line of text of a size.
pub(super) fn write(
    frame: &mut Frame<Renderer>,
    text: impl Into<String>,
    (at, align): (Point, TextAlign),
    (size, color): (f32, Color),
) {
    frame.fill_text(Text {
        content: text.into(),
        position: at,
        color,
        size: Pixels(size),
        font: FONT,
        align_x: match align {
            TextAlign::Left => alignment::Horizontal::Left.into(),
            TextAlign::Middle => alignment::Horizontal::Center.into(),
            TextAlign::Right => alignment::Horizontal::Right.into(),
        },
        align_y: alignment::Vertical::Center,
        ..Text::default()
    });
}

/// A piece of a branch's line from a point to the right.
pub(crate) fn swatch(frame: &mut Frame<Renderer>, at: Point, hue: Hue, colours: &Colours) {
    for [from, to] in Colours::strokes(hue) {
        frame.fill_rectangle(Point::new(at.x + from, at.y - 2.0), Size::new(to - from, 4.0), colours.branch(hue));
    }
}

/// A thin line along the upper edge: what is shown here is being made anew.
pub(crate) fn under_way(frame: &mut Frame<Renderer>, colours: &Colours) {
    frame.fill_rectangle(Point::ORIGIN, Size::new(frame.width(), 2.0), colours.accent);
}
