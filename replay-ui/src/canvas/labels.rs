//! What every canvas draws with: labels, numbers, ticks.

use iced::widget::canvas::{Frame, LineDash, Path, Stroke, Text};
use iced::{Color, Pixels, Point, Rectangle, Renderer, Size, alignment};
pub(crate) use revacnn_notebook::count;
use revacnn_schemas::Hue;

use crate::theme::{Colours, FONT, SMALL};

/// Where a label lies about its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextAlign {
    Left,
    Middle,
    Right,
}

/// Writes a line of small text, vertically about the point.
pub(crate) fn label(frame: &mut Frame<Renderer>, text: impl Into<String>, at: Point, color: Color, align: TextAlign) {
    frame.fill_text(Text {
        content: text.into(),
        position: at,
        color,
        size: Pixels(SMALL),
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

/// A dotted outline where a filter of another branch would be.
pub(crate) fn gap(frame: &mut Frame<Renderer>, at: Rectangle, colours: &Colours) {
    let line_dash = LineDash { segments: &[2.0, 3.0], offset: 0 };
    let dotted = Stroke { line_dash, ..Stroke::default().with_color(colours.faint).with_width(1.0) };
    frame.stroke(&Path::rectangle(at.position(), at.size()), dotted);
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

/// A number with four significant digits, without needless zeros.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let before = if size < 1.0 { 1 } else { size.log10() as usize + 1 };
    format!("{value:.*}", 4_usize.saturating_sub(before).min(4))
}

/// Round values between two ends, about `wanted` of them.
pub(crate) fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let width = high - low;
    if width <= 0.0 || !width.is_finite() || wanted == 0 {
        return Vec::new();
    }
    let rough = width / wanted as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let stride = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|stride| *stride >= rough);
    let stride = stride.unwrap_or(rough);
    let first = (low / stride).ceil() as i64;
    let last = (high / stride).floor() as i64;
    (first..=last).map(|place| place as f64 * stride).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_four_digits() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.1234567, "0.123"),
            (1.5, "1.500"),
            (123.456, "123.5"),
            (99999.0, "99999"),
            (1.5e-6, "1.50e-6"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(
            (count(0), count(999), count(22_466), count(1_000_000)),
            ("0".into(), "999".into(), "22,466".into(), "1,000,000".into())
        );
    }

    #[test]
    fn ticks_are_round_and_within_their_ends() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert!(ticks(0.13, 2.9, 4).iter().all(|tick| (0.13..=2.9).contains(tick)));
        assert!(ticks(1.0, 1.0, 4).is_empty() && ticks(0.0, f64::INFINITY, 4).is_empty());
    }
}
